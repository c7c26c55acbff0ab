package pe

import (
	"encoding/binary"
	"fmt"
	"math"
)

// maxHeaders bounds the bytes that are kept to read the headers. The section
// table of a real file ends within a few KiB.
const maxHeaders = 1 << 20

var le = binary.LittleEndian

// headers is what the headers tell, before any resource is read.
type headers struct {
	info      Info
	resources resourceRange
	sections  []sectionHeader
	leaves    []leaf // of an NE file, whose resource table is part of the headers
}

// resourceRange is where the resource directory of a PE file lies, in file
// offsets: the tree starts at root and may use bytes up to end; start is the
// first byte of its section. It is zero where the file has no resources.
type resourceRange struct{ start, root, end int64 }

type sectionHeader struct {
	virtualAddress uint32
	rawSize        uint32
	rawOffset      uint32
}

// needError asks for a longer prefix of the file.
type needError int64

func (n needError) Error() string { return fmt.Sprintf("%d bytes are needed", int64(n)) }

// prefix is the beginning of something that is read piece by piece.
type prefix []byte

// at returns n bytes from off on, or a needError.
func (p prefix) at(off, n int64) ([]byte, error) {
	if off < 0 || n < 0 || off > math.MaxInt64-n {
		return nil, fmt.Errorf("%w: offset %d", ErrFormat, off)
	}
	if off+n > int64(len(p)) {
		return nil, needError(off + n)
	}
	return p[off : off+n], nil
}

// The headers of a DOS, PE or NE file ("PE Format"; "Executable-File Header
// Format" of 16-bit Windows).
const (
	dosHeaderSize  = 64
	coffHeaderSize = 20
	sectionSize    = 40
	neHeaderSize   = 64

	optionalPE32     = 0x10b
	optionalPE32Plus = 0x20b

	characteristicDLL = 0x2000
	neFlagLibrary     = 0x8000

	directoryResource = 2
)

// parseHeaders reads the headers from the beginning of a file. It returns a
// needError while p is too short.
func parseHeaders(p prefix) (*headers, error) {
	magic, err := p.at(0, 2)
	if err != nil {
		return nil, err
	}
	if string(magic) != "MZ" {
		return nil, fmt.Errorf("%w: it does not start with MZ", ErrNotExecutable)
	}
	dos, err := p.at(0, dosHeaderSize)
	if err != nil {
		return nil, err
	}
	start := int64(le.Uint32(dos[60:])) // e_lfanew
	signature, err := p.at(start, 4)
	if err != nil {
		return nil, err
	}
	switch {
	case string(signature) == "PE\x00\x00":
		return parsePE(p, start+4)
	case string(signature[:2]) == "NE":
		return parseNE(p, start)
	}
	return nil, fmt.Errorf("%w: an MZ file without a PE or NE header", ErrNotExecutable)
}

func parsePE(p prefix, off int64) (*headers, error) {
	coff, err := p.at(off, coffHeaderSize)
	if err != nil {
		return nil, err
	}
	h := &headers{info: Info{
		Machine:   Machine(le.Uint16(coff)),
		Timestamp: le.Uint32(coff[4:]),
		DLL:       le.Uint16(coff[18:])&characteristicDLL != 0,
	}}
	count := int64(le.Uint16(coff[2:]))
	optionalSize := int64(le.Uint16(coff[16:]))
	off += coffHeaderSize
	optional, err := p.at(off, optionalSize)
	if err != nil {
		return nil, err
	}
	directories, err := h.parseOptional(optional)
	if err != nil {
		return nil, err
	}
	table, err := p.at(off+optionalSize, count*sectionSize)
	if err != nil {
		return nil, err
	}
	for ; len(table) > 0; table = table[sectionSize:] {
		h.sections = append(h.sections, sectionHeader{
			virtualAddress: le.Uint32(table[12:]),
			rawSize:        le.Uint32(table[16:]),
			rawOffset:      le.Uint32(table[20:]),
		})
	}
	if len(directories) < 8*(directoryResource+1) {
		return h, nil
	}
	rva := le.Uint32(directories[8*directoryResource:])
	if rva == 0 {
		return h, nil
	}
	s, root, ok := h.locate(rva)
	if !ok {
		return h, fmt.Errorf("%w: the resource directory at RVA %#x is in no section", ErrFormat, rva)
	}
	h.resources = resourceRange{start: int64(s.rawOffset), root: root, end: int64(s.rawOffset) + int64(s.rawSize)}
	return h, nil
}

