package distpoint

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hotfixkit/hotfixkit/extract"
	"github.com/hotfixkit/hotfixkit/extract/inspect"
	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/manifest/authenticode"
	"github.com/hotfixkit/hotfixkit/manifest/report"
	"github.com/hotfixkit/hotfixkit/msi/cab"
)

var (
	// ErrNotVerified: the package is not what the manifest says; nothing was staged.
	ErrNotVerified = errors.New("the package does not match its manifest")
	// ErrClientFiles: the client files are of another service pack than the patch.
	ErrClientFiles = errors.New("the client files are not those that the patch is for")
	// ErrConflict: a file of the same name and other content is in the client files.
	ErrConflict = errors.New("a file of this name with other content exists")
	// ErrSuperseded: the KB number that was given does not supersede the hotfix.
	ErrSuperseded = errors.New("not known to supersede the hotfix")
	// ErrContent: the package holds nothing that belongs on a distribution point.
	ErrContent = errors.New("nothing to stage")
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

	Source    source.Options
	Signature authenticode.Options
	Limits    extract.Limits
	Tool      report.Tool // the program, for the evidence
	Time      time.Time   // of the staging, for the report; zero: none is printed
}

// A StagedFile is one file of the result.
type StagedFile struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	// ClientDir: the path is relative to the copy of the client files.
	ClientDir bool `json:"client_dir,omitempty"`
}

// A Result is what was staged. Its JSON, less Output and Unchanged, is stage.json.
type Result struct {
	Tool           string            `json:"tool"`
	Package        *inspect.Identity `json:"package"`
	Output         string            `json:"output,omitempty"`
	Manifest       string            `json:"manifest"`
	KB             string            `json:"kb"`
	ServicePack    string            `json:"service_pack,omitempty"`
	Policy         manifest.Policy   `json:"policy"`
	SupersededBy   string            `json:"superseded_by,omitempty"`
	NoPatch        string            `json:"no_patch,omitempty"` // why no patch is needed
	PatchProperty  *string           `json:"patch_property"`     // null while it holds the placeholder, and without patch
	PropertiesLine string            `json:"properties_line"`    // as in PATCH.txt
	Files          []StagedFile      `json:"files"`
	Warnings       []string          `json:"warnings"`
	Verification   *manifest.Result  `json:"verification"`
	Unchanged      bool              `json:"unchanged,omitempty"` // everything was there already
}

// certFixName is the program that repairs existing certificates.
const certFixName = "CCMCertFix.exe"

// hotfixTree is where client patches lie below the client files.
const hotfixTree = "i386/hotfix"

// Stage verifies a package and writes its distribution-point content. Everything
// is written, hashed and compared in one pass and appears only when all of it
// holds; with an error that wraps ErrNotVerified or ErrClientFiles the Result
// says what was found, and nothing has changed on disk.
func Stage(ctx context.Context, ref string, o Options) (*Result, error) {
	p, err := source.Open(ref, o.Source)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	s := &staging{o: o, p: p, result: &Result{Tool: o.Tool.Name + " " + o.Tool.Version, Output: o.Output, Files: []StagedFile{}, Warnings: []string{}}}
	err = s.run(ctx)
	if s.client != nil {
		err = errors.Join(err, s.client.Abort())
	}
	if s.dir != nil {
		err = errors.Join(err, s.dir.Abort())
	}
	if s.result.Verification == nil {
		return nil, err
	}
	return s.result, err
}

// staging is one call of Stage.
type staging struct {
	o       Options
	p       *source.Package
	result  *Result
	dir     *extract.Dir // Output; nil once committed
	client  *extract.Dir // ClientDir; nil without, and once committed
	patches []Patch      // in ClientDir already

	mu      sync.Mutex
	actuals []*manifest.Actual
	staged  []*manifest.Actual // those of actuals that are written
}

