package distpoint

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hotfixkit/hotfixkit/extract"
	"github.com/hotfixkit/hotfixkit/extract/safepath"
	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/extract/verify"
	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/manifest/authenticode"
	"github.com/hotfixkit/hotfixkit/manifest/display"
	"github.com/hotfixkit/hotfixkit/manifest/report"
	"github.com/hotfixkit/hotfixkit/msp"
)

var (
	// ErrNotVerified: the package is not what the manifest says; nothing was staged.
	ErrNotVerified = errors.New("the package does not match its manifest")
	// ErrUnknown is the ErrNotVerified of a package that holds none of the files
	// that the manifest names.
	ErrUnknown = fmt.Errorf("%w", ErrNotVerified)
	// ErrOtherBuild is the ErrNotVerified of a package that another manifest describes.
	ErrOtherBuild = fmt.Errorf("%w", ErrNotVerified)
	// ErrNoNumber is the ErrContent of a hotfix whose KB number nothing names.
	ErrNoNumber = fmt.Errorf("%w: neither the manifest nor a patch names the KB number", ErrContent)
	// ErrNoClient is the ErrClientFiles of a folder that does not hold any.
	ErrNoClient = fmt.Errorf("%w", ErrClientFiles)
	// ErrReplaced: a file among the client files may have been replaced although
	// staging failed.
	ErrReplaced = errors.New("it may have been replaced before that")
	// ErrClientFiles: the client files are of another service pack than the patch.
	ErrClientFiles = errors.New("the client files are not those that the patch is for")
	// ErrConflict: a file of the same name and other content is in the client files.
	ErrConflict = errors.New("a file of this name with other content exists")
	// ErrSuperseded: the KB number that was given does not supersede the hotfix.
	ErrSuperseded = errors.New("not known to supersede the hotfix")
	// ErrContent: the package does not hold what is staged, or not in a way that
	// can be staged.
	ErrContent = errors.New("the package cannot be staged")
	// ErrNested: the output folder and the client files lie in one another.
	ErrNested = errors.New("the output folder and the client files must not lie in one another")
)

// Options say what to stage and where.
type Options struct {
	Output   string // folder that receives the content
	Manifest *manifest.Set
	Compare  manifest.CompareOptions // an empty policy is chosen by the package's language

	// SupersededBy is the KB that supersedes the hotfix on the site, in any
	// spelling; Installed are the KBs that are installed there. Where one of them
	// supersedes the hotfix, only the CCMCertFix program is staged.
	SupersededBy string
	Installed    []string

	ClientDir  string // existing copy of the client files that receives the patch tree; "" puts it below Output
	Replace    bool   // replace a patch of the same name and other content there
	Location   Location
	Properties []Property
	Order      []string // KB numbers, in the order in which PATCH is to name them
	// WithPatches are files with client patches of other hotfixes, which are staged
	// too and named in PATCH.
	WithPatches []string

	Source    source.Options
	Signature authenticode.Options
	Limits    extract.Limits
	Tool      report.Tool // the program, for the evidence
	Time      time.Time   // of the staging, for the report; zero: none is printed
	// Progress is that of verify.Options: of all packages together, and concurrent.
	Progress func(read, waiting int64)

	batch bool // the options are for several packages
}

// A StagedFile is one file of the result.
type StagedFile struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	// ClientDir: the path is relative to the copy of the client files.
	ClientDir bool `json:"client_dir,omitempty"`
}

// A Result is what was staged. Its JSON, less Output, Unchanged and Replaced, is stage.json.
type Result struct {
	Tool           string           `json:"tool"`
	Package        *verify.Identity `json:"package"`
	Output         string           `json:"output,omitempty"`
	Manifest       string           `json:"manifest"`
	KB             string           `json:"kb"`
	ServicePack    string           `json:"service_pack,omitempty"`
	Policy         manifest.Policy  `json:"policy"`
	SupersededBy   string           `json:"superseded_by,omitempty"`
	NoPatch        string           `json:"no_patch,omitempty"`       // why no patch is needed
	PatchProperty  *string          `json:"patch_property"`           // null while it holds the placeholder, and without patch
	PropertiesLine string           `json:"properties_line"`          // as in PATCH.txt
	PlatformLines  []PlatformLine   `json:"platform_lines,omitempty"` // where the line differs by the client's platform
	Patches        []Patch          `json:"patches,omitempty"`        // in the order of PATCH
	Deployments    []Deployment     `json:"deployments,omitempty"`
	Guide          []report.Section `json:"guide,omitempty"` // PATCH.txt for programs
	Files          []StagedFile     `json:"files"`           // empty when nothing was staged
	Warnings       []string         `json:"warnings"`
	Verification   *manifest.Result `json:"verification,omitempty"` // nil when the package could not be read
	Unchanged      bool             `json:"unchanged,omitempty"`    // everything was there already
	Replaced       bool             `json:"replaced,omitempty"`     // an earlier result of the same package was replaced
}

