// Package display makes what people read: text from outside that does nothing to
// whoever reads it, numbers, and numbers of things.
//
// Names, versions, titles and properties come from packages, articles and
// manifests that nobody has vouched for. A control character in one of them can
// move the cursor of a terminal, a line break can forge a line of a report, and a
// direction character can make "exe.txt" of "txt.exe". Every terminal, report and
// file for people is therefore written through [Text], [Lines] or [JSON].
package display

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text returns s for a place within a line. Characters that a terminal would act
// on or that a reader would not see (see [Hidden]) are written as \u{202e}, and
// bytes that are not UTF-8 as \x{9f}. The result is for people: a backslash is
// not escaped, so it cannot be turned back into s.
func Text(s string) string { return escape(s, Hidden) }

// Lines is [Text] for several lines: line breaks and tabs stay.
func Lines(s string) string {
	return escape(s, func(r rune) bool { return r != '\n' && r != '\t' && Hidden(r) })
}

// escape writes the characters of s that are hidden, and the bytes that are not
// UTF-8, as their numbers.
func escape(s string, hidden func(rune) bool) string {
	if !needsEscape(s, hidden) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x{%02x}`, s[i])
		case hidden(r):
			fmt.Fprintf(&b, `\u{%04x}`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func needsEscape(s string, hidden func(rune) bool) bool {
	return strings.ContainsFunc(s, hidden) || !utf8.ValidString(s)
}

// Hidden reports whether a character does not show as itself: control and format
// characters (directions, joiners, tags, the byte order mark), line and paragraph
// separators, private and unassigned characters, and those that Unicode lets every
// font leave out (Default_Ignorable_Code_Point). The blanks that print uses in
// ordinary text, U+00A0, U+202F and U+3000, are not among them.
func Hidden(r rune) bool {
	switch {
	case ' ' <= r && r <= '~':
		return false
	case r == '\u00a0', r == '\u202f', r == '\u3000':
		return false
	case r == '\u2800': // a Braille pattern without dots
		return true
	}
	return !unicode.IsPrint(r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// JSON returns a JSON document with the hidden characters in its strings written
// as escapes of JSON. Its meaning stays the same, byte for byte of each value.
func JSON(document []byte) []byte {
	hidden := func(r rune) bool { return r > '~' && Hidden(r) }
	if !bytes.ContainsFunc(document, hidden) {
		return document
	}
	var b strings.Builder
	for _, r := range string(document) {
		switch {
		case !hidden(r):
			b.WriteRune(r)
		case r > 0xFFFF:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xD800+r>>10, 0xDC00+r&0x3FF)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return []byte(b.String())
}

// WriteJSON prints a value as an indented JSON document, see [JSON].
func WriteJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(JSON(b.Bytes()))
	return err
}

// Number prints a number with a comma between groups of three digits.
func Number(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// Count prints a number of things: "1 file", "2,000 files". With two words, the
// second is the plural of the first; with one, the plural ends in s.
func Count(n int, words ...string) string {
	return Number(int64(n)) + " " + Plural(n, words...)
}

// Plural is the word that belongs to a number of things, see [Count].
func Plural(n int, words ...string) string {
	switch {
	case n == 1:
		return words[0]
	case len(words) > 1:
		return words[1]
	}
	return words[0] + "s"
}
