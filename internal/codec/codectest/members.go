package codectest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/codec"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

// Kinds of compression: the low four bits of Folder.Compression.
const (
	MSZIP   = 1
	Quantum = 2
	LZX     = 3
)

// Kind returns the kind of compression of the folder.
func (f *Folder) Kind() int { return int(f.Compression & 15) }

// WindowBits returns the window size of an LZX or Quantum folder.
func (f *Folder) WindowBits() int { return int(f.Compression >> 8 & 31) }

// TestSums decodes the cabinets in dir that its SHA256SUMS names, each line of
// which is a sum and cabinet/member.
func TestSums(t *testing.T, dir string, kind int, newDecoder func(testing.TB, Folder) codec.Decoder) {
	text, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
	require.NoError(t, err)
	want := map[string]map[string]string{}
	for line := range strings.Lines(string(text)) {
		sum, path, found := strings.Cut(strings.TrimSpace(line), "  ")
		require.True(t, found, line)
		cabinet, member, found := strings.Cut(path, "/")
		require.True(t, found, line)
		if want[cabinet] == nil {
			want[cabinet] = map[string]string{}
		}
		want[cabinet][member] = sum
	}
	for cabinet, sums := range want {
		t.Run(cabinet, func(t *testing.T) {
			testMembers(t, filepath.Join(dir, cabinet), kind, sums, newDecoder)
		})
	}
}

// TestCorpus decodes the cabinets of the corpus that match the pattern and that
// an independent tool reads, and compares with what the tool makes of them.
func TestCorpus(t *testing.T, pattern string, kind int, newDecoder func(testing.TB, Folder) codec.Decoder) {
	text, err := os.ReadFile(corpus.Path(t, "cab", "oracle.json"))
	require.NoError(t, err)
	var oracle map[string]map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(text, &oracle))
	files, err := filepath.Glob(filepath.Join(corpus.Dir(t), "cab", "*", pattern))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file)) + "/" + filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			var outcome struct {
				RC      int
				Members map[string][2]any // size, sum
			}
			require.NoError(t, json.Unmarshal(oracle[name]["7zz"], &outcome))
			require.Zero(t, outcome.RC)
			sums := map[string]string{}
			for member, values := range outcome.Members {
				sums[member] = values[1].(string)
			}
			testMembers(t, file, kind, sums, newDecoder)
		})
	}
}

func testMembers(t *testing.T, file string, kind int, sums map[string]string, newDecoder func(testing.TB, Folder) codec.Decoder) {
	cabinet, err := os.ReadFile(file)
	require.NoError(t, err)
	folders := 0
	for _, f := range Folders(t, cabinet) {
		if f.Kind() != kind {
			continue
		}
		folders++
		out, err := Decode(newDecoder(t, f), f)
		require.NoError(t, err)
		for _, m := range f.Members {
			sum := sha256.Sum256(out[m.Offset : m.Offset+m.Size])
			require.Equal(t, sums[m.Name], hex.EncodeToString(sum[:]), m.Name)
		}
	}
	require.NotZero(t, folders)
}
