package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/hotfixkit/hotfixkit/manifest/display"
)

// table is a table for people: columns as wide as their widest cell, two blanks
// apart. A header that starts with ">" aligns its column to the right.
type table struct {
	right []bool
	rows  [][]string
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
	for i := range cells {
		cells[i] = display.Text(cells[i])
	}
	t.rows = append(t.rows, cells)
}

func (t *table) write(w io.Writer) {
	widths := make([]int, len(t.right))
	for _, row := range t.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var line []byte
	for _, row := range t.rows {
		line = line[:0]
		for i, cell := range row {
			padding := widths[i] - utf8.RuneCountInString(cell)
			if t.right[i] {
				line = append(appendBlanks(line, padding), cell...)
			} else {
				line = appendBlanks(append(line, cell...), padding)
			}
			line = append(line, "  "...)
		}
		fmt.Fprintf(w, "%s\n", bytes.TrimRight(line, " "))
	}
}

func appendBlanks(line []byte, n int) []byte {
	for range n {
		line = append(line, ' ')
	}
	return line
}
