package distpoint

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hotfixkit/hotfixkit/extract/safepath"
	"github.com/hotfixkit/hotfixkit/extract/source"
)

// apart fails when two folders are the same or one lies in the other.
func apart(client, output string) error {
	a, err := resolve(client)
	if err != nil {
		return err
	}
	b, err := resolve(output)
	if err != nil {
		return err
	}
	if inside(a, b) || inside(b, a) {
		return fmt.Errorf("%w: %s and %s", ErrNested, client, output)
	}
	return nil
}

func inside(outer, inner string) bool {
	rel, err := filepath.Rel(outer, inner)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// resolve returns the absolute path of what exists or will exist, without symbolic
// links.
func resolve(name string) (string, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	rest := ""
	for at := abs; ; at = filepath.Dir(at) {
		real, err := filepath.EvalSymlinks(at)
		if err == nil {
			return filepath.Join(real, rest), nil
		}
		if filepath.Dir(at) == at {
			return abs, nil
		}
		rest = filepath.Join(filepath.Base(at), rest)
	}
}

// findFolded finds a path below dir without regard to case; it returns "" when
// there is none.
func findFolded(dir, name string) (string, error) {
	for _, segment := range strings.Split(name, "/") {
		found, err := lookUp(dir, segment)
		if err != nil || found == "" {
			return "", err
		}
		dir = filepath.Join(dir, found)
	}
	return dir, nil
}

// lookUp returns the name in a folder that equals another one without regard to
// case, the one in the same case where there is one, or "".
func lookUp(dir, name string) (string, error) {
	entries, err := readDir(dir)
	if err != nil {
		return "", err
	}
	found := ""
	for _, e := range entries {
		if e.Name() == name {
			return name, nil
		}
		if found == "" && safepath.Fold(e.Name()) == safepath.Fold(name) {
			found = e.Name()
		}
	}
	return found, nil
}

func readDir(dir string) ([]fs.DirEntry, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, &source.Error{Package: dir, Err: source.WithoutPath(err)}
	}
	return entries, nil
}
