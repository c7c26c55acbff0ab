package msi

import (
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/internal/cfb"
)

// The rows of a transform begin with a mask. Bit 0 marks an inserted row, whose
// number of columns is in the upper byte; otherwise bit i says that column i
// follows the key. A mask of 0 removes the row.
const (
	maskInsert = 0x0001
	// maxMaskColumns is how many columns a mask has bits for. How wider tables
	// are stored is not documented.
	maxMaskColumns = 16
	// maxTransformTable is how many bytes the changes to one table may have.
	maxTransformTable = 64 << 20
)

// transformDecoder reads the tables of a transform.
type transformDecoder struct {
	db       *Database
	pool     *pool
	dropped  []string            // tables, in stored order
	added    []string            // tables, in stored order
	extended []string            // tables that get columns, in stored order
	columns  map[string][]Column // of added and extended tables: the new ones
}

// newTransformDecoder reads strings of the neutral code page in that of the
// database that the transform is for.
func newTransformDecoder(db *Database, codePage int) (*transformDecoder, error) {
	d := &transformDecoder{db: db, pool: db.pool, columns: make(map[string][]Column)}
	if db.CodePage() == codePageNeutral && codePage != codePageNeutral {
		d.pool = db.pool.clone()
		if err := d.pool.setCodePage(codePage); err != nil {
			return nil, fmt.Errorf("msi: transform: %w", err)
		}
	}
	return d, nil
}

// schema reads what the transform does to _Tables and _Columns.
func (d *transformDecoder) schema() error {
	for rc, err := range d.rows(tableTables, systemTables[tableTables]) {
		if err != nil {
			return err
		}
		name := rc.Key[0].Text()
		switch rc.Change {
		case Added:
			d.added = append(d.added, name)
		case Removed:
			d.dropped = append(d.dropped, name)
		}
	}
	for rc, err := range d.rows(tableColumns, systemTables[tableColumns]) {
		if err != nil {
			return err
		}
		name := rc.Key[0].Text()
		if rc.Change != Added {
			if slices.Contains(d.dropped, name) {
				continue
			}
			return fmt.Errorf("msi: transform: table %s: a column is removed or changed, which no transform can do: %w", name, ErrFormat)
		}
		if len(rc.Cells) != 2 {
			return fmt.Errorf("msi: transform: table %s: a column without name or type: %w", name, ErrFormat)
		}
		kind, _ := rc.Cells[1].New.Int()
		if len(d.columns[name]) == 0 && !slices.Contains(d.added, name) {
			d.extended = append(d.extended, name)
		}
		// The number is 0: columns are numbered as they come.
		d.columns[name] = append(d.columns[name], Column{rc.Cells[0].New.Text(), ColumnType(kind)})
	}
	for _, name := range d.added {
		if len(d.columns[name]) == 0 {
			return fmt.Errorf("msi: transform: table %s is added without columns: %w", name, ErrFormat)
		}
	}
	return nil
}

// tables returns the tables whose rows the transform changes.
func (d *transformDecoder) tables() []string {
	return slices.DeleteFunc(d.db.tableStreams(), func(name string) bool {
		return name == tableTables || name == tableColumns || slices.Contains(d.dropped, name)
	})
}

// columnsOf returns the columns of a table in the order in which the transform
// holds its cells. For a table that existed although the transform adds it,
// that order is the transform's.
func (d *transformDecoder) columnsOf(t *Table) []Column {
	if slices.Contains(d.added, t.Name) {
		return d.columns[t.Name]
	}
	return t.Columns()
}

