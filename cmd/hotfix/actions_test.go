package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/msi"
)

// actionsPackage writes the stand-in of the hotfix with two custom actions, an
// entry that is not listed, and a Binary stream.
func actionsPackage(t *testing.T, name string) string {
	t.Helper()
	db, err := msi.Open(filepath.Join("..", "..", "testdata", "kb977203", "SCCM2007-SP2-KB977203-ENU.msi"))
	require.NoError(t, err)
	defer db.Close()
	column := func(name, form string, key bool) msi.Column {
		kind, err := msi.ParseColumnType(form, key)
		require.NoError(t, err)
		return msi.Column{Name: name, Type: kind}
	}
	insert := func(table string, values ...msi.Value) {
		_, err := db.Table(table).Insert(values...)
		require.NoError(t, err)
	}
	text, number := msi.String, msi.Int
	_, err = db.AddTable("CustomAction", []msi.Column{column("Action", "s72", true), column("Type", "i2", false), column("Source", "S72", false), column("Target", "S255", false)})
	require.NoError(t, err)
	insert("CustomAction", text("SetContact"), number(51), text("ARPCONTACT"), text("[Manufacturer]"))
	insert("CustomAction", text("Undo"), number(3329), text("Helper"), text("Rollback"))
	insert("InstallExecuteSequence", text("SetContact"), text("NOT Installed"), number(50))
	insert("InstallExecuteSequence", text("Undo"), msi.Null(), number(3999))
	insert("Property", text("ARPSYSTEMCOMPONENT"), text("1"))
	insert("Property", text("ARPHELPLINK"), text("https://example.com/help"))
	_, err = db.AddTable("Binary", []msi.Column{column("Name", "s72", true), column("Data", "v0", false)})
	require.NoError(t, err)
	insert("Binary", text("Helper"), msi.Binary())
	require.NoError(t, db.SetStream("Binary.Helper", []byte("helper")))
	f, err := os.Create(name)
	require.NoError(t, err)
	require.NoError(t, db.Save(f))
	require.NoError(t, f.Close())
	return name
}
