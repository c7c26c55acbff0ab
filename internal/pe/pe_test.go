package pe_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/pe"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

// collect feeds a file forward in chunks of that size.
func collect(t testing.TB, b []byte, chunk int) (*pe.Info, error) {
	t.Helper()
	c := pe.NewCollector()
	for rest := b; len(rest) > 0; {
		n := min(chunk, len(rest))
		written, err := c.Write(rest[:n])
		require.NoError(t, err)
		require.Equal(t, n, written)
		rest = rest[n:]
	}
	return c.Finish()
}

// readBoth reads a file at random and forward, and fails when they disagree.
func readBoth(t testing.TB, b []byte) (*pe.Info, error) {
	t.Helper()
	info, err := pe.Read(bytes.NewReader(b), int64(len(b)))
	for _, chunk := range []int{len(b), 32 << 10, 1000} {
		forward, forwardErr := collect(t, b, max(chunk, 1))
		require.Equal(t, err == nil, forwardErr == nil, "%v\n%v", err, forwardErr)
		require.Equal(t, info, forward)
	}
	return info, err
}

func TestCorpus(t *testing.T) {
	tests := []struct {
		file, format, machine, version, string, original string
	}{
		{"mscorlib.dll", "PE32", "x86", "5.0.20.51904", "5.0.20.51904", "mscorlib.dll"},
		{"WdBoot.sys", "PE32+", "x64", "4.18.1906.3", "4.18.1906.3 (GitEnlistment(winpbld).190621-1227)", "WdBoot.sys"},
		{"amdxata.sys", "PE32+", "x64", "1.1.3.277", "1.1.3.277 (NT.150223-1854)", "amdxata.sys"},
		{"WdfCoInstaller01011.dll", "PE32+", "x64", "1.11.9200.16384", "1.11.9200.16384 (win8_rtm.120725-1247)", "WdfCoInstaller.dll"},
		{"IEAdvpack.dll", "PE32", "x86", "11.0.18362.1", "11.00.18362.1 (WinBuild.160101.0800)", "ADVPACK.DLL"},
		{"_setup.dll", "NE", "x86-16", "3.0.102.0", "3.00.102.0", ""},
		{"arp.dll", "PE32", "mips", "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			b, err := os.ReadFile(corpus.Path(t, "pe", tt.file))
			require.NoError(t, err)
			info, err := readBoth(t, b)
			require.NoError(t, err)
			require.Equal(t, tt.format, string(info.Format))
			require.Equal(t, tt.machine, info.Machine.String())
			require.Equal(t, tt.version, info.FileVersion())
			require.Equal(t, tt.string, info.String("FileVersion"))
			require.Equal(t, tt.original, info.String("OriginalFilename"))
		})
	}
}

// debianFolders are where Debian's packages install PE files: wine, and libraries
// for mingw.
var debianFolders = []string{
	"/usr/lib/x86_64-linux-gnu/wine/x86_64-windows", "/usr/lib/x86_64-linux-gnu/wine/i386-windows",
	"/usr/x86_64-w64-mingw32/lib", "/usr/i686-w64-mingw32/lib",
}

// TestAgainst7zz compares machine, version and strings of every executable of
// those folders with what 7-Zip prints.
func TestAgainst7zz(t *testing.T) {
	files := []string{
		corpus.Path(t, "pe", "mscorlib.dll"), corpus.Path(t, "pe", "WdBoot.sys"), corpus.Path(t, "pe", "amdxata.sys"),
		corpus.Path(t, "pe", "WdfCoInstaller01011.dll"), corpus.Path(t, "pe", "IEAdvpack.dll"), corpus.Path(t, "pe", "arp.dll"),
	}
	tool := corpus.Tool(t, "7zz")
	for _, folder := range debianFolders {
		more, err := filepath.Glob(filepath.Join(folder, "*.*"))
		require.NoError(t, err)
		if testing.Short() {
			more = more[:min(len(more), 40)]
		}
		files = append(files, more...)
	}
	compared := 0
	for _, file := range files {
		f, err := os.Open(file)
		require.NoError(t, err)
		stat, err := f.Stat()
		require.NoError(t, err)
		info, err := pe.Read(f, stat.Size())
		require.NoError(t, f.Close())
		magic, oracle := sevenZip(t, tool, file)
		if !magic {
			require.ErrorIs(t, err, pe.ErrNotExecutable, file)
			continue
		}
		require.NoError(t, err, file)
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		forward, err := collect(t, b, 32<<10)
		require.NoError(t, err, file)
		require.Equal(t, info, forward, file)

		require.Equal(t, oracle.cpu, info.Machine.String(), file)
		require.Equal(t, oracle.plus, info.Format == pe.PE32Plus, file)
		require.Equal(t, oracle.version, info.FileVersion(), file)
		ours := stringsOf(info)
		for _, s := range oracle.strings {
			require.Contains(t, ours, s, file)
		}
		compared++
	}
	t.Logf("%d files agree", compared)
}

// stringsOf returns all strings in all languages, and the numbers of the fixed
// part, the way that 7-Zip prints them.
func stringsOf(info *pe.Info) map[string]bool {
	all := make(map[string]bool)
	for _, v := range info.Versions {
		if v.Fixed != nil {
			all["FileVersion: "+v.Fixed.File.String()] = true
			all["ProductVersion: "+v.Fixed.Product.String()] = true
		}
		for _, table := range v.Tables {
			for _, s := range table.Strings {
				all[s.Key+": "+s.Value] = true
			}
		}
	}
	return all
}

type sevenZipFacts struct {
	cpu, version string
	plus         bool
	strings      []string
}

// sevenZip parses `7zz l`; false means that it does not know the file as PE.
func sevenZip(t *testing.T, tool, file string) (bool, sevenZipFacts) {
	t.Helper()
	out, _ := exec.Command(tool, "l", "-tPE", file).Output()
	var f sevenZipFacts
	known, comment := false, false
	for line := range strings.Lines(string(out)) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case line == "Type = PE":
			known = true
		case strings.HasPrefix(line, "CPU = "):
			f.cpu = strings.ToLower(strings.TrimPrefix(line, "CPU = "))
			if strings.HasPrefix(f.cpu, "mips") {
				f.cpu = "mips"
			}
		case line == "64-bit = +":
			f.plus = true
		case line == "Comment = ":
			comment = true
		case strings.HasPrefix(line, "Data Directories"):
			comment = false
		case comment && strings.HasPrefix(line, "FileVersion: ") && f.version == "":
			f.version = strings.TrimPrefix(line, "FileVersion: ")
		case comment && strings.Contains(line, ": "):
			f.strings = append(f.strings, line)
		}
	}
	return known, f
}
