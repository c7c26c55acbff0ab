package mszip

import (
	"encoding/binary"

	"github.com/hotfixkit/hotfixkit/internal/codec"
)

// Tokens is one block without its Huffman codes: literal bytes, and matches with
// the number of literals before each.
type Tokens struct {
	list         [1 << 14]uint32 // a block has at most MaxBlock/minMatch matches and MaxBlock/runOnly long runs
	n            int
	literals     [1 << 16]byte // the size lets a 16-bit index do without a check
	literalCount int
}

// A token is distance-1 in the low 15 bits, length-minMatch in the next 8, and the
// number of literals before the match in the rest. runOnly stands for as many
// literals without a match.
const (
	lengthShift = 15
	runShift    = 23
	runOnly     = 1<<(32-runShift) - 1

	minMatch = 3
	maxMatch = 258
)

// A Parser decodes Huffman codes. It keeps nothing from one block to the next but
// memory.
type Parser struct {
	literal  table
	distance table
	lengths  [maxLiterals + maxDistances]uint8 // of the codes of both

	in    bitReader
	total int // bytes of the block so far
	run   int // t.literalCount after the last token
}

// bitReader reads bits from the lowest one up. src is readable for codec.Slack
// bytes past end.
type bitReader struct {
	src   []byte
	pos   int
	end   int
	bits  uint64
	count uint
}

// refill leaves at least 56 bits. Past the end they are zeros; overrun finds out
// whether any was used.
func (r *bitReader) refill() {
	if r.pos < len(r.src)-8 {
		r.bits |= binary.LittleEndian.Uint64(r.src[r.pos:]) << (r.count & 63)
		r.pos += int(63-r.count) >> 3
	}
	r.count |= 56
}

func (r *bitReader) take(n uint) int {
	v := int(r.bits & (1<<n - 1))
	r.bits >>= n
	r.count -= n
	return v
}

// overrun reports whether bits past the end were taken.
func (r *bitReader) overrun() bool { return r.pos*8-int(r.count) > r.end*8 }

var errOverrun = invalid("the data end too early")

// Parse decodes the payload src of one block of size bytes to t. The spare
// capacity of src, at least codec.Slack bytes, is overwritten.
func (p *Parser) Parse(t *Tokens, src []byte, size int) error {
	if len(src) < 2 || src[0] != 'C' || src[1] != 'K' {
		return invalid("no CK signature")
	}
	padded := src[:len(src)+codec.Slack]
	clear(padded[len(src):])
	p.in = bitReader{src: padded, pos: 2, end: len(src)}
	p.total, p.run = 0, 0
	t.n, t.literalCount = 0, 0
	for final := 0; final == 0; {
		p.in.refill()
		final = p.in.take(1)
		var err error
		switch p.in.take(2) {
		case 0:
			err = p.stored(t, size)
		case 1:
			if err = p.fixedCodes(); err == nil {
				err = p.compressed(t, size)
			}
		case 2:
			if err = p.dynamicCodes(); err == nil {
				err = p.compressed(t, size)
			}
		default:
			err = invalid("block type 3")
		}
		if err != nil {
			return err
		}
	}
	if p.total != size {
		return invalid("%d bytes in a block of %d", p.total, size)
	}
	return nil
}

// stored takes an uncompressed DEFLATE block (RFC 1951, 3.2.4).
func (p *Parser) stored(t *Tokens, size int) error {
	r := &p.in
	r.take(r.count & 7)
	r.refill()
	n, complement := r.take(16), r.take(16)
	start := r.pos - int(r.count/8)
	switch {
	case start > r.end:
		return errOverrun
	case n != complement^0xFFFF:
		return invalid("the length of a stored block fails its check")
	case start+n > r.end:
		return errOverrun
	case n > size-p.total:
		return invalid("more than %d bytes", size)
	}
	copy(t.literals[t.literalCount:], r.src[start:][:n])
	t.literalCount += n
	p.total += n
	p.in = bitReader{src: r.src, pos: start + n, end: r.end}
	return nil
}

// compressed takes a Huffman-coded DEFLATE block (RFC 1951, 3.2.3).
func (p *Parser) compressed(t *Tokens, size int) error {
	// The loop lives from these being in registers. Only the low 6 bits of count
	// hold; the number of bits at hand, which never exceeds 63.
	src, pos, bits, count := p.in.src, p.in.pos, p.in.bits, p.in.count
	literals, matched, n, run := t.literalCount, p.total-t.literalCount, t.n, p.run
	limit := p.in.end + 8
loop:
	for {
		if pos > limit || literals+matched > size {
			break
		}
		bits |= binary.LittleEndian.Uint64(src[pos:]) << (count & 63)
		pos += int(^count >> 3 & 7)
		count |= 56

		e := p.literal[bits&(1<<literalBits-1)]
		if e&entryLiteral != 0 {
			bits >>= e & 63
			count -= uint(e)
			t.literals[uint16(literals)] = byte(e >> entryValue)
			literals++
			e = p.literal[bits&(1<<literalBits-1)]
			if e&entryLiteral != 0 {
				bits >>= e & 63
				count -= uint(e)
				t.literals[uint16(literals)] = byte(e >> entryValue)
				literals++
				e = p.literal[bits&(1<<literalBits-1)]
				if e&entryLiteral != 0 {
					bits >>= e & 63
					count -= uint(e)
					t.literals[uint16(literals)] = byte(e >> entryValue)
					literals++
					continue
				}
			}
		}
		if e&entrySpecial != 0 {
			if e&entryTable != 0 {
				bits >>= literalBits
				count -= literalBits
				e = p.literal[(uint64(e>>entryValue)+bits&(1<<(e>>entryLength&15)-1))&(tableSize-1)]
			}
			if e&entryLiteral != 0 {
				bits >>= e & 63
				count -= uint(e)
				t.literals[uint16(literals)] = byte(e >> entryValue)
				literals++
				continue
			}
			if e&entrySpecial != 0 {
				if e&entryEnd == 0 {
					return invalid("a code that stands for nothing")
				}
				bits >>= e & 63
				count -= uint(e)
				break loop
			}
		}
		length := int(e>>entryValue) + int(bits&(1<<(e&63)-1)>>(e>>entryLength&31))
		bits >>= e & 63
		count -= uint(e)

		bits |= binary.LittleEndian.Uint64(src[pos:]) << (count & 63)
		pos += int(^count >> 3 & 7)
		count |= 56
		e = p.distance[bits&(1<<distanceBits-1)]
		if e&entrySpecial != 0 {
			if e&entryTable != 0 {
				bits >>= distanceBits
				count -= distanceBits
				e = p.distance[(uint64(e>>entryValue)+bits&(1<<(e>>entryLength&15)-1))&(tableSize-1)]
			}
			if e&entrySpecial != 0 {
				return invalid("a distance code that stands for nothing")
			}
		}
		distance := e>>entryValue + uint32(bits&(1<<(e&63)-1)>>(e>>entryLength&31))
		bits >>= e & 63
		count -= uint(e)

		matched += length
		for literals-run >= runOnly {
			t.list[n&(len(t.list)-1)] = runOnly << runShift
			n++
			run += runOnly
		}
		t.list[n&(len(t.list)-1)] = uint32(literals-run)<<runShift | uint32(length-minMatch)<<lengthShift | (distance - 1)
		n++
		run = literals
	}
	p.in.pos, p.in.bits, p.in.count = pos, bits, count&63
	t.literalCount, t.n, p.total, p.run = literals, n, literals+matched, run
	switch {
	case p.in.overrun():
		return errOverrun
	case p.total > size:
		return invalid("more than %d bytes", size)
	}
	return nil
}
