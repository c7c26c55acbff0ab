package source

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/msp"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

// TestPatchedPackage applies a patch with a delta, a whole file and an added one.
func TestPatchedPackage(t *testing.T) {
	base, patch := corpus.Path(t, "msp", "synth", "base.msi"), corpus.Path(t, "msp", "synth", "synth.msp")
	read := func(name string) string {
		data, err := os.ReadFile(corpus.Path(t, "msp", "synth", name))
		require.NoError(t, err)
		return string(data)
	}
	p := open(t, base, Options{Patches: []string{patch}})
	require.Equal(t, MSI, p.Kind())
	require.NotNil(t, p.Plan())
	got, err := collect(p, WalkOptions{})
	require.NoError(t, err)
	byBase := map[string]string{}
	for name, content := range got.whole {
		byBase[filepath.Base(name)] = content
	}
	require.Equal(t, read("expected_data.bin"), byBase["data.bin"])
	require.Equal(t, read("expected_readme.txt"), byBase["readme.txt"])
	require.Equal(t, read("expected_new.txt"), byBase["new.txt"])
	for _, f := range p.Files() {
		require.Equal(t, int64(len(got.whole[f.Path()])), f.Size, f.Path())
		require.False(t, got.times[f.Path()].IsZero(), f.Path())
	}

	only := open(t, patch, Options{Base: base})
	require.Equal(t, MSP, only.Kind())
	require.Equal(t, "synth.msp", only.Name())
	finished, err := collect(only, WalkOptions{})
	require.NoError(t, err)
	require.Len(t, finished.whole, 3)
	for name, content := range finished.whole {
		require.Equal(t, got.whole[name], content, name)
	}

	alone := open(t, patch, Options{})
	require.NotNil(t, alone.Patch())
	members, err := collect(alone, WalkOptions{})
	require.NoError(t, err)
	require.Contains(t, members.whole, "patch.json")
	require.Equal(t, len(alone.Files()), len(members.whole))

	_, err = Open(t.Context(), base, Options{Patches: []string{base}})
	require.ErrorIs(t, err, ErrKind)
	_, err = Open(t.Context(), patch, Options{Patches: []string{patch}})
	require.ErrorIs(t, err, ErrKind)
	_, err = Open(t.Context(), base, Options{Base: base})
	require.ErrorIs(t, err, ErrKind)
	_, err = Open(t.Context(), base, Options{Patches: []string{corpus.Path(t, "msp", "psmsi-Example.msp")}})
	require.ErrorIs(t, err, msp.ErrTarget)
}

func TestPatchOfTwoFiles(t *testing.T) {
	dir := filepath.Join("msp", "wix3-msisandmsps")
	product := corpus.Path(t, dir, "RtmProduct", "product.msi")
	p := open(t, product, Options{Patches: []string{corpus.Path(t, dir, "GDR1", "gdr1.msp")}})
	got, err := collect(p, WalkOptions{})
	require.NoError(t, err)
	sizes := map[string]int{}
	for name, content := range got.whole {
		sizes[filepath.Base(name)] = len(content)
	}
	require.Equal(t, map[string]int{"product.wxs": 2051, "patch.wxs": 1025}, sizes)
}

// TestEveryPatch lists and reads every patch of the corpus on its own.
func TestEveryPatch(t *testing.T) {
	seen := 0
	err := filepath.WalkDir(filepath.Join(corpus.Dir(t), "msp"), func(name string, entry os.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".msp" {
			return err
		}
		seen++
		p := open(t, name, Options{})
		got, err := collect(p, WalkOptions{})
		require.NoError(t, err, name)
		require.Len(t, got.whole, len(p.Files()), name)
		for _, f := range p.Files() {
			t.Log(filepath.Base(name), f.Path(), f.Size)
		}
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, seen, 5)
}
