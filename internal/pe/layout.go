package pe

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/hotfixkit/hotfixkit/internal/magic"
)

// Layout is where the parts of a PE file are ("PE Format"). Offsets count from
// the start of the file, offsets and sizes are in bytes. They are what the headers
// claim: whether the file is that long is for the caller to check, before it
// reads or allocates anything.
type Layout struct {
	Format      Format // PE32 or PE32Plus
	Machine     Machine
	DLL         bool
	Timestamp   uint32      // see [Info]
	Checksum    int64       // offset of the optional header's CheckSum, which has four bytes
	HeadersSize int64       // SizeOfHeaders
	Directories []Directory // as many of the sixteen as the optional header holds
	Sections    []Section   // in the order of the section table

	directories int64 // offset of the first data directory
}

// Directory is an entry of the data directories. Its address is relative to the
// image's base in memory, except that of the certificate table, which is a file
// offset.
type Directory struct{ Address, Size uint32 }

// Places among the data directories.
const (
	DirectoryResource    = 2
	DirectoryCertificate = 4
)

// Section is an entry of the section table.
type Section struct {
	Name           string // up to eight bytes, without the padding
	VirtualAddress uint32
	VirtualSize    uint32
	Offset, Size   int64 // of its bytes in the file
}

// DOSHeaderSize is the number of bytes that [HeaderOffset] needs.
const DOSHeaderSize = 64

// Sizes and places in the headers of a PE file.
const (
	newHeaderField = 60 // e_lfanew, in the DOS header
	signatureSize  = 4
	coffHeaderSize = 20
	sectionSize    = 40
	dirEntrySize   = 8

	optionalPE32     = 0x10b
	optionalPE32Plus = 0x20b
	fixedPE32        = 96 // bytes of the optional header before the data directories
	fixedPE32Plus    = 112
	headersSizeField = 60
	checksumField    = 64

	characteristicDLL = 0x2000
)

// maxNewHeader is where a new header may begin at most: Windows loads no file with
// one behind 256 MiB.
const maxNewHeader = 256 << 20

// needError asks for a longer prefix of what is parsed.
type needError int64

func (n needError) Error() string { return fmt.Sprintf("%d bytes are needed", int64(n)) }

// prefix is the beginning of something that is read piece by piece.
type prefix []byte

// at returns n bytes from off on, or a needError.
func (p prefix) at(off, n int64) ([]byte, error) {
	if off < 0 || n < 0 || off > math.MaxInt64-n {
		return nil, fmt.Errorf("%w: offset %d", ErrFormat, off)
	}
	if off+n > int64(len(p)) {
		return nil, needError(off + n)
	}
	return p[off : off+n], nil
}

// HeaderOffset returns where the new header of a file begins (e_lfanew), whose
// first [DOSHeaderSize] bytes are given. The error wraps [ErrNotExecutable], or
// [ErrLimit] where the offset is above 256 MiB.
func HeaderOffset(dos []byte) (int64, error) {
	if len(dos) < 2 || string(dos[:2]) != magic.Program {
		return 0, fmt.Errorf("%w: it does not start with MZ", ErrNotExecutable)
	}
	if len(dos) < DOSHeaderSize {
		return 0, fmt.Errorf("%w: an MZ file of %d bytes", ErrNotExecutable, len(dos))
	}
	offset := int64(le.Uint32(dos[newHeaderField:]))
	if offset > maxNewHeader {
		return 0, fmt.Errorf("%w: an MZ file whose new header would be at offset %d", ErrLimit, offset)
	}
	return offset, nil
}

// ParseLayout reads the layout of a PE file from bytes that begin at the given
// file offset, which [HeaderOffset] returned. As long as they are too few, it
// returns the number that it needs, which may grow from call to call and never
// exceeds 3 MiB; otherwise that is 0. Errors wrap [ErrNotExecutable] or
// [ErrFormat].
func ParseLayout(b []byte, offset int64) (l *Layout, need int, err error) {
	l, err = parseLayout(b, offset)
	var short needError
	if errors.As(err, &short) {
		return nil, int(short), nil
	}
	return l, 0, err
}

// ReadLayout reads the layout of a PE file of size bytes. Errors wrap
// [ErrNotExecutable], also for the NE format, [ErrFormat], [ErrTruncated] or
// [ErrLimit], or are those of r.
func ReadLayout(r io.ReaderAt, size int64) (*Layout, error) {
	dos := make([]byte, min(DOSHeaderSize, size))
	if err := readFull(r, dos, 0); err != nil {
		return nil, err
	}
	offset, err := HeaderOffset(dos)
	if err != nil {
		return nil, err
	}
	var head []byte
	for {
		l, need, err := ParseLayout(head, offset)
		if need == 0 {
			return l, err
		}
		if int64(need) > size-offset {
			return nil, headersCutOff(offset+int64(need), size)
		}
		have := len(head)
		head = append(head, make([]byte, need-have)...)
		if err := readFull(r, head[have:], offset+int64(have)); err != nil {
			return nil, err
		}
	}
}

func headersCutOff(need, size int64) error {
	return fmt.Errorf("%w: the headers need %d bytes, the file has %d", ErrTruncated, need, size)
}

