// Package kbarticle imports the file-information tables of a KB article.
//
// Import reads pasted text, saved HTML, Markdown or CSV in the languages of
// [Languages], and gives one manifest per table. It never guesses in silence: a cell
// that cannot be read with certainty leaves its field empty, and a warning names line
// and text.
//
// An article may come from anywhere: its size, its cells and the nesting of its
// tables are bounded, and nothing recurses over the input.
package kbarticle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/manifest"
)

var (
	// ErrNoTable means that the article holds no table of files.
	ErrNoTable = errors.New("no file-information table")
	// ErrEncoding means that the bytes of the article are not text in the
	// encoding that it declares, or that it declares none and is not Unicode.
	ErrEncoding = errors.New("unreadable encoding")
	// ErrSyntax means that the article breaks the rules of its syntax in a way
	// that would lose rows.
	ErrSyntax = errors.New("malformed article")
	// ErrLimit means that the article is larger than any real one.
	ErrLimit = errors.New("limit exceeded")
)

// The limits are far above real articles: the largest file lists that Microsoft
// publishes as CSV have about 50,000 rows of seven cells.
const (
	maxInput  = 32 << 20  // bytes of the article
	maxCells  = 1_000_000 // cells of all its tables
	maxLines  = 1_000_000 // lines of the article, and lines of text that a page shows
	maxTables = 5_000     // tables of the article
	maxRows   = 150_000   // rows of all its tables of files
	maxNested = 64        // tables within tables
)

// Syntax is how the article is written down.
type Syntax string

// The syntaxes that Import reads.
const (
	Text     Syntax = "text"     // pasted from a page: a cell per line, tabs, or columns of blanks
	HTML     Syntax = "html"     // a saved page
	Markdown Syntax = "markdown" // pipe tables, embedded HTML tables, code blocks
	CSV      Syntax = "csv"      // separated by comma, semicolon or tab
)

// Languages are the English names of the languages whose headings, dates and
// numbers are read.
func Languages() []string {
	return []string{"English", "French", "German", "Italian", "Spanish", "Portuguese", "Russian", "Japanese", "Korean", "Chinese"}
}

// Options says what the article does not say about itself.
type Options struct {
	// Syntax overrides what the name's extension says. When neither says it,
	// the content decides, and a warning tells how it was read.
	Syntax Syntax
	// Encoding names the encoding of the bytes ("shift_jis", "windows-1252").
	// It is needed only for text that is neither UTF-8 nor UTF-16 with a
	// byte-order mark and does not declare its encoding.
	Encoding string
}

// Import reads the article and returns a manifest for each of its tables of
// files, in their order. Name is the article's file name; it may be empty. Lines
// in warnings are counted from 1 in the article as given.
//
// The context ends the work, and the waiting for a reader that gives nothing.
//
// The errors wrap [ErrNoTable], [ErrEncoding], [ErrSyntax] or [ErrLimit], or are
// those of the reader or the context.
func Import(ctx context.Context, r io.Reader, name string, o Options) ([]*manifest.Manifest, error) {
	data, err := readAll(ctx, r)
	if err != nil {
		return nil, err
	}
	if len(data) > maxInput {
		return nil, fmt.Errorf("%w: the article is larger than %d bytes", ErrLimit, maxInput)
	}
	declared := o.Syntax
	if declared == "" {
		declared = syntaxOf(name)
	}
	text, notes, err := decode(data, declared, o.Encoding)
	if err != nil {
		return nil, err
	}
	if err := checkCounts(text); err != nil {
		return nil, err
	}
	syntax := declared
	if syntax == "" {
		syntax = sniff(text)
		notes = append(notes, note{message: fmt.Sprintf("the name does not tell the syntax; read as %s by its content", syntax)})
	}
	manifests, err := importText(ctx, text, syntax, name, notes)
	if o.Syntax == "" && declared == Text && errors.Is(err, ErrNoTable) {
		// Text may be the source of a page or of Markdown, pasted as it is.
		if syntax = sniff(text); syntax != Text {
			notes = append(notes, note{message: fmt.Sprintf("as plain text, it holds no table; read as %s by its content", syntax)})
			return importText(ctx, text, syntax, name, notes)
		}
	}
	return manifests, err
}

