package cfb

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"unicode"
	"unicode/utf16"
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

// item is a node with its place in the directory and in the file.
type item struct {
	node               *Node
	name               []uint16
	kind               byte
	red                bool
	left, right, child uint32
	start              uint32
	size               int64
}

// layout places everything that a file will hold.
type layout struct {
	items []*item

	version    int
	sectorSize int64

	fat      []uint32
	mini     []uint32
	lock     uint32   // the range lock sector
	fatAt    []uint32 // sectors of the FAT
	difatAt  []uint32
	dirAt    []uint32
	miniFAT  []uint32
	miniData []uint32
}

// newLayout lists the directory entries: the root first, the children of one
// storage together.
func newLayout(root *Node) (*layout, error) {
	l := &layout{items: []*item{{
		node: root, name: utf16.Encode([]rune("Root Entry")), kind: objectRoot,
		left: noStream, right: noStream, child: noStream, start: endOfChain,
	}}}
	for i := 0; i < len(l.items); i++ {
		parent := l.items[i]
		if !parent.node.IsStorage && parent.kind != objectRoot {
			if len(parent.node.Children) > 0 {
				return nil, fmt.Errorf("cfb: stream %q has children: %w", parent.node.Name, ErrFormat)
			}
			continue
		}
		children := make([]*item, 0, len(parent.node.Children))
		for _, node := range parent.node.Children {
			child, err := newItem(node)
			if err != nil {
				return nil, err
			}
			children = append(children, child)
		}
		slices.SortStableFunc(children, func(a, b *item) int { return compareNames(a.name, b.name) })
		for j := 1; j < len(children); j++ {
			if compareNames(children[j-1].name, children[j].name) == 0 {
				return nil, fmt.Errorf("cfb: two entries are named %q: %w", string(utf16.Decode(children[j].name)), ErrFormat)
			}
		}
		first := uint32(len(l.items))
		l.items = append(l.items, children...)
		parent.child = link(children, first, bits.Len(uint(len(children))))
		if parent.child != noStream {
			l.items[parent.child].red = false // an only child is its own root
		}
		if len(l.items) > MaxEntries {
			return nil, fmt.Errorf("cfb: more than %d directory entries: %w", MaxEntries, ErrLimit)
		}
	}
	return l, nil
}

func newItem(node *Node) (*item, error) {
	it := &item{
		node: node, name: node.RawName, kind: objectStream,
		left: noStream, right: noStream, child: noStream, start: endOfChain,
	}
	if it.name == nil {
		it.name = utf16.Encode([]rune(node.Name))
	}
	if len(it.name) == 0 || len(it.name) > MaxName {
		return nil, fmt.Errorf("cfb: the name %q has %d of at most %d characters: %w", node.Name, len(it.name), MaxName, ErrLimit)
	}
	if node.IsStorage {
		it.kind = objectStorage
		return it, nil
	}
	if node.Size < 0 {
		return nil, fmt.Errorf("cfb: stream %q: %d bytes: %w", node.Name, node.Size, ErrFormat)
	}
	it.size = node.Size
	return it, nil
}

// link joins sorted siblings, of which the first has the identifier first, to a
// balanced binary tree of the given height and returns its root. Only entries
// of the lowest level are red, so every path has the same number of black
// entries ([MS-CFB] 2.6.4).
func link(siblings []*item, first uint32, height int) uint32 {
	if len(siblings) == 0 {
		return noStream
	}
	m := len(siblings) / 2
	it := siblings[m]
	it.left = link(siblings[:m], first, height-1)
	it.right = link(siblings[m+1:], first+uint32(m)+1, height-1)
	it.red = height == 1
	return first + uint32(m)
}

// compareNames orders siblings: shorter names first, then by code unit in upper
// case ([MS-CFB] 2.6.4).
func compareNames(a, b []uint16) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	for i := range a {
		if d := int(upper(a[i])) - int(upper(b[i])); d != 0 {
			return d
		}
	}
	return 0
}

func upper(u uint16) uint16 {
	r := rune(u)
	if utf16.IsSurrogate(r) {
		return u
	}
	if up := unicode.ToUpper(r); up <= 0xFFFF {
		return uint16(up)
	}
	return u
}

// total estimates the size of the file from the sizes of its streams.
func (l *layout) total() int64 {
	var n int64
	for _, it := range l.items {
		n += it.size + entrySize
	}
	return n
}

// longest returns the size of the longest stream, 1 at least.
func (l *layout) longest() int64 {
	n := int64(1)
	for _, it := range l.items {
		n = max(n, it.size)
	}
	return n
}

func (l *layout) isMini(it *item) bool {
	return it.kind == objectStream && it.size > 0 && it.size < miniStreamCutoff
}

