package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/burn/burntest"
	"github.com/hotfixkit/hotfixkit/internal/zip"
	"github.com/hotfixkit/hotfixkit/internal/zip/ziptest"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

// shaSink hashes a file.
type shaSink struct {
	path string
	sums *sync.Map
	b    []byte
}

func (s *shaSink) Write(p []byte) (int, error) { s.b = append(s.b, p...); return len(p), nil }

func (s *shaSink) Close(cause error) error {
	if cause == nil {
		sum := sha256.Sum256(s.b)
		s.sums.Store(s.path, hex.EncodeToString(sum[:]))
	}
	return nil
}

// sums returns the SHA-256 of the files of a package.
func sums(t testing.TB, p *Package, o WalkOptions) (map[string]string, error) {
	t.Helper()
	var all sync.Map
	err := p.Walk(context.Background(), func(f *File, _ Stored) (Sink, error) { return &shaSink{path: f.Path(), sums: &all}, nil }, o)
	got := map[string]string{}
	all.Range(func(k, v any) bool { got[k.(string)] = v.(string); return true })
	return got, err
}

// Every member of every download is what another tool makes of it.
func TestDownloadsAgainstOtherTools(t *testing.T) {
	type key struct{ file, member string }
	want := map[string]map[key]string{}
	for _, dir := range []string{"downloads", filepath.Join("wide", "sfx")} {
		text, err := os.ReadFile(corpus.Path(t, dir, "CONTENTS.tsv"))
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			if cell := strings.Split(line, "\t"); cell[0] != "file" {
				at := corpus.Path(t, dir, cell[0])
				if want[at] == nil {
					want[at] = map[key]string{}
				}
				want[at][key{cell[0], cell[3]}] = cell[5]
			}
		}
	}
	for at, members := range want {
		t.Run(filepath.Base(at), func(t *testing.T) {
			p, err := Open(context.Background(), at, Options{})
			if strings.HasPrefix(filepath.Base(at), "installshield") {
				var named *NoPackageError
				require.ErrorAs(t, err, &named)
				require.Equal(t, "InstallShield", named.Installer)
				return
			}
			require.NoError(t, err)
			defer p.Close()
			got, err := sums(t, p, WalkOptions{KeepGoing: true})
			if p.Kind() != BURN {
				require.NoError(t, err)
				require.Len(t, got, len(members))
				for m, sum := range members {
					require.Equal(t, sum, got[strings.TrimPrefix(m.member, "./")], m.member)
				}
				return
			}
			// Members of a bundle have other names: compare what they are.
			known := map[string]bool{}
			for _, sum := range members {
				known[sum] = true
			}
			for path, sum := range got {
				require.True(t, known[sum], path)
				delete(known, sum)
			}
			require.Empty(t, known, "members that no file is")
			missing := len(p.Files()) - len(got)
			if missing > 0 {
				require.Error(t, err)
			} else {
				require.NoError(t, err)
			}
		})
	}
}

// writeDownload writes a file for a test and returns its path.
func writeDownload(t testing.TB, name string, content []byte) string {
	t.Helper()
	at := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(at, content, 0o600))
	return at
}

// ownBundle is a bundle with attached, detached and outside payloads in a folder.
func ownBundle(t testing.TB) (dir string) {
	t.Helper()
	raw, detached, err := burntest.Bundle{
		Application: []burntest.File{{Path: "thm.xml", Content: []byte("<theme/>")}},
		Containers: []burntest.Container{
			{ID: "WixAttachedContainer", Files: []burntest.File{{Path: `sub\a.cab`, Content: []byte("first")}}},
			{ID: "Detached", Path: "detached.cab", Files: []burntest.File{{Path: "b.txt", Content: []byte("second")}}},
		},
		External: []burntest.File{{Path: `ext\c.txt`, Content: []byte("third")}},
	}.Build()
	require.NoError(t, err)
	dir = t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "ext"), 0o700))
	for name, content := range map[string][]byte{"b.exe": raw, "detached.cab": detached["detached.cab"], "ext/c.txt": []byte("third")} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), content, 0o600))
	}
	return dir
}

// read walks over a download.
func read(t testing.TB, at string, keepGoing bool) (map[string]string, error) {
	t.Helper()
	p, err := Open(context.Background(), at, Options{})
	if err != nil {
		return nil, err
	}
	defer p.Close()
	return sums(t, p, WalkOptions{KeepGoing: keepGoing})
}

func TestBundle(t *testing.T) {
	dir := ownBundle(t)
	got, err := read(t, filepath.Join(dir, "b.exe"), false)
	require.NoError(t, err)
	want := []string{"Detached/b.txt", "UX/thm.xml", "WixAttachedContainer/sub/a.cab", "ext/c.txt", "manifest.xml"}
	require.Equal(t, want, slices.Sorted(maps.Keys(got)))

	for _, missing := range []string{"detached.cab", "ext/c.txt"} {
		dir := ownBundle(t)
		require.NoError(t, os.Remove(filepath.Join(dir, missing)))
		got, err := read(t, filepath.Join(dir, "b.exe"), false)
		require.ErrorIs(t, err, ErrMissing)
		require.Empty(t, got, "nothing is read where something is missing")
		got, err = read(t, filepath.Join(dir, "b.exe"), true)
		require.ErrorIs(t, err, ErrMissing)
		require.Len(t, got, len(want)-1)
	}
}

