// Package lzxtest writes LZX streams: any that tests need, from given tokens, and
// compressed ones of any data.
package lzxtest

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// Block types ([MS-PATCH] 2.3.1.1).
const (
	Verbatim     = 1
	Aligned      = 2
	uncompressed = 3
)

const frameSize = 32768

// positionSlots is the number of position slots for each window size, 2^15 to
// 2^25 ([MS-PATCH] 2.1).
var positionSlots = [...]int{30, 32, 34, 36, 38, 42, 50, 66, 98, 162, 290}

// footerBits returns the number of bits that follow a position slot.
func footerBits(slot int) int { return min(max(slot/2-1, 0), 17) }

// An Encoder writes LZX streams from given tokens, so that tests can hold any
// stream that the format allows, and some that it does not.
type Encoder struct {
	slots  int
	Delta  bool
	Frames [][]byte // payloads, finished ones
	Sizes  []int    // of their output
	Out    []byte   // what the stream decodes to, without E8
	Ref    []byte   // delta: what stands before out

	word     uint32
	wordBits int
	Payload  []byte
	Size     int // of the frame's output so far

	Repeated   [3]int
	MainLens   []uint8
	LengthLens []uint8
}

// A Token is a literal (length 0) or a match.
type Token struct {
	Literal          byte
	Length, Distance int
}

// NewEncoder returns an encoder at the start of a stream.
func NewEncoder(windowBits int, delta bool) *Encoder {
	slots := positionSlots[windowBits-15]
	return &Encoder{
		slots: slots, Delta: delta, Repeated: [3]int{1, 1, 1},
		MainLens: make([]uint8, 256+8*slots), LengthLens: make([]uint8, 249),
	}
}

func (e *Encoder) Put(v, n int) {
	for n--; n >= 0; n-- {
		e.word = e.word<<1 | uint32(v>>n&1)
		if e.wordBits++; e.wordBits == 16 {
			e.Payload = binary.LittleEndian.AppendUint16(e.Payload, uint16(e.word))
			e.word, e.wordBits = 0, 0
		}
	}
}

func (e *Encoder) align() {
	if e.wordBits > 0 {
		e.Put(0, 16-e.wordBits)
	}
}

// EndFrame finishes the payload of the current frame.
func (e *Encoder) EndFrame() {
	e.align()
	e.Frames = append(e.Frames, e.Payload)
	e.Sizes = append(e.Sizes, e.Size)
	e.Payload, e.Size = nil, 0
}

// emit accounts for output.
func (e *Encoder) emit(b byte) {
	e.Out = append(e.Out, b)
	e.Size++
}

func (e *Encoder) at(i int) byte {
	switch {
	case i >= 0:
		return e.Out[i]
	case i >= -len(e.Ref):
		return e.Ref[len(e.Ref)+i]
	}
	return 0
}

func (e *Encoder) Header(e8Size int) {
	if e8Size == 0 {
		e.Put(0, 1)
		return
	}
	e.Put(1, 1)
	e.Put(e8Size>>16, 16)
	e.Put(e8Size&0xFFFF, 16)
}

// symbols is what a token becomes.
type symbols struct {
	main, length      int // length -1: none
	footer, footerLen int
	extra, extraLen   int
}

