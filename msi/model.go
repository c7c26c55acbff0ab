package msi

import "fmt"

// Model is what a database says about an installation: its files and where
// they come from and go to.
type Model struct {
	Directories map[string]*Directory // by key
	Components  map[string]*Component // by key
	Features    []*Feature            // in table order
	Media       []*Media              // by LastSequence
	Files       []*File               // by Sequence, then by key
	// Warnings tell of contradictions that have a reasonable reading.
	Warnings []string
}

// Model reads the directory, component, feature, media and file tables. Tables
// that do not exist count as empty. References to rows that do not exist, and
// cycles, are ErrFormat, except where Warnings says what was made of them.
func (db *Database) Model() (*Model, error) {
	m := &Model{Directories: make(map[string]*Directory), Components: make(map[string]*Component)}
	for _, step := range []func(*Database) error{
		m.readDirectories, m.readComponents, m.readFeatures, m.readMedia, m.readFiles,
	} {
		if err := step(db); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *Model) warn(format string, args ...any) {
	m.Warnings = append(m.Warnings, fmt.Sprintf(format, args...))
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

// missing is the error for a reference to a row that does not exist.
func missing(row Row, what, key string) error {
	return fmt.Errorf("msi: table %s, row %s: %s %q does not exist: %w", row.Table().Name, row.Key(), what, key, ErrFormat)
}
