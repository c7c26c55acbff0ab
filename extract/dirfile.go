package extract

import "time"

// FileInfo says what a file has apart from its name and content.
type FileInfo struct {
	Modified   time.Time // zero: the time of writing
	Attributes uint32    // Windows file attributes; set on Windows only
}

// settable are the attributes that a package may give a file
// (FILE_ATTRIBUTE_READONLY, HIDDEN and SYSTEM).
const settable = 0x1 | 0x2 | 0x4

// A File is one file under construction. It implements cab.Sink.
type File struct {
	dir    *Dir
	name   string
	info   FileInfo
	handle handle
}

// Write appends to the file. It fails with ErrLimit when the limits of the Dir
// are reached, otherwise with an *OutputError.
func (f *File) Write(p []byte) (int, error) {
	if err := f.dir.account(int64(len(p))); err != nil {
		return 0, err
	}
	n, err := f.handle.write(p)
	if err != nil {
		return n, f.dir.fail(f.name, err)
	}
	return n, nil
}

// ReadAt reads what was written, until the file is closed. It fails with an
// *OutputError.
func (f *File) ReadAt(p []byte, at int64) (int, error) {
	n, err := f.handle.readAt(p, at)
	if err != nil {
		return n, f.dir.fail(f.name, err)
	}
	return n, nil
}

// Close ends the file. With a nil cause it is complete and will be part of the
// output; with another one it is thrown away.
func (f *File) Close(cause error) error {
	if cause != nil {
		f.handle.close()
		err := f.dir.folders.remove(f.name)
		f.dir.leave()
		if err != nil {
			return f.dir.fail(f.name, err)
		}
		return nil
	}
	err := f.handle.setInfo(f.info.Modified, f.info.Attributes&settable)
	if err == nil && f.dir.sync {
		err = f.handle.sync()
	}
	if closeErr := f.handle.close(); err == nil {
		err = closeErr
	}
	if err != nil {
		f.dir.leave()
		return f.dir.fail(f.name, err)
	}
	f.dir.mu.Lock()
	defer f.dir.mu.Unlock()
	f.dir.open--
	return nil
}
