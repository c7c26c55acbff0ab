package source

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/extract/safepath"
	"github.com/hotfixkit/hotfixkit/testdata/testkit"
)

// uncompressed builds a package in dir whose only file, of the size that the File
// table has for content, is read next to the package as folder/name.
func uncompressed(t *testing.T, dir, folder, name, content string) string {
	t.Helper()
	return testkit.Write(t, dir, "a.msi", testkit.Package{
		WordCount:   -1,
		Media:       []testkit.Media{{Files: 1}},
		Directories: [][3]string{{"TARGETDIR", "", "SourceDir"}, {"INSTALLDIR", "TARGETDIR", folder}},
		Files:       []testkit.File{{Key: "f", Name: name, Content: content, Hash: true}},
	})
}

func put(t *testing.T, name, content string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o777))
	require.NoError(t, os.WriteFile(name, []byte(content), 0o666))
}

// link makes a symbolic link, or skips the test where the system has none.
func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Skip(err)
	}
}

// TestLinksOutOfTheFolderAreNotFollowed has packages name files that only a link
// next to them leads to.
func TestLinksOutOfTheFolderAreNotFollowed(t *testing.T) {
	const secret = "secret of somebody else"
	for _, c := range []struct {
		title string
		link  func(t *testing.T, dir, outside string)
		taken bool
	}{
		{"a link to a folder outside", func(t *testing.T, dir, outside string) {
			link(t, outside, filepath.Join(dir, "App"))
		}, false},
		{"a relative link to a folder outside", func(t *testing.T, dir, outside string) {
			rel, err := filepath.Rel(dir, outside)
			require.NoError(t, err)
			link(t, rel, filepath.Join(dir, "App"))
		}, false},
		{"a link to a file outside", func(t *testing.T, dir, outside string) {
			require.NoError(t, os.Mkdir(filepath.Join(dir, "App"), 0o777))
			link(t, filepath.Join(outside, "f.txt"), filepath.Join(dir, "App", "f.txt"))
		}, false},
		{"a link in another case", func(t *testing.T, dir, outside string) {
			link(t, outside, filepath.Join(dir, "APP"))
		}, false},
		{"a link to a folder next to the package", func(t *testing.T, dir, _ string) {
			put(t, filepath.Join(dir, "real", "f.txt"), secret)
			link(t, "real", filepath.Join(dir, "App"))
		}, true},
	} {
		t.Run(c.title, func(t *testing.T) {
			dir, outside := t.TempDir(), t.TempDir()
			put(t, filepath.Join(outside, "f.txt"), secret)
			name := uncompressed(t, dir, "App", "f.txt", secret)
			c.link(t, dir, outside)
			for _, keepGoing := range []bool{false, true} {
				p := open(t, name, Options{})
				got, err := collect(p, WalkOptions{KeepGoing: keepGoing})
				if c.taken {
					require.NoError(t, err)
					require.Equal(t, map[string]string{"App/f.txt": secret}, got.whole)
					require.Equal(t, []string{"App/f.txt"}, p.Neighbours())
					continue
				}
				require.Error(t, err)
				require.ErrorContains(t, err, "f.txt")
				require.Empty(t, got.whole)
				require.Empty(t, p.Neighbours())
			}
			// Whoever names the folder outside as the media wants its files.
			if !c.taken {
				got, err := collect(open(t, uncompressed(t, t.TempDir(), ".", "f.txt", secret), Options{Media: outside}), WalkOptions{})
				require.NoError(t, err)
				require.Equal(t, map[string]string{"f.txt": secret}, got.whole)
			}
		})
	}
}

