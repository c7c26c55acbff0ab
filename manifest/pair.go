package manifest

import (
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/internal/lazyregexp"
)

// pairing says which files stand for which rows.
type pairing struct {
	matches [][]match        // by row
	rivals  map[int][]string // patches that could equally stand for the row
	extra   []*Actual        // in the order in which they came
}

type match struct {
	actual *Actual
	notes  []Note
}

// pairer holds what is not paired yet.
type pairer struct {
	*pairing
	m       *Manifest
	rows    map[string][]int // by folded name
	o       CompareOptions
	waiting []*Actual
}

// pair finds the files of each row. First comes the exact path of a manifest that
// has paths, then equal name and platform, then equal name alone, then a patch in
// another language and an executable under another name. A file that equals an
// already paired row in name and platform is a further copy, and is compared like
// the first. Files of the target come before those inside nested packages. The
// rest is extra.
func (m *Manifest) pair(actuals []*Actual, o CompareOptions) *pairing {
	p := &pairer{
		pairing: &pairing{matches: make([][]match, len(m.Files)), rivals: make(map[int][]string)},
		m:       m,
		rows:    m.rowsByName(),
		o:       o,
		waiting: slices.Clone(actuals),
	}
	free := func(i int) bool { return p.matches[i] == nil }
	taken := func(i int) bool { return p.matches[i] != nil }

	further := func(a *Actual, i int) bool {
		if m.Files[i].Path != "" {
			return taken(i) && m.Files[i].samePath(a)
		}
		return taken(i) && m.Files[i].acceptsPlatform(a)
	}

	p.match(func(a *Actual, i int) bool { return free(i) && m.Files[i].samePath(a) })
	for _, nested := range []bool{false, true} {
		level := func(a *Actual) bool { return a.nested() == nested }
		p.match(func(a *Actual, i int) bool { return level(a) && free(i) && m.Files[i].Platform == a.Platform })
		p.match(func(a *Actual, i int) bool { return level(a) && free(i) && m.Files[i].acceptsPlatform(a) })
	}
	p.match(func(a *Actual, i int) bool { return !a.nested() && free(i) })
	p.match(further)
	p.match(func(a *Actual, i int) bool { return free(i) })
	p.matchPatches()
	p.matchRenamed()
	p.match(further)
	p.extra = p.waiting
	return p.pairing
}

// match pairs each waiting file with the first row of its name that fits.
func (p *pairer) match(fits func(*Actual, int) bool) {
	p.waiting = slices.DeleteFunc(p.waiting, func(a *Actual) bool {
		for _, i := range p.rows[fold(a.Name)] {
			if fits(a, i) {
				p.add(i, a)
				return true
			}
		}
		return false
	})
}

func (p *pairer) add(i int, a *Actual, notes ...Note) {
	if p.m.Files[i].Path != "" && !p.m.Files[i].samePath(a) {
		notes = append(notes, PathDiffers)
	}
	p.matches[i] = append(p.matches[i], match{actual: a, notes: notes})
}

// nested reports whether the file lies inside a package inside the target.
func (a *Actual) nested() bool { return strings.Contains(a.Path, "//") }

func (r *Row) samePath(a *Actual) bool {
	return r.Path != "" && fold(r.Path) == fold(a.Path)
}

// acceptsPlatform reports whether nothing speaks against the file's platform. A
// row without version need not be an executable, whatever its platform says.
func (r *Row) acceptsPlatform(a *Actual) bool {
	return r.Platform == "" || r.Platform == a.Platform || r.Version == "" && a.Platform == ""
}

// patchName splits the name of a client patch, as
// "SCCM2007AC-SP2-KB977203-x86-ENU.msp", into product, service pack, article,
// machine and language.
var patchName = lazyregexp.New(`^(.+)-(sp[0-9]+)-(kb[0-9]+)(?:-(x86|x64|ia64|amd64|i386))?(?:-([a-z]{3}))?\.msp$`)

// samePatch reports whether two names differ in their language at most.
func samePatch(a, b string) bool {
	m, n := patchName().FindStringSubmatch(fold(a)), patchName().FindStringSubmatch(fold(b))
	return m != nil && n != nil && slices.Equal(m[1:5], n[1:5])
}

// matchPatches pairs the row of a patch with the only patch of the same product,
// service pack and article, whatever the language in its name.
func (p *pairer) matchPatches() {
	for i := range p.matches {
		row := &p.m.Files[i]
		if p.matches[i] != nil || patchName().FindString(fold(row.Name)) == "" {
			continue
		}
		fits := func(a *Actual) bool { return samePatch(row.Name, a.Name) }
		var names []string
		for _, a := range p.waiting {
			if fits(a) && !slices.ContainsFunc(names, func(n string) bool { return fold(n) == fold(a.Name) }) {
				names = append(names, a.Name)
			}
		}
		p.rivals[i] = names
		if len(names) == 1 {
			p.take(i, fits)
		}
	}
}

// matchRenamed pairs the row of an executable with files under another name whose
// version resource says that they are it: original name, platform and version.
func (p *pairer) matchRenamed() {
	originals := make(map[string]bool)
	for _, a := range p.waiting {
		originals[originalName(a)] = true
	}
	for i := range p.matches {
		row := &p.m.Files[i]
		if p.matches[i] != nil || row.Version == "" || !originals[fold(row.Name)] {
			continue
		}
		p.take(i, func(a *Actual) bool {
			order, _ := compareVersions(a.Version, row.Version)
			return order == 0 && originalName(a) == fold(row.Name) && row.acceptsPlatform(a)
		})
	}
}

func originalName(a *Actual) string { return fold(a.OriginalName) }

// take pairs all waiting files that fit with the row.
func (p *pairer) take(i int, fits func(*Actual) bool) {
	p.waiting = slices.DeleteFunc(p.waiting, func(a *Actual) bool {
		if !fits(a) {
			return false
		}
		p.add(i, a, Renamed)
		return true
	})
}
