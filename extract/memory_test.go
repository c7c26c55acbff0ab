package extract

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/testdata/testkit"
)

// TestMemoryPerFile measures what is in use for each file of a package: that of a large
// package less that of a small one, so that what every package needs does not count.
func TestMemoryPerFile(t *testing.T) {
	const few, many = 2_000, 22_000
	write := func(n int) string {
		p := testkit.Package{Files: make([]testkit.File, n)}
		for i := range p.Files {
			p.Files[i] = testkit.File{Key: fmt.Sprintf("fil%032X", i), Name: fmt.Sprintf("F%07d.DLL|a file with the number %d.dll", i, i), Content: fmt.Sprint(i), Hash: true}
		}
		return testkit.Write(t, t.TempDir(), "package.msi", p)
	}
	packages := []string{write(few), write(many)}
	for _, c := range []struct {
		what  string
		most  float64 // bytes for each file
		begin func(*source.Package) any
	}{
		{"a package whose files are counted", 400, func(p *source.Package) any {
			require.NotZero(t, p.Count().Files)
			_, err := p.CabinetInfos(t.Context())
			require.NoError(t, err)
			return nil
		}},
		{"a list of its files", 400, func(p *source.Package) any {
			plan, err := NewPlan(p, Options{})
			require.NoError(t, err)
			return plan.Sorted()
		}},
		{"an extraction", 600, func(p *source.Package) any {
			plan, err := NewPlan(p, Options{})
			require.NoError(t, err)
			result, err := plan.Write(t.Context(), t.TempDir()+"/out", WriteOptions{SHA256: true, NoSync: true})
			require.NoError(t, err)
			return []any{plan, result}
		}},
	} {
		var inUse [2]float64
		for i, name := range packages {
			before := heapInUse()
			p, err := source.Open(t.Context(), name, source.Options{})
			require.NoError(t, err)
			held := c.begin(p)
			inUse[i] = heapInUse() - before
			runtime.KeepAlive(held)
			require.NoError(t, p.Close())
		}
		perFile := (inUse[1] - inUse[0]) / (many - few)
		t.Logf("%s: %.0f bytes a file", c.what, perFile)
		require.Less(t, perFile, c.most, c.what)
	}
}

// heapInUse returns what is in use after a collection, in bytes. The first one only
// moves what pools hold aside.
func heapInUse() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
