package authenticode

import (
	"crypto"
	"errors"
	"fmt"
	"hash"
	"math"

	"github.com/hotfixkit/hotfixkit/internal/pe"
)

// maxKept is how many bytes of a signed file a Collector keeps rather than digest
// them in ways that may not be needed.
const maxKept = 4 << 20

// Collector checks the signatures of a PE file that passes by once: it is written
// all bytes of the file in order. It keeps the certificate table, up to 4 MiB, and
// of a signed file up to 4 MiB more. A file that is unsigned or not a PE file costs it
// nothing but a glance at the headers.
type Collector struct {
	o      Options
	head   []byte // from base on, until the layout is known
	want   int    // bytes of head; 0 when the layout is known
	base   int64
	start  int64 // of the new header in the file; 0 until it is known
	layout layout
	err    error // set when there is no signature to check
	isPE   bool  // an unsigned PE file that a catalog may list

	pos    int64
	kept   []byte                    // what the digest covers, as long as hashes is nil
	hashes map[crypto.Hash]hash.Hash // of what the digest covers
	table  []byte

	signatures []*embedded // when they are known before the table comes by

	flat map[crypto.Hash]hash.Hash // of all bytes, where there are catalogs
}

// allHashes are the digests that a signature may have.
var allHashes = []crypto.Hash{crypto.SHA1, crypto.SHA256, crypto.SHA384, crypto.SHA512}

// NewCollector returns a Collector for one file.
func NewCollector(o Options) *Collector {
	c := &Collector{o: o, want: pe.DOSHeaderSize}
	if len(o.Catalogs) > 0 {
		c.flat = newHashes(catalogHashes)
		c.begin(allHashes...)
	}
	return c
}

// Write takes the next bytes of the file. It never fails.
func (c *Collector) Write(p []byte) (int, error) {
	n := len(p)
	for _, h := range c.flat {
		h.Write(p)
	}
	for c.want > 0 && len(p) > 0 {
		if c.pos < c.base {
			k := min(c.base-c.pos, int64(len(p)))
			c.cover(p[:k])
			c.pos, p = c.pos+k, p[k:]
			continue
		}
		k := min(c.want-len(c.head), len(p))
		c.head, p = append(c.head, p[:k]...), p[k:]
		if len(c.head) == c.want {
			c.readHead()
		}
	}
	if c.want == 0 && c.hashesPE() {
		c.digest(p)
	}
	return n, nil
}

// readHead goes on with the headers when head has the bytes that are wanted.
func (c *Collector) readHead() {
	if c.start == 0 {
		if c.start, c.err = pe.HeaderOffset(c.head); c.err != nil || c.start == 0 {
			c.notSigned()
			return
		}
		if c.start >= pe.DOSHeaderSize {
			c.cover(c.head)
			c.pos, c.base, c.head, c.want = pe.DOSHeaderSize, c.start, nil, 1
			return
		}
	}
	skip := c.start - c.base
	parts, need, err := pe.ParseLayout(c.head[skip:], c.start)
	if c.want = need; need > 0 {
		c.want += int(skip)
		return
	}
	if err != nil {
		c.notSigned()
		return
	}
	c.layout, c.err = newLayout(parts)
	if errors.Is(c.err, errNotSigned) && c.flat != nil {
		// Catalogs have the digest that a signature would have.
		c.layout.table, c.layout.tableEnd = math.MaxInt64, math.MaxInt64
		c.isPE = true
	}
	if !c.hashesPE() {
		c.drop()
		return
	}
	c.digest(c.head)
	c.head = nil
}

// hashesPE reports whether the digest of a PE file is wanted, headers and table
// being known.
func (c *Collector) hashesPE() bool { return c.err == nil || c.isPE }

// notSigned ends the collection.
func (c *Collector) notSigned() {
	c.err, c.want = errNotSigned, 0
	c.drop()
}

func (c *Collector) drop() {
	c.head, c.kept, c.hashes = nil, nil, nil
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
// is behind the last of them: a small file waits for it, for a large one all are
// computed.
func (c *Collector) cover(p []byte) {
	if c.hashes == nil && len(c.kept)+len(p) <= maxKept {
		c.kept = append(c.kept, p...)
		return
	}
	if c.hashes == nil {
		c.begin(allHashes...)
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

// Finish is called after the last byte and returns the verdict, that of a catalog
// included. A file that is
// not a PE file, or an unsigned one, has the status [None].
func (c *Collector) Finish() *Signature {
	s := c.finish()
	if c.flat == nil {
		return s
	}
	sums := fileSums{flat: sumsOf(c.flat)}
	if c.want == 0 && c.hashesPE() {
		sums.pe = sumsOf(c.hashes)
	}
	return c.o.inCatalogs(s, sums)
}

// finish is the verdict of the file's own signatures.
func (c *Collector) finish() *Signature {
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
	signatures := c.signatures
	if signatures == nil {
		var err error
		if signatures, err = parseTable(c.table, c.o.Budget); err != nil {
			return unreadable(err)
		}
	}
	if c.hashes == nil {
		c.begin(hashesOf(signatures)...)
	}
	return judge(signatures, kindsPE, sumsOf(c.hashes), c.o)
}

// unreadable is the verdict on a file whose signature is not where it should be,
// or not alone there.
func unreadable(err error) *Signature {
	return &Signature{Status: Invalid, Notes: []string{err.Error()}}
}
