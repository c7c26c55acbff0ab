package source

import (
	"context"
	"fmt"
	"path"
)

// An Unpacked is a file of a package, with random access to its content.
type Unpacked struct {
	File *File

	from    *Package
	content content
	stored  Stored
}

// Size returns the size of the content in bytes.
func (u *Unpacked) Size() int64 { return u.content.Size() }

// ReadAt reads from the content.
func (u *Unpacked) ReadAt(b []byte, offset int64) (int, error) { return u.content.ReadAt(b, offset) }

// Open opens the package that the file is. Closing it leaves the content.
func (u *Unpacked) Open(ctx context.Context) (*Package, error) {
	return u.from.openInner(ctx, u.File, kept{u.content}, u.stored)
}

// kept is a content that is closed elsewhere.
type kept struct{ content }

func (kept) Close() error { return nil }

// Unpack gives random access to files of the package, in one pass over it: visit is
// called for one after the other, in the order in which they are stored, while the
// pass goes on. What it is given is gone when it returns, and its error ends the pass.
// Of the options, Files must be set. Errors are those of Walk; files that cannot be had
// are not visited.
func (p *Package) Unpack(ctx context.Context, o WalkOptions, visit func(*Unpacked) error) error {
	o.prompt, o.Workers = true, 1
	return p.Walk(ctx, func(f *File, stored Stored) (Sink, error) {
		size := stored.Size
		if size < 0 {
			size = f.Size
		}
		b, err := newBlob(p.inside, size)
		if err != nil {
			return nil, p.errorAt(f.Path(), err)
		}
		return &visitSink{blob: b, visit: func() error {
			return visit(&Unpacked{File: f, from: p, content: b, stored: stored})
		}}, nil
	}, o)
}

// A visitSink hands its content out when it is whole.
type visitSink struct {
	*blob
	visit func() error
}

func (s *visitSink) Close(cause error) error {
	defer s.blob.Close()
	if cause != nil {
		return cause
	}
	return s.visit()
}

// OpenFile opens a package that is a file of p, which must stay open as long.
// Closing it leaves p open.
func (p *Package) OpenFile(ctx context.Context, file *File) (*Package, error) {
	content, stored, err := p.unpack(ctx, file)
	if err != nil {
		return nil, p.errorAt(file.Path(), err)
	}
	return p.openInner(ctx, file, content, stored)
}

// openInner opens the package in a content, which it owns.
func (p *Package) openInner(ctx context.Context, file *File, content content, stored Stored) (*Package, error) {
	inner := &Package{
		ref:      p.ref + separator + file.Path(),
		name:     file.Name(),
		folder:   p.folder,
		modified: stored.Modified,
		content:  content,
		within:   p,
		beside:   append([]neighbours{&insidePackage{outer: p, dir: path.Dir(file.Path())}}, p.mediaFolders()...),
		options:  p.options,
		inside:   p.inside,
	}
	if err := inner.checkDepth(); err != nil {
		content.Close()
		return nil, err
	}
	if err := inner.open(ctx); err != nil {
		inner.Close()
		return nil, newError(inner.ref, "", err)
	}
	return inner, nil
}

// checkDepth counts the packages around this one.
func (p *Package) checkDepth() error {
	depth := 0
	for outer := p.within; outer != nil; outer = outer.within {
		depth++
	}
	if depth > maxDepth {
		return p.errorAt("", fmt.Errorf("%w: more than %d packages inside one another", ErrLimit, maxDepth))
	}
	return nil
}

// unpack gives random access to a file of the package.
func (p *Package) unpack(ctx context.Context, file *File) (content, Stored, error) {
	b, err := newBlob(p.inside, file.Size)
	if err != nil {
		return nil, unknown, err
	}
	var stored Stored
	err = p.Walk(ctx, func(_ *File, s Stored) (Sink, error) {
		stored = s
		return blobSink{b}, nil
	}, WalkOptions{Files: []*File{file}})
	if err == nil {
		err = b.result()
	}
	if err != nil {
		b.Close()
		return nil, unknown, err
	}
	return b, stored, nil
}
