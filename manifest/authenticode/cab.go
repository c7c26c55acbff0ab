package authenticode

import (
	"crypto"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/hotfixkit/hotfixkit/internal/magic"
)

// Places in the header of a signed cabinet ([MS-CAB] 2.1). Its reserved area says
// where behind the cabinet the signature lies.
const (
	cabReserved1       = 4
	cabCoversFrom      = 8
	cabFlags           = 30
	cabFlagReserve     = 0x0004 // cfhdrRESERVE_PRESENT
	cabIndex           = 34     // iCabinet
	cabHeaderReserve   = 36     // cbCFHeader; cbCFFolder and cbCFData follow
	cabReserve         = 40     // abReserve
	cabSignatureOffset = 44
	cabSignatureSize   = 48
	cabReserved4       = 52
	cabCoversAgain     = 56
	cabHeaderEnd       = 60
	cabReserveSize     = 20
	cabReserveMark     = 0x00100000
)

// verifyCAB is VerifyCAB without catalogs.
func verifyCAB(r io.ReaderAt, size int64, o Options) (*Signature, error) {
	head := make([]byte, cabHeaderEnd)
	if size < cabHeaderEnd {
		return &Signature{Status: None}, nil
	}
	if n, err := r.ReadAt(head, 0); n < len(head) {
		return nil, fmt.Errorf("authenticode: reading the cabinet's header: %w", err)
	}
	u16 := func(at int) uint16 { return binary.LittleEndian.Uint16(head[at:]) }
	u32 := func(at int) uint32 { return binary.LittleEndian.Uint32(head[at:]) }
	offset, length := int64(u32(cabSignatureOffset)), int64(u32(cabSignatureSize))
	if string(head[:len(magic.Cabinet)]) != magic.Cabinet || u16(cabFlags)&cabFlagReserve == 0 || u16(cabHeaderReserve) != cabReserveSize ||
		u32(cabReserve) != cabReserveMark || offset == 0 || length == 0 {
		return &Signature{Status: None}, nil
	}
	switch {
	case u32(cabReserved1) != 0 || u16(cabHeaderReserve+2) != 0 || u32(cabReserved4) != 0:
		return unreadable(fmt.Errorf("%w: the cabinet's header has content where no signature covers it", errSignedData)), nil
	case offset < cabHeaderEnd || offset+length != size:
		return unreadable(fmt.Errorf("%w: the signature lies at %d to %d in a file of %d bytes, and not at its end", errSignedData, offset, offset+length, size)), nil
	case length > maxSignature:
		return unreadable(fmt.Errorf("%w: its %d bytes are above the limit of %d", errSignedData, length, maxSignature)), nil
	}
	data := make([]byte, length)
	if n, err := r.ReadAt(data, offset); n < len(data) {
		return nil, fmt.Errorf("authenticode: reading the signature: %w", err)
	}
	signatures, err := parseAlone(data, o.Budget)
	if err != nil {
		return unreadable(err), nil
	}
	sums := make(map[crypto.Hash][]byte)
	for _, algorithm := range hashesOf(signatures) {
		h := algorithm.New()
		h.Write(slices.Concat(head[:cabReserved1], head[cabCoversFrom:cabIndex], head[cabCoversAgain:]))
		if _, err := io.Copy(h, io.NewSectionReader(r, cabHeaderEnd, offset-cabHeaderEnd)); err != nil {
			return nil, fmt.Errorf("authenticode: %w", err)
		}
		sums[algorithm] = h.Sum(nil)
	}
	return judge(signatures, kindsCAB, sums, o), nil
}
