package msi_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/cfb"
	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

func column(name, kind string, key bool) msi.Column {
	t, err := msi.ParseColumnType(kind, key)
	if err != nil {
		panic(err)
	}
	return msi.Column{Name: name, Type: t}
}

// reopen saves a database and opens the result.
func reopen(t testing.TB, db *msi.Database) *msi.Database {
	t.Helper()
	b := save(t, db)
	again, err := msi.NewReader(bytes.NewReader(b), int64(len(b)))
	require.NoError(t, err)
	return again
}

func save(t testing.TB, db *msi.Database) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, db.Save(&b))
	return b.Bytes()
}

func TestKinds(t *testing.T) {
	for name, want := range map[string]struct {
		kind     msi.Kind
		codePage int
		tables   int
	}{
		"msi/NUnit-2.5.2.9222.msi":             {msi.KindDatabase, 0, 37},
		"msi/AppInstallerTestMsiInstaller.msi": {msi.KindDatabase, 1252, 87},
		"msi/wix5-MergeModule1.msm":            {msi.KindDatabase, 65001, 17},
		"msi/wix3-he-il.msi":                   {msi.KindDatabase, 1255, 14},
		"msp/WPF2_32.msp":                      {msi.KindPatch, 0, 2},
		"msp/Example.jpn.mst":                  {msi.KindTransform, 932, 0},
	} {
		db := open(t, corpus.Path(t, name))
		require.Equal(t, want.kind, db.Kind(), name)
		require.Equal(t, want.codePage, db.CodePage(), name)
		require.Len(t, db.Tables(), want.tables, name)
	}
}

// The fixtures are what the program in testdata/make writes.
func TestFixtures(t *testing.T) {
	db := open(t, "testdata/example.msi")
	require.Equal(t, msi.KindDatabase, db.Kind())
	require.Len(t, db.Tables(), 7)
	require.Equal(t, []string{"files.cab"}, db.Streams())
	m, err := db.Model()
	require.NoError(t, err)
	require.Equal(t, 1, m.FileCount())
	require.Equal(t, []string{"PFiles", "Example 1.0", "Hello world.txt"}, m.File(0).SourcePath(false))
	require.Equal(t, "#files.cab", m.File(0).Cabinet())
	original, err := os.ReadFile("testdata/example.msi")
	require.NoError(t, err)
	require.Equal(t, streamContents(t, original), streamContents(t, save(t, db)))

	transform := open(t, "testdata/japanese.mst")
	require.Equal(t, msi.KindTransform, transform.Kind())
	require.Equal(t, 932, transform.CodePage())
	require.Equal(t, []string{"Property"}, transform.TableStreams())
	tr, err := msi.LoadTransform(transform)
	require.NoError(t, err)
	require.NoError(t, tr.Apply(db, msi.ApplyOptions{}))
	require.Equal(t, "おはようございます", db.Property("Greeting"))
}

// The examples of two other projects, which wrote them with other libraries.
func TestExamplesOfOthers(t *testing.T) {
	db := open(t, corpus.Path(t, "msi/pymsi-example.msi"))
	require.Len(t, db.Tables(), 28)
	require.Equal(t, []string{"Sample.cab"}, db.Streams())
	transform := open(t, corpus.Path(t, "msp/Example.jpn.mst"))
	require.Equal(t, msi.KindTransform, transform.Kind())
	require.Equal(t, 932, transform.CodePage())
}

func TestStoragesOfPatchAreTransforms(t *testing.T) {
	db := open(t, corpus.Path(t, "msp/synth/synth.msp"))
	require.Equal(t, []string{"#T1ToU1", "T1ToU1"}, db.Storages())
	sub, err := db.Storage("T1ToU1")
	require.NoError(t, err)
	require.Equal(t, msi.KindTransform, sub.Kind())
	require.Equal(t, []string{"File", "MsiFileHash", "Property"}, sub.TableStreams())
	r, err := sub.TableStream("Property")
	require.NoError(t, err)
	require.NotZero(t, r.Size())
	_, err = db.Storage("T2")
	require.ErrorIs(t, err, msi.ErrNotFound)
}

func TestTruncatedPackageOpens(t *testing.T) {
	db := open(t, corpus.Path(t, "msi/VBRuntime.msi"))
	whole, err := db.Stream("Disk1.CAB")
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, whole)
	require.NoError(t, err)
	cut, err := db.Stream("Disk2.CAB")
	require.NoError(t, err)
	require.EqualValues(t, 443299, cut.Size())
	n, err := io.Copy(io.Discard, cut)
	require.ErrorIs(t, err, cfb.ErrTruncated)
	require.ErrorContains(t, err, `"Disk2.CAB"`, "the name as the tables have it, not as it is packed")
	require.EqualValues(t, 414951, n) // as many as 7zz gets
	require.ErrorIs(t, db.Save(io.Discard), cfb.ErrTruncated)
}

