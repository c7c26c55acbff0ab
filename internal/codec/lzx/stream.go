package lzx

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// slack is how far beyond the output of a frame the copy loops may write.
const slack = 32

// Block types ([MS-PATCH] 2.3.1.1).
const (
	blockVerbatim     = 1
	blockAligned      = 2
	blockUncompressed = 3
)

// Alphabets ([MS-PATCH] 2.2, 2.6).
const (
	numLiterals         = 256
	numLengthHeaders    = 8   // main symbols for each position slot
	lengthSymbols       = 249 // of the length tree
	paddedLengthSymbols = 252 // with some that are never used, to the next multiple of four
	alignedSymbols      = 8
	preTreeSymbols      = 20

	minMatch         = 2
	maxMatch         = 257 // without the extra length of LZX DELTA
	lengthFollows    = 7   // the length header that the length tree continues
	maxPositionSlots = 290
)

// unusable is a repeated offset that no match can use: an uncompressed block
// may state any value, and only its use is an error.
const unusable = 1<<31 - 1

// stream is the state of one LZX bit stream: what cabinets and deltas share.
type stream struct {
	bitReader

	buf []byte // history and output, with slack bytes at the end
	pos int    // the next output byte in buf

	// The size of buf once it is a ring, 0 before.
	ring int

	window uint32 // its size, the largest offset
	delta  bool   // LZX DELTA: extra lengths, matches before the start read zeros

	headerRead bool
	e8         bool
	e8Size     int32

	block     int // type of the current block
	remaining int // bytes that the current block still yields
	padding   bool

	repeated [3]uint32 // R0, R1, R2

	mainSymbols int
	mainLens    [numLiterals + numLengthHeaders*maxPositionSlots]uint8
	lengthLens  [paddedLengthSymbols]uint8

	// Where readLens puts the code lengths of a tree, with room for a run more.
	lens [numLengthHeaders*maxPositionSlots + 64]uint8

	builder         tableBuilder
	verbatimEntries [numLiterals + numLengthHeaders*maxPositionSlots]uint32
	alignedEntries  [numLiterals + numLengthHeaders*maxPositionSlots]uint32
	mainFirst       [1 << mainBits]uint32
	mainSecond      []uint32
	lengthFirst     [1 << lengthBits]uint32
	lengthSecond    []uint32
	alignedFirst    [2 << alignedBits]uint32 // and a half with nothing in it
	preFirst        [1 << preBits]uint32
	preSecond       []uint32

	// The first offset of each position slot. How many bits follow to tell the
	// others is part of the main table's entries.
	base [slotMask + 1]uint32
}

func (s *stream) init(windowBits int) {
	s.window = 1 << windowBits
	slots := positionSlots[windowBits-MinWindowBits]
	s.mainSymbols = numLiterals + numLengthHeaders*slots
	next := uint32(0)
	for slot := range slots {
		// A formatted offset is the distance and 2; see [MS-PATCH] 2.4.
		s.base[slot] = next - 2
		next += 1 << footerBits(slot)
	}
	for symbol := range s.mainSymbols {
		s.verbatimEntries[symbol] = mainEntry(symbol, false)
		s.alignedEntries[symbol] = mainEntry(symbol, true)
	}
	s.reset()
}

// reset puts everything but the buffer in the state at the start of a stream.
func (s *stream) reset() {
	s.headerRead, s.e8, s.e8Size = false, false, 0
	s.block, s.remaining, s.padding = 0, 0, false
	s.repeated = [3]uint32{1, 1, 1}
	s.ring = 0
	clear(s.mainLens[:])
	clear(s.lengthLens[:])
}

// signBit shifts an int to -1 where it is negative and to 0 where it is not.
const signBit = bits.UintSize - 1

// edge returns the place in the buffer below which the source of a match needs no
// other check. It depends on the repeated offsets.
func (s *stream) edge() uint {
	if slices.Contains(s.repeated[:], unusable) {
		return 0
	}
	return edgeOf(s.ring)
}

// edgeOf is the same where the offsets are known to be usable.
func edgeOf(ring int) uint {
	if ring == 0 {
		return math.MaxInt
	}
	return uint(ring) + 1 - maxMatch
}

// footerBits returns the number of bits that follow a position slot
// ([MS-PATCH] 2.4, table of position slots).
func footerBits(slot int) int {
	if slot < 4 {
		return 0
	}
	return min(slot/2-1, 17)
}

