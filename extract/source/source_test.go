package source

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/extract/safepath"
	"github.com/hotfixkit/hotfixkit/internal/cabtest"
	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msi/cab"
	"github.com/hotfixkit/hotfixkit/testdata/testkit"
)

// collected is what a walk delivered.
type collected struct {
	mu    sync.Mutex
	whole map[string]string
	lost  map[string]error
	times map[string]time.Time
}

type collector struct {
	*collected
	name string
	data bytes.Buffer
}

func (c *collector) Write(p []byte) (int, error) { return c.data.Write(p) }

func (c *collector) Close(cause error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cause != nil {
		c.lost[c.name] = cause
	} else {
		c.whole[c.name] = c.data.String()
	}
	return nil
}

// collect walks over a package and returns what arrived.
func collect(p *Package, o WalkOptions) (*collected, error) {
	all := &collected{whole: map[string]string{}, lost: map[string]error{}, times: map[string]time.Time{}}
	err := p.Walk(context.Background(), func(f *File, stored Stored) (Sink, error) {
		all.mu.Lock()
		defer all.mu.Unlock()
		all.times[f.Path()] = stored.Modified
		return &collector{collected: all, name: f.Path()}, nil
	}, o)
	return all, err
}

func open(t *testing.T, ref string, o Options) *Package {
	t.Helper()
	p, err := Open(t.Context(), ref, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

func paths(files []*File) []string {
	var paths []string
	for _, f := range files {
		paths = append(paths, f.Path())
	}
	return paths
}

func TestFilesOfAPackage(t *testing.T) {
	name := testkit.Write(t, t.TempDir(), "a.msi", testkit.Package{
		Directories: [][3]string{
			{"TARGETDIR", "", "SourceDir"},
			{"PF", "TARGETDIR", "."},
			{"INSTALLDIR", "PF", "Target:APPLIC~1|Application"},
			{"SUB", "INSTALLDIR", "sub"},
		},
		Features: [][3]string{{"Main", "", "1"}, {"Off", "", "0"}, {"Child", "Off", "1"}},
		Files: []testkit.File{
			{Key: "f1", Name: "README~1.TXT|Read me first.txt", Content: "hello", Hash: true, Attributes: msi.FileReadOnly | 0x200},
			{Key: "f2", Name: "x.dll", Directory: "SUB", Content: strings.Repeat("dll", 50_000)},
			{Key: "f3", Name: "off", Feature: "Off", Content: "3"},
			{Key: "f4", Name: "child", Feature: "Child", Content: "4"},
			{Key: "f5", Name: "orphan", Feature: "-", Content: "5"},
			{Key: "f6", Name: "empty", ZeroHash: true},
		},
	})
	p := open(t, name, Options{})
	require.Equal(t, MSI, p.Kind())
	require.Equal(t, "a.msi", p.Name())
	require.Equal(t, filepath.Dir(name), p.Folder())
	require.Equal(t, []string{"Application/Read me first.txt", "Application/sub/x.dll", "Application/empty"}, paths(p.Files()))
	first := p.Files()[0]
	require.Equal(t, "APPLIC~1/README~1.TXT", first.ShortPath())
	require.Equal(t, "Target/Read me first.txt", first.TargetPath())
	require.Equal(t, "Target/README~1.TXT", first.ShortTargetPath())
	require.Equal(t, "#data.cab", first.Cabinet())
	require.Equal(t, uint32(msi.FileReadOnly), first.Attributes)
	require.Equal(t, []string{"Main"}, first.Features())
	_, hashed := first.MD5()
	require.True(t, hashed)
	var reasons []string
	for _, l := range p.LeftOut() {
		reasons = append(reasons, l.File.Path()+": "+l.Feature)
	}
	require.Equal(t, []string{"Application/off: Off", "Application/child: Off", "Application/orphan: "}, reasons)

	got, err := collect(p, WalkOptions{})
	require.NoError(t, err)
	require.Equal(t, map[string]string{
		"Application/Read me first.txt": "hello",
		"Application/sub/x.dll":         strings.Repeat("dll", 50_000),
		"Application/empty":             "",
	}, got.whole)
	require.Equal(t, testkit.Modified, got.times[first.Path()])

	all := open(t, name, Options{AllFeatures: true})
	require.Len(t, all.Files(), 5)
	require.Len(t, all.LeftOut(), 1)

	got, err = collect(p, WalkOptions{Files: []*File{p.LeftOut()[1].File}})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"Application/child": "4"}, got.whole, "a file that is left out can still be asked for")
}

