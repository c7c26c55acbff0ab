package manifest

import "slices"

// A rowIndex finds the rows that a file may be paired with. Manifests and targets may
// have thousands of files of one name, so that no search goes through all of them.
type rowIndex struct {
	taken  func(row int) bool
	byPath map[[2]string][]int // by folded name and folded path
	any    map[string]*rowList // by folded name
	exact  map[[2]string]*rowList
	plain  map[string]*rowList // without version
}

// A rowList is rows in ascending order.
type rowList struct {
	rows []int
	free []int // the end of rows, from the first on that was free when it was looked at
}

// newRowIndex indexes the rows of a manifest. taken reports whether a row is paired,
// which rows only ever become.
func newRowIndex(m *Manifest, taken func(row int) bool) *rowIndex {
	x := &rowIndex{taken: taken, byPath: map[[2]string][]int{}, any: map[string]*rowList{}, exact: map[[2]string]*rowList{}, plain: map[string]*rowList{}}
	for i := range m.Files {
		r := &m.Files[i]
		name := fold(r.Name)
		if r.Path != "" {
			at := [2]string{name, fold(r.Path)}
			x.byPath[at] = append(x.byPath[at], i)
		}
		addRow(x.any, name, i)
		addRow(x.exact, [2]string{name, r.Platform}, i)
		if r.Version == "" {
			addRow(x.plain, name, i)
		}
	}
	return x
}

func addRow[K comparable](lists map[K]*rowList, key K, row int) {
	l := lists[key]
	if l == nil {
		l = &rowList{}
		lists[key] = l
	}
	l.rows = append(l.rows, row)
	l.free = l.rows
}

// firstFree returns the first free row of several lists, -1 where there is none.
func (x *rowIndex) firstFree(lists ...*rowList) int {
	first := -1
	for _, l := range lists {
		if l == nil {
			continue
		}
		for len(l.free) > 0 && x.taken(l.free[0]) {
			l.free = l.free[1:]
		}
		if len(l.free) > 0 && (first < 0 || l.free[0] < first) {
			first = l.free[0]
		}
	}
	return first
}

// accepting are the lists of the rows that accept the platform of a file.
func (x *rowIndex) accepting(a *Actual) []*rowList {
	name := fold(a.Name)
	lists := []*rowList{x.exact[[2]string{name, ""}], x.exact[[2]string{name, a.Platform}]}
	if a.Platform == "" {
		lists = append(lists, x.plain[name])
	}
	return lists
}

// samePath returns the first row with the path of a file that fits.
func (x *rowIndex) samePath(a *Actual, fits func(row int) bool) int {
	rows := x.byPath[[2]string{fold(a.Name), fold(a.Path)}]
	if i := slices.IndexFunc(rows, fits); i >= 0 {
		return rows[i]
	}
	return -1
}

// A furtherIndex finds, while no row becomes taken, the taken row that a further copy of
// its file belongs to.
type furtherIndex struct {
	*rowIndex
	m     *Manifest
	known map[*rowList]int // the first taken row without a path
}

func (x *furtherIndex) row(a *Actual) int {
	first := x.samePath(a, x.taken)
	for _, l := range x.accepting(a) {
		if l == nil {
			continue
		}
		row, ok := x.known[l]
		if !ok {
			row = -1
			if i := slices.IndexFunc(l.rows, func(i int) bool { return x.m.Files[i].Path == "" && x.taken(i) }); i >= 0 {
				row = l.rows[i]
			}
			x.known[l] = row
		}
		if row >= 0 && (first < 0 || row < first) {
			first = row
		}
	}
	return first
}
