package extract

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/extract/safepath"
	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/internal/cabtest"
	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/testdata/testkit"
)

// usual is a package with everything that a layout looks at.
var usual = testkit.Package{
	Directories: [][3]string{
		{"TARGETDIR", "", "SourceDir"},
		{"INSTALLDIR", "TARGETDIR", "INSTAL~1|Installed:APPLIC~1|Application"},
		{"SUB", "INSTALLDIR", "sub"},
	},
	Features: [][3]string{{"Main", "", "1"}, {"Off", "", "0"}},
	Files: []testkit.File{
		{Key: "f1", Name: "README~1.TXT|Read me.txt", Content: "hello", Hash: true},
		{Key: "f2", Name: "x.dll", Directory: "SUB", Content: strings.Repeat("dll", 50_000), Hash: true},
		{Key: "f3", Name: "off.txt", Feature: "Off", Content: "3"},
		{Key: "f4", Name: "empty", Directory: "TARGETDIR"},
	},
	Properties: [][2]string{{"AdminProperties", "SITE;NONE"}, {"SITE", `a "quoted" value`}, {"OTHER", "x"}},
	Streams:    map[string]string{"\x05DigitalSignature": "signed", "\x05MsiDigitalSignatureEx": "signed, too", "Binary.keep": "kept"},
}

func TestLayouts(t *testing.T) {
	name := testkit.Write(t, t.TempDir(), "usual.msi", usual)
	dll := strings.Repeat("dll", 50_000)
	for _, c := range []struct {
		title string
		so    source.Options
		o     Options
		want  map[string]string
	}{
		{"admin", source.Options{}, Options{NoDatabase: true}, map[string]string{"Application/Read me.txt": "hello", "Application/sub/x.dll": dll, "empty": ""}},
		{"short names", source.Options{}, Options{NoDatabase: true, ShortNames: true}, map[string]string{"APPLIC~1/README~1.TXT": "hello", "APPLIC~1/sub/x.dll": dll, "empty": ""}},
		{"target", source.Options{}, Options{Layout: Target}, map[string]string{"Installed/Read me.txt": "hello", "Installed/sub/x.dll": dll, "empty": ""}},
		{"target, short names", source.Options{}, Options{Layout: Target, ShortNames: true}, map[string]string{"INSTAL~1/README~1.TXT": "hello", "INSTAL~1/sub/x.dll": dll, "empty": ""}},
		{"flat", source.Options{}, Options{Layout: Flat}, map[string]string{"Read me.txt": "hello", "x.dll": dll, "empty": ""}},
		{"include", source.Options{}, Options{Include: []string{"*.TXT", "application/**/x.*"}}, map[string]string{"Application/Read me.txt": "hello", "Application/sub/x.dll": dll}},
		{"all features", source.Options{AllFeatures: true}, Options{Include: []string{"*.txt"}}, map[string]string{"Application/Read me.txt": "hello", "Application/off.txt": "3"}},
	} {
		t.Run(c.title, func(t *testing.T) {
			out, r, err := extractTo(t, name, c.so, c.o, WriteOptions{SHA256: true})
			require.NoError(t, err)
			require.Equal(t, c.want, testkit.ReadTree(t, out))
			require.Equal(t, len(c.want), r.Files.Len())
			require.Equal(t, out, r.Output)
			sums := testkit.SumTree(t, out)
			for f := range r.Files.All() {
				require.Equal(t, int64(len(c.want[f.Path])), f.Size)
				require.Equal(t, sums[f.Path], f.SHA256)
			}
		})
	}
}

func TestResultIsTheJSONOfTheContract(t *testing.T) {
	name := testkit.Write(t, t.TempDir(), "usual.msi", usual)
	out, r, err := extractTo(t, name, source.Options{}, Options{Include: []string{"empty"}}, WriteOptions{SHA256: true})
	require.NoError(t, err)
	text, err := json.Marshal(r)
	require.NoError(t, err)
	quoted, err := json.Marshal(out)
	require.NoError(t, err)
	require.JSONEq(t, `{"output":`+string(quoted)+`,
		"files":[{"path":"empty","size":0,"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}],
		"left_out":[{"path":"Application/off.txt","key":"f3","size":1,"feature":"Off","reason":"feature Off has Level 0"}],
		"warnings":[]}`, string(text))
}

