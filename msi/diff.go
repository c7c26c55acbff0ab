package msi

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
)

// Change says what became of a table, a row, a column, a property or a stream.
type Change int

const (
	Added Change = iota + 1
	Removed
	Changed
)

func (c Change) String() string {
	switch c {
	case Added:
		return "added"
	case Removed:
		return "removed"
	case Changed:
		return "changed"
	}
	return "unchanged"
}

// Diff is what differs between two databases, or what a transform changes.
type Diff struct {
	OldCodePage, NewCodePage int
	Summary                  []PropertyChange // by identifier; empty for a transform
	Tables                   []*TableChange   // by name
	Streams                  []StreamChange   // by name; streams that are neither tables nor cells
	Storages                 []StreamChange   // by name

	old, new *Database
}

// Empty reports whether nothing differs.
func (d *Diff) Empty() bool {
	return d.OldCodePage == d.NewCodePage && len(d.Summary) == 0 && len(d.Tables) == 0 && len(d.Streams) == 0 && len(d.Storages) == 0
}

// PropertyChange is one property of the summary information, as text.
type PropertyChange struct {
	ID       PropertyID
	Change   Change
	Old, New string
}

// StreamChange is one stream, or one storage with all that is below it.
type StreamChange struct {
	Name             string
	Change           Change
	OldSize, NewSize int64 // bytes; 0 for a storage
}

// TableChange is one table. An added table lists all its columns and rows, a
// removed one its rows where they are known (a transform does not name them).
type TableChange struct {
	Name    string
	Change  Change
	Columns []ColumnChange
	Rows    []RowChange
	// Undecoded says why the rows that a transform changes are not known; ""
	// where Rows has them.
	Undecoded string
}

// ColumnChange is one column of a table. Old is the zero Column for an added
// one, New for a removed one.
type ColumnChange struct {
	Change   Change
	Old, New Column
}

// RowChange is one row, found by its primary key. An added or removed row has a
// cell for every column that is not part of the key, a changed row one for every
// column that differs.
type RowChange struct {
	Change Change
	Key    []Value
	Cells  []CellChange
}

// CellChange is one cell. A cell that is unknown, such as the old value in a
// transform, is null. Where a value is binary, its data comes with it.
type CellChange struct {
	Column           string
	Old, New         Value
	OldData, NewData *io.SectionReader
}

// Compare returns what must change in a to make it b. Rows are matched by
// primary key and their order does not count; neither does the order of tables
// and streams.
func Compare(a, b *Database) (*Diff, error) { return CompareContext(context.Background(), a, b) }

// CompareContext is Compare until ctx is done, whose error it returns then.
func CompareContext(ctx context.Context, a, b *Database) (*Diff, error) {
	d := &Diff{OldCodePage: a.CodePage(), NewCodePage: b.CodePage(), old: a, new: b}
	d.Summary = compareSummaries(a.Summary(), b.Summary())
	cells := map[string]bool{}
	for _, name := range union(a.Tables(), b.Tables()) {
		ta, tb := a.Table(name), b.Table(name)
		for _, t := range []*Table{ta, tb} {
			if t == nil {
				continue
			}
			addStreamNames(cells, t)
		}
		tc, err := compareTables(ctx, name, ta, tb)
		if err != nil {
			return nil, err
		}
		if tc != nil {
			d.Tables = append(d.Tables, tc)
		}
	}
	var err error
	if d.Streams, err = compareStreams(ctx, a, b, cells); err != nil {
		return nil, err
	}
	if d.Storages, err = compareStorages(ctx, a, b); err != nil {
		return nil, err
	}
	return d, nil
}

// union returns the names in a or b, sorted.
func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

func addStreamNames(names map[string]bool, t *Table) {
	binary := slices.ContainsFunc(t.Columns(), func(c Column) bool { return c.Type.IsBinary() })
	if !binary {
		return
	}
	for r := range t.Rows() {
		names[r.StreamName()] = true
	}
}

func compareSummaries(a, b *Summary) []PropertyChange {
	var list []PropertyChange
	ids := slices.Concat(a.IDs(), b.IDs())
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		inA, inB := slices.Contains(a.IDs(), id), slices.Contains(b.IDs(), id)
		p := PropertyChange{ID: id, Change: Changed}
		switch {
		case !inA:
			p.Change = Added
		case !inB:
			p.Change = Removed
		}
		if inA {
			p.Old = propertyText(a, id)
		}
		if inB {
			p.New = propertyText(b, id)
		}
		if p.Change != Changed || p.Old != p.New {
			list = append(list, p)
		}
	}
	return list
}

