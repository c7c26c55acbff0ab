package md5lanes

import (
	"bytes"
	"crypto/md5"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func noise(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func held(files [][]byte) []File {
	list := make([]File, len(files))
	for i, f := range files {
		list[i].Content = f
	}
	return list
}

func requireSums(t *testing.T, files [][]byte) {
	t.Helper()
	read := make([]File, len(files))
	for i, f := range files {
		read[i] = File{Reader: bytes.NewReader(f), Size: int64(len(f))}
	}
	for _, list := range [][]File{held(files), read} {
		sums := Sums(list)
		require.Len(t, sums, len(files))
		for i, f := range files {
			require.NoError(t, sums[i].Err)
			require.Equal(t, md5.Sum(f), sums[i].MD5, "file %d of %d, %d bytes", i, len(files), len(f))
		}
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

// TestLongFilesAreRead covers files of several chunks, in both kinds of vectors.
func TestLongFilesAreRead(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	var files [][]byte
	for i := range 21 {
		files = append(files, noise(r, 3*chunkSize+i*1000))
	}
	files = append(files, noise(r, chunkSize), noise(r, 2*chunkSize), noise(r, chunkSize+1))
	requireSums(t, files)
	withoutWide(t)
	requireSums(t, files)
	requireSums(t, files[:5])
}

// TestReadErrors: a file that cannot be read does not spoil the others.
func TestReadErrors(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	broken := errors.New("broken")
	content := noise(r, chunkSize+100)
	for _, n := range []int{1, 2, 20} {
		list := []File{{Reader: readerAt{iotest.ErrReader(broken)}, Size: chunkSize}}
		for range n {
			list = append(list, File{Reader: bytes.NewReader(content), Size: int64(len(content))},
				File{Reader: bytes.NewReader(content), Size: int64(len(content)) + 1})
		}
		sums := Sums(list)
		require.ErrorIs(t, sums[0].Err, broken)
		for i := 1; i < len(sums); i += 2 {
			require.Equal(t, Sum{MD5: md5.Sum(content)}, sums[i])
			require.Error(t, sums[i+1].Err)
		}
	}
}

type readerAt struct{ io.Reader }

func (r readerAt) ReadAt(p []byte, _ int64) (int, error) { return r.Read(p) }

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
				Sums(held(files))
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
