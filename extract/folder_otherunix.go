//go:build !windows && !linux

package extract

import (
	"context"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// setTime sets both times of an open file.
func setTime(fd int, t time.Time) error {
	stamp := unix.NsecToTimeval(t.UnixNano())
	return unix.Futimes(fd, []unix.Timeval{stamp, stamp})
}

// syncHandle hands a file's content to the drive. On macOS it may still be in the
// drive's own memory until syncTree.
func syncHandle(fd int) error { return unix.Fsync(fd) }

// syncTree makes the drive write what it holds (on macOS, os.File.Sync does).
func syncTree(_ context.Context, root *os.Root) error {
	f, err := root.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// inMemory reports whether a folder is on a file system that has no disk. No
// system but Linux tells.
func inMemory(*os.Root) bool { return false }
