package source

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/hotfixkit/hotfixkit/internal/zip"
)

// Errors that callers tell apart with errors.Is. Damage inside a cabinet or a
// compound file is reported with the errors of msi/cab, msi and msp.
var (
	// ErrKind: the file is not a package of a kind that is read.
	ErrKind = errors.New("not an installer package")
	// ErrFormat: the package contradicts itself or its format.
	ErrFormat = errors.New("malformed package")
	// ErrMissing: a cabinet or a file that belongs to the package is not there.
	ErrMissing = errors.New("missing")
	// ErrMismatch: a file's bytes are not those that the package describes.
	ErrMismatch = errors.New("content does not match")
	// ErrNeighbour: a file next to the package is not the one that it describes.
	ErrNeighbour = errors.New("not the file that the package describes")
	// ErrPointer: a pointer of Git LFS lies where the package should.
	ErrPointer = errors.New("it is a pointer of Git LFS: the package itself was not fetched (git lfs pull)")
	// ErrSignature: the signature that is asked for is absent or does not hold.
	ErrSignature = errors.New("signature check failed")
	// ErrChanged: a file changed while it was read.
	ErrChanged = errors.New("it changed while it was read")
	// ErrNotFound: the package holds no such file.
	ErrNotFound = errors.New("no such file in the package")
	// ErrAmbiguous: several files of the package have the name.
	ErrAmbiguous = errors.New("several files have this name")
	// ErrLimit: packages lie too deep in one another, or one is too large.
	ErrLimit = errors.New("limit exceeded")
	// ErrPasswordNeeded and ErrPassword: a member of a zip is encrypted, and no
	// password was given, or a wrong one.
	ErrPasswordNeeded = zip.ErrPasswordNeeded
	ErrPassword       = zip.ErrPassword
)

// ErrTooLarge is the ErrLimit of Options.MaxBytes.
var ErrTooLarge = fmt.Errorf("%w", ErrLimit)

// A RoleError is a package that was given for what its kind cannot be: a patch, a
// transform, or the package that patches change. It wraps ErrKind.
type RoleError struct {
	Wanted, Found Kind
	// Base and Patch are the references that were given the wrong way round; empty
	// where exchanging them does not help.
	Base, Patch string
}

func (e *RoleError) Error() string {
	return fmt.Sprintf("it is not %s; it is %s", e.Wanted.name(), e.Found.name())
}

func (e *RoleError) Unwrap() error { return ErrKind }

// A NotFoundError names a file that a package does not hold. It wraps ErrNotFound.
type NotFoundError struct {
	Name string
	in   *Package
}

func (e *NotFoundError) Error() string { return fmt.Sprintf("%v: %q", ErrNotFound, e.Name) }

func (e *NotFoundError) Unwrap() error { return ErrNotFound }

// Names are the paths and the base names of the files that the package holds.
func (e *NotFoundError) Names() []string {
	var names []string
	for _, f := range e.in.files {
		names = append(names, f.Path(), f.Name())
	}
	return names
}

// An Error says which package an error is about, and where in it.
type Error struct {
	Package string // the reference
	Place   string // a file, cabinet or table; may be empty
	Err     error
}

func (e *Error) Error() string {
	if e.Place == "" {
		return fmt.Sprintf("%s: %v", e.Package, e.Err)
	}
	return fmt.Sprintf("%s: %s: %v", e.Package, e.Place, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// errorAt wraps an error with the package and a place in it. An error that
// names its package already is returned as it is.
func (p *Package) errorAt(place string, err error) error {
	return newError(p.ref, place, err)
}

func newError(ref, place string, err error) error {
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	// The reference names the file already.
	var onDisk *fs.PathError
	if errors.As(err, &onDisk) && onDisk.Path == ref && place == "" {
		err = onDisk.Err
	}
	return &Error{Package: ref, Place: place, Err: err}
}
