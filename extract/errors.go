package extract

import (
	"errors"
	"fmt"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrExists: the output folder exists already and holds files.
	ErrExists = errors.New("the folder exists and is not empty")
	// ErrReplace: no other folder can take the place of the output folder.
	ErrReplace = errors.New("the folder cannot be replaced")
	// ErrOwnFolder: the output folder is the one that the package is in.
	ErrOwnFolder = errors.New("it is the folder of the package itself")
	// ErrBusy: another run is writing the same output folder.
	ErrBusy = errors.New("another run is writing this folder")
	// ErrForeign: the temporary folder could have been made or changed by
	// another user.
	ErrForeign = errors.New("it belongs to another user or is open to others")
	// ErrReplaced: somebody else moved or replaced what was being written.
	ErrReplaced = errors.New("it was moved or replaced by somebody else while it was written")
	// ErrLimit: the content exceeds Limits.
	ErrLimit = errors.New("limit exceeded")
	// ErrCollision: two files would have the same path in the output.
	ErrCollision = errors.New("files with the same path")
	// ErrStreams is the ErrCollision of streams of a database.
	ErrStreams = fmt.Errorf("%w", ErrCollision)
	// ErrPattern: a glob is malformed.
	ErrPattern = errors.New("malformed pattern")
	// ErrNoMatch: a pattern selects no file.
	ErrNoMatch = errors.New("no file matches")
)

// OutputError reports that the output could not be written, as opposed to an
// input that is damaged or unsafe.
type OutputError struct {
	Path string // the file or folder
	Err  error
}

func (e *OutputError) Error() string { return fmt.Sprintf("output %s: %v", e.Path, e.Err) }

func (e *OutputError) Unwrap() error { return e.Err }
