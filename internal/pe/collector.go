package pe

import (
	"errors"
	"fmt"
	"io"

	"github.com/hotfixkit/hotfixkit/internal/magic"
)

// maxHeaders bounds the bytes that are kept to read the headers. 65,535 sections
// need 2.5 MiB; those of a real file end within a few KiB.
const maxHeaders = 3 << 20

// maxStub is how far from the start of the file a new header may begin for the
// bytes before it to be kept, too: small files have resources there.
const maxStub = 64 << 10

// Collector finds the machine and the version resources of a file whose bytes
// come by once, in order. It keeps the headers, the resource tree and the version
// resources, at most maxHeaders + 2 × [MaxResources] bytes and rarely more than a
// few KiB; of a file that is not an executable it keeps nothing.
type Collector struct {
	pos  int64
	need int64 // length of buf at which the next step is tried

	step   func() // what to do when buf has the needed length; nil when done
	base   int64  // file offset of buf[0]
	buf    []byte
	header int64 // offset of the new header in buf

	info     *Info // nil until the headers are read
	ne       neReader
	tree     resourceRange
	resource treeWalk
	leaves   []leaf
	data     [][]byte // of each leaf
	err      error
}

// NewCollector returns a Collector for one file.
func NewCollector() *Collector {
	c := &Collector{need: 2}
	c.step = c.readDOS
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

// move drops what was kept before the file offset base.
func (c *Collector) move(base int64) {
	c.buf = c.buf[min(base-c.base, int64(len(c.buf))):]
	c.base = base
}

func (c *Collector) readDOS() {
	offset, err := HeaderOffset(c.buf)
	switch {
	case err != nil && string(c.buf[:2]) == magic.Program && len(c.buf) < DOSHeaderSize:
		c.need = DOSHeaderSize
		return
	case err != nil:
		c.fail(err)
		return
	case offset > maxStub:
		c.move(offset)
	default:
		c.header = offset
	}
	c.need = c.header + signatureSize
	c.step = c.readHeaders
}

func (c *Collector) readHeaders() {
	signature := c.buf[c.header:][:signatureSize]
	switch {
	case string(signature) == "PE\x00\x00":
		c.step = c.readPE
	case string(signature[:2]) == "NE":
		c.step = c.readNE
	default:
		c.fail(fmt.Errorf("%w: an MZ file without a PE or NE header", ErrNotExecutable))
	}
}

func (c *Collector) readNE() {
	err := c.ne.read(c.buf, c.header)
	c.info = c.ne.info
	if err != nil {
		c.wait(err, maxHeaders, 0)
		return
	}
	c.take(c.ne.leaves)
}

func (c *Collector) readPE() {
	l, err := parseLayout(c.buf[c.header:], c.base+c.header)
	if err != nil {
		c.wait(err, maxHeaders, c.header)
		return
	}
	c.info = &Info{Format: l.Format, Machine: l.Machine, DLL: l.DLL, Timestamp: l.Timestamp}
	tree, err := l.resourceRange()
	switch {
	case err != nil:
		c.fail(err)
		return
	case tree == resourceRange{}:
		c.take(nil)
		return
	case tree.root < c.base:
		c.fail(fmt.Errorf("%w: the resources at offset %d lie before the headers", ErrFormat, tree.root))
		return
	}
	c.tree = tree
	c.resource = treeWalk{layout: l, kind: ResourceID{Number: TypeVersion}, limit: maxLeaves}
	// From the start of the section, in case it has the data before the tree.
	base := max(tree.start, c.base)
	if tree.root-base > MaxResources/2 {
		base = tree.root
	}
	c.move(base)
	c.need = tree.root - base + directorySize
	c.step = c.readTree
}

func (c *Collector) readTree() {
	skip := c.tree.root - c.base
	err := c.resource.run(prefix(c.buf[skip:]))
	var need needError
	switch {
	case err == nil:
		c.take(c.resource.versions())
	case errors.As(err, &need) && c.tree.root+int64(need) > c.tree.end:
		c.fail(beyondSection(c.tree.end))
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
// are sound and only the resources are not, Info is returned with the error.
func (c *Collector) Finish() (*Info, error) {
	err := c.err
	if c.step != nil {
		err = c.cutOff()
	}
	if c.info == nil {
		return nil, err
	}
	info := *c.info
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
	if c.tree != (resourceRange{}) {
		return fmt.Errorf("%w: the resources need %d bytes, the file has %d", ErrTruncated, c.base+c.need, c.pos)
	}
	if c.need <= DOSHeaderSize && c.base+c.header == 0 {
		if _, err := HeaderOffset(c.buf); err != nil {
			return err
		}
	}
	return headersCutOff(c.base+c.need, c.pos)
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
