package cfb

import (
	"strings"
	"unicode/utf16"
)

// Windows Installer packs the names of its streams, so that names of up to 62 characters fit into the 31
// of a compound file: a character from packedFirst to packedLast holds two
// characters of the alphabet, one of the 64 from singleFirst on holds one, and
// tableMark opens the name of a table's stream.
const (
	packedFirst = 0x3800
	packedLast  = 0x47FF
	singleFirst = 0x4800
	singleLast  = 0x483F
	tableMark   = 0x4840
)

const nameAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._"

// DecodeName unpacks the name that Windows Installer gave a stream and tells
// whether it is a table's.
func DecodeName(raw []uint16) (name string, table bool) {
	if len(raw) > 0 && raw[0] == tableMark {
		table = true
		raw = raw[1:]
	}
	units := make([]uint16, 0, 2*len(raw))
	for _, u := range raw {
		switch {
		case u >= packedFirst && u <= packedLast:
			u -= packedFirst
			units = append(units, uint16(nameAlphabet[u&0x3F]), uint16(nameAlphabet[u>>6]))
		case u >= singleFirst && u <= singleLast:
			units = append(units, uint16(nameAlphabet[u-singleFirst]))
		default:
			units = append(units, u)
		}
	}
	return string(utf16.Decode(units)), table
}

// EncodeName packs the name of a stream as Windows Installer does. The names of property sets and
// signatures, which begin with a control character, stay plain.
func EncodeName(name string, table bool) []uint16 {
	units := utf16.Encode([]rune(name))
	if !table && len(units) > 0 && units[0] < ' ' {
		return units
	}
	var raw []uint16
	if table {
		raw = append(raw, tableMark)
	}
	for i := 0; i < len(units); i++ {
		first := alphabetIndex(units[i])
		switch {
		case first < 0:
			raw = append(raw, units[i])
		case i+1 < len(units) && alphabetIndex(units[i+1]) >= 0:
			raw = append(raw, packedFirst+uint16(first)+uint16(alphabetIndex(units[i+1]))<<6)
			i++
		default:
			raw = append(raw, singleFirst+uint16(first))
		}
	}
	return raw
}

func alphabetIndex(u uint16) int {
	if u > 0x7F {
		return -1
	}
	return strings.IndexByte(nameAlphabet, byte(u))
}
