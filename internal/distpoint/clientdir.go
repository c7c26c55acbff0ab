package distpoint

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/extract/safepath"
	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/extract/verify"
	"github.com/hotfixkit/hotfixkit/msp"
)

// clientFiles is an existing copy of the ConfigMgr client files.
type clientFiles struct {
	dir     string
	code    string // ProductCode of its client.msi
	version string // ProductVersion of its client.msi
	patches []foundPatch
}

// clientPackage is the package of the client, below the client files.
const clientPackage = "i386/client.msi"

// A foundPatch is a patch that is among the client files already.
type foundPatch struct {
	path  string // below the client files
	file  string // on disk
	patch *msp.Patch
	err   error // why it cannot be read
}

// readPatches reads the patches that are among the client files.
func (c *clientFiles) readPatches() error {
	tree, err := findFolded(c.dir, hotfixTree)
	if err != nil || tree == "" {
		return err
	}
	folders, err := readDir(tree)
	if err != nil {
		return err
	}
	for _, folder := range folders {
		if !folder.IsDir() {
			continue
		}
		files, err := readDir(filepath.Join(tree, folder.Name()))
		if err != nil {
			return err
		}
		for _, f := range files {
			if !isPatch(f.Name()) || !f.Type().IsRegular() {
				continue
			}
			found := foundPatch{path: path.Join(hotfixTree, folder.Name(), f.Name()), file: filepath.Join(tree, folder.Name(), f.Name())}
			found.patch, found.err = readPatch(os.Open(found.file))
			c.patches = append(c.patches, found)
		}
	}
	return nil
}

// meetClientPatches decides what the patches mean that are among the client files
// already, and returns those of this hotfix.
func (c *choice) meetClientPatches() (own []Patch, err error) {
	if c.in.client == nil {
		return nil, nil
	}
	for _, found := range c.in.client.patches {
		p := Patch{KB: cmp.Or(kbOfName(path.Base(found.path)), kbOfName(path.Base(path.Dir(found.path)))), Path: found.path}
		switch p.KB {
		case "":
			c.warn("%s in the client files is not in PATCH: no KB number is in its name", p.Path)
		case c.kb:
			own = append(own, p)
		default:
			if err := c.meet(p, found); err != nil {
				return nil, err
			}
		}
	}
	return own, nil
}

// meet decides what a patch of another hotfix means that is among the client files.
// Its name tells the KB number; a patch that says itself that it is for another
// client is left out of PATCH, which would fail with it. One that is named like an
// update that makes the fix needless has to be that update.
func (c *choice) meet(p Patch, found foundPatch) error {
	by, _ := c.supersedes(p.KB)
	err := found.err
	if err == nil {
		p = p.withFacts(found.patch)
		err = c.in.client.fits(found.patch)
	}
	if err == nil && by != "" {
		err = says(found.patch, p.KB, by)
	}
	switch {
	case errors.Is(err, ErrClientFiles):
		c.warn("%s in the client files is not in PATCH: it is for another client than the one there", p.Path)
		return nil
	case err != nil && by != "":
		return &source.Error{Package: found.file, Err: fmt.Errorf("it is named like the client update of %s, which would make the fix needless: %w", by, err)}
	case err != nil:
		c.warn("%s in the client files cannot be read as a patch (%v); it is in PATCH for its name", p.Path, err)
	}
	c.others = append(c.others, p)
	c.supersede(by, fmt.Sprintf("the copy of the client files holds the client update of %s already (%s), which contains the client fix.", by, path.Base(p.Path)))
	return nil
}

// judgeOwn says what becomes of the patches of this hotfix that are among the
// client files already.
func (c *choice) judgeOwn(own []Patch) {
	for _, p := range own {
		switch {
		case c.noPatch != "":
			c.warn("%s in the client files is not needed and not in PATCH", p.Path)
		case !slices.ContainsFunc(c.in.paths, func(name string) bool { return safepath.Fold(path.Base(name)) == safepath.Fold(p.name()) }):
			c.warn("%s in the client files is not in PATCH: it is a patch of %s too, and not the one of this package", p.Path, p.KB)
		}
	}
}

// openClientFiles reads which client a copy of the client files holds, and the
// patches that are in it already.
func openClientFiles(ctx context.Context, dir string) (*clientFiles, error) {
	wrong := func(reason string) error {
		return &source.Error{Package: dir, Err: fmt.Errorf("%w: %s", ErrNoClient, reason)}
	}
	if info, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return nil, &source.Error{Package: dir, Err: fmt.Errorf("%w: there is no such folder", ErrNoFolder)}
	}
	name, err := findFolded(dir, clientPackage)
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, wrong("there is no " + clientPackage)
	}
	p, err := source.Open(ctx, name, source.Options{})
	if err != nil {
		return nil, err
	}
	defer p.Close()
	c := &clientFiles{dir: dir, code: verify.Property(p, "ProductCode"), version: verify.Property(p, "ProductVersion")}
	return c, c.readPatches()
}

// fits reports whether a patch applies to the client. The error wraps
// ErrClientFiles.
func (c *clientFiles) fits(patch *msp.Patch) error {
	var wanted []string
	for _, t := range patch.Targets() {
		if strings.EqualFold(t.ProductCode, c.code) && t.Accepts(c.version) {
			return nil
		}
		wanted = append(wanted, strings.TrimSpace(t.ProductCode+" "+t.Version))
	}
	return fmt.Errorf("%w: the patch is for %s, the client files are %s %s", ErrClientFiles, strings.Join(wanted, " or "), c.code, c.version)
}
