package display_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/display"
)

func TestText(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "",
		"plain, with blanks":           "plain, with blanks",
		"日本語\u3000עברית e\u0301":       "日本語\u3000עברית e\u0301",
		"1\u00a0234\u202f567":          "1\u00a0234\u202f567",
		"\x1b[31mred\a\r":              `\u{001b}[31mred\u{0007}\u{000d}`,
		"\u009b2J\u007f":               `\u{009b}2J\u{007f}`,
		"two\nlines\tand a tab":        `two\u{000a}lines\u{0009}and a tab`,
		"right\u202eto left":           `right\u{202e}to left`,
		"\u2066\u2069\u200e\u200f":     `\u{2066}\u{2069}\u{200e}\u{200f}`,
		"a\u200bb\u00adc\ufeffd\u2060": `a\u{200b}b\u{00ad}c\u{feff}d\u{2060}`,
		"one\u2028line\u2029":          `one\u{2028}line\u{2029}`,
		"tag\U000e0041":                `tag\u{e0041}`,
		"filler\u3164\u115f\ufe0f":     `filler\u{3164}\u{115f}\u{fe0f}`,
		"bad \xff byte\xc3":            `bad \x{ff} byte\x{c3}`,
		"a real \ufffd":                "a real \ufffd",
		"private \ue000":               `private \u{e000}`,
		"wide\u2003blank\u2800":        `wide\u{2003}blank\u{2800}`,
		`C:\dir`:                       `C:\dir`,
	} {
		require.Equal(t, want, display.Text(text))
		require.Equal(t, want, display.Text(want), "once is enough")
	}
	require.Equal(t, "one\n\ttwo\\u{000d}\\u{202e}", display.Lines("one\n\ttwo\r\u202e"))
}

func TestJSON(t *testing.T) {
	want := map[string]string{"n\u202eame": "a\u009b\u00a0\U000e0041\U0001f600\u2028<日本\u0000"}
	var b bytes.Buffer
	require.NoError(t, display.WriteJSON(&b, want))
	require.Equal(t, "{\n  \"n\\u202eame\": \"a\\u009b\u00a0\\udb40\\udc41\U0001f600\\u2028<日本\\u0000\"\n}\n", b.String())
	var got map[string]string
	require.NoError(t, json.Unmarshal(b.Bytes(), &got))
	require.Equal(t, want, got)
}

func TestNumber(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 999: "999", 1000: "1,000", 21215640: "21,215,640", -1: "-1", -123456: "-123,456", 9223372036854775807: "9,223,372,036,854,775,807",
	} {
		require.Equal(t, want, display.Number(n))
	}
}

func TestCount(t *testing.T) {
	require.Equal(t, "0 files", display.Count(0, "file"))
	require.Equal(t, "1 file", display.Count(1, "file"))
	require.Equal(t, "2,000 files", display.Count(2000, "file"))
	require.Equal(t, "1 file needs it", display.Count(1, "file needs it", "files need it"))
	require.Equal(t, "2 files need it", display.Count(2, "file needs it", "files need it"))
}

// FuzzText: what is shown holds nothing that acts, is valid UTF-8, and showing it
// again changes nothing.
func FuzzText(f *testing.F) {
	f.Add("a\u202eb\xff\x1b[0m\n")
	f.Add("C\xe2\x80\x1b[0b\xff\xaem\n") // bytes in a row that are not UTF-8
	f.Fuzz(func(t *testing.T, s string) {
		shown := display.Text(s)
		require.True(t, utf8.ValidString(shown))
		require.False(t, strings.ContainsFunc(shown, unicode.IsControl))
		require.False(t, strings.ContainsFunc(shown, func(r rune) bool { return unicode.Is(unicode.Cf, r) }))
		require.Equal(t, shown, display.Text(shown))
		// What a document means stays the same.
		document, err := json.Marshal(s)
		require.NoError(t, err)
		var before, after string
		require.NoError(t, json.Unmarshal(document, &before))
		require.NoError(t, json.Unmarshal(display.JSON(document), &after))
		require.Equal(t, before, after)
	})
}