// parseOptional reads the optional header and returns its data directories.
func (h *headers) parseOptional(b []byte) ([]byte, error) {
	if len(b) < 2 {
		return nil, fmt.Errorf("%w: no optional header", ErrFormat)
	}
	fixed := 96
	switch magic := le.Uint16(b); magic {
	case optionalPE32:
		h.info.Format = PE32
	case optionalPE32Plus:
		h.info.Format = PE32Plus
		fixed = 112
	default:
		return nil, fmt.Errorf("%w: optional header magic %#x", ErrFormat, magic)
	}
	if len(b) < fixed {
		return nil, fmt.Errorf("%w: optional header of %d bytes", ErrFormat, len(b))
	}
	count := int64(le.Uint32(b[fixed-4:]))
	directories := b[fixed:]
	return directories[:min(int64(len(directories)), 8*count)], nil
}

// locate finds the section and the file offset of a relative virtual address that
// is backed by bytes of the file.
func (h *headers) locate(rva uint32) (sectionHeader, int64, bool) {
	for _, s := range h.sections {
		if rva >= s.virtualAddress && rva-s.virtualAddress < s.rawSize {
			return s, int64(s.rawOffset) + int64(rva-s.virtualAddress), true
		}
	}
	return sectionHeader{}, 0, false
}

// The resource table of an NE file.
const (
	neTypeSize    = 8
	neNameSize    = 12
	neTypeVersion = 0x8000 | typeVersion // the high bit says: a number, not a name
	neMaxShift    = 16
)

func parseNE(p prefix, off int64) (*headers, error) {
	ne, err := p.at(off, neHeaderSize)
	if err != nil {
		return nil, err
	}
	h := &headers{info: Info{
		Format:  NE,
		Machine: MachineX86NE,
		DLL:     le.Uint16(ne[12:])&neFlagLibrary != 0,
	}}
	table, names := int64(le.Uint16(ne[36:])), int64(le.Uint16(ne[38:]))
	if table == names {
		return h, nil // no resources
	}
	b, err := p.at(off+table, 2)
	if err != nil {
		return nil, err
	}
	shift := le.Uint16(b)
	if shift > neMaxShift {
		return h, fmt.Errorf("%w: resource alignment of 2^%d bytes", ErrFormat, shift)
	}
	for at := off + table + 2; ; {
		b, err := p.at(at, 2)
		if err != nil {
			return nil, err
		}
		kind := le.Uint16(b)
		if kind == 0 {
			return h, nil
		}
		if b, err = p.at(at, neTypeSize); err != nil {
			return nil, err
		}
		count := int64(le.Uint16(b[2:]))
		entries, err := p.at(at+neTypeSize, count*neNameSize)
		if err != nil {
			return nil, err
		}
		at += neTypeSize + count*neNameSize
		if kind != neTypeVersion {
			continue
		}
		for ; len(entries) > 0; entries = entries[neNameSize:] {
			if len(h.leaves) == maxLeaves {
				return h, fmt.Errorf("%w: more than %d version resources", ErrLimit, maxLeaves)
			}
			h.leaves = append(h.leaves, leaf{
				id:     uint32(le.Uint16(entries[6:]) &^ 0x8000),
				offset: int64(le.Uint16(entries)) << shift,
				size:   min(int64(le.Uint16(entries[2:]))<<shift, maxVersion),
			})
		}
	}
}
