package msi

import (
	"fmt"
	"iter"
	"maps"
	"slices"
)

// Model is what a database says about an installation: its files and where
// they come from and go to.
type Model struct {
	Directories map[string]*Directory // by key
	Features    []*Feature            // in table order
	Media       []*Media              // by LastSequence
	Files       []*File               // by Sequence, then by key
	// Warnings tell of contradictions that have a reasonable reading. Of each
	// kind the first maxWarnings are told and the others counted.
	Warnings []string

	components *byKey[Component]
	warned     map[string]int // by kind
}

// maxWarnings bounds what a table of nothing but dangling references costs.
const maxWarnings = 20

// Model reads the directory, component, feature, media and file tables. Tables
// that do not exist count as empty. Rows that refer to rows that do not exist
// are passed over, which Warnings tells, as Windows Installer takes such packages.
// Cycles are ErrFormat; names longer than Windows can write are ErrLimit.
func (db *Database) Model() (*Model, error) {
	m := &Model{Directories: make(map[string]*Directory), components: newByKey[Component](db), warned: make(map[string]int)}
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
func (db *Database) rows(table string) iter.Seq[Row] {
	if t := db.Table(table); t != nil {
		return t.Rows()
	}
	return func(func(Row) bool) {}
}

// count returns the number of rows of a table, 0 where it does not exist.
func (db *Database) count(table string) int {
	if t := db.Table(table); t != nil {
		return t.Len()
	}
	return 0
}

// byKey finds what rows of a table became by the cells that refer to them. Such a
// cell mostly holds the same string reference as the key, so that no text has to
// be compared.
type byKey[T any] struct {
	pool  *pool
	byRef []*T // by string reference
	refs  []uint32
	text  map[string]*T // made for a reference to another string of the same text
}

func newByKey[T any](db *Database) *byKey[T] {
	return &byKey[T]{pool: db.pool, byRef: make([]*T, len(db.pool.text))}
}

// ref returns the string reference in a column, 0 for null and for a column of
// another type.
func (r Row) ref(column int) uint32 {
	if column < 0 || !r.table.columns[column].Type.IsString() {
		return 0
	}
	return r.record.cells[column]
}

func (k *byKey[T]) add(ref uint32, v *T) {
	if ref != 0 && k.byRef[ref] == nil {
		k.byRef[ref] = v
		k.refs = append(k.refs, ref)
	}
}

func (k *byKey[T]) find(ref uint32) *T {
	if v := k.byRef[ref]; v != nil || ref == 0 {
		return v
	}
	if k.text == nil {
		k.text = make(map[string]*T, len(k.refs))
		for _, ref := range k.refs {
			k.text[k.pool.text[ref]] = k.byRef[ref]
		}
	}
	return k.text[k.pool.text[ref]]
}

// columnOf returns the index of a column, -1 where table or column does not exist.
func (db *Database) columnOf(table, column string) int {
	if t := db.Table(table); t != nil {
		return t.Column(column)
	}
	return -1
}
