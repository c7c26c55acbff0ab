//go:build wine

package msp_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msp"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
	"github.com/hotfixkit/hotfixkit/testdata/testkit"
)

// wine runs a Windows program in a prefix of its own.
func wine(t *testing.T, prefix string, args ...string) {
	t.Helper()
	cmd := exec.Command(corpus.Tool(t, "wine"), args...)
	cmd.Env = append(os.Environ(), "WINEPREFIX="+prefix, "WINEDEBUG=-all", "WINEDLLOVERRIDES=mscoree,mshtml=", "DISPLAY=")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "wine %v: %s", args, out)
}

func windowsPath(name string) string { return "Z:" + strings.ReplaceAll(name, "/", `\`) }

// installed returns the contents of the files below the program and system
// folders, without those of fresh.
func installed(t *testing.T, prefix string, fresh map[string]bool) []string {
	t.Helper()
	var contents []string
	require.NoError(t, filepath.WalkDir(filepath.Join(prefix, "drive_c"), func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || fresh[name] || strings.Contains(name, "/windows/Installer/") || strings.HasSuffix(name, ".log") {
			return err
		}
		b, err := os.ReadFile(name)
		contents = append(contents, string(b))
		return err
	}))
	slices.Sort(contents)
	return contents
}

func filesOf(t *testing.T, prefix string) map[string]bool {
	names := map[string]bool{}
	require.NoError(t, filepath.WalkDir(filepath.Join(prefix, "drive_c"), func(name string, _ fs.DirEntry, err error) error {
		names[name] = true
		return err
	}))
	return names
}

// What Wine installs and patches, file by file, is what the plan says.
func TestWinePatches(t *testing.T) {
	whole, changed := secondFiles()
	dir := t.TempDir()
	save := func(name string, db *msi.Database) string {
		name = filepath.Join(dir, name)
		f, err := os.Create(name)
		require.NoError(t, err)
		require.NoError(t, db.Save(f))
		require.NoError(t, f.Close())
		return name
	}
	second := oldFiles()
	for _, m := range []files{whole, changed} {
		for k, v := range m {
			second[k] = v
		}
	}
	generated := save("product.msi", installable(t, product(t)))
	one := save("one.msp", patch{code: 1, to: "1.0.1", whole: whole, delta: changed}.database(t))
	two := save("two.msp", patch{code: 2, from: "1.0.1", to: "1.0.2", base: second, delta: files{
		"readme": append([]byte("third: "), whole["readme"]...), "data": append([]byte("third: "), changed["data"]...),
	}}.database(t))

	for _, tt := range []struct {
		name, base string
		patches    []string
	}{
		{"synthetic", corpus.Path(t, "msp", "synth", "base.msi"), []string{corpus.Path(t, "msp", "synth", "synth.msp")}},
		{"generated, on each other", generated, []string{one, two}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			prefix := filepath.Join(t.TempDir(), "prefix")
			require.NoError(t, os.Mkdir(prefix, 0o777))
			wine(t, prefix, "wineboot", "-i")
			fresh := filesOf(t, prefix)
			wine(t, prefix, "msiexec", "/i", windowsPath(tt.base), "/qn")
			var patches []*msp.Patch
			for _, name := range tt.patches {
				wine(t, prefix, "msiexec", "/p", windowsPath(name), "/qn")
				db, err := msi.Open(name)
				require.NoError(t, err)
				defer db.Close()
				p, err := msp.New(db)
				require.NoError(t, err)
				patches = append(patches, p)
			}
			base, err := msi.Open(tt.base)
			require.NoError(t, err)
			defer base.Close()
			plan, err := msp.Apply(t.Context(), base, patches...)
			require.NoError(t, err)
			var want []string
			for _, content := range extract(t, base, plan) {
				want = append(want, content)
			}
			slices.Sort(want)
			require.Equal(t, want, installed(t, prefix, fresh))
		})
	}
}

// installable adds what a package needs to be installed.
func installable(t *testing.T, db *msi.Database) *msi.Database {
	t.Helper()
	testkit.Insert(t, db, "Property", "ProductName", "Product")
	testkit.Insert(t, db, "Property", "Manufacturer", "hotfixkit")
	setCell(t, db, "Directory", "TARGETDIR", "DefaultDir", msi.String("SourceDir"))
	testkit.Insert(t, db, "Directory", "ProgramFilesFolder", "TARGETDIR", "PFiles")
	testkit.Insert(t, db, "Directory", "APP", "ProgramFilesFolder", "App")
	setCell(t, db, "Component", "C", "Directory_", msi.String("APP"))
	testkit.AddTable(t, db, "InstallExecuteSequence", "*Action:s72", "Condition:S255", "Sequence:I2")
	for action, sequence := range map[string]int{
		"CostInitialize": 800, "FileCost": 900, "CostFinalize": 1000, "InstallValidate": 1400, "InstallInitialize": 1500,
		"ProcessComponents": 1600, "UnpublishFeatures": 1800, "RemoveFiles": 3500, "InstallFiles": 4000, "PatchFiles": 4090,
		"RegisterProduct": 6100, "PublishFeatures": 6300, "PublishProduct": 6400, "InstallFinalize": 6600,
	} {
		testkit.Insert(t, db, "InstallExecuteSequence", action, nil, sequence)
	}
	return db
}
