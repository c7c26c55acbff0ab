package kbarticle

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// readHTML reads a saved page.
func (d *document) readHTML(text string) error {
	if err := d.addHTML(text, 1); err != nil {
		return err
	}
	return d.findTables()
}

// maxSpan bounds colspan and rowspan; pages do not use more, and both multiply.
const maxSpan = 100

// htmlReader turns the tokens of a page into blocks. It works on tokens, not on
// a tree: tokens know their line, and no nesting can exhaust the stack.
type htmlReader struct {
	doc     *document
	line    int // of the token being read
	tables  []*htmlTable
	text    strings.Builder // of the paragraph, outside of tables
	start   int             // its line
	heading bool
	skip    atom.Atom // the element whose content is not shown
	depth   int       // of that element in itself
	pre     int
	title   strings.Builder
	inTitle bool
}

// htmlTable is a table whose end has not been reached.
type htmlTable struct {
	rows   [][]cell
	layout bool // it arranges the page: what is in it is text and other tables
	open   bool // a row is open
	inCell bool
	lines  []cell // of the open cell
	text   strings.Builder
	start  int // line of text
	cols   int
	span   int
	below  []spanned // cells of earlier rows that reach into this row, by column
}

type spanned struct {
	rows int
	cell cell
}

// addHTML reads a page or a part of one that begins at the given line.
func (d *document) addHTML(text string, line int) error {
	z := html.NewTokenizer(strings.NewReader(text))
	r := &htmlReader{doc: d, line: line}
	for {
		if err := d.ctx.Err(); err != nil {
			return err
		}
		typ := z.Next()
		lines := strings.Count(string(z.Raw()), "\n")
		if typ == html.ErrorToken {
			if z.Err() != io.EOF {
				return fmt.Errorf("%w: line %d: %v", ErrSyntax, r.line, z.Err())
			}
			break
		}
		if err := r.token(z.Token()); err != nil {
			return err
		}
		r.line += lines
		if len(d.blocks) > maxLines {
			return fmt.Errorf("%w: the page shows more than %d lines", ErrLimit, maxLines)
		}
	}
	r.endParagraph()
	for len(r.tables) > 0 {
		if err := r.endTable(); err != nil {
			return err
		}
	}
	if d.title == "" {
		d.title = strings.Join(strings.Fields(r.title.String()), " ")
	}
	return nil
}

func (r *htmlReader) token(t html.Token) error {
	if r.skip != 0 {
		if t.DataAtom == r.skip {
			switch t.Type {
			case html.StartTagToken:
				r.depth++
			case html.EndTagToken:
				r.depth--
			}
			if r.depth == 0 {
				r.skip = 0
			}
		}
		return nil
	}
	switch t.Type {
	case html.TextToken:
		r.addText(t.Data)
	case html.StartTagToken, html.SelfClosingTagToken:
		return r.startTag(t)
	case html.EndTagToken:
		return r.endTag(t)
	}
	return nil
}

// table returns the innermost open table, unless it only arranges the page.
func (r *htmlReader) table() *htmlTable {
	if len(r.tables) == 0 || r.tables[len(r.tables)-1].layout {
		return nil
	}
	return r.tables[len(r.tables)-1]
}

func (r *htmlReader) addText(s string) {
	if r.inTitle {
		r.title.WriteString(s)
		return
	}
	text, start := &r.text, &r.start
	if t := r.table(); t != nil {
		if !t.inCell {
			return // text between cells is not part of any
		}
		text, start = &t.text, &t.start
	}
	if r.pre > 0 {
		for i, line := range strings.Split(s, "\n") {
			if i > 0 {
				r.breakLine()
			}
			if text.Len() == 0 {
				*start = r.line + i
			}
			text.WriteString(strings.TrimSuffix(line, "\r"))
		}
		return
	}
	if text.Len() == 0 {
		trimmed := strings.TrimLeft(s, " \t\r\n")
		if trimmed == "" {
			return
		}
		*start = r.line + strings.Count(s[:len(s)-len(trimmed)], "\n")
		s = trimmed
	}
	text.WriteString(collapse(s))
}

