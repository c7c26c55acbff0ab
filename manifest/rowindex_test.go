package manifest_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/manifest"
)

// TestManyOfOneName: thousands of rows and files of one name are paired in order, each
// once, in time that grows with their number.
func TestManyOfOneName(t *testing.T) {
	const n = 50_000
	m := &manifest.Manifest{}
	var files []*manifest.Actual
	for i := range n {
		size := int64(i)
		m.Files = append(m.Files, manifest.Row{Name: "F.dll", Size: &size})
		files = append(files, &manifest.Actual{Name: "f.DLL", Path: fmt.Sprintf("%d/f.dll", i), Size: size})
	}
	files = append(files, &manifest.Actual{Name: "f.dll", Path: "again//f.dll"}) // a further copy of the first
	r := m.Compare(files, manifest.CompareOptions{})
	require.True(t, r.OK)
	require.Len(t, r.Files, n+1)
	require.Empty(t, r.Extra)
	require.Equal(t, []string{"0/f.dll", "again//f.dll", "1/f.dll"}, []string{r.Files[0].Path, r.Files[1].Path, r.Files[2].Path})
}
