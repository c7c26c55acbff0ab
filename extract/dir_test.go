package extract

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/extract/safepath"
	"github.com/hotfixkit/hotfixkit/testdata/testkit"
)

var testTime = time.Date(2010, 1, 25, 6, 26, 58, 0, time.UTC)

// writeFile writes one whole file into an output folder under construction.
func writeFile(t *testing.T, d *Dir, name, content string) {
	t.Helper()
	f, err := d.Create(name, FileInfo{Modified: testTime})
	require.NoError(t, err)
	_, err = io.WriteString(f, content)
	require.NoError(t, err)
	require.NoError(t, f.Close(nil))
}

func TestDirAppearsAtOnce(t *testing.T) {
	for out, want := range map[string][]string{
		"new":         {"empty", "new"},
		"deep/er/new": {"new"},
		"empty":       {"empty"},
	} {
		top := t.TempDir()
		require.NoError(t, os.MkdirAll(filepath.Join(top, "empty"), 0o777))
		dir := filepath.Join(top, filepath.FromSlash(out))
		d, err := CreateDir(dir, DirOptions{})
		require.NoError(t, err)
		writeFile(t, d, "a.txt", "A")
		writeFile(t, d, "sub/sub/b.txt", "B")
		writeFile(t, d, "sub/empty", "")
		if entries, err := os.ReadDir(dir); err == nil {
			require.Empty(t, entries, "nothing may show before Commit")
		}
		require.NoError(t, d.Commit(t.Context()))
		require.Equal(t, map[string]string{"a.txt": "A", "sub/sub/b.txt": "B", "sub/empty": ""}, testkit.ReadTree(t, dir))
		info, err := os.Stat(filepath.Join(dir, "sub", "sub", "b.txt"))
		require.NoError(t, err)
		require.True(t, info.ModTime().Equal(testTime), "modification time %v", info.ModTime())
		require.ElementsMatch(t, want, testkit.Names(t, filepath.Dir(dir)), "nothing else is left")
	}
}

func TestDirAbortLeavesNothing(t *testing.T) {
	top := t.TempDir()
	d, err := CreateDir(filepath.Join(top, "made", "too", "out"), DirOptions{})
	require.NoError(t, err)
	writeFile(t, d, "a/b.txt", "B")
	_, err = d.Create("half", FileInfo{})
	require.NoError(t, err)
	require.NoError(t, d.Abort())
	require.NoError(t, d.Abort(), "a second Abort does nothing")
	require.Empty(t, testkit.Names(t, top))
}

func TestDirLostFileIsThrownAway(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	d, err := CreateDir(out, DirOptions{})
	require.NoError(t, err)
	writeFile(t, d, "whole", "1")
	f, err := d.Create("lost", FileInfo{})
	require.NoError(t, err)
	_, err = f.Write([]byte("half of"))
	require.NoError(t, err)
	require.NoError(t, f.Close(errors.New("damaged")))
	require.NoError(t, d.Commit(t.Context()))
	require.Equal(t, map[string]string{"whole": "1"}, testkit.ReadTree(t, out))
}

func TestDirRefuses(t *testing.T) {
	top := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(top, "full"), 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(top, "full", "x"), []byte("x"), 0o666))
	require.NoError(t, os.WriteFile(filepath.Join(top, "file"), nil, 0o666))

	_, err := CreateDir(filepath.Join(top, "full"), DirOptions{})
	require.ErrorIs(t, err, ErrExists)
	var outputError *OutputError
	require.ErrorAs(t, err, &outputError)

	_, err = CreateDir(filepath.Join(top, "file"), DirOptions{})
	require.ErrorAs(t, err, &outputError)
	_, err = CreateDir(filepath.Join(top, "file", "below"), DirOptions{})
	require.ErrorAs(t, err, &outputError)

	t.Chdir(t.TempDir())
	_, err = CreateDir(".", DirOptions{})
	require.ErrorContains(t, err, "current folder")
	require.Equal(t, []string{"file", "full"}, testkit.Names(t, top))
}

