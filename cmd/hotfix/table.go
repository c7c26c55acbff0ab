package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/internal/display"
)

// table is a table for people: columns as wide as their widest cell, two blanks
// apart, in 80 columns or what the terminal has. A header that starts with ">" aligns its column to the right.
type table struct {
	right []bool
	rows  [][]string
	wordy bool                            // the last column may be on a line below the others
	again func(row func(cells ...string)) // makes more rows, as often as they are needed
}

func newTable(header ...string) *table {
	t := &table{right: make([]bool, len(header))}
	for i, h := range header {
		header[i], t.right[i] = strings.CutPrefix(h, ">")
	}
	t.row(header...)
	return t
}

func (t *table) row(cells ...string) {
	t.rows = append(t.rows, shownCells(cells))
}

func shownCells(cells []string) []string {
	for i := range cells {
		cells[i] = display.Text(cells[i])
	}
	return cells
}

// each calls do for every row.
func (t *table) each(do func(cells []string)) {
	for _, cells := range t.rows {
		do(cells)
	}
	if t.again != nil {
		t.again(func(cells ...string) { do(shownCells(cells)) })
	}
}

// write prints the table. On a screen, the widest column that is aligned to the
// left is shortened until the table fits.
func (t *table) write(w io.Writer) {
	widths := make([]int, len(t.right))
	t.each(func(row []string) {
		for i, cell := range row {
			widths[i] = max(widths[i], columnsOf(cell))
		}
	})
	below := false
	if s, ok := w.(*screen); ok && s.columns > 0 {
		below = t.fit(widths, max(s.columns, minColumns))
	}
	var line []byte
	t.each(func(row []string) {
		line = line[:0]
		last := ""
		if below {
			row, last = row[:len(row)-1], row[len(row)-1]
		}
		for i, cell := range row {
			cell = shorten(cell, widths[i])
			padding := widths[i] - columnsOf(cell)
			if t.right[i] {
				line = append(appendBlanks(line, padding), cell...)
			} else {
				line = appendBlanks(append(line, cell...), padding)
			}
			line = append(line, "  "...)
		}
		fmt.Fprintf(w, "%s\n", bytes.TrimRight(line, " "))
		if last != "" {
			fmt.Fprintf(w, "    %s\n", last)
		}
	})
}

// leastCell is to how many columns a cell is shortened at most. Where readableCell are
// not left to a cell that has more, the last column is better off on a line of its own.
const (
	leastCell    = 8
	readableCell = 20
)

// fit narrows the widest columns of text until a line fits, or nothing is left to
// narrow. It reports whether the last column, which must be wordy, belongs below the
// others.
func (t *table) fit(widths []int, columns int) (below bool) {
	fitted := slices.Clone(widths)
	t.narrow(fitted, columns)
	last := len(widths) - 1
	for i, n := range fitted {
		below = below || n < widths[i] && n < readableCell
	}
	if !t.wordy || !below {
		copy(widths, fitted)
		return false
	}
	t.narrow(widths[:last], columns)
	return true
}

func (t *table) narrow(widths []int, columns int) {
	total := 2 * (len(widths) - 1)
	for _, n := range widths {
		total += n
	}
	for ; total > columns; total-- {
		widest := -1
		for i, n := range widths {
			if !t.right[i] && n > leastCell && (widest < 0 || n > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		widths[widest]--
	}
}

func appendBlanks(line []byte, n int) []byte {
	for range n {
		line = append(line, ' ')
	}
	return line
}