// TestHiddenNamesAreNotTaken has packages name files whose paths have a name that
// begins with a period.
func TestHiddenNamesAreNotTaken(t *testing.T) {
	const secret = "BEGIN OPENSSH PRIVATE KEY"
	for _, c := range []struct{ folder, name string }{
		{".ssh", "id_rsa"},
		{".", ".netrc"},
		{"App", ".netrc"},
	} {
		t.Run(c.folder+" "+c.name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, filepath.Join(dir, c.folder, c.name), secret)
			name := uncompressed(t, dir, c.folder, c.name, secret)
			at := strings.TrimPrefix(c.folder+"/"+c.name, "./")
			p := open(t, name, Options{})
			got, err := collect(p, WalkOptions{})
			require.ErrorIs(t, err, safepath.ErrUnsafe)
			require.ErrorContains(t, err, at)
			require.Empty(t, got.whole)
			got, err = collect(p, WalkOptions{KeepGoing: true})
			require.ErrorIs(t, err, safepath.ErrUnsafe)
			require.Empty(t, got.whole)
			require.Empty(t, p.Neighbours())
		})
	}
	t.Run("on the media", func(t *testing.T) {
		media := t.TempDir()
		put(t, filepath.Join(media, ".ssh", "id_rsa"), secret)
		for _, c := range []struct{ folder, media, want string }{
			{".", filepath.Join(media, ".ssh"), "id_rsa"},
			{".ssh", media, ".ssh/id_rsa"},
		} {
			dir := t.TempDir()
			name := uncompressed(t, dir, c.folder, "id_rsa", secret)
			put(t, filepath.Join(dir, ".ssh", "id_rsa"), "of somebody else")
			p := open(t, name, Options{Media: c.media})
			got, err := collect(p, WalkOptions{})
			require.NoError(t, err)
			require.Equal(t, map[string]string{c.want: secret}, got.whole)
			require.Equal(t, []string{c.want}, p.Neighbours())
		}
	})
}

// TestChangedLineEnds has sources next to the package that lost their CRs, as a
// checkout on another system leaves them.
func TestChangedLineEnds(t *testing.T) {
	const original = "one\r\ntwo\r\n\r\nthree"
	for _, c := range []struct {
		title, source, says string
	}{
		{"every CR lost", strings.ReplaceAll(original, "\r\n", "\n"), "the line ends of App/f.txt next to the package were changed: with CR LF restored it is the file of the package"},
		{"one CR lost", strings.Replace(original, "\r\n", "\n", 1), "the line ends of App/f.txt next to the package were changed: with CR LF restored it is the file of the package"},
		{"other text with LF", "one\ntwo\n\nTHREE", "App/f.txt next to the package is not the file that the package describes"},
		{"other text of the same size", strings.ToUpper(original), "App/f.txt next to the package is not the file that the package describes"},
	} {
		t.Run(c.title, func(t *testing.T) {
			dir := t.TempDir()
			name := uncompressed(t, dir, "App", "f.txt", original)
			put(t, filepath.Join(dir, "App", "f.txt"), c.source)
			for _, keepGoing := range []bool{false, true} {
				got, err := collect(open(t, name, Options{}), WalkOptions{KeepGoing: keepGoing})
				require.ErrorIs(t, err, ErrMismatch)
				require.ErrorContains(t, err, c.says)
				require.Empty(t, got.whole)
			}
		})
	}
}

// TestFilesThatTheBuildLost has rows of the File table with size 0 whose files are in
// no cabinet.
func TestFilesThatTheBuildLost(t *testing.T) {
	p := open(t, testkit.Write(t, t.TempDir(), "a.msi", testkit.Package{Files: []testkit.File{
		{Key: "good", Content: "1"}, {Key: "gone1", Lost: true}, {Key: "gone2", Lost: true}, {Key: "empty", Content: ""},
		{Key: "sized", Content: "not empty", Lost: true},
	}}), Options{})
	const cause = `the File table gives 0 bytes and cabinet "#data.cab" has no member "gone1": the package was built without the file`
	_, err := collect(p, WalkOptions{})
	require.ErrorIs(t, err, ErrMissing)
	require.ErrorContains(t, err, "App/gone1: ")
	require.ErrorContains(t, err, cause)
	require.ErrorContains(t, err, "App/gone2: ")
	got, err := collect(p, WalkOptions{KeepGoing: true})
	require.ErrorIs(t, err, ErrMissing)
	require.Equal(t, map[string]string{"App/good": "1", "App/empty": ""}, got.whole)
	require.ErrorContains(t, got.lost["App/gone1"], cause)
	require.ErrorContains(t, got.lost["App/gone2"], "built without the file")
	require.ErrorIs(t, got.lost["App/sized"], ErrMissing)
	require.NotContains(t, got.lost["App/sized"].Error(), "built without the file")
}
