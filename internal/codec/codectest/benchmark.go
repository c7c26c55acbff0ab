package codectest

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/codec"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

// Benchmark measures the decoder alone, payloads in memory, on all folders of a
// cabinet, and 7-Zip's test of the same cabinet in turn with it: "x7zz" is how
// many times as fast as 7-Zip the decoder is, by the median of pairs. 7-Zip's
// time includes starting the process, some milliseconds, and checksums.
func Benchmark(b *testing.B, cabinet []byte, newDecoder func(testing.TB, Folder) codec.Decoder) {
	path := filepath.Join(b.TempDir(), "benchmark.cab")
	require.NoError(b, os.WriteFile(path, cabinet, 0o600))
	peer := corpus.Tool(b, "7zz")
	folders := Folders(b, cabinet)
	decoders := make([]codec.Decoder, len(folders))
	size := 0
	for i, f := range folders {
		decoders[i] = newDecoder(b, f)
		for _, block := range f.Blocks {
			size += block.Size
		}
	}
	dst := make([]byte, codec.MaxBlock+codec.Slack)
	src := make([]byte, codec.MaxPayload+codec.Slack)
	var own, ratios []float64
	for b.Loop() {
		start := time.Now()
		for i, f := range folders {
			decoders[i].(interface{ Reset() }).Reset()
			for _, block := range f.Blocks {
				payload := src[:copy(src[:codec.MaxPayload], block.Payload)]
				if _, err := decoders[i].Decode(dst[:block.Size], payload); err != nil {
					b.Fatal(err)
				}
			}
		}
		middle := time.Now()
		require.NoError(b, exec.Command(peer, "t", "-mmt1", path).Run())
		own = append(own, middle.Sub(start).Seconds())
		ratios = append(ratios, time.Since(middle).Seconds()/middle.Sub(start).Seconds())
	}
	b.ReportMetric(float64(size)/1e6/median(own), "MB/s")
	b.ReportMetric(median(ratios), "x7zz")
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// Repeat returns a cabinet with n folders where the given one, without
// reserves, has one; they share its data. It makes benchmarks of small cabinets
// long enough.
func Repeat(t testing.TB, cabinet []byte, n int) []byte {
	t.Helper()
	const header, folder, file = 36, 8, 16
	require.Len(t, Folders(t, cabinet), 1)
	cabinet = slices.Clone(cabinet)
	le := binary.LittleEndian
	files := int(le.Uint32(cabinet[16:]))
	data := int(le.Uint32(cabinet[header:]))
	out := slices.Clone(cabinet[:header])
	for range n {
		out = append(out, cabinet[header:header+folder]...)
	}
	le.PutUint32(out[16:], uint32(len(out)))
	count := 0
	for i := range n {
		for at := files; at < data; count++ {
			end := at + file
			for cabinet[end] != 0 {
				end++
			}
			le.PutUint16(cabinet[at+8:], uint16(i))
			out = append(out, cabinet[at:end+1]...)
			at = end + 1
		}
	}
	for i := range n {
		le.PutUint32(out[header+i*folder:], uint32(len(out)))
	}
	le.PutUint16(out[26:], uint16(n))
	le.PutUint16(out[28:], uint16(count))
	out = append(out, cabinet[data:]...)
	le.PutUint32(out[8:], uint32(len(out)))
	return out
}
