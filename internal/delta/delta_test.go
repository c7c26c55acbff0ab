package delta_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/delta"
	"github.com/hotfixkit/hotfixkit/internal/delta/deltatest"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

func TestApplyRealDeltas(t *testing.T) {
	for _, tt := range []struct{ name, old, delta, new string }{
		{"no old file, stored", "", "patch_null_input_uncompressed.pa19", "expected_null_input.bin"},
		{"two sources with ranges, first", "old_two_files_ranges_0.bin", "patch_two_files_ranges.pa19", "windows_output_0.bin"},
		{"two sources with ranges, second", "old_two_files_ranges_1.bin", "patch_two_files_ranges.pa19", "expected_two_files_ranges_1.bin"},
		{"32-bit image with a rift table", "old_xfrm.bin", "patch_xfrm.pa19", "new_xfrm.bin"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			read := func(name string) []byte {
				if name == "" {
					return nil
				}
				b, err := os.ReadFile(corpus.Path(t, "msp", "pa19", name))
				require.NoError(t, err)
				return b
			}
			got, err := delta.Apply(read(tt.old), read(tt.delta))
			require.NoError(t, err)
			require.True(t, bytes.Equal(read(tt.new), got), "the result differs from %s", tt.new)
		})
	}
}

func TestInspectRealDelta(t *testing.T) {
	b, err := os.ReadFile(corpus.Path(t, "msp", "pa19", "patch_xfrm.pa19"))
	require.NoError(t, err)
	info, err := delta.Inspect(b)
	require.NoError(t, err)
	require.Equal(t, "PA19", info.Format)
	require.Equal(t, int64(924624), info.NewSize)
	require.Equal(t, uint32(0x10000000), info.NewImageBase)
	require.Equal(t, delta.TransformNoRelCalls, info.Extended)
	require.Len(t, info.Sources, 1)
	require.Equal(t, int64(457896), info.Sources[0].OldSize)
	require.Len(t, info.Sources[0].Rifts, 107)
	require.False(t, info.Interleaved())
}

// text returns size bytes that compress, the same for the same seed.
func text(seed uint64, size int) []byte {
	r := rand.New(rand.NewPCG(seed, 19))
	words := []string{"hotfix ", "client ", "i386 ", "certificate ", "\x00\x00\x00\x00", "KB977203 ", "\r\n"}
	var b []byte
	for len(b) < size {
		if r.IntN(4) == 0 {
			b = append(b, byte(r.Uint32()))
		}
		b = append(b, words[r.IntN(len(words))]...)
	}
	return b[:size]
}

// edit returns a copy of b with a few changes, as a new build of a file has.
func edit(b []byte, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 20))
	out := append([]byte(nil), b...)
	for range 20 {
		if len(out) == 0 {
			break
		}
		at := r.IntN(len(out))
		switch r.IntN(3) {
		case 0:
			out[at]++
		case 1:
			out = append(out[:at:at], append(text(seed, r.IntN(300)), out[at:]...)...)
		case 2:
			out = append(out[:at:at], out[min(len(out), at+r.IntN(300)):]...)
		}
	}
	return out
}

