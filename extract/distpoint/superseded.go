package distpoint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/manifest"
)

// superseding knows the service packs that a superseding update is for, where
// its article says so.
var superseding = map[string]string{"KB977384": "SP2"}

// findSuperseding decides whether the site's updates make the patch needless. An
// update for another service pack than the package's does not; where a single
// package is staged and the update was named for it, that is the user's decision,
// and a warning says so.
func (s *staging) findSuperseding() error {
	if s.o.SupersededBy != "" {
		return s.findNamed()
	}
	for _, number := range s.o.Installed {
		by, _ := s.supersedes(number)
		switch {
		case number == s.result.KB:
			s.warn("%s is among the installed updates: the client patch is staged all the same, for computers that a task sequence installs", number)
		case by == "":
		case s.forAnother(by):
			s.warn("%s does not supersede the hotfix for %s: it is an update for %s", by, s.servicePack(), superseding[by])
		default:
			s.noPatch(by)
		}
	}
	return nil
}

// findNamed judges the KB number of Options.SupersededBy.
func (s *staging) findNamed() error {
	number, err := ParseKB(s.o.SupersededBy)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSuperseded, err)
	}
	by, known := s.supersedes(number)
	switch {
	case by == "" && known != "":
		return fmt.Errorf("%w: %s; the article of %s names %s", ErrSuperseded, number, s.result.KB, known)
	case by == "":
		by = number
		s.warn("the manifest does not say that %s supersedes %s; it is treated as superseded because the command line says so", by, s.result.KB)
	case s.forAnother(by) && s.o.batch:
		s.warn("%s does not supersede the hotfix for %s: it is an update for %s", by, s.servicePack(), superseding[by])
		return nil
	}
	s.noPatch(by)
	return nil
}

// forAnother reports whether a superseding update is for another service pack.
func (s *staging) forAnother(by string) bool {
	sp := s.servicePack()
	return superseding[by] != "" && sp != "" && sp != superseding[by]
}

// servicePack is the service pack of the manifests that name a patch of the
// package, "" where they do not tell one.
func (s *staging) servicePack() string {
	found := ""
	for _, f := range s.p.Files() {
		for _, m := range s.o.Manifest.Manifests {
			one := &manifest.Set{Manifests: []*manifest.Manifest{m}}
			if !isPatch(f.Name()) || !one.Names(f.Name()) {
				continue
			}
			if found != "" && found != m.ServicePack {
				return ""
			}
			found = m.ServicePack
		}
	}
	return found
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
	s.supersede(by, fmt.Sprintf("%s supersedes %s, which cannot be installed after it; its client update contains the client fix.", by, s.result.KB))
}

// supersede notes that an update makes the patch needless, and why; by is "" for
// one that does not.
func (s *staging) supersede(by, reason string) {
	if by != "" && s.result.NoPatch == "" {
		s.result.SupersededBy, s.result.NoPatch = by, reason
	}
}
