package lzx

import (
	"encoding/binary"
	"fmt"
)

// Symbols of the pre-tree above 16 are runs of code lengths: of zeros, and of
// one other length ([MS-PATCH] 2.5.2).
const (
	zeros     = 17 // 4 to 19
	manyZeros = 18 // 20 to 51
	same      = 19 // 4 or 5, of the length that follows
)

// The parts of a pre-tree entry above the length of its code.
const (
	deltaAt   = 8  // what to subtract from the code length before; five bits
	keepAt    = 13 // mask of the code length: 0 where it becomes 0
	runFromAt = 18 // the shortest run; six bits
	runBitsAt = 24 // how many bits follow that lengthen it; three bits
	sameFlag  = 1 << 27
)

// preEntries are the entries, without lengths, of the pre-tree.
var preEntries = func() (e [preTreeSymbols]uint32) {
	for symbol := range zeros {
		e[symbol] = uint32(symbol<<deltaAt | 31<<keepAt | 1<<runFromAt)
	}
	e[zeros] = 4<<runFromAt | 4<<runBitsAt
	e[manyZeros] = 20<<runFromAt | 5<<runBitsAt
	e[same] = 4<<runFromAt | 1<<runBitsAt | sameFlag
	return e
}()

// readLens updates the code lengths of a tree, which are stored as differences
// from those of the block before ([MS-PATCH] 2.5.2).
func (s *stream) readLens(lens []uint8) error {
	var preLens [preTreeSymbols]uint8
	for i := range preLens {
		preLens[i] = uint8(s.read(4))
	}
	var err error
	s.preSecond, err = s.builder.build(s.preFirst[:], preBits, s.preSecond, preLens[:], preEntries[:])
	if err != nil {
		return fmt.Errorf("%w, pre-tree", err)
	}
	in, next, bits, count := &s.in, s.next, s.bits, s.count
	i := 0
	for i < len(lens) {
		// Enough for two codes of 15 bits and the size of a run.
		bits |= load(in, next) >> (count & 63)
		next += ^count >> 3 & 7
		count |= 56

		e := s.preFirst[bits>>(64-preBits)]
		if int32(e) < 0 {
			e = longCode(s.preSecond, e, bits<<preBits)
			if int32(e) < 0 {
				return errUnassigned
			}
		}
		bits <<= e & 63
		count -= uint(e)
		runBits := e >> runBitsAt & 7
		run := int(e>>runFromAt&63) + int(bits>>1>>(63-runBits))
		bits <<= runBits & 63
		count -= uint(runBits)
		if e&sameFlag != 0 {
			e = s.preFirst[bits>>(64-preBits)]
			if int32(e) < 0 {
				e = longCode(s.preSecond, e, bits<<preBits)
				if int32(e) < 0 {
					return errUnassigned
				}
			}
			bits <<= e & 63
			count -= uint(e)
			if e>>keepAt&31 == 0 {
				return fmt.Errorf("%w: a run of runs of code lengths", ErrFormat)
			}
		}
		value := uint32(lens[i]) + zeros - e>>deltaAt&31
		if value >= zeros {
			value -= zeros
		}
		value &= e >> keepAt & 31

		// Runs are written in words of 8; what follows overwrites what was too
		// much. Decoders agree to cut a run that is longer than its tree.
		word := uint64(value) * spread[1]
		for end := i + run; ; {
			binary.LittleEndian.PutUint64(s.lens[i:], word)
			if i+8 >= end {
				i = end
				break
			}
			i += 8
		}
	}
	copy(lens, s.lens[:])
	s.next, s.bits, s.count = next, bits, count&63
	return nil
}
