package cab_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"

	"github.com/hotfixkit/hotfixkit/internal/cabtest"
	"github.com/hotfixkit/hotfixkit/msi/cab"
)

func TestNames(t *testing.T) {
	for _, c := range []struct {
		header   cabtest.FileHeader
		codePage encoding.Encoding
		name     string
		raw      string
	}{
		{header: cabtest.FileHeader{Name: `dir\plain.txt`}, name: `dir\plain.txt`, raw: `dir\plain.txt`},
		{header: cabtest.FileHeader{Name: "☃.txt"}, name: "☃.txt", raw: "☃.txt"},
		{header: cabtest.FileHeader{Name: "☃.txt"}, codePage: japanese.ShiftJIS, name: "☃.txt", raw: "☃.txt"},
		{header: cabtest.FileHeader{RawName: "na\xEFve"}, name: "naïve", raw: "na\xEFve"},
		{header: cabtest.FileHeader{RawName: "\x95\x5C\x8E\xA6.txt"}, codePage: japanese.ShiftJIS, name: "表示.txt", raw: "\x95\x5C\x8E\xA6.txt"},
		{header: cabtest.FileHeader{RawName: "\xFF\xFE", Attributes: cab.AttrUTF8}, name: "ÿþ", raw: "\xFF\xFE"},
	} {
		var b bytes.Buffer
		w := cabtest.NewWriter(&b, cabtest.WriterOptions{})
		require.NoError(t, w.Add(c.header, strings.NewReader("x")))
		require.NoError(t, w.Close())
		opened, err := cab.Open(bytes.NewReader(b.Bytes()), int64(b.Len()), cab.Options{CodePage: c.codePage})
		require.NoError(t, err)
		require.Equal(t, c.name, opened.Files[0].Name)
		require.Equal(t, c.raw, opened.Files[0].RawName())
	}
}

func TestTimesAndAttributes(t *testing.T) {
	zone := time.FixedZone("", 3600)
	for written, want := range map[time.Time]time.Time{
		{}: {},
		time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC):       time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2010, 1, 25, 6, 27, 31, 5, time.UTC):    time.Date(2010, 1, 25, 6, 27, 30, 0, time.UTC),
		time.Date(2000, 2, 29, 0, 30, 0, 0, zone):         time.Date(2000, 2, 28, 23, 30, 0, 0, time.UTC),
		time.Date(2107, 12, 31, 23, 59, 59, 0, time.UTC):  time.Date(2107, 12, 31, 23, 59, 58, 0, time.UTC),
		time.Date(2107, 12, 31, 23, 59, 59, 99, time.UTC): time.Date(2107, 12, 31, 23, 59, 58, 0, time.UTC),
	} {
		var b bytes.Buffer
		w := cabtest.NewWriter(&b, cabtest.WriterOptions{})
		all := cab.AttrReadOnly | cab.AttrHidden | cab.AttrSystem | cab.AttrArchive | cab.AttrExecute
		require.NoError(t, w.Add(cabtest.FileHeader{Name: "x", Modified: written, Attributes: all}, strings.NewReader("")))
		require.NoError(t, w.Close())
		f := openBytes(t, b.Bytes()).Files[0]
		require.Equal(t, want, f.Modified())
		require.Equal(t, all, f.Attributes)
	}
	w := cabtest.NewWriter(io.Discard, cabtest.WriterOptions{})
	require.ErrorIs(t, w.Add(cabtest.FileHeader{Name: "x", Modified: time.Date(1979, 1, 1, 0, 0, 0, 0, time.UTC)}, strings.NewReader("")), cab.ErrLimit)

	// The 31st of February does not exist.
	data := write(t, cabtest.WriterOptions{}, []member{{"x", []byte("x")}})[0]
	binary.LittleEndian.PutUint16(data[binary.LittleEndian.Uint32(data[16:])+10:], 30<<9|2<<5|31)
	require.True(t, openBytes(t, data).Files[0].Modified().IsZero())
}

