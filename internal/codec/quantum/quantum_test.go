package quantum_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/codec"
	"github.com/hotfixkit/hotfixkit/internal/codec/codectest"
	"github.com/hotfixkit/hotfixkit/internal/codec/quantum"
)

func newDecoder(t testing.TB, f codectest.Folder) codec.Decoder {
	t.Helper()
	d, err := quantum.New(f.WindowBits())
	require.NoError(t, err)
	return d
}

func TestCorpusCabinets(t *testing.T) {
	codectest.TestCorpus(t, "*qtm*.cab", codectest.Quantum, newDecoder)
}

func TestCabinets(t *testing.T) {
	codectest.TestSums(t, "testdata", codectest.Quantum, newDecoder)
}

func TestWindowSizes(t *testing.T) {
	for bits := quantum.MinWindowBits; bits <= quantum.MaxWindowBits; bits++ {
		_, err := quantum.New(bits)
		require.NoError(t, err, bits)
	}
	for _, bits := range []int{-1, 0, 9, 22, 31} {
		_, err := quantum.New(bits)
		require.ErrorIs(t, err, quantum.ErrLimit, bits)
	}
}
