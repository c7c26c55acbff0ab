// Package inspect finds out version, machine, hashes and signature of the files
// of what a user names: packages, folders and single files.
//
// Packages are streamed through: nothing is unpacked to disk first.
package inspect

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/manifest"
)

// Kind is how a target is looked at.
type Kind string

// The kinds of targets.
const (
	Package Kind = "package" // an installer package: all of its files
	Folder  Kind = "folder"  // all files below it
	File    Kind = "file"    // itself
)

// Options say what to find out.
type Options struct {
	Source  source.Options // MaxBytes bounds what is decoded of one target as well
	Inspect manifest.InspectOptions
	// Deep looks into packages inside the target as well. Their files have paths
	// with "//" between the package and the file in it.
	Deep bool
	// AsFile reports whether a package of this base name is to be looked at as a
	// file, because it is one of the files that are looked for. Nil: none is.
	AsFile func(name string) bool
}

func (o Options) asFile(name string) bool { return o.AsFile != nil && o.AsFile(name) }

// A Target is what was found out about one thing that the user named.
type Target struct {
	Ref      string
	Kind     Kind
	Language int       // ProductLanguage of the package, or of the one in an administrative image; 0 where unknown
	Package  *Identity // of a package target
	Files    []*manifest.Actual
	Warnings []string
}

// Inspect looks at one target: a path, or "outer//inner" for a package or a file
// inside a package. After an error of some file the others are still looked at;
// the errors are joined, and what could be read is in the Target.
func Inspect(ctx context.Context, ref string, o Options) (*Target, error) {
	t := &Target{Ref: ref}
	w := newWalker(t, o)
	info, err := os.Stat(ref)
	switch {
	case err == nil && info.IsDir():
		t.Kind = Folder
		err = t.folder(ctx, w)
	case err == nil && o.asFile(info.Name()):
		err = t.file(ctx, ref, w)
	default:
		err = t.open(ctx, ref, info, w)
	}
	slices.SortStableFunc(t.Files, func(a, b *manifest.Actual) int { return strings.Compare(a.Path, b.Path) })
	return t, err
}

// open looks at a package or, where there is none, at a file. Info is nil for what
// lies inside a package.
func (t *Target) open(ctx context.Context, ref string, info fs.FileInfo, w *walker) error {
	if info == nil && w.options.asFile(path.Base(ref)) {
		return t.member(ctx, ref, w)
	}
	p, err := source.Open(ctx, ref, w.options.Source)
	switch {
	case errors.Is(err, source.ErrKind) && info == nil:
		return t.member(ctx, ref, w)
	case errors.Is(err, source.ErrKind):
		return t.file(ctx, ref, w)
	case err != nil:
		return err
	}
	defer p.Close()
	t.Kind = Package
	if t.Package, err = Identify(p, w.options.Inspect); err != nil {
		return err
	}
	t.Language = t.Package.Language
	err = w.walk(ctx, p, "", nil)
	t.Warnings = append(t.Warnings, p.Warnings()...)
	return err
}

// member looks at one file inside a package.
func (t *Target) member(ctx context.Context, ref string, w *walker) error {
	t.Kind = File
	i := strings.LastIndex(ref, "//")
	if i < 0 {
		_, err := source.Open(ctx, ref, w.options.Source)
		return err
	}
	p, err := source.Open(ctx, ref[:i], w.options.Source)
	if err != nil {
		return err
	}
	defer p.Close()
	found := p.Find(ref[i+2:])
	if len(found) != 1 {
		// Opening it says what is wrong with the name.
		_, err := source.Open(ctx, ref, w.options.Source)
		return err
	}
	return w.walk(ctx, p, "", found)
}

// folder looks at all files below the target, in the order of their paths.
// Symbolic links are not followed: what they lead to is not in the folder.
func (t *Target) folder(ctx context.Context, w *walker) error {
	root, err := os.OpenRoot(t.Ref)
	if err != nil {
		return &source.Error{Package: t.Ref, Err: bare(err)}
	}
	defer root.Close()
	w.useFolderCatalogs(root, catalogsBelow(ctx, root.FS()))
	var errs []error
	failed := func(name string, err error) {
		if !errors.As(err, new(*source.Error)) {
			err = &source.Error{Package: t.Ref, Place: name, Err: bare(err)}
		}
		errs = append(errs, err)
	}
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			failed(name, err)
		case entry.IsDir():
		case !entry.Type().IsRegular():
			t.Warnings = append(t.Warnings, name+" is no regular file and was not looked at")
		default:
			if err := t.fileIn(ctx, root, name, w); err != nil {
				failed(name, err)
			}
		}
		return nil
	})
	return errors.Join(append(errs, err)...)
}

// catalogsBelow returns the names of the catalogs in a folder.
func catalogsBelow(ctx context.Context, folder fs.FS) []string {
	var names []string
	_ = fs.WalkDir(folder, ".", func(name string, entry fs.DirEntry, err error) error {
		if ctx.Err() != nil || len(names) == maxCatalogs {
			return fs.SkipAll
		}
		if err == nil && entry.Type().IsRegular() && isCatalogName(name) {
			names = append(names, name)
		}
		return nil // errors are told when the files are looked at
	})
	return names
}

// bare takes the path from an error of the operating system, where the error
// around it names it.
func bare(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

// file looks at one file on disk.
func (t *Target) file(ctx context.Context, name string, w *walker) error {
	t.Kind = File
	f, err := os.Open(name)
	if err != nil {
		return &source.Error{Package: name, Err: bare(err)}
	}
	defer f.Close()
	return t.opened(ctx, f, filepath.Base(name), name, w)
}

// fileIn looks at one file below the target.
func (t *Target) fileIn(ctx context.Context, root *os.Root, name string, w *walker) error {
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return t.opened(ctx, f, name, filepath.Join(t.Ref, filepath.FromSlash(name)), w)
}

// opened looks at an open file, which is called inside in the target.
func (t *Target) opened(ctx context.Context, f *os.File, inside, name string, w *walker) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	actual, err := manifest.Inspect(manifest.File{
		Target: t.Ref, Path: inside, Name: path.Base(inside), Size: info.Size(), Time: info.ModTime(),
	}, f, w.options.Inspect)
	if err != nil {
		return err
	}
	t.Files = append(t.Files, actual)
	// The database of an administrative image lies in its root.
	image := t.Kind == Folder && !strings.Contains(inside, "/") && strings.EqualFold(path.Ext(inside), ".msi")
	if !w.options.Deep && !image {
		return nil
	}
	p, err := source.Open(ctx, name, w.options.Source)
	switch {
	case errors.Is(err, source.ErrKind):
		return nil
	case err != nil && !w.options.Deep:
		t.Warnings = append(t.Warnings, err.Error())
		return nil
	case err != nil:
		return err
	}
	defer p.Close()
	if image && IsImage(p) {
		// Its files are those of the folder.
		t.Language = Language(p)
		return nil
	}
	if !w.options.Deep {
		return nil
	}
	return w.walk(ctx, p, inside+"//", nil)
}
