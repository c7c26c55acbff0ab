package distpoint

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"path"
	"slices"
	"time"

	"github.com/hotfixkit/hotfixkit/internal/display"
	"github.com/hotfixkit/hotfixkit/internal/report"
	"github.com/hotfixkit/hotfixkit/msp"
)

// A plan says all that a staging writes: every file with where its bytes come from,
// and every line of the records. It is computed from what was read, and needs no
// disk.
type plan struct {
	*choice
	verdict  *verdict
	patches  map[string]*msp.Patch // those of the package that are staged, by path in it
	modified time.Time             // of the files that are made: the same package always gives the same folder
	files    []plannedFile         // in the order in which they are written
	result   Result
}

// A plannedFile is one file of the result. Where nothing says where its bytes come
// from, it is a file of the package, which is written while the package is read.
type plannedFile struct {
	StagedFile
	copyOf  *StagedFile // a file that is written before this one
	given   *givenPatch
	content []byte // of a file that is made; not nil
}

func newPlan(o Options, in *inputs, c *choice, v *verdict, patches map[string]*msp.Patch, modified time.Time) (*plan, error) {
	p := &plan{choice: c, verdict: v, patches: patches, modified: modified, result: *v.result}
	if err := p.checkPatches(); err != nil {
		return nil, err
	}
	for _, a := range v.staged {
		to := v.places[a.Path]
		p.add(plannedFile{StagedFile: StagedFile{Path: to.name, Size: a.Size, SHA256: a.SHA256, ClientDir: to.inClient}})
	}
	if err := p.addCertFix(); err != nil {
		return nil, err
	}
	for _, g := range in.given {
		p.addGiven(g)
	}
	if err := p.addExisting(); err != nil {
		return nil, err
	}
	return p, p.addRecords(o)
}

// checkPatches makes sure that the staged patches apply to the client, where that
// is known.
func (p *plan) checkPatches() error {
	if p.in.client == nil {
		return nil
	}
	for _, name := range p.patchPaths() {
		if err := p.in.client.fits(p.patches[name]); err != nil {
			return p.fail(name, "%w", err)
		}
	}
	return nil
}

// add plans a file. The result lists the files by path.
func (p *plan) add(f plannedFile) {
	p.files = append(p.files, f)
	at, _ := slices.BinarySearchFunc(p.result.Files, f.Path, func(f StagedFile, path string) int { return cmp.Compare(f.Path, path) })
	p.result.Files = slices.Insert(p.result.Files, at, f.StagedFile)
}

// make plans a file that is made here.
func (p *plan) make(name string, content []byte) {
	sum := sha256.Sum256(content)
	p.add(plannedFile{StagedFile: StagedFile{Path: name, Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:])}, content: content})
}

// addCertFix plans the package definition of the CCMCertFix program.
func (p *plan) addCertFix() error {
	a := p.verdict.certFix()
	if a == nil {
		return nil
	}
	definition, err := certFixDefinition(p.kb, a.Version, languageName(p.result.Package.Language), certFixName).Bytes()
	if err != nil {
		return p.fail(a.Path, "%w", err)
	}
	p.make("CCMCertFix/CCMCertFix.sms", definition)
	return nil
}

// addGiven plans a patch that was given.
func (p *plan) addGiven(g *givenPatch) {
	f := StagedFile{Path: path.Join("Client", g.Path), Size: g.size, SHA256: g.sha256}
	if p.in.client != nil {
		f.Path, f.ClientDir = g.Path, true
	}
	p.add(plannedFile{StagedFile: f, given: g})
}

// addRecords plans what proves and explains the rest.
func (p *plan) addRecords(o Options) error {
	n, err := p.properties()
	if err != nil {
		return err
	}
	p.result.Guide = n.guide()
	p.make("PATCH.txt", patchText(n.title(), p.result.Guide))
	var html bytes.Buffer
	document := report.Of(p.verdict.verified, o.Tool, o.Time)
	document.Warnings, document.Guide = p.result.Warnings, p.result.Guide
	if err := report.HTML(&html, document); err != nil {
		return err
	}
	p.make("report.html", html.Bytes())
	evidence := p.result
	evidence.Output = ""
	var doc bytes.Buffer
	if err := display.WriteJSON(&doc, evidence); err != nil {
		return err
	}
	p.make(evidenceName, doc.Bytes())
	p.make(sumsName, p.sums())
	return nil
}

// sums is the text of SHA256SUMS: the files below the output folder.
func (p *plan) sums() []byte {
	digests := map[string]string{}
	for _, f := range p.result.Files {
		if !f.ClientDir {
			digests[f.Path] = f.SHA256
		}
	}
	return sumsOf(digests)
}
