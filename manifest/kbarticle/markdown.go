package kbarticle

import (
	"html"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hotfixkit/hotfixkit/internal/lazyregexp"
)

var (
	frontMatter  = lazyregexp.New(`^[Tt]itle:\s*(?:'(.*)'|"(.*)"|(.*))$`)
	headingForm  = lazyregexp.New(`^#{1,6}\s+(.*?)\s*#*\s*$`)
	setextForm   = lazyregexp.New(`^(?:=+|-{3,})$`)
	fenceForm    = lazyregexp.New("^(?:[-*+>]\\s+|\\d+[.)]\\s+)?(`{3,}|~{3,})")
	linkForm     = lazyregexp.New(`(!?)\[([^\[\]]*)\]\([^()\s]*(?:\([^()]*\)[^()\s]*)*(?:\s+"[^"]*")?\)`)
	breakForm    = lazyregexp.New(`(?i)<br\s*/?>`)
	tagForm      = lazyregexp.New(`</?[A-Za-z][A-Za-z0-9]*(?:\s[^<>]*)?/?>`)
	commentForm  = lazyregexp.New(`<!--.*?-->`)
	emphasisForm = lazyregexp.New(`(^|[\s(])_([^_\s][^_]*?[^_\s]|[^_\s])_($|[\s.,;:!?)])`)
	pipeRule     = lazyregexp.New(`^\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?$`)
	listForm     = lazyregexp.New(`^(?:[-*+>]|\d+[.)])\s+`)
)

// marksInHTML are marks of Markdown that converters leave in cells of HTML.
var marksInHTML = strings.NewReplacer("**", "", `\_`, "_")

// isPipeRule tells whether a line is the rule below the head of a pipe table.
func isPipeRule(line string) bool {
	return len(line) < maxColumnLine && strings.Contains(line, "|") && pipeRule().MatchString(line)
}

// readMarkdown reads an article in Markdown: pipe tables, also inside lists and
// quotations; HTML tables; code blocks and paragraphs with the tables of plain
// text.
func (d *document) readMarkdown(text string) error {
	lines := splitLines(text)
	i := d.frontMatter(lines)
	for i < len(lines) {
		if err := d.ctx.Err(); err != nil {
			return err
		}
		line := strings.TrimSpace(lines[i])
		lower := strings.ToLower(line)
		fence := fenceForm().FindStringSubmatch(line)
		switch {
		case fence != nil:
			i++
			for ; i < len(lines) && !strings.HasPrefix(strings.TrimSpace(lines[i]), fence[1]); i++ {
				d.addText(i+1, lines[i], false)
			}
			d.addText(i+1, "", false)
			i++
		case strings.Contains(lower, "<table"), strings.Contains(lower, "<pre"):
			end, first := htmlEnd(lines, i), len(d.blocks)
			if err := d.addHTML(strings.Join(lines[i:end], "\n"), i+1); err != nil {
				return err
			}
			for _, b := range d.blocks[first:] {
				for _, row := range b.rows() {
					for j := range row {
						row[j].text = marksInHTML.Replace(row[j].text)
					}
				}
			}
			i = end
		case strings.HasPrefix(line, "<!--"):
			for i < len(lines) && !strings.Contains(lines[i], "-->") {
				i++
			}
			if i < len(lines) {
				_, rest, _ := strings.Cut(lines[i], "-->")
				d.addText(i+1, inline(rest), false)
			}
			i++
		case isPipeTable(lines, i):
			var rows [][]cell
			for ; i < len(lines); i++ {
				row := pipeRow(lines[i], i+1)
				if row == nil {
					break
				}
				if !isPipeRule(strings.TrimSpace(lines[i])) {
					rows = append(rows, row)
				}
			}
			if err := d.addGrid(rows); err != nil {
				return err
			}
		default:
			i = d.paragraph(lines, i)
		}
	}
	return d.findTables()
}

