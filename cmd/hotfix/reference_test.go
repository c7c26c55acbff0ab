package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/testdata/testkit"
)

var update = flag.Bool("update", false, "write docs/cli anew")

// TestReference compares docs/cli with the command; -update writes it anew.
func TestReference(t *testing.T) {
	dir := filepath.Join("..", "..", "docs", "cli")
	want := map[string]string{}
	index := "# The command\n\n" + generatedNote + "\n\n| command | |\n| --- | --- |\n"
	for _, p := range pages(newApp(&session{})) {
		name := strings.ReplaceAll(p.name(), " ", "-") + ".md"
		want[name] = markdown(&p)
		index += fmt.Sprintf("| [%s](%s) | %s |\n", p.name(), name, p.summary)
	}
	want["README.md"] = index
	if *update {
		require.NoError(t, os.RemoveAll(dir))
		testkit.WriteTree(t, dir, want)
	}
	got := testkit.ReadTree(t, dir)
	require.ElementsMatch(t, slices.Collect(maps.Keys(want)), slices.Collect(maps.Keys(got)))
	for name, text := range want {
		require.Equal(t, text, got[name], "%s: run `go test ./cmd/hotfix -run TestReference -update`", name)
	}
}

const generatedNote = "Written by `go test ./cmd/hotfix -run TestReference -update` from the help of the command."

// markdown is a page of docs/cli.
func markdown(p *page) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s.\n\n    %s\n", p.name(), strings.ToUpper(p.summary[:1])+p.summary[1:], p.synopsis())
	for _, paragraph := range p.description {
		if paragraph == "" {
			continue
		}
		b.WriteString("\n")
		for _, line := range strings.Split(paragraph, "\n") {
			if strings.Contains(paragraph, "\n") {
				line = "    " + line
			}
			b.WriteString(strings.ReplaceAll(line, "*", `\*`) + "\n")
		}
	}
	rows := func(title string, entries []pageEntry) {
		if len(entries) > 0 {
			fmt.Fprintf(&b, "\n## %s\n\n| | |\n| --- | --- |\n", title)
		}
		for _, e := range entries {
			fmt.Fprintf(&b, "| `%s` | %s |\n", e.name, strings.NewReplacer("|", `\|`, "*", `\*`).Replace(e.text))
		}
	}
	rows("Commands", p.commands)
	rows("Flags", p.flags)
	if len(p.examples) > 0 {
		b.WriteString("\n## Examples\n\n")
		for _, example := range p.examples {
			fmt.Fprintf(&b, "    hotfix %s\n", example)
		}
	}
	return b.String()
}

// TestHelpPages holds every page to what a page must have: examples whose commands
// and flags exist, a full stop nowhere but in descriptions, and 80 columns.
func TestHelpPages(t *testing.T) {
	for _, p := range pages(newApp(&session{})) {
		var text strings.Builder
		p.write(&text)
		for _, line := range strings.Split(text.String(), "\n") {
			if !strings.HasPrefix(line, "  hotfix ") {
				require.LessOrEqual(t, utf8.RuneCountInString(line), helpWidth, "%s: %s", p.name(), line)
			}
		}
		for _, e := range append(p.flags, p.commands...) {
			require.NotEmpty(t, e.text, "%s: %s", p.name(), e.name)
			require.False(t, strings.HasSuffix(e.text, "."), "%s: %s", p.name(), e.name)
		}
		require.NotEmpty(t, p.examples, p.name())
		for _, example := range p.examples {
			command, _, _ := strings.Cut(example, " > ")
			line, err := parseArgs(newApp(&session{}), strings.Fields(strings.ReplaceAll(command, "'", "")))
			require.NoError(t, err, example)
			require.NotNil(t, line.command, example)
			require.True(t, strings.HasPrefix(line.name(), p.path), "%s: %s", p.name(), example)
		}
	}
}

// TestManual lets groff, where it is installed, read the manual page.
func TestManual(t *testing.T) {
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitOK, run(context.Background(), []string{"man"}, &stdout, &stderr), stderr.String())
	text := stdout.String()
	for _, word := range []string{".TH HOTFIX 1", ".SH NAME", "EXTRACT", `\-\-superseded\-by`, "EXIT STATUS"} {
		require.Contains(t, text, word)
	}
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("groff is not installed: .ci/run installs it")
	}
	cmd := exec.Command(groff, "-man", "-Tutf8", "-ww", "-z")
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Empty(t, string(out))
}
