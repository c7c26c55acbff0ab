package msi

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// TransformOptions are what a new transform says about the databases that it
// fits.
type TransformOptions struct {
	Validation Validation
	Ignore     ErrorConditions
}

// Transform makes a transform of the differences that Compare found: applied to
// the first database, it yields the tables of the second one. Summary
// information, streams outside of tables and storages are not part of a
// transform. The error is ErrFormat where a column was removed or changed its
// type, ErrLimit for tables of more than 16 columns, and ErrCodePage.
func (d *Diff) Transform(o TransformOptions) (*Database, error) {
	if d.old == nil || d.new == nil {
		return nil, fmt.Errorf("msi: only the difference of two databases makes a transform: %w", ErrFormat)
	}
	db, err := New(KindTransform, d.NewCodePage)
	if err != nil {
		return nil, err
	}
	if err := d.describe(db.Summary(), o); err != nil {
		return nil, err
	}
	w := &transformWriter{db: db}
	tables := []*transformTable{{name: tableTables, columns: systemTables[tableTables]}, {name: tableColumns, columns: systemTables[tableColumns]}}
	for _, tc := range d.Tables {
		t, err := d.transformTable(tc, tables[0], tables[1])
		if err != nil {
			return nil, err
		}
		tables = append(tables, t)
	}
	// The width of references follows from the number of strings.
	for _, t := range tables {
		if err := w.intern(t); err != nil {
			return nil, err
		}
	}
	w.wide = db.pool.needsWide()
	for _, t := range tables {
		if err := w.write(t); err != nil {
			return nil, err
		}
	}
	return db, nil
}

// describe writes the summary information of a transform.
func (d *Diff) describe(s *Summary, o TransformOptions) error {
	version := func(db *Database) string { return db.Property("ProductCode") + db.Property("ProductVersion") }
	template := func(db *Database) string {
		platform, _, _ := strings.Cut(db.Summary().String(PIDTemplate), ";")
		return platform + ";" + db.Property("ProductLanguage")
	}
	const minimumInstaller, readOnlyEnforced = 200, 4
	for _, p := range []struct {
		id   PropertyID
		text string
	}{
		{PIDTitle, "Transform"},
		{PIDTemplate, template(d.old)},
		{PIDLastAuthor, template(d.new)},
		{PIDRevision, version(d.old) + ";" + version(d.new) + ";" + d.old.Property("UpgradeCode")},
	} {
		if err := s.SetString(p.id, p.text); err != nil {
			return err
		}
	}
	s.SetInt(PIDPageCount, minimumInstaller)
	s.SetInt(PIDCharCount, int32(uint32(o.Validation)<<16|uint32(o.Ignore)))
	s.SetInt(PIDSecurity, readOnlyEnforced)
	return nil
}

// transformTable is one table of a transform before it is encoded.
type transformTable struct {
	name    string
	columns []Column
	rows    []RowChange
}

// transformTable adds what changes in the schema to the two system tables and
// returns the changes to the rows.
func (d *Diff) transformTable(tc *TableChange, tables, columns *transformTable) (*transformTable, error) {
	t := &transformTable{name: tc.Name}
	switch tc.Change {
	case Removed:
		tables.rows = append(tables.rows, RowChange{Change: Removed, Key: []Value{String(tc.Name)}})
		return t, nil
	case Added:
		tables.rows = append(tables.rows, RowChange{Change: Added, Key: []Value{String(tc.Name)}})
	case Changed:
		t.columns = slices.Clone(d.old.Table(tc.Name).Columns())
	}
	for _, c := range tc.Columns {
		if c.Change != Added {
			return nil, fmt.Errorf("msi: transform: table %s, column %s was %s, which no transform can express: %w", tc.Name, c.Old.Name, c.Change, ErrFormat)
		}
		t.columns = append(t.columns, c.New)
		// Columns are numbered where the transform is applied.
		columns.rows = append(columns.rows, RowChange{Change: Added, Key: []Value{String(tc.Name), Null()}, Cells: []CellChange{
			{Column: "Name", New: String(c.New.Name)},
			{Column: "Type", New: Int(int32(int16(c.New.Type)))},
		}})
	}
	if len(t.columns) > maxMaskColumns {
		return nil, fmt.Errorf("msi: transform: table %s has %d columns; how more than %d are stored is not known: %w", tc.Name, len(t.columns), maxMaskColumns, ErrLimit)
	}
	t.rows = tc.Rows
	return t, nil
}

type transformWriter struct {
	db   *Database
	wide bool
}

// intern gives every string that a table needs its reference.
func (w *transformWriter) intern(t *transformTable) error {
	for _, rc := range t.rows {
		values := slices.Clone(rc.Key)
		for _, c := range rc.Cells {
			values = append(values, c.New)
		}
		for _, v := range values {
			if v.kind != kindString {
				continue
			}
			if _, err := w.db.intern(v.text); err != nil {
				return fmt.Errorf("msi: transform: table %s, row %s: %w", t.name, keyText(rc.Key), err)
			}
		}
	}
	return nil
}

func (w *transformWriter) write(t *transformTable) error {
	var b []byte
	for _, rc := range t.rows {
		row, err := w.row(t, rc)
		if err != nil {
			return fmt.Errorf("msi: transform: table %s, row %s: %w", t.name, keyText(rc.Key), err)
		}
		b = append(b, row...)
	}
	if len(b) == 0 {
		return nil
	}
	return w.db.setTableStream(t.name, b)
}

func (w *transformWriter) row(t *transformTable, rc RowChange) ([]byte, error) {
	cells := make(map[string]CellChange, len(rc.Cells))
	if rc.Change != Removed {
		for _, c := range rc.Cells {
			cells[c.Column] = c
		}
	}
	mask := uint16(0)
	var b []byte
	key := rc.Key
	for i, col := range t.columns {
		cell, ok := cells[col.Name]
		if col.Type.IsKey() {
			cell.New, ok = key[0], true
			key = key[1:]
		} else if ok {
			mask |= 1 << i
		}
		if !ok && rc.Change != Added {
			continue
		}
		n := col.Type.width(w.wide)
		v, err := w.cell(col, cell.New)
		if err != nil {
			return nil, err
		}
		for j := range n {
			b = append(b, byte(v>>(8*j)))
		}
		if cell.New.IsBinary() {
			if cell.NewData == nil {
				return nil, fmt.Errorf("column %s has no data: %w", col.Name, ErrNotFound)
			}
			if err := w.data(t.name, rc.Key, cell); err != nil {
				return nil, err
			}
		}
	}
	if rc.Change == Added {
		mask = maskInsert | uint16(len(t.columns))<<8
	}
	return append(binary.LittleEndian.AppendUint16(nil, mask), b...), nil
}

// cell encodes a value; strings have their references already.
func (w *transformWriter) cell(col Column, v Value) (uint32, error) {
	return (&Table{db: w.db, columns: []Column{col}}).cell(0, v)
}

// data stores the content of a binary cell.
func (w *transformWriter) data(table string, key []Value, c CellChange) error {
	return w.db.setStream(streamName(table, key), &stream{size: c.NewData.Size(), content: c.NewData})
}

// streamName names the stream of a binary cell.
func streamName(table string, key []Value) string {
	name := table
	for _, v := range key {
		name += "." + v.Text()
	}
	return name
}
