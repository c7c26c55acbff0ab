package msi_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
	"github.com/hotfixkit/hotfixkit/testdata/testkit"
)

func openCorpus(t testing.TB, name ...string) *msi.Database {
	t.Helper()
	db, err := msi.Open(corpus.Path(t, append([]string{"msp"}, name...)...))
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}

func loadStorage(t testing.TB, db *msi.Database, name string) *msi.Transform {
	t.Helper()
	storage := db
	if name != "" {
		var err error
		storage, err = db.Storage(name)
		require.NoError(t, err)
	}
	tr, err := msi.LoadTransform(storage)
	require.NoError(t, err)
	return tr
}

func TestTransformsOfRealPatches(t *testing.T) {
	const wix = "wix3-msisandmsps"
	for _, tt := range []struct {
		base, patch, want string
		storages          []string
	}{
		{"synth/base.msi", "synth/synth.msp", "synth_main.msi", []string{"T1ToU1"}},
		{"synth/base.msi", "synth/synth.msp", "synth_main+paired.msi", []string{"T1ToU1", "#T1ToU1"}},
		{"psmsi-Example.msi", "psmsi-Example.msp", "example_msp1_main+paired.msi", []string{"MSP.1", "#MSP.1"}},
		{wix + "/RtmProduct/product.msi", wix + "/GDR1/gdr1.msp", "gdr1_rtm2_main.msi", []string{"rtm.2"}},
		{wix + "/RtmProduct/product.msi", wix + "/GDR1/gdr1.msp", "gdr1_rtm2_main+paired.msi", []string{"rtm.2", "#rtm.2"}},
	} {
		t.Run(tt.want, func(t *testing.T) {
			db := openCorpus(t, tt.base)
			patch := openCorpus(t, tt.patch)
			for _, name := range tt.storages {
				require.NoError(t, loadStorage(t, patch, name).Apply(db, msi.ApplyOptions{}))
			}
			requireSameTables(t, openCorpus(t, "after-transform", tt.want), db)
		})
	}
}

// A transform taken out of a patch and saved is a file of its own.
func TestTransformSavedOnItsOwn(t *testing.T) {
	storage, err := openCorpus(t, "synth", "synth.msp").Storage("#T1ToU1")
	require.NoError(t, err)
	mst := reopen(t, storage)
	require.Equal(t, msi.KindTransform, mst.Kind())
	db := openCorpus(t, "after-transform", "synth_main.msi")
	require.NoError(t, loadStorage(t, mst, "").Apply(db, msi.ApplyOptions{}))
	requireSameTables(t, openCorpus(t, "after-transform", "synth_main+paired.msi"), db)
}

// The transform was not made for this package. What the independent
// implementation did with the two changes that find nothing to change is not
// what the error conditions say: it inserted the row Modified of the Directory
// table, which was to be updated, and the name of the table AppId, which was to
// be removed.
func TestTransformOfAnotherPackage(t *testing.T) {
	db := openCorpus(t, "psmsi-Example.msi")
	tr := loadStorage(t, openCorpus(t, "Example.mst"), "")
	var mismatch *msi.MismatchError
	err := tr.Apply(db.Clone(), msi.ApplyOptions{})
	require.ErrorIs(t, err, msi.ErrTransform)
	require.ErrorAs(t, err, &mismatch)
	require.Equal(t, msi.ValidateProduct, mismatch.Condition)
	require.Equal(t, "{877EF582-78AF-4D84-888B-167FDC3BCC11}", mismatch.Found)

	var warnings []string
	require.NoError(t, tr.Apply(db, msi.ApplyOptions{SkipValidation: true, Warn: func(s string) { warnings = append(warnings, s) }}))
	require.Equal(t, []string{
		"table AppId to be removed does not exist",
		"table Binary to be changed does not exist",
		"table Directory, row Deleted to be removed does not exist",
		"table Directory, row Modified to be changed does not exist",
	}, warnings)
	want := openCorpus(t, "after-transform", "example_mst.msi")
	require.NoError(t, want.DropTable("AppId"))
	row, ok := want.Table("Directory").Find(msi.String("Modified"))
	require.True(t, ok)
	require.NoError(t, want.Table("Directory").Delete(row))
	requireSameTables(t, want, db)
}

