package source

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/msi/cab"
	"github.com/hotfixkit/hotfixkit/testdata/testkit"
)

// TestVerdicts walks over more files with digests than one batch holds, of which
// one has the wrong digest: first, in the middle, or last.
func TestVerdicts(t *testing.T) {
	const count = 3*batchFiles + 7
	for _, wrong := range []int{-1, 0, batchFiles, count - 1} {
		t.Run(fmt.Sprint(wrong), func(t *testing.T) {
			var files []testkit.File
			for i := range count {
				size := i * 37
				if i == 50 {
					size = longestWaiting + 1
				}
				files = append(files, testkit.File{
					Key: fmt.Sprintf("f%04d", i), Content: strings.Repeat(fmt.Sprint(i, " "), size)[:size],
					Hash: i%5 != 3, WrongHash: i == wrong,
				})
			}
			database, _ := testkit.Build(t, testkit.Package{Files: files, Compression: cab.MSZIP})
			path := filepath.Join(t.TempDir(), "p.msi")
			require.NoError(t, os.WriteFile(path, database, 0o666))
			p := open(t, path, Options{})

			all, err := collect(p, WalkOptions{KeepGoing: true})
			if wrong < 0 {
				require.NoError(t, err)
				require.Len(t, all.whole, count)
			} else {
				require.ErrorIs(t, err, ErrMismatch)
				require.Len(t, all.lost, 1)
				require.Len(t, all.whole, count-1)
			}
			for i, f := range p.Files() {
				switch content, ok := all.whole[f.Path()]; {
				case i == wrong:
					require.ErrorIs(t, all.lost[f.Path()], ErrMismatch)
				default:
					require.True(t, ok, f.Path())
					require.Equal(t, files[i].Content, content)
				}
			}

			all, err = collect(p, WalkOptions{})
			if wrong < 0 {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ErrMismatch)
			require.ErrorContains(t, err, files[wrong].Key)
			require.NotContains(t, all.whole, p.Files()[wrong].Path())
		})
	}
}

// TestVerdictsOnWhatWasWritten walks over files that do not wait in memory, into sinks
// that give back what was written: it is that which the digest must be of.
func TestVerdictsOnWhatWasWritten(t *testing.T) {
	const count = 2*readFiles + 3
	var files []testkit.File
	for i := range count {
		size := longestWaiting + 1 + i*977
		files = append(files, testkit.File{Key: fmt.Sprintf("f%04d", i), Content: strings.Repeat(fmt.Sprint(i, " "), size)[:size], Hash: true})
	}
	database, _ := testkit.Build(t, testkit.Package{Files: files, Compression: cab.MSZIP})
	path := filepath.Join(t.TempDir(), "p.msi")
	require.NoError(t, os.WriteFile(path, database, 0o666))
	p := open(t, path, Options{})
	broken := errors.New("broken")
	for _, at := range []int{-1, 0, readFiles, count - 1} {
		for _, keepGoing := range []bool{false, true} {
			all := &collected{whole: map[string]string{}, lost: map[string]error{}}
			walk := func(spoil func(*storing)) error {
				return p.Walk(t.Context(), func(f *File, _ Stored) (Sink, error) {
					s := &storing{collector: collector{collected: all, name: f.Path()}}
					if at >= 0 && f.Path() == p.Files()[at].Path() {
						spoil(s)
					}
					return s, nil
				}, WalkOptions{KeepGoing: keepGoing})
			}
			err := walk(func(s *storing) { s.flip = true })
			if at < 0 {
				require.NoError(t, err)
				require.Len(t, all.whole, count)
				continue
			}
			require.ErrorIs(t, err, ErrMismatch)
			require.ErrorContains(t, err, files[at].Key)
			require.NotContains(t, all.whole, p.Files()[at].Path())
			if keepGoing {
				require.Len(t, all.whole, count-1)
			}
			require.ErrorIs(t, walk(func(s *storing) { s.err = broken }), broken)
		}
	}
}

// A storing collector can be read again. It may return something else than was
// written, or fail.
type storing struct {
	collector
	flip bool
	err  error
}

func (s *storing) ReadAt(p []byte, at int64) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n := copy(p, s.data.Bytes()[at:])
	if s.flip {
		p[0] ^= 1
	}
	return n, nil
}
