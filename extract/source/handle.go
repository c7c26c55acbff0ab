package source

import (
	"context"
	"fmt"
	"os"
	"time"
)

// OpenHandle opens the package in a file that is open already, so that what is
// read is what the caller reads. Name is its path, next to which its cabinets are
// looked for, and its reference. Closing the package leaves f open.
func OpenHandle(ctx context.Context, f *os.File, name string, o Options) (*Package, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, newError(name, "", WithoutPath(err))
	}
	return openAt(ctx, borrowedFile{openFile{f, info, func() (os.FileInfo, error) { return os.Stat(name) }}}, name, o)
}

// A borrowedFile is closed by the caller.
type borrowedFile struct{ openFile }

func (borrowedFile) Close() error { return nil }

// unchanged returns an error that wraps ErrChanged when the file on the disk is
// no longer the one that was opened: another file has its name now, or its size or
// its time is another one.
func (f openFile) unchanged() error {
	now, err := f.Stat()
	if err != nil {
		return WithoutPath(err)
	}
	named, err := f.named()
	if err != nil || !os.SameFile(now, named) || now.Size() != f.info.Size() || !now.ModTime().Equal(f.info.ModTime()) {
		return ErrChanged
	}
	return nil
}

func (f openFile) modified() time.Time { return f.info.ModTime().UTC() }

// Within returns the package that this one came out of, nil for one on the disk.
func (p *Package) Within() *Package { return p.within }

// KeyringUsed reports whether Options.Keyring asked for the signatures of rpms.
func (p *Package) KeyringUsed() bool { return p.options.Keyring != "" }

// unchanged is that of a content on the disk.
func unchanged(c content) error {
	if onDisk, ok := c.(interface{ unchanged() error }); ok {
		return onDisk.unchanged()
	}
	return nil
}

// unchanged returns an error that wraps ErrChanged when a file on the disk that
// the package is read from has changed since it was opened. Walk asks for it when
// it has read everything.
func (p *Package) unchanged() error {
	if err := unchanged(p.content); err != nil {
		return p.errorAt("", err)
	}
	if s, ok := p.reader.(interface{ unchanged() error }); ok {
		if err := s.unchanged(); err != nil {
			return p.errorAt("", err)
		}
	}
	if p.within != nil {
		return p.within.unchanged()
	}
	return nil
}

// unchanged looks at the cabinets next to the package.
func (s *store) unchanged() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.cabinets {
		if err := unchanged(c.content); err != nil {
			return fmt.Errorf("%s: %w", c.where, err)
		}
	}
	return nil
}

// unchanged looks at the base and the patches, too.
func (r *patchedReader) unchanged() error {
	errs := []error{r.store.unchanged(), r.base.unchanged()}
	for _, patch := range r.patches {
		errs = append(errs, patch.unchanged())
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