// certFixName is the program that repairs existing certificates.
const certFixName = "CCMCertFix.exe"

// hotfixTree is where client patches lie below the client files.
const hotfixTree = "i386/hotfix"

// Stage verifies a package and writes its distribution-point content. Everything
// is written, hashed and compared in one pass and appears only when all of it
// holds. With an error nothing has changed on disk, and the Result, which may be
// nil, says what was found out.
func Stage(ctx context.Context, ref string, o Options) (*Result, error) {
	// A download is gone through to the package in it, unless it holds the files
	// of the hotfix itself.
	o.Source.Inner, o.Source.Stay = true, o.Manifest.Names
	p, err := source.Open(ctx, ref, o.Source)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	s := &staging{o: o, p: p, result: &Result{Tool: o.Tool.Name + " " + o.Tool.Version, Output: o.Output, Files: []StagedFile{}, Warnings: []string{}}}
	if err = s.run(ctx); err != nil {
		s.result.Files, s.result.PatchProperty, s.result.PropertiesLine = []StagedFile{}, nil, ""
		s.result.PlatformLines, s.result.Patches, s.result.Deployments, s.result.Guide = nil, nil, nil, nil
	}
	err = errors.Join(err, s.closeGiven())
	if s.clientDir != nil {
		err = errors.Join(err, s.clientDir.Abort())
	}
	if s.dir != nil {
		err = errors.Join(err, s.dir.Abort())
	}
	if s.result.Package == nil {
		return nil, err
	}
	return s.result, err
}

// staging is one call of Stage.
type staging struct {
	o         Options
	p         *source.Package
	result    *Result
	dir       *extract.Dir // Output; nil once committed
	client    *clientFiles // nil without ClientDir
	clientDir *extract.Dir // ClientDir; nil without, where no patch is needed, and once committed
	places    map[*source.File]place
	order     []*source.File // those of places, by path
	patches   []Patch        // of other hotfixes, in ClientDir already or given
	own       []Patch        // of this hotfix, in ClientDir already
	given     []*givenPatch
	facts     map[string]*msp.Patch // by the place of each staged patch
	staged    []*manifest.Actual    // the files of the package that are written
	manifest  *manifest.Manifest
	verified  *verify.Result

	mu     sync.Mutex
	newest time.Time // of the staged files
}

