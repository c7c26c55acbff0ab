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
	rows    *rowIndex
	o       CompareOptions
	waiting []*Actual
	taken   map[*Actual]bool // by take
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
		o:       o,
		waiting: slices.Clone(actuals),
		taken:   map[*Actual]bool{},
	}
	taken := func(i int) bool { return p.matches[i] != nil }
	free := func(i int) bool { return p.matches[i] == nil }
	x := newRowIndex(m, taken)
	p.rows = x

	p.match(func(a *Actual) int { return x.samePath(a, free) })
	for _, nested := range []bool{false, true} {
		level := func(row func(*Actual) int) func(*Actual) int {
			return func(a *Actual) int {
				if a.nested() != nested {
					return -1
				}
				return row(a)
			}
		}
		p.match(level(func(a *Actual) int { return x.firstFree(x.exact[[2]string{fold(a.Name), a.Platform}]) }))
		p.match(level(func(a *Actual) int { return x.firstFree(x.accepting(a)...) }))
	}
	p.match(func(a *Actual) int {
		if a.nested() {
			return -1
		}
		return x.firstFree(x.any[fold(a.Name)])
	})
	p.matchFurther()
	p.match(func(a *Actual) int { return x.firstFree(x.any[fold(a.Name)]) })
	p.matchPatches()
	p.matchRenamed()
	p.matchFurther()
	p.extra = p.waiting
	return p.pairing
}

// match pairs each waiting file with the row that is found for it, if it is not -1.
func (p *pairer) match(row func(*Actual) int) {
	p.waiting = slices.DeleteFunc(p.waiting, func(a *Actual) bool {
		i := row(a)
		if i >= 0 {
			p.add(i, a)
		}
		return i >= 0
	})
}

// matchFurther pairs further copies of files that are paired.
func (p *pairer) matchFurther() {
	p.match((&furtherIndex{p.rows, p.m, map[*rowList]int{}}).row)
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

// patchKey is equal for the names of patches that differ in their language at most; ""
// for other names.
func patchKey(name string) string {
	if !strings.HasSuffix(fold(name), ".msp") {
		return "" // without the expression, which takes a while to compile
	}
	m := patchName().FindStringSubmatch(fold(name))
	if m == nil {
		return ""
	}
	return strings.Join(m[1:5], "\x00")
}

// matchPatches pairs the row of a patch with the only patch of the same product,
// service pack and article, whatever the language in its name.
func (p *pairer) matchPatches() {
	waiting := groupBy(p.waiting, func(a *Actual) string { return patchKey(a.Name) })
	if len(waiting) == 0 {
		return
	}
	for i := range p.matches {
		key := patchKey(p.m.Files[i].Name)
		if p.matches[i] != nil || key == "" {
			continue
		}
		var names []string
		seen := map[string]bool{}
		for _, a := range waiting[key] {
			if name := fold(a.Name); !seen[name] {
				seen[name] = true
				names = append(names, a.Name)
			}
		}
		p.rivals[i] = names
		if len(names) == 1 {
			p.take(i, waiting[key])
			delete(waiting, key)
		}
	}
	p.dropTaken()
}

// A build is what the version resource of an executable says that it is.
type build struct{ name, version string }

// matchRenamed pairs the row of an executable with files under another name whose
// version resource says that they are it: original name, platform and version.
func (p *pairer) matchRenamed() {
	waiting := groupBy(p.waiting, func(a *Actual) build {
		if a.OriginalName == "" {
			return build{}
		}
		return build{fold(a.OriginalName), versionKey(a.Version)}
	})
	for i := range p.matches {
		row := &p.m.Files[i]
		if p.matches[i] != nil || row.Version == "" {
			continue
		}
		key := build{fold(row.Name), versionKey(row.Version)}
		var fit, rest []*Actual
		for _, a := range waiting[key] {
			if row.acceptsPlatform(a) {
				fit = append(fit, a)
			} else {
				rest = append(rest, a)
			}
		}
		if len(fit) > 0 {
			p.take(i, fit)
			waiting[key] = rest
		}
	}
	p.dropTaken()
}

// groupBy groups files by a key; those whose key is the zero value are left out.
func groupBy[K comparable](files []*Actual, key func(*Actual) K) map[K][]*Actual {
	var none K
	groups := map[K][]*Actual{}
	for _, a := range files {
		if k := key(a); k != none {
			groups[k] = append(groups[k], a)
		}
	}
	return groups
}

// take pairs files with the row. They wait until dropTaken.
func (p *pairer) take(i int, files []*Actual) {
	for _, a := range files {
		p.add(i, a, Renamed)
		p.taken[a] = true
	}
}

// dropTaken takes those that take paired from the waiting files.
func (p *pairer) dropTaken() {
	p.waiting = slices.DeleteFunc(p.waiting, func(a *Actual) bool { return p.taken[a] })
}
