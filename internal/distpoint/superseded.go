package distpoint

import (
	"fmt"
	"path"
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
func (c *choice) findSuperseding() error {
	if c.options.SupersededBy != "" {
		return c.findNamed()
	}
	for _, number := range c.options.Installed {
		by, _ := c.supersedes(number)
		switch {
		case number == c.kb:
			c.warn("%s is among the installed updates: the client patch is staged all the same, for computers that a task sequence installs", number)
		case by == "":
		case c.forAnother(by):
			c.warn("%s does not supersede the hotfix for %s: it is an update for %s", by, c.servicePack(), superseding[by])
		default:
			c.spare(by)
		}
	}
	return nil
}

// findNamed judges the KB number of Options.SupersededBy.
func (c *choice) findNamed() error {
	number, err := ParseKB(c.options.SupersededBy)
	by, known := c.supersedes(number)
	unknown := &SupersededError{Given: c.options.SupersededBy, Known: known}
	switch {
	case err != nil:
		unknown.reason = err.Error()
		return unknown
	case by == "" && len(known) > 0:
		unknown.reason = fmt.Sprintf("%s; the article of %s names %s", number, c.kb, strings.Join(known, ", "))
		return unknown
	case by == "":
		by = number
		c.warn("the manifest does not say that %s supersedes %s; it is treated as superseded because the command line says so", by, c.kb)
	case c.forAnother(by) && c.options.batch:
		c.warn("%s does not supersede the hotfix for %s: it is an update for %s", by, c.servicePack(), superseding[by])
		return nil
	}
	c.spare(by)
	return nil
}

// forAnother reports whether a superseding update is for another service pack.
func (c *choice) forAnother(by string) bool {
	sp := c.servicePack()
	return superseding[by] != "" && sp != "" && sp != superseding[by]
}

// servicePack is the service pack of the manifests that name a patch of the
// package, "" where they do not tell one.
func (c *choice) servicePack() string {
	found := ""
	for _, name := range c.in.paths {
		for _, m := range c.options.Manifest.Manifests {
			one := &manifest.Set{Manifests: []*manifest.Manifest{m}}
			if !isPatch(name) || !one.Names(path.Base(name)) {
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
func (c *choice) supersedes(number string) (by string, known []string) {
	for _, m := range c.options.Manifest.Manifests {
		for _, one := range m.SupersededBy {
			if !slices.Contains(known, one.KB) {
				known = append(known, one.KB)
			}
			if one.KB == number || slices.Contains(one.Aliases, number) {
				by = one.KB
			}
		}
	}
	return by, known
}

func (c *choice) spare(by string) {
	c.supersede(by, fmt.Sprintf("%s supersedes %s, which cannot be installed after it; its client update contains the client fix.", by, c.kb))
}

// supersede notes that an update makes the patch needless, and why; by is "" for
// one that does not.
func (c *choice) supersede(by, reason string) {
	if by != "" && c.noPatch == "" {
		c.supersededBy, c.noPatch = by, reason
	}
}
