package kbarticle

import (
	"fmt"
	"slices"
	"strings"
)

// csvOrder is the order of columns in the file lists that Microsoft publishes
// without a head.
var csvOrder = []kind{colName, colVersion, colSize, colDate, colTime, colPlatform}

// headless reads rows without a head: the continuation of the table before, where
// a page split one; or columns whose every cell can only be of one kind.
func (h *sharer) headless(rows [][]cell, prev *fileTable) *fileTable {
	if prev != nil && prev.kinds != nil && fits(rows, prev.kinds) {
		return &fileTable{
			kinds: prev.kinds, header: prev.header, line: rows[0][0].line, rows: rows,
			notes: []note{{line: rows[0][0].line, text: joinFilled(rows[0]), message: fmt.Sprintf("the table has no headings; its columns are those of the table on line %d, and every cell fits them", prev.line)}},
		}
	}
	kinds, from := h.inferred(rows)
	if kinds == nil {
		kinds, from = csvOrder, 0
		if !h.ordered(rows, kinds) {
			return nil
		}
	}
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.String()
	}
	first := rows[0]
	return &fileTable{
		kinds: kinds, header: first, line: first[0].line, rows: rows[from:],
		notes: []note{{line: first[0].line, text: joinFilled(first), message: "the headings are missing or not known; by their cells, the columns are " + strings.Join(names, ", ")}},
	}
}

// fits tells whether every cell can be in the column of that kind, with a file
// name in each row.
func fits(rows [][]cell, kinds []kind) bool {
	for _, row := range rows {
		if len(row) > len(kinds) || len(row) < 2 {
			return false
		}
		for i, c := range row {
			if !plausible(kinds[i], c.text, false) {
				return false
			}
		}
		if at := slices.Index(kinds, colName); at >= len(row) {
			return false
		}
	}
	return true
}

// ordered tells whether every row can be shared out to the columns in only one
// way: in such lists the comma of a size may stand unquoted.
func (h *sharer) ordered(rows [][]cell, kinds []kind) bool {
	for _, row := range rows {
		if len(row) < 4 || !looksLikeFile(row[0].text) || h.rejoin(row, kinds) == nil {
			return false
		}
	}
	return true
}

// inferable are the kinds that a column can be known by. The first that fits all
// cells is not enough: no second one may fit.
var inferable = []kind{colName, colVersion, colSize, colDate, colTime, colPlatform, colSHA256}

// inferred finds the kinds of columns by their cells, from the first row on that
// is not made of unknown headings.
func (h *sharer) inferred(rows [][]cell) (kinds []kind, from int) {
	if len(rows) > 1 && !slices.ContainsFunc(rows[0], func(c cell) bool { return strings.ContainsAny(c.text, "0123456789") || looksLikeFile(c.text) }) {
		from = 1
	}
	width := len(rows[from])
	if width < 2 || width > maxColumns {
		return nil, 0
	}
	candidates := make([][]kind, width)
	for i := range width {
		candidates[i] = inferable
		filled := false
		for _, row := range rows[from:] {
			if len(row) != width || h.ctx.Err() != nil {
				return nil, 0
			}
			if isNA(row[i].text) {
				continue
			}
			filled = true
			candidates[i] = slices.DeleteFunc(slices.Clone(candidates[i]), func(k kind) bool { return !plausible(k, row[i].text, false) })
		}
		if !filled {
			candidates[i] = []kind{colExtra}
		}
	}
	kinds = make([]kind, width)
	for range width {
		for i, c := range candidates {
			if kinds[i] != colUnknown || len(c) != 1 {
				continue
			}
			kinds[i] = c[0]
			for j := range candidates {
				if j != i && c[0] != colExtra {
					candidates[j] = slices.DeleteFunc(slices.Clone(candidates[j]), func(k kind) bool { return k == c[0] })
				}
			}
		}
	}
	facts := slices.ContainsFunc(kinds, func(k kind) bool { return k == colVersion || k == colSize || k == colDate || k == colSHA256 })
	if slices.Contains(kinds, colUnknown) || !slices.Contains(kinds, colName) || !facts {
		return nil, 0
	}
	return kinds, from
}
