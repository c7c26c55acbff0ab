package source

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/cabtest"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
	"github.com/hotfixkit/hotfixkit/testdata/testkit"
)

// The stand-ins of this project.
var (
	testdata = filepath.Join("..", "..", "testdata", "kb977203")
	standIn  = filepath.Join(testdata, "SCCM2007-SP2-KB977203-ENU.msi")
	client   = filepath.Join(testdata, "client-sp2", "client.msi")
)

// somePackages are one of each kind that is made here.
func somePackages(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	files := []testkit.File{{Key: "a", Content: "1", Hash: true, Size: 3}, {Key: "b", Content: strings.Repeat("2", 100_000)}, {Key: "c", Content: "333"}}
	return []string{
		standIn,
		testkit.Write(t, dir, "external.msi", testkit.Package{Media: []testkit.Media{{Files: 2, Cabinet: "one.cab"}, {Files: 1, Cabinet: "two.cab"}}, Files: files}),
		writeTemp(t, "x.rpm", buildRPM(t, []rpmFile{{name: "/opt/a", mode: rpmRegular, content: "a"}, {name: "/opt/b/c", mode: rpmRegular, content: "c"}})),
		filepath.Join(dir, "one.cab"),
	}
}

// TestConcurrentUse calls everything at once that may be called at once.
func TestConcurrentUse(t *testing.T) {
	for _, name := range somePackages(t) {
		p := open(t, name, Options{})
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				infos, err := p.CabinetInfos(t.Context())
				require.NoError(t, err)
				for _, c := range infos {
					require.False(t, c.Missing)
				}
				got, err := collect(p, WalkOptions{})
				require.NoError(t, err)
				require.Len(t, got.whole, len(p.Files()))
				require.NotEmpty(t, p.Find(p.Files()[0].Path()))
				_, err = fs.ReadFile(p.FS(), p.Files()[0].Path())
				require.NoError(t, err)
				p.Warnings()
				p.Neighbours()
				p.LeftOut()
			})
		}
		group.Wait()
	}
}

// TestFS checks the file system of packages of every kind by the rules of the standard
// library.
func TestFS(t *testing.T) {
	testFS(t, somePackages(t)[1:]) // the first is large; its client, below, is of the same kind
	patch := standIn + "//Client/i386/hotfix/KB977203/SCCM2007AC-SP2-KB977203-x86.msp"
	for kind, c := range map[string]struct {
		ref     string
		options Options
	}{
		"zip":                {filepath.Join(testdata, "9000012_ENU_x64.zip"), Options{}},
		"program with a zip": {filepath.Join(testdata, "977203_ENU_i386_zip.exe"), Options{}},
		"encrypted":          {filepath.Join(testdata, "977203_ENU_i386_password_zip.exe"), Options{Password: "stand-in"}},
		"program, cabinet":   {filepath.Join(testdata, "SCCM2007-SP1-KB977203-x86-ENU.exe"), Options{}},
		"bundle":             {filepath.Join(ownBundle(t), "b.exe"), Options{}},
		"patch":              {patch, Options{}},
		"patched package":    {client, Options{Patches: []string{patch}}},
		"patch with a base":  {patch, Options{Base: client}},
	} {
		t.Run(kind, func(t *testing.T) {
			if kind == "program, cabinet" && testing.Short() {
				t.Skip("it decodes a large cabinet many times")
			}
			p := open(t, c.ref, c.options)
			require.NotEmpty(t, p.Files())
			require.NoError(t, fstest.TestFS(p.FS(), paths(p.Files())...))
		})
	}
}

// countedReader counts the passes over the files of a package.
type countedReader struct {
	reader
	walks atomic.Int32
}

func (c *countedReader) walk(ctx context.Context, w *walk) error {
	c.walks.Add(1)
	return c.reader.walk(ctx, w)
}

