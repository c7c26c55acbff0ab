package extract

import (
	"errors"
	"fmt"
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

// IsDiskFull reports whether writing failed because the disk, or the quota of the
// user, is full.
func IsDiskFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

// sameVolume reports whether a file can be renamed from one folder to another.
func sameVolume(a, b string) bool {
	return strings.EqualFold(filepath.VolumeName(a), filepath.VolumeName(b))
}

// writable reports whether a folder can be made in dir. Only trying tells.
func writable(string) bool { return true }

// checkOwner fails with ErrForeign when a folder belongs to another user.
func checkOwner(root *os.Root) error {
	f, err := root.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	return isOwn(f)
}

// isOwn fails with ErrForeign when a file or folder is not one of the user who
// runs this.
func isOwn(f *os.File) error {
	security, err := windows.GetSecurityInfo(windows.Handle(f.Fd()), windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return fmt.Errorf("owner: %w", err)
	}
	owner, _, err := security.Owner()
	if err != nil {
		return fmt.Errorf("owner: %w", err)
	}
	token := windows.GetCurrentProcessToken()
	user, err := token.GetTokenUser()
	if err != nil {
		return fmt.Errorf("owner: %w", err)
	}
	// What an administrator makes belongs to the group of administrators.
	if owner.Equals(user.User.Sid) || owner.IsWellKnown(windows.WinBuiltinAdministratorsSid) && token.IsElevated() {
		return nil
	}
	return ErrForeign
}
