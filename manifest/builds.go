package manifest

import (
	"slices"
	"strconv"
)

// builds are the rows of other known manifests, to name the build that a file is.
type builds struct {
	manifests []*Manifest
	byVersion map[buildKey]int // the first of the manifests that lists it
	bySize    map[buildKey]int
}

type buildKey struct{ name, platform, what string }

// newBuilds indexes the manifests but m.
func newBuilds(m *Manifest, known []*Manifest) *builds {
	b := &builds{byVersion: map[buildKey]int{}, bySize: map[buildKey]int{}}
	for _, other := range known {
		if other.name() == m.name() {
			continue
		}
		b.manifests = append(b.manifests, other)
		at := len(b.manifests) - 1
		for i := range other.Files {
			row := &other.Files[i]
			addBuild(b.byVersion, buildKey{fold(row.Name), row.Platform, versionKey(row.Version)}, at)
			if row.Size != nil {
				addBuild(b.bySize, buildKey{fold(row.Name), row.Platform, strconv.FormatInt(*row.Size, 10)}, at)
			}
		}
	}
	return b
}

func addBuild(index map[buildKey]int, key buildKey, at int) {
	if _, known := index[key]; !known {
		index[key] = at
	}
}

// nameBuild says to which other known manifest a wrong build belongs.
func (b *builds) nameBuild(c *Checked) {
	var found []int
	look := func(index map[buildKey]int, what string) {
		for _, platform := range []string{"", c.Actual.Platform} {
			if at, ok := index[buildKey{fold(c.Name), platform, what}]; ok {
				found = append(found, at)
			}
		}
	}
	if slices.Contains(c.Differences, VersionMismatch) && c.Actual.Version != "" {
		look(b.byVersion, versionKey(c.Actual.Version))
	}
	if slices.Contains(c.Differences, SizeMismatch) && c.Expected.Version == "" {
		look(b.bySize, strconv.FormatInt(c.Actual.Size, 10))
	}
	if len(found) == 0 {
		return
	}
	c.BuildOf = b.manifests[slices.Min(found)].name()
	c.hint("this is the build of %s", c.BuildOf)
}
