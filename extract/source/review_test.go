package source

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

// TestPatchesThatWindowsTakes applies patches of which Wine's installer takes each.
func TestPatchesThatWindowsTakes(t *testing.T) {
	dir := corpus.Path(t, "review")
	review := func(name string) string { return filepath.Join(dir, name) }
	for _, c := range []struct {
		title   string
		patches []string
		warning string
	}{
		{"a patch for what a superseded one makes", []string{"supA.msp", "supB.msp"}, ""},
		{"the same, named the other way around", []string{"supB.msp", "supA.msp"}, ""},
		{"a file of another version than its row says", []string{"verlie.msp"}, "the File table says"},
		{"an optional delta that does not fit", []string{"optional.msp"}, "an optional delta is passed over"},
	} {
		t.Run(c.title, func(t *testing.T) {
			o := Options{}
			for _, name := range c.patches {
				o.Patches = append(o.Patches, review(name))
			}
			p := open(t, review("base.msi"), o)
			require.Len(t, p.Plan().Applied, len(c.patches))
			got, err := collect(p, WalkOptions{})
			require.NoError(t, err)
			require.Len(t, got.whole, len(p.Files()))
			require.Contains(t, strings.Join(p.Warnings(), "\n"), c.warning)
		})
	}
}

// TestCabinetsThatDifferInCase reads embedded cabinets whose names differ in case
// only: names of streams are exact.
func TestCabinetsThatDifferInCase(t *testing.T) {
	p := open(t, corpus.Path(t, "review", "wcase.msi"), Options{})
	got, err := collect(p, WalkOptions{})
	require.NoError(t, err)
	require.Len(t, got.whole, len(p.Files()))
	infos, err := p.CabinetInfos(t.Context())
	require.NoError(t, err)
	require.Len(t, infos, 2)
}

// TestKeyringForPatches requires the signature of an rpm that a patch is in.
func TestKeyringForPatches(t *testing.T) {
	keyring := corpus.Path(t, "review", "ring.gpg")
	patch := corpus.Path(t, "review", "unsigned.rpm") + "//opt/plain.msp"
	_, err := Open(t.Context(), corpus.Path(t, "review", "base.msi"), Options{Patches: []string{patch}, Keyring: keyring})
	require.ErrorIs(t, err, ErrSignature)
}

// TestLongPaths refuses paths that nothing could use, without making them.
func TestLongPaths(t *testing.T) {
	list := &rpmFileList{dirs: []string{"/" + strings.Repeat("d", maxPath) + "/"}, dirOf: []uint32{0}, bases: []string{"f"}}
	p := &Package{}
	require.ErrorIs(t, p.add(storedFile(list.locations(p)[0], "f", "f", 1)), ErrLimit)
}

// TestPointerOfGitLFS names what was checked out instead of a package.
func TestPointerOfGitLFS(t *testing.T) {
	name := writeTemp(t, "a.msi", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"))
	_, err := Open(t.Context(), name, Options{})
	require.ErrorIs(t, err, ErrKind)
	require.ErrorContains(t, err, "git lfs pull")
}
