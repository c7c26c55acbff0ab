//go:build !windows

package extract

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// tryLock takes the lock or fails with ErrBusy. The operating system frees it
// when its owner ends, however it ends.
func tryLock(f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EWOULDBLOCK):
			return ErrBusy
		case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.ENOTSUP), errors.Is(err, unix.ENOLCK):
			// Some network file systems have no locks. Two runs for one folder
			// at a time then end in an error of the second rename.
			return nil
		}
		return err
	}
}

// unlock calls remove for the lock file and then lets go of it: in this order
// no other run can lock a file that is about to vanish unnoticed.
func unlock(f *os.File, remove func()) {
	remove()
	f.Close()
}

func isDiskFull(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}

// sameVolume reports whether a file can be renamed from one folder to another.
func sameVolume(a, b string) bool {
	var statA, statB unix.Stat_t
	if unix.Stat(a, &statA) != nil || unix.Stat(b, &statB) != nil {
		return false
	}
	return statA.Dev == statB.Dev
}

// writable reports whether a folder can be made in dir.
func writable(dir string) bool { return unix.Access(dir, unix.W_OK|unix.X_OK) == nil }

// setAttributes does nothing: only Windows has these attributes.
func setAttributes(string, uint32) error { return nil }

// syncFolder puts the names in a folder on the disk.
func syncFolder(root *os.Root, name string) error {
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOTSUP) {
		return err
	}
	return nil
}