func TestApplyGeneratedDeltas(t *testing.T) {
	for _, tt := range []struct {
		name     string
		old, new []byte
		stored   bool
		window   int
	}{
		{name: "both empty"},
		{name: "new file from nothing", new: text(1, 70000)},
		{name: "new file from nothing, stored", new: text(1, 70001), stored: true},
		{name: "to an empty file", old: text(1, 1000)},
		{name: "one byte", old: []byte{1}, new: []byte{2}},
		{name: "identical", old: text(2, 40000), new: text(2, 40000)},
		{name: "small edit", old: text(3, 3000), new: edit(text(3, 3000), 3)},
		{name: "several chunks", old: text(4, 200000), new: edit(text(4, 200000), 4)},
		{name: "exact chunks", old: text(5, 65536), new: text(6, 65536)},
		{name: "long runs", old: make([]byte, 100000), new: bytes.Repeat([]byte{7}, 150000)},
		{name: "window stated", old: text(7, 90000), new: edit(text(7, 90000), 7), window: 21},
		{name: "window smaller than both files", old: text(8, 300000), new: edit(text(8, 300000), 8), window: 18},
		{name: "more than the largest window", old: text(9, 5<<20), new: edit(text(9, 5<<20), 9)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := deltatest.Encoder{Options: deltatest.Plain, Stored: tt.stored, WindowBits: tt.window}
			old := append([]byte(nil), tt.old...)
			got, err := delta.Apply(tt.old, e.Encode(tt.new, deltatest.Source{Old: tt.old}))
			require.NoError(t, err)
			require.True(t, bytes.Equal(tt.new, got))
			require.True(t, bytes.Equal(old, tt.old), "the old file was changed")
		})
	}
}

func TestDeltaIsSmall(t *testing.T) {
	old := text(4, 200000)
	require.Less(t, len(deltatest.Encode(old, edit(old, 4))), 12000)
}

func TestRanges(t *testing.T) {
	base := text(11, 5000)
	customised := append([]byte(nil), base...)
	copy(customised[100:], "IGNORED")
	copy(customised[4000:], "RETAINED")
	next := edit(base[:3000], 5)
	next = append(next, base[3000:]...)
	moved := int64(len(next) - len(base))

	d := deltatest.Encoder{Options: deltatest.Plain}.Encode(next, deltatest.Source{
		Old:    base,
		Ignore: []delta.Range{{Offset: 100, Length: 7}, {Offset: 200, Length: 1}},
		Retain: []delta.RetainRange{{OldOffset: 4000, NewOffset: 4000 + moved, Length: 8}, {OldOffset: 20, NewOffset: 20, Length: 2}},
	})
	got, err := delta.Apply(customised, d)
	require.NoError(t, err)
	want := append([]byte(nil), next...)
	copy(want[4000+moved:], "RETAINED")
	copy(want[20:], base[20:22])
	require.Equal(t, want, got)

	customised[300] ^= 1
	_, err = delta.Apply(customised, d)
	require.ErrorIs(t, err, delta.ErrSource)
}

func TestSeveralSources(t *testing.T) {
	next := text(12, 9000)
	sameSize := text(12, 9000)
	sameSize[5] ^= 1
	sources := []deltatest.Source{{Old: edit(next, 1)}, {Old: edit(next, 2)}, {Old: sameSize}, {Old: next}}
	d := deltatest.Encoder{Options: deltatest.Plain, NewFileTime: 1264410000}.Encode(next, sources...)
	for _, src := range sources {
		got, err := delta.Apply(src.Old, d)
		require.NoError(t, err)
		require.Equal(t, next, got)
	}
	info, err := delta.Inspect(d)
	require.NoError(t, err)
	require.Equal(t, uint32(1264410000), info.NewFileTime)
	require.Len(t, info.Sources, 4)
	require.Zero(t, info.Sources[3].StreamSize, "an unchanged file needs no stream")

	_, err = delta.Apply(edit(next, 3), d)
	require.ErrorIs(t, err, delta.ErrSource)
	require.ErrorContains(t, err, "9000 bytes")
}

