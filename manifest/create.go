package manifest

import (
	"cmp"
	"errors"
	"iter"
	"slices"
)

// Create makes a manifest of files as they are, so that a later build can be
// compared with them. The files should have been inspected with SHA-256. Rows are
// sorted by path. The caller adds id, title and what else it knows. It goes on
// after an error of the sequence; the errors are returned together with the
// manifest of the rest.
func Create(files iter.Seq2[*Actual, error]) (*Manifest, error) {
	m := &Manifest{Files: []Row{}}
	var errs []error
	for a, err := range files {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		m.Files = append(m.Files, Row{
			Name:     a.Name,
			Path:     a.Path,
			Version:  a.Version,
			Size:     Bytes(a.Size),
			Date:     a.Date,
			Time:     a.Time,
			Platform: a.Platform,
			SHA256:   a.SHA256,
		})
		for _, p := range a.Problems {
			m.Warnings = append(m.Warnings, Warning{Text: a.Path, Message: p})
		}
	}
	slices.SortStableFunc(m.Files, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Name, b.Name))
	})
	return m, errors.Join(errs...)
}
