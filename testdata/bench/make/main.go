// Make writes the packages and cabinets that testdata/bench/compare measures: many
// small files and few large ones, in every compression that can be written here.
// The same call writes the same bytes.
//
//	go run ./testdata/bench/make [-scale N] [-only NAME] DIR
//
// It runs in the top folder of the module: Quantum, which nothing here compresses,
// comes from the tests of the decoder.
package main

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/internal/cabtest"
	"github.com/hotfixkit/hotfixkit/internal/codec/lzx/lzxtest"
	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msi/cab"
)

func main() {
	log.SetFlags(0)
	scale := flag.Int("scale", 1, "divide the number of files by this")
	only := flag.String("only", "", "make this one alone")
	flag.Parse()
	if flag.NArg() != 1 || *scale < 1 {
		log.Fatal("usage: make [-scale N] [-only NAME] DIR")
	}
	dir := flag.Arg(0)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		log.Fatal(err)
	}
	makeWide(dir, *only, *scale)
	mixed := files(4460 / *scale, 2000, 42_000)
	large := files(24 / *scale + 1, 4<<20, 1<<20)
	for name, build := range map[string]func() ([]byte, []file, error){
		"lzx-4460":    func() ([]byte, []file, error) { return lzxCabinet(21, 1, mixed), mixed, nil },
		"lzx-eight":   func() ([]byte, []file, error) { return lzxCabinet(21, 8, mixed), mixed, nil },
		"lzx-17":      func() ([]byte, []file, error) { return lzxCabinet(17, 1, mixed), mixed, nil },
		"mszip-4460":  func() ([]byte, []file, error) { return writerCabinet(cab.MSZIP, 1, mixed), mixed, nil },
		"lzx-large":   func() ([]byte, []file, error) { return lzxCabinet(21, 1, large), large, nil },
		"stored":      func() ([]byte, []file, error) { return writerCabinet(cab.None, 1, large), large, nil },
		"quantum":     func() ([]byte, []file, error) { return quantumCabinet(100 / *scale + 1) },
		"small-10000": small(10_000 / *scale),
		"small-60000": small(60_000 / *scale),
	} {
		if *only != "" && name != *only {
			continue
		}
		cabinet, files, err := build()
		if err != nil {
			log.Fatal(err)
		}
		made := map[string][]byte{".cab": cabinet}
		if files != nil {
			if made[".msi"], err = database(cabinet, files); err != nil {
				log.Fatal(err)
			}
		}
		for extension, data := range made {
			if err := os.WriteFile(filepath.Join(dir, name+extension), data, 0o666); err != nil {
				log.Fatal(err)
			}
		}
		fmt.Printf("%s: %d files, %d bytes packed\n", name, len(files), len(cabinet))
	}
}

// makeWide writes the packages whose files are many and small, to measure memory.
func makeWide(dir, only string, scale int) {
	for _, n := range []int{10_000, 60_000, 100_000} {
		name := fmt.Sprintf("wide-%d", n)
		if only != "" && name != only {
			continue
		}
		data, err := wide(n / scale)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name+".msi"), data, 0o666)
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %d files, %d bytes\n", name, n/scale, len(data))
	}
}

func small(n int) func() ([]byte, []file, error) {
	return func() ([]byte, []file, error) {
		list := files(n, 2048, 0)
		return writerCabinet(cab.MSZIP, 2, list), list, nil
	}
}

// A file is a member and a row of the File table.
type file struct {
	key     string
	content []byte
}

// files makes n files of least bytes and as many more on average as spread says,
// half of them like programs, half like text.
func files(n, least, spread int) []file {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	// Phrases that come again, as calls and words do; the first ones most often.
	phrases := make([][]byte, 40_000)
	for i := range phrases {
		phrases[i] = make([]byte, 3+int(r.ExpFloat64()*18))
		for k := range phrases[i] {
			phrases[i][k] = byte(r.ExpFloat64() * 24)
			if i%2 == 1 {
				phrases[i][k] = "etaoin shrdlu\n"[r.IntN(14)]
			}
		}
	}
	list := make([]file, n)
	for i := range list {
		size := least + int(r.ExpFloat64()*float64(spread))
		content := make([]byte, 0, size+512)
		for len(content) < size {
			p := int(r.ExpFloat64()*float64(len(phrases))/16) % len(phrases)
			content = append(content, phrases[p&^1|i&1]...)
			if r.IntN(3) == 0 {
				content = append(content, byte(r.ExpFloat64()*20))
			}
		}
		list[i] = file{fmt.Sprintf("f%05d", i), content[:size]}
	}
	return list
}

