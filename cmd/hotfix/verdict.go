package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/hotfixkit/hotfixkit/extract/verify"
	"github.com/hotfixkit/hotfixkit/internal/display"
	"github.com/hotfixkit/hotfixkit/manifest"
)

// writeVerified prints the verdict and then what it rests on.
func writeVerified(w io.Writer, r *verify.Result) {
	writeHeading(w, r.Result)
	fmt.Fprintln(w, r.Verdict())
	writeRows(w, r.Result, r.Files)
	for _, e := range r.Extra {
		fmt.Fprintf(w, "not in the manifest: %s\n", display.Text(e.Path))
	}
	writePackages(w, r)
	for _, p := range r.Packages {
		writeNeighbours(w, p.Neighbours)
	}
	switch r.Source {
	case verify.SameSource:
		fmt.Fprintln(w, "the package is the one that the manifest was made from (SHA-256)")
	case verify.OtherSource:
		fmt.Fprintln(w, "the manifest was made from another package (SHA-256); the files decide")
	}
	for _, by := range r.SupersededBy {
		fmt.Fprintf(w, "superseded by %s\n", by.KB)
	}
}

// writeFailures prints the verdict and what failed.
func writeFailures(w io.Writer, r *verify.Result) {
	fmt.Fprintln(w, r.Verdict())
	writeRows(w, r.Result, slices.DeleteFunc(slices.Clone(r.Files), func(f manifest.Checked) bool { return f.Status == manifest.OK }))
	writePackages(w, r)
}

// writeResult prints a comparison with a manifest, the verdict first.
func writeResult(w io.Writer, r *manifest.Result) {
	writeVerified(w, &verify.Result{Result: r})
}

func writeHeading(w io.Writer, r *manifest.Result) {
	if r.Policy != manifest.SignaturesOnly {
		fmt.Fprintf(w, "%s  (%s policy)\n", display.Text(cmp.Or(r.Title, r.Manifest)), r.Policy)
	}
}

// writeRows prints rows as a table, those that failed first.
func writeRows(w io.Writer, r *manifest.Result, rows []manifest.Checked) {
	// Of a target that cannot be read at all, the verdict says all there is.
	rows = slices.DeleteFunc(slices.Clone(rows), func(f manifest.Checked) bool { return f.Status == manifest.Unreadable && f.Path == "" })
	if len(rows) == 0 {
		return
	}
	slices.SortStableFunc(rows, func(a, b manifest.Checked) int { return rank(a) - rank(b) })
	columns := []string{"", "FILE", "PLATFORM", "VERSION", ">SIZE", ""}
	if r.Policy == manifest.SignaturesOnly {
		columns = []string{"", "FILE", "SIGNATURE", "SIGNED BY", ""}
	}
	t := newTable(columns...)
	t.wordy = true
	for _, f := range rows {
		mark := "ok"
		if f.Status != manifest.OK {
			mark = "FAILED"
		}
		name := cmp.Or(f.Path, f.Name)
		if r.Policy == manifest.SignaturesOnly {
			status, signer := "-", "-"
			if f.Signature != nil {
				status, signer = string(f.Signature.Status), cmp.Or(f.Signature.Publisher, "-")
			}
			t.row(mark, name, status, signer, signatureRemarks(f))
			continue
		}
		t.row(mark, name, cmp.Or(f.Platform, "-"), versionOf(f), sizeOf(f), remarks(f))
	}
	t.write(w)
}

// rank groups rows: those that failed first, each kind of failure together.
func rank(f manifest.Checked) int {
	return verify.Rank(f.Status)
}

// writeNeighbours says how many files next to a package were read as part of it.
func writeNeighbours(w io.Writer, names []string) {
	if n := len(names); n > 0 {
		fmt.Fprintf(w, "%s taken from the folder of the package\n", display.Count(n, "file"))
	}
}

func writePackages(w io.Writer, r *verify.Result) {
	for _, p := range r.Packages {
		if p.Status != manifest.OK {
			fmt.Fprintf(w, "%s: %s: %s\n", display.Text(cmp.Or(p.Name, p.Target)), p.Status, display.Text(p.Reason))
		}
	}
}

func signatureRemarks(f manifest.Checked) string {
	f.Checked = ""
	return remarks(f)
}