func TestKinds(t *testing.T) {
	dir := t.TempDir()
	files := []testkit.File{{Key: "f", Name: "f.txt", Content: "content"}}
	var cabinet bytes.Buffer
	w := cabtest.NewWriter(&cabinet, cabtest.WriterOptions{})
	require.NoError(t, w.Add(cabtest.FileHeader{Name: `dir\f.txt`}, strings.NewReader("content")))
	require.NoError(t, w.Close())
	require.NoError(t, os.WriteFile(filepath.Join(dir, "really-a.cab.msi"), cabinet.Bytes(), 0o666))
	patch, err := msi.New(msi.KindPatch, 1252)
	require.NoError(t, err)
	require.NoError(t, patch.SetStream("PCW_CAB_1", cabinet.Bytes()))
	require.NoError(t, patch.SetStream("other", []byte("no cabinet")))
	require.NoError(t, patch.Summary().SetString(msi.PIDRevision, "{BBBBBBBB-2222-3333-4444-555555555555}"))
	var patchFile bytes.Buffer
	require.NoError(t, patch.Save(&patchFile))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "p.bin"), patchFile.Bytes(), 0o666))

	for _, c := range []struct {
		name string
		kind Kind
		path string
	}{
		{testkit.Write(t, dir, "package.txt", testkit.Package{Files: files}), MSI, "App/f.txt"},
		{testkit.Write(t, dir, "module", testkit.Package{Files: files, Module: true}), MSM, "App/f.txt"},
		{filepath.Join(dir, "really-a.cab.msi"), CAB, "dir/f.txt"},
		{filepath.Join(dir, "p.bin"), MSP, `PCW_CAB_1/dir\f.txt`},
	} {
		p := open(t, c.name, Options{})
		require.Equal(t, c.kind, p.Kind())
		got, err := collect(p, WalkOptions{})
		require.NoError(t, err)
		if c.kind == MSP {
			require.Contains(t, got.whole["patch.json"], `"patch_code": "{BBBBBBBB-2222-3333-4444-555555555555}"`)
			delete(got.whole, "patch.json")
		}
		require.Equal(t, map[string]string{c.path: "content"}, got.whole)
	}
	for name, content := range map[string]string{
		"empty":  "",
		"short":  "MS",
		"text":   "hello, world",
		"pe.exe": "MZ\x90\x00",
	} {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, []byte(content), 0o666))
		_, err := Open(t.Context(), file, Options{})
		require.ErrorIs(t, err, ErrKind, name)
	}
	_, err = Open(t.Context(), filepath.Join(dir, "nothing"), Options{})
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = Open(t.Context(), dir, Options{})
	require.Error(t, err)
}

func TestExternalCabinets(t *testing.T) {
	dir, media := t.TempDir(), t.TempDir()
	name := testkit.Write(t, dir, "a.msi", testkit.Package{
		Media: []testkit.Media{{Files: 2, Cabinet: "Data1.CAB"}, {Files: 1, Cabinet: "data2.cab"}},
		Files: []testkit.File{{Key: "a", Content: "1"}, {Key: "b", Content: "22"}, {Key: "c", Content: "333"}},
	})
	require.NoError(t, os.Rename(filepath.Join(dir, "Data1.CAB"), filepath.Join(dir, "dATA1.cab")))
	require.NoError(t, os.Rename(filepath.Join(dir, "data2.cab"), filepath.Join(media, "DATA2.CAB")))

	p := open(t, name, Options{})
	got, err := collect(p, WalkOptions{})
	require.ErrorIs(t, err, ErrMissing)
	require.Empty(t, got.whole, "nothing is delivered when something is missing")
	var missing *MissingError
	require.ErrorAs(t, err, &missing)
	require.Equal(t, "data2.cab", missing.Cabinet)
	require.Equal(t, int32(2), missing.DiskID)
	require.Equal(t, int32(3), missing.LastSequence)
	require.Equal(t, []string{"App/c"}, paths(missing.Files))
	var sourceError *Error
	require.ErrorAs(t, err, &sourceError)
	require.Equal(t, name, sourceError.Package)
	require.ErrorContains(t, err, `cabinet "data2.cab" (Media row: DiskId 2, LastSequence 3) is not next to the package; 1 file needs it: App/c`)

	got, err = collect(p, WalkOptions{KeepGoing: true})
	require.ErrorIs(t, err, ErrMissing)
	require.Equal(t, map[string]string{"App/a": "1", "App/b": "22"}, got.whole)
	require.ErrorIs(t, got.lost["App/c"], ErrMissing)

	got, err = collect(p, WalkOptions{Files: p.Files()[:1]})
	require.NoError(t, err, "a cabinet that nobody needs is not missed")
	require.Equal(t, map[string]string{"App/a": "1"}, got.whole)

	got, err = collect(open(t, name, Options{Media: media}), WalkOptions{})
	require.NoError(t, err)
	require.Len(t, got.whole, 3)

	_, err = Open(t.Context(), name, Options{Media: filepath.Join(media, "none")})
	require.ErrorIs(t, err, ErrMissing)
}

