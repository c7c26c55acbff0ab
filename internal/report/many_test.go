package report_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/report"
	"github.com/hotfixkit/hotfixkit/manifest"
)

// TestManyFiles: of many files the page shows some thousand, those that differ
// first, and says how many there are.
func TestManyFiles(t *testing.T) {
	m := &manifest.Manifest{ID: "many"}
	var files []*manifest.Actual
	for i := range 12_000 {
		name := fmt.Sprintf("file%05d.txt", i)
		m.Files = append(m.Files, manifest.Row{Name: name, Size: manifest.Bytes(int64(i))})
		files = append(files, &manifest.Actual{Name: name, Path: name, Size: int64(i)}, &manifest.Actual{Name: "extra" + name, Path: "extra" + name})
	}
	m.Files[11_999].Size = manifest.Bytes(1)
	var b bytes.Buffer
	require.NoError(t, report.HTML(&b, &report.Report{Result: m.Compare(files, manifest.CompareOptions{}), Verdict: "one has another size"}))
	d := parse(t, b.Bytes())
	require.Contains(t, d.text, "one has another size")
	require.Contains(t, d.text, "file11999.txt")
	require.Equal(t, 10_000, d.elements["tbody"])
	require.Contains(t, d.text, "7,000 more files are not shown here.")
	require.Contains(t, d.text, "12,000 files are not in the table")
	require.Less(t, strings.Index(d.text, "file11999.txt"), strings.Index(d.text, "file00000.txt"))
}
