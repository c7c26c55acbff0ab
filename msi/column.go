package msi

import (
	"fmt"
	"strconv"
)

// Column is one column of a table.
type Column struct {
	Name string
	Type ColumnType
}

// ColumnType is the type of a column as the table _Columns stores it. Its low
// byte is the width: 2 or 4 bytes of an integer, or the most characters of a
// string, 0 for no limit. The width of strings is not enforced.
type ColumnType uint16

// The parts of a ColumnType.
const (
	typeWidth       ColumnType = 0x00FF
	typeValid       ColumnType = 0x0100
	typeLocalizable ColumnType = 0x0200
	typeNotBinary   ColumnType = 0x0400
	typeString      ColumnType = 0x0800
	typeNullable    ColumnType = 0x1000
	typeKey         ColumnType = 0x2000
	typeTemporary   ColumnType = 0x4000
)

// IsBinary reports whether the cells are streams.
func (t ColumnType) IsBinary() bool { return t&(typeString|typeNotBinary) == typeString }

// IsString reports whether the cells are strings.
func (t ColumnType) IsString() bool { return t&typeString != 0 && !t.IsBinary() }

// IsInt reports whether the cells are integers.
func (t ColumnType) IsInt() bool { return t&typeString == 0 }

// intWidth returns the bytes of an integer, 2 or 4, and 0 for other types.
func (t ColumnType) intWidth() int {
	switch {
	case !t.IsInt():
		return 0
	case t&typeWidth <= 2:
		return 2
	}
	return 4
}

// IsKey reports whether the column belongs to the primary key.
func (t ColumnType) IsKey() bool { return t&typeKey != 0 }

// Nullable reports whether the column may be empty. It is not enforced.
func (t ColumnType) Nullable() bool { return t&typeNullable != 0 }

// isTemporary reports whether the column has no stored cells.
func (t ColumnType) isTemporary() bool { return t&typeTemporary != 0 }

// String returns the type in the notation of text archives: s72, S0, l255, i2,
// I4, v0; upper case for nullable columns (Windows Installer: Column Definition
// Format).
func (t ColumnType) String() string {
	letter, width := byte('s'), int(t&typeWidth)
	switch {
	case t.IsBinary():
		letter = 'v'
	case t.IsInt():
		letter, width = 'i', t.intWidth()
	case t&typeLocalizable != 0:
		letter = 'l'
	}
	if t.Nullable() {
		letter -= 'a' - 'A'
	}
	return string(letter) + strconv.Itoa(width)
}

// ParseColumnType is the inverse of ColumnType.String. key marks a column of
// the primary key, which the notation does not tell. The error is ErrFormat.
func ParseColumnType(s string, key bool) (ColumnType, error) {
	bad := fmt.Errorf("msi: column type %q: %w", s, ErrFormat)
	if len(s) < 2 {
		return 0, bad
	}
	width, err := strconv.ParseUint(s[1:], 10, 8)
	if err != nil {
		return 0, bad
	}
	t := typeValid | ColumnType(width)
	letter := s[0]
	if letter >= 'A' && letter <= 'Z' {
		t |= typeNullable
		letter += 'a' - 'A'
	}
	switch letter {
	case 's':
		t |= typeString | typeNotBinary
	case 'l':
		t |= typeString | typeNotBinary | typeLocalizable
	case 'v':
		t |= typeString
	case 'i':
		switch width {
		case 2:
			t |= typeNotBinary
		case 4:
		default:
			return 0, bad
		}
	default:
		return 0, bad
	}
	if key {
		t |= typeKey
	}
	return t, nil
}

// width returns the bytes of a stored cell.
func (t ColumnType) width(wideRefs bool) int {
	switch {
	case t.isTemporary():
		return 0
	case t.IsInt():
		return t.intWidth()
	case t.IsBinary() || !wideRefs:
		return 2
	}
	return 3
}
