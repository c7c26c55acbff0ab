package distpoint_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/distpoint"
	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/manifest/kbarticle"
)

// bundle makes a stand-in for the content of a hotfix bundle of ConfigMgr 2012 or
// later, as it is below \\SERVER\SMS_ABC\Hotfix, and its file list.
func bundle(t *testing.T, kb string, names map[string]string) (archive, list string) {
	t.Helper()
	number := strings.TrimPrefix(kb, "KB")
	patch := patchVariant(t, patchChange{kb: kb})
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	lines := []string{"File name\tFile version\tFile size\tDate\tTime\tPlatform"}
	for folder, name := range names {
		f, err := w.Create("Hotfix/" + kb + "/" + folder + "/" + name)
		require.NoError(t, err)
		_, err = f.Write([]byte(patch))
		require.NoError(t, err)
		lines = append(lines, fmt.Sprintf("%s\tNot applicable\t%d\t25-Apr-2013\t06:28\tNot applicable", name, len(patch)))
	}
	require.NoError(t, w.Close())
	archive = filepath.Join(t.TempDir(), number+"_ENU_x64_zip.zip")
	require.NoError(t, os.WriteFile(archive, b.Bytes(), 0o644))

	name := kb + "_FileList.txt"
	manifests, err := kbarticle.Import(t.Context(), strings.NewReader(strings.Join(lines, "\r\n")+"\r\n"), name, kbarticle.Options{})
	require.NoError(t, err)
	require.Len(t, manifests, 1)
	require.Equal(t, kb, manifests[0].KB)
	list = filepath.Join(t.TempDir(), "manifest.json")
	b.Reset()
	require.NoError(t, manifest.Write(&b, manifests...))
	require.NoError(t, os.WriteFile(list, b.Bytes(), 0o644))
	return archive, list
}

// TestStageGenerations stages the layouts of ConfigMgr 2012 and of the current
// branch: the client patches go where those of 2007 go, each platform has a line
// of its own, and patches of the console are in none.
func TestStageGenerations(t *testing.T) {
	for _, tt := range []struct {
		kb       string
		names    map[string]string
		x64, x86 string
		left     string
	}{
		{
			"KB2817245", map[string]string{
				"Client/x64": "configmgr2012ac-sp1-kb2817245-x64.msp", "Client/i386": "configmgr2012ac-sp1-kb2817245-i386.msp",
				"AdminConsole/i386": "configmgr2012adminui-sp1-kb2817245-i386.msp",
			}, "configmgr2012ac-sp1-kb2817245-x64.msp", "configmgr2012ac-sp1-kb2817245-i386.msp", "configmgr2012adminui-sp1-kb2817245-i386.msp",
		},
		{
			"KB2905002", map[string]string{"x64/ClientPatch": "configmgr2012ac-r2-kb2905002-x64.msp", "i386/ClientPatch": "configmgr2012ac-r2-kb2905002-i386.msp"},
			"configmgr2012ac-r2-kb2905002-x64.msp", "configmgr2012ac-r2-kb2905002-i386.msp", "",
		},
		{
			"KB1234567", map[string]string{
				"Client/x64": "ConfigMgr1511-client-KB1234567-x64.msp", "Client/i386": "ConfigMgr1511-client-KB1234567-i386.msp",
				"AdminConsole/i386": "ConfigMgr1511-AdminUI-KB1234567-i386.msp",
			}, "ConfigMgr1511-client-KB1234567-x64.msp", "ConfigMgr1511-client-KB1234567-i386.msp", "ConfigMgr1511-AdminUI-KB1234567-i386.msp",
		},
	} {
		archive, list := bundle(t, tt.kb, tt.names)
		o := options(t, list, filepath.Join(t.TempDir(), "out"))
		o.Location.PackageID = "ABC0001F"
		r, err := distpoint.Stage(t.Context(), archive, o)
		require.NoError(t, err, tt.kb)
		require.Equal(t, tt.kb, r.KB)
		require.Nil(t, r.PatchProperty)
		require.Empty(t, r.PropertiesLine)
		folder := `C:\_SMSTaskSequence\OSD\ABC0001F\i386\hotfix\` + tt.kb + `\`
		var lines []string
		for _, l := range r.PlatformLines {
			lines = append(lines, l.Platform+": "+l.Line)
		}
		require.Equal(t, []string{`x64: PATCH="` + folder + tt.x64 + `"`, `x86: PATCH="` + folder + tt.x86 + `"`}, lines)
		for _, name := range []string{tt.x64, tt.x86} {
			require.FileExists(t, filepath.Join(o.Output, "Client/i386/hotfix", tt.kb, name))
		}
		require.Len(t, r.Deployments, 2)
		text, err := os.ReadFile(filepath.Join(o.Output, "PATCH.txt"))
		require.NoError(t, err)
		require.Contains(t, string(text), `\Hotfix\`+tt.kb+`\Client`)
		require.NotContains(t, string(text), "Advanced Client Hotfix, which")
		for _, l := range r.PlatformLines {
			require.Contains(t, string(text), l.Line)
		}
		if tt.left != "" {
			require.NoFileExists(t, filepath.Join(o.Output, "Client/i386/hotfix", tt.kb, tt.left))
			require.Contains(t, string(text), "were not staged: "+tt.left)
		}
		definition, err := os.ReadFile(filepath.Join(o.Output, "ClientHotfix", tt.kb+".sms"))
		require.NoError(t, err)
		require.Empty(t, definitionFaults(string(definition)))
		require.Contains(t, string(definition), "msiexec.exe /p "+tt.x64)
		require.Contains(t, string(definition), "msiexec.exe /p "+tt.x86)
	}
}
