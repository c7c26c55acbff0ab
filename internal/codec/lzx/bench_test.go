package lzx_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/codec/codectest"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

func BenchmarkDecode(b *testing.B) {
	b.Run("dlls", func(b *testing.B) {
		cabinet, err := os.ReadFile(corpus.Path(b, "bench", "pe-lzx21.cab"))
		require.NoError(b, err)
		codectest.Benchmark(b, cabinet, newDecoder)
	})
	b.Run("mixed", func(b *testing.B) {
		cabinet, err := os.ReadFile("testdata/lzx16.cab")
		require.NoError(b, err)
		codectest.Benchmark(b, codectest.Repeat(b, cabinet, 100), newDecoder)
	})
}
