package msi_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/msi"
)

// bigPackage writes a package of 60 MB with 5000 files.
func bigPackage(b *testing.B) string {
	s := small{
		directories: [][]any{{"TARGETDIR", "", "SourceDir"}},
		features:    [][]any{{"F", "", 1}},
		media:       [][]any{{1, 5000, "#big.cab"}},
		wordCount:   2,
	}
	for i := range 500 {
		s.directories = append(s.directories, []any{fmt.Sprintf("Directory%d", i), "TARGETDIR", fmt.Sprintf("DIR~%d|Directory %d", i, i)})
	}
	for i := range 5000 {
		component := fmt.Sprintf("Component%d", i)
		s.components = append(s.components, []any{component, fmt.Sprintf("Directory%d", i%500)})
		s.links = append(s.links, []any{"F", component})
		s.files = append(s.files, []any{fmt.Sprintf("File%d", i), component, fmt.Sprintf("FILE~%d|a file named %d.txt", i, i), 12000, 0, i + 1})
	}
	db := s.database(b)
	const size = 60 << 20
	require.NoError(b, db.SetStreamFrom("big.cab", size, func() (io.Reader, error) {
		return io.LimitReader(repeated("cabinet "), size), nil
	}))
	name := filepath.Join(b.TempDir(), "big.msi")
	f, err := os.Create(name)
	require.NoError(b, err)
	require.NoError(b, db.Save(f))
	require.NoError(b, f.Close())
	return name
}

type repeated string

func (r repeated) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		n += copy(p[n:], r)
	}
	return n, nil
}

func BenchmarkOpenAndModel60MB(b *testing.B) {
	name := bigPackage(b)
	b.ReportAllocs()
	for b.Loop() {
		db, err := msi.Open(name)
		require.NoError(b, err)
		m, err := db.Model()
		require.NoError(b, err)
		require.Equal(b, 5000, m.FileCount())
		require.NoError(b, db.Close())
	}
}

func BenchmarkReadStream60MB(b *testing.B) {
	name := bigPackage(b)
	b.SetBytes(60 << 20)
	for b.Loop() {
		db, err := msi.Open(name)
		require.NoError(b, err)
		r, err := db.Stream("big.cab")
		require.NoError(b, err)
		_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, r, make([]byte, 256<<10))
		require.NoError(b, err)
		require.NoError(b, db.Close())
	}
}

func BenchmarkSave60MB(b *testing.B) {
	db, err := msi.Open(bigPackage(b))
	require.NoError(b, err)
	b.SetBytes(60 << 20)
	for b.Loop() {
		require.NoError(b, db.Save(io.Discard))
	}
}
