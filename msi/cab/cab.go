// Package cab reads cabinets (.cab) and sets of them.
//
// A [Cabinet] is one file: its header, its folders, its members. A [Set] joins
// the volumes that a folder may run through, one in the usual case, and decodes
// them: [Set.Decode] pushes every wanted member, in storage order, into a [Sink].
// Stored, MSZIP, LZX and Quantum folders are read.
//
// The input may be hostile. No size it claims is believed before it is checked,
// decoding stays below 48 MiB of memory whatever the cabinet says, and a member
// is reported complete only when every block it touches passed its checksum (if
// it has one) and decoded without an error. Names are handed out unchanged:
// the caller must refuse those that climb or are absolute.
//
// The format is described in [MS-CAB].
package cab

import (
	"errors"
	"fmt"
)

// The classes of errors, to be tested with errors.Is. The error itself says
// which cabinet, folder, block and member it is about.
var (
	// ErrFormat: the cabinet breaks a rule of the format.
	ErrFormat = errors.New("damaged or not a cabinet")
	// ErrChecksum: the bytes of a block are not those that its checksum covers.
	ErrChecksum = errors.New("checksum mismatch")
	// ErrTruncated: the file ends before the cabinet does.
	ErrTruncated = errors.New("the file ends too early")
	// ErrAlgorithm: a folder is compressed by a method that [MS-CAB] does not define.
	ErrAlgorithm = errors.New("unknown compression method")
	// ErrVolume: another cabinet of the set is needed and not there, or does
	// not fit to the others.
	ErrVolume = errors.New("cabinet set incomplete or mixed up")
	// ErrLimit: a limit of this package is exceeded.
	ErrLimit = errors.New("limit exceeded")
)

// A BlockError says which block of a cabinet cannot be decoded. All members that need
// it report the same one.
type BlockError struct {
	Cabinet string // empty for one without a name
	Folder  int    // from 0, in this cabinet
	Block   int    // from 0, in this cabinet
	Blocks  int    // of the folder in this cabinet
	Err     error
}

func (e *BlockError) Error() string {
	place := ""
	if e.Cabinet != "" {
		place = e.Cabinet + ": "
	}
	return fmt.Sprintf("%sfolder %d, block %d: %v", place, e.Folder, e.Block, e.Err)
}

func (e *BlockError) Unwrap() error { return e.Err }
