package distpoint_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/extract"
	"github.com/hotfixkit/hotfixkit/extract/safepath"
	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/internal/cfb"
	"github.com/hotfixkit/hotfixkit/internal/distpoint"
	"github.com/hotfixkit/hotfixkit/internal/report"
	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/manifest/kbarticle"
	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/testdata/testkit"
)

// fixture is a file of testdata/kb977203.
func fixture(name string) string {
	return filepath.Join("..", "..", "testdata", "kb977203", filepath.FromSlash(name))
}

var (
	sp1 = fixture("SCCM2007-SP1-KB977203-ENU.msi")
	sp2 = fixture("SCCM2007-SP2-KB977203-ENU.msi")
)

const (
	patchName = "SCCM2007AC-SP2-KB977203-x86.msp"
	patchPath = "i386/hotfix/KB977203/" + patchName
)

func options(t *testing.T, ref, output string) distpoint.Options {
	t.Helper()
	set, err := manifest.Open(ref)
	require.NoError(t, err)
	return distpoint.Options{Output: output, Manifest: set, Tool: report.Tool{Name: "hotfixkit", Version: "test"}}
}

// variant saves the package of SP2 after a change to its tables.
func variant(t *testing.T, name string, change func(db *msi.Database)) string {
	t.Helper()
	db, err := msi.Open(sp2)
	require.NoError(t, err)
	defer db.Close()
	change(db)
	var b bytes.Buffer
	require.NoError(t, db.Save(&b))
	file := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(file, b.Bytes(), 0o644))
	return file
}

func setProperty(t *testing.T, db *msi.Database, name, value string) {
	t.Helper()
	row, ok := db.Table("Property").Find(msi.String(name))
	require.True(t, ok)
	require.NoError(t, row.SetCol("Value", msi.String(value)))
}

// rename gives the first file of the package with this name another one.
func rename(t *testing.T, db *msi.Database, from, to string) {
	t.Helper()
	for row := range db.Table("File").Rows() {
		if short, long, _ := strings.Cut(row.String("FileName"), "|"); strings.EqualFold(long, from) || strings.EqualFold(short, from) {
			require.NoError(t, row.SetCol("FileName", msi.String("RENAMED|"+to)))
			return
		}
	}
	t.Fatalf("no file %s", from)
}

// clientDir is a copy of the client files with more files next to client.msi.
func clientDir(t *testing.T, servicePack string, more map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "client")
	b, err := os.ReadFile(fixture("client-" + servicePack + "/client.msi"))
	require.NoError(t, err)
	files := map[string]string{"i386/client.msi": string(b), "i386/other.cab": "other"}
	maps.Copy(files, more)
	testkit.WriteTree(t, dir, files)
	return dir
}

func warned(r *distpoint.Result, text string) bool {
	return strings.Contains(strings.Join(r.Warnings, "\n"), text)
}

// TestStage checks what is in the output folder, and that it does not depend
// on where the package lies.
func TestStage(t *testing.T) {
	out := filepath.Join(t.TempDir(), "a", "out")
	r, err := distpoint.Stage(t.Context(), sp2, options(t, "kb977203", out))
	require.NoError(t, err)
	require.Equal(t, "kb977203-sp2", r.Manifest)
	require.Equal(t, "SP2", r.ServicePack)
	require.Equal(t, manifest.Strict, r.Policy)
	require.False(t, r.Unchanged)
	var paths []string
	for _, f := range r.Files {
		b, err := os.ReadFile(filepath.Join(out, filepath.FromSlash(f.Path)))
		require.NoError(t, err)
		sum := sha256.Sum256(b)
		require.Equal(t, hex.EncodeToString(sum[:]), f.SHA256, f.Path)
		require.EqualValues(t, len(b), f.Size)
		paths = append(paths, f.Path)
	}
	require.Equal(t, []string{
		"CCMCertFix/CCMCertFix.exe", "CCMCertFix/CCMCertFix.sms", "Client/" + patchPath,
		"ClientHotfix/KB977203.sms", "ClientHotfix/" + patchName, "PATCH.txt", "SHA256SUMS", "report.html", "stage.json",
	}, paths)

	document, err := os.ReadFile(filepath.Join(out, "stage.json"))
	require.NoError(t, err)
	var evidence distpoint.Result
	require.NoError(t, json.Unmarshal(document, &evidence))
	require.Equal(t, r.Package, evidence.Package)
	require.Equal(t, r.Warnings, evidence.Warnings)
	require.Empty(t, evidence.Output)
	require.True(t, evidence.Verification.OK)
	require.Len(t, evidence.Files, len(r.Files)-2, "all but stage.json itself and SHA256SUMS")
	require.NotContains(t, string(document), "testdata", "the evidence is the same wherever the package lies")

	copied := variant(t, filepath.Base(sp2), func(*msi.Database) {})
	b, err := os.ReadFile(sp2)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(copied, b, 0o644))
	before := testkit.Snapshot(t, out)
	r, err = distpoint.Stage(t.Context(), copied, options(t, "kb977203", out))
	require.NoError(t, err)
	require.True(t, r.Unchanged)
	require.Equal(t, before, testkit.Snapshot(t, out))
}

