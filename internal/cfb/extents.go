package cfb

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"sort"
	"sync"
)

// table is a sector allocation table: the FAT, or the mini FAT ([MS-CFB] 2.3,
// 2.4). Its sectors are read when they are first needed.
type table struct {
	r       *Reader
	sectors []uint32 // where the table itself lies

	mu     sync.Mutex
	loaded map[uint32][]byte
}

// load returns sector i of the table.
func (t *table) load(i uint32) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if b, ok := t.loaded[i]; ok {
		return b, nil
	}
	b := make([]byte, t.r.sectorSize)
	if err := readFull(t.r.r, t.r.size, b, t.r.offset(t.sectors[i])); err != nil {
		return nil, err
	}
	if t.loaded == nil {
		t.loaded = make(map[uint32][]byte)
	}
	t.loaded[i] = b
	return b, nil
}

// chain follows chains in a table. It keeps the sector of the table at hand in
// which the last link was.
type chain struct {
	table *table
	at    uint32
	links []byte
}

// next returns the sector that follows n.
func (c *chain) next(n uint32) (uint32, error) {
	perSector := uint32(c.table.r.sectorSize / 4)
	i := n / perSector
	if int64(i) >= int64(len(c.table.sectors)) {
		return 0, fmt.Errorf("sector %d is beyond the allocation table: %w", n, ErrFormat)
	}
	if c.links == nil || c.at != i {
		links, err := c.table.load(i)
		if err != nil {
			return 0, err
		}
		c.at, c.links = i, links
	}
	return binary.LittleEndian.Uint32(c.links[4*(n%perSector):]), nil
}

// offset returns where a sector begins: the header takes the room of one.
func (c *Reader) offset(sector uint32) int64 {
	return (int64(sector) + 1) * c.sectorSize
}

// extent is a run of bytes of a stream that lie together in the file.
type extent struct {
	at, offset, length int64 // position in the stream, position in the file
}

// extents is the content of a stream. Behind the last extent stands the reason
// why a stream ends before its size.
type extents struct {
	r    io.ReaderAt
	runs []extent
	end  int64
	err  error
}

func (x *extents) add(offset, length int64) {
	if n := len(x.runs); n > 0 && x.runs[n-1].offset+x.runs[n-1].length == offset {
		x.runs[n-1].length += length
	} else {
		x.runs = append(x.runs, extent{at: x.end, offset: offset, length: length})
	}
	x.end += length
}

// checkOverlap makes it an error that a chain runs through a sector twice, which
// only a cycle does.
func (x *extents) checkOverlap() {
	sorted := slices.SortedFunc(slices.Values(x.runs), func(a, b extent) int { return cmp.Compare(a.offset, b.offset) })
	for i := 1; i < len(sorted); i++ {
		if sorted[i-1].offset+sorted[i-1].length > sorted[i].offset {
			x.runs, x.end = nil, 0
			x.err = fmt.Errorf("the chain of sectors is a cycle: %w", ErrFormat)
			return
		}
	}
}

// find returns the extent that holds position at, which is below x.end.
func (x *extents) find(at int64) int {
	return sort.Search(len(x.runs), func(i int) bool { return x.runs[i].at > at }) - 1
}

// ReadAt implements io.ReaderAt.
func (x *extents) ReadAt(p []byte, at int64) (int, error) {
	read := 0
	for i := x.find(at); i >= 0 && i < len(x.runs) && read < len(p); i++ {
		run := x.runs[i]
		skip := at + int64(read) - run.at
		if skip >= run.length {
			continue
		}
		want := p[read:min(int64(len(p)), int64(read)+run.length-skip)]
		n, err := x.r.ReadAt(want, run.offset+skip)
		read += n
		if n < len(want) {
			if err == nil || err == io.EOF {
				err = ErrTruncated
			}
			return read, err
		}
	}
	if read < len(p) {
		if x.err != nil {
			return read, x.err
		}
		return read, io.EOF
	}
	return read, nil
}

