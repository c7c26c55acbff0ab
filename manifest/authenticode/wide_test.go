package authenticode

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

// table reads a file of tab-separated values without its first line.
func table(t *testing.T, path ...string) [][]string {
	t.Helper()
	data, err := os.ReadFile(corpus.Path(t, path...))
	require.NoError(t, err)
	var rows [][]string
	for line := range strings.Lines(string(data)) {
		rows = append(rows, strings.Split(strings.TrimRight(line, "\r\n"), "\t"))
	}
	require.Greater(t, len(rows), 5)
	return rows[1:]
}

// TestSignaturesOfOtherProjects compares with the verdicts that the corpus gives.
func TestSignaturesOfOtherProjects(t *testing.T) {
	for _, row := range table(t, "wide", "sig", "INDEX.tsv") {
		data, err := os.ReadFile(corpus.Path(t, "wide", "sig", row[0]))
		require.NoError(t, err)
		s, err := verify(data, Options{})
		require.NoError(t, err)
		require.Equal(t, row[1], string(s.Status), "%s: %v", row[0], s.Notes)
	}
}

// TestSignaturesOfRealPackages compares the digests with osslsigncode's. A digest
// that matches makes a signature valid or untrusted; MD5 is refused although it
// matches.
func TestSignaturesOfRealPackages(t *testing.T) {
	for _, row := range table(t, "wide", "real", "SIGNATURES.tsv") {
		data, err := os.ReadFile(filepath.Join(corpus.Path(t, "wide", "real", row[0]), row[1]))
		require.NoError(t, err)
		s, err := verify(data, Options{})
		require.NoError(t, err)
		holds := row[2] == "match" && row[3] != "md5"
		require.Equal(t, holds, s.Status == Valid || s.Status == Untrusted, "%s: %s %v", row[0], s.Status, s.Notes)
		require.NotEqual(t, None, s.Status, row[0])
	}
}

// TestBytesAroundTheTable leaves no place for bytes that nobody signed.
func TestBytesAroundTheTable(t *testing.T) {
	set32, get32 := binary.LittleEndian.PutUint32, binary.LittleEndian.Uint32
	for name, test := range map[string]struct {
		change func(b []byte) []byte
		note   string
	}{
		"after the table":       {func(b []byte) []byte { return append(b, "MZ payload"...) }, "bytes follow it, which no signature covers"},
		"zeros after the table": {func(b []byte) []byte { return append(b, make([]byte, 64)...) }, "64 bytes follow it"},
		"table over a section": {func(b []byte) []byte {
			set32(b[builtDirectory:], 0x200)
			set32(b[builtDirectory+4:], uint32(len(b)-0x200))
			return b
		}, "malformed"},
		"table over the headers": {func(b []byte) []byte {
			set32(b[builtDirectory:], 0x40)
			set32(b[builtDirectory+4:], uint32(len(b)-0x40))
			return b
		}, "lies in the headers"},
		"table in the middle":    {func(b []byte) []byte { return slices.Concat(b, b[0x200:builtSize]) }, "bytes follow it"},
		"table longer than file": {func(b []byte) []byte { set32(b[builtDirectory+4:], get32(b[builtDirectory+4:])+64); return b }, "it ends at"},
		"before the table": {func(b []byte) []byte {
			b = slices.Insert(b, builtSize, make([]byte, 8)...)
			set32(b[builtDirectory:], builtSize+8)
			return b
		}, "changed after it was signed"},
		"second table behind it": {func(b []byte) []byte { return append(b, b[builtSize:]...) }, "bytes follow it"},
		"entry longer than it is": {func(b []byte) []byte {
			b = append(b, make([]byte, 16)...)
			copy(b[len(b)-16:], "payload")
			set32(b[builtDirectory+4:], get32(b[builtDirectory+4:])+16)
			set32(b[builtSize:], get32(b[builtSize:])+16)
			return b
		}, "of other data"},
	} {
		data := test.change(fixture(t, "sha256.exe"))
		s := collect(data, fixtureOptions(t), len(data))
		require.Equal(t, Invalid, s.Status, name)
		require.Contains(t, s.Notes[0], test.note, name)
	}
}
