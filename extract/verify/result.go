package verify

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/hotfixkit/hotfixkit/extract/safepath"
	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/manifest/authenticode"
)

// A Result says what came out for all targets together.
type Result struct {
	*manifest.Result
	Packages []CheckedPackage `json:"packages,omitempty"`
	// Source says whether a package is the one that the manifest was made from,
	// SameSource or OtherSource; empty where that is not known. It decides nothing.
	Source string `json:"source,omitempty"`

	// Targets are what was compared, in the order given.
	Targets []*Target `json:"-"`
	// Causes are what reading them failed for.
	Causes []*source.Cause `json:"-"`
}

// A CheckedPackage is a package target, whose own signature is checked as well as
// its files.
type CheckedPackage struct {
	Target string          `json:"target"`
	Status manifest.Status `json:"status"`
	Reason string          `json:"reason,omitempty"` // a sentence about a status that is not OK
	*Identity
}

// Check reads the targets and compares their files, as one, with the manifest. With
// an error the result is what could be found out, and not OK; it is nil where
// nothing could be compared.
func Check(ctx context.Context, refs []string, o Options, compare manifest.CompareOptions) (*Result, []*Target, error) {
	var targets []*Target
	var errs []error
	for _, ref := range refs {
		t, err := Read(ctx, ref, o)
		targets = append(targets, t)
		errs = append(errs, err)
	}
	failed := errors.Join(errs...)
	if ctx.Err() != nil {
		return nil, targets, failed
	}
	r, err := Compare(o.Manifest, targets, compare)
	if err != nil {
		return nil, targets, errors.Join(failed, err)
	}
	r.OK = r.OK && failed == nil
	r.Causes = source.Causes(each(failed))
	if o.Exact && (len(r.Unnamed()) > 0 || len(r.Moved()) > 0) {
		r.OK = false
	}
	return r, targets, failed
}

// each lists the errors that are joined in err.
func each(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	switch {
	case err == nil:
		return nil
	case !ok:
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, each(e)...)
	}
	return all
}

// Compare compares the files of targets, as one, with the manifest of the set that
// they belong to. Of packages and folders every row is required, of single files
// the rows that they match. An empty policy is chosen by the language of the
// targets. The error wraps manifest.ErrAmbiguous when it cannot be told which
// manifest is meant; where none of the files is in the set, the result has no files
// but extra ones.
func Compare(set *manifest.Set, targets []*Target, o manifest.CompareOptions) (*Result, error) {
	var files []*manifest.Actual
	o.MatchedOnly = true
	for _, t := range targets {
		files = append(files, t.Files...)
		// In a folder a database that the manifest does not name is listed as extra.
		if t.Database != nil && (t.Kind == Folder || set != nil && set.Names(t.Database.Name)) {
			files = append(files, t.Database)
		}
		o.MatchedOnly = o.MatchedOnly && t.Kind == File
	}
	if o.Policy == "" {
		o.Policy = policyFor(targets)
	}
	compared, err := compareFiles(set, files, o)
	switch {
	case err == nil:
	case slices.ContainsFunc(files, func(a *manifest.Actual) bool { return set.Names(a.Name) }):
		return nil, err
	default:
		compared = &manifest.Result{Manifest: set.Ref, Policy: o.Policy, Files: []manifest.Checked{}, Extra: extras(files)}
	}
	r := &Result{Result: compared, Targets: targets}
	for _, t := range targets {
		for _, id := range t.packages() {
			p := CheckedPackage{Target: t.Ref, Identity: id}
			subject := "the package"
			if slices.Contains(t.Volumes, id) {
				subject = "the cabinet " + id.Name
			}
			p.Status, p.Reason = id.checkSignature(subject, o)
			r.Packages = append(r.Packages, p)
			r.OK = r.OK && p.Status == manifest.OK
		}
	}
	r.markUnreadable()
	r.Source = r.compareSource(set)
	if set == nil {
		r.OK = r.OK && r.Signed()
	}
	return r, nil
}

// packages are the target itself, where it is a package, those around it, and the
// cabinets next to them.
func (t *Target) packages() []*Identity {
	var list []*Identity
	if t.Package != nil {
		list = append(list, t.Package)
	}
	return slices.Concat(list, t.around, t.Volumes)
}

// compareFiles compares with a manifest or, without one, the signatures alone.
func compareFiles(set *manifest.Set, files []*manifest.Actual, o manifest.CompareOptions) (*manifest.Result, error) {
	if set == nil {
		return manifest.CompareSignatures(files, o), nil
	}
	return set.Compare(files, o)
}

// markUnreadable tells rows whose file is there, and cannot be read, from rows whose
// file is missing. What is in a target that cannot be read at all is not known.
func (r *Result) markUnreadable() {
	missing := map[string][]int{}
	for i, c := range r.Files {
		if c.Status == manifest.Missing {
			missing[safepath.Fold(c.Name)] = append(missing[safepath.Fold(c.Name)], i)
		}
	}
	for _, t := range r.Targets {
		if t.Lost {
			for _, rows := range missing {
				for _, i := range rows {
					r.Files[i].Status, r.Files[i].Differences, r.Files[i].Target = manifest.Unreadable, []manifest.Status{manifest.Unreadable}, t.Ref
				}
			}
			clear(missing)
		}
		for _, name := range t.Unreadable {
			rows := missing[safepath.Fold(path.Base(name))]
			if len(rows) == 0 {
				continue
			}
			missing[safepath.Fold(path.Base(name))] = rows[1:]
			c := &r.Files[rows[0]]
			c.Status, c.Differences = manifest.Unreadable, []manifest.Status{manifest.Unreadable}
			c.Target, c.Path = t.Ref, name
		}
	}
}

