package source

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/internal/burn"
)

// A ChoiceError says that a download holds several installer packages, and that
// one of them must be named. It wraps ErrAmbiguous.
type ChoiceError struct {
	Refs []string // references of the packages
}

func (e *ChoiceError) Error() string {
	const shown = 20
	list := strings.Join(e.Refs[:min(len(e.Refs), shown)], ", ")
	if len(e.Refs) > shown {
		list += fmt.Sprintf(" and %d more", len(e.Refs)-shown)
	}
	return fmt.Sprintf("it holds %d installer packages; name one of them: %s", len(e.Refs), list)
}

func (e *ChoiceError) Unwrap() error { return ErrAmbiguous }

// IsDownload reports whether the package is something that packages are delivered
// in: a zip, a self-extracting program, a bundle.
func (p *Package) IsDownload() bool { return p.kind == ZIP || p.kind == SFX || p.kind == BURN }

// Outer returns the package that this one is inside, nil for one on the disk. It
// is valid until Close.
func (p *Package) Outer() *Package { return p.within }

// goInside follows Options.Inner from a package to the installer package in it.
// With an error, p is still open.
func (p *Package) goInside(ctx context.Context) (*Package, error) {
	for range maxDepth {
		if !p.IsDownload() && (p.options.Stay != nil || p.kind != CAB && p.kind != RPM) {
			return p, nil
		}
		if p.options.Stay != nil && p.hasNamed(p.options.Stay) {
			return p, nil
		}
		found := p.installers()
		switch {
		case len(found) > 1:
			return p, p.errorAt("", &ChoiceError{Refs: p.Installers()})
		case len(found) == 0:
			found = p.named(downloadNames)
		}
		var inner *Package
		err := ErrKind
		if len(found) == 1 {
			inner, err = p.OpenFile(ctx, found[0])
		}
		switch {
		case err == nil:
		case !errors.Is(err, ErrKind):
			return p, err
		case p.options.Stay != nil:
			return p, nil
		default:
			return p, p.errorAt("", fmt.Errorf("%w: it holds no installer package", ErrNotFound))
		}
		inner.outer = p
		p = inner
	}
	return p, p.errorAt("", fmt.Errorf("%w: more than %d packages inside one another", ErrLimit, maxDepth))
}

func (p *Package) hasNamed(named func(string) bool) bool {
	for _, f := range p.Files() {
		if named(f.Name()) {
			return true
		}
	}
	return false
}

// Installers returns the references of the files that are installer packages by
// their names.
func (p *Package) Installers() []string {
	refs := []string{}
	for _, f := range p.installers() {
		refs = append(refs, p.ref+separator+f.Path())
	}
	return refs
}

// downloadNames are the endings of names that downloads in a download have.
var downloadNames = []string{".exe", ".zip"}

// installers returns the files that are installation packages by their names or,
// where there are none, patches.
func (p *Package) installers() []*File {
	if found := p.named([]string{".msi"}); len(found) > 0 {
		return found
	}
	return p.named([]string{".msp"})
}

// named returns the files whose names have one of the endings. Of a bundle these
// are payloads of the chain.
func (p *Package) named(endings []string) []*File {
	var found []*File
	for _, f := range p.Files() {
		if from, ok := f.storedFrom().(bundleFile); ok && (from.payload == nil || from.payload.Container == burn.ApplicationID) {
			continue
		}
		if slices.Contains(endings, strings.ToLower(path.Ext(f.Name()))) {
			found = append(found, f)
		}
	}
	return found
}
