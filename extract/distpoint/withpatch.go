package distpoint

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/hotfixkit/hotfixkit/extract"
	"github.com/hotfixkit/hotfixkit/extract/safepath"
	"github.com/hotfixkit/hotfixkit/extract/source"
)

// A givenPatch is a patch of another hotfix that is staged with the package.
type givenPatch struct {
	Patch
	file   *os.File // open until staging ends: what was looked at is what is written
	sha256 string
}

// lookAtGivenPatches reads the patches of Options.WithPatches.
func (s *staging) lookAtGivenPatches() error {
	for _, name := range s.o.WithPatches {
		g, err := openGivenPatch(name)
		if err != nil {
			return &source.Error{Package: name, Err: err}
		}
		s.given = append(s.given, g)
		if err := s.judgeGiven(g); err != nil {
			return &source.Error{Package: name, Err: err}
		}
	}
	return nil
}

func openGivenPatch(name string) (*givenPatch, error) {
	base := filepath.Base(name)
	kb := kbOfName(base)
	switch {
	case !isPatch(base):
		return nil, fmt.Errorf("%w: it is not named *.msp", ErrPatch)
	case kb == "":
		return nil, fmt.Errorf("%w: no KB number is in its name", ErrPatch)
	}
	if err := safepath.Check(base); err != nil {
		return nil, err
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, cause(err)
	}
	g := &givenPatch{Patch: Patch{KB: kb, Path: path.Join(hotfixTree, kb, base)}, file: f}
	if err := g.read(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return g, nil
}

// cause is the error without the path, which the message names already.
func cause(err error) error {
	var at *os.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

func (g *givenPatch) read() error {
	info, err := g.file.Stat()
	if err != nil {
		return cause(err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: it is not a file", ErrPatch)
	}
	patch, err := patchIn(g.file, info.Size())
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPatch, err)
	}
	g.Patch = g.withFacts(patch)
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(g.file, 0, info.Size())); err != nil {
		return cause(err)
	}
	g.sha256 = hex.EncodeToString(h.Sum(nil))
	return nil
}

// judgeGiven makes sure that a patch belongs here, and finds out whether it makes
// the client patch of the package needless.
func (s *staging) judgeGiven(g *givenPatch) error {
	if g.KB == s.result.KB {
		return fmt.Errorf("%w: it is a patch of %s, which comes from the package", ErrProperty, g.KB)
	}
	if slices.ContainsFunc(s.patches, func(p Patch) bool { return safepath.Fold(p.Path) == safepath.Fold(g.Path) }) {
		return nil // it is among the client files; other content there is found when the files are compared
	}
	by, _ := s.supersedes(g.KB)
	if err := says(g.patch, g.KB, cmp.Or(by, g.KB)); err != nil {
		return err
	}
	if s.client != nil {
		if err := s.client.fits(g.patch); err != nil {
			return err
		}
	}
	s.patches = append(s.patches, g.Patch)
	s.warn("%s was added as it is: the manifest does not vouch for it", g.name())
	s.supersede(by, fmt.Sprintf("the client update of %s is staged with it (%s), and contains the client fix.", by, g.name()))
	return nil
}

// writeGiven stages the patches that were given.
func (s *staging) writeGiven() error {
	for _, g := range s.given {
		dir, name := s.dir, path.Join("Client", g.Path)
		if s.client != nil {
			dir, name = s.clientDir, g.Path
		}
		sum, err := s.copyTo(dir, name, g.file)
		if err != nil {
			return err
		}
		if sum != g.sha256 {
			return &source.Error{Package: g.file.Name(), Err: errors.New("it was changed while it was read")}
		}
	}
	return nil
}

// closeGiven closes the patches that were given.
func (s *staging) closeGiven() error {
	var err error
	for _, g := range s.given {
		err = errors.Join(err, g.file.Close())
	}
	return err
}

// copyTo writes a file from the start of f, lists it in the result and returns its
// SHA-256.
func (s *staging) copyTo(dir *extract.Dir, name string, f io.ReadSeeker) (string, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	out, err := dir.Create(name, extract.FileInfo{Modified: s.modified()})
	if err != nil {
		return "", err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, h), f)
	if err = errors.Join(err, out.Close(err)); err != nil {
		return "", err
	}
	sum := hex.EncodeToString(h.Sum(nil))
	s.result.Files = append(s.result.Files, StagedFile{Path: name, Size: n, SHA256: sum, ClientDir: dir == s.clientDir})
	return sum, nil
}
