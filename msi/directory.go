package msi

import (
	"fmt"
	"slices"
	"strings"
)

// Directory is a row of the Directory table. A level has a source half, which
// an administrative image follows, and a target half, which an installation
// follows (Windows Installer: Directory table, DefaultDir).
//
// The names are as their author wrote them.
type Directory struct {
	Key    string
	Parent *Directory // nil for a root, which stands for the output folder itself
	// The name of this level, "" where it adds none (".", or the root).
	SourceShort, SourceLong string
	TargetShort, TargetLong string
	// Missing marks a directory that rows refer to but the Directory table
	// lacks. It stands below the root, under its key.
	Missing bool
}

// SourcePath returns the names of the levels below the root, by short or by
// long names, in the layout of the source. The root's path is empty.
func (d *Directory) SourcePath(short bool) []string {
	return d.path(func(d *Directory) string { return pick(short, d.SourceShort, d.SourceLong) })
}

// TargetPath is SourcePath for the layout of an installation.
func (d *Directory) TargetPath(short bool) []string {
	return d.path(func(d *Directory) string { return pick(short, d.TargetShort, d.TargetLong) })
}

func (d *Directory) path(name func(*Directory) string) []string {
	var names []string
	for ; d.Parent != nil; d = d.Parent {
		if n := name(d); n != "" {
			names = append(names, n)
		}
	}
	slices.Reverse(names)
	return names
}

func pick(short bool, shortName, longName string) string {
	if short {
		return shortName
	}
	return longName
}

// maxDepth is how many levels a directory may lie below the root. Windows
// paths of 260 characters hold fewer.
const maxDepth = 256

func (m *Model) readDirectories(db *Database) error {
	rows := db.rows("Directory")
	for _, row := range rows {
		d := &Directory{Key: row.String("Directory")}
		target, source := splitHalves(row.String("DefaultDir"))
		d.TargetShort, d.TargetLong = splitLevel(target)
		d.SourceShort, d.SourceLong = splitLevel(source)
		m.Directories[d.Key] = d
	}
	for _, row := range rows {
		key, parent := row.String("Directory"), row.String("Directory_Parent")
		if parent == "" || parent == key {
			continue
		}
		d := m.Directories[key]
		if d.Parent = m.Directories[parent]; d.Parent == nil {
			d.Parent = m.missingDirectory(parent)
		}
	}
	for _, row := range rows {
		d := m.Directories[row.String("Directory")]
		for depth, up := 0, d; up != nil; depth, up = depth+1, up.Parent {
			if depth > maxDepth {
				return fmt.Errorf("msi: table Directory, row %s: more than %d levels, or a cycle: %w", d.Key, maxDepth, ErrFormat)
			}
		}
	}
	return nil
}

// rootKey is the root of every directory tree (Windows Installer: TARGETDIR
// property).
const rootKey = "TARGETDIR"

// missingDirectory makes the directory that the table lacks: a folder below
// the root that is named after the key, or the root itself. Nothing documents
// what Windows Installer does.
func (m *Model) missingDirectory(key string) *Directory {
	d := &Directory{Key: key, Missing: true}
	m.Directories[key] = d
	if key == rootKey {
		m.warn("the Directory table lacks %q: the output folder takes its place", key)
		return d
	}
	d.SourceShort, d.SourceLong, d.TargetShort, d.TargetLong = key, key, key, key
	if d.Parent = m.Directories[rootKey]; d.Parent == nil {
		d.Parent = &Directory{Key: rootKey}
	}
	m.warn("the Directory table lacks %q: its files are placed in a folder of that name below the root", key)
	return d
}

// splitHalves splits a DefaultDir into target and source. Without a colon both
// are the same.
func splitHalves(defaultDir string) (target, source string) {
	target, source, ok := strings.Cut(defaultDir, ":")
	if !ok {
		source = target
	}
	return target, source
}

// splitLevel splits a half of a DefaultDir and drops the dot, which adds no
// level.
func splitLevel(half string) (short, long string) {
	short, long = splitName(half)
	if short == "." {
		short = ""
	}
	if long == "." {
		long = ""
	}
	return short, long
}

// splitName splits "short|long". Without a bar both are the same.
func splitName(name string) (short, long string) {
	short, long, ok := strings.Cut(name, "|")
	if !ok {
		long = short
	}
	return short, long
}
