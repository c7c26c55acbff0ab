// Package pe reads the machine and the version resources of a Windows executable:
// PE32, PE32+ and the 16-bit NE format.
//
// [Read] works on a file that can be read at random; a [Collector] is fed the
// bytes once, forward, and keeps only the headers and the resources it needs.
// Both give the same [Info]. Nothing is loaded as a whole, every count and size
// is checked against a limit, and a damaged version resource never hides the
// machine.
//
// [ReadLayout] tells where the sections, the data directories, the certificate
// table, the overlay and the resources of a PE file are.
package pe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

var le = binary.LittleEndian

var (
	// ErrNotExecutable means that the file is neither a PE nor an NE file.
	ErrNotExecutable = errors.New("not a Windows executable")
	// ErrFormat means that headers or resources contradict themselves.
	ErrFormat = errors.New("damaged executable")
	// ErrTruncated means that the file ends before something its headers name.
	ErrTruncated = errors.New("executable is cut off")
	// ErrLimit means that the resources are larger or more numerous than any
	// sensible file needs; see [MaxResources].
	ErrLimit = errors.New("executable exceeds a limit")
)

// Format is the kind of header.
type Format string

// The formats that Windows executables have.
const (
	PE32     Format = "PE32"  // optional header magic 0x10b
	PE32Plus Format = "PE32+" // optional header magic 0x20b
	NE       Format = "NE"    // 16-bit Windows and OS/2
)

// Info is what [Read] and [Collector.Finish] found.
type Info struct {
	Format    Format
	Machine   Machine
	DLL       bool
	Timestamp uint32 // seconds since 1970, or a hash of the content in reproducible builds; 0 for NE
	// Versions holds the version resources in the order of the file, one per
	// language at most; none where the file has no such resource.
	Versions []*Version
}

// Version is one version resource ("VS_VERSIONINFO structure").
type Version struct {
	ID           uint32 // of the resource; VS_VERSION_INFO is 1, and 0 stands for a named one
	Language     uint16 // of the resource; 0 is neutral
	Fixed        *Fixed // nil where the resource has no fixed part
	Tables       []StringTable
	Translations []Translation
}

// Fixed is VS_FIXEDFILEINFO, the part without language.
type Fixed struct {
	File, Product     Number
	FlagsMask, Flags  uint32
	OS, Type, Subtype uint32
	DateHigh, DateLow uint32
	StructVersion     uint32
}

// Number is a version of four parts, the most significant first.
type Number [4]uint16

// String returns the parts in decimal, separated by dots.
func (n Number) String() string {
	return fmt.Sprintf("%d.%d.%d.%d", n[0], n[1], n[2], n[3])
}

// Translation names a language and a code page in which strings are given
// ("Var structure").
type Translation struct{ Language, CodePage uint16 }

// StringTable holds the strings of one language ("StringTable structure").
type StringTable struct {
	Key     string // eight hexadecimal digits, language and code page, as "040904b0"
	Strings []String
}

// String is one entry of a [StringTable], as "FileVersion".
type String struct{ Key, Value string }

// The languages that [Info.Version] prefers.
const (
	languageNeutral = 0x0000
	languageEnglish = 0x0409
)

// Version returns the version resource that stands for the file: the one that
// carries the number VS_VERSION_INFO, in the neutral language before English
// (United States) before any other. It is nil where the file has none.
func (i *Info) Version() *Version {
	rank := func(v *Version) int {
		r := 0
		if v.ID != versionInfoID {
			r += 4
		}
		switch v.Language {
		case languageNeutral:
		case languageEnglish:
			r++
		default:
			r += 2
		}
		return r
	}
	var best *Version
	for _, v := range i.Versions {
		if best == nil || rank(v) < rank(best) {
			best = v
		}
	}
	return best
}

// FileVersion returns the number of VS_FIXEDFILEINFO, which is the one that
// Windows Installer compares ("File Versioning Rules"), or "" where there is
// none.
func (i *Info) FileVersion() string {
	if v := i.Version(); v != nil && v.Fixed != nil {
		return v.Fixed.File.String()
	}
	return ""
}

// String returns the string of that key, as "OriginalFilename": from the table
// of the first translation that has it, else from the first table that has it.
func (i *Info) String(key string) string {
	v := i.Version()
	if v == nil {
		return ""
	}
	for _, t := range v.Translations {
		for _, table := range v.Tables {
			if table.is(t) {
				if s := table.value(key); s != "" {
					return s
				}
			}
		}
	}
	for _, table := range v.Tables {
		if s := table.value(key); s != "" {
			return s
		}
	}
	return ""
}

// Read reads the headers and version resources of a file of size bytes. Errors
// wrap [ErrNotExecutable], [ErrFormat], [ErrTruncated] or [ErrLimit], or are those
// of r. Where the headers are sound and only the resources are not, Info is
// returned with the error.
func Read(r io.ReaderAt, size int64) (*Info, error) {
	return read(io.NewSectionReader(r, 0, size), size)
}