// TestStageRefuses checks that nothing at all is written for what is not staged.
func TestStageRefuses(t *testing.T) {
	broken := variant(t, "broken.msi", func(db *msi.Database) {
		row, ok := db.Table("MsiFileHash").Find(msi.String(anyHashed(db)))
		require.True(t, ok)
		require.NoError(t, row.SetCol("HashPart1", msi.Int(1)))
	})
	unsafe := variant(t, "unsafe.msi", func(db *msi.Database) { rename(t, db, patchName, "SCCM2007AC-SP2-KB977203-x86-a;b:.msp") })
	archive := filepath.Join(t.TempDir(), "402154_ENU_i386_zip.exe")
	require.NoError(t, os.WriteFile(archive, append([]byte("MZ"), make([]byte, 100)...), 0o644))
	second := variant(t, "second.msi", func(db *msi.Database) { rename(t, db, "Smpmgr.dll", patchName) })
	unlisted := variant(t, "unlisted.msi", func(db *msi.Database) { rename(t, db, "Ccmcertfix.exe", "CCMCertFix.dat") })
	missing := variant(t, "missing.msi", func(db *msi.Database) { rename(t, db, "Mcs.msi", "Mcs2.msi") })
	for _, test := range []struct {
		name, ref, manifest string
		change              func(*distpoint.Options)
		class               error
		text                string
	}{
		{"another service pack", sp1, "kb977203-sp2", nil, distpoint.ErrNotVerified, "does not match"},
		{"nothing of the manifest", fixture("client-sp2/client.msi"), "kb977203", nil, distpoint.ErrNotVerified, ""},
		{"another name", unlisted, "kb977203-sp2", nil, distpoint.ErrContent, "Ccmcertfix.exe under another name"},
		{"a file is missing", missing, "kb977203-sp2", nil, distpoint.ErrNotVerified, ""},
		{"a signature is required", sp2, "kb977203", func(o *distpoint.Options) { o.Compare.RequireSignature = true }, distpoint.ErrNotVerified, ""},
		{"damaged", broken, "kb977203", nil, source.ErrMismatch, "digest"},
		{"no name for a disk", unsafe, "kb977203-sp2", func(o *distpoint.Options) {
			o.Compare.Policy = manifest.VersionOnly
			listed(o, "SCCM2007AC-SP2-KB977203-x86-a;b:.msp")
		}, safepath.ErrUnsafe, ""},
		{"a program with nothing in it", archive, "kb977203", nil, source.ErrKind, "carries no zip"},
		{"two patches of one name", second, "kb977203-sp2", func(o *distpoint.Options) { only(o, patchName) }, distpoint.ErrContent, "other content"},
		{"too large", sp2, "kb977203", func(o *distpoint.Options) { o.Source.MaxBytes = 1 << 20 }, source.ErrLimit, ""},
		{"wrong KB", sp2, "kb977203", func(o *distpoint.Options) { o.SupersededBy = "KB111111" }, distpoint.ErrSuperseded, "KB977384"},
		{"no KB", sp2, "kb977203", func(o *distpoint.Options) { o.SupersededBy = "x" }, distpoint.ErrSuperseded, ""},
		{"order", sp2, "kb977203", func(o *distpoint.Options) { o.Order = []string{"KB111111"} }, distpoint.ErrProperty, "does not name"},
		{"package ID", sp2, "kb977203", func(o *distpoint.Options) { o.Location.PackageID = "<ABC0001F>" }, distpoint.ErrProperty, "angle brackets"},
	} {
		t.Run(test.name, func(t *testing.T) {
			parent := t.TempDir()
			o := options(t, test.manifest, filepath.Join(parent, "a", "out"))
			if test.change != nil {
				test.change(&o)
			}
			r, err := distpoint.Stage(t.Context(), test.ref, o)
			require.ErrorIs(t, err, test.class)
			require.ErrorContains(t, err, test.text)
			require.Empty(t, testkit.Names(t, parent))
			if r != nil {
				require.Empty(t, r.Files)
				require.Nil(t, r.PatchProperty)
			}
		})
	}
}

