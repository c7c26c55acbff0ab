package kbarticle

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/manifest"
)

// assemble makes a manifest of each table. The notes on the article itself, and on
// tables that turn out to hold no file, go to the first manifest after them, or to
// the last one.
func (d *document) assemble(tables []*fileTable, fileName string) []*manifest.Manifest {
	a := d.article(fileName)
	var out []*manifest.Manifest
	var notes [][]note // of each manifest
	pending := a.notes
	for _, t := range tables {
		rows, more := t.files()
		pending = slices.Concat(pending, t.notes, more)
		if len(rows) == 0 {
			continue
		}
		out = append(out, a.manifest(rows, d.caption(t)))
		notes = append(notes, pending)
		pending = nil
	}
	if len(out) == 0 {
		d.notes = pending
		return nil
	}
	last := len(out) - 1
	notes[last] = append(notes[last], pending...)
	for i, m := range out {
		m.Warnings = warnings(notes[i])
	}
	nameManifests(out, fileName)
	return out
}

// manifest puts what is known about the article and one of its tables together.
func (a *article) manifest(rows []manifest.Row, caption string) *manifest.Manifest {
	m := &manifest.Manifest{Product: a.product, Files: rows}
	if a.kb != "" {
		m.KB = "KB" + a.kb
	}
	if product, pack := productAndServicePack(caption); product != "" {
		m.Product, m.ServicePack = product, pack
	}
	m.Title = title(m, a, caption)
	for _, s := range a.superseded {
		by := manifest.Superseding{KB: "KB" + s.kb}
		for _, alias := range s.aliases {
			by.Aliases = append(by.Aliases, "KB"+alias)
		}
		m.SupersededBy = append(m.SupersededBy, by)
	}
	return m
}

func title(m *manifest.Manifest, a *article, caption string) string {
	var parts []string
	if m.ServicePack != "" {
		parts = []string{m.Product + " " + m.ServicePack}
	} else {
		if a.title != "" {
			parts = append(parts, a.title)
		}
		if caption = cleanTitle(caption, a.kb); caption != "" && caption != a.title {
			parts = append(parts, caption)
		}
	}
	title := strings.Join(parts, " — ")
	if m.KB != "" && title != "" {
		return m.KB + ": " + title
	}
	return m.KB + title
}

// nameManifests gives each manifest an id: article and service pack where that
// is enough, a number where it is not.
func nameManifests(manifests []*manifest.Manifest, fileName string) {
	base := strings.TrimSuffix(filepath.Base(fileName), filepath.Ext(fileName))
	base = strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(base)), "-")
	if base == "" {
		base = "article"
	}
	if len(manifests) > 0 && manifests[0].KB != "" {
		base = strings.ToLower(manifests[0].KB)
	}
	packs := make(map[string]int)
	for _, m := range manifests {
		packs[m.ServicePack]++
	}
	for i, m := range manifests {
		switch {
		case m.ServicePack != "" && packs[m.ServicePack] == 1:
			m.ID = base + "-" + strings.ToLower(m.ServicePack)
		case len(manifests) == 1:
			m.ID = base
		default:
			m.ID = fmt.Sprintf("%s-%d", base, i+1)
		}
	}
}

// files reads the fields of all records.
func (t *fileTable) files() ([]manifest.Row, []note) {
	order, decides := t.dateOrder()
	var rows []manifest.Row
	var notes []note
	type key struct{ name, platform, path string }
	lines := make(map[key]int)
	for _, r := range t.records {
		row, more := r.file(order, decides)
		notes = append(notes, more...)
		if row == nil {
			continue
		}
		rows = append(rows, *row)
		c := r.cells[colName]
		k := key{strings.ToLower(row.Name), row.Platform, strings.ToLower(row.Path)}
		if first, ok := lines[k]; ok {
			notes = append(notes, note{line: c.line, text: c.text, row: row.Name, message: fmt.Sprintf("nothing but its values tells this file from the one on line %d", first)})
		} else {
			lines[k] = c.line
		}
	}
	return rows, notes
}

