package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/testdata/corpus"
	"github.com/hotfixkit/hotfixkit/testdata/testkit"
)

// hotfixJSON runs a command with --json and returns its exit code, its document
// and what it printed on standard error.
func hotfixJSON(t *testing.T, document any, args ...string) (code int, stderr string) {
	t.Helper()
	var stdout, messages bytes.Buffer
	code = run(t.Context(), append(args, "--json"), &stdout, &messages)
	require.NoError(t, json.Unmarshal(stdout.Bytes(), document), "%v", args)
	return code, messages.String()
}

// TestListIsWhatExtractWrites compares the two commands on every package of the
// corpus, in each way that changes the files.
func TestListIsWhatExtractWrites(t *testing.T) {
	type document struct {
		Files []struct {
			Path string
			Size int64
		}
		LeftOut []struct{ Path, Feature, Reason string } `json:"left_out"`
	}
	var packages []string
	for _, folder := range []string{"msi", "msp", "cab"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(corpus.Dir(t), folder), func(name string, entry fs.DirEntry, err error) error {
			if err == nil && slices.Contains([]string{".msi", ".msm", ".msp", ".cab"}, strings.ToLower(filepath.Ext(name))) {
				packages = append(packages, name)
			}
			return err
		}))
	}
	compared := 0
	for _, name := range packages {
		for _, flags := range [][]string{nil, {"--all-features"}} {
			out := filepath.Join(t.TempDir(), "out")
			var listed, written document
			args := append([]string{"extract", name, "-o", out, "--no-database"}, flags...)
			code, stderr := hotfixJSON(t, &written, args...)
			if code != exitOK {
				require.Equal(t, exitInput, code, "%s: %s", name, stderr)
				require.NoDirExists(t, out, name)
				continue
			}
			code, stderr = hotfixJSON(t, &listed, append([]string{"list", name}, flags...)...)
			require.Equal(t, exitOK, code, "%s: %s", name, stderr)
			if strings.EqualFold(filepath.Base(name), "VC_RED.MSI") {
				// Two uncompressed files have FileSize 0 in the package.
				for i := range listed.Files {
					listed.Files[i].Size, written.Files[i].Size = 0, 0
				}
			}
			require.Equal(t, listed, written, name)
			compared++
		}
	}
	require.Greater(t, compared, 60)
}

// TestCutPackage is what a user sees of a package whose end is missing.
func TestCutPackage(t *testing.T) {
	pkg := corpus.Path(t, "msi", "VBRuntime.msi")
	out := filepath.Join(t.TempDir(), "out")
	var failed struct {
		Error errorDetail
		Files []any
	}
	code, stderr := hotfixJSON(t, &failed, "extract", pkg, "-o", out)
	require.Equal(t, exitInput, code)
	require.NoDirExists(t, out)
	require.Empty(t, failed.Files)
	require.Equal(t, pkg, failed.Error.Package)
	require.Equal(t, "OLEPRO32.DLL", failed.Error.Place)
	require.Contains(t, failed.Error.Message, `stream "Disk2.CAB"`)
	require.Contains(t, failed.Error.Hint, "--keep-going")
	require.Contains(t, stderr, "damaged: Disk2.CAB, folder 1, block 2 of 6")
	require.Contains(t, stderr, "it is needed for OLEPRO32.DLL")

	var info struct{ Cabinets []cabinetInfo }
	code, _ = hotfixJSON(t, &info, "info", pkg)
	require.Zero(t, code)
	require.Equal(t, []cabinetInfo{
		{Name: "Disk1.CAB", Compression: "MSZIP", Embedded: true}, {Name: "Disk2.CAB", Compression: "MSZIP", Embedded: true, CutOff: true},
	}, info.Cabinets)

	var kept struct {
		Error       errorDetail
		Files, Lost []struct{ Path string }
	}
	code, _ = hotfixJSON(t, &kept, "extract", pkg, "-o", out, "--keep-going")
	require.Equal(t, exitInput, code)
	require.Len(t, kept.Files, 9)
	require.Len(t, kept.Lost, 1)
	require.Equal(t, "OLEPRO32.DLL", kept.Lost[0].Path)
	require.NotEmpty(t, kept.Error.Message)
	require.Len(t, testkit.Names(t, out), 9)
}

// TestMissingCabinet: the message names the cabinet, its Media row and the files,
// and --media finds it elsewhere.
func TestMissingCabinet(t *testing.T) {
	dir := t.TempDir()
	pkg := filepath.Join(dir, "msi_with_external_cab.msi")
	data, err := os.ReadFile(corpus.Path(t, "msi", "msi_with_external_cab.msi"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(pkg, data, 0o666))
	out := filepath.Join(dir, "out")
	var document struct {
		Error errorDetail
		Files []struct{ Path string }
	}
	code, _ := hotfixJSON(t, &document, "extract", pkg, "-o", out)
	require.Equal(t, exitInput, code)
	require.NoDirExists(t, out)
	for _, part := range []string{`"msi_with_external_cab.cab"`, "DiskId 1", "LastSequence 1", "PFiles/~TestMSIWithExternalCab/create_msi_with_external_cab.wxs"} {
		require.Contains(t, document.Error.Message, part)
	}
	require.Contains(t, document.Error.Hint, "--media")

	document.Error = errorDetail{}
	code, stderr := hotfixJSON(t, &document, "extract", pkg, "-o", out, "--media", filepath.Join(corpus.Dir(t), "msi"))
	require.Equal(t, exitOK, code, stderr)
	require.Len(t, document.Files, 2)
}
