package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/internal/display"
	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/manifest/authenticode"
)

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

// Rank puts statuses in the order in which they are told: what failed first, each
// kind of failure together.
func Rank(s manifest.Status) int {
	if at := slices.Index(failures, s); at >= 0 {
		return at
	}
	return len(failures)
}

// Verdict says in one line whether the targets are what the manifest says, and if
// they are not, what is wrong with them.
func (r *Result) Verdict() string {
	if r.OK {
		return r.agreement()
	}
	return "NOT VERIFIED: " + strings.Join(r.reasons(), "; ")
}

// reasons are why the targets are not verified, in plain words, the cause first.
func (r *Result) reasons() []string {
	var reasons []string
	for i, c := range r.Causes {
		if i == maxCauses {
			reasons = append(reasons, fmt.Sprintf("%d more causes", len(r.Causes)-maxCauses))
			break
		}
		reasons = append(reasons, r.cause(c))
	}
	if len(r.Files) == 0 && r.Policy != manifest.SignaturesOnly && len(reasons) == 0 {
		return []string{fmt.Sprintf("none of the files is one that %s names", display.Text(r.Manifest))}
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
		reasons = append(reasons, "the files are not exactly those of the manifest: "+strings.Join(r.unexpected(), ", "))
	default:
		reasons = append(reasons, "the check is incomplete; what could be read agrees")
	}
	return reasons
}

// maxCauses is how many causes a verdict tells.
const maxCauses = 3

// cause says what is wrong with a target, which is named where there are several and
// where nothing of it could be read.
func (r *Result) cause(c *source.Cause) string {
	lost := slices.ContainsFunc(r.Targets, func(t *Target) bool { return t.Lost })
	if c.Package != "" && (len(r.Targets) > 1 || lost) {
		return display.Text(c.Package) + ": " + display.Text(c.String())
	}
	return display.Text(c.String())
}

// unexpected counts what --exact does not accept.
func (r *Result) unexpected() []string {
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
func (r *Result) agreement() string {
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
