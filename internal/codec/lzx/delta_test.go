package lzx

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func TestDeltaRandomStreams(t *testing.T) {
	for round := range 12 {
		r := rand.New(rand.NewPCG(uint64(round), 2))
		e := newEncoder(17+round%9, true)
		e.Ref = randomBytes(r, r.IntN(50_000))
		e.Header(0)
		randomStream(r, e, 1<<(17+round%9), 1+r.IntN(300_000))
		out, err := DecodeDelta(e.Chunks(), int64(len(e.Out)), DeltaOptions{Reference: e.Ref, WindowBits: 17 + round%9})
		require.NoError(t, err, round)
		require.True(t, bytes.Equal(e.Out, out), round)
	}
}

// The window is the smallest that holds the output and the reference data in
// whole frames.
func TestDeltaWindow(t *testing.T) {
	tests := []struct {
		reference, size int64
		large           bool
		want            int // 0: none is large enough
	}{
		{0, 0, false, 17},
		{0, 1 << 17, false, 17},
		{0, 1<<17 + 1, false, 18},
		{1, 1<<17 - frameSize, false, 17},
		{1, 1<<17 - frameSize + 1, false, 18},
		{frameSize, 1<<17 - frameSize, false, 17},
		{1 << 22, 1 << 22, false, 23},
		{1 << 22, 1<<22 + 1, false, 0},
		{1 << 22, 1<<22 + 1, true, 24},
		{1 << 24, 1 << 24, true, 25},
		{1 << 24, 1<<24 + 1, true, 0},
		{0, 1<<62 + 1, true, 0},
		{0, -1, true, 0},
	}
	for _, test := range tests {
		bits, err := deltaWindowBits(test.size, DeltaOptions{Reference: make([]byte, test.reference), Large: test.large})
		if test.want == 0 {
			require.ErrorIs(t, err, ErrLimit, "%+v", test)
			continue
		}
		require.NoError(t, err, "%+v", test)
		require.Equal(t, test.want, bits, "%+v", test)
	}
	for _, bits := range []int{-1, 16, 26} {
		_, err := DecodeDelta(nil, 0, DeltaOptions{WindowBits: bits})
		require.ErrorIs(t, err, ErrLimit, bits)
	}
}

func TestDeltaBeforeTheReference(t *testing.T) {
	e := newEncoder(17, true)
	e.Ref = []byte("old")
	e.Header(0)
	e.Block(blockVerbatim, append(literals("new"), token{Length: 9, Distance: 10}), 1)
	require.Equal(t, "new\x00\x00\x00\x00oldne", string(e.Out))
	out, err := DecodeDelta(e.Chunks(), int64(len(e.Out)), DeltaOptions{Reference: e.Ref})
	require.NoError(t, err)
	require.Equal(t, string(e.Out), string(out))
}

func TestDeltaExtraLengths(t *testing.T) {
	for _, length := range []int{256, 257, 258, 512, 513, 1536, 1537, 5632, 5633, frameSize - 1} {
		e := newEncoder(17, true)
		e.Header(0)
		e.Block(blockVerbatim, append(literals("x"), token{Length: length, Distance: 1}), 1)
		out, err := DecodeDelta(e.Chunks(), int64(len(e.Out)), DeltaOptions{})
		require.NoError(t, err, length)
		require.Equal(t, e.Out, out, length)
	}
}

func TestDeltaE8(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	want := randomBytes(r, 3*frameSize+500)
	for range 2000 {
		want[r.IntN(len(want))] = 0xE8
	}
	const size = 1 << 30
	coded := bytes.Clone(want)
	for at := 0; at < len(coded); at += frameSize {
		doE8(coded[at:min(at+frameSize, len(coded))], int64(at), size)
	}
	require.NotEqual(t, want, coded)
	e := newEncoder(17, true)
	e.Header(size)
	e.Raw(coded, [3]int{1, 1, 1})
	out, err := DecodeDelta(e.Chunks(), int64(len(want)), DeltaOptions{})
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, out))
}

// A delta is refused before memory is taken for output that its stream cannot
// hold.
func TestDeltaDamage(t *testing.T) {
	e := newEncoder(18, true)
	e.Header(0)
	e.Raw(bytes.Repeat([]byte("data"), frameSize/2), [3]int{1, 1, 1})
	stream, size := e.Chunks(), int64(len(e.Out))

	_, err := DecodeDelta(stream, size, DeltaOptions{})
	require.NoError(t, err)
	for _, n := range []int{0, 1, 2, 3, 10, frameSize, frameSize + 17, frameSize + 18, len(stream) - 1} {
		_, err := DecodeDelta(stream[:n], size, DeltaOptions{})
		require.ErrorIs(t, err, ErrTruncated, n)
	}
	_, err = DecodeDelta(append(stream, 0), size, DeltaOptions{})
	require.ErrorIs(t, err, ErrFormat)
	_, err = DecodeDelta(stream, 1<<23, DeltaOptions{})
	require.ErrorIs(t, err, ErrTruncated)
	require.LessOrEqual(t, testing.AllocsPerRun(10, func() {
		_, _ = DecodeDelta([]byte{0, 0}, 1<<23, DeltaOptions{})
	}), 10.0)
	out, err := DecodeDelta(nil, 0, DeltaOptions{})
	require.NoError(t, err)
	require.Empty(t, out)
}