func TestDirFolderFilledMeanwhile(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	d, err := CreateDir(out, DirOptions{})
	require.NoError(t, err)
	writeFile(t, d, "a", "A")
	require.NoError(t, os.Mkdir(out, 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(out, "other"), []byte("x"), 0o666))
	require.ErrorIs(t, d.Commit(t.Context()), ErrExists)
	require.Equal(t, map[string]string{"other": "x"}, testkit.ReadTree(t, out))
	require.Equal(t, []string{"out"}, testkit.Names(t, filepath.Dir(out)))
}

func TestDirUnsafeNamesAndCollisions(t *testing.T) {
	d, err := CreateDir(filepath.Join(t.TempDir(), "out"), DirOptions{})
	require.NoError(t, err)
	defer d.Abort()
	for _, name := range []string{"../x", "/x", "NUL", "a/CON.txt", "a:b", `a\..\b`} {
		_, err := d.Create(name, FileInfo{})
		require.ErrorIs(t, err, safepath.ErrUnsafe, name)
	}
	writeFile(t, d, "a", "")
	_, err = d.Create("a", FileInfo{})
	require.ErrorIs(t, err, ErrCollision)
	var outputError *OutputError
	require.False(t, errors.As(err, &outputError), "a collision is a fault of the input")
	require.NoError(t, d.failure())
	_, err = d.Create("a/b", FileInfo{})
	require.ErrorAs(t, err, &outputError)
	require.Equal(t, err, d.failure())
}

func TestDirLimits(t *testing.T) {
	d, err := CreateDir(filepath.Join(t.TempDir(), "out"), DirOptions{Limits: Limits{MaxBytes: 10, MaxFiles: 2}})
	require.NoError(t, err)
	defer d.Abort()
	writeFile(t, d, "a", "12345")
	f, err := d.Create("b", FileInfo{})
	require.NoError(t, err)
	_, err = f.Write([]byte("12345"))
	require.NoError(t, err)
	_, err = f.Write([]byte("6"))
	require.ErrorIs(t, err, ErrLimit)
	_, err = d.Create("c", FileInfo{})
	require.ErrorIs(t, err, ErrLimit)
	var outputError *OutputError
	require.False(t, errors.As(err, &outputError))
}

func TestDirMerge(t *testing.T) {
	for _, inside := range []bool{false, true} {
		top := t.TempDir()
		out := filepath.Join(top, "out")
		require.NoError(t, os.MkdirAll(filepath.Join(out, "I386"), 0o777))
		require.NoError(t, os.WriteFile(filepath.Join(out, "I386", "Client.MSI"), []byte("old"), 0o444))
		require.NoError(t, os.WriteFile(filepath.Join(out, "keep"), []byte("kept"), 0o666))
		d, err := CreateDir(out, DirOptions{Merge: true})
		require.NoError(t, err)
		if inside {
			require.NoError(t, d.Abort())
			d.anchor, err = os.OpenRoot(out)
			require.NoError(t, err)
			d.target, d.stagingName = ".", stagingSuffix
			require.NoError(t, d.claim())
		}
		writeFile(t, d, "i386/client.msi", "new")
		writeFile(t, d, "i386/hotfix/KB977203/x.msp", "msp")
		writeFile(t, d, "top", "t")
		require.Equal(t, "old", testkit.ReadTree(t, out)["I386/Client.MSI"], "nothing changes before Commit")
		require.NoError(t, d.Commit(t.Context()))
		require.Equal(t, map[string]string{
			"I386/Client.MSI":            "new",
			"I386/hotfix/KB977203/x.msp": "msp",
			"keep":                       "kept",
			"top":                        "t",
		}, testkit.ReadTree(t, out))
		require.Equal(t, []string{"out"}, testkit.Names(t, top))
		require.Len(t, testkit.Names(t, out), 3)
	}
}