// decodeFrame decompresses n bytes, one frame, from the payload src to
// buf[pos:], where there is room for it and slack bytes more, or to t, if that is
// not nil.
func (s *stream) decodeFrame(src []byte, n int, t *Tokens) error {
	s.start(src)
	if s.padding && s.remaining == 0 {
		// The block before ended with the frame, and its padding is here.
		s.seek(min(1, len(src)))
		s.padding = false
	}
	if !s.headerRead {
		s.readHeader()
	}
	for left := n; left > 0; {
		if s.remaining == 0 {
			if err := s.readBlockHeader(); err != nil {
				return fmt.Errorf("%w, in the block header after %d of %d bytes", err, n-left, n)
			}
			continue
		}
		part := min(left, s.remaining)
		missing, err := s.decodePart(part, t)
		left -= part - missing
		s.remaining -= part - missing
		if s.overrun() {
			err = ErrTruncated
		}
		if err != nil {
			return fmt.Errorf("%w, after %d of %d bytes", err, n-left, n)
		}
	}
	return nil
}

// decodePart decompresses n bytes of the current block. It returns how many of
// them an error left to be done.
func (s *stream) decodePart(n int, t *Tokens) (int, error) {
	switch {
	case s.block != blockUncompressed && t != nil:
		return decodeSymbols[toTokens](s, n, t)
	case s.block != blockUncompressed:
		return decodeSymbols[toOutput](s, n, nil)
	case t != nil:
		return s.copyRaw(t.grow(n))
	}
	missing, err := s.copyRaw(s.buf[s.pos : s.pos+n])
	s.pos += n - missing
	return missing, err
}

// readHeader reads the start of the stream: whether x86 calls were translated,
// and if so the size that the translation used ([MS-PATCH] 2.2).
func (s *stream) readHeader() {
	if s.read(1) == 1 {
		s.e8 = true
		high := s.read(16)
		s.e8Size = int32(high<<16 | s.read(16))
	}
	s.headerRead = true
}

// readBlockHeader reads the start of a block ([MS-PATCH] 2.3).
func (s *stream) readBlockHeader() error {
	s.block = int(s.read(3))
	s.remaining = int(s.read(16)<<8 | s.read(8))
	switch s.block {
	case blockAligned:
		var lens [alignedSymbols]uint8
		for i := range lens {
			lens[i] = uint8(s.read(3))
		}
		if _, err := s.builder.build(s.alignedFirst[:1<<alignedBits], alignedBits, nil, lens[:], symbolEntries[:]); err != nil {
			return fmt.Errorf("%w, aligned offset tree", err)
		}
		fallthrough
	case blockVerbatim:
		return s.readTrees()
	case blockUncompressed:
		return s.readRawHeader()
	}
	if s.overrun() {
		return ErrTruncated
	}
	return fmt.Errorf("%w: block type %d", ErrFormat, s.block)
}

// readTrees reads the main tree and the length tree ([MS-PATCH] 2.5.3).
func (s *stream) readTrees() error {
	var err error
	lens := s.mainLens[:s.mainSymbols]
	for _, part := range [][]uint8{lens[:numLiterals], lens[numLiterals:]} {
		if err := s.readLens(part); err != nil {
			return fmt.Errorf("%w, main tree", err)
		}
	}
	entries := s.verbatimEntries[:]
	if s.block == blockAligned {
		entries = s.alignedEntries[:]
	}
	s.mainSecond, err = s.builder.build(s.mainFirst[:], mainBits, s.mainSecond, lens, entries)
	if err != nil {
		return fmt.Errorf("%w, main tree", err)
	}
	if err := s.readLens(s.lengthLens[:lengthSymbols]); err != nil {
		return fmt.Errorf("%w, length tree", err)
	}
	s.lengthSecond, err = s.builder.build(s.lengthFirst[:], lengthBits, s.lengthSecond, s.lengthLens[:], symbolEntries[:])
	if err != nil {
		return fmt.Errorf("%w, length tree", err)
	}
	return nil
}

// readRawHeader reads what follows the size of an uncompressed block: the
// alignment and the three repeated offsets ([MS-PATCH] 2.3.1.3).
func (s *stream) readRawHeader() error {
	// The alignment skips 1 to 16 bits: a whole word when aligned already.
	at := s.consumed()/16*2 + 2
	if at+12 > s.size {
		return ErrTruncated
	}
	for i := range s.repeated {
		var b [4]byte
		s.raw(b[:], at+4*i)
		r := binary.LittleEndian.Uint32(b[:])
		if r == 0 || r > s.window {
			r = unusable
		}
		s.repeated[i] = r
	}
	s.seek(at + 12)
	s.padding = s.remaining%2 == 1
	return nil
}

// copyRaw fills dst with the next bytes of an uncompressed block.
func (s *stream) copyRaw(dst []byte) (missing int, err error) {
	at := s.consumed() / 8
	if at+len(dst) > s.size {
		return len(dst), ErrTruncated
	}
	s.raw(dst, at)
	at += len(dst)
	if len(dst) == s.remaining && s.padding && at < s.size {
		s.padding = false
		at++
	}
	s.seek(at)
	return 0, nil
}
