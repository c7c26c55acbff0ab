package lzx_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/msi/cab/internal/codec"
	"github.com/hotfixkit/hotfixkit/msi/cab/internal/codec/codectest"
	"github.com/hotfixkit/hotfixkit/msi/cab/lzx"
)

func newDecoder(t testing.TB, f codectest.Folder) codec.Decoder {
	t.Helper()
	d, err := lzx.New(lzx.Options{WindowBits: f.WindowBits()})
	require.NoError(t, err)
	return d
}

func TestCorpusCabinets(t *testing.T) {
	codectest.TestCorpus(t, "*lzx*.cab", codectest.LZX, newDecoder)
}

func TestCabinets(t *testing.T) {
	codectest.TestSums(t, "testdata", codectest.LZX, newDecoder)
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