func anyHashed(db *msi.Database) string {
	for row := range db.Table("MsiFileHash").Rows() {
		return row.String("File_")
	}
	return ""
}

// listed adds a row to the manifest.
func listed(o *distpoint.Options, name string) {
	m := *o.Manifest.Manifests[0]
	m.Files = append(m.Files[:len(m.Files):len(m.Files)], manifest.Row{Name: name})
	o.Manifest = &manifest.Set{Ref: o.Manifest.Ref, Manifests: []*manifest.Manifest{&m}}
}

// only makes a manifest that asks for the presence of one file.
func only(o *distpoint.Options, name string) {
	m := *o.Manifest.Manifests[0]
	m.Files = []manifest.Row{{Name: name}}
	o.Manifest = &manifest.Set{Ref: o.Manifest.Ref, Manifests: []*manifest.Manifest{&m}}
}

// TestStageLocalised stages a package in another language: names are taken from
// the package, and the published sizes do not decide.
func TestStageLocalised(t *testing.T) {
	japanese := variant(t, "SCCM2007-SP2-KB977203-JPN.msi", func(db *msi.Database) {
		setProperty(t, db, "ProductLanguage", "1041")
		rename(t, db, patchName, "SCCM2007AC-SP2-KB977203-x86-JPN.msp")
	})
	o := options(t, "kb977203", filepath.Join(t.TempDir(), "out"))
	for i, m := range o.Manifest.Manifests {
		m := *m
		m.Files = append([]manifest.Row(nil), m.Files...)
		for j := range m.Files {
			m.Files[j].Size = manifest.Bytes(1)
		}
		o.Manifest.Manifests[i] = &m
	}
	o.Location.PackageID = "ABC0001F"
	r, err := distpoint.Stage(t.Context(), japanese, o)
	require.NoError(t, err)
	require.Equal(t, "kb977203-sp2", r.Manifest)
	require.Equal(t, manifest.VersionOnly, r.Policy)
	require.True(t, warned(r, "ProductLanguage 1041"))
	require.Equal(t, `PATCH="C:\_SMSTaskSequence\OSD\ABC0001F\i386\hotfix\KB977203\SCCM2007AC-SP2-KB977203-x86-JPN.msp"`, *r.PatchProperty)
	require.FileExists(t, filepath.Join(o.Output, "Client", "i386", "hotfix", "KB977203", "SCCM2007AC-SP2-KB977203-x86-JPN.msp"))
	document, err := os.ReadFile(filepath.Join(o.Output, "stage.json"))
	require.NoError(t, err)
	require.Contains(t, string(document), `"policy": "version"`)
	definition, err := os.ReadFile(filepath.Join(o.Output, "CCMCertFix", "CCMCertFix.sms"))
	require.NoError(t, err)
	require.Contains(t, string(definition), "Language=Japanese")

	o.Output, o.Compare.Policy = filepath.Join(t.TempDir(), "out"), manifest.Strict
	_, err = distpoint.Stage(t.Context(), japanese, o)
	require.ErrorIs(t, err, distpoint.ErrNotVerified, "the published sizes were asked for")
}

