package extract

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msi/cab"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
	"github.com/hotfixkit/hotfixkit/testdata/testkit"
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

// extractTo writes a package to a new folder and returns it.
func extractTo(t *testing.T, ref string, so source.Options, o Options, wo WriteOptions) (string, *Result, error) {
	t.Helper()
	p, err := source.Open(t.Context(), ref, so)
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
	require.Equal(t, readExpect(t, corpus.Path(t, "msi", "vc2008-x86", "image.expect")), testkit.SumTree(t, out))
}

func TestExpectedTrees(t *testing.T) {
	expects, err := filepath.Glob(filepath.Join(corpus.Dir(t), "msi", "*.msi.expect"))
	require.NoError(t, err)
	require.NotEmpty(t, expects)
	// Names that end in a period.
	for _, name := range []string{"is-trailing-dot", "is-trailing-dot2"} {
		expects = append(expects, corpus.Path(t, "wide", "real", name+".expect"))
	}
	for _, expect := range expects {
		t.Run(filepath.Base(expect), func(t *testing.T) {
			pkg := strings.TrimSuffix(expect, ".expect")
			if info, err := os.Stat(pkg); err == nil && info.IsDir() {
				pkg = only(t, filepath.Join(pkg, "*.msi"))
			}
			want := readExpect(t, expect)
			out, r, err := extractTo(t, pkg, source.Options{}, Options{}, WriteOptions{SHA256: true})
			require.NoError(t, err)
			got := testkit.SumTree(t, out)
			for f := range r.Files.All() {
				require.Equal(t, got[f.Path], f.SHA256, f.Path)
			}
			require.Equal(t, len(got), r.Files.Len())
			require.Contains(t, got, filepath.Base(pkg))
			delete(got, filepath.Base(pkg))
			require.Equal(t, want, got)
		})
	}
}

// only returns the one file that a pattern matches.
func only(t *testing.T, pattern string) string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.Len(t, names, 1)
	return names[0]
}

// TestTruncatedPackage extracts what is whole of a package that lacks its end.
func TestTruncatedPackage(t *testing.T) {
	pkg := corpus.Path(t, "msi", "VBRuntime.msi")
	out, _, err := extractTo(t, pkg, source.Options{}, Options{}, WriteOptions{})
	require.Error(t, err)
	require.NoDirExists(t, out)
	var outputError *OutputError
	require.False(t, errors.As(err, &outputError))

	out, r, err := extractTo(t, pkg, source.Options{}, Options{}, WriteOptions{KeepGoing: true})
	require.ErrorIs(t, err, msi.ErrTruncated)
	var sourceError *source.Error
	require.ErrorAs(t, err, &sourceError)
	require.Equal(t, 9, r.Files.Len())
	require.Len(t, r.Lost, 1)
	require.Contains(t, sourceError.Place, r.Lost[0].Path)
	require.Len(t, testkit.ReadTree(t, out), 9)
	require.NoFileExists(t, filepath.Join(out, "VBRuntime.msi"), "the image is not complete")
	want := treeOf(t, "VBRuntime")
	for f := range r.Files.All() {
		require.Equal(t, want[f.Path], f.Size, f.Path)
	}
}

// TestEveryHash walks over all files of a package, those that its image leaves
// out too: Walk delivers a file only when its MsiFileHash row holds.
func TestEveryHash(t *testing.T) {
	p, err := source.Open(t.Context(), corpus.Path(t, "msi", "NUnit-2.5.2.9222.msi"), source.Options{AllFeatures: true})
	require.NoError(t, err)
	defer p.Close()
	hashes := 0
	for _, f := range p.Files() {
		if _, ok := f.MD5(); ok {
			hashes++
		}
	}
	require.Len(t, p.Files(), 296)
	require.Equal(t, 231, hashes)
	plan, err := NewPlan(p, Options{})
	require.NoError(t, err)
	r, err := plan.Write(context.Background(), filepath.Join(t.TempDir(), "out"), WriteOptions{})
	require.NoError(t, err)
	require.Equal(t, 296+1, r.Files.Len())
}

// treeOf reads a list of derived paths and sizes: those of an administrative
// image.
func treeOf(t *testing.T, name string) map[string]int64 {
	t.Helper()
	data, err := os.ReadFile(corpus.Path(t, "msi", "trees", name+".tsv"))
	require.NoError(t, err)
	files := map[string]int64{}
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(strings.TrimRight(line, "\r\n"), "\t")
		require.Len(t, fields, 6, "line %q", line)
		if fields[5] != "yes" {
			continue
		}
		size, err := strconv.ParseInt(fields[2], 10, 64)
		require.NoError(t, err)
		// The placeholder for a directory that the Directory table lacks: ours is
		// a folder of that name.
		file := strings.NewReplacer("<missing:", "", ">", "").Replace(fields[1])
		files[file] = size
	}
	return files
}

