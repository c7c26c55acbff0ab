package msi_test

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"fmt"
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
			for f := range m.Files() {
				in := "yes"
				if f.LeftOut() != nil {
					in = "no"
				}
				got = append(got, strings.Join([]string{
					strconv.Itoa(int(f.Sequence())), strings.Join(f.SourcePath(false), "/"), strconv.FormatInt(f.Size(), 10),
					f.Key(), strconv.Itoa(int(f.Attributes())), in,
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
	for f := range m.Files() {
		require.Nil(t, f.LeftOut())
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
		require.NotZero(t, m.FileCount())
		for f := range m.Files() {
			require.False(t, f.Compressed(), f.Key())
			b, err := os.ReadFile(filepath.Join(append([]string{dir}, f.SourcePath(false)...)...))
			require.NoError(t, err)
			require.EqualValues(t, f.Size(), len(b), f.Key())
			if sum, hashed := f.MD5(); hashed {
				require.Equal(t, sum, md5.Sum(b), f.Key())
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
	for f := range m.Files() {
		if f.LeftOut() != nil {
			out++
			require.NotNil(t, f.LeftOut().Feature)
			require.Zero(t, f.LeftOut().Feature.Level)
			require.Contains(t, f.LeftOut().Reason, f.LeftOut().Feature.Key)
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
	require.Equal(t, 2, m.FileCount())
	for f := range m.Files() {
		require.Equal(t, "#MergeModule.CABinet", f.Cabinet())
		require.True(t, f.Compressed())
		require.Nil(t, f.Media())
		require.Nil(t, f.LeftOut())
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
		"directory cycle":                    {directories: [][]any{{"A", "B", "a"}, {"B", "A", "b"}}},
		"feature cycle":                      {features: [][]any{{"A", "B", 1}, {"B", "A", 1}}},
		"negative size":                      {directories: [][]any{root}, components: [][]any{{"C", "TARGETDIR"}}, files: [][]any{{"f", "C", "f.txt", -1, 0, 1}}},
		"cycle that the root is not part of": {directories: [][]any{root, {"A", "B", "a"}, {"B", "C", "b"}, {"C", "A", "c"}}},
	} {
		_, err := s.database(t).Model()
		require.ErrorIs(t, err, msi.ErrFormat, name)
	}
}

// A reference to a row that does not exist costs that row, and the warning names
// it; the rest is there.
func TestDanglingReferences(t *testing.T) {
	db := small{
		directories: [][]any{{"TARGETDIR", "", "SourceDir"}},
		components:  [][]any{{"C", "TARGETDIR"}, {"D", "TARGETDIR"}},
		features:    [][]any{{"F", "", 1}, {"G", "Gone", 1}},
		links:       [][]any{{"F", "C"}, {"F", "NoComponent"}, {"NoFeature", "C"}, {"NoFeature", "D"}, {"G", "D"}},
		files:       [][]any{{"a", "C", "a.txt", 1, 0, 1}, {"b", "NoComponent", "b.txt", 1, 0, 2}, {"d", "D", "d.txt", 1, 0, 3}},
	}.database(t)
	addTable(t, db, "MsiFileHash", []msi.Column{column("File_", "s72", true), column("Options", "i2", false), column("HashPart1", "i4", false)},
		[]msi.Value{msi.String("a"), msi.Int(1), msi.Int(7)}, []msi.Value{msi.String("d"), msi.Int(0), msi.Int(7)})
	addTable(t, db, "AdminExecuteSequence", []msi.Column{column("Action", "s72", true), column("Sequence", "I2", false)},
		[]msi.Value{msi.String("CostInitialize"), msi.Int(800)})
	m := modelOf(t, db)
	require.ElementsMatch(t, []string{
		`table Feature, row G: feature "Gone" does not exist: the feature counts as one of the top`,
		`table FeatureComponents, row F/NoComponent: component "NoComponent" does not exist: the row is passed over`,
		`table FeatureComponents, row NoFeature/C: feature "NoFeature" does not exist: the row is passed over`,
		`table FeatureComponents, row NoFeature/D: feature "NoFeature" does not exist: the row is passed over`,
		`table File, row b: component "NoComponent" does not exist: the file is left out`,
		`table MsiFileHash, row a: Options 1 are not known: the hash is not checked`,
		`table AdminExecuteSequence lacks InstallAdminPackage: Windows Installer would not write the package itself into an administrative image`,
		`table AdminExecuteSequence lacks InstallFiles: Windows Installer would write no files into an administrative image`,
	}, m.Warnings)
	require.Equal(t, 2, m.FileCount())
	_, hashed := m.File(0).MD5()
	require.False(t, hashed)
	_, hashed = m.File(1).MD5()
	require.True(t, hashed)
	for f := range m.Files() {
		require.Nil(t, f.LeftOut(), f.Key())
	}
}

func addTable(t testing.TB, db *msi.Database, name string, columns []msi.Column, rows ...[]msi.Value) {
	t.Helper()
	table, err := db.AddTable(name, columns)
	require.NoError(t, err)
	for _, row := range rows {
		_, err := table.Insert(row...)
		require.NoError(t, err)
	}
}

// The warnings about a table of nothing but dangling rows stay few.
func TestManyDanglingReferences(t *testing.T) {
	s := small{directories: [][]any{{"TARGETDIR", "", "SourceDir"}}}
	for i := range 1000 {
		s.files = append(s.files, []any{fmt.Sprint("f", i), "None", "a.txt", 1, 0, i})
	}
	m := modelOf(t, s.database(t))
	require.Len(t, m.Warnings, 21)
	require.Equal(t, "table File: 980 more rows like these", m.Warnings[20])
}

// Names that no Windows can write are refused before every file below them gets
// a path.
func TestLongNames(t *testing.T) {
	long := strings.Repeat("x", 256)
	deep := [][]any{{"TARGETDIR", "", "SourceDir"}}
	for i := range 250 {
		parent := "TARGETDIR"
		if i > 0 {
			parent = fmt.Sprint("D", i-1)
		}
		deep = append(deep, []any{fmt.Sprint("D", i), parent, strings.Repeat("\u20ac", 255)})
	}
	for name, test := range map[string]struct {
		s  small
		ok bool
	}{
		"folder of 255":     {small{directories: [][]any{{"TARGETDIR", "", "SourceDir"}, {"D", "TARGETDIR", long[1:]}}}, true},
		"folder":            {small{directories: [][]any{{"TARGETDIR", "", "SourceDir"}, {"D", "TARGETDIR", "x|" + long}}}, false},
		"source folder":     {small{directories: [][]any{{"TARGETDIR", "", "SourceDir"}, {"D", "TARGETDIR", "x:" + long}}}, false},
		"missing folder":    {small{directories: [][]any{{"D", long, "x"}}}, false},
		"missing directory": {small{components: [][]any{{"C", long}}}, false},
		"file":              {small{components: [][]any{{"C", "D"}}, files: [][]any{{"f", "C", long, 1, 0, 1}}}, false},
		"deep":              {small{directories: deep[:201]}, false},
		"less deep":         {small{directories: deep[:100]}, true},
	} {
		_, err := test.s.database(t).Model()
		if test.ok {
			require.NoError(t, err, name)
		} else {
			require.ErrorIs(t, err, msi.ErrLimit, name)
		}
	}
}

// Which files of one component are left out is found out once, not for each of
// its files and features: that would take minutes.
func TestManyFeaturesOfOneComponent(t *testing.T) {
	const n = 30_000
	s := small{directories: [][]any{{"TARGETDIR", "", "SourceDir"}}, components: [][]any{{"C", "TARGETDIR"}}}
	for i := range n {
		s.features = append(s.features, []any{fmt.Sprint("F", i), "", 0})
		s.links = append(s.links, []any{fmt.Sprint("F", i), "C"})
		s.files = append(s.files, []any{fmt.Sprint("f", i), "C", "a.txt", 1, 0, i})
	}
	m := modelOf(t, s.database(t))
	require.Equal(t, n, m.FileCount())
	for f := range m.Files() {
		require.Equal(t, "feature F0 has Level 0", f.LeftOut().Reason)
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
	for f := range m.Files() {
		out := ""
		if f.LeftOut() != nil {
			out = f.LeftOut().Reason
		}
		require.Equal(t, want[f.Key()], facts{f.Name(false), out, f.Cabinet(), f.Compressed()}, f.Key())
	}
	require.Equal(t, "SHORT~1.TXT", m.File(0).Name(true))
	require.Nil(t, m.File(4).Media())
	stream, ok := m.File(2).Media().Embedded()
	require.True(t, ok)
	require.Equal(t, "two.cab", stream)
	_, ok = m.File(0).Media().Embedded()
	require.False(t, ok)
	require.Equal(t, "one.cab", m.File(0).Media().Cabinet)

	// In an image nothing is compressed, whatever the attributes say; with a
	// Word Count of 0 only the attributes count.
	for wordCount, compressed := range map[int32][]string{4: nil, 0: {"f2"}, 3: {"f1", "f2", "f4", "f5"}} {
		s.wordCount = wordCount
		var got []string
		for f := range modelOf(t, s.database(t)).Files() {
			if f.Compressed() {
				got = append(got, f.Key())
			}
		}
		require.Equal(t, compressed, got, "Word Count %d", wordCount)
	}
}
