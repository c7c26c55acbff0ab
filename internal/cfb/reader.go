package cfb

import (
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"unicode/utf16"
)

// Reader gives access to the streams of one compound file. It is safe for
// concurrent use if the io.ReaderAt below it is.
type Reader struct {
	r          io.ReaderAt
	size       int64
	version    int
	sectorSize int64
	root       *Entry

	fat       table    // one entry per sector
	mini      table    // one entry per mini sector
	difat     []uint32 // sectors of the DIFAT
	directory []uint32 // sectors of the directory
	reached   []bool   // by directory entry: the tree reaches it

	miniStart uint32 // the mini stream: the stream of the root entry
	miniSize  int64
	miniOnce  sync.Once
	miniExt   *extents
}

// Entry is one storage or stream.
type Entry struct {
	// Name is the name as stored, its first character included even where it
	// does not print ("\x05SummaryInformation"). Unpaired surrogates become
	// U+FFFD; RawName holds the code units.
	Name    string
	RawName []uint16
	// Title is what errors call the entry, for formats that encode their
	// names; Name where it is empty. Set it before Open.
	Title string
	// IsStorage tells storages, which have Children, from streams, which have
	// a Size and can be opened.
	IsStorage bool
	CLSID     [16]byte // in stored order, [MS-DTYP] 2.3.4.2 packet form
	StateBits uint32
	Created   uint64 // FILETIME: 100 ns since 1601, UTC; 0 for none
	Modified  uint64
	// Size is what the directory claims, in bytes. A file that is cut off
	// may hold less.
	Size int64
	// Children are in the order of the directory ([MS-CFB] 2.6.4).
	Children []*Entry

	reader *Reader
	start  uint32
	once   sync.Once
	ext    *extents
}

// NewReader reads the structure of the compound file r of size bytes. A file
// whose end is missing opens as long as its tables and its directory are there.
// Errors are ErrFormat, ErrTruncated, ErrLimit, or those of r.
func NewReader(r io.ReaderAt, size int64) (*Reader, error) {
	h, err := readHeader(r, size)
	if err != nil {
		return nil, err
	}
	c := &Reader{r: r, size: size, version: h.version, sectorSize: h.sectorSize}
	c.fat, c.mini = table{r: c}, table{r: c}
	if err := c.readDIFAT(h); err != nil {
		return nil, err
	}
	directory, err := c.readDirectory(h.directory)
	if err != nil {
		return nil, err
	}
	if err := c.tree(directory); err != nil {
		return nil, err
	}
	if err := c.readMiniFAT(h); err != nil {
		return nil, err
	}
	if err := c.compareWithMSCFB(); err != nil {
		return nil, err
	}
	return c, nil
}

// Root returns the root storage.
func (c *Reader) Root() *Entry { return c.root }

// Version returns the major version: 3 (sectors of 512 bytes) or 4 (4096).
func (c *Reader) Version() int { return c.version }

// Child returns the child of that exact name, or nil.
func (e *Entry) Child(name string) *Entry {
	for _, child := range e.Children {
		if child.Name == name {
			return child
		}
	}
	return nil
}

// tree builds the entries that the tree of the directory reaches ([MS-CFB] 2.6).
func (c *Reader) tree(directory []byte) error {
	count := len(directory) / entrySize
	seen := make([]bool, count)
	c.reached = seen
	visit := func(id uint32) (*Entry, []byte, error) {
		if int64(id) >= int64(count) {
			return nil, nil, fmt.Errorf("cfb: directory entry %d of %d: %w", id, count, ErrFormat)
		}
		if seen[id] {
			return nil, nil, fmt.Errorf("cfb: directory entry %d occurs twice in the tree: %w", id, ErrFormat)
		}
		seen[id] = true
		raw := directory[id*entrySize:][:entrySize]
		e, err := c.entry(raw, id)
		return e, raw, err
	}

	root, raw, err := visit(0)
	if err != nil {
		return err
	}
	c.root = root
	type storage struct {
		entry *Entry
		child uint32
	}
	todo := []storage{{root, binary.LittleEndian.Uint32(raw[76:])}}
	for len(todo) > 0 {
		parent := todo[0]
		todo = todo[1:]
		type pending struct {
			entry *Entry
			raw   []byte
		}
		// Siblings form a binary tree: left, entry, right.
		var path []pending
		next := parent.child
		for next != noStream || len(path) > 0 {
			if next != noStream {
				e, raw, err := visit(next)
				if err != nil {
					return err
				}
				path = append(path, pending{e, raw})
				next = binary.LittleEndian.Uint32(raw[68:])
				continue
			}
			p := path[len(path)-1]
			path = path[:len(path)-1]
			parent.entry.Children = append(parent.entry.Children, p.entry)
			if child := binary.LittleEndian.Uint32(p.raw[76:]); p.entry.IsStorage {
				todo = append(todo, storage{p.entry, child})
			} else if child != noStream {
				return fmt.Errorf("cfb: stream %q has children: %w", p.entry.Name, ErrFormat)
			}
			next = binary.LittleEndian.Uint32(p.raw[72:])
		}
	}
	return nil
}

// entry decodes one directory entry ([MS-CFB] 2.6.1).
func (c *Reader) entry(raw []byte, id uint32) (*Entry, error) {
	e := &Entry{
		StateBits: binary.LittleEndian.Uint32(raw[96:]),
		Created:   binary.LittleEndian.Uint64(raw[100:]),
		Modified:  binary.LittleEndian.Uint64(raw[108:]),
		reader:    c,
		start:     binary.LittleEndian.Uint32(raw[116:]),
	}
	copy(e.CLSID[:], raw[80:96])

	length := int(binary.LittleEndian.Uint16(raw[64:]))
	if length < 2 || length > 2*(MaxName+1) || length%2 != 0 {
		return nil, fmt.Errorf("cfb: directory entry %d: name of %d bytes: %w", id, length, ErrFormat)
	}
	e.RawName = make([]uint16, length/2-1)
	for i := range e.RawName {
		e.RawName[i] = binary.LittleEndian.Uint16(raw[2*i:])
	}
	e.Name = string(utf16.Decode(e.RawName))

	switch kind := raw[66]; {
	case id == 0 && kind == objectRoot, id != 0 && kind == objectStorage:
		e.IsStorage = true
	case id != 0 && kind == objectStream:
	default:
		return nil, fmt.Errorf("cfb: directory entry %d %q: object type %d: %w", id, e.Name, kind, ErrFormat)
	}
	size := binary.LittleEndian.Uint64(raw[120:])
	if c.version == 3 {
		size &= 0xFFFFFFFF // [MS-CFB] 2.6.1: the high half may hold anything
	}
	// A stream cannot be larger than the sectors a file can have, whatever
	// was cut off from this one.
	if size > maxRegSect*uint64(c.sectorSize) {
		return nil, fmt.Errorf("cfb: directory entry %d %q: %d bytes: %w", id, e.Name, size, ErrFormat)
	}
	if e.IsStorage {
		if id == 0 {
			c.miniStart, c.miniSize = e.start, int64(size)
		}
		return e, nil
	}
	e.Size = int64(size)
	return e, nil
}
