package delta

import (
	"encoding/binary"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

// Where testImage puts its parts: file offset = address - 0xe00 in .text,
// address - 0x1c00 in .data, address - 0x2a00 in .reloc.
const (
	testBase   = 0x400000
	testText   = 0x1000
	testData   = 0x2000
	testReloc  = 0x3000
	textOffset = 0x200
	dataOffset = 0x400
	relocStart = 0x600
	testSize   = 0x800
)

// testImage is an i386 image of three sections of 512 bytes whose content the
// test sets.
func testImage(directories map[int][2]uint32) *image {
	b := make([]byte, testSize)
	copy(b, "MZ")
	put := binary.LittleEndian.PutUint32
	const pe = 0x40
	put(b[peOffsetLfanew:], pe)
	copy(b[pe:], "PE\x00\x00")
	binary.LittleEndian.PutUint16(b[pe+4:], peMachineI386)
	binary.LittleEndian.PutUint16(b[pe+6:], 3)
	put(b[pe+8:], 0x4b000000)
	const optional = pe + peFileHeaderSize
	binary.LittleEndian.PutUint16(b[pe+20:], optDirectories+16*8)
	binary.LittleEndian.PutUint16(b[optional:], peMagicPE32)
	put(b[optional+optImageBase:], testBase)
	put(b[optional+optSizeOfImage:], 0x4000)
	put(b[optional+optSizeOfHeaders:], textOffset)
	put(b[optional+optCheckSum:], 0x1234)
	put(b[optional+optDirCount:], 16)
	for n, d := range directories {
		put(b[optional+optDirectories+8*n:], d[0])
		put(b[optional+optDirectories+8*n+4:], d[1])
	}
	at := optional + optDirectories + 16*8
	for _, s := range []struct {
		name     string
		rva, raw uint32
		flags    uint32
	}{
		{".text", testText, textOffset, scnMemExecute | scnMemRead},
		{".idata", testData, dataOffset, scnMemRead},
		{".reloc", testReloc, relocStart, scnMemRead},
	} {
		copy(b[at:], s.name)
		put(b[at+8:], 0x200)
		put(b[at+12:], s.rva)
		put(b[at+16:], 0x200)
		put(b[at+20:], s.raw)
		put(b[at+36:], s.flags)
		at += peSectionSize
	}
	return openImage(b)
}

// setRelocs writes one block of relocations for the page of .text or .data.
func (im *image) setRelocs(page uint32, entries ...uint16) {
	im.put32(relocStart, page)
	im.put32(relocStart+4, uint32(8+2*len(entries)))
	for i, e := range entries {
		im.put16(relocStart+8+2*i, e)
	}
}

const plain = OptionNoRebase | OptionNoBindFix | OptionNoLockFix | OptionNoResTimeFix

func TestChecksumOfRealImages(t *testing.T) {
	for _, name := range []string{"WdBoot.sys", "WdfCoInstaller01011.dll", "mscorlib.dll", "amdxata.sys"} {
		b, err := os.ReadFile(corpus.Path(t, "pe", name))
		require.NoError(t, err)
		at := binary.LittleEndian.Uint32(b[peOffsetLfanew:]) + peFileHeaderSize + optCheckSum
		want := binary.LittleEndian.Uint32(b[at:])
		if want == 0 {
			continue
		}
		clear(b[at : at+4])
		require.Equal(t, want, imageChecksum(b), name)
	}
}

func TestNormaliseLeavesOtherFilesAlone(t *testing.T) {
	im := testImage(nil)
	im.put16(im.optional, 0x20b)
	for name, b := range map[string][]byte{"text": []byte("MZ, but no image"), "short": im.b[:0x1ff], "64-bit": im.b} {
		got := append([]byte(nil), b...)
		normalise(got, &Info{NewImageBase: 0x10000})
		require.Equal(t, b, got, name)
	}
}

func TestRebase(t *testing.T) {
	im := testImage(map[int][2]uint32{dirBaseReloc: {testReloc, 18}})
	im.setRelocs(testData,
		relBasedHighLow<<12, relBasedHigh<<12|4, relBasedLow<<12|6,
		relBasedHighAdj<<12|8, 0x9000, relBasedAbsolute<<12)
	im.put32(relocStart+4, 8+2*5)
	im.put32(dataOffset, testBase+0x1234)
	im.put16(dataOffset+4, testBase>>16)
	im.put16(dataOffset+6, 0x4321)
	im.put16(dataOffset+8, 0x41) // 0x409000 as an adjusted high half
	normalise(im.b, &Info{Options: OptionNoBindFix | OptionNoLockFix, NewImageBase: 0x10000000, NewImageTime: 77})

	require.Equal(t, uint32(0x10000000), im.u32(im.optional+optImageBase))
	require.Equal(t, uint32(77), im.u32(im.header+8))
	require.Equal(t, uint32(0x10001234), im.u32(dataOffset))
	require.Equal(t, uint16(0x1000), im.u16(dataOffset+4))
	require.Equal(t, uint16(0x4321), im.u16(dataOffset+6))
	require.Equal(t, uint16(0x1001), im.u16(dataOffset+8))
	sum := im.u32(im.optional + optCheckSum)
	im.put32(im.optional+optCheckSum, 0)
	require.Equal(t, imageChecksum(im.b), sum)
}

func TestChecksumIsKeptOrCleared(t *testing.T) {
	im := testImage(nil)
	normalise(im.b, &Info{Options: plain})
	require.Equal(t, uint32(0x1234), im.u32(im.optional+optCheckSum), "nothing changed")
	normalise(im.b, &Info{Options: plain | OptionNoChecksum})
	require.Zero(t, im.u32(im.optional+optCheckSum))
}

func TestUnbind(t *testing.T) {
	im := testImage(map[int][2]uint32{dirImport: {testData, 40}, dirBoundImport: {testData + 0x180, 8}})
	for i, v := range []uint32{testData + 0x40, 0x4a000000, 0xffffffff, testData + 0x100, testData + 0x80} {
		im.put32(dataOffset+4*i, v)
	}
	im.put32(dataOffset+0x40, testData+0x110)
	im.put32(dataOffset+0x44, 0x80000005)
	im.put32(dataOffset+0x80, 0x77e00000)
	im.put32(dataOffset+0x84, 0x77e10000)
	im.put32(dataOffset+0x180, 0x4a000000)
	normalise(im.b, &Info{Options: OptionNoRebase | OptionNoLockFix})

	require.Zero(t, im.u32(dataOffset+importTimeDateStamp))
	require.Zero(t, im.u32(dataOffset+importForwarderChain))
	require.Equal(t, uint32(testData+0x110), im.u32(dataOffset+0x80))
	require.Equal(t, uint32(0x80000005), im.u32(dataOffset+0x84))
	require.Zero(t, im.u32(dataOffset+0x180))
	require.Zero(t, im.u32(im.dirEntry(dirBoundImport)))
	require.Equal(t, uint32(scnMemRead|scnMemWrite), im.u32(im.sections[1].header+36), ".idata becomes writable")
}

func TestUnlock(t *testing.T) {
	im := testImage(map[int][2]uint32{dirLoadConfig: {testData, 64}})
	im.put32(dataOffset+32, testBase+testData+0x80)
	im.put32(dataOffset+0x80, testBase+testText+5)
	im.b[textOffset+5] = 0x90
	im.b[textOffset+6] = 0x90
	normalise(im.b, &Info{Options: OptionNoRebase | OptionNoBindFix})
	require.Equal(t, []byte{0xf0, 0x90}, im.b[textOffset+5:textOffset+7])
}

// moved says that everything from 0x1080 in .text is 0x20 further on, and
// .data 0x1000 further on.
var moved = []Rift{{testText, testText}, {testText + 0x80, testText + 0xa0}, {testData, testData + 0x1000}, {testReloc, testReloc + 0x1000}}

func TestTransformCode(t *testing.T) {
	rel := func(op []byte, from, to int) []byte {
		return binary.LittleEndian.AppendUint32(op, uint32(to-from-len(op)-4))
	}
	for _, tt := range []struct {
		name     string
		at       int // in .text
		old, new []byte
	}{
		{"call across a move", 0x10, rel([]byte{0xe8}, 0x10, 0x90), rel([]byte{0xe8}, 0x10, 0xb0)},
		{"call back across a move", 0xa0, rel([]byte{0xe8}, 0xa0, 0x10), rel([]byte{0xe8}, 0xc0, 0x10)},
		{"call within what stays", 0x10, rel([]byte{0xe8}, 0x10, 0x40), rel([]byte{0xe8}, 0x10, 0x40)},
		{"jump across a move", 0x10, rel([]byte{0xe9}, 0x10, 0x190), rel([]byte{0xe9}, 0x10, 0x1b0)},
		{"conditional jump", 0x10, rel([]byte{0x0f, 0x84}, 0x10, 0x190), rel([]byte{0x0f, 0x84}, 0x10, 0x1b0)},
		{"short distance in a long jump", 0x10, rel([]byte{0xe9}, 0x10, 0x80), rel([]byte{0xe9}, 0x10, 0x80)},
		{"target in data", 0x10, rel([]byte{0xe8}, 0x10, 0x1040), rel([]byte{0xe8}, 0x10, 0x1040)},
		{"target outside the image", 0x10, rel([]byte{0xe8}, 0x10, 0x8000), rel([]byte{0xe8}, 0x10, 0x8000)},
		{"no jump", 0x10, rel([]byte{0x0e, 0x84}, 0x10, 0x190), rel([]byte{0x0e, 0x84}, 0x10, 0x190)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			im := testImage(nil)
			copy(im.b[textOffset+tt.at:], tt.old)
			transform(im.b, &Info{Options: plain, Extended: TransformNoRelocs}, moved)
			require.Equal(t, tt.new, im.b[textOffset+tt.at:textOffset+tt.at+len(tt.old)])
		})
	}
}

