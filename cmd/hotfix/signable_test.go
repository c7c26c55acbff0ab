package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/extract/verify"
	"github.com/hotfixkit/hotfixkit/internal/cabtest"
	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/testdata/testkit"
)

// signables are files of kinds that can or cannot carry a signature, and the status
// that each has where one is required.
func signables(t *testing.T) (files map[string]string, want map[string]manifest.Status) {
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join(catalogFixtures, name))
		require.NoError(t, err)
		return string(data)
	}
	const block = "'x'\r\n# SIG # Begin signature block\r\n# MII\r\n"
	changed := strings.Replace(read("files.cat"), "0123456789abcdef", "0123456789abcdee", 1)
	require.NotEqual(t, read("files.cat"), changed)
	files = map[string]string{
		"tool.exe": read("tool.exe"), "readme.txt": read("readme.txt"), "files.cat": read("files.cat"),
		"catalog.bin": read("files.cat"), "changed.bin": changed,
		"noise.cat": "noise", "noise.ocx": "noise", "noise.mui": "noise", "noise.mst": "noise",
		"plain.ps1": "'x'", "plain.vbs": "x = 1", "signed.ps1": block, "wide.psm1": "\xff\xfe" + strings.Join(strings.Split(block, ""), "\x00") + "\x00",
		"app.msix": "noise", "app.JAR": "noise", "old.xap": "noise", "package.rpm": "noise", "lead.bin": "\xed\xab\xee\xdb\x03\x00\x00\x00\x00",
		"picture.png": "\x89PNG\r\n\x1a\n", "block.txt": block,
	}
	missing, unread := manifest.SignatureMissing, manifest.SignatureUnreadable
	want = map[string]manifest.Status{
		"tool.exe": manifest.OK, "readme.txt": manifest.OK, "files.cat": manifest.OK,
		"catalog.bin": manifest.OK, "changed.bin": manifest.SignatureInvalid,
		"noise.cat": missing, "noise.ocx": missing, "noise.mui": missing, "noise.mst": missing,
		"plain.ps1": missing, "plain.vbs": missing, "signed.ps1": unread, "wide.psm1": unread,
		"app.msix": unread, "app.JAR": unread, "old.xap": unread, "package.rpm": unread, "lead.bin": unread,
		"picture.png": manifest.OK, "block.txt": manifest.OK,
	}
	return files, want
}

// verifyJSON runs verify, with the root of the fixtures trusted.
func verifyJSON(t *testing.T, args ...string) (int, verify.Result) {
	var stdout, stderr bytes.Buffer
	args = append([]string{"verify", "--json", "--trust", filepath.Join(catalogFixtures, "root.der"), "--at", "2010-01-25"}, args...)
	code := run(context.Background(), args, &stdout, &stderr)
	var r verify.Result
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &r), "%s%s", stdout.String(), stderr.String())
	return code, r
}

func writeZip(t *testing.T, files map[string]string) string {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, content := range files {
		f, err := w.Create(name)
		require.NoError(t, err)
		_, err = f.Write([]byte(content))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.String()
}

func writeCabinet(t *testing.T, files map[string]string) string {
	var b bytes.Buffer
	w := cabtest.NewWriter(&b, cabtest.WriterOptions{})
	for name, content := range files {
		require.NoError(t, w.Add(cabtest.FileHeader{Name: name}, strings.NewReader(content)))
	}
	require.NoError(t, w.Close())
	return b.String()
}

// TestRequiredOfEveryKind: whoever requires a signature gets it for every file that can
// carry one, wherever it is.
func TestRequiredOfEveryKind(t *testing.T) {
	files, want := signables(t)
	dir := t.TempDir()
	testkit.WriteTree(t, filepath.Join(dir, "folder"), files)
	testkit.WriteTree(t, dir, map[string]string{
		"a.zip": writeZip(t, files), "a.cab": writeCabinet(t, files),
		"outer.zip": writeZip(t, map[string]string{"b/middle.zip": writeZip(t, map[string]string{"a.cab": writeCabinet(t, files)})}),
	})
	for name, args := range map[string][]string{
		"folder": {filepath.Join(dir, "folder")},
		"zip":    {filepath.Join(dir, "a.zip")},
		"cab":    {filepath.Join(dir, "a.cab")},
		"nested": {filepath.Join(dir, "outer.zip"), "--deep"},
	} {
		t.Run(name, func(t *testing.T) {
			failure := exitDifference
			if name == "nested" {
				failure = exitInput // one file begins like an rpm, and is none
			}
			code, r := verifyJSON(t, append(args, "--require-signature")...)
			require.Equal(t, failure, code)
			got := map[string]manifest.Status{}
			for _, f := range r.Files {
				if name == "nested" && !strings.Contains(f.Path, "//a.cab//") {
					continue
				}
				got[f.Name] = f.Status
			}
			require.Equal(t, want, got)

			code, r = verifyJSON(t, append(args, "--require-signature", "--allow-unsigned", "*", "--allow-unsigned", "**")...)
			for _, f := range r.Files {
				require.Equal(t, f.Name == "changed.bin", f.Status != manifest.OK, f.Name)
			}
			require.Equal(t, failure, code) // the catalog that was changed
		})
	}
}

// TestRequiredOfContainers: what a download comes in is judged by name or content, too.
func TestRequiredOfContainers(t *testing.T) {
	files, want := signables(t)
	for name, status := range want {
		if status != manifest.OK {
			delete(files, name)
		}
	}
	dir := t.TempDir()
	testkit.WriteTree(t, dir, map[string]string{
		"a.zip": writeZip(t, files), "setup.exe": writeZip(t, files), "app.msix": writeZip(t, files), "a.cab": writeCabinet(t, files), "cab.bin": writeCabinet(t, files),
	})
	for name, status := range map[string]manifest.Status{
		"a.zip": manifest.OK, "setup.exe": manifest.SignatureMissing, "app.msix": manifest.SignatureUnreadable,
		"a.cab": manifest.SignatureMissing, "cab.bin": manifest.SignatureMissing,
	} {
		t.Run(name, func(t *testing.T) {
			target := filepath.Join(dir, name)
			_, r := verifyJSON(t, target, "--require-signature")
			require.Equal(t, status, r.Packages[0].Status)
			require.Equal(t, status == manifest.OK, r.OK)
			_, r = verifyJSON(t, target, "--require-signature", "--allow-unsigned", name)
			require.Equal(t, manifest.OK, r.Packages[0].Status)
			require.True(t, r.OK)
		})
	}
}
