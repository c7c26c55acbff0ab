package authenticode

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Places in a PE file ("PE Format").
const (
	dosHeaderSize     = 64
	dosNewHeader      = 0x3c // e_lfanew
	peSignatureSize   = 4
	fileHeaderSize    = 20
	fileOptionalSize  = 16 // SizeOfOptionalHeader, in the file header
	optionalChecksum  = 64
	optionalCount32   = 92 // NumberOfRvaAndSizes
	optionalCount64   = 108
	optionalMagic32   = 0x10b
	optionalMagic64   = 0x20b
	directorySize     = 8
	directorySecurity = 4 // the certificate table
	checksumSize      = 4
	tableAlignment    = 8
	winCertHeaderSize = 8
	winCertSignedData = 2      // WIN_CERT_TYPE_PKCS_SIGNED_DATA
	winCertRevision1  = 0x0100 // WIN_CERT_REVISION_1_0
	winCertRevision2  = 0x0200 // WIN_CERT_REVISION_2_0
	maxNewHeader      = 1 << 20
)

// errNotSigned says that a file is no PE file, or one without a certificate table.
var errNotSigned = errors.New("not signed")

var errTable = errors.New("malformed certificate table")

// layout is where a signed PE file has what its digest leaves out.
type layout struct {
	checksum  int64 // of the field in the optional header
	directory int64 // of the certificate table's entry among the data directories
	table     int64
	tableEnd  int64
}

// readLayout finds the certificate table from the first bytes of a file. As long
// as they are too few it returns how many it wants. It fails with errNotSigned,
// or with why the table cannot be as it is said to be.
func readLayout(head []byte) (l layout, want int, err error) {
	if len(head) < dosHeaderSize {
		return l, dosHeaderSize, nil
	}
	start := int(binary.LittleEndian.Uint32(head[dosNewHeader:]) & 0x7fffffff)
	if string(head[:2]) != "MZ" || start > maxNewHeader {
		return l, 0, errNotSigned
	}
	optional := start + peSignatureSize + fileHeaderSize
	if len(head) < optional {
		return l, optional, nil
	}
	if string(head[start:start+peSignatureSize]) != "PE\x00\x00" {
		return l, 0, errNotSigned
	}
	size := int(binary.LittleEndian.Uint16(head[start+peSignatureSize+fileOptionalSize:]))
	if len(head) < optional+size {
		return l, optional + size, nil
	}
	header := head[optional : optional+size]
	if size < 2 {
		return l, 0, errNotSigned
	}
	count := optionalCount32
	switch binary.LittleEndian.Uint16(header) {
	case optionalMagic32:
	case optionalMagic64:
		count = optionalCount64
	default:
		return l, 0, errNotSigned
	}
	entry := count + 4 + directorySecurity*directorySize
	if size < entry+directorySize || binary.LittleEndian.Uint32(header[count:]) <= directorySecurity {
		return l, 0, errNotSigned
	}
	offset := int64(binary.LittleEndian.Uint32(header[entry:]))
	length := int64(binary.LittleEndian.Uint32(header[entry+4:]))
	if offset == 0 || length == 0 {
		return l, 0, errNotSigned
	}
	l = layout{
		checksum:  int64(optional + optionalChecksum),
		directory: int64(optional + entry),
		table:     offset,
		tableEnd:  offset + length,
	}
	switch {
	case offset < l.directory+directorySize:
		return l, 0, fmt.Errorf("%w: it lies in the headers", errTable)
	case offset%tableAlignment != 0:
		return l, 0, fmt.Errorf("%w: its offset %#x is not a multiple of %d", errTable, offset, tableAlignment)
	case length > maxSignature:
		return l, 0, fmt.Errorf("%w: its %d bytes are above the limit of %d", errTable, length, maxSignature)
	}
	return l, 0, nil
}

// VerifyPE reads the PE file of the given size and checks its signatures. A file
// that is no PE file, or an unsigned one, has the status [None]. The error is
// that of reading r.
func VerifyPE(r io.ReaderAt, size int64, o Options) (*Signature, error) {
	l, err := layoutOf(r, size)
	if errors.Is(err, errNotSigned) {
		return &Signature{Status: None}, nil
	}
	if err != nil && !errors.Is(err, errTable) {
		return nil, err
	}
	c := NewCollector(o)
	if err == nil && l.tableEnd <= size {
		table := make([]byte, l.tableEnd-l.table)
		if n, err := r.ReadAt(table, l.table); n < len(table) {
			return nil, fmt.Errorf("authenticode: reading the certificate table: %w", err)
		}
		if signatures, err := parseTable(table); err == nil {
			c.begin(hashesOf(signatures)...)
		}
	}
	if _, err := io.Copy(c, io.NewSectionReader(r, 0, size)); err != nil {
		return nil, fmt.Errorf("authenticode: %w", err)
	}
	return c.Finish(), nil
}

func layoutOf(r io.ReaderAt, size int64) (layout, error) {
	var head []byte
	for {
		l, want, err := readLayout(head)
		if want == 0 {
			return l, err
		}
		if int64(want) > size {
			return l, errNotSigned
		}
		head = make([]byte, want)
		if n, err := r.ReadAt(head, 0); n < want {
			return l, fmt.Errorf("authenticode: reading the headers: %w", err)
		}
	}
}

// parseTable reads the signatures in a certificate table: entries of
// WIN_CERTIFICATE, each at a multiple of 8 ("PE Format", "The Attribute
// Certificate Table"). The table is not part of the digest. So nothing may stand in
// it beside signatures, or it could carry what nobody signed (Microsoft Security
// Bulletin MS13-098).
func parseTable(table []byte) ([]*embedded, error) {
	var list []*embedded
	for pos := 0; pos < len(table); {
		rest := table[pos:]
		if len(rest) < winCertHeaderSize {
			if !onlyZeros(rest) {
				return nil, fmt.Errorf("%w: %d bytes of other data at its end", errTable, len(rest))
			}
			break
		}
		length := int64(binary.LittleEndian.Uint32(rest))
		revision := binary.LittleEndian.Uint16(rest[4:])
		kind := binary.LittleEndian.Uint16(rest[6:])
		if length < winCertHeaderSize || length > int64(len(rest)) {
			return nil, fmt.Errorf("%w: an entry of %d bytes where %d are left", errTable, length, len(rest))
		}
		if kind != winCertSignedData || revision != winCertRevision1 && revision != winCertRevision2 {
			return nil, fmt.Errorf("%w: an entry of type %d, revision %#x", errTable, kind, revision)
		}
		// The length may or may not include the padding.
		end := min((int(length)+tableAlignment-1)/tableAlignment*tableAlignment, len(rest))
		signatures, err := parseAlone(rest[winCertHeaderSize:end])
		if err != nil {
			return nil, err
		}
		if list = append(list, signatures...); len(list) > maxSignatures {
			return nil, fmt.Errorf("%w: more than %d signatures", errTable, maxSignatures)
		}
		pos += end
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%w: it is empty", errTable)
	}
	return list, nil
}