func TestTransformShortensJumps(t *testing.T) {
	near := []Rift{{testText, testText}, {testText + 0x100, testText + 0x50}}
	im := testImage(nil)
	copy(im.b[textOffset:], []byte{0xe9, 0xfb, 0x00, 0x00, 0x00})            // to 0x100
	copy(im.b[textOffset+0x10:], []byte{0x0f, 0x85, 0xea, 0x00, 0x00, 0x00}) // to 0x100
	transform(im.b, &Info{Options: plain, Extended: TransformNoRelocs}, near)
	require.Equal(t, []byte{0xeb, 0x4b}, im.b[textOffset:textOffset+2])
	require.Equal(t, []byte{0x75, 0x3a}, im.b[textOffset+0x10:textOffset+0x12])
}

func TestTransformSwitches(t *testing.T) {
	code := []byte{0xe8, 0x7b, 0x00, 0x00, 0x00, 0xe9, 0xf6, 0x00, 0x00, 0x00}
	for _, tt := range []struct {
		name        string
		extended    ExtendedOptions
		machine     uint16
		calls, jmps bool
	}{
		{"all", 0, peMachineI386, true, true},
		{"no calls", TransformNoRelCalls, peMachineI386, false, true},
		{"no jumps", TransformNoRelJmps, peMachineI386, true, false},
		{"resources first", TransformResource2, peMachineI386, true, true},
		{"another machine", 0, 0x8664, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			im := testImage(nil)
			im.put16(im.header+4, tt.machine)
			copy(im.b[textOffset+0x10:], code)
			transform(im.b, &Info{Options: plain, Extended: tt.extended}, moved)
			require.Equal(t, tt.calls, im.b[textOffset+0x11] != code[1])
			require.Equal(t, tt.jmps, im.b[textOffset+0x16] != code[6])
		})
	}
}

