package lzx_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/msi/cab/internal/codec"
	"github.com/hotfixkit/hotfixkit/msi/cab/internal/codec/codectest"
	"github.com/hotfixkit/hotfixkit/msi/cab/lzx"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

// BenchmarkDecode is the decoder alone, payloads in memory.
func BenchmarkDecode(b *testing.B) {
	for _, path := range [][]string{{"bench", "pe-lzx21.cab"}, {"cab", "enc", "lzx16.cab"}} {
		b.Run(path[len(path)-1], func(b *testing.B) {
			cabinet, err := os.ReadFile(corpus.Path(b, path...))
			require.NoError(b, err)
			f := codectest.Folders(b, cabinet)[0]
			d := newDecoder(b, f).(*lzx.Decoder)
			size := 0
			for _, block := range f.Blocks {
				size += block.Size
			}
			dst := make([]byte, codec.MaxBlock)
			b.SetBytes(int64(size))
			for b.Loop() {
				d.Reset()
				for _, block := range f.Blocks {
					if _, err := d.Decode(dst[:block.Size], block.Payload); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