// propertyText shows a property whatever its type is.
func propertyText(s *Summary, id PropertyID) string {
	if n, ok := s.Int(id); ok {
		return strconv.Itoa(int(n))
	}
	if t, ok := s.Time(id); ok {
		return t.UTC().Format(time.RFC3339Nano)
	}
	return s.String(id)
}

func compareTables(ctx context.Context, name string, a, b *Table) (*TableChange, error) {
	tc := &TableChange{Name: name, Change: Changed}
	switch {
	case a == nil:
		tc.Change = Added
	case b == nil:
		tc.Change = Removed
	}
	tc.Columns = compareColumns(a, b)
	if a != nil && b != nil && !sameKeys(a, b) {
		return replaced(tc, a, b), nil
	}

	if a != nil {
		for ra := range a.Rows() {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			var rb Row
			found := false
			if b != nil {
				rb, found = b.Find(keyOf(ra)...)
			}
			if !found {
				tc.Rows = append(tc.Rows, wholeRow(ra, Removed))
				continue
			}
			cells, err := compareRows(ctx, ra, rb)
			if err != nil {
				return nil, err
			}
			if len(cells) > 0 {
				tc.Rows = append(tc.Rows, RowChange{Change: Changed, Key: keyOf(ra), Cells: cells})
			}
		}
	}
	if b != nil {
		for rb := range b.Rows() {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if a != nil {
				if _, found := a.Find(keyOf(rb)...); found {
					continue
				}
			}
			tc.Rows = append(tc.Rows, wholeRow(rb, Added))
		}
	}
	if tc.Change == Changed && len(tc.Columns) == 0 && len(tc.Rows) == 0 {
		return nil, nil
	}
	return tc, nil
}

// replaced describes a table whose primary key is another one: no row of the
// old table can be told to be a row of the new one.
func replaced(tc *TableChange, a, b *Table) *TableChange {
	for r := range a.Rows() {
		tc.Rows = append(tc.Rows, wholeRow(r, Removed))
	}
	for r := range b.Rows() {
		tc.Rows = append(tc.Rows, wholeRow(r, Added))
	}
	return tc
}

func sameKeys(a, b *Table) bool {
	names := func(t *Table) (list []string) {
		for _, i := range t.Keys() {
			list = append(list, t.Columns()[i].Name)
		}
		return list
	}
	return slices.Equal(names(a), names(b))
}

func compareColumns(a, b *Table) []ColumnChange {
	var list []ColumnChange
	if a != nil {
		for _, c := range a.Columns() {
			switch other := columnNamed(b, c.Name); {
			case other == nil && b != nil:
				list = append(list, ColumnChange{Change: Removed, Old: c})
			case other != nil && *other != c:
				list = append(list, ColumnChange{Change: Changed, Old: c, New: *other})
			}
		}
	}
	if b != nil {
		for _, c := range b.Columns() {
			if columnNamed(a, c.Name) == nil {
				list = append(list, ColumnChange{Change: Added, New: c})
			}
		}
	}
	return list
}

func columnNamed(t *Table, name string) *Column {
	if t == nil {
		return nil
	}
	i := t.Column(name)
	if i < 0 {
		return nil
	}
	c := t.Columns()[i]
	return &c
}

func keyOf(r Row) []Value {
	keys := r.table.Keys()
	list := make([]Value, len(keys))
	for i, k := range keys {
		list[i] = r.Value(k)
	}
	return list
}

// wholeRow describes a row that is only in one of the databases.
func wholeRow(r Row, c Change) RowChange {
	rc := RowChange{Change: c, Key: keyOf(r)}
	for i, col := range r.table.Columns() {
		if col.Type.IsKey() {
			continue
		}
		cell := CellChange{Column: col.Name}
		v, data := r.Value(i), cellData(r, i)
		if c == Added {
			cell.New, cell.NewData = v, data
		} else {
			cell.Old, cell.OldData = v, data
		}
		rc.Cells = append(rc.Cells, cell)
	}
	return rc
}

// cellData returns the data of a binary cell; nil when it has none.
func cellData(r Row, i int) *io.SectionReader {
	if !r.Value(i).IsBinary() {
		return nil
	}
	s, err := r.Stream(r.table.Columns()[i].Name)
	if err != nil {
		return nil
	}
	return s
}