func TestReserves(t *testing.T) {
	data := write(t, cabtest.WriterOptions{
		HeaderReserve: []byte("header"), FolderReserve: []byte("fo"), DataReserve: []byte("block"),
	}, []member{{"x", content(1, 70_000)}})[0]
	c := openBytes(t, data)
	require.Equal(t, []byte("header"), c.Reserve)
	require.Equal(t, []byte("fo"), c.Folders[0].Reserve)
	got, err := decode(cab.DecodeOptions{}, cab.SetOptions{}, data)
	require.NoError(t, err)
	require.Equal(t, content(1, 70_000), got.files["x"])

	// The writer's checksums cover the reserve; others leave it out.
	at := int(c.Folders[0].Offset)
	for range c.Folders[0].Blocks {
		reserve := data[at+8:][:5]
		covered := binary.LittleEndian.Uint32(reserve) ^ uint32(reserve[4])
		binary.LittleEndian.PutUint32(data[at:], binary.LittleEndian.Uint32(data[at:])^covered)
		at += 8 + 5 + int(binary.LittleEndian.Uint16(data[at+4:]))
	}
	got, err = decode(cab.DecodeOptions{}, cab.SetOptions{}, data)
	require.NoError(t, err)
	require.Equal(t, content(1, 70_000), got.files["x"])
}

func TestInsideLargerFile(t *testing.T) {
	inner := write(t, cabtest.WriterOptions{Compression: cab.MSZIP}, []member{{"x", content(1, 70_000)}})[0]
	outer := append(append(noise(1, 1000), inner...), noise(2, 1000)...)
	c, err := cab.Open(bytes.NewReader(outer), int64(len(outer)), cab.Options{Offset: 1000})
	require.NoError(t, err)
	require.Equal(t, int64(len(inner)), c.Size)
	set, err := cab.NewSet([]*cab.Cabinet{c}, cab.SetOptions{})
	require.NoError(t, err)
	got := newCollector()
	require.NoError(t, set.Decode(t.Context(), got.want, cab.DecodeOptions{}))
	require.Equal(t, content(1, 70_000), got.files["x"])

	_, err = cab.Open(bytes.NewReader(outer), int64(len(outer)), cab.Options{Offset: 999})
	require.ErrorIs(t, err, cab.ErrFormat)
	_, err = cab.Open(bytes.NewReader(outer), int64(len(outer)), cab.Options{Offset: int64(len(outer)) + 1})
	require.ErrorIs(t, err, cab.ErrTruncated)
}

func TestManyFiles(t *testing.T) {
	var members []member
	for i := range 65535 {
		members = append(members, member{fmt.Sprint(i), []byte{byte(i), byte(i >> 8)}[:i%3]})
	}
	data := write(t, cabtest.WriterOptions{Compression: cab.MSZIP}, members)[0]
	got, err := decode(cab.DecodeOptions{}, cab.SetOptions{}, data)
	require.NoError(t, err)
	got.requireAllClosed(t)
	require.Len(t, got.files, 65535)
	for _, m := range members {
		require.True(t, bytes.Equal(m.data, got.files[m.name]), m.name)
	}
	w := cabtest.NewWriter(io.Discard, cabtest.WriterOptions{})
	for range 65535 {
		require.NoError(t, w.Add(cabtest.FileHeader{Name: "x"}, strings.NewReader("")))
	}
	require.ErrorIs(t, w.Add(cabtest.FileHeader{Name: "x"}, strings.NewReader("")), cab.ErrLimit)
}

// Blocks that belong to no file are not looked at.
func TestBlocksWithoutFiles(t *testing.T) {
	data := write(t, cabtest.WriterOptions{}, []member{{"x", content(1, 70_000)}})[0]
	binary.LittleEndian.PutUint16(data[28:], 0) // cFiles
	data[len(data)-1] ^= 1
	got, err := decode(cab.DecodeOptions{}, cab.SetOptions{}, data)
	require.NoError(t, err)
	require.Empty(t, got.files)
}

func TestOverlappingMembers(t *testing.T) {
	members := []member{{"a", noise(1, 50_000)}, {"b", noise(2, 50_000)}, {"c", noise(3, 50_000)}}
	for _, compression := range []cab.Compression{cab.None, cab.MSZIP} {
		data := write(t, cabtest.WriterOptions{Compression: compression}, members)[0]
		all := bytes.Join([][]byte{members[0].data, members[1].data, members[2].data}, nil)
		list := int(binary.LittleEndian.Uint32(data[16:]))
		want := map[string][]byte{}
		for i, x := range [][2]int{{60_000, 90_000}, {0, 150_000}, {10_000, 70_000}} { // out of order too
			binary.LittleEndian.PutUint32(data[list+i*18:], uint32(x[1]))
			binary.LittleEndian.PutUint32(data[list+i*18+4:], uint32(x[0]))
			want[members[i].name] = all[x[0]:][:x[1]]
		}
		got, err := decode(cab.DecodeOptions{}, cab.SetOptions{}, data)
		require.NoError(t, err)
		require.Equal(t, want, got.files)
	}

	t.Run("too many", func(t *testing.T) {
		var members []member
		for i := range 600 {
			members = append(members, member{fmt.Sprintf("%03d", i), []byte("0123456789")})
		}
		data := write(t, cabtest.WriterOptions{}, members)[0]
		list := int(binary.LittleEndian.Uint32(data[16:]))
		for i := range 600 {
			binary.LittleEndian.PutUint32(data[list+i*20+4:], 0)
		}
		got, err := decode(cab.DecodeOptions{KeepGoing: true}, cab.SetOptions{}, data)
		require.ErrorIs(t, err, cab.ErrLimit)
		require.Len(t, got.files, 512)
		got.requireAllClosed(t)
	})
}

