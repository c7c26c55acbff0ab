package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSameMistakeSameCode makes the same mistakes with every command: the exit code
// is the same everywhere, the message names what is wrong, and --json prints one
// document with it.
func TestSameMistakeSameCode(t *testing.T) {
	fixtures, err := filepath.Abs(filepath.Join("..", "..", "testdata", "kb977203"))
	require.NoError(t, err)
	sp2, client := filepath.Join(fixtures, "SCCM2007-SP2-KB977203-ENU.msi"), filepath.Join(fixtures, "client-sp2", "client.msi")
	dir := t.TempDir()
	t.Chdir(dir)
	require.NoError(t, os.WriteFile("noise.bin", []byte("noise, and nothing else"), 0o644))
	require.NoError(t, os.WriteFile("cut.msi", []byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1 and no more"), 0o644))

	// readers are command lines that read the package X.
	readers := []string{
		"info X", "list X", "extract X -o out", "cat X name", "tables X", "diff X X", "verify X --manifest kb977203-sp2", "verify X",
		"stage X -o out", "manifest create X", "extract " + client + " -o out --patch X", "extract " + client + " -o out --transform X",
		"extract X -o out --base " + client, "list X --base " + client, "stage " + sp2 + " -o out --with-patch X",
	}
	type mistake struct {
		line string
		code int
		says string
	}
	var mistakes []mistake
	add := func(code int, says string, lines ...string) {
		for _, line := range lines {
			mistakes = append(mistakes, mistake{line, code, says})
		}
	}
	for _, line := range readers {
		name := "nowhere.msi"
		if strings.Contains(line, "with-patch") {
			name = "nowhere.msp"
		}
		add(exitInput, "nowhere", strings.ReplaceAll(line, "X", name))
		if strings.Contains(line, "with-patch") {
			continue
		}
		add(exitInput, "cut.msi", strings.ReplaceAll(line, "X", "cut.msi"))
		add(exitInput, "nothing.dll", strings.ReplaceAll(line, "X", sp2+"//nothing.dll"))
		add(exitUsage, "bin/ia64/Ccmgencert.dll", strings.ReplaceAll(line, "X", sp2+"//Ccmgencert.dll"))
	}
	// A file that the package does not hold.
	add(exitInput, "nothing.dll", "cat "+sp2+" nothing.dll", "extract "+sp2+" -o out --include nothing.dll")
	add(exitInput, "Nothing", "tables "+sp2+" Nothing", "cat "+sp2+" --binary Nothing")
	// A file of a flag that is not there.
	for _, flag := range []string{"media", "keyring", "password-file"} {
		for _, line := range readers[:10] {
			add(exitInput, "nowhere", strings.ReplaceAll(line, "X", sp2)+" --"+flag+" nowhere")
		}
	}
	add(exitInput, "nowhere",
		"verify "+sp2+" --manifest nowhere.json", "stage "+sp2+" -o out --manifest nowhere.json", "manifest show nowhere.json", "verify "+sp2+" --manifest nowhere",
		"verify "+sp2+" --trust nowhere", "stage "+sp2+" -o out --trust nowhere", "verify "+sp2+" --catalog nowhere",
		"stage "+sp2+" -o out --installed nowhere.txt", "stage "+sp2+" -o out --client-dir nowhere", "manifest import nowhere.html",
	)
	// A flag, a word too many, a value that is none.
	for name := range leaves("", newApp(&session{}).Commands) {
		add(exitUsage, "--frobnicate", name+" --frobnicate")
		add(exitUsage, "needs a value", name+" --color")
		add(exitUsage, "--color", name+" --color pink")
	}
	add(exitUsage, "takes no argument", "version x", "man x", "manifest list x", "manifest schema x")
	add(exitUsage, "standard input", "info -", "list -", "extract - -o out", "cat - x", "tables -", "diff - -", "verify -", "stage - -o out", "manifest create -", "manifest show -")
	add(exitUsage, "such as", "list "+sp2+" --max-bytes much", "verify "+sp2+" --max-bytes 5X", "extract "+sp2+" -o out --max-files many")

	require.Greater(t, len(mistakes), 120)
	for _, m := range mistakes {
		var stdout, stderr bytes.Buffer
		args := strings.Fields(m.line)
		code := run(t.Context(), args, &stdout, &stderr)
		require.Equal(t, m.code, code, "%s\n%s%s", m.line, &stdout, &stderr)
		require.Contains(t, stderr.String(), m.says, m.line)
		require.NotContains(t, stderr.String(), "stat nowhere", m.line)
		require.NotContains(t, stderr.String(), "open nowhere", m.line)

		stdout.Reset()
		code = run(t.Context(), append(slices.Clone(args), "--json"), &stdout, new(bytes.Buffer))
		require.Equal(t, m.code, code, m.line)
		if strings.HasSuffix(m.line, "--color") {
			continue // --json became its value
		}
		var doc struct {
			Error  struct{ Message string }
			Errors []any
		}
		require.NoError(t, json.Unmarshal(stdout.Bytes(), &doc), "%s\n%s", m.line, &stdout)
		require.NotEmpty(t, doc.Error.Message, m.line)
		require.NotEmpty(t, doc.Errors, m.line)
		require.NoDirExists(t, "out", m.line)
	}
}
