package pe

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
)

// MaxResources bounds the bytes of one file's resources that are kept in memory.
// Resource directories and version resources of real files have a few KiB.
const MaxResources = 4 << 20

const (
	// maxVersion is the largest size of a version resource: its length has 16 bits.
	maxVersion = 1<<16 - 1
	// maxLeaves bounds the version resources of one file.
	maxLeaves = 256
	// maxFound bounds the resources of one type that [Layout.Resources] returns.
	maxFound = 4096
	// maxResourceName bounds the name of a resource, in UTF-16 code units.
	maxResourceName = 255
)

// The resource tree ("PE Format", The .rsrc Section).
const (
	directorySize = 16
	entrySize     = 8
	dataEntrySize = 16
	subdirectory  = 1 << 31 // also: the identifier is the offset of a name

	versionInfoID = 1 // VS_VERSION_INFO
)

// Types of resources.
const (
	TypeRCData  = 10 // RT_RCDATA
	TypeVersion = 16 // RT_VERSION
)

// ResourceID is a type or a name of resources: a name, or a number where that is
// empty.
type ResourceID struct {
	Number uint16
	Name   string
}

// String returns the name, or the number with a # before it.
func (id ResourceID) String() string {
	if id.Name != "" {
		return id.Name
	}
	return fmt.Sprintf("#%d", id.Number)
}

// Resource is one resource of a PE file.
type Resource struct {
	Name         ResourceID
	Language     uint16
	Offset, Size int64 // of its bytes in the file
}

// Resources returns the resources of a type in the order of the file, which r
// reads. Names of types compare without case, as Windows does. A resource is
// within the bytes of its section; whether the file has them is for the caller to
// check. Errors wrap [ErrFormat], [ErrTruncated] or [ErrLimit], or are those of r.
func (l *Layout) Resources(r io.ReaderAt, kind ResourceID) ([]Resource, error) {
	tree, err := l.resourceRange()
	if err != nil || tree == (resourceRange{}) {
		return nil, err
	}
	w := treeWalk{layout: l, kind: kind, limit: maxFound, names: true}
	if err := w.run(treeReader{r, tree}); err != nil {
		return nil, err
	}
	list := make([]Resource, 0, len(w.found))
	for _, f := range w.found {
		if f.size > f.room {
			return nil, fmt.Errorf("%w: the resource %v of %d bytes at offset %d reaches out of its section", ErrFormat, f.name, f.size, f.offset)
		}
		list = append(list, Resource{Name: f.name, Language: f.language, Offset: f.offset, Size: f.size})
	}
	return list, nil
}

// window gives bytes of a resource tree, by their distance from its root.
type window interface {
	at(off, n int64) ([]byte, error)
}

// treeReader is a tree in a file that can be read at random.
type treeReader struct {
	r    io.ReaderAt
	tree resourceRange
}

func (t treeReader) at(off, n int64) ([]byte, error) {
	if off < 0 || n < 0 || off > t.tree.end-t.tree.root-n {
		return nil, beyondSection(t.tree.end)
	}
	b := make([]byte, n)
	return b, readFull(t.r, b, t.tree.root+off)
}

func beyondSection(end int64) error {
	return fmt.Errorf("%w: a resource directory reaches beyond its section, which ends at offset %d", ErrFormat, end)
}

// Levels of the tree.
const (
	levelTypes = iota
	levelNames
	levelLanguages
	levelData
)

// treeNode is a directory or data entry of the tree that is still to be visited.
type treeNode struct {
	level    int
	offset   int64
	name     ResourceID
	language uint16
}

// found is a resource that a treeWalk came to.
type found struct {
	name     ResourceID
	language uint16
	offset   int64 // in the file
	size     int64 // as the tree has it
	room     int64 // bytes from offset to the end of the section
}

// treeWalk goes through the three levels of the tree, type, name and language,
// down to the resources of one type. When there are too few bytes it can be run
// again with more and goes on where it stopped.
type treeWalk struct {
	layout *Layout
	kind   ResourceID
	limit  int  // of resources
	names  bool // read the names of resources

	started bool
	queue   []treeNode
	found   []found
}

// run walks on. It returns a needError while p is too short.
func (w *treeWalk) run(p window) error {
	if !w.started {
		w.queue, w.started = []treeNode{{level: levelTypes}}, true
	}
	for len(w.queue) > 0 {
		if err := w.visit(p, w.queue[0]); err != nil {
			return err
		}
		w.queue = w.queue[1:]
	}
	return nil
}

