//go:build unix

package extract

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/hotfixkit/hotfixkit/testdata/testkit"
)

const nobody = 65534

// asAnother gives a file or folder to another user; only root can.
func asAnother(t *testing.T, name string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: only root can make files of another user")
	}
	require.NoError(t, os.Chown(name, nobody, nobody))
}

// sharedFolder returns a folder in which everybody may write, like /tmp.
func sharedFolder(t *testing.T) string {
	t.Helper()
	shared := t.TempDir()
	require.NoError(t, os.Chmod(shared, 0o777|os.ModeSticky))
	return shared
}

func TestDirIsClosedToOthers(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	d, err := CreateDir(out, DirOptions{})
	require.NoError(t, err)
	defer d.Abort()
	info, err := os.Stat(out + stagingSuffix)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
}

// TestDirPreparedByAnother finds a temporary folder that this run did not make. It
// is neither used nor touched.
func TestDirPreparedByAnother(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, staging string){
		"another user's": func(t *testing.T, staging string) {
			require.NoError(t, os.MkdirAll(filepath.Join(staging, "content"), 0o777))
			asAnother(t, staging)
		},
		"another user's, closed": func(t *testing.T, staging string) {
			require.NoError(t, os.MkdirAll(filepath.Join(staging, "content"), 0o777))
			require.NoError(t, os.Chmod(staging, 0o700))
			asAnother(t, staging)
		},
		"open to others": func(t *testing.T, staging string) {
			require.NoError(t, os.MkdirAll(filepath.Join(staging, "content"), 0o777))
			require.NoError(t, os.Chmod(staging, 0o777))
		},
	} {
		t.Run(name, func(t *testing.T) {
			shared := sharedFolder(t)
			staging := filepath.Join(shared, "out"+stagingSuffix)
			prepare(t, staging)
			_, err := CreateDir(filepath.Join(shared, "out"), DirOptions{})
			require.ErrorIs(t, err, ErrForeign)
			var outputError *OutputError
			require.ErrorAs(t, err, &outputError)
			require.Equal(t, []string{"content"}, testkit.Names(t, staging))
			require.Equal(t, []string{"out" + stagingSuffix}, testkit.Names(t, shared))
		})
	}
}

func TestDirPreparedAsLink(t *testing.T) {
	shared := sharedFolder(t)
	elsewhere := filepath.Join(shared, "elsewhere")
	require.NoError(t, os.MkdirAll(filepath.Join(elsewhere, "content"), 0o700))
	require.NoError(t, os.Symlink("elsewhere", filepath.Join(shared, "out"+stagingSuffix)))
	_, err := CreateDir(filepath.Join(shared, "out"), DirOptions{})
	require.ErrorContains(t, err, "in the way")
	require.Equal(t, []string{"content"}, testkit.Names(t, elsewhere))
}

// TestDirSwapped puts other folders in the place of those that are written, at
// every step at which somebody who owns the folder around them can.
func TestDirSwapped(t *testing.T) {
	forged := func(t *testing.T, dir string) {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, contentName), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, contentName, "a"), []byte("forged"), 0o666))
	}
	for name, swap := range map[string]func(t *testing.T, staging string){
		"temporary folder": func(t *testing.T, staging string) {
			require.NoError(t, os.Rename(staging, staging+".moved"))
			forged(t, staging)
		},
		"temporary folder, by a link": func(t *testing.T, staging string) {
			require.NoError(t, os.Rename(staging, staging+".moved"))
			forged(t, staging+".forged")
			require.NoError(t, os.Symlink(filepath.Base(staging)+".forged", staging))
		},
		"content": func(t *testing.T, staging string) {
			require.NoError(t, os.Rename(filepath.Join(staging, contentName), filepath.Join(staging, "moved")))
			forged(t, staging)
		},
	} {
		for _, merge := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				shared := sharedFolder(t)
				out := filepath.Join(shared, "out")
				if merge {
					require.NoError(t, os.Mkdir(out, 0o777))
				}
				d, err := CreateDir(out, DirOptions{Merge: merge})
				require.NoError(t, err)
				writeFile(t, d, "a", "A")
				swap(t, out+stagingSuffix)
				writeFile(t, d, "b", "B")
				require.ErrorIs(t, d.Commit(t.Context()), ErrReplaced)
				if merge {
					require.Empty(t, testkit.ReadTree(t, out))
				} else {
					require.NoDirExists(t, out)
				}
			})
		}
	}
}

