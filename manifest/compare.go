package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/manifest/authenticode"
)

// Policy says which attributes decide.
type Policy string

const (
	// Strict compares version, size and platform, and SHA-256 where the manifest has
	// it: for the English package that the published tables describe.
	Strict Policy = "strict"
	// VersionOnly compares version and platform: for packages in other languages and
	// for installed files, whose other attributes may differ by Microsoft's own word.
	VersionOnly Policy = "version"
	// SignaturesOnly is the policy of results without a manifest.
	SignaturesOnly Policy = "signatures"
)

// english is the ProductLanguage of the packages that published tables describe.
const english = 1033

// PolicyFor returns the policy that a package in this language is held to unless
// another one is asked for: VersionOnly, but Strict for the English package and
// where the language is unknown (0).
func PolicyFor(language int) Policy {
	if language == english || language == 0 {
		return Strict
	}
	return VersionOnly
}

// Status is the verdict on one file.
type Status string

// The verdicts, in the order in which the first that applies becomes the status
// of a file.
const (
	OK               Status = "ok"
	Unreadable       Status = "unreadable" // it is there, and its content cannot be had
	Missing          Status = "missing"
	VersionMismatch  Status = "version-mismatch"
	SizeMismatch     Status = "size-mismatch"
	PlatformMismatch Status = "platform-mismatch"
	HashMismatch     Status = "hash-mismatch"
	SignatureInvalid Status = "signature-invalid"
	SignatureMissing Status = "signature-missing"
	// SignatureUnreadable is a file of a kind whose signatures are not checked here,
	// where one is required.
	SignatureUnreadable Status = "signature-unreadable"
)

// Note is something worth knowing that decides nothing.
type Note string

// The notes.
const (
	DateDiffers        Note = "date-differs"           // date or time
	SizeDiffers        Note = "size-differs"           // under VersionOnly
	HashDiffers        Note = "hash-differs"           // under VersionOnly
	Later              Note = "later-version"          // accepted by OrLater
	Renamed            Note = "renamed"                // found under another name
	PathDiffers        Note = "path-differs"           // found in another folder than the manifest says
	StringDiffers      Note = "version-string-differs" // the FileVersion string has another number
	SignatureUntrusted Note = "signature-untrusted"
	UnsignedAllowed    Note = "unsigned-allowed"    // by CompareOptions.AllowUnsigned
	SignatureUnchecked Note = "signature-unchecked" // a signature is required, and this kind of file cannot carry one
	SignatureUnread    Note = "signature-unread"    // it carries a signature, or may, of a kind that is not checked
)

// CompareOptions say what counts as equal and what is required.
type CompareOptions struct {
	Policy  Policy // Strict when empty
	OrLater bool   // a later version than the published one is accepted
	// MatchedOnly requires only the rows that the files match: for targets that are
	// single files. Otherwise every row is required.
	MatchedOnly bool
	// RequireSignature asks for a valid signature on every file of a kind that can
	// carry one, by its name or its content: executables, Windows Installer packages,
	// cabinets, catalogs, scripts, application packages.
	RequireSignature bool
	Publisher        string // required publisher of the signatures; implies RequireSignature
	// AllowUnsigned reports whether the file at a path may be unsigned although a
	// signature is required. Nil: none may.
	AllowUnsigned func(path string) bool

	siblings []*Manifest // of the same set, to name a wrong build
	builds   *builds     // of these and the built-in manifests
}

// Result is what a comparison found. Its JSON is the document of `hotfix verify`.
type Result struct {
	Manifest     string        `json:"manifest"` // id, or title of a manifest without one
	Title        string        `json:"title,omitempty"`
	SupersededBy []Superseding `json:"superseded_by,omitempty"`
	OK           bool          `json:"ok"`
	Policy       Policy        `json:"policy"`
	OrLater      bool          `json:"or_later,omitempty"`
	Files        []Checked     `json:"files"`
	// Extra are files that the manifest does not name; they decide nothing.
	Extra []Extra `json:"extra,omitempty"`
}

