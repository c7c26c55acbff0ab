package report

import (
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/hotfixkit/hotfixkit/internal/display"
	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/manifest/authenticode"
)

//go:embed report.html.tmpl
var pageSource string

// page is parsed when a report is written: most runs of the command write none.
var page = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("report").Funcs(template.FuncMap{"visible": display.Text}).Parse(pageSource))
})

// HTML writes the page: self-contained, without scripts, for screens in light and
// dark and for paper. What is good and what is not is told by symbols and words,
// never by colour alone.
func HTML(w io.Writer, r *Report) error { return page().Execute(w, newView(r)) }

// view is what the template prints.
type view struct {
	*Report
	State    string // "good", "bad" or "incomplete"
	Headline string
	Manifest string
	Policy   []string
	Counts   []count
	Packages []targetView
	Files    fileList
	Extra    fileList
	Legend   []term
	When     string
}

type count struct {
	Class string // the symbol
	N     int
	Word  string
}

// Number is N as people read it.
func (c count) Number() string { return display.Number(int64(c.N)) }

type targetView struct {
	Target
	Bytes     string
	Signature *signatureView
}

type fileView struct {
	Class     string // "good", "bad" or "plain"
	Word      string
	Reasons   []string
	Notes     []string
	Name      string
	Where     string
	Cells     []cell
	SHA256    *cell
	Signature *signatureView
	Remarks   []string
}

// cell is one attribute: what was expected, what was found, and what that means.
type cell struct {
	Label    string
	Class    string // "same", "differs", "advisory" or "" where there is nothing to compare
	Expected string
	Found    string
}

type signatureView struct {
	Class, Word string
	Details     []string
}

type term struct{ Word, Meaning string }

var differenceWords = map[manifest.Status]string{
	manifest.OK:               "OK",
	manifest.Missing:          "missing",
	manifest.VersionMismatch:  "version differs",
	manifest.SizeMismatch:     "size differs",
	manifest.PlatformMismatch: "platform differs",
	manifest.HashMismatch:     "content differs",
	manifest.SignatureInvalid: "signature not accepted",
	manifest.SignatureMissing: "signature missing",
	manifest.Unreadable:       "cannot be read",

	manifest.SignatureUnreadable: "signature not read",
}

var noteWords = map[manifest.Note]term{
	manifest.DateDiffers:        {"date differs", "The date or time differs from the table. Both may change when a file is copied or installed, so they decide nothing."},
	manifest.SizeDiffers:        {"size differs", "The size differs, and the policy or the accepted later version does not compare it."},
	manifest.HashDiffers:        {"content differs", "The content differs, and the policy or the accepted later version does not compare it."},
	manifest.Later:              {"later version", "A later version than the published one, which was asked to be accepted."},
	manifest.Renamed:            {"under another name", "The file was found under another name: a patch in another language, or an executable whose version resource names it."},
	manifest.PathDiffers:        {"in another folder", "The file was found in another folder than the manifest says."},
	manifest.StringDiffers:      {"version text differs", "The version as text differs from the number, which identifies the build."},
	manifest.SignatureUntrusted: {"signature untrusted", "Digest and signature hold, but the certificate does not lead to a trusted root, or no timestamp proves when it was used."},
	manifest.SignatureUnchecked: {"carries no signature", "A signature is required, and files of this kind cannot carry one."},
	manifest.UnsignedAllowed:    {"unsigned, as allowed", "A signature is required, and this file was named as one that may be without."},
	manifest.SignatureUnread:    {"signature not read", "The file carries a signature, or is of a kind that may, which is not checked here."},
}

