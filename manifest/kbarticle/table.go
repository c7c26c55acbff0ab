package kbarticle

import (
	"fmt"
	"slices"
	"strings"
)

// fileTable is a grid, or a part of one, that lists files.
type fileTable struct {
	block   int    // index of its grid in the document
	title   string // a row of the grid above the headings, if any
	kinds   []kind // of its columns; nil for a table that is turned on its side
	header  []cell
	line    int
	rows    [][]cell
	upright []*record // of parts that are turned on their side
	records []*record // of all, once finish has run
	notes   []note
}

// record is one file: a cell for each kind.
type record struct {
	cells [numKinds]cell
	line  int
}

func (r *record) set(k kind, c cell) {
	if r.cells[k].text == "" {
		r.cells[k] = c
	}
}

func (r *record) hasFacts() bool {
	return r.cells[colVersion].text+r.cells[colSize].text+r.cells[colDate].text+r.cells[colSHA256].text != ""
}

// headerOf tells what the columns below a row of headings hold; nil means that
// the row is not the head of a file table. Such a head names the files and at
// least one thing that identifies them.
func headerOf(row []cell) []kind {
	kinds := make([]kind, len(row))
	known, foreign, named, facts := 0, 0, "", 0
	for i, c := range row {
		if strings.TrimSpace(c.text) == "" {
			continue
		}
		k := headingKind(c.text)
		if k == colUnknown {
			if looksLikeFile(c.text) {
				return nil
			}
			foreign++
			continue
		}
		if k != colDateTime && k != colExtra && slices.Contains(kinds[:i], k) {
			continue
		}
		known++
		kinds[i] = k
		switch k {
		case colName:
			named = wordKey(c.text)
		case colVersion, colSize, colDate, colDateTime, colSHA256:
			facts++
		}
	}
	if named == "" || facts == 0 || weak[named] && facts < 2 || foreign > known {
		return nil
	}
	return kinds
}

// tables finds the file tables of the document, in their order.
func (d *document) tables() ([]*fileTable, error) {
	var all []*fileTable
	last := -1 // block of the last table
	for i, b := range d.blocks {
		if b.table == nil {
			continue
		}
		if err := d.ctx.Err(); err != nil {
			return nil, err
		}
		var prev *fileTable
		if len(all) > 0 {
			prev = all[len(all)-1]
		}
		found, rest := sections(b.grid)
		if len(found) == 0 && len(rest) > 0 {
			if t := d.sharer.headless(rest, prev); t != nil {
				if prev != nil && slices.Equal(t.kinds, prev.kinds) && !d.textBetween(last, i) {
					prev.rows = append(prev.rows, t.rows...)
					prev.notes = append(prev.notes, t.notes...)
					last = i
					continue
				}
				found, rest = []*fileTable{t}, nil
			}
		}
		d.noteUnread(rest)
		for _, t := range found {
			t.block = i
			all = append(all, t)
			last = i
		}
		if len(found) > 0 {
			found[0].notes = append(found[0].notes, b.notes...)
		}
	}
	rows := 0
	for _, t := range all {
		rows += len(t.rows) + len(t.upright)
	}
	if rows > maxRows {
		return nil, fmt.Errorf("%w: the tables have more than %d rows", ErrLimit, maxRows)
	}
	for _, t := range all {
		t.finish(&d.sharer)
		if len(t.records) == 0 {
			if t.kinds != nil {
				d.notes = append(d.notes, note{line: t.line, text: joinFilled(t.header), message: "below these headings, no row could be read"})
			}
			for _, r := range t.upright {
				c := r.cells[colName]
				d.notes = append(d.notes, note{line: c.line, text: c.text, message: "nothing is said of this file but its name; it is left out"})
			}
		}
	}
	if err := d.ctx.Err(); err != nil {
		return nil, err
	}
	if d.sharer.work > maxWork {
		return nil, fmt.Errorf("%w: too many rows do not keep to their columns", ErrLimit)
	}
	return slices.DeleteFunc(all, func(t *fileTable) bool { return len(t.records) == 0 }), nil
}