func (s *staging) run(ctx context.Context) error {
	var err error
	if s.result.KB, err = s.hotfixNumber(); err != nil {
		return err
	}
	if err := s.checkRequest(); err != nil {
		return err
	}
	if err := s.findSuperseding(); err != nil {
		return err
	}
	if s.o.ClientDir != "" {
		if err := s.lookAtClientFiles(ctx); err != nil {
			return err
		}
	}
	if err := s.lookAtGivenPatches(); err != nil {
		return err
	}
	s.judgeOwn()
	if err := s.plan(); err != nil {
		return err
	}
	if err := s.createDirs(); err != nil {
		return err
	}
	// Everything is asked for: the result is evidence.
	everything := verify.Options{
		Source: s.o.Source, Manifest: s.o.Manifest, Progress: s.o.Progress,
		Facts: manifest.InspectOptions{SHA256: true, Signature: &s.o.Signature},
	}
	target, err := verify.ReadPackage(ctx, s.p, everything, s.want)
	s.result.Package = target.Package
	if err != nil {
		return err
	}
	if err := s.verify(target); err != nil {
		return err
	}
	if err := s.writeEvidence(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.commit(ctx)
}

// checkRequest refuses an impossible request before the work begins.
func (s *staging) checkRequest() error {
	if _, err := SortPatches(nil, s.o.Order, ""); err != nil {
		return err
	}
	if _, _, err := s.o.Location.root(); err != nil {
		return err
	}
	_, err := NewPropertyLine(nil, s.o.Location, s.o.Properties)
	return err
}

// hotfixNumber returns the KB number of the hotfix: that of the manifest or, when
// it names none, that in the name of the patch or the package.
func (s *staging) hotfixNumber() (string, error) {
	var numbers []string
	for _, m := range s.o.Manifest.Manifests {
		if m.KB != "" && !slices.Contains(numbers, m.KB) {
			numbers = append(numbers, m.KB)
		}
	}
	if len(numbers) == 1 {
		return numbers[0], nil
	}
	for _, f := range s.p.Files() {
		if kb := kbOfName(path.Base(f.Path())); isPatch(f.Path()) && kb != "" {
			numbers = append(numbers, kb)
		}
	}
	slices.Sort(numbers)
	if numbers = slices.Compact(numbers); len(numbers) == 1 {
		return numbers[0], nil
	}
	if kb := kbOfName(s.p.Name()); kb != "" {
		return kb, nil
	}
	return "", &source.Error{Package: s.p.Ref(), Err: ErrNoNumber}
}

func isPatch(name string) bool { return strings.EqualFold(path.Ext(name), ".msp") }

func isCertFix(name string) bool { return strings.EqualFold(name, certFixName) }

// A place is where a file of the package is staged.
type place struct {
	name     string // below the output folder or the client files
	inClient bool
	twin     bool // another file of this base name is written instead; both must be equal
}

// plan decides which files of the package are staged and where. They are found by
// their names: the folders inside Microsoft's packages are not published.
func (s *staging) plan() error {
	s.places = map[*source.File]place{}
	files := slices.Clone(s.p.Files())
	slices.SortStableFunc(files, func(a, b *source.File) int { return cmp.Compare(a.Path(), b.Path()) })
	seen := map[string]*source.File{}
	for _, f := range files {
		to, ok := s.placeOf(path.Base(f.Path()))
		if !ok {
			continue
		}
		// A name that is not fit for a disk is refused before anything is written.
		if err := safepath.Check(to.name); err != nil {
			return &source.Error{Package: s.p.Ref(), Place: f.Path(), Err: err}
		}
		first := seen[safepath.Fold(to.name)]
		if first != nil && first.Path() == f.Path() {
			return &source.Error{Package: s.p.Ref(), Place: f.Path(), Err: fmt.Errorf("%w: two files have this path", ErrContent)}
		}
		if to.twin = first != nil; !to.twin {
			seen[safepath.Fold(to.name)] = f
		}
		s.places[f] = to
		s.order = append(s.order, f)
	}
	return nil
}

// placeOf says where a file of this name is staged, and whether it is.
func (s *staging) placeOf(name string) (place, bool) {
	switch {
	case !isCertFix(name) && (!isClientPatch(name) || s.result.NoPatch != ""):
		return place{}, false
	case !s.o.Manifest.Names(name):
		s.warn("%s was not staged: the manifest of %s does not name it", name, s.result.KB)
		return place{}, false
	case isCertFix(name):
		return place{name: "CCMCertFix/" + certFixName}, true
	case s.client != nil:
		return place{name: path.Join(hotfixTree, s.result.KB, name), inClient: true}, true
	}
	return place{name: path.Join("Client", hotfixTree, s.result.KB, name)}, true
}

// createDirs prepares the folders that will be written.
func (s *staging) createDirs() (err error) {
	if s.dir, err = extract.CreateDir(s.o.Output, extract.DirOptions{AcceptIdentical: true, Succeed: s.mayReplace, Limits: s.o.Limits}); err != nil {
		return err
	}
	if s.client != nil && (s.result.NoPatch == "" || len(s.given) > 0) {
		s.clientDir, err = extract.CreateDir(s.o.ClientDir, extract.DirOptions{Merge: true, Limits: s.o.Limits})
	}
	return err
}

// want writes the files that are staged.
func (s *staging) want(f *source.File, stored source.Stored) (source.Sink, error) {
	to, ok := s.places[f]
	if !ok {
		return nil, nil
	}
	s.notice(stored.Modified)
	if to.twin {
		return nil, nil
	}
	dir := s.dir
	if to.inClient {
		dir = s.clientDir
	}
	file, err := dir.Create(to.name, extract.FileInfo{Modified: stored.Modified})
	if err != nil {
		return nil, err
	}
	return file, nil
}

// verify compares the files of the package with its manifest.
func (s *staging) verify(target *verify.Target) error {
	s.result.Warnings = append(s.result.Warnings, target.Warnings...)
	// The evidence is the same wherever the package is.
	target.Rename(s.p.Name())
	r, err := verify.Compare(s.o.Manifest, []*verify.Target{target}, s.o.Compare)
	if err != nil {
		return &source.Error{Package: s.p.Ref(), Err: err}
	}
	if len(r.Files) == 0 {
		return &source.Error{Package: s.p.Ref(), Err: fmt.Errorf("%w: it holds none of the files that %s names", ErrUnknown, s.o.Manifest.Ref)}
	}
	if s.manifest, err = s.o.Manifest.Choose(target.Files); err != nil {
		return &source.Error{Package: s.p.Ref(), Err: err}
	}
	if s.o.Compare.Policy == "" && r.Policy == manifest.VersionOnly {
		s.warn("the package is not the English one (ProductLanguage %d), which the published table describes: sizes were not compared", target.Language)
	}
	s.verified = r
	s.result.Verification, s.result.Manifest, s.result.ServicePack, s.result.Policy = r.Result, r.Manifest, s.manifest.ServicePack, r.Policy
	if own := r.Packages[0]; own.Status != manifest.OK {
		return &source.Error{Package: s.p.Ref(), Err: fmt.Errorf("%w: %s", ErrNotVerified, own.Reason)}
	}
	if other := r.BuildOf(); other != "" && !r.OK {
		return &source.Error{Package: s.p.Ref(), Err: fmt.Errorf("%w: this is the package of %s, the manifest is %s", ErrOtherBuild, other, r.Manifest)}
	}
	if !r.OK {
		return &source.Error{Package: s.p.Ref(), Err: ErrNotVerified}
	}
	if sig := target.Package.Signature; sig == nil || sig.Status == authenticode.None {
		s.warn("the package carries no signature: nothing but the manifest vouches for it")
	}
	if err := s.collect(target.Files); err != nil {
		return err
	}
	return s.checkPatches()
}

// collect lists the staged files of the package in the result, and makes sure
// that the manifest vouches for each of them.
func (s *staging) collect(files []*manifest.Actual) error {
	byPath := map[string]*manifest.Actual{}
	for _, a := range files {
		byPath[a.Path] = a
	}
	byName := map[string]*manifest.Actual{}
	for _, twins := range []bool{false, true} {
		for _, f := range s.order {
			to, a := s.places[f], byPath[f.Path()]
			switch {
			case to.twin != twins:
			case !slices.ContainsFunc(s.result.Verification.Files, func(c manifest.Checked) bool { return c.Actual == a }):
				return &source.Error{Package: s.p.Ref(), Place: f.Path(), Err: fmt.Errorf("%w: the manifest does not vouch for it", ErrNotVerified)}
			case twins:
				if other := byName[safepath.Fold(to.name)]; other.SHA256 != a.SHA256 {
					return &source.Error{Package: s.p.Ref(), Place: f.Path(), Err: fmt.Errorf("%w: it has the name of %s and other content", ErrContent, other.Path)}
				}
			default:
				byName[safepath.Fold(to.name)] = a
				s.staged = append(s.staged, a)
				s.result.Files = append(s.result.Files, StagedFile{Path: to.name, Size: a.Size, SHA256: a.SHA256, ClientDir: to.inClient})
			}
		}
	}
	for _, c := range s.result.Verification.Files {
		// A file that is recognised under another name would be left out in silence.
		if (isCertFix(c.Name) || isClientPatch(c.Name) && s.result.NoPatch == "") && !s.placed(c.Actual) {
			return &source.Error{Package: s.p.Ref(), Place: c.Path, Err: fmt.Errorf("%w: it is %s under another name", ErrContent, c.Name)}
		}
	}
	if len(s.staged) == 0 && s.result.NoPatch == "" {
		return &source.Error{Package: s.p.Ref(), Err: fmt.Errorf("%w: it holds neither a client patch nor %s", ErrContent, certFixName)}
	}
	return nil
}

// placed reports whether a file of the package has a place, its own or that of its
// twin.
func (s *staging) placed(a *manifest.Actual) bool {
	return slices.ContainsFunc(s.order, func(f *source.File) bool { return f.Path() == a.Path })
}

func (s *staging) warn(format string, args ...any) {
	s.result.Warnings = append(s.result.Warnings, fmt.Sprintf(format, args...))
}

// certFix returns the staged CCMCertFix program, or nil.
func (s *staging) certFix() *manifest.Actual {
	for _, a := range s.staged {
		if isCertFix(a.Name) {
			return a
		}
	}
	return nil
}

// writeEvidence writes what goes with the staged files.
func (s *staging) writeEvidence() error {
	if a := s.certFix(); a != nil {
		definition, err := certFixDefinition(s.result.KB, a.Version, languageName(s.result.Package.Language), certFixName).Bytes()
		if err != nil {
			return &source.Error{Package: s.p.Ref(), Place: a.Path, Err: err}
		}
		if err := s.add("CCMCertFix/CCMCertFix.sms", definition); err != nil {
			return err
		}
	}
	if err := s.writeGiven(); err != nil {
		return err
	}
	if err := s.writeExisting(); err != nil {
		return err
	}
	n, err := s.properties()
	if err != nil {
		return err
	}
	s.result.Guide = n.guide()
	if err := s.add("PATCH.txt", patchText(n.title(), s.result.Guide)); err != nil {
		return err
	}
	var html bytes.Buffer
	document := s.verified.Report(s.o.Tool, s.o.Time, nil)
	document.Warnings, document.Guide = s.result.Warnings, s.result.Guide
	if err := report.HTML(&html, document); err != nil {
		return err
	}
	if err := s.add("report.html", html.Bytes()); err != nil {
		return err
	}
	evidence := *s.result
	evidence.Output = ""
	var doc bytes.Buffer
	if err := display.WriteJSON(&doc, evidence); err != nil {
		return err
	}
	if err := s.add(evidenceName, doc.Bytes()); err != nil {
		return err
	}
	return s.add(sumsName, s.sums())
}

// sums is the text of SHA256SUMS: the files below the output folder.
func (s *staging) sums() []byte {
	digests := map[string]string{}
	for _, f := range s.result.Files {
		if !f.ClientDir {
			digests[f.Path] = f.SHA256
		}
	}
	return sumsOf(digests)
}

// modified is the time of the files that are made here: that of the newest staged
// file, so that the same package always gives the same folder.
func (s *staging) modified() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newest
}

