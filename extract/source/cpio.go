package source

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/klauspost/compress/zstd"
	"github.com/sassoftware/go-rpmutils"
	"github.com/therootcompany/xz"
	"github.com/ulikunitz/xz/lzma"
)

// The payload of an rpm is read here and not by go-rpmutils: that library takes
// lengths in the archive for granted, reads what is skipped into memory, and
// frees its decompressor only at the end of the archive.

// maxDictionary bounds the memory of a decompressor: the largest preset of xz and
// lzma asks for as much.
const maxDictionary = 64 << 20

// decompress opens the payload by the compression that the header names.
func decompress(r io.Reader, header *rpmutils.RpmHeader) (io.ReadCloser, error) {
	buffered := bufio.NewReaderSize(r, 64<<10)
	compression := "gzip"
	if names, err := header.GetStrings(rpmutils.PAYLOADCOMPRESSOR); err == nil && len(names) == 1 {
		compression = names[0]
	} else if magic, _ := buffered.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		compression = "uncompressed"
	}
	switch compression {
	case "gzip":
		return gzip.NewReader(buffered)
	case "bzip2":
		return io.NopCloser(bzip2.NewReader(buffered)), nil
	case "xz":
		x, err := xz.NewReader(buffered, maxDictionary)
		return io.NopCloser(x), err
	case "lzma":
		return openLZMA(buffered)
	case "zstd":
		z, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxDictionary))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	case "uncompressed":
		return io.NopCloser(buffered), nil
	}
	return nil, fmt.Errorf("%w: unknown compression %q", ErrFormat, compression)
}

// openLZMA checks the size of the dictionary, 4 bytes after the properties, before
// the decoder allocates it.
func openLZMA(r *bufio.Reader) (io.ReadCloser, error) {
	head, err := r.Peek(5)
	if err != nil {
		return nil, err
	}
	if size := uint32(head[1]) | uint32(head[2])<<8 | uint32(head[3])<<16 | uint32(head[4])<<24; size > maxDictionary {
		return nil, fmt.Errorf("%w: a dictionary of %d bytes", ErrLimit, size)
	}
	l, err := lzma.NewReader(r)
	return io.NopCloser(l), err
}

// The layout of a cpio archive ("New ASCII Format", cpio(5)), and the variant of
// rpm for files over 4 GiB, whose entries hold nothing but an index into the
// header.
const (
	cpioMagic         = "070701"
	cpioMagicCRC      = "070702"
	cpioMagicStripped = "07070X"
	cpioTrailer       = "TRAILER!!!"
	cpioFields        = 13
	cpioFieldSize     = 6 // index of c_filesize
	cpioFieldName     = 11
	cpioMaxName       = 4096
)

// A cpioEntry is one entry of an archive.
type cpioEntry struct {
	name  string
	index int // into the files of the header; -1 where the entry has a name
	size  int64
}

// A cpioReader reads an archive forward. Read gives the content of the entry that
// next returned.
type cpioReader struct {
	r     io.Reader
	sizes []int64 // of stripped entries, by index
	left  int64   // of the entry
	pad   int64   // after it
	at    int64
}

func (c *cpioReader) readFull(p []byte) error {
	n, err := io.ReadFull(c.r, p)
	c.at += int64(n)
	if err != nil {
		return fmt.Errorf("%w: the archive ends too early: %w", ErrFormat, err)
	}
	return nil
}

// skip reads n bytes without keeping them.
func (c *cpioReader) skip(n int64) error {
	skipped, err := io.CopyN(io.Discard, c.r, n)
	c.at += skipped
	if err != nil {
		return fmt.Errorf("%w: the archive ends too early: %w", ErrFormat, err)
	}
	return nil
}

// next returns the next entry, or io.EOF after the last one.
func (c *cpioReader) next() (cpioEntry, error) {
	if err := c.skip(c.left + c.pad); err != nil {
		return cpioEntry{}, err
	}
	c.left, c.pad = 0, 0
	var magic [len(cpioMagic)]byte
	if err := c.readFull(magic[:]); err != nil {
		return cpioEntry{}, err
	}
	var e cpioEntry
	var err error
	switch string(magic[:]) {
	case cpioMagic, cpioMagicCRC:
		e, err = c.readHeader()
	case cpioMagicStripped:
		e, err = c.readStripped()
	default:
		err = fmt.Errorf("%w: wrong magic number in the archive", ErrFormat)
	}
	if err != nil {
		return cpioEntry{}, err
	}
	if e.name == cpioTrailer {
		return cpioEntry{}, io.EOF
	}
	c.left, c.pad = e.size, padding(c.at+e.size)
	return e, nil
}

// padding is how many bytes follow until a multiple of four.
func padding(at int64) int64 { return -at & 3 }

func (c *cpioReader) readHeader() (cpioEntry, error) {
	var fields [cpioFields]int64
	for i := range fields {
		var err error
		if fields[i], err = c.field(); err != nil {
			return cpioEntry{}, err
		}
	}
	length := fields[cpioFieldName]
	if length < 1 || length > cpioMaxName {
		return cpioEntry{}, fmt.Errorf("%w: a name of %d bytes in the archive", ErrFormat, length)
	}
	name := make([]byte, length)
	if err := c.readFull(name); err != nil {
		return cpioEntry{}, err
	}
	if err := c.skip(padding(c.at)); err != nil {
		return cpioEntry{}, err
	}
	return cpioEntry{name: string(bytes.TrimRight(name, "\x00")), index: -1, size: fields[cpioFieldSize]}, nil
}

func (c *cpioReader) readStripped() (cpioEntry, error) {
	index, err := c.field()
	if err != nil {
		return cpioEntry{}, err
	}
	if index >= int64(len(c.sizes)) {
		return cpioEntry{}, fmt.Errorf("%w: the archive names file %d of %d", ErrFormat, index, len(c.sizes))
	}
	return cpioEntry{index: int(index), size: c.sizes[index]}, nil
}

// field reads a number: eight hexadecimal digits.
func (c *cpioReader) field() (int64, error) {
	var digits [8]byte
	if err := c.readFull(digits[:]); err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(string(digits[:]), 16, 32)
	if err != nil {
		return 0, fmt.Errorf("%w: %q is not a number", ErrFormat, digits)
	}
	return int64(n), nil
}

// Read implements io.Reader for the content of the entry.
func (c *cpioReader) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	c.at += int64(n)
	c.left -= int64(n)
	if errors.Is(err, io.EOF) && c.left > 0 {
		err = fmt.Errorf("%w: the archive ends too early", ErrFormat)
	}
	return n, err
}
