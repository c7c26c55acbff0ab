package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A shownCommand is a command line in a page, and what the page shows of its
// output, nothing where it does not.
type shownCommand struct {
	line   string
	output string
}

// shownCommands finds the command lines in the indented and fenced blocks of a page.
// After one with a prompt ("$ hotfix list p.msi"), the rest of the block, up to the
// next one, is its output. A fenced block without commands is the output of the first
// command of the block before it.
func shownCommands(text string) []shownCommand {
	var commands []shownCommand
	first := -1 // command of the last block with commands
	for _, block := range codeBlocks(text) {
		before, prompt := len(commands), false
		var rest []string
		for _, line := range block.lines {
			command, prompted := strings.CutPrefix(line, "$ ")
			command = strings.Replace(command, "go run ./cmd/hotfix ", "hotfix ", 1)
			switch {
			case strings.HasPrefix(command, "hotfix "):
				commands, prompt = append(commands, shownCommand{line: command}), prompted
			case prompt:
				last := &commands[len(commands)-1]
				last.output += line + "\n"
			default:
				rest = append(rest, line)
			}
		}
		switch {
		case len(commands) > before:
			first = before
		case block.fenced && first >= 0:
			commands[first].output, first = strings.Join(rest, "\n"), -1
		}
	}
	for i := range commands {
		commands[i].output = trimLines(commands[i].output)
	}
	return commands
}

// A codeBlock is an indented or a fenced block of a page in no language, or in that
// of the shell.
type codeBlock struct {
	lines  []string
	fenced bool
}

func codeBlocks(text string) []codeBlock {
	var blocks []codeBlock
	language, fenced, open := "", false, false
	add := func(line string) {
		if !open {
			blocks, open = append(blocks, codeBlock{fenced: fenced}), true
		}
		last := &blocks[len(blocks)-1]
		last.lines = append(last.lines, line)
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		rest, isFence := strings.CutPrefix(line, "```")
		indented, isIndented := strings.CutPrefix(line, "    ")
		switch {
		case isFence:
			language, fenced, open = rest, !fenced, false
		case fenced && (language == "" || language == "sh"):
			add(line)
		case fenced:
		case isIndented:
			add(indented)
		case line == "" && open:
			add("")
		default:
			open = false
		}
	}
	return blocks
}

// synopsis matches a command line with a word that stands for something: such a
// line shows a form and cannot be run.
var synopsis = regexp.MustCompile(`\b(PACKAGE|TARGET|MANIFEST|REF|FILE|DIR|ARTICLE|BASE|PATCH|COMMAND|NAME|INNER|OUTER|TABLE)\b`)

// elsewhere are files that no stand-in can be for: a patch that only Microsoft has,
// and a bundle of the reader's.
var elsewhere = regexp.MustCompile(`sccm2007ac-sp2-kb977384-x86\.msp|\bsetup\.exe\b`)

// TestPages runs the commands of the README and of the task pages as they are
// written, in a copy of testdata/kb977203, and compares the output that they show.
// The README names the files from the root of a clone.
func TestPages(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the pages are written for a Unix shell")
	}
	root := filepath.Join("..", "..")
	for _, c := range []struct {
		page string
		runs int    // commands that can be run
		has  string // makes what the reader has already: a copy of the client files, an article
	}{
		{"README.md", 1, ""},
		{"docs/addressing.md", 6, ""},
		{"docs/ccmcertfix-after-kb977384.md", 4, "echo KB977384 > updates.txt"},
		{"docs/handle-another-hotfix.md", 1, `printf '<h1>KB123456</h1><table><tr><th>File name<th>File version<th>File size<th>Platform<tr><td>a.dll<td>1.0<td>12<td>x86</table>' > article.html`},
		{"docs/downloads.md", 4, "echo stand-in > word.txt"},
		{"docs/patches.md", 8, ""},
		{"docs/replace-msiexec.md", 5, ""},
		{"docs/signatures.md", 2, `mkdir d && cp "$ROOT"/manifest/authenticode/testdata/catalog/* . && mv tool.exe readme.txt d/ &&
			printf '{"files": [{"name": "readme.txt", "size": 28}, {"name": "tool.exe", "size": 1024}]}' > m.json`},
		{"docs/stage-for-osd.md", 3, "mkdir -p client/i386 && cp client-sp2/client.msi client/i386/"},
		{"docs/verify-in-ci.md", 6, ""},
	} {
		t.Run(c.page, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(c.page)))
			require.NoError(t, err)
			dir := t.TempDir()
			if c.page == "README.md" {
				require.NoError(t, os.CopyFS(filepath.Join(dir, "testdata", "kb977203"), os.DirFS(filepath.Join(root, "testdata", "kb977203"))))
			} else {
				require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join(root, "testdata", "kb977203"))))
			}
			if c.has != "" {
				got, code := runShell(t, dir, c.has)
				require.Zero(t, code, got)
			}
			ran := 0
			for _, command := range shownCommands(string(text)) {
				if synopsis.MatchString(command.line) || elsewhere.MatchString(command.line) {
					continue
				}
				ran++
				got, code := runShell(t, dir, command.line)
				fails := strings.HasPrefix(command.output, "hotfix: ") // an error is shown
				require.Equal(t, fails, code != 0, "%s\n%s", command.line, got)
				if command.output != "" {
					require.Equal(t, withoutHashes(command.output), withoutHashes(trimLines(got)), command.line)
				}
			}
			require.GreaterOrEqual(t, ran, c.runs, "commands that were run")
		})
	}
}

// runShell runs a command line in a folder and returns its standard output, with
// what it printed on standard error where it fails, and its exit code.
func runShell(t *testing.T, dir, line string) (string, int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
	root, err := filepath.Abs(filepath.Join("..", ".."))
	require.NoError(t, err)
	cmd.Env = append(os.Environ(), "ROOT="+root)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return stdout.String() + stderr.String(), exit.ExitCode()
	}
	require.NoError(t, err, line)
	return stdout.String(), 0
}

// stagedFile matches the size and the hash of a staged file, which change with every
// word in it.
var stagedFile = regexp.MustCompile(`(?m)^ *[0-9,]+  [0-9a-f]{16}…`)

func withoutHashes(text string) string { return stagedFile.ReplaceAllString(text, "SIZE  HASH") }

func trimLines(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return strings.Trim(b.String(), "\n")
}

func TestShownCommands(t *testing.T) {
	got := shownCommands("text hotfix no\n\n    hotfix a > b\n\n    $ hotfix c\n    one\n\n    two\n\nend\n\n```sh\nhotfix d\n```\n\n```yaml\nhotfix e\n```\n\n```\nx\n```\n\n    hotfix g\n    go test\n")
	require.Equal(t, []shownCommand{
		{"hotfix a > b", ""}, {"hotfix c", "one\n\ntwo"}, {"hotfix d", "x"}, {"hotfix g", ""},
	}, got)
}
