//go:build !windows

package extract

import (
	"io"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A folder is an open folder. Its methods take the name of one entry, never a
// path, and follow no symbolic link: through it nothing outside can be reached.
//
// It holds a bare descriptor: an *os.File costs five more system calls for each
// file, which tell nothing about a file on a disk.
type folder struct{ fd int }

// folderOf opens the folder of a root once more.
func folderOf(root *os.Root) (*folder, error) {
	f, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return (&folder{int(f.Fd())}).open(".")
}

func openAt(folder int, name string, flags int, mode uint32) (fd int, err error) {
	for {
		fd, err = unix.Openat(folder, name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, mode)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// open opens a folder in this one.
func (f *folder) open(name string) (*folder, error) {
	fd, err := openAt(f.fd, name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	return &folder{fd}, nil
}

// close may be called again: the number of a closed descriptor belongs to whoever
// opens the next one.
func (f *folder) close() {
	if f.fd >= 0 {
		unix.Close(f.fd)
		f.fd = closed
	}
}

// closed is in the place of a descriptor that is closed.
const closed = -1

func (f *folder) mkdir(name string) error { return unix.Mkdirat(f.fd, name, 0o777) }

// create makes a new file and opens it.
func (f *folder) create(name string, to *handle) (err error) {
	to.fd, err = openAt(f.fd, name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL, 0o666)
	return err
}

// remove removes a file.
func (f *folder) remove(name string) error { return unix.Unlinkat(f.fd, name, 0) }

// rename moves an entry to another folder, in place of a file or an empty folder
// that is there.
func (f *folder) rename(name string, to *folder, as string) error {
	return unix.Renameat(f.fd, name, to.fd, as)
}

// entryType returns the type bits of an entry.
func (f *folder) entryType(name string) (fs.FileMode, error) {
	var stat unix.Stat_t
	if err := unix.Fstatat(f.fd, name, &stat, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return 0, err
	}
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return 0, nil
	case unix.S_IFDIR:
		return fs.ModeDir, nil
	case unix.S_IFLNK:
		return fs.ModeSymlink, nil
	}
	return fs.ModeIrregular, nil
}

// names returns the names of the entries, in no order.
func (f *folder) names() ([]string, error) {
	again, err := f.open(".")
	if err != nil {
		return nil, err
	}
	list := os.NewFile(uintptr(again.fd), "folder") // which closes it
	defer list.Close()
	return list.Readdirnames(-1)
}

// sync puts the names in the folder on the disk. Some file systems cannot.
func (f *folder) sync() error {
	if err := unix.Fsync(f.fd); err != nil && err != unix.EINVAL && err != unix.ENOTSUP {
		return err
	}
	return nil
}

// A handle is a file that is being written.
type handle struct{ fd int }

func (h *handle) write(p []byte) (written int, err error) {
	for written < len(p) {
		n, err := unix.Write(h.fd, p[written:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return written, err
		}
		written += n
	}
	return written, nil
}

func (h *handle) readAt(p []byte, at int64) (read int, err error) {
	for read < len(p) {
		n, err := unix.Pread(h.fd, p[read:], at+int64(read))
		switch {
		case err == unix.EINTR:
		case err != nil:
			return read, err
		case n == 0:
			return read, io.EOF
		default:
			read += n
		}
	}
	return read, nil
}

// setInfo sets the time of the file, where there is one. Only Windows has
// attributes.
func (h *handle) setInfo(modified time.Time, _ uint32) error {
	if modified.IsZero() {
		return nil
	}
	return setTime(h.fd, modified)
}

func (h *handle) sync() error { return syncHandle(h.fd) }

// close may be called again, as that of folder.
func (h *handle) close() error {
	if h.fd < 0 {
		return unix.EBADF
	}
	fd := h.fd
	h.fd = closed
	return unix.Close(fd)
}

// rename moves an entry of a root to another one.
func rename(from *os.Root, name string, to *os.Root, as string) error {
	a, err := folderOf(from)
	if err != nil {
		return err
	}
	defer a.close()
	b, err := folderOf(to)
	if err != nil {
		return err
	}
	defer b.close()
	return a.rename(name, b, as)
}

// syncFolder puts the names in a folder on the disk.
func syncFolder(root *os.Root) error {
	f, err := folderOf(root)
	if err != nil {
		return err
	}
	defer f.close()
	return f.sync()
}
