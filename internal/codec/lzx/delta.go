package lzx

import (
	"encoding/binary"
	"fmt"
)

// DeltaOptions are the parameters of LZX DELTA data.
type DeltaOptions struct {
	// Reference is the data that matches may reach before the start of the
	// output: the old file.
	Reference []byte
	// WindowBits is the window size as a power of two, 17 to 25, where the
	// container states it. 0 derives it from the sizes, as PA19 does: the
	// smallest window that holds the output and the reference data rounded up
	// to 32,768 bytes.
	WindowBits int
	// Large admits derived windows of 2^24 and 2^25 bytes instead of 2^23 at
	// most (the LZX_LARGE option of PA19).
	Large bool
}

// DecodeDelta decompresses an LZX DELTA stream ([MS-PATCH] 2; PA19 deltas) to
// size bytes. The stream is a sequence of chunks, each a little-endian 16-bit
// count and that many bytes, which yields 32,768 bytes of output, the last one
// fewer. Matches that reach before the reference data read zeros.
//
// It fails with ErrLimit when no window is large enough, with ErrTruncated when
// the stream ends before size bytes, and with ErrFormat for any other fault,
// data after the last chunk included. It allocates the size of the reference
// data and of the output, once; the result shares that allocation.
func DecodeDelta(stream []byte, size int64, o DeltaOptions) ([]byte, error) {
	windowBits, err := deltaWindowBits(size, o)
	if err != nil {
		return nil, err
	}
	chunks := (size + frameSize - 1) / frameSize
	if int64(len(stream)) < 2*chunks {
		return nil, fmt.Errorf("%w: %d bytes of stream for %d bytes of output", ErrTruncated, len(stream), size)
	}

	d := newDeltaStream(windowBits)
	d.buf = make([]byte, len(o.Reference)+int(size)+slack)
	d.pos = copy(d.buf, o.Reference)
	out := d.buf[len(o.Reference) : len(o.Reference)+int(size)]

	for at := 0; at < len(out); at += frameSize {
		if len(stream) < 2 {
			return nil, fmt.Errorf("%w, before the chunk at output offset %d", ErrTruncated, at)
		}
		n := int(binary.LittleEndian.Uint16(stream))
		stream = stream[2:]
		if n > len(stream) {
			return nil, fmt.Errorf("%w: chunk at output offset %d claims %d bytes, %d are left", ErrTruncated, at, n, len(stream))
		}
		if err := d.decodeFrame(stream[:n], min(frameSize, len(out)-at), nil); err != nil {
			return nil, fmt.Errorf("%w, of the chunk at output offset %d", err, at)
		}
		stream = stream[n:]
	}
	if len(stream) != 0 {
		return nil, fmt.Errorf("%w: %d bytes after the last chunk", ErrFormat, len(stream))
	}

	// Only now: the history that matches copy from is the untranslated data.
	if d.e8 {
		for at := 0; at < len(out); at += frameSize {
			undoE8(out[at:min(at+frameSize, len(out))], int64(at), d.e8Size)
		}
	}
	return out[:len(out):len(out)], nil
}

// deltaWindowBits returns the window size to use for size bytes of output.
func deltaWindowBits(size int64, o DeltaOptions) (int, error) {
	if o.WindowBits != 0 && (o.WindowBits < minDeltaWindowBits || o.WindowBits > maxLargeDeltaWindowBits) {
		return 0, fmt.Errorf("%w: delta window of 2^%d bytes", ErrLimit, o.WindowBits)
	}
	limit := maxDeltaWindowBits
	if o.Large || o.WindowBits > limit {
		limit = maxLargeDeltaWindowBits
	}
	if size < 0 || size > 1<<limit {
		return 0, fmt.Errorf("%w: delta to a file of %d bytes", ErrLimit, size)
	}
	if o.WindowBits != 0 {
		return o.WindowBits, nil
	}
	reference := (int64(len(o.Reference)) + frameSize - 1) / frameSize * frameSize
	for bits := minDeltaWindowBits; bits <= limit; bits++ {
		if reference+size <= 1<<bits {
			return bits, nil
		}
	}
	return 0, fmt.Errorf("%w: delta from %d to %d bytes, the largest window is 2^%d", ErrLimit, len(o.Reference), size, limit)
}

func newDeltaStream(windowBits int) *stream {
	s := &stream{delta: true}
	s.init(windowBits)
	return s
}
