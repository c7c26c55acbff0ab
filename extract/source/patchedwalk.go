package source

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/hotfixkit/hotfixkit/internal/delta"
)

// What deltas may take of the memory, in bytes. An old file that is larger than
// delta.MaxOldSize has no delta that can be applied.
const (
	// memoryForDeltas is kept of deltas in one pass over the packages. More deltas
	// wait for another pass.
	memoryForDeltas = 32 << 20
	maxDelta        = 2 * delta.MaxOldSize
	// memoryForOldFiles is for all files that are read side by side to be patched.
	memoryForOldFiles = 4 * delta.MaxOldSize
	workersForDeltas  = 2
)

// walk implements reader.
func (r *patchedReader) walk(ctx context.Context, w *walk) error {
	files, err := r.available(ctx, w)
	if err != nil {
		return err
	}
	for _, files := range r.passes(files) {
		pass := &patchPass{walk: w, of: r, wanted: map[*Package]*wishes{}, held: NewBudget(memoryForOldFiles)}
		if err := pass.run(ctx, files); err != nil {
			return err
		}
	}
	return nil
}

// available returns the files that can be had, as far as that is known before the
// first byte is read. The others are an error or, when the walk keeps going, lost.
func (r *patchedReader) available(ctx context.Context, w *walk) ([]*File, error) {
	var files, before []*File
	for _, f := range w.options.Files {
		o := r.originOf(f)
		err := o.err
		if err != nil && !w.options.KeepGoing {
			return nil, w.p.errorAt(f.Path(), err)
		}
		if err != nil {
			if err := w.giveUp(f, err); err != nil {
				return nil, err
			}
			continue
		}
		files = append(files, f)
		if o.usesBase() {
			before = append(before, o.base)
		}
	}
	base := r.base.reader.(*databaseReader)
	if lost := base.locate(ctx, before).lost; len(lost) > 0 && !w.options.KeepGoing {
		return nil, r.base.errorsOf(lost)
	}
	return files, nil
}

// passes cuts a list of files where the deltas that they need exceed the memory
// for them.
func (r *patchedReader) passes(files []*File) [][]*File {
	first := []*File{}
	passes := [][]*File{}
	var kept int64
	var current []*File
	for _, f := range files {
		o := r.originOf(f)
		if len(o.deltas) == 0 {
			first = append(first, f)
			continue
		}
		size := o.memory()
		if kept+size > r.memory && len(current) > 0 {
			passes = append(passes, current)
			current, kept = nil, 0
		}
		current = append(current, f)
		kept += size
	}
	passes = append(passes, current)
	passes[0] = append(first, passes[0]...)
	return passes
}

// memory is the size of what is kept of patches to make the file.
func (o *origin) memory() int64 {
	var size int64
	for _, part := range o.deltas {
		size += part.file.Size
	}
	if o.whole != nil {
		size += o.whole.file.Size
	}
	return size
}

// A patchPass goes once over the patches, for whole files and deltas, and then
// over the package as it was.
type patchPass struct {
	*walk
	of     *patchedReader
	order  []*Package
	wanted map[*Package]*wishes
	jobs   []*deltaJob

	making sync.Mutex // held while a file is made: one at a time
	held   *Budget    // of old files
}

// wishes are what a pass wants of one package.
type wishes struct {
	files []*File
	sinks map[*File]func(Stored) (Sink, error)
}

func (pass *patchPass) want(from part, sink func(Stored) (Sink, error)) {
	w := pass.wanted[from.of]
	if w == nil {
		w = &wishes{sinks: map[*File]func(Stored) (Sink, error){}}
		pass.wanted[from.of] = w
		pass.order = append(pass.order, from.of)
	}
	w.files = append(w.files, from.file)
	w.sinks[from.file] = sink
}

func (pass *patchPass) run(ctx context.Context, files []*File) error {
	for _, f := range files {
		pass.plan(f, pass.of.originOf(f))
	}
	for _, of := range pass.order {
		if of == pass.of.base {
			continue
		}
		if err := pass.over(ctx, of); err != nil {
			return err
		}
	}
	for _, j := range pass.jobs {
		if j.old != nil {
			if err := j.makeOf(j.old.data, j.old.lost); err != nil {
				return err
			}
		}
	}
	return pass.over(ctx, pass.of.base)
}

// plan books where the bytes of a file come from.
func (pass *patchPass) plan(f *File, o *origin) {
	base := part{pass.of.base, o.base}
	switch {
	case o.patch == nil:
		pass.want(base, func(s Stored) (Sink, error) { return pass.unchanged(f, o.base, s) })
		return
	case len(o.deltas) == 0:
		pass.want(*o.whole, func(s Stored) (Sink, error) {
			return pass.sink(f, s, expectation{size: s.Size, claimed: f.Size, digests: f.digests(), version: f.Version()})
		})
		return
	}
	j := &deltaJob{pass: pass, file: f, origin: o}
	pass.jobs = append(pass.jobs, j)
	for _, from := range o.deltas {
		member := &keptMember{limit: maxDelta}
		j.deltas = append(j.deltas, member)
		pass.want(from, func(s Stored) (Sink, error) {
			member.stored = s
			return member, nil
		})
	}
	if o.whole != nil {
		j.old = &keptMember{limit: delta.MaxOldSize}
		pass.want(*o.whole, func(Stored) (Sink, error) { return j.old, nil })
		return
	}
	pass.want(base, func(Stored) (Sink, error) { return &oldFile{job: j}, nil })
}