// place gives every part its sectors, in the order in which write writes them:
// DIFAT, FAT, directory, mini FAT, mini stream, streams.
func (l *layout) place(version int) error {
	l.version, l.sectorSize = version, 512
	if version == 4 {
		l.sectorSize = 4096
	}
	l.lock = rangeLock/uint32(l.sectorSize) - 1
	sectors := func(size int64) int64 { return (size + l.sectorSize - 1) / l.sectorSize }

	var miniSectors, content int64
	for _, it := range l.items {
		switch {
		case l.isMini(it):
			it.start = uint32(miniSectors)
			n := (it.size + miniSectorSize - 1) / miniSectorSize
			for range n - 1 {
				miniSectors++
				l.mini = append(l.mini, uint32(miniSectors))
			}
			miniSectors++
			l.mini = append(l.mini, endOfChain)
		case it.kind == objectStream:
			if version == 3 && it.size >= maxVersion3 {
				return fmt.Errorf("cfb: stream %q: %d bytes are too many for version 3: %w", it.node.Name, it.size, ErrLimit)
			}
			content += sectors(it.size)
		}
	}
	directory := sectors(int64(len(l.items)) * entrySize)
	miniFAT := sectors(miniSectors * 4)
	miniData := sectors(miniSectors * miniSectorSize)
	rest := content + directory + miniFAT + miniData + 1 // the range lock sector

	perSector := l.sectorSize / 4
	var fat, difat int64
	for {
		needFAT := (rest + fat + difat + perSector - 1) / perSector
		needDIFAT := (max(0, needFAT-headerDIFAT) + perSector - 2) / (perSector - 1)
		if needFAT == fat && needDIFAT == difat {
			break
		}
		fat, difat = needFAT, needDIFAT
	}
	if all := rest + fat + difat; all >= maxRegSect || version == 3 && all*l.sectorSize > maxVersion3 {
		return fmt.Errorf("cfb: %d sectors are too many for version %d: %w", all, version, ErrLimit)
	}

	l.difatAt = l.allocate(difat, difSect)
	l.fatAt = l.allocate(fat, fatSect)
	l.dirAt = l.chain(directory)
	l.miniFAT = l.chain(miniFAT)
	l.miniData = l.chain(miniData)
	if miniData > 0 {
		l.items[0].start, l.items[0].size = l.miniData[0], miniSectors*miniSectorSize
	}
	for _, it := range l.items {
		if it.kind == objectStream && it.size >= miniStreamCutoff {
			it.start = l.stream(sectors(it.size))
		}
	}
	return nil
}

// next returns the next free sector and marks the range lock sector when it is
// passed.
func (l *layout) next() uint32 {
	if uint32(len(l.fat)) == l.lock {
		l.fat = append(l.fat, endOfChain)
	}
	return uint32(len(l.fat))
}

// allocate takes n sectors and marks each of them.
func (l *layout) allocate(n int64, mark uint32) []uint32 {
	at := make([]uint32, n)
	for i := range at {
		at[i] = l.next()
		l.fat = append(l.fat, mark)
	}
	return at
}

// chain takes n sectors and links them.
func (l *layout) chain(n int64) []uint32 {
	at := l.allocate(n, endOfChain)
	for i := 1; i < len(at); i++ {
		l.fat[at[i-1]] = at[i]
	}
	return at
}

// stream takes and links n sectors of a stream and returns the first.
func (l *layout) stream(n int64) uint32 {
	first := l.next()
	last := first
	l.fat = append(l.fat, endOfChain)
	for range n - 1 {
		s := l.next()
		l.fat = append(l.fat, endOfChain)
		l.fat[last] = s
		last = s
	}
	return first
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

// sectorWriter writes sectors and steps over the range lock sector. The first
// error stays.
type sectorWriter struct {
	w          io.Writer
	sectorSize int64
	lock       int64 // number of the range lock sector
	offset     int64
	chunk      []byte // of a stream, on its way
	err        error
}

// chunkSize is how much is read and written at once.
const chunkSize = 1 << 16

// raw writes b.
func (s *sectorWriter) raw(b []byte) {
	for len(b) > 0 && s.err == nil {
		s.skipLock()
		n := min(int64(len(b)), s.room())
		s.write(b[:n])
		b = b[n:]
	}
}

// room returns how many bytes fit before the range lock sector.
func (s *sectorWriter) room() int64 {
	if at := (s.lock + 1) * s.sectorSize; s.offset < at {
		return at - s.offset
	}
	return 1 << 62
}

func (s *sectorWriter) skipLock() {
	if s.offset == (s.lock+1)*s.sectorSize {
		s.write(make([]byte, s.sectorSize))
	}
}

func (s *sectorWriter) write(b []byte) {
	if s.err != nil {
		return
	}
	n, err := s.w.Write(b)
	s.offset += int64(n)
	if err != nil {
		s.err = fmt.Errorf("cfb: %w", err)
	}
}

// Write lets a stream be copied into the file.
func (s *sectorWriter) Write(b []byte) (int, error) {
	s.raw(b)
	return len(b), s.err
}

// stream writes the content of a stream, which must be of the promised size.
func (s *sectorWriter) stream(it *item) error {
	r, err := it.node.Open()
	if err != nil {
		return fmt.Errorf("cfb: stream %q: %w", it.node.Name, err)
	}
	n, err := io.CopyBuffer(s, io.LimitReader(r, it.size), s.chunk)
	if closer, ok := r.(io.Closer); ok {
		closer.Close()
	}
	if s.err != nil {
		return s.err
	}
	if err == nil && n < it.size {
		return fmt.Errorf("cfb: stream %q: %d of %d bytes: %w", it.node.Name, n, it.size, ErrTruncated)
	}
	if err != nil {
		return fmt.Errorf("cfb: stream %q: %w", it.node.Name, err)
	}
	return nil
}

// partial reports whether the current sector is begun.
func (s *sectorWriter) partial() bool { return s.err == nil && s.offset%s.sectorSize != 0 }

// pad fills up to a multiple of unit with zeros.
func (s *sectorWriter) pad(unit int64) {
	if over := s.offset % unit; over != 0 {
		s.raw(make([]byte, unit-over))
	}
}
