package extract

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteFile writes one file, which appears or is replaced by one rename when
// content has written all of it and it is on the disk. Failures to write are
// *OutputError; the error of content is returned as it is.
func WriteFile(name string, content func(io.Writer) error) error {
	temp, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*"+stagingSuffix)
	if err != nil {
		return fileError(name, err)
	}
	err = content(&fileWriter{name, temp})
	if err == nil {
		err = fileError(name, temp.Sync())
	}
	if closeErr := temp.Close(); err == nil {
		err = fileError(name, closeErr)
	}
	if err == nil {
		err = fileError(name, os.Chmod(temp.Name(), 0o644))
	}
	if err == nil {
		err = fileError(name, os.Rename(temp.Name(), name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return nil
}

// fileWriter makes failures to write *OutputError, so that they can be told from
// other failures of who writes.
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
	e := &OutputError{Path: name, Err: err, Hint: outputHint(err)}
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		e.Err = pathError.Err
	}
	return e
}
