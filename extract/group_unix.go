//go:build !windows

package extract

import (
	"io/fs"
	"os"
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
