package main

import (
	"bytes"
	"context"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
	"github.com/hotfixkit/hotfixkit/testdata/testkit"
)

// command runs one command line and returns its exit code and output.
func command(args ...string) (code int, stdout, stderr string) {
	var out, messages bytes.Buffer
	code = run(context.Background(), args, &out, &messages)
	return code, out.String(), messages.String()
}

// patchedImage extracts a package with patches and returns the folder.
func patchedImage(t *testing.T, base string, patches ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "image")
	args := []string{"extract", corpus.Path(t, "msp", base), "-o", dir}
	for _, patch := range patches {
		args = append(args, "--patch", corpus.Path(t, "msp", patch))
	}
	code, _, messages := command(args...)
	require.Zero(t, code, messages)
	return dir
}

// contents returns the files below a folder by path, without databases.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := testkit.ReadTree(t, dir)
	maps.DeleteFunc(files, func(name, _ string) bool { return filepath.Ext(name) == ".msi" })
	return files
}

func TestSyntheticPatchByteForByte(t *testing.T) {
	want := map[string]string{}
	for name, file := range map[string]string{"data.bin": "expected_data.bin", "readme.txt": "expected_readme.txt", "new.txt": "expected_new.txt"} {
		content, err := os.ReadFile(corpus.Path(t, "msp", "synth", file))
		require.NoError(t, err)
		want["PFiles/SynthApp/"+name] = string(content)
	}
	require.Equal(t, want, contents(t, patchedImage(t, "synth/base.msi", "synth/synth.msp")))

	dir := filepath.Join(t.TempDir(), "finished")
	code, _, messages := command("extract", corpus.Path(t, "msp", "synth", "synth.msp"), "--base", corpus.Path(t, "msp", "synth", "base.msi"), "-o", dir)
	require.Zero(t, code, messages)
	require.Equal(t, want, contents(t, dir))
}

func TestSequencesOfPatches(t *testing.T) {
	const wix, app = "wix3-msisandmsps/", "Program Files/Dual Branch Servicing - Single MSP/"
	rtm, rtmldr := wix+"RtmProduct/product.msi", wix+"Baseliner/rtmldr.msp"
	gdr1, ldr2, ldr3 := wix+"GDR1/gdr1.msp", wix+"LDR2/ldr2.msp", wix+"LDR3/ldr3.msp"
	for _, tt := range []struct {
		name    string
		patches []string
		sizes   map[string]int
	}{
		{"one", []string{gdr1}, map[string]int{app + "product.wxs": 2051, app + "patch.wxs": 1025}},
		{"the other target of the same patch", []string{rtmldr, gdr1}, map[string]int{app + "product.wxs": 2059, app + "patch.wxs": 1025}},
		{"the second of a family", []string{rtmldr, ldr2}, map[string]int{app + "product.wxs": 1460, app + "patch.wxs": 775}},
		{"named before what it needs", []string{ldr3, rtmldr}, map[string]int{app + "product.wxs": 1460, app + "patch.wxs": 789}},
		{"a family in any order", []string{ldr3, ldr2, rtmldr}, map[string]int{app + "product.wxs": 1460, app + "patch.wxs": 789}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sizes := map[string]int{}
			for name, content := range contents(t, patchedImage(t, rtm, tt.patches...)) {
				sizes[name] = len(content)
			}
			require.Equal(t, tt.sizes, sizes)
		})
	}
	code, _, messages := command("extract", corpus.Path(t, "msp", rtm), "--patch", corpus.Path(t, "msp", ldr2), "-o", filepath.Join(t.TempDir(), "none"))
	require.Equal(t, exitInput, code)
	require.Contains(t, messages, "1.0.0.0; it is for {FB94421B-7FA3-4495-A9D7-212099C19147} 1.0.1.0")
}

// The database of a patched image is what another implementation made of the main
// transform, and msiinfo reads it.
func TestPatchedDatabase(t *testing.T) {
	msiinfo := corpus.Tool(t, "msiinfo")
	for _, tt := range []struct{ base, patch, want string }{
		{"synth/base.msi", "synth/synth.msp", "synth_main.msi"},
		{"wix3-msisandmsps/RtmProduct/product.msi", "wix3-msisandmsps/GDR1/gdr1.msp", "gdr1_rtm2_main.msi"},
		{"psmsi-Example.msi", "psmsi-Example.msp", ""},
	} {
		image := filepath.Join(patchedImage(t, tt.base, tt.patch), filepath.Base(tt.base))
		if tt.want != "" {
			diff := databaseDiff(t, corpus.Path(t, "msp", "after-transform", tt.want), image)
			require.Empty(t, diff.Tables, tt.base)
		}
		tables, err := exec.Command(msiinfo, "tables", image).Output()
		require.NoError(t, err)
		for _, table := range strings.Fields(string(tables)) {
			if strings.HasPrefix(table, "_") && table != "_Validation" {
				continue
			}
			cmd := exec.Command(msiinfo, "export", image, table)
			cmd.Dir = t.TempDir() // for binary cells
			theirs, err := cmd.Output()
			require.NoError(t, err, table)
			code, ours, messages := command("tables", "--format", "idt", image, table)
			require.Zero(t, code, messages)
			require.Equal(t, string(theirs), ours, "%s: %s", image, table)
		}
	}
}

func databaseDiff(t *testing.T, a, b string) *msi.Diff {
	t.Helper()
	before, err := msi.Open(a)
	require.NoError(t, err)
	defer before.Close()
	after, err := msi.Open(b)
	require.NoError(t, err)
	defer after.Close()
	diff, err := msi.Compare(before, after)
	require.NoError(t, err)
	return diff
}

// Every patch can be listed and taken apart without what it is for, and its
// transforms are transforms.
func TestPatchesAlone(t *testing.T) {
	var patches []string
	require.NoError(t, filepath.WalkDir(filepath.Join(corpus.Dir(t), "msp"), func(name string, entry fs.DirEntry, err error) error {
		if filepath.Ext(name) == ".msp" {
			patches = append(patches, name)
		}
		return err
	}))
	require.Greater(t, len(patches), 8)
	for _, patch := range patches {
		code, listed, messages := command("list", patch)
		require.Zero(t, code, messages)
		require.Contains(t, listed, "CONTENT")
		dir := filepath.Join(t.TempDir(), "parts")
		code, _, messages = command("extract", patch, "-o", dir)
		require.Zero(t, code, messages)
		require.FileExists(t, filepath.Join(dir, "patch.json"))
		transforms, err := filepath.Glob(filepath.Join(dir, "transforms", "*.mst"))
		require.NoError(t, err)
		require.NotEmpty(t, transforms)
		for _, mst := range transforms {
			code, _, messages = command("tables", mst)
			require.Zero(t, code, messages)
		}
	}
}