// TestFSDecodesOnce reads files in order and counts the passes that this takes.
func TestFSDecodesOnce(t *testing.T) {
	for _, name := range append(somePackages(t), filepath.Join(testdata, "977203_ENU_i386_zip.exe")) {
		p := open(t, name, Options{})
		counted := &countedReader{reader: p.reader}
		p.reader = counted
		want := map[string]bool{}
		for _, f := range p.Files() {
			_, err := fs.ReadFile(p.FS(), f.Path())
			require.NoError(t, err)
			want[f.Cabinet()] = true
		}
		require.EqualValues(t, len(want), counted.walks.Load(), "%s: a pass for each cabinet", name)
		_, err := fs.ReadFile(p.FS(), p.Files()[0].Path())
		require.NoError(t, err)
		require.EqualValues(t, len(want)+1, counted.walks.Load(), "another order is another pass")
	}
}

func TestFSOfRealPackages(t *testing.T) {
	testFS(t, []string{
		corpus.Path(t, "msi", "AppInstallerTestMsiInstaller.msi"), corpus.Path(t, "msi", "wix5-MergeModule1.msm"),
		corpus.Path(t, "msi", "psmsi-Example.msi"), corpus.Path(t, "msp", "synth", "synth.msp"),
	})
}

func testFS(t *testing.T, names []string) {
	t.Helper()
	for _, name := range names {
		p := open(t, name, Options{})
		require.NoError(t, fstest.TestFS(p.FS(), paths(p.Files())...), name)
	}
}

// TestFSInOrder reads files one after the other, in one pass, and the same content as
// a walk; then backwards, interleaved and in part.
func TestFSInOrder(t *testing.T) {
	p := open(t, standIn, Options{})
	want, err := collect(p, WalkOptions{})
	require.NoError(t, err)
	fsys := p.FS()
	read := func(f *File) {
		data, err := fs.ReadFile(fsys, f.Path())
		require.NoError(t, err)
		require.True(t, want.whole[f.Path()] == string(data), f.Path())
	}
	for _, f := range p.Files() {
		read(f)
	}
	for i := range p.Files() {
		read(p.Files()[len(p.Files())-1-i])
	}
	first, err := fsys.Open(p.Files()[0].Path())
	require.NoError(t, err)
	_, err = first.Read(make([]byte, 1))
	require.NoError(t, err)
	read(p.Files()[1])
	require.NoError(t, first.Close())
	read(p.Files()[2])
	_, err = first.Read(make([]byte, 1))
	require.ErrorIs(t, err, fs.ErrClosed)
}

// TestFSDamage does not end a damaged file as if it were whole.
func TestFSDamage(t *testing.T) {
	p := open(t, testkit.Write(t, t.TempDir(), "a.msi", testkit.Package{Files: []testkit.File{
		{Key: "bad", Content: "bad", WrongHash: true}, {Key: "good", Content: "good"},
	}}), Options{})
	_, err := fs.ReadFile(p.FS(), "App/bad")
	require.ErrorIs(t, err, ErrMismatch)
	data, err := fs.ReadFile(p.FS(), "App/good")
	require.NoError(t, err)
	require.Equal(t, "good", string(data))
}

// TestOpeningEndsWithItsContext stops while a large package inside a cabinet is
// unpacked.
func TestOpeningEndsWithItsContext(t *testing.T) {
	var outer bytes.Buffer
	w := cabtest.NewWriter(&outer, cabtest.WriterOptions{})
	require.NoError(t, w.Add(cabtest.FileHeader{Name: "inner.msi"}, bytes.NewReader(make([]byte, 512<<20))))
	require.NoError(t, w.Close())
	name := filepath.Join(t.TempDir(), "outer.cab")
	require.NoError(t, os.WriteFile(name, outer.Bytes(), 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	var cancelled time.Time
	time.AfterFunc(50*time.Millisecond, func() {
		cancelled = time.Now()
		cancel()
	})
	_, err := Open(ctx, name+"//inner.msi", Options{})
	require.ErrorIs(t, err, context.Canceled)
	require.Less(t, time.Since(cancelled), time.Second, "100 ms are wanted; the rest is for a busy machine")
}
