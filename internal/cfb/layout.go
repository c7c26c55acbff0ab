package cfb

import (
	"fmt"
	"math/bits"
	"slices"
	"unicode"
	"unicode/utf16"
)

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