// collapse makes one blank of white space that HTML does not show; a no-break
// space stays.
func collapse(s string) string {
	var b strings.Builder
	blank := false
	for _, c := range s {
		if c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' {
			blank = true
			continue
		}
		if blank {
			b.WriteByte(' ')
			blank = false
		}
		b.WriteRune(c)
	}
	if blank {
		b.WriteByte(' ')
	}
	return b.String()
}

func (r *htmlReader) startTag(t html.Token) error {
	switch t.DataAtom {
	case atom.Script, atom.Style, atom.Noscript, atom.Template, atom.Select, atom.Textarea, atom.Svg, atom.Iframe:
		if t.Type == html.StartTagToken {
			r.skip, r.depth = t.DataAtom, 1
		}
	case atom.Title:
		r.inTitle = t.Type == html.StartTagToken && r.title.Len() == 0
	case atom.Table:
		r.endParagraph()
		if len(r.tables) == maxNested {
			return fmt.Errorf("%w: line %d: more than %d tables within each other", ErrLimit, r.line, maxNested)
		}
		if outer := r.table(); outer != nil {
			r.arrange(outer)
		}
		r.tables = append(r.tables, &htmlTable{})
	case atom.Tr:
		tab := r.table()
		if tab == nil {
			r.breakLine()
			break
		}
		if err := r.endRow(tab); err != nil {
			return err
		}
		if len(tab.rows) == maxCells {
			return fmt.Errorf("%w: line %d: more than %d rows", ErrLimit, r.line, maxCells)
		}
		if !tab.layout {
			tab.rows = append(tab.rows, nil)
			tab.open = true
		}
	case atom.Td, atom.Th:
		tab := r.table()
		if tab == nil {
			r.breakLine()
			break
		}
		if err := r.endCell(tab); err != nil {
			return err
		}
		if tab.layout {
			break
		}
		if !tab.open {
			tab.rows = append(tab.rows, nil)
			tab.open = true
		}
		tab.inCell = true
		tab.cols, tab.span = attrSpan(t, "colspan"), attrSpan(t, "rowspan")
	case atom.Br:
		r.breakLine()
	case atom.Pre, atom.Listing, atom.Xmp:
		r.breakLine()
		r.pre++
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		if tab := r.table(); tab != nil && tab.inCell {
			r.arrange(tab) // file tables have no headings inside
		}
		r.breakLine()
		r.heading = true
	default:
		if blockElements[t.DataAtom] {
			r.breakLine()
		}
	}
	return nil
}

func (r *htmlReader) endTag(t html.Token) error {
	switch t.DataAtom {
	case atom.Title:
		r.inTitle = false
	case atom.Table:
		if len(r.tables) > 0 {
			return r.endTable()
		}
	case atom.Tr:
		if tab := r.table(); tab != nil {
			return r.endRow(tab)
		}
		r.breakLine()
	case atom.Td, atom.Th:
		if tab := r.table(); tab != nil {
			return r.endCell(tab)
		}
		r.breakLine()
	case atom.Pre, atom.Listing, atom.Xmp:
		r.breakLine()
		r.pre = max(r.pre-1, 0)
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		r.breakLine()
		r.heading = false
	default:
		if blockElements[t.DataAtom] {
			r.breakLine()
		}
	}
	return nil
}

// blockElements begin and end a line of their own.
var blockElements = map[atom.Atom]bool{
	atom.P: true, atom.Div: true, atom.Li: true, atom.Ul: true, atom.Ol: true, atom.Dl: true, atom.Dt: true, atom.Dd: true,
	atom.Section: true, atom.Article: true, atom.Header: true, atom.Footer: true, atom.Main: true, atom.Nav: true, atom.Aside: true,
	atom.Blockquote: true, atom.Hr: true, atom.Form: true, atom.Fieldset: true, atom.Figure: true, atom.Figcaption: true,
	atom.Details: true, atom.Summary: true, atom.Address: true, atom.Center: true, atom.Body: true, atom.Head: true, atom.Option: true,
}

func attrSpan(t html.Token, name string) int {
	for _, a := range t.Attr {
		if a.Key == name {
			if n, err := strconv.Atoi(strings.TrimSpace(a.Val)); err == nil && n > 0 {
				return min(n, maxSpan)
			}
		}
	}
	return 1
}

