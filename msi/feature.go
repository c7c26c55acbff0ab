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
}

// LeftOut reports whether an administrative installation leaves the feature
// out: it, or a feature above it, is authored with Level 0. The second result is
// the feature that says so.
func (f *Feature) LeftOut() (bool, *Feature) {
	for ; f != nil; f = f.Parent {
		if f.Level == 0 {
			return true, f
		}
	}
	return false, nil
}

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
	for _, row := range db.rows("Component") {
		c := &Component{
			Key:       row.String("Component"),
			GUID:      row.String("ComponentId"),
			Condition: row.String("Condition"),
			KeyPath:   row.String("KeyPath"),
		}
		c.Attributes, _ = row.Int("Attributes")
		key := row.String("Directory_")
		if c.Directory = m.Directories[key]; c.Directory == nil {
			c.Directory = m.missingDirectory(key)
		}
		m.Components[c.Key] = c
	}
	return nil
}

func (m *Model) readFeatures(db *Database) error {
	features := make(map[string]*Feature)
	rows := db.rows("Feature")
	for _, row := range rows {
		f := &Feature{Key: row.String("Feature"), Title: row.String("Title"), Description: row.String("Description")}
		f.Level, _ = row.Int("Level")
		f.Attributes, _ = row.Int("Attributes")
		features[f.Key] = f
		m.Features = append(m.Features, f)
	}
	for _, row := range rows {
		key, parent := row.String("Feature"), row.String("Feature_Parent")
		if parent == "" || parent == key {
			continue
		}
		if features[parent] == nil {
			return missing(row, "feature", parent)
		}
		features[key].Parent = features[parent]
	}
	for _, f := range m.Features {
		for depth, up := 0, f; up != nil; depth, up = depth+1, up.Parent {
			if depth > maxDepth {
				return fmt.Errorf("msi: table Feature, row %s: more than %d levels, or a cycle: %w", f.Key, maxDepth, ErrFormat)
			}
		}
	}
	for _, row := range db.rows("FeatureComponents") {
		f, c := features[row.String("Feature_")], m.Components[row.String("Component_")]
		if f == nil {
			return missing(row, "feature", row.String("Feature_"))
		}
		if c == nil {
			return missing(row, "component", row.String("Component_"))
		}
		f.Components = append(f.Components, c)
		c.Features = append(c.Features, f)
	}
	return nil
}