// One flipped bit in any container, or in a file next to the bundle, is noticed.
func TestBundleDamage(t *testing.T) {
	for file, named := range map[string]string{"detached.cab": "Detached", "ext/c.txt": "ext/c.txt"} {
		dir := ownBundle(t)
		at := filepath.Join(dir, filepath.FromSlash(file))
		whole, err := os.ReadFile(at)
		require.NoError(t, err)
		for i := range whole {
			damaged := slices.Clone(whole)
			damaged[i] ^= 4
			require.NoError(t, os.WriteFile(at, damaged, 0o600))
			_, err := read(t, filepath.Join(dir, "b.exe"), false)
			require.Error(t, err, "%s at %d", file, i)
			if file == "ext/c.txt" {
				require.ErrorIs(t, err, ErrMismatch)
				require.ErrorContains(t, err, named)
			}
		}
	}
	dir := ownBundle(t)
	at := filepath.Join(dir, "b.exe")
	whole, err := os.ReadFile(at)
	require.NoError(t, err)
	p, err := Open(context.Background(), at, Options{})
	require.NoError(t, err)
	c := p.reader.(*bundleReader).bundle.Containers[0]
	require.NoError(t, p.Close())
	for i := c.Offset; i < c.Offset+c.Size; i++ {
		damaged := slices.Clone(whole)
		damaged[i] ^= 4
		require.NoError(t, os.WriteFile(at, damaged, 0o600))
		_, err := read(t, at, false)
		require.Error(t, err, "at %d", i)
	}
}

func TestZipPasswords(t *testing.T) {
	for _, e := range []ziptest.Encryption{ziptest.Traditional, ziptest.AES256} {
		b, err := ziptest.Build("secret", ziptest.Member{Name: "a.txt", Content: []byte("content"), Encryption: e})
		require.NoError(t, err)
		at := writeDownload(t, "a.zip", b)
		for password, wrong := range map[string]error{"": zip.ErrPasswordNeeded, "guess": zip.ErrPassword, "secret": nil} {
			p, err := Open(context.Background(), at, Options{Password: password})
			require.NoError(t, err)
			got, err := sums(t, p, WalkOptions{})
			require.ErrorIs(t, err, wrong)
			require.Equal(t, wrong == nil, len(got) == 1)
			require.NoError(t, p.Close())
		}
	}
}

// Inner goes to the only installer package, through downloads in a download too.
func TestInner(t *testing.T) {
	build := func(names ...string) []byte {
		var members []ziptest.Member
		for _, name := range names {
			members = append(members, ziptest.Member{Name: name, Content: []byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1 cut off")})
		}
		b, err := ziptest.Build("", members...)
		require.NoError(t, err)
		return b
	}
	at := writeDownload(t, "several.zip", build("sub/a.msi", "b.MSI", "c.msp"))
	_, err := Open(context.Background(), at, Options{Inner: true})
	var choice *ChoiceError
	require.ErrorAs(t, err, &choice)
	require.Equal(t, []string{at + "//sub/a.msi", at + "//b.MSI"}, choice.Refs)
	// Where the caller looks for a file in it, the download stays what is read.
	p, err := Open(context.Background(), at, Options{Inner: true, Stay: func(name string) bool { return name == "c.msp" }})
	require.NoError(t, err)
	require.Equal(t, ZIP, p.Kind())
	require.NoError(t, p.Close())

	nested, err := ziptest.Build("", ziptest.Member{Name: "x.zip", Content: build("only.msi", "readme.txt")})
	require.NoError(t, err)
	at = writeDownload(t, "nested.zip", nested)
	_, err = Open(context.Background(), at, Options{Inner: true})
	require.ErrorContains(t, err, at+"//x.zip//only.msi", "the file is not a whole database")

	at = writeDownload(t, "none.zip", build("readme.txt"))
	_, err = Open(context.Background(), at, Options{Inner: true})
	require.ErrorIs(t, err, ErrNotFound)
	p, err = Open(context.Background(), at, Options{Inner: true, Stay: func(string) bool { return false }})
	require.NoError(t, err)
	require.NoError(t, p.Close())
}

// A zip in a zip in a zip: each level is larger, and the limit is for all of them.
func TestNestedBomb(t *testing.T) {
	content := make([]byte, 8<<20)
	for range 3 {
		var err error
		content, err = ziptest.Build("", ziptest.Member{Name: "x.zip", Content: content})
		require.NoError(t, err)
	}
	at := writeDownload(t, "bomb.zip", content)
	_, err := Open(context.Background(), at+"//x.zip//x.zip//x.zip", Options{MaxBytes: 1 << 20})
	require.ErrorIs(t, err, ErrLimit)
	p, err := Open(context.Background(), at+"//x.zip//x.zip", Options{MaxBytes: 1 << 20})
	require.NoError(t, err)
	defer p.Close()
	_, err = sums(t, p, WalkOptions{})
	require.ErrorIs(t, err, ErrLimit)
}

func FuzzDownload(f *testing.F) {
	raw, _, err := burntest.Bundle{Containers: []burntest.Container{{ID: "C", Files: []burntest.File{{Path: "a", Content: []byte("a")}}}}}.Build()
	require.NoError(f, err)
	f.Add(raw)
	b, err := ziptest.Build("", ziptest.Member{Name: "a.msi", Content: []byte("content")})
	require.NoError(f, err)
	f.Add(b)
	f.Add(append([]byte("MZ"), b...))
	f.Fuzz(func(t *testing.T, b []byte) {
		at := writeDownload(t, "fuzz.exe", b)
		p, err := Open(context.Background(), at, Options{MaxBytes: 1 << 20})
		if err != nil {
			return
		}
		defer p.Close()
		_, _ = sums(t, p, WalkOptions{KeepGoing: true}) // damage is an error, and nothing more
	})
}
