package cab_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/cabtest"
	"github.com/hotfixkit/hotfixkit/msi/cab"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

// fixture reads a cabinet of testdata. Those with one kind of LZX folders are next
// to the decoder.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	if strings.HasPrefix(name, "lzx") {
		return readFile(t, filepath.Join("..", "..", "internal", "codec", "lzx", "testdata", name))
	}
	return readFile(t, filepath.Join("testdata", name))
}

// TestTestdata needs no corpus: each compression, and sets.
func TestTestdata(t *testing.T) {
	var expected map[string]map[string][2]any
	require.NoError(t, json.Unmarshal(readFile(t, "testdata/expect.json"), &expected))
	for name, members := range expected {
		t.Run(name, func(t *testing.T) {
			volumes := [][]byte{fixture(t, name)}
			switch name {
			case "vol1.cab":
				volumes = append(volumes, readFile(t, "testdata/vol2.cab"))
			case "vol2.cab":
				volumes = append(volumes, readFile(t, "testdata/vol1.cab"))
			}
			want := (&observation{Members: members}).hashes()
			for _, workers := range []int{1, 2, 8} {
				got, err := decode(cab.DecodeOptions{Workers: workers}, cab.SetOptions{}, volumes...)
				require.NoError(t, err)
				got.requireAllClosed(t)
				require.Equal(t, want, got.hashes())
			}
		})
	}
}

// payloads returns where the payload of each block of each folder lies.
func payloads(t testing.TB, data []byte) [][][2]int {
	var all [][][2]int
	for _, f := range openBytes(t, data).Folders {
		var folder [][2]int
		at := int(f.Offset)
		for range f.Blocks {
			n := int(binary.LittleEndian.Uint16(data[at+4:]))
			folder = append(folder, [2]int{at + 8, n})
			at += 8 + n
		}
		all = append(all, folder)
	}
	return all
}

func TestFlippedBit(t *testing.T) {
	for _, name := range []string{"lzx16.cab", "mszip.cab", "qtm18.cab", "mixed-none-mszip-lzx-folders.cab", "none-short-blocks-1000.cab"} {
		data := fixture(t, name)
		for folder, blocks := range payloads(t, data) {
			for i, b := range blocks {
				if i%5 != 0 && i != len(blocks)-1 {
					continue
				}
				for _, bit := range []int{0, b[1]*8/2 + 3, b[1]*8 - 1} {
					damaged := bytes.Clone(data)
					damaged[b[0]+bit/8] ^= 1 << (bit % 8)
					got, err := decode(cab.DecodeOptions{}, cab.SetOptions{}, damaged)
					require.ErrorIs(t, err, cab.ErrChecksum, name)
					require.ErrorContains(t, err, fmt.Sprintf("folder %d, block %d: ", folder, i))
					got.requireAllClosed(t)
				}
			}
		}
	}
}

// Stored blocks do not depend on each other: only the members that a damaged one
// touches are lost.
func TestStoredDamage(t *testing.T) {
	var members []member
	for i := range 20 {
		members = append(members, member{fmt.Sprintf("f%02d", i), noise(uint64(i), 10_000)})
	}
	data := write(t, cabtest.WriterOptions{}, members)[0]
	at := payloads(t, data)[0][2][0] // bytes 65,536 to 98,303
	data[at+100] ^= 4

	got, err := decode(cab.DecodeOptions{KeepGoing: true}, cab.SetOptions{}, data)
	require.ErrorIs(t, err, cab.ErrChecksum)
	got.requireAllClosed(t)
	require.Len(t, got.lost, 4)
	for i, m := range members {
		if 6 <= i && i <= 9 {
			require.ErrorIs(t, got.lost[m.name], cab.ErrChecksum)
			require.ErrorContains(t, err, m.name)
		} else {
			require.Equal(t, m.data, got.files[m.name])
		}
	}

	t.Run("nobody wants it", func(t *testing.T) {
		set, err := cab.NewSet([]*cab.Cabinet{openBytes(t, data)}, cab.SetOptions{})
		require.NoError(t, err)
		got := newCollector()
		require.NoError(t, set.Decode(context.Background(), func(f *cab.File) (cab.Sink, error) {
			if f.Name < "f06" || f.Name > "f09" {
				return got.want(f)
			}
			return nil, nil
		}, cab.DecodeOptions{}))
		require.Len(t, got.files, 16)
	})
	t.Run("no checksum after it", func(t *testing.T) {
		// Without one, nothing proves that the block after a damaged one starts where it seems to.
		data := bytes.Clone(data)
		clear(data[payloads(t, data)[0][3][0]-8:][:4])
		got, err := decode(cab.DecodeOptions{KeepGoing: true}, cab.SetOptions{}, data)
		require.ErrorIs(t, err, cab.ErrChecksum)
		require.NotContains(t, got.files, "f11")
		require.Equal(t, members[14].data, got.files["f14"])
	})
	t.Run("sizes differ", func(t *testing.T) {
		data := bytes.Clone(data)
		data[payloads(t, data)[0][3][0]-2] ^= 1 // cbUncomp
		got, err := decode(cab.DecodeOptions{KeepGoing: true}, cab.SetOptions{}, data)
		require.ErrorIs(t, err, cab.ErrChecksum)
		require.Len(t, got.files, 6)
		got.requireAllClosed(t)
	})
}

