package msi

import (
	"fmt"
	"io"
	"strings"
)

// Row is one row of a table. It stays valid while other rows are inserted and
// deleted.
type Row struct {
	table  *Table
	record *record // nil: that of place
	place  int     // among the stored rows of the table
}

// cell returns the stored form of the cell of column i.
func (r Row) cell(i int) uint32 {
	if r.record == nil && r.table.isStored() {
		return r.table.stored.cell(r.place, i)
	}
	return r.cells().cells[i]
}

// cells returns the record that holds the row, once the table has records.
func (r Row) cells() *record {
	if r.record == nil {
		return &r.table.records[r.place]
	}
	return r.record
}

// Value returns the cell of column i, counted from 0.
func (r Row) Value(i int) Value { return r.table.value(i, r.cell(i)) }

// Values returns all cells.
func (r Row) Values() []Value {
	values := make([]Value, len(r.table.columns))
	for i := range values {
		values[i] = r.Value(i)
	}
	return values
}

// named returns the cell of a named column; that of an unknown one is null.
func (r Row) named(column string) Value {
	if i := r.table.Column(column); i >= 0 {
		return r.Value(i)
	}
	return Null()
}

// String returns the text of a cell: a string, an integer in decimal, or ""
// where the cell is null or the table has no such column.
func (r Row) String(column string) string { return r.named(column).Text() }

// Int returns the integer in a cell, and false where there is none.
func (r Row) Int(column string) (int32, bool) { return r.named(column).Int() }

// Stream returns the data of a binary cell. The error is ErrNotFound.
func (r Row) Stream(column string) (*io.SectionReader, error) {
	if !r.named(column).IsBinary() {
		return nil, fmt.Errorf("msi: table %s, row %s: column %s holds no stream: %w", r.table.Name, r.key(), column, ErrNotFound)
	}
	return r.table.db.Stream(r.StreamName())
}

// StreamName returns the name of the stream that holds the data of the row's
// binary cell: the names of the table and of its key, with dots between.
func (r Row) StreamName() string {
	if r.table.Name == tableStreams {
		return r.Value(0).Text()
	}
	name := r.table.Name
	for _, v := range r.keyValues() {
		name += "." + v.Text()
	}
	return name
}

// key returns the primary key for messages, its parts separated by "/".
func (r Row) key() string {
	var parts []string
	for _, v := range r.keyValues() {
		parts = append(parts, v.Text())
	}
	return strings.Join(parts, "/")
}

func (r Row) keyValues() []Value {
	var key []Value
	for i, c := range r.table.columns {
		if c.Type.IsKey() {
			key = append(key, r.Value(i))
		}
	}
	return key
}

func (r Row) dropStream() {
	for i, c := range r.table.columns {
		if c.Type.IsBinary() && r.cell(i) != 0 {
			delete(r.table.db.streams, r.StreamName())
		}
	}
}

// Set changes the cell of column i. The stream of a row whose key changes keeps
// its name. The error is ErrExists where the new key is taken, ErrFormat where
// the value does not suit the column, or ErrCodePage.
func (r Row) Set(i int, v Value) error {
	cell, err := r.table.cell(i, v)
	if err != nil {
		return err
	}
	old := r.cell(i)
	if cell == old {
		return nil
	}
	r.table.unpack()
	record := r.cells()
	record.cells[i] = cell
	if !r.table.columns[i].Type.IsKey() {
		r.table.changed = true
		r.table.db.touch()
		return nil
	}
	if taken := r.table.lookup(joinKey(r.keyValues())); taken != nil && taken != record {
		err := fmt.Errorf("msi: table %s, row %s: %w", r.table.Name, r.key(), ErrExists)
		record.cells[i] = old
		return err
	}
	r.table.sorted = false
	r.table.sort()
	r.table.set(r.table.rows)
	return nil
}

// SetCol is Set for a named column. An unknown one is ErrNotFound.
func (r Row) SetCol(column string, v Value) error {
	i := r.table.Column(column)
	if i < 0 {
		return fmt.Errorf("msi: table %s, column %s: %w", r.table.Name, column, ErrNotFound)
	}
	return r.Set(i, v)
}