func TestStreams(t *testing.T) {
	db := open(t, corpus.Path(t, "msi/images/vc2012-minimum-x64/vc_runtimeMinimum_x64.msi"))
	require.Equal(t, []string{"\x05MsiDigitalSignatureEx", "AdminProperties", "Binary.WixDepCA"}, db.Streams())
	r, err := db.Stream("AdminProperties")
	require.NoError(t, err)
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, "IsAdminPackage=\"1\" \x00", strings.Join(strings.Split(string(b), "\x00")[:20], "")+"\x00")
	words, ok := db.Summary().Int(msi.PIDWordCount)
	require.True(t, ok)
	require.EqualValues(t, msi.SourceAdminImage, words)
	_, err = db.Stream("none")
	require.ErrorIs(t, err, msi.ErrNotFound)
}

func TestRows(t *testing.T) {
	db := open(t, corpus.Path(t, "msi/NUnit-2.5.2.9222.msi"))
	file := db.Table("File")
	require.Equal(t, 296, file.Len())
	row, ok := file.Find(msi.String("nunit.css"))
	require.True(t, ok)
	require.Equal(t, "nunit.css", row.String("FileName"))
	size, ok := row.Int("FileSize")
	require.True(t, ok)
	require.EqualValues(t, 6793, size)
	require.Empty(t, row.String("Version"))
	require.Equal(t, "6793", row.String("FileSize"))
	_, ok = file.Find(msi.String("nothing"))
	require.False(t, ok)

	binary, ok := db.Table("Binary").Find(msi.String("WixUIWixca"))
	require.True(t, ok)
	r, err := binary.Stream("Data")
	require.NoError(t, err)
	head := make([]byte, 2)
	_, err = io.ReadFull(r, head)
	require.NoError(t, err)
	require.Equal(t, "MZ", string(head))
	require.Nil(t, db.Table("NoSuchTable"))
}

func TestConcurrentReading(t *testing.T) {
	db := open(t, corpus.Path(t, "msi/NUnit-2.5.2.9222.msi"))
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for _, name := range db.Streams() {
				r, err := db.Stream(name)
				if assert.NoError(t, err) {
					_, err = io.Copy(io.Discard, r)
					assert.NoError(t, err, name)
				}
			}
			_, ok := db.Table("File").Find(msi.String("nunit.css"))
			assert.True(t, ok)
			_, err := db.Model()
			assert.NoError(t, err)
		})
	}
	wait.Wait()
}

func TestCodePages(t *testing.T) {
	for codePage, text := range map[int]string{
		0:     "plain ä",
		932:   "修正プログラム ｶﾅ",
		936:   "修补程序",
		949:   "핫픽스 뢔",
		950:   "修補程式",
		1250:  "Žluťoučký",
		1251:  "Исправление",
		1252:  "Größe €",
		1253:  "διόρθωση",
		1254:  "düzeltme ğ",
		1255:  "תיקון",
		1256:  "إصلاح",
		1257:  "Pataisą ž",
		1258:  "sưa đ",
		65001: "修正 ä 핫 😀",
	} {
		t.Run(strconv.Itoa(codePage), func(t *testing.T) {
			db, err := msi.New(msi.KindDatabase, codePage)
			require.NoError(t, err)
			table, err := db.AddTable("Property", []msi.Column{column("Property", "s72", true), column("Value", "l0", false)})
			require.NoError(t, err)
			_, err = table.Insert(msi.String("P"), msi.String(text))
			require.NoError(t, err)
			again := reopen(t, db)
			require.Equal(t, codePage, again.CodePage())
			row, ok := again.Table("Property").Find(msi.String("P"))
			require.True(t, ok)
			require.Equal(t, text, row.String("Value"))
			if codePage != 65001 {
				_, err = table.Insert(msi.String("Q"), msi.String("😀"))
				require.ErrorIs(t, err, msi.ErrCodePage)
			}
		})
	}
	_, err := msi.New(msi.KindDatabase, 4711)
	require.ErrorIs(t, err, msi.ErrCodePage)
}

func TestSetCodePageConvertsStrings(t *testing.T) {
	db, err := msi.New(msi.KindDatabase, 1252)
	require.NoError(t, err)
	table, err := db.AddTable("Property", []msi.Column{column("Property", "s72", true), column("Value", "l0", false)})
	require.NoError(t, err)
	_, err = table.Insert(msi.String("P"), msi.String("Größe"))
	require.NoError(t, err)
	require.ErrorIs(t, db.SetCodePage(932), msi.ErrCodePage)
	require.Equal(t, 1252, db.CodePage())
	require.NoError(t, db.SetCodePage(65001))
	row, _ := reopen(t, db).Table("Property").Find(msi.String("P"))
	require.Equal(t, "Größe", row.String("Value"))
}

