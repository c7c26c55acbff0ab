package msi

import "strconv"

// Value is one cell: null, an integer, a string, or a stream. Values compare
// with ==; the content of streams is not part of them.
type Value struct {
	kind valueKind
	num  int32
	text string
}

type valueKind byte

const (
	kindNull valueKind = iota
	kindInt
	kindString
	kindBinary
)

// Null returns the empty cell.
func Null() Value { return Value{} }

// Int returns an integer cell.
func Int(n int32) Value { return Value{kind: kindInt, num: n} }

// String returns a string cell. An empty string is null: the database does not
// tell them apart.
func String(s string) Value {
	if s == "" {
		return Value{}
	}
	return Value{kind: kindString, text: s}
}

// Binary returns a cell whose data is the stream that Row.StreamName names.
func Binary() Value { return Value{kind: kindBinary} }

// IsNull reports whether the cell is empty.
func (v Value) IsNull() bool { return v.kind == kindNull }

// IsBinary reports whether the data of the cell is a stream.
func (v Value) IsBinary() bool { return v.kind == kindBinary }

// Int returns the integer, and false for null and for other types.
func (v Value) Int() (int32, bool) { return v.num, v.kind == kindInt }

// Text returns the string, the integer in decimal, or "" for null and streams.
func (v Value) Text() string {
	if v.kind == kindInt {
		return strconv.Itoa(int(v.num))
	}
	return v.text
}
