// Package msi reads, changes and saves Windows Installer databases: packages
// (.msi), merge modules (.msm), transforms (.mst) and patches (.msp).
//
// Open reads the tables; streams, such as embedded cabinets, stay in the file
// and are read through io.SectionReader. A Database may be read by several
// goroutines at once; changing it needs exclusive access. Save writes a new
// compound file in which everything that was not changed is as it was.
//
// Model derives what an installation is made of: directories with their source
// and target paths, components, features, media and files.
//
// Names in a database are data of its author. This package returns them as they
// are; the caller must refuse those that would leave the output folder.
package msi

import (
	"errors"

	"github.com/hotfixkit/hotfixkit/internal/cfb"
)

// The classes of error of this package, to be tested with errors.Is.
var (
	// ErrFormat is returned where the bytes break the database format, or
	// where rows contradict each other.
	ErrFormat = errors.New("malformed installer database")
	// ErrNotFound is returned for a table, row, column, stream or storage
	// that does not exist.
	ErrNotFound = errors.New("not found")
	// ErrExists is returned where a table, row or column exists already.
	ErrExists = errors.New("already exists")
	// ErrCodePage is returned for a code page that is not known, and for a
	// string that the code page of the database cannot hold.
	ErrCodePage = errors.New("unsuitable code page")
	// ErrLimit is returned where a database exceeds what this package
	// accepts or what the format can hold.
	ErrLimit = cfb.ErrLimit
	// ErrContainer is returned where the compound file that holds the database
	// is damaged.
	ErrContainer = cfb.ErrFormat
	// ErrTruncated is returned where the file ends before the data that its
	// tables promise, also while a stream is read.
	ErrTruncated = cfb.ErrTruncated
)

// Kind tells what a database is for, by the class identifier of its storage.
type Kind int

const (
	KindUnknown   Kind = iota // no class identifier that Windows Installer uses
	KindDatabase              // .msi and .msm
	KindTransform             // .mst, and the transforms inside a patch
	KindPatch                 // .msp
)

func (k Kind) String() string {
	switch k {
	case KindDatabase:
		return "database"
	case KindTransform:
		return "transform"
	case KindPatch:
		return "patch"
	}
	return "unknown"
}

// classID returns {000Cnnnn-0000-0000-C000-000000000046} in stored order.
func classID(n uint16) [16]byte {
	return [16]byte{byte(n), byte(n >> 8), 0x0C, 0, 0, 0, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0x46}
}

var kindCLSID = map[Kind][16]byte{
	KindDatabase:  classID(0x1084),
	KindTransform: classID(0x1082),
	KindPatch:     classID(0x1086),
}

func kindOf(clsid [16]byte) Kind {
	for _, k := range []Kind{KindDatabase, KindTransform, KindPatch} {
		if kindCLSID[k] == clsid {
			return k
		}
	}
	return KindUnknown
}
