package source

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/hotfixkit/hotfixkit/extract/source/burn"
)

// A ChoiceError says that a download holds several installer packages, and that
// one of them must be named. It wraps ErrAmbiguous.
type ChoiceError struct {
	Refs []string // references of the packages
}

func (e *ChoiceError) Error() string {
	const shown = 20
	list := strings.Join(e.Refs[:min(len(e.Refs), shown)], "\n  ")
	if len(e.Refs) > shown {
		list += fmt.Sprintf("\n  and %d more", len(e.Refs)-shown)
	}
	return fmt.Sprintf("it holds %d installer packages; name one of them:\n  %s", len(e.Refs), list)
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
			choice := &ChoiceError{}
			for _, f := range found {
				choice.Refs = append(choice.Refs, p.ref+separator+f.Path())
			}
			return p, p.errorAt("", choice)
		case len(found) == 1:
		case p.options.Stay != nil:
			return p, nil
		default:
			return p, p.errorAt("", fmt.Errorf("%w: it holds no installer package", ErrNotFound))
		}
		inner, err := p.OpenFile(ctx, found[0])
		if err != nil {
			return p, err
		}
		inner.outer = p
		p = inner
	}
	return p, p.errorAt("", fmt.Errorf("%w: more than %d packages inside one another", ErrLimit, maxDepth))
}

func (p *Package) hasNamed(named func(string) bool) bool {
	for _, f := range p.files {
		if named(f.Name()) {
			return true
		}
	}
	return false
}

// installerNames are the endings of names that installer packages have, and those
// of downloads, which may hold one: each is asked for only where there is nothing
// before it.
var installerNames = [][]string{{".msi"}, {".msp"}, {".exe", ".zip"}}

// installers returns the files that are installer packages by their names. Of a
// bundle these are payloads of the chain.
func (p *Package) installers() []*File {
	for _, endings := range installerNames {
		var found []*File
		for _, f := range p.files {
			if from, ok := f.from.(bundleFile); ok && (from.payload == nil || from.payload.Container == burn.ApplicationID) {
				continue
			}
			for _, ending := range endings {
				if strings.EqualFold(path.Ext(f.Name()), ending) {
					found = append(found, f)
				}
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	return nil
}
