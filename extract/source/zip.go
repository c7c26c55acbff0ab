package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/hotfixkit/hotfixkit/internal/zip"
)

// A zipReader reads a zip, alone or behind a program.
type zipReader struct {
	p       *Package
	archive *zip.Archive
}

func openZip(_ context.Context, p *Package) (reader, error) {
	return newZipReader(p, 0, p.content.Size())
}

// newZipReader opens the zip between two offsets of the content.
func newZipReader(p *Package, from, to int64) (reader, error) {
	archive, err := zip.Open(p.content, from, to)
	if err != nil {
		return nil, err
	}
	return &zipReader{p, archive}, nil
}

func (r *zipReader) close() error { return nil }

func (r *zipReader) list(ctx context.Context) error {
	if r.archive.Earlier {
		r.p.warn("the file holds more than one zip: this is the last, which is the one that programs unpack")
	}
	places := newLocations(r.p)
	for i, member := range r.archive.Files {
		if err := ctx.Err(); err != nil {
			return err
		}
		f := places.file(storedPath(member.Name), member.Name, member.Size)
		f.stored.from, f.stored.sequence = member, i+1
		if reason := notAFile(member.Mode); reason != "" {
			if err := r.p.leaveOut(LeftOut{File: f, Reason: reason}); err != nil {
				return err
			}
			continue
		}
		if err := r.p.add(f); err != nil {
			return err
		}
	}
	return nil
}

// notAFile says why a member is not a file, "" where it is one.
func notAFile(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "it is a symbolic link"
	case !mode.IsRegular():
		return "it is not a regular file"
	}
	return ""
}

// walk implements reader.
func (r *zipReader) walk(ctx context.Context, w *walk) error {
	buffer := make([]byte, 128<<10)
	for _, f := range w.options.Files {
		member := f.stored.from.(*zip.File)
		if err := w.budget.Spend(max(member.Size, 1)); err != nil {
			return r.p.errorAt(f.Path(), err)
		}
		sink, err := w.sink(f, Stored{Modified: member.Modified, Size: member.Size}, expectation{size: member.Size, claimed: -1})
		if err != nil {
			return err
		}
		if sink == nil {
			continue
		}
		if err := r.deliver(ctx, sink, member, buffer); err != nil {
			return err
		}
	}
	return nil
}

// deliver writes a member to its sink and closes it. The error is what the sink
// says about the end, or that of ctx.
func (r *zipReader) deliver(ctx context.Context, sink Sink, member *zip.File, buffer []byte) error {
	content, err := member.Open(r.p.options.Password)
	if err == nil {
		err = copyTo(ctx, sink, content, buffer)
	}
	if errors.Is(err, zip.ErrPasswordNeeded) || errors.Is(err, zip.ErrPassword) {
		err = &PasswordError{Wrong: errors.Is(err, zip.ErrPassword), Err: err}
	}
	return sink.Close(err)
}

// A PasswordError says that a member of a package is encrypted and the password is
// missing or wrong.
type PasswordError struct {
	Wrong bool // else there is none
	Err   error
}

func (e *PasswordError) Error() string { return fmt.Sprint(e.Err) }

func (e *PasswordError) Unwrap() error { return e.Err }
