package lzx

import "fmt"

// Tokens is one block of a folder without its Huffman codes: literal bytes, and
// matches with the number of literals before each.
type Tokens struct {
	list         [maxTokens]uint64
	n            int
	literals     [frameSize + slack]byte
	literalCount int
	run          int // literalCount after the last match

	size   int // bytes of output
	e8Size int32
}

// maxTokens is how many matches a frame has at most. A power of two lets an index
// do without a check.
const maxTokens = frameSize / minMatch

// A token is the offset of a match in the low 32 bits, its length in the next 16
// and the number of literals before it in the rest.
const (
	lengthAt = 32
	runAt    = 48
)

// grow makes room for n more literals and returns it.
func (t *Tokens) grow(n int) []byte {
	t.literalCount += n
	return t.literals[t.literalCount-n : t.literalCount]
}

// Parse decodes the Huffman codes of one block, which Decode would decompress to
// size bytes, to t. Blocks are parsed in order, and their tokens replayed in
// order; Parse may run while another goroutine is in Replay. A folder is decoded
// either this way or by Decode.
func (d *Decoder) Parse(t *Tokens, src []byte, size int) error {
	t.n, t.literalCount, t.run, t.size = 0, 0, 0, 0
	if size == 0 {
		return nil
	}
	if err := checkSizes(size, len(src)); err != nil {
		return err
	}
	if err := d.decodeFrame(src, size, t); err != nil {
		return err
	}
	t.size, t.e8Size = size, d.e8Size
	return nil
}

// Replay writes the block that t was parsed from to dst, whose length is the size
// that Parse was told. After an error, of Parse too, the folder cannot be
// continued.
func (d *Decoder) Replay(dst []byte, t *Tokens) error {
	if len(dst) != t.size {
		return fmt.Errorf("%w: %d bytes of a block of %d", ErrFormat, len(dst), t.size)
	}
	if t.size == 0 {
		return nil
	}
	d.makeRoom(t.size)
	if err := d.replay(t); err != nil {
		return err
	}
	d.deliver(dst, t.e8Size)
	return nil
}

// replay appends the output of t to the buffer. Runs and matches are copied in
// words of 8 bytes, 16 at least; what follows overwrites what was too much.
func (d *Decoder) replay(t *Tokens) error {
	buf, pos, ring, edge := d.buf, d.pos, d.ring, edgeOf(d.ring)
	literals, literal := t.literals[:], 0
	for _, token := range t.list[:t.n] {
		run := int(token >> runAt)
		store64(buf, pos, load64(literals, literal))
		store64(buf, pos+8, load64(literals, literal+8))
		if run > 16 {
			copy(buf[pos+16:], literals[literal+16:literal+run])
		}
		literal += run
		pos += run

		length, offset := int(token>>lengthAt&0xFFFF), int(uint32(token))
		end := pos + length
		from := pos - offset
		from += from >> signBit & ring
		if uint(from) >= edge {
			if from < 0 {
				return errBefore
			}
			d.copyApart(pos, from, length)
			pos = end
			continue
		}
		if offset < 8 {
			repeatShort(buf, pos, end, offset)
			pos = end
			continue
		}
		for {
			store64(buf, pos, load64(buf, from))
			store64(buf, pos+8, load64(buf, from+8))
			pos += 16
			if pos >= end {
				break
			}
			from += 16
		}
		pos = end
	}
	pos += copy(buf[pos:], literals[literal:t.literalCount])
	d.pos = pos
	return nil
}
