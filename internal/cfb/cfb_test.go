package cfb_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/richardlehane/mscfb"
	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/cfb"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

// compoundFiles lists the compound files of the corpus.
func compoundFiles(t testing.TB) []string {
	t.Helper()
	var names []string
	dir := corpus.Dir(t)
	for _, sub := range []string{"msi", "msp"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(dir, sub), func(name string, d fs.DirEntry, err error) error {
			switch strings.ToLower(filepath.Ext(name)) {
			case ".msi", ".msm", ".msp", ".mst":
				names = append(names, name)
			}
			return err
		}))
	}
	require.NotEmpty(t, names)
	return names
}

func newReader(t testing.TB, b []byte) *cfb.Reader {
	t.Helper()
	r, err := cfb.NewReader(bytes.NewReader(b), int64(len(b)))
	require.NoError(t, err)
	return r
}

// walk calls f for every entry below e.
func walk(e *cfb.Entry, path string, f func(path string, e *cfb.Entry)) {
	for _, child := range e.Children {
		f(path+"/"+child.Name, child)
		walk(child, path+"/"+child.Name, f)
	}
}

// content describes everything that a compound file holds.
func content(t testing.TB, root *cfb.Entry) map[string]string {
	t.Helper()
	all := map[string]string{"": fmt.Sprintf("%x %x", root.CLSID, root.StateBits)}
	walk(root, "", func(path string, e *cfb.Entry) {
		if e.IsStorage {
			all[path] = fmt.Sprintf("storage %x %x %d %d", e.CLSID, e.StateBits, e.Created, e.Modified)
			return
		}
		h := sha256.New()
		n, err := io.Copy(h, e.Open())
		if !errors.Is(err, cfb.ErrTruncated) {
			require.NoError(t, err, path)
			require.Equal(t, e.Size, n, path)
		}
		all[path] = fmt.Sprintf("%d %x", n, h.Sum(nil))
	})
	return all
}

// Streams of real files equal what mscfb reads by its own way through the
// chains.
func TestStreamsEqualMSCFB(t *testing.T) {
	for _, name := range compoundFiles(t) {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		got := content(t, newReader(t, b).Root())
		doc, err := mscfb.New(bytes.NewReader(b))
		require.NoError(t, err)
		streams := 0
		for _, f := range doc.File {
			if f.FileInfo().IsDir() {
				continue
			}
			streams++
			path := strings.Join(append([]string{""}, f.Path...), "/") + "/"
			if f.Initial < ' ' {
				path += string(rune(f.Initial))
			}
			h := sha256.New()
			n, err := io.CopyBuffer(h, struct{ io.Reader }{f}, make([]byte, 32<<10))
			if err != nil {
				require.Equal(t, "VBRuntime.msi", filepath.Base(name))
				continue
			}
			require.Equal(t, fmt.Sprintf("%d %x", n, h.Sum(nil)), got[path+f.Name], "%s in %s", path+f.Name, name)
		}
		walk(newReader(t, b).Root(), "", func(_ string, e *cfb.Entry) {
			if !e.IsStorage {
				streams--
			}
		})
		require.Zero(t, streams, name)
	}
}

func TestRawNamesAndClassIDs(t *testing.T) {
	b, err := os.ReadFile(corpus.Path(t, "msp/WPF2_32.msp"))
	require.NoError(t, err)
	root := newReader(t, b).Root()
	require.Equal(t, "8610 0c00 0000 0000 c000 0000 0000 0046", fmt.Sprintf("%x", group(root.CLSID[:])))
	require.NotNil(t, root.Child("\x05DigitalSignature"))
	require.EqualValues(t, 5, root.Child("\x05DigitalSignature").RawName[0])
	sub := root.Child("#T1ToU1")
	require.True(t, sub.IsStorage)
	require.Zero(t, sub.Size)
	require.NotEmpty(t, sub.Children)
	require.Nil(t, root.Child("none"))
}

// group writes bytes in pairs.
type group []byte