func TestCabinetNamesThatClimbAreRefused(t *testing.T) {
	dir := t.TempDir()
	sub := filepath.Join(dir, "sub")
	require.NoError(t, os.Mkdir(sub, 0o777))
	database, beside := testkit.Build(t, testkit.Package{
		Media: []testkit.Media{{Files: 1, Cabinet: "../data.cab"}},
		Files: []testkit.File{{Key: "a", Content: "1"}},
	})
	require.NoError(t, os.WriteFile(filepath.Join(sub, "a.msi"), database, 0o666))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "data.cab"), beside["../data.cab"], 0o666))
	_, err := collect(open(t, filepath.Join(sub, "a.msi"), Options{}), WalkOptions{})
	require.ErrorContains(t, err, "unsafe name")
}

func TestUncompressedFiles(t *testing.T) {
	content := func(name string) string { return "content of " + name }
	build := func(wordCount int32, attributes int32, cabinet string) (string, string) {
		dir := t.TempDir()
		return testkit.Write(t, dir, "a.msi", testkit.Package{
			WordCount: wordCount,
			Media:     []testkit.Media{{Files: 2, Cabinet: cabinet}},
			Directories: [][3]string{
				{"TARGETDIR", "", "SourceDir"}, {"INSTALLDIR", "TARGETDIR", "target:SHORT~1|Long name"},
			},
			Files: []testkit.File{
				{Key: "a", Name: "A~1.TXT|Long a.txt", Content: content("a"), Attributes: attributes, Hash: true},
				{Key: "b", Name: "b", Content: content("b"), Attributes: attributes},
			},
		}), dir
	}
	put := func(dir, name, text string) {
		testkit.WriteTree(t, dir, map[string]string{name: text})
	}
	want := map[string]string{"Long name/Long a.txt": content("a"), "Long name/b": content("b")}

	for _, c := range []struct {
		title     string
		wordCount int32
		attribute int32
		a, b      string // where they lie
		warned    bool
	}{
		{"in the tree", -1, 0, "Long name/Long a.txt", "Long name/b", false},
		{"in the tree, whatever the case", -1, 0, "LONG NAME/long A.TXT", "long name/B", false},
		{"in the tree by short names", 1, 0, "SHORT~1/A~1.TXT", "SHORT~1/b", false},
		{"in the root of a compressed package", 2, msi.FileNoncompressed, "Long a.txt", "b", false},
		{"in the tree of an image, whatever the attributes", 4, msi.FileCompressed, "Long name/Long a.txt", "Long name/b", false},
		{"in the root although the tree is expected", -1, 0, "Long a.txt", "b", true},
	} {
		t.Run(c.title, func(t *testing.T) {
			name, dir := build(c.wordCount, c.attribute, "")
			put(dir, c.a, content("a"))
			put(dir, c.b, content("b"))
			p := open(t, name, Options{})
			got, err := collect(p, WalkOptions{})
			require.NoError(t, err)
			require.Equal(t, want, got.whole)
			require.Equal(t, c.warned, len(p.Warnings()) > 0, "%v", p.Warnings())
		})
	}
	t.Run("only in the cabinet", func(t *testing.T) {
		name, _ := build(-1, 0, "#data.cab")
		p := open(t, name, Options{})
		got, err := collect(p, WalkOptions{})
		require.NoError(t, err)
		require.Equal(t, want, got.whole)
		require.Len(t, p.Warnings(), 2)
		require.Contains(t, p.Warnings()[0], "not compressed")
	})
	t.Run("in a media folder", func(t *testing.T) {
		name, _ := build(-1, 0, "")
		media := t.TempDir()
		put(media, "long name/long a.txt", content("a"))
		put(media, "long name/b", content("b"))
		got, err := collect(open(t, name, Options{Media: media}), WalkOptions{})
		require.NoError(t, err)
		require.Equal(t, want, got.whole)
	})
	t.Run("missing", func(t *testing.T) {
		name, dir := build(-1, 0, "")
		put(dir, "Long name/b", content("b"))
		p := open(t, name, Options{})
		_, err := collect(p, WalkOptions{})
		require.ErrorIs(t, err, ErrMissing)
		require.ErrorContains(t, err, "Long name/Long a.txt")
		got, err := collect(p, WalkOptions{KeepGoing: true})
		require.ErrorIs(t, err, ErrMissing)
		require.Equal(t, map[string]string{"Long name/b": content("b")}, got.whole)
	})
	t.Run("another size and another hash are errors", func(t *testing.T) {
		name, dir := build(-1, 0, "")
		put(dir, "Long name/Long a.txt", content("a"))
		put(dir, "Long name/b", "longer than the File table says")
		p := open(t, name, Options{})
		_, err := collect(p, WalkOptions{})
		require.ErrorIs(t, err, ErrMismatch)
		require.ErrorContains(t, err, "Long name/b next to the package is not the file that the package describes")
		put(dir, "Long name/b", content("b"))
		got, err := collect(p, WalkOptions{})
		require.NoError(t, err)
		require.Len(t, got.whole, 2)
		require.Empty(t, p.Warnings())
		require.Equal(t, []string{"Long name/Long a.txt", "Long name/b"}, p.Neighbours())
		put(dir, "Long name/Long a.txt", content("A"))
		_, err = collect(p, WalkOptions{})
		require.ErrorIs(t, err, ErrMismatch)
		require.ErrorContains(t, err, "Long name/Long a.txt")
	})
}

