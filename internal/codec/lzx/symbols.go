package lzx

import "fmt"

var (
	errAcross = fmt.Errorf("%w: a match reaches past its block or frame", ErrFormat)
	errBefore = fmt.Errorf("%w: a match begins before the data", ErrFormat)
)

// What decodeSymbols does with the symbols. It is compiled once for each: the
// length is a constant in each copy.
type (
	toOutput [0]byte // writes the output to the stream's buffer
	toTokens [1]byte // collects literals and matches
)

// decodeSymbols decompresses n bytes of a verbatim or aligned block
// ([MS-PATCH] 2.6), to the stream's buffer or to t. It returns how many bytes an
// error left to be done.
//
// It is the hot loop. The bit reader's state is in local variables. A refill
// serves up to three literals or one match: at most 16 bits of main symbol, 16
// of length symbol and 17 of footer. Of count only the low six bits mean
// something in here, so that whole table entries can be subtracted. Reading
// beyond the payload does no harm, every symbol has output, and the caller
// notices. Copies go on to a multiple of 16 bytes; what follows overwrites what
// was too much.
func decodeSymbols[T toOutput | toTokens](s *stream, n int, t *Tokens) (int, error) {
	var to T
	in, next, bits, count := &s.in, s.next, s.bits, s.count
	var buf []byte
	var pos, ring, tokens, run int
	var edge uint
	if len(to) == 1 {
		// Only literals move pos, matches move until. What belongs to the output
		// may be in use elsewhere.
		buf, pos = t.literals[:], t.literalCount
		tokens, run = t.n, t.run
	} else {
		buf, pos, ring, edge = s.buf, s.pos, s.ring, s.edge()
	}
	until := pos + n
	// R0 to R2, and in the fourth place the offset of a match that uses none.
	repeated := [4]uint32{s.repeated[0], s.repeated[1], s.repeated[2]}
	var err error

	for pos < until {
		bits |= load(in, next) >> (count & 63)
		next += ^count >> 3 & 7
		count |= 56

		e := s.mainFirst[bits>>(64-mainBits)]
		if int32(e) >= 0 {
			bits <<= e & 63
			count -= uint(e)
			store8(buf, pos, byte(e>>symbolAt))
			pos++
			if pos == until {
				break
			}
			e = s.mainFirst[bits>>(64-mainBits)]
			if int32(e) >= 0 {
				bits <<= e & 63
				count -= uint(e)
				store8(buf, pos, byte(e>>symbolAt))
				pos++
				if pos == until {
					break
				}
				e = s.mainFirst[bits>>(64-mainBits)]
				if int32(e) >= 0 {
					bits <<= e & 63
					count -= uint(e)
					store8(buf, pos, byte(e>>symbolAt))
					pos++
					continue
				}
			}
			bits |= load(in, next) >> (count & 63)
			next += ^count >> 3 & 7
			count |= 56
		}
		if e&entryMore != 0 {
			e = longCode(s.mainSecond, e, bits<<mainBits)
			if int32(e) >= 0 {
				bits <<= e & 63
				count -= uint(e)
				store8(buf, pos, byte(e>>symbolAt))
				pos++
				continue
			}
			if e&entryMore != 0 {
				err = errUnassigned
				break
			}
		}
		bits <<= e & 63
		count -= uint(e)

		length := int(e>>headerAt&headerMask) + minMatch
		if length == lengthFollows+minMatch {
			l := s.lengthFirst[bits>>(64-lengthBits)]
			if int32(l) < 0 {
				l = longCode(s.lengthSecond, l, bits<<lengthBits)
				if int32(l) < 0 {
					err = errUnassigned
					break
				}
			}
			bits <<= l & 63
			count -= uint(l)
			length += int(l >> symbolAt)
		}

		footer := e >> footerAt
		offset := uint32(bits >> 1 >> (^footer & 63))
		bits <<= footer & 63
		count -= uint(footer)
		if s.block == blockAligned {
			// Where no aligned symbol follows, the other half of the table
			// yields one of no bits.
			a := s.alignedFirst[bits>>(64-alignedBits)|uint64(^e>>(alignedAt-alignedBits)&(1<<alignedBits))]
			if int32(a) < 0 {
				err = errUnassigned
				break
			}
			bits <<= a & 63
			count -= uint(a)
			offset = offset<<(e>>alignedAt&3) + a>>symbolAt
		}
		slot := e >> slotAt & slotMask
		repeated[3] = s.base[slot] + offset
		if slot > 3 {
			slot = 3
		}
		offset = repeated[slot]
		repeated[2] = repeated[keepSecond[slot]]
		repeated[1] = repeated[keepFirst[slot]]
		repeated[0] = offset

		if length == maxMatch && s.delta {
			bits |= load(in, next) >> (count & 63)
			next += ^count >> 3 & 7
			count |= 56
			var extra uint
			length, extra = extraLength(bits)
			bits <<= extra & 63
			count -= extra
		}

		if length > until-pos {
			err = errAcross
			break
		}
		if len(to) == 1 {
			if offset == unusable {
				err = errBefore
				break
			}
			t.list[tokens&(maxTokens-1)] = uint64(pos-run)<<runAt | uint64(length)<<lengthAt | uint64(offset)
			tokens++
			run = pos
			until -= length
			continue
		}
		end := pos + length
		from := pos - int(offset)
		from += from >> signBit & ring
		if uint(from) >= edge {
			if offset == unusable || from < 0 && !s.delta {
				err = errBefore
				break
			}
			s.copyApart(pos, from, length)
			pos = end
			continue
		}
		if offset < 8 {
			repeatShort(buf, pos, end, int(offset))
			pos = end
			continue
		}
		for {
			store64(buf, pos, load64(buf, from))
			store64(buf, pos+8, load64(buf, from+8))
			pos += 16
			if pos >= end {
				break
			}
			from += 16
		}
		pos = end
	}

	s.next, s.bits, s.count = next, bits, count&63
	if len(to) == 1 {
		t.n, t.literalCount, t.run = tokens, pos, run
	} else {
		s.pos = pos
	}
	copy(s.repeated[:], repeated[:])
	return until - pos, err
}