func TestDerivedTrees(t *testing.T) {
	lists, err := filepath.Glob(filepath.Join(corpus.Dir(t), "msi", "trees", "*.tsv"))
	require.NoError(t, err)
	require.NotEmpty(t, lists)
	for _, list := range lists {
		name := strings.TrimSuffix(filepath.Base(list), ".tsv")
		p, err := source.Open(t.Context(), corpus.Path(t, "msi", name+".msi"), source.Options{})
		require.NoError(t, err)
		plan, err := NewPlan(p, Options{})
		require.NoError(t, err)
		got := map[string]int64{}
		for _, f := range plan.Files {
			got[plan.Path(f)] = f.Size
		}
		require.Equal(t, treeOf(t, name), got, name)
		require.NoError(t, p.Close())
	}
}

// TestImagesAgain extracts images that Windows Installer made: the same files
// come out, and the database stays what it is.
func TestImagesAgain(t *testing.T) {
	images, err := filepath.Glob(filepath.Join(corpus.Dir(t), "msi", "images", "*"))
	require.NoError(t, err)
	require.Len(t, images, 2)
	for _, image := range images {
		pkg := filepath.Join(image, "vc_runtimeMinimum_x64.msi")
		out, r, err := extractTo(t, pkg, source.Options{}, Options{}, WriteOptions{})
		require.NoError(t, err)
		require.Empty(t, r.Warnings)
		want, got := testkit.SumTree(t, image), testkit.SumTree(t, out)
		delete(want, "vc_runtimeMinimum_x64.msi")
		delete(got, "vc_runtimeMinimum_x64.msi")
		require.Equal(t, want, got)
		sameDatabase(t, pkg, filepath.Join(out, "vc_runtimeMinimum_x64.msi"))

		// What Windows Installer wrote is what our stamp makes of the database
		// without its marks.
		db, err := msi.Open(pkg)
		require.NoError(t, err)
		bare := db.Clone()
		require.NoError(t, bare.RemoveStream("AdminProperties"))
		bare.Summary().SetInt(msi.PIDWordCount, msi.SourceCompressed)
		require.NoError(t, bare.SetStream("\x05DigitalSignature", []byte("of the package")))
		stamped, err := stamp(bare, false)
		require.NoError(t, err)
		require.ElementsMatch(t, db.Streams(), stamped.Streams())
		require.Equal(t, stream(t, db, "AdminProperties"), stream(t, stamped, "AdminProperties"))
		wordCount, _ := stamped.Summary().Int(msi.PIDWordCount)
		want4, _ := db.Summary().Int(msi.PIDWordCount)
		require.Equal(t, want4, wordCount)
		require.NoError(t, db.Close())
	}
}

// sameDatabase compares two databases by tables, streams and summary.
func sameDatabase(t *testing.T, a, b string) {
	t.Helper()
	dbA, err := msi.Open(a)
	require.NoError(t, err)
	defer dbA.Close()
	dbB, err := msi.Open(b)
	require.NoError(t, err)
	defer dbB.Close()
	diff, err := msi.Compare(dbA, dbB)
	require.NoError(t, err)
	require.True(t, diff.Empty(), "%+v", diff)
}

// TestOurImagesAgain extracts our own image of every corpus package: the same
// image comes out, and independent tools read its database.
func TestOurImagesAgain(t *testing.T) {
	msiinfo := corpus.Tool(t, "msiinfo")
	for _, name := range []string{"NUnit-2.5.2.9222.msi", "IviNetSharedComponents32_Fx20_1.3.0.msi", "wix5-wixstdba-lzx.msi", "psmsi-Example.msi",
		"pymsi-example.msi", "AppInstallerTestMsiInstaller.msi", "msi_with_external_cab.msi", "wix3-hello_world.msi"} {
		t.Run(name, func(t *testing.T) {
			pkg := corpus.Path(t, "msi", name)
			out, r, err := extractTo(t, pkg, source.Options{}, Options{}, WriteOptions{})
			require.NoError(t, err)
			require.NotZero(t, r.Files.Len())
			image := filepath.Join(out, name)
			again, _, err := extractTo(t, image, source.Options{}, Options{}, WriteOptions{})
			require.NoError(t, err)
			require.Equal(t, testkit.SumTree(t, out), testkit.SumTree(t, again))

			tables := func(file string) string {
				text, err := exec.Command(msiinfo, "tables", file).Output()
				require.NoError(t, err)
				return string(text)
			}
			require.Equal(t, tables(pkg), tables(image))
			for table := range strings.Lines(tables(image)) {
				table = strings.TrimSpace(table)
				if strings.HasPrefix(table, "_") && table != "_Validation" {
					continue
				}
				require.Equal(t, export(t, msiinfo, pkg, table), export(t, msiinfo, image, table), table)
			}
			require.NoError(t, exec.Command(corpus.Tool(t, "7zz"), "t", image).Run())
		})
	}
}

// export returns what msiinfo makes of a table. It leaves binary cells as files in
// the current folder.
func export(t *testing.T, msiinfo, file, table string) string {
	t.Helper()
	cmd := exec.Command(msiinfo, "export", file, table)
	cmd.Dir = t.TempDir()
	text, err := cmd.Output()
	require.NoError(t, err)
	return string(text)
}