// rows decodes the row changes of one table, in stored order, up to the first error.
func (d *transformDecoder) rows(name string, columns []Column) iter.Seq2[RowChange, error] {
	return func(yield func(RowChange, error) bool) {
		fail := func(format string, args ...any) {
			yield(RowChange{}, fmt.Errorf("msi: transform: table %s"+format, append([]any{name}, args...)...))
		}
		b, err := d.read(name)
		if err != nil {
			fail(": %w", err)
			return
		}
		if len(b) > 0 && len(columns) > maxMaskColumns {
			fail(" has %d columns; how more than %d are stored is not known: %w", len(columns), maxMaskColumns, ErrLimit)
			return
		}
		r := &transformReader{d: d, table: name, columns: columns, b: b}
		for n := 1; len(r.b) > 0; n++ {
			rc, err := r.row()
			if err != nil {
				fail(", row %d: %w", n, err)
				return
			}
			if !yield(rc, nil) {
				return
			}
		}
	}
}

// read returns the stored bytes of a table, none where the transform does not
// change it.
func (d *transformDecoder) read(name string) ([]byte, error) {
	s, ok := d.db.raw[name]
	if !ok {
		return nil, nil
	}
	if s.size > maxTransformTable {
		return nil, fmt.Errorf("%d bytes: %w", s.size, ErrLimit)
	}
	if d.db.fileSize > 0 && s.size > d.db.fileSize {
		return nil, fmt.Errorf("%d bytes in a file of %d: %w", s.size, d.db.fileSize, cfb.ErrTruncated)
	}
	content, err := s.section()
	if err != nil {
		return nil, err
	}
	b := make([]byte, s.size)
	if n, err := content.ReadAt(b, 0); n < len(b) {
		return nil, err
	}
	return b, nil
}

type transformReader struct {
	d       *transformDecoder
	table   string
	columns []Column
	b       []byte
}

func (r *transformReader) row() (RowChange, error) {
	mask, err := r.take(2)
	if err != nil {
		return RowChange{}, err
	}
	rc := RowChange{Change: Changed}
	count := len(r.columns)
	switch {
	case mask&maskInsert != 0:
		rc.Change = Added
		count = int(mask >> 8)
		mask = 1<<maxMaskColumns - 1
	case mask == 0:
		rc.Change = Removed
	}
	if count > len(r.columns) || rc.Change == Changed && mask>>count != 0 {
		return rc, fmt.Errorf("mask %#04x for %d columns: %w", mask, len(r.columns), ErrFormat)
	}
	for i, c := range r.columns {
		key := c.Type.IsKey()
		if i >= count {
			if key {
				return rc, fmt.Errorf("%d cells, without the whole key: %w", count, ErrFormat)
			}
			break
		}
		if !key && mask&(1<<i) == 0 {
			continue
		}
		v, err := r.cell(c)
		if err != nil {
			return rc, err
		}
		if key {
			rc.Key = append(rc.Key, v)
		} else {
			rc.Cells = append(rc.Cells, CellChange{Column: c.Name, New: v})
		}
	}
	if len(rc.Key) == 0 {
		return rc, fmt.Errorf("the table has no key: %w", ErrFormat)
	}
	return rc, r.attachData(&rc)
}

// attachData finds the streams of binary cells.
func (r *transformReader) attachData(rc *RowChange) error {
	for i := range rc.Cells {
		if !rc.Cells[i].New.IsBinary() {
			continue
		}
		s, err := r.d.db.Stream(streamName(r.table, rc.Key))
		if err != nil {
			return fmt.Errorf("column %s: %w", rc.Cells[i].Column, err)
		}
		rc.Cells[i].NewData = s
	}
	return nil
}

func (r *transformReader) cell(c Column) (Value, error) {
	v, err := r.take(c.Type.width(r.d.db.refWidth() == 3))
	switch {
	case err != nil || v == 0:
		return Null(), err
	case c.Type.IsBinary():
		return Binary(), nil
	case c.Type.IsString():
		s, err := r.d.pool.at(v)
		return String(s), err
	case c.Type.intWidth() == 2:
		return Int(int32(v) - bias2), nil
	}
	return Int(int32(v ^ bias4)), nil
}

