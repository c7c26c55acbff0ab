package kbarticle

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxCellLines bounds the lines of one quoted cell. More mean that a closing
// quote is missing, and that the rest of the file would vanish in one cell.
const maxCellLines = 4

// readCSV reads a file list in CSV. Title lines may precede the header, and the
// rows need not have equal lengths. A record of one cell is text, not a row.
func (d *document) readCSV(text string) error {
	r := csv.NewReader(strings.NewReader(text))
	r.Comma = separatorOf(text)
	r.FieldsPerRecord = -1
	r.LazyQuotes = true
	r.TrimLeadingSpace = r.Comma != '\t'
	var rows [][]cell
	for {
		if err := d.ctx.Err(); err != nil {
			return err
		}
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("%w: %v", ErrSyntax, err)
		}
		row := make([]cell, len(record))
		for i, s := range record {
			line, _ := r.FieldPos(i)
			if strings.Count(s, "\n") >= maxCellLines {
				return fmt.Errorf("%w: line %d: a quoted cell runs over more than %d lines; is its closing quote missing?", ErrSyntax, line, maxCellLines)
			}
			row[i] = cell{text: strings.TrimSpace(s), line: line}
		}
		d.cells += len(row)
		if err := d.checkCells(); err != nil {
			return err
		}
		if filled := filledCells(row); filled == 1 && row[0].text != "" && !looksLikeFile(row[0].text) {
			d.cells -= countCells(rows) + len(row)
			if err := d.addGrid(rows); err != nil {
				return err
			}
			rows = nil
			d.addText(row[0].line, row[0].text, false)
			continue
		}
		rows = append(rows, row)
	}
	d.cells -= countCells(rows)
	return d.addGrid(rows)
}

func filledCells(row []cell) int {
	n := 0
	for _, c := range row {
		if c.text != "" {
			n++
		}
	}
	return n
}

// separatorOf finds the separator by the header, where there is one, otherwise by
// the first line that is cut into a file name and something else.
func separatorOf(text string) rune {
	for line := range strings.Lines(text) {
		if len(line) > maxColumnLine {
			continue
		}
		for _, sep := range ",;\t" {
			var cells []cell
			named := false
			for _, s := range strings.Split(line, string(sep)) {
				s = strings.Trim(s, "\" \t\r\n")
				named = named || looksLikeFile(s)
				cells = append(cells, cell{text: s})
			}
			if len(cells) > 1 && (named || headerOf(cells) != nil) {
				return sep
			}
		}
	}
	return ','
}
