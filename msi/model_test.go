package msi_test

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

func modelOf(t testing.TB, db *msi.Database) *msi.Model {
	t.Helper()
	m, err := db.Model()
	require.NoError(t, err)
	return m
}

// The trees were derived from the documented rules, independently of this
// package.
func TestModelEqualsTrees(t *testing.T) {
	trees, err := filepath.Glob(filepath.Join(corpus.Path(t, "msi/trees"), "*.tsv"))
	require.NoError(t, err)
	require.NotEmpty(t, trees)
	for _, tree := range trees {
		t.Run(filepath.Base(tree), func(t *testing.T) {
			name := strings.TrimSuffix(filepath.Base(tree), ".tsv")
			m := modelOf(t, open(t, corpus.Path(t, "msi", name+".msi")))
			var got []string
			for _, f := range m.Files {
				in := "yes"
				if f.LeftOut != nil {
					in = "no"
				}
				got = append(got, strings.Join([]string{
					strconv.Itoa(int(f.Sequence)), strings.Join(f.SourcePath(false), "/"), strconv.FormatInt(f.Size, 10),
					f.Key, strconv.Itoa(int(f.Attributes)), in,
				}, "\t"))
			}
			b, err := os.ReadFile(tree)
			require.NoError(t, err)
			text := strings.NewReplacer("<missing:", "", ">", "", " (feature level 0 or no feature)", "").Replace(string(b))
			var want []string
			for line := range strings.Lines(text) {
				if !strings.HasPrefix(line, "#") {
					want = append(want, strings.TrimSpace(line))
				}
			}
			slices.Sort(got)
			slices.Sort(want)
			require.Equal(t, want, got)
		})
	}
}

// image.expect lists what Windows Installer wrote.
func TestModelEqualsRealImage(t *testing.T) {
	m := modelOf(t, open(t, corpus.Path(t, "msi/vc2008-x86/package/VC_RED.MSI")))
	expect := expected(t, corpus.Path(t, "msi/vc2008-x86/image.expect"))
	var got []string
	for _, f := range m.Files {
		require.Nil(t, f.LeftOut)
		got = append(got, strings.Join(f.SourcePath(false), "/"))
	}
	slices.Sort(got)
	require.Equal(t, expect, got)
}

// In the images that Windows Installer made, every file lies where the model of
// the image's own database says, uncompressed and with the hash that it claims.
func TestImagesOfWindowsInstaller(t *testing.T) {
	for _, image := range []string{"vc2012-minimum-x64", "vc2013-minimum-x64"} {
		dir := corpus.Path(t, "msi/images", image)
		m := modelOf(t, open(t, filepath.Join(dir, "vc_runtimeMinimum_x64.msi")))
		require.NotEmpty(t, m.Files)
		for _, f := range m.Files {
			require.False(t, f.Compressed, f.Key)
			b, err := os.ReadFile(filepath.Join(append([]string{dir}, f.SourcePath(false)...)...))
			require.NoError(t, err)
			require.EqualValues(t, f.Size, len(b), f.Key)
			if f.MD5 != nil {
				require.Equal(t, *f.MD5, md5.Sum(b), f.Key)
			}
		}
	}
}

// expected lists the paths of an .expect file.
func expected(t testing.TB, name string) []string {
	t.Helper()
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	var paths []string
	for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
		if sum, path, ok := strings.Cut(s.Text(), " "); ok && len(sum) == hex.EncodedLen(32) {
			paths = append(paths, strings.TrimPrefix(strings.TrimLeft(path, " *"), "./"))
		}
	}
	require.NotEmpty(t, paths)
	slices.Sort(paths)
	return paths
}

func TestLevelZeroLeavesOut(t *testing.T) {
	m := modelOf(t, open(t, corpus.Path(t, "msi/NUnit-2.5.2.9222.msi")))
	out := 0
	for _, f := range m.Files {
		if f.LeftOut != nil {
			out++
			require.NotNil(t, f.LeftOut.Feature)
			require.Zero(t, f.LeftOut.Feature.Level)
			require.Contains(t, f.LeftOut.Reason, f.LeftOut.Feature.Key)
		}
	}
	require.Equal(t, 7, out)
}