func (r *htmlReader) breakLine() {
	if t := r.table(); t != nil {
		if t.inCell {
			if t.endLine(); len(t.lines) > maxCellLines {
				r.arrange(t)
			}
		}
		return
	}
	r.endParagraph()
}

// endLine closes a line of the open cell.
func (t *htmlTable) endLine() {
	if s := strings.TrimSpace(t.text.String()); s != "" {
		t.lines = append(t.lines, cell{text: s, line: t.start})
	}
	t.text.Reset()
}

// endParagraph closes a line of text. In <pre> text, blank lines are kept.
func (r *htmlReader) endParagraph() {
	if r.pre > 0 {
		r.doc.addText(r.start, r.text.String(), false)
	} else if s := strings.TrimRight(r.text.String(), " "); s != "" {
		r.doc.addText(r.start, s, r.heading)
	}
	r.text.Reset()
	r.start = r.line
}

// endCell closes the open cell and puts it into the open row, as often as it
// spans columns, after the cells that reach in from rows above.
func (r *htmlReader) endCell(t *htmlTable) error {
	if !t.inCell {
		return nil
	}
	t.inCell = false
	t.endLine()
	if len(t.lines) > maxCellLines {
		r.arrange(t)
		return nil
	}
	c := cell{line: r.line}
	for i, l := range t.lines {
		if i == 0 {
			c = l
		} else {
			c.text += "\n" + l.text
		}
	}
	t.lines = t.lines[:0]
	r.fillFromAbove(t)
	row := &t.rows[len(t.rows)-1]
	for i := range t.cols {
		if t.span > 1 {
			for len(t.below) <= len(*row) {
				t.below = append(t.below, spanned{})
			}
			t.below[len(*row)] = spanned{rows: t.span, cell: c}
		}
		if i > 0 {
			c.text = "" // a title over several columns is one text
		}
		*row = append(*row, c)
	}
	r.doc.cells += t.cols
	return r.doc.checkCells()
}

// fillFromAbove adds the cells of earlier rows that span into the open row at its
// end.
func (r *htmlReader) fillFromAbove(t *htmlTable) {
	row := &t.rows[len(t.rows)-1]
	for len(*row) < len(t.below) && t.below[len(*row)].rows > 0 && r.doc.cells <= maxCells {
		*row = append(*row, t.below[len(*row)].cell)
		r.doc.cells++
	}
}

func (r *htmlReader) endRow(t *htmlTable) error {
	if err := r.endCell(t); err != nil {
		return err
	}
	if !t.open || t.layout {
		return nil
	}
	r.fillFromAbove(t)
	t.open = false
	reach := 0
	for i := range t.below {
		if t.below[i].rows > 0 {
			t.below[i].rows--
		}
		if t.below[i].rows > 0 {
			reach = i + 1
		}
	}
	t.below = t.below[:reach]
	return r.doc.checkCells()
}

func (r *htmlReader) endTable() error {
	t := r.tables[len(r.tables)-1]
	if t.layout {
		r.endParagraph()
		r.tables = r.tables[:len(r.tables)-1]
		return nil
	}
	if err := r.endRow(t); err != nil {
		return err
	}
	r.tables = r.tables[:len(r.tables)-1]
	if t.layout {
		return nil
	}
	r.doc.cells -= countCells(t.rows)
	return r.doc.addGrid(t.rows)
}

// arrange gives up a table that only arranges the page: one with another table
// in it, or with a cell of many lines. Its cells become text.
func (r *htmlReader) arrange(t *htmlTable) {
	t.endLine()
	for _, row := range t.rows {
		for _, c := range row {
			for i, s := range strings.Split(c.text, "\n") {
				r.doc.addText(c.line+i, s, false)
			}
		}
	}
	for _, l := range t.lines {
		r.doc.addText(l.line, l.text, false)
	}
	r.doc.cells -= countCells(t.rows)
	t.rows, t.lines, t.below = nil, nil, nil
	t.layout, t.open, t.inCell = true, false, false
}

func countCells(rows [][]cell) int {
	n := 0
	for _, row := range rows {
		n += len(row)
	}
	return n
}
