package lzx

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func literals(s string) []token {
	tokens := make([]token, len(s))
	for i := range len(s) {
		tokens[i].literal = s[i]
	}
	return tokens
}

func mustNew(t testing.TB, windowBits int) *Decoder {
	t.Helper()
	d, err := New(Options{WindowBits: windowBits})
	require.NoError(t, err)
	return d
}

// randomTokens returns tokens for size bytes after have bytes of history, none
// of which crosses a frame.
func randomTokens(r *rand.Rand, e *encoder, size, window int) []token {
	var tokens []token
	have := len(e.out)
	recent := e.repeated
	for size > 0 {
		left := min(size, frameSize-have%frameSize)
		longest := maxMatch
		if e.delta && r.IntN(50) == 0 {
			longest = frameSize
		}
		reach := min(have+len(e.ref), window-3)
		if e.delta {
			reach = window - 3 // zeros stand before everything
		}
		if left < 2 || reach < 1 || r.IntN(3) == 0 {
			tokens = append(tokens, token{literal: byte(r.ExpFloat64() * 20)})
			have++
			size--
			continue
		}
		t := token{length: 2 + r.IntN(min(left, longest)-1)}
		switch r.IntN(4) {
		case 0:
			t.distance = recent[r.IntN(3)]
		case 1:
			t.distance = 1 + r.IntN(20)
		default:
			t.distance = 1 + r.IntN(reach)
		}
		if t.distance > reach {
			t.distance = 1
		}
		recent = [3]int{t.distance, recent[0], recent[1]}
		tokens = append(tokens, t)
		have += t.length
		size -= t.length
	}
	return tokens
}

func randomStream(r *rand.Rand, e *encoder, window, size int) {
	for len(e.out) < size {
		n := min(1+r.IntN(90_000), size-len(e.out))
		switch kind := 1 + r.IntN(3); kind {
		case blockUncompressed:
			data := make([]byte, min(n, 40_000))
			for i := range data {
				data[i] = byte(r.Uint32())
			}
			// Parity: a raw part with an odd number of bytes in a frame puts
			// the words of what follows at odd offsets of the next payload.
			e.raw(data, [3]int{1 + r.IntN(window-3), 1 + r.IntN(window-3), 1})
		default:
			e.block(kind, randomTokens(r, e, n, window), 1+r.IntN(16))
		}
	}
}

func TestRandomStreams(t *testing.T) {
	for bits := MinWindowBits; bits <= MaxWindowBits; bits++ {
		r := rand.New(rand.NewPCG(uint64(bits), 1))
		e := newEncoder(bits, false)
		e.header(0)
		// More than the buffer holds, so that history moves.
		randomStream(r, e, 1<<bits, 4<<bits+100_000)
		d := mustNew(t, bits)
		out, err := e.decodeAll(d)
		require.NoError(t, err, bits)
		require.True(t, bytes.Equal(e.out, out), bits)

		d.Reset()
		out, err = e.decodeAll(d)
		require.NoError(t, err, bits)
		require.True(t, bytes.Equal(e.out, out), "after Reset, window 2^%d", bits)
	}
}

func TestLongestCodes(t *testing.T) {
	e := newEncoder(15, false)
	e.header(0)
	e.block(blockVerbatim, literals("the codes of this block have sixteen bits"), 16)
	out, err := e.decodeAll(mustNew(t, 15))
	require.NoError(t, err)
	require.Equal(t, string(e.out), string(out))
}

// An odd uncompressed block that ends with its frame may have its padding byte
// there, in the next frame, or, at the end of the data, nowhere.
func TestPaddingOfUncompressedBlock(t *testing.T) {
	data := bytes.Repeat([]byte("odd"), frameSize/3+1)[:frameSize-1]
	build := func() ([]byte, []byte, string) {
		e := newEncoder(16, false)
		e.header(0)
		e.block(blockVerbatim, literals("x"), 1)
		e.raw(data, [3]int{1, 1, 1})
		e.block(blockVerbatim, literals("second"), 1)
		frames := e.finish()
		return frames[0], frames[1], string(e.out)
	}
	for name, change := range map[string]func(first, second []byte) ([]byte, []byte){
		"in the same frame": func(first, second []byte) ([]byte, []byte) { return first, second },
		"in the next frame": func(first, second []byte) ([]byte, []byte) {
			return first[:len(first)-1], append([]byte{0}, second...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			first, second, want := build()
			first, second = change(first, second)
			d := mustNew(t, 16)
			a, err := decodeOne(d, first, frameSize)
			require.NoError(t, err)
			b, err := decodeOne(d, second, len("second"))
			require.NoError(t, err)
			require.Equal(t, want, string(a)+string(b))
		})
	}
	t.Run("missing at the end", func(t *testing.T) {
		first, _, want := build()
		a, err := decodeOne(mustNew(t, 16), first[:len(first)-1], frameSize)
		require.NoError(t, err)
		require.Equal(t, want[:frameSize], string(a))
	})
}

