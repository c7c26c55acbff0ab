// Package mszip decompresses MSZIP, the DEFLATE of cabinets ([MS-MCI], RFC 1951):
// every block is a DEFLATE stream of its own after the bytes "CK", and may copy
// from the 32 KiB before it.
//
// It works in two steps. A [Parser] decodes the Huffman codes of one block to
// [Tokens], which needs nothing of the blocks before and so may happen for
// several blocks at once. A [Decoder] replays the tokens of one block after the
// other onto its history.
package mszip

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/hotfixkit/hotfixkit/internal/codec"
)

// ErrFormat is the class of all errors of this package.
var ErrFormat = errors.New("mszip: invalid data")

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
}

// historySize is how far back a match reaches.
const historySize = 32768

// A Decoder holds the history of one folder.
type Decoder struct {
	parser Parser
	tokens Tokens

	// window[:end] is the history, at least its last historySize bytes, in one
	// line. It is moved to the front when room runs out.
	window [historySize + 7*codec.MaxBlock + codec.Slack]byte
	end    int
}

// New returns a decoder at the start of a folder.
func New() *Decoder { return new(Decoder) }

// Reset makes the decoder what New returned.
func (d *Decoder) Reset() { d.end = 0 }

// Decode implements [codec.Decoder].
func (d *Decoder) Decode(dst, src []byte) (int, error) {
	if err := d.parser.Parse(&d.tokens, src, len(dst)); err != nil {
		return 0, err
	}
	if err := d.Replay(dst, &d.tokens); err != nil {
		return 0, err
	}
	return len(dst), nil
}

// Replay writes the block that t was parsed from to dst, whose length is the size
// that Parse was told. After an error the decoder is of no use until Reset.
func (d *Decoder) Replay(dst []byte, t *Tokens) error {
	if d.end+codec.MaxBlock+codec.Slack > len(d.window) {
		copy(d.window[:], d.window[d.end-historySize:d.end])
		d.end = historySize
	}
	window, out, literals := &d.window, d.end, 0
	for _, token := range t.list[:t.n] {
		run := int(token >> runShift)
		if run == runOnly {
			copy(window[out:], t.literals[literals:][:run])
			out += run
			literals += run
			continue
		}
		// Copies of 16 bytes may go past the run; what they leave is overwritten.
		*(*[16]byte)(window[out:]) = *(*[16]byte)(t.literals[literals:])
		for i := 16; i < run; i += 16 {
			*(*[16]byte)(window[out+i:]) = *(*[16]byte)(t.literals[literals+i:])
		}
		out += run
		literals += run

		length := int(token>>lengthShift&0xFF) + minMatch
		distance := int(token&0x7FFF) + 1
		from := out - distance
		switch {
		case from < 0:
			return invalid("a match starts %d bytes before the data", -from)
		case distance >= 16:
			*(*[16]byte)(window[out:]) = *(*[16]byte)(window[from:])
			for i := 16; i < length; i += 16 {
				*(*[16]byte)(window[out+i:]) = *(*[16]byte)(window[from+i:])
			}
		case distance >= 8:
			for i := 0; i < length; i += 8 {
				*(*[8]byte)(window[out+i:]) = *(*[8]byte)(window[from+i:])
			}
		case distance == 1:
			pattern := uint64(window[from]) * 0x0101010101010101
			for i := 0; i < length; i += 8 {
				binary.LittleEndian.PutUint64(window[out+i:], pattern)
			}
		default:
			for i := range length {
				window[out+i] = window[from+i]
			}
		}
		out += length
	}
	copy(window[out:], t.literals[literals:t.literalCount])
	copy(dst, window[d.end:][:len(dst)])
	d.end += len(dst)
	return nil
}
