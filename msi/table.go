package msi

import (
	"cmp"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/hotfixkit/hotfixkit/msi/cfb"
)

// The columns of the tables that describe all others.
var systemTables = map[string][]Column{
	tableTables: {
		{"Name", TypeKey | TypeString | TypeNotBinary | TypeValid | 64},
	},
	tableColumns: {
		{"Table", TypeKey | TypeString | TypeNotBinary | TypeValid | 64},
		{"Number", TypeKey | TypeNotBinary | TypeValid | 2},
		{"Name", TypeString | TypeNotBinary | TypeValid | 64},
		{"Type", TypeNotBinary | TypeValid | 2},
	},
}

// Table is one table of a database.
type Table struct {
	Name string

	db      *Database
	columns []Column
	rows    []*record
	sorted  bool // by the stored cells of the key, as Windows Installer leaves tables
	changed bool // not as stored

	mu    sync.Mutex
	index map[string]*record // by key, made when it is first needed
}

// record holds the cells of a row as they are stored, 0 for null: string
// references, integers with their bias, any other number for a stream.
type record struct{ cells []uint32 }

// The bias that keeps stored integers from being 0.
const (
	bias2 = 0x8000
	bias4 = 0x80000000
)

// readTables reads the schema and then every table.
func (db *Database) readTables() error {
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
			return fmt.Errorf("msi: table _Columns, row %s: no number or type: %w", row.Key(), ErrFormat)
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

// readTable decodes the stored cells, which lie column by column.
func (db *Database) readTable(t *Table) error {
	s, ok := db.raw[t.Name]
	if !ok {
		return nil // a table without rows has no stream
	}
	b, err := db.readAll(s)
	if err != nil {
		return fmt.Errorf("msi: table %s: %w", t.Name, err)
	}
	width := t.rowWidth(db.pool.wide)
	if width == 0 && len(b) > 0 || width > 0 && len(b)%width != 0 {
		return fmt.Errorf("msi: table %s: %d bytes are no rows of %d: %w", t.Name, len(b), width, ErrFormat)
	}
	if width == 0 {
		return nil
	}
	count := len(b) / width
	if err := db.spend(int64(count) * int64(rowOverhead+4*len(t.columns))); err != nil {
		return fmt.Errorf("msi: table %s: %w", t.Name, err)
	}
	cells := make([]uint32, count*len(t.columns))
	records := make([]record, count)
	t.rows = make([]*record, count)
	for i := range records {
		records[i].cells = cells[i*len(t.columns):][:len(t.columns):len(t.columns)]
		t.rows[i] = &records[i]
	}
	strings := uint32(len(db.pool.text))
	for c, column := range t.columns {
		n := column.Type.width(db.pool.wide)
		for i := range records {
			var v uint32
			for j := range n {
				v |= uint32(b[i*n+j]) << (8 * j)
			}
			if v >= strings && column.Type.IsString() {
				return fmt.Errorf("msi: table %s, row %d: string %d of %d: %w", t.Name, i+1, v, strings-1, ErrFormat)
			}
			records[i].cells[c] = v
		}
		b = b[n*count:]
	}
	t.sorted = slices.IsSortedFunc(t.rows, t.compare)
	return nil
}

func (t *Table) rowWidth(wide bool) int {
	n := 0
	for _, c := range t.columns {
		n += c.Type.width(wide)
	}
	return n
}

// encode is the inverse of readTable.
func (t *Table) encode(wide bool) []byte {
	b := make([]byte, 0, len(t.rows)*t.rowWidth(wide))
	for c, column := range t.columns {
		n := column.Type.width(wide)
		for _, r := range t.rows {
			for j := range n {
				b = append(b, byte(r.cells[c]>>(8*j)))
			}
		}
	}
	return b
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

// Table returns the table of that name, or nil where there is none.
func (db *Database) Table(name string) *Table { return db.tables[name] }

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
	if err := t.AddColumns(columns...); err != nil {
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
		s.set(slices.DeleteFunc(slices.Clone(s.rows), func(r *record) bool {
			return Row{s, r}.Value(0) == String(name)
		}))
	}
	delete(db.tables, name)
	delete(db.raw, name)
	return nil
}

// AddColumns adds columns at the end; in the rows that exist they are null. The
// error is ErrExists, ErrFormat or ErrCodePage.
func (t *Table) AddColumns(columns ...Column) error {
	schema := t.db.tables[tableColumns]
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

// DropColumns removes the columns from index first on, with their cells. The
// error is ErrFormat.
func (t *Table) DropColumns(first int) error {
	if first < 1 || first > len(t.columns) || systemTables[t.Name] != nil {
		return fmt.Errorf("msi: table %s: no columns to drop from %d on: %w", t.Name, first+1, ErrFormat)
	}
	schema := t.db.tables[tableColumns]
	schema.set(slices.DeleteFunc(slices.Clone(schema.rows), func(r *record) bool {
		row := Row{schema, r}
		number, _ := row.Value(1).Int()
		return row.Value(0) == String(t.Name) && int(number) > first
	}))
	t.columns = slices.Clone(t.columns[:first])
	for _, r := range t.rows {
		r.cells = r.cells[:first:first]
	}
	t.sorted = false
	t.sort()
	t.set(t.rows)
	return nil
}

// set replaces the rows and notes the change.
func (t *Table) set(rows []*record) {
	t.rows, t.changed, t.index = rows, true, nil
	t.db.touch()
}

func (t *Table) clone(db *Database) *Table {
	c := &Table{Name: t.Name, db: db, columns: t.columns, changed: t.changed, sorted: t.sorted, rows: make([]*record, len(t.rows))}
	for i, r := range t.rows {
		c.rows[i] = &record{slices.Clone(r.cells)}
	}
	return c
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
func (t *Table) Len() int { return len(t.rows) }

// Rows yields the rows that the table has at the start of the loop, in stored
// order. The table may be changed meanwhile.
func (t *Table) Rows() iter.Seq[Row] {
	return func(yield func(Row) bool) {
		for _, r := range t.rows {
			if !yield(Row{t, r}) {
				return
			}
		}
	}
}

// Find returns the row with that primary key.
func (t *Table) Find(key ...Value) (Row, bool) {
	r := t.lookup(joinKey(key))
	return Row{t, r}, r != nil
}

func (t *Table) lookup(key string) *record {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.index == nil {
		t.index = make(map[string]*record, len(t.rows))
		for _, r := range t.rows {
			k := joinKey(Row{t, r}.keyValues())
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
	r := &record{make([]uint32, len(values))}
	for i, v := range values {
		cell, err := t.cell(i, v)
		if err != nil {
			return Row{}, err
		}
		r.cells[i] = cell
	}
	row := Row{t, r}
	key := joinKey(row.keyValues())
	if t.lookup(key) != nil {
		return Row{}, fmt.Errorf("msi: table %s, row %s: %w", t.Name, row.Key(), ErrExists)
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
	i := slices.Index(t.rows, row.record)
	if i < 0 {
		return fmt.Errorf("msi: table %s: deleted row: %w", t.Name, ErrNotFound)
	}
	row.dropStream()
	t.set(slices.Delete(slices.Clone(t.rows), i, i+1))
	return nil
}

// value decodes a stored cell.
func (t *Table) value(i int, cell uint32) Value {
	switch kind := t.columns[i].Type; {
	case cell == 0:
		return Null()
	case kind.IsBinary():
		return Binary()
	case kind.IsString():
		return String(t.db.pool.text[cell])
	case kind.IntWidth() == 2:
		return Int(int32(cell) - bias2)
	}
	return Int(int32(cell ^ bias4))
}

// cell encodes a value for column i.
func (t *Table) cell(i int, v Value) (uint32, error) {
	column := t.columns[i]
	switch kind := column.Type; {
	case v.kind == kindNull:
		return 0, nil
	case v.kind == kindBinary && kind.IsBinary():
		return 1, nil
	case v.kind == kindString && kind.IsString():
		ref, err := t.db.pool.intern(v.text)
		if err != nil {
			return 0, fmt.Errorf("msi: table %s, column %s: %w", t.Name, column.Name, err)
		}
		return ref, nil
	case v.kind == kindInt && kind.IntWidth() == 2 && v.num > math.MinInt16 && v.num <= math.MaxInt16:
		return uint32(v.num + bias2), nil
	case v.kind == kindInt && kind.IntWidth() == 4 && v.num != math.MinInt32:
		return uint32(v.num) ^ bias4, nil
	}
	return 0, fmt.Errorf("msi: table %s, column %s (%s) cannot hold %q: %w", t.Name, column.Name, column.Type, v.Text(), ErrFormat)
}

// Row is one row of a table. It stays valid while other rows are inserted and
// deleted.
type Row struct {
	table  *Table
	record *record
}

// Table returns the table that the row belongs to.
func (r Row) Table() *Table { return r.table }

// Value returns the cell of column i, counted from 0.
func (r Row) Value(i int) Value { return r.table.value(i, r.record.cells[i]) }

// Values returns all cells.
func (r Row) Values() []Value {
	values := make([]Value, len(r.record.cells))
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

// IsNull reports whether a cell is empty or the table has no such column.
func (r Row) IsNull(column string) bool { return r.named(column).IsNull() }

// Stream returns the data of a binary cell. The error is ErrNotFound.
func (r Row) Stream(column string) (*io.SectionReader, error) {
	if !r.named(column).IsBinary() {
		return nil, fmt.Errorf("msi: table %s, row %s: column %s holds no stream: %w", r.table.Name, r.Key(), column, ErrNotFound)
	}
	return r.table.db.Stream(r.StreamName())
}

// StreamName returns the name of the stream that holds the data of the row's
// binary cell: the names of the table and of its key, with dots between.
func (r Row) StreamName() string {
	name := r.table.Name
	for _, v := range r.keyValues() {
		name += "." + v.Text()
	}
	return name
}

// Key returns the primary key for messages, its parts separated by "/".
func (r Row) Key() string {
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
		if c.Type.IsBinary() && r.record.cells[i] != 0 {
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
	old := r.record.cells[i]
	if cell == old {
		return nil
	}
	r.record.cells[i] = cell
	if !r.table.columns[i].Type.IsKey() {
		r.table.changed = true
		r.table.db.touch()
		return nil
	}
	if taken := r.table.lookup(joinKey(r.keyValues())); taken != nil && taken != r.record {
		err := fmt.Errorf("msi: table %s, row %s: %w", r.table.Name, r.Key(), ErrExists)
		r.record.cells[i] = old
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
