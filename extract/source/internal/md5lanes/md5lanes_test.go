package md5lanes

import (
	"crypto/md5"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func noise(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func requireSums(t *testing.T, files [][]byte) {
	t.Helper()
	sums := Sums(files)
	require.Len(t, sums, len(files))
	for i, f := range files {
		require.Equal(t, md5.Sum(f), sums[i], "file %d of %d, %d bytes", i, len(files), len(f))
	}
}

// TestLengths covers every way in which a file can end in a block.
func TestLengths(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var files [][]byte
	for n := range 200 {
		files = append(files, noise(r, n))
	}
	requireSums(t, files)
	for n := range 20 {
		requireSums(t, files[n:2*n])
	}
}

func TestUnequal(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		var files [][]byte
		for range r.IntN(40) {
			files = append(files, noise(r, int(r.ExpFloat64()*2000)))
		}
		if r.IntN(3) == 0 {
			files = append(files, noise(r, 100_000))
		}
		requireSums(t, files)
	}
}

func FuzzSums(f *testing.F) {
	f.Add([]byte("eight files of some sizes"), []byte{0, 3, 9, 64})
	f.Fuzz(func(t *testing.T, content, cuts []byte) {
		var files [][]byte
		for _, c := range cuts {
			n := min(int(c), len(content))
			files = append(files, content[:n])
			content = content[n:]
		}
		requireSums(t, append(files, content))
	})
}

func BenchmarkSums(b *testing.B) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, c := range []struct {
		name        string
		files, size int
	}{
		{"64x44KB", 64, 44 << 10},
		{"128x2KB", 128, 2 << 10},
		{"4x1MB", 4, 1 << 20},
	} {
		var files [][]byte
		for range c.files {
			files = append(files, noise(r, c.size/2+r.IntN(c.size)))
		}
		total := 0
		for _, f := range files {
			total += len(f)
		}
		b.Run(c.name+"/lanes", func(b *testing.B) {
			b.SetBytes(int64(total))
			for b.Loop() {
				Sums(files)
			}
		})
		b.Run(c.name+"/standard", func(b *testing.B) {
			b.SetBytes(int64(total))
			for b.Loop() {
				for _, f := range files {
					md5.Sum(f)
				}
			}
		})
	}
}
