package distpoint

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// SortPatches puts patches in the order in which PATCH names them, and notes in
// each what decided. Where no order is given, the patch families decide that the
// patches belong to, then which patch replaces which, and last the KB numbers: a
// higher number is not always newer code. An order must name the KB number of
// every patch. Product is the product code of the client, "" where it is unknown.
func SortPatches(patches []Patch, order []string, product string) ([]Patch, error) {
	if len(order) > 0 {
		return asOrdered(patches, order)
	}
	sorted := slices.Clone(patches)
	slices.SortStableFunc(sorted, func(a, b Patch) int {
		return cmp.Or(cmp.Compare(len(a.KB), len(b.KB)), cmp.Compare(a.KB, b.KB), cmp.Compare(strings.ToLower(a.Path), strings.ToLower(b.Path)))
	})
	g := newPrecedence(sorted, product)
	var result []Patch
	done := make([]bool, len(sorted))
	for range sorted {
		next := g.next(done)
		done[next] = true
		p := sorted[next]
		if p.Rule = g.rules[next]; p.Rule == "" && len(result) > 0 {
			p.Rule = "by its KB number: nothing in the patches decides"
		}
		result = append(result, p)
	}
	return result, nil
}

// A precedence says which patches come before which. It never has a cycle.
type precedence struct {
	before [][]int  // by patch: those that come before it
	rules  []string // by patch: why
}

func newPrecedence(patches []Patch, product string) *precedence {
	g := &precedence{before: make([][]int, len(patches)), rules: make([]string, len(patches))}
	g.add(patches, "patch family", func(a, b Patch) bool { return agree(a, b, product, familyBefore) })
	g.add(patches, "it replaces that one", func(a, b Patch) bool { return agree(a, b, product, replacedBy) })
	return g
}

// add notes the pairs in which a comes before b, unless an earlier rule says the
// contrary.
func (g *precedence) add(patches []Patch, rule string, comesBefore func(a, b Patch) bool) {
	for i, a := range patches {
		for j, b := range patches {
			if i == j || !comesBefore(a, b) || slices.Contains(g.before[j], i) || g.reaches(j, i) {
				continue
			}
			g.before[j] = append(g.before[j], i)
			if g.rules[j] != "" {
				g.rules[j] += "; "
			}
			g.rules[j] += fmt.Sprintf("after %s: %s", a.KB, rule)
		}
	}
}

// reaches reports whether patch i comes before patch j already, directly or not.
func (g *precedence) reaches(i, j int) bool {
	seen := make([]bool, len(g.before))
	open := []int{j}
	for len(open) > 0 {
		at := open[len(open)-1]
		open = open[:len(open)-1]
		if at == i {
			return true
		}
		if !seen[at] {
			seen[at] = true
			open = append(open, g.before[at]...)
		}
	}
	return false
}

// next is the first patch that is not done and has none before it that is not.
func (g *precedence) next(done []bool) int {
	for i, before := range g.before {
		if !done[i] && !slices.ContainsFunc(before, func(j int) bool { return !done[j] }) {
			return i
		}
	}
	return -1 // not with an undone patch: there is no cycle
}

// familyBefore: the patch families put a before b.
func familyBefore(a, b Patch, product string) bool { return a.patch.Precedes(b.patch, product) }

// replacedBy: b makes a needless.
func replacedBy(a, b Patch, product string) bool { return b.patch.Replaces(a.patch, product) }

// agree reports whether a rule holds for the client, or for each product that both
// patches are for where the client is unknown.
func agree(a, b Patch, product string, rule func(a, b Patch, product string) bool) bool {
	if a.patch == nil || b.patch == nil {
		return false
	}
	products := []string{product}
	if product == "" {
		products = slices.DeleteFunc(slices.Clone(a.patch.Products), func(code string) bool {
			return !slices.ContainsFunc(b.patch.Products, func(other string) bool { return strings.EqualFold(code, other) })
		})
	}
	for _, code := range products {
		if !rule(a, b, code) {
			return false
		}
	}
	return len(products) > 0
}

// asOrdered puts patches in the order of a list of KB numbers.
func asOrdered(patches []Patch, order []string) ([]Patch, error) {
	rank := map[string]int{}
	for i, kb := range order {
		number, err := ParseKB(kb)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrProperty, err)
		}
		if _, twice := rank[number]; twice {
			return nil, fmt.Errorf("%w: the order names %s twice", ErrProperty, number)
		}
		rank[number] = i
	}
	sorted := slices.Clone(patches)
	for _, p := range sorted {
		if _, ok := rank[p.KB]; !ok {
			return nil, fmt.Errorf("%w: the order does not name %s, which is among the patches", ErrProperty, p.KB)
		}
	}
	slices.SortStableFunc(sorted, func(a, b Patch) int { return cmp.Compare(rank[a.KB], rank[b.KB]) })
	for i := range sorted {
		if sorted[i].Rule = ""; i > 0 {
			sorted[i].Rule = "as the order that was given says"
		}
	}
	return sorted, nil
}

// explainOrder is a sentence about the order of patches and what decided it.
func explainOrder(patches []Patch) string {
	var words []string
	for _, p := range patches {
		word := p.KB + ", " + p.name()
		if p.Rule != "" {
			word += " (" + p.Rule + ")"
		}
		words = append(words, word)
	}
	return strings.Join(words, "; ") + "."
}
