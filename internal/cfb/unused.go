package cfb

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// CheckUnused reports bytes of the file that no structure and no stream uses:
// sectors that no chain reaches, sectors of a chain behind the end of its
// stream, bytes behind the last sector in use, what is in the last sector of
// the file behind the end of its stream, links of sectors that the file does not
// have, and directory entries that the tree does not reach and that are not empty.
// They are part of no digest over the streams, so that somebody else can have put
// them there. The error is ErrUnused; for damaged chains it is that of Open.
//
// The unused ends of the last sectors of other streams count as part of their
// stream, and up to miniStreamCutoff bytes of mini sectors, rounded up to a sector,
// may be free: writers leave there what a removed small stream was (all of twenty
// real signed packages are free of everything else).
func (c *Reader) CheckUnused() error {
	if err := c.checkTables(); err != nil {
		return err
	}
	use := &sectorUse{c: c, sectors: make([]uint64, (c.size/c.sectorSize+63)/64)}
	for _, list := range [][]uint32{c.difat, c.fat.sectors, c.directory, c.mini.sectors} {
		for _, s := range list {
			use.sector(s)
		}
	}
	use.sector(uint32(rangeLock/c.sectorSize - 1))
	if err := use.streams(); err != nil {
		return err
	}
	if err := use.check(); err != nil {
		return err
	}
	return c.checkUnreached()
}

// checkTables reports sectors of the allocation tables, and links in them, that are
// for sectors behind the end of what they describe. They must be FREESECT ([MS-CFB]
// 2.3).
func (c *Reader) checkTables() error {
	for _, t := range []struct {
		name  string
		table *table
		links int64
	}{
		{"FAT", &c.fat, (c.size+c.sectorSize-1)/c.sectorSize - 1},
		{"mini FAT", &c.mini, (c.miniSize + miniSectorSize - 1) / miniSectorSize},
	} {
		perSector := c.sectorSize / 4
		for i := t.links / perSector; i < int64(len(t.table.sectors)); i++ {
			sector := t.table.sectors[i]
			if sector == freeSect {
				continue
			}
			links, err := t.table.load(uint32(i))
			if err != nil {
				return fmt.Errorf("cfb: %s: %w", t.name, err)
			}
			if len(bytes.Trim(links[max(0, t.links-i*perSector)*4:], "\xff")) > 0 {
				return fmt.Errorf("cfb: sector %d of the %s links sectors that the file does not have: %w", sector, t.name, ErrUnused)
			}
		}
	}
	return nil
}

// sectorUse notes which sectors of a file are in use.
type sectorUse struct {
	c       *Reader
	sectors []uint64 // one bit each
	mini    int64    // bytes of mini sectors in use
	end     int64    // of the stream that ends last in the file
}

func (u *sectorUse) sector(s uint32) {
	if i := int(s / 64); i < len(u.sectors) {
		u.sectors[i] |= 1 << (s % 64)
	}
}

// streams notes the sectors of all streams, that of the mini sectors included.
func (u *sectorUse) streams() error {
	mini := u.c.miniStream()
	if mini.err != nil {
		return fmt.Errorf("cfb: mini stream: %w", mini.err)
	}
	u.extents(mini)
	for _, e := range u.c.root.below(0) {
		if e.IsStorage {
			continue
		}
		x := e.content()
		if x.err != nil {
			return x.err
		}
		if e.Size >= miniStreamCutoff {
			u.extents(x)
		} else {
			u.mini += (e.Size + miniSectorSize - 1) / miniSectorSize * miniSectorSize
		}
	}
	return nil
}

func (u *sectorUse) extents(x *extents) {
	for _, run := range x.runs {
		u.end = max(u.end, run.offset+run.length)
		for at := run.offset; at < run.offset+run.length; at += u.c.sectorSize {
			u.sector(uint32(at/u.c.sectorSize - 1))
		}
	}
}

func (u *sectorUse) check() error {
	c := u.c
	// The header of version 4 fills a sector, of which it uses 512 bytes.
	rest := make([]byte, c.sectorSize-headerSize)
	if err := readFull(c.r, c.size, rest, headerSize); err != nil {
		return fmt.Errorf("cfb: header: %w", err)
	}
	if len(bytes.Trim(rest, "\x00")) > 0 {
		return fmt.Errorf("cfb: the sector of the header is not empty behind it: %w", ErrUnused)
	}
	for at := c.sectorSize; at < c.size; at += c.sectorSize {
		if s := at/c.sectorSize - 1; u.sectors[s/64]&(1<<(s%64)) == 0 {
			return fmt.Errorf("cfb: sector %d, at byte %d of %d, belongs to no stream: %w", s, at, c.size, ErrUnused)
		}
	}
	if slack := c.size - u.end; u.end > 0 && slack > 0 && slack < c.sectorSize {
		last := make([]byte, slack)
		if err := readFull(c.r, c.size, last, u.end); err != nil {
			return fmt.Errorf("cfb: last sector: %w", err)
		}
		if len(bytes.Trim(last, "\x00")) > 0 {
			return fmt.Errorf("cfb: the last sector of the file is not empty behind the end of its stream: %w", ErrUnused)
		}
	}
	if free := c.miniSize - u.mini; free > miniStreamCutoff+c.sectorSize {
		return fmt.Errorf("cfb: %d bytes of mini sectors belong to no stream: %w", free, ErrUnused)
	}
	return nil
}

// checkUnreached reports directory entries that hold something although the
// tree does not reach them, and something behind the names of the others. Of an
// unused entry all bytes are zero, except for the links ([MS-CFB] 2.6.3).
func (c *Reader) checkUnreached() error {
	directory, err := c.readSectors(c.directory)
	if err != nil {
		return fmt.Errorf("cfb: directory: %w", err)
	}
	var empty, noLinks [entrySize]byte
	for _, at := range []int{68, 72, 76} {
		binary.LittleEndian.PutUint32(noLinks[at:], noStream)
	}
	for id := range len(directory) / entrySize {
		raw := directory[id*entrySize:][:entrySize]
		if length := int(binary.LittleEndian.Uint16(raw[64:])); c.reached[id] && length < 64 && len(bytes.Trim(raw[length:64], "\x00")) > 0 {
			return fmt.Errorf("cfb: directory entry %d holds something behind its name: %w", id, ErrUnused)
		}
		if !c.reached[id] && !bytes.Equal(raw, empty[:]) && !bytes.Equal(raw, noLinks[:]) {
			return fmt.Errorf("cfb: directory entry %d is not empty and not in the tree: %w", id, ErrUnused)
		}
	}
	return nil
}

// readSectors returns the bytes of sectors.
func (c *Reader) readSectors(sectors []uint32) ([]byte, error) {
	b := make([]byte, int64(len(sectors))*c.sectorSize)
	for i, s := range sectors {
		if err := readFull(c.r, c.size, b[int64(i)*c.sectorSize:][:c.sectorSize], c.offset(s)); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// InStream reports whether the bytes from offset of the file on are content of one
// stream that wanted accepts; inRoot says that the stream is in the root storage.
func (c *Reader) InStream(offset, length int64, wanted func(e *Entry, inRoot bool) bool) bool {
	for depth, e := range c.root.below(0) {
		if e.IsStorage || !wanted(e, depth == 1) {
			continue
		}
		for _, run := range e.content().runs {
			if run.offset <= offset && offset < run.offset+run.length {
				// What lies in two runs is looked at where it begins.
				return run.at+offset-run.offset+length <= e.Size
			}
		}
	}
	return false
}
