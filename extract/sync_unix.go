//go:build !windows && !linux

package extract

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncFile hands a file's content to the drive. On macOS it may still be in the
// drive's own memory until syncTree.
func syncFile(f *os.File) error { return unix.Fsync(int(f.Fd())) }

// syncTree makes the drive write what it holds (on macOS, os.File.Sync does).
func syncTree(root *os.Root) error { return syncFolder(root, ".") }
