package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

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
