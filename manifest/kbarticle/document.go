package kbarticle

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/manifest"
)

// document is an article as its reader leaves it: lines of text and grids of
// cells in their order.
type document struct {
	ctx    context.Context
	title  string // of the whole, where the syntax has a place for it
	blocks []block
	notes  []note
	cells  int // of all grids, for the limit
	grids  int
	sharer sharer
}

// block is one line of text or one grid. Of blank lines that follow each other
// the first is kept: in plain text it ends a table. There is one for each line of
// an article, so it is small.
type block struct {
	line    int
	text    string
	heading bool
	*table
}

// table is the content of a block that is not a line of text.
type table struct {
	grid  [][]cell
	notes []note
}

// rows returns the grid of a block, nil of a line of text.
func (b *block) rows() [][]cell {
	if b.table == nil {
		return nil
	}
	return b.grid
}

// cell is the text of a table cell, with "\n" where the source breaks it, and
// the line where it begins.
type cell struct {
	text string
	line int
}

// note becomes a warning. Row is the file that it speaks of, if it speaks of one.
type note struct {
	line    int
	text    string
	row     string
	message string
}

// maxQuoted bounds, in runes, how much of the source a warning repeats.
const maxQuoted = 300

func quoted(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > maxQuoted {
		return string(r[:maxQuoted]) + "…"
	}
	return s
}

// warnings turns notes into warnings. Notes that differ only in row and line
// become one: a column of 34 equal cells is one thing to know.
func warnings(notes []note) []manifest.Warning {
	slices.SortStableFunc(notes, func(a, b note) int { return a.line - b.line })
	type key struct{ text, message string }
	count := make(map[key]int)
	for _, n := range notes {
		count[key{n.text, n.message}]++
	}
	var out []manifest.Warning
	for _, n := range notes {
		k := key{n.text, n.message}
		if count[k] == 0 {
			continue
		}
		message := n.message
		switch rest := count[k] - 1; {
		case n.row != "" && rest > 0:
			message = fmt.Sprintf("%s and %d more: %s", n.row, rest, message)
		case n.row != "":
			message = n.row + ": " + message
		}
		count[k] = 0
		out = append(out, manifest.Warning{Line: n.line, Text: quoted(n.text), Message: message})
	}
	return out
}

func (d *document) addText(line int, text string, heading bool) {
	if strings.TrimSpace(text) == "" {
		if n := len(d.blocks); n > 0 && d.blocks[n-1].table == nil && d.blocks[n-1].text == "" {
			return
		}
		text = ""
	}
	d.blocks = append(d.blocks, block{line: line, text: text, heading: heading})
}

func (d *document) addGrid(rows [][]cell) error {
	if len(rows) == 0 {
		return nil
	}
	if d.grids++; d.grids > maxTables {
		return fmt.Errorf("%w: the article has more than %d tables", ErrLimit, maxTables)
	}
	line := 0
	for _, row := range rows {
		d.cells += len(row)
		for _, c := range row {
			if line == 0 || c.line > 0 && c.line < line {
				line = c.line
			}
		}
	}
	d.blocks = append(d.blocks, block{line: line, table: &table{grid: rows}})
	return d.checkCells()
}

func (d *document) checkCells() error {
	if d.cells > maxCells {
		return fmt.Errorf("%w: the tables have more than %d cells", ErrLimit, maxCells)
	}
	return nil
}

// splitLines cuts text at line feeds, as editors count them; a carriage return
// ends a line only where the text has no line feed at all.
func splitLines(text string) []string {
	if !strings.Contains(text, "\n") {
		text = strings.ReplaceAll(text, "\r", "\n")
	}
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = strings.ReplaceAll(strings.TrimRight(l, "\r"), "\r", " ")
	}
	return lines
}
