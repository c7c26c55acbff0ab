package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hotfixkit/hotfixkit/extract"
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
	limit        int64
	decoded      atomic.Int64
	catalogBytes atomic.Int64      // of the catalogs read
	inner        int               // packages looked into
	around       []*source.Package // being looked into, the outermost first

	mu sync.Mutex // of target.Files
}

func newWalker(t *Target, o Options) *walker {
	w := &walker{target: t, options: o, limit: o.Source.MaxBytes}
	if w.limit == 0 {
		w.limit = source.DefaultMaxBytes
	}
	return w
}

// walk reads files of a package under the paths that the items have.
func (w *walker) walk(ctx context.Context, p *source.Package, prefix string, items []extract.Item) error {
	if len(items) == 0 {
		return nil
	}
	w.around = append(w.around, p)
	defer func() { w.around = w.around[:len(w.around)-1] }()
	w.useCatalogs(ctx, p)
	again := map[*manifest.Actual]*source.File{} // to be opened when the pass is over
	names := make(map[*source.File]string, len(items))
	files := make([]*source.File, len(items))
	var waiting int64
	for i, item := range items {
		files[i], names[item.File] = item.File, item.Path
		waiting += item.File.Size
	}
	if w.options.Progress != nil {
		w.options.Progress(0, waiting)
	}
	err := p.Walk(ctx, func(f *source.File, stored source.Stored) (source.Sink, error) {
		// What extraction makes of a patch is not one of the patch's files, unless the
		// manifest is one of what extraction wrote.
		if f.Made && (prefix != "" || !w.options.names(path.Base(names[f]))) {
			return nil, nil
		}
		s := &sink{walker: w, file: f, ref: p.Ref(), inspector: manifest.NewInspector(manifest.File{
			Target: w.target.Ref, Path: prefix + names[f], Name: path.Base(names[f]), Size: -1, Time: stored.Modified,
		}, w.options.Facts)}
		s.lost = func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.target.Unreadable = append(w.target.Unreadable, prefix+names[f])
		}
		s.done = func(a *manifest.Actual) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if prefix == "" && w.target.Kind == Package && isOwn(p, names[f]) {
				w.target.Database = a
				return
			}
			w.target.Files = append(w.target.Files, a)
			if a.SignaturePending || w.options.Deep && mayBePackage(s.start) {
				again[a] = f
			}
		}
		if w.tap == nil {
			return s, nil
		}
		var err error
		s.tap, err = w.tap(f, stored)
		return s, err
	}, source.WalkOptions{Files: files, KeepGoing: w.tap == nil})
	if err != nil && (w.tap != nil || ctx.Err() != nil) {
		return err
	}
	errs := []error{err}
	inner := make([]*manifest.Actual, 0, len(again))
	for a := range again {
		inner = append(inner, a)
	}
	slices.SortFunc(inner, func(a, b *manifest.Actual) int { return strings.Compare(a.Path, b.Path) })
	for _, a := range inner {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		err := w.open(ctx, p, again[a], a)
		if err != nil && w.tap != nil {
			return err
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// open opens a package inside another one, for its signature, which needs random
// access, and for its files.
func (w *walker) open(ctx context.Context, outer *source.Package, f *source.File, a *manifest.Actual) error {
	if w.inner++; w.inner > maxInner {
		return &source.Error{Package: outer.Ref(), Place: f.Path(), Err: fmt.Errorf("%w: more than %d packages inside one another", source.ErrLimit, maxInner)}
	}
	p, err := outer.OpenFile(ctx, f)
	if errors.Is(err, source.ErrKind) {
		if a.SignaturePending {
			a.Problems = append(a.Problems, "the signature was not checked: the file is not an installer package")
		}
		return nil
	}
	if err != nil {
		return err
	}
	defer p.Close()
	if a.SignaturePending {
		a.CheckSignature(p, *w.options.Facts.Signature)
	}
	if !w.options.Deep {
		return nil
	}
	for _, around := range w.around {
		// A package may name itself among its uncompressed files: it would be found
		// inside itself without end, and its files are listed already.
		same, err := sameContent(p, around)
		if same || err != nil {
			return err
		}
	}
	return w.walk(ctx, p, a.Path+"//", filesOf(p))
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

// magicSize is how many of a file's first bytes mayBePackage looks at.
const magicSize = 4

// mayBePackage reports whether a file starts like a compound file ([MS-CFB] 2.2),
// a cabinet ([MS-CAB] 2.1) or an rpm.
func mayBePackage(start []byte) bool {
	switch string(start) {
	case "\xD0\xCF\x11\xE0", "MSCF", "\xED\xAB\xEE\xDB":
		return true
	}
	return false
}

// sink feeds one file of a package to an Inspector and to the tap.
type sink struct {
	*walker
	file      *source.File
	ref       string // of the package
	inspector *manifest.Inspector
	tap       source.Sink // may be nil
	start     []byte
	done      func(*manifest.Actual)
	lost      func()
}

func (s *sink) Write(p []byte) (int, error) {
	if s.decoded.Add(int64(len(p))) > s.limit {
		return 0, &source.Error{Package: s.ref, Place: s.file.Path(), Err: fmt.Errorf("%w: more than %d bytes were unpacked", source.ErrTooLarge, s.limit)}
	}
	if s.options.Progress != nil {
		s.options.Progress(int64(len(p)), 0)
	}
	if missing := magicSize - len(s.start); missing > 0 {
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
		s.lost()
		return nil
	}
	a, err := s.inspector.Finish()
	if err != nil {
		return err
	}
	s.done(a)
	return nil
}