func TestTransformRelocs(t *testing.T) {
	im := testImage(map[int][2]uint32{dirBaseReloc: {testReloc, 14}})
	im.setRelocs(testText, relBasedHighLow<<12|0x90, relBasedHighLow<<12|0x04, relBasedAbsolute<<12)
	im.put32(textOffset+0x04, testBase+testData+8)
	im.put32(textOffset+0x90, testBase+testText+0x90)
	// What looks like a call is an address.
	im.b[textOffset+0x03] = 0xe8
	transform(im.b, &Info{Options: plain}, moved)

	require.Equal(t, uint32(testBase+testData+0x1008), im.u32(textOffset+0x04))
	require.Equal(t, uint32(testBase+testText+0xb0), im.u32(textOffset+0x90))
	require.Equal(t, uint32(testText), im.u32(relocStart))
	require.Equal(t, uint32(12), im.u32(relocStart+4))
	require.Equal(t, uint16(relBasedHighLow<<12|0x04), im.u16(relocStart+8))
	require.Equal(t, uint16(relBasedHighLow<<12|0xb0), im.u16(relocStart+10))
}

func TestTransformInfersRelocs(t *testing.T) {
	im := testImage(nil)
	im.put32(textOffset+3, testBase+testData+8)
	im.put32(dataOffset+0x20, testBase+testText+0x90)
	im.put32(dataOffset+0x24, 0x12345678)
	transform(im.b, &Info{Options: plain}, moved)
	require.Equal(t, uint32(testBase+testData+0x1008), im.u32(textOffset+3))
	require.Equal(t, uint32(testBase+testText+0xb0), im.u32(dataOffset+0x20))
	require.Equal(t, uint32(0x12345678), im.u32(dataOffset+0x24))
}

