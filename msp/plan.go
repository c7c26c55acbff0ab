package msp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/internal/delta"
	"github.com/hotfixkit/hotfixkit/msi"
)

// Plan is what patches make of a package. Its databases read from the package
// and the patches, which must stay open.
type Plan struct {
	// Database is that of the patched administrative image: the package's own
	// with the main transforms applied, and the summary information that the
	// patches ask for.
	Database *msi.Database
	// Full is what the installer works with: Database and the rows that the
	// paired transforms add, such as files that only they name. Sequences and
	// DiskIds of patches that collide with others are renumbered.
	Full    *msi.Database
	Applied []Application // in order
	Skipped []Skip
	// Cabinets are those of the applied patches that hold wanted members, in order.
	Cabinets []*Cabinet
	// Files are the files whose bytes do not simply come from the package, by
	// File key.
	Files    map[string]*File
	Warnings []string
}

// Application is a patch as it was applied.
type Application struct {
	Patch *Patch
	Pair  *Pair
}

// Skip is a patch that was not applied.
type Skip struct {
	Patch  *Patch
	Reason string

	by *Patch // that makes it unnecessary; nil when it was named twice
}

// Cabinet is a cabinet inside a patch.
type Cabinet struct {
	Patch  *Patch
	Stream string // of the patch's database
	DiskID int32  // of its Media row in Plan.Full
	// Members are the wanted ones, in the order of their sequence.
	Members []*Member
}

// Member is a file in a cabinet of a patch.
type Member struct {
	Cabinet  *Cabinet
	Key      string   // name in the cabinet, and File key
	Content  *Content // what Cabinet holds under this name, nil where it lacks it
	Use      *Use     // what the applied pair says about Content; nil: nothing
	Sequence int32    // as in Plan.Full
	Delta    bool     // else a whole file
	Size     int64    // of a delta, as the Patch table says; 0 for a whole file
	Optional bool     // a delta that may fail (non-vital)
}

// File says where the bytes of one file come from: from Whole, or from the
// package when Whole is nil; then Deltas are applied, in order.
type File struct {
	Key    string
	Whole  *Member
	Deltas []*Member
}

// Members returns the members of patches that the file is made of, in order.
func (f *File) Members() []*Member {
	if f.Whole == nil {
		return f.Deltas
	}
	return append([]*Member{f.Whole}, f.Deltas...)
}

// Finish makes the patched file of the old one, which is what the package or
// Whole holds. deltas are the contents of Deltas. An optional delta that does
// not fit is passed over, and named in skipped. Other errors are those of
// ErrDelta, ErrDeltaFormat and ErrDeltaSource, or say that a delta is cut off.
func (f *File) Finish(old []byte, deltas [][]byte) (content []byte, skipped []string, err error) {
	if len(deltas) != len(f.Deltas) {
		return nil, nil, fmt.Errorf("msp: file %s: %d deltas of %d: %w", f.Key, len(deltas), len(f.Deltas), ErrFormat)
	}
	content = old
	for i, m := range f.Deltas {
		next, err := delta.Apply(content, deltas[i])
		if err != nil {
			err = fmt.Errorf("msp: file %s, patch %s: %w", f.Key, m.Cabinet.Patch.Name(), err)
			if m.Optional && errors.Is(err, delta.ErrSource) {
				skipped = append(skipped, err.Error())
				continue
			}
			return nil, nil, err
		}
		content = next
	}
	return content, skipped, nil
}

// TargetError says that a patch does not fit a package. It is an ErrTarget.
type TargetError struct {
	Patch       *Patch
	ProductCode string // of the package
	Version     string
	Wanted      []Target
	Reasons     []error // for each of Wanted, mostly *msi.MismatchError
}

func (e *TargetError) Error() string {
	s := fmt.Sprintf("msp: %s does not fit %s %s", e.Patch.Name(), e.ProductCode, e.Version)
	if len(e.Wanted) == 0 {
		return s + ": it holds no transform"
	}
	const most = 8
	var wanted []string
	for _, t := range e.Wanted {
		if text := t.ProductCode + " " + t.Version; !slices.Contains(wanted, text) {
			wanted = append(wanted, text)
		}
	}
	if len(wanted) > most {
		wanted = append(wanted[:most], fmt.Sprintf("%d more", len(wanted)-most))
	}
	s += "; it is for " + strings.Join(wanted, ", ")
	said := make(map[string]bool)
	for _, reason := range e.Reasons {
		if text := reason.Error(); !said[text] && len(said) < most {
			said[text] = true
			s += "; " + text
		}
	}
	return s
}

func (e *TargetError) Unwrap() error { return ErrTarget }

