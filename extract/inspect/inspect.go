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
	"sync"

	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/msi/cab"
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
	Source  source.Options
	Inspect manifest.InspectOptions
	// Deep looks into packages inside the target as well. Their files have paths
	// with "//" between the package and the file in it.
	Deep bool
	// AsFile reports whether a package of this base name is to be looked at as a
	// file, because it is one of the files that are looked for. Nil: none is.
	AsFile func(name string) bool
}

// A Target is what was found out about one thing that the user named.
type Target struct {
	Ref      string
	Kind     Kind
	Language int       // ProductLanguage of the package, or of the one in an administrative image; 0 where unknown
	Package  *Identity // of a package target
	Files    []*manifest.Actual
	Warnings []string
}

// Inspect looks at one target. After an error of some file the others are still
// looked at; the errors are joined, and what could be read is in the Target.
func Inspect(ctx context.Context, ref string, o Options) (*Target, error) {
	t := &Target{Ref: ref}
	info, err := os.Stat(ref)
	switch {
	case err == nil && info.IsDir():
		t.Kind = Folder
		err = t.folder(ctx, o)
	case err == nil && o.AsFile != nil && o.AsFile(filepath.Base(ref)):
		t.Kind = File
		err = t.file(ctx, ref, filepath.Base(ref), info, o)
	default:
		var p *source.Package
		p, err = source.Open(ref, o.Source)
		if errors.Is(err, source.ErrKind) && info != nil {
			t.Kind = File
			err = t.file(ctx, ref, filepath.Base(ref), info, o)
			break
		}
		if err != nil {
			return t, err
		}
		t.Kind = Package
		err = t.inspectPackage(ctx, p, o)
		err = errors.Join(err, p.Close())
	}
	slices.SortStableFunc(t.Files, func(a, b *manifest.Actual) int { return strings.Compare(a.Path, b.Path) })
	return t, err
}

// inspectPackage looks at a package and all of its files.
func (t *Target) inspectPackage(ctx context.Context, p *source.Package, o Options) error {
	var err error
	if t.Package, err = Identify(p, o.Inspect); err != nil {
		return err
	}
	t.Language = t.Package.Language
	err = t.walk(ctx, p, "", o)
	t.Warnings = p.Warnings()
	return err
}

// folder looks at all files below the target, in the order of their paths.
// Symbolic links are not followed: what they lead to is not in the folder.
func (t *Target) folder(ctx context.Context, o Options) error {
	var errs []error
	err := filepath.WalkDir(t.Ref, func(name string, entry fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			errs = append(errs, err)
			return nil
		}
		if !entry.Type().IsRegular() {
			if !entry.IsDir() {
				t.Warnings = append(t.Warnings, name+" is no regular file and was not looked at")
			}
			return nil
		}
		info, err := entry.Info()
		if err == nil {
			var inside string
			if inside, err = filepath.Rel(t.Ref, name); err == nil {
				err = t.file(ctx, name, filepath.ToSlash(inside), info, o)
			}
		}
		if err != nil {
			errs = append(errs, err)
		}
		return nil
	})
	return errors.Join(append(errs, err)...)
}

// file looks at one file on disk.
func (t *Target) file(ctx context.Context, name, inside string, info fs.FileInfo, o Options) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	actual, err := manifest.Inspect(manifest.File{
		Target: t.Ref, Path: inside, Name: path.Base(inside), Size: info.Size(), Time: info.ModTime(),
	}, f, o.Inspect)
	if err != nil {
		return err
	}
	t.Files = append(t.Files, actual)
	image := t.Kind == Folder && !strings.Contains(inside, "/") && strings.EqualFold(path.Ext(inside), ".msi")
	if !o.Deep && !image {
		return nil
	}
	p, err := source.Open(name, o.Source)
	if errors.Is(err, source.ErrKind) {
		return nil
	}
	if err != nil {
		return err
	}
	defer p.Close()
	if image && IsImage(p) {
		// Its files are those of the folder.
		t.Language = Language(p)
		return nil
	}
	if !o.Deep {
		return nil
	}
	return t.walk(ctx, p, inside+"//", o)
}

// walk looks at the files of a package, each while it is decoded.
func (t *Target) walk(ctx context.Context, p *source.Package, prefix string, o Options) error {
	var mu sync.Mutex
	var inner []string
	err := p.Walk(ctx, func(f *source.File) (cab.Sink, error) {
		return &sink{
			inspector: manifest.NewInspector(manifest.File{
				Target: t.Ref, Path: prefix + f.Path, Name: path.Base(f.Path), Size: -1, Time: f.Modified,
			}, o.Inspect),
			done: func(a *manifest.Actual, isPackage bool) {
				mu.Lock()
				defer mu.Unlock()
				t.Files = append(t.Files, a)
				if isPackage {
					inner = append(inner, f.Path)
				}
			},
		}, nil
	}, source.WalkOptions{KeepGoing: true})
	if !o.Deep {
		return err
	}
	slices.Sort(inner)
	errs := []error{err}
	for _, name := range inner {
		errs = append(errs, t.nested(ctx, p, name, prefix+name+"//", o))
	}
	return errors.Join(errs...)
}

// nested looks into a package inside another one.
func (t *Target) nested(ctx context.Context, outer *source.Package, name, prefix string, o Options) error {
	p, err := source.Open(outer.Ref()+"//"+name, o.Source)
	if errors.Is(err, source.ErrKind) {
		return nil
	}
	if err != nil {
		return err
	}
	defer p.Close()
	return t.walk(ctx, p, prefix, o)
}

// magicSize is how many of a file's first bytes mayBePackage looks at.
const magicSize = 4

// mayBePackage reports whether a file starts like a compound file ([MS-CFB] 2.2),
// a cabinet ([MS-CAB] 2.1) or an rpm.
func mayBePackage(start []byte) bool {
	switch string(start) {
	case "\xD0\xCF\x11\xE0", "MSCF", "\xED\xAB\xEE\xDB":
		return true
	}
	return false
}

// sink feeds one file of a package to an Inspector.
type sink struct {
	inspector *manifest.Inspector
	start     []byte
	done      func(a *manifest.Actual, isPackage bool)
}

func (s *sink) Write(p []byte) (int, error) {
	if missing := magicSize - len(s.start); missing > 0 {
		s.start = append(s.start, p[:min(missing, len(p))]...)
	}
	return s.inspector.Write(p)
}

func (s *sink) Close(cause error) error {
	if cause != nil {
		return nil
	}
	a, err := s.inspector.Finish()
	if err != nil {
		return err
	}
	s.done(a, mayBePackage(s.start))
	return nil
}