// dateOrder finds the order of day and month that some date of the table shows
// for certain, if none shows another.
func (t *fileTable) dateOrder() (order dateOrder, decides cell) {
	for _, r := range t.records {
		for _, k := range []kind{colDate, colDateTime} {
			c := r.cells[k]
			switch o := orderOf(c.text); {
			case o == anyOrder || o == order:
			case order == anyOrder:
				order, decides = o, c
			default:
				return anyOrder, cell{}
			}
		}
	}
	return order, decides
}

// file reads the fields of one record. No row means that it names no file.
func (r *record) file(order dateOrder, decides cell) (*manifest.Row, []note) {
	var notes []note
	var row manifest.Row
	warn := func(c cell, message string) {
		if message != "" {
			notes = append(notes, note{line: c.line, text: c.text, row: row.Name, message: message})
		}
	}
	c := r.cells[colName]
	base, dir, remark := parseName(c.text)
	if strings.Trim(base, ". ") == "" || isNA(base) {
		if text := r.text(); text != "" {
			notes = append(notes, note{line: r.line, text: text, message: "this row names no file and is left out"})
		}
		return nil, notes
	}
	row.Name = base
	warn(c, remark)
	if strings.ContainsAny(base, `:*?"<>|`) {
		warn(c, "this is not a file name in Windows; kept as printed")
	}
	if f := r.cells[colFolder]; dir == "" && !isNA(f.text) {
		c, dir = f, f.text
	}
	if dir != "" {
		folder, problem := parseFolder(dir)
		warn(c, problem)
		if folder != "" {
			row.Path = folder + "/" + base
		}
	}
	if c := r.cells[colVersion]; !isNA(c.text) {
		value, problem := parseVersion(c.text)
		warn(c, problem)
		row.Version = value
	}
	if c := r.cells[colSize]; !isNA(c.text) {
		n, ok, remark := parseSize(c.text)
		warn(c, remark)
		if ok {
			row.Size = manifest.Bytes(n)
		}
	}
	dateCell, timeCell := r.cells[colDate], r.cells[colTime]
	if c := r.cells[colDateTime]; !isNA(c.text) {
		if d, t, ok := splitDateTime(simplify(c.text)); ok {
			dateCell, timeCell = cell{d, c.line}, cell{t, c.line}
		} else {
			dateCell = c
		}
	}
	if !isNA(dateCell.text) {
		value, remark := parseDate(dateCell.text, anyOrder)
		if value == "" && order != anyOrder {
			if value, _ = parseDate(dateCell.text, order); value != "" {
				remark = fmt.Sprintf("read as %s (%s), because %q on line %d can be read no other way", value, order, decides.text, decides.line)
			}
		}
		warn(dateCell, remark)
		row.Date = value
	}
	if !isNA(timeCell.text) {
		value, problem := parseTime(timeCell.text)
		warn(timeCell, problem)
		row.Time = value
	}
	if c := r.cells[colPlatform]; !isNA(c.text) {
		value, remark := parsePlatform(c.text)
		warn(c, remark)
		row.Platform = value
	}
	if c := r.cells[colSHA256]; !isNA(c.text) {
		if s := strings.TrimSpace(c.text); sha256Form().MatchString(s) {
			row.SHA256 = strings.ToLower(s)
		} else {
			warn(c, "this is not a SHA-256 in hexadecimal digits; the field stays empty")
		}
	}
	if !looksLikeFile(base) && row.Version+row.Date+row.SHA256 == "" && row.Size == nil {
		return nil, []note{{line: r.line, text: r.text(), message: "this row is not a file and is left out"}}
	}
	return &row, notes
}

// text is all that the record says.
func (r *record) text() string { return joinFilled(r.cells[:]) }