// readAll reads what a reader gives, up to a little more than is allowed. A pipe
// may give nothing for ever: then the reading goes on alone when the context ends.
func readAll(ctx context.Context, r io.Reader) ([]byte, error) {
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		data, err := io.ReadAll(io.LimitReader(r, maxInput+1))
		done <- result{data, err}
	}()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case r := <-done:
		return r.data, r.err
	}
}

// checkCounts refuses text with more lines or cells than can be meant, before
// anything is split at them.
func checkCounts(text string) error {
	if strings.Count(text, "\n") > maxLines || strings.Count(text, "\r") > maxLines {
		return fmt.Errorf("%w: the article has more than %d lines", ErrLimit, maxLines)
	}
	for _, separator := range []string{"|", "\t", ",", ";"} {
		if strings.Count(text, separator) > 2*maxCells {
			return fmt.Errorf("%w: more than %d times %q", ErrLimit, 2*maxCells, separator)
		}
	}
	return nil
}

func importText(ctx context.Context, text string, syntax Syntax, name string, notes []note) ([]*manifest.Manifest, error) {
	doc := &document{ctx: ctx, sharer: sharer{ctx: ctx}}
	if err := doc.read(text, syntax); err != nil {
		return nil, err
	}
	doc.notes = slices.Concat(notes, doc.notes)
	tables, err := doc.tables()
	if err != nil {
		return nil, err
	}
	manifests := doc.assemble(tables, name)
	if len(manifests) == 0 {
		for _, n := range doc.notes {
			if n.line > 0 {
				return nil, fmt.Errorf("%w: line %d (%s): %s", ErrNoTable, n.line, quoted(n.text), n.message)
			}
		}
		return nil, fmt.Errorf("%w: no column of file names next to versions, sizes or dates was found; the headings that are known are in %s", ErrNoTable, strings.Join(Languages(), ", "))
	}
	return manifests, nil
}

func syntaxOf(name string) Syntax {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".htm", ".html", ".xhtml":
		return HTML
	case ".md", ".markdown":
		return Markdown
	case ".csv", ".tsv":
		return CSV
	case ".txt", ".text":
		return Text
	}
	return ""
}

// sniff finds the syntax of an article whose name does not tell it. Text is the
// answer where nothing else is seen; the text reader finds tables by their
// header words alone.
func sniff(text string) Syntax {
	head := strings.ToLower(strings.TrimSpace(text[:min(len(text), 4096)]))
	if strings.HasPrefix(head, "<!doctype html") || strings.HasPrefix(head, "<html") || strings.HasPrefix(head, "<table") {
		return HTML
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if isPipeRule(line) {
			return Markdown
		}
		if len(line) < 1024 && strings.ContainsAny(line, ",;") && headerOf(separated(line)) != nil {
			return CSV
		}
	}
	return Text
}

// separated cuts a line at commas or semicolons, to see whether it could be a
// header.
func separated(line string) []cell {
	var cells []cell
	for _, s := range strings.FieldsFunc(line, func(r rune) bool { return r == ',' || r == ';' }) {
		cells = append(cells, cell{text: strings.Trim(s, ` "`)})
	}
	return cells
}

func (d *document) read(text string, syntax Syntax) error {
	switch syntax {
	case Text:
		return d.readText(text)
	case HTML:
		return d.readHTML(text)
	case Markdown:
		return d.readMarkdown(text)
	case CSV:
		return d.readCSV(text)
	}
	return fmt.Errorf("%w: the syntax %q is not one of text, html, markdown, csv", ErrSyntax, syntax)
}
