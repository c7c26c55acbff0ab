// Package zip reads zip files: plain ones, and those behind a program or inside
// a section of one.
//
// The directory is read by archive/zip. What that package leaves out is here:
// finding the zip in a file that goes on behind it, the traditional encryption
// of PKWARE, the AES encryption of WinZip, and protection against hostile input.
// Entries that share bytes are refused, so that a small file cannot ask for any
// amount of work; a member never yields more bytes than the directory claims for
// it; and the directory is bounded by [MaxDirectory] and [MaxFiles]. Members are
// streamed, with a few dozen KiB of memory each.
//
// Names are handed out as they are stored. The caller must check them before
// they become names on a disk.
//
// The format is described in PKWARE's APPNOTE.TXT, the AES extension in WinZip's
// "AES Encryption Information: Encryption Specification AE-1 and AE-2".
package zip

import (
	"archive/zip"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
)

// The classes of errors, to be tested with errors.Is.
var (
	// ErrFormat means that the zip breaks a rule of the format.
	ErrFormat = errors.New("damaged or not a zip")
	// ErrTruncated means that the file ends before the zip does.
	ErrTruncated = errors.New("the file ends too early")
	// ErrChecksum means that a member is not what its CRC, its size or its
	// authentication code say.
	ErrChecksum = errors.New("checksum mismatch")
	// ErrMethod means a compression or encryption method that is not read here.
	ErrMethod = errors.New("unknown method")
	// ErrPasswordNeeded means that a member is encrypted and no password is given.
	ErrPasswordNeeded = errors.New("it is encrypted and needs a password")
	// ErrPassword means that the password does not open a member.
	ErrPassword = errors.New("the password is wrong")
	// ErrLimit means that the directory exceeds a limit of this package.
	ErrLimit = errors.New("limit exceeded")
)

const (
	// MaxDirectory bounds the central directory, in bytes.
	MaxDirectory = 32 << 20
	// MaxFiles bounds the entries.
	MaxFiles = 200_000
)

// An Archive is an open zip.
type Archive struct {
	// Files are the members that are files, in the order of the directory.
	Files []*File
	// Comment is that of the zip, as it is stored.
	Comment string
	// Start and End are where the zip lies in the reader, in bytes: from about
	// the first member (its header may lie a little before) to the end of the
	// comment.
	Start, End int64
	// Earlier is true where another zip ends within 1 MiB before this one.
	Earlier bool
}

// Open opens the last zip that lies between from and to in r, offsets in bytes.
// Offsets in its directory may count from the start of r or from the start of
// the zip. The reader must stay valid as long as the members are read.
func Open(r io.ReaderAt, from, to int64) (*Archive, error) {
	end, err := findEnd(r, from, to)
	if err != nil {
		return nil, err
	}
	if end.size > MaxDirectory || end.at-end.first > MaxDirectory {
		return nil, fmt.Errorf("%w: a directory of more than %d bytes", ErrLimit, MaxDirectory)
	}
	if end.records > MaxFiles {
		return nil, fmt.Errorf("%w: %d entries, at most %d are read", ErrLimit, end.records, MaxFiles)
	}
	// An insecure path is an error of the caller's making, not of the zip's.
	z, err := zip.NewReader(r, end.end)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, fmt.Errorf("%w: its directory cannot be read: %w", ErrFormat, err)
	}
	a := &Archive{Comment: z.Comment, Start: end.at, End: end.end}
	if len(z.File) > MaxFiles {
		return nil, fmt.Errorf("%w: %d entries, at most %d are read", ErrLimit, len(z.File), MaxFiles)
	}
	if err := a.list(z, r, end); err != nil {
		return nil, err
	}
	_, err = findEnd(r, max(from, a.Start-searchBack), a.Start)
	a.Earlier = err == nil
	return a, nil
}

// list takes the members and checks that no two of them share bytes.
func (a *Archive) list(z *zip.Reader, r io.ReaderAt, end endRecord) error {
	all := make([]*File, 0, len(z.File))
	for _, entry := range z.File {
		f, err := newFile(entry, r, end.at)
		if err != nil {
			return err
		}
		all = append(all, f)
		if !f.folder() {
			a.Files = append(a.Files, f)
		}
	}
	slices.SortStableFunc(all, func(x, y *File) int { return cmp.Compare(x.offset, y.offset) })
	var before *File
	for _, f := range all {
		if f.broken != nil {
			continue
		}
		a.Start = min(a.Start, f.offset)
		if before != nil && f.offset < before.offset+before.Packed+localHeaderSize {
			return fmt.Errorf("%w: the entries %q and %q share bytes", ErrFormat, before.Name, f.Name)
		}
		before = f
	}
	return nil
}
