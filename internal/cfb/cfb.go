// Package cfb reads and writes compound files, the file system inside a file
// that installer packages use ([MS-CFB]).
//
// NewReader reads header, allocation tables and directory, and follows the chain
// of each stream once, into extents of the file: a stream of any size is then
// read without its chain, by several goroutines at once. Raw names and state bits
// are kept: they are part of a package signature. The structure is read a second
// time with github.com/richardlehane/mscfb, and a difference between the two
// readings is an error. Nothing is allocated by a size that the file merely
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
	// ErrUnused is returned by CheckUnused for bytes that belong to nothing.
	ErrUnused = errors.New("bytes of the file belong to no stream")
)

// MaxEntries is the number of directory entries, unused ones included, that a
// Reader accepts. Real packages hold a few hundred.
const MaxEntries = 1 << 16

// MaxName is the most UTF-16 code units that the name of an entry has, its
// terminator not counted ([MS-CFB] 2.6.1).
const MaxName = 31

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
)
