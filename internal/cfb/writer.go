package cfb

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
)

// Node is one storage or stream to be written.
type Node struct {
	// Name is the name, first character included; RawName, where it is not
	// nil, takes its place. At most 31 UTF-16 code units. The root's is not
	// used.
	Name      string
	RawName   []uint16
	IsStorage bool
	CLSID     [16]byte
	StateBits uint32
	Created   uint64 // FILETIME; storages only
	Modified  uint64
	Children  []*Node
	// Size is the number of bytes of a stream, all of which the reader that
	// Open returns must deliver. Open is called once, and not at all for an
	// empty stream.
	Size int64
	Open func() (io.Reader, error)
}

// WriteOptions chooses among what the format allows.
type WriteOptions struct {
	// Version is 3 (sectors of 512 bytes, up to 2 GiB) or 4 (4096 bytes).
	// 0 takes version 3 as long as the content fits.
	Version int
}

const (
	maxVersion3 = 1 << 31 // [MS-CFB] 2.6.1: stream and file sizes of version 3
	// rangeLock is the file offset whose sector no stream may use
	// ([MS-CFB] 2.8).
	rangeLock = 0x7FFFFF00
)

// Write writes the storage root, and all that is below it, as a compound file.
// w is written in one forward pass; streams are opened one after another, and
// only the directory and the allocation tables are held in memory. The same
// arguments give the same bytes.
func Write(w io.Writer, root *Node, o WriteOptions) error {
	version := o.Version
	l, err := newLayout(root)
	if err != nil {
		return err
	}
	switch version {
	case 0:
		version = 3
		if l.total() >= maxVersion3-maxVersion3/64 {
			version = 4
		}
	case 3, 4:
	default:
		return fmt.Errorf("cfb: there is no version %d: %w", version, ErrFormat)
	}
	if err := l.place(version); err != nil {
		return err
	}
	b := bufio.NewWriterSize(w, chunkSize)
	out := &sectorWriter{w: b, sectorSize: l.sectorSize, chunk: make([]byte, min(chunkSize, l.longest()))}
	if err := l.write(out); err != nil {
		return err
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("cfb: %w", err)
	}
	return nil
}

// write writes all parts in the order of their sectors.
func (l *layout) write(out *sectorWriter) error {
	out.lock = int64(l.lock)
	out.raw(l.header())
	l.writeDIFAT(out)
	l.writeTable(out, l.fat, len(l.fatAt))
	for _, it := range l.items {
		out.raw(l.entry(it))
	}
	unused := l.entry(&item{node: &Node{}, left: noStream, right: noStream, child: noStream})
	for out.partial() {
		out.raw(unused)
	}
	l.writeTable(out, l.mini, len(l.miniFAT))
	for _, it := range l.items {
		if l.isMini(it) {
			if err := out.stream(it); err != nil {
				return err
			}
			out.pad(miniSectorSize)
		}
	}
	out.pad(l.sectorSize)
	for _, it := range l.items {
		if it.kind == objectStream && it.size >= miniStreamCutoff {
			if err := out.stream(it); err != nil {
				return err
			}
			out.pad(l.sectorSize)
		}
	}
	return out.err
}

// header encodes the header ([MS-CFB] 2.2), padded to a sector.
func (l *layout) header() []byte {
	h := make([]byte, l.sectorSize)
	le := binary.LittleEndian
	le.PutUint64(h, signature)
	le.PutUint16(h[24:], 0x003E) // minor version
	le.PutUint16(h[26:], uint16(l.version))
	le.PutUint16(h[28:], 0xFFFE) // byte order
	le.PutUint16(h[30:], uint16(bits.TrailingZeros(uint(l.sectorSize))))
	le.PutUint16(h[32:], uint16(bits.TrailingZeros(miniSectorSize)))
	if l.version == 4 {
		le.PutUint32(h[40:], uint32(len(l.dirAt)))
	}
	le.PutUint32(h[44:], uint32(len(l.fatAt)))
	le.PutUint32(h[48:], l.dirAt[0])
	le.PutUint32(h[56:], miniStreamCutoff)
	le.PutUint32(h[60:], firstOf(l.miniFAT))
	le.PutUint32(h[64:], uint32(len(l.miniFAT)))
	le.PutUint32(h[68:], firstOf(l.difatAt))
	le.PutUint32(h[72:], uint32(len(l.difatAt)))
	for i := range headerDIFAT {
		at := uint32(freeSect)
		if i < len(l.fatAt) {
			at = l.fatAt[i]
		}
		le.PutUint32(h[76+4*i:], at)
	}
	return h
}

func firstOf(sectors []uint32) uint32 {
	if len(sectors) == 0 {
		return endOfChain
	}
	return sectors[0]
}

// writeDIFAT writes the locations of the FAT sectors that the header has no
// room for ([MS-CFB] 2.5).
func (l *layout) writeDIFAT(out *sectorWriter) {
	perSector := int(l.sectorSize/4) - 1
	for i := range l.difatAt {
		b := make([]byte, 0, l.sectorSize)
		for j := range perSector {
			at := uint32(freeSect)
			if n := headerDIFAT + i*perSector + j; n < len(l.fatAt) {
				at = l.fatAt[n]
			}
			b = binary.LittleEndian.AppendUint32(b, at)
		}
		next := uint32(endOfChain)
		if i+1 < len(l.difatAt) {
			next = l.difatAt[i+1]
		}
		out.raw(binary.LittleEndian.AppendUint32(b, next))
	}
}

// writeTable writes an allocation table, its unused end marked free.
func (l *layout) writeTable(out *sectorWriter, entries []uint32, sectors int) {
	perSector := int(l.sectorSize / 4)
	b := make([]byte, 0, l.sectorSize)
	for i := range sectors * perSector {
		v := uint32(freeSect)
		if i < len(entries) {
			v = entries[i]
		}
		if b = binary.LittleEndian.AppendUint32(b, v); len(b) == cap(b) {
			out.raw(b)
			b = b[:0]
		}
	}
}

// entry encodes a directory entry ([MS-CFB] 2.6.1).
func (l *layout) entry(it *item) []byte {
	b := make([]byte, entrySize)
	le := binary.LittleEndian
	for i, u := range it.name {
		le.PutUint16(b[2*i:], u)
	}
	if it.kind != objectUnallocated {
		le.PutUint16(b[64:], uint16(2*len(it.name)+2))
		if !it.red {
			b[67] = 1
		}
	}
	b[66] = it.kind
	le.PutUint32(b[68:], it.left)
	le.PutUint32(b[72:], it.right)
	le.PutUint32(b[76:], it.child)
	if it.kind == objectRoot || it.kind == objectStorage {
		copy(b[80:], it.node.CLSID[:])
		if it.kind == objectStorage {
			le.PutUint64(b[100:], it.node.Created)
		}
		le.PutUint64(b[108:], it.node.Modified)
	}
	le.PutUint32(b[96:], it.node.StateBits)
	switch it.kind {
	case objectRoot, objectStream:
		le.PutUint32(b[116:], it.start)
	}
	le.PutUint64(b[120:], uint64(it.size))
	return b
}