func newView(r *Report) *view {
	v := &view{Report: r, Manifest: manifestName(r.Result), Policy: policySentences(r.Result)}
	notes := 0
	used := make(map[manifest.Note]bool)
	files := slices.Clone(r.Result.Files)
	slices.SortStableFunc(files, func(a, b manifest.Checked) int { return rank(a.Status) - rank(b.Status) })
	targets := max(len(r.Targets), 1)
	for _, c := range files {
		v.Files.add(func() fileView {
			f := newFile(c)
			f.Where = where(c.Name, c.Target, c.Path, targets)
			return f
		})
		if len(c.Notes) > 0 {
			notes++
		}
		for _, n := range c.Notes {
			used[n] = true
		}
	}
	for _, e := range r.Result.Extra {
		v.Extra.add(func() fileView {
			f := newExtra(e)
			f.Where = where(e.Name, e.Target, e.Path, targets)
			return f
		})
	}
	v.Files.finish(len(r.Result.Files))
	v.Extra.finish(len(r.Result.Extra))
	v.Counts = []count{
		{"note", notes, display.Plural(notes, "file has notes", "files have notes")},
		{"plain", len(r.Result.Extra), display.Plural(len(r.Result.Extra), "file is not in the table", "files are not in the table")},
	}
	switch {
	case len(r.Errors) > 0:
		v.State, v.Headline = "incomplete", r.Verdict
	case r.Result.OK:
		v.State, v.Headline = "good", "Verified: "+r.Verdict
	default:
		v.State, v.Headline = "bad", r.Verdict
	}
	for _, t := range r.Targets {
		tv := targetView{Target: t, Signature: newSignature(t.Signature)}
		if t.Size > 0 {
			tv.Bytes = display.Number(t.Size) + " bytes"
		}
		v.Packages = append(v.Packages, tv)
	}
	for n, t := range noteWords {
		if used[n] {
			v.Legend = append(v.Legend, t)
		}
	}
	slices.SortFunc(v.Legend, func(a, b term) int { return strings.Compare(a.Word, b.Word) })
	if !r.Time.IsZero() {
		v.When = r.Time.UTC().Format("2006-01-02 15:04 UTC")
	}
	return v
}

// rank puts what is missing or differs before what is equal.
func rank(s manifest.Status) int {
	if s == manifest.OK {
		return 1
	}
	return 0
}

func manifestName(r *manifest.Result) string {
	if r.Policy == manifest.SignaturesOnly {
		return "Signatures"
	}
	return cmp.Or(r.Title, r.Manifest)
}

func policySentences(r *manifest.Result) []string {
	if r.Policy == manifest.SignaturesOnly {
		return []string{"Signatures only: no signature may be invalid, and one must be valid. Nothing else was compared."}
	}
	sentences := []string{"Strict: version, size and platform of every required file must be equal, and SHA-256 where the manifest has it. Dates are advisory."}
	if r.Policy == manifest.VersionOnly {
		sentences[0] = "Version: version and platform of every required file must be equal. Of files without a version, only the presence is checked. Sizes and dates are advisory."
	}
	if r.OrLater {
		sentences = append(sentences, "Later versions are accepted.")
	}
	return sentences
}

func newFile(c manifest.Checked) fileView {
	f := fileView{Class: "good", Word: "OK", Name: c.Name, Signature: newSignature(c.Signature)}
	if c.Status != manifest.OK {
		f.Class, f.Word = "bad", "Differs"
		switch c.Status {
		case manifest.Missing:
			f.Word = missingWord
		case manifest.Unreadable:
			f.Word = unreadableWord
		}
		for _, d := range c.Differences {
			if d != manifest.Missing && d != manifest.Unreadable {
				f.Reasons = append(f.Reasons, differenceWords[d])
			}
		}
	}
	if c.Checked != "" {
		f.Reasons = append(f.Reasons, c.Checked+" only")
	}
	if c.Hint != "" {
		f.Remarks = append(f.Remarks, sentence(c.Hint))
	}
	for _, n := range c.Notes {
		f.Notes = append(f.Notes, noteWords[n].Word)
	}
	if c.Actual != nil {
		f.Remarks = append(f.Remarks, remarks(c.Actual)...)
	}
	f.Cells = cells(c)
	if hash := hashCell(c); hash.Expected != "" || hash.Found != "" {
		f.SHA256 = &hash
	}
	return f
}

// remarks are sentences about a file that do not fit into a cell.
func remarks(a *manifest.Actual) []string {
	var list []string
	if a.StringVersion != "" {
		list = append(list, fmt.Sprintf("Version as text: %s", a.StringVersion))
	}
	for _, p := range a.Problems {
		list = append(list, sentence(p))
	}
	return list
}