// over walks over one of the packages that the patched one is made of.
func (pass *patchPass) over(ctx context.Context, of *Package) error {
	wanted := pass.wanted[of]
	if wanted == nil {
		return nil
	}
	o := pass.options
	o.Files = wanted.files
	o.Budget = pass.budget
	if len(pass.jobs) > 0 {
		o.Workers = min(o.Workers, workersForDeltas)
		o.prompt = true // old files take memory until they are closed
	}
	err := of.Walk(ctx, func(f *File, s Stored) (Sink, error) { return wanted.sinks[f](s) }, o)
	if pass.halted() != nil || ctx.Err() != nil || !pass.options.KeepGoing {
		return err
	}
	return nil // the sinks know what was lost
}

// unchanged passes on a file that no patch touches. Its bytes were checked
// against the rows of the package before; they are checked again where these
// rows have changed.
func (pass *patchPass) unchanged(f, base *File, stored Stored) (Sink, error) {
	e := expectation{size: -1, claimed: -1}
	if f.Size != base.Size {
		e.claimed, e.mustClaim = f.Size, true
	}
	now, hashed := f.MD5()
	if before, had := base.MD5(); hashed && (!had || now != before) {
		e.digests = f.digests()
	}
	return pass.sink(f, stored, e)
}

// A keptMember takes a member of a patch's cabinet that a file is made of.
type keptMember struct {
	limit  int64
	stored Stored
	data   []byte
	lost   error
}

func (k *keptMember) Write(p []byte) (int, error) {
	if k.lost == nil && int64(len(k.data)+len(p)) > k.limit {
		k.data, k.lost = nil, fmt.Errorf("%w: more than %d bytes; no delta is that large, and no file that one applies to", ErrLimit, k.limit)
	}
	if k.lost == nil {
		k.data = append(k.data, p...)
	}
	return len(p), nil
}

func (k *keptMember) Close(cause error) error {
	if cause != nil {
		k.data, k.lost = nil, cause
	}
	return nil
}

// A deltaJob makes one file out of an old one and deltas.
type deltaJob struct {
	pass   *patchPass
	file   *File
	origin *origin
	old    *keptMember // the old file, when a patch has it; else the package does
	deltas []*keptMember
}

// makeOf applies the deltas to the old file, unless that is lost, and delivers the
// result.
func (j *deltaJob) makeOf(old []byte, lost error) error {
	j.pass.making.Lock()
	defer j.pass.making.Unlock()
	content, patched, err := j.content(old, lost)
	if err != nil {
		if j.pass.options.KeepGoing {
			return j.pass.giveUp(j.file, err)
		}
		return j.pass.p.errorAt(j.file.Path(), err)
	}
	stored := Stored{Modified: j.deltas[len(j.deltas)-1].stored.Modified, Size: int64(len(content))}
	expect := expectation{size: int64(len(content)), claimed: -1}
	if patched {
		expect = expectation{size: int64(len(content)), claimed: j.file.Size, mustClaim: true, digests: j.file.digests(), version: j.file.Version()}
	}
	sink, err := j.pass.sink(j.file, stored, expect)
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

// content applies the deltas. patched is false where all were passed over, so that the
// old file stays.
func (j *deltaJob) content(old []byte, lost error) (content []byte, patched bool, err error) {
	if lost != nil {
		return nil, false, lost
	}
	var deltas [][]byte
	for _, d := range j.deltas {
		if d.lost != nil {
			return nil, false, d.lost
		}
		deltas = append(deltas, d.data)
	}
	content, skipped, err := j.origin.patch.Finish(old, deltas)
	if err != nil {
		return nil, false, err
	}
	for _, s := range skipped {
		j.pass.p.warn("%s: an optional delta is passed over: %s", j.file.Path(), s)
	}
	return content, len(skipped) < len(deltas), nil
}

// An oldFile takes the bytes of a file of the package that deltas apply to. Only
// when it is whole the new file is made.
type oldFile struct {
	job  *deltaJob
	data []byte
	lost error
}

func (o *oldFile) Write(p []byte) (int, error) {
	if o.lost == nil && len(o.data)+len(p) > delta.MaxOldSize {
		o.fail(fmt.Errorf("%w: the deltas of files above %d bytes are interleaved", delta.ErrAlgorithm, delta.MaxOldSize))
	}
	if o.lost == nil && o.job.pass.held.Spend(int64(len(p))) != nil {
		o.fail(fmt.Errorf("%w: more than %d bytes of files to be patched lie side by side", ErrLimit, memoryForOldFiles))
	}
	if o.lost == nil {
		o.data = append(o.data, p...)
	}
	return len(p), nil
}

func (o *oldFile) fail(err error) {
	o.job.pass.held.giveBack(int64(len(o.data)))
	o.data, o.lost = nil, err
}

func (o *oldFile) Close(cause error) error {
	if cause != nil {
		o.fail(cause)
	}
	err := o.job.makeOf(o.data, o.lost)
	o.job.pass.held.giveBack(int64(len(o.data)))
	o.data = nil
	if cause != nil && errors.Is(err, cause) {
		return nil // whoever closed it knows
	}
	return err
}
