package cab_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/cabtest"
	"github.com/hotfixkit/hotfixkit/msi/cab"
)

// FuzzCabinet checks that no input makes the package crash, hang or forget a sink,
// and that the number of workers changes nothing.
func FuzzCabinet(f *testing.F) {
	names, err := filepath.Glob("testdata/*.cab")
	require.NoError(f, err)
	require.NotEmpty(f, names)
	for _, name := range append(names, "../../internal/codec/lzx/testdata/lzx16.cab", "../../internal/codec/lzx/testdata/lzx21-3folders.cab") {
		if data := readFile(f, name); len(data) < 60_000 {
			f.Add(data)
		}
	}
	small := []member{{"a", []byte("hello, hello, hello")}, {"b", nil}, {"c", content(1, 40_000)}}
	for _, o := range []cabtest.WriterOptions{
		{},
		{Compression: cab.MSZIP},
		{Compression: cab.MSZIP, NoChecksums: true, BlockSize: 100, DataReserve: []byte("x"), HeaderReserve: []byte("yy"), FolderReserve: []byte("zzz")},
		{VolumeSize: 30_000, NoChecksums: true},
	} {
		for _, volume := range write(f, o, small) {
			f.Add(volume)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := cab.Open(bytes.NewReader(data), int64(len(data)), cab.Options{})
		if err != nil {
			return
		}
		set, err := cab.NewSet([]*cab.Cabinet{c}, cab.SetOptions{Incomplete: true})
		require.NoError(t, err)
		var total int64
		for _, file := range set.Files {
			total += file.Size
		}
		if total > 1<<24 {
			return
		}
		var first *collector
		var message string
		for _, workers := range []int{1, 3} {
			got := newCollector()
			err := set.Decode(t.Context(), got.want, cab.DecodeOptions{Workers: workers, KeepGoing: true})
			got.requireAllClosed(t)
			if err == nil {
				require.Empty(t, got.lost)
				err = cab.ErrFormat // any that compares equal
			}
			if first == nil {
				first, message = got, err.Error()
				continue
			}
			require.Equal(t, first.hashes(), got.hashes())
			require.Equal(t, message, err.Error())
		}
	})
}
