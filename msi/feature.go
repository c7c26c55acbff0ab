package msi

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// A componentRecord is what is known of the row of the Component table at the same
// place.
type componentRecord struct {
	folder uint32 // into Model.folders
	use    uint32 // into Model.uses
}

// The columns of Model.componentRows.
const (
	componentKey = iota
	componentGUID
	componentDirectory
	componentAttributes
	componentCondition
	componentKeyPath
)

// Component is a row of the Component table.
type Component struct {
	model *Model
	row   int
}

func (c Component) text(column int) string { return c.model.componentRows.text(c.row, column) }

func (c Component) record() componentRecord { return c.model.components[c.row] }

// Key returns the primary key.
func (c Component) Key() string { return c.text(componentKey) }

// GUID returns the identifier, "" where the component is not registered.
func (c Component) GUID() string { return c.text(componentGUID) }

// Directory returns the directory that the component's files are in.
func (c Component) Directory() *Directory { return c.model.folders[c.record().folder] }

// Attributes returns the bits of the column of that name.
func (c Component) Attributes() int32 {
	return c.model.componentRows.number(c.row, componentAttributes)
}

// Condition returns the condition on which the component is installed.
func (c Component) Condition() string { return c.text(componentCondition) }

// KeyPath returns the key of the file, registry value or data source that shows that
// the component is installed.
func (c Component) KeyPath() string { return c.text(componentKeyPath) }

// Features returns the features that name the component, in the order of the
// FeatureComponents table.
func (c Component) Features() []*Feature {
	var features []*Feature
	for use := c.model.uses[c.record().use]; use.feature != nil; use = c.model.uses[use.before] {
		features = append(features, use.feature)
	}
	slices.Reverse(features)
	return features
}

// LeftOut returns nil for a component of which at least one feature is installed, and
// for all of them in a package without features.
func (c Component) LeftOut() *LeftOut {
	use := c.model.uses[c.record().use]
	switch {
	case len(c.model.Features) == 0 || use.installed:
		return nil
	case use.leftOutBy == nil:
		return &LeftOut{Reason: fmt.Sprintf("no feature names component %s", c.Key())}
	}
	return &LeftOut{Feature: use.leftOutBy, Reason: fmt.Sprintf("feature %s has Level 0", use.leftOutBy.Key)}
}

// A featureUse is a list of features that name a component: one behind those of
// another use. Components with the same features share it. The first one is that of no
// feature.
type featureUse struct {
	before    uint32   // into Model.uses
	feature   *Feature // nil in the first
	installed bool     // at least one of the features is
	leftOutBy *Feature // that of the first feature that is left out
}

// Feature is a row of the Feature table.
type Feature struct {
	Key         string
	Parent      *Feature
	Title       string
	Description string
	Level       int32
	Attributes  int32

	leftOutBy *Feature // the nearest feature with Level 0, or nil
}

// LeftOut reports whether an administrative installation leaves the feature
// out: it, or a feature above it, is authored with Level 0. The second result is
// the feature that says so.
func (f *Feature) LeftOut() (bool, *Feature) { return f.leftOutBy != nil, f.leftOutBy }

// LeftOut says why an administrative installation leaves a file out.
type LeftOut struct {
	// Feature is the feature with Level 0 that holds the file; nil where no
	// feature names the component.
	Feature *Feature
	Reason  string
}

func (m *Model) readComponents(ctx context.Context, db *Database, components *byKey) error {
	rows, folders := &m.componentRows, make(map[uint32]uint32)
	m.components = make([]componentRecord, rows.len())
	for i := range m.components {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := rows.short(i, componentKey); err != nil {
			return err
		}
		ref := rows.ref(i, componentDirectory)
		folder, known := folders[ref]
		if !known || ref == 0 { // 0 may stand for another text in each row
			d, err := m.directory(rows.row(i), rows.text(i, componentDirectory))
			if err != nil {
				return err
			}
			folder = uint32(len(m.folders))
			m.folders = append(m.folders, d)
			folders[ref] = folder
		}
		m.components[i].folder = folder
		components.add(rows.ref(i, componentKey), i)
	}
	return nil
}

func (m *Model) readFeatures(db *Database, components *byKey) error {
	features := make(map[string]*Feature)
	rows := db.rows("Feature")
	for row := range rows {
		if err := short(row, "Feature"); err != nil {
			return err
		}
		f := &Feature{Key: row.String("Feature"), Title: row.String("Title"), Description: row.String("Description")}
		f.Level, _ = row.Int("Level")
		f.Attributes, _ = row.Int("Attributes")
		features[f.Key] = f
		m.Features = append(m.Features, f)
	}
	for row := range rows {
		key, parent := row.String("Feature"), row.String("Feature_Parent")
		if parent == "" || parent == key {
			continue
		}
		if features[key].Parent = features[parent]; features[parent] == nil {
			m.dangling(row, "feature", parent, "the feature counts as one of the top")
		}
	}
	for _, f := range m.Features {
		for depth, up := 0, f; up != nil; depth, up = depth+1, up.Parent {
			if depth > maxDepth {
				return fmt.Errorf("msi: table Feature, row %s: more than %d levels, or a cycle: %w", f.Key, maxDepth, ErrFormat)
			}
			if up.Level == 0 && f.leftOutBy == nil {
				f.leftOutBy = up
			}
		}
	}
	m.linkFeatures(db, features, components)
	return nil
}

// linkFeatures reads which feature has which components.
func (m *Model) linkFeatures(db *Database, features map[string]*Feature, components *byKey) {
	type step struct {
		use     uint32
		feature *Feature
	}
	steps := make(map[step]uint32)
	m.uses = []featureUse{{}}
	const feature, component = 0, 1
	rows := newRowList(db, "FeatureComponents", "Feature_", "Component_")
	for i := range rows.len() {
		f := features[rows.text(i, feature)]
		c, ok := components.find(rows.ref(i, component))
		const consequence = "the row is passed over"
		if f == nil {
			m.dangling(rows.row(i), "feature", rows.text(i, feature), consequence)
			continue
		}
		if !ok {
			m.dangling(rows.row(i), "component", rows.text(i, component), consequence)
			continue
		}
		before := m.components[c].use
		use, known := steps[step{before, f}]
		if !known {
			use = uint32(len(m.uses))
			steps[step{before, f}] = use
			m.uses = append(m.uses, m.uses[before].with(before, f))
		}
		m.components[c].use = use
	}
}

// with returns the use of one more feature, which comes behind the use at before.
func (u featureUse) with(before uint32, f *Feature) featureUse {
	out, by := f.LeftOut()
	return featureUse{before: before, feature: f, installed: u.installed || !out, leftOutBy: cmp.Or(u.leftOutBy, by)}
}
