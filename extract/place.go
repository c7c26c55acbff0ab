package extract

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// locate resolves the output folder, checks what is there and opens the folder
// that will hold it and the temporary folder.
func (d *Dir) locate(name string) error {
	abs, err := filepath.Abs(name)
	if err != nil {
		return err
	}
	if err := checkLinks(abs); err != nil {
		return err
	}
	info, err := os.Stat(abs)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Lstat(abs); err == nil {
			return errors.New("it is a symbolic link to nowhere")
		}
		if d.parents, err = makeParents(filepath.Dir(abs)); err != nil {
			return err
		}
		parent, err := filepath.EvalSymlinks(filepath.Dir(abs))
		if err != nil {
			return err
		}
		d.path = filepath.Join(parent, filepath.Base(abs))
		return d.openAnchor(parent)
	case err != nil:
		return err
	case !info.IsDir():
		return &fs.PathError{Op: "create folder", Path: abs, Err: errors.New("a file of this name exists")}
	}
	if d.path, err = filepath.EvalSymlinks(abs); err != nil {
		return err
	}
	if !d.options.Merge {
		err := checkReplaceable(d.path, info)
		if err != nil && !(d.options.AcceptIdentical && errors.Is(err, ErrExists)) {
			return err
		}
	}
	parent := filepath.Dir(d.path)
	if d.options.Merge && (parent == d.path || !sameVolume(parent, d.path) || !writable(parent)) {
		// Nothing can be put next to the root of a volume and moved into it.
		if d.anchor, err = os.OpenRoot(d.path); err != nil {
			return err
		}
		d.target, d.stagingName = ".", stagingSuffix
		return nil
	}
	if parent == d.path {
		return errors.New("it is the root of a volume")
	}
	return d.openAnchor(parent)
}

func (d *Dir) openAnchor(parent string) (err error) {
	d.target = filepath.Base(d.path)
	d.stagingName = d.target + stagingSuffix
	d.anchor, err = os.OpenRoot(parent)
	return err
}

// checkReplaceable refuses a folder that one rename cannot replace.
func checkReplaceable(dir string, info fs.FileInfo) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if names, err := f.Readdirnames(1); len(names) > 0 {
		return ErrExists
	} else if len(names) == 0 && err != nil && !isEOF(err) {
		return err
	}
	if here, err := os.Stat("."); err == nil && os.SameFile(here, info) {
		return fmt.Errorf("%w: it is the current folder", ErrReplace)
	}
	if parent := filepath.Dir(dir); parent == dir || !sameVolume(parent, dir) {
		return fmt.Errorf("%w: it is the root of a volume", ErrReplace)
	}
	return nil
}

// makeParents creates dir and the folders above it and returns those it made.
func makeParents(dir string) (made []string, err error) {
	for missing := dir; ; missing = filepath.Dir(missing) {
		if _, err := os.Stat(missing); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		made = append(made, missing)
		if filepath.Dir(missing) == missing {
			break
		}
	}
	slices.Reverse(made)
	return made, os.MkdirAll(dir, 0o777)
}

// removeParents takes back the folders that makeParents made, where they are
// still empty.
func (d *Dir) removeParents() {
	for _, parent := range slices.Backward(d.parents) {
		if os.Remove(parent) != nil {
			return
		}
	}
}
