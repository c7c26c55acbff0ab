package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

// native runs the command in a folder, with env added to its environment.
func native(dir string, env []string, args ...string) (code int, stdout, stderr string) {
	var out, errOut bytes.Buffer
	cmd := exec.Command(os.Args[0], args...)
	cmd.Args[0] = "hotfix" // testscript.Main runs the command under this name
	cmd.Env = append(os.Environ(), env...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &errOut
	_ = cmd.Run() // the exit code says it
	return cmd.ProcessState.ExitCode(), out.String(), errOut.String()
}

// takeTree describes what a command wrote into a folder, times included, and
// removes it.
func takeTree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	for _, name := range []string{"out", "report.html", "sbom.json"} {
		top := filepath.Join(dir, name)
		if _, err := os.Stat(top); err != nil {
			continue
		}
		require.NoError(t, filepath.WalkDir(top, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			data, err := os.ReadFile(name)
			modified := ""
			if name != top { // a report is as old as it is
				modified = info.ModTime().UTC().Format(time.RFC3339)
			}
			fmt.Fprintf(&b, "%s %s %x\n", strings.TrimPrefix(name, dir), modified, sha256.Sum256(data))
			return err
		}))
		require.NoError(t, os.RemoveAll(top))
	}
	left, err := filepath.Glob(filepath.Join(dir, "*.hotfix-partial"))
	require.NoError(t, err)
	require.Empty(t, left)
	return b.String()
}

// TestDeterministic runs commands on one processor and on many: output, reports
// and folders are the same, and so are they in every further run.
func TestDeterministic(t *testing.T) {
	dir := t.TempDir()
	modified := time.Date(2010, 2, 3, 4, 5, 6, 0, time.UTC)
	add := func(elem ...string) string {
		data, err := os.ReadFile(filepath.Join(elem...))
		require.NoError(t, err)
		name := filepath.Base(filepath.Join(elem...))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o666))
		require.NoError(t, os.Chtimes(filepath.Join(dir, name), modified, modified))
		return name
	}
	sp2 := add("..", "..", "testdata", "kb977203", "SCCM2007-SP2-KB977203-ENU.msi")
	commands := [][]string{
		{"stage", sp2, "-o", "out", "--json"},
		{"verify", sp2, "--manifest", "KB977203-SP2", "--deep", "--json", "--report", "report.html", "--sbom", "sbom.json"},
		{"extract", sp2, "-o", "out", "--json"},
		{"manifest", "create", sp2, "--json"},
	}
	if os.Getenv("HOTFIX_CORPUS") != "" {
		for _, name := range []string{"msi/NUnit-2.5.2.9222.msi", "msi/VBRuntime.msi", "msi/wix3-simplemedia.msi", "cab/enc/lzx21-3folders.cab", "cab/enc/mszip-3folders.cab", "cab/crafted/bad-none-csum.cab"} {
			name := add(corpus.Path(t, name))
			commands = append(commands,
				[]string{"extract", name, "-o", "out", "--json"},
				[]string{"extract", name, "-o", "out", "--json", "--keep-going"},
				[]string{"verify", name, "--manifest", "KB977203-SP2", "--json", "--report", "report.html"},
				[]string{"info", name, "--json"},
				[]string{"tables", name, "--json"},
			)
		}
	}
	for _, args := range commands {
		var first string
		for i, processors := range []string{"1", "8", "8", "2"} {
			code, stdout, stderr := native(dir, []string{"GOMAXPROCS=" + processors}, args...)
			got := fmt.Sprintf("exit code %d\n%s\n%s\n%s", code, stdout, stderr, takeTree(t, dir))
			if i == 0 {
				first = got
			}
			require.Equal(t, first, got, "%v on %s processors", args, processors)
		}
	}
}
