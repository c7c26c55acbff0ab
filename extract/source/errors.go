package source

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/hotfixkit/hotfixkit/msi/cab"
	"github.com/hotfixkit/hotfixkit/msi/cfb"
	"github.com/hotfixkit/hotfixkit/msp"
	"github.com/hotfixkit/hotfixkit/msp/delta"
)

// Errors that callers tell apart with errors.Is. Damage inside a cabinet or a
// compound file is reported with the errors of msi/cab, msi/cfb and msi.
var (
	// ErrKind: the file is not a package of a kind that is read.
	ErrKind = errors.New("not an installer package")
	// ErrFormat: the package contradicts itself or its format.
	ErrFormat = errors.New("malformed package")
	// ErrMissing: a cabinet or a file that belongs to the package is not there.
	ErrMissing = errors.New("missing")
	// ErrMismatch: a file's bytes are not those that the package describes.
	ErrMismatch = errors.New("content does not match")
	// ErrSignature: the signature that is asked for is absent or does not hold.
	ErrSignature = errors.New("signature check failed")
	// ErrNotFound: the package holds no such file.
	ErrNotFound = errors.New("no such file in the package")
	// ErrAmbiguous: several files of the package have the name.
	ErrAmbiguous = errors.New("several files have this name")
	// ErrLimit: packages lie too deep in one another, or one is too large.
	ErrLimit = errors.New("limit exceeded")
)

// errTooLarge is the ErrLimit of Options.MaxBytes.
var errTooLarge = fmt.Errorf("%w", ErrLimit)

// An Error says which package an error is about, where in it, and what to do.
type Error struct {
	Package string // the reference
	Place   string // a file, cabinet or table; may be empty
	Hint    string // may be empty
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
	return &Error{Package: ref, Place: place, Hint: hint(err), Err: err}
}

// hint returns what the user can do about an error.
func hint(err error) string {
	switch {
	case errors.Is(err, cab.ErrVolume):
		return "put the other cabinets of the set beside the package, or name their folder with --media"
	case errors.Is(err, cab.ErrTruncated), errors.Is(err, cfb.ErrTruncated):
		return "the package was cut off: get it again; --keep-going extracts the files that are whole"
	case errors.Is(err, cab.ErrChecksum), errors.Is(err, cab.ErrFormat), errors.Is(err, ErrMismatch):
		return "the package is damaged: get it again; --keep-going extracts the files that are whole"
	case errors.Is(err, cfb.ErrFormat):
		return "the package is damaged: get it again"
	case errors.Is(err, errTooLarge):
		return "raise --max-bytes if the package is trusted"
	case errors.Is(err, ErrKind):
		return "give an .msi, .msp, .msm, .cab or .rpm file"
	case errors.Is(err, ErrNotFound):
		return "hotfix list shows the files"
	case errors.Is(err, msp.ErrTarget):
		return "`hotfix info` on the patch and on the package shows what each is for; apply what comes before the patch with --patch too"
	case errors.Is(err, delta.ErrAlgorithm):
		return "apply this patch with Windows Installer; --keep-going extracts the other files"
	case errors.Is(err, delta.ErrSource):
		return "the package holds another build of the file than the patch was made for"
	}
	return ""
}
