package quantum_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/codec/codectest"
)

func BenchmarkDecode(b *testing.B) {
	for _, name := range []string{"qtm10.cab", "qtm18.cab"} {
		b.Run(name, func(b *testing.B) {
			cabinet, err := os.ReadFile("testdata/" + name)
			require.NoError(b, err)
			codectest.Benchmark(b, codectest.Repeat(b, cabinet, 40), newDecoder)
		})
	}
}