func TestTruncated(t *testing.T) {
	for _, name := range []string{"lzx16.cab", "mszip.cab", "qtm18.cab", "mixed-none-mszip-lzx-folders.cab", "none-short-blocks-1000.cab"} {
		data := fixture(t, name)
		whole, err := decode(cab.DecodeOptions{}, cab.SetOptions{}, data)
		require.NoError(t, err)
		for _, cut := range []int{1, 9, len(data) / 3, len(data) * 2 / 3} {
			short := data[:len(data)-cut]
			require.Equal(t, int64(cut), openBytes(t, short).Truncated())
			_, err := decode(cab.DecodeOptions{}, cab.SetOptions{}, short)
			require.ErrorIs(t, err, cab.ErrTruncated)

			got, err := decode(cab.DecodeOptions{KeepGoing: true}, cab.SetOptions{}, short)
			require.ErrorIs(t, err, cab.ErrTruncated)
			got.requireAllClosed(t)
			require.Equal(t, len(whole.files), len(got.files)+len(got.lost))
			for name, data := range got.files {
				require.Equal(t, whole.files[name], data)
			}
		}
		_, err = cab.Open(bytes.NewReader(data[:50]), 50, cab.Options{Name: "x.cab"})
		require.ErrorIs(t, err, cab.ErrTruncated)
		require.ErrorContains(t, err, "cab: x.cab: ")
	}
}

// VBRuntime.msi holds a set of two; MSVBVM60.DLL runs from one into the other, and
// the second ends before its last member.
func TestTruncatedRealSet(t *testing.T) {
	dir := t.TempDir()
	// 7zz reports the truncation too.
	out, _ := exec.Command(corpus.Tool(t, "7zz"), "x", "-y", "-o"+dir, corpus.Path(t, "msi", "VBRuntime.msi")).CombinedOutput()
	require.FileExists(t, filepath.Join(dir, "Disk2.CAB"), string(out))
	first, second := readFile(t, filepath.Join(dir, "Disk1.CAB")), readFile(t, filepath.Join(dir, "Disk2.CAB"))
	require.Equal(t, "disk2.cab", strings.ToLower(openBytes(t, first).Next.Cabinet))
	require.Zero(t, openBytes(t, first).Truncated())
	require.Positive(t, openBytes(t, second).Truncated())

	_, err := decode(cab.DecodeOptions{}, cab.SetOptions{}, first, second)
	require.ErrorIs(t, err, cab.ErrTruncated)
	got, err := decode(cab.DecodeOptions{KeepGoing: true}, cab.SetOptions{}, second, first)
	require.ErrorIs(t, err, cab.ErrTruncated)
	got.requireAllClosed(t)
	require.Len(t, got.files, 9)
	require.Len(t, got.files["MSVBVM60.DLL"], 1388544)
	require.ErrorIs(t, got.lost["OLEPRO32.DLL"], cab.ErrTruncated)
}