func TestMissingDirectory(t *testing.T) {
	m := modelOf(t, open(t, corpus.Path(t, "msi/IviNetSharedComponents32_Fx20_1.3.0.msi")))
	require.Len(t, m.Warnings, 1)
	require.Contains(t, m.Warnings[0], "IVINETSTANDARDROOTDIR")
	d := m.Directories["IVINETSTANDARDROOTDIR"]
	require.True(t, d.Missing)
	require.Equal(t, []string{"IVINETSTANDARDROOTDIR"}, d.SourcePath(false))
}

func TestMissingRoot(t *testing.T) {
	m := modelOf(t, small{directories: [][]any{{"A", "TARGETDIR", "a"}, {"B", "Gone", "b"}}}.database(t))
	require.Equal(t, []string{"a"}, m.Directories["A"].SourcePath(false))
	require.Equal(t, []string{"Gone", "b"}, m.Directories["B"].SourcePath(false))
	require.Len(t, m.Warnings, 2)
}

func TestMergeModuleCabinet(t *testing.T) {
	m := modelOf(t, open(t, corpus.Path(t, "msi/wix5-MergeModule1.msm")))
	require.Len(t, m.Files, 2)
	for _, f := range m.Files {
		require.Equal(t, "#MergeModule.CABinet", f.Cabinet)
		require.True(t, f.Compressed)
		require.Nil(t, f.Media)
		require.Nil(t, f.LeftOut)
	}
}

// small describes a package in a few rows.
type small struct {
	directories, components, features, links, media, files [][]any
	wordCount                                              int32
}

func (s small) database(t testing.TB) *msi.Database {
	t.Helper()
	db, err := msi.New(msi.KindDatabase, 1252)
	require.NoError(t, err)
	for _, table := range []struct {
		name    string
		columns []msi.Column
		rows    [][]any
	}{
		{"Directory", []msi.Column{column("Directory", "s72", true), column("Directory_Parent", "S72", false), column("DefaultDir", "l255", false)}, s.directories},
		{"Component", []msi.Column{column("Component", "s72", true), column("Directory_", "s72", false)}, s.components},
		{"Feature", []msi.Column{column("Feature", "s38", true), column("Feature_Parent", "S38", false), column("Level", "i2", false)}, s.features},
		{"FeatureComponents", []msi.Column{column("Feature_", "s38", true), column("Component_", "s72", true)}, s.links},
		{"Media", []msi.Column{column("DiskId", "i2", true), column("LastSequence", "i4", false), column("Cabinet", "S255", false)}, s.media},
		{"File", []msi.Column{column("File", "s72", true), column("Component_", "s72", false), column("FileName", "l255", false),
			column("FileSize", "i4", false), column("Attributes", "I2", false), column("Sequence", "i4", false)}, s.files},
	} {
		if table.rows == nil {
			continue
		}
		added, err := db.AddTable(table.name, table.columns)
		require.NoError(t, err)
		for _, row := range table.rows {
			values := make([]msi.Value, len(row))
			for i, v := range row {
				switch v := v.(type) {
				case string:
					values[i] = msi.String(v)
				case int:
					values[i] = msi.Int(int32(v))
				}
			}
			_, err := added.Insert(values...)
			require.NoError(t, err)
		}
	}
	db.Summary().SetInt(msi.PIDWordCount, s.wordCount)
	return db
}

func TestDirectoryPaths(t *testing.T) {
	m := modelOf(t, small{directories: [][]any{
		{"TARGETDIR", "", "SourceDir"},
		{"Own", "Own", "x"},
		{"Files", "TARGETDIR", "PFiles"},
		{"Dot", "Files", ".:PROGRA~1|program files"},
		{"App", "Dot", "App|Application:src|Source Folder"},
		{"Same", "App", "."},
		{"Leaf", "Same", "LEAF~1|Leaf Folder"},
	}}.database(t))
	for key, want := range map[string][4]string{
		"TARGETDIR": {"", "", "", ""},
		"Own":       {"", "", "", ""},
		"Files":     {"PFiles", "PFiles", "PFiles", "PFiles"},
		"Dot":       {"PFiles/program files", "PFiles/PROGRA~1", "PFiles", "PFiles"},
		"App":       {"PFiles/program files/Source Folder", "PFiles/PROGRA~1/src", "PFiles/Application", "PFiles/App"},
		"Leaf": {"PFiles/program files/Source Folder/Leaf Folder", "PFiles/PROGRA~1/src/LEAF~1",
			"PFiles/Application/Leaf Folder", "PFiles/App/LEAF~1"},
	} {
		d := m.Directories[key]
		got := [4]string{}
		for i, path := range [][]string{d.SourcePath(false), d.SourcePath(true), d.TargetPath(false), d.TargetPath(true)} {
			got[i] = strings.Join(path, "/")
		}
		require.Equal(t, want, got, key)
	}
}