func (e *Encoder) symbols(t Token) symbols {
	if t.Length == 0 {
		return symbols{main: int(t.Literal), length: -1}
	}
	s := symbols{length: -1}
	slot := slices.Index(e.Repeated[:], t.Distance)
	if slot < 0 {
		formatted, base := t.Distance+2, 0
		for slot = 0; formatted >= base+1<<footerBits(slot); slot++ {
			base += 1 << footerBits(slot)
		}
		s.footer, s.footerLen = formatted-base, footerBits(slot)
		e.Repeated = [3]int{t.Distance, e.Repeated[0], e.Repeated[1]}
	} else {
		e.Repeated[0], e.Repeated[slot] = e.Repeated[slot], e.Repeated[0]
	}
	length := t.Length
	if e.Delta && length >= 257 {
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

// FlatCode gives all used symbols codes of one length, at least least: complete
// or not.
func FlatCode(used map[int]int, n int, least int) []uint8 {
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

// PutLens writes code lengths as differences, runs of zeros as such.
func (e *Encoder) PutLens(old, lens []uint8) {
	// A complete pre-tree: twelve codes of four bits and eight of five.
	for symbol := range 20 {
		e.Put(4+symbol/12, 4)
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
			e.putPre(18)
			e.Put(run-20, 5)
			i += run
		case run >= 4:
			run = min(run, 19)
			e.putPre(17)
			e.Put(run-4, 4)
			i += run
		case same >= 4:
			e.putPre(19)
			e.Put(same-4, 1)
			e.putPre(difference)
			i += same
		default:
			e.putPre(difference)
			i++
		}
	}
	copy(old, lens)
}

// putPre writes a symbol of the pre-tree.
func (e *Encoder) putPre(symbol int) {
	if symbol < 12 {
		e.Put(symbol, 4)
	} else {
		e.Put(12+symbol, 5)
	}
}

// Block writes a verbatim or aligned block of tokens; no token may cross a
// frame. least is the least length of main codes, which are then all of one length;
// with 0 they are Huffman's.
func (e *Encoder) Block(kind int, tokens []Token, least int) {
	before := e.Repeated
	usedMain, usedLength := map[int]int{}, map[int]int{}
	size := 0
	for _, t := range tokens {
		s := e.symbols(t)
		usedMain[s.main]++
		if s.length >= 0 {
			usedLength[s.length]++
		}
		size += max(t.Length, 1)
	}
	e.Repeated = before
	e.BlockHeader(kind, size)
	alignedLens := []uint8{1, 2, 3, 4, 5, 6, 7, 7}
	if kind == Aligned {
		for _, l := range alignedLens {
			e.Put(int(l), 3)
		}
	}
	var mainLens, lengthLens []uint8
	if least > 0 {
		mainLens, lengthLens = FlatCode(usedMain, len(e.MainLens), least), FlatCode(usedLength, 249, 1)
	} else {
		mainLens, lengthLens = huffmanCode(usedMain, len(e.MainLens)), huffmanCode(usedLength, 249)
	}
	e.PutLens(e.MainLens[:256], mainLens[:256])
	e.PutLens(e.MainLens[256:], mainLens[256:])
	e.PutLens(e.LengthLens, lengthLens)
	mainCodes, lengthCodes, alignedCodes := codes(mainLens), codes(lengthLens), codes(alignedLens)
	for _, t := range tokens {
		if e.Size == frameSize {
			e.EndFrame()
		}
		s := e.symbols(t)
		e.Put(mainCodes[s.main], int(mainLens[s.main]))
		if s.length >= 0 {
			e.Put(lengthCodes[s.length], int(lengthLens[s.length]))
		}
		if kind == Aligned && s.footerLen >= 3 {
			e.Put(s.footer>>3, s.footerLen-3)
			e.Put(alignedCodes[s.footer&7], int(alignedLens[s.footer&7]))
		} else {
			e.Put(s.footer, s.footerLen)
		}
		e.Put(s.extra, s.extraLen)
		if t.Length == 0 {
			e.emit(t.Literal)
		}
		for range t.Length {
			e.emit(e.at(len(e.Out) - t.Distance))
		}
	}
}

// BlockHeader starts a block; a full frame is ended first.
func (e *Encoder) BlockHeader(kind, size int) {
	if e.Size == frameSize {
		e.EndFrame()
	}
	e.Put(kind, 3)
	e.Put(size, 24)
}

// Raw writes an uncompressed block that leaves the given repeated offsets.
func (e *Encoder) Raw(data []byte, repeated [3]int) {
	e.BlockHeader(uncompressed, len(data))
	e.Put(0, 16-e.wordBits) // 1 to 16 bits
	for _, r := range repeated {
		e.Payload = binary.LittleEndian.AppendUint32(e.Payload, uint32(r))
	}
	e.Repeated = repeated
	for _, b := range data {
		if e.Size == frameSize {
			e.EndFrame()
		}
		e.Payload = append(e.Payload, b)
		e.emit(b)
	}
	if len(data)%2 == 1 {
		e.Payload = append(e.Payload, 0)
	}
}

// Finish ends the last frame and returns the payloads.
func (e *Encoder) Finish() [][]byte {
	if e.Size > 0 || len(e.Payload) > 0 {
		e.EndFrame()
	}
	return e.Frames
}

// Chunks returns the stream in the form of deltas.
func (e *Encoder) Chunks() []byte {
	var stream []byte
	for _, f := range e.Finish() {
		stream = binary.LittleEndian.AppendUint16(stream, uint16(len(f)))
		stream = append(stream, f...)
	}
	return stream
}
