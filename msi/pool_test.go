package msi

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
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

// strings returns all strings of a pool.
func (p *pool) strings() []string {
	var all []string
	for ref := range uint32(p.len()) {
		all = append(all, p.string(ref))
	}
	return all
}

// Both orders of the entry of a long string are read, also where the reference
// count is not the upper half of the length.
func TestLongStringEntries(t *testing.T) {
	long := strings.Repeat("x", 3<<16|5)
	for name, table := range map[string][]byte{
		"references, then length": entries(1, 9, 0, 2, 5, 3, 2, 7),
		"upper half, then rest":   entries(1, 9, 0, 3, 5, 2, 2, 7),
	} {
		p, err := parsePool(table, "a"+long+"bc")
		require.NoError(t, err, name)
		require.Equal(t, []string{"", "a", long, "bc"}, p.strings(), name)
		require.Equal(t, []uint32{0, 9, 2, 7}, p.refs, name)
	}
}

func TestPoolHead(t *testing.T) {
	p, err := parsePool([]byte{0xA4, 0x03, 0, 0x80, 0, 0, 0, 0, 2, 0, 1, 0}, "\x8f\x43")
	require.NoError(t, err)
	require.Equal(t, 932, p.codePage)
	require.True(t, p.wide)
	require.Equal(t, []string{"", "", "修"}, append(p.strings()[:2:2], string([]rune(p.string(2))[:1])))
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
		"unknown code page": {[]byte{0xFF, 0x7F, 0, 0, 1, 0, 1, 0}, []byte{0xE4}, ErrCodePage},
		"UTF-16":            {[]byte{0xB0, 0x04, 0, 0}, nil, ErrCodePage},
	} {
		_, err := parsePool(test.table, string(test.data))
		require.ErrorIs(t, err, test.want, name)
	}
	p, err := parsePool(entries(1, 1), "a")
	require.NoError(t, err)
	_, err = p.at(2)
	require.ErrorIs(t, err, ErrFormat)
}

// A code page that is not known is not a reason to refuse ASCII text.
func TestUnknownCodePage(t *testing.T) {
	for _, codePage := range []int{1361, 20127, 65000, 32767} {
		require.False(t, KnownCodePage(codePage))
		head := []byte{byte(codePage), byte(codePage >> 8), 0, 0, 2, 0, 1, 0, 2, 0, 1, 0}
		p, err := parsePool(head, "abcd")
		require.NoError(t, err)
		require.Equal(t, []string{"", "ab", "cd"}, p.strings())
		table, data := p.encode([]uint32{0, 1, 1})
		require.Equal(t, head, table)
		require.Equal(t, "abcd", string(data))
		_, err = parsePool(head, "abc\xe4")
		require.ErrorIs(t, err, ErrCodePage)
		require.ErrorContains(t, err, fmt.Sprintf(`code page %d is not known: "c\xe4"`, codePage))
		_, err = p.intern("\u00e4")
		require.ErrorIs(t, err, ErrCodePage)
		_, err = newPool(codePage)
		require.ErrorIs(t, err, ErrCodePage)
	}
}

// The characters that tell these code pages from their neighbours.
func TestRareCodePages(t *testing.T) {
	for codePage, want := range map[int][2]string{
		857:   {"\x80\x8d\x98\x9e\x9f\xa6\xa7", "ÇıİŞşĞğ"},
		28597: {"\xc1\xe1", "Αα"},
		28599: {"\xd0\xdd\xde\xf0\xfd\xfe", "ĞİŞğış"},
		21866: {"\xa4\xa6\xa7\xad", "єіїґ"},
		737:   {"\x80\x98", "Αα"},
	} {
		got, err := DecodeText(codePage, []byte(want[0]))
		require.NoError(t, err)
		require.Equal(t, want[1], got, "%d", codePage)
		require.True(t, KnownCodePage(codePage))
	}
}

// Bytes that the code page does not define survive.
func TestUndefinedBytes(t *testing.T) {
	for _, codePage := range slices.Concat(slices.Collect(maps.Keys(codePages)), slices.Collect(maps.Keys(ownTables))) {
		if bytesOf(codePage) == nil {
			continue
		}
		for c := range 256 {
			text, err := DecodeText(codePage, []byte{byte(c)})
			require.NoError(t, err)
			if text == "\uFFFD" {
				continue // not one of the control characters
			}
			b, err := encodeText(codePage, text)
			require.NoError(t, err, "%d %#x %q", codePage, c, text)
			require.Equal(t, []byte{byte(c)}, b, "%d %#x", codePage, c)
		}
	}
	_, err := encodeText(1252, "\uFFFD")
	require.ErrorIs(t, err, ErrCodePage)
}
