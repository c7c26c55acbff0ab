// Package safepath decides which names out of a package may become names on a
// disk. The rules are those of Windows, applied on every operating system, so
// that a package is accepted or refused alike wherever it is opened.
package safepath

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// ErrUnsafe is wrapped by every error of Check.
var ErrUnsafe = errors.New("unsafe name")

// Limits of a path, in bytes of UTF-8. A longer segment cannot be created on
// Linux; the bound on the whole path leaves room for the output folder below
// the 4,096 bytes of Linux and the 32,767 units of Windows.
const (
	MaxSegment = 255
	MaxPath    = 2048
)

// forbidden holds the characters that no name may have on Windows apart from
// control characters ("Naming Files, Paths, and Namespaces", Microsoft).
const forbidden = `<>:"|?*\`

// Path returns a path, separated by "/", as Windows writes it to a disk: a segment
// that ends in a period loses it ("Foxor Hungary Inc." becomes "Foxor Hungary Inc").
// Only one period is dropped, and only from a name that then ends in neither a
// period nor a blank: Windows drops those as well, but no honest package asks for
// that, and Check refuses them. Every name that a package has for a file goes
// through here before anything is done with it.
func Path(path string) string {
	if !strings.Contains(path+"/", "./") {
		return path
	}
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if rest, ok := strings.CutSuffix(segment, "."); ok && strings.TrimRight(rest, ". ") == rest && rest != "" {
			segments[i] = rest
		}
	}
	return strings.Join(segments, "/")
}

// Check reports why a relative path, separated by "/", must not be written. It
// returns nil for a path that names one file below a folder on every operating
// system. Refused are: paths that are empty, absolute, too long or climb with
// "..", empty and "." segments, backslashes, drives and streams (":"), control
// characters, characters that Windows forbids, names that end in a
// period (see Path) or a blank, Windows device names with or without an extension, and text that is
// not UTF-8.
func Check(path string) error {
	if path == "" {
		return fmt.Errorf("%w: it is empty", ErrUnsafe)
	}
	if len(path) > MaxPath {
		return fmt.Errorf("%w %.60q…: longer than %d bytes", ErrUnsafe, path, MaxPath)
	}
	if path[0] == '/' || path[0] == '\\' {
		return fmt.Errorf("%w %q: it is absolute", ErrUnsafe, path)
	}
	if !utf8.ValidString(path) {
		return fmt.Errorf("%w %q: it is not UTF-8", ErrUnsafe, path)
	}
	for segment := range strings.SplitSeq(path, "/") {
		if reason := refuse(segment); reason != "" {
			return fmt.Errorf("%w %q: %s", ErrUnsafe, path, reason)
		}
	}
	return nil
}

// Name makes a name for a file of any text, one that Check accepts up to
// MaxSegment bytes. What no file name may have is written as the bytes of a URL:
// control characters, "/", characters that Windows forbids, a period or blank at
// the end, the first letter of a device name, bytes that are not UTF-8, and "%"
// itself, so that different texts have different names. Empty text is "%".
func Name(text string) string {
	if text == "" {
		return "%"
	}
	var b strings.Builder
	device := isDevice(text)
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		piece := text[i : i+n]
		i += n
		end := i == len(text) && (r == '.' || r == ' ')
		if end || device || r == '%' || r == '/' || r == utf8.RuneError && n == 1 || unicode.IsControl(r) || strings.ContainsRune(forbidden, r) {
			for _, c := range []byte(piece) {
				fmt.Fprintf(&b, "%%%02X", c)
			}
		} else {
			b.WriteString(piece)
		}
		device = false // only the first letter
	}
	return b.String()
}

// refuse returns why one segment of a path is unsafe, or nothing.
func refuse(segment string) string {
	switch segment {
	case "":
		return "it has an empty segment"
	case ".", "..":
		return fmt.Sprintf("it has the segment %q", segment)
	}
	if len(segment) > MaxSegment {
		return fmt.Sprintf("a segment is longer than %d bytes", MaxSegment)
	}
	for _, r := range segment {
		switch {
		case unicode.IsControl(r):
			return fmt.Sprintf("it has the control character %U", r)
		case r == ':':
			return "it names a drive or a stream"
		case strings.ContainsRune(forbidden, r):
			return fmt.Sprintf("Windows forbids the character %q", r)
		}
	}
	if last := segment[len(segment)-1]; last == '.' || last == ' ' {
		return "a name ends in a period or a blank"
	}
	if isDevice(segment) {
		return "it is a Windows device name"
	}
	return ""
}

// isDevice reports whether Windows would open a device for this name. What
// follows the first dot does not matter to Windows, nor do blanks before it.
func isDevice(segment string) bool {
	name, _, _ := strings.Cut(segment, ".")
	name = strings.TrimRight(name, " ")
	if len(name) > len("CONOUT$") {
		return false
	}
	name = strings.ToUpper(name)
	switch name {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	port, ok := strings.CutPrefix(name, "COM")
	if !ok {
		port, ok = strings.CutPrefix(name, "LPT")
	}
	if !ok || utf8.RuneCountInString(port) != 1 {
		return false
	}
	return strings.Contains("0123456789¹²³", port)
}

// Fold returns the key under which two paths are the same file on a file system
// that ignores case (Windows, macOS) or composes characters (macOS).
func Fold(path string) string {
	for i := range len(path) {
		if path[i] >= utf8.RuneSelf {
			return norm.NFC.String(strings.Map(foldRune, path))
		}
	}
	return strings.ToUpper(path) // ASCII has nothing to compose
}

// foldRune maps a rune to the smallest one that differs from it in case only.
func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		if 'a' <= r && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	return least
}