func TestDatabaseOfTheImage(t *testing.T) {
	name := testkit.Write(t, t.TempDir(), "usual.msi", usual)
	original, err := msi.Open(name)
	require.NoError(t, err)
	defer original.Close()
	for _, short := range []bool{false, true} {
		out, _, err := extractTo(t, name, source.Options{}, Options{ShortNames: short}, WriteOptions{})
		require.NoError(t, err)
		db, err := msi.Open(filepath.Join(out, "usual.msi"))
		require.NoError(t, err)
		wordCount, _ := db.Summary().Int(msi.PIDWordCount)
		require.Equal(t, map[bool]int32{false: 4, true: 5}[short], wordCount)
		require.Equal(t, original.Summary().String(msi.PIDRevision), db.Summary().String(msi.PIDRevision))
		require.ElementsMatch(t, []string{"AdminProperties", "Binary.keep", "\x05MsiDigitalSignatureEx"}, db.Streams())
		require.Equal(t, "I\x00s\x00A\x00d\x00m\x00i\x00n\x00P\x00a\x00c\x00k\x00a\x00g\x00e\x00=\x00\"\x001\x00\"\x00 \x00"+
			wide("SITE=\"a \"\"quoted\"\" value\" \x00"), stream(t, db, "AdminProperties"))
		diff, err := msi.Compare(original, db)
		require.NoError(t, err)
		require.Empty(t, diff.Tables, "tables stay as they are")
		require.NoError(t, db.Close())

		again, _, err := extractTo(t, filepath.Join(out, "usual.msi"), source.Options{}, Options{ShortNames: short}, WriteOptions{})
		require.NoError(t, err)
		require.Equal(t, testkit.ReadTree(t, out), testkit.ReadTree(t, again), "an image of the image is the same image")
	}
}

func wide(text string) string {
	var b strings.Builder
	for i := range len(text) {
		b.WriteByte(text[i])
		b.WriteByte(0)
	}
	return b.String()
}

func stream(t *testing.T, db *msi.Database, name string) string {
	t.Helper()
	r, err := db.Stream(name)
	require.NoError(t, err)
	var b bytes.Buffer
	_, err = b.ReadFrom(r)
	require.NoError(t, err)
	return b.String()
}

func TestFileThatNamesThePackageWins(t *testing.T) {
	name := testkit.Write(t, t.TempDir(), "Self.msi", testkit.Package{
		Files: []testkit.File{{Key: "self", Name: "SELF.MSI", Directory: "TARGETDIR", Content: "what the File table names"}},
	})
	out, _, err := extractTo(t, name, source.Options{}, Options{}, WriteOptions{})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"SELF.MSI": "what the File table names"}, testkit.ReadTree(t, out))
}

func TestCollisions(t *testing.T) {
	dir := t.TempDir()
	twice := testkit.Write(t, dir, "twice.msi", testkit.Package{
		Directories: [][3]string{{"TARGETDIR", "", "SourceDir"}, {"INSTALLDIR", "TARGETDIR", "App"}, {"B", "TARGETDIR", "APP"}},
		Files: []testkit.File{
			{Key: "early", Name: "same.txt", Content: "early"},
			{Key: "late", Name: "SAME.TXT", Directory: "B", Content: "late"},
			{Key: "other", Name: "other.txt", Directory: "B", Content: "other"},
		},
	})
	out, r, err := extractTo(t, twice, source.Options{}, Options{NoDatabase: true}, WriteOptions{})
	require.NoError(t, err)
	require.Len(t, r.Warnings, 1)
	require.Contains(t, r.Warnings[0], "late (sequence 2) replaces early (sequence 1)")
	got := testkit.ReadTree(t, out)
	require.Len(t, got, 2)
	require.Equal(t, "late", got["APP/SAME.TXT"])
	require.Equal(t, "other", got["APP/other.txt"])

	for title, plan := range map[string]func() (*source.Package, Options){
		"flat": func() (*source.Package, Options) {
			return openFor(t, twice), Options{Layout: Flat}
		},
		"a file that is a folder": func() (*source.Package, Options) {
			return openFor(t, testkit.Write(t, dir, "folder.msi", testkit.Package{Files: []testkit.File{
				{Key: "a", Name: "app", Directory: "TARGETDIR", Content: "a"}, {Key: "b", Content: "b"},
			}})), Options{}
		},
		"in a cabinet": func() (*source.Package, Options) {
			var out bytes.Buffer
			w := cabtest.NewWriter(&out, cabtest.WriterOptions{})
			require.NoError(t, w.Add(cabtest.FileHeader{Name: "A.txt"}, strings.NewReader("1")))
			require.NoError(t, w.Add(cabtest.FileHeader{Name: "a.TXT"}, strings.NewReader("2")))
			require.NoError(t, w.Close())
			name := filepath.Join(dir, "x.cab")
			require.NoError(t, os.WriteFile(name, out.Bytes(), 0o666))
			return openFor(t, name), Options{}
		},
	} {
		p, o := plan()
		_, err := NewPlan(p, o)
		require.ErrorIs(t, err, ErrCollision, title)
		var sourceError *source.Error
		require.ErrorAs(t, err, &sourceError, title)
	}
}

