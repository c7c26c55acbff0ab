package pe

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf16"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

const (
	fixedSignature = 0xfeef04bd
	fixedSize      = 52
)

// node is one block of a version resource: a length, a key, a value and children,
// each on a boundary of 32 bits. Files of 16-bit Windows have keys and strings in
// an 8-bit code page and no type field.
type node struct {
	key         string
	valueLength int    // as it stands there: bytes for binary values, characters for strings
	body        []byte // value and children
	narrow      bool
}

// parseNode reads the node at the start of b and returns it with the bytes it
// occupies, padding included.
func parseNode(b []byte, narrow bool) (node, int, error) {
	header := 6
	if narrow {
		header = 4
	}
	if len(b) < header {
		return node{}, 0, fmt.Errorf("%w: version resource ends inside a header", ErrFormat)
	}
	length := int(le.Uint16(b))
	if length < header {
		return node{}, 0, fmt.Errorf("%w: version resource with a block of %d bytes", ErrFormat, length)
	}
	n := node{valueLength: int(le.Uint16(b[2:])), narrow: narrow}
	// Some compilers count the padding behind the last block, which is not there.
	b = b[:min(length, len(b))]
	var keySize int
	n.key, keySize = n.text(b[header:])
	n.body = b[min(align4(header+keySize), len(b)):]
	return n, align4(length), nil
}

// text reads a string up to its terminator or the end of b, and returns the bytes
// that it occupies, terminator included.
func (n node) text(b []byte) (string, int) {
	if n.narrow {
		end := bytes.IndexByte(b, 0)
		if end < 0 {
			return string(b), len(b)
		}
		return string(b[:end]), end + 1
	}
	units := make([]uint16, 0, len(b)/2)
	for i := 0; i+2 <= len(b); i += 2 {
		u := le.Uint16(b[i:])
		if u == 0 {
			return string(utf16.Decode(units)), i + 2
		}
		units = append(units, u)
	}
	return string(utf16.Decode(units)), len(b)
}

// children splits b into nodes.
func (n node) children(b []byte) ([]node, error) {
	var list []node
	for len(b) > 0 {
		if len(bytes.TrimLeft(b, "\x00")) == 0 {
			return list, nil // padding
		}
		child, size, err := parseNode(b, n.narrow)
		if err != nil {
			return list, err
		}
		list = append(list, child)
		b = b[min(size, len(b)):]
	}
	return list, nil
}

func align4(n int) int { return (n + 3) &^ 3 }

// parseVersion reads one version resource. What could be read is returned with
// an error.
func parseVersion(b []byte, narrow bool) (*Version, error) {
	v := &Version{}
	root, _, err := parseNode(b, narrow)
	if err != nil {
		return v, err
	}
	if root.key != "VS_VERSION_INFO" {
		return v, fmt.Errorf("%w: version resource with the key %q", ErrFormat, root.key)
	}
	rest := root.body
	switch {
	case len(rest) >= fixedSize && le.Uint32(rest) == fixedSignature:
		v.Fixed = parseFixed(rest)
		rest = rest[min(align4(max(root.valueLength, fixedSize)), len(rest)):]
	case root.valueLength > 0:
		return v, fmt.Errorf("%w: version resource without the signature of its fixed part", ErrFormat)
	}
	blocks, err := root.children(rest)
	for _, block := range blocks {
		switch block.key {
		case "StringFileInfo":
			if e := v.parseStrings(block); err == nil {
				err = e
			}
		case "VarFileInfo":
			if e := v.parseTranslations(block); err == nil {
				err = e
			}
		}
	}
	return v, err
}

// parseFixed reads VS_FIXEDFILEINFO.
func parseFixed(b []byte) *Fixed {
	number := func(off int) Number {
		high, low := le.Uint32(b[off:]), le.Uint32(b[off+4:])
		return Number{uint16(high >> 16), uint16(high), uint16(low >> 16), uint16(low)}
	}
	return &Fixed{
		StructVersion: le.Uint32(b[4:]),
		File:          number(8),
		Product:       number(16),
		FlagsMask:     le.Uint32(b[24:]),
		Flags:         le.Uint32(b[28:]),
		OS:            le.Uint32(b[32:]),
		Type:          le.Uint32(b[36:]),
		Subtype:       le.Uint32(b[40:]),
		DateHigh:      le.Uint32(b[44:]),
		DateLow:       le.Uint32(b[48:]),
	}
}

func (v *Version) parseStrings(block node) error {
	tables, err := block.children(block.body)
	for _, t := range tables {
		table := StringTable{Key: t.key}
		entries, e := t.children(t.body)
		if err == nil {
			err = e
		}
		for _, s := range entries {
			// The value ends at its terminator: compilers disagree whether its
			// length counts characters or bytes.
			value, _ := s.text(s.body)
			if s.narrow {
				value = decodeNarrow(value, table.Key)
			}
			table.Strings = append(table.Strings, String{Key: s.key, Value: value})
		}
		v.Tables = append(v.Tables, table)
	}
	return err
}

func (v *Version) parseTranslations(block node) error {
	vars, err := block.children(block.body)
	for _, n := range vars {
		if n.key != "Translation" {
			continue
		}
		for b := n.body[:min(n.valueLength, len(n.body))]; len(b) >= 4; b = b[4:] {
			v.Translations = append(v.Translations, Translation{Language: le.Uint16(b), CodePage: le.Uint16(b[2:])})
		}
	}
	return err
}

// is reports whether the table's key names that translation.
func (t *StringTable) is(tr Translation) bool {
	return strings.EqualFold(t.Key, fmt.Sprintf("%04x%04x", tr.Language, tr.CodePage))
}

// value returns the string of a key, without the padding with blanks that some
// files have, or "".
func (t *StringTable) value(key string) string {
	for _, s := range t.Strings {
		if strings.EqualFold(s.Key, key) {
			return strings.TrimSpace(s.Value)
		}
	}
	return ""
}

// The code pages of string tables in NE files, by the last four digits of the
// table's key.
var codePages = map[string]encoding.Encoding{
	"03a4": japanese.ShiftJIS,
	"03a8": simplifiedchinese.GBK,
	"03b5": korean.EUCKR,
	"03b6": traditionalchinese.Big5,
	"04e2": charmap.Windows1250,
	"04e3": charmap.Windows1251,
	"04e4": charmap.Windows1252,
	"04e5": charmap.Windows1253,
	"04e6": charmap.Windows1254,
	"04e7": charmap.Windows1255,
	"04e8": charmap.Windows1256,
}

// decodeNarrow decodes a string by the code page in the key of its table;
// Windows-1252 is used for one that is unknown.
func decodeNarrow(s, tableKey string) string {
	var e encoding.Encoding = charmap.Windows1252
	if len(tableKey) == 8 {
		if known, ok := codePages[strings.ToLower(tableKey[4:])]; ok {
			e = known
		}
	}
	decoded, err := e.NewDecoder().String(s)
	if err != nil {
		return strings.ToValidUTF8(s, "\ufffd")
	}
	return decoded
}
