package kbarticle_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/manifest/kbarticle"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew; read them against the articles before committing")

func importFile(t *testing.T, path string) []*manifest.Manifest {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	manifests, err := kbarticle.Import(t.Context(), f, filepath.Base(path), kbarticle.Options{})
	require.NoError(t, err)
	return manifests
}

// golden compares what an article gives with the facts that were read against it
// by eye.
func golden(t *testing.T, dir, name string, manifests []*manifest.Manifest) {
	t.Helper()
	var got bytes.Buffer
	require.NoError(t, manifest.Write(&got, manifests...))
	_, err := manifest.Read(bytes.NewReader(got.Bytes()))
	require.NoError(t, err, "the result is not a valid manifest")
	path := filepath.Join("testdata", dir, name+".json")
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, got.Bytes(), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got.String())
}

// TestCorpus imports every article of the corpus and compares it with its golden
// file; an article without one, and one without an article, fail.
func TestCorpus(t *testing.T) {
	dir := corpus.Path(t, "kb")
	want := make(map[string]bool)
	files, err := filepath.Glob("testdata/golden/*.json")
	require.NoError(t, err)
	for _, f := range files {
		want[strings.TrimSuffix(filepath.Base(f), ".json")] = true
	}
	for _, sub := range []string{"odd", "en", "parallel"} {
		entries, err := os.ReadDir(filepath.Join(dir, sub))
		require.NoError(t, err)
		for _, e := range entries {
			if e.Name() == "csv-header-variants.txt" {
				continue // see TestHeadingsAlone
			}
			delete(want, e.Name())
			t.Run(e.Name(), func(t *testing.T) {
				golden(t, "golden", e.Name(), importFile(t, filepath.Join(dir, sub, e.Name())))
			})
		}
	}
	require.Empty(t, want, "golden files without an article")
}

// TestHeadingsAlone reads notes on headings, with no file below any of them;
// TestCSVHeaderVariants has files.
func TestHeadingsAlone(t *testing.T) {
	f, err := os.Open(corpus.Path(t, "kb", "en", "csv-header-variants.txt"))
	require.NoError(t, err)
	defer f.Close()
	_, err = kbarticle.Import(t.Context(), f, filepath.Base(f.Name()), kbarticle.Options{})
	require.ErrorIs(t, err, kbarticle.ErrNoTable)
}

// TestBuiltin proves that the built-in manifests are what the published page
// says.
func TestBuiltin(t *testing.T) {
	manifests := importFile(t, corpus.Path(t, "kb", "ja-kb977203-support-page.txt"))
	require.Len(t, manifests, 2)
	for _, m := range manifests {
		require.Len(t, m.Files, 13)
	}
	require.Equal(t, manifest.Builtin(), manifests)
}

// TestParallel reads one bulletin in seven languages: names, versions and sizes
// are equal row by row. The Japanese one describes another build of equal files,
// in another folder and with local times.
func TestParallel(t *testing.T) {
	type fact struct {
		name, version string
		size          int64
	}
	facts := func(lang string) (out [][]fact) {
		for _, m := range importFile(t, corpus.Path(t, "kb", "parallel", "ms07-032."+lang+".md")) {
			require.Empty(t, m.Warnings, lang)
			var rows []fact
			for _, f := range m.Files {
				require.NotNil(t, f.Size, "%s: %s", lang, f.Name)
				require.Equal(t, "2007-04-17", f.Date, "%s: %s", lang, f.Name)
				rows = append(rows, fact{f.Name, f.Version, *f.Size})
			}
			out = append(out, rows)
		}
		return out
	}
	want := facts("de")
	require.Len(t, want, 2)
	require.Len(t, want[0], 8)
	require.Len(t, want[1], 12)
	for _, lang := range []string{"es", "ja", "ko", "pt", "ru", "zh"} {
		require.Equal(t, want, facts(lang), lang)
	}
}
