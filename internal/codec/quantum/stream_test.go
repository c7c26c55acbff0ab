package quantum

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/codec"
)

func mustNew(t testing.TB, windowBits int) *Decoder {
	t.Helper()
	d, err := New(windowBits)
	require.NoError(t, err)
	return d
}

func literals(s string) []token {
	tokens := make([]token, len(s))
	for i := range len(s) {
		tokens[i].literal = s[i]
	}
	return tokens
}

// randomBlock returns tokens for size bytes after have bytes of history.
func randomBlock(r *rand.Rand, have, size, window int) []token {
	var tokens []token
	reach := [3]int{1 << 12, 1 << 18, window} // of the position models
	for size > 0 {
		longest := min(size, 5+254)
		if longest < 3 || have == 0 || r.IntN(3) == 0 {
			tokens = append(tokens, token{literal: byte(r.ExpFloat64() * 30)})
			have++
			size--
			continue
		}
		length := 3 + r.IntN(longest-2)
		if r.IntN(3) == 0 {
			length = min(longest, 3+r.IntN(3))
		}
		far := min(have, window, reach[min(length-3, 2)])
		distance := 1 + r.IntN(far)
		if r.IntN(3) == 0 {
			distance = 1 + r.IntN(min(far, 9))
		}
		tokens = append(tokens, token{length: length, distance: distance})
		have += length
		size -= length
	}
	return tokens
}

func TestRandomStreams(t *testing.T) {
	for bits := MinWindowBits; bits <= MaxWindowBits; bits++ {
		r := rand.New(rand.NewPCG(uint64(bits), 4))
		e := newEncoder(bits)
		d := mustNew(t, bits)
		var first []byte
		var firstSize int
		// More than the buffer holds, so that history moves.
		for len(e.out) < 3<<bits+4*codec.MaxBlock {
			size := codec.MaxBlock
			if r.IntN(20) == 0 {
				size = 1 + r.IntN(size)
			}
			before := len(e.out)
			payload := e.block(randomBlock(r, before, size, 1<<bits))
			out, err := decodeOne(d, append(payload, make([]byte, r.IntN(5))...), size)
			require.NoError(t, err, bits)
			require.True(t, bytes.Equal(e.out[before:], out), "window 2^%d, at %d", bits, before)
			if first == nil {
				first, firstSize = payload, size
			}
		}
		d.Reset()
		out, err := decodeOne(d, first, firstSize)
		require.NoError(t, err, bits)
		require.Equal(t, e.out[:firstSize], out, "after Reset, window 2^%d", bits)
	}
}

func TestMatchBeforeTheData(t *testing.T) {
	for _, tokens := range [][]token{
		{{length: 3, distance: 1}},
		append(literals("abcd"), token{length: 4, distance: 5}),
		append(literals("abcd"), token{length: 20, distance: 1 << 10}),
	} {
		e := newEncoder(10)
		payload := e.block(tokens)
		_, err := decodeOne(mustNew(t, 10), payload, len(e.out))
		require.ErrorIs(t, err, ErrFormat)
	}
}

// Output must not pass the end of a block, nor of the buffer.
func TestMatchAcrossBlock(t *testing.T) {
	e := newEncoder(10)
	payload := e.block(append(literals("abcd"), token{length: 259, distance: 4}))
	for size := 5; size < len(e.out); size++ {
		_, err := decodeOne(mustNew(t, 10), payload, size)
		require.ErrorIs(t, err, ErrFormat, size)
	}
	out, err := decodeOne(mustNew(t, 10), payload, len(e.out))
	require.NoError(t, err)
	require.Equal(t, e.out, out)
}

// A payload that stops early ends the decoding, whatever the size it claims.
func TestTruncated(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	e := newEncoder(12)
	payload := e.block(randomBlock(r, 0, codec.MaxBlock, 1<<12))
	for n := 0; n < len(payload)-4; n += 1 + n/10 {
		_, err := decodeOne(mustNew(t, 12), payload[:n], codec.MaxBlock)
		require.Error(t, err, n)
	}
	_, err := decodeOne(mustNew(t, 12), payload[:len(payload)/2], codec.MaxBlock)
	require.ErrorIs(t, err, ErrTruncated)
	_, err = decodeOne(mustNew(t, 12), nil, codec.MaxBlock)
	require.Error(t, err)
}

func TestBlockSize(t *testing.T) {
	d := mustNew(t, 15)
	_, err := decodeOne(d, []byte("anything"), codec.MaxBlock+1)
	require.ErrorIs(t, err, ErrFormat)
	out, err := decodeOne(d, nil, 0)
	require.NoError(t, err)
	require.Empty(t, out)
}

func TestModelAgainstItsDescription(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	for _, n := range []int{7, 20, 24, 27, 36, 42, 64} {
		plain := newPlainModel(0, n)
		var m model
		m.init(0, n)
		for round := range 100_000 {
			i := min(int(r.ExpFloat64()*float64(n)/6), n-1)
			require.Equal(t, plain.symbols[i], int(m.symbols[i]))
			for j := range i + 1 {
				m.set(j, m.get(j)+increment)
			}
			if m.get(0) > maxTotal {
				m.rescale()
			}
			plain.use(i)
			if round%97 == 0 {
				for j := range n + 1 {
					require.Equal(t, plain.cf[j], m.get(j))
				}
			}
		}
	}
}

// TestInverses compares with divisions where the quotient changes, for all sums.
func TestInverses(t *testing.T) {
	mustNew(t, 21)
	for total := uint64(1); total <= maxTotal+increment; total++ {
		most := total << 16
		for quotient := most / total; ; quotient /= 2 {
			for n := max(quotient*total, 2) - 2; n <= min(quotient*total+2, most); n++ {
				require.Equal(t, n/total, n*inverses[total]>>inverseBits, "%d / %d", n, total)
			}
			if quotient == 0 {
				break
			}
		}
	}
}
