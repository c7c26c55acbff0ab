// Package lzx decompresses LZX: the compression of cabinet folders and, with
// the extensions of LZX DELTA, of binary patches.
//
// A [Decoder] takes the blocks of one cabinet folder in order ([MS-CAB] 2.4,
// [MS-PATCH] 2). [DecodeDelta] takes the whole stream of a patch, with the old
// file as reference data.
//
// Input is not trusted: whatever it holds, the decoders neither panic nor read
// memory that they have not written, work in time proportional to input and
// output, and keep within the memory that their documentation states.
package lzx

import (
	"errors"
	"fmt"

	"github.com/hotfixkit/hotfixkit/msi/cab/internal/codec"
)

var (
	// ErrFormat reports data that no LZX encoder writes.
	ErrFormat = errors.New("lzx: invalid data")
	// ErrTruncated reports a block that ends before its output is complete.
	ErrTruncated = errors.New("lzx: data ends too early")
	// ErrLimit reports parameters outside the format: a window size that it
	// does not define, or a delta larger than the largest window.
	ErrLimit = errors.New("lzx: outside the limits of the format")
)

// Window sizes, as powers of two.
const (
	MinWindowBits = 15 // cabinets ([MS-CAB] 2.4, typeCompress)
	MaxWindowBits = 21 // cabinets

	minDeltaWindowBits      = 17
	maxDeltaWindowBits      = 23
	maxLargeDeltaWindowBits = 25 // with the option LZX_LARGE
)

// frameSize is the number of output bytes after which the bit stream is aligned
// again, and the unit of the E8 translation ([MS-PATCH] 2.1).
const frameSize = codec.MaxBlock

// positionSlots is the number of position slots for each window size, beginning
// with MinWindowBits ([MS-PATCH] 2.1; cabinets use the first seven).
var positionSlots = [...]int{30, 32, 34, 36, 38, 42, 50, 66, 98, 162, 290}

// Options are the parameters that a cabinet folder gives for its data.
type Options struct {
	// WindowBits is the window size as a power of two, MinWindowBits to
	// MaxWindowBits: bits 8 to 12 of typeCompress ([MS-CAB] 2.4).
	WindowBits int
}

// A Decoder decompresses the blocks of one cabinet folder. It keeps twice
// the window size in memory, allocated with the first block.
type Decoder struct {
	stream
	offset int64 // of the next output byte in the folder
}

var _ codec.Decoder = (*Decoder)(nil)

// New returns a decoder for one folder. It fails with ErrLimit for a window
// size that cabinets do not have.
func New(o Options) (*Decoder, error) {
	if o.WindowBits < MinWindowBits || o.WindowBits > MaxWindowBits {
		return nil, fmt.Errorf("%w: window of 2^%d bytes", ErrLimit, o.WindowBits)
	}
	d := new(Decoder)
	d.init(o.WindowBits)
	return d, nil
}

// Reset returns the decoder to the state in which New left it, for another
// folder with the same window size.
func (d *Decoder) Reset() {
	d.reset()
	d.pos = 0
	d.offset = 0
}

// Decode decompresses one block: src is its payload, and dst, at most 32,768
// bytes long, receives its output. The result is len(dst), or 0 with an error
// that wraps ErrFormat or ErrTruncated, after which the folder cannot be
// continued.
func (d *Decoder) Decode(dst, src []byte) (int, error) {
	if len(dst) == 0 {
		return 0, nil
	}
	if len(dst) > frameSize {
		return 0, fmt.Errorf("%w: block of %d bytes", ErrFormat, len(dst))
	}
	if len(src) > maxPayload {
		return 0, fmt.Errorf("%w: block with %d bytes of payload", ErrFormat, len(src))
	}
	d.makeRoom(len(dst))
	start := d.pos
	if err := d.decodeFrame(src, len(dst)); err != nil {
		return 0, err
	}
	copy(dst, d.buf[start:d.pos])
	if d.e8 {
		undoE8(dst, d.offset, d.e8Size)
	}
	d.offset += int64(len(dst))
	return len(dst), nil
}

// makeRoom sees to it that n more bytes fit the buffer while the last window
// bytes stay in it. Full blocks, which is what cabinets have, end where the
// buffer ends, which then goes on at its start; after others the history moves.
func (d *Decoder) makeRoom(n int) {
	window := int(d.window)
	size := 2 * window
	switch {
	case d.buf == nil:
		d.buf = make([]byte, size+slack)
	case d.pos == size:
		d.pos = 0
		d.setMask(size - 1)
	case d.pos+n > size:
		d.pos = copy(d.buf, d.buf[d.pos-window:d.pos])
		d.setMask(-1)
	}
}
