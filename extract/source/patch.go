package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/hotfixkit/hotfixkit/manifest/pe"
	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msi/cab"
	"github.com/hotfixkit/hotfixkit/msp"
)

// A patching is what a patched package has in place of entries of its own: the
// package as it was and the patches, whose files it is made of.
type patching struct {
	base    *Package
	patches map[*msp.Patch]*Package
	plan    *msp.Plan
	origins map[*File]origin
}

// An origin says where the bytes of a file of a patched package come from.
type origin struct {
	base  *File     // the file before the patches; nil for one that they add
	patch *msp.File // what the patches do to it; nil: nothing
}

// applyPatches returns the package that patches make of base. It takes base and
// closes it with the result, or on failure.
func applyPatches(base *Package, refs []string, patches []*Package) (*Package, error) {
	p := &Package{
		ref:      base.ref,
		name:     base.name,
		folder:   base.folder,
		modified: base.modified,
		kind:     base.kind,
		content:  shared{base.content},
		options:  base.options,
		budget:   base.budget,
		patched:  &patching{base: base, patches: map[*msp.Patch]*Package{}, origins: map[*File]origin{}},
	}
	fail := func(err error) (*Package, error) {
		for _, patch := range patches {
			_ = patch.Close() // the first error says more
		}
		_ = base.Close()
		return nil, err
	}
	if base.kind != MSI {
		return fail(base.errorAt("", fmt.Errorf("%w: patches apply to installation packages, not to a package of the kind %s", ErrKind, base.kind)))
	}
	for _, ref := range refs {
		patch, err := Open(ref, Options{CabCodePage: base.options.CabCodePage, MaxBytes: base.options.MaxBytes})
		if err != nil {
			return fail(err)
		}
		patches = append(patches, patch)
	}
	var list []*msp.Patch
	for _, patch := range patches {
		if patch.msp == nil {
			return fail(patch.errorAt("", fmt.Errorf("%w: it is of the kind %s, not a patch", ErrKind, patch.kind)))
		}
		list = append(list, patch.msp)
		p.patched.patches[patch.msp] = patch
	}
	plan, err := msp.Apply(base.db, list...)
	if err != nil {
		return fail(base.errorAt("", err))
	}
	p.patched.plan, p.db = plan, plan.Database
	if err := p.listPatched(); err != nil {
		return fail(base.errorAt("", err))
	}
	return p, nil
}

// shared is the content of another package, which closes it.
type shared struct{ content }

func (shared) Close() error { return nil }

// listPatched lists the files that the patched tables name.
func (p *Package) listPatched() error {
	plan := p.patched.plan
	model, err := plan.Full.Model()
	if err != nil {
		return err
	}
	p.model = model
	p.warnings = slices.Concat(p.patched.base.warnings, plan.Warnings)
	for _, warning := range model.Warnings {
		p.warn("%s", warning)
	}
	for _, s := range plan.Skipped {
		p.warn("the patch %s is not applied: %s", s.Patch.Name(), s.Reason)
	}
	before := map[string]*File{}
	for f := range p.patched.base.entries {
		before[f.Key] = f
	}
	p.listFiles(model, func(m *msi.File, f *File) {
		o := origin{base: before[m.Key], patch: plan.Files[m.Key]}
		p.patched.origins[f] = o
		switch {
		case o.patch != nil && o.patch.Whole != nil:
			f.Cabinet = "#" + o.patch.Whole.Cabinet.Stream
		case o.base != nil:
			f.Cabinet = o.base.Cabinet
		}
	})
	return nil
}

// onlyPatched leaves the files that the patches deliver, and makes the package
// the one of the patch.
func (p *Package) onlyPatched(patch *Package) {
	touched := func(f *File) bool { return p.patched.origins[f].patch != nil }
	p.ref, p.name, p.folder, p.modified, p.kind = patch.ref, patch.name, patch.folder, patch.modified, MSP
	p.files = slices.DeleteFunc(p.files, func(f *File) bool { return !touched(f) })
	p.leftOut = slices.DeleteFunc(p.leftOut, func(l LeftOut) bool { return !touched(l.File) })
}

// Plan returns what the patches of Options.Patches make of the package; nil
// without patches.
func (p *Package) Plan() *msp.Plan {
	if p.patched == nil {
		return nil
	}
	return p.patched.plan
}

func (d *patching) close() error {
	var errs []error
	for _, patch := range d.patches {
		errs = append(errs, patch.Close())
	}
	return errors.Join(append(errs, d.base.Close())...)
}