// TestStaleSizes accepts a FileSize that is not that of the member: many packages
// have such rows. Windows Installer does so, too.
func TestStaleSizes(t *testing.T) {
	name := testkit.Write(t, t.TempDir(), "a.msi", testkit.Package{Files: []testkit.File{
		{Key: "plain", Content: "three", Size: 814}, {Key: "hashed", Content: "hashed", Size: 1, Hash: true},
	}})
	p := open(t, name, Options{})
	got, err := collect(p, WalkOptions{})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"App/plain": "three", "App/hashed": "hashed"}, got.whole)
	warnings := p.Warnings()
	slices.Sort(warnings)
	require.Equal(t, []string{
		"App/plain: 5 bytes, the File table says 814; it has no MsiFileHash row",
		"note: App/hashed: 6 bytes, the File table says 1; its MsiFileHash holds",
	}, warnings)
	_, err = collect(open(t, name, Options{StrictSize: true}), WalkOptions{})
	require.ErrorIs(t, err, ErrMismatch)
	require.ErrorContains(t, err, "the File table gives 814 bytes")
}

func TestChecks(t *testing.T) {
	for _, c := range []struct {
		title string
		bad   testkit.File
		want  error
	}{
		{"wrong hash", testkit.File{Key: "bad", Content: "bad", WrongHash: true}, ErrMismatch},
		{"zeros for a file that is not empty", testkit.File{Key: "bad", Content: "bad", ZeroHash: true}, ErrMismatch},
		{"no member of that name", testkit.File{Key: "bad", Content: "bad", Lost: true}, ErrMissing},
		{"member of another name", testkit.File{Key: "bad", Content: "bad", Member: "other"}, ErrMissing},
	} {
		t.Run(c.title, func(t *testing.T) {
			p := open(t, testkit.Write(t, t.TempDir(), "a.msi", testkit.Package{
				Files: []testkit.File{{Key: "good1", Content: "1", Hash: true}, c.bad, {Key: "good2", Content: "2", Hash: true}},
			}), Options{})
			_, err := collect(p, WalkOptions{})
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, "App/bad")
			var sourceError *Error
			require.ErrorAs(t, err, &sourceError)
			got, err := collect(p, WalkOptions{KeepGoing: true})
			require.ErrorIs(t, err, c.want)
			require.Equal(t, map[string]string{"App/good1": "1", "App/good2": "2"}, got.whole)
			require.ErrorIs(t, got.lost["App/bad"], c.want)
			require.Len(t, got.lost, 1)
		})
	}
	t.Run("member in another case", func(t *testing.T) {
		p := open(t, testkit.Write(t, t.TempDir(), "a.msi", testkit.Package{
			Files: []testkit.File{{Key: "Key", Content: "1", Member: "KEY"}},
		}), Options{})
		got, err := collect(p, WalkOptions{})
		require.NoError(t, err)
		require.Equal(t, map[string]string{"App/Key": "1"}, got.whole)
	})
}