func (s *staging) run(ctx context.Context) error {
	kb, err := s.hotfixNumber()
	if err != nil {
		return err
	}
	s.result.KB = kb
	if err := s.findSuperseding(); err != nil {
		return err
	}
	if s.o.ClientDir != "" {
		if err := s.lookAtClientFiles(); err != nil {
			return err
		}
	}
	// The line is written again when the patch is known; what was asked for is
	// checked before the work begins.
	if _, err := NewPropertyLine(nil, s.o.Location, s.o.Properties); err != nil {
		return err
	}
	if _, _, err := s.o.Location.root(); err != nil {
		return err
	}
	if s.dir, err = extract.CreateDir(s.o.Output, extract.DirOptions{AcceptIdentical: true, Limits: s.o.Limits}); err != nil {
		return err
	}
	if s.o.ClientDir != "" && s.result.NoPatch == "" {
		if s.client, err = extract.CreateDir(s.o.ClientDir, extract.DirOptions{Merge: true, Limits: s.o.Limits}); err != nil {
			return err
		}
	}
	if s.result.Package, err = inspect.Identify(s.p, s.inspectOptions()); err != nil {
		return err
	}
	if err := s.p.Walk(ctx, s.want, source.WalkOptions{}); err != nil {
		return err
	}
	if err := s.verify(); err != nil {
		return err
	}
	if err := s.writeEvidence(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.commit()
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
		if isPatch(f.Path) && kbOfName(path.Base(f.Path)) != "" {
			numbers = append(numbers, kbOfName(path.Base(f.Path)))
		}
	}
	if slices.Sort(numbers); len(slices.Compact(numbers)) == 1 {
		return numbers[0], nil
	}
	if kb := kbOfName(s.p.Name()); kb != "" {
		return kb, nil
	}
	return "", &source.Error{Package: s.p.Ref(), Err: fmt.Errorf("%w: neither the manifest nor a patch names the KB number", ErrContent),
		Hint: `add "kb" to the manifest`}
}

func isPatch(name string) bool { return strings.EqualFold(path.Ext(name), ".msp") }

// want inspects every file of the package and writes those that are staged.
func (s *staging) want(f *source.File) (cab.Sink, error) {
	t := &tee{staging: s, inspector: manifest.NewInspector(manifest.File{
		Target: s.p.Ref(), Path: f.Path, Name: path.Base(f.Path), Size: -1, Time: f.Modified,
	}, s.inspectOptions())}
	dir, name := s.place(path.Base(f.Path))
	if dir == nil {
		return t, nil
	}
	file, err := dir.Create(name, extract.FileInfo{Modified: f.Modified})
	if err != nil {
		return nil, err
	}
	t.file, t.name, t.inClient = file, name, dir == s.client
	return t, nil
}

// inspectOptions ask for everything: the result is evidence.
func (s *staging) inspectOptions() manifest.InspectOptions {
	return manifest.InspectOptions{SHA256: true, Signature: &s.o.Signature}
}

// place says where a file of the package is staged: dir is nil for one that is
// not.
func (s *staging) place(name string) (dir *extract.Dir, staged string) {
	switch {
	case strings.EqualFold(name, certFixName):
		return s.dir, "CCMCertFix/" + certFixName
	case !isPatch(name) || s.result.NoPatch != "":
		return nil, ""
	case kbOfName(name) != "" && kbOfName(name) != s.result.KB:
		return nil, ""
	case s.client != nil:
		return s.client, path.Join(hotfixTree, s.result.KB, name)
	}
	return s.dir, path.Join("Client", hotfixTree, s.result.KB, name)
}

// tee inspects a file and, where file is set, writes it too.
type tee struct {
	*staging
	inspector *manifest.Inspector
	file      *extract.File
	name      string
	inClient  bool
}

func (t *tee) Write(p []byte) (int, error) {
	if t.file != nil {
		if n, err := t.file.Write(p); err != nil {
			return n, err
		}
	}
	return t.inspector.Write(p)
}

func (t *tee) Close(cause error) error {
	if t.file != nil {
		if err := t.file.Close(cause); err != nil {
			return err
		}
	}
	if cause != nil {
		return nil
	}
	a, err := t.inspector.Finish()
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.actuals = append(t.actuals, a)
	if t.file != nil {
		t.staged = append(t.staged, a)
		t.result.Files = append(t.result.Files, StagedFile{Path: t.name, Size: a.Size, SHA256: a.SHA256, ClientDir: t.inClient})
	}
	return nil
}

const english = 1033

