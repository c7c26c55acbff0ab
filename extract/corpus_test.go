package extract

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

// readExpect reads a list of "sha256  path" lines.
func readExpect(t *testing.T, name string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	expect := map[string]string{}
	for line := range strings.Lines(string(data)) {
		sum, path, ok := strings.Cut(strings.TrimRight(line, "\r\n"), "  ")
		require.True(t, ok, "line %q", line)
		expect[path] = sum
	}
	return expect
}

// hashTree returns the SHA-256 of every file below a folder.
func hashTree(t *testing.T, dir string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	for name, content := range tree(t, dir) {
		sum := sha256.Sum256([]byte(content))
		sums[name] = hex.EncodeToString(sum[:])
	}
	return sums
}

// extractTo writes a package to a new folder and returns it.
func extractTo(t *testing.T, ref string, so source.Options, o Options, wo WriteOptions) (string, *Result, error) {
	t.Helper()
	p, err := source.Open(ref, so)
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Close()) }()
	plan, err := NewPlan(p, o)
	require.NoError(t, err)
	out := filepath.Join(t.TempDir(), "out")
	r, err := plan.Write(context.Background(), out, wo)
	return out, r, err
}

func TestImageOfWindowsInstaller(t *testing.T) {
	pkg := corpus.Path(t, "msi", "vc2008-x86", "package", "VC_RED.MSI")
	out, _, err := extractTo(t, pkg, source.Options{}, Options{}, WriteOptions{})
	require.NoError(t, err)
	require.Equal(t, readExpect(t, corpus.Path(t, "msi", "vc2008-x86", "image.expect")), hashTree(t, out))
}

func TestExpectedTrees(t *testing.T) {
	expects, err := filepath.Glob(filepath.Join(corpus.Dir(t), "msi", "*.msi.expect"))
	require.NoError(t, err)
	require.NotEmpty(t, expects)
	for _, expect := range expects {
		t.Run(filepath.Base(expect), func(t *testing.T) {
			pkg := strings.TrimSuffix(expect, ".expect")
			want := readExpect(t, expect)
			out, r, err := extractTo(t, pkg, source.Options{}, Options{}, WriteOptions{SHA256: true})
			require.NoError(t, err)
			got := hashTree(t, out)
			for _, f := range r.Files {
				require.Equal(t, got[f.Path], f.SHA256, f.Path)
			}
			require.Len(t, r.Files, len(got))
			require.Contains(t, got, filepath.Base(pkg))
			delete(got, filepath.Base(pkg))
			require.Equal(t, want, got)
		})
	}
}