// Blocks shorter than a frame in the middle of a folder do not occur in
// practice, and have one meaning.
func TestShortFrames(t *testing.T) {
	e := newEncoder(15, false)
	e.header(0)
	for range 3000 {
		e.block(blockVerbatim, append(literals("abc"), token{length: 100, distance: 3}), 1)
		e.endFrame()
	}
	out, err := e.decodeAll(mustNew(t, 15))
	require.NoError(t, err)
	require.True(t, bytes.Equal(e.out, out))
}

func TestEmptyTrees(t *testing.T) {
	t.Run("length tree unused", func(t *testing.T) {
		e := newEncoder(15, false)
		e.header(0)
		e.block(blockVerbatim, append(literals("ab"), token{length: 8, distance: 2}), 1)
		out, err := e.decodeAll(mustNew(t, 15))
		require.NoError(t, err)
		require.Equal(t, "ababababab", string(out))
	})
	t.Run("length tree used", func(t *testing.T) {
		e := newEncoder(15, false)
		e.header(0)
		e.blockHeader(blockVerbatim, 100)
		lens := flatCode(map[int]bool{'a': true, 256 + 7: true}, len(e.mainLens), 1)
		e.putLens(e.mainLens[:256], lens[:256])
		e.putLens(e.mainLens[256:], lens[256:])
		e.putLens(e.lengthLens, make([]uint8, lengthSymbols))
		e.put(1, 2) // a, then a match whose length follows
		e.size = 100
		_, err := e.decodeAll(mustNew(t, 15))
		require.ErrorIs(t, err, ErrFormat)
		require.ErrorIs(t, err, errUnassigned)
	})
	t.Run("main tree", func(t *testing.T) {
		e := newEncoder(15, false)
		e.header(0)
		e.blockHeader(blockVerbatim, 100)
		e.putLens(e.mainLens[:256], make([]uint8, 256))
		e.putLens(e.mainLens[256:], make([]uint8, len(e.mainLens)-256))
		e.putLens(e.lengthLens, make([]uint8, lengthSymbols))
		e.size = 100
		_, err := e.decodeAll(mustNew(t, 15))
		require.ErrorIs(t, err, errUnassigned)
	})
	t.Run("pre-tree", func(t *testing.T) {
		e := newEncoder(15, false)
		e.header(0)
		e.blockHeader(blockVerbatim, 100)
		e.put(0, 16)
		e.payload = append(e.payload, make([]byte, 100)...)
		e.size = 100
		_, err := e.decodeAll(mustNew(t, 15))
		require.ErrorIs(t, err, errUnassigned)
	})
	t.Run("aligned offset tree", func(t *testing.T) {
		e := newEncoder(15, false)
		e.header(0)
		e.block(blockVerbatim, literals("twenty bytes or more"), 1)
		e.blockHeader(blockAligned, 100)
		e.put(0, 8*3)
		lens := flatCode(map[int]bool{256 + 8*8: true, 256 + 8*9: true}, len(e.mainLens), 1)
		e.putLens(e.mainLens[:256], lens[:256])
		e.putLens(e.mainLens[256:], lens[256:])
		e.putLens(e.lengthLens, make([]uint8, lengthSymbols))
		e.put(0, 10)
		e.size = 100
		_, err := e.decodeAll(mustNew(t, 15))
		require.ErrorIs(t, err, errUnassigned)
	})
}

func TestTooManyCodes(t *testing.T) {
	e := newEncoder(15, false)
	e.header(0)
	e.blockHeader(blockVerbatim, 100)
	lens := make([]uint8, 256)
	lens[0], lens[1], lens[2] = 1, 1, 1
	e.putLens(e.mainLens[:256], lens)
	e.putLens(e.mainLens[256:], make([]uint8, len(e.mainLens)-256))
	e.size = 100
	_, err := e.decodeAll(mustNew(t, 15))
	require.ErrorIs(t, err, errOversubscribed)
}