func TestDirMergeConflicts(t *testing.T) {
	top := t.TempDir()
	out := filepath.Join(top, "out")
	require.NoError(t, os.MkdirAll(filepath.Join(out, "folder"), 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(out, "file"), []byte("x"), 0o666))
	cases := []string{"folder", "FILE/below"}
	if runtime.GOOS != "windows" {
		require.NoError(t, os.Symlink(top, filepath.Join(out, "link")))
		cases = append(cases, "link/escaped", "link")
	}
	for _, name := range cases {
		d, err := CreateDir(out, DirOptions{Merge: true})
		require.NoError(t, err)
		writeFile(t, d, name, "new")
		var outputError *OutputError
		require.ErrorAs(t, d.Commit(t.Context()), &outputError, name)
		require.Equal(t, []string{"out"}, testkit.Names(t, top))
	}
}

func TestDirAcceptIdentical(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	write := func(files map[string]string) (*Dir, error) {
		d, err := CreateDir(out, DirOptions{AcceptIdentical: true})
		require.NoError(t, err)
		for name, content := range files {
			writeFile(t, d, name, content)
		}
		return d, d.Commit(t.Context())
	}
	files := map[string]string{"a": "A", "b/c": strings.Repeat("C", 200_000)}
	d, err := write(files)
	require.NoError(t, err)
	require.False(t, d.Unchanged())
	d, err = write(files)
	require.NoError(t, err)
	require.True(t, d.Unchanged())
	for _, other := range []map[string]string{
		{"a": "A"},
		{"a": "A", "b/c": "C"},
		{"a": "A", "b/c": files["b/c"], "d": ""},
		{"a": "A", "b/x": files["b/c"]},
	} {
		_, err = write(other)
		require.ErrorIs(t, err, ErrExists)
		require.Equal(t, files, testkit.ReadTree(t, out))
	}
	require.NoError(t, os.Mkdir(filepath.Join(out, "stray"), 0o777))
	_, err = write(files)
	require.ErrorIs(t, err, ErrExists)
}

func TestDirBusy(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	first, err := CreateDir(out, DirOptions{})
	require.NoError(t, err)
	writeFile(t, first, "a", "A")
	_, err = CreateDir(out, DirOptions{})
	require.ErrorIs(t, err, ErrBusy)
	require.NoError(t, first.Commit(t.Context()))
	require.Equal(t, map[string]string{"a": "A"}, testkit.ReadTree(t, out))
}

// TestDirKilled kills a process in the middle of writing and looks at what the
// next run makes of it.
func TestDirKilled(t *testing.T) {
	if out := os.Getenv("HOTFIX_TEST_WRITE_AND_WAIT"); out != "" {
		d, err := CreateDir(out, DirOptions{})
		require.NoError(t, err)
		writeFile(t, d, "old/half.txt", "half")
		os.Stdout.WriteString("ready\n")
		time.Sleep(time.Minute)
		return
	}
	out := filepath.Join(t.TempDir(), "out")
	cmd := exec.Command(os.Args[0], "-test.run=^TestDirKilled$")
	cmd.Env = append(os.Environ(), "HOTFIX_TEST_WRITE_AND_WAIT="+out)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = io.ReadFull(stdout, make([]byte, len("ready\n")))
	require.NoError(t, err)
	_, err = CreateDir(out, DirOptions{})
	require.ErrorIs(t, err, ErrBusy)
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	require.Equal(t, []string{"out" + stagingSuffix}, testkit.Names(t, filepath.Dir(out)))

	d, err := CreateDir(out, DirOptions{})
	require.NoError(t, err)
	writeFile(t, d, "a", "A")
	require.NoError(t, d.Commit(t.Context()))
	require.Equal(t, map[string]string{"a": "A"}, testkit.ReadTree(t, out))
	require.Equal(t, []string{"out"}, testkit.Names(t, filepath.Dir(out)))
}

