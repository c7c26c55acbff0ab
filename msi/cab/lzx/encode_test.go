package lzx

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// encoder writes LZX streams from given tokens, so that tests can hold any
// stream that the format allows, and some that it does not.
type encoder struct {
	slots  int
	delta  bool
	frames [][]byte // payloads, finished ones
	sizes  []int    // of their output
	out    []byte   // what the stream decodes to, without E8
	ref    []byte   // delta: what stands before out

	word     uint32
	wordBits int
	payload  []byte
	size     int // of the frame's output so far

	repeated   [3]int
	mainLens   []uint8
	lengthLens []uint8
}

// token is a literal (length 0) or a match.
type token struct {
	literal          byte
	length, distance int
}

func newEncoder(windowBits int, delta bool) *encoder {
	slots := positionSlots[windowBits-MinWindowBits]
	return &encoder{
		slots: slots, delta: delta, repeated: [3]int{1, 1, 1},
		mainLens: make([]uint8, 256+8*slots), lengthLens: make([]uint8, 249),
	}
}

func (e *encoder) put(v, n int) {
	for n--; n >= 0; n-- {
		e.word = e.word<<1 | uint32(v>>n&1)
		if e.wordBits++; e.wordBits == 16 {
			e.payload = binary.LittleEndian.AppendUint16(e.payload, uint16(e.word))
			e.word, e.wordBits = 0, 0
		}
	}
}

func (e *encoder) align() {
	if e.wordBits > 0 {
		e.put(0, 16-e.wordBits)
	}
}

// endFrame finishes the payload of the current frame.
func (e *encoder) endFrame() {
	e.align()
	e.frames = append(e.frames, e.payload)
	e.sizes = append(e.sizes, e.size)
	e.payload, e.size = nil, 0
}

// emit accounts for output.
func (e *encoder) emit(b byte) {
	e.out = append(e.out, b)
	e.size++
}

func (e *encoder) at(i int) byte {
	switch {
	case i >= 0:
		return e.out[i]
	case i >= -len(e.ref):
		return e.ref[len(e.ref)+i]
	}
	return 0
}

func (e *encoder) header(e8Size int) {
	if e8Size == 0 {
		e.put(0, 1)
		return
	}
	e.put(1, 1)
	e.put(e8Size>>16, 16)
	e.put(e8Size&0xFFFF, 16)
}

// symbols is what a token becomes.
type symbols struct {
	main, length      int // length -1: none
	footer, footerLen int
	extra, extraLen   int
}

func (e *encoder) symbols(t token) symbols {
	if t.length == 0 {
		return symbols{main: int(t.literal), length: -1}
	}
	s := symbols{length: -1}
	slot := slices.Index(e.repeated[:], t.distance)
	if slot < 0 {
		formatted, base := t.distance+2, 0
		for slot = 0; formatted >= base+1<<footerBits(slot); slot++ {
			base += 1 << footerBits(slot)
		}
		s.footer, s.footerLen = formatted-base, footerBits(slot)
		e.repeated = [3]int{t.distance, e.repeated[0], e.repeated[1]}
	} else {
		e.repeated[0], e.repeated[slot] = e.repeated[slot], e.repeated[0]
	}
	length := t.length
	if e.delta && length >= 257 {
		x := length - 257
		switch {
		case x < 1<<8:
			s.extra, s.extraLen = x, 9
		case x < 1<<8+1<<10:
			s.extra, s.extraLen = 2<<10|x-1<<8, 12
		case x < 1<<8+1<<10+1<<12:
			s.extra, s.extraLen = 6<<12|(x-1<<8-1<<10), 15
		default:
			s.extra, s.extraLen = 7<<15|x, 18
		}
		length = 257
	}
	header := length - 2
	if header >= 7 {
		s.length = header - 7
		header = 7
	}
	s.main = 256 + 8*slot + header
	return s
}

// flatCode gives all used symbols codes of one length, at least least: complete
// or not.
func flatCode(used map[int]bool, n int, least int) []uint8 {
	lens := make([]uint8, n)
	l := max(least, bits.Len(uint(max(len(used)-1, 1))))
	for s := range used {
		lens[s] = uint8(l)
	}
	return lens
}

// codes returns the canonical codes for lens.
func codes(lens []uint8) []int {
	out := make([]int, len(lens))
	code := 0
	for l := uint8(1); l <= 16; l++ {
		for s, x := range lens {
			if x == l {
				out[s] = code
				code++
			}
		}
		code <<= 1
	}
	return out
}

