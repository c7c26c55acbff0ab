package cfb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// signature is magic.CompoundFile as a little-endian number.
const signature = 0xE11AB1A1E011CFD0

// header is what the first sector of a compound file says ([MS-CFB] 2.2).
type header struct {
	version      int
	sectorSize   int64
	directory    uint32 // first sector of the directory
	miniFAT      uint32 // first sector of the mini FAT
	miniSectors  uint32 // sectors of the mini FAT
	difat        uint32 // first DIFAT sector
	difatSectors uint32
	fatSectors   [headerDIFAT]uint32 // the first FAT sectors
}

// readHeader reads the header and compares its counts with the size of the
// file, before anything is allocated by them.
func readHeader(r io.ReaderAt, size int64) (*header, error) {
	b := make([]byte, headerSize)
	if err := readFull(r, size, b, 0); err != nil {
		if errors.Is(err, ErrTruncated) {
			return nil, fmt.Errorf("cfb: no room for a header in %d bytes: %w", size, ErrFormat)
		}
		return nil, err
	}
	le := binary.LittleEndian
	if le.Uint64(b) != signature {
		return nil, fmt.Errorf("cfb: no compound file signature: %w", ErrFormat)
	}
	version, shift := le.Uint16(b[26:]), le.Uint16(b[30:])
	if !(version == 3 && shift == 9 || version == 4 && shift == 12) {
		return nil, fmt.Errorf("cfb: version %d with sectors of 2^%d bytes: %w", version, shift, ErrFormat)
	}
	if mini := le.Uint16(b[32:]); mini != 6 {
		return nil, fmt.Errorf("cfb: mini sectors of 2^%d bytes: %w", mini, ErrFormat)
	}
	if cutoff := le.Uint32(b[56:]); cutoff != miniStreamCutoff {
		return nil, fmt.Errorf("cfb: mini stream cutoff of %d bytes: %w", cutoff, ErrFormat)
	}
	h := &header{
		version: int(version), sectorSize: 1 << shift,
		directory: le.Uint32(b[48:]),
		miniFAT:   le.Uint32(b[60:]), miniSectors: le.Uint32(b[64:]),
		difat: le.Uint32(b[68:]), difatSectors: le.Uint32(b[72:]),
	}
	for i := range h.fatSectors {
		h.fatSectors[i] = le.Uint32(b[76+4*i:])
	}
	return h, h.check(size)
}

// check compares the counts of the header with the size of the file.
func (h *header) check(size int64) error {
	sectors := size / h.sectorSize
	perSector := h.sectorSize / 4
	// Every sector of the file needs a FAT entry, and the DIFAT names the FAT
	// sectors: a DIFAT that could name more of them than the file has sectors
	// is a forgery.
	if int64(h.difatSectors)*(perSector-1) > sectors+perSector {
		return fmt.Errorf("cfb: %d DIFAT sectors in a file of %d bytes: %w", h.difatSectors, size, ErrFormat)
	}
	if int64(h.miniSectors) > sectors {
		return fmt.Errorf("cfb: %d mini FAT sectors in a file of %d bytes: %w", h.miniSectors, size, ErrFormat)
	}
	return nil
}

// readDIFAT lists the sectors of the FAT and those of the DIFAT itself
// ([MS-CFB] 2.5).
func (c *Reader) readDIFAT(h *header) error {
	c.fat.sectors = append(c.fat.sectors, h.fatSectors[:]...)
	b := make([]byte, c.sectorSize)
	next := h.difat
	for range h.difatSectors {
		if err := readFull(c.r, c.size, b, c.offset(next)); err != nil {
			return fmt.Errorf("cfb: DIFAT: %w", err)
		}
		c.difat = append(c.difat, next)
		for i := int64(0); i < c.sectorSize-4; i += 4 {
			c.fat.sectors = append(c.fat.sectors, binary.LittleEndian.Uint32(b[i:]))
		}
		next = binary.LittleEndian.Uint32(b[c.sectorSize-4:])
	}
	return nil
}

// readDirectory returns the bytes of the directory and notes its sectors
// ([MS-CFB] 2.6).
func (c *Reader) readDirectory(start uint32) ([]byte, error) {
	var directory []byte
	links := chain{table: &c.fat}
	for next := start; next != endOfChain; {
		if int64(len(c.directory)) > c.size/c.sectorSize {
			return nil, fmt.Errorf("cfb: directory: the chain of sectors is a cycle: %w", ErrFormat)
		}
		if len(directory)/entrySize >= MaxEntries {
			return nil, fmt.Errorf("cfb: more than %d directory entries: %w", MaxEntries, ErrLimit)
		}
		at := len(directory)
		directory = append(directory, make([]byte, c.sectorSize)...)
		if err := readFull(c.r, c.size, directory[at:], c.offset(next)); err != nil {
			return nil, fmt.Errorf("cfb: directory: %w", err)
		}
		c.directory = append(c.directory, next)
		var err error
		if next, err = links.next(next); err != nil {
			return nil, fmt.Errorf("cfb: directory: %w", err)
		}
	}
	if len(directory) == 0 {
		return nil, fmt.Errorf("cfb: there is no directory: %w", ErrFormat)
	}
	return directory, nil
}

// readMiniFAT lists the sectors of the mini FAT ([MS-CFB] 2.4).
func (c *Reader) readMiniFAT(h *header) error {
	if h.miniSectors == 0 {
		return nil
	}
	links := chain{table: &c.fat}
	next := h.miniFAT
	for range h.miniSectors {
		c.mini.sectors = append(c.mini.sectors, next)
		var err error
		if next, err = links.next(next); err != nil {
			return fmt.Errorf("cfb: mini FAT: %w", err)
		}
		if next == endOfChain {
			break
		}
	}
	return nil
}

// readFull fills b from offset of a file of the given size.
func readFull(r io.ReaderAt, size int64, b []byte, offset int64) error {
	if offset < 0 || offset > size-int64(len(b)) {
		return fmt.Errorf("%d bytes at offset %d of %d: %w", len(b), offset, size, ErrTruncated)
	}
	n, err := r.ReadAt(b, offset)
	if n == len(b) {
		return nil // a reader may return io.EOF with the last full read
	}
	if err == nil || errors.Is(err, io.EOF) {
		return fmt.Errorf("%d bytes at offset %d: %w", len(b), offset, ErrTruncated)
	}
	return err
}