// TestFlippedBits flips bits all over the packed data of a cabinet.
func TestFlippedBits(t *testing.T) {
	for _, compression := range []cab.Compression{cab.None, cab.MSZIP} {
		noise := make([]byte, 3000)
		state := uint32(1)
		for i := range noise {
			state = state*1664525 + 1013904223
			noise[i] = byte(state >> 24)
		}
		database, beside := testkit.Build(t, testkit.Package{
			Media:       []testkit.Media{{Files: 2, Cabinet: "data.cab"}},
			Compression: compression,
			Files:       []testkit.File{{Key: "first", Content: string(noise[:1500])}, {Key: "second", Content: string(noise[1500:])}},
		})
		dir := t.TempDir()
		name := filepath.Join(dir, "a.msi")
		require.NoError(t, os.WriteFile(name, database, 0o666))
		cabinet := beside["data.cab"]
		c, err := cab.Open(bytes.NewReader(cabinet), int64(len(cabinet)), cab.Options{})
		require.NoError(t, err)
		for at := int(c.Folders[0].Offset) + 8; at < len(cabinet); at += 97 {
			damaged := slices.Clone(cabinet)
			damaged[at] ^= 1 << (at % 8)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "data.cab"), damaged, 0o666))
			p, err := Open(t.Context(), name, Options{})
			require.NoError(t, err)
			got, err := collect(p, WalkOptions{})
			require.ErrorIs(t, err, cab.ErrChecksum)
			require.ErrorContains(t, err, "App/first")
			require.Empty(t, got.whole)
			require.NoError(t, p.Close())
		}
	}
}

func TestSpannedCabinets(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 10_000)
	pkg := testkit.Package{
		Media:      []testkit.Media{{Files: 3, Cabinet: "data.cab"}},
		Files:      []testkit.File{{Key: "a", Content: content, Hash: true}, {Key: "b", Content: content + "b", Hash: true}, {Key: "c", Content: "c"}},
		VolumeSize: 70_000,
	}
	dir := t.TempDir()
	name := testkit.Write(t, dir, "a.msi", pkg)
	volumes, err := filepath.Glob(filepath.Join(dir, "*.cab"))
	require.NoError(t, err)
	require.Greater(t, len(volumes), 3)
	want := map[string]string{"App/a": content, "App/b": content + "b", "App/c": "c"}
	got, err := collect(open(t, name, Options{}), WalkOptions{})
	require.NoError(t, err)
	require.Equal(t, want, got.whole)

	for _, first := range volumes {
		got, err := collect(open(t, first, Options{}), WalkOptions{})
		require.NoError(t, err, "any volume opens the whole set")
		require.Equal(t, map[string]string{"a": content, "b": content + "b", "c": "c"}, got.whole)
	}

	require.NoError(t, os.Remove(filepath.Join(dir, "data2.cab")))
	p := open(t, name, Options{})
	_, err = collect(p, WalkOptions{})
	require.ErrorIs(t, err, cab.ErrVolume)
	require.ErrorContains(t, err, "data2.cab")
	var sourceError *Error
	require.ErrorAs(t, err, &sourceError)

	pkg.Media[0].Cabinet = "#data.cab"
	got, err = collect(open(t, testkit.Write(t, t.TempDir(), "embedded.msi", pkg), Options{}), WalkOptions{})
	require.NoError(t, err)
	require.Equal(t, want, got.whole)
}

