package msi

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/hotfixkit/hotfixkit/internal/hashindex"
)

// Table is one table of a database.
type Table struct {
	Name string

	db      *Database
	columns []Column
	changed bool // not as stored

	// stored are the rows as they are in the file, until one is changed: then
	// records holds what they have become, at the same places, and rows all rows
	// there are.
	stored  storedRows
	records []record
	rows    []*record
	sorted  bool // rows are by the stored cells of the key, as Windows Installer leaves tables

	mu     sync.Mutex
	index  map[string]*record // of rows by key, made when it is first needed
	places *hashindex.Index   // the same of stored
}

// Tables returns the names of all tables, in the order of the table _Tables.
// The tables _Tables and _Columns, which Table finds too, are not among them.
func (db *Database) Tables() []string {
	t, ok := db.tables[tableTables]
	if !ok {
		return nil
	}
	names := make([]string, 0, t.Len())
	for row := range t.Rows() {
		names = append(names, row.Value(0).Text())
	}
	return names
}

// Table returns the table of that name, or nil where there is none. The tables
// _Streams and _Storages list the streams and storages that there are now.
func (db *Database) Table(name string) *Table {
	if t := db.tables[name]; t != nil {
		return t
	}
	return db.listing(name)
}

// set replaces the rows and notes the change.
func (t *Table) set(rows []*record) {
	t.rows, t.changed, t.index = rows, true, nil
	t.db.touch()
}

// keep drops the rows for which chosen is false.
func (t *Table) keep(chosen func(Row) bool) {
	t.unpack()
	t.set(slices.DeleteFunc(slices.Clone(t.rows), func(r *record) bool { return !chosen(Row{table: t, record: r}) }))
}

func (t *Table) clone(db *Database) *Table {
	c := &Table{Name: t.Name, db: db, columns: t.columns, changed: t.changed, sorted: t.sorted}
	if t.isStored() {
		c.stored = t.stored
		return c
	}
	c.rows = make([]*record, len(t.rows))
	for i, r := range t.rows {
		c.rows[i] = &record{slices.Clone(r.cells)}
	}
	return c
}

// isStored reports whether all rows are as they are in the file.
func (t *Table) isStored() bool { return t.stored.count > 0 && t.records == nil }

// unpack makes records of the stored rows, which can be changed.
func (t *Table) unpack() {
	if !t.isStored() {
		return
	}
	n := len(t.columns)
	cells := make([]uint32, t.stored.count*n)
	records := make([]record, t.stored.count)
	t.rows = make([]*record, t.stored.count)
	for i := range records {
		records[i].cells = cells[i*n:][:n:n]
		for c := range n {
			records[i].cells[c] = t.stored.cell(i, c)
		}
		t.rows[i] = &records[i]
	}
	t.records, t.stored.cells, t.places = records, nil, nil
	t.sorted = slices.IsSortedFunc(t.rows, t.compare)
}

// Columns returns the columns in order. They must not be changed.
func (t *Table) Columns() []Column { return t.columns }

// Column returns the index of a column, or -1.
func (t *Table) Column(name string) int {
	return slices.IndexFunc(t.columns, func(c Column) bool { return c.Name == name })
}

// Keys returns the indexes of the columns of the primary key.
func (t *Table) Keys() []int {
	var keys []int
	for i, c := range t.columns {
		if c.Type.IsKey() {
			keys = append(keys, i)
		}
	}
	return keys
}

// Len returns the number of rows.
func (t *Table) Len() int {
	if t.isStored() {
		return t.stored.count
	}
	return len(t.rows)
}

// Rows yields the rows that the table has at the start of the loop, in stored
// order. The table may be changed meanwhile.
func (t *Table) Rows() iter.Seq[Row] {
	return func(yield func(Row) bool) {
		if t.isStored() {
			for i := range t.stored.count {
				if !yield(Row{table: t, place: i}) {
					return
				}
			}
			return
		}
		for _, r := range t.rows {
			if !yield(Row{table: t, record: r}) {
				return
			}
		}
	}
}