// verify compares the package with its manifest.
func (s *staging) verify() error {
	slices.SortFunc(s.actuals, func(a, b *manifest.Actual) int { return cmp.Compare(a.Path, b.Path) })
	m, err := s.o.Manifest.Choose(s.actuals)
	if err != nil {
		return &source.Error{Package: s.p.Ref(), Err: err, Hint: "name the manifest with --manifest"}
	}
	compare := s.o.Compare
	if compare.Policy == "" && s.result.Package.Language != english {
		compare.Policy = manifest.VersionOnly
		s.warn("the package is not the English one (ProductLanguage %d), which the published table describes: sizes were not compared", s.result.Package.Language)
	}
	r := m.Compare(s.actuals, compare)
	s.result.Verification, s.result.Manifest, s.result.ServicePack, s.result.Policy = r, r.Manifest, m.ServicePack, r.Policy
	s.result.Warnings = append(s.result.Warnings, s.p.Warnings()...)
	if !r.OK {
		return fmt.Errorf("%s: %w", s.p.Ref(), ErrNotVerified)
	}
	if sig := s.result.Package.Signature; sig == nil || sig.Status == authenticode.None {
		s.warn("the package carries no signature: nothing but the manifest vouches for it")
	} else if sig.Status == authenticode.Invalid {
		return fmt.Errorf("%s: %w: its signature is invalid", s.p.Ref(), ErrNotVerified)
	}
	if len(s.staged) == 0 {
		return &source.Error{Package: s.p.Ref(), Err: fmt.Errorf("%w: it holds neither a client patch nor %s", ErrContent, certFixName)}
	}
	if s.result.NoPatch != "" && !slices.ContainsFunc(s.staged, isCertFix) {
		return &source.Error{Package: s.p.Ref(), Err: fmt.Errorf("%w: no patch is needed, and it holds no %s", ErrContent, certFixName)}
	}
	if s.client != nil {
		return s.checkTargets()
	}
	return nil
}

func isCertFix(a *manifest.Actual) bool { return strings.EqualFold(a.Name, certFixName) }

func (s *staging) warn(format string, args ...any) {
	s.result.Warnings = append(s.result.Warnings, fmt.Sprintf(format, args...))
}

// writeEvidence writes what goes with the staged files.
func (s *staging) writeEvidence() error {
	if i := slices.IndexFunc(s.staged, isCertFix); i >= 0 {
		definition, err := certFixDefinition(s.result.KB, s.staged[i].Version, languageName(s.result.Package.Language), certFixName).Bytes()
		if err != nil {
			return err
		}
		if err := s.add("CCMCertFix/CCMCertFix.sms", definition); err != nil {
			return err
		}
	}
	text, err := s.properties()
	if err != nil {
		return err
	}
	if err := s.add("PATCH.txt", text); err != nil {
		return err
	}
	var html bytes.Buffer
	document := &report.Report{Tool: s.o.Tool, Result: s.result.Verification, Warnings: s.result.Warnings, Time: s.o.Time, Targets: []report.Target{{
		Name: s.p.Name(), Kind: string(s.p.Kind()), Description: s.result.Package.Description,
		Size: s.p.Size(), SHA256: s.result.Package.SHA256, Signature: s.result.Package.Signature,
	}}}
	if err := report.HTML(&html, document); err != nil {
		return err
	}
	if err := s.add("report.html", html.Bytes()); err != nil {
		return err
	}
	s.sortFiles()
	evidence := *s.result
	evidence.Output = ""
	var doc bytes.Buffer
	encoder := json.NewEncoder(&doc)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(evidence); err != nil {
		return err
	}
	if err := s.add("stage.json", doc.Bytes()); err != nil {
		return err
	}
	s.sortFiles()
	return s.add("SHA256SUMS", s.sums())
}

func (s *staging) sortFiles() {
	slices.SortFunc(s.result.Files, func(a, b StagedFile) int { return cmp.Compare(a.Path, b.Path) })
}

// sums is the text of SHA256SUMS: the files below the output folder.
func (s *staging) sums() []byte {
	var b bytes.Buffer
	for _, f := range s.result.Files {
		if !f.ClientDir {
			fmt.Fprintf(&b, "%s  %s\n", f.SHA256, f.Path)
		}
	}
	return b.Bytes()
}

// add writes one file that is made here.
func (s *staging) add(name string, content []byte) error {
	f, err := s.dir.Create(name, extract.FileInfo{})
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
	return nil
}

// commit makes the result appear: first the patch among the client files, then
// the output folder, whose stage.json says that all of it is there.
func (s *staging) commit() error {
	unchanged := true
	if s.client != nil {
		changed, err := s.commitClient()
		s.client = nil
		if err != nil {
			return err
		}
		unchanged = !changed
	}
	dir := s.dir
	s.dir = nil
	if err := dir.Commit(); err != nil {
		return err
	}
	s.result.Unchanged = unchanged && dir.Unchanged()
	return nil
}
