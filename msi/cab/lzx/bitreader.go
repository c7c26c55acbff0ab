package lzx

import (
	"encoding/binary"

	"github.com/hotfixkit/hotfixkit/msi/cab/internal/codec"
)

// prepare swaps the bytes of each 16-bit word of a payload: the bit stream is a
// sequence of little-endian words, most significant bit first ([MS-PATCH] 2.1),
// and becomes one that can be read in big-endian units of any size. The slack
// behind the payload becomes zeros.
func prepare(src []byte) {
	clear(src[len(src) : len(src)+codec.Slack])
	swapWords(src[:(len(src)+1)&^1])
}

// swapWords swaps the bytes of each 16-bit word of b, whose length is even.
func swapWords(b []byte) {
	const low = 0x00FF00FF00FF00FF
	for ; len(b) >= 8; b = b[8:] {
		x := binary.LittleEndian.Uint64(b)
		binary.LittleEndian.PutUint64(b, x&low<<8|x>>8&low)
	}
	for ; len(b) >= 2; b = b[2:] {
		b[0], b[1] = b[1], b[0]
	}
}

// bitReader reads a prepared payload.
type bitReader struct {
	in    []byte // the payload and codec.Slack zeros
	size  int    // of the payload
	next  int    // the byte of in that the next refill begins with
	bits  uint64 // unread bits, left-aligned; those after count are not settled
	count uint   // of the unread bits in bits, at most 63
}

func (r *bitReader) start(src []byte) {
	r.in = src[:len(src)+codec.Slack]
	r.size = len(src)
	r.next, r.bits, r.count = 0, 0, 0
}

// refill provides at least 56 bits; beyond the end they are zeros.
func (r *bitReader) refill() {
	// The limit is reached only behind the end of the payload.
	at := min(r.next, len(r.in)-8)
	r.bits |= binary.BigEndian.Uint64(r.in[at:]) >> (r.count & 63)
	r.next += int((63 - r.count) >> 3)
	r.count |= 56
}

func (r *bitReader) skip(n uint) {
	r.bits <<= n & 63
	r.count -= n
}

// read reads n bits, 1 to 16.
func (r *bitReader) read(n uint) uint32 {
	r.refill()
	v := uint32(r.bits >> ((64 - n) & 63))
	r.skip(n)
	return v
}

// consumed returns the number of bits read since the start of the payload.
func (r *bitReader) consumed() int { return 8*r.next - int(r.count) }

// overrun reports whether more bits were read than the payload has.
func (r *bitReader) overrun() bool { return r.consumed() > 8*r.size }

// seek continues with the byte at offset at of the payload. Words begin there:
// after an uncompressed block that is an odd offset where an odd number of its
// bytes lie in this payload.
func (r *bitReader) seek(at int) {
	if at%2 == 1 {
		rest := r.in[at-1 : (r.size+1)&^1]
		swapWords(rest)
		copy(rest, rest[1:])
		rest[len(rest)-1] = 0
		swapWords(rest)
		r.size--
		at--
	}
	r.next, r.bits, r.count = at, 0, 0
}

// raw copies the bytes at offset at of the payload, as they were before they
// were prepared, to dst. The caller has checked that they are there.
func (r *bitReader) raw(dst []byte, at int) {
	if len(dst) > 0 && at%2 == 1 {
		dst[0] = r.in[at-1]
		dst = dst[1:]
		at++
	}
	n := len(dst) &^ 1
	copy(dst, r.in[at:at+n])
	swapWords(dst[:n])
	if n < len(dst) {
		dst[n] = r.in[at+n+1]
	}
}
