package kbarticle

import (
	"slices"
	"strings"
)

// readText reads text as it is pasted from a page or written by hand. Its tables
// have no marks of their own; findTables knows them by their headings.
func (d *document) readText(text string) error {
	for i, line := range splitLines(text) {
		d.addText(i+1, line, false)
	}
	return d.findTables()
}

// findTables replaces lines of text that form a table by its grid, in all three
// shapes of plain text.
func (d *document) findTables() error {
	// Each step adds one block for at least one that it takes, so that the new list
	// never overtakes the old one in the same memory.
	blocks := d.blocks
	d.blocks = blocks[:0]
	for i := 0; i < len(blocks); {
		if blocks[i].table != nil {
			d.blocks = append(d.blocks, blocks[i])
			i++
			continue
		}
		end := i
		for end < len(blocks) && blocks[end].table == nil {
			end++
		}
		run := blocks[i:end]
		for len(run) > 0 {
			if err := d.ctx.Err(); err != nil {
				return err
			}
			used, rows, notes := d.sharer.textTable(run)
			if used == 0 {
				d.blocks = append(d.blocks, run[0])
				run = run[1:]
				continue
			}
			if err := d.addGrid(rows); err != nil {
				return err
			}
			d.blocks[len(d.blocks)-1].notes = notes
			run = run[used:]
		}
		i = end
	}
	return nil
}

// textTable reads the table that begins with the first line of run and tells how
// many lines it takes; 0 means that none begins there.
func (h *sharer) textTable(run []block) (used int, rows [][]cell, notes []note) {
	first := run[0].text
	switch {
	case strings.TrimSpace(first) == "":
		return 0, nil, nil
	case strings.Contains(first, "\t"):
		return tabTable(run)
	}
	if used, rows, notes = h.columnTable(run); used > 0 {
		return used, rows, notes
	}
	return h.lineTable(run)
}

// tabTable reads rows whose cells are separated by tabs. Blank lines may stand
// between them.
func tabTable(run []block) (used int, rows [][]cell, notes []note) {
	for i, b := range run {
		if strings.TrimSpace(b.text) == "" {
			continue
		}
		if !strings.Contains(strings.TrimSpace(b.text), "\t") && !(strings.Contains(b.text, "\t") && len(rows) > 0) {
			break
		}
		var row []cell
		for _, s := range strings.Split(strings.TrimRight(b.text, " "), "\t") {
			row = append(row, cell{text: strings.TrimSpace(s), line: b.line})
		}
		rows = append(rows, row)
		used = i + 1
	}
	if len(rows) < 2 {
		return 0, nil, nil
	}
	return used, rows, nil
}

// maxColumns is more than any file table has.
const maxColumns = 16

// lineTable reads a table with one cell on each line, as a page leaves it when it
// is pasted: first the headings, then the rows. Blank lines do not count.
func (h *sharer) lineTable(run []block) (used int, rows [][]cell, notes []note) {
	var header []cell
	var kinds []kind
	i := 0
	for ; i < len(run) && len(kinds) < maxColumns; i++ {
		s := strings.TrimSpace(run[i].text)
		if s == "" {
			continue
		}
		k := headingKind(s)
		if k == colUnknown || k != colExtra && k != colDateTime && slices.Contains(kinds, k) {
			break
		}
		header = append(header, cell{text: s, line: run[i].line})
		kinds = append(kinds, k)
	}
	if len(kinds) < 3 || headerOf(header) == nil {
		return 0, nil, nil
	}
	rows = [][]cell{header}
	used = i
	for {
		lines, ends := nextLines(run[used:], len(kinds)+1)
		row, taken, remark := h.alignLines(lines, kinds)
		if row == nil {
			skip := h.resume(run[used:], kinds)
			if skip == 0 {
				break
			}
			lost, _ := nextLines(run[used:used+skip], skip)
			notes = append(notes, note{line: lost[0].line, text: joinCells(lost), message: "these lines of the table are not a row and are left out"})
			used += skip
			continue
		}
		if remark != "" {
			notes = append(notes, note{line: lines[0].line, text: joinCells(lines[:taken]), row: lines[0].text, message: remark})
		}
		rows = append(rows, row)
		used += ends[taken-1]
	}
	return used, rows, notes
}

// resume tells how many lines of run lie before the next row with all its cells,
// if it comes before anything that ends the table: the headings of another one,
// or more lines than two rows have.
func (h *sharer) resume(run []block, kinds []kind) int {
	if kinds[0] != colName {
		return 0
	}
	lines, ends := nextLines(run, 3*len(kinds))
	for i := 1; i < len(lines) && i <= 2*len(kinds); i++ {
		if headingKind(lines[i].text) != colUnknown {
			return 0
		}
		if looksLikeFile(lines[i].text) {
			if row, _, remark := h.alignLines(lines[i:], kinds); row != nil && remark == "" {
				return ends[i-1]
			}
		}
	}
	return 0
}

// nextLines returns up to n lines of run that are not blank, and for each the
// number of lines up to its end.
func nextLines(run []block, n int) (lines []cell, ends []int) {
	for i := 0; i < len(run) && len(lines) < n; i++ {
		if s := strings.TrimSpace(run[i].text); s != "" {
			lines = append(lines, cell{text: s, line: run[i].line})
			ends = append(ends, i+1)
		}
	}
	return lines, ends
}

func joinCells(cells []cell) string {
	texts := make([]string, len(cells))
	for i, c := range cells {
		texts[i] = c.text
	}
	return strings.Join(texts, " | ")
}

// alignLines finds the row that the lines begin with. A row with all its cells
// is the usual case. One with fewer, or with a damaged cell, is taken where only
// one way to share its cells out to the columns makes sense; otherwise the row
// keeps its name alone. No row means that the table has ended.
func (h *sharer) alignLines(lines []cell, kinds []kind) (row []cell, taken int, remark string) {
	n := len(kinds)
	if len(lines) == 0 {
		return nil, 0, ""
	}
	at := slices.Index(kinds, colName)
	named := at < len(lines) && looksLikeFile(lines[at].text)
	good := 0 // cells besides the name that fit their columns
	for i := range min(n, len(lines)) {
		if i != at && !looksLikeFile(lines[i].text) && plausible(kinds[i], lines[i].text, true) {
			good++
		}
	}
	if good == n-1 && (named || n >= 4) {
		return lines[:n], n, ""
	}
	if at != 0 || !named {
		return nil, 0, ""
	}
	most := 1
	for most < len(lines) && most < n && !looksLikeFile(lines[most].text) {
		most++
	}
	// The right number of cells up to the next row, or one misfit before a good
	// end, shows that none is missing: each is in its own column.
	ended := len(lines) == n || len(lines) > n && (looksLikeFile(lines[n].text) || headingKind(lines[n].text) != colUnknown)
	if most == n && (ended || good == n-2 && plausible(kinds[n-1], lines[n-1].text, false)) {
		return lines[:n], n, ""
	}
	for taken = most; taken > 1; taken-- {
		words := make([]string, taken)
		for i := range words {
			words[i] = lines[i].text
		}
		spans, ways := h.share(words, kinds, 1, "", true)
		if ways == 1 {
			row = make([]cell, n)
			for c, s := range spans {
				row[c].line = lines[0].line
				if s.to > s.from {
					row[c] = lines[s.from]
				}
			}
			return row, taken, "the row has fewer cells than the table has columns; they are given to the only columns that they fit"
		}
	}
	row = make([]cell, n)
	row[at] = lines[0]
	return row, most, "the cells of this row do not fit the columns; only the name is read"
}