func TestVolumes(t *testing.T) {
	members := [][]member{{{"first", noise(1, 1000)}, {"through all", noise(2, 100_000)}, {"last", noise(3, 5000)}}, {{"alone", noise(4, 100)}}}
	volumes := write(t, cabtest.WriterOptions{Compression: cab.MSZIP, VolumeSize: 40_000, SetID: 5}, members...)
	require.Equal(t, 3, len(volumes))

	open := func(i int, name string) *cab.Cabinet {
		c, err := cab.Open(bytes.NewReader(volumes[i]), int64(len(volumes[i])), cab.Options{Name: name})
		require.NoError(t, err)
		return c
	}
	a, b, c := open(0, "A.CAB"), open(1, "B.CAB"), open(2, "C.CAB")
	require.Equal(t, cab.Neighbour{Cabinet: "vol2.cab", Disk: "disk 2"}, a.Next)
	require.Equal(t, "vol2.cab", a.Next.Cabinet)
	set, err := cab.NewSet([]*cab.Cabinet{c, a, b}, cab.SetOptions{})
	require.NoError(t, err)
	require.Equal(t, []*cab.Cabinet{a, b, c}, set.Cabinets)
	require.Len(t, set.Files, 4)
	got := newCollector()
	require.NoError(t, set.Decode(t.Context(), got.want, cab.DecodeOptions{}))
	for _, m := range append(members[0], members[1]...) {
		require.Equal(t, m.data, got.files[m.name])
	}

	for _, x := range []struct {
		cabinets []*cab.Cabinet
		message  string
		whole    []string
	}{
		{[]*cab.Cabinet{a, b}, `B.CAB: cabinet set incomplete or mixed up: the next cabinet, "vol3.cab" (disk "disk 3"), is missing`, []string{"first"}},
		{[]*cab.Cabinet{b, c}, `B.CAB: cabinet set incomplete or mixed up: the previous cabinet, "vol1.cab" (disk "disk 1"), is missing`, []string{"alone"}},
		{[]*cab.Cabinet{a, c}, `A.CAB: cabinet set incomplete or mixed up: the next cabinet, "vol2.cab" (disk "disk 2"), is missing`, []string{"first", "alone"}},
	} {
		_, err := cab.NewSet(x.cabinets, cab.SetOptions{})
		require.ErrorIs(t, err, cab.ErrVolume)
		require.ErrorContains(t, err, x.message)
		set, err := cab.NewSet(x.cabinets, cab.SetOptions{Incomplete: true})
		require.NoError(t, err)
		got := newCollector()
		err = set.Decode(t.Context(), got.want, cab.DecodeOptions{KeepGoing: true})
		require.ErrorIs(t, err, cab.ErrVolume)
		require.ErrorContains(t, err, x.message)
		got.requireAllClosed(t)
		require.Len(t, got.files, len(x.whole))
		for _, name := range x.whole {
			require.Contains(t, got.files, name)
		}
	}

	_, err = cab.NewSet([]*cab.Cabinet{a, a}, cab.SetOptions{Incomplete: true})
	require.ErrorIs(t, err, cab.ErrVolume)
	volumes[1][32]++ // setID
	_, err = cab.NewSet([]*cab.Cabinet{a, open(1, ""), c}, cab.SetOptions{Incomplete: true})
	require.ErrorIs(t, err, cab.ErrVolume)
}

