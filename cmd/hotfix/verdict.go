package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/extract/verify"
	"github.com/hotfixkit/hotfixkit/internal/display"
	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/manifest/authenticode"
)

// writeVerified prints the verdict and then what it rests on.
func writeVerified(w io.Writer, r *verify.Result) {
	writeHeading(w, r.Result)
	fmt.Fprintln(w, verdict(r))
	writeRows(w, r.Result, r.Files)
	for _, e := range r.Extra {
		fmt.Fprintf(w, "not in the manifest: %s\n", display.Text(e.Path))
	}
	writePackages(w, r)
	for _, p := range r.Packages {
		writeNeighbours(w, p.Neighbours)
	}
	for _, by := range r.SupersededBy {
		fmt.Fprintf(w, "superseded by %s\n", by.KB)
	}
}

// writeFailures prints the verdict and what failed.
func writeFailures(w io.Writer, r *verify.Result) {
	fmt.Fprintln(w, verdict(r))
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
	if len(rows) == 0 {
		return
	}
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b manifest.Checked) int { return rank(a) - rank(b) })
	columns := []string{"", "FILE", "PLATFORM", "VERSION", ">SIZE", ""}
	if r.Policy == manifest.SignaturesOnly {
		columns = []string{"", "FILE", "SIGNATURE", "SIGNED BY", ""}
	}
	t := newTable(columns...)
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
	at := slices.Index(failures, f.Status)
	if at < 0 {
		return len(failures)
	}
	return at
}

// failures are the kinds of failures, in the order in which they are told, and the
// words for them.
var (
	failures = []manifest.Status{
		manifest.Unreadable, manifest.Missing, manifest.VersionMismatch, manifest.SizeMismatch,
		manifest.PlatformMismatch, manifest.HashMismatch, manifest.SignatureInvalid, manifest.SignatureMissing, manifest.SignatureUnreadable,
	}
	failureWords = map[manifest.Status][2]string{
		manifest.Unreadable:       {"cannot be read", "cannot be read"},
		manifest.Missing:          {"is missing", "are missing"},
		manifest.VersionMismatch:  {"has another version", "have another version"},
		manifest.SizeMismatch:     {"has another size", "have another size"},
		manifest.PlatformMismatch: {"is for another platform", "are for another platform"},
		manifest.HashMismatch:     {"has other content", "have other content"},
		manifest.SignatureInvalid: {"has a signature that does not hold", "have signatures that do not hold"},
		manifest.SignatureMissing: {"is not signed", "are not signed"},

		manifest.SignatureUnreadable: {"is of a kind whose signatures are not read", "are of kinds whose signatures are not read"},
	}
)

// verdict says in one line whether the targets are what the manifest says, and if
// they are not, what is wrong with them.
func verdict(r *verify.Result) string {
	if r.OK {
		return agreement(r)
	}
	var reasons []string
	if len(r.Files) == 0 && r.Policy != manifest.SignaturesOnly {
		return fmt.Sprintf("NOT VERIFIED: none of the files is one that %s names", display.Text(r.Manifest))
	}
	if other := r.BuildOf(); other != "" {
		reasons = append(reasons, fmt.Sprintf("this is the package of %s, the manifest is %s", display.Text(other), display.Text(r.Manifest)))
	}
	for _, status := range failures {
		n := 0
		for _, f := range r.Files {
			if f.Status == status {
				n++
			}
		}
		if words, ok := failureWords[status]; ok && n > 0 {
			reasons = append(reasons, fmt.Sprintf("%d of %s %s", n, display.Count(len(r.Files), "file"), words[min(n-1, 1)]))
		}
	}
	for _, p := range r.Packages {
		if p.Status != manifest.OK && !slices.Contains(reasons, p.Reason) {
			reasons = append(reasons, display.Text(p.Reason))
		}
	}
	switch {
	case r.Policy == manifest.SignaturesOnly && !r.Signed():
		reasons = append(reasons, "nothing has a valid signature, and without a manifest nothing else is checked")
	case len(reasons) > 0:
	case len(r.Unnamed()) > 0 || len(r.Moved()) > 0:
		reasons = append(reasons, "the files are not exactly those of the manifest: "+strings.Join(unexpected(r), ", "))
	default:
		reasons = append(reasons, "the check is incomplete; what could be read agrees")
	}
	return "NOT VERIFIED: " + strings.Join(reasons, "; ")
}

// unexpected counts what --exact does not accept.
func unexpected(r *verify.Result) []string {
	var words []string
	if n := len(r.Unnamed()); n > 0 {
		words = append(words, fmt.Sprintf("%d not in it", n))
	}
	if n := len(r.Moved()); n > 0 {
		words = append(words, fmt.Sprintf("%d in another folder", n))
	}
	return words
}

// agreement is the verdict on targets that are right. A manifest with hashes was made
// from files, not published.
func agreement(r *verify.Result) string {
	n := len(r.Files)
	if r.Policy == manifest.SignaturesOnly {
		signed, unread := 0, 0
		for _, f := range r.Files {
			switch {
			case f.Signature != nil && f.Signature.Status == authenticode.Valid:
				signed++
			case slices.Contains(f.Notes, manifest.SignatureUnread):
				unread++
			}
		}
		var words []string
		for _, p := range r.Packages {
			if s := p.Identity.Signature; s != nil {
				words = append(words, fmt.Sprintf("signature of %s: %s", display.Text(p.Name), s.Status))
			}
		}
		words = append(words, fmt.Sprintf("%d of %s with a valid signature, none with an invalid one", signed, display.Count(n, "file")))
		if unread > 0 {
			words = append(words, fmt.Sprintf("%s of a kind whose signatures are not read", display.Count(unread, "file")))
		}
		words = append(words, "nothing else was checked")
		return strings.Join(words, "; ")
	}
	how := "published"
	if slices.ContainsFunc(r.Files, func(f manifest.Checked) bool { return f.Expected.SHA256 != "" }) {
		how = "recorded"
	}
	return fmt.Sprintf("%d of %d files as %s", n, n, how)
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