// TestStageAnotherHotfix stages another hotfix by a manifest that was imported
// from its article: two patches, and no CCMCertFix.
func TestStageAnotherHotfix(t *testing.T) {
	const article = `File name,File version,File size,Date,Time,Platform
Sccm2007ac-sp2-kb2659258-x86-enu.msp,Not applicable,"444,928",25-Jan-2010,06:28,Not applicable
Smpmgr.dll,4.0.6487.2111,"86,376",25-Jan-2010,06:28,x86
`
	manifests, err := kbarticle.Import(t.Context(), strings.NewReader(article), "kb2659258.csv", kbarticle.Options{})
	require.NoError(t, err)
	require.Len(t, manifests, 1)
	file := filepath.Join(t.TempDir(), "kb2659258.json")
	var b bytes.Buffer
	manifests[0].KB = "KB2659258"
	require.NoError(t, manifest.Write(&b, manifests...))
	require.NoError(t, os.WriteFile(file, b.Bytes(), 0o644))
	pkg := variant(t, "SCCM2007-SP2-KB2659258-ENU.msi", func(db *msi.Database) {
		rename(t, db, patchName, "sccm2007ac-sp2-kb2659258-x86-enu.msp")
		rename(t, db, "Ccmcertfix.exe", "other.exe")
	})
	o := options(t, file, filepath.Join(t.TempDir(), "out"))
	o.Location.UNC = `\\server\sms\Client`
	r, err := distpoint.Stage(t.Context(), pkg, o)
	require.NoError(t, err)
	require.Equal(t, "KB2659258", r.KB)
	require.Equal(t, `PATCH="\\server\sms\Client\i386\hotfix\KB2659258\sccm2007ac-sp2-kb2659258-x86-enu.msp"`, *r.PatchProperty)
	require.NoDirExists(t, filepath.Join(o.Output, "CCMCertFix"))
	text, err := os.ReadFile(filepath.Join(o.Output, "PATCH.txt"))
	require.NoError(t, err)
	require.NotContains(t, string(text), "CCMCertFix")
	require.NotContains(t, string(text), "977203")
	require.NotContains(t, string(text), "ccmsetup")

	// Superseded by what the manifest does not know: nothing but the reason is left.
	text, err = os.ReadFile(filepath.Join(o.Output, "ClientHotfix", "KB2659258.sms"))
	require.NoError(t, err)
	require.Contains(t, string(text), "msiexec.exe /p sccm2007ac-sp2-kb2659258-x86-enu.msp")

	o.Output, o.SupersededBy = filepath.Join(t.TempDir(), "out"), "977384"
	r, err = distpoint.Stage(t.Context(), pkg, o)
	require.NoError(t, err)
	require.True(t, warned(r, "because the command line says so"))
	require.NoDirExists(t, filepath.Join(o.Output, "Client"))
	require.FileExists(t, filepath.Join(o.Output, "PATCH.txt"))
}

