package msi

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
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

// Windows writes no longer names than these, in UTF-16 code units (Windows:
// Maximum Path Length Limitation).
const (
	maxName = 255
	maxPath = 32767
)

// tooLong reports whether a name has more than maxName code units.
func tooLong(name string) bool {
	return len(name) > maxName && len(utf16.Encode([]rune(name))) > maxName
}

func (m *Model) readDirectories(db *Database) error {
	rows := db.rows("Directory")
	for row := range rows {
		d := &Directory{Key: row.String("Directory")}
		target, source := splitHalves(row.String("DefaultDir"))
		d.TargetShort, d.TargetLong = splitLevel(target)
		d.SourceShort, d.SourceLong = splitLevel(source)
		for _, name := range []string{d.SourceShort, d.SourceLong, d.TargetShort, d.TargetLong} {
			if tooLong(name) {
				return fmt.Errorf("msi: table Directory, row %s: a name of %d bytes is longer than Windows allows: %w", d.Key, len(name), ErrLimit)
			}
		}
		m.Directories[d.Key] = d
	}
	for row := range rows {
		key, parent := row.String("Directory"), row.String("Directory_Parent")
		if parent == "" || parent == key {
			continue
		}
		d := m.Directories[key]
		var err error
		if d.Parent, err = m.directory(row, parent); err != nil {
			return err
		}
	}
	for row := range rows {
		d := m.Directories[row.String("Directory")]
		length := 0
		for depth, up := 0, d; up != nil; depth, up = depth+1, up.Parent {
			if depth > maxDepth {
				return fmt.Errorf("msi: table Directory, row %s: more than %d levels, or a cycle: %w", d.Key, maxDepth, ErrFormat)
			}
			length += 1 + max(len(up.SourceShort), len(up.SourceLong), len(up.TargetShort), len(up.TargetLong))
		}
		if length > 4*maxPath { // a code unit has up to four bytes
			return fmt.Errorf("msi: table Directory, row %s: a path of %d bytes is longer than Windows allows: %w", d.Key, length, ErrLimit)
		}
	}
	return nil
}

// rootKey is the root of every directory tree (Windows Installer: TARGETDIR
// property).
const rootKey = "TARGETDIR"

// directory returns the directory that a row refers to.
func (m *Model) directory(row Row, key string) (*Directory, error) {
	if d := m.Directories[key]; d != nil {
		return d, nil
	}
	if tooLong(key) {
		return nil, fmt.Errorf("msi: table %s, row %s: a directory key of %d bytes is longer than the names that Windows allows: %w", row.table.Name, row.key(), len(key), ErrLimit)
	}
	return m.missingDirectory(key), nil
}

// missingDirectory makes the directory that the table lacks: a folder below
// the root that is named after the key, or the root itself. Nothing documents
// what Windows Installer does.
func (m *Model) missingDirectory(key string) *Directory {
	d := &Directory{Key: key, Missing: true}
	m.Directories[key] = d
	if key == rootKey {
		m.warn("Directory", "the Directory table lacks %q: the output folder takes its place", key)
		return d
	}
	d.SourceShort, d.SourceLong, d.TargetShort, d.TargetLong = key, key, key, key
	if d.Parent = m.Directories[rootKey]; d.Parent == nil {
		d.Parent = &Directory{Key: rootKey}
	}
	m.warn("Directory", "the Directory table lacks %q: its files are placed in a folder of that name below the root", key)
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