func (g group) Format(s fmt.State, _ rune) {
	for i := 0; i < len(g); i += 2 {
		if i > 0 {
			io.WriteString(s, " ")
		}
		fmt.Fprintf(s, "%x", []byte(g[i:i+2]))
	}
}

// data returns n bytes that differ along the way.
func data(n int64, seed byte) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7) ^ byte(i>>8) ^ byte(i>>16) ^ seed
	}
	return b
}

func stream(name string, b []byte) *cfb.Node {
	return &cfb.Node{Name: name, Size: int64(len(b)), Open: func() (io.Reader, error) { return bytes.NewReader(b), nil }}
}

// sample is a tree with streams of every kind of size.
func sample() *cfb.Node {
	root := &cfb.Node{CLSID: [16]byte{1, 2, 3}, StateBits: 7}
	for i, n := range []int64{0, 1, 63, 64, 65, 511, 512, 513, 4095, 4096, 4097, 100_000, 1 << 20} {
		root.Children = append(root.Children, stream(fmt.Sprintf("stream %d", n), data(n, byte(i))))
	}
	deep := root
	for i := range 5 {
		s := &cfb.Node{Name: fmt.Sprintf("storage %d", i), IsStorage: true, CLSID: [16]byte{byte(i)}, Created: 10, Modified: uint64(i)}
		s.Children = append(s.Children, stream("\x05Summary", data(300, 9)), stream("b", data(5000, 3)))
		deep.Children = append(deep.Children, s)
		deep = s
	}
	return root
}

func write(t testing.TB, root *cfb.Node, version int) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, cfb.Write(&b, root, cfb.WriteOptions{Version: version}))
	return b.Bytes()
}

func TestWriteAndRead(t *testing.T) {
	for _, version := range []int{0, 3, 4} {
		b := write(t, sample(), version)
		require.Equal(t, b, write(t, sample(), version), "the output is deterministic")
		r := newReader(t, b)
		require.Equal(t, max(3, version), r.Version())
		got := content(t, r.Root())
		checkTree(t, b)
		require.Len(t, got, 1+13+5*3)
		require.Equal(t, "01020300000000000000000000000000 7", got[""])
		require.Equal(t, "storage 02000000000000000000000000000000 0 10 2", got["/storage 0/storage 1/storage 2"])
		var check func(n *cfb.Node, path string)
		check = func(n *cfb.Node, path string) {
			for _, child := range n.Children {
				if child.IsStorage {
					check(child, path+"/"+child.Name)
					continue
				}
				in, err := child.Open()
				require.NoError(t, err)
				want, err := io.ReadAll(in)
				require.NoError(t, err)
				require.Equal(t, fmt.Sprintf("%d %x", len(want), sha256.Sum256(want)), got[path+"/"+child.Name], child.Name)
			}
		}
		check(sample(), "")
	}
}

// checkTree checks the directory of a written file against [MS-CFB] 2.6.4:
// siblings in order, a black root, no red entry below a red one, and as many
// black entries on every path.
func checkTree(t testing.TB, b []byte) {
	t.Helper()
	sector := int64(1) << binary.LittleEndian.Uint16(b[30:])
	start := (int64(binary.LittleEndian.Uint32(b[48:])) + 1) * sector // our directories are contiguous
	entry := func(id uint32) []byte { return b[start+int64(id)*128:][:128] }
	var blacks func(id uint32, redParent bool) int
	blacks = func(id uint32, redParent bool) int {
		if id == 0xFFFFFFFF {
			return 1
		}
		e := entry(id)
		red := e[67] == 0
		require.False(t, red && redParent, "entry %d", id)
		left := blacks(binary.LittleEndian.Uint32(e[68:]), red)
		right := blacks(binary.LittleEndian.Uint32(e[72:]), red)
		require.Equal(t, left, right, "entry %d", id)
		if red {
			return left
		}
		return left + 1
	}
	var storages func(id uint32)
	storages = func(id uint32) {
		if id == 0xFFFFFFFF {
			return
		}
		e := entry(id)
		if child := binary.LittleEndian.Uint32(e[76:]); child != 0xFFFFFFFF {
			require.Equal(t, byte(1), entry(child)[67], "the root of a tree is black")
			blacks(child, false)
			storages(child)
		}
		storages(binary.LittleEndian.Uint32(e[68:]))
		storages(binary.LittleEndian.Uint32(e[72:]))
	}
	storages(0)
}

