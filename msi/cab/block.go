package cab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/hotfixkit/hotfixkit/internal/codec"
)

// A block is one CFDATA ([MS-CAB] 2.4), or the parts of one that is split over
// volumes.
type block struct {
	payload []byte
	size    int   // cbUncomp
	damage  error // ErrChecksum: the payload is not what was written; the sizes may be wrong too
	checked bool  // it has a checksum
}

// A blockReader reads the blocks of a folder in order.
type blockReader struct {
	folder *setFolder
	part   int   // index into folder.parts
	number int   // of the next block in the part
	next   int64 // where the reader continues after buf, in the part's cabinet
	buf    []byte
	off    int // buf[off:] is unread
}

// readAhead is how many bytes a blockReader asks its cabinet for at once.
const readAhead = 256 << 10

// readAheadAlone is the same where the same goroutine works on what was read: it
// should stay in the cache.
const readAheadAlone = 96 << 10

// open starts at the first block of folder, reading into buf.
func (r *blockReader) open(folder *setFolder, buf []byte) {
	*r = blockReader{folder: folder, buf: buf[:0]}
	r.startPart(0)
}

func (r *blockReader) startPart(i int) {
	r.part, r.number = i, 0
	r.next = r.folder.parts[i].folder().Offset
	r.buf, r.off = r.buf[:0], 0
}

// A blockPlace names a block in errors.
type blockPlace struct {
	part   folderPart
	number int
}

func (p blockPlace) wrap(err error) error {
	return &BlockError{p.part.cabinet.Name, p.part.index, p.number, p.part.folder().Blocks, err}
}

// place returns the place of the block that was read last.
func (r *blockReader) place() blockPlace {
	return blockPlace{r.folder.parts[r.part], r.number - 1}
}

// more reports whether another block follows, and moves to the part it is in.
func (r *blockReader) more() bool {
	for r.number == r.folder.parts[r.part].folder().Blocks {
		if r.part+1 == len(r.folder.parts) {
			return false
		}
		r.startPart(r.part + 1)
	}
	return true
}

// move continues in another buffer; the old one is not touched any more.
func (r *blockReader) move(buf []byte) {
	n := copy(buf[:cap(buf)], r.buf[r.off:])
	r.buf, r.off = buf[:n], 0
}

// buffered reports whether the next block can be read without changing what lies
// in the buffer before it.
func (r *blockReader) buffered() bool {
	c := r.folder.parts[r.part].cabinet
	unread := r.buf[r.off:]
	if r.number == r.folder.parts[r.part].folder().Blocks || len(unread) < dataSize+c.dataReserve {
		return false
	}
	size := int(binary.LittleEndian.Uint16(unread[4:]))
	return binary.LittleEndian.Uint16(unread[6:]) != 0 && len(unread) >= dataSize+c.dataReserve+size
}

// fill makes the next n bytes of the cabinet available at r.buf[r.off:], reading
// up to ahead bytes if it has to read. It may move what is in the buffer.
func (r *blockReader) fill(n, ahead int) error {
	if len(r.buf)-r.off >= n {
		return nil
	}
	c := r.folder.parts[r.part].cabinet
	r.buf = r.buf[:copy(r.buf, r.buf[r.off:])]
	r.off = 0
	old := len(r.buf)
	size := int(min(int64(min(cap(r.buf), max(n, ahead))-old), max(c.available-r.next, 0)))
	m, err := c.r.ReadAt(r.buf[old:old+size], c.start+r.next)
	r.buf = r.buf[:old+m]
	r.next += int64(m)
	switch {
	case len(r.buf) >= n:
		return nil
	case err != nil && !errors.Is(err, io.EOF):
		return err
	case r.next < c.available || c.available < c.Size:
		return fmt.Errorf("%w: the last %d bytes of the cabinet are missing", ErrTruncated, c.Truncated())
	}
	return fmt.Errorf("%w: the data run past the end of the cabinet", ErrFormat)
}

