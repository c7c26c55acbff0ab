package distpoint

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/extract/verify"
	"github.com/hotfixkit/hotfixkit/internal/report"
	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/manifest/authenticode"
	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msp"
)

// facts are what a staging of the package of KB977203 SP2 would read, without any
// of it being on a disk.
type facts struct {
	options Options
	in      inputs
	target  verify.Target
	patch   *msp.Patch
}

const (
	publishedPatch = "Sccm2007ac-sp2-kb977203-x86.msp"
	updatePatch    = "sccm2007ac-sp2-kb977384-x86.msp"
)

// sp2Facts are the facts of a package with every file of the published table, all as
// published.
func sp2Facts(t *testing.T) *facts {
	t.Helper()
	set, err := manifest.Open("kb977203-sp2")
	require.NoError(t, err)
	f := &facts{
		options: Options{Output: "out", Manifest: set, Tool: report.Tool{Name: "hotfixkit", Version: "test"}},
		in:      inputs{ref: "SCCM2007-SP2-KB977203-ENU.msi", name: "SCCM2007-SP2-KB977203-ENU.msi"},
		target: verify.Target{
			Ref: "downloads/SCCM2007-SP2-KB977203-ENU.msi", Kind: verify.Package, Language: 1033,
			Package: &verify.Identity{Name: "SCCM2007-SP2-KB977203-ENU.msi", Kind: source.MSI, Language: 1033, Signature: &authenticode.Signature{Status: authenticode.Valid}},
		},
		patch: patchFor(product, "{00000000-0000-0000-0000-000000000009}"),
	}
	for i, row := range set.Manifests[0].Files {
		f.add(fmt.Sprintf("SMS/%02d/%s", i, row.Name), row, row.Name)
	}
	return f
}

// add adds a file as a row describes it.
func (f *facts) add(name string, row manifest.Row, content string) {
	a := &manifest.Actual{Path: name, Name: path.Base(name), Version: row.Version, Platform: row.Platform, SHA256: digestOf(content)}
	if row.Size != nil {
		a.Size = *row.Size
	}
	f.in.paths, f.target.Files = append(f.in.paths, name), append(f.target.Files, a)
}

// give adds a patch of Options.WithPatches.
func (f *facts) give(name string, patch *msp.Patch) {
	kb := kbOfName(name)
	g := &givenPatch{Patch: Patch{KB: kb, Path: path.Join(hotfixTree, kb, name)}.withFacts(patch), ref: name, size: 10, sha256: digestOf(name)}
	f.in.given = append(f.in.given, g)
}

