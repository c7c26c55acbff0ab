package authenticode

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/hotfixkit/hotfixkit/internal/cfb"
)

// The end of a zip archive (APPNOTE 4.3.16). Readers look for it from the end of the
// file, whatever the file begins with: a Java archive behind or within a signed
// package ran as if it were signed (CVE-2020-1464).
const (
	zipEnd        = "PK\x05\x06"
	zipEndSize    = 22
	zipEntrySize  = 46      // of the directory, at least
	zipMaxComment = 1 << 16 // bytes that may follow
	maxArchives   = 100     // that are looked for in the streams of a package
)

// endsOfArchives returns where in b the directory of a zip archive seems to end.
func endsOfArchives(b []byte) []int {
	var found []int
	for at := 0; ; at++ {
		i := bytes.Index(b[at:], []byte(zipEnd))
		if i < 0 {
			return found
		}
		at += i
		if len(b)-at < zipEndSize {
			return found
		}
		u16 := func(off int) uint16 { return binary.LittleEndian.Uint16(b[at+off:]) }
		entries, size := u16(10), binary.LittleEndian.Uint32(b[at+12:])
		oneDisk := u16(4) == 0 && u16(6) == 0 && u16(8) == entries
		if oneDisk && entries > 0 && int64(size) >= zipEntrySize*int64(entries) {
			found = append(found, at)
		}
	}
}

// checkArchive fails where a reader of zip archives would find one in the package
// whose end is not signed: in the unused end of a sector, or in the signature itself.
func checkArchive(r io.ReaderAt, size int64, file *cfb.Reader) error {
	from := max(0, size-zipMaxComment-zipEndSize)
	tail := make([]byte, size-from)
	if n, err := r.ReadAt(tail, from); n < len(tail) {
		return fmt.Errorf("authenticode: reading the end of the package: %w", err)
	}
	ends := endsOfArchives(tail)
	if len(ends) > maxArchives {
		return fmt.Errorf("more than %d zip archives end in its last %d bytes", maxArchives, len(tail))
	}
	for _, at := range ends {
		if !file.InStream(from+int64(at), zipEndSize, isSigned) {
			return fmt.Errorf("a zip archive ends at byte %d of %d", from+int64(at), size)
		}
	}
	return nil
}

// isSigned reports whether a signature covers the content of a stream.
func isSigned(e *cfb.Entry, inRoot bool) bool {
	return !inRoot || e.Name != streamSignature && e.Name != streamSignatureEx
}