func TestInspectHeader(t *testing.T) {
	e := deltatest.Encoder{
		Options:     delta.OptionNoChecksum | delta.OptionLarge,
		Extended:    delta.TransformResource2 | delta.TransformNoRelCalls,
		NewFileTime: 1264410000, NewImageBase: 0x5f000000, NewImageTime: 1264400000, NewResTime: 1264500000,
	}
	rifts := []delta.Rift{{Old: 0x1000, New: 0x1000}, {Old: 0x2345, New: 0x2340}, {Old: 0x80000, New: 0x90000}}
	info, err := delta.Inspect(e.Encode([]byte("new"), deltatest.Source{Old: []byte("old file"), Rifts: rifts}))
	require.NoError(t, err)
	require.Equal(t, uint32(1264410000), info.NewFileTime)
	require.Equal(t, uint32(0x5f000000), info.NewImageBase)
	require.Equal(t, uint32(1264400000), info.NewImageTime)
	require.Equal(t, uint32(1264500000), info.NewResTime)
	require.Equal(t, int64(3), info.NewSize)
	require.Equal(t, crc32.ChecksumIEEE([]byte("new")), info.NewCRC)
	require.Equal(t, int64(8), info.Sources[0].OldSize)
	require.Equal(t, rifts, info.Sources[0].Rifts)
	require.Equal(t, "PA19", delta.Format([]byte("PA19....")))
	require.Empty(t, delta.Format([]byte("MZ")))
}

// interleaved is a delta whose only source says that it is encoded in pieces.
func interleaved() []byte {
	b := []byte("PA19")
	b = binary.LittleEndian.AppendUint32(b, uint32(deltatest.Plain|delta.OptionInterleaved))
	b = append(b, 3|0x80)                      // new size
	b = binary.LittleEndian.AppendUint32(b, 0) // its CRC-32
	b = append(b, 1)                           // sources
	b = append(b, 0x80)                        // same size
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE([]byte("old")))
	b = append(b, 0, 0, 0x80)                         // no ranges, no rifts
	b = append(b, 0x82, 0x80, 0x80, 0x81, 0x80, 0x80) // two pieces
	b = append(b, 0x81, 0)                            // stream
	return deltatest.Seal(b)
}

func TestDamagedDeltas(t *testing.T) {
	old, next := text(13, 3000), edit(text(13, 3000), 1)
	good := deltatest.Encode(old, next)
	wrongCRC := append([]byte(nil), good[:len(good)-4]...)
	wrongCRC[4+4+2] ^= 1 // in newCrc, the trailer made right again
	huge := []byte("PA19")
	huge = binary.LittleEndian.AppendUint32(huge, uint32(deltatest.Plain))
	huge = append(huge, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0xff)

	for _, tt := range []struct {
		name  string
		delta []byte
		class error
	}{
		{"empty", nil, delta.ErrTruncated},
		{"a whole file", []byte("MZ\x90\x00 and more"), delta.ErrFormat},
		{"msdelta", []byte("PA30 and more"), delta.ErrAlgorithm},
		{"msdelta, later", []byte("PA31 and more"), delta.ErrAlgorithm},
		{"header only", good[:12], delta.ErrTruncated},
		{"cut off", good[:len(good)-9], delta.ErrTruncated},
		{"trailing bytes", append(append([]byte(nil), good...), 0, 0), delta.ErrFormat},
		{"flipped bit", flip(good, len(good)-20), delta.ErrChecksum},
		{"result differs", deltatest.Seal(wrongCRC), delta.ErrChecksum},
		{"number too large", huge, delta.ErrFormat},
		{"interleaved", interleaved(), delta.ErrAlgorithm},
	} {
		t.Run(tt.name, func(t *testing.T) {
			target := old
			if tt.name == "interleaved" {
				target = []byte("old")
			}
			_, err := delta.Apply(target, tt.delta)
			require.ErrorIs(t, err, tt.class)
		})
	}
}

func flip(b []byte, at int) []byte {
	b = append([]byte(nil), b...)
	b[at] ^= 0x10
	return b
}

func TestInspectNamesWhatItCannotApply(t *testing.T) {
	info, err := delta.Inspect([]byte("PA30 and more"))
	require.ErrorIs(t, err, delta.ErrAlgorithm)
	require.Equal(t, "PA30", info.Format)

	info, err = delta.Inspect(interleaved())
	require.NoError(t, err)
	require.True(t, info.Interleaved())
}

