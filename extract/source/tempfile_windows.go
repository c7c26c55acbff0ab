package source

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// unnamedFile creates a temporary file that the operating system deletes with
// its last user, however the process ends. Windows has no files without a name.
func unnamedFile() (*os.File, error) {
	for i := range 10_000 {
		name := filepath.Join(os.TempDir(), fmt.Sprintf("hotfix-%d-%d.tmp", os.Getpid(), i))
		p, err := windows.UTF16PtrFromString(name)
		if err != nil {
			return nil, err
		}
		h, err := windows.CreateFile(p, windows.GENERIC_READ|windows.GENERIC_WRITE|windows.DELETE, windows.FILE_SHARE_DELETE, nil,
			windows.CREATE_NEW, windows.FILE_ATTRIBUTE_TEMPORARY|windows.FILE_FLAG_DELETE_ON_CLOSE, 0)
		switch err {
		case nil:
			return os.NewFile(uintptr(h), name), nil
		case windows.ERROR_FILE_EXISTS, windows.ERROR_SHARING_VIOLATION, windows.ERROR_ACCESS_DENIED:
			continue
		}
		return nil, &os.PathError{Op: "create", Path: name, Err: err}
	}
	return nil, fmt.Errorf("no free name for a temporary file in %s", os.TempDir())
}