func compareRows(ctx context.Context, a, b Row) ([]CellChange, error) {
	var cells []CellChange
	tb := b.table
	for i, col := range a.table.Columns() {
		if col.Type.IsKey() {
			continue
		}
		cell := CellChange{Column: col.Name, Old: a.Value(i), OldData: cellData(a, i)}
		j := tb.Column(col.Name)
		if j >= 0 {
			cell.New, cell.NewData = b.Value(j), cellData(b, j)
		}
		same := cell.Old == cell.New
		if same && cell.Old.IsBinary() {
			var err error
			if same, err = sameData(ctx, cell.OldData, cell.NewData); err != nil {
				return nil, fmt.Errorf("msi: table %s, row %s: %w", tb.Name, b.key(), err)
			}
		}
		if !same {
			cells = append(cells, cell)
		}
	}
	for j, col := range tb.Columns() {
		if a.table.Column(col.Name) < 0 && !b.Value(j).IsNull() {
			cells = append(cells, CellChange{Column: col.Name, New: b.Value(j), NewData: cellData(b, j)})
		}
	}
	return cells, nil
}

func sameData(ctx context.Context, a, b *io.SectionReader) (bool, error) {
	if a == nil || b == nil {
		return a == b, nil
	}
	if a.Size() != b.Size() {
		return false, nil
	}
	const chunk = 32 << 10
	var x, y [chunk]byte
	for off := int64(0); off < a.Size(); off += chunk {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		n := min(chunk, a.Size()-off)
		if err := readFullAt(a, x[:n], off); err != nil {
			return false, err
		}
		if err := readFullAt(b, y[:n], off); err != nil {
			return false, err
		}
		if !bytes.Equal(x[:n], y[:n]) {
			return false, nil
		}
	}
	return true, nil
}

func readFullAt(r io.ReaderAt, b []byte, off int64) error {
	n, err := r.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	return err
}

// compareStreams compares the streams that no table names.
func compareStreams(ctx context.Context, a, b *Database, cells map[string]bool) ([]StreamChange, error) {
	var list []StreamChange
	for _, name := range union(a.Streams(), b.Streams()) {
		if cells[name] {
			continue
		}
		change, err := compareStream(ctx, a, b, name, a.Stream, b.Stream)
		if err != nil {
			return nil, err
		}
		if change.Change != 0 {
			list = append(list, change)
		}
	}
	return list, nil
}

func compareStream(ctx context.Context, a, b *Database, name string, openA, openB func(string) (*io.SectionReader, error)) (StreamChange, error) {
	c := StreamChange{Name: name}
	sa, errA := openA(name)
	sb, errB := openB(name)
	switch {
	case errA != nil && errB != nil:
		return c, errA
	case errA != nil:
		c.Change, c.NewSize = Added, sb.Size()
	case errB != nil:
		c.Change, c.OldSize = Removed, sa.Size()
	default:
		same, err := sameData(ctx, sa, sb)
		if err != nil {
			return c, fmt.Errorf("msi: stream %s: %w", name, err)
		}
		if !same {
			c.Change, c.OldSize, c.NewSize = Changed, sa.Size(), sb.Size()
		}
	}
	return c, nil
}

func compareStorages(ctx context.Context, a, b *Database) ([]StreamChange, error) {
	var list []StreamChange
	for _, name := range union(a.Storages(), b.Storages()) {
		inA, inB := slices.Contains(a.Storages(), name), slices.Contains(b.Storages(), name)
		c := StreamChange{Name: name, Change: Changed}
		switch {
		case !inA:
			c.Change = Added
		case !inB:
			c.Change = Removed
		default:
			same, err := equalStorages(ctx, a, b, name)
			if err != nil {
				return nil, err
			}
			if same {
				continue
			}
		}
		list = append(list, c)
	}
	return list, nil
}

// equalStorages compares two transforms inside patches. Their tables cannot be
// decoded here, so their stored form decides.
func equalStorages(ctx context.Context, a, b *Database, name string) (bool, error) {
	sa, err := a.Storage(name)
	if err != nil {
		return false, err
	}
	sb, err := b.Storage(name)
	if err != nil {
		return false, err
	}
	if len(compareSummaries(sa.Summary(), sb.Summary())) > 0 ||
		sa.CodePage() != sb.CodePage() || !sa.pool.equal(sb.pool) {
		return false, nil
	}
	for _, s := range union(sa.tableStreams(), sb.tableStreams()) {
		if c, err := compareStream(ctx, sa, sb, s, sa.tableStream, sb.tableStream); err != nil || c.Change != 0 {
			return false, err
		}
	}
	streams, err := compareStreams(ctx, sa, sb, nil)
	return len(streams) == 0, err
}
