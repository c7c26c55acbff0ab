package extract

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// maxClaims bounds the attempts to make the temporary folder while runs that end
// remove it.
const maxClaims = 1000

// errGone: the temporary folder vanished while it was being claimed.
var errGone = errors.New("the temporary folder is being replaced all the time")

// claim makes the temporary folder, or takes over one that an earlier run of the
// same user left, and holds its lock until release. The lock is a file inside, as
// Windows locks no folders; the files go to a folder next to it, which can be
// renamed.
//
// The output folder may be in a folder where everybody may write. What this run
// writes is therefore reached through the open folder only, after it is clear that
// the folder is one that other users can neither enter nor change.
func (d *Dir) claim() error {
	err := errGone
	for attempt := 0; errors.Is(err, errGone) && attempt < maxClaims; attempt++ {
		err = d.tryClaim()
	}
	return err
}

func (d *Dir) tryClaim() (err error) {
	if err := d.anchor.Mkdir(d.stagingName, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	d.staging, err = openRealFolder(d.anchor, d.stagingName)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errGone
	case errors.Is(err, errGone):
		return err
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: %w", d.stagingName, ErrForeign)
	case err != nil:
		return fmt.Errorf("%s is in the way: %w", d.stagingName, err)
	}
	defer func() {
		if err != nil {
			d.staging.Close()
		}
	}()
	if err := checkOwner(d.staging); err != nil {
		return fmt.Errorf("%s: %w", d.stagingName, err)
	}
	if d.lock, err = d.takeLock(); err != nil {
		return err
	}
	err = d.putBack()
	if err == nil {
		err = d.makeContent()
	}
	if err != nil {
		d.releaseLock()
	}
	return err
}

// takeLock locks the temporary folder. It fails with errGone when the folder is
// not the one any more that other runs find: its owner may have removed it before
// the lock was free.
func (d *Dir) takeLock() (*os.File, error) {
	lock, err := d.staging.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errGone
	}
	if err != nil {
		return nil, err
	}
	err = tryLock(lock)
	if err == nil && !(d.stagingInPlace() && isCurrent(d.staging, lockName, lock.Stat)) {
		err = errGone
	}
	if err != nil {
		lock.Close()
		return nil, err
	}
	return lock, nil
}

// makeContent makes the folder that files are written to.
func (d *Dir) makeContent() (err error) {
	if err := removeAll(d.staging, contentName); err != nil {
		return err
	}
	if err := d.staging.Mkdir(contentName, 0o777); err != nil {
		return err
	}
	if d.content, err = openRealFolder(d.staging, contentName); err != nil {
		return err
	}
	top, err := folderOf(d.content)
	if err != nil {
		d.content.Close()
		return err
	}
	d.folders = newFolders(top)
	d.sync = !d.options.NoSync && !inMemory(d.content)
	return nil
}

// stagingInPlace reports whether the temporary folder still has its name.
func (d *Dir) stagingInPlace() bool {
	return isCurrent(d.anchor, d.stagingName, func() (fs.FileInfo, error) { return d.staging.Stat(".") })
}

// isCurrent reports whether the entry of a folder is what stat describes.
func isCurrent(folder *os.Root, name string, stat func() (fs.FileInfo, error)) bool {
	held, err := stat()
	if err != nil {
		return false
	}
	found, err := folder.Lstat(name)
	return err == nil && os.SameFile(held, found)
}

// openRealFolder opens a folder, and never what a symbolic link leads to.
func openRealFolder(in *os.Root, name string) (*os.Root, error) {
	found, err := in.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !found.IsDir() {
		return nil, errors.New("it is not a folder")
	}
	root, err := in.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	if held, err := root.Stat("."); err != nil || !os.SameFile(held, found) {
		root.Close()
		return nil, errors.Join(errGone, err)
	}
	return root, nil
}

// release removes the temporary folder and gives the lock back.
func (d *Dir) release() error {
	err := errors.Join(removeAll(d.staging, contentName), d.putBack())
	inPlace := d.stagingInPlace()
	d.releaseLock()
	if closeErr := d.staging.Close(); err == nil {
		err = closeErr
	}
	if inPlace {
		// Another run may be about to claim the folder, or someone put a file there:
		// then it stays, and that is not a failure.
		_ = remove(d.anchor, d.stagingName)
	}
	return err
}

func (d *Dir) releaseLock() { unlock(d.lock, func() { _ = remove(d.staging, lockName) }) }
