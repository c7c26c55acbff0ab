package authenticode

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/hotfixkit/hotfixkit/internal/pe"
)

// The certificate table of a PE file ("PE Format", "The Attribute Certificate
// Table").
const (
	directorySize     = 8 // of the table's entry among the data directories
	checksumSize      = 4
	tableAlignment    = 8
	winCertHeaderSize = 8
	winCertSignedData = 2      // WIN_CERT_TYPE_PKCS_SIGNED_DATA
	winCertRevision1  = 0x0100 // WIN_CERT_REVISION_1_0
	winCertRevision2  = 0x0200 // WIN_CERT_REVISION_2_0
)

// errNotSigned says that a file is not a PE file, or one without a certificate
// table.
var errNotSigned = errors.New("not signed")

var errTable = errors.New("malformed certificate table")

// layout is where a signed PE file has what its digest leaves out.
type layout struct {
	checksum  int64 // of the field in the optional header
	directory int64 // of the certificate table's entry among the data directories
	table     int64
	tableEnd  int64
}

// newLayout finds the certificate table. It fails with errNotSigned, or with why
// the table cannot be as it is said to be.
func newLayout(parts *pe.Layout) (layout, error) {
	offset, length, entry := parts.CertificateTable()
	l := layout{checksum: parts.Checksum, directory: entry, table: offset, tableEnd: offset + length}
	if offset == 0 {
		return l, errNotSigned
	}
	switch {
	case offset < entry+directorySize:
		return l, fmt.Errorf("%w: it lies in the headers", errTable)
	case offset%tableAlignment != 0:
		return l, fmt.Errorf("%w: its offset %#x is not a multiple of %d", errTable, offset, tableAlignment)
	case length > maxSignature:
		return l, fmt.Errorf("%w: its %d bytes are above the limit of %d", errTable, length, maxSignature)
	case parts.HeadersSize > offset:
		return l, fmt.Errorf("%w: it lies in the %d bytes that the headers are said to have", errTable, parts.HeadersSize)
	}
	// What is loaded from the table would be loaded from bytes that nobody signed. The
	// digest of such a file cannot be what the format says: its sections would have to
	// hold their own signature.
	for _, section := range parts.Sections {
		if section.Size > 0 && section.Offset+section.Size > offset {
			return l, fmt.Errorf("%w: section %q reaches into it", errTable, section.Name)
		}
	}
	return l, nil
}

// VerifyPE reads the PE file of the given size and checks its signatures. A file
// that is not a PE file, or an unsigned one, has the status [None] unless a catalog
// lists it. The error is that of reading r.
func VerifyPE(r io.ReaderAt, size int64, o Options) (*Signature, error) {
	l, err := layoutOf(r, size)
	if errors.Is(err, errNotSigned) && len(o.Catalogs) == 0 {
		return &Signature{Status: None}, nil
	}
	if err != nil && !errors.Is(err, errTable) && !errors.Is(err, errNotSigned) {
		return nil, err
	}
	c := NewCollector(o)
	if err == nil && l.tableEnd <= size {
		table := make([]byte, l.tableEnd-l.table)
		if n, err := r.ReadAt(table, l.table); n < len(table) {
			return nil, fmt.Errorf("authenticode: reading the certificate table: %w", err)
		}
		if signatures, err := parseTable(table, o.Budget); err == nil {
			c.signatures = signatures
			if c.hashes == nil {
				c.begin(hashesOf(signatures)...)
			}
		}
	}
	if _, err := io.Copy(c, io.NewSectionReader(r, 0, size)); err != nil {
		return nil, fmt.Errorf("authenticode: %w", err)
	}
	return c.Finish(), nil
}

func layoutOf(r io.ReaderAt, size int64) (layout, error) {
	parts, err := pe.ReadLayout(r, size)
	for _, malformed := range []error{pe.ErrNotExecutable, pe.ErrFormat, pe.ErrTruncated, pe.ErrLimit} {
		if errors.Is(err, malformed) {
			return layout{}, errNotSigned
		}
	}
	if err != nil {
		return layout{}, fmt.Errorf("authenticode: reading the headers: %w", err)
	}
	return newLayout(parts)
}

// parseTable reads the signatures in a certificate table: entries of
// WIN_CERTIFICATE, each at a multiple of 8 ("PE Format", "The Attribute
// Certificate Table"). The table is not part of the digest. So nothing may be in
// it besides signatures, or it could carry what nobody signed (Microsoft Security
// Bulletin MS13-098).
func parseTable(table []byte, b *Budget) ([]*embedded, error) {
	var list []*embedded
	w := b.file()
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
		if !onlyZeros(rest[length:end]) {
			return nil, fmt.Errorf("%w: %d bytes of other data behind an entry", errTable, end-int(length))
		}
		signatures, err := parseWithin(rest[winCertHeaderSize:length], w)
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