// Which of the repeated offsets become R1 and R2 when a match used R0, R1, R2
// or another offset, in the order in which the loop assigns them: R1 and R2
// change places with R0, another offset pushes R2 out ([MS-PATCH] 2.4).
var (
	keepFirst  = [4]uint8{1, 0, 1, 0}
	keepSecond = [4]uint8{2, 2, 0, 1}
)

// repeatShort fills buf[pos:end] with repetitions of the distance bytes before
// it, 1 to 7.
func repeatShort(buf []byte, pos, end, distance int) {
	// A word of whole repetitions, and how far they advance.
	x := load64(buf, pos-distance) & (1<<(8*distance) - 1) * spread[distance&7]
	step := 8 / distance * distance
	for ; pos < end; pos += step {
		store64(buf, pos, x)
	}
}

// spread[n] repeats a value of n bytes over a word when multiplied by it.
var spread = [8]uint64{
	1: 0x0101010101010101,
	2: 0x0001000100010001,
	3: 0x0001000001000001,
	4: 0x0000000100000001,
	5: 0x0000010000000001,
	6: 0x0001000000000001,
	7: 0x0100000000000001,
}

// copyApart copies a match that may not be in one piece: one around the end of the
// ring, or one of LZX DELTA that begins before the reference data, where
// everything is zero.
func (s *stream) copyApart(pos, from, length int) {
	for i := range length {
		b := byte(0)
		at := from + i
		if s.ring > 0 && at >= s.ring {
			at -= s.ring
		}
		if at >= 0 {
			b = s.buf[at]
		}
		s.buf[pos+i] = b
	}
}

// extraLength returns the length of a match longer than 256 bytes, and the
// number of bits that it takes ([MS-PATCH] 2.6.1).
func extraLength(bits uint64) (length int, n uint) {
	switch {
	case bits>>63 == 0:
		return maxMatch + int(bits>>55&(1<<8-1)), 9
	case bits>>62 == 2:
		return maxMatch + 1<<8 + int(bits>>52&(1<<10-1)), 12
	case bits>>61 == 6:
		return maxMatch + 1<<8 + 1<<10 + int(bits>>49&(1<<12-1)), 15
	default:
		return maxMatch + int(bits>>46&(1<<15-1)), 18
	}
}