// read returns the next block; more must have reported true. The payload is valid
// until the buffer changes; that of a split block stays valid. An error ends the
// folder.
func (r *blockReader) read() (block, error) {
	r.number++
	b, err := r.readPart()
	if err != nil || b.size != 0 {
		return b, err
	}
	// [MS-CAB] 2.4: a block that continues in the next cabinet has cbUncomp 0.
	b.payload = slices.Clone(b.payload)
	for b.size == 0 {
		if p := r.folder.parts[r.part]; r.number < p.folder().Blocks {
			return b, fmt.Errorf("%w: it claims to continue in the next cabinet, but is not the last block", ErrFormat)
		}
		if !r.more() {
			return b, errFolderEnds
		}
		r.number++
		part, err := r.readPart()
		if err != nil {
			return b, err
		}
		b.payload = append(b.payload, part.payload...)
		if len(b.payload) > codec.MaxPayload {
			return b, fmt.Errorf("%w: its parts have more than %d bytes", ErrFormat, codec.MaxPayload)
		}
		b.size, b.checked = part.size, b.checked && part.checked
		if b.damage == nil {
			b.damage = part.damage
		}
	}
	return b, nil
}

// errFolderEnds: the rest of the last block is in a volume that is not there.
var errFolderEnds = errors.New("the folder continues in the next cabinet")

// A dataHeader is the CFDATA structure without its payload ([MS-CAB] 2.4).
type dataHeader struct {
	length   int    // of the header and its reserve
	checksum uint32 // csum
	packed   int    // cbData
	size     int    // cbUncomp
}

// peek returns the header at the reader's place.
func (r *blockReader) peek(ahead int) (h dataHeader, err error) {
	h.length = dataSize + r.folder.parts[r.part].cabinet.dataReserve
	if err := r.fill(h.length, ahead); err != nil {
		return h, err
	}
	fixed := r.buf[r.off:]
	h.checksum = binary.LittleEndian.Uint32(fixed)
	h.packed = int(binary.LittleEndian.Uint16(fixed[4:]))
	h.size = int(binary.LittleEndian.Uint16(fixed[6:]))
	return h, nil
}

// readPart returns what this cabinet holds of the next block.
func (r *blockReader) readPart() (block, error) {
	h, err := r.peek(readAhead)
	if err != nil {
		return block{}, err
	}
	if h.size > codec.MaxBlock || h.packed > codec.MaxPayload {
		return block{}, fmt.Errorf("%w: %d bytes from %d, more than a block may have", ErrFormat, h.size, h.packed)
	}
	if err := r.fill(h.length+h.packed, readAhead); err != nil {
		return block{}, err
	}
	header, payload := r.buf[r.off:][:h.length], r.buf[r.off+h.length:][:h.packed]
	r.off += h.length + h.packed
	b := block{payload: payload, size: h.size, checked: h.checksum != 0}
	if b.checked {
		// [MS-CAB] 2.4 lets the checksum cover abReserve; some writers leave it out.
		found := sum(payload) ^ sum(header[4:dataSize])
		if found != h.checksum && found^sum(header[dataSize:]) != h.checksum {
			b.damage = fmt.Errorf("%w: stored %08x, found %08x", ErrChecksum, h.checksum, found)
		}
	}
	return b, nil
}

// skip passes over the next stored block, unread and unchecked, and returns its
// size, if it has at most limit bytes. Otherwise it returns 0, and the block is to
// be read.
func (r *blockReader) skip(limit int64) int {
	h, err := r.peek(0)
	if err != nil || h.size == 0 || h.size != h.packed || int64(h.size) > limit {
		return 0
	}
	r.number++
	r.off += h.length + h.packed
	if beyond := r.off - len(r.buf); beyond > 0 {
		r.next += int64(beyond)
		r.buf, r.off = r.buf[:0], 0
	}
	return h.size
}
