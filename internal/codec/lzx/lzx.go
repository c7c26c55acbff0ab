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

	"github.com/hotfixkit/hotfixkit/internal/codec"
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

// A Decoder decompresses the blocks of one cabinet folder. It keeps the window
// and a block in memory, allocated with the first block, and twice the window
// where blocks in the middle of the folder are not full.
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
	if err := checkSizes(len(dst), len(src)); err != nil {
		return 0, err
	}
	d.makeRoom(len(dst))
	if err := d.decodeFrame(src, len(dst), nil); err != nil {
		return 0, err
	}
	d.deliver(dst, d.e8Size)
	return len(dst), nil
}

func checkSizes(out, in int) error {
	if out > frameSize {
		return fmt.Errorf("%w: block of %d bytes", ErrFormat, out)
	}
	if in > maxPayload {
		return fmt.Errorf("%w: block with %d bytes of payload", ErrFormat, in)
	}
	return nil
}

// deliver copies the last bytes of the buffer to dst, where calls are translated
// back if e8Size is not 0; the buffer keeps what matches refer to.
func (d *Decoder) deliver(dst []byte, e8Size int32) {
	copy(dst, d.buf[d.pos-len(dst):d.pos])
	if e8Size != 0 {
		undoE8(dst, d.offset, e8Size)
	}
	d.offset += int64(len(dst))
}

// makeRoom sees to it that n more bytes fit the buffer while the last window
// bytes stay in it. Full blocks, which is what cabinets have, end where the
// buffer ends, which then goes on at its start; after others the history moves,
// in a buffer that is large enough for that to be rare.
func (d *Decoder) makeRoom(n int) {
	window, size := int(d.window), len(d.buf)-slack
	switch {
	case d.buf == nil:
		d.buf = make([]byte, window+frameSize+slack)
	case d.pos == size:
		d.pos = 0
		d.ring = size
	case d.pos+n > size:
		history := d.buf[d.pos-window : d.pos]
		if size < 2*window {
			d.buf = make([]byte, 2*window+slack)
		}
		d.pos = copy(d.buf, history)
		d.ring = 0
	}
}
