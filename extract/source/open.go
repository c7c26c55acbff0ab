package source

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// separator stands between a package and the path of one inside it.
const separator = "//"

// maxDepth bounds how deep packages may lie in one another.
const maxDepth = 16

// Open opens what ref names: a file, or a package inside packages, each named by
// its path in the one around it, its File key or its base name. Errors are *Error,
// or that of ctx, which ends the opening.
func Open(ctx context.Context, ref string, o Options) (*Package, error) {
	name, inner, err := splitRef(ref)
	if err != nil {
		return nil, newError(ref, "", err)
	}
	file, err := openOnDisk(name)
	if err != nil {
		return nil, newError(ref, "", err)
	}
	outermost := o
	if len(inner) > 0 || o.Base != "" {
		outermost.Transforms = nil // they are for the package that is named, or the base
	}
	p, err := openAt(ctx, file, name, outermost)
	if err != nil {
		return nil, err
	}
	for i, name := range inner {
		if i == len(inner)-1 && o.Base == "" {
			p.options.Transforms = o.Transforms
		}
		next, err := p.openNamed(ctx, name)
		if err != nil {
			p.Close()
			return nil, err
		}
		next.outer = p
		p = next
	}
	if o.Inner {
		next, err := p.goInside(ctx)
		if err != nil {
			next.Close()
			return nil, err
		}
		p = next
	}
	if len(o.Transforms) > 0 && o.Base == "" && p.Database() == nil {
		err := p.errorAt("", fmt.Errorf("%w: it has no tables that a transform could change", ErrKind))
		p.Close()
		return nil, err
	}
	switch {
	case o.Base != "":
		return openOnBase(ctx, p, o)
	case len(o.Patches) > 0:
		return applyPatches(ctx, p, o.Patches, nil)
	}
	return p, nil
}

// diskFile is a file on the disk that a package is read from.
type diskFile interface {
	content
	modified() time.Time
}

// openAt opens the package in a file of this name. It owns the file.
func openAt(ctx context.Context, file diskFile, name string, o Options) (*Package, error) {
	beside := []neighbours{newFolder(filepath.Dir(name), false)}
	if o.Media != "" {
		if info, err := os.Stat(o.Media); err != nil || !info.IsDir() {
			file.Close()
			return nil, newError(name, "", fmt.Errorf("%w: the media folder %s", ErrMissing, o.Media))
		}
		beside = append(beside, newFolder(o.Media, true))
	}
	p := &Package{
		ref:      name,
		name:     filepath.Base(name),
		folder:   filepath.Dir(name),
		modified: file.modified(),
		content:  file,
		beside:   beside,
		options:  o,
		inside:   newInsideBudget(o.MaxBytes),
	}
	if err := p.open(ctx); err != nil {
		p.Close()
		return nil, newError(name, "", err)
	}
	return p, nil
}

// openOnBase opens what a patch makes of its base.
func openOnBase(ctx context.Context, patch *Package, o Options) (*Package, error) {
	ref, more := o.Base, o.Patches
	o.Base, o.Patches = "", nil
	base, err := Open(ctx, ref, o)
	if err != nil {
		patch.Close()
		return nil, err
	}
	if patch.Patch() == nil {
		_, _ = patch.Close(), base.Close() // the first error says more
		return nil, patch.errorAt("", misplaced(MSP, patch, []*Package{base}))
	}
	p, err := applyPatches(ctx, base, more, []*Package{patch})
	if err != nil {
		return nil, err
	}
	p.reader.(*patchedReader).onlyPatched(patch)
	return p, nil
}

// splitRef cuts a reference into the file on the disk and the names of the
// packages inside. A path that happens to hold "//" stays a path.
func splitRef(ref string) (name string, inner []string, err error) {
	_, err = os.Stat(ref)
	if err == nil {
		return ref, nil, nil
	}
	for at := 0; ; at += len(separator) {
		next := strings.Index(ref[at:], separator)
		if next < 0 {
			return "", nil, WithoutPath(err)
		}
		at += next
		info, statErr := os.Stat(ref[:at])
		if statErr != nil || info.IsDir() {
			continue
		}
		inner = strings.Split(ref[at+len(separator):], separator)
		if len(inner) > maxDepth {
			return "", nil, fmt.Errorf("%w: more than %d packages inside one another", ErrLimit, maxDepth)
		}
		return ref[:at], inner, nil
	}
}

// open reads the structure of the package from its content.
func (p *Package) open(ctx context.Context) (err error) {
	p.codePage = p.options.CabCodePage
	if p.reader, err = openReader(ctx, p); err != nil {
		return err
	}
	return p.reader.list(ctx)
}

// openNamed opens a package that is a file of p.
func (p *Package) openNamed(ctx context.Context, name string) (*Package, error) {
	file, err := p.one(name)
	if err != nil {
		return nil, p.errorAt("", err)
	}
	return p.OpenFile(ctx, file)
}

// mediaFolders returns the folder that Options.Media names, if any.
func (p *Package) mediaFolders() []neighbours {
	if p.options.Media == "" {
		return nil
	}
	return p.beside[len(p.beside)-1:]
}

// Find returns the files that a name means: the one at this path, else the one
// with this File key, else all with this base name. Case does not matter except
// for keys. A file that an administrative image leaves out is found where the
// name means no other. The result is never nil: WalkOptions with a name that means
// no file visit no file.
func (p *Package) Find(name string) []*File {
	if found := find(p.Files(), name); len(found) > 0 {
		return found
	}
	var leftOut []*File
	for _, l := range p.LeftOut() {
		leftOut = append(leftOut, l.File)
	}
	return find(leftOut, name)
}

func find(files []*File, name string) []*File {
	name = strings.TrimLeft(strings.ReplaceAll(name, `\`, "/"), "/")
	folded := fold(name)
	var byPath, byKey *File
	byBase := []*File{}
	for _, f := range files {
		foldedPath := fold(f.Path())
		switch {
		case foldedPath == folded:
			byPath = f // of several, the last one is what the image would hold
		case f.Key() == name:
			byKey = f
		case path.Base(foldedPath) == folded:
			byBase = append(byBase, f)
		}
	}
	switch {
	case byPath != nil:
		return []*File{byPath}
	case byKey != nil:
		return []*File{byKey}
	}
	return byBase
}

// one returns the only file that a name means.
func (p *Package) one(name string) (*File, error) {
	found := p.Find(name)
	switch len(found) {
	case 0:
		return nil, &NotFoundError{Name: name, in: p}
	case 1:
		return found[0], nil
	}
	var paths []string
	for _, f := range found {
		paths = append(paths, f.Path())
	}
	return nil, fmt.Errorf("%w: %q may be %s", ErrAmbiguous, name, strings.Join(paths, ", "))
}
