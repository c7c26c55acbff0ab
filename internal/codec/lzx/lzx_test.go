package lzx_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/codec"
	"github.com/hotfixkit/hotfixkit/internal/codec/codectest"
	"github.com/hotfixkit/hotfixkit/internal/codec/lzx"
)

func newDecoder(t testing.TB, f codectest.Folder) codec.Decoder {
	t.Helper()
	d, err := lzx.New(lzx.Options{WindowBits: f.WindowBits()})
	require.NoError(t, err)
	return d
}

// inSteps decodes two of three blocks in two steps.
type inSteps struct {
	*lzx.Decoder
	tokens lzx.Tokens
	blocks int
}

func (d *inSteps) Decode(dst, src []byte) (int, error) {
	if d.blocks++; d.blocks%3 == 0 {
		return d.Decoder.Decode(dst, src)
	}
	if err := d.Parse(&d.tokens, src, len(dst)); err != nil {
		return 0, err
	}
	if err := d.Replay(dst, &d.tokens); err != nil {
		return 0, err
	}
	return len(dst), nil
}

func newInSteps(t testing.TB, f codectest.Folder) codec.Decoder {
	t.Helper()
	return &inSteps{Decoder: newDecoder(t, f).(*lzx.Decoder)}
}

func TestCorpusCabinets(t *testing.T) {
	codectest.TestCorpus(t, "*lzx*.cab", codectest.LZX, newDecoder)
	codectest.TestCorpus(t, "*lzx*.cab", codectest.LZX, newInSteps)
}

func TestCabinets(t *testing.T) {
	codectest.TestSums(t, "testdata", codectest.LZX, newDecoder)
	codectest.TestSums(t, "testdata", codectest.LZX, newInSteps)
}

func TestWindowSizes(t *testing.T) {
	for bits := lzx.MinWindowBits; bits <= lzx.MaxWindowBits; bits++ {
		_, err := lzx.New(lzx.Options{WindowBits: bits})
		require.NoError(t, err, bits)
	}
	for _, bits := range []int{-1, 0, 14, 22, 31} {
		_, err := lzx.New(lzx.Options{WindowBits: bits})
		require.ErrorIs(t, err, lzx.ErrLimit, bits)
	}
}
