package zip

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Records of the format (APPNOTE 4.3).
const (
	localHeaderSize = 30
	endSize         = 22
	locatorSize     = 20
	end64Size       = 56

	signatureEnd     = "PK\x05\x06" // end of central directory record
	signatureLocator = "PK\x06\x07" // zip64 end of central directory locator
	signatureEnd64   = "PK\x06\x06"
	signatureEntry   = "PK\x01\x02"

	// searchBack is how far from the end of a file the end record is looked for:
	// the longest comment, and padding or foreign data behind the zip.
	searchBack = 1 << 20
	unknown16  = 1<<16 - 1 // the value is in the zip64 record
	unknown32  = 1<<32 - 1
)

var le = binary.LittleEndian

// An endRecord is the end of central directory record, with what the zip64
// record says in place of values that do not fit.
type endRecord struct {
	at, end int64  // offsets of the record and of the end of the comment
	first   int64  // offset of the first entry
	size    int64  // of the directory
	records uint64 // entries of the directory
}

// errNoEnd means that there is no end record.
var errNoEnd = fmt.Errorf("%w: it has no directory at its end", ErrTruncated)

// Has reports whether a zip with a plausible directory ends between from and to,
// in the last MiB of that range.
func Has(r io.ReaderAt, from, to int64) bool {
	_, err := findEnd(r, max(from, to-searchBack), to)
	return err == nil
}

// findEnd finds the last end record between from and to. Of several it takes the
// last that a directory precedes.
func findEnd(r io.ReaderAt, from, to int64) (endRecord, error) {
	const step = 64 << 10
	failure := errNoEnd
	buffer := make([]byte, step+len(signatureEnd)-1)
	for high := to; high > from; {
		low := max(from, high-step)
		// Signatures that start in [low, high) are found here.
		b := buffer[:min(high+int64(len(signatureEnd)-1), to)-low]
		if _, err := r.ReadAt(b, low); err != nil && !errors.Is(err, io.EOF) {
			return endRecord{}, err
		}
		for i := bytes.LastIndex(b, []byte(signatureEnd)); i >= 0; i = bytes.LastIndex(b, []byte(signatureEnd)) {
			end, err := readEnd(r, from, low+int64(i), to)
			if err == nil {
				return end, nil
			}
			if errors.Is(failure, errNoEnd) {
				failure = err
			}
			b = b[:i+len(signatureEnd)-1]
		}
		high = low
	}
	return endRecord{}, failure
}

// readEnd reads the end record at an offset and checks that a directory precedes
// it.
func readEnd(r io.ReaderAt, from, at, to int64) (endRecord, error) {
	var b [endSize]byte
	if at+endSize > to {
		return endRecord{}, errNoEnd
	}
	if _, err := r.ReadAt(b[:], at); err != nil && !errors.Is(err, io.EOF) {
		return endRecord{}, err
	}
	e := endRecord{
		at:      at,
		end:     at + endSize + int64(le.Uint16(b[20:])),
		records: uint64(le.Uint16(b[10:])),
		size:    int64(le.Uint32(b[12:])),
		first:   int64(le.Uint32(b[16:])),
	}
	if e.end > to {
		return e, fmt.Errorf("%w: its comment is cut off", ErrTruncated)
	}
	disk, start, here := le.Uint16(b[4:]), le.Uint16(b[6:]), le.Uint16(b[8:])
	directoryEnd := at
	if e.records == unknown16 || e.size == unknown32 || e.first == unknown32 {
		if err := e.read64(r); err != nil {
			return e, err
		}
		directoryEnd -= locatorSize + end64Size
	} else if disk != 0 || start != 0 || uint64(here) != e.records {
		return e, fmt.Errorf("%w: it is one part of a split zip", ErrMethod)
	}
	if e.size > directoryEnd-from || e.first > directoryEnd-e.size {
		return e, fmt.Errorf("%w: its directory is cut off at the start", ErrTruncated)
	}
	if e.records == 0 {
		return e, nil
	}
	var signature [4]byte
	if _, err := r.ReadAt(signature[:], directoryEnd-e.size); err != nil {
		return e, err
	}
	// The directory itself may be encrypted (APPNOTE 7.3).
	if string(signature[:]) != signatureEntry {
		return e, fmt.Errorf("%w: its directory is damaged, or encrypted as a whole", ErrFormat)
	}
	return e, nil
}

// read64 reads the zip64 end of central directory record. Where it is not there
// the values are what they are: archive/zip reads them so too.
func (e *endRecord) read64(r io.ReaderAt) error {
	var locator [locatorSize]byte
	if e.at < locatorSize+end64Size {
		return nil
	}
	if _, err := r.ReadAt(locator[:], e.at-locatorSize); err != nil {
		return err
	}
	if string(locator[:4]) != signatureLocator {
		return fmt.Errorf("%w: the zip64 locator is missing", ErrFormat)
	}
	var b [end64Size]byte
	if _, err := r.ReadAt(b[:], e.at-locatorSize-end64Size); err != nil {
		return err
	}
	if string(b[:4]) != signatureEnd64 {
		return fmt.Errorf("%w: the zip64 directory record is missing", ErrFormat)
	}
	if le.Uint32(b[16:]) != 0 || le.Uint32(b[20:]) != 0 {
		return fmt.Errorf("%w: it is one part of a split zip", ErrMethod)
	}
	records, size, first := le.Uint64(b[32:]), le.Uint64(b[40:]), le.Uint64(b[48:])
	if size > uint64(e.at) || first > uint64(e.at) {
		return fmt.Errorf("%w: its directory is cut off", ErrTruncated)
	}
	e.records, e.size, e.first = records, int64(size), int64(first)
	return nil
}