// TestSpannedVolumes reads a set of two cabinets that another tool made.
func TestSpannedVolumes(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"vol1.cab", "vol2.cab"} {
		data, err := os.ReadFile(corpus.Path(t, "cab", "crafted", name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o666))
	}
	sevenZip := t.TempDir()
	require.NoError(t, exec.Command(corpus.Tool(t, "7zz"), "x", "-o"+sevenZip, filepath.Join(dir, "vol1.cab")).Run())
	want := testkit.SumTree(t, sevenZip)
	require.NotEmpty(t, want)
	for _, name := range []string{"vol1.cab", "vol2.cab"} {
		out, _, err := extractTo(t, filepath.Join(dir, name), source.Options{}, Options{}, WriteOptions{})
		require.NoError(t, err)
		require.Equal(t, want, testkit.SumTree(t, out))
	}
	require.NoError(t, os.Remove(filepath.Join(dir, "vol2.cab")))
	_, _, err := extractTo(t, filepath.Join(dir, "vol1.cab"), source.Options{}, Options{}, WriteOptions{})
	require.ErrorIs(t, err, cab.ErrVolume)
	require.ErrorContains(t, err, "vol2.cab")
}

func TestMissingParts(t *testing.T) {
	_, _, err := extractTo(t, corpus.Path(t, "msi", "wix3-missing-external-cab.msi"), source.Options{}, Options{}, WriteOptions{})
	var missing *source.MissingError
	require.ErrorAs(t, err, &missing)
	require.NotEmpty(t, missing.Cabinet)
	require.Len(t, missing.Files, 1)
	_, _, err = extractTo(t, corpus.Path(t, "msi", "wix3-simplemedia.msi"), source.Options{}, Options{}, WriteOptions{})
	require.ErrorIs(t, err, source.ErrMissing)
	require.ErrorContains(t, err, "PFiles/WixTestFolder/TextFile1.txt")
	require.ErrorContains(t, err, "PFiles/WixTestFolder/TextFile2.txt")
}

// TestMergeModule reads a module, whose files lie in a cabinet of its own.
func TestMergeModule(t *testing.T) {
	out, r, err := extractTo(t, corpus.Path(t, "msi", "wix5-MergeModule1.msm"), source.Options{}, Options{}, WriteOptions{})
	require.NoError(t, err)
	require.NotZero(t, r.Files.Len())
	require.Len(t, testkit.ReadTree(t, out), r.Files.Len())
	require.NotContains(t, testkit.ReadTree(t, out), "wix5-MergeModule1.msm")
}

// TestPatchedImage compares the database of a patched image with what another
// implementation made of the main transform alone.
func TestPatchedImage(t *testing.T) {
	base := corpus.Path(t, "msp", "synth", "base.msi")
	so := source.Options{Patches: []string{corpus.Path(t, "msp", "synth", "synth.msp")}}
	out, r, err := extractTo(t, base, so, Options{}, WriteOptions{})
	require.NoError(t, err)
	require.NotZero(t, r.Files.Len())
	image, err := msi.Open(filepath.Join(out, "base.msi"))
	require.NoError(t, err)
	defer image.Close()
	want, err := msi.Open(corpus.Path(t, "msp", "after-transform", "synth_main.msi"))
	require.NoError(t, err)
	defer want.Close()
	diff, err := msi.Compare(want, image)
	require.NoError(t, err)
	require.Empty(t, diff.Tables)
	require.Equal(t, "I\x00s\x00", stream(t, image, "AdminProperties")[:4])
	require.NotContains(t, image.Streams(), "PCW_CAB_Synth")

	// The image can be patched in place of the package, and extracted again.
	again, _, err := extractTo(t, filepath.Join(out, "base.msi"), source.Options{}, Options{}, WriteOptions{})
	require.NoError(t, err)
	require.Equal(t, testkit.SumTree(t, out), testkit.SumTree(t, again))
	bare, _, err := extractTo(t, base, source.Options{}, Options{}, WriteOptions{})
	require.NoError(t, err)
	patched, _, err := extractTo(t, filepath.Join(bare, "base.msi"), so, Options{}, WriteOptions{})
	require.NoError(t, err)
	require.Equal(t, testkit.SumTree(t, out), testkit.SumTree(t, patched))
}

// TestPatchAlone extracts a patch without the package it is for, and with it.
func TestPatchAlone(t *testing.T) {
	patch := corpus.Path(t, "msp", "synth", "synth.msp")
	out, _, err := extractTo(t, patch, source.Options{}, Options{}, WriteOptions{})
	require.NoError(t, err)
	require.Contains(t, testkit.ReadTree(t, out), "transforms/T1ToU1.mst")
	require.Contains(t, testkit.ReadTree(t, out), "patch.json")
	mst, err := msi.Open(filepath.Join(out, "transforms", "T1ToU1.mst"))
	require.NoError(t, err)
	require.Equal(t, msi.KindTransform, mst.Kind())
	require.NoError(t, mst.Close())
	out, _, err = extractTo(t, patch, source.Options{Base: corpus.Path(t, "msp", "synth", "base.msi")}, Options{}, WriteOptions{})
	require.NoError(t, err)
	require.Len(t, testkit.ReadTree(t, out), 3)
}
