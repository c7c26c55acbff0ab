package cfb

import (
	"fmt"
	"io"
	"slices"
	"unicode/utf16"

	"github.com/richardlehane/mscfb"
)

// compareWithMSCFB reads the structure of the file a second time, with
// github.com/richardlehane/mscfb, and makes every difference an error: two
// readers that were written apart do not make the same mistake. Its entries come
// in the order of the directory, a storage before what is in it.
func (c *Reader) compareWithMSCFB() error {
	pages := &pageReader{r: c.r, size: c.size}
	doc, err := mscfb.New(pages)
	if pages.err != nil {
		return fmt.Errorf("cfb: %w", pages.err)
	}
	if err != nil {
		return fmt.Errorf("cfb: %v: %w", err, ErrFormat)
	}
	rest := doc.File
	for depth, e := range c.root.below(0) {
		if len(rest) == 0 {
			return fmt.Errorf("cfb: mscfb does not find the entry %q: %w", e.Name, ErrFormat)
		}
		f := rest[0]
		rest = rest[1:]
		// The path of mscfb leaves the root out.
		if !sameName(e, f) || f.FileInfo().IsDir() != e.IsStorage || f.Size != e.Size || len(f.Path) != max(0, depth-1) {
			return fmt.Errorf("cfb: the entry %q of %d bytes is %q of %d bytes for mscfb: %w", e.Name, e.Size, f.Name, f.Size, ErrFormat)
		}
	}
	if len(rest) > 0 {
		return fmt.Errorf("cfb: mscfb finds %d entries that the tree does not reach: %w", len(rest), ErrFormat)
	}
	return nil
}

// sameName compares a name with that of mscfb, which leaves out a first
// character that does not print and returns it as Initial.
func sameName(e *Entry, f *mscfb.File) bool {
	if len(e.RawName) == 0 {
		return f.Name == ""
	}
	return f.Initial == e.RawName[0] &&
		(f.Name == e.Name || f.Name == string(utf16.Decode(e.RawName[1:])))
}

const (
	pageSize = 4096
	maxPages = 256
)

// pageReader is the file as mscfb reads it: whole sectors, and chains by four
// bytes at a time. It serves them from pages, as long as they do not cross the
// end of one, and reads everything else as it is.
type pageReader struct {
	r     io.ReaderAt
	size  int64
	pages map[int64][]byte
	last  []byte // the page at lastAt, which is mostly the one that is wanted
	at    int64
	err   error // the first failure: mscfb keeps only its text
}

// ReadAt implements io.ReaderAt. It returns no error with a full read.
func (p *pageReader) ReadAt(b []byte, offset int64) (int, error) {
	n, err := p.read(b, offset)
	if err != nil && p.err == nil {
		p.err = err
	}
	return n, err
}

func (p *pageReader) read(b []byte, offset int64) (int, error) {
	base := offset &^ (pageSize - 1)
	if offset < 0 || offset-base+int64(len(b)) > pageSize || offset+int64(len(b)) > p.size {
		if err := readFull(p.r, p.size, b, offset); err != nil {
			return 0, err
		}
		return len(b), nil
	}
	if p.last == nil || p.at != base {
		page, ok := p.pages[base]
		if !ok {
			page = make([]byte, min(pageSize, p.size-base))
			if err := readFull(p.r, p.size, page, base); err != nil {
				return 0, err
			}
			if p.pages == nil || len(p.pages) >= maxPages {
				p.pages = make(map[int64][]byte)
			}
			p.pages[base] = page
		}
		p.last, p.at = page, base
	}
	return copy(b, p.last[offset-base:]), nil
}

// below yields e and all entries below it, a storage before its children, with
// their depth below the root.
func (e *Entry) below(depth int) func(yield func(int, *Entry) bool) {
	type place struct {
		depth int
		entry *Entry
	}
	return func(yield func(int, *Entry) bool) {
		todo := []place{{depth, e}}
		for len(todo) > 0 {
			next := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			if !yield(next.depth, next.entry) {
				return
			}
			for _, child := range slices.Backward(next.entry.Children) {
				todo = append(todo, place{next.depth + 1, child})
			}
		}
	}
}