// What other implementations got wrong.
func TestDamagedStructures(t *testing.T) {
	good := write(t, cabtest.WriterOptions{Compression: cab.MSZIP, NoChecksums: true}, []member{{"name", content(1, 50_000)}})[0]
	files := int(binary.LittleEndian.Uint32(good[16:]))
	folder := 36
	block := int(binary.LittleEndian.Uint32(good[folder:]))
	second := block + 8 + int(binary.LittleEndian.Uint16(good[block+4:]))
	put16 := func(at int, v uint16) func([]byte) {
		return func(p []byte) { binary.LittleEndian.PutUint16(p[at:], v) }
	}
	put32 := func(at int, v uint32) func([]byte) {
		return func(p []byte) { binary.LittleEndian.PutUint32(p[at:], v) }
	}
	for name, c := range map[string]struct {
		change func([]byte)
		class  error
	}{
		"no folders":                  {put16(26, 0), cab.ErrFormat},
		"no folders, continued":       {func(p []byte) { put16(26, 0)(p); put16(files+8, 0xFFFF)(p) }, cab.ErrFormat},
		"folder index":                {put16(files+8, 1), cab.ErrFormat},
		"list of files after the end": {put32(16, 1<<31), cab.ErrFormat},
		"list of files elsewhere":     {put32(16, uint32(files+16+5)), cab.ErrFormat},
		"more files than there are":   {put16(28, 60_000), nil},
		"folder after the end":        {put32(folder, 1<<30), cab.ErrFormat},
		"no blocks":                   {put16(folder+4, 0), cab.ErrFormat},
		"file ends after its folder":  {put32(files, 50_001), cab.ErrFormat},
		"file starts after it":        {put32(files+4, 1<<31), cab.ErrFormat},
		"sum of size and start":       {func(p []byte) { put32(files, 0xFFFFFFFF)(p); put32(files+4, 0xFFFFFFFF)(p) }, cab.ErrFormat},
		"method 4":                    {put16(folder+6, 4), cab.ErrAlgorithm},
		"LZX window 14":               {put16(folder+6, 14<<8|3), cab.ErrAlgorithm},
		"LZX window 22":               {put16(folder+6, 22<<8|3), cab.ErrAlgorithm},
		"Quantum window 9":            {put16(folder+6, 9<<8|2), cab.ErrAlgorithm},
		"Quantum window 22":           {put16(folder+6, 22<<8|2), cab.ErrAlgorithm},
		"cbData larger than a block":  {put16(block+4, 32768+6144+1), cab.ErrFormat},
		"cbUncomp larger than one":    {put16(block+6, 32769), cab.ErrFormat},
		"cbUncomp too large":          {put16(second+6, 32768), cab.ErrFormat},
		"cbUncomp too small":          {put16(second+6, 1), cab.ErrFormat},
		"cbUncomp 0 in the middle":    {put16(block+6, 0), cab.ErrFormat},
		"cbUncomp 0 at the end":       {put16(second+6, 0), cab.ErrFormat},
		"cabinet smaller than it is":  {put32(8, uint32(second+100)), cab.ErrFormat},
		"continued, alone":            {put16(files+8, 0xFFFD), cab.ErrVolume},
		"stored, sizes differ":        {put16(folder+6, 0), cab.ErrFormat},
	} {
		t.Run(name, func(t *testing.T) {
			data := bytes.Clone(good)
			c.change(data)
			for _, keepGoing := range []bool{false, true} {
				got, err := decode(cab.DecodeOptions{KeepGoing: keepGoing}, cab.SetOptions{}, data)
				require.Error(t, err)
				if c.class != nil {
					require.ErrorIs(t, err, c.class)
				}
				require.Empty(t, got.files, "what is not whole is not handed out")
				got.requireAllClosed(t)
			}
		})
	}

	t.Run("name without end", func(t *testing.T) {
		data := append(bytes.Clone(good[:files+16]), bytes.Repeat([]byte("n"), 300)...)
		_, err := cab.Open(bytes.NewReader(data), int64(len(data)), cab.Options{})
		require.ErrorIs(t, err, cab.ErrFormat)
		_, err = cab.Open(bytes.NewReader(data[:files+100]), int64(files+100), cab.Options{})
		require.ErrorIs(t, err, cab.ErrTruncated)
	})
	t.Run("longest name", func(t *testing.T) {
		long := strings.Repeat("n", 255)
		got, err := decode(cab.DecodeOptions{}, cab.SetOptions{}, write(t, cabtest.WriterOptions{}, []member{{long, []byte("x")}})[0])
		require.NoError(t, err)
		require.Contains(t, got.files, long)
		w := cabtest.NewWriter(io.Discard, cabtest.WriterOptions{})
		require.ErrorIs(t, w.Add(cabtest.FileHeader{Name: long + "n"}, strings.NewReader("")), cab.ErrLimit)
	})
}