// TestStageClientDir checks what happens to a copy of the client files.
func TestStageClientDir(t *testing.T) {
	const other = "i386/hotfix/KB2659258/sccm2007ac-sp2-kb2659258-x86-enu.msp"
	sp1Patch, sp2Patch := extractPatch(t, sp1), extractPatch(t, sp2)
	update := patchVariant(t, patchChange{kb: "KB977384"})
	for _, test := range []struct {
		name        string
		servicePack string
		have        map[string]string
		change      func(*distpoint.Options)
		class       error
		added       []string // with the patch itself
		check       func(*testing.T, *distpoint.Result)
	}{
		{name: "new", servicePack: "sp2", added: []string{"i386/hotfix", "i386/hotfix/KB977203", patchPath}},
		{name: "another case", servicePack: "sp2", have: map[string]string{"i386/HOTFIX/kb977203/x.txt": ""}, added: []string{"i386/HOTFIX/kb977203/" + patchName}},
		{name: "conflict", servicePack: "sp2", have: map[string]string{patchPath: "other"}, class: distpoint.ErrConflict},
		{name: "conflict in another case", servicePack: "sp2", have: map[string]string{strings.ToLower(patchPath): "other"}, class: distpoint.ErrConflict},
		{name: "a folder in the way", servicePack: "sp2", have: map[string]string{patchPath + "/x": "other"}, class: distpoint.ErrConflict},
		{name: "replace", servicePack: "sp2", have: map[string]string{patchPath: "other"}, change: func(o *distpoint.Options) { o.Replace = true }, added: []string{}},
		{name: "another service pack", servicePack: "sp1", class: distpoint.ErrClientFiles},
		{name: "output inside", servicePack: "sp2", change: func(o *distpoint.Options) { o.Output = filepath.Join(o.ClientDir, "out") }, class: distpoint.ErrNested},
		{name: "output is the same", servicePack: "sp2", change: func(o *distpoint.Options) { o.Output = o.ClientDir }, class: distpoint.ErrNested},
		{name: "no such folder", servicePack: "sp2", change: func(o *distpoint.Options) { o.ClientDir += "x" }, class: distpoint.ErrNoFolder},
		{name: "a folder of it", servicePack: "sp2", change: func(o *distpoint.Options) { o.ClientDir = filepath.Join(o.ClientDir, "i386") }, class: distpoint.ErrClientFiles},
		{
			name: "other content in the output", servicePack: "sp2", class: extract.ErrExists,
			change: func(o *distpoint.Options) {
				require.NoError(t, os.MkdirAll(o.Output, 0o755))
				require.NoError(t, os.WriteFile(filepath.Join(o.Output, "mine.txt"), nil, 0o644))
			},
		},
		{
			name: "another patch", servicePack: "sp2", have: map[string]string{other: "unreadable"},
			added: []string{"i386/hotfix/KB977203", patchPath},
			check: func(t *testing.T, r *distpoint.Result) {
				require.Contains(t, r.PropertiesLine, other[len("i386/hotfix/"):len("i386/hotfix/KB2659258")])
				require.True(t, warned(r, "cannot be read as a patch"))
			},
		},
		{
			name: "patch of another client", servicePack: "sp2", have: map[string]string{other: sp1Patch},
			added: []string{"i386/hotfix/KB977203", patchPath},
			check: func(t *testing.T, r *distpoint.Result) {
				require.NotContains(t, r.PropertiesLine, "KB2659258")
				require.True(t, warned(r, "another client"))
			},
		},
		{
			name: "another patch of the hotfix", servicePack: "sp2", have: map[string]string{"i386/hotfix/KB977203/SCCM2007AC-SP2-KB977203-x86-JPN.msp": "x"},
			added: []string{patchPath},
			check: func(t *testing.T, r *distpoint.Result) { require.True(t, warned(r, "not the one of this package")) },
		},
		{
			name: "client update of KB977384", servicePack: "sp2", have: map[string]string{
				"i386/hotfix/KB997384/sccm2007ac-sp2-kb997384-x86.msp": update, patchPath: sp2Patch,
			},
			added: []string{},
			check: func(t *testing.T, r *distpoint.Result) {
				require.Equal(t, "KB977384", r.SupersededBy)
				require.NotContains(t, r.PropertiesLine, "KB977203")
				require.Contains(t, r.PropertiesLine, "sccm2007ac-sp2-kb997384-x86.msp")
				require.True(t, warned(r, patchPath+" in the client files is not needed and not in PATCH"))
			},
		},
		{
			name: "an empty file named like the update of KB977384", servicePack: "sp2", class: distpoint.ErrPatch,
			have: map[string]string{"i386/hotfix/KB977384/sccm2007ac-sp2-kb977384-x86.msp": ""},
		},
		{
			name: "an unreadable file named like the update of KB977384", servicePack: "sp2", class: cfb.ErrFormat,
			have: map[string]string{"i386/hotfix/KB977384/sccm2007ac-sp2-kb977384-x86.msp": strings.Repeat("x", 5000)},
		},
		{
			name: "another patch named like the update of KB977384", servicePack: "sp2", class: distpoint.ErrPatch,
			have: map[string]string{"i386/hotfix/KB977384/sccm2007ac-sp2-kb977384-x86.msp": sp2Patch},
		},
		{
			name: "a patch of another client named like the update of KB977384", servicePack: "sp2",
			have:  map[string]string{"i386/hotfix/KB977384/sccm2007ac-sp1-kb977384-x86.msp": sp1Patch},
			added: []string{"i386/hotfix/KB977203", patchPath},
			check: func(t *testing.T, r *distpoint.Result) {
				require.Empty(t, r.SupersededBy)
				require.True(t, warned(r, "another client"))
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := options(t, "kb977203", filepath.Join(t.TempDir(), "out"))
			o.ClientDir = clientDir(t, test.servicePack, test.have)
			client := o.ClientDir
			if test.change != nil {
				test.change(&o)
			}
			before := testkit.Snapshot(t, client)
			r, err := distpoint.Stage(t.Context(), sp2, o)
			after := testkit.Snapshot(t, client)
			require.Len(t, testkit.Names(t, filepath.Dir(client)), 1, "no temporary folder is left")
			if test.class != nil {
				require.ErrorIs(t, err, test.class)
				require.Equal(t, before, after)
				require.NoFileExists(t, filepath.Join(o.Output, "stage.json"))
				return
			}
			require.NoError(t, err)
			added := []string{}
			for name, what := range after {
				switch {
				case before[name] == "":
					added = append(added, name)
				case !strings.HasPrefix(what, "d") && !(o.Replace && name == patchPath):
					require.Equal(t, before[name], what, name)
				}
			}
			require.ElementsMatch(t, test.added, added)
			if test.check != nil {
				test.check(t, r)
			}
			require.NoDirExists(t, filepath.Join(o.Output, "Client"))

			staged := testkit.Snapshot(t, o.Output)
			r, err = distpoint.Stage(t.Context(), sp2, o)
			require.NoError(t, err)
			require.True(t, r.Unchanged)
			require.Equal(t, after, testkit.Snapshot(t, client))
			require.Equal(t, staged, testkit.Snapshot(t, o.Output))
		})
	}
}