func TestPackagesInsidePackages(t *testing.T) {
	innermost, _ := testkit.Build(t, testkit.Package{Files: []testkit.File{{Key: "f", Name: "f.txt", Content: "deep"}}})
	middle, beside := testkit.Build(t, testkit.Package{
		WordCount: 0,
		Media:     []testkit.Media{{Files: 1, Cabinet: "Data.cab"}, {Files: 1}},
		Files: []testkit.File{
			{Key: "inner", Name: "inner.msi", Content: string(innermost), Hash: true},
			{Key: "loose", Name: "loose.txt", Content: "lies beside", Attributes: msi.FileNoncompressed},
		},
	})
	outer := testkit.Write(t, t.TempDir(), "outer.msi", testkit.Package{
		Directories: [][3]string{{"TARGETDIR", "", "SourceDir"}, {"INSTALLDIR", "TARGETDIR", "App"}, {"OTHER", "TARGETDIR", "Other"}},
		Files: []testkit.File{
			{Key: "m", Name: "middle.msi", Content: string(middle)},
			{Key: "c", Name: "DATA.CAB", Content: string(beside["Data.cab"])},
			{Key: "l", Name: "LOOSE.TXT", Content: "lies beside"},
			{Key: "m2", Name: "twice.msi", Content: string(innermost)},
			{Key: "m3", Name: "twice.msi", Directory: "OTHER", Content: string(innermost)},
			{Key: "t", Name: "text.txt", Content: "no package"},
		},
	})
	for _, ref := range []string{
		outer + "//App/middle.msi//App/inner.msi",
		outer + "//middle.msi//INNER.MSI",
		outer + "//m//inner",
		outer + `//app\middle.msi///App/inner.msi`,
	} {
		p := open(t, ref, Options{})
		require.Equal(t, outer+"//App/middle.msi//App/inner.msi", p.Ref())
		require.Equal(t, "inner.msi", p.Name())
		got, err := collect(p, WalkOptions{})
		require.NoError(t, err)
		require.Equal(t, map[string]string{"App/f.txt": "deep"}, got.whole)
	}
	got, err := collect(open(t, outer+"//middle.msi", Options{}), WalkOptions{})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"App/inner.msi": string(innermost), "App/loose.txt": "lies beside"}, got.whole)

	_, err = Open(t.Context(), outer+"//none.msi", Options{})
	require.ErrorIs(t, err, ErrNotFound)
	_, err = Open(t.Context(), outer+"//twice.msi", Options{})
	require.ErrorIs(t, err, ErrAmbiguous)
	require.ErrorContains(t, err, "Other/twice.msi")
	_, err = Open(t.Context(), outer+"//Other/twice.msi//f.txt", Options{})
	require.ErrorIs(t, err, ErrKind)
	_, err = Open(t.Context(), outer+"//text.txt", Options{})
	require.ErrorIs(t, err, ErrKind)
	_, err = Open(t.Context(), outer+strings.Repeat("//x", maxDepth+1), Options{})
	require.ErrorIs(t, err, ErrLimit)
	_, err = Open(t.Context(), outer+"//middle.msi", Options{MaxBytes: 100})
	require.ErrorIs(t, err, ErrLimit)
}

func TestFind(t *testing.T) {
	p := open(t, testkit.Write(t, t.TempDir(), "a.msi", testkit.Package{
		Directories: [][3]string{{"TARGETDIR", "", "SourceDir"}, {"INSTALLDIR", "TARGETDIR", "App"}, {"OTHER", "TARGETDIR", "Other"}},
		Features:    [][3]string{{"Main", "", "1"}, {"Off", "", "0"}},
		Files: []testkit.File{
			{Key: "k1", Name: "one.txt"},
			{Key: "k2", Name: "twice.txt"},
			{Key: "k3", Name: "TWICE.txt", Directory: "OTHER"},
			{Key: "k4", Name: "one.txt", Directory: "OTHER", Feature: "Off"},
			{Key: "k5", Name: "k2"},
			{Key: "k6", Name: "off.txt", Feature: "Off"},
		},
	}), Options{})
	for name, want := range map[string][]string{
		"App/one.txt":   {"App/one.txt"},
		"/app/ONE.TXT":  {"App/one.txt"},
		`app\one.txt`:   {"App/one.txt"},
		"one.txt":       {"App/one.txt"}, // the other one is left out
		"other/one.txt": {"Other/one.txt"},
		"off.txt":       {"App/off.txt"},
		"twice.txt":     {"App/twice.txt", "Other/TWICE.txt"},
		"k2":            {"App/twice.txt"}, // keys come before base names
		"K1":            nil,
		"none":          nil,
	} {
		require.Equal(t, want, paths(p.Find(name)), name)
	}
	got, err := collect(p, WalkOptions{Files: p.Find("one.txt")})
	require.NoError(t, err)
	require.Len(t, got.whole, 1)
	got, err = collect(p, WalkOptions{Files: p.Find("none")})
	require.NoError(t, err)
	require.Empty(t, got.whole, "what is not found is not everything")
	got, err = collect(p, WalkOptions{})
	require.NoError(t, err)
	require.Len(t, got.whole, 4)
}