// Checked is one required file, compared. A row that several files match has one
// entry for each of them.
type Checked struct {
	Name        string   `json:"name"`
	Platform    string   `json:"platform,omitempty"`
	Status      Status   `json:"status"`
	Differences []Status `json:"differences"`
	Notes       []Note   `json:"notes,omitempty"`
	// Compared names the attributes that decided; Checked is "presence" where there
	// was none, so that only the presence of the file was checked.
	Compared  []string                `json:"compared,omitempty"`
	Checked   string                  `json:"checked,omitempty"`
	Hint      string                  `json:"hint,omitempty"`     // a sentence that explains a difference
	BuildOf   string                  `json:"build_of,omitempty"` // the other known manifest that a wrong build belongs to
	Target    string                  `json:"target,omitempty"`
	Path      string                  `json:"path,omitempty"`
	Expected  Row                     `json:"expected"`
	Actual    *Actual                 `json:"actual,omitempty"` // nil when missing
	Signature *authenticode.Signature `json:"signature,omitempty"`
}

// Extra is a file that the manifest does not name.
type Extra struct {
	Name      string                  `json:"name"`
	Target    string                  `json:"target,omitempty"`
	Path      string                  `json:"path,omitempty"`
	Actual    *Actual                 `json:"actual"`
	Signature *authenticode.Signature `json:"signature,omitempty"`
}

// Compare chooses the manifest that the files belong to and compares them with
// it. A manifest without id and title is called by the reference. The error is that
// of [Set.Choose].
func (s *Set) Compare(actuals []*Actual, o CompareOptions) (*Result, error) {
	m, err := s.Choose(actuals)
	if err != nil {
		return nil, err
	}
	o.siblings = s.Manifests
	r := m.Compare(actuals, o)
	r.Manifest = cmp.Or(r.Manifest, s.Ref)
	return r, nil
}

// NeedsSHA256 reports whether a comparison under that policy needs the SHA-256 of
// the files.
func (s *Set) NeedsSHA256(p Policy) bool {
	return p != VersionOnly && slices.ContainsFunc(s.Manifests, func(m *Manifest) bool {
		return slices.ContainsFunc(m.Files, func(r Row) bool { return r.SHA256 != "" })
	})
}

// Names reports whether a file of this base name is one of those that the
// manifests list, a patch in another language included.
func (s *Set) Names(name string) bool {
	s.index.Do(func() {
		s.names, s.patches = map[string]bool{}, map[string]bool{}
		for _, m := range s.Manifests {
			for _, r := range m.Files {
				s.names[fold(r.Name)] = true
				if key := patchKey(r.Name); key != "" {
					s.patches[key] = true
				}
			}
		}
	})
	return s.names[fold(name)] || s.patches[patchKey(name)]
}

// Choose returns the manifest of the set that the files belong to: the one with
// the most files of equal name, platform and version; then of the same build but
// for the last part of the version; then of equal name and size where the table
// has no version; then of equal name. The error wraps [ErrAmbiguous] when that
// does not tell.
func (s *Set) Choose(actuals []*Actual) (*Manifest, error) {
	if len(s.Manifests) == 1 {
		return s.Manifests[0], nil
	}
	var best *Manifest
	var most evidence
	tie := true
	for _, m := range s.Manifests {
		e := m.evidence(actuals)
		switch slices.Compare(e[:], most[:]) {
		case 1:
			best, most, tie = m, e, false
		case 0:
			tie = true
		}
	}
	if !tie {
		return best, nil
	}
	ids := make([]string, 0, len(s.Manifests))
	for _, m := range s.Manifests {
		ids = append(ids, m.name())
	}
	return nil, fmt.Errorf("%w: no file of the target belongs to one of %s alone", ErrAmbiguous, strings.Join(ids, ", "))
}

// evidence counts matches, the most telling kind first.
type evidence [4]int

func (m *Manifest) evidence(actuals []*Actual) evidence {
	type bySize struct {
		name string
		size int64
	}
	type byBuild struct {
		name, platform string
		version        number
	}
	names, sizes := map[string]bool{}, map[bySize]bool{}
	versions, builds := map[byBuild]bool{}, map[byBuild]bool{}
	for i := range m.Files {
		row := &m.Files[i]
		name := fold(row.Name)
		names[name] = true
		if row.Version == "" {
			if row.Size != nil {
				sizes[bySize{name, *row.Size}] = true
			}
		} else if n, ok := parseNumber(row.Version); ok {
			versions[byBuild{name, row.Platform, n}] = true
			n[3] = 0
			builds[byBuild{name, row.Platform, n}] = true
		}
	}
	var e evidence
	count := func(at int, found bool) {
		if found {
			e[at]++
		}
	}
	for _, a := range actuals {
		name := fold(a.Name)
		count(3, names[name])
		count(2, sizes[bySize{name, a.Size}])
		if n, ok := parseNumber(a.Version); ok {
			count(0, versions[byBuild{name, "", n}] || versions[byBuild{name, a.Platform, n}])
			n[3] = 0
			count(1, builds[byBuild{name, "", n}] || builds[byBuild{name, a.Platform, n}])
		}
	}
	return e
}