func requireSameTables(t testing.TB, want, got *msi.Database) {
	t.Helper()
	d, err := msi.Compare(want, got)
	require.NoError(t, err)
	for _, tc := range d.Tables {
		t.Errorf("table %s %s: columns %v, rows %v", tc.Name, tc.Change, tc.Columns, tc.Rows)
	}
}

// product is a small database with a table of every column type.
func product(t testing.TB, codePage int) *msi.Database {
	t.Helper()
	db, err := msi.New(msi.KindDatabase, codePage)
	require.NoError(t, err)
	require.NoError(t, db.Summary().SetString(msi.PIDTemplate, "Intel;1033"))
	for name, spec := range map[string][]string{
		"Property": {"*Property:s72", "Value:l0"},
		"Binary":   {"*Name:s72", "Data:V0"},
		"File":     {"*File:s72", "Component_:s72", "FileName:l255", "FileSize:i4", "Version:S72", "Language:S20", "Attributes:I2", "Sequence:i4"},
		"Pair":     {"*A:s72", "*B:i2", "Text:L0", "Small:I2", "Large:I4"},
		"Goes":     {"*Key:s72", "Data:V0"},
	} {
		_, err := db.AddTable(name, testkit.Columns(t, spec...))
		require.NoError(t, err)
	}
	testkit.Insert(t, db, "Property", "ProductCode", "{00000000-0000-0000-0000-00000000000A}")
	testkit.Insert(t, db, "Property", "ProductVersion", "1.2.3")
	testkit.Insert(t, db, "Property", "ProductLanguage", "1033")
	testkit.Insert(t, db, "Property", "UpgradeCode", "{00000000-0000-0000-0000-00000000000B}")
	testkit.Insert(t, db, "File", "F1", "C1", "a.txt|A long name.txt", 100, "1.0.0.0", "1033", 512, 1)
	testkit.Insert(t, db, "File", "F2", "C1", "b.txt", 200, nil, nil, nil, 2)
	testkit.Insert(t, db, "Binary", "Kept", []byte("kept"))
	testkit.Insert(t, db, "Binary", "Changed", []byte("old data"))
	testkit.Insert(t, db, "Binary", "Emptied", []byte("to go"))
	testkit.Insert(t, db, "Binary", "Removed", []byte("to go as well"))
	testkit.Insert(t, db, "Pair", "k", 1, "one", -32767, -2147483647)
	testkit.Insert(t, db, "Pair", "k", 2, "two", 32767, 2147483647)
	testkit.Insert(t, db, "Pair", "k", 3, nil, nil, nil)
	testkit.Insert(t, db, "Goes", "x", []byte("of a table that goes"))
	return db
}

