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
	db, err := msi.NewReader(p.content, p.content.Size())
	if err != nil {
		return nil, err
	}
	if err := p.applyTransforms(db); err != nil {
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
	if r.tables, err = r.db.Model(); err != nil {
		return err
	}
	r.media = r.tables.Media
	r.p.warnAll(r.tables.Warnings)
	return r.p.listModel(ctx, r.tables, func(m *msi.File, f *File) {
		if m.Compressed {
			f.Cabinet = m.Cabinet
		}
	})
}

// entry says where a file is. An uncompressed one may be in the source tree, or in
// its root when the package as a whole is compressed.
func (r *databaseReader) entry(f *File) entry {
	m := f.row
	e := entry{media: m.Media, cabinet: m.Cabinet, member: m.Key}
	if m.Compressed && (m.Cabinet != "" || m.Media == nil) {
		return e
	}
	tree, root := []string{f.Path(), f.ShortPath()}, []string{f.long, f.short}
	if r.wordCount&msi.SourceShortNames != 0 {
		tree[0], tree[1], root[0], root[1] = tree[1], tree[0], root[1], root[0]
	}
	if r.wordCount&msi.SourceCompressed != 0 && r.wordCount&msi.SourceAdminImage == 0 {
		tree, root = root, tree
	}
	e.loose, e.exact = append(tree, root...), len(tree)
	return e
}

// listModel lists the files of a model. place completes each.
func (p *Package) listModel(ctx context.Context, model *msi.Model, place func(*msi.File, *File)) error {
	known := map[*msi.Directory]*location{}
	for _, m := range model.Files {
		if err := ctx.Err(); err != nil {
			return err
		}
		in := known[m.Directory]
		if in == nil {
			in = locationOf(p, m.Directory)
			known[m.Directory] = in
		}
		f := newFile(m, in)
		place(m, f)
		var err error
		if m.LeftOut == nil || p.options.AllFeatures && m.LeftOut.Feature != nil {
			err = p.add(f)
		} else {
			l := LeftOut{File: f, Reason: m.LeftOut.Reason}
			if m.LeftOut.Feature != nil {
				l.Feature = m.LeftOut.Feature.Key
			}
			err = p.leaveOut(l)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func locationOf(p *Package, d *msi.Directory) *location {
	folder := func(names []string) string {
		if len(names) == 0 {
			return ""
		}
		return join(names) + "/"
	}
	in := &location{
		of:     p,
		source: folder(d.SourcePath(false)), shortSource: folder(d.SourcePath(true)),
		target: folder(d.TargetPath(false)), shortTarget: folder(d.TargetPath(true)),
	}
	for _, name := range slices.Concat(d.SourcePath(false), d.TargetPath(false)) {
		in.shortened = in.shortened || safepath.Path(name) != name
	}
	return in
}

func newFile(m *msi.File, in *location) *File {
	return &File{
		in: in, long: fileName(m.Name(false)), short: fileName(m.Name(true)), key: m.Key, row: m,
		shortened:  in.shortened || safepath.Path(m.Name(false)) != m.Name(false),
		Size:       m.Size,
		Version:    m.Version,
		Language:   m.Language,
		Sequence:   int(m.Sequence),
		MD5:        m.MD5,
		Attributes: uint32(m.Attributes) & fileAttributes,
	}
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
