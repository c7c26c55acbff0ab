package distpoint

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/extract"
)

// An addition is what staging changes among the client files.
type addition struct {
	added    []string // files and folders that are not there yet, outermost first
	replaced []string // files that are there with other content
}

// compareWith compares the planned patches with what is among the client files. A
// file with other content is an error unless Options.Replace.
func compareWith(dir string, files []plannedFile, replace bool) (*addition, error) {
	a := &addition{}
	for _, f := range files {
		if !f.ClientDir {
			continue
		}
		name, missing, err := a.locate(dir, f.Path)
		switch {
		case err != nil:
			return nil, err
		case missing:
			continue
		}
		same, err := hasDigest(name, f.SHA256)
		switch {
		case err != nil:
			return nil, &extract.OutputError{Path: name, Err: err}
		case same:
		case replace:
			a.replaced = append(a.replaced, name)
		default:
			return nil, &extract.OutputError{Path: name, Err: ErrConflict}
		}
	}
	return a, nil
}

// locate returns where a file is or will be, and notes what is missing of its path.
func (a *addition) locate(dir, file string) (name string, missing bool, err error) {
	at := dir
	for _, segment := range strings.Split(file, "/") {
		found := ""
		if !missing {
			if found, err = lookUp(at, segment); err != nil {
				return "", false, err
			}
		}
		if missing = found == ""; missing {
			found = segment
		}
		at = filepath.Join(at, found)
		if missing && !slices.Contains(a.added, at) {
			a.added = append(a.added, at)
		}
	}
	return at, missing, nil
}

// changes reports whether there is anything to do.
func (a *addition) changes() bool { return a != nil && len(a.added)+len(a.replaced) > 0 }

// commit moves the patches from dir to the client files.
func (a *addition) commit(ctx context.Context, dir *extract.Dir) error {
	if !a.changes() {
		return dir.Abort()
	}
	if err := dir.Commit(ctx); err != nil {
		return a.takeBack(err)
	}
	return nil
}

// takeBack removes what was added, after the failure cause, and returns cause with
// what else is to say.
func (a *addition) takeBack(cause error) error {
	if !a.changes() {
		return cause
	}
	for _, name := range slices.Backward(a.added) {
		// Where it was not made yet, or holds something of others, it is left alone.
		_ = os.Remove(name)
	}
	if len(a.replaced) == 0 {
		return cause
	}
	return errors.Join(cause, &extract.OutputError{Path: a.replaced[0], Err: ErrReplaced})
}

// hasDigest reports whether a file has this SHA-256.
func hasDigest(name, digest string) (bool, error) {
	info, err := os.Stat(name)
	if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() {
		return false, fmt.Errorf("%w, and is not a file", ErrConflict)
	}
	f, err := os.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return false, err
	}
	return hex.EncodeToString(h.Sum(nil)) == digest, nil
}
