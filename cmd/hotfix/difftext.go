package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/internal/display"
	"github.com/hotfixkit/hotfixkit/internal/lazyregexp"
	"github.com/hotfixkit/hotfixkit/msi"
)

// A diffFilter says which differences do not count.
type diffFilter struct{ signatures, times bool }

// signatureTables hold the certificates of packages and of their cabinets.
var signatureTables = []string{"MsiDigitalCertificate", "MsiDigitalSignature", "MsiPackageCertificate", "MsiPatchCertificate"}

func (f diffFilter) apply(d *diffResult) {
	if f.signatures {
		d.Tables = slices.DeleteFunc(d.Tables, func(t diffTable) bool { return slices.Contains(signatureTables, t.Name) })
		d.Streams = slices.DeleteFunc(d.Streams, func(s diffStream) bool {
			return strings.HasPrefix(s.Name, "\x05DigitalSignature") || strings.HasPrefix(s.Name, "\x05MsiDigitalSignatureEx")
		})
	}
	if f.times {
		times := []string{msi.PIDCreated.String(), msi.PIDLastSaved.String(), msi.PIDLastPrinted.String()}
		d.Summary = slices.DeleteFunc(d.Summary, func(v diffValue) bool { return slices.Contains(times, v.Name) })
	}
}

// write prints the files first, and last what differs in every build: GUIDs.
func (d *diffResult) write(w io.Writer) {
	if d.Equal {
		fmt.Fprintln(w, "no difference")
		return
	}
	for _, f := range d.Files {
		fmt.Fprintf(w, "%s file %s", sign(f.Change), display.Text(f.Path))
		if len(f.Differences) > 0 {
			fmt.Fprintf(w, " (%s): %s", strings.Join(f.Differences, ", "), arrow(f.Old.String(), f.New.String()))
		}
		fmt.Fprintln(w)
	}
	if d.CodePage != nil {
		fmt.Fprintf(w, "code page: %d -> %d\n", d.CodePage[0], d.CodePage[1])
	}
	var noise []string
	for _, p := range d.Summary {
		line := fmt.Sprintf("%s summary %s: %s", sign(p.Change), p.Name, arrow(p.Old, p.New))
		if isGUID(p.Old) && isGUID(p.New) {
			noise = append(noise, line)
		} else {
			fmt.Fprintln(w, line)
		}
	}
	for _, t := range d.Tables {
		noise = append(noise, t.write(w)...)
	}
	writeDiffStreams(w, "stream", d.Streams)
	writeDiffStreams(w, "storage", d.Storages)
	for _, line := range noise {
		fmt.Fprintln(w, line)
	}
	fmt.Fprintln(w, d.tally())
}

// write prints what differs in a table, and returns the rows in which only GUIDs
// do.
func (t *diffTable) write(w io.Writer) (noise []string) {
	title := fmt.Sprintf("%s table %s\n", sign(t.Change), display.Text(t.Name))
	if t.Change != msi.Changed.String() || len(t.Columns) > 0 {
		fmt.Fprint(w, title)
		title = ""
	}
	for _, c := range t.Columns {
		fmt.Fprintf(w, "  %s column %s: %s\n", sign(c.Change), display.Text(c.Name), arrow(c.Old, c.New))
	}
	if t.Undecoded != "" {
		fmt.Fprint(w, title)
		title = ""
		fmt.Fprintf(w, "  rows that change are not known: %s\n", display.Text(t.Undecoded))
	}
	for _, r := range t.Rows {
		if r.onlyGUIDs() {
			for _, c := range r.Cells {
				noise = append(noise, fmt.Sprintf("~ %s %s: %s", display.Text(t.Name), r.key(), arrow(anyText(c.Old), anyText(c.New))))
			}
			continue
		}
		fmt.Fprint(w, title)
		title = ""
		fmt.Fprintf(w, "  %s %s\n", sign(r.Change), r.key())
		for _, c := range r.Cells {
			fmt.Fprintf(w, "      %s: %s\n", display.Text(c.Column), arrow(anyText(c.Old), anyText(c.New)))
		}
	}
	return noise
}

func (r *diffRow) key() string {
	var key []string
	for _, k := range r.Key {
		key = append(key, anyText(k))
	}
	return strings.Join(key, " / ")
}

// onlyGUIDs reports whether a changed row has new GUIDs in place of old ones, as
// every build makes them.
func (r *diffRow) onlyGUIDs() bool {
	return r.Change == msi.Changed.String() && len(r.Cells) > 0 && !slices.ContainsFunc(r.Cells, func(c diffCell) bool {
		old, ok := c.Old.(string)
		now, okNow := c.New.(string)
		return !ok || !okNow || !isGUID(old) || !isGUID(now)
	})
}

var guid = lazyregexp.New(`^\{[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}$`)

func isGUID(text string) bool { return guid().MatchString(text) }

// tally counts what differs.
func (d *diffResult) tally() string {
	changes := map[string]int{}
	for _, f := range d.Files {
		changes[f.Change]++
	}
	var files []string
	for _, change := range []msi.Change{msi.Added, msi.Removed, msi.Changed} {
		if n := changes[change.String()]; n > 0 {
			files = append(files, fmt.Sprintf("%d %s", n, change))
		}
	}
	parts := []string{"no file differs"}
	if len(files) > 0 {
		parts = []string{"files: " + strings.Join(files, ", ")}
	}
	rows := 0
	for _, t := range d.Tables {
		rows += len(t.Rows)
	}
	if len(d.Tables) > 0 {
		parts = append(parts, fmt.Sprintf("%s in %s", display.Count(rows, "row"), display.Count(len(d.Tables), "table")))
	}
	if n := len(d.Streams) + len(d.Storages); n > 0 {
		parts = append(parts, display.Count(n, "stream"))
	}
	if len(d.Summary) > 0 {
		parts = append(parts, display.Count(len(d.Summary), "summary property", "summary properties"))
	}
	return strings.Join(parts, "; ")
}