// Apply works out what the patches make of the package in base, which is not
// changed; base may be that of an administrative image. Patches are put in order
// by their families and sequences, in the order given where these say nothing; a
// patch that only fits what another one makes of the package comes after it.
// What another patch supersedes or makes obsolete is skipped, unless the other one
// does not fit without it. The error is an *AppliedError where a patch is in the
// package already, a *TargetError where one does not fit, that of ctx, or one of
// Patch.Contents.
func Apply(ctx context.Context, base *msi.Database, patches ...*Patch) (*Plan, error) {
	product := base.Property("ProductCode")
	needed := map[*Patch]bool{}
	for {
		chosen, skipped := choose(patches, needed, product)
		plan, err := applyAll(ctx, base, chosen)
		var unfit *TargetError
		if !errors.As(err, &unfit) {
			if plan != nil {
				plan.Skipped = skipped
			}
			return plan, err
		}
		// A patch that supersedes others may still be made for what these make of the
		// package.
		more := false
		for _, s := range skipped {
			if s.by == unfit.Patch && !needed[s.Patch] {
				needed[s.Patch], more = true, true
			}
		}
		if !more {
			return nil, err
		}
	}
}

// applyAll applies patches in their order.
func applyAll(ctx context.Context, base *msi.Database, pending []*Patch) (*Plan, error) {
	plan := &Plan{Database: base.Clone(), Full: base.Clone(), Files: make(map[string]*File)}
	product := plan.Database.Property("ProductCode")
	for len(pending) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		next := -1
		var mismatch error
		var pair *Pair
		for i, p := range pending {
			if slices.ContainsFunc(pending, func(o *Patch) bool { return o != p && before(o, p, product) }) {
				continue
			}
			fits, err := plan.pairFor(p)
			if err == nil {
				next, pair = i, fits
				break
			}
			if mismatch == nil {
				mismatch = err
			}
		}
		if next < 0 && mismatch == nil {
			return nil, fmt.Errorf("msp: the families of %s and other patches put each before the other: %w", pending[0].Name(), ErrFormat)
		}
		if next < 0 {
			return nil, appliedOr(mismatch, base, pending)
		}
		p := pending[next]
		pending = slices.Delete(pending, next, next+1)
		if err := plan.apply(ctx, p, pair); err != nil {
			err = fmt.Errorf("msp: %s, transform %s: %w", p.Name(), pair.Name, err)
			if errors.Is(err, msi.ErrTransform) {
				err = appliedOr(err, base, []*Patch{p})
			}
			return nil, err
		}
	}
	plan.Cabinets = slices.DeleteFunc(plan.Cabinets, func(c *Cabinet) bool { return len(c.Members) == 0 })
	return plan, nil
}

// pairFor chooses the first pair of transforms whose conditions hold for the
// package as it is now.
func (plan *Plan) pairFor(p *Patch) (*Pair, error) {
	e := &TargetError{Patch: p, ProductCode: plan.Database.Property("ProductCode"), Version: plan.Database.Property("ProductVersion"), Wanted: p.Targets()}
	for _, pair := range p.Pairs {
		err := p.listed(e.ProductCode)
		if err == nil {
			err = pair.Main.Validate(plan.Database)
		}
		if err == nil {
			return pair, nil
		}
		e.Reasons = append(e.Reasons, err)
	}
	return nil, e
}

// listed reports whether the patch is for a product at all, whatever its
// transforms say.
func (p *Patch) listed(productCode string) error {
	if len(p.Products) == 0 || slices.ContainsFunc(p.Products, func(code string) bool { return strings.EqualFold(code, productCode) }) {
		return nil
	}
	return &msi.MismatchError{Condition: msi.ValidateProduct, Property: "ProductCode", Want: strings.Join(p.Products, " or "), Found: productCode}
}

// apply adds one patch to the plan.
func (plan *Plan) apply(ctx context.Context, p *Patch, pair *Pair) error {
	var ignored []string
	warn := func(message string) {
		ignored = append(ignored, fmt.Sprintf("%s, transform %s: %s", p.Name(), pair.Name, message))
	}
	before := plan.Database.Clone()
	if err := pair.Main.Apply(plan.Database, msi.ApplyOptions{Warn: warn}); err != nil {
		return err
	}
	d, err := msi.Compare(before, plan.Database)
	if err != nil {
		return err
	}
	if len(d.Tables) == 0 {
		ignored = []string{p.Name() + " changes nothing in the tables: it may be applied already"}
	}
	plan.Warnings = append(plan.Warnings, ignored...)
	// What the paired transforms of earlier patches added may be in the way of
	// the next; one that is lost is not an error of the next.
	stacked := msi.ApplyOptions{SkipValidation: true, Ignore: msi.IgnoreAll}
	if err := pair.Main.Apply(plan.Full, stacked); err != nil {
		return err
	}
	plan.Applied = append(plan.Applied, Application{p, pair})
	plan.dropReplaced()
	if pair.Paired == nil {
		return plan.summary(plan.Database)
	}
	alone := plan.Database.Clone()
	if err := pair.Paired.Apply(alone, msi.ApplyOptions{}); err != nil {
		return fmt.Errorf("paired transform: %w", err)
	}
	main, err := pair.Main.Changes(before)
	if err != nil {
		return err
	}
	paired, err := pair.Paired.Changes(plan.Database)
	if err != nil {
		return err
	}
	n, err := readNumbering(main, paired, before.Table("File"))
	if err != nil {
		return err
	}
	if err := n.renumber(plan.Full); err != nil {
		return err
	}
	stacked.Rewrite = n.rewrite
	if err := pair.Paired.Apply(plan.Full, stacked); err != nil {
		return err
	}
	contents, err := p.Contents(ctx)
	if err != nil {
		return err
	}
	if err := plan.members(p, pair, n, contents); err != nil {
		return err
	}
	return plan.summary(alone)
}

