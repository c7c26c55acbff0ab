package msi

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/hotfixkit/hotfixkit/internal/cfb"
)

// The columns of the tables that describe all others.
var systemTables = map[string][]Column{
	tableTables: {
		{"Name", typeKey | typeString | typeNotBinary | typeValid | 64},
	},
	tableColumns: {
		{"Table", typeKey | typeString | typeNotBinary | typeValid | 64},
		{"Number", typeKey | typeNotBinary | typeValid | 2},
		{"Name", typeString | typeNotBinary | typeValid | 64},
		{"Type", typeNotBinary | typeValid | 2},
	},
}

// readTables reads the schema and then every table.
func (db *Database) readTables(ctx context.Context) error {
	db.addSystemTables()
	for _, name := range []string{tableTables, tableColumns} {
		if err := db.readTable(db.tables[name]); err != nil {
			return err
		}
	}
	for row := range db.tables[tableTables].Rows() {
		name := row.Value(0).Text()
		if _, ok := db.tables[name]; ok || name == "" {
			return fmt.Errorf("msi: table _Tables names %q twice or not at all: %w", name, ErrFormat)
		}
		db.tables[name] = &Table{Name: name, db: db}
	}
	if err := db.readColumns(); err != nil {
		return err
	}
	for row := range db.tables[tableTables].Rows() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := db.readTable(db.tables[row.Value(0).Text()]); err != nil {
			return err
		}
	}
	return nil
}

func (db *Database) addSystemTables() {
	for name, columns := range systemTables {
		db.tables[name] = &Table{Name: name, db: db, columns: columns}
	}
}

// readColumns gives each table its columns in the order of their numbers.
func (db *Database) readColumns() error {
	type numbered struct {
		Column
		number int32
	}
	all := make(map[string][]numbered)
	for row := range db.tables[tableColumns].Rows() {
		number, ok := row.Value(1).Int()
		kind, ok2 := row.Value(3).Int()
		if !ok || !ok2 || number < 1 {
			return fmt.Errorf("msi: table _Columns, row %s: no number or type: %w", row.key(), ErrFormat)
		}
		table := row.Value(0).Text()
		all[table] = append(all[table], numbered{Column{row.Value(2).Text(), ColumnType(kind)}, number})
	}
	for name, columns := range all {
		t, ok := db.tables[name]
		if !ok || systemTables[name] != nil {
			continue
		}
		slices.SortStableFunc(columns, func(a, b numbered) int { return cmp.Compare(a.number, b.number) })
		for i, c := range columns {
			if c.number != int32(i+1) {
				return fmt.Errorf("msi: table %s: column %d of %d has the number %d: %w", name, i+1, len(columns), c.number, ErrFormat)
			}
			t.columns = append(t.columns, c.Column)
		}
	}
	return nil
}

// AddTable adds an empty table. At least one column must be a key. The error is
// ErrExists, ErrFormat, ErrLimit, or ErrCodePage.
func (db *Database) AddTable(name string, columns []Column) (*Table, error) {
	if db.kind == KindTransform {
		return nil, fmt.Errorf("msi: table %q: a transform has no tables of its own: %w", name, ErrFormat)
	}
	if _, ok := db.tables[name]; ok {
		return nil, fmt.Errorf("msi: table %q: %w", name, ErrExists)
	}
	if n := len(cfb.EncodeName(name, true)); n < 2 || n > cfb.MaxName {
		return nil, fmt.Errorf("msi: table name %q: %w", name, ErrLimit)
	}
	if !slices.ContainsFunc(columns, func(c Column) bool { return c.Type.IsKey() }) {
		return nil, fmt.Errorf("msi: table %q has no key: %w", name, ErrFormat)
	}
	if _, err := db.tables[tableTables].Insert(String(name)); err != nil {
		return nil, err
	}
	t := &Table{Name: name, db: db, changed: true}
	db.tables[name] = t
	delete(db.raw, name)
	if err := t.addColumns(columns...); err != nil {
		return nil, err
	}
	return t, nil
}

// DropTable removes a table, its rows and their streams. The error is
// ErrNotFound.
func (db *Database) DropTable(name string) error {
	t, ok := db.tables[name]
	if !ok || systemTables[name] != nil {
		return fmt.Errorf("msi: table %q: %w", name, ErrNotFound)
	}
	for row := range t.Rows() {
		row.dropStream()
	}
	for _, system := range []string{tableColumns, tableTables} {
		s := db.tables[system]
		s.keep(func(row Row) bool { return row.Value(0) != String(name) })
	}
	delete(db.tables, name)
	delete(db.raw, name)
	return nil
}

// addColumns adds columns at the end; in the rows that exist they are null. The
// error is ErrExists, ErrFormat or ErrCodePage.
func (t *Table) addColumns(columns ...Column) error {
	schema := t.db.tables[tableColumns]
	t.unpack()
	for _, c := range columns {
		if systemTables[t.Name] != nil || c.Name == "" {
			return fmt.Errorf("msi: table %s: column %q: %w", t.Name, c.Name, ErrFormat)
		}
		if t.Column(c.Name) >= 0 {
			return fmt.Errorf("msi: table %s: column %q: %w", t.Name, c.Name, ErrExists)
		}
		number := int32(len(t.columns) + 1)
		if _, err := schema.Insert(String(t.Name), Int(number), String(c.Name), Int(int32(int16(c.Type)))); err != nil {
			return err
		}
		t.columns = append(slices.Clone(t.columns), c)
		for _, r := range t.rows {
			r.cells = append(slices.Clone(r.cells), 0)
		}
	}
	t.set(t.rows)
	return nil
}