// What was never written must not be read: neither before the first byte nor,
// through offsets that an uncompressed block states, anywhere else.
func TestMatchBeforeTheData(t *testing.T) {
	for name, build := range map[string]func(e *encoder){
		"first byte": func(e *encoder) {
			e.out = make([]byte, 10) // that the encoder may copy from
			e.block(blockVerbatim, []token{{length: 2, distance: 1}}, 1)
		},
		"one too far": func(e *encoder) {
			e.out = make([]byte, 10)
			e.block(blockVerbatim, append(literals("abc"), token{length: 5, distance: 4}), 1)
		},
		"far": func(e *encoder) {
			e.out = make([]byte, 40_000)
			e.block(blockVerbatim, append(literals("abc"), token{length: 5, distance: 1<<16 - 3}), 1)
		},
		"offset 0": func(e *encoder) {
			e.raw([]byte("abcd"), [3]int{0, 1, 1})
			e.repeated[0] = 4 // R0 all the same
			e.block(blockVerbatim, []token{{length: 5, distance: 4}}, 1)
		},
		"offset beyond the window": func(e *encoder) {
			for range 40 {
				e.raw(make([]byte, frameSize/2), [3]int{1, 1<<16 + 1, 1})
			}
			e.repeated[1] = 4 // R1 all the same
			e.block(blockVerbatim, []token{{length: 5, distance: 4}}, 1)
		},
		"negative offset": func(e *encoder) {
			e.raw([]byte("abcd"), [3]int{1, 1, -1})
			e.repeated[2] = 4 // R2 all the same
			e.block(blockVerbatim, []token{{length: 5, distance: 4}}, 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEncoder(16, false)
			e.header(0)
			build(e)
			d := mustNew(t, 16)
			_, err := e.decodeAll(d)
			require.ErrorIs(t, err, errBefore)
			require.ErrorIs(t, err, ErrFormat)
		})
	}
}

// Offsets that no match uses may be anything.
func TestUnusedOffsets(t *testing.T) {
	e := newEncoder(15, false)
	e.header(0)
	e.raw([]byte("abcd"), [3]int{0, -1, 1 << 30})
	e.block(blockVerbatim, []token{{length: 4, distance: 4}}, 1)
	out, err := e.decodeAll(mustNew(t, 15))
	require.NoError(t, err)
	require.Equal(t, "abcdabcd", string(out))
}

func TestMatchAcross(t *testing.T) {
	t.Run("frame", func(t *testing.T) {
		e := newEncoder(15, false)
		e.header(0)
		e.raw(make([]byte, frameSize-2), [3]int{1, 1, 1})
		e.block(blockVerbatim, []token{{length: 3, distance: 1}}, 1)
		e.size = frameSize
		_, err := e.decodeAll(mustNew(t, 15))
		require.ErrorIs(t, err, errAcross)
	})
	t.Run("block", func(t *testing.T) {
		e := newEncoder(15, false)
		e.header(0)
		e.raw([]byte("abcd"), [3]int{1, 1, 1})
		e.blockHeader(blockVerbatim, 2)
		lens := flatCode(map[int]bool{256 + 1: true, 256 + 2: true}, len(e.mainLens), 1)
		e.putLens(e.mainLens[:256], lens[:256])
		e.putLens(e.mainLens[256:], lens[256:])
		e.putLens(e.lengthLens, make([]uint8, lengthSymbols))
		e.size = 100
		_, err := e.decodeAll(mustNew(t, 15))
		require.ErrorIs(t, err, errAcross)
	})
}

func TestBlockType(t *testing.T) {
	for _, kind := range []int{0, 4, 5, 6, 7} {
		e := newEncoder(15, false)
		e.header(0)
		e.blockHeader(kind, 100)
		e.payload = append(e.payload, make([]byte, 100)...)
		e.size = 100
		_, err := e.decodeAll(mustNew(t, 15))
		require.ErrorIs(t, err, ErrFormat, kind)
	}
}

// Every cut of a payload is noticed, whatever lies behind it. Some look like
// codes that do not exist.
func TestTruncated(t *testing.T) {
	e := newEncoder(16, false)
	e.header(0)
	e.block(blockAligned, append(literals("some text, "), token{length: 40, distance: 11}), 1)
	e.raw([]byte("uncompressed"), [3]int{1, 1, 1})
	e.block(blockVerbatim, append(literals("some text, "), token{length: 40, distance: 11}), 1)
	payload := e.finish()[0]
	const lastWord = 2 // may be nothing but alignment
	for n := range len(payload) - lastWord {
		_, err := decodeOne(mustNew(t, 16), payload[:n], e.sizes[0])
		require.True(t, errors.Is(err, ErrTruncated) || errors.Is(err, ErrFormat), "%d: %v", n, err)
	}
	_, err := decodeOne(mustNew(t, 16), payload[:len(payload)-lastWord-1], e.sizes[0])
	require.ErrorIs(t, err, ErrTruncated)
	out, err := decodeOne(mustNew(t, 16), append(payload, "trailing"...), e.sizes[0])
	require.NoError(t, err)
	require.Equal(t, string(e.out), string(out))
}

func TestBlockSize(t *testing.T) {
	d := mustNew(t, 15)
	_, err := decodeOne(d, []byte("anything"), frameSize+1)
	require.ErrorIs(t, err, ErrFormat)
	out, err := decodeOne(d, nil, 0)
	require.NoError(t, err)
	require.Empty(t, out)
}
