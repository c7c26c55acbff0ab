package msi

import (
	"fmt"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
)

const (
	codePageNeutral = 0
	codePageUTF16   = 1200
	codePageUTF8    = 65001

	maxQuoted = 60 // bytes of a string that an error shows
)

// codePages are the code pages in which databases and summary information are
// written. The neutral one says nothing; Windows takes the system's, which for
// packages with such strings is mostly the Western European one.
var codePages = map[int]encoding.Encoding{
	codePageNeutral: charmap.Windows1252,
	437:             charmap.CodePage437,
	850:             charmap.CodePage850,
	852:             charmap.CodePage852,
	855:             charmap.CodePage855,
	858:             charmap.CodePage858,
	862:             charmap.CodePage862,
	860:             charmap.CodePage860,
	863:             charmap.CodePage863,
	865:             charmap.CodePage865,
	866:             charmap.CodePage866,
	874:             charmap.Windows874,
	932:             japanese.ShiftJIS,
	936:             simplifiedchinese.GBK,
	949:             korean.EUCKR,
	950:             traditionalchinese.Big5,
	codePageUTF16:   unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM),
	1250:            charmap.Windows1250,
	1251:            charmap.Windows1251,
	1252:            charmap.Windows1252,
	1253:            charmap.Windows1253,
	1254:            charmap.Windows1254,
	1255:            charmap.Windows1255,
	1256:            charmap.Windows1256,
	1257:            charmap.Windows1257,
	1258:            charmap.Windows1258,
	10000:           charmap.Macintosh,
	10007:           charmap.MacintoshCyrillic,
	20866:           charmap.KOI8R,
	20932:           japanese.EUCJP,
	21866:           charmap.KOI8U,
	28591:           charmap.ISO8859_1,
	28592:           charmap.ISO8859_2,
	28593:           charmap.ISO8859_3,
	28594:           charmap.ISO8859_4,
	28595:           charmap.ISO8859_5,
	28596:           charmap.ISO8859_6,
	28597:           charmap.ISO8859_7,
	28598:           charmap.ISO8859_8,
	28599:           charmap.ISO8859_9,
	28603:           charmap.ISO8859_13,
	28605:           charmap.ISO8859_15,
	51932:           japanese.EUCJP,
	51949:           korean.EUCKR,
	54936:           simplifiedchinese.GB18030,
	codePageUTF8:    unicode.UTF8,
}

// KnownCodePage reports whether text of a Windows code page can be decoded and
// encoded. Of any other page, ASCII text can.
func KnownCodePage(codePage int) bool {
	_, ok := codePages[codePage]
	return ok || ownTables[codePage] != nil
}

// bytesOf returns the table of a single-byte code page, or nil.
func bytesOf(codePage int) byteTable {
	if table, ok := codePages[codePage].(*charmap.Charmap); ok {
		return table
	}
	return ownTables[codePage]
}

// DecodeText turns bytes of a Windows code page into text. Bytes that the code
// page does not define become U+FFFD. ASCII text needs no code page that is
// known. The error is ErrCodePage.
func DecodeText(codePage int, b []byte) (string, error) {
	if isASCII(b) && codePage != codePageUTF16 {
		return string(b), nil
	}
	if table := bytesOf(codePage); table != nil {
		return decodeBytes(table, b), nil
	}
	enc, ok := codePages[codePage]
	if !ok {
		return "", fmt.Errorf("msi: code page %d is not known: %q cannot be read: %w", codePage, b[:min(len(b), maxQuoted)], ErrCodePage)
	}
	text, err := enc.NewDecoder().Bytes(b)
	if err != nil {
		return "", fmt.Errorf("msi: code page %d: %w: %w", codePage, ErrCodePage, err)
	}
	return string(text), nil
}

// encodeText turns text into bytes of a Windows code page. Text that the code
// page does not hold is refused with ErrCodePage.
func encodeText(codePage int, s string) ([]byte, error) {
	if isASCII(s) && codePage != codePageUTF16 {
		return []byte(s), nil
	}
	if !utf8.ValidString(s) {
		return nil, fmt.Errorf("msi: %q is not valid text: %w", s, ErrCodePage)
	}
	enc, known := codePages[codePage]
	if table := bytesOf(codePage); table != nil {
		if b, ok := encodeBytes(table, s); ok {
			return b, nil
		}
		return nil, fmt.Errorf("msi: %q does not exist in code page %d: %w", s, codePage, ErrCodePage)
	}
	if !known {
		return nil, fmt.Errorf("msi: code page %d is not known: %q cannot be written: %w", codePage, s[:min(len(s), maxQuoted)], ErrCodePage)
	}
	b, err := enc.NewEncoder().Bytes([]byte(s))
	if err != nil {
		return nil, fmt.Errorf("msi: %q does not exist in code page %d: %w", s, codePage, ErrCodePage)
	}
	return b, nil
}

// decodeBytes decodes single bytes. Those from 0x80 to 0x9F that the code page
// does not define become the control characters of that number, as on Windows,
// so that no byte is lost.
func decodeBytes(table byteTable, b []byte) string {
	text := make([]rune, len(b))
	for i, c := range b {
		r := table.DecodeByte(c)
		if r == utf8.RuneError && isC1(rune(c)) {
			r = rune(c)
		}
		text[i] = r
	}
	return string(text)
}

// encodeBytes is the inverse of decodeBytes.
func encodeBytes(table byteTable, s string) ([]byte, bool) {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		c, ok := table.EncodeRune(r)
		if !ok && isC1(r) && table.DecodeByte(byte(r)) == utf8.RuneError {
			c, ok = byte(r), true
		}
		if !ok || r == utf8.RuneError {
			return nil, false
		}
		b = append(b, c)
	}
	return b, true
}

func isC1(r rune) bool { return r >= 0x80 && r <= 0x9F }

func isASCII[T string | []byte](s T) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
