package lzx

import "encoding/binary"

const (
	maxPayload = 1<<16 - 1 // of a frame: deltas count its bytes in 16 bits
	inSlack    = 64        // zeros behind it
)

// bitReader reads the payload of one frame.
type bitReader struct {
	// The payload with the bytes of each 16-bit word swapped: the bit stream is
	// a sequence of little-endian words, most significant bit first
	// ([MS-PATCH] 2.1), and becomes one that big-endian units of any size read.
	in    [maxPayload + 1 + inSlack]byte
	size  int    // of the payload
	next  uint   // the byte of in that the next refill begins with
	bits  uint64 // unread bits, left-aligned; those after count are not settled
	count uint   // of the unread bits in bits, at most 63
}

// start begins with a payload of at most maxPayload bytes.
func (r *bitReader) start(src []byte) {
	n := copySwapped(r.in[:], src)
	if n < len(src) {
		r.in[n], r.in[n+1] = 0, src[n]
		n += 2
	}
	clear(r.in[n : n+inSlack-1])
	r.size = len(src)
	r.next, r.bits, r.count = 0, 0, 0
}

// copySwapped copies the whole 16-bit words of src to dst, which may be src,
// with their bytes swapped, and returns their size in bytes.
func copySwapped(dst, src []byte) int {
	const low = 0x00FF00FF00FF00FF
	n := len(src) &^ 1
	dst, src = dst[:n], src[:n]
	for len(src) >= 8 && len(dst) >= 8 {
		x := binary.LittleEndian.Uint64(src)
		binary.LittleEndian.PutUint64(dst, x&low<<8|x>>8&low)
		dst, src = dst[8:], src[8:]
	}
	for i := 0; i < len(src); i += 2 {
		dst[i], dst[i+1] = src[i+1], src[i]
	}
	return n
}

// load returns the eight bytes at the given place of a payload, or of its last
// place for what lies behind.
func load(in *[maxPayload + 1 + inSlack]byte, at uint) uint64 {
	at &= maxPayload
	return binary.BigEndian.Uint64(in[at : at+8])
}

// refill provides at least 56 bits; beyond the end they are zeros.
func (r *bitReader) refill() {
	r.bits |= load(&r.in, min(r.next, maxPayload)) >> (r.count & 63)
	r.next += (63 - r.count) >> 3
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
func (r *bitReader) consumed() int { return int(8*r.next - r.count) }

// overrun reports whether more bits were read than the payload has.
func (r *bitReader) overrun() bool { return r.consumed() > 8*r.size }

// seek continues with the byte at offset at of the payload. Words begin there:
// after an uncompressed block that is an odd offset where an odd number of its
// bytes lie in this payload.
func (r *bitReader) seek(at int) {
	if at%2 == 1 {
		rest := r.in[at-1 : (r.size+1)&^1]
		copySwapped(rest, rest)
		copy(rest, rest[1:])
		rest[len(rest)-1] = 0
		copySwapped(rest, rest)
		r.size--
		at--
	}
	r.next, r.bits, r.count = uint(at), 0, 0
}

// raw copies bytes at offset at of the payload, in their own order, to dst. The
// caller has checked that they are there.
func (r *bitReader) raw(dst []byte, at int) {
	if len(dst) > 0 && at%2 == 1 {
		dst[0] = r.in[at-1]
		dst = dst[1:]
		at++
	}
	n := copySwapped(dst, r.in[at:at+len(dst)])
	if n < len(dst) {
		dst[n] = r.in[at+n+1]
	}
}
