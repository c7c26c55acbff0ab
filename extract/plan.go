// Package extract writes the files of a package to a folder: the administrative
// image that "msiexec /a" makes, or its files in another layout.
//
// A [Plan] says what would be written where. Writing it is all or nothing: the
// folder appears by one rename ([Dir]) once every file in it is complete,
// checked against what the package says about it, and on the disk.
package extract

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/extract/safepath"
	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/internal/hashindex"
)

// Layout says which folders files go to.
type Layout string

// The layouts.
const (
	Admin  Layout = "admin"  // as in an administrative image
	Target Layout = "target" // as they would be installed, below the root folder
	Flat   Layout = "flat"   // without folders

	// Streams is for the streams of the database instead of the files: all that
	// the table _Streams lists, those of Binary and Icon in folders.
	Streams Layout = "streams"
)

// Options say what is extracted.
type Options struct {
	Layout     Layout   // "" means Admin
	Include    []string // patterns (ParseGlob), of which a file must match one; none: all files
	ShortNames bool     // 8.3 names, as with SHORTFILENAMES=1
	NoDatabase bool     // leave the package's own database out of an image
	Limits     Limits
}

// A Plan is what an extraction will write.
type Plan struct {
	Package *source.Package
	// Files are the files that are written, in the order of Package.Files.
	Files []*source.File
	// Streams are those of the database, in the layout Streams only.
	Streams []StreamItem
	// Database is the path of the stamped copy of the package's database in the
	// image; empty when there is none.
	Database string
	// Bytes is the size of all files together, as the package claims it.
	Bytes    int64
	LeftOut  []source.LeftOut
	Warnings []string // about colliding names; the package has others

	options Options
	spelled map[string]string // folder as in the path of a file -> as it is written, where they differ
}

// NewPlan lays out the files of a package. Unsafe names (safepath.ErrUnsafe) and
// names that collide without case (ErrCollision) are errors; but where two rows
// of a database mean the same file, the one with the later sequence stays, as
// in Windows Installer, and a warning says so.
func NewPlan(p *source.Package, o Options) (*Plan, error) {
	return NewPlanContext(context.Background(), p, o)
}

// NewPlanContext is NewPlan until ctx is done, whose error it returns then.
func NewPlanContext(ctx context.Context, p *source.Package, o Options) (*Plan, error) {
	if o.Layout == "" {
		o.Layout = Admin
	}
	plan := &Plan{Package: p, options: o, spelled: map[string]string{}}
	layOut := func() error { return plan.layOut(ctx) }
	if o.Layout == Streams {
		layOut = plan.layOutStreams
	}
	if err := layOut(); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var known *source.Error
		if errors.As(err, &known) {
			return nil, err
		}
		return nil, &source.Error{Package: p.Ref(), Err: err}
	}
	return plan, nil
}

func (plan *Plan) layOut(ctx context.Context) error {
	plan.LeftOut = plan.Package.LeftOut()
	chosen, err := plan.choose(ctx)
	if err != nil {
		return err
	}
	plan.Files = chosen
	if err := plan.resolve(ctx); err != nil {
		return err
	}
	for _, f := range plan.Files {
		if f.Size > 0 {
			plan.Bytes += f.Size
		}
		if plan.Bytes < 0 {
			return fmt.Errorf("%w: the sizes of the files add up to more than any disk holds", ErrLimit)
		}
	}
	plan.placeDatabase()
	return plan.options.Limits.check(plan.Bytes, int64(len(plan.Files)))
}

// choose returns the files that the patterns select.
func (plan *Plan) choose(ctx context.Context) ([]*source.File, error) {
	chosen, err := newSelection(plan.options.Include)
	if err != nil {
		return nil, err
	}
	if len(plan.options.Include) == 0 {
		return plan.Package.Files(), nil
	}
	var files []*source.File
	for _, f := range plan.Package.Files() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if chosen.match(plan.options.fullPath(f)) {
			files = append(files, f)
		}
	}
	return files, chosen.unused()
}

// path returns where the layout puts a file.
func (o Options) path(f *source.File) string {
	if o.Layout == Flat {
		return path.Base(o.fullPath(f))
	}
	return o.fullPath(f)
}

// fullPath returns the path that patterns are for: with its folders, also where the
// layout has none.
func (o Options) fullPath(f *source.File) string {
	switch {
	case o.Layout == Target && o.ShortNames:
		return f.ShortTargetPath()
	case o.Layout == Target:
		return f.TargetPath()
	case o.ShortNames:
		return f.ShortPath()
	}
	return f.Path()
}

// Path returns where the plan puts a file that it writes, relative to the output
// folder, "/" between its segments. It is made each time: a table of the paths would
// need more memory than the files themselves.
func (plan *Plan) Path(f *source.File) string {
	name := plan.options.path(f)
	if len(plan.spelled) == 0 {
		return name
	}
	if as, ok := plan.spelled[path.Dir(name)]; ok {
		return path.Join(as, path.Base(name))
	}
	return name
}

// Sorted returns the files by path.
func (plan *Plan) Sorted() []*source.File { return sortedBy(plan.Files, plan.split) }

// split returns Path in two: the folder, with a slash at its end unless it is empty, and
// the name there.
func (plan *Plan) split(f *source.File) (folder, name string) {
	if len(plan.spelled) > 0 || plan.options.Layout == Flat {
		name = plan.Path(f)
		i := strings.LastIndexByte(name, '/') + 1
		return name[:i], name[i:]
	}
	return f.Split(plan.options.Layout == Target, plan.options.ShortNames)
}