// With the old file itself, memory stays below three times the old file plus the
// new one; all that Apply allocates at any time is counted here.
func TestMemory(t *testing.T) {
	plain := text(16, 4<<20)
	image := append(delta.CodeImage(), make([]byte, 4<<20)...)
	rifts := []delta.Rift{{Old: 0x1000, New: 0x1000}, {Old: 0x1080, New: 0x10a0}}
	_, moved := delta.Prepared(image, &delta.Info{Options: deltatest.Plain}, rifts)
	for _, tt := range []struct {
		name     string
		old, new []byte
		src      deltatest.Source
		times    int // the old file
	}{
		{"plain", plain, edit(plain, 16), deltatest.Source{Old: plain}, 2},
		{"image", image, edit(moved, 16), deltatest.Source{Old: image, Rifts: rifts, Reference: moved}, 3},
	} {
		d := deltatest.Encoder{Options: deltatest.Plain}.Encode(tt.new, tt.src)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, err := delta.Apply(tt.old, d)
		runtime.ReadMemStats(&after)
		require.NoError(t, err)
		require.True(t, bytes.Equal(tt.new, got))
		const slack = 1 << 20
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(tt.times*len(tt.old)+len(tt.new)+slack), tt.name)
	}
}

func FuzzApply(f *testing.F) {
	old, next := text(14, 2000), edit(text(14, 2000), 1)
	f.Add(old, deltatest.Encode(old, next))
	f.Add(old, deltatest.Encoder{Options: deltatest.Plain, Stored: true, WindowBits: 17}.Encode(next,
		deltatest.Source{Old: next[:100]}, deltatest.Source{Old: old, Ignore: []delta.Range{{Offset: 5, Length: 5}}}))
	f.Add([]byte("old"), interleaved())
	f.Add([]byte(nil), deltatest.Encode(nil, next))
	f.Fuzz(func(t *testing.T, old, d []byte) {
		// Without a right trailer nearly every mutation would stop at once.
		if len(d) > 4 {
			d = deltatest.Seal(append([]byte(nil), d[:len(d)-4]...))
		}
		got, err := delta.Apply(old, d)
		if err != nil {
			return
		}
		info, err := delta.Inspect(d)
		require.NoError(t, err)
		require.Len(t, got, int(info.NewSize))
	})
}

func BenchmarkApply(b *testing.B) {
	old := text(15, 4<<20)
	d := deltatest.Encode(old, edit(old, 15))
	b.SetBytes(int64(len(old)))
	for b.Loop() {
		if _, err := delta.Apply(old, d); err != nil {
			b.Fatal(err)
		}
	}
}

func TestApplyToImage(t *testing.T) {
	old := delta.CodeImage()
	rifts := []delta.Rift{{Old: 0x1000, New: 0x1000}, {Old: 0x1080, New: 0x10a0}, {Old: 0x2000, New: 0x3000}}
	e := deltatest.Encoder{NewFileTime: 5, NewImageBase: 0x10000000, NewImageTime: 6, NewResTime: 7}
	info := &delta.Info{NewImageBase: e.NewImageBase, NewImageTime: e.NewImageTime, NewResTime: e.NewResTime}
	normalised, reference := delta.Prepared(old, info, rifts)
	require.NotEqual(t, old, normalised)
	require.NotEqual(t, normalised, reference)
	next := append(append([]byte(nil), reference...), "a new section"...)

	d := e.Encode(next, deltatest.Source{Old: old, Rifts: rifts, Normalised: normalised, Reference: reference})
	got, err := delta.Apply(old, d)
	require.NoError(t, err)
	require.Equal(t, next, got)

	unmoved := e.Encode(next, deltatest.Source{Old: old, Normalised: normalised, Reference: reference})
	_, err = delta.Apply(old, unmoved)
	require.ErrorIs(t, err, delta.ErrChecksum, "without the rift table the reference data is another")
}
