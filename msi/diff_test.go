package msi_test

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/testdata/testkit"
)

func TestCompareEqual(t *testing.T) {
	for _, name := range []string{"synth/base.msi", "psmsi-Example.msi", "WPF2_32.msp", "wix3-permachine/prodAv100.msi"} {
		d, err := msi.Compare(openCorpus(t, name), reopen(t, openCorpus(t, name)))
		require.NoError(t, err)
		require.True(t, d.Empty(), name)
	}
}

func TestCompareRealVersions(t *testing.T) {
	d, err := msi.Compare(openCorpus(t, "wix3-permachine", "prodAv100.msi"), openCorpus(t, "wix3-permachine", "prodAv101.msi"))
	require.NoError(t, err)
	require.False(t, d.Empty())
	require.Contains(t, summarise(d), "Property [{2 0 ProductVersion}] changed Value=1.0.1.0")
}

func TestCompare(t *testing.T) {
	a, b := product(t, 1252), upgraded(t, 1252)
	require.NoError(t, b.Summary().SetString(msi.PIDSubject, "new subject"))
	b.Summary().SetInt(msi.PIDWordCount, 2)
	a.Summary().SetInt(msi.PIDWordCount, 0)
	require.NoError(t, a.Summary().SetString(msi.PIDAuthor, "somebody"))
	require.NoError(t, a.SetStream("Same", []byte("same")))
	require.NoError(t, b.SetStream("Same", []byte("same")))
	require.NoError(t, a.SetStream("Other", []byte("one")))
	require.NoError(t, b.SetStream("Other", []byte("two")))
	require.NoError(t, a.SetStream("Old", []byte("1")))
	require.NoError(t, b.SetStream("New", []byte("22")))

	d, err := msi.Compare(a, b)
	require.NoError(t, err)
	require.Equal(t, []msi.PropertyChange{
		{ID: msi.PIDSubject, Change: msi.Added, New: "new subject"},
		{ID: msi.PIDAuthor, Change: msi.Removed, Old: "somebody"},
		{ID: msi.PIDWordCount, Change: msi.Changed, Old: "0", New: "2"},
	}, d.Summary)
	require.Equal(t, []msi.StreamChange{
		{Name: "New", Change: msi.Added, NewSize: 2},
		{Name: "Old", Change: msi.Removed, OldSize: 1},
		{Name: "Other", Change: msi.Changed, OldSize: 3, NewSize: 3},
	}, d.Streams)

	var names []string
	rows := map[string]msi.RowChange{}
	for _, tc := range d.Tables {
		names = append(names, tc.Name+" "+tc.Change.String())
		for _, rc := range tc.Rows {
			rows[tc.Name+"/"+rc.Key[0].Text()+"/"+rc.Change.String()] = rc
		}
	}
	require.Equal(t, []string{"Binary changed", "Comes added", "Empty added", "File changed", "Goes removed", "Pair changed", "Property changed"}, names)
	require.Equal(t, []msi.CellChange{
		{Column: "FileSize", Old: msi.Int(100), New: msi.Int(1 << 20)},
		{Column: "Version", Old: msi.String("1.0.0.0"), New: msi.Null()},
	}, rows["File/F1/changed"].Cells)
	cell := rows["Binary/Changed/changed"].Cells[0]
	for want, s := range map[string]io.Reader{"old data": cell.OldData, "new data": cell.NewData} {
		got, err := io.ReadAll(s)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
	require.Equal(t, msi.Removed, rows["Goes/x/removed"].Change)
	require.Contains(t, rows, "Binary/Added/added")
	require.NotContains(t, rows, "Binary/Kept/changed")
}

func TestCompareAnotherKey(t *testing.T) {
	build := func(spec ...string) *msi.Database {
		db, err := msi.New(msi.KindDatabase, 0)
		require.NoError(t, err)
		_, err = db.AddTable("T", testkit.Columns(t, spec...))
		require.NoError(t, err)
		testkit.Insert(t, db, "T", "k", "v")
		return db
	}
	d, err := msi.Compare(build("*A:s0", "B:s0"), build("*A:s0", "*B:s0"))
	require.NoError(t, err)
	require.Len(t, d.Tables, 1)
	require.Len(t, d.Tables[0].Rows, 2, "no row can be told to be the same")
	require.Equal(t, msi.Changed, d.Tables[0].Columns[0].Change)
}

func TestCompareStorages(t *testing.T) {
	build := func(row string) *msi.Database {
		next := product(t, 1252)
		testkit.Insert(t, next, "Property", row, "v")
		d, err := msi.Compare(product(t, 1252), next)
		require.NoError(t, err)
		mst, err := d.Transform(msi.TransformOptions{})
		require.NoError(t, err)
		patch, err := msi.New(msi.KindPatch, 0)
		require.NoError(t, err)
		require.NoError(t, patch.SetStorage("T1", mst))
		require.NoError(t, patch.SetStorage("Only"+row, mst))
		return reopen(t, patch)
	}
	d, err := msi.Compare(build("A"), build("A"))
	require.NoError(t, err)
	require.True(t, d.Empty())
	d, err = msi.Compare(build("A"), build("B"))
	require.NoError(t, err)
	require.Equal(t, []msi.StreamChange{
		{Name: "OnlyA", Change: msi.Removed}, {Name: "OnlyB", Change: msi.Added}, {Name: "T1", Change: msi.Changed},
	}, d.Storages)
}
