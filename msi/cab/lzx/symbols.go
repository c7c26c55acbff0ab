package lzx

import (
	"encoding/binary"
	"fmt"
)

var (
	errAcross = fmt.Errorf("%w: a match reaches past its block or frame", ErrFormat)
	errBefore = fmt.Errorf("%w: a match begins before the data", ErrFormat)
)

// decodeSymbols decompresses the part of a verbatim or aligned block that
// reaches up to buf[until] ([MS-PATCH] 2.6).
//
// It is the hot loop: it keeps the bit reader in local variables, refills once
// for up to three literals or one match (at most 16 bits of main symbol, 16 of
// length symbol and 17 of footer), and copies in units of 16 bytes, of which
// the last may reach beyond the match and is overwritten by what follows.
func (s *stream) decodeSymbols(until int) error {
	in, limit := s.in, s.size+8
	next, bits, count := s.next, s.bits, s.count
	buf, pos := s.buf, s.pos
	aligned := s.block == blockAligned
	longest := maxMatch + 1
	if s.delta {
		longest = maxMatch
	}
	// R0 to R2, and in the fourth place the offset of a match that uses none.
	var repeated [4]uint32
	copy(repeated[:], s.repeated[:])
	var err error

	for pos < until {
		if next > limit {
			err = ErrTruncated
			break
		}
		bits |= binary.BigEndian.Uint64(in[next:]) >> (count & 63)
		next += int((63 - count) >> 3)
		count |= 56

		e := s.mainFirst[bits>>(64-mainBits)]
		if int32(e) >= 0 {
			bits <<= e & entryLen
			count -= uint(e & entryLen)
			buf[pos] = byte(e >> symbolAt)
			pos++
			if pos == until {
				break
			}
			e = s.mainFirst[bits>>(64-mainBits)]
			if int32(e) >= 0 {
				bits <<= e & entryLen
				count -= uint(e & entryLen)
				buf[pos] = byte(e >> symbolAt)
				pos++
				if pos == until {
					break
				}
				e = s.mainFirst[bits>>(64-mainBits)]
				if int32(e) >= 0 {
					bits <<= e & entryLen
					count -= uint(e & entryLen)
					buf[pos] = byte(e >> symbolAt)
					pos++
					continue
				}
			}
			bits |= binary.BigEndian.Uint64(in[next:]) >> (count & 63)
			next += int((63 - count) >> 3)
			count |= 56
		}
		if e&entryMore != 0 {
			e = longCode(s.mainSecond, e, bits, mainBits)
			if int32(e) >= 0 {
				bits <<= e & entryLen
				count -= uint(e & entryLen)
				buf[pos] = byte(e >> symbolAt)
				pos++
				continue
			}
			if e&entryMore != 0 {
				err = errUnassigned
				break
			}
		}
		bits <<= e & entryLen
		count -= uint(e & entryLen)

		length := int(e>>symbolAt&headerMask) + minMatch
		if length == lengthFollows+minMatch {
			l := s.lengthFirst[bits>>(64-lengthBits)]
			if int32(l) < 0 {
				l = longCode(s.lengthSecond, l, bits, lengthBits)
				if int32(l) < 0 {
					err = errUnassigned
					break
				}
			}
			bits <<= l & entryLen
			count -= uint(l & entryLen)
			length += int(l >> symbolAt)
		}

		footer := e >> footerAt & footerMask
		var offset uint32
		if aligned && footer >= 3 {
			offset = uint32(bits>>1>>((66-footer)&63)) << 3
			bits <<= (footer - 3) & 63
			count -= uint(footer - 3)
			a := s.alignedFirst[bits>>(64-alignedBits)]
			if int32(a) < 0 {
				err = errUnassigned
				break
			}
			bits <<= a & entryLen
			count -= uint(a & entryLen)
			offset |= a >> symbolAt
		} else {
			offset = uint32(bits >> 1 >> ((63 - footer) & 63))
			bits <<= footer & 63
			count -= uint(footer)
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

		if length == longest {
			bits |= binary.BigEndian.Uint64(in[next:]) >> (count & 63)
			next += int((63 - count) >> 3)
			count |= 56
			var n uint
			length, n = extraLength(bits)
			bits <<= n
			count -= n
		}

		distance := int(offset)
		if length > until-pos {
			err = errAcross
			break
		}
		from := pos - distance
		if from < 0 {
			if !s.delta || distance == unusable {
				err = errBefore
				break
			}
			pos = copyFromBefore(buf, pos, distance, length)
			continue
		}
		if distance >= 16 {
			end := pos + length
			for {
				copy16(buf, pos, from)
				pos += 16
				from += 16
				if pos >= end {
					break
				}
			}
			pos = end
			continue
		}
		pos = repeat(buf, pos, distance, length)
	}

	s.next, s.bits, s.count = next, bits, count
	s.pos = pos
	copy(s.repeated[:], repeated[:])
	return err
}

// Which of the repeated offsets become R1 and R2 when a match used R0, R1, R2
// or another offset, in the order in which the loop assigns them: R1 and R2
// change places with R0, another offset pushes R2 out ([MS-PATCH] 2.4).
var (
	keepFirst  = [4]uint8{1, 0, 1, 0}
	keepSecond = [4]uint8{2, 2, 0, 1}
)

// copy16 copies 16 bytes from buf[from:] to buf[to:].
func copy16(buf []byte, to, from int) {
	a := binary.LittleEndian.Uint64(buf[from : from+16])
	b := binary.LittleEndian.Uint64(buf[from : from+16][8:])
	binary.LittleEndian.PutUint64(buf[to:to+16], a)
	binary.LittleEndian.PutUint64(buf[to : to+16][8:], b)
}

// repeat continues buf[:pos], whose last distance bytes, less than 16, repeat,
// by length bytes, and returns the position behind them.
func repeat(buf []byte, pos, distance, length int) int {
	end := pos + length
	from := pos - distance
	if distance < 8 {
		// A word of whole repetitions, and how far they advance.
		x := binary.LittleEndian.Uint64(buf[from:from+8]) & (1<<(8*distance) - 1) * spread[distance]
		step := 8 / distance * distance
		for ; pos < end; pos += step {
			binary.LittleEndian.PutUint64(buf[pos:pos+8], x)
		}
		return end
	}
	for ; pos < end; pos += 8 {
		binary.LittleEndian.PutUint64(buf[pos:pos+8], binary.LittleEndian.Uint64(buf[from:from+8]))
		from += 8
	}
	return end
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

// copyFromBefore copies a match of LZX DELTA that begins before the reference
// data, where everything is zero.
func copyFromBefore(buf []byte, pos, distance, length int) int {
	for range length {
		buf[pos] = 0
		if from := pos - distance; from >= 0 {
			buf[pos] = buf[from]
		}
		pos++
	}
	return pos
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