func TestNamesWithSlashesStayOneName(t *testing.T) {
	p := open(t, testkit.Write(t, t.TempDir(), "a.msi", testkit.Package{
		Files: []testkit.File{{Key: "k", Name: "../../evil"}, {Key: "u", Name: "../../etc/passwd", Attributes: msi.FileNoncompressed}},
		Media: []testkit.Media{{Files: 2}},
	}), Options{})
	require.Equal(t, `App/..\..\evil`, p.Files()[0].Path())
	_, err := collect(p, WalkOptions{})
	require.ErrorIs(t, err, safepath.ErrUnsafe, "nothing outside the package's folder is read")
}

func TestCabinetThatIsNone(t *testing.T) {
	dir := t.TempDir()
	name := testkit.Write(t, dir, "a.msi", testkit.Package{
		Media: []testkit.Media{{Files: 3, Cabinet: "data.cab"}},
		Files: []testkit.File{{Key: "a", Content: "1"}, {Key: "b", Content: "2"}, {Key: "c", Content: "3"}},
	})
	require.NoError(t, os.WriteFile(filepath.Join(dir, "data.cab"), []byte("MSCF, but no cabinet"), 0o666))
	p := open(t, name, Options{})
	for _, keepGoing := range []bool{false, true} {
		_, err := collect(p, WalkOptions{KeepGoing: keepGoing})
		require.Error(t, err)
		require.Equal(t, 1, strings.Count(err.Error(), "data.cab"), "one cause is told once: %v", err)
	}
}

func TestBlobMovesToDisk(t *testing.T) {
	budget := &insideBudget{memory: NewBudget(100), unpacked: NewBudget(1000)}
	small, err := newBlob(budget, 60)
	require.NoError(t, err)
	require.Nil(t, small.file)
	_, err = small.Write(bytes.Repeat([]byte("s"), 60))
	require.NoError(t, err)

	large, err := newBlob(budget, 60)
	require.NoError(t, err)
	require.NotNil(t, large.file, "what the budget does not hold goes to disk")

	liar, err := newBlob(budget, 10)
	require.NoError(t, err)
	require.Nil(t, liar.file)
	for range 9 {
		_, err = liar.Write([]byte("0123456789"))
		require.NoError(t, err)
	}
	require.NotNil(t, liar.file, "so does what is larger than it claimed")
	data, err := io.ReadAll(io.NewSectionReader(liar, 0, liar.Size()))
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("0123456789", 9), string(data))
	_, err = liar.Write(make([]byte, 1000))
	require.ErrorIs(t, err, ErrLimit)
	for _, b := range []*blob{small, large, liar} {
		require.NoError(t, b.Close())
	}
	require.Equal(t, int64(100), budget.memory.left())
	require.Equal(t, int64(1000), budget.unpacked.left())
}

func TestWalkStopsWithTheCallersError(t *testing.T) {
	p := open(t, testkit.Write(t, t.TempDir(), "a.msi", testkit.Package{
		Files: []testkit.File{{Key: "a", Content: "1"}, {Key: "b", Content: "2"}},
	}), Options{})
	mine := errors.New("mine")
	for _, keepGoing := range []bool{false, true} {
		err := p.Walk(context.Background(), func(*File, Stored) (Sink, error) { return nil, mine }, WalkOptions{KeepGoing: keepGoing})
		require.Equal(t, mine, err)
		err = p.Walk(context.Background(), func(*File, Stored) (Sink, error) { return failing{write: mine}, nil }, WalkOptions{KeepGoing: keepGoing})
		require.Equal(t, mine, err)
		err = p.Walk(context.Background(), func(*File, Stored) (Sink, error) { return failing{close: mine}, nil }, WalkOptions{KeepGoing: keepGoing})
		require.Equal(t, mine, err)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		err = p.Walk(ctx, func(*File, Stored) (Sink, error) { return failing{}, nil }, WalkOptions{KeepGoing: keepGoing})
		require.ErrorIs(t, err, context.Canceled)
	}
	err := p.Walk(context.Background(), func(*File, Stored) (Sink, error) { return nil, nil }, WalkOptions{})
	require.NoError(t, err, "a nil sink skips the file")
}

type failing struct{ write, close error }

func (f failing) Write(p []byte) (int, error) { return len(p), f.write }
func (f failing) Close(error) error           { return f.close }