// notice books the time of a staged file.
func (s *staging) notice(modified time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if modified.After(s.newest) {
		s.newest = modified
	}
}

// add writes one file that is made here.
func (s *staging) add(name string, content []byte) error {
	f, err := s.dir.Create(name, extract.FileInfo{Modified: s.modified()})
	if err != nil {
		return err
	}
	if _, err := f.Write(content); err != nil {
		return errors.Join(err, f.Close(err))
	}
	if err := f.Close(nil); err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	s.result.Files = append(s.result.Files, StagedFile{Path: name, Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:])})
	slices.SortFunc(s.result.Files, func(a, b StagedFile) int { return cmp.Compare(a.Path, b.Path) })
	return nil
}

// commit makes the result appear: first the patch among the client files, then
// the output folder, whose stage.json says that all of it is there. What can be
// known to fail is looked at before the first change, and a first change without
// the second is taken back.
func (s *staging) commit(ctx context.Context) error {
	var added *addition
	if s.clientDir != nil {
		var err error
		if added, err = s.planAddition(); err != nil {
			return err
		}
	}
	if err := s.dir.Check(ctx); err != nil {
		return err
	}
	if added != nil {
		clientDir := s.clientDir
		s.clientDir = nil
		if err := added.commit(ctx, clientDir); err != nil {
			return err
		}
		if added.changes() {
			ctx = context.WithoutCancel(ctx) // half of it is there; the other half takes a moment
		}
	}
	dir := s.dir
	s.dir = nil
	if err := dir.Commit(ctx); err != nil {
		return added.takeBack(err)
	}
	s.result.Replaced = dir.Replaced()
	s.result.Unchanged = dir.Unchanged() && !added.changes()
	return nil
}
