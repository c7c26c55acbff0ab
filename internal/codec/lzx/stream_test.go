package lzx

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/codec/lzx/lzxtest"
)

func literals(s string) []token {
	tokens := make([]token, len(s))
	for i := range len(s) {
		tokens[i].Literal = s[i]
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
	have := len(e.Out)
	recent := e.Repeated
	for size > 0 {
		left := min(size, frameSize-have%frameSize)
		longest := maxMatch
		if e.Delta && r.IntN(50) == 0 {
			longest = frameSize
		}
		reach := min(have+len(e.Ref), window-3)
		if e.Delta {
			reach = window - 3 // zeros stand before everything
		}
		if left < 2 || reach < 1 || r.IntN(3) == 0 {
			tokens = append(tokens, token{Literal: byte(r.ExpFloat64() * 20)})
			have++
			size--
			continue
		}
		t := token{Length: 2 + r.IntN(min(left, longest)-1)}
		switch r.IntN(4) {
		case 0:
			t.Distance = recent[r.IntN(3)]
		case 1:
			t.Distance = 1 + r.IntN(20)
		default:
			t.Distance = 1 + r.IntN(reach)
		}
		if t.Distance > reach {
			t.Distance = 1
		}
		recent = [3]int{t.Distance, recent[0], recent[1]}
		tokens = append(tokens, t)
		have += t.Length
		size -= t.Length
	}
	return tokens
}

func randomStream(r *rand.Rand, e *encoder, window, size int) {
	for len(e.Out) < size {
		n := min(1+r.IntN(90_000), size-len(e.Out))
		switch kind := 1 + r.IntN(3); kind {
		case blockUncompressed:
			data := make([]byte, min(n, 40_000))
			for i := range data {
				data[i] = byte(r.Uint32())
			}
			// Parity: a raw part with an odd number of bytes in a frame puts
			// the words of what follows at odd offsets of the next payload.
			e.Raw(data, [3]int{1 + r.IntN(window-3), 1 + r.IntN(window-3), 1})
		default:
			e.Block(kind, randomTokens(r, e, n, window), 1+r.IntN(16))
		}
	}
}

func TestRandomStreams(t *testing.T) {
	for bits := MinWindowBits; bits <= MaxWindowBits; bits++ {
		r := rand.New(rand.NewPCG(uint64(bits), 1))
		e := newEncoder(bits, false)
		e.Header(0)
		// More than the buffer holds, so that history moves.
		randomStream(r, e, 1<<bits, 4<<bits+100_000)
		d := mustNew(t, bits)
		out, err := decodeAll(e, d)
		require.NoError(t, err, bits)
		require.True(t, bytes.Equal(e.Out, out), bits)

		d.Reset()
		out, err = decodeAll(e, d)
		require.NoError(t, err, bits)
		require.True(t, bytes.Equal(e.Out, out), "after Reset, window 2^%d", bits)
	}
}

func TestLongestCodes(t *testing.T) {
	e := newEncoder(15, false)
	e.Header(0)
	e.Block(blockVerbatim, literals("the codes of this block have sixteen bits"), 16)
	out, err := decodeAll(e, mustNew(t, 15))
	require.NoError(t, err)
	require.Equal(t, string(e.Out), string(out))
}

// An odd uncompressed block that ends with its frame may have its padding byte
// there, in the next frame, or, at the end of the data, nowhere.
func TestPaddingOfUncompressedBlock(t *testing.T) {
	data := bytes.Repeat([]byte("odd"), frameSize/3+1)[:frameSize-1]
	build := func() ([]byte, []byte, string) {
		e := newEncoder(16, false)
		e.Header(0)
		e.Block(blockVerbatim, literals("x"), 1)
		e.Raw(data, [3]int{1, 1, 1})
		e.Block(blockVerbatim, literals("second"), 1)
		frames := e.Finish()
		return frames[0], frames[1], string(e.Out)
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
	e.Header(0)
	for range 3000 {
		e.Block(blockVerbatim, append(literals("abc"), token{Length: 100, Distance: 3}), 1)
		e.EndFrame()
	}
	out, err := decodeAll(e, mustNew(t, 15))
	require.NoError(t, err)
	require.True(t, bytes.Equal(e.Out, out))
}

func TestEmptyTrees(t *testing.T) {
	t.Run("length tree unused", func(t *testing.T) {
		e := newEncoder(15, false)
		e.Header(0)
		e.Block(blockVerbatim, append(literals("ab"), token{Length: 8, Distance: 2}), 1)
		out, err := decodeAll(e, mustNew(t, 15))
		require.NoError(t, err)
		require.Equal(t, "ababababab", string(out))
	})
	t.Run("length tree used", func(t *testing.T) {
		e := newEncoder(15, false)
		e.Header(0)
		e.BlockHeader(blockVerbatim, 100)
		lens := lzxtest.FlatCode(map[int]int{'a': 1, 256 + 7: 1}, len(e.MainLens), 1)
		e.PutLens(e.MainLens[:256], lens[:256])
		e.PutLens(e.MainLens[256:], lens[256:])
		e.PutLens(e.LengthLens, make([]uint8, lengthSymbols))
		e.Put(1, 2) // a, then a match whose length follows
		e.Size = 100
		_, err := decodeAll(e, mustNew(t, 15))
		require.ErrorIs(t, err, ErrFormat)
		require.ErrorIs(t, err, errUnassigned)
	})
	t.Run("main tree", func(t *testing.T) {
		e := newEncoder(15, false)
		e.Header(0)
		e.BlockHeader(blockVerbatim, 100)
		e.PutLens(e.MainLens[:256], make([]uint8, 256))
		e.PutLens(e.MainLens[256:], make([]uint8, len(e.MainLens)-256))
		e.PutLens(e.LengthLens, make([]uint8, lengthSymbols))
		e.Size = 100
		_, err := decodeAll(e, mustNew(t, 15))
		require.ErrorIs(t, err, errUnassigned)
	})
	t.Run("pre-tree", func(t *testing.T) {
		e := newEncoder(15, false)
		e.Header(0)
		e.BlockHeader(blockVerbatim, 100)
		e.Put(0, 16)
		e.Payload = append(e.Payload, make([]byte, 100)...)
		e.Size = 100
		_, err := decodeAll(e, mustNew(t, 15))
		require.ErrorIs(t, err, errUnassigned)
	})
	t.Run("aligned offset tree", func(t *testing.T) {
		e := newEncoder(15, false)
		e.Header(0)
		e.Block(blockVerbatim, literals("twenty bytes or more"), 1)
		e.BlockHeader(blockAligned, 100)
		e.Put(0, 8*3)
		lens := lzxtest.FlatCode(map[int]int{256 + 8*8: 1, 256 + 8*9: 1}, len(e.MainLens), 1)
		e.PutLens(e.MainLens[:256], lens[:256])
		e.PutLens(e.MainLens[256:], lens[256:])
		e.PutLens(e.LengthLens, make([]uint8, lengthSymbols))
		e.Put(0, 10)
		e.Size = 100
		_, err := decodeAll(e, mustNew(t, 15))
		require.ErrorIs(t, err, errUnassigned)
	})
}

func TestTooManyCodes(t *testing.T) {
	e := newEncoder(15, false)
	e.Header(0)
	e.BlockHeader(blockVerbatim, 100)
	lens := make([]uint8, 256)
	lens[0], lens[1], lens[2] = 1, 1, 1
	e.PutLens(e.MainLens[:256], lens)
	e.PutLens(e.MainLens[256:], make([]uint8, len(e.MainLens)-256))
	e.Size = 100
	_, err := decodeAll(e, mustNew(t, 15))
	require.ErrorIs(t, err, errOversubscribed)
}

// What was never written must not be read: neither before the first byte nor,
// through offsets that an uncompressed block states, anywhere else.
func TestMatchBeforeTheData(t *testing.T) {
	for name, build := range map[string]func(e *encoder){
		"first byte": func(e *encoder) {
			e.Out = make([]byte, 10) // that the encoder may copy from
			e.Block(blockVerbatim, []token{{Length: 2, Distance: 1}}, 1)
		},
		"one too far": func(e *encoder) {
			e.Out = make([]byte, 10)
			e.Block(blockVerbatim, append(literals("abc"), token{Length: 5, Distance: 4}), 1)
		},
		"far": func(e *encoder) {
			e.Out = make([]byte, 40_000)
			e.Block(blockVerbatim, append(literals("abc"), token{Length: 5, Distance: 1<<16 - 3}), 1)
		},
		"offset 0": func(e *encoder) {
			e.Raw([]byte("abcd"), [3]int{0, 1, 1})
			e.Repeated[0] = 4 // R0 all the same
			e.Block(blockVerbatim, []token{{Length: 5, Distance: 4}}, 1)
		},
		"offset beyond the window": func(e *encoder) {
			for range 40 {
				e.Raw(make([]byte, frameSize/2), [3]int{1, 1<<16 + 1, 1})
			}
			e.Repeated[1] = 4 // R1 all the same
			e.Block(blockVerbatim, []token{{Length: 5, Distance: 4}}, 1)
		},
		"negative offset": func(e *encoder) {
			e.Raw([]byte("abcd"), [3]int{1, 1, -1})
			e.Repeated[2] = 4 // R2 all the same
			e.Block(blockVerbatim, []token{{Length: 5, Distance: 4}}, 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEncoder(16, false)
			e.Header(0)
			build(e)
			d := mustNew(t, 16)
			_, err := decodeAll(e, d)
			require.ErrorIs(t, err, errBefore)
			require.ErrorIs(t, err, ErrFormat)
		})
	}
}

// Offsets that no match uses may be anything.
func TestUnusedOffsets(t *testing.T) {
	e := newEncoder(15, false)
	e.Header(0)
	e.Raw([]byte("abcd"), [3]int{0, -1, 1 << 30})
	e.Block(blockVerbatim, []token{{Length: 4, Distance: 4}}, 1)
	out, err := decodeAll(e, mustNew(t, 15))
	require.NoError(t, err)
	require.Equal(t, "abcdabcd", string(out))
}

func TestMatchAcross(t *testing.T) {
	t.Run("frame", func(t *testing.T) {
		e := newEncoder(15, false)
		e.Header(0)
		e.Raw(make([]byte, frameSize-2), [3]int{1, 1, 1})
		e.Block(blockVerbatim, []token{{Length: 3, Distance: 1}}, 1)
		e.Size = frameSize
		_, err := decodeAll(e, mustNew(t, 15))
		require.ErrorIs(t, err, errAcross)
	})
	t.Run("block", func(t *testing.T) {
		e := newEncoder(15, false)
		e.Header(0)
		e.Raw([]byte("abcd"), [3]int{1, 1, 1})
		e.BlockHeader(blockVerbatim, 2)
		lens := lzxtest.FlatCode(map[int]int{256 + 1: 1, 256 + 2: 1}, len(e.MainLens), 1)
		e.PutLens(e.MainLens[:256], lens[:256])
		e.PutLens(e.MainLens[256:], lens[256:])
		e.PutLens(e.LengthLens, make([]uint8, lengthSymbols))
		e.Size = 100
		_, err := decodeAll(e, mustNew(t, 15))
		require.ErrorIs(t, err, errAcross)
	})
}

func TestBlockType(t *testing.T) {
	for _, kind := range []int{0, 4, 5, 6, 7} {
		e := newEncoder(15, false)
		e.Header(0)
		e.BlockHeader(kind, 100)
		e.Payload = append(e.Payload, make([]byte, 100)...)
		e.Size = 100
		_, err := decodeAll(e, mustNew(t, 15))
		require.ErrorIs(t, err, ErrFormat, kind)
	}
}

// Every cut of a payload is noticed, whatever lies behind it. Some look like
// codes that do not exist.
func TestTruncated(t *testing.T) {
	e := newEncoder(16, false)
	e.Header(0)
	e.Block(blockAligned, append(literals("some text, "), token{Length: 40, Distance: 11}), 1)
	e.Raw([]byte("uncompressed"), [3]int{1, 1, 1})
	e.Block(blockVerbatim, append(literals("some text, "), token{Length: 40, Distance: 11}), 1)
	payload := e.Finish()[0]
	const lastWord = 2 // may be nothing but alignment
	for n := range len(payload) - lastWord {
		_, err := decodeOne(mustNew(t, 16), payload[:n], e.Sizes[0])
		require.True(t, errors.Is(err, ErrTruncated) || errors.Is(err, ErrFormat), "%d: %v", n, err)
	}
	_, err := decodeOne(mustNew(t, 16), payload[:len(payload)-lastWord-1], e.Sizes[0])
	require.ErrorIs(t, err, ErrTruncated)
	out, err := decodeOne(mustNew(t, 16), append(payload, "trailing"...), e.Sizes[0])
	require.NoError(t, err)
	require.Equal(t, string(e.Out), string(out))
}

func TestBlockSize(t *testing.T) {
	d := mustNew(t, 15)
	_, err := decodeOne(d, []byte("anything"), frameSize+1)
	require.ErrorIs(t, err, ErrFormat)
	out, err := decodeOne(d, nil, 0)
	require.NoError(t, err)
	require.Empty(t, out)
}

// TestCompressed decodes what the compressor of the benchmarks writes.
func TestCompressed(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	words := [][]byte{[]byte("the "), []byte("quick "), {0, 0, 0, 0, 0, 0}, {0xE8, 1, 2, 3, 4}}
	var data []byte
	for len(data) < 300_000 {
		data = append(append(data, words[r.IntN(len(words))]...), byte(r.IntN(30)))
	}
	for _, bits := range []int{15, 21} {
		d := mustNew(t, bits)
		var out []byte
		packed := 0
		for _, payload := range lzxtest.Compress(data, bits) {
			part, err := decodeOne(d, payload, min(frameSize, len(data)-len(out)))
			require.NoError(t, err)
			out = append(out, part...)
			packed += len(payload)
		}
		require.Equal(t, data, out)
		require.Less(t, packed, len(data)/2)
	}
}