// frontMatter reads the title from the block between two rules at the top.
func (d *document) frontMatter(lines []string) int {
	if len(lines) == 0 || strings.TrimSpace(lines[0]) != "---" {
		return 0
	}
	for i := 1; i < min(len(lines), 50); i++ {
		if strings.TrimSpace(lines[i]) == "---" {
			return i + 1
		}
		if m := frontMatter().FindStringSubmatch(strings.TrimSpace(lines[i])); m != nil {
			d.title = m[1] + m[2] + m[3]
		}
	}
	d.title = ""
	return 0
}

// paragraph adds one line of text, and takes the rule below it when it makes the
// line a heading.
func (d *document) paragraph(lines []string, i int) int {
	line := strings.TrimSpace(lines[i])
	if m := headingForm().FindStringSubmatch(line); m != nil && len(line) < maxColumnLine {
		d.addText(i+1, inline(m[1]), true)
		return i + 1
	}
	if line != "" && i+1 < len(lines) && setextForm().MatchString(strings.TrimSpace(lines[i+1])) {
		d.addText(i+1, inline(line), true)
		d.addText(i+2, "", false)
		return i + 2
	}
	d.addText(i+1, inline(lines[i]), false)
	return i + 1
}

// htmlEnd finds the line after the HTML that begins at line i: where as many
// tables and <pre> blocks are closed as are opened.
func htmlEnd(lines []string, i int) int {
	open := 0
	for ; i < len(lines); i++ {
		l := strings.ToLower(lines[i])
		open += strings.Count(l, "<table") + strings.Count(l, "<pre") - strings.Count(l, "</table") - strings.Count(l, "</pre")
		if open <= 0 {
			return i + 1
		}
	}
	return i
}

// isPipeTable tells whether a table begins at line i: a line with a pipe at its
// start, or one above a rule.
func isPipeTable(lines []string, i int) bool {
	if pipeRow(lines[i], 0) == nil {
		return false
	}
	return strings.HasPrefix(unlisted(lines[i]), "|") || i+1 < len(lines) && isPipeRule(strings.TrimSpace(lines[i+1]))
}

// unlisted cuts blanks, list marks and quotation marks off the start of a line.
func unlisted(line string) string {
	line = strings.TrimSpace(line)
	pipe := strings.IndexByte(line, '|')
	for from := 0; ; {
		m := len(listForm().FindString(line[from:]))
		if m == 0 || from+m > pipe {
			return line[from:]
		}
		from += m
	}
}

// pipeRow splits a row of a pipe table; nil means that the line is none.
func pipeRow(line string, number int) []cell {
	line = unlisted(line)
	if !strings.Contains(line, "|") {
		return nil
	}
	line = strings.TrimPrefix(line, "|")
	var row []cell
	start := 0
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '|':
			row = append(row, cell{text: inline(line[start:i]), line: number})
			start = i + 1
		}
	}
	if last := strings.TrimSpace(line[start:]); last != "" {
		row = append(row, cell{text: inline(last), line: number})
	}
	return row
}

// inline takes the marks of Markdown out of a text: links, emphasis, code,
// escapes, entities and tags. A line break becomes "\n".
func inline(s string) string {
	if len(s) > maxProse || !strings.ContainsAny(s, "\\`*_<&[") {
		return strings.TrimRight(s, " \t")
	}
	s = commentForm().ReplaceAllString(s, "")
	s = linkForm().ReplaceAllStringFunc(s, func(m string) string {
		if m[0] == '!' {
			return ""
		}
		return m[1:strings.Index(m, "](")]
	})
	s = breakForm().ReplaceAllString(s, "\n")
	s = tagForm().ReplaceAllString(s, "")
	s = emphasisForm().ReplaceAllString(s, "$1$2$3")
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\\' && i+1 < len(s) && s[i+1] < utf8.RuneSelf && unicode.IsOneOf([]*unicode.RangeTable{unicode.P, unicode.S}, rune(s[i+1])):
			b.WriteByte(s[i+1])
			n = 2
		case r == '*' || r == '`':
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	lines := strings.Split(html.UnescapeString(b.String()), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " \t")
		if i > 0 {
			lines[i] = strings.TrimSpace(l)
		}
	}
	return strings.Join(lines, "\n")
}
