package extract

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// claim makes the temporary folder, or takes over one whose owner is gone, and
// holds its lock until release. The lock is a file inside, as Windows locks no
// folders; the files go to a folder beside it, which can be renamed.
func (d *Dir) claim() error {
	lockName := path.Join(filepath.ToSlash(d.staging), "lock")
	for {
		if err := d.anchor.Mkdir(d.staging, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		if info, err := d.anchor.Lstat(d.staging); err == nil && !info.IsDir() {
			return fmt.Errorf("%s is in the way", d.staging)
		}
		lock, err := d.anchor.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o666)
		if errors.Is(err, fs.ErrNotExist) {
			continue // its owner finished between the two calls
		}
		if err != nil {
			return err
		}
		if err := tryLock(lock); err != nil {
			lock.Close()
			return err
		}
		if d.isCurrent(lock, lockName) {
			d.lock = lock
			break
		}
		lock.Close()
	}
	err := removeAll(d.anchor, d.contentName(""))
	if err == nil {
		err = d.anchor.Mkdir(d.contentName(""), 0o777)
	}
	if err == nil {
		d.content, err = d.anchor.OpenRoot(d.contentName(""))
	}
	if err != nil {
		_ = d.release() // the first error says more
	}
	return err
}

// isCurrent reports whether the locked file is still the one that others find:
// its owner may have removed it before the lock was free.
func (d *Dir) isCurrent(lock *os.File, name string) bool {
	held, err := lock.Stat()
	if err != nil {
		return false
	}
	found, err := d.anchor.Stat(name)
	return err == nil && os.SameFile(held, found)
}

// release removes the temporary folder and gives the lock back.
func (d *Dir) release() error {
	err := removeAll(d.anchor, d.contentName(""))
	// Another run may be about to claim the folder, or someone put a file there:
	// then the rest stays, and that is no failure.
	unlock(d.lock, func() { _ = remove(d.anchor, path.Join(filepath.ToSlash(d.staging), "lock")) })
	_ = remove(d.anchor, d.staging)
	return err
}
