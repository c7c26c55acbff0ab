package source

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msp"
)

// A patchedReader reads a package as patches make it: from the package as it was
// and the patches, whose files it is made of.
type patchedReader struct {
	*store
	p       *Package
	base    *Package
	patches map[*msp.Patch]*Package
	plan    *msp.Plan
	tables  *msi.Model
	memory  int64 // memoryForDeltas
}

func (r *patchedReader) model() *msi.Model { return r.tables }

// database returns that of the patched package.
func (r *patchedReader) database() *msi.Database { return r.plan.Database }

// originOf returns where the bytes of a file come from.
func (r *patchedReader) originOf(f *File) *origin { return f.origin }

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
		inside:   base.inside,
	}
	r := &patchedReader{p: p, base: base, patches: map[*msp.Patch]*Package{}, memory: memoryForDeltas}
	fail := func(err error) (*Package, error) {
		for _, patch := range patches {
			_ = patch.Close() // the first error says more
		}
		_ = base.Close()
		return nil, err
	}
	for _, ref := range refs {
		patch, err := Open(ctx, ref, Options{CabCodePage: base.options.CabCodePage, MaxBytes: base.options.MaxBytes, Keyring: base.options.Keyring})
		if err != nil {
			return fail(err)
		}
		patches = append(patches, patch)
	}
	if base.kind != MSI {
		return fail(base.errorAt("", misplaced(MSI, base, patches)))
	}
	var list []*msp.Patch
	for _, patch := range patches {
		one := patch.Patch()
		if one == nil {
			return fail(patch.errorAt("", misplaced(MSP, patch, nil)))
		}
		list = append(list, one)
		r.patches[one] = patch
	}
	plan, err := msp.Apply(ctx, base.Database(), list...)
	var unfit *msp.TargetError
	switch {
	case errors.As(err, &unfit):
		return fail(base.errorAt("patch "+r.patches[unfit.Patch].ref, err))
	case err != nil:
		return fail(base.errorAt("", err))
	}
	r.plan, r.store, p.reader = plan, newStore(p, plan.Database), r
	if err := r.list(ctx); err != nil {
		return fail(base.errorAt("", err))
	}
	return p, nil
}

// misplaced reports a package that is not of the kind that its role asks for. Among
// the others may be the one that belongs in its place.
func misplaced(wanted Kind, p *Package, others []*Package) error {
	e := &RoleError{Wanted: wanted, Found: p.kind}
	for _, o := range others {
		switch {
		case wanted == MSI && p.kind == MSP && o.kind == MSI:
			e.Base, e.Patch = o.ref, p.ref
		case wanted == MSP && p.kind == MSI && o.kind == MSP:
			e.Base, e.Patch = p.ref, o.ref
		}
	}
	return e
}

// shared is the content of another package, which closes it.
type shared struct{ content }

func (shared) Close() error { return nil }

// list lists the files that the patched tables name.
func (r *patchedReader) list(ctx context.Context) (err error) {
	if r.tables, err = r.plan.Full.ModelContext(ctx); err != nil {
		return err
	}
	r.media = r.tables.Media
	r.p.warnAll(r.plan.Warnings)
	r.p.warnAll(r.tables.Warnings)
	for _, s := range r.plan.Skipped {
		r.p.warn("the patch %s is not applied: %s", s.Patch.Name(), s.Reason)
	}
	before := map[string]*File{}
	for _, f := range r.base.Files() {
		before[f.Key()] = f
	}
	for _, l := range r.base.LeftOut() {
		before[l.File.Key()] = l.File
	}
	l := &modelList{p: r.p, model: r.tables, place: func(f *File) {
		key := f.Key()
		f.origin = &origin{base: before[key], patch: r.plan.Files[key]}
		r.find(f.origin)
	}}
	if err := l.check(ctx); err != nil {
		return err
	}
	l.list()
	return nil
}

// cabinet returns the cabinet that holds the file, or what it is made of.
func (o *origin) cabinet() string {
	switch {
	case o.whole != nil:
		return o.whole.file.Cabinet()
	case o.base != nil:
		return o.base.Cabinet()
	}
	return ""
}

// find looks for the files of the package and the patches that a file is made of.
func (r *patchedReader) find(o *origin) {
	find := func(m *msp.Member) part {
		if m.Content != nil {
			of := r.patches[m.Cabinet.Patch]
			return part{of, of.reader.(*patchReader).files[m.Content]}
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
func (r *patchedReader) onlyPatched(patch *Package) {
	p := r.p
	touched := func(f *File) bool { return r.originOf(f).patch != nil }
	p.ref, p.name, p.modified, p.kind = patch.ref, patch.name, patch.modified, MSP
	p.files = slices.DeleteFunc(p.files, func(f *File) bool { return !touched(f) })
	p.leftOut = slices.DeleteFunc(p.leftOut, func(l LeftOut) bool { return !touched(l.File) })
}

func (r *patchedReader) close() error {
	errs := []error{r.store.close()}
	for _, patch := range r.patches {
		errs = append(errs, patch.Close())
	}
	return errors.Join(append(errs, r.base.Close())...)
}