func TestManyEntries(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 5, 6, 7, 8, 100, 1000} {
		root := &cfb.Node{}
		for i := range n {
			root.Children = append(root.Children, stream(fmt.Sprintf("Name%d", i*7919%n), data(int64(i%200), 1)))
		}
		b := write(t, root, 3)
		checkTree(t, b)
		children := newReader(t, b).Root().Children
		require.Len(t, children, n)
		for i := 1; i < n; i++ {
			require.LessOrEqual(t, len(children[i-1].RawName), len(children[i].RawName))
		}
	}
}

// A version 3 file of more than about 7 MB has FAT sectors that only the DIFAT
// names.
func TestDIFAT(t *testing.T) {
	big := bytes.Repeat(data(1<<19, 5), 32)
	b := write(t, &cfb.Node{Children: []*cfb.Node{stream("big", big), stream("small", data(100, 1))}}, 3)
	require.Greater(t, binary.LittleEndian.Uint32(b[44:]), uint32(109+127))
	require.Greater(t, binary.LittleEndian.Uint32(b[72:]), uint32(1))
	r := newReader(t, b).Root().Child("big").Open()
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	require.True(t, bytes.Equal(big, got))
	p := make([]byte, 10)
	_, err = r.ReadAt(p, 15<<20+7)
	require.NoError(t, err)
	require.Equal(t, big[15<<20+7:][:10], p)
}

func TestReaderAt(t *testing.T) {
	b := write(t, sample(), 3)
	walk(newReader(t, b).Root(), "", func(path string, e *cfb.Entry) {
		if e.IsStorage {
			return
		}
		want, err := io.ReadAll(e.Open())
		require.NoError(t, err)
		require.NoError(t, iotest.TestReader(e.Open(), want), path)
	})
}

// A reader may return io.EOF together with the last bytes.
func TestReaderAtWithEOF(t *testing.T) {
	b := write(t, sample(), 3)
	r, err := cfb.NewReader(eofReaderAt(b), int64(len(b)))
	require.NoError(t, err)
	require.Equal(t, content(t, newReader(t, b).Root()), content(t, r.Root()))
}

type eofReaderAt []byte

func (b eofReaderAt) ReadAt(p []byte, off int64) (int, error) {
	n := copy(p, b[off:])
	if off+int64(n) == int64(len(b)) {
		return n, io.EOF
	}
	return n, nil
}

// fragment moves the sectors of a written version 3 file around, so that every
// chain jumps back and forth.
func fragment(t testing.TB, b []byte) []byte {
	t.Helper()
	const sector = 512
	le := binary.LittleEndian
	n := uint32(len(b)/sector - 1)
	to := func(s uint32) uint32 { // a permutation that leaves the FAT sectors alone
		first := le.Uint32(b[44:])
		if s < first || s >= n {
			return s
		}
		return first + (n - 1 - s)
	}
	require.Zero(t, le.Uint32(b[72:]), "the sample has no DIFAT sectors")
	out := bytes.Clone(b)
	for s := range n {
		copy(out[(to(s)+1)*sector:], b[(s+1)*sector:(s+2)*sector])
	}
	for _, at := range []int{48, 60} {
		le.PutUint32(out[at:], to(le.Uint32(b[at:])))
	}
	fat := func(f []byte, s uint32) []byte { return f[sector+4*s:] } // ours begins with sector 0
	for s := range n {
		next := le.Uint32(fat(b, s))
		if next < n {
			next = to(next)
		}
		le.PutUint32(fat(out, to(s)), next)
	}
	// The directory's start sectors move too; small streams count in mini sectors.
	for s := le.Uint32(b[48:]); s < n; s = le.Uint32(fat(b, s)) {
		for i := range uint32(4) {
			e := b[(s+1)*sector+128*i:][:128]
			if size := le.Uint32(e[120:]); e[66] == 5 || e[66] == 2 && size >= 4096 {
				le.PutUint32(out[(to(s)+1)*sector+128*i+116:], to(le.Uint32(e[116:])))
			}
		}
	}
	return out
}

