package manifest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"

	"github.com/hotfixkit/hotfixkit/internal/lazyregexp"
)

// The byte-order marks of the encodings that are read: redirection in PowerShell
// writes UTF-16, some editors write UTF-8 with a mark.
var (
	utf16LE = []byte("\xff\xfe")
	utf16BE = []byte("\xfe\xff")
	utf8BOM = []byte("\xef\xbb\xbf")
)

// decodeText returns a document in UTF-8 or in UTF-16 with a byte-order mark as
// UTF-8 without one. Bytes that are not text in that encoding are an error: a
// decoder would put another character in their place.
func decodeText(data []byte) ([]byte, error) {
	if bytes.HasPrefix(data, utf16LE) || bytes.HasPrefix(data, utf16BE) {
		if len(data)%2 != 0 {
			return nil, fmt.Errorf("%w: UTF-16 with an odd number of bytes", ErrFormat)
		}
		text, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Bytes(data)
		if err != nil || bytes.ContainsRune(text, utf8.RuneError) {
			return nil, fmt.Errorf("%w: not UTF-16, as its byte-order mark says", ErrFormat)
		}
		return text, nil
	}
	data = bytes.TrimPrefix(data, utf8BOM)
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("%w: neither UTF-8 nor UTF-16 with a byte-order mark", ErrFormat)
	}
	return data, nil
}

// fieldName is the form of every field of the schema. Package encoding/json also
// takes "SHA256" and "\u017Fha256" for sha256.
var fieldName = lazyregexp.New(`^[a-z][a-z0-9_]*$`)

// maxDepth is more than the objects and lists of a manifest within each other.
const maxDepth = 16

// checked are the fields of a row that files are compared by.
var checked = []string{"name", "path", "version", "date", "time", "platform"}

// checkFields refuses what package encoding/json accepts in silence: a field that
// occurs twice, of which the last one counts; a field in another spelling; and a
// value that is null or empty, which would be a check that is not done.
func checkFields(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	for {
		if err := checkValue(d, "", 0); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// checkValue reads one value, that of the field with this name.
func checkValue(d *json.Decoder, field string, depth int) error {
	token, err := d.Token()
	if errors.Is(err, io.EOF) && depth > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	text, isText := token.(string)
	if field == "sha256" && (!isText || !sha256Form().MatchString(text)) {
		return fmt.Errorf("%w: offset %d: sha256 is not 64 hexadecimal digits in lower case", ErrFormat, d.InputOffset())
	}
	if token == nil || isText && text == "" && slices.Contains(checked, field) {
		return fmt.Errorf("%w: offset %d: %q is null or empty", ErrFormat, d.InputOffset(), cmp.Or(field, "an element"))
	}
	open, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	if depth == maxDepth {
		return fmt.Errorf("%w: offset %d: more than %d levels within each other", ErrFormat, d.InputOffset(), maxDepth)
	}
	seen := map[string]bool{}
	for d.More() {
		name := ""
		if open == '{' {
			if name, err = checkName(d, seen); err != nil {
				return err
			}
		}
		if err := checkValue(d, name, depth+1); err != nil {
			return err
		}
	}
	if seen["manifests"] && len(seen) > 1 {
		return fmt.Errorf(`%w: offset %d: both "manifests" and the fields of one manifest`, ErrFormat, d.InputOffset())
	}
	_, err = d.Token()
	return err
}

// checkName reads the name of a field in an object that has those in seen.
func checkName(d *json.Decoder, seen map[string]bool) (string, error) {
	token, err := d.Token()
	if err != nil {
		return "", err
	}
	name, _ := token.(string)
	switch {
	case !fieldName().MatchString(name):
		return "", fmt.Errorf("%w: offset %d: unknown field %q", ErrFormat, d.InputOffset(), name)
	case seen[name]:
		return "", fmt.Errorf("%w: offset %d: the field %q occurs twice", ErrFormat, d.InputOffset(), name)
	}
	seen[name] = true
	return name, nil
}
