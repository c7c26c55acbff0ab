package pe

import (
	"fmt"
)

// MaxResources bounds the bytes of one file's resources that are kept in memory.
// Resource directories and version resources of real files have a few KiB.
const MaxResources = 4 << 20

const (
	// maxVersion is the largest size of a version resource: its length has 16 bits.
	maxVersion = 1<<16 - 1
	// maxLeaves bounds the version resources of one file.
	maxLeaves = 256
)

// The resource tree ("PE Format", The .rsrc Section).
const (
	directorySize = 16
	entrySize     = 8
	dataEntrySize = 16
	subdirectory  = 1 << 31 // also: the identifier is the offset of a name

	typeVersion   = 16 // RT_VERSION
	versionInfoID = 1  // VS_VERSION_INFO
)

// leaf is one version resource.
type leaf struct {
	id       uint32
	language uint16
	offset   int64 // in the file
	size     int64
}

// entry is one line of a resource directory.
type entry struct {
	id     uint32 // 0 for an entry with a name
	offset uint32
}

func (p prefix) directory(off int64) ([]entry, error) {
	b, err := p.at(off, directorySize)
	if err != nil {
		return nil, err
	}
	count := int64(le.Uint16(b[12:])) + int64(le.Uint16(b[14:]))
	if b, err = p.at(off+directorySize, count*entrySize); err != nil {
		return nil, err
	}
	entries := make([]entry, 0, count)
	for ; len(b) > 0; b = b[entrySize:] {
		e := entry{id: le.Uint32(b), offset: le.Uint32(b[4:])}
		if e.id&subdirectory != 0 {
			e.id = 0
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// versionLeaves walks the three levels of the tree, type, name and language, down
// to the version resources. p starts at the root of the tree. It returns a
// needError while p is too short.
func (h *headers) versionLeaves(p prefix) ([]leaf, error) {
	types, err := p.directory(0)
	if err != nil {
		return nil, err
	}
	var leaves []leaf
	for _, t := range types {
		if t.id != typeVersion || t.offset&subdirectory == 0 {
			continue
		}
		names, err := p.directory(int64(t.offset &^ subdirectory))
		if err != nil {
			return nil, err
		}
		if len(names) > maxLeaves {
			return nil, fmt.Errorf("%w: %d version resources", ErrLimit, len(names))
		}
		for _, n := range names {
			if n.offset&subdirectory == 0 {
				return nil, fmt.Errorf("%w: a version resource without language level", ErrFormat)
			}
			languages, err := p.directory(int64(n.offset &^ subdirectory))
			if err != nil {
				return nil, err
			}
			if len(leaves)+len(languages) > maxLeaves {
				return nil, fmt.Errorf("%w: more than %d version resources", ErrLimit, maxLeaves)
			}
			for _, l := range languages {
				if l.offset&subdirectory != 0 {
					return nil, fmt.Errorf("%w: a fourth level in the resource tree", ErrFormat)
				}
				b, err := p.at(int64(l.offset), dataEntrySize)
				if err != nil {
					return nil, err
				}
				rva := le.Uint32(b)
				s, offset, ok := h.locate(rva)
				if !ok {
					return nil, fmt.Errorf("%w: the version resource at RVA %#x is in no section", ErrFormat, rva)
				}
				leaves = append(leaves, leaf{
					id:       n.id,
					language: uint16(l.id),
					offset:   offset,
					size:     min(int64(le.Uint32(b[4:])), int64(s.rawOffset)+int64(s.rawSize)-offset, maxVersion),
				})
			}
		}
		break // Windows uses the first
	}
	return leaves, nil
}