func TestFragmentedStreams(t *testing.T) {
	b := write(t, sample(), 3)
	require.Equal(t, content(t, newReader(t, b).Root()), content(t, newReader(t, fragment(t, b)).Root()))
}

func TestTruncatedFile(t *testing.T) {
	big := data(300_000, 5)
	b := write(t, &cfb.Node{Children: []*cfb.Node{stream("big", big)}}, 3)
	cut := b[:len(b)-100_003]
	r := newReader(t, cut).Root().Child("big").Open()
	require.EqualValues(t, len(big), r.Size())
	got, err := io.ReadAll(r)
	require.ErrorIs(t, err, cfb.ErrTruncated)
	require.Equal(t, len(cut)-bytes.Index(b, big[:4096]), len(got))
	require.True(t, bytes.HasPrefix(big, got))

	_, err = cfb.NewReader(bytes.NewReader(b[:700]), 700)
	require.ErrorIs(t, err, cfb.ErrTruncated)
}

func TestDamagedFiles(t *testing.T) {
	good := write(t, sample(), 3)
	le := binary.LittleEndian
	directory := (int(le.Uint32(good[48:])) + 1) * 512
	for name, damage := range map[string]func(b []byte){
		"signature":               func(b []byte) { b[0] = 0 },
		"sector size":             func(b []byte) { b[30] = 40 },
		"version 4, sectors of 3": func(b []byte) { b[26] = 4 },
		"mini sector size":        func(b []byte) { b[32] = 7 },
		"cutoff":                  func(b []byte) { b[56] = 1 },
		"count of DIFAT sectors":  func(b []byte) { le.PutUint32(b[72:], 1<<30) },
		"count of mini FAT":       func(b []byte) { le.PutUint32(b[64:], 1<<30) },
		"directory out of range":  func(b []byte) { le.PutUint32(b[48:], 1<<20) },
		"directory cycle":         func(b []byte) { le.PutUint32(b[512+4*le.Uint32(b[48:]):], le.Uint32(b[48:])) },
		"root is a stream":        func(b []byte) { b[directory+66] = 2 },
		"child out of range":      func(b []byte) { le.PutUint32(b[directory+76:], 9999) },
		"child is the root":       func(b []byte) { le.PutUint32(b[directory+76:], 0) },
		"sibling of itself":       func(b []byte) { le.PutUint32(b[directory+128+68:], 1) },
		"name too long":           func(b []byte) { le.PutUint16(b[directory+128+64:], 80) },
		"kind of entry":           func(b []byte) { b[directory+128+66] = 9 },
		"stream with children":    func(b []byte) { le.PutUint32(b[directory+128+76:], 2) },
	} {
		b := bytes.Clone(good)
		damage(b)
		_, err := cfb.NewReader(bytes.NewReader(b), int64(len(b)))
		require.Error(t, err, name)
		require.True(t, errors.Is(err, cfb.ErrFormat) || errors.Is(err, cfb.ErrTruncated), "%s: %v", name, err)
	}
}

