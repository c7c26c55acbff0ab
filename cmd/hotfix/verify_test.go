package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

// TestVerifyTamperedPackage changes a table of a signed package: every file in it
// is still the same, and the package is refused all the same.
func TestVerifyTamperedPackage(t *testing.T) {
	const name = "IviNetSharedComponents32_Fx20_1.3.0.msi"
	original := corpus.Path(t, "msi", name)
	var list, stderr bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"manifest", "create", original, "--id", "original"}, &list, &stderr), stderr.String())
	reference := filepath.Join(t.TempDir(), "original.json")
	require.NoError(t, os.WriteFile(reference, list.Bytes(), 0o644))

	db, err := msi.Open(original)
	require.NoError(t, err)
	defer db.Close()
	row, ok := db.Table("Property").Find(msi.String("ProductName"))
	require.True(t, ok)
	require.NoError(t, row.SetCol("Value", msi.String("Another product")))
	var changed bytes.Buffer
	require.NoError(t, db.Save(&changed))
	tampered := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(tampered, changed.Bytes(), 0o644))

	for _, test := range []struct {
		target, status string
		code           int
	}{
		{original, "ok", exitOK},
		{tampered, "signature-invalid", exitDifference},
	} {
		var stdout bytes.Buffer
		require.Equal(t, test.code, run(t.Context(), []string{"verify", "--json", test.target, "--manifest", reference}, &stdout, &stderr), stderr.String())
		var document struct {
			OK       bool
			Files    []struct{ Status string }
			Packages []struct{ Target, Status, Reason string }
		}
		require.NoError(t, json.Unmarshal(stdout.Bytes(), &document))
		require.Equal(t, test.code == exitOK, document.OK)
		require.NotEmpty(t, document.Files)
		for _, f := range document.Files {
			require.Equal(t, "ok", f.Status)
		}
		require.Equal(t, test.target, document.Packages[0].Target)
		require.Equal(t, test.status, document.Packages[0].Status)
	}
}