func digestOf(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// patchFor is a patch for one version of a product.
func patchFor(product, code string) *msp.Patch {
	return &msp.Patch{Code: code, Products: []string{product}, Pairs: []*msp.Pair{{Main: &msi.Transform{OldProductCode: product}}}}
}

// plan goes through the steps of a staging that need no disk.
func (f *facts) plan() (*plan, error) {
	c, err := choose(f.options, &f.in)
	if err != nil {
		return nil, err
	}
	v, err := judge(f.options, &f.in, c, &f.target)
	if err != nil {
		return nil, err
	}
	patches := map[string]*msp.Patch{}
	for _, name := range c.patchPaths() {
		patches[name] = f.patch
	}
	return newPlan(f.options, &f.in, c, v, patches, time.Unix(1264400000, 0))
}

// listing prints where the bytes of each planned file come from.
func (p *plan) listing() string {
	var b strings.Builder
	for _, f := range p.files {
		from := "package"
		switch {
		case f.copyOf != nil:
			from = "copy of " + f.copyOf.Path
		case f.given != nil:
			from = "given"
		case f.content != nil:
			from = "made"
		}
		where := ""
		if f.ClientDir {
			where = " among the client files"
		}
		fmt.Fprintf(&b, "%s: %s%s\n", f.Path, from, where)
	}
	return b.String()
}

// content is that of a file that is made.
func (p *plan) content(name string) string {
	for _, f := range p.files {
		if f.Path == name {
			return string(f.content)
		}
	}
	return ""
}

const records = "PATCH.txt: made\nreport.html: made\nstage.json: made\nSHA256SUMS: made\n"

func TestPlan(t *testing.T) {
	const (
		certFix  = "CCMCertFix/CCMCertFix.exe: package\n"
		sms      = "CCMCertFix/CCMCertFix.sms: made\n"
		existing = "ClientHotfix/" + publishedPatch + ": copy of %s\nClientHotfix/KB977203.sms: made\n"
		tree     = "i386/hotfix/KB977203/" + publishedPatch
		update   = "i386/hotfix/KB977384/" + updatePatch
	)
	client := func(patches ...foundPatch) *clientFiles {
		return &clientFiles{dir: "client", code: product, version: "4.00.6487.2000", patches: patches}
	}
	for _, tt := range []struct {
		name     string
		change   func(*facts)
		listing  string
		line     string
		warnings []string // parts of them
	}{
		{
			name:    "alone",
			listing: certFix + "Client/" + tree + ": package\n" + sms + fmt.Sprintf(existing, "Client/"+tree) + records,
			line:    `PATCH="C:\_SMSTaskSequence\OSD\<Package_ID>\i386\hotfix\KB977203\Sccm2007ac-sp2-kb977203-x86.msp"`, warnings: []string{"placeholder"},
		},
		{
			name:    "among the client files",
			change:  func(f *facts) { f.in.client, f.options.Location.PackageID = client(), "ABC0001F" },
			listing: certFix + tree + ": package among the client files\n" + sms + fmt.Sprintf(existing, tree) + records,
			line:    `PATCH="C:\_SMSTaskSequence\OSD\ABC0001F\i386\hotfix\KB977203\Sccm2007ac-sp2-kb977203-x86.msp"`,
		},
		{
			name:    "the client files hold the update",
			change:  func(f *facts) { f.in.client = client(foundPatch{path: update, patch: f.patch}) },
			listing: certFix + sms + records,
			line:    `PATCH="C:\_SMSTaskSequence\OSD\<Package_ID>\i386\hotfix\KB977384\sccm2007ac-sp2-kb977384-x86.msp"`, warnings: []string{"placeholder"},
		},
		{
			name:    "the update is given",
			change:  func(f *facts) { f.give(updatePatch, f.patch) },
			listing: certFix + sms + "Client/" + update + ": given\n" + records,
			line:    `PATCH="C:\_SMSTaskSequence\OSD\<Package_ID>\i386\hotfix\KB977384\sccm2007ac-sp2-kb977384-x86.msp"`, warnings: []string{"added as it is", "placeholder"},
		},
		{
			name:    "superseded",
			change:  func(f *facts) { f.options.SupersededBy = "KB997384" },
			listing: certFix + sms + records, warnings: []string{"KB977203 is spared only where"},
		},
		{
			name: "a command line that does not fit a program",
			change: func(f *facts) {
				f.options.Location.UNC = `\\server\client`
				f.options.Properties = []Property{{"SMSSLP", strings.Repeat("s", 100)}}
			},
			listing: certFix + "Client/" + tree + ": package\n" + sms + "ClientHotfix/" + publishedPatch + ": copy of Client/" + tree +
				"\nClientHotfix/Install-KB977203-x86.cmd: made\nClientHotfix/KB977203.sms: made\n" + records,
			line: `PATCH="\\server\client\i386\hotfix\KB977203\Sccm2007ac-sp2-kb977203-x86.msp" SMSSLP=` + strings.Repeat("s", 100), warnings: []string{"the line has"},
		},
		{
			name: "a twin, and no signature",
			change: func(f *facts) {
				f.add("ZZ/"+publishedPatch, f.options.Manifest.Manifests[0].Files[8], publishedPatch)
				f.target.Package.Signature, f.options.Location.UNC = nil, `\\server\client`
			},
			listing: certFix + "Client/" + tree + ": package\n" + sms + fmt.Sprintf(existing, "Client/"+tree) + records,
			line:    `PATCH="\\server\client\i386\hotfix\KB977203\Sccm2007ac-sp2-kb977203-x86.msp"`, warnings: []string{"no signature"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := sp2Facts(t)
			if tt.change != nil {
				tt.change(f)
			}
			p, err := f.plan()
			require.NoError(t, err)
			require.Equal(t, tt.listing, p.listing())
			require.Equal(t, tt.line, p.result.PropertiesLine)
			require.Len(t, p.result.Warnings, len(tt.warnings), p.result.Warnings)
			for i, part := range tt.warnings {
				require.Contains(t, p.result.Warnings[i], part)
			}
			checkRecords(t, p)
		})
	}
}

// checkRecords checks that the records of a plan speak of the files that it writes.
func checkRecords(t *testing.T, p *plan) {
	t.Helper()
	sums, evidence, text := p.content("SHA256SUMS"), p.content("stage.json"), p.content("PATCH.txt")
	for _, f := range p.files {
		if f.content != nil {
			require.Equal(t, digestOf(string(f.content)), f.SHA256, f.Path)
			require.EqualValues(t, len(f.content), f.Size, f.Path)
		}
		line := f.SHA256 + "  " + f.Path + "\n"
		require.Equal(t, !f.ClientDir && f.Path != "SHA256SUMS", strings.Contains(sums, line), f.Path)
		proves := f.Path == "stage.json" || f.Path == "SHA256SUMS"
		require.Equal(t, !proves, strings.Contains(evidence, f.SHA256), f.Path)
	}
	require.Contains(t, text, p.result.PropertiesLine)
	require.NotContains(t, evidence, "downloads", "the evidence does not tell where the package was")
	require.True(t, p.result.Verification.OK)
	again, err := p.again()
	require.NoError(t, err)
	require.Equal(t, p.listing(), again.listing())
	require.Equal(t, sums, again.content("SHA256SUMS"), "the same facts give the same bytes")
}

// again makes the plan once more.
func (p *plan) again() (*plan, error) {
	return newPlan(p.options, p.in, p.choice, p.verdict, p.patches, p.modified)
}

func TestPlanRefuses(t *testing.T) {
	const other = "{00000000-0000-0000-0000-0000000000FF}"
	for _, tt := range []struct {
		name   string
		change func(*facts)
		class  error
		text   string
	}{
		{"a file is missing", func(f *facts) { f.target.Files = f.target.Files[1:] }, ErrNotVerified, "does not match"},
		{"a wrong size", func(f *facts) { f.target.Files[8].Size++ }, ErrNotVerified, "does not match"},
		{"nothing of the manifest", func(f *facts) {
			f.target.Files, f.in.paths = []*manifest.Actual{{Name: "other.exe"}}, nil
			f.options.Manifest = &manifest.Set{Ref: "both", Manifests: append(f.options.Manifest.Manifests, f.options.Manifest.Manifests...)}
		}, ErrUnknown, "holds none"},
		{"one path twice", func(f *facts) { f.in.paths = append(f.in.paths, f.in.paths[8]) }, ErrContent, "two files have this path"},
		{"twins with other content", func(f *facts) {
			f.add("ZZ/"+publishedPatch, f.options.Manifest.Manifests[0].Files[8], "other")
		}, ErrContent, "other content"},
		{"a client of another product", func(f *facts) { f.in.client = &clientFiles{code: other} }, ErrClientFiles, "the patch is for"},
		{"a given patch for another client", func(f *facts) {
			f.in.client = &clientFiles{code: product}
			f.give("sccm2007ac-sp2-kb2659258-x86.msp", patchFor(other, other))
		}, ErrClientFiles, "the patch is for"},
		{"a given patch of the hotfix", func(f *facts) { f.give(publishedPatch, f.patch) }, ErrProperty, "comes from the package"},
		{"an unreadable update", func(f *facts) {
			f.in.client = &clientFiles{code: product, patches: []foundPatch{{path: "i386/hotfix/KB977384/" + updatePatch, err: ErrPatch}}}
		}, ErrPatch, "named like the client update"},
		{"an update that is none", func(f *facts) { f.options.SupersededBy = "KB111111" }, ErrSuperseded, "KB977384"},
		{"an order without the patch", func(f *facts) { f.options.Order = []string{"KB111111"} }, ErrProperty, "does not name"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := sp2Facts(t)
			tt.change(f)
			_, err := f.plan()
			require.ErrorIs(t, err, tt.class)
			require.ErrorContains(t, err, tt.text)
		})
	}
}
