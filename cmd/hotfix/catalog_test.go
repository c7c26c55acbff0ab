package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/cabtest"
	"github.com/hotfixkit/hotfixkit/manifest/authenticode"
)

const catalogFixtures = "../../manifest/authenticode/testdata/catalog"

func TestInfoOfCatalog(t *testing.T) {
	name := filepath.Join(catalogFixtures, "files.cat")
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitOK, run(context.Background(), []string{"info", "--json", name, "--trust", filepath.Join(catalogFixtures, "root.der"), "--at", "2010-01-25"}, &stdout, &stderr), stderr.String())
	var info fileInfo
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &info))
	require.Equal(t, "cat", info.Kind)
	require.Equal(t, authenticode.Valid, info.Signature.Status)
	require.Equal(t, "Example Catalog Signer", info.Signature.Signer)
	require.Len(t, info.Catalog.Members, 2)
	require.Equal(t, "tool.exe", info.Catalog.Members[0].Name)
	require.Equal(t, authenticode.MemberPE, info.Catalog.Members[0].Kind)

	stdout.Reset()
	require.Equal(t, exitOK, run(context.Background(), []string{"info", name}, &stdout, &stderr), stderr.String())
	require.Contains(t, stdout.String(), "security catalog")
	require.Contains(t, stdout.String(), "(PE) tool.exe")
}

// TestVerifyWithCatalog requires signatures of files that have none of their own.
func TestVerifyWithCatalog(t *testing.T) {
	dir := t.TempDir()
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(catalogFixtures, name))
		require.NoError(t, err)
		return data
	}
	folder := filepath.Join(dir, "folder")
	require.NoError(t, os.Mkdir(folder, 0o755))
	for _, name := range []string{"tool.exe", "readme.txt"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), read(name), 0o644))
	}
	catalog := filepath.Join(catalogFixtures, "files.cat")
	changed := filepath.Join(dir, "changed.cat")
	data := read("files.cat")
	data[bytes.Index(data, []byte("0123456789abcdef"))] ^= 1
	require.NoError(t, os.WriteFile(changed, data, 0o644))
	reference := filepath.Join(dir, "reference.json")
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitOK, run(context.Background(), []string{"manifest", "create", folder, "--json"}, &stdout, &stderr), stderr.String())
	require.NoError(t, os.WriteFile(reference, stdout.Bytes(), 0o644))

	packed := filepath.Join(dir, "download.cab")
	var cabinet bytes.Buffer
	w := cabtest.NewWriter(&cabinet, cabtest.WriterOptions{})
	for _, name := range []string{"tool.exe", "readme.txt", "files.cat"} {
		require.NoError(t, w.Add(cabtest.FileHeader{Name: name}, bytes.NewReader(read(name))))
	}
	require.NoError(t, w.Close())
	require.NoError(t, os.WriteFile(packed, cabinet.Bytes(), 0o644))
	withOwn := filepath.Join(dir, "own")
	require.NoError(t, os.CopyFS(withOwn, os.DirFS(catalogFixtures)))

	trust := []string{"--trust", filepath.Join(catalogFixtures, "root.der"), "--at", "2010-01-25"}
	for name, test := range map[string]struct {
		args []string
		want int
		text string
	}{
		"no catalog":             {append(trust, folder), exitDifference, ""},
		"catalog":                {append(trust, folder, "--catalog", catalog), exitOK, `"catalog": "files.cat"`},
		"publisher":              {append(trust, folder, "--catalog", catalog, "--publisher", "Example Corp."), exitOK, ""},
		"other publisher":        {append(trust, folder, "--catalog", catalog, "--publisher", "Example"), exitDifference, ""},
		"root not trusted":       {[]string{folder, "--catalog", catalog}, exitDifference, "untrusted"},
		"text, root not trusted": {[]string{filepath.Join(folder, "readme.txt"), "--catalog", catalog}, exitOK, ""},
		"catalog changed":        {append(trust, folder, "--catalog", changed), exitInput, "the signature of the catalog is invalid"},
		"not a catalog":          {append(trust, folder, "--catalog", filepath.Join(folder, "readme.txt")), exitInput, "not a security catalog"},
		"catalog in the folder":  {append(trust, withOwn), exitOK, `"catalog": "files.cat"`},
		"catalog in the cabinet": {append(trust, packed), exitDifference, `"catalog": "files.cat"`}, // which is not signed itself
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			args := append([]string{"verify", "--json", "--manifest", reference, "--require-signature"}, test.args...)
			require.Equal(t, test.want, run(context.Background(), args, &stdout, &stderr), "%s\n%s", stdout.String(), stderr.String())
			require.Contains(t, stdout.String(), test.text)
		})
	}
}
