package source

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

// The transforms of a package are found by the name of their storage, with or
// without the colon and the extension that TRANSFORMS has.
func TestEmbeddedTransforms(t *testing.T) {
	name := corpus.Path(t, "wide/real/instmsia-1.1/instmsi.msi")
	plain, err := Open(t.Context(), name, Options{})
	require.NoError(t, err)
	defer plain.Close()
	require.Equal(t, "1033", plain.Database().Property("ProductLanguage"))
	for _, transform := range []string{":1031", "1031", ":1031.mst", "1031.MST"} {
		p, err := Open(t.Context(), name, Options{Transforms: []string{transform}})
		require.NoError(t, err, transform)
		require.Equal(t, "1031", p.Database().Property("ProductLanguage"))
		require.Len(t, p.Files(), len(plain.Files()))
		require.NoError(t, p.Close())
	}
	_, err = Open(t.Context(), name, Options{Transforms: []string{":9999"}})
	require.ErrorIs(t, err, msi.ErrNotFound)
	require.ErrorContains(t, err, "1025, 1027")
	_, err = Open(t.Context(), name, Options{Transforms: []string{name}})
	require.ErrorIs(t, err, ErrKind)
	_, err = Open(t.Context(), corpus.Path(t, "msp/synth/synth.msp"), Options{Transforms: []string{":1031"}})
	require.ErrorIs(t, err, ErrKind)
}

// An InstallShield package for Windows 98 has its texts in a file next to it.
func TestTransformFromFile(t *testing.T) {
	name := corpus.Path(t, "wide/real/3dfx-tools/3dfx Tools.msi")
	p, err := Open(t.Context(), name, Options{Transforms: []string{corpus.Path(t, "wide/real/mst/3dfx-1033.mst")}})
	require.NoError(t, err)
	defer p.Close()
	require.Equal(t, "1033", p.Database().Property("ProductLanguage"))
	require.NotZero(t, p.Database().Table("Dialog").Len())
}
