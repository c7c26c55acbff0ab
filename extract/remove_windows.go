package extract

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// remove removes a file or an empty folder below root. Wine up to version 8 knows
// no removal relative to an open folder: there it is done by path.
func remove(root *os.Root, name string) error {
	err := root.Remove(name)
	if errors.Is(err, windows.ERROR_INVALID_FUNCTION) {
		return os.Remove(filepath.Join(root.Name(), filepath.FromSlash(name)))
	}
	return err
}

// removeAll removes a file or a folder below root with all that is in it.
func removeAll(root *os.Root, name string) error {
	err := root.RemoveAll(name)
	if !errors.Is(err, windows.ERROR_INVALID_FUNCTION) {
		return err
	}
	var folders []string
	err = fs.WalkDir(root.FS(), name, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			folders = append(folders, name)
			return err
		}
		return remove(root, name)
	})
	for i := len(folders) - 1; i >= 0 && err == nil; i-- {
		err = remove(root, folders[i])
	}
	return err
}