func cells(c manifest.Checked) []cell {
	e, a := c.Expected, c.Actual
	compared := func(attribute string) bool { return slices.Contains(c.Compared, attribute) }
	differs := func(s manifest.Status) bool { return slices.Contains(c.Differences, s) }
	noted := func(n manifest.Note) bool { return slices.Contains(c.Notes, n) }

	version := cell{Label: "Version", Expected: e.Version}
	platform := cell{Label: "Platform", Expected: e.Platform}
	size := cell{Label: "Size"}
	if e.Size != nil {
		size.Expected = display.Number(*e.Size)
	}
	date := cell{Label: "Date (UTC)", Expected: strings.TrimSpace(e.Date + " " + e.Time)}
	if a != nil {
		version.Found, version.Class = a.Version, class(compared("version"), differs(manifest.VersionMismatch), noted(manifest.Later))
		platform.Found, platform.Class = a.Platform, class(compared("platform"), differs(manifest.PlatformMismatch), false)
		size.Found, size.Class = display.Number(a.Size), class(compared("size"), differs(manifest.SizeMismatch), noted(manifest.SizeDiffers))
		date.Found, date.Class = strings.TrimSpace(a.Date+" "+a.Time), class(false, false, noted(manifest.DateDiffers))
	}
	return []cell{version, platform, size, date}
}

func hashCell(c manifest.Checked) cell {
	hash := cell{Label: "SHA-256", Expected: c.Expected.SHA256}
	if c.Actual != nil {
		hash.Found = c.Actual.SHA256
		hash.Class = class(slices.Contains(c.Compared, "sha256"),
			slices.Contains(c.Differences, manifest.HashMismatch), slices.Contains(c.Notes, manifest.HashDiffers))
	}
	return hash
}

// class says what the comparison of one attribute came to.
func class(compared, differs, noted bool) string {
	switch {
	case differs:
		return "differs"
	case noted:
		return "advisory"
	case compared:
		return "same"
	}
	return ""
}

func newExtra(e manifest.Extra) fileView {
	f := fileView{Class: "plain", Word: "Extra", Name: e.Name, Signature: newSignature(e.Signature)}
	if a := e.Actual; a != nil {
		f.Cells = []cell{
			{Label: "Version", Found: a.Version},
			{Label: "Platform", Found: a.Platform},
			{Label: "Size", Found: display.Number(a.Size)},
			{Label: "Date (UTC)", Found: strings.TrimSpace(a.Date + " " + a.Time)},
		}
		if a.SHA256 != "" {
			f.SHA256 = &cell{Label: "SHA-256", Found: a.SHA256}
		}
		f.Remarks = remarks(a)
	}
	return f
}

func newSignature(s *authenticode.Signature) *signatureView {
	if s == nil {
		return nil
	}
	v := &signatureView{}
	switch s.Status {
	case authenticode.Valid:
		v.Class, v.Word = "same", "valid"
	case authenticode.Untrusted:
		v.Class, v.Word = "advisory", "untrusted"
	case authenticode.Invalid:
		v.Class, v.Word = "differs", "invalid"
	case authenticode.None:
		v.Word = "unsigned"
		return v
	}
	if s.Signer != "" {
		v.Details = append(v.Details, "signed by "+s.Signer)
	}
	if !s.Timestamp.IsZero() {
		v.Details = append(v.Details, "timestamp "+s.Timestamp.UTC().Format(time.DateTime)+" UTC")
	}
	if s.DigestAlgorithm != "" {
		v.Details = append(v.Details, s.DigestAlgorithm)
	}
	v.Details = append(v.Details, s.Notes...)
	return v
}

// where names the place of a file; the target goes without saying when it is the
// only one, and the path when it is the name.
func where(name, target, path string, targets int) string {
	switch {
	case path == name && targets == 1:
		return ""
	case target == path || path == "":
		return target
	case target == "" || targets == 1:
		return path
	}
	return target + " › " + path
}

// sentence makes a message one: upper case at the start, a full stop at the end.
func sentence(s string) string {
	if s == "" {
		return s
	}
	r := []rune(s)
	r[0] = unicode.ToUpper(r[0])
	if s = string(r); !strings.HasSuffix(s, ".") {
		s += "."
	}
	return s
}