func openFor(t *testing.T, ref string) *source.Package {
	t.Helper()
	p, err := source.Open(t.Context(), ref, source.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

func TestUnsafeNamesAreRefused(t *testing.T) {
	dir := t.TempDir()
	for _, file := range []string{"..", "NUL", "a:b", "trailing..", "blank ", `a\b`, "con.txt"} {
		p := openFor(t, testkit.Write(t, dir, "x.msi", testkit.Package{Files: []testkit.File{{Key: "k", Name: "SHORT|" + file, Content: "1"}}}))
		_, err := NewPlan(p, Options{})
		require.ErrorIs(t, err, safepath.ErrUnsafe, file)
		require.ErrorContains(t, err, "file k")
		_, err = NewPlan(p, Options{ShortNames: true})
		require.NoError(t, err)
	}
	p := openFor(t, testkit.Write(t, dir, "x.msi", testkit.Package{
		Directories: [][3]string{{"TARGETDIR", "", "SourceDir"}, {"INSTALLDIR", "TARGETDIR", "x:.."}},
		Files:       []testkit.File{{Key: "k", Content: "1"}},
	}))
	_, err := NewPlan(p, Options{})
	require.ErrorIs(t, err, safepath.ErrUnsafe)
}

// TestPeriodAtTheEnd extracts names that Windows shortens.
func TestPeriodAtTheEnd(t *testing.T) {
	p := openFor(t, testkit.Write(t, t.TempDir(), "x.msi", testkit.Package{
		Directories: [][3]string{{"TARGETDIR", "", "SourceDir"}, {"INC", "TARGETDIR", "FOXOR|Foxor Inc."}, {"INSTALLDIR", "INC", "App"}},
		Files: []testkit.File{
			{Key: "first", Name: "READ|read me", Content: "replaced"},
			{Key: "second", Name: "READ2|Read me.", Content: "kept"},
			{Key: "other", Directory: "INC", Content: "other"},
		},
	}))
	out := filepath.Join(t.TempDir(), "out")
	plan, err := NewPlan(p, Options{NoDatabase: true})
	require.NoError(t, err)
	r, err := plan.Write(t.Context(), out, WriteOptions{})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"Foxor Inc/App/Read me": "kept", "Foxor Inc/other": "other"}, testkit.ReadTree(t, out))
	require.Len(t, r.Warnings, 2)
	require.Contains(t, r.Warnings[0], "Foxor Inc/App/read me: a name that ends in a period")
	require.Contains(t, r.Warnings[0], "3")
	require.Contains(t, r.Warnings[1], "second (sequence 2) replaces first")
}

// TestPeriodAtTheEndInACabinet refuses names that are the same once they are
// shortened: a cabinet has no order in which one of them would be right.
func TestPeriodAtTheEndInACabinet(t *testing.T) {
	for _, c := range []struct {
		names []string
		want  error
	}{
		{[]string{`Foxor Inc.\a`, "b."}, nil},
		{[]string{"a", "A."}, ErrCollision},
		{[]string{"a", "a.."}, safepath.ErrUnsafe},
	} {
		var out bytes.Buffer
		w := cabtest.NewWriter(&out, cabtest.WriterOptions{})
		for _, name := range c.names {
			require.NoError(t, w.Add(cabtest.FileHeader{Name: name, Modified: testkit.Modified}, strings.NewReader("x")))
		}
		require.NoError(t, w.Close())
		name := filepath.Join(t.TempDir(), "x.cab")
		require.NoError(t, os.WriteFile(name, out.Bytes(), 0o666))
		p := openFor(t, name)
		plan, err := NewPlan(p, Options{})
		require.ErrorIs(t, err, c.want)
		if err == nil {
			require.Equal(t, "Foxor Inc/a", plan.Path(plan.Files[0]))
			require.Equal(t, "b", plan.Path(plan.Files[1]))
			require.Len(t, p.Warnings(), 1)
		}
	}
}

func TestPatternThatMatchesNothing(t *testing.T) {
	p := openFor(t, testkit.Write(t, t.TempDir(), "usual.msi", usual))
	_, err := NewPlan(p, Options{Include: []string{"*.txt", "*.nothing"}})
	require.ErrorIs(t, err, ErrNoMatch)
	require.ErrorContains(t, err, "*.nothing")
	_, err = NewPlan(p, Options{Include: []string{"["}})
	require.ErrorIs(t, err, ErrPattern)
}

