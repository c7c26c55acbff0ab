package authenticode

import (
	"crypto"
	"errors"
	"fmt"
	"hash"
)

// maxKept is how many bytes of a signed file a Collector keeps rather than digest
// them in ways that may not be needed.
const maxKept = 4 << 20

// Collector checks the signatures of a PE file that passes by once: it is written
// all bytes of the file in order. It keeps the certificate table, up to 4 MiB, and
// of a signed file up to 4 MiB more. A file that is unsigned or no PE file costs it
// nothing but a glance at the headers.
type Collector struct {
	o      Options
	head   []byte // until the layout is known
	want   int    // bytes of head
	layout layout
	err    error // set when there is nothing to digest

	pos    int64
	kept   []byte                    // what the digest covers, as long as hashes is nil
	hashes map[crypto.Hash]hash.Hash // of what the digest covers
	table  []byte
}

// NewCollector returns a Collector for one file.
func NewCollector(o Options) *Collector {
	return &Collector{o: o, want: dosHeaderSize}
}

// Write takes the next bytes of the file. It never fails.
func (c *Collector) Write(p []byte) (int, error) {
	n := len(p)
	for c.want > 0 && len(p) > 0 {
		k := min(c.want-len(c.head), len(p))
		c.head, p = append(c.head, p[:k]...), p[k:]
		if len(c.head) < c.want {
			break
		}
		c.layout, c.want, c.err = readLayout(c.head)
		if c.want == 0 && c.err == nil {
			c.digest(c.head)
		}
	}
	if c.want == 0 && c.err == nil {
		c.digest(p)
	}
	return n, nil
}

// digest takes the bytes at c.pos. The digest covers everything before the
// certificate table except the checksum and the table's directory entry
// ("Authenticode Portable Executable Signature Format", "Calculating the PE Image
// Hash"). That text goes from section to section; taking the bytes in file order
// gives the same digest and leaves no gap between sections uncovered.
func (c *Collector) digest(p []byte) {
	for _, part := range []struct {
		end     int64
		covered bool
	}{
		{c.layout.checksum, true},
		{c.layout.checksum + checksumSize, false},
		{c.layout.directory, true},
		{c.layout.directory + directorySize, false},
		{c.layout.table, true},
	} {
		k := min(max(part.end-c.pos, 0), int64(len(p)))
		if part.covered {
			c.cover(p[:k])
		}
		p = p[k:]
		c.pos += k
	}
	k := min(max(c.layout.tableEnd-c.pos, 0), int64(len(p)))
	c.table = append(c.table, p[:k]...)
	c.pos += int64(len(p))
}

// cover takes bytes that the digest covers. Which algorithm the signatures want
// stands behind the last of them: a small file waits for it, for a large one all are
// computed.
func (c *Collector) cover(p []byte) {
	if c.hashes == nil && len(c.kept)+len(p) <= maxKept {
		c.kept = append(c.kept, p...)
		return
	}
	if c.hashes == nil {
		c.begin(crypto.SHA1, crypto.SHA256, crypto.SHA384, crypto.SHA512)
	}
	for _, h := range c.hashes {
		h.Write(p)
	}
}

// begin starts digests with what was kept.
func (c *Collector) begin(algorithms ...crypto.Hash) {
	c.hashes = make(map[crypto.Hash]hash.Hash, len(algorithms))
	for _, algorithm := range algorithms {
		h := algorithm.New()
		h.Write(c.kept)
		c.hashes[algorithm] = h
	}
	c.kept = nil
}

// Finish is called after the last byte and returns the verdict. A file that is
// no PE file, or an unsigned one, has the status [None].
func (c *Collector) Finish() *Signature {
	if c.want > 0 || errors.Is(c.err, errNotSigned) {
		return &Signature{Status: None}
	}
	if c.err != nil {
		return unreadable(c.err)
	}
	if c.pos < c.layout.tableEnd {
		return unreadable(fmt.Errorf("%w: it ends at %d, the file at %d", errTable, c.layout.tableEnd, c.pos))
	}
	if c.pos > c.layout.tableEnd {
		return unreadable(fmt.Errorf("%w: %d bytes follow it, which no signature covers", errTable, c.pos-c.layout.tableEnd))
	}
	signatures, err := parseTable(c.table)
	if err != nil {
		return unreadable(err)
	}
	if c.hashes == nil {
		c.begin(hashesOf(signatures)...)
	}
	sums := make(map[crypto.Hash][]byte, len(c.hashes))
	for h, state := range c.hashes {
		sums[h] = state.Sum(nil)
	}
	return judge(signatures, kindsPE, sums, c.o)
}

// unreadable is the verdict on a file whose signature is not where it should be,
// or not alone there.
func unreadable(err error) *Signature {
	return &Signature{Status: Invalid, Notes: []string{err.Error()}}
}