// TestDirAboveSwapped moves the folder around the output folder away: what was
// written is not where the user asked for it.
func TestDirAboveSwapped(t *testing.T) {
	above := filepath.Join(t.TempDir(), "above")
	require.NoError(t, os.Mkdir(above, 0o777))
	d, err := CreateDir(filepath.Join(above, "out"), DirOptions{})
	require.NoError(t, err)
	writeFile(t, d, "a", "A")
	require.NoError(t, os.Rename(above, above+".moved"))
	require.NoError(t, os.MkdirAll(filepath.Join(above, "out"), 0o777))
	require.ErrorIs(t, d.Commit(t.Context()), ErrReplaced)
}

// TestDirFolderSwappedForLink puts a symbolic link in the place of a folder of the
// content; no file goes through it.
func TestDirFolderSwappedForLink(t *testing.T) {
	top := t.TempDir()
	elsewhere := filepath.Join(top, "elsewhere")
	require.NoError(t, os.Mkdir(elsewhere, 0o777))
	d, err := CreateDir(filepath.Join(top, "out"), DirOptions{})
	require.NoError(t, err)
	defer d.Abort()
	require.NoError(t, os.Symlink(elsewhere, filepath.Join(top, "out"+stagingSuffix, contentName, "sub")))
	_, err = d.Create("sub/file", FileInfo{})
	var outputError *OutputError
	require.ErrorAs(t, err, &outputError)
	require.Empty(t, testkit.Names(t, elsewhere))
}

func TestDirLeftByThisUserIsTakenOver(t *testing.T) {
	shared := sharedFolder(t)
	left := filepath.Join(shared, "out"+stagingSuffix)
	require.NoError(t, os.Mkdir(left, 0o700))
	require.NoError(t, os.MkdirAll(filepath.Join(left, contentName, "deep"), 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(left, lockName), nil, 0o600))
	d, err := CreateDir(filepath.Join(shared, "out"), DirOptions{})
	require.NoError(t, err)
	writeFile(t, d, "a", "A")
	require.NoError(t, d.Commit(t.Context()))
	require.Equal(t, map[string]string{"a": "A"}, testkit.ReadTree(t, filepath.Join(shared, "out")))
	require.Equal(t, []string{"out"}, testkit.Names(t, shared))
}

func TestWriteFilePreparedByAnother(t *testing.T) {
	shared := sharedFolder(t)
	temp := filepath.Join(shared, "report.html"+stagingSuffix)
	require.NoError(t, os.WriteFile(temp, []byte("theirs"), 0o666))
	asAnother(t, temp)
	err := WriteFile(filepath.Join(shared, "report.html"), func(io.Writer) error { return nil })
	require.ErrorIs(t, err, ErrForeign)
	require.Equal(t, map[string]string{"report.html" + stagingSuffix: "theirs"}, testkit.ReadTree(t, shared))
}

func TestWriteFileSwapped(t *testing.T) {
	shared := sharedFolder(t)
	name := filepath.Join(shared, "report.html")
	temp := name + stagingSuffix
	err := WriteFile(name, func(w io.Writer) error {
		info, err := os.Stat(temp)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		require.NoError(t, os.Remove(temp))
		return os.WriteFile(temp, []byte("forged"), 0o666)
	})
	require.ErrorIs(t, err, ErrReplaced)
	require.NoFileExists(t, name)
}

func TestWriteFileBusyAndLeft(t *testing.T) {
	name := filepath.Join(t.TempDir(), "report.html")
	write := func(text string) func(io.Writer) error {
		return func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return err
		}
	}
	require.NoError(t, os.WriteFile(name+stagingSuffix, []byte("left"), 0o600))
	require.NoError(t, WriteFile(name, func(w io.Writer) error {
		require.ErrorIs(t, WriteFile(name, write("second")), ErrBusy)
		return write("first")(w)
	}))
	require.Equal(t, map[string]string{"report.html": "first"}, testkit.ReadTree(t, filepath.Dir(name)))
	failed := errors.New("failed")
	require.ErrorIs(t, WriteFile(name, func(io.Writer) error { return failed }), failed)
	require.Equal(t, map[string]string{"report.html": "first"}, testkit.ReadTree(t, filepath.Dir(name)))
}

// TestDirClosesOnlyItsOwn makes sure that no descriptor is closed twice: in between
// it may have become that of another file.
func TestDirClosesOnlyItsOwn(t *testing.T) {
	d, err := CreateDir(filepath.Join(t.TempDir(), "out"), DirOptions{})
	require.NoError(t, err)
	writeFile(t, d, "deep/er/a", "A")
	f, err := d.Create("b", FileInfo{})
	require.NoError(t, err)
	require.NoError(t, f.Close(nil))
	require.NoError(t, d.closeContent())
	// These get the numbers that have just become free.
	var files []*os.File
	for range 20 {
		f, err := os.Open(os.DevNull)
		require.NoError(t, err)
		files = append(files, f)
	}
	_ = f.Close(nil)
	_ = d.closeContent()
	require.NoError(t, d.Abort())
	for _, f := range files {
		require.NoError(t, f.Close())
	}
}