// Signed reports whether a package or a file carries a valid signature. Anybody can
// make one that is not trusted.
func (r *Result) Signed() bool {
	signed := func(s *authenticode.Signature) bool { return s != nil && s.Status == authenticode.Valid }
	return slices.ContainsFunc(r.Packages, func(p CheckedPackage) bool { return signed(p.Identity.Signature) }) ||
		slices.ContainsFunc(r.Files, func(c manifest.Checked) bool { return signed(c.Signature) })
}

// Unnamed are the files that the manifest does not name; the database of an image,
// which no published table lists, is not one of them.
func (r *Result) Unnamed() []manifest.Extra {
	return slices.DeleteFunc(slices.Clone(r.Extra), func(e manifest.Extra) bool {
		return slices.ContainsFunc(r.Targets, func(t *Target) bool { return t.Database != nil && t.Database == e.Actual })
	})
}

// Moved are the files that are in another folder than the manifest says.
func (r *Result) Moved() []manifest.Checked {
	return slices.DeleteFunc(slices.Clone(r.Files), func(c manifest.Checked) bool { return !slices.Contains(c.Notes, manifest.PathDiffers) })
}

// policyFor is the policy that targets are held to unless another one is asked for.
func policyFor(targets []*Target) manifest.Policy {
	for _, t := range targets {
		if manifest.PolicyFor(t.Language) == manifest.VersionOnly {
			return manifest.VersionOnly
		}
	}
	return manifest.Strict
}

// extras lists files that the manifest does not name.
func extras(files []*manifest.Actual) []manifest.Extra {
	var list []manifest.Extra
	for _, a := range files {
		list = append(list, manifest.Extra{Name: a.Name, Target: a.Target, Path: a.Path, Actual: a, Signature: a.Signature})
	}
	return list
}

// checkSignature judges the signature of the package itself as a comparison judges
// those of files. The reason is a sentence about a status that is not OK; it calls the
// package the subject.
func (id *Identity) checkSignature(subject string, o manifest.CompareOptions) (status manifest.Status, reason string) {
	s := id.Signature
	if id.Kind == source.RPM && !id.keyring {
		s = &authenticode.Signature{Status: authenticode.None}
	}
	status = o.SignatureStatus(id.Name, s)
	missing := status == manifest.SignatureMissing || status == manifest.SignatureUnreadable
	switch {
	case status == manifest.OK, missing && id.keyring, missing && o.AllowUnsigned != nil && o.AllowUnsigned(id.Name):
		return manifest.OK, ""
	case missing && id.Kind == source.RPM:
		return status, "no signature of the rpm was checked: it needs a keyring"
	case status == manifest.SignatureUnreadable:
		return status, "signatures of files of the kind of " + subject + " are not read"
	case status == manifest.SignatureMissing:
		return status, subject + " is not signed"
	case s.Status == authenticode.Invalid:
		return status, "the signature of " + subject + " is invalid"
	case s.Status == authenticode.Untrusted:
		return status, "the signature of " + subject + " is not trusted"
	}
	return status, fmt.Sprintf("%s is signed by %q, not by %q", subject, s.Publisher, o.Publisher)
}

// Manifest makes a manifest of the files of the target as they are. The database of
// an image is one of them; a package is not one of its own files.
func (t *Target) Manifest() (*manifest.Manifest, error) {
	files := t.Files
	if t.Kind == Folder && t.Database != nil {
		files = append(slices.Clone(files), t.Database)
	}
	m, err := manifest.Create(func(yield func(*manifest.Actual, error) bool) {
		for _, a := range files {
			if !yield(a, nil) {
				return
			}
		}
	})
	if p := t.Package; m != nil && p != nil && p.SHA256 != "" {
		m.Source = &manifest.Source{Name: p.Name, Size: manifest.Bytes(p.Size), SHA256: p.SHA256}
	}
	return m, err
}

// The values of Result.Source.
const (
	SameSource  = "same"
	OtherSource = "other"
)

// compareSource tells whether a package among the targets is the one that the manifest
// was made from; "" where that is not known.
func (r *Result) compareSource(set *manifest.Set) string {
	if set == nil {
		return ""
	}
	i := slices.IndexFunc(set.Manifests, func(m *manifest.Manifest) bool { return m.ID == r.Manifest })
	if len(set.Manifests) == 1 {
		i = 0
	}
	if i < 0 || set.Manifests[i].Source == nil {
		return ""
	}
	found := ""
	for _, t := range r.Targets {
		for _, id := range t.packages() {
			switch id.SHA256 {
			case "":
			case set.Manifests[i].Source.SHA256:
				return SameSource
			default:
				found = OtherSource
			}
		}
	}
	return found
}

// Rename calls the target by another name, so that evidence does not tell where it
// was.
func (t *Target) Rename(name string) {
	t.Ref = name
	for _, a := range t.Files {
		a.Target = name
	}
}
