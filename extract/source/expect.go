package source

import (
	"crypto"
	"crypto/md5"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/hotfixkit/hotfixkit/extract/source/internal/md5lanes"
	"github.com/hotfixkit/hotfixkit/internal/pe"
)

// A digest is what the content of a file must hash to.
type digest struct {
	algorithm crypto.Hash
	sum       []byte
}

// digests returns what the MsiFileHash table has for the file.
func (f *File) digests() []digest {
	sum, ok := f.MD5()
	if !ok {
		return nil
	}
	return []digest{{crypto.MD5, sum[:]}}
}

// An expectation is what a package says about the content of a file. The reader of
// the package supplies it, and the checked sink compares.
type expectation struct {
	// size is how long the content must be, in bytes; -1 where nothing says it.
	size int64
	// claimed is a size that may be stale, that of the File table; -1 where there is
	// none. A difference is a warning, unless mustClaim says that it is an error where
	// no digest vouches for the content.
	claimed   int64
	mustClaim bool
	digests   []digest
	// version is what File.Version says about an executable, or "". A difference is
	// judged as that of claimed: packages are often built with another version than
	// the file has.
	version string
	// explain may say more about a mismatch, once it is found.
	explain func(error) error
	// later, where it is not nil, may hash the content together with that of others,
	// after it is complete.
	later *verdicts
}

// A checked sink compares a file with what the package says about it before it
// lets the caller's sink know that the file is whole.
type checked struct {
	walk    *walk
	file    *File
	sink    Sink
	expect  expectation
	hashes  []hash.Hash // of expect.digests
	size    int64
	version *pe.Collector // where expect has a version

	// Of a file that waits for its verdict: its content until it is hashed, or where
	// that can be read again; then its MD5. It has no hashes.
	content []byte
	written io.ReaderAt
	sum     md5lanes.Sum
}

func newChecked(w *walk, f *File, sink Sink, e expectation) *checked {
	c := &checked{walk: w, file: f, sink: sink, expect: e}
	written, _ := sink.(io.ReaderAt)
	switch {
	case !e.later.takes(&c.expect, written):
		c.expect.later = nil
		for _, d := range e.digests {
			c.hashes = append(c.hashes, d.algorithm.New())
		}
	case e.size <= longestWaiting:
		c.content = takeContent(e.size)
	default:
		c.written = written
	}
	if e.version != "" {
		c.version = pe.NewCollector()
	}
	return c
}

func (c *checked) Write(p []byte) (int, error) {
	c.size += int64(len(p))
	if c.version != nil {
		c.version.Write(p)
	}
	for _, h := range c.hashes {
		h.Write(p)
	}
	if c.expect.later != nil && c.written == nil {
		c.content = append(c.content, p...)
	}
	n, err := c.sink.Write(p)
	if err != nil {
		return n, c.walk.stop(err)
	}
	return n, nil
}

func (c *checked) Close(cause error) error {
	if c.expect.later != nil && cause == nil {
		return c.expect.later.add(c)
	}
	giveContent(c.content)
	return c.conclude(cause)
}

// conclude closes the caller's sink, with what the checks find if there is no other
// cause.
func (c *checked) conclude(cause error) error {
	if cause == nil && c.sum.Err != nil {
		c.walk.finish(c.file)
		// The first error is the one to report.
		_ = c.sink.Close(c.sum.Err)
		return c.walk.stop(c.sum.Err)
	}
	if cause == nil {
		cause = c.check()
		if cause != nil && c.expect.explain != nil {
			cause = c.expect.explain(cause)
		}
	}
	c.walk.finish(c.file)
	if cause != nil {
		c.walk.lose(c.file, cause)
	}
	if err := c.sink.Close(cause); err != nil && (cause == nil || !errors.Is(err, cause)) {
		return c.walk.stop(err)
	}
	if c.walk.options.KeepGoing {
		return nil
	}
	return cause
}

// emptyHash is what MsiFileHash rows of empty files hold instead of the MD5 of
// nothing.
var emptyHash [md5.Size]byte

// check compares the content with the expectation.
func (c *checked) check() error {
	if c.expect.size >= 0 && c.size != c.expect.size {
		return fmt.Errorf("%w: %d bytes, the package says %d", ErrMismatch, c.size, c.expect.size)
	}
	for i, d := range c.expect.digests {
		sum := c.sum.MD5[:]
		if c.expect.later == nil {
			sum = c.hashes[i].Sum(nil)
		}
		empty := d.algorithm == crypto.MD5 && c.size == 0 && slices.Equal(d.sum, emptyHash[:])
		if !slices.Equal(sum, d.sum) && !empty {
			return fmt.Errorf("%w: its digest is %x, the package says %x", ErrMismatch, sum, d.sum)
		}
	}
	if err := c.checkClaim(); err != nil {
		return err
	}
	if c.version != nil {
		return c.checkVersion()
	}
	return nil
}

// checkClaim compares the size with that of the File table. Tools that wrote the
// table before the files were final left stale sizes in many packages.
func (c *checked) checkClaim() error {
	e := &c.expect
	switch {
	case e.claimed < 0 || c.size == e.claimed:
		return nil
	case c.walk.p.options.StrictSize || e.mustClaim && len(e.digests) == 0:
		return fmt.Errorf("%w: %d bytes, the File table says %d", ErrMismatch, c.size, e.claimed)
	case len(e.digests) > 0:
		c.walk.p.warn(Note+"%s: %d bytes, the File table says %d; its MsiFileHash holds", c.file.Path(), c.size, e.claimed)
	default:
		c.walk.p.warn("%s: %d bytes, the File table says %d; it has no MsiFileHash row", c.file.Path(), c.size, e.claimed)
	}
	return nil
}

// checkVersion compares the version of an executable with that of the File table.
// A row may hold the key of a companion file instead of a version, and versions of
// files that are not executables; these are not compared.
func (c *checked) checkVersion() error {
	number, ok := parseVersion(c.expect.version)
	if !ok {
		return nil
	}
	info, err := c.version.Finish()
	if err != nil {
		return nil // not an executable, or one whose resources cannot be read
	}
	found := ""
	for _, v := range info.Versions {
		if v.Fixed == nil {
			continue
		}
		if v.Fixed.File == number {
			return nil
		}
		found = v.Fixed.File.String()
	}
	switch {
	case found == "":
		return nil
	case c.expect.mustClaim && len(c.expect.digests) == 0:
		return fmt.Errorf("%w: its version is %s, the File table says %s", ErrMismatch, found, c.expect.version)
	}
	c.walk.p.warn(Note+"%s: its version is %s, the File table says %s", c.file.Path(), found, c.expect.version)
	return nil
}

// parseVersion reads a version of one to four numbers.
func parseVersion(text string) (n pe.Number, ok bool) {
	parts := strings.Split(text, ".")
	if len(parts) > len(n) {
		return n, false
	}
	for i, part := range parts {
		v, err := strconv.ParseUint(part, 10, 16)
		if err != nil {
			return n, false
		}
		n[i] = uint16(v)
	}
	return n, true
}
