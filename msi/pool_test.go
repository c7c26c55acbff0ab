package msi

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// entries writes a _StringPool from pairs of 16-bit words.
func entries(words ...uint16) []byte {
	b := []byte{0xE4, 0x04, 0, 0} // code page 1252
	for _, w := range words {
		b = binary.LittleEndian.AppendUint16(b, w)
	}
	return b
}

// Both orders of the entry of a long string are read, also where the reference
// count is not the upper half of the length.
func TestLongStringEntries(t *testing.T) {
	long := strings.Repeat("x", 3<<16|5)
	for name, table := range map[string][]byte{
		"references, then length": entries(1, 9, 0, 2, 5, 3, 2, 7),
		"upper half, then rest":   entries(1, 9, 0, 3, 5, 2, 2, 7),
	} {
		p, err := parsePool(table, []byte("a"+long+"bc"))
		require.NoError(t, err, name)
		require.Equal(t, []string{"", "a", long, "bc"}, p.text, name)
		require.Equal(t, []uint32{0, 9, 2, 7}, p.refs, name)
	}
}

func TestPoolHead(t *testing.T) {
	p, err := parsePool([]byte{0xA4, 0x03, 0, 0x80, 0, 0, 0, 0, 2, 0, 1, 0}, []byte("\x8f\x43"))
	require.NoError(t, err)
	require.Equal(t, 932, p.codePage)
	require.True(t, p.wide)
	require.Equal(t, []string{"", "", "修"}, append(p.text[:2:2], string([]rune(p.text[2])[:1])))
	table, data := p.encode([]uint32{0, 0, 1})
	require.Equal(t, []byte{0xA4, 0x03, 0, 0x80, 0, 0, 0, 0, 2, 0, 1, 0}, table)
	require.Equal(t, "\x8f\x43", string(data))
}

func TestPoolRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		table, data []byte
		want        error
	}{
		"empty":             {nil, nil, ErrFormat},
		"odd size":          {make([]byte, 6), nil, ErrFormat},
		"too few bytes":     {entries(5, 1), []byte("abc"), ErrFormat},
		"unknown code page": {[]byte{0xFF, 0x7F, 0, 0}, nil, ErrCodePage},
		"UTF-16":            {[]byte{0xB0, 0x04, 0, 0}, nil, ErrCodePage},
	} {
		_, err := parsePool(test.table, test.data)
		require.ErrorIs(t, err, test.want, name)
	}
	p, err := parsePool(entries(1, 1), []byte("a"))
	require.NoError(t, err)
	_, err = p.at(2)
	require.ErrorIs(t, err, ErrFormat)
}

// Bytes that the code page does not define survive.
func TestUndefinedBytes(t *testing.T) {
	for codePage := range codePages {
		if codePage == codePageUTF16 || codePage == codePageUTF8 || codePage >= 932 && codePage <= 950 || codePage == 54936 {
			continue
		}
		for c := range 256 {
			text, err := DecodeText(codePage, []byte{byte(c)})
			require.NoError(t, err)
			if text == "\uFFFD" {
				continue // not one of the control characters
			}
			b, err := EncodeText(codePage, text)
			require.NoError(t, err, "%d %#x %q", codePage, c, text)
			require.Equal(t, []byte{byte(c)}, b, "%d %#x", codePage, c)
		}
	}
	_, err := EncodeText(1252, "\uFFFD")
	require.ErrorIs(t, err, ErrCodePage)
}
