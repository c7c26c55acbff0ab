package extract

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

// memoryDir returns a folder on a memory file system where there is one, so
// that no disk hides the decoders.
func memoryDir(b *testing.B) string {
	b.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "hotfix-bench-*")
	if err != nil {
		return b.TempDir()
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// BenchmarkExtract extracts whole packages; its peers on the same ones are
// BenchmarkPeers.
func BenchmarkExtract(b *testing.B) {
	for _, name := range benchPackages {
		b.Run(filepath.Base(name), func(b *testing.B) {
			pkg := corpus.Path(b, name)
			dir := memoryDir(b)
			b.ResetTimer()
			for i := range b.N {
				p, err := source.Open(b.Context(), pkg, source.Options{})
				require.NoError(b, err)
				plan, err := NewPlan(p, Options{})
				require.NoError(b, err)
				_, err = plan.Write(context.Background(), filepath.Join(dir, fmt.Sprint(i)), WriteOptions{})
				require.NoError(b, err)
				b.SetBytes(plan.Bytes)
				require.NoError(b, p.Close())
				b.StopTimer()
				require.NoError(b, os.RemoveAll(filepath.Join(dir, fmt.Sprint(i))))
				b.StartTimer()
			}
		})
	}
}

// benchPackages are one package and cabinets of every compression.
var benchPackages = []string{"msi/NUnit-2.5.2.9222.msi", "msi/vc2008-x86/package/VC_RED.cab", "bench/pe-lzx21.cab", "cab/enc/none.cab", "cab/enc/mszip.cab", "cab/enc/qtm18.cab"}

// BenchmarkPeers runs other tools on the same packages.
func BenchmarkPeers(b *testing.B) {
	for _, name := range benchPackages {
		for _, peer := range [][]string{{"7zz", "x", "-y", "-bd", "-o"}, {"msiextract", "-C"}, {"cabextract", "-q", "-d"}} {
			if (filepath.Ext(name) == ".msi") != (peer[0] == "msiextract") {
				continue
			}
			b.Run(filepath.Base(name)+"/"+peer[0], func(b *testing.B) {
				tool, pkg := corpus.Tool(b, peer[0]), corpus.Path(b, name)
				dir := memoryDir(b)
				b.ResetTimer()
				for i := range b.N {
					out := filepath.Join(dir, fmt.Sprint(i))
					args := append([]string{}, peer[1:]...)
					if peer[0] == "7zz" {
						args[len(args)-1] += out
					} else {
						args = append(args, out)
					}
					require.NoError(b, os.Mkdir(out, 0o777))
					require.NoError(b, exec.Command(tool, append(args, pkg)...).Run())
					b.StopTimer()
					b.SetBytes(sizeOf(b, out))
					require.NoError(b, os.RemoveAll(out))
					b.StartTimer()
				}
			})
		}
	}
}

func sizeOf(b *testing.B, dir string) (total int64) {
	require.NoError(b, filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		total += info.Size()
		return err
	}))
	return total
}

// BenchmarkPlan is what "hotfix list" does.
func BenchmarkPlan(b *testing.B) {
	pkg := corpus.Path(b, "msi", "NUnit-2.5.2.9222.msi")
	for b.Loop() {
		p, err := source.Open(b.Context(), pkg, source.Options{})
		require.NoError(b, err)
		_, err = NewPlan(p, Options{})
		require.NoError(b, err)
		require.NoError(b, p.Close())
	}
}