// walk follows the chain of a stream in the FAT. A stream that leaves the file
// ends there with ErrTruncated: behind the cut nothing says whether later
// sectors are what they were.
func (c *Reader) walk(start uint32, size int64) *extents {
	x := &extents{r: c.r}
	defer x.checkOverlap()
	links := chain{table: &c.fat}
	budget := c.size/c.sectorSize + 1
	sector := start
	for x.end < size {
		if sector >= maxRegSect {
			x.err = fmt.Errorf("the chain ends after %d of %d bytes: %w", x.end, size, ErrFormat)
			return x
		}
		if budget--; budget < 0 {
			x.err = fmt.Errorf("the chain of sectors is a cycle: %w", ErrFormat)
			return x
		}
		length := min(c.sectorSize, size-x.end)
		offset := c.offset(sector)
		if offset+length > c.size {
			if offset < c.size {
				x.add(offset, c.size-offset)
			}
			x.err = fmt.Errorf("after %d of %d bytes: %w", x.end, size, ErrTruncated)
			return x
		}
		x.add(offset, length)
		if x.end == size {
			break
		}
		var err error
		if sector, err = links.next(sector); err != nil {
			x.err = fmt.Errorf("after %d of %d bytes: %w", x.end, size, err)
			return x
		}
	}
	return x
}

// miniStream is the stream that the mini sectors lie in: that of the root entry.
func (c *Reader) miniStream() *extents {
	c.miniOnce.Do(func() { c.miniExt = c.walk(c.miniStart, c.miniSize) })
	return c.miniExt
}

// walkMini follows the chain of a small stream in the mini FAT, whose sectors
// lie in the mini stream.
func (c *Reader) walkMini(start uint32, size int64) *extents {
	stream := c.miniStream()
	x := &extents{r: c.r}
	defer x.checkOverlap()
	links := chain{table: &c.mini}
	sector := start
	for x.end < size {
		if sector >= maxRegSect {
			x.err = fmt.Errorf("the chain ends after %d of %d bytes: %w", x.end, size, ErrFormat)
			return x
		}
		// A chain of at most 64 mini sectors cannot run far: the size bounds it.
		length := min(miniSectorSize, size-x.end)
		at := int64(sector) * miniSectorSize
		if at+length > stream.end {
			x.err = fmt.Errorf("after %d of %d bytes: mini sector %d: %w", x.end, size, sector, ErrFormat)
			if stream.err != nil {
				x.err = fmt.Errorf("after %d of %d bytes: %w", x.end, size, stream.err)
			}
			return x
		}
		run := stream.runs[stream.find(at)]
		x.add(run.offset+at-run.at, length)
		if x.end == size {
			break
		}
		var err error
		if sector, err = links.next(sector); err != nil {
			x.err = fmt.Errorf("after %d of %d bytes: %w", x.end, size, err)
			return x
		}
	}
	return x
}

// Open returns the content of a stream; a storage has none. Streams are safe
// for concurrent use, and reading one needs no memory beyond the caller's
// buffer. Where the file does not hold all of Size, the reader delivers what is
// there and then fails with ErrTruncated (the file is cut off) or ErrFormat
// (its tables are wrong).
func (e *Entry) Open() *io.SectionReader {
	return io.NewSectionReader(e.content(), 0, e.Size)
}

// content walks the chain of a stream when it is first needed.
func (e *Entry) content() *extents {
	e.once.Do(func() {
		switch {
		case e.Size == 0:
			e.ext = &extents{r: e.reader.r}
		case e.Size < miniStreamCutoff:
			e.ext = e.reader.walkMini(e.start, e.Size)
		default:
			e.ext = e.reader.walk(e.start, e.Size)
		}
		if e.ext.err != nil {
			e.ext.err = fmt.Errorf("cfb: stream %q: %w", cmp.Or(e.Title, e.Name), e.ext.err)
		}
	})
	return e.ext
}
