package petest_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/pe"
	"github.com/hotfixkit/hotfixkit/internal/pe/petest"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

var ccmcertfix = petest.Version(pe.Number{4, 0, 6487, 2111}, "Ccmcertfix.exe", "certificate fix", "hotfixkit")

func TestBuild(t *testing.T) {
	french := *ccmcertfix
	french.Language = 0x040c
	tests := []petest.Image{
		{Machine: pe.MachineI386, Versions: []*pe.Version{ccmcertfix}, Size: 17768, Seed: 1, Timestamp: 1264400820},
		{Machine: pe.MachineAMD64, Versions: []*pe.Version{ccmcertfix}, Size: 285032, DLL: true, ResourcesFirst: true},
		{Machine: pe.MachineIA64, Versions: []*pe.Version{ccmcertfix, &french}, Size: 649576, Seed: 7, DLL: true},
		{Machine: pe.MachineARM64, Versions: []*pe.Version{ccmcertfix}},
		{Machine: pe.MachineI386},
	}
	for _, img := range tests {
		t.Run(fmt.Sprint(img.Machine, " ", img.Size), func(t *testing.T) {
			b, err := img.Build()
			require.NoError(t, err)
			if img.Size > 0 {
				require.Len(t, b, int(img.Size))
			}
			again, err := img.Build()
			require.NoError(t, err)
			require.Equal(t, b, again)

			info, err := pe.Read(bytes.NewReader(b), int64(len(b)))
			require.NoError(t, err)
			require.Equal(t, img.Machine, info.Machine)
			require.Equal(t, img.Timestamp, info.Timestamp)
			require.Equal(t, img.DLL, info.DLL)
			require.Equal(t, img.Versions, info.Versions)
		})
	}
}

func TestBuildTooSmall(t *testing.T) {
	_, err := petest.Image{Machine: pe.MachineI386, Size: 1000}.Build()
	require.ErrorContains(t, err, "needs 1536 bytes")
}

// TestSoundFor7zz lets 7-Zip test the image, checksum included.
func TestSoundFor7zz(t *testing.T) {
	tool := corpus.Tool(t, "7zz")
	for _, machine := range []pe.Machine{pe.MachineI386, pe.MachineAMD64, pe.MachineIA64} {
		b, err := petest.Image{Machine: machine, Versions: []*pe.Version{ccmcertfix}, Size: 17920, Seed: 3}.Build()
		require.NoError(t, err)
		file := filepath.Join(t.TempDir(), "image.dll")
		require.NoError(t, os.WriteFile(file, b, 0o600))
		out, err := exec.Command(tool, "t", "-tPE", file).CombinedOutput()
		require.NoError(t, err, string(out))
		require.NotContains(t, string(out), "WARNING")
		out, err = exec.Command(tool, "l", "-tPE", file).CombinedOutput()
		require.NoError(t, err)
		require.Contains(t, string(out), "FileVersion: 4.0.6487.2111")
	}
}
