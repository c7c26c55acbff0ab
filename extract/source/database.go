package source

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/extract/safepath"
	"github.com/hotfixkit/hotfixkit/msi"
)

// fileAttributes are the bits of File.Attributes, and of a cabinet member's, that
// are Windows file attributes.
const fileAttributes = msi.FileReadOnly | msi.FileHidden | msi.FileSystem

// openDatabase opens a compound file: a package, a merge module, a patch or a
// transform.
func openDatabase(ctx context.Context, p *Package) (reader, error) {
	db, err := msi.NewReaderContext(ctx, p.content, p.content.Size())
	if err != nil {
		return nil, err
	}
	if err := p.applyTransforms(ctx, db); err != nil {
		return nil, err
	}
	if p.codePage == 0 {
		p.codePage = db.CodePage()
	}
	switch db.Kind() {
	case msi.KindPatch:
		p.kind = MSP
		return newPatchReader(p, db)
	case msi.KindTransform:
		p.kind = MST
		return transformReader{db}, nil
	case msi.KindDatabase:
		// Merge modules have the table ModuleSignature ("Merge Module Database
		// Tables"); a package that modules were merged into has it, too, and a
		// product.
		if p.kind = MSI; db.Table("ModuleSignature") != nil && !hasProduct(db) {
			p.kind = MSM
		}
		return newDatabaseReader(p, db), nil
	}
	return nil, fmt.Errorf("%w: it is a compound file of another application", ErrKind)
}

func hasProduct(db *msi.Database) bool {
	properties := db.Table("Property")
	if properties == nil {
		return false
	}
	_, ok := properties.Find(msi.String("ProductCode"))
	return ok
}

// A databaseReader reads installation packages, administrative images of them, and
// merge modules.
type databaseReader struct {
	*store
	tables    *msi.Model
	wordCount int32
}

func newDatabaseReader(p *Package, db *msi.Database) *databaseReader {
	r := &databaseReader{store: newStore(p, db)}
	r.find = func(f *File) (entry, error) { return r.entry(f), nil }
	r.wordCount, _ = db.Summary().Int(msi.PIDWordCount)
	return r
}

func (r *databaseReader) model() *msi.Model { return r.tables }

func (r *databaseReader) list(ctx context.Context) (err error) {
	if r.tables, err = r.db.ModelContext(ctx); err != nil {
		return err
	}
	r.media = r.tables.Media
	r.p.warnAll(r.tables.Warnings)
	l := &modelList{p: r.p, model: r.tables}
	if err := l.check(ctx); err != nil {
		return err
	}
	r.p.unlisted = l.list
	return nil
}

// entry says where a file is. An uncompressed one may be in the source tree, or in
// its root when the package as a whole is compressed.
func (r *databaseReader) entry(f *File) entry {
	m := f.described()
	e := entry{media: m.Media(), cabinet: m.Cabinet(), member: m.Key()}
	if m.Compressed() && (e.cabinet != "" || e.media == nil) {
		return e
	}
	tree, root := []string{f.Path(), f.ShortPath()}, []string{f.name(false), f.name(true)}
	if r.wordCount&msi.SourceShortNames != 0 {
		tree[0], tree[1], root[0], root[1] = tree[1], tree[0], root[1], root[0]
	}
	if r.wordCount&msi.SourceCompressed != 0 && r.wordCount&msi.SourceAdminImage == 0 {
		tree, root = root, tree
	}
	e.loose, e.exact = append(tree, root...), len(tree)
	return e
}

// A modelList lists the files of a model.
type modelList struct {
	p     *Package
	model *msi.Model
	place func(*File) // completes each; may be nil
	known map[*msi.Directory]*location
}

// check checks the paths of the files and counts them.
func (l *modelList) check(ctx context.Context) error {
	l.known = map[*msi.Directory]*location{}
	for i := range l.model.FileCount() {
		if i%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		f := l.file(i)
		if err := l.p.checkPath(&f); err != nil {
			return err
		}
		if l.leftOut(i) == nil {
			l.p.counted.Files++
		} else {
			l.p.counted.LeftOut++
		}
	}
	l.p.numbered = l.model.FileCount()
	return nil
}

// leftOut returns why a file is not in an image, nil where it is.
func (l *modelList) leftOut(i int) *msi.LeftOut {
	out := l.model.File(i).LeftOut()
	if out != nil && out.Feature != nil && l.p.options.AllFeatures {
		return nil
	}
	return out
}

// list lists the files, which must have been checked.
func (l *modelList) list() {
	all := make([]File, l.model.FileCount())
	l.p.files = make([]*File, 0, l.p.counted.Files)
	for i := range all {
		f := &all[i]
		if *f = l.file(i); l.place != nil {
			l.place(f)
		}
		out := l.leftOut(i)
		if out == nil {
			l.p.files = append(l.p.files, f)
			continue
		}
		left := LeftOut{File: f, Reason: out.Reason}
		if out.Feature != nil {
			left.Feature = out.Feature.Key
		}
		l.p.leftOut = append(l.p.leftOut, left)
	}
	l.known = nil
}

// file returns one file of the model.
func (l *modelList) file(i int) File {
	m := l.model.File(i)
	directory := m.Directory()
	in := l.known[directory]
	if in == nil {
		in = locationOf(l.p, l.model, directory)
		l.known[directory] = in
	}
	long := m.Name(false)
	return File{
		in: in, row: uint32(i), number: uint32(i),
		shortened:  in.shortened || safepath.Path(long) != long,
		Size:       m.Size(),
		Attributes: uint32(m.Attributes()) & fileAttributes,
	}
}

func locationOf(p *Package, model *msi.Model, d *msi.Directory) *location {
	in := &location{of: p, model: model}
	paths := []struct {
		path  *string
		names []string
	}{
		{&in.source, d.SourcePath(false)}, {&in.shortSource, d.SourcePath(true)},
		{&in.target, d.TargetPath(false)}, {&in.shortTarget, d.TargetPath(true)},
	}
	for _, name := range slices.Concat(paths[0].names, paths[2].names) {
		in.shortened = in.shortened || safepath.Path(name) != name
	}
	for _, one := range paths {
		if len(one.names) > 0 {
			*one.path = join(one.names) + "/"
		}
		for _, other := range paths { // most folders have one path
			if *other.path == *one.path {
				*one.path = *other.path
				break
			}
		}
	}
	return in
}

// join makes a path of names.
func join(names []string) string {
	for i, name := range names {
		names[i] = fileName(name)
	}
	return strings.Join(names, "/")
}

// fileName returns the name of a file or folder of a database as it is written to
// a disk. A slash in it becomes a backslash, which is refused wherever a path is
// used: it must not make two names of one.
func fileName(name string) string { return safepath.Path(strings.ReplaceAll(name, "/", `\`)) }
