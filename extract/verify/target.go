// Package verify checks what a user names, packages, folders and single files,
// against a manifest: it collects the facts of each file ([Read]) and compares them
// ([Compare]); [Check] does both. A [Result] is data: which file is what the manifest
// says, which is not, and why.
//
// Packages are streamed through: nothing is unpacked to disk first. A package is
// checked as the image that its extraction gives: the same files under the same
// paths, and the same verdict.
package verify

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/extract"
	"github.com/hotfixkit/hotfixkit/extract/safepath"
	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/manifest/authenticode"
)

// Kind is what a target is.
type Kind string

// The kinds of targets.
const (
	Package Kind = "package" // an installer package: all of its files
	Folder  Kind = "folder"  // all files below it
	File    Kind = "file"    // itself
)

// Options say what to find out.
type Options struct {
	Source source.Options // MaxBytes bounds what is decoded of one target as well
	Facts  manifest.InspectOptions
	// Deep looks into packages inside the target as well. Their files have paths
	// with "//" between the package and the file in it.
	Deep bool
	// Exact makes files that the manifest does not name, and files in another folder
	// than it says, a difference.
	Exact bool
	// Manifest is what the files will be compared with; nil when nothing is. What it
	// names decides whether a package is one of the files or holds them.
	Manifest *manifest.Set
	// Progress is called, concurrently, with bytes that were read since the last
	// call, and with bytes that were found to be waiting. Of a folder, no bytes are
	// announced. It may be nil.
	Progress func(read, waiting int64)
}

func (o Options) names(name string) bool { return o.Manifest != nil && o.Manifest.Names(name) }

// A Target is what was found out about one thing that the user named.
type Target struct {
	Ref      string
	Kind     Kind
	Language int       // ProductLanguage of the package, or of the one in an administrative image; 0 where unknown
	Package  *Identity // of a package target
	Files    []*manifest.Actual
	// around are the packages that a package or a file inside one came out of, the
	// innermost first.
	around []*Identity
	// Volumes are the cabinets next to these that were read.
	Volumes []*Identity
	// Unreadable are the paths of files that are there and cannot be read.
	Unreadable []string
	// Lost says that not even the names of its files could be read.
	Lost bool
	// Database is the package's own database in the image: what extraction would
	// write, or what is in the root of an image. It is not one of the files of the
	// package, and is compared only with a manifest that names it. Nil without one,
	// and where the manifest does not name it.
	Database *manifest.Actual
	Warnings []string
}

// Read collects the facts of one target: a path, or "outer//inner" for a package or
// a file inside a package. After an error of some file it goes on with the others;
// the errors are joined, and what could be read is in the Target.
func Read(ctx context.Context, ref string, o Options) (*Target, error) {
	t := &Target{Ref: ref}
	w := newWalker(t, o)
	info, err := os.Stat(ref)
	if err == nil && info.IsDir() {
		t.Kind = Folder
		err = t.folder(ctx, w)
	} else {
		err = t.open(ctx, ref, err == nil, w)
	}
	t.Lost = err != nil && len(t.Files) == 0 && len(t.Unreadable) == 0
	t.sort()
	return t, err
}

// ReadPackage collects the facts of an open package, each file while it is decoded.
// The sink that tap returns for a file receives its bytes as well; nil takes none.
// The first error ends it.
func ReadPackage(ctx context.Context, p *source.Package, o Options, tap func(*source.File, source.Stored) (source.Sink, error)) (*Target, error) {
	t := &Target{Ref: p.Ref()}
	w := newWalker(t, o)
	w.tap = tap
	err := t.readPackage(ctx, p, w)
	t.sort()
	return t, err
}

func (t *Target) sort() {
	slices.SortStableFunc(t.Files, func(a, b *manifest.Actual) int { return strings.Compare(a.Path, b.Path) })
}

// open reads a package or, where there is none or the manifest lists it, a file.
func (t *Target) open(ctx context.Context, ref string, onDisk bool, w *walker) error {
	o := w.options.Source
	if w.options.Manifest != nil {
		// A download is gone through to the package in it, unless it holds files that
		// the manifest names.
		o.Inner, o.Stay = true, w.options.names
	}
	p, err := source.Open(ctx, ref, o)
	asFile := t.file
	if !onDisk {
		asFile = t.member
	}
	switch {
	case errors.Is(err, source.ErrKind):
		return asFile(ctx, ref, w)
	case err != nil && w.options.names(path.Base(filepath.ToSlash(ref))):
		return errors.Join(err, asFile(ctx, ref, w))
	case err != nil:
		return err
	}
	defer p.Close()
	if w.options.isRow(p) {
		return asFile(ctx, ref, w)
	}
	return t.readPackage(ctx, p, w)
}