// Find returns the row with that primary key.
func (t *Table) Find(key ...Value) (Row, bool) {
	text := joinKey(key)
	if t.isStored() {
		return t.findStored(text)
	}
	r := t.lookup(text)
	return Row{table: t, record: r}, r != nil
}

// findStored finds one of the stored rows; of several with one key the first.
func (t *Table) findStored(key string) (Row, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	has := func(key string) func(place int) bool {
		return func(place int) bool { return joinKey(Row{table: t, place: place}.keyValues()) == key }
	}
	if t.places == nil {
		t.places = hashindex.New(t.stored.count)
		for i := range t.stored.count {
			k := joinKey(Row{table: t, place: i}.keyValues())
			t.places.Add(hashindex.Hash(k), i, has(k))
		}
	}
	place, ok := t.places.Find(hashindex.Hash(key), has(key))
	if !ok {
		return Row{}, false
	}
	return Row{table: t, place: place}, true
}

func (t *Table) lookup(key string) *record {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.index == nil {
		t.index = make(map[string]*record, len(t.rows))
		for _, r := range t.rows {
			k := joinKey(Row{table: t, record: r}.keyValues())
			if _, ok := t.index[k]; !ok {
				t.index[k] = r
			}
		}
	}
	return t.index[key]
}

// joinKey makes one string of the values of a key; a separator that no string
// of a database holds keeps them apart.
func joinKey(key []Value) string {
	if len(key) == 1 {
		return key[0].Text()
	}
	parts := make([]string, len(key))
	for i, v := range key {
		parts[i] = v.Text()
	}
	return strings.Join(parts, "\x00")
}

// Insert adds a row with one value per column. Afterwards the rows are in the
// order in which Windows Installer keeps them: by the stored form of the key,
// in which strings are numbers. The error is ErrExists where the key is taken,
// ErrFormat where a value does not suit its column, or ErrCodePage.
func (t *Table) Insert(values ...Value) (Row, error) {
	if len(values) != len(t.columns) {
		return Row{}, fmt.Errorf("msi: table %s: %d values for %d columns: %w", t.Name, len(values), len(t.columns), ErrFormat)
	}
	t.unpack()
	r := &record{make([]uint32, len(values))}
	for i, v := range values {
		cell, err := t.cell(i, v)
		if err != nil {
			return Row{}, err
		}
		r.cells[i] = cell
	}
	row := Row{table: t, record: r}
	key := joinKey(row.keyValues())
	if t.lookup(key) != nil {
		return Row{}, fmt.Errorf("msi: table %s, row %s: %w", t.Name, row.key(), ErrExists)
	}
	t.sort()
	at := len(t.rows)
	if at > 0 && t.compare(t.rows[at-1], r) > 0 {
		at, _ = slices.BinarySearchFunc(t.rows, r, t.compare)
		t.rows = slices.Clip(t.rows) // a loop over the rows may be under way
	}
	t.rows = slices.Insert(t.rows, at, r)
	t.index[key] = r
	t.changed = true
	t.db.touch()
	return row, nil
}

// sort brings the rows into the order in which they are stored.
func (t *Table) sort() {
	if !t.sorted {
		t.rows = slices.SortedStableFunc(slices.Values(t.rows), t.compare)
		t.sorted = true
	}
}

// compare orders rows as they are stored: by the cells of the key.
func (t *Table) compare(a, b *record) int {
	for i, c := range t.columns {
		if c.Type.IsKey() {
			if d := cmp.Compare(a.cells[i], b.cells[i]); d != 0 {
				return d
			}
		}
	}
	return 0
}

// Delete removes a row and its stream. The error is ErrNotFound.
func (t *Table) Delete(row Row) error {
	t.unpack()
	i := slices.Index(t.rows, row.cells())
	if i < 0 {
		return fmt.Errorf("msi: table %s: deleted row: %w", t.Name, ErrNotFound)
	}
	row.dropStream()
	t.set(slices.Delete(slices.Clone(t.rows), i, i+1))
	return nil
}
