package source

import (
	"io"
	"strings"

	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msi/cab"
)

// fileAttributes are the bits of File.Attributes, and of a cabinet member's, that
// are Windows file attributes.
const fileAttributes = msi.FileReadOnly | msi.FileHidden | msi.FileSystem

// An entry says where a file of a database or a cabinet comes from.
type entry struct {
	media   *msi.Media            // nil where no row covers the file
	cabinet string                // as in Media.Cabinet; empty when there is none
	member  string                // name in the cabinet
	file    *cab.File             // the member itself, where it is known from the start
	loose   []string              // source paths of an uncompressed file, the expected ones first; nil: compressed
	exact   int                   // how many of loose are expected
	made    func(io.Writer) error // writes the content of a file that stands for something else
}

// readModel lists the files that the tables of the database name.
func (p *Package) readModel() error {
	model, err := p.db.Model()
	if err != nil {
		return err
	}
	p.model = model
	p.warnings = append(p.warnings, model.Warnings...)
	p.wordCount, _ = p.db.Summary().Int(msi.PIDWordCount)
	p.entries = make(map[*File]entry, len(model.Files))
	return p.listFiles(model, func(m *msi.File, f *File) {
		e := entry{media: m.Media, cabinet: m.Cabinet, member: m.Key}
		if !m.Compressed || (e.cabinet == "" && m.Media != nil) {
			e.loose, e.exact = p.loosePaths(m)
		} else {
			f.Cabinet = e.cabinet
		}
		p.entries[f] = e
	})
}

// listFiles lists the files of a model. place says where one comes from.
func (p *Package) listFiles(model *msi.Model, place func(*msi.File, *File)) error {
	known := map[*msi.Directory]*location{}
	for _, m := range model.Files {
		in := known[m.Directory]
		if in == nil {
			in = locationOf(m.Directory)
			known[m.Directory] = in
		}
		f := newFile(m, in)
		place(m, f)
		if m.LeftOut != nil && !(p.options.AllFeatures && m.LeftOut.Feature != nil) {
			l := LeftOut{File: f, Reason: m.LeftOut.Reason}
			if m.LeftOut.Feature != nil {
				l.Feature = m.LeftOut.Feature.Key
			}
			if err := p.leaveOut(l); err != nil {
				return err
			}
			continue
		}
		if err := p.list(f); err != nil {
			return err
		}
	}
	return nil
}

func locationOf(d *msi.Directory) *location {
	folder := func(names []string) string {
		if len(names) == 0 {
			return ""
		}
		return join(names) + "/"
	}
	return &location{
		source: folder(d.SourcePath(false)), shortSource: folder(d.SourcePath(true)),
		target: folder(d.TargetPath(false)), shortTarget: folder(d.TargetPath(true)),
	}
}

func newFile(m *msi.File, in *location) *File {
	return &File{
		in: in, long: noSlash(m.Name(false)), short: noSlash(m.Name(true)), key: m.Key, row: m,
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
		names[i] = noSlash(name)
	}
	return strings.Join(names, "/")
}

// noSlash keeps a name that holds a slash from becoming two: it gets a backslash
// instead, which is refused wherever a path is used.
func noSlash(name string) string { return strings.ReplaceAll(name, "/", `\`) }

// loosePaths returns where an uncompressed file may lie: in the source tree, or
// in its root when the package as a whole is compressed. The paths where it is
// expected come first, and exact says how many these are.
func (p *Package) loosePaths(m *msi.File) (paths []string, exact int) {
	short := p.wordCount&msi.SourceShortNames != 0
	tree := []string{join(m.SourcePath(short)), join(m.SourcePath(!short))}
	root := []string{join([]string{m.Name(short)}), join([]string{m.Name(!short)})}
	if p.wordCount&msi.SourceCompressed != 0 && p.wordCount&msi.SourceAdminImage == 0 {
		tree, root = root, tree
	}
	return append(tree, root...), len(tree)
}
