package distpoint

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/hotfixkit/hotfixkit/internal/lazyregexp"
)

var (
	kbNumber = lazyregexp.New(`^(?i:KB)?[\s:_-]*([0-9]{6,7})$`)
	kbInText = lazyregexp.New(`(?i)\bKB[\s:_-]?([0-9]{6,7})(?:[^0-9]|$)`)
	kbInName = lazyregexp.New(`(?i)KB([0-9]{6,7})(?:[^0-9]|$)`)
)

// ParseKB reads the number of a Knowledge Base article from one word in any
// usual spelling (KB977384, kb 977384, 977384) and returns it as "KB977384".
func ParseKB(s string) (string, error) {
	m := kbNumber().FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return "", fmt.Errorf("%q is not a KB number: six or seven digits, with or without KB before them", s)
	}
	return "KB" + m[1], nil
}

// maxInstalled bounds the bytes of a list of installed updates.
const maxInstalled = 64 << 20

var (
	clientVersion = lazyregexp.New(`(?:^|[^0-9.])4\.0{1,2}\.([0-9]{4}\.[0-9]{4})(?:[^0-9.]|$)`)
	onlyNumbers   = lazyregexp.New(`^\s*[0-9]{6,7}(?:[\s,;]+[0-9]{6,7})*[\s,;]*$`)
	oneNumber     = lazyregexp.New(`[0-9]{6,7}`)
)

// clientVersions are versions of the ConfigMgr 2007 client, after "4.00.", and
// the updates that made them (community lists of client versions).
var clientVersions = map[string]string{
	"6221.1193": "KB977203", "6487.2111": "KB977203", "6487.2157": "KB977384",
}

// ParseInstalled reads the installed updates from text in which KB numbers are
// written with KB before them, a line may hold nothing but such numbers, and
// versions of the client (4.00.6487.2157) stand for the updates that made them.
// The numbers are sorted. Known reports whether the text names any number or
// version of a client at all.
func ParseInstalled(text string) (numbers []string, known bool) {
	for line := range strings.Lines(text) {
		if onlyNumbers().MatchString(line) {
			for _, number := range oneNumber().FindAllString(line, -1) {
				numbers = append(numbers, "KB"+number)
			}
		}
		for _, m := range kbInText().FindAllStringSubmatch(line, -1) {
			numbers = append(numbers, "KB"+m[1])
		}
		for _, m := range clientVersion().FindAllStringSubmatch(line, -1) {
			known = true
			if number := clientVersions[m[1]]; number != "" {
				numbers = append(numbers, number)
			}
		}
	}
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	return numbers, known || len(numbers) > 0
}

// ReadInstalled is ParseInstalled for a file, such as the output of wmic or
// PowerShell: UTF-8 or UTF-16, with or without a byte order mark. A list that
// names neither a number nor a version of a client is an error.
func ReadInstalled(r io.Reader) ([]string, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxInstalled+1))
	if err == nil && len(b) > maxInstalled {
		err = fmt.Errorf("longer than %d bytes", maxInstalled)
	}
	if err != nil {
		return nil, fmt.Errorf("distpoint: list of installed updates: %w", err)
	}
	var fallback encoding.Encoding = unicode.UTF8
	if len(b) > 1 && b[1] == 0 {
		fallback = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	} else if len(b) > 1 && b[0] == 0 {
		fallback = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	}
	text, _, err := transform.Bytes(unicode.BOMOverride(fallback.NewDecoder()), b)
	if err != nil {
		return nil, fmt.Errorf("distpoint: list of installed updates: %w", err)
	}
	numbers, known := ParseInstalled(string(text))
	if !known {
		return nil, errors.New("distpoint: the list of installed updates names neither a KB number nor a version of the client")
	}
	return numbers, nil
}

// kbOfName returns the KB number in the name of a file or folder as "KB977384",
// or "".
func kbOfName(name string) string {
	if m := kbInName().FindStringSubmatch(name); m != nil {
		return "KB" + m[1]
	}
	return ""
}
