package msi_test

import (
	"bytes"
	"io"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/cfb"
	"github.com/hotfixkit/hotfixkit/msi"
)

// The memory for tables is that of the whole file: storages that share their
// sectors do not get it again each.
func TestStoragesShareTheBudget(t *testing.T) {
	const strings, storages = 200_000, 100
	pool := make([]byte, 4, 4+4*strings)
	for range strings {
		pool = append(pool, 0, 0, 0, 0)
	}
	node := func(name string, data []byte) *cfb.Node {
		return &cfb.Node{Name: name, RawName: cfb.EncodeName(name, true), Size: int64(len(data)),
			Open: func() (io.Reader, error) { return bytes.NewReader(data), nil }}
	}
	tables := func() []*cfb.Node { return []*cfb.Node{node("_StringPool", pool), node("_StringData", nil)} }
	root := &cfb.Node{Children: []*cfb.Node{node("_StringPool", pool[:4]), node("_StringData", nil)}}
	for i := range storages {
		root.Children = append(root.Children, &cfb.Node{Name: string(rune('a' + i)), IsStorage: true, Children: tables()})
	}
	var b bytes.Buffer
	require.NoError(t, cfb.Write(&b, root, cfb.WriteOptions{}))
	shared := shareSectors(t, b.Bytes(), len(pool))

	db, err := msi.NewReader(bytes.NewReader(shared), int64(len(shared)))
	require.NoError(t, err)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	opened := 0
	for _, name := range db.Storages() {
		if _, err = db.Storage(name); err != nil {
			break
		}
		opened++
	}
	runtime.ReadMemStats(&after)
	require.ErrorIs(t, err, msi.ErrLimit)
	require.Positive(t, opened)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(128<<20))
	again, err := db.Storage(db.Storages()[0])
	require.NoError(t, err, "what is open stays open")
	require.NotNil(t, again)
}

// shareSectors makes the string pools of all storages the one of the first, and
// cuts off what is then not needed.
func shareSectors(t *testing.T, b []byte, size int) []byte {
	t.Helper()
	directory, start, end := directoryOf(b), uint32(0), 0
	for e := directory; len(e) >= 128; e = e[128:] {
		if e[66] != 2 || int(le32(e[120:])) != size {
			continue
		}
		if start == 0 {
			start, end = le32(e[116:]), (int(le32(e[116:]))+2)*512+size
		}
		copy(e[116:120], []byte{byte(start), byte(start >> 8), byte(start >> 16), byte(start >> 24)})
	}
	require.NotZero(t, start)
	return slices.Clone(b[:end])
}

func le32(b []byte) uint32 {
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

// directoryOf returns a file from its directory on, which our writer puts
// together.
func directoryOf(b []byte) []byte { return b[(le32(b[48:])+1)*512:] }
