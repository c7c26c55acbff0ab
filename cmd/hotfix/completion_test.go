package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// completionCases are command lines up to the cursor, and what must be offered
// for the last word. nil: nothing but file names.
var completionCases = []struct {
	words string
	want  []string
}{
	{"hotfix ex", []string{"extract"}},
	{"hotfix ver", []string{"verify", "version"}},
	{"hotfix extract --la", []string{"--layout"}},
	{"hotfix extract package.msi --sh", []string{"--short-names"}},
	{"hotfix --json extract --la", []string{"--layout"}},
	{"hotfix extract --layout ", []string{"admin", "target", "flat", "streams"}},
	{"hotfix extract --layout fl", []string{"flat"}},
	{"hotfix verify x.msi --policy ", []string{"strict", "version"}},
	{"hotfix verify x.msi --manifest kb", []string{"kb977203", "kb977203-sp1", "kb977203-sp2"}},
	{"hotfix manifest ", []string{"list", "show", "import", "create", "schema"}},
	{"hotfix manifest import --sy", []string{"--syntax"}},
	{"hotfix manifest import --syntax m", []string{"markdown"}},
	{"hotfix manifest show ", []string{"kb977203", "kb977203-sp1", "kb977203-sp2"}},
	{"hotfix completion ", []string{"bash", "zsh", "fish", "powershell"}},
	{"hotfix extract ", nil},
	{"hotfix list --no-such", nil},
}

// script is what "hotfix completion" prints for a shell.
func script(t *testing.T, shell string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitOK, run(context.Background(), []string{"completion", shell}, &stdout, &stderr), stderr.String())
	require.Empty(t, stderr.String())
	return stdout.String()
}

// inShell writes the completion script of a shell, runs a program in that shell
// in an empty folder, with the folder of the script in $DIR, and returns its lines.
func inShell(t *testing.T, shell, program string, args ...string) []string {
	t.Helper()
	path, err := exec.LookPath(shell)
	if err != nil {
		t.Skipf("%s is not installed", shell)
	}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "_hotfix"), []byte(script(t, shell)), 0o666))
	cmd := exec.Command(path, append([]string{"-c", program}, args...)...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "DIR="+dir, "HOME="+dir)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return strings.Fields(string(out))
}

func TestBashCompletion(t *testing.T) {
	const program = `source "$DIR/_hotfix"
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
_hotfix
printf '%s\n' "${COMPREPLY[@]}"`
	for _, c := range completionCases {
		words := strings.Split(c.words, " ")
		require.ElementsMatch(t, c.want, inShell(t, "bash", program, append([]string{"bash"}, words...)...), c.words)
	}
	// Bash makes three words of --layout=fl.
	require.Equal(t, []string{"flat"}, inShell(t, "bash", program, "bash", "hotfix", "extract", "--layout", "=", "fl"))
}

// TestZshCompletion calls the function as zsh would, with stand-ins for what only
// the line editor has: they print the words that begin as the last one does.
func TestZshCompletion(t *testing.T) {
	const program = `compdef() { :; }; compset() { :; }; _files() { :; }
compadd() { local w; for w in "$@"; do [[ $w != -- && $w == $words[CURRENT]* ]] && print -r -- $w; done; return 0; }
_describe() { local w; for w in "${(@P)2}"; do compadd -- "${w%%:*}"; done; }
source "$DIR/_hotfix"
words=("$@"); CURRENT=$#
_hotfix`
	for _, c := range completionCases {
		words := strings.Split(c.words, " ")
		require.ElementsMatch(t, c.want, inShell(t, "zsh", program, append([]string{"zsh"}, words...)...), c.words)
	}
}

func TestFishCompletion(t *testing.T) {
	for _, c := range completionCases {
		got := inShell(t, "fish", `source $DIR/_hotfix; for c in (complete -C $argv[1]); string split -f1 \t -- $c; end; true`, c.words)
		require.ElementsMatch(t, c.want, got, c.words)
	}
}

// TestPowerShellCompletion asks PowerShell itself, where it is installed.
func TestPowerShellCompletion(t *testing.T) {
	require.Contains(t, script(t, "powershell"), "Register-ArgumentCompleter")
	path, err := exec.LookPath("pwsh")
	if err != nil {
		t.Skip("pwsh is not installed")
	}
	for _, c := range completionCases {
		if c.want == nil {
			continue // PowerShell adds file names by itself
		}
		cmd := exec.Command(path, "-NoProfile", "-Command", script(t, "powershell")+
			"\n(TabExpansion2 -inputScript $env:LINE -cursorColumn $env:LINE.Length).CompletionMatches | ForEach-Object CompletionText")
		cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), "LINE="+c.words)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.ElementsMatch(t, c.want, strings.Fields(string(out)), c.words)
	}
}

// TestCompletionsNameEveryFlag: a flag that is added to a command is offered.
func TestCompletionsNameEveryFlag(t *testing.T) {
	all := completions(newApp(&session{}).Commands, "")
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		text := script(t, shell)
		for _, c := range all {
			for _, f := range c.flags {
				flag := "--" + f.name
				if shell == "fish" {
					flag = "-l " + f.name
				}
				require.Contains(t, text, flag, shell)
			}
		}
	}
}