// The chain of a stream may be wrong while the rest of the file is fine.
func TestDamagedChains(t *testing.T) {
	root := &cfb.Node{Children: []*cfb.Node{stream("big", data(50_000, 5)), stream("mini", data(1000, 1))}}
	good := write(t, root, 3)
	le := binary.LittleEndian
	fat := func(b []byte, s uint32) []byte { return b[512+4*s:] }
	start := func(b []byte, name string) uint32 {
		var at uint32
		directory := (int(le.Uint32(b[48:])) + 1) * 512
		for i := range 4 {
			if e := b[directory+128*i:]; e[0] == name[0] && e[66] == 2 {
				at = le.Uint32(e[116:])
			}
		}
		return at
	}
	for name, damage := range map[string]func(b []byte){
		"cycle":          func(b []byte) { s := start(b, "big"); le.PutUint32(fat(b, s+5), s) },
		"early end":      func(b []byte) { le.PutUint32(fat(b, start(b, "big")+5), 0xFFFFFFFE) },
		"free sector":    func(b []byte) { le.PutUint32(fat(b, start(b, "big")+5), 0xFFFFFFFF) },
		"beyond the FAT": func(b []byte) { le.PutUint32(fat(b, start(b, "big")+5), 100_000) },
	} {
		b := bytes.Clone(good)
		damage(b)
		r := newReader(t, b).Root()
		_, err := io.Copy(io.Discard, r.Child("big").Open())
		require.True(t, errors.Is(err, cfb.ErrFormat) || errors.Is(err, cfb.ErrTruncated), "%s: %v", name, err)
		_, err = io.Copy(io.Discard, r.Child("mini").Open())
		require.NoError(t, err, name)
	}
	b := bytes.Clone(good)
	miniFAT := b[(le.Uint32(b[60:])+1)*512:]
	le.PutUint32(miniFAT[4*start(b, "mini"):], 0xFFFFFFFE)
	_, err := io.Copy(io.Discard, newReader(t, b).Root().Child("mini").Open())
	require.ErrorIs(t, err, cfb.ErrFormat)
	le.PutUint32(miniFAT[4*start(b, "mini"):], 100)
	_, err = io.Copy(io.Discard, newReader(t, b).Root().Child("mini").Open())
	require.ErrorIs(t, err, cfb.ErrFormat)
}

// A tree that has degenerated to a list of the most entries is read; one more
// sector of entries is refused.
func TestMostEntries(t *testing.T) {
	const n = cfb.MaxEntries - 1
	root := &cfb.Node{}
	for i := range n {
		root.Children = append(root.Children, &cfb.Node{Name: fmt.Sprint(i)})
	}
	b := write(t, root, 4)
	le := binary.LittleEndian
	directory := b[(int64(le.Uint32(b[48:]))+1)*4096:]
	le.PutUint32(directory[76:], 1)
	for i := range uint32(n) {
		e := directory[128*(i+1):]
		le.PutUint32(e[68:], 0xFFFFFFFF)
		le.PutUint32(e[72:], i+2)
		if i == n-1 {
			le.PutUint32(e[72:], 0xFFFFFFFF)
		}
	}
	require.Len(t, newReader(t, b).Root().Children, n)

	last := le.Uint32(b[48:]) + uint32(le.Uint32(b[40:])) - 1
	added := uint32(len(b)/4096 - 1)
	b = append(b, make([]byte, 4096)...)
	fat := b[4096:] // ours begins with sector 0
	le.PutUint32(fat[4*last:], added)
	le.PutUint32(fat[4*added:], 0xFFFFFFFE)
	_, err := cfb.NewReader(bytes.NewReader(b), int64(len(b)))
	require.ErrorIs(t, err, cfb.ErrLimit)
}

func TestTooManyEntries(t *testing.T) {
	root := &cfb.Node{}
	for i := range cfb.MaxEntries {
		root.Children = append(root.Children, &cfb.Node{Name: fmt.Sprint(i)})
	}
	require.ErrorIs(t, cfb.Write(io.Discard, root, cfb.WriteOptions{}), cfb.ErrLimit)
}

