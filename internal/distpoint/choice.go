package distpoint

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/extract/safepath"
	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/extract/verify"
)

// certFixName is the program that repairs existing certificates.
const certFixName = "CCMCertFix.exe"

// hotfixTree is where client patches lie below the client files.
const hotfixTree = "i386/hotfix"

// A choice is what the names in a package, the client files and the options decide
// before the package is read: which of its files are staged and where, whether its
// client patch is needed, and which other patches PATCH names.
type choice struct {
	options      Options
	in           *inputs
	kb           string
	supersededBy string // the KB that makes the patch needless
	noPatch      string // why no patch is needed; "" when one is
	others       []Patch
	places       map[string]place // by path in the package
	order        []string         // the keys of places, sorted
	warnings     []string
}

// A place is where a file of the package is staged.
type place struct {
	name     string // below the output folder or the client files
	inClient bool
	twin     bool // another file of this base name is written instead; both must be equal
}

func choose(o Options, in *inputs) (*choice, error) {
	c := &choice{options: o, in: in, places: map[string]place{}}
	var err error
	if c.kb, err = c.hotfixNumber(); err != nil {
		return nil, err
	}
	if err := c.findSuperseding(); err != nil {
		return nil, err
	}
	own, err := c.meetClientPatches()
	if err != nil {
		return nil, err
	}
	for _, g := range in.given {
		if err := c.judgeGiven(g); err != nil {
			return nil, &source.Error{Package: g.ref, Err: err}
		}
	}
	c.judgeOwn(own)
	return c, c.choosePlaces()
}

func (c *choice) warn(format string, args ...any) {
	c.warnings = append(c.warnings, fmt.Sprintf(format, args...))
}

// fail is an error about the package or a file in it.
func (c *choice) fail(place, format string, args ...any) error {
	return &source.Error{Package: c.in.ref, Place: place, Err: fmt.Errorf(format, args...)}
}

// newResult is what is known once the package has been read.
func (c *choice) newResult(o Options, id *verify.Identity) *Result {
	return &Result{
		Tool: o.Tool.Name + " " + o.Tool.Version, Package: id, Output: o.Output, KB: c.kb, SupersededBy: c.supersededBy, NoPatch: c.noPatch,
		Files: []StagedFile{}, Warnings: append([]string{}, c.warnings...),
	}
}

// hotfixNumber returns the KB number of the hotfix: that of the manifest or, when
// it does not name one, that in the name of the patch or the package.
func (c *choice) hotfixNumber() (string, error) {
	var numbers []string
	for _, m := range c.options.Manifest.Manifests {
		if m.KB != "" && !slices.Contains(numbers, m.KB) {
			numbers = append(numbers, m.KB)
		}
	}
	if len(numbers) == 1 {
		return numbers[0], nil
	}
	for _, name := range c.in.paths {
		if kb := kbOfName(path.Base(name)); isPatch(name) && kb != "" {
			numbers = append(numbers, kb)
		}
	}
	slices.Sort(numbers)
	if numbers = slices.Compact(numbers); len(numbers) == 1 {
		return numbers[0], nil
	}
	if kb := kbOfName(c.in.name); kb != "" {
		return kb, nil
	}
	return "", &source.Error{Package: c.in.ref, Err: ErrNoNumber}
}

func isPatch(name string) bool { return strings.EqualFold(path.Ext(name), ".msp") }

func isCertFix(name string) bool { return strings.EqualFold(name, certFixName) }

// choosePlaces decides which files of the package are staged and where. They are
// found by their names: the folders inside Microsoft's packages are not published.
func (c *choice) choosePlaces() error {
	paths := slices.Clone(c.in.paths)
	slices.SortFunc(paths, cmp.Compare)
	first := map[string]bool{}
	for _, name := range paths {
		to, ok := c.placeOf(path.Base(name))
		if !ok {
			continue
		}
		// A name that is not fit for a disk is refused before anything is written.
		if err := safepath.Check(to.name); err != nil {
			return &source.Error{Package: c.in.ref, Place: name, Err: err}
		}
		if _, twice := c.places[name]; twice {
			return c.fail(name, "%w: two files have this path", ErrContent)
		}
		to.twin = first[safepath.Fold(to.name)]
		first[safepath.Fold(to.name)] = true
		c.places[name] = to
		c.order = append(c.order, name)
	}
	return nil
}

// placeOf says where a file of this name is staged, and whether it is.
func (c *choice) placeOf(name string) (place, bool) {
	switch {
	case !isCertFix(name) && (!isClientPatch(name) || c.noPatch != ""):
		return place{}, false
	case !c.options.Manifest.Names(name):
		c.warn("%s was not staged: the manifest of %s does not name it", name, c.kb)
		return place{}, false
	case isCertFix(name):
		return place{name: "CCMCertFix/" + certFixName}, true
	case c.in.client != nil:
		return place{name: path.Join(hotfixTree, c.kb, name), inClient: true}, true
	}
	return place{name: path.Join("Client", hotfixTree, c.kb, name)}, true
}

// patchPaths are the paths in the package of the patches that are written.
func (c *choice) patchPaths() []string {
	return slices.DeleteFunc(slices.Clone(c.order), func(name string) bool { return c.places[name].twin || !isPatch(name) })
}

// addsToClient reports whether patches are added to the client files.
func (c *choice) addsToClient() bool {
	return c.in.client != nil && (c.noPatch == "" || len(c.in.given) > 0)
}
