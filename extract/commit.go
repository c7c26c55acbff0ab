package extract

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/hotfixkit/hotfixkit/extract/safepath"
)

// Commit makes the files that were written appear in the output folder, after
// all of them are on the disk, and removes the temporary folder. A new folder
// appears by one rename. After an error of a new folder nothing has changed;
// after one of a merge, files that come earlier in the order of their names may
// have been replaced. The Dir is finished either way.
func (d *Dir) Commit() error {
	err := d.commit()
	if err != nil {
		err = d.fail("", err)
	}
	if cleanErr := d.finish(err != nil); err == nil {
		err = cleanErr
	}
	return err
}

// Check fails with the *OutputError that Commit would fail with because of what is
// in the output folder. It changes nothing.
func (d *Dir) Check() error {
	if _, _, err := d.inspectTarget(); err != nil {
		return d.fail("", err)
	}
	return nil
}

// Open opens a file that was written and closed, to read it before Commit.
func (d *Dir) Open(file string) (*os.File, error) {
	f, err := d.content.Open(file)
	if err != nil {
		return nil, d.outputError(filepath.Join(d.path, filepath.FromSlash(file)), err)
	}
	return f, nil
}

// Abort throws away what was written and leaves everything as it was before
// CreateDir. Files that are still open must not be written any more.
func (d *Dir) Abort() error { return d.finish(true) }

func (d *Dir) commit() error {
	if d.failed != nil {
		return d.failed
	}
	if d.open != 0 {
		return fmt.Errorf("%d files are still being written", d.open)
	}
	if err := syncTree(d.content); err != nil {
		return err
	}
	exists, same, err := d.inspectTarget()
	switch {
	case err != nil:
		return err
	case exists && d.options.Merge:
		return d.merge()
	case same:
		d.unchanged = true
		return nil
	}
	return d.appear()
}

// inspectTarget reports whether the output folder exists and whether it holds
// exactly the result. One that can be neither replaced nor accepted is an error.
func (d *Dir) inspectTarget() (exists, same bool, err error) {
	_, err = d.anchor.Stat(d.target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, false, nil
	case err != nil || d.options.Merge || !d.options.AcceptIdentical:
		return true, false, err
	}
	same, empty, err := d.compare()
	if err == nil && !same && !empty {
		err = ErrExists
	}
	return true, same, err
}

// appear renames the finished content to the output folder, in place of an
// empty one.
func (d *Dir) appear() error {
	// Windows renames no folder that is open, and none onto another.
	if err := d.closeFolders(); err != nil {
		return err
	}
	removed := remove(d.anchor, d.target) == nil
	if err := d.anchor.Rename(d.contentName(""), d.target); err != nil {
		if removed {
			d.anchor.Mkdir(d.target, 0o777)
		}
		if errors.Is(err, fs.ErrExist) {
			return ErrExists
		}
		return err
	}
	return syncFolder(d.anchor, ".")
}

// merge moves each file into the output folder, in the order of their names.
func (d *Dir) merge() error {
	touched := map[string]bool{}
	for _, file := range d.names() {
		name, err := d.place(file)
		if err != nil {
			return err
		}
		if runtime.GOOS == "windows" {
			// A read-only file cannot be replaced there. That it is missing is no failure.
			_ = d.anchor.Chmod(name, 0o666)
		}
		if err := d.anchor.Rename(d.contentName(file), name); err != nil {
			return err
		}
		touched[path.Dir(name)] = true
	}
	for folder := range touched {
		if err := syncFolder(d.anchor, folder); err != nil {
			return err
		}
	}
	return nil
}

// place finds where a file belongs in the output folder, relative to anchor,
// and makes the folders it needs. What exists under the same name in another
// case is the same file or folder, on every operating system. Symbolic links
// are refused: they could lead out of the output folder.
func (d *Dir) place(file string) (string, error) {
	at := filepath.ToSlash(d.target)
	segments := strings.Split(file, "/")
	for i, segment := range segments {
		info, err := d.lookUp(at, segment)
		if err != nil {
			return "", err
		}
		last := i == len(segments)-1
		if info == nil {
			at = path.Join(at, segment)
			if last {
				return at, nil
			}
			if err := d.anchor.Mkdir(at, 0o777); err != nil {
				return "", err
			}
			continue
		}
		at = path.Join(at, info.Name())
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			return "", fmt.Errorf("%s is a symbolic link", at)
		case last && !info.Mode().IsRegular():
			return "", fmt.Errorf("%s exists and is not a file", at)
		case !last && !info.IsDir():
			return "", fmt.Errorf("%s exists and is not a folder", at)
		}
	}
	return at, nil
}

// lookUp returns the entry of a folder that has this name, in the same case
// where there is one, or nil.
func (d *Dir) lookUp(folder, name string) (fs.FileInfo, error) {
	info, err := d.anchor.Lstat(path.Join(folder, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if info != nil && runtime.GOOS == "linux" {
		return info, nil
	}
	// Lstat answers with the name it was asked for; the folder knows its own.
	f, err := d.anchor.Open(folder)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if entry == name {
			return info, nil
		}
	}
	fold := safepath.Fold(name)
	for _, entry := range entries {
		if safepath.Fold(entry) == fold {
			return d.anchor.Lstat(path.Join(folder, entry))
		}
	}
	return info, nil
}

// compare reports whether the output folder holds exactly the files that were
// written, and whether it holds nothing.
func (d *Dir) compare() (same, empty bool, err error) {
	target, err := d.anchor.OpenRoot(d.target)
	if err != nil {
		return false, false, err
	}
	defer target.Close()
	same, empty = true, true
	seen := 0
	err = fs.WalkDir(target.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		empty = false
		if entry.IsDir() {
			// A folder of its own counts: the result has none without files.
			same = same && d.folderWritten(name)
			return nil
		}
		seen++
		if !entry.Type().IsRegular() || !d.files[name] {
			same = false
			return fs.SkipAll
		}
		equal, err := equalFiles(target, d.content, name)
		same = same && equal
		return err
	})
	return same && seen == len(d.files), empty, err
}

func (d *Dir) folderWritten(name string) bool {
	info, err := d.content.Lstat(name)
	return err == nil && info.IsDir()
}

func equalFiles(a, b *os.Root, name string) (bool, error) {
	fa, err := a.Open(name)
	if err != nil {
		return false, err
	}
	defer fa.Close()
	fb, err := b.Open(name)
	if err != nil {
		return false, err
	}
	defer fb.Close()
	bufA, bufB := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		nA, errA := io.ReadFull(fa, bufA)
		nB, errB := io.ReadFull(fb, bufB)
		if !bytes.Equal(bufA[:nA], bufB[:nB]) {
			return false, nil
		}
		if isEOF(errA) && isEOF(errB) {
			return true, nil
		}
		if err := errors.Join(errA, errB); err != nil {
			return false, err
		}
	}
}

func isEOF(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// finish removes the temporary folder, gives the lock back and, after a
// failure, removes the folders that were made above the output folder.
func (d *Dir) finish(failed bool) error {
	if d.anchor == nil {
		return nil
	}
	d.closeFolders()
	err := d.release()
	if closeErr := d.anchor.Close(); err == nil {
		err = closeErr
	}
	d.anchor = nil
	if failed {
		d.removeParents()
	}
	if err != nil {
		return d.fail("", err)
	}
	return nil
}
