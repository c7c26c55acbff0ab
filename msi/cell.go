package msi

import (
	"encoding/binary"
	"fmt"
	"math"
)

// record holds the cells of a row as they are stored, 0 for null: string
// references, integers with their bias, any other number for a stream.
type record struct{ cells []uint32 }

// The bias that keeps stored integers from being 0.
const (
	bias2 = 0x8000
	bias4 = 0x80000000
)

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
		return fmt.Errorf("msi: table %s: its size of %d bytes is not a multiple of the row size of %d: %w", t.Name, len(b), width, ErrFormat)
	}
	if width == 0 {
		return nil
	}
	count := len(b) / width
	if err := db.spend(int64(count) * int64(rowOverhead+4*len(t.columns))); err != nil {
		return fmt.Errorf("msi: table %s: %w", t.Name, err)
	}
	t.stored = storedRows{cells: b, count: count, columns: make([]storedColumn, len(t.columns))}
	strings, at := uint32(db.pool.len()), 0
	for c, column := range t.columns {
		n := column.Type.width(db.pool.wide)
		t.stored.columns[c] = storedColumn{at, n}
		at += n * count
		if !column.Type.IsString() {
			continue
		}
		for i := range count {
			if v := t.stored.cell(i, c); v >= strings {
				return fmt.Errorf("msi: table %s, row %d: string %d of %d: %w", t.Name, i+1, v, strings-1, ErrFormat)
			}
		}
	}
	return nil
}

// storedRows are rows as they are in a file, column by column.
type storedRows struct {
	cells   []byte
	count   int
	columns []storedColumn
}

// A storedColumn is where the cells of a column begin, and how many bytes each has.
type storedColumn struct{ at, width int }

// cell returns a cell of a row.
func (s *storedRows) cell(row, column int) uint32 {
	c := s.columns[column]
	b := s.cells[c.at+row*c.width:]
	switch c.width {
	case 0:
		return 0
	case 2:
		return uint32(binary.LittleEndian.Uint16(b))
	case 3:
		return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16
	}
	return binary.LittleEndian.Uint32(b)
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
	b := make([]byte, 0, t.Len()*t.rowWidth(wide))
	for c, column := range t.columns {
		n := column.Type.width(wide)
		for row := range t.Rows() {
			v := row.cell(c)
			for j := range n {
				b = append(b, byte(v>>(8*j)))
			}
		}
	}
	return b
}

// value decodes a stored cell.
func (t *Table) value(i int, cell uint32) Value {
	switch kind := t.columns[i].Type; {
	case cell == 0:
		return Null()
	case kind.IsBinary():
		return Binary()
	case kind.IsString():
		return String(t.db.pool.string(cell))
	case kind.intWidth() == 2:
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
	case v.kind == kindInt && kind.intWidth() == 2 && v.num > math.MinInt16 && v.num <= math.MaxInt16:
		return uint32(v.num + bias2), nil
	case v.kind == kindInt && kind.intWidth() == 4 && v.num != math.MinInt32:
		return uint32(v.num) ^ bias4, nil
	}
	return 0, fmt.Errorf("msi: table %s, column %s (%s) cannot hold %q: %w", t.Name, column.Name, column.Type, v.Text(), ErrFormat)
}
