package msi_test

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

// The types are those of real packages and of the examples in the documentation.
func TestActionTypes(t *testing.T) {
	for _, c := range []struct {
		kind             msi.ActionType
		what, runs, opts string
	}{
		{1, "dll in the Binary table", "immediate", ""},
		{65, "dll in the Binary table", "immediate", "ignore exit code"},
		{307, "set a property", "immediate", "only in the first sequence"},
		{51 + 512, "set a property", "immediate", "once per process"},
		{51 + 768, "set a property", "immediate", "client repeat"},
		{3073, "dll in the Binary table", "deferred", "no impersonation"},
		{3329, "dll in the Binary table", "rollback", "no impersonation"},
		{3585, "dll in the Binary table", "commit", "no impersonation"},
		{11265, "dll in the Binary table", "deferred", "no impersonation, hide target"},
		{18 + 192, "exe of an installed file", "immediate", "asynchronous, not waited for"},
		{18 + 128, "exe of an installed file", "immediate", "asynchronous, waited for at the end"},
		{4102, "VBScript in the Binary table", "immediate", "64-bit"},
		{1024 + 0x4000 + 34, "command line in a directory", "deferred", "terminal server aware"},
		{3, "unknown", "immediate", ""},
		{0, "unknown", "immediate", ""},
	} {
		assert.Equal(t, c.what, c.kind.Kind(), c.kind)
		assert.Equal(t, c.runs, c.kind.Runs(), c.kind)
		assert.Equal(t, c.opts, strings.Join(c.kind.Options(), ", "), c.kind)
	}
}

func TestCustomActionsInOrder(t *testing.T) {
	db, err := msi.New(msi.KindDatabase, 1252)
	require.NoError(t, err)
	insert := func(name string, columns []msi.Column, rows ...[]msi.Value) {
		table, err := db.AddTable(name, columns)
		require.NoError(t, err)
		for _, row := range rows {
			_, err := table.Insert(row...)
			require.NoError(t, err)
		}
	}
	text, number := msi.String, msi.Int
	insert("CustomAction", []msi.Column{column("Action", "s72", true), column("Type", "i2", false), column("Source", "S72", false), column("Target", "S255", false)},
		[]msi.Value{text("Set"), number(51), text("P"), text("[Q]")},
		[]msi.Value{text("Late"), number(65), text("B"), text("Entry")},
		[]msi.Value{text("Failed"), number(1), text("B"), text("OnError")},
		[]msi.Value{text("Off"), number(1), text("B"), text("Never")},
		[]msi.Value{text("Clicked"), number(1), text("B"), text("OnClick")})
	sequence := []msi.Column{column("Action", "s72", true), column("Condition", "S255", false), column("Sequence", "I2", false)}
	insert("InstallExecuteSequence", sequence,
		[]msi.Value{text("Late"), msi.Null(), number(6400)},
		[]msi.Value{text("InstallFiles"), msi.Null(), number(4000)},
		[]msi.Value{text("Failed"), msi.Null(), number(-3)},
		[]msi.Value{text("Off"), msi.Null(), msi.Null()},
		[]msi.Value{text("Set"), text("NOT Installed"), number(1)})
	insert("InstallUISequence", sequence, []msi.Value{text("Set"), msi.Null(), number(7)})
	insert("ControlEvent", []msi.Column{column("Dialog_", "s72", true), column("Control_", "s50", true), column("Event", "s50", true), column("Argument", "s255", true), column("Condition", "S255", false)},
		[]msi.Value{text("D"), text("Button"), text("DoAction"), text("Clicked"), text("1")},
		[]msi.Value{text("D"), text("Button"), text("EndDialog"), text("Clicked"), text("1")})
	var got []string
	for _, a := range db.CustomActions() {
		got = append(got, a.Table+" "+a.Key)
	}
	require.Equal(t, []string{
		"InstallUISequence Set", "InstallExecuteSequence Set", "InstallExecuteSequence Late", "InstallExecuteSequence Failed", "ControlEvent Clicked", " Off",
	}, got)
	require.Equal(t, "NOT Installed", db.CustomActions()[1].Condition)
}

// TestCustomActionsOfRealPackages: no action of a package is passed over, and the
// documentation lists the type of each.
func TestCustomActionsOfRealPackages(t *testing.T) {
	actions := 0
	require.NoError(t, filepath.WalkDir(filepath.Join(corpus.Dir(t), "msi"), func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !slices.Contains([]string{".msi", ".msm"}, strings.ToLower(filepath.Ext(name))) {
			return err
		}
		db, err := msi.Open(name)
		require.NoError(t, err, name)
		defer db.Close()
		listed := map[string]bool{}
		for _, a := range db.CustomActions() {
			listed[a.Key] = true
			assert.NotEqual(t, "unknown", a.Type.Kind(), "%s: %s, type %d", name, a.Key, a.Type)
		}
		if table := db.Table("CustomAction"); table != nil {
			assert.Len(t, listed, table.Len(), name)
			actions += table.Len()
		}
		return nil
	}))
	require.Greater(t, actions, 20)
}