func TestTransformImports(t *testing.T) {
	im := testImage(map[int][2]uint32{dirImport: {testData, 60}})
	for i, v := range []uint32{
		testData + 0x50, 0, 0, testData + 0x100, testData + 0x60,
		testData + 0x70, 0x4a000000, 0, testData + 0x110, testData + 0x80, // bound
	} {
		im.put32(dataOffset+4*i, v)
	}
	for _, at := range []int{0x50, 0x60, 0x70, 0x80} {
		im.put32(dataOffset+at, testData+0x120)
		im.put32(dataOffset+at+4, 0x80000007)
	}
	transform(im.b, &Info{Options: plain, Extended: TransformNoRelocs}, moved)
	require.Equal(t, uint32(testData+0x1050), im.u32(dataOffset))
	require.Equal(t, uint32(testData+0x1100), im.u32(dataOffset+importName))
	require.Equal(t, uint32(testData+0x1060), im.u32(dataOffset+importFirstThunk))
	for at, want := range map[int]uint32{0x50: testData + 0x1120, 0x60: testData + 0x1120, 0x70: testData + 0x120, 0x80: testData + 0x120} {
		require.Equal(t, want, im.u32(dataOffset+at))
		require.Equal(t, uint32(0x80000007), im.u32(dataOffset+at+4))
	}
	require.Equal(t, uint32(testData+0x1110), im.u32(dataOffset+importDescriptorSize+importName))
}

func TestTransformExports(t *testing.T) {
	im := testImage(map[int][2]uint32{dirExport: {testData, 40}})
	for at, v := range map[int]uint32{12: testData + 0x80, 20: 2, 24: 1, 28: testData + 0x30, 32: testData + 0x40, 36: testData + 0x50,
		0x30: testText + 0x90, 0x34: 0, 0x40: testData + 0x90} {
		im.put32(dataOffset+at, v)
	}
	transform(im.b, &Info{Options: plain, Extended: TransformNoRelocs}, moved)
	for at, want := range map[int]uint32{12: testData + 0x1080, 28: testData + 0x1030, 32: testData + 0x1040, 36: testData + 0x1050,
		0x30: testText + 0xb0, 0x34: 0, 0x40: testData + 0x1090} {
		require.Equal(t, want, im.u32(dataOffset+at), "at %#x", at)
	}
}

func TestTransformResources(t *testing.T) {
	im := testImage(map[int][2]uint32{dirResource: {testData, 0x100}})
	const high = 0x80000000
	im.put16(dataOffset+12, 1) // one name
	im.put32(dataOffset+16, high|0x60)
	im.put32(dataOffset+20, high|0x20)
	im.put16(dataOffset+0x20+14, 1) // one number
	im.put32(dataOffset+0x20+16, 1033)
	im.put32(dataOffset+0x20+20, 0x50)
	im.put32(dataOffset+0x50, testData+0x80)
	grown := []Rift{{testData, testData + 0x1000}, {testData + 0x48, testData + 0x1058}}
	transform(im.b, &Info{Options: plain &^ OptionNoResTimeFix, Extended: TransformNoRelocs, NewResTime: 99}, grown)

	require.Equal(t, uint32(99), im.u32(dataOffset+4))
	require.Equal(t, uint32(99), im.u32(dataOffset+0x24))
	require.Equal(t, uint32(high|0x70), im.u32(dataOffset+16))
	require.Equal(t, uint32(high|0x20), im.u32(dataOffset+20))
	require.Equal(t, uint32(1033), im.u32(dataOffset+0x30))
	require.Equal(t, uint32(0x60), im.u32(dataOffset+0x34))
	require.Equal(t, uint32(testData+0x1090), im.u32(dataOffset+0x50))
}

// FuzzImage rewrites hostile images: it must neither fail nor take long.
func FuzzImage(f *testing.F) {
	im := testImage(map[int][2]uint32{dirImport: {testData, 40}, dirExport: {testData, 40}, dirResource: {testData, 64},
		dirBaseReloc: {testReloc, 32}, dirLoadConfig: {testData, 64}, dirBoundImport: {testData, 8}})
	im.setRelocs(testText, relBasedHighLow<<12, relBasedHighAdj<<12|4, 5)
	f.Add(im.b, uint32(0), uint32(0))
	f.Add(im.b, uint32(OptionNoRebase), uint32(TransformResource2))
	f.Add(testImage(nil).b, uint32(0), uint32(0))
	f.Fuzz(func(t *testing.T, b []byte, options, extended uint32) {
		b = append([]byte(nil), b...)
		info := &Info{Options: Options(options), Extended: ExtendedOptions(extended), NewImageBase: 0x10000000}
		normalise(b, info)
		transform(b, info, moved)
	})
}
