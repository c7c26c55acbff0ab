package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/internal/distpoint"
)

// A suggestion is a mistake on the command line with what was probably meant.
type suggestion struct {
	error
	hint string
}

func (s *suggestion) Unwrap() error { return s.error }

// suggestName adds the name that was probably meant to an error about a name that
// does not exist. Without one, the error is returned as it is.
func suggestName(err error, name string, names []string) error {
	near := nearest(name, names)
	if near == "" {
		return err
	}
	return &suggestion{err, "did you mean " + near + "?"}
}

// nearFile returns the name that was probably meant where a file is not there: of one
// in the same folder, or in the same package; "" where nothing is near.
func nearFile(err error) string {
	var inside *source.NotFoundError
	if errors.As(err, &inside) {
		return nearest(inside.Name, inside.Names())
	}
	var input *source.Error
	if !errors.As(err, &input) || !errors.Is(err, fs.ErrNotExist) || input.Place != "" {
		return ""
	}
	return nearOnDisk(input.Package)
}

// nearUpdate returns the update that was probably meant where another was said to
// supersede the hotfix; "" where nothing is near.
func nearUpdate(err error) string {
	var unknown *distpoint.SupersededError
	if !errors.As(err, &unknown) {
		return ""
	}
	return nearest("KB"+strings.TrimPrefix(strings.ToUpper(unknown.Given), "KB"), unknown.Known)
}

// maxNear is how many names of a folder are compared.
const maxNear = 10_000

// nearOnDisk returns the path next to a missing one that was probably meant.
func nearOnDisk(name string) string {
	folder, err := os.Open(filepath.Dir(name))
	if err != nil {
		return ""
	}
	defer folder.Close()
	names, _ := folder.Readdirnames(maxNear) // what could be read is enough
	slices.Sort(names)
	near := nearest(filepath.Base(name), names)
	if near == "" {
		return ""
	}
	return filepath.Join(filepath.Dir(name), near)
}

func suggest(hint, format string, args ...any) error {
	return &usageError{&suggestion{fmt.Errorf(format, args...), hint}}
}

// nearest returns the candidate that a mistyped word most likely means, or "".
// It compares without case, and accepts a beginning of three characters or more,
// or one mistake in every three characters.
func nearest(word string, candidates []string) string {
	word = strings.ToLower(word)
	best, least := "", max(1, len([]rune(word))/3)+1
	for _, candidate := range candidates {
		folded := strings.ToLower(candidate)
		distance := editDistance(word, folded)
		if len(word) >= 3 && strings.HasPrefix(folded, word) {
			distance = 1
		}
		if distance < least {
			best, least = candidate, distance
		}
	}
	return best
}

// editDistance is the number of characters to insert, delete, replace or swap
// with their neighbour that make a of b (optimal string alignment).
func editDistance(a, b string) int {
	s, t := []rune(a), []rune(b)
	var before []int
	row := make([]int, len(t)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(s); i++ {
		next := make([]int, len(t)+1)
		next[0] = i
		for j := 1; j <= len(t); j++ {
			cost := 1
			if s[i-1] == t[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(t)]
}
