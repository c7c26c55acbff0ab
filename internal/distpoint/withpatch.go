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

	"github.com/hotfixkit/hotfixkit/extract/safepath"
	"github.com/hotfixkit/hotfixkit/extract/source"
)

// A givenPatch is a patch of another hotfix that is staged with the package.
type givenPatch struct {
	Patch
	ref    string   // as it was given
	file   *os.File // open until staging ends: what was looked at is what is written
	size   int64
	sha256 string
}

// openGivenPatch opens one of Options.WithPatches.
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
		return nil, source.WithoutPath(err)
	}
	g := &givenPatch{Patch: Patch{KB: kb, Path: path.Join(hotfixTree, kb, base)}, ref: name, file: f}
	if err := g.read(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return g, nil
}

func (g *givenPatch) read() error {
	info, err := g.file.Stat()
	if err != nil {
		return source.WithoutPath(err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: it is not a file", ErrPatch)
	}
	patch, err := patchIn(g.file, info.Size())
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPatch, err)
	}
	g.Patch, g.size = g.withFacts(patch), info.Size()
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(g.file, 0, info.Size())); err != nil {
		return source.WithoutPath(err)
	}
	g.sha256 = hex.EncodeToString(h.Sum(nil))
	return nil
}

// judgeGiven makes sure that a patch belongs here, and finds out whether it makes
// the client patch of the package needless.
func (c *choice) judgeGiven(g *givenPatch) error {
	if g.KB == c.kb {
		return fmt.Errorf("%w: it is a patch of %s, which comes from the package", ErrProperty, g.KB)
	}
	if slices.ContainsFunc(c.others, func(p Patch) bool { return safepath.Fold(p.Path) == safepath.Fold(g.Path) }) {
		return nil // it is among the client files; other content there is found when the files are compared
	}
	by, _ := c.supersedes(g.KB)
	if err := says(g.patch, g.KB, cmp.Or(by, g.KB)); err != nil {
		return err
	}
	if c.in.client != nil {
		if err := c.in.client.fits(g.patch); err != nil {
			return err
		}
	}
	c.others = append(c.others, g.Patch)
	c.warn("%s was added as it is: the manifest does not vouch for it", g.name())
	c.supersede(by, fmt.Sprintf("the client update of %s is staged with it (%s), and contains the client fix.", by, g.name()))
	return nil
}