func (r *transformReader) take(n int) (uint32, error) {
	if n > len(r.b) {
		return 0, fmt.Errorf("%d bytes left: %w: %w", len(r.b), ErrFormat, io.ErrUnexpectedEOF)
	}
	var b [4]byte
	copy(b[:], r.b[:n])
	r.b = r.b[n:]
	return binary.LittleEndian.Uint32(b[:]), nil
}

// Changes returns what the transform changes, without applying it. The types of
// columns, which a transform does not hold, come from base, the database that it
// is for. Where base is nil or lacks a table, the definition in the Windows
// Installer documentation serves; where neither fits, TableChange.Undecoded says
// so and the rows stay unknown. Old values are unknown and stay null.
func (t *Transform) Changes(base *Database) (*Diff, error) {
	codePage := codePageNeutral
	if base != nil {
		codePage = base.CodePage()
	}
	d, err := newTransformDecoder(t.db, codePage)
	if err != nil {
		return nil, err
	}
	if err := d.schema(); err != nil {
		return nil, err
	}
	diff := &Diff{NewCodePage: t.CodePage(), OldCodePage: t.CodePage()}
	if base != nil && t.CodePage() != codePageNeutral {
		diff.OldCodePage = base.CodePage()
	}
	for _, name := range d.dropped {
		diff.Tables = append(diff.Tables, &TableChange{Name: name, Change: Removed})
	}
	for _, name := range union(slices.Concat(d.tables(), d.added, d.extended), nil) {
		tc, err := d.change(name, base)
		if err != nil {
			return nil, err
		}
		diff.Tables = append(diff.Tables, tc)
	}
	slices.SortStableFunc(diff.Tables, func(a, b *TableChange) int { return strings.Compare(a.Name, b.Name) })
	return diff, nil
}

// change decodes the changes to one table. Where its columns are known, what does
// not fit them is an error; where they are those of the documentation, the table
// of this database may have others.
func (d *transformDecoder) change(name string, base *Database) (*TableChange, error) {
	tc := &TableChange{Name: name, Change: Changed}
	for _, c := range d.columns[name] {
		tc.Columns = append(tc.Columns, ColumnChange{Change: Added, New: c})
	}
	columns := d.columns[name]
	switch {
	case slices.Contains(d.added, name):
		tc.Change = Added
	case base != nil && base.Table(name) != nil:
		columns = base.Table(name).Columns()
	default:
		d.guess(tc)
		return tc, nil
	}
	var err error
	tc.Rows, err = d.allRows(name, slices.Concat(columns, d.newColumns(name, columns)))
	return tc, err
}

// guess decodes the changes to a table by the forms of it that are documented.
func (d *transformDecoder) guess(tc *TableChange) {
	const advice = "the database that the transform is for has the columns"
	var err error
	forms := standardTables()[tc.Name]
	for _, columns := range forms {
		if tc.Rows, err = d.allRows(tc.Name, slices.Concat(columns, d.newColumns(tc.Name, columns))); err == nil {
			return
		}
	}
	switch {
	case d.db.raw[tc.Name] == nil || d.db.raw[tc.Name].size == 0:
	case len(forms) == 0:
		tc.Undecoded = "it is not a documented table: " + advice
	default:
		tc.Undecoded = "its columns are not the documented ones: " + advice
	}
}

// newColumns returns the columns of a table that the transform adds to those.
func (d *transformDecoder) newColumns(name string, columns []Column) []Column {
	return slices.DeleteFunc(slices.Clone(d.columns[name]), func(c Column) bool {
		return slices.ContainsFunc(columns, func(other Column) bool { return other.Name == c.Name })
	})
}

func (d *transformDecoder) allRows(name string, columns []Column) ([]RowChange, error) {
	var rows []RowChange
	for rc, err := range d.rows(name, columns) {
		if err != nil {
			return nil, err
		}
		rows = append(rows, rc)
	}
	return rows, nil
}