// upgraded is product after every kind of change.
func upgraded(t testing.TB, codePage int) *msi.Database {
	t.Helper()
	db := product(t, codePage)
	set := func(table string, key []any, column string, v msi.Value) {
		t.Helper()
		var values []msi.Value
		for _, k := range key {
			if n, ok := k.(int); ok {
				values = append(values, msi.Int(int32(n)))
			} else {
				values = append(values, msi.String(k.(string)))
			}
		}
		row, ok := db.Table(table).Find(values...)
		require.True(t, ok)
		require.NoError(t, row.SetCol(column, v))
	}
	remove := func(table string, key ...msi.Value) {
		t.Helper()
		row, ok := db.Table(table).Find(key...)
		require.True(t, ok)
		require.NoError(t, db.Table(table).Delete(row))
	}
	set("Property", []any{"ProductVersion"}, "Value", msi.String("1.2.4"))
	testkit.Insert(t, db, "Property", "Text", strings.Repeat("long ", 20000))
	set("File", []any{"F1"}, "FileSize", msi.Int(1<<20))
	set("File", []any{"F1"}, "Version", msi.Null())
	set("File", []any{"F2"}, "Attributes", msi.Int(0))
	testkit.Insert(t, db, "File", "F3", "C1", "ä.txt", 0, nil, nil, nil, 3)
	require.NoError(t, db.SetStream("Binary.Changed", []byte("new data")))
	set("Binary", []any{"Emptied"}, "Data", msi.Null())
	require.NoError(t, db.RemoveStream("Binary.Emptied"))
	remove("Binary", msi.String("Removed"))
	testkit.Insert(t, db, "Binary", "Added", []byte("added"))
	set("Pair", []any{"k", 1}, "Large", msi.Null())
	set("Pair", []any{"k", 3}, "Text", msi.String("three"))
	remove("Pair", msi.String("k"), msi.Int(2))
	testkit.Insert(t, db, "Pair", "k", 4, "four", 0, 0)
	require.NoError(t, db.Table("Pair").AddColumns(testkit.Columns(t, "More:L0", "Count:I4")...))
	set("Pair", []any{"k", 1}, "Count", msi.Int(7))
	require.NoError(t, db.DropTable("Goes"))
	_, err := db.AddTable("Comes", testkit.Columns(t, "*Key:i2", "*Name:s0", "Data:V0"))
	require.NoError(t, err)
	testkit.Insert(t, db, "Comes", 5, "five", []byte("data of five"))
	_, err = db.AddTable("Empty", testkit.Columns(t, "*Key:i2"))
	require.NoError(t, err)
	return db
}

// transformBetween makes a transform of two databases and reads it back.
func transformBetween(t testing.TB, a, b *msi.Database, o msi.TransformOptions) *msi.Transform {
	t.Helper()
	d, err := msi.Compare(a, b)
	require.NoError(t, err)
	db, err := d.Transform(o)
	require.NoError(t, err)
	again := reopen(t, db)
	require.Equal(t, msi.KindTransform, again.Kind())
	return loadStorage(t, again, "")
}

func TestTransformRoundTrip(t *testing.T) {
	many := func(db *msi.Database) *msi.Database {
		for i := range 66000 {
			testkit.Insert(t, db, "Property", fmt.Sprintf("P%d", i), "v")
		}
		return db
	}
	for _, tt := range []struct {
		name     string
		from, to *msi.Database
	}{
		{"everything changed", product(t, 1252), upgraded(t, 1252)},
		{"and back, the added columns apart", upgraded(t, 1252), func() *msi.Database {
			db := product(t, 1252)
			require.NoError(t, db.Table("Pair").AddColumns(testkit.Columns(t, "More:L0", "Count:I4")...))
			return db
		}()},
		{"nothing changed", product(t, 1252), product(t, 1252)},
		{"into another code page", product(t, 1252), upgraded(t, 65001)},
		{"three-byte references", product(t, 1252), many(upgraded(t, 1252))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr := transformBetween(t, tt.from, tt.to, msi.TransformOptions{Ignore: msi.IgnoreChangeCodePage})
			db := tt.from.Clone()
			require.NoError(t, tr.Apply(db, msi.ApplyOptions{}))
			requireSameTables(t, tt.to, db)
			require.Equal(t, tt.to.CodePage(), db.CodePage())
			requireSameTables(t, tt.to, reopen(t, db))

			changes, err := tr.Changes(tt.from)
			require.NoError(t, err)
			d, err := msi.Compare(tt.from, tt.to)
			require.NoError(t, err)
			require.Equal(t, summarise(d), summarise(changes))
		})
	}
}

