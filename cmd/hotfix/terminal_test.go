package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEightyColumns runs every command as if on a terminal of 80 columns.
func TestEightyColumns(t *testing.T) {
	standIn := filepath.Join("..", "..", "testdata", "kb977203")
	sp1, sp2 := filepath.Join(standIn, "SCCM2007-SP1-KB977203-ENU.msi"), filepath.Join(standIn, "SCCM2007-SP2-KB977203-ENU.msi")
	patch := sp2 + "//Client/i386/hotfix/KB977203/SCCM2007AC-SP2-KB977203-x86.msp"
	dir := t.TempDir()
	for _, args := range [][]string{
		{},
		{"info", sp2}, {"info", patch}, {sp2},
		{"list", sp2}, {"list", sp2, "--tree"}, {"list", sp2, "--long"}, {"list", patch},
		{"extract", sp2, "-o", filepath.Join(dir, "image")},
		{"tables", sp2}, {"tables", sp2, "File", "Component"},
		{"diff", sp1, sp2},
		{"verify", sp2, "--manifest", "kb977203"}, {"verify", sp1, "--manifest", "kb977203-sp2"}, {"verify", filepath.Join(dir, "nowhere"), "--manifest", "kb977203"},
		{"stage", sp2, "-o", filepath.Join(dir, "staged")}, {"stage", sp1, sp2, "-o", filepath.Join(dir, "both")},
		{"manifest", "list"}, {"manifest", "show", "kb977203"},
		{"help", "stage"}, {"version"}, {"extrat"}, {"list", "nowhere.msi"},
	} {
		var stdout, stderr bytes.Buffer
		s := &session{stdout: &stdout, stderr: &stderr, out: terminal{columns: 80}, messages: terminal{columns: 80}}
		s.report(s.execute(context.Background(), newApp(s), args))
		for _, line := range strings.Split(stdout.String()+stderr.String(), "\n") {
			// Some words cannot be cut: paths that are to be copied, and properties.
			if len(strings.Fields(line)) > 1 && !property().MatchString(line) && !strings.HasPrefix(line, "  hotfix ") {
				require.LessOrEqual(t, columnsOf(line), 80, "%v: %s", args, line)
			}
		}
	}
}

func TestShorten(t *testing.T) {
	for _, c := range []struct {
		text    string
		columns int
		want    string
	}{
		{"short.dll", 20, "short.dll"},
		{"Client/i386/hotfix/x.msp", 15, "Client/…x/x.msp"},
		{"日本語の名前", 7, "日…名前"},
		{"abc", 1, "…"},
	} {
		got := shorten(c.text, c.columns)
		require.Equal(t, c.want, got)
		require.LessOrEqual(t, columnsOf(got), c.columns)
	}
}

func TestPaint(t *testing.T) {
	text := "ok      a.dll\nFAILED  b.dll\n  signature          untrusted, signed\nokay\n"
	require.Equal(t, text, terminal{}.paint(text))
	require.Equal(t, "\x1b[32mok\x1b[0m      a.dll\n\x1b[31mFAILED\x1b[0m  b.dll\n  signature          \x1b[33muntrusted\x1b[0m, signed\nokay\n", terminal{color: true}.paint(text))
	require.True(t, newTerminal(&bytes.Buffer{}, "always").color)
	require.False(t, newTerminal(&bytes.Buffer{}, "auto").color)
}
