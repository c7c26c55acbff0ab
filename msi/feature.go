package msi

import (
	"cmp"
	"fmt"
)

// Component is a row of the Component table.
type Component struct {
	Key        string
	GUID       string // "" where the component is not registered
	Directory  *Directory
	Attributes int32
	Condition  string
	KeyPath    string
	Features   []*Feature // those that name it
	// LeftOut is nil for a component that an administrative image holds, and
	// for all of them in a package without features.
	LeftOut *LeftOut
}

// Feature is a row of the Feature table.
type Feature struct {
	Key         string
	Parent      *Feature
	Title       string
	Description string
	Level       int32
	Attributes  int32
	Components  []*Component

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

// leftOut returns nil for a component of which at least one feature is
// installed.
func (c *Component) leftOut() *LeftOut {
	var by *Feature
	for _, f := range c.Features {
		out, feature := f.LeftOut()
		if !out {
			return nil
		}
		by = cmp.Or(by, feature)
	}
	if by == nil {
		return &LeftOut{Reason: fmt.Sprintf("no feature names component %s", c.Key)}
	}
	return &LeftOut{Feature: by, Reason: fmt.Sprintf("feature %s has Level 0", by.Key)}
}

func (m *Model) readComponents(db *Database) error {
	column := db.columnOf("Component", "Component")
	all := make([]Component, db.count("Component"))
	for row := range db.rows("Component") {
		if err := short(row, "Component"); err != nil {
			return err
		}
		c := &all[0]
		all = all[1:]
		*c = Component{
			Key:       row.String("Component"),
			GUID:      row.String("ComponentId"),
			Condition: row.String("Condition"),
			KeyPath:   row.String("KeyPath"),
		}
		c.Attributes, _ = row.Int("Attributes")
		var err error
		if c.Directory, err = m.directory(row, row.String("Directory_")); err != nil {
			return err
		}
		m.components.add(row.ref(column), c)
	}
	return nil
}

func (m *Model) readFeatures(db *Database) error {
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
	m.linkFeatures(db, features)
	return nil
}

// linkFeatures reads which feature has which components, and derives which
// components are left out.
func (m *Model) linkFeatures(db *Database, features map[string]*Feature) {
	column := db.columnOf("FeatureComponents", "Component_")
	for row := range db.rows("FeatureComponents") {
		f, c := features[row.String("Feature_")], m.components.find(row.ref(column))
		const consequence = "the row is passed over"
		if f == nil {
			m.dangling(row, "feature", row.String("Feature_"), consequence)
			continue
		}
		if c == nil {
			m.dangling(row, "component", row.String("Component_"), consequence)
			continue
		}
		f.Components = append(f.Components, c)
		c.Features = append(c.Features, f)
	}
	if len(m.Features) == 0 {
		return
	}
	for _, ref := range m.components.refs {
		c := m.components.byRef[ref]
		c.LeftOut = c.leftOut()
	}
}
