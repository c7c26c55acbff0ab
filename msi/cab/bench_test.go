package cab_test

import (
	"bytes"
	"compress/flate"
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"testing"

	kflate "github.com/klauspost/compress/flate"
	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/cabtest"
	"github.com/hotfixkit/hotfixkit/msi/cab"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

// discard is a sink that only counts.
type discard struct{ n *atomic.Int64 }

func (d discard) Write(p []byte) (int, error) { d.n.Add(int64(len(p))); return len(p), nil }
func (d discard) Close(err error) error       { return err }

func benchmarkDecode(b *testing.B, data []byte, workers int) {
	c := openBytes(b, data)
	set, err := cab.NewSet([]*cab.Cabinet{c}, cab.SetOptions{})
	require.NoError(b, err)
	var n atomic.Int64
	b.ReportAllocs()
	for b.Loop() {
		n.Store(0)
		require.NoError(b, set.Decode(context.Background(), func(*cab.File) (cab.Sink, error) { return discard{&n}, nil }, cab.DecodeOptions{Workers: workers}))
	}
	b.SetBytes(n.Load())
}

// BenchmarkDecode decodes to nowhere, with one and with two processors. inflate
// and klauspost are the peers of MSZIP: DEFLATE alone on the same blocks.
func BenchmarkDecode(b *testing.B) {
	bench := readFile(b, corpus.Path(b, "bench", "pe-lzx21.cab"))
	plain := newCollector()
	set, err := cab.NewSet([]*cab.Cabinet{openBytes(b, bench)}, cab.SetOptions{})
	require.NoError(b, err)
	require.NoError(b, set.Decode(context.Background(), plain.want, cab.DecodeOptions{}))
	var members []member
	for _, f := range set.Files {
		members = append(members, member{f.Name, plain.files[f.Name]})
	}
	half := len(members) / 2
	mszip := write(b, cabtest.WriterOptions{Compression: cab.MSZIP}, members)[0]
	for name, data := range map[string][]byte{
		"lzx":           bench,
		"mszip":         mszip,
		"mszip2folders": write(b, cabtest.WriterOptions{Compression: cab.MSZIP}, members[:half], members[half:])[0],
		"stored":        write(b, cabtest.WriterOptions{}, members)[0],
	} {
		for _, workers := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/workers=%d", name, workers), func(b *testing.B) { benchmarkDecode(b, data, workers) })
		}
	}

	var blocks [][]byte
	for _, x := range payloads(b, mszip)[0] {
		blocks = append(blocks, mszip[x[0]+2:][:x[1]-2])
	}
	peer := func(reset func(io.Reader, []byte) io.Reader) func(b *testing.B) {
		return func(b *testing.B) {
			var n int
			out := make([]byte, 32768)
			for b.Loop() {
				n = 0
				var history []byte
				for _, block := range blocks {
					m, err := io.ReadFull(reset(bytes.NewReader(block), history), out)
					if err != io.ErrUnexpectedEOF {
						require.NoError(b, err)
					}
					n += m
					history = append(history[:0], out[:m]...)
				}
			}
			b.SetBytes(int64(n))
		}
	}
	standard := flate.NewReader(nil)
	b.Run("peer/inflate", peer(func(r io.Reader, history []byte) io.Reader {
		require.NoError(b, standard.(flate.Resetter).Reset(r, history))
		return standard
	}))
	klauspost := kflate.NewReader(nil)
	b.Run("peer/klauspost", peer(func(r io.Reader, history []byte) io.Reader {
		require.NoError(b, klauspost.(kflate.Resetter).Reset(r, history))
		return klauspost
	}))
}