// putLens writes code lengths as differences, runs of zeros as such.
func (e *encoder) putLens(old, lens []uint8) {
	for range 20 {
		e.put(5, 4) // a pre-tree of twenty codes of five bits: the code is the symbol
	}
	for i := 0; i < len(lens); {
		run := 0
		for i+run < len(lens) && lens[i+run] == 0 && run < 51 {
			run++
		}
		same := 0
		for i+same < len(lens) && lens[i+same] == lens[i] && same < 5 {
			same++
		}
		difference := (int(old[i]) - int(lens[i]) + 17) % 17
		switch {
		case run >= 20:
			e.put(18, 5)
			e.put(run-20, 5)
			i += run
		case run >= 4:
			run = min(run, 19)
			e.put(17, 5)
			e.put(run-4, 4)
			i += run
		case same >= 4:
			e.put(19, 5)
			e.put(same-4, 1)
			e.put(difference, 5)
			i += same
		default:
			e.put(difference, 5)
			i++
		}
	}
	copy(old, lens)
}

// block writes a verbatim or aligned block of tokens; no token may cross a
// frame. least is the least length of main codes.
func (e *encoder) block(kind int, tokens []token, least int) {
	before := e.repeated
	usedMain, usedLength := map[int]bool{}, map[int]bool{}
	size := 0
	for _, t := range tokens {
		s := e.symbols(t)
		usedMain[s.main] = true
		if s.length >= 0 {
			usedLength[s.length] = true
		}
		size += max(t.length, 1)
	}
	e.repeated = before
	e.blockHeader(kind, size)
	alignedLens := []uint8{1, 2, 3, 4, 5, 6, 7, 7}
	if kind == blockAligned {
		for _, l := range alignedLens {
			e.put(int(l), 3)
		}
	}
	mainLens := flatCode(usedMain, len(e.mainLens), least)
	lengthLens := make([]uint8, 249)
	if len(usedLength) > 0 {
		lengthLens = flatCode(usedLength, 249, 1)
	}
	e.putLens(e.mainLens[:256], mainLens[:256])
	e.putLens(e.mainLens[256:], mainLens[256:])
	e.putLens(e.lengthLens, lengthLens)
	mainCodes, lengthCodes, alignedCodes := codes(mainLens), codes(lengthLens), codes(alignedLens)
	for _, t := range tokens {
		if e.size == frameSize {
			e.endFrame()
		}
		s := e.symbols(t)
		e.put(mainCodes[s.main], int(mainLens[s.main]))
		if s.length >= 0 {
			e.put(lengthCodes[s.length], int(lengthLens[s.length]))
		}
		if kind == blockAligned && s.footerLen >= 3 {
			e.put(s.footer>>3, s.footerLen-3)
			e.put(alignedCodes[s.footer&7], int(alignedLens[s.footer&7]))
		} else {
			e.put(s.footer, s.footerLen)
		}
		e.put(s.extra, s.extraLen)
		if t.length == 0 {
			e.emit(t.literal)
		}
		for range t.length {
			e.emit(e.at(len(e.out) - t.distance))
		}
	}
}

// blockHeader starts a block; a full frame is ended first.
func (e *encoder) blockHeader(kind, size int) {
	if e.size == frameSize {
		e.endFrame()
	}
	e.put(kind, 3)
	e.put(size, 24)
}

// raw writes an uncompressed block that leaves the given repeated offsets.
func (e *encoder) raw(data []byte, repeated [3]int) {
	e.blockHeader(blockUncompressed, len(data))
	e.put(0, 16-e.wordBits) // 1 to 16 bits
	for _, r := range repeated {
		e.payload = binary.LittleEndian.AppendUint32(e.payload, uint32(r))
	}
	e.repeated = repeated
	for _, b := range data {
		if e.size == frameSize {
			e.endFrame()
		}
		e.payload = append(e.payload, b)
		e.emit(b)
	}
	if len(data)%2 == 1 {
		e.payload = append(e.payload, 0)
	}
}

// finish ends the last frame and returns the payloads.
func (e *encoder) finish() [][]byte {
	if e.size > 0 || len(e.payload) > 0 {
		e.endFrame()
	}
	return e.frames
}

// chunks returns the stream in the form of deltas.
func (e *encoder) chunks() []byte {
	var stream []byte
	for _, f := range e.finish() {
		stream = binary.LittleEndian.AppendUint16(stream, uint16(len(f)))
		stream = append(stream, f...)
	}
	return stream
}

// decodeAll decodes the encoder's frames as a cabinet folder.
func (e *encoder) decodeAll(d *Decoder) ([]byte, error) {
	var out []byte
	for i, f := range e.finish() {
		dst, err := decodeOne(d, f, e.sizes[i])
		if err != nil {
			return out, err
		}
		out = append(out, dst...)
	}
	return out, nil
}

func decodeOne(d *Decoder, payload []byte, size int) ([]byte, error) {
	dst := make([]byte, size)
	n, err := d.Decode(dst, payload)
	return dst[:n], err
}