// sortedBy returns a list sorted by paths, of which split returns the folder and the
// name: most files share the text of their folder with others.
func sortedBy[T any](list []T, split func(T) (folder, name string)) []T {
	type place struct {
		folder, name string
		at           int
	}
	places := make([]place, len(list))
	for i, one := range list {
		folder, name := split(one)
		places[i] = place{folder, name, i}
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(compareJoined(a.folder, a.name, b.folder, b.name), cmp.Compare(a.at, b.at))
	})
	sorted := make([]T, len(list))
	for i, p := range places {
		sorted[i] = list[p.at]
	}
	return sorted
}

// compareJoined compares a+b with c+d.
func compareJoined(a, b, c, d string) int {
	n := min(len(a), len(c))
	if order := strings.Compare(a[:n], c[:n]); order != 0 {
		return order
	}
	switch {
	case len(a) > n:
		return compareParts(a[n:], b, d)
	case len(c) > n:
		return -compareParts(c[n:], d, b)
	}
	return strings.Compare(b, d)
}

// compareParts compares a+b with c.
func compareParts(a, b, c string) int {
	n := min(len(a), len(c))
	if order := strings.Compare(a[:n], c[:n]); order != 0 {
		return order
	}
	if n < len(a) {
		return 1
	}
	return strings.Compare(b, c[n:])
}

// A pathIndex finds files of a list by their paths, without case.
type pathIndex struct {
	files []*source.File
	path  func(*source.File) string
	index *hashindex.Index
}

// has tells which places of the list have a path.
func (x *pathIndex) has(folded string) func(place int) bool {
	return func(place int) bool { return safepath.Fold(x.path(x.files[place])) == folded }
}

// put puts a file into the index. One that was there under its path is replaced, and
// returned.
func (x *pathIndex) put(folded string, place int) (earlier int, ok bool) {
	hash := hashindex.Hash(folded)
	if earlier, ok = x.index.Add(hash, place, x.has(folded)); ok {
		x.index.Replace(hash, earlier, place)
	}
	return earlier, ok
}

func (x *pathIndex) holds(folded string) bool {
	_, ok := x.index.Find(hashindex.Hash(folded), x.has(folded))
	return ok
}

// resolve checks the names and decides between files with the same one.
func (plan *Plan) resolve(ctx context.Context) error {
	last := &pathIndex{plan.Files, plan.options.path, hashindex.New(len(plan.Files))} // which stay
	replaced := map[*source.File]bool{}
	for i, f := range plan.Files {
		if err := ctx.Err(); err != nil {
			return err
		}
		name := plan.options.path(f)
		if err := safepath.Check(name); err != nil {
			return &source.Error{Package: plan.Package.Ref(), Place: "file " + f.Key(), Err: err}
		}
		earlier, collides := last.put(safepath.Fold(name), i)
		if !collides {
			continue
		}
		other := plan.Files[earlier]
		if !plan.laterWins() {
			return fmt.Errorf("%w: %s and %s", ErrCollision, other.Path(), f.Path())
		}
		replaced[other] = true
		plan.Warnings = append(plan.Warnings, fmt.Sprintf("%s: two files have this path; %s (sequence %d) replaces %s (sequence %d)",
			name, f.Key(), f.Sequence(), other.Key(), other.Sequence()))
	}
	if len(replaced) > 0 {
		plan.Files = slices.DeleteFunc(slices.Clone(plan.Files), func(f *source.File) bool { return replaced[f] })
	}
	return plan.unifyFolders(last)
}

// laterWins reports whether of two files with one path the later one stays.
func (plan *Plan) laterWins() bool {
	return plan.options.Layout != Flat && plan.Package.Model() != nil
}

// unifyFolders spells each folder as the first file in it does, so that a file
// system that minds case gets one folder, too, and refuses a path that is both
// a file and a folder.
func (plan *Plan) unifyFolders(files *pathIndex) error {
	spelling := map[string]string{".": "."}
	var spell func(folder string) (string, error)
	spell = func(folder string) (string, error) {
		key := safepath.Fold(folder)
		if known, ok := spelling[key]; ok {
			return known, nil
		}
		if files.holds(key) {
			return "", fmt.Errorf("%w: %s is a file and a folder", ErrCollision, folder)
		}
		parent, err := spell(path.Dir(folder))
		if err != nil {
			return "", err
		}
		spelling[key] = path.Join(parent, path.Base(folder))
		return spelling[key], nil
	}
	spelled := map[string]bool{} // as it is in a path
	for _, f := range plan.Files {
		folder := path.Dir(plan.options.path(f))
		if spelled[folder] {
			continue
		}
		as, err := spell(folder)
		if err != nil {
			return err
		}
		spelled[folder] = true
		if as != folder {
			plan.spelled[folder] = as
		}
	}
	return nil
}

// placeDatabase decides whether the image holds the package's database: only a
// complete image does, and a file of that very path wins over it.
func (plan *Plan) placeDatabase() {
	o := plan.options
	if plan.Package.Kind() != source.MSI || o.Layout != Admin || o.NoDatabase || len(o.Include) > 0 {
		return
	}
	name := plan.Package.Name()
	for _, f := range plan.Files {
		if strings.EqualFold(plan.Path(f), name) {
			return
		}
	}
	plan.Database = name
}
