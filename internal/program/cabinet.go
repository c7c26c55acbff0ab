package program

import (
	"bytes"
	"errors"
	"io"

	"github.com/hotfixkit/hotfixkit/internal/magic"
)

// The header of a cabinet ([MS-CAB] 2.1).
const (
	cabSignature  = magic.Cabinet + "\x00\x00\x00\x00" // with reserved1
	cabHeaderSize = 36
	cabVersion    = 0x0103
)

// cabinetAt returns the size of the cabinet that starts at an offset and ends
// before limit, 0 where there is none that is plausible.
func cabinetAt(r io.ReaderAt, at, limit int64) int64 {
	var b [cabHeaderSize]byte
	if limit-at < cabHeaderSize {
		return 0
	}
	if n, _ := r.ReadAt(b[:], at); n < len(b) || string(b[:8]) != cabSignature {
		return 0
	}
	size, files := int64(le.Uint32(b[8:])), int64(le.Uint32(b[16:]))
	switch {
	case size > limit-at, files < cabHeaderSize, files >= size:
		return 0
	case le.Uint16(b[24:]) != cabVersion, le.Uint16(b[26:]) == 0, le.Uint16(b[28:]) == 0:
		return 0
	}
	return size
}

// findCabinet finds the first plausible cabinet between from and to.
func findCabinet(r io.ReaderAt, from, to int64) (at, size int64, err error) {
	const step = 256 << 10
	buffer := make([]byte, max(0, min(step+int64(len(cabSignature))-1, to-from)))
	for ; to-from >= cabHeaderSize; from += step {
		n, err := r.ReadAt(buffer[:min(int64(len(buffer)), to-from)], from)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, 0, err
		}
		for i := 0; ; i++ {
			next := bytes.Index(buffer[i:n], []byte(cabSignature))
			if next < 0 {
				break
			}
			if i += next; i >= step {
				break
			}
			if size := cabinetAt(r, from+int64(i), to); size > 0 {
				return from + int64(i), size, nil
			}
		}
	}
	return 0, 0, nil
}