// name is what the manifest is called in messages.
func (m *Manifest) name() string {
	if m.ID != "" {
		return m.ID
	}
	return m.Title
}

// fold makes file names comparable without case.
func fold(name string) string { return strings.ToLower(name) }

// Compare pairs files with rows and compares them.
func (m *Manifest) Compare(actuals []*Actual, o CompareOptions) *Result {
	if o.Policy == "" {
		o.Policy = Strict
	}
	if o.Publisher != "" {
		o.RequireSignature = true
	}
	result := &Result{
		Manifest:     m.name(),
		Title:        m.Title,
		SupersededBy: m.SupersededBy,
		Policy:       o.Policy,
		OrLater:      o.OrLater,
		Files:        []Checked{},
		OK:           true,
	}
	o.builds = newBuilds(m, slices.Concat(o.siblings, Builtin()))
	p := m.pair(actuals, o)
	for i := range m.Files {
		for _, match := range p.matches[i] {
			result.Files = append(result.Files, m.check(i, match, o))
		}
		if p.matches[i] == nil && !o.MatchedOnly {
			result.Files = append(result.Files, m.missing(i, p))
		}
	}
	for _, a := range p.extra {
		result.Extra = append(result.Extra, Extra{Name: a.Name, Target: a.Target, Path: a.Path, Actual: a, Signature: a.Signature})
	}
	for _, f := range result.Files {
		result.OK = result.OK && f.Status == OK
	}
	// To have found nothing to compare is not a success.
	result.OK = result.OK && len(result.Files) > 0
	return result
}

func (m *Manifest) missing(i int, p *pairing) Checked {
	row := m.Files[i]
	c := Checked{Name: row.Name, Platform: row.Platform, Expected: row}
	c.differ(Missing)
	if names := p.rivals[i]; len(names) > 1 {
		c.hint("several patches could stand for it: %s", strings.Join(names, ", "))
	}
	return c
}

// differ adds a difference. They are found in the order of their rank, so that
// the first becomes the status.
func (c *Checked) differ(s Status) {
	if len(c.Differences) == 0 {
		c.Status = s
	}
	c.Differences = append(c.Differences, s)
}

func (c *Checked) note(n Note) { c.Notes = append(c.Notes, n) }

func (c *Checked) hint(format string, args ...any) {
	if c.Hint != "" {
		c.Hint += "; "
	}
	c.Hint += fmt.Sprintf(format, args...)
}

// check compares one file with its row.
func (m *Manifest) check(i int, match match, o CompareOptions) Checked {
	row, a := m.Files[i], match.actual
	c := Checked{
		Name: row.Name, Platform: row.Platform,
		Status: OK, Differences: []Status{}, Notes: match.notes,
		Target: a.Target, Path: a.Path,
		Expected: row, Actual: a, Signature: a.Signature,
	}
	later := c.compareVersion(row, a, o)
	// A later build has another size and other content.
	strict := o.Policy == Strict && !later
	if row.Size != nil {
		if strict {
			c.Compared = append(c.Compared, "size")
		}
		if *row.Size != a.Size {
			c.differOrNote(strict, SizeMismatch, SizeDiffers)
		}
	}
	// Without a version the row is not an executable, or at least not known to be one.
	if row.Platform != "" && (a.Platform != "" || row.Version != "") {
		c.Compared = append(c.Compared, "platform")
		if row.Platform != a.Platform {
			c.differ(PlatformMismatch)
		}
	}
	if row.SHA256 != "" {
		if strict {
			c.Compared = append(c.Compared, "sha256")
		}
		if row.SHA256 != a.SHA256 && (strict || a.SHA256 != "") {
			c.differOrNote(strict, HashMismatch, HashDiffers)
		}
	}
	if c.Compared == nil {
		c.Checked = "presence"
	}
	c.compareSignature(a, o)
	if row.Date != "" && a.Date != "" && (row.Date != a.Date || row.Time != "" && !strings.HasPrefix(row.Time, a.Time)) {
		c.note(DateDiffers)
	}
	if a.StringVersion != "" {
		c.note(StringDiffers)
	}
	o.builds.nameBuild(&c)
	return c
}