// summarise keeps of a diff what a transform knows too.
func summarise(d *msi.Diff) []string {
	var list []string
	for _, tc := range d.Tables {
		list = append(list, tc.Name+" "+tc.Change.String())
		if tc.Change == msi.Removed {
			continue
		}
		for _, c := range tc.Columns {
			list = append(list, fmt.Sprintf("%s.%s %s %s", tc.Name, c.New.Name, c.New.Type, c.Change))
		}
		for _, rc := range tc.Rows {
			line := fmt.Sprintf("%s %v %s", tc.Name, rc.Key, rc.Change)
			for _, c := range rc.Cells {
				if rc.Change == msi.Removed {
					break
				}
				line += fmt.Sprintf(" %s=%s", c.Column, c.New.Text())
				if c.NewData != nil {
					b, _ := io.ReadAll(c.NewData)
					line += string(b)
				}
			}
			list = append(list, line)
		}
	}
	return list
}

func TestChangesWithoutBase(t *testing.T) {
	tr := transformBetween(t, product(t, 1252), upgraded(t, 1252), msi.TransformOptions{})
	d, err := tr.Changes(nil)
	require.NoError(t, err)
	list := summarise(d)
	require.Contains(t, list, "Goes removed")
	require.Contains(t, list, "Comes added")
	require.Contains(t, list, "File [{2 0 F1}] changed FileSize=1048576 Version=")
	require.Contains(t, list, "Pair changed", "a table that nobody defines is named")

	real := loadStorage(t, openCorpus(t, "WPF2_32.msp"), "#T1ToU1")
	d, err = real.Changes(nil)
	require.NoError(t, err)
	require.NotEmpty(t, d.Tables)
}

func TestTransformSummary(t *testing.T) {
	tr := transformBetween(t, product(t, 1252), upgraded(t, 1252), msi.TransformOptions{
		Validation: msi.ValidateProduct | msi.ValidateUpdateVersion | msi.ValidateEqual, Ignore: msi.IgnoreAddExistingRow,
	})
	require.Equal(t, "{00000000-0000-0000-0000-00000000000A}", tr.OldProductCode)
	require.Equal(t, "1.2.3", tr.OldVersion)
	require.Equal(t, "1.2.4", tr.NewVersion)
	require.Equal(t, "{00000000-0000-0000-0000-00000000000B}", tr.UpgradeCode)
	require.Equal(t, "Intel", tr.Platform)
	require.Equal(t, 1033, tr.Language)
	require.Equal(t, msi.ValidateProduct|msi.ValidateUpdateVersion|msi.ValidateEqual, tr.Validation)
	require.Equal(t, msi.IgnoreAddExistingRow, tr.Ignore)
}

