package kbarticle

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
)

// prescan is how many bytes of a page are searched for a declared encoding. The
// standard demands 1024; saved pages have it later, too.
const prescan = 8192

// decode returns the article as UTF-8 without a byte-order mark. In order of
// weight: a byte-order mark, the encoding that the caller names, the one that a
// page declares, UTF-8. Nothing is detected from the frequency of bytes.
func decode(data []byte, syntax Syntax, name string) (string, []note, error) {
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe\x00\x00")), bytes.HasPrefix(data, []byte("\x00\x00\xfe\xff")):
		return "", nil, fmt.Errorf("%w: the byte-order mark of UTF-32; save the article as UTF-8", ErrEncoding)
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		if len(data)%2 != 0 {
			return "", nil, fmt.Errorf("%w: UTF-16 with an odd number of bytes", ErrEncoding)
		}
		return transcode(data, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), "UTF-16", nil)
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		data = data[3:]
		if !utf8.Valid(data) {
			return "", nil, fmt.Errorf("%w: it has the byte-order mark of UTF-8 but is not UTF-8", ErrEncoding)
		}
		return checkText(string(data), nil)
	}
	if name != "" {
		enc, err := htmlindex.Get(name)
		if err != nil {
			return "", nil, fmt.Errorf("%w: no encoding is named %q", ErrEncoding, name)
		}
		return transcode(data, enc, name, nil)
	}
	if syntax == HTML || syntax == "" {
		if declared := declaredEncoding(data[:min(len(data), prescan)]); declared != "" {
			if utf8.Valid(data) && !ascii(data) {
				n := note{message: fmt.Sprintf("the page declares %s, but its bytes are UTF-8; read as UTF-8", declared)}
				return checkText(string(data), []note{n})
			}
			enc, err := htmlindex.Get(declared)
			if err != nil {
				return "", nil, fmt.Errorf("%w: the page declares %q, which is not a known encoding; name the right one", ErrEncoding, declared)
			}
			return transcode(data, enc, declared, nil)
		}
	}
	if !utf8.Valid(data) {
		return "", nil, fmt.Errorf("%w: it is neither UTF-8 nor UTF-16 with a byte-order mark and declares no encoding; name the encoding or save it as UTF-8", ErrEncoding)
	}
	return checkText(string(data), nil)
}

// declaredEncoding returns the encoding that the <meta> elements of a page
// declare (HTML Living Standard, "prescan a byte stream to determine its
// encoding"); none, if it is UTF-8, or UTF-16, which a page in bytes cannot be.
func declaredEncoding(head []byte) string {
	z := html.NewTokenizer(bytes.NewReader(head))
	for {
		typ := z.Next()
		if typ == html.ErrorToken {
			return ""
		}
		t := z.Token()
		if typ != html.StartTagToken && typ != html.SelfClosingTagToken || t.DataAtom != atom.Meta {
			continue
		}
		declared := ""
		for _, a := range t.Attr {
			switch a.Key {
			case "charset":
				declared = a.Val
			case "content":
				if _, after, ok := strings.Cut(strings.ToLower(a.Val), "charset="); ok && declared == "" {
					declared, _, _ = strings.Cut(after, ";")
				}
			}
		}
		declared = strings.ToLower(strings.Trim(declared, " \t\r\n'\""))
		switch {
		case declared == "":
		case strings.HasPrefix(declared, "utf-8"), declared == "utf8", strings.HasPrefix(declared, "utf-16"):
			return ""
		default:
			return declared
		}
	}
}

func ascii(data []byte) bool {
	for _, b := range data {
		if b >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// transcode decodes data and refuses bytes that the encoding does not have:
// decoders put U+FFFD in their place.
func transcode(data []byte, enc encoding.Encoding, name string, notes []note) (string, []note, error) {
	out, err := enc.NewDecoder().Bytes(data)
	if err != nil {
		return "", nil, fmt.Errorf("%w: %s: %v", ErrEncoding, name, err)
	}
	if i := bytes.IndexRune(out, utf8.RuneError); i >= 0 {
		return "", nil, fmt.Errorf("%w: line %d is not %s", ErrEncoding, 1+bytes.Count(out[:i], []byte("\n")), name)
	}
	return checkText(string(out), notes)
}

// invisible takes out what pages put between letters to break lines: zero-width
// blanks, soft hyphens, marks of direction. A hyphen that must not break is a
// hyphen.
var invisible = strings.NewReplacer("\u200b", "", "\u200c", "", "\u200d", "", "\u200e", "", "\u200f", "", "\u2060", "", "\ufeff", "",
	"\u00ad", "", "\u2010", "-", "\u2011", "-")

func checkText(text string, notes []note) (string, []note, error) {
	if i := strings.IndexByte(text, 0); i >= 0 {
		return "", nil, fmt.Errorf("%w: line %d holds a NUL: this is not text, or UTF-16 without a byte-order mark", ErrEncoding, 1+strings.Count(text[:i], "\n"))
	}
	return invisible.Replace(text), notes, nil
}
