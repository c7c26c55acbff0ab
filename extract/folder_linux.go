package extract

import (
	"context"
	"errors"
	"os"
	"slices"
	"time"
	"unsafe"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// setTime sets both times of an open file: what futimens does.
func setTime(fd int, t time.Time) error {
	stamp := unix.NsecToTimespec(t.UnixNano())
	stamps := [2]unix.Timespec{stamp, stamp}
	_, _, errno := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(fd), 0, uintptr(unsafe.Pointer(&stamps)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// syncHandle starts to write the content of a file to the disk, and does not wait
// for it: syncTree does. Where the file system cannot, syncTree does all of it.
func syncHandle(fd int) error {
	_ = unix.SyncFileRange(fd, 0, 0, unix.SYNC_FILE_RANGE_WRITE)
	return nil
}

// inMemory reports whether a folder is on a file system that has no disk.
func inMemory(root *os.Root) bool {
	f, err := root.Open(".")
	if err != nil {
		return false
	}
	defer f.Close()
	var stat unix.Statfs_t
	if unix.Fstatfs(int(f.Fd()), &stat) != nil {
		return false
	}
	kind := uint32(stat.Type) // it has a sign, and 32 or 64 bits
	return kind == unix.TMPFS_MAGIC || kind == unix.RAMFS_MAGIC
}

const (
	syncsAtOnce = 8  // which the file system can commit together
	syncBatch   = 64 // files of one folder
)

// syncTree waits until every file and folder below a folder is on the disk. It
// asks for each of them: one call for the whole file system would also wait for
// what all other programs have written.
func syncTree(ctx context.Context, root *os.Root) error {
	top, err := folderOf(root)
	if err != nil {
		return err
	}
	defer top.close()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(syncsAtOnce)
	err = syncBelow(ctx, group, top)
	return errors.Join(err, group.Wait())
}

func syncBelow(ctx context.Context, group *errgroup.Group, f *folder) error {
	files, folders, err := f.list()
	if err != nil {
		return err
	}
	for batch := range slices.Chunk(files, syncBatch) {
		if err := ctx.Err(); err != nil {
			return err
		}
		in, err := f.open(".")
		if err != nil {
			return err
		}
		group.Go(func() error {
			defer in.close()
			return in.syncFiles(ctx, batch)
		})
	}
	for _, name := range folders {
		below, err := f.open(name)
		if err != nil {
			return err
		}
		err = syncBelow(ctx, group, below)
		below.close()
		if err != nil {
			return err
		}
	}
	return f.sync()
}

// syncFiles waits until files of the folder are on the disk.
func (f *folder) syncFiles(ctx context.Context, names []string) error {
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		fd, err := openAt(f.fd, name, unix.O_RDONLY, 0)
		if err != nil {
			return err
		}
		err = unix.Fsync(fd)
		if closeErr := unix.Close(fd); err == nil {
			err = closeErr
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// list returns the names of the files and the folders in the folder.
func (f *folder) list() (files, folders []string, err error) {
	again, err := f.open(".")
	if err != nil {
		return nil, nil, err
	}
	dir := os.NewFile(uintptr(again.fd), "folder")
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	for _, entry := range entries {
		if entry.IsDir() {
			folders = append(folders, entry.Name())
		} else {
			files = append(files, entry.Name())
		}
	}
	return files, folders, err
}
