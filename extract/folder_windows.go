package extract

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// A folder is an open folder. Its methods take the name of one entry, never a
// path, and follow no symbolic link: through it nothing outside can be reached.
type folder struct{ root *os.Root }

// folderOf opens the folder of a root once more.
func folderOf(root *os.Root) (*folder, error) {
	again, err := root.OpenRoot(".")
	if err != nil {
		return nil, err
	}
	return &folder{again}, nil
}

// open opens a folder in this one.
func (f *folder) open(name string) (*folder, error) {
	root, err := openRealFolder(f.root, name)
	if err != nil {
		return nil, err
	}
	return &folder{root}, nil
}

func (f *folder) close() { f.root.Close() }

func (f *folder) mkdir(name string) error { return f.root.Mkdir(name, 0o777) }

// create makes a new file and opens it.
func (f *folder) create(name string, to *handle) (err error) {
	to.file, err = f.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	return err
}

// remove removes a file.
func (f *folder) remove(name string) error { return remove(f.root, name) }

// rename moves a file to another folder, in place of one that is there. A
// read-only file cannot be replaced on Windows: it loses that attribute. That it
// is missing is not a failure.
func (f *folder) rename(name string, to *folder, as string) error {
	_ = to.root.Chmod(as, 0o666)
	return os.Rename(filepath.Join(f.root.Name(), name), filepath.Join(to.root.Name(), as))
}

// entryType returns the type bits of an entry.
func (f *folder) entryType(name string) (fs.FileMode, error) {
	info, err := f.root.Lstat(name)
	if err != nil {
		return 0, err
	}
	return info.Mode().Type(), nil
}

// names returns the names of the entries, in no order.
func (f *folder) names() ([]string, error) {
	list, err := f.root.Open(".")
	if err != nil {
		return nil, err
	}
	defer list.Close()
	return list.Readdirnames(-1)
}

// sync has nothing to do: Windows has no call for it.
func (f *folder) sync() error { return nil }

// A handle is a file that is being written.
type handle struct{ file *os.File }

func (h *handle) write(p []byte) (int, error) { return h.file.Write(p) }

func (h *handle) readAt(p []byte, at int64) (int, error) { return h.file.ReadAt(p, at) }

// setInfo sets the time of the file, where there is one, and its attributes.
func (h *handle) setInfo(modified time.Time, attributes uint32) error {
	// FILE_BASIC_INFO; what is zero stays as it is.
	var info struct {
		creation, access, write, change int64
		attributes                      uint32
		_                               uint32
	}
	if !modified.IsZero() {
		stamp := windows.NsecToFiletime(modified.UnixNano())
		info.write = int64(stamp.HighDateTime)<<32 | int64(stamp.LowDateTime)
		info.access = info.write
	}
	info.attributes = attributes
	return windows.SetFileInformationByHandle(windows.Handle(h.file.Fd()), windows.FileBasicInfo,
		(*byte)(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)))
}

// sync puts the content of the file on the disk.
func (h *handle) sync() error { return h.file.Sync() }

func (h *handle) close() error { return h.file.Close() }

// syncTree has nothing left to do after handle.sync.
func syncTree(context.Context, *os.Root) error { return nil }

// inMemory reports whether a folder is on a file system that has no disk. No
// system but Linux tells.
func inMemory(*os.Root) bool { return false }

// rename moves an entry of a root to another one, in place of an empty folder
// that is there.
func rename(from *os.Root, name string, to *os.Root, as string) error {
	removed := remove(to, as) == nil // Windows renames no folder onto another
	if _, err := to.Lstat(as); err == nil {
		return fs.ErrExist // renaming would only say that access is denied
	}
	err := os.Rename(filepath.Join(from.Name(), name), filepath.Join(to.Name(), as))
	if err != nil && removed {
		err = errors.Join(err, to.Mkdir(as, 0o777))
	}
	return err
}

// syncFolder has nothing to do: Windows has no call for it.
func syncFolder(*os.Root) error { return nil }