func TestWriteRefuses(t *testing.T) {
	failing := errors.New("no data")
	for name, test := range map[string]struct {
		children []*cfb.Node
		version  int
		want     error
	}{
		"long name":      {[]*cfb.Node{stream(strings.Repeat("x", 32), nil)}, 0, cfb.ErrLimit},
		"no name":        {[]*cfb.Node{stream("", nil)}, 0, cfb.ErrLimit},
		"same name":      {[]*cfb.Node{stream("Name", nil), stream("nAME", nil)}, 0, cfb.ErrFormat},
		"short stream":   {[]*cfb.Node{{Name: "s", Size: 5000, Open: func() (io.Reader, error) { return strings.NewReader("x"), nil }}}, 0, cfb.ErrTruncated},
		"failing stream": {[]*cfb.Node{{Name: "s", Size: 1, Open: func() (io.Reader, error) { return nil, failing }}}, 0, failing},
		"negative size":  {[]*cfb.Node{{Name: "s", Size: -1}}, 0, cfb.ErrFormat},
		"3 GiB in v3":    {[]*cfb.Node{{Name: "s", Size: 3 << 30}}, 3, cfb.ErrLimit},
		"version 5":      {nil, 5, cfb.ErrFormat},
		"children":       {[]*cfb.Node{{Name: "s", Children: []*cfb.Node{stream("x", nil)}}}, 0, cfb.ErrFormat},
	} {
		err := cfb.Write(io.Discard, &cfb.Node{Children: test.children}, cfb.WriteOptions{Version: test.version})
		require.ErrorIs(t, err, test.want, name)
	}
	require.ErrorContains(t, cfb.Write(brokenWriter{}, sample(), cfb.WriteOptions{}), "disk full")
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

// What this package writes holds nothing but its streams; neither do signed
// packages, whoever wrote them.
func TestCheckUnused(t *testing.T) {
	for _, version := range []int{3, 4} {
		b := write(t, sample(), version)
		require.NoError(t, newReader(t, b).CheckUnused())
		require.NoError(t, newReader(t, write(t, &cfb.Node{}, version)).CheckUnused())
		for name, damaged := range map[string][]byte{
			"one byte behind":  append(bytes.Clone(b), 0),
			"a sector behind":  append(bytes.Clone(b), make([]byte, 4096)...),
			"a shorter stream": withSmallerStream(b),
		} {
			require.ErrorIs(t, newReader(t, damaged).CheckUnused(), cfb.ErrUnused, name)
		}
		if version == 4 {
			b[600] = 1
			require.ErrorIs(t, newReader(t, b).CheckUnused(), cfb.ErrUnused, "behind the header")
		}
	}
	signed := 0
	for _, name := range compoundFiles(t) {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		if r := newReader(t, b); r.Root().Child("\x05DigitalSignature") != nil {
			signed++
			require.NoError(t, r.CheckUnused(), name)
		}
	}
	require.GreaterOrEqual(t, signed, 3)
}

// withSmallerStream takes the last sector from the largest stream of the sample,
// which its chain still holds.
func withSmallerStream(b []byte) []byte {
	b = bytes.Clone(b)
	le := binary.LittleEndian
	directory := b[(int64(le.Uint32(b[48:]))+1)<<b[30]:]
	for ; ; directory = directory[128:] {
		if le.Uint32(directory[120:]) == 1<<20 && directory[66] == 2 {
			le.PutUint32(directory[120:], 1<<20-4096)
			return b
		}
	}
}

func FuzzReader(f *testing.F) {
	small := &cfb.Node{Children: []*cfb.Node{stream("big", data(5000, 5)), stream("mini", data(100, 1)), {Name: "dir", IsStorage: true}}}
	f.Add(write(f, small, 3))
	f.Add(write(f, small, 4))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := cfb.NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			require.True(t, errors.Is(err, cfb.ErrFormat) || errors.Is(err, cfb.ErrTruncated) || errors.Is(err, cfb.ErrLimit), "%v", err)
			return
		}
		walk(r.Root(), "", func(path string, e *cfb.Entry) {
			if e.IsStorage {
				return
			}
			n, err := io.Copy(io.Discard, e.Open())
			require.True(t, err != nil || n == e.Size)
			require.LessOrEqual(t, n, int64(len(b)))
		})
	})
}
