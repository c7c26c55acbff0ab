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
}

// clientPackage is the package of the client, below the client files.
const clientPackage = "i386/client.msi"

// lookAtClientFiles finds out which client the copy of the client files holds, and
// the patches that are in it already.
func (s *staging) lookAtClientFiles(ctx context.Context) error {
	if err := apart(s.o.ClientDir, s.o.Output); err != nil {
		return err
	}
	c, err := openClientFiles(ctx, s.o.ClientDir)
	if err != nil {
		return err
	}
	s.client = c
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
			if err := s.meet(path.Join(hotfixTree, folder.Name(), f.Name()), filepath.Join(tree, folder.Name(), f.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// meet decides what a patch that is among the client files already means. Its name
// tells the KB number; a patch that says itself that it is for another client is
// left out of PATCH, which would fail with it. One that is named like an update
// that makes the fix needless has to be that update.
func (s *staging) meet(name, file string) error {
	p := Patch{KB: cmp.Or(kbOfName(path.Base(name)), kbOfName(path.Base(path.Dir(name)))), Path: name}
	switch p.KB {
	case "":
		s.warn("%s in the client files is not in PATCH: no KB number is in its name", name)
		return nil
	case s.result.KB:
		s.own = append(s.own, p)
		return nil
	}
	by, _ := s.supersedes(p.KB)
	patch, err := readPatch(file)
	if err == nil {
		p = p.withFacts(patch)
		err = s.client.fits(patch)
	}
	if err == nil && by != "" {
		err = says(patch, p.KB, by)
	}
	switch {
	case errors.Is(err, ErrClientFiles):
		s.warn("%s in the client files is not in PATCH: it is for another client than the one there", name)
		return nil
	case err != nil && by != "":
		return &source.Error{Package: file, Err: fmt.Errorf("it is named like the client update of %s, which would make the fix needless: %w", by, err)}
	case err != nil:
		s.warn("%s in the client files cannot be read as a patch (%v); it is in PATCH for its name", name, err)
	}
	s.patches = append(s.patches, p)
	s.supersede(by, fmt.Sprintf("the copy of the client files holds the client update of %s already (%s), which contains the client fix.", by, path.Base(name)))
	return nil
}

// judgeOwn says what becomes of the patches of this hotfix that are among the
// client files already.
func (s *staging) judgeOwn() {
	for _, p := range s.own {
		switch {
		case s.result.NoPatch != "":
			s.warn("%s in the client files is not needed and not in PATCH", p.Path)
		case !s.stages(p.name()):
			s.warn("%s in the client files is not in PATCH: it is a patch of %s too, and not the one of this package", p.Path, p.KB)
		}
	}
}

// stages reports whether the package holds a patch of this name.
func (s *staging) stages(name string) bool {
	for _, f := range s.p.Files() {
		if safepath.Fold(f.Name()) == safepath.Fold(name) {
			return true
		}
	}
	return false
}

// openClientFiles reads which client a copy of the client files holds.
func openClientFiles(ctx context.Context, dir string) (*clientFiles, error) {
	wrong := func(reason string) error {
		return &source.Error{Package: dir, Err: fmt.Errorf("%w: %s", ErrNoClient, reason)}
	}
	if info, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return nil, wrong("there is no such folder")
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
	return &clientFiles{dir: dir, code: verify.Property(p, "ProductCode"), version: verify.Property(p, "ProductVersion")}, nil
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

// checkPatches reads the staged patches and makes sure that they apply to the
// client, where that is known.
func (s *staging) checkPatches() error {
	s.facts = map[string]*msp.Patch{}
	for _, f := range s.order {
		to := s.places[f]
		if to.twin || !isPatch(to.name) {
			continue
		}
		patch, err := s.readStaged(to)
		if err == nil && s.client != nil {
			err = s.client.fits(patch)
		}
		if err != nil {
			return &source.Error{Package: s.p.Ref(), Place: f.Path(), Err: err}
		}
		s.facts[to.name] = patch
	}
	return nil
}

// readStaged reads a patch that was written.
func (s *staging) readStaged(to place) (*msp.Patch, error) {
	dir := s.dir
	if to.inClient {
		dir = s.clientDir
	}
	f, err := dir.Open(to.name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	patch, err := patchIn(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%w: it cannot be read as a patch: %w", ErrContent, err)
	}
	return patch, nil
}

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
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return nil, &source.Error{Package: dir, Err: pathError.Err}
	}
	return entries, err
}
