package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/cabtest"
	"github.com/hotfixkit/hotfixkit/msi"
)

// TestDeltaThatCannotBeApplied gives the stand-in's patch a delta of msdelta: the
// file is named and refused, and the others can be had.
func TestDeltaThatCannotBeApplied(t *testing.T) {
	fixtures := filepath.Join("..", "..", "testdata", "kb977203")
	base := filepath.Join(fixtures, "client-sp2", "client.msi")
	code, content, messages := command("cat", filepath.Join(fixtures, "SCCM2007-SP2-KB977203-ENU.msi"), "SCCM2007AC-SP2-KB977203-x86.msp")
	require.Zero(t, code, messages)
	dir := t.TempDir()
	parts := filepath.Join(dir, "parts")
	original := filepath.Join(dir, "original.msp")
	require.NoError(t, os.WriteFile(original, []byte(content), 0o666))
	code, _, messages = command("extract", original, "-o", parts)
	require.Zero(t, code, messages)

	const cabinet = "PCW_CAB_KB977203"
	db, err := msi.Open(original)
	require.NoError(t, err)
	defer db.Close()
	var members bytes.Buffer
	w := cabtest.NewWriter(&members, cabtest.WriterOptions{})
	for _, m := range []struct{ key, file string }{{"osdsmpclient.dll", ""}, {"ccmgencert.dll", "ccmgencert.dll"}, {"certfix.mof", "certfix.mof"}} {
		data := []byte("PA30 and what follows")
		if m.file != "" {
			data, err = os.ReadFile(filepath.Join(parts, cabinet, m.file))
			require.NoError(t, err)
		}
		require.NoError(t, w.Add(cabtest.FileHeader{Name: m.key}, bytes.NewReader(data)))
	}
	require.NoError(t, w.Close())
	require.NoError(t, db.SetStream(cabinet, members.Bytes()))
	patch := filepath.Join(dir, "pa30.msp")
	out, err := os.Create(patch)
	require.NoError(t, err)
	require.NoError(t, db.Save(out))
	require.NoError(t, out.Close())

	image := filepath.Join(dir, "image")
	code, _, messages = command("extract", base, "--patch", patch, "-o", image)
	require.Equal(t, exitInput, code)
	require.Contains(t, messages, "System/CCM/osdsmpclient.dll")
	require.Contains(t, messages, "PA30")
	require.Contains(t, messages, "hint: ")
	require.NoDirExists(t, image)

	code, text, messages := command("extract", base, "--patch", patch, "-o", image, "--keep-going")
	require.Equal(t, exitInput, code)
	require.Contains(t, messages, "PA30")
	require.Contains(t, text, "lost: 1 file\n  System/CCM/osdsmpclient.dll")
	require.FileExists(t, filepath.Join(image, "System", "CCM", "ccmgencert.dll"))
	require.FileExists(t, filepath.Join(image, "System", "CCM", "certfix.mof"))
	require.FileExists(t, filepath.Join(image, "System", "CCM", "ccmexec.exe"))
	require.NoFileExists(t, filepath.Join(image, "System", "CCM", "osdsmpclient.dll"))
	require.NoFileExists(t, filepath.Join(image, "client.msi"), "the image is not complete")
}