// TestDirKeepsFewFoldersOpen writes to more folders than are kept open, deep ones
// and in turn.
func TestDirKeepsFewFoldersOpen(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	d, err := CreateDir(out, DirOptions{})
	require.NoError(t, err)
	want := map[string]string{}
	for round := range 2 {
		for i := range 3 * maxOpenFolders {
			name := filepath.Join("d", string(rune('a'+i%7)), "x", string(rune('A'+i/26)), string(rune('A'+i%26)), string(rune('0'+round)))
			writeFile(t, d, name, name)
			want[name] = name
			require.LessOrEqual(t, len(d.folders.open), maxOpenFolders)
		}
	}
	require.NoError(t, d.Commit(t.Context()))
	require.Equal(t, want, testkit.ReadTree(t, out))
}

func TestDirDiskFull(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("this system has no /dev/full to write to")
	}
	d, err := CreateDir(filepath.Join(t.TempDir(), "out"), DirOptions{})
	require.NoError(t, err)
	defer d.Abort()
	f, err := d.Create("a", FileInfo{})
	require.NoError(t, err)
	require.NoError(t, f.handle.close())
	f.handle.fd, err = unix.Open("/dev/full", unix.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.Write([]byte("x"))
	var outputError *OutputError
	require.ErrorAs(t, err, &outputError)
	require.True(t, IsDiskFull(outputError))
	require.Equal(t, err, d.failure())
}

// TestWriteFileInPlaceOfOthers replaces nothing but files: somebody who runs this as
// root may name /dev/null.
func TestWriteFileInPlaceOfOthers(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, unix.Mkfifo(at("fifo"), 0o600))
	require.NoError(t, os.Symlink("/dev/null", at("to a device")))
	require.NoError(t, os.Symlink("/proc/self/fd/1", at("stdout")))
	require.NoError(t, os.Symlink("fifo", at("to a fifo")))
	require.NoError(t, os.Mkdir(at("folder"), 0o700))
	for _, name := range testkit.Names(t, dir) {
		before, err := os.Lstat(at(name))
		require.NoError(t, err)
		err = WriteFile(at(name), func(io.Writer) error { return nil })
		var outputError *OutputError
		require.ErrorAs(t, err, &outputError, name)
		after, err := os.Lstat(at(name))
		require.NoError(t, err)
		require.True(t, os.SameFile(before, after), name)
	}
	require.Len(t, testkit.Names(t, dir), 5, "nothing is left")

	before, err := os.Lstat(os.DevNull)
	require.NoError(t, err)
	require.NoError(t, WriteFile(os.DevNull, func(w io.Writer) error { _, err := io.WriteString(w, "text"); return err }))
	after, err := os.Lstat(os.DevNull)
	require.NoError(t, err)
	require.Equal(t, before.Mode(), after.Mode())
	require.NoFileExists(t, os.DevNull+stagingSuffix)
}

// TestDirOfAnother takes the place of an empty folder that another user made and
// opened to everybody. His mode would let him in.
func TestDirOfAnother(t *testing.T) {
	for _, mine := range []bool{true, false} {
		out := filepath.Join(sharedFolder(t), "out")
		require.NoError(t, os.Mkdir(out, 0o700))
		require.NoError(t, os.Chmod(out, 0o777))
		if !mine {
			asAnother(t, out)
		}
		d, err := CreateDir(out, DirOptions{})
		require.NoError(t, err)
		writeFile(t, d, "a", "A")
		require.NoError(t, d.Commit(t.Context()))
		info, err := os.Stat(out)
		require.NoError(t, err)
		require.Equal(t, mine, info.Mode().Perm()&0o002 != 0, "%v", info.Mode())
	}
}

// TestDirThroughLinkOfAnother leads the output elsewhere by a symbolic link in a
// folder where everybody may put one.
func TestDirThroughLinkOfAnother(t *testing.T) {
	for _, mine := range []bool{true, false} {
		shared, elsewhere := sharedFolder(t), t.TempDir()
		link := filepath.Join(shared, "link")
		require.NoError(t, os.Symlink(elsewhere, link))
		if !mine {
			if os.Geteuid() != 0 {
				t.Skip("NOT TESTED: only root can make links of another user")
			}
			require.NoError(t, os.Lchown(link, nobody, nobody))
		}
		for _, out := range []string{link, filepath.Join(link, "below"), filepath.Join(link, "more", "below")} {
			d, err := CreateDir(out, DirOptions{})
			if !mine {
				require.ErrorIs(t, err, ErrForeign)
				require.Empty(t, testkit.Names(t, elsewhere))
				continue
			}
			require.NoError(t, err)
			require.NoError(t, d.Abort())
		}
	}
}
