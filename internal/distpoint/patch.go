package distpoint

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msp"
)

// ErrPatch: a file that is named like a patch that decides something is not that
// patch.
var ErrPatch = errors.New("not the patch that its name says")

// A Patch is one client patch below the ConfigMgr client files.
type Patch struct {
	KB   string `json:"kb"`                   // as "KB977203"
	Path string `json:"path"`                 // below the client files, with "/": i386/hotfix/KB977203/NAME.msp
	Code string `json:"patch_code,omitempty"` // "" for one that cannot be read
	// Rule says what decided the patch's place after those before it; "" for the
	// first.
	Rule string `json:"rule,omitempty"`

	patch *msp.Patch // nil for one that cannot be read; its database is closed
}

// withFacts adds what the patch says about itself.
func (p Patch) withFacts(patch *msp.Patch) Patch {
	p.patch, p.Code = patch, patch.Code
	return p
}

// name is the file name of the patch.
func (p Patch) name() string { return path.Base(p.Path) }

// readPatch reads a patch from a file that was just opened, or the error of opening
// it, and closes it.
func readPatch(f *os.File, err error) (*msp.Patch, error) {
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return patchIn(f, info.Size())
}

// patchIn reads a patch whose database is not needed afterwards.
func patchIn(r io.ReaderAt, size int64) (*msp.Patch, error) {
	if size == 0 {
		return nil, fmt.Errorf("%w: it is empty", ErrPatch)
	}
	db, err := msi.NewReader(r, size)
	if err != nil {
		return nil, err
	}
	return msp.New(db)
}

// says makes sure that a patch can be the one of a KB number: where its own texts
// name KB numbers, this must be one of them.
func says(patch *msp.Patch, numbers ...string) error {
	texts := []string{patch.Title, patch.Subject, patch.Comments}
	for _, m := range patch.Metadata {
		texts = append(texts, m.Value)
	}
	var named []string
	for _, text := range texts {
		for _, m := range kbInName().FindAllStringSubmatch(text, -1) {
			named = append(named, "KB"+m[1])
		}
	}
	if len(named) == 0 || slices.ContainsFunc(named, func(kb string) bool { return slices.Contains(numbers, kb) }) {
		return nil
	}
	slices.Sort(named)
	return fmt.Errorf("%w: it names itself a patch of %s", ErrPatch, strings.Join(slices.Compact(named), ", "))
}

// isClientPatch reports whether a patch is for the client. Bundles of ConfigMgr
// 2012 and later hold patches of the console too
// (ConfigMgr1511-AdminUI-KB1234567-i386.msp), which must not be in PATCH.
func isClientPatch(name string) bool {
	lower := strings.ToLower(name)
	return isPatch(name) && !strings.Contains(lower, "adminui") && !strings.Contains(lower, "adminconsole")
}

// platforms lists the processors that patches are for, where there are several.
func platforms(patches []Patch) []string {
	var all []string
	for _, p := range patches {
		if one := platform(p.name()); one != "" && !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	if slices.Sort(all); len(all) < 2 {
		return nil
	}
	return all
}

// forPlatform are the patches that the client for a processor takes.
func forPlatform(patches []Patch, one string) []Patch {
	return slices.DeleteFunc(slices.Clone(patches), func(p Patch) bool {
		of := platform(p.name())
		return of != "" && of != one
	})
}

// platform is the processor that the name of a client patch ends with, "" where
// it does not name one: SCCM2007AC-SP2-KB977203-x86.msp, configmgr2012ac-…-i386.msp.
func platform(name string) string {
	lower := strings.ToLower(strings.TrimSuffix(name, path.Ext(name)))
	for _, word := range strings.FieldsFunc(lower, func(r rune) bool { return r == '-' || r == '_' || r == '.' }) {
		switch word {
		case "x86", "i386":
			return "x86"
		case "x64", "amd64":
			return "x64"
		}
	}
	return ""
}
