package msi_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

// Wine's implementation exports the same tables as ours from what Save writes:
// a real package of which every table was encoded anew, and a string of more
// than 64 KiB.
func TestWineReadsSavedDatabases(t *testing.T) {
	if testing.Short() {
		t.Skip("setting up Wine takes about ten seconds")
	}
	wine, dir := corpus.Tool(t, "wine"), t.TempDir()
	env := append(os.Environ(), "WINEPREFIX="+filepath.Join(dir, "prefix"), "WINEDEBUG=-all")
	t.Cleanup(func() {
		server := exec.Command("wineserver", "-k") // ends the programs of this prefix only
		server.Env = env
		_ = server.Run()
		server = exec.Command("wineserver", "-w")
		server.Env = env
		_ = server.Run()
	})

	real := open(t, corpus.Path(t, "msi/NUnit-2.5.2.9222.msi"))
	rewrite(t, real)
	long := newDatabase(t, 1252)
	for _, k := range []string{"x", "y", "z"} {
		_, err := long.Table("Everything").Insert(
			msi.String(k), msi.Int(9), msi.Null(), msi.Null(), msi.String(strings.Repeat("0123456789", 8000)), msi.Null())
		require.NoError(t, err)
	}
	for _, test := range []struct {
		db     *msi.Database
		tables []string
	}{
		{real, []string{"File", "Component", "Directory", "Property", "MsiFileHash", "_Validation"}},
		{long, []string{"Everything"}},
	} {
		out := t.TempDir()
		name := filepath.Join(out, "saved.msi")
		require.NoError(t, os.WriteFile(name, save(t, test.db), 0o666))
		args := append([]string{"msidb", "-d", name, "-f", out, "-e"}, test.tables...)
		cmd := exec.Command(wine, args...)
		cmd.Env = env
		message, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", message)
		for _, table := range test.tables {
			b, err := os.ReadFile(filepath.Join(out, table+".idt"))
			require.NoError(t, err)
			want := strings.ReplaceAll(exportIDT(t, test.db, table), "\tEverything.a.1\r", "\ta\r") // Wine names the stream by its first key
			require.Equal(t, want, string(b), table)
		}
	}
}