func TestLimitsOfAPlan(t *testing.T) {
	name := testkit.Write(t, t.TempDir(), "usual.msi", usual)
	for _, limits := range []Limits{{MaxBytes: 1000}, {MaxFiles: 2}} {
		_, err := NewPlan(openFor(t, name), Options{Limits: limits})
		require.ErrorIs(t, err, ErrLimit)
		var sourceError *source.Error
		require.ErrorAs(t, err, &sourceError)
	}
}

func TestFailureLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	name := testkit.Write(t, dir, "x.msi", testkit.Package{Files: []testkit.File{
		{Key: "a", Content: "1"}, {Key: "b", Content: "2", WrongHash: true}, {Key: "c", Content: "3"},
	}})
	plan, err := NewPlan(openFor(t, name), Options{})
	require.NoError(t, err)
	top := t.TempDir()
	out := filepath.Join(top, "deep", "out")
	r, err := plan.Write(context.Background(), out, WriteOptions{})
	require.ErrorIs(t, err, source.ErrMismatch)
	require.ErrorContains(t, err, "App/b")
	require.Nil(t, r)
	require.Empty(t, testkit.Names(t, top))

	r, err = plan.Write(context.Background(), out, WriteOptions{KeepGoing: true})
	require.ErrorIs(t, err, source.ErrMismatch)
	require.Equal(t, map[string]string{"App/a": "1", "App/c": "3"}, testkit.ReadTree(t, out), "without the database: the image is not complete")
	require.Equal(t, 2, r.Files.Len())
	require.Equal(t, "App/b", r.Lost[0].Path)

	all := testkit.Write(t, dir, "y.msi", testkit.Package{Files: []testkit.File{{Key: "b", Content: "2", WrongHash: true}}})
	plan, err = NewPlan(openFor(t, all), Options{})
	require.NoError(t, err)
	_, err = plan.Write(context.Background(), filepath.Join(top, "none"), WriteOptions{KeepGoing: true})
	require.ErrorIs(t, err, source.ErrMismatch)
	require.NoFileExists(t, filepath.Join(top, "none"))
}

func TestInterruptionLeavesNothing(t *testing.T) {
	var files []testkit.File
	for i := range 40 {
		files = append(files, testkit.File{Key: "f" + strconv.Itoa(i), Content: strings.Repeat("x", 20_000)})
	}
	plan, err := NewPlan(openFor(t, testkit.Write(t, t.TempDir(), "x.msi", testkit.Package{Files: files})), Options{})
	require.NoError(t, err)
	for stop := int64(1); stop < plan.Bytes; stop += 90_000 {
		top := t.TempDir()
		ctx, cancel := context.WithCancel(context.Background())
		_, err := plan.Write(ctx, filepath.Join(top, "out"), WriteOptions{Progress: func(done, total int64) {
			require.Equal(t, plan.Bytes, total)
			if done >= stop {
				cancel()
			}
		}})
		require.ErrorIs(t, err, context.Canceled)
		require.Empty(t, testkit.Names(t, top))
		cancel()
	}
}

func TestOwnFolderIsRefused(t *testing.T) {
	dir := t.TempDir()
	plan, err := NewPlan(openFor(t, testkit.Write(t, dir, "usual.msi", usual)), Options{})
	require.NoError(t, err)
	for _, o := range []WriteOptions{{}, {Merge: true}} {
		_, err = plan.Write(context.Background(), dir, o)
		var outputError *OutputError
		require.ErrorAs(t, err, &outputError)
		require.ErrorContains(t, err, "folder of the package itself")
	}
	require.Equal(t, []string{"usual.msi"}, testkit.Names(t, dir))
}

func TestMergeIntoAFolder(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	require.NoError(t, os.MkdirAll(filepath.Join(out, "application"), 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(out, "application", "READ ME.TXT"), []byte("old"), 0o666))
	require.NoError(t, os.WriteFile(filepath.Join(out, "mine"), []byte("mine"), 0o666))
	plan, err := NewPlan(openFor(t, testkit.Write(t, t.TempDir(), "usual.msi", usual)), Options{NoDatabase: true})
	require.NoError(t, err)
	_, err = plan.Write(context.Background(), out, WriteOptions{})
	require.ErrorIs(t, err, ErrExists)
	_, err = plan.Write(context.Background(), out, WriteOptions{Merge: true})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"application/READ ME.TXT": "hello", "application/sub/x.dll": strings.Repeat("dll", 50_000), "empty": "", "mine": "mine"}, testkit.ReadTree(t, out))
}

func TestOutputErrorsWin(t *testing.T) {
	plan, err := NewPlan(openFor(t, testkit.Write(t, t.TempDir(), "usual.msi", usual)), Options{})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o666))
	_, err = plan.Write(context.Background(), filepath.Join(file, "out"), WriteOptions{KeepGoing: true})
	var outputError *OutputError
	require.True(t, errors.As(err, &outputError), "%v", err)
}
