package source

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hotfixkit/hotfixkit/manifest/pe"
	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msp"
)

// A patching is what a patched package has in place of entries of its own: the
// package as it was and the patches, whose files it is made of.
type patching struct {
	base    *Package
	patches map[*msp.Patch]*Package
	plan    *msp.Plan
	origins map[*File]*origin
	memory  int64 // memoryForDeltas
}

// An origin says where the bytes of a file of a patched package come from.
type origin struct {
	base   *File     // the file before the patches; nil for one that they add
	patch  *msp.File // what the patches do to it; nil: nothing
	whole  *part     // that of patch
	deltas []part    // those of patch
	err    error     // why it cannot be had
}

// A part is a file of a package that another file is made of.
type part struct {
	of   *Package
	file *File
}

// usesBase reports whether the file in the package before the patches is needed.
func (o *origin) usesBase() bool { return o.patch == nil || o.whole == nil }

// applyPatches returns the package that patches make of base. It takes base and
// closes it with the result, or on failure.
func applyPatches(ctx context.Context, base *Package, refs []string, patches []*Package) (*Package, error) {
	p := &Package{
		ref:      base.ref,
		name:     base.name,
		folder:   base.folder,
		modified: base.modified,
		kind:     base.kind,
		content:  shared{base.content},
		options:  base.options,
		budget:   base.budget,
		patched:  &patching{base: base, patches: map[*msp.Patch]*Package{}, origins: map[*File]*origin{}, memory: memoryForDeltas},
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
		patch, err := Open(ctx, ref, Options{CabCodePage: base.options.CabCodePage, MaxBytes: base.options.MaxBytes})
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
	var unfit *msp.TargetError
	switch {
	case errors.As(err, &unfit):
		return fail(base.errorAt("patch "+p.patched.patches[unfit.Patch].ref, err))
	case err != nil:
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
	for _, warning := range slices.Concat(plan.Warnings, model.Warnings) {
		p.warn("%s", warning)
	}
	for _, s := range plan.Skipped {
		p.warn("the patch %s is not applied: %s", s.Patch.Name(), s.Reason)
	}
	before := map[string]*File{}
	for f := range p.patched.base.entries {
		before[f.Key()] = f
	}
	members := p.patched.members()
	return p.listFiles(model, func(m *msi.File, f *File) {
		o := &origin{base: before[m.Key], patch: plan.Files[m.Key]}
		o.find(members)
		p.patched.origins[f] = o
		switch {
		case o.whole != nil:
			f.Cabinet = o.whole.file.Cabinet
		case o.base != nil:
			f.Cabinet = o.base.Cabinet
		}
	})
}

// A memberName names members of a patch's cabinets; there may be several of one
// name.
type memberName struct {
	patch        *msp.Patch
	cabinet, key string
}

// members returns the members of all patches by their names.
func (d *patching) members() map[memberName][]part {
	members := map[memberName][]part{}
	for patch, of := range d.patches {
		for _, f := range of.files {
			if stream, ok := strings.CutPrefix(f.Cabinet, "#"); ok {
				name := memberName{patch, stream, f.Key()}
				members[name] = append(members[name], part{of, f})
			}
		}
	}
	return members
}

// find looks for what the file is made of.
func (o *origin) find(members map[memberName][]part) {
	find := func(m *msp.Member) part {
		found := members[memberName{m.Cabinet.Patch, m.Cabinet.Stream, m.Key}]
		if m.Occurrence < len(found) {
			return found[m.Occurrence]
		}
		o.err = fmt.Errorf("%w: cabinet %q of the patch %s has no member %q for it", ErrMissing, m.Cabinet.Stream, m.Cabinet.Patch.Name(), m.Key)
		return part{}
	}
	switch {
	case o.patch == nil && o.base == nil:
		o.err = fmt.Errorf("%w: neither the package nor a patch holds it", ErrMissing)
		return
	case o.patch == nil:
		return
	case o.patch.Whole != nil:
		whole := find(o.patch.Whole)
		o.whole = &whole
	case o.base == nil:
		o.err = fmt.Errorf("%w: the package lacks the file that the patch has a delta for", ErrMissing)
	}
	for _, m := range o.patch.Deltas {
		o.deltas = append(o.deltas, find(m))
	}
	if o.err != nil {
		o.whole, o.deltas = nil, nil
	}
}

// onlyPatched leaves the files that the patches deliver, and makes the package
// the one of the patch.
func (p *Package) onlyPatched(patch *Package) {
	touched := func(f *File) bool { return p.patched.origins[f].patch != nil }
	p.ref, p.name, p.modified, p.kind = patch.ref, patch.name, patch.modified, MSP
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
