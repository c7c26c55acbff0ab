package distpoint

import (
	"fmt"
	"slices"
	"strings"
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
	s.result.NoPatch = fmt.Sprintf("%s supersedes %s, which cannot be installed after it; its client update contains the client fix.", by, s.result.KB)
}
