package testkit

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/cabtest"
	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msi/cab"
)

// A Patch is what WritePatch makes. Files are named by their keys.
type Patch struct {
	Code    int               // the patch code is made of it
	Version string            // ProductVersion after it; "" leaves what the package has
	Whole   map[string]string // new contents; files that the package lacks are added
	Delta   map[string]Delta
	Absent  []string // members that the tables name and the cabinet does not hold

	Family     string
	Sequence   string // in Family
	Supersedes bool
}

// A Delta is what a patch has for one file.
type Delta struct {
	Member   string // what lies in the cabinet
	Content  string // what the file will be
	Version  string // of the file, in the File table
	Optional bool
}

// WritePatch builds a patch for the package in base into a folder. It returns its
// path and the database that its main transform makes of base.
func WritePatch(t testing.TB, dir, name string, base *msi.Database, p Patch) (string, *msi.Database) {
	t.Helper()
	b := &patchBuilder{builder: builder{t: t}, p: p, main: base.Clone()}
	b.mainTables()
	b.full = b.main.Clone()
	cabinet := b.patchTables()

	db, err := msi.New(msi.KindPatch, 1252)
	require.NoError(t, err)
	b.transform(db, "T", base, b.main)
	b.transform(db, "#T", b.main, b.full)
	require.NoError(t, db.SetStream(b.cabinetName(), cabinet))
	for id, text := range map[msi.PropertyID]string{
		msi.PIDRevision: patchCode(p.Code), msi.PIDLastAuthor: ":T;:#T", msi.PIDTitle: fmt.Sprintf("Patch %d", p.Code),
	} {
		require.NoError(t, db.Summary().SetString(id, text))
	}
	if p.Family != "" {
		b.db = db
		supersedes := 0
		if p.Supersedes {
			supersedes = 1
		}
		b.table("MsiPatchSequence", "*PatchFamily:s72", "*ProductCode:S38", "Sequence:s72", "Attributes:I4")
		b.insert("MsiPatchSequence", p.Family, nil, p.Sequence, supersedes)
	}
	var out bytes.Buffer
	require.NoError(t, db.Save(&out))
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, out.Bytes(), 0o666))
	return path, b.main
}

func patchCode(n int) string { return fmt.Sprintf("{00000000-0000-0000-0000-%012d}", n) }

type patchBuilder struct {
	builder
	p          Patch
	main, full *msi.Database
}

func (b *patchBuilder) cabinetName() string { return fmt.Sprintf("patch%d.cab", b.p.Code) }

// mainTables makes the tables those of the patched product.
func (b *patchBuilder) mainTables() {
	b.db = b.main
	if b.p.Version != "" {
		row, ok := b.main.Table("Property").Find(msi.String("ProductVersion"))
		require.True(b.t, ok)
		require.NoError(b.t, row.SetCol("Value", msi.String(b.p.Version)))
	}
	for key, content := range b.p.Whole {
		if _, known := b.main.Table("File").Find(msi.String(key)); !known {
			b.insert("Component", "C"+key, nil, "INSTALLDIR", 0, nil, key)
			b.insert("FeatureComponents", "Main", "C"+key)
			b.insert("File", key, "C"+key, key, 0, nil, nil, 0, 1)
		}
		b.describe(key, content, "")
	}
	for key, d := range b.p.Delta {
		b.describe(key, d.Content, d.Version)
	}
}

// describe sets size, version and digest of a file.
func (b *patchBuilder) describe(key, content, version string) {
	row, ok := b.main.Table("File").Find(msi.String(key))
	require.True(b.t, ok, key)
	require.NoError(b.t, row.SetCol("FileSize", msi.Int(int32(len(content)))))
	hashes := b.main.Table("MsiFileHash")
	if old, ok := hashes.Find(msi.String(key)); ok {
		require.NoError(b.t, hashes.Delete(old))
	}
	if version != "" {
		require.NoError(b.t, row.SetCol("Version", msi.String(version)))
		return
	}
	b.hash(key, md5.Sum([]byte(content)))
}

// patchTables adds what the installer needs to find the patch's files, and
// returns the cabinet that they lie in.
func (b *patchBuilder) patchTables() []byte {
	const disk, first = 100, 1000
	b.db = b.full
	sequence := first
	var out bytes.Buffer
	w := cabtest.NewWriter(&out, cabtest.WriterOptions{Compression: cab.MSZIP})
	add := func(key, content string) {
		sequence++
		if !slices.Contains(b.p.Absent, key) {
			require.NoError(b.t, w.Add(cabtest.FileHeader{Name: key, Modified: Modified}, strings.NewReader(content)))
		}
	}
	if b.full.Table("Patch") == nil {
		b.table("Patch", "*File_:s72", "*Sequence:i2", "PatchSize:i4", "Attributes:i2", "Header:V0", "StreamRef_:S38")
	}
	for _, key := range slices.Sorted(maps.Keys(b.p.Delta)) {
		d := b.p.Delta[key]
		nonVital := 0
		if d.Optional {
			nonVital = 1
		}
		b.insert("Patch", key, sequence, len(d.Member), nonVital, nil, nil)
		add(key, d.Member)
	}
	for _, key := range slices.Sorted(maps.Keys(b.p.Whole)) {
		row, ok := b.full.Table("File").Find(msi.String(key))
		require.True(b.t, ok)
		require.NoError(b.t, row.SetCol("Sequence", msi.Int(int32(sequence))))
		require.NoError(b.t, row.SetCol("Attributes", msi.Int(0x1000))) // msidbFileAttributesPatchAdded
		add(key, b.p.Whole[key])
	}
	require.NoError(b.t, w.Close())
	b.insert("Media", disk, sequence-1, nil, "#"+b.cabinetName(), nil, "PatchSource")
	return out.Bytes()
}

func (b *patchBuilder) transform(patch *msi.Database, name string, from, to *msi.Database) {
	diff, err := msi.Compare(from, to)
	require.NoError(b.t, err)
	mst, err := diff.Transform(msi.TransformOptions{Validation: msi.ValidateProduct | msi.ValidateUpdateVersion | msi.ValidateEqual})
	require.NoError(b.t, err)
	require.NoError(b.t, patch.SetStorage(name, mst))
}
