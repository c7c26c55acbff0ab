package msp_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/cabtest"
	"github.com/hotfixkit/hotfixkit/internal/delta/deltatest"
	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msi/cab"
	"github.com/hotfixkit/hotfixkit/msp"
	"github.com/hotfixkit/hotfixkit/testdata/testkit"
)

func setCell(t testing.TB, db *msi.Database, table, key, column string, v msi.Value) {
	t.Helper()
	row, ok := db.Table(table).Find(msi.String(key))
	require.True(t, ok, "table %s, row %s", table, key)
	require.NoError(t, row.SetCol(column, v))
}

const (
	productCode = "{00000000-0000-0000-0000-0000000000AA}"
	upgradeCode = "{00000000-0000-0000-0000-0000000000BB}"
)

// files are contents by File key.
type files map[string][]byte

// oldFiles are what the product holds before any patch.
func oldFiles() files {
	return files{
		"readme": []byte("read me, first edition\r\n"),
		"data":   bytes.Repeat([]byte("data of the first edition, "), 400),
		"kept":   []byte("never changes"),
	}
}

func writeCabinet(t testing.TB, keys []string, contents files) []byte {
	t.Helper()
	var b bytes.Buffer
	w := cabtest.NewWriter(&b, cabtest.WriterOptions{Compression: cab.MSZIP})
	for _, key := range keys {
		require.NoError(t, w.Add(cabtest.FileHeader{Name: key, Modified: time.Date(2010, time.January, 25, 6, 27, 0, 0, time.UTC)}, bytes.NewReader(contents[key])))
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

func hashCells(content []byte) []any {
	sum := md5.Sum(content)
	cells := []any{0}
	for i := range 4 {
		cells = append(cells, int(int32(binary.LittleEndian.Uint32(sum[4*i:]))))
	}
	return cells
}

// product is a package with one cabinet.
func product(t testing.TB) *msi.Database {
	t.Helper()
	db, err := msi.New(msi.KindDatabase, 1252)
	require.NoError(t, err)
	s := db.Summary()
	require.NoError(t, s.SetString(msi.PIDTemplate, "Intel;1033"))
	require.NoError(t, s.SetString(msi.PIDSubject, "The product"))
	require.NoError(t, s.SetString(msi.PIDRevision, "{00000000-0000-0000-0000-0000000000CC}"))
	s.SetInt(msi.PIDWordCount, 2)
	testkit.AddTable(t, db, "Property", "*Property:s72", "Value:l0")
	testkit.AddTable(t, db, "Directory", "*Directory:s72", "Directory_Parent:S72", "DefaultDir:l255")
	testkit.AddTable(t, db, "Component", "*Component:s72", "ComponentId:S38", "Directory_:s72", "Attributes:i2", "Condition:S255", "KeyPath:S72")
	testkit.AddTable(t, db, "Feature", "*Feature:s38", "Feature_Parent:S38", "Title:L64", "Description:L255", "Display:I2", "Level:i2", "Directory_:S72", "Attributes:i2")
	testkit.AddTable(t, db, "FeatureComponents", "*Feature_:s38", "*Component_:s72")
	testkit.AddTable(t, db, "File", "*File:s72", "Component_:s72", "FileName:l255", "FileSize:i4", "Version:S72", "Language:S20", "Attributes:I2", "Sequence:i4")
	testkit.AddTable(t, db, "Media", "*DiskId:i2", "LastSequence:i4", "DiskPrompt:L64", "Cabinet:S255", "VolumeLabel:S32", "Source:S72")
	testkit.AddTable(t, db, "MsiFileHash", "*File_:s72", "Options:i2", "HashPart1:i4", "HashPart2:i4", "HashPart3:i4", "HashPart4:i4")
	testkit.Insert(t, db, "Property", "ProductCode", productCode)
	testkit.Insert(t, db, "Property", "ProductVersion", "1.0.0")
	testkit.Insert(t, db, "Property", "ProductLanguage", "1033")
	testkit.Insert(t, db, "Property", "UpgradeCode", upgradeCode)
	testkit.Insert(t, db, "Directory", "TARGETDIR", nil, "SourceDir")
	testkit.Insert(t, db, "Component", "C", "{00000000-0000-0000-0000-0000000000DD}", "TARGETDIR", 0, nil, nil)
	testkit.Insert(t, db, "Feature", "F", nil, nil, nil, nil, 1, nil, 0)
	testkit.Insert(t, db, "FeatureComponents", "F", "C")
	old := oldFiles()
	keys := slices.Sorted(maps.Keys(old))
	for i, key := range keys {
		testkit.Insert(t, db, "File", key, "C", key+".txt", len(old[key]), nil, nil, 512, i+1)
		testkit.Insert(t, db, "MsiFileHash", append([]any{key}, hashCells(old[key])...)...)
	}
	testkit.Insert(t, db, "Media", 1, len(keys), nil, "#product.cab", nil, nil)
	require.NoError(t, db.SetStream("product.cab", writeCabinet(t, keys, old)))
	return db
}

// patch describes a patch for the tests.
type patch struct {
	code       int
	family     string
	sequence   string
	supersedes bool
	obsoletes  []int
	from, to   string // versions; from "" means 1.0.0, to "" the same
	base       files  // contents before, oldFiles when nil
	whole      files
	delta      files
	gone       []string // files removed
	optional   bool     // deltas are non-vital
	properties map[string]string
	spoil      func(main, full *msi.Database)
}

func patchCode(n int) string { return fmt.Sprintf("{00000000-0000-0000-0000-%012d}", n) }

// build makes the patch, saves it and opens it again.
func (p patch) build(t testing.TB) *msp.Patch {
	t.Helper()
	got, err := msp.New(p.database(t))
	require.NoError(t, err)
	return got
}

func (p patch) database(t testing.TB) *msi.Database {
	t.Helper()
	before := oldFiles()
	base := product(t)
	for key, content := range p.base {
		if _, ok := before[key]; !ok {
			testkit.Insert(t, base, "File", key, "C", key+".txt", len(content), nil, nil, 512, 1)
			testkit.Insert(t, base, "MsiFileHash", append([]any{key}, hashCells(content)...)...)
		}
		before[key] = content
	}
	if p.from != "" {
		setCell(t, base, "Property", "ProductVersion", "Value", msi.String(p.from))
	}
	main := base.Clone()
	if p.to != "" {
		setCell(t, main, "Property", "ProductVersion", "Value", msi.String(p.to))
	}
	change := func(key string, content []byte) {
		if _, ok := main.Table("File").Find(msi.String(key)); !ok {
			testkit.Insert(t, main, "File", key, "C", key+".txt", len(content), nil, nil, 512, 1)
			testkit.Insert(t, main, "MsiFileHash", append([]any{key}, hashCells(content)...)...)
			return
		}
		setCell(t, main, "File", key, "FileSize", msi.Int(int32(len(content))))
		setCell(t, main, "File", key, "Version", msi.String(p.to))
		for i, part := range hashCells(content)[1:] {
			setCell(t, main, "MsiFileHash", key, fmt.Sprintf("HashPart%d", i+1), msi.Int(int32(part.(int))))
		}
	}
	for key, content := range p.whole {
		change(key, content)
	}
	for key, content := range p.delta {
		change(key, content)
	}
	for _, key := range p.gone {
		for _, table := range []string{"File", "MsiFileHash"} {
			row, ok := main.Table(table).Find(msi.String(key))
			require.True(t, ok)
			require.NoError(t, main.Table(table).Delete(row))
		}
	}

	full := main.Clone()
	for k, v := range p.properties {
		testkit.Insert(t, full, "Property", k, v)
	}
	const disk = 100
	sequence := 1000
	testkit.AddTable(t, full, "Patch", "*File_:s72", "*Sequence:i2", "PatchSize:i4", "Attributes:i2", "Header:V0", "StreamRef_:S38")
	testkit.AddTable(t, full, "PatchPackage", "*PatchId:s38", "Media_:i2")
	testkit.Insert(t, full, "PatchPackage", patchCode(p.code), disk)
	members := files{}
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(p.delta)) {
		members[key] = deltatest.Encode(before[key], p.delta[key])
		attributes := 0
		if p.optional {
			attributes = 1
		}
		testkit.Insert(t, full, "Patch", key, sequence, len(members[key]), attributes, members[key][:24], nil)
		keys = append(keys, key)
		sequence++
	}
	for _, key := range slices.Sorted(maps.Keys(p.whole)) {
		members[key] = p.whole[key]
		setCell(t, full, "File", key, "Sequence", msi.Int(int32(sequence)))
		setCell(t, full, "File", key, "Attributes", msi.Int(0x1200))
		keys = append(keys, key)
		sequence++
	}
	cabinet := fmt.Sprintf("patch%d.cab", p.code)
	testkit.Insert(t, full, "Media", disk, sequence-1, nil, "#"+cabinet, nil, "PatchSource")
	if p.spoil != nil {
		p.spoil(main, full)
	}

	db, err := msi.New(msi.KindPatch, 1252)
	require.NoError(t, err)
	transform := func(name string, from, to *msi.Database) {
		d, err := msi.Compare(from, to)
		require.NoError(t, err)
		mst, err := d.Transform(msi.TransformOptions{Validation: msi.ValidateProduct | msi.ValidateUpdateVersion | msi.ValidateEqual})
		require.NoError(t, err)
		require.NoError(t, db.SetStorage(name, mst))
	}
	transform("T1", base, main)
	transform("#T1", main, full)
	require.NoError(t, db.SetStream(cabinet, writeCabinet(t, keys, members)))
	s := db.Summary()
	revision := patchCode(p.code)
	for _, n := range p.obsoletes {
		revision += patchCode(n)
	}
	for id, text := range map[msi.PropertyID]string{
		msi.PIDRevision: revision, msi.PIDTemplate: productCode, msi.PIDLastAuthor: ":T1;:#T1", msi.PIDTitle: "Patch",
	} {
		require.NoError(t, s.SetString(id, text))
	}
	s.SetInt(msi.PIDWordCount, 4)
	if p.family != "" {
		testkit.AddTable(t, db, "MsiPatchSequence", "*PatchFamily:s72", "*ProductCode:S38", "Sequence:s72", "Attributes:I4")
		attributes := 0
		if p.supersedes {
			attributes = 1
		}
		testkit.Insert(t, db, "MsiPatchSequence", p.family, nil, p.sequence, attributes)
	}
	var b bytes.Buffer
	require.NoError(t, db.Save(&b))
	again, err := msi.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	require.NoError(t, err)
	return again
}

// collect is a sink that keeps a member.
type collect struct {
	bytes.Buffer
	done func([]byte, error)
}

func (c *collect) Close(err error) error {
	c.done(c.Bytes(), err)
	return nil
}

// readCabinet returns the members of a cabinet in a stream.
func readCabinet(t testing.TB, db *msi.Database, stream string) files {
	t.Helper()
	r, err := db.Stream(stream)
	require.NoError(t, err)
	c, err := cab.Open(r, r.Size(), cab.Options{Name: stream})
	require.NoError(t, err)
	set, err := cab.NewSet([]*cab.Cabinet{c}, cab.SetOptions{})
	require.NoError(t, err)
	contents := files{}
	require.NoError(t, set.Decode(context.Background(), func(f *cab.File) (cab.Sink, error) {
		return &collect{done: func(b []byte, err error) {
			require.NoError(t, err)
			contents[f.Name] = b
		}}, nil
	}, cab.DecodeOptions{Workers: 1}))
	return contents
}

// extract carries out a plan: the path and content of every file, each checked
// against the patched database.
func extract(t testing.TB, base *msi.Database, plan *msp.Plan) map[string]string {
	t.Helper()
	model, err := base.Model()
	require.NoError(t, err)
	old := files{}
	for _, m := range model.Media {
		if stream, ok := m.Embedded(); ok {
			maps.Copy(old, readCabinet(t, base, stream))
		}
	}
	members := map[*msp.Member][]byte{}
	for _, c := range plan.Cabinets {
		contents := readCabinet(t, c.Patch.Database(), c.Stream)
		for _, m := range c.Members {
			require.Contains(t, contents, m.Key)
			require.Zero(t, m.Content.Occurrence)
			require.NotNil(t, m.Use, m.Key)
			members[m] = contents[m.Key]
		}
	}
	patched, err := plan.Full.Model()
	require.NoError(t, err)
	result := map[string]string{}
	for f := range patched.Files() {
		content := old[f.Key()]
		if p := plan.Files[f.Key()]; p != nil {
			if p.Whole != nil {
				content = members[p.Whole]
			}
			var deltas [][]byte
			for _, m := range p.Deltas {
				require.Equal(t, m.Size, int64(len(members[m])))
				deltas = append(deltas, members[m])
			}
			content, _, err = p.Finish(content, deltas)
			require.NoError(t, err)
		}
		require.Len(t, content, int(f.Size()), f.Key())
		if sum, ok := f.MD5(); ok {
			require.Equal(t, sum, md5.Sum(content), f.Key())
		}
		result[strings.Join(f.SourcePath(false), "/")] = string(content)
	}
	return result
}