// A database in the neutral code page takes over the meaning of its bytes.
func TestSetCodePageOfNeutralBytes(t *testing.T) {
	db, err := msi.New(msi.KindDatabase, 0)
	require.NoError(t, err)
	table, err := db.AddTable("T", []msi.Column{column("K", "s0", true)})
	require.NoError(t, err)
	sjis, err := msi.EncodeText(932, "修正")
	require.NoError(t, err)
	asWestern, err := msi.DecodeText(1252, sjis)
	require.NoError(t, err)
	_, err = table.Insert(msi.String(asWestern))
	require.NoError(t, err)
	require.NoError(t, db.SetCodePage(932))
	_, ok := table.Find(msi.String("修正"))
	require.True(t, ok)
}

func TestColumnTypes(t *testing.T) {
	// As real packages store them, with the bias of the cell.
	for stored, want := range map[int]string{
		0xAD48: "s72", 0xA502: "i2", 0x8104: "i4", 0x8502: "i2", 0x9900: "V0", 0x9D48: "S72", 0x8FFF: "l255", 0x8900: "v0", 0x9104: "I4",
	} {
		kind := msi.ColumnType(stored - 0x8000)
		require.Equal(t, want, kind.String(), "%#x", stored)
		again, err := msi.ParseColumnType(want, kind.IsKey())
		require.NoError(t, err)
		require.Equal(t, kind, again, "%#x", stored)
	}
	for _, bad := range []string{"", "s", "i3", "x72", "s256", "sx"} {
		_, err := msi.ParseColumnType(bad, false)
		require.ErrorIs(t, err, msi.ErrFormat, bad)
	}
}

func TestNewReaderRefusesOtherFiles(t *testing.T) {
	for name, b := range map[string][]byte{
		"empty":   nil,
		"text":    []byte("MZ and so on"),
		"zeros":   make([]byte, 4096),
		"no pool": noPool(t),
	} {
		_, err := msi.NewReader(bytes.NewReader(b), int64(len(b)))
		require.Error(t, err, name)
		require.True(t, isFormat(err), "%s: %v", name, err)
	}
}

// Every table costs memory, also where many of them share the same few sectors
// of the file.
func TestMemoryOfTablesIsLimited(t *testing.T) {
	db, err := msi.New(msi.KindDatabase, 1252)
	require.NoError(t, err)
	const tables = 64
	for i := range tables {
		table, err := db.AddTable(fmt.Sprintf("T%02d", i), []msi.Column{column("K", "i2", true)})
		require.NoError(t, err)
		for k := range 2048 {
			_, err := table.Insert(msi.Int(int32(k)))
			require.NoError(t, err)
		}
	}
	b := save(t, db)
	r, err := cfb.NewReader(bytes.NewReader(b), int64(len(b)))
	require.NoError(t, err)
	// One stream of 1 MiB takes the place of all tables.
	root := &cfb.Node{CLSID: r.Root().CLSID}
	for _, e := range r.Root().Children {
		n := &cfb.Node{Name: e.Name, Size: e.Size, Open: func() (io.Reader, error) { return e.Open(), nil }}
		if e.Size == 4096 {
			n.Size = 1 << 20
			n.Open = func() (io.Reader, error) { return bytes.NewReader(make([]byte, 1<<20)), nil }
		}
		root.Children = append(root.Children, n)
	}
	var big bytes.Buffer
	require.NoError(t, cfb.Write(&big, root, cfb.WriteOptions{}))
	_, err = msi.NewReader(bytes.NewReader(big.Bytes()), int64(big.Len()))
	require.ErrorIs(t, err, msi.ErrLimit)
}

func noPool(t *testing.T) []byte {
	var b bytes.Buffer
	require.NoError(t, cfb.Write(&b, &cfb.Node{}, cfb.WriteOptions{}))
	return b.Bytes()
}

func TestFileHashRows(t *testing.T) {
	db := open(t, corpus.Path(t, "msi/NUnit-2.5.2.9222.msi"))
	m, err := db.Model()
	require.NoError(t, err)
	hashed := 0
	for f := range m.Files() {
		if _, ok := f.MD5(); ok {
			hashed++
		}
	}
	require.Equal(t, 231, hashed)
}

func TestAllOfCorpusOpens(t *testing.T) {
	for _, name := range packages(t, ".msi", ".msm", ".msp", ".mst") {
		db := open(t, name)
		for _, storage := range db.Storages() {
			_, err := db.Storage(storage)
			require.NoError(t, err, "%s in %s", storage, filepath.Base(name))
		}
		_, err := db.Model()
		require.NoError(t, err, name)
	}
}
