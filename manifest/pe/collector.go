package pe

import (
	"errors"
	"fmt"
	"io"
)

// Collector finds the machine and the version resources of a file whose bytes
// come by once, in order. It keeps the headers, the resource tree and the version
// resources, at most maxHeaders + 2 × [MaxResources] bytes and rarely more than a
// few KiB; of a file that is no executable it keeps nothing.
type Collector struct {
	pos  int64
	need int64 // length of buf at which the next step is tried

	step func() // what to do when buf has the needed length; nil when done
	base int64  // file offset of buf[0]
	buf  []byte

	headers *headers
	leaves  []leaf
	data    [][]byte // of each leaf
	err     error
}

// NewCollector returns a Collector for one file.
func NewCollector() *Collector {
	c := &Collector{need: 2}
	c.step = c.readHeaders
	return c
}

// Write takes the next bytes of the file. It never fails.
func (c *Collector) Write(p []byte) (int, error) {
	size := len(p)
	start := c.pos
	for len(p) > 0 && c.step != nil {
		if c.pos < c.base {
			n := min(int64(len(p)), c.base-c.pos)
			p, c.pos = p[n:], c.pos+n
			continue
		}
		n := min(int64(len(p)), c.need-int64(len(c.buf)))
		c.buf = append(c.buf, p[:n]...)
		p, c.pos = p[n:], c.pos+n
		for c.step != nil && int64(len(c.buf)) >= c.need {
			c.step()
		}
	}
	c.collect(c.pos, p)
	c.pos = start + int64(size)
	return size, nil
}

// fail ends the collection with what is known so far.
func (c *Collector) fail(err error) {
	c.err, c.step, c.buf = err, nil, nil
}

// wait asks for a longer buffer when err is a needError, and fails otherwise.
func (c *Collector) wait(err error, limit, offset int64) {
	var need needError
	switch {
	case !errors.As(err, &need):
		c.fail(err)
	case int64(need)+offset > limit:
		c.fail(fmt.Errorf("%w: %d bytes of headers or resource directories", ErrLimit, int64(need)+offset))
	default:
		c.need = int64(need) + offset
	}
}

func (c *Collector) readHeaders() {
	h, err := parseHeaders(c.buf)
	var need needError
	if errors.As(err, &need) {
		c.wait(err, maxHeaders, 0)
		return
	}
	c.headers = h
	switch {
	case err != nil:
		c.fail(err)
	case h.resources == resourceRange{}:
		c.take(h.leaves)
	default:
		// From the start of the section, in case it has the data before the tree.
		base := h.resources.start
		if h.resources.root-base > MaxResources/2 {
			base = h.resources.root
		}
		if base < c.pos {
			c.buf = c.buf[base:]
		} else {
			c.buf = c.buf[:0]
		}
		c.base = base
		c.need = h.resources.root - base + directorySize
		c.step = c.readTree
	}
}

func (c *Collector) readTree() {
	skip := c.headers.resources.root - c.base
	leaves, err := c.headers.versionLeaves(prefix(c.buf[skip:]))
	var need needError
	switch end := c.headers.resources.end; {
	case err == nil:
		c.take(leaves)
	case errors.As(err, &need) && c.base+skip+int64(need) > end:
		c.fail(fmt.Errorf("%w: a resource directory reaches beyond its section, which ends at offset %d", ErrFormat, end))
	default:
		c.wait(err, MaxResources, skip)
	}
}

// take starts to collect the data of the leaves.
func (c *Collector) take(leaves []leaf) {
	var total int64
	for _, l := range leaves {
		total += l.size
	}
	if total > MaxResources {
		c.fail(fmt.Errorf("%w: %d bytes of version resources", ErrLimit, total))
		return
	}
	buf := c.buf
	c.leaves, c.data = leaves, make([][]byte, len(leaves))
	c.step, c.buf = nil, nil
	c.collect(c.base, buf)
}

// collect keeps the part of b, which stands at the file offset off, that belongs
// to the leaves.
func (c *Collector) collect(off int64, b []byte) {
	for i, l := range c.leaves {
		at := l.offset + int64(len(c.data[i])) // the next byte that is missing
		end := min(l.offset+l.size, off+int64(len(b)))
		if at >= off && at < end {
			c.data[i] = append(c.data[i], b[at-off:end-off]...)
		}
	}
}

// Finish says what was found when all bytes have come by. Errors wrap
// [ErrNotExecutable], [ErrFormat], [ErrTruncated] or [ErrLimit]; where the headers
// are sound and only the resources are not, Info is returned beside the error.
func (c *Collector) Finish() (*Info, error) {
	err := c.err
	if c.step != nil {
		err = c.cutOff()
	}
	if c.headers == nil {
		return nil, err
	}
	info := c.headers.info
	for i, l := range c.leaves {
		b := c.data[i]
		v, e := parseVersion(b, info.Format == NE)
		if int64(len(b)) < l.size {
			e = fmt.Errorf("%w: the version resource at offset %d has %d of %d bytes", ErrTruncated, l.offset, len(b), l.size)
			if l.offset < c.base {
				e = fmt.Errorf("%w: the version resource lies far before the resource directory", ErrLimit)
			}
		}
		if err == nil {
			err = e
		}
		v.ID, v.Language = l.id, l.language
		if v.Fixed != nil || v.Tables != nil {
			info.Versions = append(info.Versions, v)
		}
	}
	return &info, err
}

// cutOff is the error of a file that ended while more was needed.
func (c *Collector) cutOff() error {
	if c.headers == nil {
		if len(c.buf) < 2 || string(c.buf[:2]) != "MZ" {
			return fmt.Errorf("%w: it does not start with MZ", ErrNotExecutable)
		}
		if len(c.buf) < dosHeaderSize {
			return fmt.Errorf("%w: an MZ file of %d bytes", ErrNotExecutable, len(c.buf))
		}
		return fmt.Errorf("%w: the headers need %d bytes, the file has %d", ErrTruncated, c.need, c.pos)
	}
	return fmt.Errorf("%w: the resources need %d bytes, the file has %d", ErrTruncated, c.base+c.need, c.pos)
}

// read feeds a Collector with the parts that it asks for.
func read(r io.ReaderAt, size int64) (*Info, error) {
	c := NewCollector()
	for c.step != nil && c.pos < size {
		c.pos = max(c.pos, min(c.base, size))
		b := make([]byte, min(c.need-int64(len(c.buf)), size-c.pos))
		if err := readFull(r, b, c.pos); err != nil {
			return nil, err
		}
		c.Write(b)
	}
	for i, l := range c.leaves {
		b := make([]byte, max(0, min(l.size, size-l.offset)))
		if err := readFull(r, b, l.offset); err != nil {
			return nil, err
		}
		c.data[i] = b
	}
	return c.Finish()
}

// readFull reads all of b; io.EOF with the last byte is no error.
func readFull(r io.ReaderAt, b []byte, off int64) error {
	if n, err := r.ReadAt(b, off); n < len(b) {
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%w at offset %d", ErrTruncated, off+int64(n))
		}
		return err
	}
	return nil
}
