package distpoint

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

var (
	kbNumber = pattern(`^(?i:KB)?[\s:_-]*([0-9]{6,7})$`)
	kbInText = pattern(`(?i)\bKB[\s:_-]?([0-9]{6,7})(?:[^0-9]|$)|^\s*([0-9]{6,7})\s*$`)
	kbInName = pattern(`(?i)KB([0-9]{6,7})(?:[^0-9]|$)`)
)

// ParseKB reads the number of a Knowledge Base article from one word in any
// usual spelling (KB977384, kb 977384, 977384) and returns it as "KB977384".
func ParseKB(s string) (string, error) {
	m := kbNumber().FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return "", fmt.Errorf("distpoint: %q is no KB number: six or seven digits, with or without KB before them", s)
	}
	return "KB" + m[1], nil
}

// maxInstalled bounds the bytes of a list of installed updates.
const maxInstalled = 64 << 20

// ReadInstalled reads the KB numbers from a list of installed updates: one
// number a line, or any text in which they are written with KB before them. Text
// that starts with a byte order mark may be UTF-16, as Windows writes it. A list
// without any number is an error.
func ReadInstalled(r io.Reader) ([]string, error) {
	decoded := transform.NewReader(io.LimitReader(r, maxInstalled), unicode.BOMOverride(unicode.UTF8.NewDecoder()))
	text, err := io.ReadAll(decoded)
	if err != nil {
		return nil, fmt.Errorf("distpoint: list of installed updates: %w", err)
	}
	var found []string
	for line := range strings.Lines(string(text)) {
		for _, m := range kbInText().FindAllStringSubmatch(line, -1) {
			found = append(found, "KB"+m[1]+m[2])
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("distpoint: the list of installed updates names no KB number")
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

// kbOfName returns the KB number in the name of a file or folder as "KB977384",
// or "".
func kbOfName(name string) string {
	if m := kbInName().FindStringSubmatch(name); m != nil {
		return "KB" + m[1]
	}
	return ""
}