// parseLayout reads the headers of a PE file, which begin at the given file offset
// and with p. It returns a needError while p is too short.
func parseLayout(p prefix, offset int64) (*Layout, error) {
	signature, err := p.at(0, signatureSize)
	if err != nil {
		return nil, err
	}
	if string(signature) != "PE\x00\x00" {
		return nil, fmt.Errorf("%w: an MZ file without a PE header", ErrNotExecutable)
	}
	coff, err := p.at(signatureSize, coffHeaderSize)
	if err != nil {
		return nil, err
	}
	l := &Layout{
		Machine:   Machine(le.Uint16(coff)),
		Timestamp: le.Uint32(coff[4:]),
		DLL:       le.Uint16(coff[18:])&characteristicDLL != 0,
	}
	const start = signatureSize + coffHeaderSize
	optional, err := p.at(start, int64(le.Uint16(coff[16:])))
	if err != nil {
		return nil, err
	}
	if err := l.parseOptional(optional, offset+start); err != nil {
		return nil, err
	}
	table, err := p.at(start+int64(len(optional)), int64(le.Uint16(coff[2:]))*sectionSize)
	if err != nil {
		return nil, err
	}
	l.Sections = make([]Section, 0, len(table)/sectionSize)
	for ; len(table) > 0; table = table[sectionSize:] {
		name, _, _ := bytes.Cut(table[:8], []byte{0})
		l.Sections = append(l.Sections, Section{
			Name:           string(name),
			VirtualSize:    le.Uint32(table[8:]),
			VirtualAddress: le.Uint32(table[12:]),
			Size:           int64(le.Uint32(table[16:])),
			Offset:         int64(le.Uint32(table[20:])),
		})
	}
	return l, nil
}

// parseOptional reads the optional header, which begins at the given file offset.
func (l *Layout) parseOptional(b []byte, offset int64) error {
	if len(b) < 2 {
		return fmt.Errorf("%w: no optional header", ErrFormat)
	}
	fixed := fixedPE32
	switch magic := le.Uint16(b); magic {
	case optionalPE32:
		l.Format = PE32
	case optionalPE32Plus:
		l.Format = PE32Plus
		fixed = fixedPE32Plus
	default:
		return fmt.Errorf("%w: optional header magic %#x", ErrFormat, magic)
	}
	if len(b) < fixed {
		return fmt.Errorf("%w: optional header of %d bytes", ErrFormat, len(b))
	}
	l.HeadersSize = int64(le.Uint32(b[headersSizeField:]))
	l.Checksum = offset + checksumField
	l.directories = offset + int64(fixed)
	count := le.Uint32(b[fixed-4:])
	for b = b[fixed:]; len(b) >= dirEntrySize && uint32(len(l.Directories)) < count; b = b[dirEntrySize:] {
		l.Directories = append(l.Directories, Directory{le.Uint32(b), le.Uint32(b[4:])})
	}
	return nil
}

// directory returns a data directory, or none.
func (l *Layout) directory(i int) Directory {
	if i >= len(l.Directories) {
		return Directory{}
	}
	return l.Directories[i]
}

// CertificateTable returns where the attribute certificate table is; offset and
// size are zero for a file without one. entry is the file offset of its place among
// the data directories, which has eight bytes, or zero where the headers have no
// such place.
func (l *Layout) CertificateTable() (offset, size, entry int64) {
	if len(l.Directories) > DirectoryCertificate {
		entry = l.directories + DirectoryCertificate*dirEntrySize
	}
	d := l.directory(DirectoryCertificate)
	if d.Address == 0 || d.Size == 0 {
		return 0, 0, entry
	}
	return int64(d.Address), int64(d.Size), entry
}

// Overlay returns the offset behind the headers and the bytes of all sections.
// What follows there is not loaded: the payload of a self-extracting program, or
// the certificate table.
func (l *Layout) Overlay() int64 {
	end := l.HeadersSize
	for _, s := range l.Sections {
		if s.Size > 0 {
			end = max(end, s.Offset+s.Size)
		}
	}
	return end
}

// Section returns the first section of that name.
func (l *Layout) Section(name string) (Section, bool) {
	for _, s := range l.Sections {
		if s.Name == name {
			return s, true
		}
	}
	return Section{}, false
}

// locate finds the section and the file offset of a relative virtual address that
// is backed by bytes of the file.
func (l *Layout) locate(rva uint32) (Section, int64, bool) {
	for _, s := range l.Sections {
		if rva >= s.VirtualAddress && int64(rva-s.VirtualAddress) < s.Size {
			return s, s.Offset + int64(rva-s.VirtualAddress), true
		}
	}
	return Section{}, 0, false
}

// resourceRange is where the resource directory of a PE file is: the tree starts
// at root and may use bytes up to end; start is the first byte of its section. It
// is zero where the file has no resources.
type resourceRange struct{ start, root, end int64 }

func (l *Layout) resourceRange() (resourceRange, error) {
	rva := l.directory(DirectoryResource).Address
	if rva == 0 {
		return resourceRange{}, nil
	}
	s, root, ok := l.locate(rva)
	if !ok {
		return resourceRange{}, fmt.Errorf("%w: the resource directory at RVA %#x is in no section", ErrFormat, rva)
	}
	return resourceRange{start: s.Offset, root: root, end: s.Offset + s.Size}, nil
}
