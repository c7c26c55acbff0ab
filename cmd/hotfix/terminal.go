package main

import (
	"bytes"
	"io"
	"os"
	"strings"
	"unicode"

	"golang.org/x/term"
	"golang.org/x/text/width"

	"github.com/hotfixkit/hotfixkit/internal/display"
	"github.com/hotfixkit/hotfixkit/internal/lazyregexp"
)

// A terminal is what a person reads: 0 columns mean that it is a pipe or a file,
// where text is as wide as it gets.
type terminal struct {
	columns int
	color   bool
}

// newTerminal looks at where text goes. when is that of --color: "always",
// "never", or "auto" for terminals on which NO_COLOR (https://no-color.org) is not
// set.
func newTerminal(w io.Writer, when string) terminal {
	var t terminal
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		t.columns = 80
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			t.columns = columns
		}
		t.color = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	switch when {
	case "always":
		t.color = true
	case "never":
		t.color = false
	}
	return t
}

// A screen is where text for people is written, and goes on to a terminal, a pipe or a
// file line by line. Tables look at how wide it is.
type screen struct {
	terminal
	out  io.Writer
	text []byte // lines that wait
	err  error  // of out
}

// atOnce is how many bytes a screen lets wait.
const atOnce = 32 << 10

// Write implements io.Writer. The error is that of finish.
func (s *screen) Write(p []byte) (int, error) {
	s.text = append(s.text, p...)
	if len(s.text) > atOnce {
		s.show(bytes.LastIndexByte(s.text, '\n') + 1)
	}
	return len(p), nil
}

// finish writes what waits.
func (s *screen) finish() error {
	s.show(len(s.text))
	return s.err
}

// show writes the first n bytes of what waits.
func (s *screen) show(n int) {
	// Fields pass through display.Text where they are printed; this is for what they
	// could still hold, and costs little.
	shown := s.paint(s.fold(display.Lines(string(s.text[:n]))))
	s.text = append(s.text[:0], s.text[n:]...)
	if s.err == nil {
		_, s.err = io.WriteString(s.out, shown)
	}
}

// minColumns is the least width that text is made for: below it nothing helps.
const minColumns = 40

// fold wraps lines that are wider than the terminal at blanks, and indents what
// follows. A line that is to be copied as a whole, a property, stays in one piece,
// as does what has no blanks.
func (t terminal) fold(text string) string {
	if t.columns == 0 {
		return text
	}
	columns := max(t.columns, minColumns)
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if columnsOf(line) <= columns || property().MatchString(line) {
			b.WriteString(line + "\n")
			continue
		}
		blanks := len(line) - len(strings.TrimLeft(line, " "))
		indent := line[:min(blanks, columns/2)]
		for i, part := range wrap(line, columns-len(indent)-2) {
			if i > 0 {
				b.WriteString("  ")
			}
			b.WriteString(indent + part + "\n")
		}
	}
	return b.String()
}

// property matches a line such as PATCH="…".
var property = lazyregexp.New(`^[A-Z_]+="`)

// verdicts are the words at the start of a line, or behind "signature", that a
// colour makes easier to find. The word says the same without it.
var verdicts = lazyregexp.New(`(?m)^(\s*signature +)?(ok|FAILED|VERIFIED|NOT VERIFIED|valid|invalid|untrusted|none)\b`)

// paint colours the verdicts of a text.
func (t terminal) paint(text string) string {
	if !t.color {
		return text
	}
	const green, yellow, red, plain = "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[0m"
	return verdicts().ReplaceAllStringFunc(text, func(match string) string {
		word := verdicts().FindStringSubmatch(match)[2]
		color := red
		switch word {
		case "ok", "VERIFIED", "valid":
			color = green
		case "untrusted", "none":
			color = yellow
		}
		return strings.TrimSuffix(match, word) + color + word + plain
	})
}

// columnsOf is how many columns of a terminal a text takes.
func columnsOf(text string) int {
	n := 0
	for _, r := range text {
		n += runeColumns(r)
	}
	return n
}

func runeColumns(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// shorten cuts a text in its middle to at most so many columns.
func shorten(text string, columns int) string {
	if columnsOf(text) <= columns {
		return text
	}
	runes := []rune(text)
	left, right := 0, len(runes)
	for used, front := 1, false; left < right; front = !front {
		// The end of a path says more than its beginning: it is taken first.
		r := runes[right-1]
		if front {
			r = runes[left]
		}
		if used += runeColumns(r); used > columns {
			break
		}
		if front {
			left++
		} else {
			right--
		}
	}
	return string(runes[:left]) + "…" + string(runes[right:])
}
