package cab

import "encoding/binary"

// sum is the checksum of CFDATA ([MS-CAB] 3.1) of p alone: the exclusive or of its
// 32-bit little-endian words, where the bytes of an incomplete last word count
// from the highest one down.
func sum(p []byte) uint32 {
	var a, b, c, d uint64
	for ; len(p) >= 32; p = p[32:] {
		a ^= binary.LittleEndian.Uint64(p)
		b ^= binary.LittleEndian.Uint64(p[8:])
		c ^= binary.LittleEndian.Uint64(p[16:])
		d ^= binary.LittleEndian.Uint64(p[24:])
	}
	a ^= b ^ c ^ d
	for ; len(p) >= 8; p = p[8:] {
		a ^= binary.LittleEndian.Uint64(p)
	}
	s := uint32(a) ^ uint32(a>>32)
	if len(p) >= 4 {
		s ^= binary.LittleEndian.Uint32(p)
		p = p[4:]
	}
	var tail uint32
	for _, x := range p {
		tail = tail<<8 | uint32(x)
	}
	return s ^ tail
}