// extractPatch returns the content of the patch in a package.
func extractPatch(t *testing.T, ref string) string {
	t.Helper()
	o := options(t, "kb977203", filepath.Join(t.TempDir(), "out"))
	r, err := distpoint.Stage(t.Context(), ref, o)
	require.NoError(t, err)
	for _, f := range r.Files {
		if strings.HasSuffix(f.Path, ".msp") {
			b, err := os.ReadFile(filepath.Join(o.Output, filepath.FromSlash(f.Path)))
			require.NoError(t, err)
			return string(b)
		}
	}
	t.Fatal("no patch")
	return ""
}

// TestStageWithPatch stages patches of other hotfixes with the package.
func TestStageWithPatch(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		name = filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(name, []byte(content), 0o644))
		return name
	}
	// The sequence in the family that the patch of KB977203 has is 4.0.6487.2111.
	later := write("sccm2007ac-sp2-kb900001-x86-enu.msp", patchVariant(t, patchChange{kb: "KB900001", family: "KB977203SP2", sequence: "4.0.6487.2112"}))
	earlier := write("sccm2007ac-sp2-kb2659258-x86-enu.msp", patchVariant(t, patchChange{kb: "KB2659258", family: "KB977203SP2", sequence: "4.0.6487.2100"}))
	update := write("sccm2007ac-sp2-kb977384-x86-enu.msp", patchVariant(t, patchChange{kb: "KB977384"}))

	o := options(t, "kb977203", filepath.Join(dir, "out"))
	o.WithPatches = []string{later, earlier}
	r, err := distpoint.Stage(t.Context(), sp2, o)
	require.NoError(t, err)
	var numbers, rules []string
	for _, p := range r.Patches {
		numbers, rules = append(numbers, p.KB), append(rules, p.Rule)
		require.FileExists(t, filepath.Join(o.Output, "Client", filepath.FromSlash(p.Path)))
	}
	require.Equal(t, []string{"KB2659258", "KB977203", "KB900001"}, numbers)
	require.Equal(t, []string{"", "after KB2659258: patch family", "after KB977203: patch family; after KB2659258: patch family"}, rules)

	// The update of KB977384 makes the fix needless, with and without a client folder.
	for _, client := range []string{"", clientDir(t, "sp2", map[string]string{patchPath: extractPatch(t, sp2)})} {
		o = options(t, "kb977203", filepath.Join(t.TempDir(), "out"))
		o.WithPatches, o.ClientDir = []string{update}, client
		r, err = distpoint.Stage(t.Context(), sp2, o)
		require.NoError(t, err)
		require.Equal(t, "KB977384", r.SupersededBy)
		require.Contains(t, r.PropertiesLine, `i386\hotfix\KB977384\sccm2007ac-sp2-kb977384-x86-enu.msp"`)
		require.NotContains(t, r.PropertiesLine, "KB977203")
		at := client
		if client == "" {
			at = filepath.Join(o.Output, "Client")
			require.NoFileExists(t, filepath.Join(at, filepath.FromSlash(patchPath)))
		} else {
			require.True(t, warned(r, "not needed and not in PATCH"))
		}
		require.FileExists(t, filepath.Join(at, "i386/hotfix/KB977384/sccm2007ac-sp2-kb977384-x86-enu.msp"))
	}

	for name, tt := range map[string]struct {
		file   string
		client string
		class  error
	}{
		"empty":              {write("x-kb977384-x86.msp", ""), "", distpoint.ErrPatch},
		"not a patch":        {write("y-kb977384-x86.msp", strings.Repeat("x", 5000)), "", distpoint.ErrPatch},
		"another number":     {write("z-kb977384-x86.msp", extractPatch(t, sp2)), "", distpoint.ErrPatch},
		"no number":          {write("client.msp", extractPatch(t, sp2)), "", distpoint.ErrPatch},
		"not named as one":   {write("kb977384.txt", extractPatch(t, sp2)), "", distpoint.ErrPatch},
		"of the hotfix":      {write("kb977203.msp", extractPatch(t, sp2)), "", distpoint.ErrProperty},
		"for another client": {earlier, "sp1", distpoint.ErrClientFiles},
		"missing":            {filepath.Join(dir, "kb900002.msp"), "", fs.ErrNotExist},
	} {
		o = options(t, "kb977203", filepath.Join(t.TempDir(), "out"))
		if o.WithPatches = []string{tt.file}; tt.client != "" {
			o.ClientDir = clientDir(t, tt.client, nil)
		}
		_, err := distpoint.Stage(t.Context(), sp2, o)
		require.ErrorIs(t, err, tt.class, name)
		require.NoDirExists(t, o.Output)
	}
}

