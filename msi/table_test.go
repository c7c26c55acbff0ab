package msi_test

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/msi"
)

func keys(table *msi.Table) []string {
	var all []string
	for row := range table.Rows() {
		all = append(all, row.Key())
	}
	return all
}

func TestChangeRows(t *testing.T) {
	db := newDatabase(t, 1252)
	table := db.Table("Everything")
	require.Equal(t, []string{"b/2", "a/0", "a/1"}, keys(table), "strings are sorted by their numbers")

	_, err := table.Insert(msi.String("b"), msi.Int(2), msi.Null(), msi.Null(), msi.Null(), msi.Null())
	require.ErrorIs(t, err, msi.ErrExists)
	row, ok := table.Find(msi.String("b"), msi.Int(2))
	require.True(t, ok)
	require.ErrorIs(t, row.SetCol("Nothing", msi.Null()), msi.ErrNotFound)
	for column, v := range map[string]msi.Value{
		"Short": msi.Int(40_000), "Long": msi.String("x"), "Text": msi.Int(1), "Data": msi.String("x"), "N": msi.Int(-32768),
	} {
		require.ErrorIs(t, row.SetCol(column, v), msi.ErrFormat, column)
	}
	require.NoError(t, row.SetCol("Text", msi.String("new")))
	require.Equal(t, "new", row.String("Text"))

	// A key that changes moves the row and is found under its new name.
	require.NoError(t, row.SetCol("K", msi.String("c")))
	require.Equal(t, []string{"a/0", "a/1", "c/2"}, keys(table))
	_, ok = table.Find(msi.String("b"), msi.Int(2))
	require.False(t, ok)
	first, _ := table.Find(msi.String("a"), msi.Int(0))
	require.ErrorIs(t, first.SetCol("N", msi.Int(1)), msi.ErrExists)
	require.Equal(t, "a/0", first.Key())

	// The stream goes with its row.
	owner, _ := table.Find(msi.String("a"), msi.Int(1))
	require.NoError(t, table.Delete(owner))
	require.ErrorIs(t, table.Delete(owner), msi.ErrNotFound)
	require.Empty(t, db.Streams())
	require.Equal(t, []string{"a/0", "c/2"}, keys(reopen(t, db).Table("Everything")))
}

// Loops see the rows that were there when they began.
func TestChangeWhileReading(t *testing.T) {
	db := newDatabase(t, 1252)
	table := db.Table("Everything")
	seen := 0
	for row := range table.Rows() {
		seen++
		_, err := table.Insert(msi.String("0"+row.Key()), msi.Int(1), msi.Null(), msi.Null(), msi.Null(), msi.Null())
		require.NoError(t, err)
		require.NoError(t, table.Delete(row))
	}
	require.Equal(t, 3, seen)
	require.Equal(t, 3, table.Len())
}

func TestChangeSchema(t *testing.T) {
	db := newDatabase(t, 1252)
	_, err := db.AddTable("Everything", []msi.Column{column("K", "s72", true)})
	require.ErrorIs(t, err, msi.ErrExists)
	_, err = db.AddTable("NoKey", []msi.Column{column("K", "s72", false)})
	require.ErrorIs(t, err, msi.ErrFormat)
	_, err = db.AddTable("", []msi.Column{column("K", "s72", true)})
	require.ErrorIs(t, err, msi.ErrLimit)
	require.ErrorIs(t, db.DropTable("None"), msi.ErrNotFound)
	require.ErrorIs(t, db.DropTable("_Tables"), msi.ErrNotFound)

	table := db.Table("Everything")
	require.ErrorIs(t, table.AddColumns(column("K", "s72", false)), msi.ErrExists)
	require.NoError(t, table.AddColumns(column("More", "I4", false)))
	row, _ := table.Find(msi.String("b"), msi.Int(2))
	require.True(t, row.Value(6).IsNull())
	require.NoError(t, row.SetCol("More", msi.Int(7)))

	again := reopen(t, db)
	require.Len(t, again.Table("Everything").Columns(), 7)
	row, _ = again.Table("Everything").Find(msi.String("b"), msi.Int(2))
	require.Equal(t, "7", row.String("More"))

	require.NoError(t, db.DropTable("Everything"))
	again = reopen(t, db)
	require.Empty(t, again.Tables())
	require.Empty(t, again.Streams())
	require.Zero(t, again.Table("_Columns").Len())
}

