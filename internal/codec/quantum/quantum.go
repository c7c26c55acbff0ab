// Package quantum decompresses Quantum, a compression of cabinet folders: an
// adaptive arithmetic coder over literals and matches.
//
// [MS-CAB] 2.2 names it (typeCompress) and does not describe it. What is
// implemented here is what its public descriptions and real cabinets agree on.
//
// Input is not trusted: whatever it holds, the decoder neither panics nor copies
// memory that it has not written, and works in time proportional to its output.
package quantum

import (
	"errors"
	"fmt"

	"github.com/hotfixkit/hotfixkit/internal/codec"
)

var (
	// ErrFormat reports data that no Quantum encoder writes.
	ErrFormat = errors.New("quantum: invalid data")
	// ErrTruncated reports a block that ends before its output is complete.
	ErrTruncated = errors.New("quantum: data ends too early")
	// ErrLimit reports a window size that the format does not define.
	ErrLimit = errors.New("quantum: outside the limits of the format")
)

// Window sizes, as powers of two ([MS-CAB] 2.2, typeCompress).
const (
	MinWindowBits = 10
	MaxWindowBits = 21
)

// Symbols of the selector model. The first four name the model of a literal.
const (
	literalModels    = 4
	selectLength3    = 4 // a match of three bytes
	selectLength4    = 5 // a match of four bytes
	selectLengthCode = 6 // a match whose length has its own model
	selectors        = 7
)

const (
	literalsPerModel = 64
	maxPositions3    = 24 // position slots of a match of three bytes
	maxPositions4    = 36 // position slots of a match of four bytes
	lengthSlots      = 27
	minLengthCode    = 5 // the length that length slot 0 stands for
)

// slack is how far beyond the output of a block a match may be copied.
const slack = 16

// A Decoder decompresses the blocks of one cabinet folder. It keeps less than
// three times the window size and 64 KiB in memory, allocated with the first
// block.
type Decoder struct {
	coder
	window int
	buf    []byte // history and output, linear
	pos    int    // the next output byte in buf

	selector  model
	literals  [literalModels]model
	positions [3]model
	lengths   model
}

var _ codec.Decoder = (*Decoder)(nil)

// New returns a decoder for one folder with a window of 1<<windowBits bytes. It
// fails with ErrLimit for a size that cabinets do not have.
func New(windowBits int) (*Decoder, error) {
	if windowBits < MinWindowBits || windowBits > MaxWindowBits {
		return nil, fmt.Errorf("%w: window of 2^%d bytes", ErrLimit, windowBits)
	}
	fillInverses()
	d := &Decoder{window: 1 << windowBits}
	d.Reset()
	return d, nil
}

// Reset returns the decoder to the state in which New left it, for another
// folder with the same window size.
func (d *Decoder) Reset() {
	d.pos = 0
	d.selector.init(0, selectors)
	for i := range d.literals {
		d.literals[i].init(i*literalsPerModel, literalsPerModel)
	}
	slots := 0
	for 1<<(slots/2) < d.window {
		slots += 2
	}
	d.positions[0].init(0, min(maxPositions3, slots))
	d.positions[1].init(0, min(maxPositions4, slots))
	d.positions[2].init(0, slots)
	d.lengths.init(0, lengthSlots)
}

// Decode decompresses one block: src is its payload, and dst, at most 32,768
// bytes long, receives its output. The result is len(dst), or 0 with an error
// that wraps ErrFormat or ErrTruncated, after which the folder cannot be
// continued. The payload needs codec.Slack bytes of spare capacity, which are
// overwritten.
func (d *Decoder) Decode(dst, src []byte) (int, error) {
	if len(dst) == 0 {
		return 0, nil
	}
	if len(dst) > codec.MaxBlock {
		return 0, fmt.Errorf("%w: block of %d bytes", ErrFormat, len(dst))
	}
	if d.buf == nil {
		d.buf = make([]byte, 2*d.window+2*codec.MaxBlock+slack)
	}
	if d.pos+len(dst)+slack > len(d.buf) {
		d.pos = copy(d.buf, d.buf[d.pos-d.window:d.pos])
	}
	start := d.pos
	if err := d.decodeBlock(src, start+len(dst)); err != nil {
		return 0, fmt.Errorf("%w, after %d of %d bytes", err, d.pos-start, len(dst))
	}
	return copy(dst, d.buf[start:d.pos]), nil
}

// decodeBlock decompresses src to buf[pos:end]. The coder starts anew with each
// block; models and history continue.
func (d *Decoder) decodeBlock(src []byte, end int) error {
	d.start(src)
	for d.pos < end {
		if d.overrun() {
			return ErrTruncated
		}
		selector := d.decode(&d.selector)
		if selector < literalModels {
			d.buf[d.pos] = uint8(d.decode(&d.literals[selector]))
			d.pos++
			continue
		}
		length := selector - selectLength3 + 3
		if selector == selectLengthCode {
			slot := d.decode(&d.lengths)
			length = minLengthCode + lengthBase[slot] + d.read(lengthExtra(slot))
		}
		slot := d.decode(&d.positions[selector-selectLength3])
		distance := positionBase[slot] + d.read(positionExtra(slot)) + 1
		if length > end-d.pos {
			return fmt.Errorf("%w: a match reaches past its block", ErrFormat)
		}
		if distance > d.pos {
			return fmt.Errorf("%w: a match begins before the data", ErrFormat)
		}
		d.copyMatch(distance, length)
	}
	if d.overrun() {
		return ErrTruncated
	}
	return nil
}

// copyMatch appends length bytes from distance bytes back.
func (d *Decoder) copyMatch(distance, length int) {
	end := d.pos + length
	// Twice as much repeats with each round of an overlapping match.
	for d.pos < end {
		d.pos += copy(d.buf[d.pos:end], d.buf[d.pos-distance:d.pos])
		distance *= 2
	}
}

// positionExtra returns the number of bits that follow a position slot.
func positionExtra(slot int) uint { return uint(max(slot-2, 0) / 2) }

// lengthExtra returns the number of bits that follow a length slot. The last
// stands for one length.
func lengthExtra(slot int) uint {
	if slot == lengthSlots-1 {
		return 0
	}
	return uint(max(slot-2, 0) / 4)
}

// What slots stand for before the bits that follow them are added.
var (
	positionBase = bases[[2 * MaxWindowBits]int](positionExtra)
	lengthBase   = bases[[lengthSlots]int](lengthExtra)
)

func bases[T [2 * MaxWindowBits]int | [lengthSlots]int](extra func(slot int) uint) (base T) {
	next := 0
	for slot := range len(base) {
		base[slot] = next
		next += 1 << extra(slot)
	}
	return base
}