func TestModelRefuses(t *testing.T) {
	root := []any{"TARGETDIR", "", "SourceDir"}
	for name, s := range map[string]small{
		"directory cycle":       {directories: [][]any{{"A", "B", "a"}, {"B", "A", "b"}}},
		"feature cycle":         {features: [][]any{{"A", "B", 1}, {"B", "A", 1}}},
		"parent feature":        {features: [][]any{{"A", "B", 1}}},
		"unknown feature":       {directories: [][]any{root}, components: [][]any{{"C", "TARGETDIR"}}, links: [][]any{{"F", "C"}}},
		"unknown component":     {features: [][]any{{"F", "", 1}}, links: [][]any{{"F", "C"}}},
		"component of a file":   {files: [][]any{{"f", "C", "f.txt", 1, 0, 1}}},
		"negative size":         {directories: [][]any{root}, components: [][]any{{"C", "TARGETDIR"}}, files: [][]any{{"f", "C", "f.txt", -1, 0, 1}}},
		"cycle beside the root": {directories: [][]any{root, {"A", "B", "a"}, {"B", "C", "b"}, {"C", "A", "c"}}},
	} {
		_, err := s.database(t).Model()
		require.ErrorIs(t, err, msi.ErrFormat, name)
	}
}

func TestFeaturesAndMedia(t *testing.T) {
	s := small{
		directories: [][]any{{"TARGETDIR", "", "SourceDir"}},
		components:  [][]any{{"On", "TARGETDIR"}, {"Off", "TARGETDIR"}, {"Child", "TARGETDIR"}, {"Both", "TARGETDIR"}, {"None", "TARGETDIR"}},
		features:    [][]any{{"Yes", "", 1}, {"No", "", 0}, {"Below", "No", 1}},
		links:       [][]any{{"Yes", "On"}, {"No", "Off"}, {"Below", "Child"}, {"Yes", "Both"}, {"No", "Both"}},
		media:       [][]any{{2, 20, "#two.cab"}, {1, 10, "one.cab"}, {3, 30, nil}},
		files: [][]any{
			{"f1", "On", "SHORT~1.TXT|long name.txt", 1, 0, 1},
			{"f2", "Off", "f2", 1, 0x4000, 10},
			{"f3", "Child", "f3", 1, 0x2000, 11},
			{"f4", "Both", "f4", 1, 0, 21},
			{"f5", "None", "f5", 1, 0, 31},
		},
		wordCount: 2,
	}
	m := modelOf(t, s.database(t))
	type facts struct {
		name, out, cabinet string
		compressed         bool
	}
	want := map[string]facts{
		"f1": {"long name.txt", "", "one.cab", true},
		"f2": {"f2", "feature No has Level 0", "one.cab", true},
		"f3": {"f3", "feature No has Level 0", "#two.cab", false},
		"f4": {"f4", "", "", true},
		"f5": {"f5", "no feature names component None", "", true},
	}
	for _, f := range m.Files {
		out := ""
		if f.LeftOut != nil {
			out = f.LeftOut.Reason
		}
		require.Equal(t, want[f.Key], facts{f.LongName, out, f.Cabinet, f.Compressed}, f.Key)
	}
	require.Equal(t, "SHORT~1.TXT", m.Files[0].Name(true))
	require.Nil(t, m.Files[4].Media)
	stream, ok := m.Files[2].Media.Embedded()
	require.True(t, ok)
	require.Equal(t, "two.cab", stream)
	file, ok := m.Files[0].Media.External()
	require.True(t, ok)
	require.Equal(t, "one.cab", file)
	_, ok = m.Files[3].Media.External()
	require.False(t, ok)

	// In an image nothing is compressed, whatever the attributes say; with a
	// Word Count of 0 only the attributes count.
	for wordCount, compressed := range map[int32][]string{4: nil, 0: {"f2"}, 3: {"f1", "f2", "f4", "f5"}} {
		s.wordCount = wordCount
		var got []string
		for _, f := range modelOf(t, s.database(t)).Files {
			if f.Compressed {
				got = append(got, f.Key)
			}
		}
		require.Equal(t, compressed, got, "Word Count %d", wordCount)
	}
}
