package source

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestChanged changes a package, and a cabinet next to one, while they are read.
func TestChanged(t *testing.T) {
	sp2 := filepath.Join("..", "..", "testdata", "kb977203", "SCCM2007-SP2-KB977203-ENU.msi")
	original, err := os.ReadFile(sp2)
	require.NoError(t, err)
	for name, change := range map[string]func(t *testing.T, file string){
		"nothing": nil,
		"longer": func(t *testing.T, file string) {
			f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
			require.NoError(t, err)
			_, err = f.Write([]byte("x"))
			require.NoError(t, err)
			require.NoError(t, f.Close())
		},
		"another time": func(t *testing.T, file string) {
			require.NoError(t, os.Chtimes(file, time.Time{}, time.Unix(1, 0)))
		},
		"another file": func(t *testing.T, file string) {
			require.NoError(t, os.WriteFile(file+".new", original, 0o666))
			require.NoError(t, os.Rename(file+".new", file))
		},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "x.msi")
			require.NoError(t, os.WriteFile(file, original, 0o666))
			f, err := os.Open(file)
			require.NoError(t, err)
			defer f.Close()
			p, err := OpenHandle(t.Context(), f, file, Options{})
			require.NoError(t, err)
			defer p.Close()
			done := false
			err = p.Walk(t.Context(), func(*File, Stored) (Sink, error) {
				if change != nil && !done {
					change(t, file)
				}
				done = true
				return discard{}, nil
			}, WalkOptions{Workers: 1})
			if change == nil {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, ErrChanged)
				require.ErrorAs(t, err, new(*Error))
			}
		})
	}
}

// TestOpenFile opens a package inside another one, which stays open.
func TestOpenFile(t *testing.T) {
	p, err := Open(t.Context(), filepath.Join("..", "..", "testdata", "kb977203", "SCCM2007-SP2-KB977203-ENU.msi"), Options{})
	require.NoError(t, err)
	defer p.Close()
	for range 2 {
		inner, err := p.OpenFile(t.Context(), p.Find("SCCM2007AC-SP2-KB977203-x86.msp")[0])
		require.NoError(t, err)
		require.Equal(t, MSP, inner.Kind())
		require.Equal(t, p.Ref()+"//"+p.Find("SCCM2007AC-SP2-KB977203-x86.msp")[0].Path(), inner.Ref())
		require.NoError(t, inner.unchanged())
		require.NoError(t, inner.Close())
	}
}
