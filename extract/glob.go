package extract

import (
	"fmt"
	"path"
	"strings"

	"github.com/hotfixkit/hotfixkit/extract/safepath"
)

// Glob is a pattern over the paths of an image. Case does not matter. "*", "?"
// and "[…]" match within one segment of a path, "**" matches any number of
// whole segments. A pattern without a slash is matched against the base name,
// one that ends in a slash selects everything below a folder.
type Glob struct {
	text     string
	segments []string
	base     bool
}

// ParseGlob reads a pattern. Both slashes separate segments, as no path of an
// image can hold a backslash.
func ParseGlob(pattern string) (Glob, error) {
	p := strings.TrimPrefix(strings.ReplaceAll(pattern, `\`, "/"), "./")
	g := Glob{text: pattern, base: !strings.ContainsAny(pattern, `/\`)}
	p = strings.TrimPrefix(p, "/")
	if strings.HasSuffix(p, "/") {
		p += "**"
	}
	if p == "" {
		return Glob{}, fmt.Errorf("%w %q: it is empty", ErrPattern, pattern)
	}
	for segment := range strings.SplitSeq(safepath.Fold(p), "/") {
		if _, err := path.Match(segment, ""); err != nil || segment == "" {
			return Glob{}, fmt.Errorf("%w %q", ErrPattern, pattern)
		}
		g.segments = append(g.segments, segment)
	}
	return g, nil
}

// String returns the pattern as it was given.
func (g Glob) String() string { return g.text }

// Match reports whether the pattern selects the path of a file.
func (g Glob) Match(file string) bool {
	file = safepath.Fold(file)
	if g.base && g.segments[0] != "**" {
		return matchSegment(g.segments[0], path.Base(file))
	}
	return matchSegments(g.segments, strings.Split(file, "/"))
}

// matchSegments needs to go back to the last "**" only: what an earlier one
// took can always be given to the later one instead.
func matchSegments(pattern, name []string) bool {
	p, n := 0, 0
	star, restart := -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == "**":
			star, restart = p, n
			p++
		case p < len(pattern) && matchSegment(pattern[p], name[n]):
			p++
			n++
		case star >= 0:
			restart++
			p, n = star+1, restart
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == "**" {
		p++
	}
	return p == len(pattern)
}

func matchSegment(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// A selection is what the patterns of Options.Include choose.
type selection struct {
	globs []Glob
	used  []bool // by index of globs
}

func newSelection(patterns []string) (*selection, error) {
	s := &selection{used: make([]bool, len(patterns))}
	for _, pattern := range patterns {
		g, err := ParseGlob(pattern)
		if err != nil {
			return nil, err
		}
		s.globs = append(s.globs, g)
	}
	return s, nil
}

// match reports whether a path is chosen: by a pattern, or because there is none.
func (s *selection) match(path string) bool {
	selected := len(s.globs) == 0
	for i, g := range s.globs {
		if g.Match(path) {
			selected, s.used[i] = true, true
		}
	}
	return selected
}

// unused returns ErrNoMatch for the first pattern that matched nothing.
func (s *selection) unused() error {
	for i, g := range s.globs {
		if !s.used[i] {
			return fmt.Errorf("%w: %s", ErrNoMatch, g)
		}
	}
	return nil
}