func TestWantedOnly(t *testing.T) {
	var members []member
	for i := range 50 {
		members = append(members, member{fmt.Sprintf("f%02d", i), noise(uint64(i), 50_000)})
	}
	for _, c := range []struct {
		compression cab.Compression
		wanted      string
		read        float64 // at most this part of the cabinet
	}{
		{cab.None, "f00", 0.45}, // up to 1 MiB is read ahead
		{cab.None, "f30", 0.45},
		{cab.None, "f49", 0.45},
		{cab.MSZIP, "f02", 0.8},
		{cab.MSZIP, "f49", 1.01},
	} {
		t.Run(fmt.Sprintf("%v %s", c.compression, c.wanted), func(t *testing.T) {
			data := write(t, cabtest.WriterOptions{Compression: c.compression}, members)[0]
			r := &countingReader{r: bytes.NewReader(data)}
			opened, err := cab.Open(r, int64(len(data)), cab.Options{})
			require.NoError(t, err)
			set, err := cab.NewSet([]*cab.Cabinet{opened}, cab.SetOptions{})
			require.NoError(t, err)
			r.n.Store(0)
			got := newCollector()
			asked := 0
			require.NoError(t, set.Decode(context.Background(), func(f *cab.File) (cab.Sink, error) {
				asked++
				if f.Name == c.wanted {
					return got.want(f)
				}
				return nil, nil
			}, cab.DecodeOptions{}))
			require.Len(t, got.files, 1)
			require.Equal(t, 50, asked)
			require.LessOrEqual(t, float64(r.n.Load()), c.read*float64(len(data)))
		})
	}
	data := write(t, cabtest.WriterOptions{Compression: cab.MSZIP}, members)[0]
	r := &countingReader{r: bytes.NewReader(data)}
	opened, err := cab.Open(r, int64(len(data)), cab.Options{})
	require.NoError(t, err)
	set, err := cab.NewSet([]*cab.Cabinet{opened}, cab.SetOptions{})
	require.NoError(t, err)
	r.n.Store(0)
	require.NoError(t, set.Decode(context.Background(), func(*cab.File) (cab.Sink, error) { return nil, nil }, cab.DecodeOptions{}))
	require.Zero(t, r.n.Load(), "nothing is read for nobody")
}

type countingReader struct {
	r io.ReaderAt
	n atomic.Int64
}

func (c *countingReader) ReadAt(p []byte, at int64) (int, error) {
	c.n.Add(int64(len(p)))
	return c.r.ReadAt(p, at)
}

// failingSink fails in the way that its test wants.
type failingSink struct {
	write, close error
	closed       *atomic.Int64
}

func (s failingSink) Write(p []byte) (int, error) { return len(p), s.write }
func (s failingSink) Close(err error) error {
	s.closed.Add(1)
	if err != nil {
		return err
	}
	return s.close
}

func TestStops(t *testing.T) {
	boom := errors.New("boom")
	var folders [][]member
	for i := range 6 {
		folders = append(folders, []member{{fmt.Sprintf("a%d", i), noise(uint64(i), 100_000)}, {fmt.Sprintf("b%d", i), noise(9, 500_000)}})
	}
	before := runtime.NumGoroutine()
	for _, compression := range []cab.Compression{cab.None, cab.MSZIP} {
		for _, folders := range [][][]member{folders, folders[:1]} {
			data := write(t, cabtest.WriterOptions{Compression: compression}, folders...)[0]
			set, err := cab.NewSet([]*cab.Cabinet{openBytes(t, data)}, cab.SetOptions{})
			require.NoError(t, err)
			for _, keepGoing := range []bool{false, true} {
				for _, how := range []string{"want", "write", "close", "cancel", "cancelled before"} {
					ctx, cancel := context.WithCancel(context.Background())
					if how == "cancelled before" {
						cancel()
					}
					var opened, closed atomic.Int64
					err := set.Decode(ctx, func(f *cab.File) (cab.Sink, error) {
						sink := failingSink{closed: &closed}
						switch {
						case f.Name != "b0":
						case how == "want":
							return nil, boom
						case how == "write":
							sink.write = boom
						case how == "close":
							sink.close = boom
						case how == "cancel":
							cancel()
						}
						opened.Add(1)
						return sink, nil
					}, cab.DecodeOptions{Workers: 3, KeepGoing: keepGoing})
					if strings.HasPrefix(how, "cancel") {
						require.ErrorIs(t, err, context.Canceled, how)
					} else {
						require.ErrorIs(t, err, boom, how)
					}
					require.Equal(t, opened.Load(), closed.Load(), how)
					cancel()
				}
			}
		}
	}
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; {
		require.True(t, time.Now().Before(deadline), "goroutines are left")
		time.Sleep(time.Millisecond)
	}
}

