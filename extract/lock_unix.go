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

// IsDiskFull reports whether writing failed because the disk, or the quota of the
// user, is full.
func IsDiskFull(err error) bool {
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

// checkOwner fails with ErrForeign when anybody else than the user who runs this
// could have put something into a folder, or could do so.
func checkOwner(root *os.Root) error {
	held, err := statFolder(root)
	if err != nil {
		return err
	}
	const own = 0o700
	if int(held.Uid) == os.Geteuid() && held.Mode&0o777 == own {
		return nil
	}
	// Some file systems show one owner or one mode for everything, whoever made
	// it; there the mount decides who may write. A new file tells.
	const name, private = "owner", 0o600
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, private)
	if err != nil {
		return ErrForeign
	}
	var made unix.Stat_t
	err = unix.Fstat(int(f.Fd()), &made)
	f.Close()
	if removeErr := root.Remove(name); err == nil {
		err = removeErr
	}
	if err != nil {
		return err
	}
	if made.Uid == held.Uid && (held.Mode&0o777 == own || made.Mode&0o777 != private) {
		return nil
	}
	return ErrForeign
}

func statFolder(root *os.Root) (stat unix.Stat_t, err error) {
	f, err := root.Open(".")
	if err != nil {
		return stat, err
	}
	defer f.Close()
	return stat, unix.Fstat(int(f.Fd()), &stat)
}

// isOwn fails with ErrForeign when a file is not one of the user who runs this.
func isOwn(f *os.File) error {
	var stat unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &stat); err != nil {
		return err
	}
	if int(stat.Uid) != os.Geteuid() {
		return ErrForeign
	}
	return nil
}