// isRow reports whether a package is one of the files that the manifest lists, and
// not what holds them. The manifest of an image may list the image's database, which
// has the name of its package: a package that holds most of the other files listed
// is not a row of its own manifest.
func (o Options) isRow(p *source.Package) bool {
	if !o.names(p.Name()) {
		return false
	}
	if p.Kind() != source.MSI {
		return true
	}
	held := map[string]bool{}
	for _, f := range p.Files() {
		held[safepath.Fold(f.Name())] = !isOwn(p, f.Path())
	}
	return !slices.ContainsFunc(o.Manifest.Manifests, func(m *manifest.Manifest) bool {
		others, found := 0, 0
		for _, row := range m.Files {
			if safepath.Fold(row.Name) == safepath.Fold(p.Name()) {
				continue
			}
			others++
			if held[safepath.Fold(row.Name)] {
				found++
			}
		}
		return 2*found > others
	})
}

// isOwn reports whether a path in the image of a package is that of its database.
func isOwn(p *source.Package, name string) bool {
	return p.Kind() == source.MSI && safepath.Fold(name) == safepath.Fold(p.Name())
}

// readPackage collects the facts of a package.
func (t *Target) readPackage(ctx context.Context, p *source.Package, w *walker) error {
	t.Kind = Package
	w.useCatalogsAround(ctx, p)
	var err error
	if t.Package, err = identify(ctx, p, w.options.Facts); err != nil {
		return err
	}
	t.Language = t.Package.Language
	t.around = t.Package.around()
	plan, planErr := extract.NewPlanContext(ctx, p, extract.Options{})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if planErr != nil && (w.tap != nil || len(p.Files()) == 0) {
		return planErr
	}
	if plan == nil {
		// It cannot be extracted; what its files are is told nevertheless.
		err = w.walk(ctx, p, "", p.Files(), (*source.File).Path)
	} else {
		t.Warnings = append(t.Warnings, plan.Warnings...)
		if err = w.walk(ctx, p, "", plan.Files, plan.Path); err == nil || w.tap == nil && ctx.Err() == nil {
			err = errors.Join(err, t.database(plan, w))
		}
	}
	err = errors.Join(err, t.outside(ctx, p, append([]*Identity{t.Package}, t.around...), w))
	t.Warnings = append(t.Warnings, p.Warnings()...)
	slices.Sort(t.Warnings) // those of a walk come in any order
	return errors.Join(planErr, err)
}

// database adds the database that extraction would write, if the manifest names it.
func (t *Target) database(plan *extract.Plan, w *walker) error {
	if plan.Database == "" || !w.options.names(plan.Database) {
		return nil
	}
	inspector := manifest.NewInspector(manifest.File{
		Target: t.Ref, Path: plan.Database, Name: plan.Database, Size: -1, Time: plan.Package.Modified(),
	}, w.options.Facts)
	if err := plan.WriteDatabase(inspector); err != nil {
		return err
	}
	var err error
	if t.Database, err = inspector.Finish(); err == nil && t.Database.SignaturePending {
		// The copy in an image never has the signature of the package.
		t.Database.SignaturePending, t.Database.Signature = false, &authenticode.Signature{Status: authenticode.None}
	}
	return err
}

// member reads one file inside a package.
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
	w.useCatalogsAround(ctx, p)
	id, err := identify(ctx, p, w.options.Facts)
	if err != nil {
		return err
	}
	t.around = append([]*Identity{id}, id.around()...)
	err = w.walk(ctx, p, "", found, (*source.File).Path)
	return errors.Join(err, t.outside(ctx, p, t.around, w))
}

// around are the packages that this one came out of, the innermost first.
func (id *Identity) around() []*Identity {
	var list []*Identity
	for at := id.Inside; at != nil; at = at.Inside {
		list = append(list, at)
	}
	return list
}

