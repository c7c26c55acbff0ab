package distpoint

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/extract"
	"github.com/hotfixkit/hotfixkit/extract/inspect"
	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/msp"
)

// superseding knows the service packs that a superseding update is for, where
// its article says so.
var superseding = map[string]string{"KB977384": "SP2"}

// findSuperseding decides whether the site's updates make the patch needless.
func (s *staging) findSuperseding() error {
	if s.o.SupersededBy != "" {
		number, err := ParseKB(s.o.SupersededBy)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrSuperseded, err)
		}
		by, known := s.supersedes(number)
		if by == "" && known != "" {
			return fmt.Errorf("%w: %s; the article of %s names %s", ErrSuperseded, number, s.result.KB, known)
		}
		if by == "" {
			by = number
			s.warn("the manifest does not say that %s supersedes %s: taken on your word", by, s.result.KB)
		}
		s.noPatch(by)
		return nil
	}
	for _, number := range s.o.Installed {
		if by, _ := s.supersedes(number); by != "" {
			s.noPatch(by)
			return nil
		}
	}
	return nil
}

// supersedes returns the KB that number stands for when that supersedes the
// hotfix, and all that do.
func (s *staging) supersedes(number string) (by, known string) {
	var all []string
	for _, m := range s.o.Manifest.Manifests {
		for _, one := range m.SupersededBy {
			if !slices.Contains(all, one.KB) {
				all = append(all, one.KB)
			}
			if one.KB == number || slices.Contains(one.Aliases, number) {
				by = one.KB
			}
		}
	}
	return by, strings.Join(all, ", ")
}

func (s *staging) noPatch(by string) {
	s.result.SupersededBy = by
	s.result.NoPatch = fmt.Sprintf("%s supersedes %s, which cannot be installed after it; its client update contains the client fix, but not %s.", by, s.result.KB, certFixName)
}

// lookAtClientFiles finds the patches that are in the copy of the client files
// already.
func (s *staging) lookAtClientFiles() error {
	if info, err := os.Stat(s.o.ClientDir); err != nil || !info.IsDir() {
		return &source.Error{Package: s.o.ClientDir, Err: fmt.Errorf("%w: there is no such folder", ErrClientFiles), Hint: "--client-dir names an existing copy of the client files"}
	}
	tree, err := foldedPath(s.o.ClientDir, hotfixTree)
	if err != nil || tree == "" {
		return err
	}
	folders, err := os.ReadDir(tree)
	if err != nil {
		return err
	}
	for _, folder := range folders {
		if !folder.IsDir() {
			continue
		}
		files, err := os.ReadDir(filepath.Join(tree, folder.Name()))
		if err != nil {
			return err
		}
		for _, f := range files {
			kb := cmp.Or(kbOfName(f.Name()), kbOfName(folder.Name()))
			if !isPatch(f.Name()) || kb == "" || kb == s.result.KB {
				continue
			}
			s.patches = append(s.patches, Patch{KB: kb, Path: path.Join(hotfixTree, folder.Name(), f.Name())})
			if by, _ := s.supersedes(kb); by != "" && s.result.NoPatch == "" {
				s.result.SupersededBy = by
				s.result.NoPatch = fmt.Sprintf("the copy of the client files holds the client update of %s already (%s), which contains the client fix.", by, f.Name())
			}
		}
	}
	return nil
}

// foldedPath finds a path below dir without regard to case; it returns "" when
// there is none.
func foldedPath(dir, name string) (string, error) {
	for _, segment := range strings.Split(name, "/") {
		entries, err := os.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		i := slices.IndexFunc(entries, func(e fs.DirEntry) bool { return strings.EqualFold(e.Name(), segment) })
		if i < 0 {
			return "", nil
		}
		dir = filepath.Join(dir, entries[i].Name())
	}
	return dir, nil
}

// checkTargets compares what the staged patches apply to with the client.msi of
// the client files.
func (s *staging) checkTargets() error {
	name, err := foldedPath(s.o.ClientDir, "i386/client.msi")
	if err != nil {
		return err
	}
	if name == "" {
		return &source.Error{Package: s.o.ClientDir, Err: fmt.Errorf("%w: there is no i386/client.msi, so this is no copy of the ConfigMgr client files", ErrClientFiles)}
	}
	client, err := source.Open(name, source.Options{})
	if err != nil {
		return err
	}
	defer client.Close()
	code, version := inspect.Property(client, "ProductCode"), inspect.Property(client, "ProductVersion")
	for _, a := range s.staged {
		if !isPatch(a.Name) {
			continue
		}
		p, err := source.Open(s.p.Ref()+"//"+a.Path, s.o.Source)
		if err != nil {
			return err
		}
		err = fits(p, code, version)
		p.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// fits reports whether a patch applies to a product.
func fits(p *source.Package, code, version string) error {
	patch, err := msp.New(p.Database())
	if err != nil {
		return &source.Error{Package: p.Ref(), Err: err}
	}
	var wanted []string
	for _, t := range patch.Targets() {
		if strings.EqualFold(t.ProductCode, code) && t.Accepts(version) {
			return nil
		}
		wanted = append(wanted, strings.TrimSpace(t.ProductCode+" "+t.Version))
	}
	return fmt.Errorf("%w: %s is for %s, the client files are %s %s", ErrClientFiles, p.Name(), strings.Join(wanted, " or "), code, version)
}

// commitClient adds the patch to the client files and reports whether that
// changed anything.
func (s *staging) commitClient() (changed bool, err error) {
	for _, f := range s.result.Files {
		if !f.ClientDir {
			continue
		}
		name, err := foldedPath(s.o.ClientDir, f.Path)
		if err != nil {
			return false, errors.Join(err, s.client.Abort())
		}
		same, err := hasDigest(name, f.SHA256)
		if err != nil {
			return false, errors.Join(err, s.client.Abort())
		}
		if same {
			continue
		}
		if name != "" && !s.o.Replace {
			conflict := &extract.OutputError{Path: name, Err: ErrConflict, Hint: "look at what it is; --replace replaces it"}
			return false, errors.Join(conflict, s.client.Abort())
		}
		changed = true
	}
	if !changed {
		return false, s.client.Abort()
	}
	return true, s.client.Commit()
}

// hasDigest reports whether the file exists and has this SHA-256. A name of ""
// stands for no file.
func hasDigest(name, digest string) (bool, error) {
	if name == "" {
		return false, nil
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
	want, err := hex.DecodeString(digest)
	return err == nil && bytes.Equal(h.Sum(nil), want), nil
}