// TestStageInstalled checks what the updates of a site mean for each service pack.
func TestStageInstalled(t *testing.T) {
	o := options(t, "kb977203", filepath.Join(t.TempDir(), "out"))
	o.Installed = []string{"KB974571", "KB977384"}
	results, errs, err := distpoint.StageAll(t.Context(), []string{sp1, sp2}, o)
	require.NoError(t, err)
	require.NoError(t, errs[0])
	require.NoError(t, errs[1])
	require.Empty(t, results[0].SupersededBy)
	require.True(t, warned(results[0], "does not supersede the hotfix for SP1"))
	require.Len(t, results[0].Deployments, 1)
	require.Equal(t, "KB977384", results[1].SupersededBy)
	require.Empty(t, results[1].Deployments)

	o = options(t, "kb977203", filepath.Join(t.TempDir(), "out"))
	o.SupersededBy = "KB977384"
	results, _, err = distpoint.StageAll(t.Context(), []string{sp1, sp2}, o)
	require.NoError(t, err)
	require.Empty(t, results[0].SupersededBy)
	require.Equal(t, "KB977384", results[1].SupersededBy)
}

// A patchChange is what a variant of the client patch of SP2 says about itself.
type patchChange struct {
	kb, family, sequence string
	obsoletes            []string // KB numbers of other variants
}

// code is the patch code of a variant.
func (c patchChange) code() string {
	sum := sha256.Sum256([]byte(c.kb))
	h := strings.ToUpper(hex.EncodeToString(sum[:16]))
	return "{" + h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:] + "}"
}

