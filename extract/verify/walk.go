package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/manifest"
)

// maxInner bounds how many packages inside a target are looked into.
const maxInner = 4096

// A walker reads the files of a target's packages and adds their facts to the target.
type walker struct {
	target       *Target
	options      Options
	tap          func(*source.File, source.Stored) (source.Sink, error) // nil: go on after errors
	budget       *source.Budget                                         // of all that is decoded
	catalogBytes int64                                                  // of the catalogs read
	inner        int                                                    // packages looked into
	around       []*source.Package                                      // being looked into, the outermost first

	mu sync.Mutex // of target.Files
}

func newWalker(t *Target, o Options) *walker {
	return &walker{target: t, options: o, budget: source.NewBudget(o.Source.MaxBytes)}
}

// A visit is the files of one package that are read, and what they come to.
type visit struct {
	*walker
	in     *source.Package
	prefix string // of their paths
	pathOf func(*source.File) string
	again  map[*source.File]*manifest.Actual // to be opened when the pass is over
}

// walk reads files of a package under the paths that pathOf gives them.
func (w *walker) walk(ctx context.Context, p *source.Package, prefix string, files []*source.File, pathOf func(*source.File) string) error {
	if len(files) == 0 {
		return nil
	}
	outside := w.options.Facts.Signature
	w.around = append(w.around, p)
	defer func() {
		w.around = w.around[:len(w.around)-1]
		w.options.Facts.Signature = outside // its catalogs vouch for nothing around it
	}()
	w.useCatalogs(ctx, p)
	v := &visit{walker: w, in: p, prefix: prefix, pathOf: pathOf, again: map[*source.File]*manifest.Actual{}}
	var waiting int64
	for _, f := range files {
		waiting += f.Size
	}
	if w.options.Progress != nil {
		w.options.Progress(0, waiting)
	}
	err := p.Walk(ctx, v.sink, source.WalkOptions{Files: files, KeepGoing: w.tap == nil, Budget: w.budget})
	if err != nil && (w.tap != nil || ctx.Err() != nil) {
		return err
	}
	return errors.Join(err, v.reopen(ctx))
}

// sink takes the bytes of one file.
func (v *visit) sink(f *source.File, stored source.Stored) (source.Sink, error) {
	name := v.pathOf(f)
	// What extraction makes of a patch is not one of the patch's files, unless the
	// manifest is one of what extraction wrote.
	if f.Made && (v.prefix != "" || !v.options.names(path.Base(name))) {
		return nil, nil
	}
	s := &sink{visit: v, file: f, inspector: manifest.NewInspector(manifest.File{
		Target: v.target.Ref, Path: v.prefix + name, Name: path.Base(name), Size: -1, Time: stored.Modified,
	}, v.options.Facts)}
	if v.tap == nil {
		return s, nil
	}
	var err error
	s.tap, err = v.tap(f, stored)
	return s, err
}

// done books a file that is complete.
func (v *visit) done(f *source.File, a *manifest.Actual, start []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.prefix == "" && v.target.Kind == Package && isOwn(v.in, v.pathOf(f)) {
		v.target.Database = a
		return
	}
	v.target.Files = append(v.target.Files, a)
	if a.SignaturePending || v.options.Deep && source.MayBePackage(start) {
		v.again[f] = a
	}
}

// lost books a file that cannot be had.
func (v *visit) lost(f *source.File) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.target.Unreadable = append(v.target.Unreadable, v.prefix+v.pathOf(f))
}

// reopen opens, in one more pass over the package, the files that need random access.
func (v *visit) reopen(ctx context.Context) error {
	if len(v.again) == 0 {
		return nil
	}
	files := slices.SortedFunc(maps.Keys(v.again), func(a, b *source.File) int { return strings.Compare(v.again[a].Path, v.again[b].Path) })
	var errs []error
	if left := max(maxInner-v.inner, 0); len(files) > left {
		err := fmt.Errorf("%w: more than %d packages inside one another", source.ErrLimit, maxInner)
		errs = append(errs, &source.Error{Package: v.in.Ref(), Place: files[left].Path(), Err: err})
		files = files[:left]
	}
	v.inner += len(files)
	failed := map[*source.File]error{}
	err := v.in.Unpack(ctx, source.WalkOptions{Files: files, KeepGoing: v.tap == nil, Budget: v.budget}, func(u *source.Unpacked) error {
		err := v.open(ctx, u)
		if v.tap != nil || ctx.Err() != nil {
			return err
		}
		failed[u.File] = err
		return nil
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for _, f := range files {
		errs = append(errs, failed[f])
	}
	return errors.Join(append(errs, err)...)
}

// open looks at a file with random access: for its signature, and for the files that it
// holds, where it is a package.
func (v *visit) open(ctx context.Context, u *source.Unpacked) error {
	a := v.again[u.File]
	if a.SignaturePending {
		a.CheckSignature(source.Until(ctx, u), *v.options.Facts.Signature)
	}
	if !v.options.Deep {
		return nil
	}
	p, err := u.Open(ctx)
	if errors.Is(err, source.ErrKind) {
		return nil
	}
	if err != nil {
		return err
	}
	defer p.Close()
	for _, around := range v.around {
		// A package may name itself among its uncompressed files: it would be found
		// inside itself without end, and its files are listed already.
		same, err := sameContent(p, around)
		if same || err != nil {
			return err
		}
	}
	return v.walk(ctx, p, a.Path+"//", p.Files(), (*source.File).Path)
}

// sameContent reports whether two packages have the same bytes.
func sameContent(a, b *source.Package) (bool, error) {
	if a.Size() != b.Size() {
		return false, nil
	}
	var bufferA, bufferB [32 << 10]byte
	for at := int64(0); at < a.Size(); at += int64(len(bufferA)) {
		n := min(int64(len(bufferA)), a.Size()-at)
		if read, err := a.ReadAt(bufferA[:n], at); int64(read) < n {
			return false, &source.Error{Package: a.Ref(), Err: err}
		}
		if read, err := b.ReadAt(bufferB[:n], at); int64(read) < n {
			return false, &source.Error{Package: b.Ref(), Err: err}
		}
		if !bytes.Equal(bufferA[:n], bufferB[:n]) {
			return false, nil
		}
	}
	return true, nil
}

// sink feeds one file of a package to an Inspector and to the tap.
type sink struct {
	*visit
	file      *source.File
	inspector *manifest.Inspector
	tap       source.Sink // may be nil
	start     []byte
}

func (s *sink) Write(p []byte) (int, error) {
	if s.options.Progress != nil {
		s.options.Progress(int64(len(p)), 0)
	}
	if missing := source.SniffSize - len(s.start); missing > 0 {
		s.start = append(s.start, p[:min(missing, len(p))]...)
	}
	if s.tap != nil {
		if n, err := s.tap.Write(p); err != nil {
			return n, err
		}
	}
	return s.inspector.Write(p)
}

func (s *sink) Close(cause error) error {
	if s.tap != nil {
		if err := s.tap.Close(cause); err != nil {
			return err
		}
	}
	if cause != nil {
		s.lost(s.file)
		return nil
	}
	a, err := s.inspector.Finish()
	if err != nil {
		return err
	}
	s.done(s.file, a, s.start)
	return nil
}
