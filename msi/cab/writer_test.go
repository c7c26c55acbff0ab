package cab_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/cabtest"
	"github.com/hotfixkit/hotfixkit/msi/cab"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

// A member is what goes into a test cabinet.
type member struct {
	name string
	data []byte
}

// content makes bytes that compress, always the same for a seed.
func content(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	words := make([][]byte, 200)
	for i := range words {
		words[i] = make([]byte, 1+r.IntN(12))
		for j := range words[i] {
			words[i][j] = byte(r.IntN(256))
		}
	}
	p := make([]byte, 0, n+16)
	for len(p) < n {
		switch r.IntN(40) {
		case 0:
			p = append(p, bytes.Repeat([]byte{byte(r.IntN(256))}, r.IntN(700))...)
		case 1:
			for range r.IntN(600) {
				p = append(p, byte(r.IntN(256)))
			}
		default:
			p = append(p, words[r.IntN(len(words))]...)
		}
	}
	return p[:n]
}

// noise makes bytes that do not compress.
func noise(seed uint64, n int) []byte {
	p := make([]byte, n)
	// It never fails.
	_, _ = rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(p)
	return p
}

// write writes a cabinet or, with VolumeSize, a set. Each group of members is a folder.
func write(t testing.TB, o cabtest.WriterOptions, folders ...[]member) [][]byte {
	t.Helper()
	volumes := []*bytes.Buffer{{}}
	if o.VolumeSize > 0 {
		o.VolumeName = func(i int) (string, string) { return fmt.Sprintf("vol%d.cab", i+1), fmt.Sprintf("disk %d", i+1) }
		o.OpenVolume = func(i int) (io.Writer, error) {
			require.Len(t, volumes, i)
			volumes = append(volumes, new(bytes.Buffer))
			return volumes[i], nil
		}
	}
	w := cabtest.NewWriter(volumes[0], o)
	for i, members := range folders {
		if i > 0 {
			require.NoError(t, w.NextFolder(o.Compression))
		}
		for _, m := range members {
			require.NoError(t, w.Add(cabtest.FileHeader{Name: m.name, Modified: time.Date(2010, 1, 25, 6, 27, 58, 0, time.UTC)}, bytes.NewReader(m.data)))
		}
	}
	require.NoError(t, w.Close())
	var all [][]byte
	for _, v := range volumes {
		all = append(all, v.Bytes())
	}
	return all
}

func TestWriterRoundTrip(t *testing.T) {
	small := []member{{"a.txt", []byte("hello")}, {"empty", nil}, {`dir\b.bin`, content(1, 100_000)}, {"c.bin", noise(2, 70_000)}, {"end-empty", nil}}
	many := []member{}
	for i := range 150 {
		many = append(many, member{fmt.Sprintf("f%03d", i), content(uint64(i), i*37)})
	}
	for name, c := range map[string]struct {
		options cabtest.WriterOptions
		folders [][]member
		volumes int
		alone   string // why 7zz or cabextract cannot read it
	}{
		"stored":          {folders: [][]member{small}, volumes: 1},
		"mszip":           {options: cabtest.WriterOptions{Compression: cab.MSZIP}, folders: [][]member{small}, volumes: 1},
		"folders":         {options: cabtest.WriterOptions{Compression: cab.MSZIP}, folders: [][]member{small, many}, volumes: 1},
		"no checksums":    {options: cabtest.WriterOptions{Compression: cab.MSZIP, NoChecksums: true}, folders: [][]member{many}, volumes: 1},
		"reserves":        {options: cabtest.WriterOptions{Compression: cab.MSZIP, HeaderReserve: make([]byte, 20), FolderReserve: []byte("fold"), DataReserve: make([]byte, 6)}, folders: [][]member{small, many}, volumes: 1},
		"only empty":      {folders: [][]member{{{"nothing", nil}}}, volumes: 1},
		"no members":      {folders: [][]member{{}}, volumes: 1},
		"3 volumes":       {options: cabtest.WriterOptions{VolumeSize: 40_000}, folders: [][]member{{{"first", content(3, 1000)}, {"through all", content(4, 100_000)}}, {{"last", content(5, 10_000)}}}, volumes: 3},
		"3 mszip volumes": {options: cabtest.WriterOptions{Compression: cab.MSZIP, VolumeSize: 40_000, SetID: 777}, folders: [][]member{{{"first", content(3, 1000)}, {"through all", noise(4, 100_000)}}, {{"last", content(5, 10_000)}}}, volumes: 3},
		"small volumes": {options: cabtest.WriterOptions{Compression: cab.MSZIP, VolumeSize: 3000}, folders: [][]member{many[:100], small[:3]}, volumes: 60,
			alone: "cabextract loses members that start in a continued folder"},
		"volumes of folders": {options: cabtest.WriterOptions{VolumeSize: 50_000, DataReserve: make([]byte, 4)},
			folders: [][]member{{{"a", noise(1, 32_000)}}, {{"b", noise(2, 32_000)}, {"b0", nil}}, {{"none", nil}}, {{"c", noise(3, 80_000)}}}, volumes: 3},
		"short blocks": {options: cabtest.WriterOptions{Compression: cab.MSZIP, BlockSize: 5000}, folders: [][]member{many}, volumes: 1,
			alone: "cabextract and 7zz expect 32,768 bytes in every block but the last"},
	} {
		t.Run(name, func(t *testing.T) {
			volumes := write(t, c.options, c.folders...)
			if c.volumes > 0 {
				require.Equal(t, c.volumes, len(volumes))
			}
			require.Equal(t, volumes, write(t, c.options, c.folders...), "deterministic")
			want := map[string]string{}
			for _, f := range c.folders {
				for _, m := range f {
					want[m.name] = hash(m.data)
				}
			}
			for _, v := range volumes {
				if c.options.VolumeSize > 0 {
					require.LessOrEqual(t, int64(len(v)), c.options.VolumeSize)
				}
			}
			for _, workers := range []int{1, 2, 5} {
				got, err := decode(cab.DecodeOptions{Workers: workers}, cab.SetOptions{}, volumes...)
				require.NoError(t, err)
				got.requireAllClosed(t)
				require.Equal(t, want, got.hashes())
			}
			if c.alone != "" {
				return
			}
			t.Run("tools", func(t *testing.T) {
				dir := t.TempDir()
				for i, v := range volumes {
					require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("vol%d.cab", i+1)), v, 0o666))
				}
				for tool, args := range map[string][]string{
					"7zz":        {"x", "-y", "-o" + filepath.Join(dir, "7zz"), filepath.Join(dir, "vol1.cab")},
					"cabextract": {"-q", "-d", filepath.Join(dir, "cabextract"), filepath.Join(dir, "vol1.cab")},
				} {
					if len(want) == 0 && tool == "cabextract" {
						continue // it calls a cabinet without files an error
					}
					out, err := exec.Command(corpus.Tool(t, tool), args...).CombinedOutput()
					require.NoError(t, err, "%s: %s", tool, out)
					for name, h := range want {
						data := readFile(t, filepath.Join(dir, tool, strings.ReplaceAll(name, `\`, "/")))
						require.Equal(t, h, hash(data), "%s: %s", tool, name)
					}
				}
			})
		})
	}
}
