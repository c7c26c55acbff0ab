package source

import (
	"os"

	"golang.org/x/sys/unix"
)

// unnamedFile creates a temporary file that has no name and vanishes with its
// last user, however the process ends.
func unnamedFile() (*os.File, error) {
	fd, err := unix.Open(os.TempDir(), unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err == nil {
		return os.NewFile(uintptr(fd), "temporary file"), nil
	}
	return createAndRemove() // not every file system knows O_TMPFILE
}
