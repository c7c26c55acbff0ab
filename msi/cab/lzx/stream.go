package lzx

import (
	"encoding/binary"
	"fmt"
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
	numLiterals      = 256
	numLengthHeaders = 8   // main symbols for each position slot
	lengthSymbols    = 249 // of the length tree
	alignedSymbols   = 8
	preTreeSymbols   = 20

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

	buf []byte // history and output, linear, with slack bytes at the end
	pos int    // the next output byte in buf

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
	lengthLens  [lengthSymbols]uint8

	builder      tableBuilder
	mainEntries  [numLiterals + numLengthHeaders*maxPositionSlots]uint32
	mainFirst    [1 << mainBits]uint32
	mainSecond   []uint32
	lengthFirst  [1 << lengthBits]uint32
	lengthSecond []uint32
	alignedFirst [1 << alignedBits]uint32
	preFirst     [1 << preBits]uint32
	preSecond    []uint32

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
		s.mainEntries[symbol] = mainEntry(symbol)
	}
	s.reset()
}

// reset puts everything but the buffer in the state at the start of a stream.
func (s *stream) reset() {
	s.headerRead, s.e8, s.e8Size = false, false, 0
	s.block, s.remaining, s.padding = 0, 0, false
	s.repeated = [3]uint32{1, 1, 1}
	clear(s.mainLens[:])
	clear(s.lengthLens[:])
}

// footerBits returns the number of bits that follow a position slot
// ([MS-PATCH] 2.4, table of position slots).
func footerBits(slot int) int {
	if slot < 4 {
		return 0
	}
	return min(slot/2-1, 17)
}

// decodeFrame decompresses n bytes, one frame, from the prepared payload src to
// buf[pos:], where there is room for it and slack bytes more.
func (s *stream) decodeFrame(src []byte, n int) error {
	s.start(src)
	if s.padding && s.remaining == 0 {
		// The block before ended with the frame, and its padding is here.
		s.seek(min(1, len(src)))
		s.padding = false
	}
	if !s.headerRead {
		s.readHeader()
	}
	end := s.pos + n
	for s.pos < end {
		if s.remaining == 0 {
			if err := s.readBlockHeader(); err != nil {
				return fmt.Errorf("%w, in the block header after %d of %d bytes", err, n-(end-s.pos), n)
			}
			continue
		}
		before := s.pos
		until := min(end, s.pos+s.remaining)
		var err error
		if s.block == blockUncompressed {
			err = s.copyRaw(until)
		} else {
			err = s.decodeSymbols(until)
		}
		s.remaining -= s.pos - before
		if err != nil {
			return fmt.Errorf("%w, after %d of %d bytes", err, n-(end-s.pos), n)
		}
	}
	if s.overrun() {
		return fmt.Errorf("%w: %d bytes of payload for %d bytes of output", ErrTruncated, len(src), n)
	}
	return nil
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
		if _, err := s.builder.build(s.alignedFirst[:], alignedBits, nil, lens[:], symbolEntries[:]); err != nil {
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
	s.mainSecond, err = s.builder.build(s.mainFirst[:], mainBits, s.mainSecond, lens, s.mainEntries[:])
	if err != nil {
		return fmt.Errorf("%w, main tree", err)
	}
	if err := s.readLens(s.lengthLens[:]); err != nil {
		return fmt.Errorf("%w, length tree", err)
	}
	s.lengthSecond, err = s.builder.build(s.lengthFirst[:], lengthBits, s.lengthSecond, s.lengthLens[:], symbolEntries[:])
	if err != nil {
		return fmt.Errorf("%w, length tree", err)
	}
	return nil
}

// Symbols of the pre-tree above 16 are runs of code lengths: of zeros, and of
// one other length ([MS-PATCH] 2.5.2).
const (
	zeros     = 17 // 4 to 19
	manyZeros = 18 // 20 to 51
	same      = 19 // 4 or 5
)

// readLens updates the code lengths of a tree, which are stored as differences
// from those of the block before ([MS-PATCH] 2.5.2).
func (s *stream) readLens(lens []uint8) error {
	var preLens [preTreeSymbols]uint8
	for i := range preLens {
		preLens[i] = uint8(s.read(4))
	}
	var err error
	s.preSecond, err = s.builder.build(s.preFirst[:], preBits, s.preSecond, preLens[:], symbolEntries[:])
	if err != nil {
		return fmt.Errorf("%w, pre-tree", err)
	}
	for i := 0; i < len(lens); {
		symbol, err := s.readPreSymbol()
		if err != nil {
			return err
		}
		run := 1
		switch symbol {
		case zeros:
			run = int(s.read(4)) + 4
		case manyZeros:
			run = int(s.read(5)) + 20
		case same:
			run = int(s.read(1)) + 4
			if symbol, err = s.readPreSymbol(); err != nil {
				return err
			}
			if symbol >= zeros {
				return fmt.Errorf("%w: a run of runs of code lengths", ErrFormat)
			}
		}
		value := uint8(0)
		if symbol < zeros {
			value = (lens[i] + zeros - symbol) % zeros
		}
		// Decoders agree to cut a run that is longer than its tree.
		for range min(run, len(lens)-i) {
			lens[i] = value
			i++
		}
	}
	return nil
}

func (s *stream) readPreSymbol() (uint8, error) {
	s.refill()
	e := s.preFirst[s.bits>>(64-preBits)]
	if int32(e) < 0 {
		e = longCode(s.preSecond, e, s.bits, preBits)
	}
	if s.overrun() {
		return 0, ErrTruncated
	}
	if int32(e) < 0 {
		return 0, errUnassigned
	}
	s.skip(uint(e & entryLen))
	return uint8(e >> symbolAt), nil
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

// copyRaw copies the part of an uncompressed block that reaches up to
// buf[until].
func (s *stream) copyRaw(until int) error {
	at := s.consumed() / 8
	n := until - s.pos
	if at+n > s.size {
		return ErrTruncated
	}
	s.raw(s.buf[s.pos:until], at)
	at += n
	s.pos = until
	if n == s.remaining && s.padding && at < s.size {
		s.padding = false
		at++
	}
	s.seek(at)
	return nil
}