// outside books what was read next to a package and those around it: the files, and
// the signatures of the cabinets among them.
func (t *Target) outside(ctx context.Context, p *source.Package, ids []*Identity, w *walker) error {
	for _, id := range ids {
		id.Neighbours = p.Neighbours()
		for _, v := range p.Volumes() {
			volume := &Identity{Name: v.Name, Kind: source.CAB, Size: v.Size()}
			if o := w.options.Facts.Signature; o != nil {
				var err error
				if volume.Signature, err = authenticode.VerifyCAB(source.Until(ctx, v), v.Size(), *o); err != nil {
					return &source.Error{Package: p.Ref(), Place: v.Name, Err: err}
				}
			}
			t.Volumes = append(t.Volumes, volume)
		}
		p = p.Within()
	}
	return nil
}

// folder reads all files below the target, in the order of their paths.
// Symbolic links are not followed: what they lead to is not in the folder.
func (t *Target) folder(ctx context.Context, w *walker) error {
	root, err := os.OpenRoot(t.Ref)
	if err != nil {
		return &source.Error{Package: t.Ref, Err: source.WithoutPath(err)}
	}
	defer root.Close()
	w.useFolderCatalogs(root, catalogsBelow(ctx, root.FS()))
	var errs []error
	failed := func(name string, err error) {
		if !errors.As(err, new(*source.Error)) {
			err = &source.Error{Package: t.Ref, Place: name, Err: source.WithoutPath(err)}
		}
		errs = append(errs, err)
		t.Unreadable = append(t.Unreadable, name)
	}
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			failed(name, err)
		case entry.IsDir():
		case !entry.Type().IsRegular():
			t.Warnings = append(t.Warnings, name+" is not a regular file and was not checked")
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
		return nil // errors are told when the files are read
	})
	return names
}

// file reads one file on disk.
func (t *Target) file(ctx context.Context, name string, w *walker) error {
	t.Kind = File
	f, err := os.Open(name)
	if err != nil {
		return &source.Error{Package: name, Err: source.WithoutPath(err)}
	}
	defer f.Close()
	return t.opened(ctx, f, filepath.Base(name), name, w)
}

// fileIn reads one file below the target.
func (t *Target) fileIn(ctx context.Context, root *os.Root, name string, w *walker) error {
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return t.opened(ctx, f, name, filepath.Join(t.Ref, filepath.FromSlash(name)), w)
}

// opened reads an open file, which is called inside in the target.
func (t *Target) opened(ctx context.Context, f *os.File, inside, name string, w *walker) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	actual, err := manifest.Inspect(manifest.File{
		Target: t.Ref, Path: inside, Name: path.Base(inside), Size: info.Size(), Time: info.ModTime(),
	}, io.NewSectionReader(source.Until(ctx, f), 0, info.Size()), w.options.Facts)
	if err != nil {
		return err
	}
	if w.options.Progress != nil {
		w.options.Progress(info.Size(), 0)
	}
	// The database of an administrative image is in its root.
	inRoot := t.Kind == Folder && !strings.Contains(inside, "/") && strings.EqualFold(path.Ext(inside), ".msi")
	if !w.options.Deep && !inRoot {
		t.Files = append(t.Files, actual)
		return unchanged(f, info)
	}
	own, err := t.lookInside(ctx, f, inside, name, inRoot, w)
	if own {
		t.Database = actual
	} else {
		t.Files = append(t.Files, actual)
	}
	return errors.Join(err, unchanged(f, info))
}

// lookInside opens a file that may be a package: for its files, where that is asked
// for, and to find the database of the image that the folder is.
func (t *Target) lookInside(ctx context.Context, f *os.File, inside, name string, inRoot bool, w *walker) (own bool, err error) {
	o := w.options.Source
	o.NoDownloads = !w.options.Deep // programs and zips in a folder are files like others
	p, err := source.OpenHandle(ctx, f, name, o)
	switch {
	case errors.Is(err, source.ErrKind):
		return false, nil
	case err != nil && !w.options.Deep:
		t.Warnings = append(t.Warnings, err.Error())
		return false, nil
	case err != nil:
		return false, err
	}
	defer p.Close()
	if inRoot && (IsImage(p) || slices.ContainsFunc(p.Files(), func(f *source.File) bool { return isOwn(p, f.Path()) })) {
		// Its files are those of the folder.
		t.Language = language(p)
		return true, nil
	}
	if !w.options.Deep {
		return false, nil
	}
	return false, w.walk(ctx, p, inside+"//", p.Files(), (*source.File).Path)
}

// unchanged returns an error when an open file is no longer as it was.
func unchanged(f *os.File, before fs.FileInfo) error {
	now, err := f.Stat()
	if err == nil && (now.Size() != before.Size() || !now.ModTime().Equal(before.ModTime())) {
		err = source.ErrChanged
	}
	return err
}