func TestValidation(t *testing.T) {
	const three, two, one = msi.ValidateUpdateVersion, msi.ValidateMinorVersion, msi.ValidateMajorVersion
	for _, tt := range []struct {
		name     string
		rules    msi.Validation
		property string
		value    string
		fails    msi.Validation
	}{
		{"all of them", 0x0fff &^ (msi.ValidateLess | msi.ValidateGreater), "", "", 0},
		{"another product", msi.ValidateProduct, "ProductCode", "{1}", msi.ValidateProduct},
		{"another product, not asked", 0, "ProductCode", "{1}", 0},
		{"another upgrade code", msi.ValidateUpgradeCode, "UpgradeCode", "{1}", msi.ValidateUpgradeCode},
		{"code in lower case", msi.ValidateUpgradeCode, "UpgradeCode", "{00000000-0000-0000-0000-00000000000b}", 0},
		{"another language", msi.ValidateLanguage, "", "", 0},
		{"equal, update differs", three | msi.ValidateEqual, "ProductVersion", "1.2.4", msi.ValidateEqual},
		{"equal, only the fourth field differs", three | msi.ValidateEqual, "ProductVersion", "1.2.3.9", 0},
		{"equal, update does not count", two | msi.ValidateEqual, "ProductVersion", "1.2.4", 0},
		{"equal, minor differs", two | msi.ValidateEqual, "ProductVersion", "1.3.3", msi.ValidateEqual},
		{"equal, minor does not count", one | msi.ValidateEqual, "ProductVersion", "1.9", 0},
		{"less", three | msi.ValidateLess, "ProductVersion", "1.2.2", 0},
		{"not less", three | msi.ValidateLess, "ProductVersion", "1.2.3", msi.ValidateLess},
		{"at most", three | msi.ValidateLessOrEqual, "ProductVersion", "1.10.0", msi.ValidateLessOrEqual},
		{"at least", three | msi.ValidateGreaterOrEqual, "ProductVersion", "1.10.0", 0},
		{"not at least", three | msi.ValidateGreaterOrEqual, "ProductVersion", "1.2.2", msi.ValidateGreaterOrEqual},
		{"greater", one | msi.ValidateGreater, "ProductVersion", "1.9.9", msi.ValidateGreater},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr := transformBetween(t, product(t, 1252), product(t, 1252), msi.TransformOptions{Validation: tt.rules})
			db := product(t, 1252)
			if tt.property != "" {
				row, ok := db.Table("Property").Find(msi.String(tt.property))
				require.True(t, ok)
				require.NoError(t, row.SetCol("Value", msi.String(tt.value)))
			}
			err := tr.Validate(db)
			if tt.fails == 0 {
				require.NoError(t, err)
				return
			}
			var mismatch *msi.MismatchError
			require.ErrorAs(t, err, &mismatch)
			require.ErrorIs(t, err, msi.ErrTransform)
			require.Equal(t, tt.fails, mismatch.Condition)
			require.Equal(t, tt.value, mismatch.Found)
		})
	}
}

func TestValidatePlatformAndLanguage(t *testing.T) {
	tr := transformBetween(t, product(t, 1252), product(t, 1252), msi.TransformOptions{Validation: msi.ValidatePlatform | msi.ValidateLanguage})
	for _, tt := range []struct {
		template, language string
		fails              msi.Validation
	}{
		{"Intel;1033", "1033", 0},
		{";1031,1033", "1031", 0},
		{"x64;1033", "1033", msi.ValidatePlatform},
		{"Intel;1031", "1031", msi.ValidateLanguage},
	} {
		db := product(t, 1252)
		require.NoError(t, db.Summary().SetString(msi.PIDTemplate, tt.template))
		row, _ := db.Table("Property").Find(msi.String("ProductLanguage"))
		require.NoError(t, row.SetCol("Value", msi.String(tt.language)))
		var mismatch *msi.MismatchError
		if err := tr.Validate(db); tt.fails != 0 {
			require.ErrorAs(t, err, &mismatch)
			require.Equal(t, tt.fails, mismatch.Condition)
		} else {
			require.NoError(t, err, tt.template)
		}
	}
}

