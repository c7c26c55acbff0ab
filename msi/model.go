package msi

import (
	"fmt"
	"maps"
	"slices"
)

// Model is what a database says about an installation: its files and where
// they come from and go to.
type Model struct {
	Directories map[string]*Directory // by key
	Components  map[string]*Component // by key
	Features    []*Feature            // in table order
	Media       []*Media              // by LastSequence
	Files       []*File               // by Sequence, then by key
	// Warnings tell of contradictions that have a reasonable reading. Of each
	// kind the first maxWarnings are told and the others counted.
	Warnings []string

	warned map[string]int // by kind
}

// maxWarnings bounds what a table of nothing but dangling references costs.
const maxWarnings = 20

// Model reads the directory, component, feature, media and file tables. Tables
// that do not exist count as empty. Rows that refer to rows that do not exist
// are passed over, which Warnings tells, as Windows Installer takes such packages.
// Cycles are ErrFormat; names longer than Windows can write are ErrLimit.
func (db *Database) Model() (*Model, error) {
	m := &Model{Directories: make(map[string]*Directory), Components: make(map[string]*Component), warned: make(map[string]int)}
	for _, step := range []func(*Database) error{
		m.readDirectories, m.readComponents, m.readFeatures, m.readMedia, m.readFiles, m.checkActions,
	} {
		if err := step(db); err != nil {
			return nil, err
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(m.warned)) {
		if more := m.warned[kind] - maxWarnings; more > 0 {
			m.Warnings = append(m.Warnings, fmt.Sprintf("table %s: %d more rows like these", kind, more))
		}
	}
	return m, nil
}

// warn adds a warning about a row of a table.
func (m *Model) warn(table, format string, args ...any) {
	if m.warned[table]++; m.warned[table] <= maxWarnings {
		m.Warnings = append(m.Warnings, fmt.Sprintf(format, args...))
	}
}

// dangling warns of a reference to a row that does not exist. consequence says
// what becomes of the row that refers to it.
func (m *Model) dangling(row Row, what, key, consequence string) {
	m.warn(row.Table().Name, "table %s, row %s: %s %q does not exist: %s", row.Table().Name, row.Key(), what, key, consequence)
}

// short refuses text that is longer than any of its kind can be, before it is
// repeated for every file that refers to it.
func short(row Row, columns ...string) error {
	for _, c := range columns {
		if text := row.String(c); tooLong(text) {
			return fmt.Errorf("msi: table %s: %s of %d bytes: %w", row.Table().Name, c, len(text), ErrLimit)
		}
	}
	return nil
}

// checkActions warns of a package whose administrative installation would not
// write what its tables name (Windows Installer: AdminExecuteSequence table).
func (m *Model) checkActions(db *Database) error {
	t := db.Table("AdminExecuteSequence")
	if t == nil || t.Len() == 0 || len(m.Files) == 0 {
		return nil
	}
	for _, one := range []struct{ action, effect string }{
		{"InstallAdminPackage", "would not write the package itself into an administrative image"},
		{"InstallFiles", "would write no files into an administrative image"},
	} {
		if _, ok := t.Find(String(one.action)); !ok {
			m.warn(t.Name, "table AdminExecuteSequence lacks %s: Windows Installer %s", one.action, one.effect)
		}
	}
	return nil
}

// rows yields the rows of a table, or none where it does not exist.
func (db *Database) rows(table string) []Row {
	t := db.Table(table)
	if t == nil {
		return nil
	}
	rows := make([]Row, 0, t.Len())
	for row := range t.Rows() {
		rows = append(rows, row)
	}
	return rows
}
