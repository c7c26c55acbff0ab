//go:build !windows

package extract

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// keepGroup gives an entry the group of a folder.
func keepGroup(in *os.Root, name string, held fs.FileInfo) error {
	now, err := in.Lstat(name)
	if err != nil {
		return err
	}
	want, ok := held.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	if has, ok := now.Sys().(*syscall.Stat_t); ok && has.Gid == want.Gid {
		return nil
	}
	return in.Lchown(name, -1, int(want.Gid))
}

// isOwnFolder reports whether a folder belongs to the user who runs this.
func isOwnFolder(held fs.FileInfo) bool {
	stat, ok := held.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

// checkLinks fails with ErrForeign when a path leads through a symbolic link that
// another user put into a folder where everybody may: the rule by which Linux
// protects links where it is told to (sysctl fs.protected_symlinks).
func checkLinks(abs string) error {
	for at := abs; at != filepath.Dir(at); at = filepath.Dir(at) {
		link, err := os.Lstat(at)
		if err != nil || link.Mode()&fs.ModeSymlink == 0 || isOwnFolder(link) {
			continue
		}
		in, err := os.Stat(filepath.Dir(at))
		if err != nil {
			continue
		}
		const everybody = 0o002
		a, okA := link.Sys().(*syscall.Stat_t)
		b, okB := in.Sys().(*syscall.Stat_t)
		if in.Mode().Perm()&everybody != 0 && okA && okB && a.Uid != b.Uid {
			return fmt.Errorf("%w: the symbolic link %s", ErrForeign, at)
		}
	}
	return nil
}
