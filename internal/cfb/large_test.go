package cfb_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/cfb"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

// marked is a stream of zeros with a byte set every 64 MiB.
type marked struct{ at, size int64 }

const markEvery = 64 << 20

func (m *marked) Read(p []byte) (int, error) {
	n := int(min(int64(len(p)), m.size-m.at))
	if n == 0 {
		return 0, io.EOF
	}
	clear(p[:n])
	if next := (m.at + markEvery - 1) / markEvery * markEvery; next < m.at+int64(n) {
		p[next-m.at] = byte(next/markEvery) + 1
	}
	m.at += int64(n)
	return n, nil
}

// sparse writes a file and leaves holes for zeros.
type sparse struct{ f *os.File }

func (s sparse) Write(p []byte) (int, error) {
	if !bytes.Equal(p, make([]byte, len(p))) {
		return s.f.Write(p)
	}
	_, err := s.f.Seek(int64(len(p)), io.SeekCurrent)
	return len(p), err
}

// A file beyond 2 GiB is of version 4, and no stream uses the sector that
// [MS-CFB] 2.8 keeps for range locks.
func TestRangeLockSector(t *testing.T) {
	if testing.Short() {
		t.Skip("writes a sparse file of 2.3 GB")
	}
	const size = 2<<30 + 300<<20
	name := filepath.Join(t.TempDir(), "large.bin")
	f, err := os.Create(name)
	require.NoError(t, err)
	defer f.Close()
	root := &cfb.Node{Children: []*cfb.Node{
		{Name: "big", Size: size, Open: func() (io.Reader, error) { return &marked{size: size}, nil }},
		stream("later", data(10_000, 3)),
	}}
	require.NoError(t, cfb.Write(sparse{f}, root, cfb.WriteOptions{}))
	end, err := f.Seek(0, io.SeekEnd)
	require.NoError(t, err)

	r, err := cfb.NewReader(f, end)
	require.NoError(t, err)
	require.Equal(t, 4, r.Version())
	big := r.Root().Child("big").Open()
	one := make([]byte, 1)
	for at := int64(0); at < size; at += markEvery {
		_, err := big.ReadAt(one, at)
		require.NoError(t, err)
		require.Equal(t, byte(at/markEvery)+1, one[0], "offset %d", at)
	}
	later, err := io.ReadAll(r.Root().Child("later").Open())
	require.NoError(t, err)
	require.Equal(t, data(10_000, 3), later)

	out, err := exec.Command(corpus.Tool(t, "7zz"), "l", "-tCompound", name).CombinedOutput()
	require.NoError(t, err, "%s", out)
}
