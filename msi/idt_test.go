package msi_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

// packages lists the installer databases of the corpus.
func packages(t testing.TB, extensions ...string) []string {
	t.Helper()
	var names []string
	dir := corpus.Dir(t)
	for _, sub := range []string{"msi", "msp"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(dir, sub), func(name string, d fs.DirEntry, err error) error {
			for _, ext := range extensions {
				if strings.EqualFold(filepath.Ext(name), ext) {
					names = append(names, name)
				}
			}
			return err
		}))
	}
	require.NotEmpty(t, names)
	return names
}

func open(t testing.TB, name string) *msi.Database {
	t.Helper()
	db, err := msi.Open(name)
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}

func exportIDT(t testing.TB, db *msi.Database, table string) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, db.ExportIDT(&b, table))
	return b.String()
}

// msiinfo runs msiinfo in a folder of its own: its export writes streams there.
func msiinfo(t testing.TB, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(corpus.Tool(t, "msiinfo"), args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC")
	out, err := cmd.Output()
	return string(out), err
}

// asMsiinfo undoes what our text archives do better than those of msiinfo: it
// writes control characters inside cells as they are, and a NUL behind the code
// page.
var asMsiinfo = strings.NewReplacer(
	"\x15", "\x00", "\x1B", "\b", "\x10", "\t", "\x19", "\n", "\x18", "\f", "\x11", "\r",
	"\t_ForceCodepage\r\n", "\t_ForceCodepage\r\n\x00")

func TestIDTEqualsMsiinfo(t *testing.T) {
	for _, name := range packages(t, ".msi", ".msm", ".msp", ".mst") {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			db := open(t, name)
			tables := append(db.Tables(), "_SummaryInformation", "_ForceCodepage")
			if db.Kind() != msi.KindTransform {
				tables = append(tables, "_Tables", "_Columns")
			}
			for _, table := range tables {
				// msiinfo does not export a table without columns, which the
				// other implementation left behind here.
				if table == "AppId" && filepath.Base(name) == "example_mst.msi" {
					require.Empty(t, db.Table(table).Columns())
					continue
				}
				want, err := msiinfo(t, "export", name, table)
				require.NoError(t, err, "table %s", table)
				require.Equal(t, want, asMsiinfo.Replace(exportIDT(t, db, table)), "table %s", table)
			}
		})
	}
}

// The golden files are what msiinfo exported.
func TestIDTEqualsGolden(t *testing.T) {
	db := open(t, "testdata/example.msi")
	for _, table := range []string{"File", "Directory", "_SummaryInformation"} {
		want, err := os.ReadFile("testdata/example." + table + ".idt")
		require.NoError(t, err)
		require.Equal(t, string(want), exportIDT(t, db, table), table)
	}
}

func TestIDTReplacesSeparators(t *testing.T) {
	db, err := msi.New(msi.KindDatabase, 1252)
	require.NoError(t, err)
	table, err := db.AddTable("T", []msi.Column{column("K", "s72", true), column("V", "L0", false)})
	require.NoError(t, err)
	_, err = table.Insert(msi.String("a"), msi.String("one\ttwo\r\nthree"))
	require.NoError(t, err)
	require.Equal(t, "K\tV\r\ns72\tL0\r\nT\tK\r\na\tone\x10two\x11\x19three\r\n", exportIDT(t, db, "T"))
	require.ErrorIs(t, db.ExportIDT(&bytes.Buffer{}, "U"), msi.ErrNotFound)
}
