package extract

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

var errNotFile = errors.New("it exists and is not a file")

// WriteFile writes one file, which appears or is replaced by one rename when
// content has written all of it and it is on the disk. It fails with an
// *OutputError where the output cannot be written; the error of content is
// returned as it is. A run that was killed leaves at most a file with
// ".hotfix-partial" at the end of its name, which the next run removes.
//
// What exists under the name and is not a file is never replaced: a character
// device, as /dev/null, is written to, anything else is an error.
func WriteFile(name string, content func(io.Writer) error) error {
	device, err := openDevice(name)
	if err != nil {
		return fileError(name, err)
	}
	if device != nil {
		err := content(&fileWriter{name, device})
		return errors.Join(err, fileError(name, device.Close()))
	}
	folder, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return fileError(name, err)
	}
	defer folder.Close()
	base := filepath.Base(name)
	temp, err := claimFile(folder, base+stagingSuffix)
	if err != nil {
		return fileError(name, err)
	}
	err = content(&fileWriter{name, temp})
	if err == nil {
		err = fileError(name, settle(folder, temp, base))
	}
	// It keeps its lock until it has another name or is gone.
	unlock(temp, func() {
		if err != nil && isCurrent(folder, base+stagingSuffix, temp.Stat) {
			err = errors.Join(err, remove(folder, base+stagingSuffix))
		}
	})
	return err
}

// openDevice opens a character device for writing. It returns nil where there is
// nothing of that name, or a file.
func openDevice(name string) (*os.File, error) {
	// The links of the standard streams lead there; they may lead on to a file.
	if to, err := os.Readlink(name); err == nil && strings.HasPrefix(to, "/proc/") {
		return nil, errNotFile
	}
	found, err := os.Stat(name)
	if err != nil || found.Mode().IsRegular() {
		return nil, nil // what else is wrong comes up when the file is written
	}
	if named, err := os.Lstat(name); err != nil || named.Mode()&fs.ModeCharDevice == 0 {
		return nil, errors.Join(errNotFile, err)
	}
	return os.OpenFile(name, os.O_WRONLY, 0)
}

// claimFile makes a temporary file and locks it. One that an earlier run of the
// same user left is removed first.
func claimFile(folder *os.Root, name string) (*os.File, error) {
	for range maxClaims {
		temp, err := folder.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		fresh := err == nil
		if errors.Is(err, fs.ErrExist) {
			temp, err = openLeftFile(folder, name)
		}
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		err = tryLock(temp)
		switch {
		case err == nil && !isCurrent(folder, name, temp.Stat):
			temp.Close()
		case err == nil && fresh:
			return temp, nil
		case err == nil:
			unlock(temp, func() { err = remove(folder, name) })
		default:
			temp.Close()
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, errGone
}

// openLeftFile opens a temporary file that exists, where it is a file of the user
// who runs this.
func openLeftFile(folder *os.Root, name string) (*os.File, error) {
	found, err := folder.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !found.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w", name, ErrForeign)
	}
	f, err := folder.OpenFile(name, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("%s: %w", name, ErrForeign)
	}
	if err != nil {
		return nil, err
	}
	if err := isOwn(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return f, nil
}

// settle gives a finished temporary file its name, after making sure that it is
// still the one that was written.
func settle(folder *os.Root, temp *os.File, name string) error {
	if err := temp.Sync(); err != nil {
		return err
	}
	if err := temp.Chmod(0o644); err != nil {
		return err
	}
	written, err := temp.Stat()
	if err != nil {
		return err
	}
	stat := func() (fs.FileInfo, error) { return written, nil }
	if !isCurrent(folder, name+stagingSuffix, stat) {
		return ErrReplaced
	}
	if runtime.GOOS == "windows" {
		temp.Close() // no open file is renamed there
	}
	if err := folder.Rename(name+stagingSuffix, name); err != nil {
		return err
	}
	if !isCurrent(folder, name, stat) {
		return ErrReplaced
	}
	return nil
}

// fileWriter makes failures to write *OutputError, so that they can be told from
// other failures of the function that produces the content.
type fileWriter struct {
	name string
	file *os.File
}

func (w *fileWriter) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	return n, fileError(w.name, err)
}

func fileError(name string, err error) error {
	if err == nil {
		return nil
	}
	e := &OutputError{Path: name, Err: err}
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		e.Err = pathError.Err
	}
	return e
}