func (w *treeWalk) visit(p window, n treeNode) error {
	if n.level == levelData {
		return w.readData(p, n)
	}
	b, err := readDirectory(p, n.offset)
	if err != nil {
		return err
	}
	var below []treeNode
	for ; len(b) > 0; b = b[entrySize:] {
		id, offset := le.Uint32(b), le.Uint32(b[4:])
		child := treeNode{level: n.level + 1, offset: int64(offset &^ subdirectory), name: n.name}
		if n.level == levelTypes {
			ok, err := w.matches(p, id)
			if err != nil {
				return err
			}
			if ok && offset&subdirectory != 0 {
				below = append(below, child)
				break // Windows uses the first
			}
			continue
		}
		switch isDirectory := offset&subdirectory != 0; {
		case isDirectory && n.level == levelLanguages:
			return fmt.Errorf("%w: a fourth level in the resource tree", ErrFormat)
		case isDirectory:
			if child.name, err = w.readName(p, id); err != nil {
				return err
			}
		case n.level == levelNames:
			return fmt.Errorf("%w: a resource without language level", ErrFormat)
		default:
			child.language = uint16(id)
		}
		if below = append(below, child); len(below)+len(w.queue)+len(w.found) > w.limit+1 {
			return fmt.Errorf("%w: more than %d resources of the type %v", ErrLimit, w.limit, w.kind)
		}
	}
	w.queue = append(w.queue, below...)
	return nil
}

// readDirectory returns the entries of the directory at off, as bytes.
func readDirectory(p window, off int64) ([]byte, error) {
	b, err := p.at(off, directorySize)
	if err != nil {
		return nil, err
	}
	count := int64(le.Uint16(b[12:])) + int64(le.Uint16(b[14:]))
	return p.at(off+directorySize, count*entrySize)
}

// matches reports whether an identifier is that of the type.
func (w *treeWalk) matches(p window, id uint32) (bool, error) {
	if id&subdirectory == 0 || w.kind.Name == "" {
		return id == uint32(w.kind.Number) && w.kind.Name == "", nil
	}
	at := int64(id &^ subdirectory)
	b, err := p.at(at, 2)
	if err != nil || int(le.Uint16(b)) != len(utf16.Encode([]rune(w.kind.Name))) {
		return false, err
	}
	name, err := readUTF16(p, at)
	return strings.EqualFold(name, w.kind.Name), err
}

// readName returns what an identifier says, as far as w needs it.
func (w *treeWalk) readName(p window, id uint32) (ResourceID, error) {
	if id&subdirectory == 0 {
		return ResourceID{Number: uint16(id)}, nil
	}
	if !w.names {
		return ResourceID{}, nil
	}
	name, err := readUTF16(p, int64(id&^subdirectory))
	return ResourceID{Name: name}, err
}

// readUTF16 reads a name: its length in code units, then these.
func readUTF16(p window, off int64) (string, error) {
	b, err := p.at(off, 2)
	if err != nil {
		return "", err
	}
	length := int64(le.Uint16(b))
	if length > maxResourceName {
		return "", fmt.Errorf("%w: a resource name of %d characters", ErrLimit, length)
	}
	if b, err = p.at(off+2, 2*length); err != nil {
		return "", err
	}
	units := make([]uint16, length)
	for i := range units {
		units[i] = le.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units)), nil
}

func (w *treeWalk) readData(p window, n treeNode) error {
	b, err := p.at(n.offset, dataEntrySize)
	if err != nil {
		return err
	}
	rva := le.Uint32(b)
	s, offset, ok := w.layout.locate(rva)
	if !ok {
		return fmt.Errorf("%w: the resource %v at RVA %#x is in no section", ErrFormat, n.name, rva)
	}
	w.found = append(w.found, found{n.name, n.language, offset, int64(le.Uint32(b[4:])), s.Offset + s.Size - offset})
	return nil
}

// leaf is one version resource.
type leaf struct {
	id       uint32
	language uint16
	offset   int64 // in the file
	size     int64
}

// versions returns what a walk for version resources found.
func (w *treeWalk) versions() []leaf {
	list := make([]leaf, 0, len(w.found))
	for _, f := range w.found {
		list = append(list, leaf{uint32(f.name.Number), f.language, f.offset, min(f.size, f.room, maxVersion)})
	}
	return list
}

// readFull reads all of b; io.EOF with the last byte is not an error.
func readFull(r io.ReaderAt, b []byte, off int64) error {
	if n, err := r.ReadAt(b, off); n < len(b) {
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%w at offset %d", ErrTruncated, off+int64(n))
		}
		return err
	}
	return nil
}