func TestDirConcurrent(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	d, err := CreateDir(out, DirOptions{})
	require.NoError(t, err)
	var group sync.WaitGroup
	content := bytes.Repeat([]byte("x"), 100_000)
	for i := range 50 {
		group.Go(func() {
			f, err := d.Create(strings.Repeat("d/", i%5)+"f"+strconv.Itoa(i), FileInfo{})
			if err == nil {
				_, err = f.Write(content)
			}
			if err == nil {
				err = f.Close(nil)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	require.NoError(t, d.Commit(t.Context()))
	require.Len(t, testkit.ReadTree(t, out), 50)
}

func TestDirNotPermitted(t *testing.T) {
	top := t.TempDir()
	require.NoError(t, os.Chmod(top, 0o555))
	if os.Geteuid() == 0 {
		top = "/sys" // permissions do not bind root; here nobody makes folders
	}
	if _, err := os.Stat(top); err != nil || runtime.GOOS == "windows" {
		t.Skip("no folder here is closed to this user")
	}
	_, err := CreateDir(filepath.Join(top, "out"), DirOptions{})
	var outputError *OutputError
	require.ErrorAs(t, err, &outputError)
	require.ErrorIs(t, outputError, fs.ErrPermission)
}

// TestDirSucceed replaces a folder that may be replaced, keeps one that may not,
// and puts one back that a killed run had moved away.
func TestDirSucceed(t *testing.T) {
	top := t.TempDir()
	out := filepath.Join(top, "out")
	write := func(content string, verdict error) (*Dir, error) {
		d, err := CreateDir(out, DirOptions{AcceptIdentical: true, Succeed: func(_ context.Context, old *os.Root) error {
			_, err := old.Stat("a")
			return errors.Join(err, verdict)
		}})
		require.NoError(t, err)
		writeFile(t, d, "a", content)
		return d, d.Commit(t.Context())
	}
	_, err := write("A", nil)
	require.NoError(t, err)
	require.NoError(t, os.Chmod(out, 0o750))
	mine := errors.New("mine")
	_, err = write("B", mine)
	require.ErrorIs(t, err, mine)
	require.Equal(t, map[string]string{"a": "A"}, testkit.ReadTree(t, out))
	d, err := write("B", nil)
	require.NoError(t, err)
	require.True(t, d.Replaced())
	require.Equal(t, map[string]string{"a": "B"}, testkit.ReadTree(t, out))
	require.Equal(t, []string{"out"}, testkit.Names(t, top))
	if runtime.GOOS != "windows" {
		info, err := os.Stat(out)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o750), info.Mode().Perm())
	}

	// Killed between the two renames.
	partial := out + stagingSuffix
	require.NoError(t, os.Mkdir(partial, 0o700))
	require.NoError(t, os.Rename(out, filepath.Join(partial, previousName)))
	d, err = CreateDir(out, DirOptions{AcceptIdentical: true})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"a": "B"}, testkit.ReadTree(t, out))
	require.NoError(t, d.Abort())
	require.Equal(t, map[string]string{"a": "B"}, testkit.ReadTree(t, out))
	require.Equal(t, []string{"out"}, testkit.Names(t, top))
}

// TestDirKeepsMode checks that an empty folder keeps its mode.
func TestDirKeepsMode(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no modes on Windows")
	}
	out := filepath.Join(t.TempDir(), "out")
	require.NoError(t, os.Mkdir(out, 0o700))
	require.NoError(t, os.Chmod(out, 0o2750|os.ModeSetgid))
	before, err := os.Stat(out)
	require.NoError(t, err)
	d, err := CreateDir(out, DirOptions{})
	require.NoError(t, err)
	writeFile(t, d, "a", "A")
	require.NoError(t, d.Commit(t.Context()))
	after, err := os.Stat(out)
	require.NoError(t, err)
	require.Equal(t, before.Mode(), after.Mode())
}