func TestErrorConditions(t *testing.T) {
	for _, tt := range []struct {
		name      string
		condition msi.ErrorConditions
		spoil     func(db *msi.Database)
		message   string
	}{
		{"row to be added exists", msi.IgnoreAddExistingRow, func(db *msi.Database) {
			testkit.Insert(t, db, "File", "F3", "C9", "z.txt", 9, "9", "9", 9, 9)
		}, "table File, row F3"},
		{"row to be removed does not exist", msi.IgnoreDeleteMissingRow, func(db *msi.Database) {
			row, _ := db.Table("Pair").Find(msi.String("k"), msi.Int(2))
			require.NoError(t, db.Table("Pair").Delete(row))
		}, "table Pair, row k/2"},
		{"table to be added exists", msi.IgnoreAddExistingTable, func(db *msi.Database) {
			_, err := db.AddTable("Comes", testkit.Columns(t, "*Key:i2", "*Name:s0", "Data:V0"))
			require.NoError(t, err)
		}, "table Comes"},
		{"table to be removed does not exist", msi.IgnoreDeleteMissingTable, func(db *msi.Database) {
			require.NoError(t, db.DropTable("Goes"))
		}, "table Goes"},
		{"row to be changed does not exist", msi.IgnoreUpdateMissingRow, func(db *msi.Database) {
			row, _ := db.Table("File").Find(msi.String("F2"))
			require.NoError(t, db.Table("File").Delete(row))
		}, "table File, row F2"},
		{"table to be changed does not exist", msi.IgnoreUpdateMissingRow, func(db *msi.Database) {
			require.NoError(t, db.DropTable("Binary"))
		}, "table Binary"},
		{"code page", msi.IgnoreChangeCodePage, func(db *msi.Database) {
			require.NoError(t, db.SetCodePage(1250))
		}, "code page is 1250"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			base := product(t, 1252)
			tt.spoil(base)
			from, to := product(t, 1252), upgraded(t, 1252)

			strict := transformBetween(t, from, to, msi.TransformOptions{Ignore: msi.IgnoreAll &^ tt.condition})
			err := strict.Apply(base.Clone(), msi.ApplyOptions{})
			require.ErrorIs(t, err, msi.ErrTransform)
			require.ErrorContains(t, err, tt.message)

			var warnings []string
			db := base.Clone()
			require.NoError(t, strict.Apply(db, msi.ApplyOptions{Ignore: tt.condition, Warn: func(s string) { warnings = append(warnings, s) }}))
			require.Len(t, warnings, 1)
			require.Contains(t, warnings[0], tt.message)

			tolerant := transformBetween(t, from, to, msi.TransformOptions{Ignore: tt.condition})
			db = base.Clone()
			require.NoError(t, tolerant.Apply(db, msi.ApplyOptions{}))
			if tt.condition != msi.IgnoreUpdateMissingRow {
				requireSameTables(t, to, db)
			}
		})
	}
}

// A table that the transform adds and that exists already with its columns in
// another order gets its rows by column name.
func TestAddedTableExistsInAnotherOrder(t *testing.T) {
	from, to := product(t, 1252), product(t, 1252)
	_, err := to.AddTable("Comes", testkit.Columns(t, "*Key:s0", "Number:I2", "Text:L0", "Late:I4"))
	require.NoError(t, err)
	testkit.Insert(t, to, "Comes", "k", 1, "text", 2)
	tr := transformBetween(t, from, to, msi.TransformOptions{Ignore: msi.IgnoreAddExistingTable})
	_, err = from.AddTable("Comes", testkit.Columns(t, "*Key:s0", "Text:L0", "Number:I2"))
	require.NoError(t, err)
	require.NoError(t, tr.Apply(from, msi.ApplyOptions{}))
	row, ok := from.Table("Comes").Find(msi.String("k"))
	require.True(t, ok)
	require.Equal(t, []msi.Value{msi.String("k"), msi.String("text"), msi.Int(1), msi.Int(2)}, row.Values())
}

// Strings of a transform without a code page are in that of the database.
func TestNeutralTransform(t *testing.T) {
	build := func() *msi.Database {
		db := product(t, 932)
		testkit.Insert(t, db, "Property", "Name", "証明書")
		return db
	}
	d, err := msi.Compare(product(t, 932), build())
	require.NoError(t, err)
	mst, err := d.Transform(msi.TransformOptions{})
	require.NoError(t, err)
	b := save(t, mst)
	head := []byte{0xa4, 0x03, 0, 0} // code page 932, references of two bytes
	require.Equal(t, 1, bytes.Count(b, head))
	b = bytes.Replace(b, head, make([]byte, len(head)), 1)
	neutral, err := msi.NewReader(bytes.NewReader(b), int64(len(b)))
	require.NoError(t, err)
	require.Zero(t, neutral.CodePage())

	db := product(t, 932)
	tr := loadStorage(t, neutral, "")
	require.NoError(t, tr.Apply(db, msi.ApplyOptions{}))
	requireSameTables(t, build(), db)
	require.Equal(t, 932, db.CodePage())
	changes, err := tr.Changes(product(t, 932))
	require.NoError(t, err)
	require.Equal(t, msi.String("証明書"), changes.Tables[0].Rows[0].Cells[0].New)
}