// writerCabinet lets cabtest.Writer pack the files into equal folders.
func writerCabinet(c cab.Compression, folders int, list []file) []byte {
	var out bytes.Buffer
	w := cabtest.NewWriter(&out, cabtest.WriterOptions{Compression: c})
	for i, part := range parts(list, folders) {
		// An error stays with the writer until Close.
		if i > 0 {
			_ = w.NextFolder(c)
		}
		for _, f := range part {
			_ = w.Add(cabtest.FileHeader{Name: f.key, Attributes: cab.AttrArchive}, bytes.NewReader(f.content))
		}
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	return out.Bytes()
}

// lzxCabinet packs the files into equal LZX folders ([MS-CAB] 2).
func lzxCabinet(windowBits, folders int, list []file) []byte {
	const block = 32768
	const header, folderSize = 36, 8
	le := binary.LittleEndian
	var entries, data []byte
	offsets := make([]int, folders) // of each folder's data in data
	blocks := make([]int, folders)
	for i, part := range parts(list, folders) {
		var content []byte
		for _, f := range part {
			entries = le.AppendUint32(entries, uint32(len(f.content)))
			entries = le.AppendUint32(entries, uint32(len(content)))
			entries = le.AppendUint16(entries, uint16(i))
			entries = append(entries, 0x21, 0x3C, 0, 0, byte(cab.AttrArchive), 0) // 2010-01-01
			entries = append(entries, f.key+"\x00"...)
			content = append(content, f.content...)
		}
		payloads := lzxtest.Compress(content, windowBits)
		offsets[i], blocks[i] = len(data), len(payloads)
		for k, p := range payloads {
			sizes := le.AppendUint16(nil, uint16(len(p)))
			sizes = le.AppendUint16(sizes, uint16(min(block, len(content)-k*block)))
			data = le.AppendUint32(data, checksum(p)^checksum(sizes))
			data = append(append(data, sizes...), p...)
		}
	}
	filesAt := header + folders*folderSize
	out := make([]byte, header)
	copy(out, "MSCF")
	le.PutUint32(out[8:], uint32(filesAt+len(entries)+len(data)))
	le.PutUint32(out[16:], uint32(filesAt))
	out[24], out[25] = 3, 1
	le.PutUint16(out[26:], uint16(folders))
	le.PutUint16(out[28:], uint16(len(list)))
	for i := range folders {
		out = le.AppendUint32(out, uint32(filesAt+len(entries)+offsets[i]))
		out = le.AppendUint16(out, uint16(blocks[i]))
		out = le.AppendUint16(out, uint16(windowBits)<<8|uint16(cab.LZX))
	}
	return append(append(out, entries...), data...)
}

// quantumCabinet returns a cabinet with n folders, each with the same data and one
// member that is all of it. There are no files to make a package of.
func quantumCabinet(n int) ([]byte, []file, error) {
	const header, folderSize, dataSize = 36, 8, 8
	source, err := os.ReadFile("internal/codec/quantum/testdata/qtm18.cab")
	if err != nil {
		return nil, nil, err
	}
	le := binary.LittleEndian
	data := source[le.Uint32(source[header:]):]
	size := uint32(0)
	for at := 0; at < len(data); at += dataSize + int(le.Uint16(data[at+4:])) {
		size += uint32(le.Uint16(data[at+6:]))
	}
	out := bytes.Clone(source[:header])
	const entry = 16 + len("q000") + 1
	filesAt := header + n*folderSize
	le.PutUint32(out[8:], uint32(filesAt+n*entry+len(data)))
	le.PutUint32(out[16:], uint32(filesAt))
	le.PutUint16(out[26:], uint16(n))
	le.PutUint16(out[28:], uint16(n))
	for range n {
		out = le.AppendUint32(out, uint32(filesAt+n*entry))
		out = append(out, source[header+4:header+folderSize]...)
	}
	for i := range n {
		out = le.AppendUint32(out, size)
		out = append(out, 0, 0, 0, 0, byte(i), byte(i>>8), 0x21, 0x3C, 0, 0, byte(cab.AttrArchive), 0)
		out = append(out, fmt.Sprintf("q%03d\x00", i)...)
	}
	return append(out, data...), nil, nil
}

// parts cuts the list in n parts of equal length, or nearly so.
func parts(list []file, n int) [][]file {
	return slices.Collect(slices.Chunk(list, (len(list)+n-1)/n))
}

// checksum is that of CFDATA, for a whole number of 16-bit words ([MS-CAB] 3.1).
func checksum(p []byte) uint32 {
	var sum uint32
	for ; len(p) >= 4; p = p[4:] {
		sum ^= binary.LittleEndian.Uint32(p)
	}
	if len(p) == 2 {
		sum ^= uint32(p[0])<<8 | uint32(p[1])
	}
	return sum
}

// tables are those of the packages, with their columns as exported tables have
// them; keys are marked with *.
var tables = []string{
	"Property Property*s72 Value:l0",
	"Directory Directory*s72 Directory_Parent:S72 DefaultDir:l255",
	"Component Component*s72 ComponentId:S38 Directory_:s72 Attributes:i2 Condition:S255 KeyPath:S72",
	"Feature Feature*s38 Feature_Parent:S38 Title:L64 Description:L255 Display:I2 Level:i2 Directory_:S72 Attributes:i2",
	"FeatureComponents Feature_*s38 Component_*s72",
	"File File*s72 Component_:s72 FileName:l255 FileSize:i4 Version:S72 Language:S20 Attributes:I2 Sequence:i4",
	"MsiFileHash File_*s72 Options:i2 HashPart1:i4 HashPart2:i4 HashPart3:i4 HashPart4:i4",
	"Media DiskId*i2 LastSequence:i4 DiskPrompt:L64 Cabinet:S255 VolumeLabel:S32 Source:S72",
}

// newBuilder makes the tables, with what every package has in them.
func newBuilder() (*builder, error) {
	db, err := msi.New(msi.KindDatabase, 1252)
	if err != nil {
		return nil, err
	}
	b := &builder{db: db, tables: map[string]*msi.Table{}, known: map[string]bool{}}
	for _, line := range tables {
		fields := strings.Fields(line)
		var columns []msi.Column
		for _, field := range fields[1:] {
			i := strings.IndexAny(field, "*:")
			kind, err := msi.ParseColumnType(field[i+1:], field[i] == '*')
			if err != nil {
				return nil, err
			}
			columns = append(columns, msi.Column{Name: field[:i], Type: kind})
		}
		if b.tables[fields[0]], err = db.AddTable(fields[0], columns); err != nil {
			return nil, err
		}
	}
	b.insert("Property", msi.String("ProductCode"), msi.String("{AAAAAAAA-2222-3333-4444-555555555555}"))
	b.insert("Property", msi.String("ProductName"), msi.String("Benchmark"))
	b.insert("Directory", msi.String("TARGETDIR"), msi.Null(), msi.String("SourceDir"))
	b.insert("Feature", msi.String("Main"), msi.Null(), msi.String("Main"), msi.Null(), number(1), number(1), msi.Null(), number(0))
	return b, b.err
}

// database returns an installer package that holds the cabinet, with a MsiFileHash
// row for every file and 200 files to a component and folder.
func database(cabinet []byte, list []file) ([]byte, error) {
	b, err := newBuilder()
	if err != nil {
		return nil, err
	}
	for i, f := range list {
		group := msi.String(fmt.Sprintf("D%03d", i/200))
		if i%200 == 0 {
			b.insert("Directory", group, msi.String("TARGETDIR"), group)
			b.insert("Component", group, msi.Null(), group, number(0), msi.Null(), msi.String(f.key))
			b.insert("FeatureComponents", msi.String("Main"), group)
		}
		b.insert("File", msi.String(f.key), group, msi.String(f.key), number(len(f.content)), msi.Null(), msi.Null(), msi.Null(), number(i+1))
		b.hash(f.key, f.content)
	}
	b.insert("Media", number(1), number(len(list)), msi.Null(), msi.String("#data.cab"), msi.Null(), msi.Null())
	if err := b.db.SetStream("data.cab", cabinet); err != nil {
		return nil, err
	}
	return b.save()
}