// patchVariant is the client patch of SP2 after a change to what it says about
// itself.
func patchVariant(t *testing.T, c patchChange) string {
	t.Helper()
	db, err := msi.NewReader(strings.NewReader(extractPatch(t, sp2)), int64(len(extractPatch(t, sp2))))
	require.NoError(t, err)
	codes := c.code()
	for _, kb := range c.obsoletes {
		codes += patchChange{kb: kb}.code()
	}
	require.NoError(t, db.Summary().SetString(msi.PIDRevision, codes))
	require.NoError(t, db.Summary().SetString(msi.PIDTitle, "Stand-in for the client update of "+c.kb))
	for row := range db.Table("MsiPatchMetadata").Rows() {
		if row.String("Property") == "DisplayName" {
			require.NoError(t, row.SetCol("Value", msi.String(c.kb)))
		}
	}
	sequences := db.Table("MsiPatchSequence")
	for row := range sequences.Rows() {
		product := row.String("ProductCode")
		require.NoError(t, sequences.Delete(row))
		if c.family != "" {
			_, err := sequences.Insert(msi.String(c.family), msi.String(product), msi.String(c.sequence), msi.Int(0))
			require.NoError(t, err)
		}
		break
	}
	var b bytes.Buffer
	require.NoError(t, db.Save(&b))
	return b.String()
}

// TestStageCancelled interrupts staging after longer and longer times: nothing is
// left, until it succeeds.
func TestStageCancelled(t *testing.T) {
	start := time.Now()
	_, err := distpoint.Stage(t.Context(), sp2, options(t, "kb977203", filepath.Join(t.TempDir(), "out")))
	require.NoError(t, err)
	step := time.Since(start) / 30
	for after := time.Duration(0); ; after += step {
		parent := t.TempDir()
		o := options(t, "kb977203", filepath.Join(parent, "out"))
		o.ClientDir = clientDir(t, "sp2", nil)
		before := testkit.Snapshot(t, o.ClientDir)
		ctx, cancel := context.WithCancel(t.Context())
		if after == 0 {
			cancel()
		}
		timer := time.AfterFunc(after, cancel)
		_, err := distpoint.Stage(ctx, sp2, o)
		timer.Stop()
		cancel()
		if err == nil {
			require.NotZero(t, after)
			require.FileExists(t, filepath.Join(o.Output, "stage.json"))
			require.FileExists(t, filepath.Join(o.ClientDir, filepath.FromSlash(patchPath)))
			return
		}
		require.ErrorIs(t, err, context.Canceled)
		require.Empty(t, testkit.Names(t, parent))
		require.Equal(t, before, testkit.Snapshot(t, o.ClientDir))
	}
}

func TestStageAll(t *testing.T) {
	out := filepath.Join(t.TempDir(), "a", "out")
	o := options(t, "kb977203-sp2", out)
	results, errs, err := distpoint.StageAll(t.Context(), []string{sp1, sp2, "nowhere.msi"}, o)
	require.NoError(t, err)
	require.ErrorIs(t, errs[0], distpoint.ErrNotVerified)
	require.NoError(t, errs[1])
	require.ErrorIs(t, errs[2], fs.ErrNotExist)
	require.Nil(t, results[2])
	require.Len(t, testkit.Names(t, out), 1)

	o.Output = filepath.Join(t.TempDir(), "a", "out")
	_, errs, err = distpoint.StageAll(t.Context(), []string{sp1, "nowhere.msi"}, o)
	require.NoError(t, err)
	require.Error(t, errs[0])
	require.NoDirExists(t, filepath.Dir(o.Output), "nothing was staged, nothing is left")

	for _, refs := range [][]string{{sp2, sp2}, {sp2, "x/..msi"}} {
		_, _, err = distpoint.StageAll(t.Context(), refs, o)
		require.ErrorIs(t, err, distpoint.ErrBatch)
	}
	o.ClientDir = t.TempDir()
	_, _, err = distpoint.StageAll(t.Context(), []string{sp1, sp2}, o)
	require.ErrorIs(t, err, distpoint.ErrBatch)
}

func BenchmarkStage(b *testing.B) {
	set, err := manifest.Open("kb977203")
	require.NoError(b, err)
	dir := b.TempDir()
	b.SetBytes(21 << 20)
	for b.Loop() {
		_, err := distpoint.Stage(b.Context(), sp2, distpoint.Options{Output: filepath.Join(dir, "out"), Manifest: set})
		require.NoError(b, err)
		require.NoError(b, os.RemoveAll(filepath.Join(dir, "out")))
	}
}
