package source

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/testdata/testkit"
)

// TestFolderLinks: what is next to a package is found through links that stay in the
// folder, and nowhere else.
func TestFolderLinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("symbolic links need a privilege there")
	}
	top := t.TempDir()
	dir := filepath.Join(top, "package")
	testkit.WriteTree(t, top, map[string]string{"secret": "s", "package/data/a.txt": "a", "package/.keys/k": "k", "package/b.txt": "b"})
	for name, to := range map[string]string{
		"in": "b.txt", "data/up": "../b.txt", "folder": "data", "twice": "in", "loop": "loop",
		"out": "../secret", "absolute": filepath.Join(dir, "b.txt"), "data/out": "../../secret", "through": "data/../../secret",
		"parent": "..", "hides": ".keys/k", "keys": ".keys", "dangling": "nothing",
	} {
		require.NoError(t, os.Symlink(to, filepath.Join(dir, name)))
	}
	socket, err := net.Listen("unix", filepath.Join(dir, "socket"))
	require.NoError(t, err)
	defer socket.Close()
	const outside = "is a symbolic link to outside the package's folder"
	for name, want := range map[string]struct{ real, err string }{
		"b.txt": {"b.txt", ""}, "B.TXT": {"b.txt", ""}, "in": {"b.txt", ""}, "data/up": {"b.txt", ""}, "folder/a.txt": {"data/a.txt", ""},
		"Folder/A.txt": {"data/a.txt", ""}, "twice": {"b.txt", ""}, "loop": {"", "has too many symbolic links on its way"},
		"out": {"", outside}, "absolute": {"", outside}, "data/out": {"", outside}, "folder/out": {"", outside}, "through": {"", outside},
		"parent/secret": {"", outside}, "hides": {"", errHidden.Error()}, "keys/k": {"", errHidden.Error()}, ".keys/k": {"", errHidden.Error()},
		"dangling": {}, "missing": {}, "data": {}, "socket": {"", "is a socket, not a regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newFolder(dir, false)
			defer d.close()
			n, err := d.find(name)
			switch {
			case want.err != "":
				require.EqualError(t, err, want.err)
			case want.real == "":
				require.NoError(t, err)
				require.Nil(t, n)
			default:
				require.NoError(t, err)
				require.Equal(t, want.real, n.real)
			}
		})
	}
}