// dropReplaced forgets what earlier patches did to files that are gone now.
func (plan *Plan) dropReplaced() {
	table := plan.Full.Table("File")
	gone := make(map[string]bool)
	for key := range plan.Files {
		found := false
		if table != nil {
			_, found = table.Find(msi.String(key))
		}
		if !found {
			gone[key] = true
			delete(plan.Files, key)
		}
	}
	plan.unwant(gone, nil)
}

// unwant takes members out of the plan, except those of one patch.
func (plan *Plan) unwant(keys map[string]bool, except *Patch) {
	for _, c := range plan.Cabinets {
		if c.Patch != except {
			c.Members = slices.DeleteFunc(c.Members, func(m *Member) bool { return keys[m.Key] })
		}
	}
}

// summary changes the summary information of the image as properties in the
// patched database ask for (Windows Installer: PATCHNEWPACKAGECODE,
// PATCHNEWSUMMARYSUBJECT and PATCHNEWSUMMARYCOMMENTS Properties).
func (plan *Plan) summary(patched *msi.Database) error {
	for _, p := range []struct {
		property string
		id       msi.PropertyID
	}{
		{"PATCHNEWPACKAGECODE", msi.PIDRevision},
		{"PATCHNEWSUMMARYSUBJECT", msi.PIDSubject},
		{"PATCHNEWSUMMARYCOMMENTS", msi.PIDComments},
	} {
		v := patched.Property(p.property)
		if v == "" {
			continue
		}
		for _, db := range []*msi.Database{plan.Database, plan.Full} {
			err := db.Summary().SetString(p.id, v)
			if errors.Is(err, msi.ErrCodePage) {
				// The summary information has a code page of its own.
				if err = db.Summary().SetCodePage(patched.CodePage()); err == nil {
					err = db.Summary().SetString(p.id, v)
				}
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// members notes which members of the patch's cabinets are wanted.
func (plan *Plan) members(p *Patch, pair *Pair, n *numbering, contents *Contents) error {
	cabinets := make(map[int32]*Cabinet)
	for _, m := range n.media {
		if m.stream() == "" {
			continue
		}
		c := &Cabinet{Patch: p, Stream: m.stream(), DiskID: m.diskID}
		plan.Cabinets = append(plan.Cabinets, c)
		cabinets[m.diskID] = c
	}
	var list []*Member
	for _, f := range n.files {
		list = append(list, &Member{Key: f.key, Sequence: f.sequence})
	}
	for _, d := range n.deltas {
		list = append(list, &Member{Key: d.key, Sequence: d.sequence, Delta: true, Size: d.size, Optional: d.optional})
	}
	slices.SortStableFunc(list, func(a, b *Member) int { return int(a.Sequence) - int(b.Sequence) })
	type nameInCabinet struct {
		cabinet *Cabinet
		key     string
	}
	seen := make(map[nameInCabinet]int)
	for _, m := range list {
		media := n.mediaOf(m.Sequence)
		if media == nil || cabinets[media.diskID] == nil {
			return fmt.Errorf("file %s, sequence %d: no cabinet of the patch holds it: %w", m.Key, m.Sequence, ErrFormat)
		}
		if !m.Delta {
			if err := setSequence(plan.Full, m.Key, m.Sequence); err != nil {
				return err
			}
		}
		m.Cabinet = cabinets[media.diskID]
		name := nameInCabinet{m.Cabinet, m.Key}
		m.Content = contents.byName[memberName{m.Cabinet.Stream, m.Key, seen[name]}]
		seen[name]++
		if m.Content != nil {
			m.Use = m.Content.use(pair, m.Delta)
		}
		m.Cabinet.Members = append(m.Cabinet.Members, m)
	}
	// What came before a whole file does not matter any more.
	replaced := make(map[string]bool)
	for _, m := range list {
		if !m.Delta {
			replaced[m.Key] = true
			plan.Files[m.Key] = &File{Key: m.Key, Whole: m}
		}
	}
	plan.unwant(replaced, p)
	for _, m := range list {
		if !m.Delta {
			continue
		}
		f := plan.Files[m.Key]
		if f == nil {
			f = &File{Key: m.Key}
			plan.Files[m.Key] = f
		}
		f.Deltas = append(f.Deltas, m)
	}
	return nil
}

func setSequence(db *msi.Database, key string, sequence int32) error {
	row, ok := db.Table("File").Find(msi.String(key))
	if !ok {
		return fmt.Errorf("file %s: its row is gone: %w", key, ErrFormat)
	}
	return row.SetCol("Sequence", msi.Int(sequence))
}
