package extract

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
)

// tryLock takes the lock or fails with ErrBusy. The operating system frees it
// when its owner ends, however it ends.
func tryLock(f *os.File) error {
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return ErrBusy
	}
	return err
}

// unlock lets go of the lock file and calls remove for it: Windows removes no
// file that is open. Another run that opens it in between keeps it.
func unlock(f *os.File, remove func()) {
	f.Close()
	remove()
}

func isDiskFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

// sameVolume reports whether a file can be renamed from one folder to another.
func sameVolume(a, b string) bool {
	return strings.EqualFold(filepath.VolumeName(a), filepath.VolumeName(b))
}

// writable reports whether a folder can be made in dir. Only trying tells.
func writable(string) bool { return true }

// setAttributes sets Windows file attributes.
func setAttributes(name string, attributes uint32) error {
	p, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return err
	}
	return windows.SetFileAttributes(p, attributes)
}

// syncFile puts a file's content on the disk.
func syncFile(f *os.File) error { return f.Sync() }

// syncTree has nothing left to do after syncFile.
func syncTree(*os.Root) error { return nil }

// syncFolder has nothing to do: Windows has no call for it.
func syncFolder(*os.Root, string) error { return nil }
