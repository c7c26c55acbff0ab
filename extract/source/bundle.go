package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/hotfixkit/hotfixkit/internal/burn"
	"github.com/hotfixkit/hotfixkit/internal/pe"
	"github.com/hotfixkit/hotfixkit/msi/cab"
)

// bundleManifest is the path of a bundle's manifest among its files.
const bundleManifest = "manifest.xml"

// A bundleReader reads a WiX Burn bundle: its manifest, the payloads in its
// containers, and those next to it.
type bundleReader struct {
	p      *Package
	bundle *burn.Bundle

	mu     sync.Mutex
	opened []io.Closer // detached containers
}

// A bundleFile is where a file of a bundle comes from.
type bundleFile struct {
	payload   *burn.Payload   // nil for the manifest
	container *burn.Container // nil for a file next to the bundle
}

func openBundle(ctx context.Context, p *Package, layout *pe.Layout) (reader, error) {
	bundle, err := burn.Open(ctx, p.content, p.content.Size(), layout)
	if err != nil {
		return nil, err
	}
	return &bundleReader{p: p, bundle: bundle}, nil
}

func (r *bundleReader) close() error {
	var errs []error
	for _, c := range r.opened {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// list lists the payloads of the containers under the containers' names, those
// next to the bundle under their own.
func (r *bundleReader) list(ctx context.Context) error {
	containers := map[string]*burn.Container{burn.ApplicationID: r.bundle.Application}
	for _, c := range r.bundle.Containers {
		containers[c.ID] = c
	}
	application, err := r.bundle.Application.Open(r.p.content)
	if err != nil {
		return err
	}
	sizes := map[string]int64{}
	for _, member := range application.Files {
		sizes[member.Name] = member.Size
	}
	places := newLocations(r.p)
	f := places.file(bundleManifest, burn.ManifestMember, int64(len(r.bundle.Raw)))
	f.stored.from = bundleFile{}
	if err := r.p.add(f); err != nil {
		return err
	}
	for _, payload := range r.bundle.Payloads {
		if err := ctx.Err(); err != nil {
			return err
		}
		c := containers[payload.Container]
		name, size := storedPath(payload.Path), payload.Size
		if c == r.bundle.Application && size < 0 {
			size = sizes[payload.Source]
		}
		if c != nil {
			name = c.ID + "/" + name
		}
		f := places.file(name, payload.ID, max(size, 0))
		f.stored.from = bundleFile{payload, c}
		if c != nil {
			f.stored.cabinet = c.ID
		}
		if err := r.p.add(f); err != nil {
			return err
		}
	}
	return nil
}

// A containerPlan is the wanted files of one container.
type containerPlan struct {
	container *burn.Container
	files     []*File
	content   io.ReaderAt // of the container
	cabinet   *cab.Cabinet
}

// walk implements reader. What is missing is known before the first byte is read.
func (r *bundleReader) walk(ctx context.Context, w *walk) error {
	var plans []*containerPlan
	byContainer := map[*burn.Container]*containerPlan{}
	outside := map[neighbours]*loosePlan{}
	var lost []lostFile
	missing := &MissingError{}
	manifest := (*File)(nil)
	for _, f := range w.options.Files {
		from := f.stored.from.(bundleFile)
		switch plan := byContainer[from.container]; {
		case from.payload == nil:
			manifest = f
		case plan != nil:
			plan.files = append(plan.files, f)
		case from.container != nil:
			plan = &containerPlan{container: from.container, files: []*File{f}}
			byContainer[from.container] = plan
			plans = append(plans, plan)
		default:
			if err := r.findOutside(f, outside, missing); err != nil {
				lost = append(lost, lostFile{f, err})
			}
		}
	}
	for _, f := range missing.Files {
		lost = append(lost, lostFile{f, missing})
	}
	var sound []*containerPlan
	for _, plan := range plans {
		if err := r.open(ctx, plan); err != nil {
			for _, f := range plan.files {
				lost = append(lost, lostFile{f, err})
			}
			continue
		}
		sound = append(sound, plan)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(lost) > 0 && !w.options.KeepGoing {
		return r.p.errorsOf(lost)
	}
	for _, l := range lost {
		if err := w.giveUp(l.file, l.err); err != nil {
			return err
		}
	}
	return r.read(ctx, w, manifest, sound, outside)
}

// findOutside finds a payload next to the bundle.
func (r *bundleReader) findOutside(f *File, outside map[neighbours]*loosePlan, missing *MissingError) error {
	payload := f.stored.from.(bundleFile).payload
	place, n, err := r.p.besidePackage(storedPath(payload.Source))
	if err != nil {
		return err
	}
	if n == nil {
		missing.Files = append(missing.Files, f)
		return nil
	}
	plan := outside[place]
	if plan == nil {
		plan = &loosePlan{place: place}
		outside[place] = plan
	}
	plan.files, plan.from = append(plan.files, f), append(plan.from, n)
	return nil
}

// open opens the container of a plan.
func (r *bundleReader) open(ctx context.Context, plan *containerPlan) (err error) {
	c := plan.container
	if c.Attached {
		plan.content = io.NewSectionReader(r.p.content, c.Offset, c.Size)
		plan.cabinet, err = c.Open(r.p.content)
		return err
	}
	place, n, err := r.p.besidePackage(storedPath(c.Path))
	if err != nil {
		return err
	}
	if n == nil {
		return &MissingError{Cabinet: c.Path, Files: plan.files}
	}
	content, err := place.open(ctx, n)
	if err != nil {
		return err
	}
	r.p.use(n)
	r.mu.Lock()
	r.opened = append(r.opened, content)
	r.mu.Unlock()
	plan.content = content
	plan.cabinet, err = cab.Open(content, content.Size(), cab.Options{Name: c.Path})
	return err
}

// read reads the containers one after the other, then what is next to the bundle.
func (r *bundleReader) read(ctx context.Context, w *walk, manifest *File, plans []*containerPlan, outside map[neighbours]*loosePlan) error {
	if manifest != nil {
		if err := r.deliverManifest(w, manifest); err != nil {
			return err
		}
	}
	var errs []error
	for _, plan := range plans {
		err := r.decode(ctx, w, plan)
		if err != nil && (!w.options.KeepGoing || ctx.Err() != nil || w.halted() != nil) {
			return err
		}
		errs = append(errs, err)
	}
	for _, place := range r.p.beside {
		if plan := outside[place]; plan != nil {
			if err := r.deliverOutside(ctx, w, plan); err != nil {
				return err
			}
		}
	}
	return errors.Join(errs...)
}

func (r *bundleReader) deliverManifest(w *walk, f *File) error {
	sink, err := w.sink(f, Stored{Modified: r.p.modified, Size: f.Size}, expectation{size: f.Size, claimed: -1})
	if err != nil || sink == nil {
		return err
	}
	_, err = sink.Write(r.bundle.Raw)
	return sink.Close(err)
}

// expect is what the manifest says about a payload.
func (p bundleFile) expect() expectation {
	e := expectation{size: p.payload.Size, claimed: -1}
	if p.payload.Algorithm != 0 {
		e.digests = []digest{{p.payload.Algorithm, p.payload.Sum}}
	}
	return e
}

// decode decodes one container and, where all its payloads are wanted, compares
// the whole with its hash.
func (r *bundleReader) decode(ctx context.Context, w *walk, plan *containerPlan) error {
	c := plan.container
	set, err := cab.NewSet([]*cab.Cabinet{plan.cabinet}, cab.SetOptions{})
	if err != nil {
		return err
	}
	bySource := map[string][]*File{}
	for _, f := range plan.files {
		source := f.stored.from.(bundleFile).payload.Source
		bySource[source] = append(bySource[source], f)
	}
	err = set.Decode(ctx, func(member *cab.File) (cab.Sink, error) {
		files := bySource[member.Name]
		delete(bySource, member.Name)
		return joinSinks(files, func(f *File) (Sink, error) {
			return w.sink(f, Stored{Modified: member.Modified(), Size: member.Size}, f.stored.from.(bundleFile).expect())
		})
	}, cab.DecodeOptions{Workers: w.options.Workers, KeepGoing: w.options.KeepGoing, Spend: w.budget.Spend})
	if err == nil {
		err = w.unread(plan.files, fmt.Errorf("%w: the container %q does not hold it", ErrMissing, c.ID))
	}
	if err != nil && w.options.KeepGoing && ctx.Err() == nil && w.halted() == nil {
		err = w.unread(plan.files, err)
	}
	if err != nil || !r.wholly(plan) {
		return err
	}
	return r.p.errorAt(c.ID, c.Check(ctx, plan.content))
}

// wholly reports whether all payloads of a container are wanted.
func (r *bundleReader) wholly(plan *containerPlan) bool {
	n := 0
	for _, payload := range r.bundle.Payloads {
		if payload.Container == plan.container.ID {
			n++
		}
	}
	return n == len(plan.files)
}

// deliverOutside reads payloads next to the bundle.
func (r *bundleReader) deliverOutside(ctx context.Context, w *walk, plan *loosePlan) error {
	deliveries := make([]delivery, len(plan.files))
	for i, f := range plan.files {
		r.p.use(plan.from[i])
		deliveries[i] = delivery{plan.from[i], func(stored Stored) (Sink, error) {
			return w.sink(f, stored, f.stored.from.(bundleFile).expect())
		}}
	}
	err := plan.place.deliver(ctx, deliveries, w.options)
	if err != nil && w.options.KeepGoing && ctx.Err() == nil && w.halted() == nil {
		return w.unread(plan.files, err)
	}
	return err
}
