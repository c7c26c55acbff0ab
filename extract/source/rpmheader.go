package source

import (
	"encoding/binary"
	"fmt"
	"io"
)

// The layout of an rpm before its payload ("RPM V4 Package format", rpm.org):
// the lead, the signature header padded to 8 bytes, the header.
const (
	rpmLeadSize    = 96
	rpmHeaderMagic = 0x8eade801
	rpmIntroSize   = 16
	rpmIndexSize   = 16
)

// Limits of one header: the number of tags is that of rpm itself, the size is
// many times that of the largest packages.
const (
	rpmMaxTags  = 0xffff
	rpmMaxStore = 32 << 20
)

// rpmTypeWidths are the sizes of one value by type: null, char, int8, int16,
// int32, int64, string, binary, string array, international string.
var rpmTypeWidths = [...]int64{0, 1, 1, 2, 4, 8, 1, 1, 1, 1}

// checkRPMHeaders checks that the headers of an rpm fit into the file and that
// each tag lies inside its header. The library that reads them takes these
// numbers for granted.
func checkRPMHeaders(r io.ReaderAt, size int64) error {
	end, err := checkRPMHeader(r, rpmLeadSize, size)
	if err != nil {
		return fmt.Errorf("the rpm's signature header: %w", err)
	}
	if _, err = checkRPMHeader(r, (end+7)&^7, size); err != nil {
		return fmt.Errorf("the rpm's header: %w", err)
	}
	return nil
}

// checkRPMHeader checks one header and returns where it ends.
func checkRPMHeader(r io.ReaderAt, at, size int64) (end int64, err error) {
	var intro [rpmIntroSize]byte
	if _, err := r.ReadAt(intro[:], at); err != nil {
		return 0, fmt.Errorf("%w: the file ends too early", ErrFormat)
	}
	if binary.BigEndian.Uint32(intro[:]) != rpmHeaderMagic {
		return 0, fmt.Errorf("%w: wrong magic number", ErrFormat)
	}
	tags := int64(binary.BigEndian.Uint32(intro[8:]))
	store := int64(binary.BigEndian.Uint32(intro[12:]))
	end = at + rpmIntroSize + tags*rpmIndexSize + store
	if tags > rpmMaxTags || store > rpmMaxStore || end > size {
		return 0, fmt.Errorf("%w: %d tags and %d bytes do not fit", ErrFormat, tags, store)
	}
	index := make([]byte, tags*rpmIndexSize)
	if _, err := r.ReadAt(index, at+rpmIntroSize); err != nil {
		return 0, fmt.Errorf("%w: the file ends too early", ErrFormat)
	}
	for ; len(index) > 0; index = index[rpmIndexSize:] {
		tag := binary.BigEndian.Uint32(index)
		kind := int64(binary.BigEndian.Uint32(index[4:]))
		offset := int64(int32(binary.BigEndian.Uint32(index[8:])))
		count := int64(int32(binary.BigEndian.Uint32(index[12:])))
		if kind >= int64(len(rpmTypeWidths)) || offset < 0 || count < 0 || offset+count*rpmTypeWidths[kind] > store {
			return 0, fmt.Errorf("%w: tag %d lies outside", ErrFormat, tag)
		}
	}
	return end, nil
}
