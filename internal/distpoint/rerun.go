package distpoint

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/extract"
)

// A ChangedError names what was changed by hand in a folder that an earlier run
// staged. It wraps extract.ErrExists.
type ChangedError struct{ Changed, Added, Missing []string }

func (e *ChangedError) Error() string {
	var words []string
	for _, part := range []struct {
		word  string
		files []string
	}{{"changed", e.Changed}, {"added", e.Added}, {"missing", e.Missing}} {
		if len(part.files) > 0 {
			words = append(words, part.word+": "+strings.Join(part.files, ", "))
		}
	}
	return "it was changed since it was staged (" + strings.Join(words, "; ") + ")"
}

func (e *ChangedError) Unwrap() error { return extract.ErrExists }

// maxEvidence bounds the bytes of a stage.json and of a SHA256SUMS that are read
// again.
const maxEvidence = 64 << 20

// The files that prove what a run staged.
const (
	evidenceName = "stage.json"
	sumsName     = "SHA256SUMS"
)

// mayReplace decides whether a folder is what an earlier run staged from the same
// package, with nothing in it changed since: its stage.json and SHA256SUMS prove it.
func (w *writer) mayReplace(ctx context.Context, old *os.Root) error {
	evidence, document, err := readEvidence(old)
	if err != nil {
		return err
	}
	if evidence == nil || evidence.KB != w.plan.kb || evidence.Package.SHA256 != w.plan.result.Package.SHA256 {
		return extract.ErrExists
	}
	sum := sha256.Sum256(document)
	want := map[string]string{evidenceName: hex.EncodeToString(sum[:])}
	for _, f := range evidence.Files {
		if !f.ClientDir {
			want[f.Path] = f.SHA256
		}
	}
	changed := &ChangedError{}
	found, err := digests(ctx, old, want, changed)
	if err != nil {
		return err
	}
	for name, digest := range want {
		switch has, ok := found[name]; {
		case !ok:
			changed.Missing = append(changed.Missing, name)
		case has != digest:
			changed.Changed = append(changed.Changed, name)
		}
	}
	sums, err := readSmall(old, sumsName)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		changed.Missing = append(changed.Missing, sumsName)
	case err != nil:
		return err
	case !bytes.Equal(sums, sumsOf(want)):
		changed.Changed = append(changed.Changed, sumsName)
	}
	if len(changed.Changed)+len(changed.Added)+len(changed.Missing) == 0 {
		return nil
	}
	for _, list := range [][]string{changed.Changed, changed.Added, changed.Missing} {
		slices.Sort(list)
	}
	return changed
}

// readEvidence reads the stage.json of a folder; the result is nil where there is
// none, or something else of this name.
func readEvidence(old *os.Root) (*Result, []byte, error) {
	document, err := readSmall(old, evidenceName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	var evidence Result
	if json.Unmarshal(document, &evidence) != nil || evidence.Package == nil || evidence.Package.SHA256 == "" {
		return nil, nil, nil
	}
	return &evidence, document, nil
}

// readSmall reads a file of the evidence.
func readSmall(old *os.Root, name string) ([]byte, error) {
	info, err := old.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxEvidence {
		return nil, fmt.Errorf("%w: %s is not a file that staging writes", extract.ErrExists, name)
	}
	f, err := old.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxEvidence))
}

// digests computes the SHA-256 of the files of a folder that are wanted, and notes
// the entries that nothing wants.
func digests(ctx context.Context, old *os.Root, want map[string]string, changed *ChangedError) (map[string]string, error) {
	folders := map[string]bool{".": true}
	for name := range want {
		for dir := path.Dir(name); !folders[dir]; dir = path.Dir(dir) {
			folders[dir] = true
		}
	}
	found := map[string]string{}
	return found, fs.WalkDir(old.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		_, wanted := want[name]
		switch {
		case err != nil:
			return err
		case entry.IsDir() && folders[name], name == sumsName:
			return nil
		case entry.IsDir():
			changed.Added = append(changed.Added, name+"/")
			return fs.SkipDir
		case !wanted || !entry.Type().IsRegular():
			changed.Added = append(changed.Added, name)
			return nil
		}
		f, err := old.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		h := sha256.New()
		_, err = io.Copy(h, f)
		found[name] = hex.EncodeToString(h.Sum(nil))
		return err
	})
}

// sumsOf is the text of SHA256SUMS for digests by path.
func sumsOf(digests map[string]string) []byte {
	names := make([]string, 0, len(digests))
	for name := range digests {
		names = append(names, name)
	}
	slices.Sort(names)
	var b bytes.Buffer
	for _, name := range names {
		fmt.Fprintf(&b, "%s  %s\n", digests[name], name)
	}
	return b.Bytes()
}
