// Package extract writes the files of a package to a folder: the administrative
// image that "msiexec /a" makes, or its files in another layout.
//
// A [Plan] says what would be written where. Writing it is all or nothing: the
// folder appears by one rename ([Dir]) once every file in it is complete,
// checked against what the package says about it, and on the disk.
package extract

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/hotfixkit/hotfixkit/extract/safepath"
	"github.com/hotfixkit/hotfixkit/extract/source"
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
	// Items are the files in the order of Package.Files.
	Items []Item
	// Streams are those of the database, in the layout Streams only.
	Streams []StreamItem
	// Database is the path of the stamped copy of the package's database in the
	// image; empty when there is none.
	Database string
	// Bytes is the size of all items together, as the package claims it.
	Bytes    int64
	LeftOut  []source.LeftOut
	Warnings []string // about colliding names; the package has others

	options Options
	spelled map[string]string // folder as in the path of a file -> as it is written, where they differ
}

// An Item is one file of a Plan.
type Item struct {
	Path string // relative to the output folder, "/" between its segments
	File *source.File
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
	plan.Items = chosen
	if err := plan.resolve(ctx); err != nil {
		return err
	}
	for _, item := range plan.Items {
		if item.File.Size > 0 {
			plan.Bytes += item.File.Size
		}
		if plan.Bytes < 0 {
			return fmt.Errorf("%w: the sizes of the files add up to more than any disk holds", ErrLimit)
		}
	}
	plan.placeDatabase()
	return plan.options.Limits.check(plan.Bytes, int64(len(plan.Items)))
}

// choose returns the files that the patterns select, with their paths.
func (plan *Plan) choose(ctx context.Context) ([]Item, error) {
	chosen, err := newSelection(plan.options.Include)
	if err != nil {
		return nil, err
	}
	var items []Item
	for _, f := range plan.Package.Files() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		item := Item{Path: plan.options.path(f), File: f}
		if chosen.match(item.Path) {
			items = append(items, item)
		}
	}
	return items, chosen.unused()
}

// path returns where the layout puts a file.
func (o Options) path(f *source.File) string {
	name := f.Path()
	switch {
	case o.Layout == Target && o.ShortNames:
		name = f.ShortTargetPath()
	case o.Layout == Target:
		name = f.TargetPath()
	case o.ShortNames:
		name = f.ShortPath()
	}
	if o.Layout == Flat {
		return path.Base(name)
	}
	return name
}

// path returns where the plan puts a file that it writes. It is Item.Path, made
// again: a table of the paths would need more memory than the files themselves.
func (plan *Plan) path(f *source.File) string {
	name := plan.options.path(f)
	if as, ok := plan.spelled[path.Dir(name)]; ok {
		return path.Join(as, path.Base(name))
	}
	return name
}

// resolve checks the names and decides between files with the same one.
func (plan *Plan) resolve(ctx context.Context) error {
	last := make(map[string]int, len(plan.Items)) // folded path -> item that stays
	keys := make([]string, len(plan.Items))
	for i, item := range plan.Items {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := safepath.Check(item.Path); err != nil {
			return &source.Error{Package: plan.Package.Ref(), Place: "file " + item.File.Key(), Err: err}
		}
		key := safepath.Fold(item.Path)
		keys[i] = key
		earlier, collides := last[key]
		last[key] = i
		if !collides {
			continue
		}
		other := plan.Items[earlier]
		if !plan.laterWins() {
			return fmt.Errorf("%w: %s and %s", ErrCollision, other.File.Path(), item.File.Path())
		}
		plan.Warnings = append(plan.Warnings, fmt.Sprintf("%s: two files have this path; %s (sequence %d) replaces %s (sequence %d)",
			item.Path, item.File.Key(), item.File.Sequence(), other.File.Key(), other.File.Sequence()))
	}
	kept := plan.Items[:0]
	for i, item := range plan.Items {
		if last[keys[i]] == i {
			kept = append(kept, item)
		}
	}
	plan.Items = kept
	return plan.unifyFolders(last)
}

// laterWins reports whether of two files with one path the later one stays.
func (plan *Plan) laterWins() bool {
	return plan.options.Layout != Flat && plan.Package.Model() != nil
}

// unifyFolders spells each folder as the first file in it does, so that a file
// system that minds case gets one folder, too, and refuses a path that is both
// a file and a folder.
func (plan *Plan) unifyFolders(files map[string]int) error {
	spelling := map[string]string{".": "."}
	var spell func(folder string) (string, error)
	spell = func(folder string) (string, error) {
		key := safepath.Fold(folder)
		if known, ok := spelling[key]; ok {
			return known, nil
		}
		if _, ok := files[key]; ok {
			return "", fmt.Errorf("%w: %s is a file and a folder", ErrCollision, folder)
		}
		parent, err := spell(path.Dir(folder))
		if err != nil {
			return "", err
		}
		spelling[key] = path.Join(parent, path.Base(folder))
		return spelling[key], nil
	}
	spelled := map[string]string{} // as it is in a path -> as it is spelled
	for i := range plan.Items {
		item := &plan.Items[i]
		folder := path.Dir(item.Path)
		as, known := spelled[folder]
		if !known {
			var err error
			if as, err = spell(folder); err != nil {
				return err
			}
			spelled[folder] = as
			if as != folder {
				plan.spelled[folder] = as
			}
		}
		if as != folder {
			item.Path = path.Join(as, path.Base(item.Path))
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
	for _, item := range plan.Items {
		if strings.EqualFold(item.Path, name) {
			return
		}
	}
	plan.Database = name
}