// When several folders fail, it is always the first one's error that is returned.
func TestFirstError(t *testing.T) {
	var folders [][]member
	for i := range 8 {
		folders = append(folders, []member{{fmt.Sprintf("a%d", i), noise(uint64(i), 400_000-i*40_000)}})
	}
	data := write(t, cabtest.WriterOptions{Compression: cab.MSZIP}, folders...)[0]
	for i, blocks := range payloads(t, data) {
		if i >= 2 {
			data[blocks[len(blocks)-1][0]+20] ^= 1
		}
	}
	for range 6 {
		_, err := decode(cab.DecodeOptions{Workers: 4}, cab.SetOptions{}, data)
		require.ErrorContains(t, err, `"a2"`)
	}
}

// Folders may be decoded side by side, the members of one folder never.
func TestOrder(t *testing.T) {
	var folders [][]member
	for i := range 5 {
		var members []member
		for j := range 40 {
			members = append(members, member{fmt.Sprintf("%d-%02d", i, j), content(uint64(i*j), 7000)})
		}
		folders = append(folders, members)
	}
	data := write(t, cabtest.WriterOptions{Compression: cab.MSZIP}, folders...)[0]
	set, err := cab.NewSet([]*cab.Cabinet{openBytes(t, data)}, cab.SetOptions{})
	require.NoError(t, err)
	var mu sync.Mutex
	order := map[int][]string{}
	require.NoError(t, set.Decode(context.Background(), func(f *cab.File) (cab.Sink, error) {
		mu.Lock()
		defer mu.Unlock()
		order[int(f.Folder)] = append(order[int(f.Folder)], f.Name)
		return nil, nil
	}, cab.DecodeOptions{Workers: 4}))
	for i, members := range folders {
		for j, m := range members {
			require.Equal(t, m.name, order[i][j])
		}
	}
}

// A large folder without compression is decoded in parts, with members in the same
// block or over one another kept together. It is refused and paid for as a whole.
func TestStoredParts(t *testing.T) {
	var members []member
	for i := range 9 {
		members = append(members, member{fmt.Sprintf("f%d", i), noise(uint64(i), 2<<20+i*12_345)})
	}
	data := write(t, cabtest.WriterOptions{}, members)[0]
	bytesSpent := func(workers int) (spent int64) {
		var n atomic.Int64
		got, err := decode(cab.DecodeOptions{Workers: workers, Spend: func(size int64) error {
			n.Add(size)
			return nil
		}}, cab.SetOptions{}, data)
		require.NoError(t, err)
		got.requireAllClosed(t)
		for _, m := range members {
			require.True(t, bytes.Equal(m.data, got.files[m.name]), m.name)
		}
		return n.Load()
	}
	whole := bytesSpent(1)
	for workers := 2; workers < 5; workers++ {
		// Each part may have read ahead of its end.
		require.InDelta(t, whole, bytesSpent(workers), float64(workers-1)*(1<<21))
	}

	blocks := payloads(t, data)[0]
	for _, damaged := range []int{0, len(blocks) / 2, len(blocks) - 1} {
		data := bytes.Clone(data)
		data[blocks[damaged][0]+5] ^= 1
		data[blocks[len(blocks)-1][0]+5] ^= 2
		first, err := decode(cab.DecodeOptions{Workers: 1}, cab.SetOptions{}, data)
		require.ErrorIs(t, err, cab.ErrChecksum)
		for range 3 {
			got, again := decode(cab.DecodeOptions{Workers: 3}, cab.SetOptions{}, data)
			require.EqualError(t, again, err.Error())
			got.requireAllClosed(t)
			for name := range first.files {
				require.Contains(t, got.files, name)
			}
		}
	}

	t.Run("one over another", func(t *testing.T) {
		data := bytes.Clone(data)
		// The fifth member gets the place and size of all: nothing can be cut.
		at := int(binary.LittleEndian.Uint32(data[16:]))
		for range 4 {
			at += 16 + 3
		}
		var all []byte
		for _, m := range members {
			all = append(all, m.data...)
		}
		binary.LittleEndian.PutUint32(data[at:], uint32(len(all)))
		binary.LittleEndian.PutUint32(data[at+4:], 0)
		got, err := decode(cab.DecodeOptions{Workers: 3}, cab.SetOptions{}, data)
		require.NoError(t, err)
		for i, m := range members {
			want := m.data
			if i == 4 {
				want = all
			}
			require.True(t, bytes.Equal(want, got.files[m.name]), m.name)
		}
	})
}

