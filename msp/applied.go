package msp

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/msi"
)

// AppliedError says that a package holds everything that a patch changes. It is an
// ErrApplied.
type AppliedError struct{ Patch *Patch }

func (e *AppliedError) Error() string {
	return fmt.Sprintf("%v: the package holds everything that %s changes", ErrApplied, e.Patch.Name())
}

func (e *AppliedError) Unwrap() error { return ErrApplied }

// appliedOr returns err, which patches that cannot be applied gave, or that the
// package holds one of them already.
func appliedOr(err error, base *msi.Database, patches []*Patch) error {
	for _, p := range patches {
		if p.appliedTo(base) {
			return &AppliedError{p}
		}
	}
	return err
}

// appliedTo reports whether one of the main transforms changes nothing in the tables
// of a package of a product that it is for.
func (p *Patch) appliedTo(base *msi.Database) bool {
	product := base.Property("ProductCode")
	return slices.ContainsFunc(p.Pairs, func(pair *Pair) bool {
		codes := []string{pair.Main.OldProductCode, pair.Main.NewProductCode}
		if !slices.ContainsFunc(codes, func(code string) bool { return strings.EqualFold(code, product) }) {
			return false
		}
		patched := base.Clone()
		// A row to be changed that is not there says that the patch was not applied.
		err := pair.Main.Apply(patched, msi.ApplyOptions{SkipValidation: true, Ignore: msi.IgnoreAll &^ msi.IgnoreUpdateMissingRow})
		if err != nil {
			return false
		}
		d, err := msi.Compare(base, patched)
		return err == nil && len(d.Tables) == 0
	})
}