// patched walks over the files of a patched package: first over the patches,
// which gives whole files and deltas, then over the package as it was.
func (w *walk) patched(ctx context.Context) error {
	d := &patchedWalk{walk: w, wanted: map[*Package]map[*File]func() (cab.Sink, error){}}
	defer d.close()
	if err := d.plan(); err != nil {
		return err
	}
	base := w.p.patched.base
	for _, a := range w.p.patched.plan.Applied {
		if err := d.over(ctx, w.p.patched.patches[a.Patch]); err != nil {
			return err
		}
	}
	for _, j := range d.jobs {
		if j.old != nil {
			if err := j.finishWhole(); err != nil {
				return err
			}
		}
	}
	return d.over(ctx, base)
}

// A patchedWalk is what one walk wants of the packages around it.
type patchedWalk struct {
	*walk
	order  []wish
	wanted map[*Package]map[*File]func() (cab.Sink, error)
	jobs   []*deltaJob
}

type wish struct {
	of   *Package
	file *File
}

// A deltaJob makes one file out of an old one and deltas.
type deltaJob struct {
	walk   *walk
	file   *File
	base   *File // the old file in the package; nil when a patch has it
	patch  *msp.File
	old    *blob // the old file, when a patch has it
	deltas []*blob
}

func (d *patchedWalk) want(of *Package, f *File, sink func() (cab.Sink, error)) {
	if d.wanted[of] == nil {
		d.wanted[of] = map[*File]func() (cab.Sink, error){}
	}
	d.wanted[of][f] = sink
	d.order = append(d.order, wish{of, f})
}

// files returns what is wanted of a package.
func (d *patchedWalk) files(of *Package) []*File {
	files := []*File{}
	for _, w := range d.order {
		if w.of == of {
			files = append(files, w.file)
		}
	}
	return files
}

// plan finds all files before the first byte is read.
func (d *patchedWalk) plan() error {
	d.p.planning.Lock()
	defer d.p.planning.Unlock()
	for _, f := range d.options.Files {
		if err := d.locate(f); err != nil {
			return err
		}
	}
	base := d.p.patched.base
	if lost := base.locate(d.files(base)).lost; len(lost) > 0 && !d.options.KeepGoing {
		return base.errorsOf(lost)
	}
	for _, f := range d.options.Files {
		if o := d.p.patched.origins[f]; o.patch == nil && o.base != nil {
			f.Modified = o.base.Modified
		}
	}
	return nil
}

// locate books where the bytes of a file come from.
func (d *patchedWalk) locate(f *File) error {
	p := d.p
	o, ok := p.patched.origins[f]
	switch {
	case !ok || o.patch == nil && o.base == nil:
		return d.unavailable(f, fmt.Errorf("%w: neither the package nor a patch holds it", ErrMissing))
	case o.patch == nil:
		d.want(p.patched.base, o.base, func() (cab.Sink, error) { return d.unchanged(f, o.base) })
		return nil
	case len(o.patch.Deltas) == 0:
		of, member, err := p.patched.member(o.patch.Whole)
		if err != nil {
			return d.unavailable(f, err)
		}
		f.Modified = member.Modified
		d.want(of, member, func() (cab.Sink, error) { return d.sink(f, true) })
		return nil
	}
	return d.locateDeltas(f, o)
}

func (d *patchedWalk) locateDeltas(f *File, o origin) error {
	p := d.p
	j := &deltaJob{walk: d.walk, file: f, base: o.base, patch: o.patch}
	d.jobs = append(d.jobs, j)
	capture := func(m *msp.Member) (*blob, error) {
		of, member, err := p.patched.member(m)
		if err != nil {
			return nil, err
		}
		b, err := newBlob(p.budget, member.Size, p.innerLimit())
		if err != nil {
			return nil, err
		}
		f.Modified = member.Modified
		d.want(of, member, func() (cab.Sink, error) { return blobSink{b}, nil })
		return b, nil
	}
	for _, m := range o.patch.Deltas {
		b, err := capture(m)
		if err != nil {
			return d.unavailable(f, err)
		}
		j.deltas = append(j.deltas, b)
	}
	if o.patch.Whole != nil {
		var err error
		if j.old, err = capture(o.patch.Whole); err != nil {
			return d.unavailable(f, err)
		}
		return nil
	}
	if o.base == nil {
		return d.unavailable(f, fmt.Errorf("%w: the package lacks the file that the patch is a delta to", ErrMissing))
	}
	d.want(p.patched.base, o.base, func() (cab.Sink, error) { return &oldFile{job: j}, nil })
	return nil
}

// unavailable reports a file that cannot be had.
func (d *patchedWalk) unavailable(f *File, err error) error {
	if d.options.KeepGoing {
		return d.giveUp(f, err)
	}
	return d.p.errorAt(f.Path, err)
}

// member finds a member of a patch among its files.
func (d *patching) member(m *msp.Member) (*Package, *File, error) {
	of := d.patches[m.Cabinet.Patch]
	n := 0
	for _, f := range of.files {
		if f.Cabinet == "#"+m.Cabinet.Stream && f.Key == m.Key {
			if n == m.Occurrence {
				return of, f, nil
			}
			n++
		}
	}
	return nil, nil, of.errorAt(m.Cabinet.Stream, fmt.Errorf("%w: the cabinet has no member %q", ErrMissing, m.Key))
}