func (c *Checked) differOrNote(decides bool, s Status, n Note) {
	if decides {
		c.differ(s)
	} else {
		c.note(n)
	}
}

// compareVersion reports whether the file is accepted as a later build.
func (c *Checked) compareVersion(row Row, a *Actual, o CompareOptions) bool {
	if row.Version == "" {
		return false
	}
	c.Compared = append(c.Compared, "version")
	order, numeric := compareVersions(a.Version, row.Version)
	switch {
	case order == 0:
	case a.Version == "":
		c.differ(VersionMismatch)
		c.hint("the file has no version resource")
	case o.OrLater && numeric && order > 0:
		c.note(Later)
		return true
	default:
		c.differ(VersionMismatch)
	}
	return false
}

// SignatureStatus judges the signature of a file of this name: an invalid one is
// always a difference, a missing or untrusted one, and one of another publisher, where
// a signature is required. Nil is that of a file in which no signature was looked for:
// whether it can carry one is told from its name.
func (o CompareOptions) SignatureStatus(name string, s *authenticode.Signature) Status {
	switch {
	case s != nil && s.Status == authenticode.Invalid:
		return SignatureInvalid
	case !o.RequireSignature && o.Publisher == "":
		return OK
	case s == nil && carriageOf(name) == carriesNone:
		return OK
	case s == nil && carriageOf(name) == carriesOther:
		return SignatureUnreadable
	case s == nil || s.Status == authenticode.None:
		return SignatureMissing
	case s.Status == authenticode.Untrusted, o.Publisher != "" && !s.SignedBy(o.Publisher):
		return SignatureInvalid
	}
	return OK
}

// CompareSignatures judges the signatures of files and nothing else. That none of
// the files is signed is for the caller to judge.
func CompareSignatures(files []*Actual, o CompareOptions) *Result {
	r := &Result{OK: true, Policy: SignaturesOnly, Files: []Checked{}}
	for _, a := range files {
		c := Checked{
			Name: a.Name, Platform: a.Platform, Status: OK, Differences: []Status{}, Checked: "signature",
			Target: a.Target, Path: a.Path, Expected: Row{Name: a.Name}, Actual: a, Signature: a.Signature,
		}
		c.compareSignature(a, o)
		r.OK = r.OK && c.Status == OK
		r.Files = append(r.Files, c)
	}
	return r
}

func (c *Checked) compareSignature(a *Actual, o CompareOptions) {
	s := a.Signature
	if s == nil {
		s = &authenticode.Signature{Status: authenticode.None}
	}
	switch status := o.SignatureStatus(a.Name, s); {
	case status == SignatureMissing:
		c.withoutSignature(a, o)
	case status == SignatureInvalid:
		c.differ(status)
		switch s.Status {
		case authenticode.Invalid:
		case authenticode.Untrusted:
			c.hint("the signature is not trusted")
		default:
			c.hint("signed by %q, not by %q", s.Publisher, o.Publisher)
		}
	case s.Status == authenticode.Untrusted:
		c.note(SignatureUntrusted)
	case s.Status == authenticode.None && a.carriage(c.Name) == carriesOther:
		c.note(SignatureUnread)
	}
}

// withoutSignature judges a file that has no signature which could be checked, where
// one is required.
func (c *Checked) withoutSignature(a *Actual, o CompareOptions) {
	switch carries := a.carriage(c.Name); {
	case o.AllowUnsigned != nil && o.AllowUnsigned(a.Path):
		c.note(UnsignedAllowed)
	case carries == carriesNone:
		c.note(SignatureUnchecked)
	case carries == carriesOther:
		c.differ(SignatureUnreadable)
	default:
		c.differ(SignatureMissing)
	}
}

// BuildOf returns the other known manifest that most of the files that differ belong
// to, or "".
func (r *Result) BuildOf() string {
	votes, differ, best := map[string]int{}, 0, ""
	for _, f := range r.Files {
		if f.Status == OK || f.Status == Missing || f.Status == Unreadable {
			continue
		}
		differ++
		if f.BuildOf != "" {
			votes[f.BuildOf]++
			if votes[f.BuildOf] > votes[best] {
				best = f.BuildOf
			}
		}
	}
	if 2*votes[best] > differ {
		return best
	}
	return ""
}
