package msi

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
)

// Model is what a database says about an installation: its files and where
// they come from and go to. Of files and components it keeps where their rows are; the
// rest is read from these when it is asked for. It is valid as long as the tables are
// not changed.
type Model struct {
	Directories map[string]*Directory // by key
	Features    []*Feature            // in table order
	Media       []*Media              // by LastSequence
	// Warnings tell of contradictions that have a reasonable reading. Of each
	// kind the first maxWarnings are told and the others counted.
	Warnings []string

	files      []fileRecord // by Sequence, then by key
	components []componentRecord
	folders    []*Directory // of components
	uses       []featureUse // of components

	fileRows, componentRows, hashRows rowList
	wordCount                         int32
	module                            bool // it has the cabinet of a merge module

	warned map[string]int // by kind
}

// maxWarnings bounds what a table of nothing but dangling references costs.
const maxWarnings = 20

// Model reads the directory, component, feature, media and file tables. Tables
// that do not exist count as empty. Rows that refer to rows that do not exist
// are passed over, which Warnings tells, as Windows Installer takes such packages.
// Cycles are ErrFormat; names longer than Windows can write are ErrLimit.
func (db *Database) Model() (*Model, error) { return db.ModelContext(context.Background()) }

// ModelContext is Model until ctx is done, whose error it returns then.
func (db *Database) ModelContext(ctx context.Context) (*Model, error) {
	m := &Model{
		Directories: make(map[string]*Directory), warned: make(map[string]int),
		fileRows:      newRowList(db, "File", "File", "Component_", "FileName", "FileSize", "Version", "Language", "Attributes", "Sequence"),
		componentRows: newRowList(db, "Component", "Component", "ComponentId", "Directory_", "Attributes", "Condition", "KeyPath"),
		hashRows:      newRowList(db, "MsiFileHash", "File_", "Options", "HashPart1", "HashPart2", "HashPart3", "HashPart4"),
	}
	m.wordCount, _ = db.Summary().Int(PIDWordCount)
	_, m.module = db.streams[moduleCabinet]
	components := newByKey(db)
	for _, step := range []func() error{
		func() error { return m.readDirectories(db) },
		func() error { return m.readComponents(ctx, db, components) },
		func() error { return m.readFeatures(db, components) },
		func() error { return m.readMedia(db) },
		func() error { return m.readFiles(ctx, db, components) },
		func() error { return m.checkActions(db) },
	} {
		if err := step(); err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
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
	m.warn(row.table.Name, "table %s, row %s: %s %q does not exist: %s", row.table.Name, row.key(), what, key, consequence)
}

// short refuses text that is longer than any of its kind can be, before it is
// repeated for every file that refers to it.
func short(row Row, columns ...string) error {
	for _, c := range columns {
		if text := row.String(c); tooLong(text) {
			return textTooLong(row, c, text)
		}
	}
	return nil
}

// checkActions warns of a package whose administrative installation would not
// write what its tables name (Windows Installer: AdminExecuteSequence table).
func (m *Model) checkActions(db *Database) error {
	t := db.Table("AdminExecuteSequence")
	if t == nil || t.Len() == 0 || len(m.files) == 0 {
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

// A rowList is the rows of a table as they are now, and where the columns are that a
// model reads.
type rowList struct {
	table   *Table    // nil where it does not exist
	records []*record // nil: the stored rows of table
	columns []int     // -1: there is none
}

func newRowList(db *Database, table string, columns ...string) rowList {
	l := rowList{table: db.Table(table), columns: make([]int, len(columns))}
	for i, name := range columns {
		if l.columns[i] = -1; l.table != nil {
			l.columns[i] = l.table.Column(name)
		}
	}
	if l.table != nil && !l.table.isStored() {
		l.records = l.table.rows
	}
	return l
}

func (l *rowList) len() int {
	switch {
	case l.table == nil:
		return 0
	case l.records == nil:
		return l.table.stored.count
	}
	return len(l.records)
}

func (l *rowList) row(i int) Row {
	if l.records == nil {
		return Row{table: l.table, place: i}
	}
	return Row{table: l.table, record: l.records[i]}
}

// value returns the cell of a row in one of the columns; null where there is none.
func (l *rowList) value(row, column int) Value {
	if l.columns[column] < 0 {
		return Null()
	}
	return l.row(row).Value(l.columns[column])
}

func (l *rowList) text(row, column int) string { return l.value(row, column).Text() }

func (l *rowList) number(row, column int) int32 {
	n, _ := l.value(row, column).Int()
	return n
}

// ref returns the string reference of a cell.
func (l *rowList) ref(row, column int) uint32 { return l.row(row).ref(l.columns[column]) }

// short refuses text in the columns that is longer than any of its kind can be,
// before it is repeated for every file that refers to it.
func (l *rowList) short(row int, columns ...int) error {
	for _, c := range columns {
		if text := l.text(row, c); tooLong(text) {
			return textTooLong(l.row(row), l.table.columns[l.columns[c]].Name, text)
		}
	}
	return nil
}

func textTooLong(row Row, column, text string) error {
	return fmt.Errorf("msi: table %s: %s of %d bytes: %w", row.table.Name, column, len(text), ErrLimit)
}

// byKey finds rows by the cells that refer to them. Such a cell mostly holds the same
// string reference as the key, so that no text has to be compared.
type byKey struct {
	pool  *pool
	byRef []uint32       // by string reference: the row and one
	text  map[string]int // made for a reference to another string of the same text
}

func newByKey(db *Database) *byKey {
	return &byKey{pool: db.pool, byRef: make([]uint32, db.pool.len())}
}

// ref returns the string reference in a column, 0 for null and for a column of
// another type.
func (r Row) ref(column int) uint32 {
	if column < 0 || !r.table.columns[column].Type.IsString() {
		return 0
	}
	return r.cell(column)
}

// add adds a row. Of several with one key the first counts.
func (k *byKey) add(ref uint32, row int) {
	if ref != 0 && k.byRef[ref] == 0 {
		k.byRef[ref] = uint32(row) + 1
	}
}

func (k *byKey) find(ref uint32) (row int, ok bool) {
	if row := k.byRef[ref]; row != 0 || ref == 0 {
		return int(row) - 1, row != 0
	}
	if k.text == nil {
		k.text = make(map[string]int)
		for ref, row := range k.byRef {
			if row != 0 {
				k.text[k.pool.string(uint32(ref))] = int(row) - 1
			}
		}
	}
	row, ok = k.text[k.pool.string(ref)]
	return row, ok
}