// over walks over one of the packages that the patched one is made of.
func (d *patchedWalk) over(ctx context.Context, of *Package) error {
	files := d.files(of)
	if len(files) == 0 {
		return nil
	}
	o := d.options
	o.Files = files
	wanted := d.wanted[of]
	err := of.Walk(ctx, func(f *File) (cab.Sink, error) { return wanted[f]() }, o)
	if d.halted() != nil || ctx.Err() != nil || !d.options.KeepGoing {
		return err
	}
	return nil // the sinks know what was lost
}

// unchanged passes on a file that no patch touches. Its bytes were checked
// against the rows of the package before; they are checked again where these
// rows have changed.
func (d *patchedWalk) unchanged(f, base *File) (cab.Sink, error) {
	sink, err := d.sink(f, f.Size != base.Size)
	if c, ok := sink.(*checked); ok && c.hash != nil && base.MD5 != nil && *f.MD5 == *base.MD5 {
		c.hash = nil
	}
	return sink, err
}

func (d *patchedWalk) close() {
	for _, j := range d.jobs {
		for _, b := range append(j.deltas, j.old) {
			if b != nil {
				_ = b.Close() // of no use any more, however it ends
			}
		}
	}
}

// An oldFile takes the bytes of a file that deltas apply to. Only when it is
// whole the new file is made.
type oldFile struct {
	job  *deltaJob
	data []byte
}

func (o *oldFile) Write(p []byte) (int, error) {
	o.data = append(o.data, p...)
	return len(p), nil
}

func (o *oldFile) Close(cause error) error {
	if cause != nil {
		return o.job.walk.giveUp(o.job.file, cause)
	}
	return o.job.finish(o.data)
}

// finishWhole makes the file when a patch holds the old one, too.
func (j *deltaJob) finishWhole() error {
	old, err := j.old.bytes()
	if err != nil {
		return j.fail(err)
	}
	return j.finish(old)
}

// finish applies the deltas and delivers the result.
func (j *deltaJob) finish(old []byte) error {
	var deltas [][]byte
	for _, b := range j.deltas {
		data, err := b.bytes()
		if err != nil {
			return j.fail(err)
		}
		deltas = append(deltas, data)
	}
	content, skipped, err := j.patch.Finish(old, deltas)
	if err != nil {
		return j.fail(err)
	}
	for _, s := range skipped {
		j.walk.p.warn("%s: an optional delta is passed over: %s", j.file.Path, s)
	}
	sink, err := j.walk.sink(j.file, true)
	if err != nil || sink == nil {
		return err
	}
	const piece = 128 << 10
	for part := range slices.Chunk(content, piece) {
		if _, err := sink.Write(part); err != nil {
			return errors.Join(err, sink.Close(err))
		}
	}
	return sink.Close(nil)
}

func (j *deltaJob) fail(err error) error {
	if j.walk.options.KeepGoing {
		return j.walk.giveUp(j.file, err)
	}
	return j.walk.p.errorAt(j.file.Path, err)
}

// bytes returns all bytes of a blob that was ended whole.
func (b *blob) bytes() ([]byte, error) {
	if err := b.result(); err != nil {
		return nil, err
	}
	if b.file == nil {
		return b.memory, nil
	}
	data := make([]byte, b.size)
	_, err := io.ReadFull(io.NewSectionReader(b, 0, b.size), data)
	return data, err
}

// checkVersion compares the version of an executable with that of the File table,
// as Windows Installer does for files that have no MsiFileHash row. A row may
// hold the key of a companion file instead of a version, and versions of files
// that are no executables; these are not compared.
func checkVersion(c *pe.Collector, want string) error {
	number, ok := parseVersion(want)
	if !ok {
		return nil
	}
	info, err := c.Finish()
	if err != nil {
		return nil // not an executable, or one whose resources cannot be read
	}
	found := ""
	for _, v := range info.Versions {
		if v.Fixed == nil {
			continue
		}
		if v.Fixed.File == number {
			return nil
		}
		found = v.Fixed.File.String()
	}
	if found == "" {
		return nil
	}
	return fmt.Errorf("%w: its version is %s, the File table says %s", ErrMismatch, found, want)
}

// parseVersion reads a version of one to four numbers.
func parseVersion(text string) (n pe.Number, ok bool) {
	parts := strings.Split(text, ".")
	if len(parts) > len(n) {
		return n, false
	}
	for i, part := range parts {
		v, err := strconv.ParseUint(part, 10, 16)
		if err != nil {
			return n, false
		}
		n[i] = uint16(v)
	}
	return n, true
}
