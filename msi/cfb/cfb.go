// Package cfb reads and writes compound files, the file system inside a file
// that installer packages use ([MS-CFB]).
//
// NewReader reads the structure once. github.com/richardlehane/mscfb parses and
// checks header, DIFAT, directory and the tree of entries; this package adds
// what installer packages need beyond it: raw names and state bits (they are
// part of a package signature), streams as extents of the file, so that a
// stream of any size is read without walking its chain again, files that are
// cut off, and limits. Nothing is allocated by a size that the file merely
// claims.
//
// Write makes a compound file in one forward pass. Its output depends on
// nothing but its arguments.
package cfb

import "errors"

// The classes of error of this package, to be tested with errors.Is.
var (
	// ErrFormat is returned where the bytes break the compound file format.
	ErrFormat = errors.New("not a valid compound file")
	// ErrTruncated is returned where the file ends before the data that its
	// tables promise. A stream delivers what is there, then this error.
	ErrTruncated = errors.New("the file is cut off")
	// ErrLimit is returned where the file holds more than this package
	// accepts, or where the output would exceed what the format can express.
	ErrLimit = errors.New("limit exceeded")
)

// MaxEntries is the number of directory entries, unused ones included, that a
// Reader accepts. Real packages hold a few hundred.
const MaxEntries = 1 << 16

// Sector numbers with a meaning of their own ([MS-CFB] 2.1).
const (
	maxRegSect = 0xFFFFFFFA
	difSect    = 0xFFFFFFFC
	fatSect    = 0xFFFFFFFD
	endOfChain = 0xFFFFFFFE
	freeSect   = 0xFFFFFFFF
)

// noStream is the stream identifier of no directory entry ([MS-CFB] 2.6.1).
const noStream = 0xFFFFFFFF

// Kinds of directory entries ([MS-CFB] 2.6.1, Object Type).
const (
	objectUnallocated = 0
	objectStorage     = 1
	objectStream      = 2
	objectRoot        = 5
)

// Sizes that the format fixes ([MS-CFB] 2.2).
const (
	headerSize       = 512
	headerDIFAT      = 109 // FAT sector locations that the header itself holds
	entrySize        = 128
	miniSectorSize   = 64
	miniStreamCutoff = 4096
	maxNameUnits     = 31 // UTF-16 code units without the terminator
)