// Decoding needs no more memory for a larger cabinet, or for more processors.
func TestMemory(t *testing.T) {
	var folders [][]member
	for i := range 60 {
		folders = append(folders, []member{{fmt.Sprint(i), noise(uint64(i), 100_000)}})
	}
	data := write(t, cabtest.WriterOptions{}, folders...)[0]
	for i := range 60 {
		// Windows of several sizes; the data make no sense for them.
		binary.LittleEndian.PutUint16(data[36+8*i+6:], uint16(21-i%3)<<8|3-uint16(i%2))
	}
	set, err := cab.NewSet([]*cab.Cabinet{openBytes(t, data)}, cab.SetOptions{})
	require.NoError(t, err)
	var closed, peak atomic.Int64
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var mu sync.Mutex
	require.Error(t, set.Decode(context.Background(), func(f *cab.File) (cab.Sink, error) {
		mu.Lock()
		defer mu.Unlock()
		runtime.ReadMemStats(&now)
		peak.Store(max(peak.Load(), int64(now.HeapAlloc)-int64(before.HeapAlloc)))
		return failingSink{closed: &closed}, nil
	}, cab.DecodeOptions{Workers: 64, KeepGoing: true}))
	require.Equal(t, int64(60), closed.Load())
	require.Less(t, peak.Load(), int64(48<<20))
}

// TestCancelPromptly ends the context where no decoded bytes come by: among empty
// members, and while a stored folder is passed over.
func TestCancelPromptly(t *testing.T) {
	var members []member
	for i := range 1000 {
		members = append(members, member{fmt.Sprint(i), nil})
	}
	set, err := cab.NewSet([]*cab.Cabinet{openBytes(t, write(t, cabtest.WriterOptions{}, members)[0])}, cab.SetOptions{})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	asked := 0
	err = set.Decode(ctx, func(*cab.File) (cab.Sink, error) {
		if asked++; asked == 10 {
			cancel()
		}
		return nil, nil
	}, cab.DecodeOptions{})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 10, asked)

	data := write(t, cabtest.WriterOptions{}, []member{{"skipped", make([]byte, 40<<20)}, {"wanted", []byte("x")}})[0]
	c := openBytes(t, data)
	set, err = cab.NewSet([]*cab.Cabinet{c}, cab.SetOptions{})
	require.NoError(t, err)
	ctx, cancel = context.WithCancel(t.Context())
	blocks, begun := atomic.Int64{}, time.Time{}
	err = set.Decode(ctx, func(f *cab.File) (cab.Sink, error) {
		if f.Name == "skipped" {
			return nil, nil
		}
		return discard{new(atomic.Int64)}, nil
	}, cab.DecodeOptions{Spend: func(int64) error {
		if blocks.Add(1) == 10 {
			begun = time.Now()
			cancel()
		}
		time.Sleep(time.Millisecond)
		return nil
	}})
	require.ErrorIs(t, err, context.Canceled)
	require.Less(t, time.Since(begun), 100*time.Millisecond)
	require.Less(t, blocks.Load(), int64(1000))
}
