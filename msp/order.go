package msp

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// sequencesFor returns the places of a patch in its families, as far as they
// count for a product.
func (p *Patch) sequencesFor(productCode string) map[string]Sequence {
	families := make(map[string]Sequence)
	for _, s := range p.Sequences {
		if s.ProductCode == "" && families[s.Family].ProductCode == "" || strings.EqualFold(s.ProductCode, productCode) {
			families[s.Family] = s
		}
	}
	return families
}

// compareSequences orders the numbers of two patches of one family.
func compareSequences(a, b string) int {
	return slices.Compare(sequenceFields(a), sequenceFields(b))
}

// sequenceFields reads up to four numbers; what is missing is 0.
func sequenceFields(s string) []int {
	fields := make([]int, 4)
	for i, f := range strings.SplitN(s, ".", len(fields)) {
		if n, err := strconv.Atoi(strings.TrimSpace(f)); err == nil {
			fields[i] = n
		}
	}
	return fields
}

// before reports whether the families that two patches share put a before b.
// Families that contradict each other say nothing.
func before(a, b *Patch, productCode string) bool {
	earlier, later := false, false
	others := b.sequencesFor(productCode)
	for family, s := range a.sequencesFor(productCode) {
		other, ok := others[family]
		if !ok {
			continue
		}
		switch c := compareSequences(s.Sequence, other.Sequence); {
		case c < 0:
			earlier = true
		case c > 0:
			later = true
		}
	}
	return earlier && !later
}

// superseded tells which of the others makes a patch unnecessary, and why.
func superseded(p *Patch, others []*Patch, productCode string) (by *Patch, reason string) {
	for _, o := range others {
		if o == p {
			continue
		}
		if slices.ContainsFunc(o.Obsoletes, func(code string) bool { return strings.EqualFold(code, p.Code) }) {
			return o, fmt.Sprintf("%s makes it obsolete", o.Name())
		}
		if supersedes(o, p, productCode) {
			return o, fmt.Sprintf("%s supersedes it", o.Name())
		}
	}
	return nil, ""
}

// supersedes reports whether a patch supersedes an earlier one: in every family
// of that one it must be later and say so (Windows Installer: MsiPatchSequence
// Table, Attributes).
func supersedes(later, earlier *Patch, productCode string) bool {
	families := earlier.sequencesFor(productCode)
	others := later.sequencesFor(productCode)
	for family, s := range families {
		other, ok := others[family]
		if !ok || !other.Supersedes || compareSequences(s.Sequence, other.Sequence) >= 0 {
			return false
		}
	}
	return len(families) > 0
}

// choose removes the patches that need not be applied, except those that are needed.
func choose(patches []*Patch, needed map[*Patch]bool, productCode string) (chosen []*Patch, skipped []Skip) {
	for i, p := range patches {
		if slices.ContainsFunc(patches[:i], func(o *Patch) bool { return strings.EqualFold(o.Code, p.Code) }) {
			skipped = append(skipped, Skip{Patch: p, Reason: "it is named twice"})
			continue
		}
		if by, reason := superseded(p, patches, productCode); by != nil && !needed[p] {
			skipped = append(skipped, Skip{Patch: p, Reason: reason, by: by})
			continue
		}
		chosen = append(chosen, p)
	}
	return chosen, skipped
}

// Precedes reports whether the families that two patches share put p before
// other, for a product. Families that contradict each other say nothing.
func (p *Patch) Precedes(other *Patch, productCode string) bool {
	return before(p, other, productCode)
}

// Replaces reports whether p makes other needless for a product: it names it as
// obsolete, or supersedes it in all of its families.
func (p *Patch) Replaces(other *Patch, productCode string) bool {
	by, _ := superseded(other, []*Patch{p}, productCode)
	return by != nil
}