// noteUnread notes the first of the rows without known headings that looks like a
// file with its version.
func (d *document) noteUnread(rows [][]cell) {
	for _, row := range rows {
		file := slices.ContainsFunc(row, func(c cell) bool { return looksLikeFile(c.text) })
		versioned := slices.ContainsFunc(row, func(c cell) bool {
			v, _ := parseVersion(c.text)
			return strings.Count(v, ".") >= 2
		})
		if file && versioned {
			d.notes = append(d.notes, note{line: row[0].line, text: joinFilled(row), message: "this looks like a file, but the headings of its columns are not known; the rows are left out"})
			return
		}
	}
}

func (d *document) textBetween(from, to int) bool {
	for _, b := range d.blocks[from+1 : to] {
		if b.table != nil || strings.TrimSpace(b.text) != "" {
			return true
		}
	}
	return false
}

// sections splits a grid at its heads. A page may put several tables, each with
// a title, into one; it may repeat the head; it may turn the table on its side,
// with the headings in the first column. Rest is what has no head.
func sections(grid [][]cell) (found []*fileTable, rest [][]cell) {
	var t *fileTable
	var title []cell // a row of one cell, which may announce the next head
	var upright []*record
	drop := func(row []cell) {
		if t != nil && row != nil {
			t.notes = append(t.notes, note{line: row[0].line, text: joinFilled(row), message: "this row is not a file and is left out"})
		}
	}
	for _, row := range grid {
		if filledCells(row) == 0 {
			upright = nil
			continue
		}
		if kinds := headerOf(row); kinds != nil {
			if t == nil || title != nil || !slices.Equal(kinds, t.kinds) {
				t = &fileTable{kinds: kinds, header: row, line: row[0].line, title: joinFilled(title)}
				found = append(found, t)
				title = nil
			}
			continue
		}
		if k, values := sideways(row); k == colName || k != colUnknown && upright != nil {
			if k == colName {
				if t == nil || title != nil {
					t = &fileTable{line: row[0].line, title: joinFilled(title)}
					found = append(found, t)
					title = nil
				}
				upright = nil
				for range values {
					upright = append(upright, &record{line: row[0].line})
				}
				t.upright = append(t.upright, upright...)
			}
			for i, v := range values {
				if i < len(upright) {
					upright[i].set(k, v)
				} else {
					t.notes = append(t.notes, note{line: v.line, text: v.text, message: "this cell belongs to no file and is left out"})
				}
			}
			continue
		}
		upright = nil
		switch {
		case t == nil:
			rest = append(rest, row)
			if filledCells(row) == 1 {
				title = row
			}
		case t.kinds == nil:
			drop(row)
		case filledCells(row) == 1 && !looksLikeFile(joinFilled(row)):
			drop(title)
			title = row
		default:
			drop(title)
			title = nil
			t.rows = append(t.rows, row)
		}
	}
	drop(title)
	return found, rest
}

func joinFilled(row []cell) string {
	var texts []string
	for _, c := range row {
		if c.text != "" {
			texts = append(texts, c.text)
		}
	}
	return strings.Join(texts, " | ")
}

// sideways reads a row of a table that is turned on its side: a heading, then
// the values of one or more files.
func sideways(row []cell) (kind, []cell) {
	k := headingKind(row[0].text)
	if k == colUnknown || len(row) < 2 {
		return colUnknown, nil
	}
	values := slices.Clone(row[1:])
	for len(values) > 0 && values[len(values)-1].text == "" {
		values = values[:len(values)-1]
	}
	for _, v := range values {
		if headingKind(v.text) != colUnknown || k == colName && !looksLikeFile(v.text) {
			return colUnknown, nil
		}
	}
	if len(values) == 0 {
		return colUnknown, nil
	}
	return k, values
}

// finish settles what the columns hold and turns rows into records.
func (t *fileTable) finish(h *sharer) {
	if t.kinds == nil {
		if slices.ContainsFunc(t.upright, (*record).hasFacts) {
			t.records = t.upright
		}
		return
	}
	t.kinds = slices.Clone(t.kinds)
	t.settleDates()
	t.checkHeadings()
	for i, k := range t.kinds {
		if k == colUnknown && i < len(t.header) && t.columnFilled(i) {
			h := t.header[i]
			t.notes = append(t.notes, note{line: h.line, text: h.text, message: "the heading of this column is not known or occurs twice; the column is left out"})
		}
	}
	for _, row := range t.rows {
		t.records = append(t.records, t.record(row, h))
	}
	t.records = append(t.records, t.upright...)
}

