package cfb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	pageSize = 4096
	maxPages = 256
)

// structure is the view of the file that mscfb parses. mscfb takes the header
// and whole sectors through Slice, in the order header, DIFAT sectors,
// directory sectors, and follows chains by reads of four bytes through ReadAt.
// The sectors are kept as they pass by, because mscfb does not expose them, and
// the small reads are served from pages.
type structure struct {
	r    io.ReaderAt
	size int64

	header    []byte
	difat     []uint32 // locations of the FAT sectors, in order
	directory []byte

	sectorSize   int
	difatSectors int // DIFAT sectors still to come
	pages        map[int64][]byte
	err          error // the first error of this view: mscfb keeps only the text
}

// Slice returns length bytes at offset.
func (s *structure) Slice(offset int64, length int) ([]byte, error) {
	b, err := s.slice(offset, length)
	if err != nil && s.err == nil {
		s.err = err
	}
	return b, err
}

func (s *structure) slice(offset int64, length int) ([]byte, error) {
	if s.header == nil {
		return s.readHeader(length)
	}
	b := make([]byte, length)
	if err := readFull(s.r, s.size, b, offset); err != nil {
		return nil, err
	}
	if s.difatSectors > 0 {
		s.difatSectors--
		for i := 0; i < length-4; i += 4 {
			s.difat = append(s.difat, binary.LittleEndian.Uint32(b[i:]))
		}
		return b, nil
	}
	if len(s.directory)/entrySize >= MaxEntries {
		return nil, fmt.Errorf("cfb: more than %d directory entries: %w", MaxEntries, ErrLimit)
	}
	s.directory = append(s.directory, b...)
	return b, nil
}

// readHeader reads the header ([MS-CFB] 2.2) and holds its counts against the
// size of the file, before anything is allocated by them.
func (s *structure) readHeader(length int) ([]byte, error) {
	b := make([]byte, length)
	if err := readFull(s.r, s.size, b, 0); err != nil {
		return nil, fmt.Errorf("cfb: no room for a header in %d bytes: %w", s.size, ErrFormat)
	}
	if binary.LittleEndian.Uint64(b) != signature {
		return nil, fmt.Errorf("cfb: no compound file signature: %w", ErrFormat)
	}
	version, shift := binary.LittleEndian.Uint16(b[26:]), binary.LittleEndian.Uint16(b[30:])
	if !(version == 3 && shift == 9 || version == 4 && shift == 12) {
		return nil, fmt.Errorf("cfb: version %d with sectors of 2^%d bytes: %w", version, shift, ErrFormat)
	}
	if mini := binary.LittleEndian.Uint16(b[32:]); mini != 6 {
		return nil, fmt.Errorf("cfb: mini sectors of 2^%d bytes: %w", mini, ErrFormat)
	}
	if cutoff := binary.LittleEndian.Uint32(b[56:]); cutoff != miniStreamCutoff {
		return nil, fmt.Errorf("cfb: mini stream cutoff of %d bytes: %w", cutoff, ErrFormat)
	}
	s.sectorSize = 1 << shift
	sectors := s.size / int64(s.sectorSize)
	perSector := int64(s.sectorSize / 4)
	difatSectors := int64(binary.LittleEndian.Uint32(b[72:]))
	// Every sector of the file needs a FAT entry, and the DIFAT names the FAT
	// sectors: a DIFAT that could name more of them than the file has sectors
	// is a forgery.
	if difatSectors*(perSector-1) > sectors+perSector {
		return nil, fmt.Errorf("cfb: %d DIFAT sectors in a file of %d bytes: %w", difatSectors, s.size, ErrFormat)
	}
	if n := int64(binary.LittleEndian.Uint32(b[64:])); n > sectors {
		return nil, fmt.Errorf("cfb: %d mini FAT sectors in a file of %d bytes: %w", n, s.size, ErrFormat)
	}
	s.difatSectors = int(difatSectors)
	for i := 76; i < headerSize; i += 4 {
		s.difat = append(s.difat, binary.LittleEndian.Uint32(b[i:]))
	}
	s.header = b
	return b, nil
}

// ReadAt serves reads within one page from memory.
func (s *structure) ReadAt(p []byte, offset int64) (int, error) {
	n, err := s.readPage(p, offset)
	if err != nil && s.err == nil {
		s.err = err
	}
	return n, err
}

func (s *structure) readPage(p []byte, offset int64) (int, error) {
	base := offset &^ (pageSize - 1)
	if offset < 0 || offset-base+int64(len(p)) > pageSize || offset+int64(len(p)) > s.size {
		return 0, fmt.Errorf("cfb: allocation table at offset %d: %w", offset, ErrTruncated)
	}
	page, ok := s.pages[base]
	if !ok {
		page = make([]byte, min(pageSize, s.size-base))
		if err := readFull(s.r, s.size, page, base); err != nil {
			return 0, err
		}
		if s.pages == nil || len(s.pages) >= maxPages {
			s.pages = make(map[int64][]byte)
		}
		s.pages[base] = page
	}
	return copy(p, page[offset-base:]), nil
}

// readFull fills b from offset of a file of the given size.
func readFull(r io.ReaderAt, size int64, b []byte, offset int64) error {
	if offset < 0 || offset > size-int64(len(b)) {
		return fmt.Errorf("cfb: %d bytes at offset %d of %d: %w", len(b), offset, size, ErrTruncated)
	}
	n, err := r.ReadAt(b, offset)
	if n == len(b) {
		return nil // a reader may return io.EOF with the last full read
	}
	if err == nil || errors.Is(err, io.EOF) {
		return fmt.Errorf("cfb: %d bytes at offset %d: %w", len(b), offset, ErrTruncated)
	}
	return fmt.Errorf("cfb: %w", err)
}
