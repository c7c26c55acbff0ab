package extract

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/hotfixkit/hotfixkit/extract/safepath"
)

// merge moves each file into the output folder, folder by folder in the order of
// their names. All folders are held open, so that nobody can lead a file
// elsewhere.
func (d *Dir) merge() error {
	from, err := folderOf(d.content)
	if err != nil {
		return err
	}
	defer from.close()
	target := d.anchor
	if d.target != "." {
		if target, err = openRealFolder(d.anchor, d.target); err != nil {
			return err
		}
		defer target.Close()
	}
	held, err := target.Stat(".")
	if err != nil {
		return err
	}
	to, err := folderOf(target)
	if err != nil {
		return err
	}
	defer to.close()
	if err := d.mergeFolder(from, to, ""); err != nil {
		return err
	}
	return d.confirm(held)
}

// mergeFolder moves what is in one folder into another one. at is the path of
// both below the output folder.
func (d *Dir) mergeFolder(from, to *folder, at string) error {
	entries, err := from.names()
	if err != nil || len(entries) == 0 {
		return err
	}
	slices.Sort(entries)
	there, err := namesIn(to)
	if err != nil {
		return err
	}
	for _, name := range entries {
		kind, err := from.entryType(name)
		if err != nil {
			return err
		}
		as := there.spelling(name)
		if kind.IsDir() {
			err = d.mergeInto(from, name, to, as, path.Join(at, as))
		} else {
			err = replaceFile(from, name, to, as, path.Join(at, as))
		}
		if err != nil {
			return err
		}
	}
	if !d.sync {
		return nil
	}
	return to.sync()
}

// mergeInto moves what is in a folder of from into one of to, which is made where
// it is missing.
func (d *Dir) mergeInto(from *folder, name string, to *folder, as, at string) error {
	kind, err := to.entryType(as)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := to.mkdir(as); err != nil {
			return err
		}
	case err != nil:
		return err
	case kind&fs.ModeSymlink != 0:
		return fmt.Errorf("%s is a symbolic link", at)
	case !kind.IsDir():
		return fmt.Errorf("%s exists and is not a folder", at)
	}
	source, err := from.open(name)
	if err != nil {
		return err
	}
	defer source.close()
	target, err := to.open(as)
	if err != nil {
		return err
	}
	defer target.close()
	return d.mergeFolder(source, target, at)
}

// replaceFile moves a file, in place of one that is there.
func replaceFile(from *folder, name string, to *folder, as, at string) error {
	kind, err := to.entryType(as)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case kind&fs.ModeSymlink != 0:
		return fmt.Errorf("%s is a symbolic link", at)
	case !kind.IsRegular():
		return fmt.Errorf("%s exists and is not a file", at)
	}
	return from.rename(name, to, as)
}

// entryNames are the names in a folder, by themselves and by what they are
// without regard to case.
type entryNames struct {
	exact  map[string]bool
	folded map[string]string
}

func namesIn(f *folder) (*entryNames, error) {
	names, err := f.names()
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	e := &entryNames{exact: make(map[string]bool, len(names)), folded: make(map[string]string, len(names))}
	for _, name := range names {
		e.exact[name] = true
		if fold := safepath.Fold(name); e.folded[fold] == "" {
			e.folded[fold] = name
		}
	}
	return e, nil
}

// spelling returns the name of the entry that name means: what exists in another
// case is the same file or folder, on every operating system.
func (e *entryNames) spelling(name string) string {
	if !e.exact[name] {
		if known := e.folded[safepath.Fold(name)]; known != "" {
			return known
		}
	}
	return name
}