func (t *fileTable) columnFilled(i int) bool {
	return slices.ContainsFunc(t.rows, func(row []cell) bool { return i < len(row) && !isNA(row[i].text) })
}

// allAre tells whether a column has values and each of them is of a kind.
func (t *fileTable) allAre(i int, k kind) bool {
	other := func(row []cell) bool {
		return i < len(row) && !isNA(row[i].text) && !plausible(k, row[i].text, false)
	}
	return t.columnFilled(i) && !slices.ContainsFunc(t.rows, other)
}

// anyIs tells whether some value of a column is, or was meant to be, of a kind.
func (t *fileTable) anyIs(i int, k kind) bool {
	return slices.ContainsFunc(t.rows, func(row []cell) bool {
		return i < len(row) && !isNA(row[i].text) && plausible(k, row[i].text, true)
	})
}

// settleDates tells dates from times below one heading for both: lists exist
// whose two columns are headed "ModifiedTime".
func (t *fileTable) settleDates() {
	for i, k := range t.kinds {
		if k != colDateTime {
			continue
		}
		if t.allAre(i, colDate) {
			t.kinds[i] = colDate
		} else if t.allAre(i, colTime) {
			t.kinds[i] = colTime
		}
		if slices.Contains(t.kinds[:i], t.kinds[i]) {
			t.kinds[i] = colUnknown
		}
	}
}

// checkHeadings compares headings and cells. Where no cell of a column is what
// the heading says and all are of one other kind, the cells are believed.
func (t *fileTable) checkHeadings() {
	var wrong []int
	var taken [numKinds]bool
	for i, k := range t.kinds {
		if !slices.Contains(inferable, k) || !t.columnFilled(i) {
			continue
		}
		if k == colName || t.anyIs(i, k) {
			taken[k] = true
		} else {
			wrong = append(wrong, i)
		}
	}
	var right []kind
	for _, i := range wrong {
		found := colUnknown
		for _, k := range inferable {
			if !taken[k] && t.allAre(i, k) {
				if found != colUnknown {
					return
				}
				found = k
			}
		}
		if found == colUnknown {
			return
		}
		taken[found] = true
		right = append(right, found)
	}
	for n, i := range wrong {
		t.kinds[i] = right[n]
		h := t.header[i]
		t.notes = append(t.notes, note{line: h.line, text: h.text, message: fmt.Sprintf("no cell below this heading is what it says; by its cells, the column is read as %s", right[n])})
	}
}

func (t *fileTable) record(row []cell, h *sharer) *record {
	for len(row) > len(t.kinds) && row[len(row)-1].text == "" {
		row = row[:len(row)-1]
	}
	if len(row) > len(t.kinds) {
		if joined := h.rejoin(row, t.kinds); joined != nil {
			row = joined
		}
	}
	r := &record{line: row[0].line}
	for i, c := range row {
		if i < len(t.kinds) {
			r.set(t.kinds[i], c)
		} else if c.text != "" {
			t.notes = append(t.notes, note{line: c.line, text: joinFilled(row), message: "the row has more cells than the table has columns; those after the last column are left out"})
			break
		}
	}
	return r
}

// rejoin gives a row with too many cells back the commas that separated them: a
// size may stand unquoted in a list. Nil means that it is not certain how.
func (h *sharer) rejoin(row []cell, kinds []kind) []cell {
	words := make([]string, len(row))
	for i, c := range row {
		words[i] = c.text
	}
	spans, ways := h.share(words, kinds, 5, ",", false)
	if ways != 1 {
		return nil
	}
	out := make([]cell, len(kinds))
	for i, s := range spans {
		out[i] = cell{text: strings.Join(words[s.from:s.to], ","), line: row[0].line}
	}
	return out
}