// Temporary columns have no stored cells.
func TestTemporaryColumns(t *testing.T) {
	db, err := msi.New(msi.KindDatabase, 0)
	require.NoError(t, err)
	temporary := column("Tmp", "I4", false)
	temporary.Type |= msi.TypeTemporary
	table, err := db.AddTable("T", []msi.Column{column("K", "s72", true), temporary, column("V", "i4", false)})
	require.NoError(t, err)
	_, err = table.Insert(msi.String("a"), msi.Null(), msi.Int(5))
	require.NoError(t, err)
	row, ok := reopen(t, db).Table("T").Find(msi.String("a"))
	require.True(t, ok)
	require.Equal(t, []msi.Value{msi.String("a"), msi.Null(), msi.Int(5)}, row.Values())
}

func TestCloneIsIndependent(t *testing.T) {
	db := newDatabase(t, 1252)
	before := save(t, db)
	c := db.Clone()
	row, _ := c.Table("Everything").Find(msi.String("b"), msi.Int(2))
	require.NoError(t, row.SetCol("Text", msi.String("other")))
	require.NoError(t, c.DropTable("Everything"))
	require.NoError(t, c.SetStream("x", nil))
	require.NoError(t, c.Summary().SetString(msi.PIDTitle, "other"))
	require.NoError(t, c.SetCodePage(65001))
	require.Equal(t, before, save(t, db))
}

func TestStreamsAndStorages(t *testing.T) {
	db := newDatabase(t, 1252)
	sub, err := msi.New(msi.KindTransform, 1252)
	require.NoError(t, err)
	ref, err := sub.Intern("a string of the transform")
	require.NoError(t, err)
	require.NoError(t, sub.SetTableStream("Property", []byte{byte(ref), 0}))
	require.NoError(t, db.SetStorage("#T", sub))
	require.NoError(t, db.SetStreamFrom("late.cab", 5, func() (io.Reader, error) { return bytes.NewReader([]byte("later")), nil }))
	_, err = db.Stream("late.cab")
	require.ErrorIs(t, err, msi.ErrNotFound)
	require.ErrorIs(t, db.SetStream(strings.Repeat("a", 63), nil), msi.ErrLimit)
	require.ErrorIs(t, db.SetTableStream("Property", nil), msi.ErrFormat)

	again := reopen(t, db)
	r, err := again.Stream("late.cab")
	require.NoError(t, err)
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, "later", string(b))
	transform, err := again.Storage("#T")
	require.NoError(t, err)
	require.Equal(t, msi.KindTransform, transform.Kind())
	s, err := transform.StringAt(ref)
	require.NoError(t, err)
	require.Equal(t, "a string of the transform", s)
	require.Equal(t, []string{"Property"}, transform.TableStreams())

	require.NoError(t, again.RemoveStorage("#T"))
	require.ErrorIs(t, again.RemoveStorage("#T"), msi.ErrNotFound)
	require.NoError(t, again.RemoveStream("late.cab"))
	require.ErrorIs(t, again.RemoveStream("late.cab"), msi.ErrNotFound)
	require.Empty(t, reopen(t, again).Storages())
}

func TestListingTables(t *testing.T) {
	db := open(t, "testdata/example.msi")
	streams := db.Table("_Streams")
	require.Equal(t, 1, streams.Len())
	row, ok := streams.Find(msi.String("files.cab"))
	require.True(t, ok)
	data, err := row.Stream("Data")
	require.NoError(t, err)
	require.NotZero(t, data.Size())
	require.Zero(t, db.Table("_Storages").Len())
	require.NotContains(t, db.Tables(), "_Streams")
	require.NoError(t, db.SetStorage("T", newDatabase(t, 1252)))
	require.Equal(t, 1, db.Table("_Storages").Len())
	require.Equal(t, "Name\tData\r\ns62\tV0\r\n_Streams\tName\r\nfiles.cab\tfiles.cab\r\n", exportIDT(t, db, "_Streams"))
}

func FuzzNewReader(f *testing.F) {
	f.Add(save(f, newDatabase(f, 1252)))
	f.Add(save(f, newDatabase(f, 65001)))
	for _, name := range []string{"example.msi", "japanese.mst"} {
		b, err := os.ReadFile("testdata/" + name)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		db, err := msi.NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			require.True(t, isFormat(err), "%v", err)
			return
		}
		for _, name := range append(db.Tables(), "_SummaryInformation", "_ForceCodepage") {
			require.NoError(t, db.ExportIDT(io.Discard, name))
		}
		if _, err := db.Model(); err != nil {
			require.True(t, isFormat(err), "%v", err)
		}
		_ = db.Save(io.Discard) // streams may be damaged
	})
}