func TestTransformRefusals(t *testing.T) {
	wide := []string{"*K:s0"}
	for i := range 16 {
		wide = append(wide, fmt.Sprintf("C%d:I2", i))
	}
	for _, tt := range []struct {
		name   string
		change func(db *msi.Database)
		class  error
	}{
		{"more than 16 columns", func(db *msi.Database) {
			_, err := db.AddTable("Wide", testkit.Columns(t, wide...))
			require.NoError(t, err)
		}, msi.ErrLimit},
		{"a column removed", func(db *msi.Database) {
			require.NoError(t, db.DropTable("Pair"))
			_, err := db.AddTable("Pair", testkit.Columns(t, "*A:s72", "*B:i2", "Text:L0", "Small:I2"))
			require.NoError(t, err)
		}, msi.ErrFormat},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := product(t, 1252)
			tt.change(db)
			d, err := msi.Compare(product(t, 1252), db)
			require.NoError(t, err)
			_, err = d.Transform(msi.TransformOptions{})
			require.ErrorIs(t, err, tt.class)
		})
	}
}

func TestMalformedTransforms(t *testing.T) {
	le := func(words ...int) []byte {
		var b []byte
		for _, w := range words {
			b = append(b, byte(w), byte(w>>8))
		}
		return b
	}
	for _, tt := range []struct {
		name, table string
		stream      []byte
		class       error
	}{
		{"row cut off", "File", le(0x0801, 1), msi.ErrFormat},
		{"odd byte", "File", []byte{1}, msi.ErrFormat},
		{"too many cells", "Property", le(0x0301, 1, 1, 1), msi.ErrFormat},
		{"no key", "Pair", le(0x0101, 1), msi.ErrFormat},
		{"mask beyond the columns", "Property", le(0x0004, 1, 1), msi.ErrFormat},
		{"string that does not exist", "Property", le(0x0201, 1, 77), msi.ErrFormat},
		{"stream that does not exist", "Binary", le(0x0201, 1, 1), msi.ErrNotFound},
		{"table without columns", "_Tables", le(0x0101, 1), msi.ErrFormat},
		{"column without type", "_Columns", le(0x0301, 1, 0x8001, 1), msi.ErrFormat},
		{"column removed", "_Columns", le(0x0000, 1, 0x8001), msi.ErrFormat},
		{"column for a missing table", "_Columns", le(0x0401, 1, 0, 1, 0x9d48), msi.ErrTransform},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db, err := msi.New(msi.KindTransform, 1252)
			require.NoError(t, err)
			_, err = db.Intern("X")
			require.NoError(t, err)
			require.NoError(t, db.SetTableStream(tt.table, tt.stream))
			tr := loadStorage(t, reopen(t, db), "")
			require.ErrorIs(t, tr.Apply(product(t, 1252), msi.ApplyOptions{}), tt.class)
		})
	}
}

func FuzzTransform(f *testing.F) {
	add := func(db *msi.Database) {
		f.Add(save(f, db))
	}
	d, err := msi.Compare(product(f, 1252), upgraded(f, 1252))
	require.NoError(f, err)
	mst, err := d.Transform(msi.TransformOptions{Ignore: msi.IgnoreAll})
	require.NoError(f, err)
	add(mst)
	base := product(f, 1252)
	f.Fuzz(func(t *testing.T, b []byte) {
		db, err := msi.NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		tr, err := msi.LoadTransform(db)
		if err != nil {
			return
		}
		_, _ = tr.Changes(nil)
		target := base.Clone()
		if tr.Apply(target, msi.ApplyOptions{SkipValidation: true, Ignore: msi.IgnoreAll}) == nil {
			// What was applied must be a sound database.
			if target.Save(io.Discard) == nil {
				reopen(t, target)
			}
		}
	})
}
