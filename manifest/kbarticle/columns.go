package kbarticle

import (
	"context"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/internal/lazyregexp"
)

// maxColumnLine and maxWords bound a line of a table in columns of blanks.
const (
	maxColumnLine = 1000
	maxWords      = 24
)

var (
	ruleForm = lazyregexp.New(`^[\s=_+|-]*(?:---|===|___)[\s=_+|-]*$`)
	gapForm  = lazyregexp.New(`\s{2,}|\t+`)
)

// columnTable reads a table whose columns are made by blanks, as in <pre> text.
// The rows of old articles do not keep to the columns of their heading, so that
// the kinds of the values share a row out, not their positions.
func (h *sharer) columnTable(run []block) (used int, rows [][]cell, notes []note) {
	header := headingLine(run[0])
	if header == nil {
		return 0, nil, nil
	}
	kinds := headerOf(header)
	rows = [][]cell{header}
	used = 1
	gap := false
	for i := 1; i < len(run); i++ {
		line := strings.TrimSpace(run[i].text)
		if line == "" {
			gap = len(rows) > 1
			continue
		}
		if ruleForm().MatchString(line) && len(rows) == 1 {
			used = i + 1
			continue
		}
		row, remark := h.columnRow(run[i], kinds)
		switch {
		case row == nil && (gap || len(rows) == 1):
			return used, rows, notes
		case row == nil:
			notes = append(notes, note{line: run[i].line, text: line, message: "this line of the table is not a row and is left out"})
		case remark != "":
			if gap {
				return used, rows, notes
			}
			notes = append(notes, note{line: run[i].line, text: line, message: remark})
			fallthrough
		default:
			rows = append(rows, row)
		}
		used = i + 1
	}
	return used, rows, notes
}

// headingLine splits a line that consists of headings and nothing else.
func headingLine(b block) []cell {
	if len(b.text) > 200 {
		return nil
	}
	words := strings.Fields(b.text)
	if len(words) < 3 || len(words) > maxWords {
		return nil
	}
	var header []cell
	for i := 0; i < len(words); {
		taken := 0
		for n := min(4, len(words)-i); n > 0; n-- {
			if s := strings.Join(words[i:i+n], " "); headingKind(s) != colUnknown {
				header = append(header, cell{text: s, line: b.line})
				taken = n
				break
			}
		}
		if taken == 0 {
			return nil
		}
		i += taken
	}
	if len(header) < 3 || headerOf(header) == nil {
		return nil
	}
	return header
}

// columnRow shares a line out to the columns. No row means that the line is not
// one of the table; a remark, that only its name could be read.
func (h *sharer) columnRow(b block, kinds []kind) (row []cell, remark string) {
	if len(b.text) > maxColumnLine {
		return nil, ""
	}
	line := strings.TrimSpace(b.text)
	row = make([]cell, len(kinds))
	for i := range row {
		row[i].line = b.line
	}
	// Wide gaps are believed where every part fits its column.
	parts := gapForm().Split(line, -1)
	if len(parts) == len(kinds) && allPlausible(parts, kinds) {
		for i, p := range parts {
			row[i].text = p
		}
		return row, ""
	}
	words := strings.Fields(line)
	if len(words) <= maxWords {
		if spans, ways := h.share(words, kinds, 6, " ", true); ways == 1 {
			for i, s := range spans {
				row[i].text = strings.Join(words[s.from:s.to], " ")
			}
			return row, ""
		}
	}
	if len(parts) == len(kinds) && looksLikeFile(parts[slices.Index(kinds, colName)]) {
		for i, p := range parts {
			row[i].text = p
		}
		return row, ""
	}
	files := slices.DeleteFunc(words, func(w string) bool { return !looksLikeFile(w) })
	if len(files) != 1 {
		return nil, ""
	}
	row[slices.Index(kinds, colName)].text = files[0]
	return row, "the values of this row cannot be told apart; only the name is read"
}

func allPlausible(parts []string, kinds []kind) bool {
	for i, p := range parts {
		if !plausible(kinds[i], p, false) {
			return false
		}
	}
	return true
}

// span is a range of words.
type span struct{ from, to int }

// sharer shares words out to columns, as long as its work is bounded.
type sharer struct {
	ctx  context.Context
	work int
}

// maxWork bounds how many values are tried in columns: a list of 50,000 rows that
// do not keep to their columns needs some 4.5 million.
const maxWork = 5_000_000

// share gives all words to the columns, in their order: each column takes up to
// most neighbouring words that it can hold together, or none. Among the ways that
// fill the most columns, it returns the first and whether there are others (ways >
// 1). With loose, damaged values hold their place too, and values are in columns
// of free text, if that fills more columns.
// The column of names is always filled.
func (h *sharer) share(words []string, kinds []kind, most int, joint string, loose bool) (spans []span, ways int) {
	spans, ways, filled := h.shareOut(words, kinds, most, joint, false)
	if !loose || ways > 0 && filled == len(kinds) {
		return spans, ways
	}
	if s, w, f := h.shareOut(words, kinds, most, joint, true); f > filled {
		return s, w
	}
	return spans, ways
}

func (h *sharer) shareOut(words []string, kinds []kind, most int, joint string, loose bool) (spans []span, ways, filled int) {
	n, m := len(kinds), len(words)
	if m == 0 || m > maxWords || h.work > maxWork || h.ctx.Err() != nil {
		return nil, 0, -1
	}
	// best[c][w] is the number of filled columns from column c and word w on;
	// -1 where no way leads to the end.
	type state struct{ filled, ways, take int }
	best := make([][]state, n+1)
	for c := range best {
		best[c] = make([]state, m+1)
		for w := range best[c] {
			best[c][w] = state{filled: -1}
		}
	}
	best[n][m] = state{ways: 1}
	for c := n - 1; c >= 0; c-- {
		for w := m; w >= 0; w-- {
			s := &best[c][w]
			for take := 0; take <= most && w+take <= m; take++ {
				next := best[c+1][w+take]
				if next.filled < 0 || take == 0 && kinds[c] == colName {
					continue
				}
				if take > 0 {
					h.work++
					text := strings.Join(words[w:w+take], joint)
					if !plausible(kinds[c], text, loose) || !loose && freeText(kinds[c]) && isFact(text) {
						continue
					}
					next.filled++
				}
				switch {
				case next.filled > s.filled:
					*s = state{filled: next.filled, ways: next.ways, take: take}
				case next.filled == s.filled:
					s.ways = min(s.ways+next.ways, 2)
				}
			}
		}
	}
	if best[0][0].filled < 0 {
		return nil, 0, -1
	}
	w := 0
	for c := range n {
		take := best[c][w].take
		spans = append(spans, span{w, w + take})
		w += take
	}
	return spans, best[0][0].ways, best[0][0].filled
}

// freeText tells whether a column can hold any words.
func freeText(k kind) bool { return k == colFolder || k == colExtra || k == colUnknown }

// isFact tells whether a text is a value that other columns than those of free
// text are made for.
func isFact(s string) bool {
	return !isNA(s) && (plausible(colVersion, s, false) || plausible(colSize, s, false) || plausible(colDateTime, s, false))
}
