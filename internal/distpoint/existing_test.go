package distpoint

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/msp"
)

// TestPacked: the key of Windows Installer's own product of Office 2003 is the
// published example of the form: {90110409-6000-11D3-8CFE-0150048383C9}.
func TestPacked(t *testing.T) {
	require.Equal(t, "9040110900063D11C8EF10054038389C", packed("{90110409-6000-11D3-8CFE-0150048383C9}"))
	require.Equal(t, packed("{ABCDEF01-6000-11D3-8CFE-0150048383C9}"), packed("{abcdef01-6000-11d3-8cfe-0150048383c9}"))
}

func TestDeployment(t *testing.T) {
	patch := &msp.Patch{Code: "{00000000-0000-0000-0000-000000000009}", Products: []string{product, "{00000000-0000-0000-0000-000000000002}"}}
	d := newDeployment("KB977203", "SCCM2007AC-SP2-KB977203-x86.msp", patch, nil)
	require.Equal(t, "x86", d.Platform)
	require.Equal(t, `msiexec.exe /p SCCM2007AC-SP2-KB977203-x86.msp /L*v "%TEMP%\KB977203-x86.log" /qn REINSTALLMODE=mous REINSTALL=ALL`, d.CommandLine)
	require.False(t, d.tooLong())
	require.Len(t, d.Detection, 2)
	require.Contains(t, d.Detection[0].RegistryKey, `\Products\`+packed(product)+`\Patches\`+packed(patch.Code))

	properties := []Property{{"SMSSLP", "slp.example.com"}, {"FSP", "100% sure"}}
	d = newDeployment("KB977203", "SCCM2007AC-SP2-KB977203-x86.msp", patch, properties)
	require.True(t, strings.HasSuffix(d.CommandLine, ` SMSSLP=slp.example.com FSP="100% sure"`))
	require.True(t, d.tooLong())
	require.Equal(t, "@echo off\r\n"+`msiexec.exe /p "%~dp0SCCM2007AC-SP2-KB977203-x86.msp" /L*v "%TEMP%\KB977203-x86.log" /qn REINSTALLMODE=mous REINSTALL=ALL SMSSLP=slp.example.com FSP="100%% sure"`+
		"\r\nexit /b %errorlevel%\r\n", string(d.script("KB977203", properties)))
	definition := existingDefinition("KB977203", "English", []Deployment{d})
	require.Equal(t, "cmd /c Install-KB977203-x86.cmd", definition.Programs[0].CommandLine)
	require.True(t, definition.Programs[0].DriveLetter)

	for name, want := range map[string]string{
		"configmgr2012ac-r2-kb2905002-x64.msp": "x64", "ConfigMgr1511-client-KB1234567-i386.msp": "x86", "sccm2007ac-sp2-kb2659258-x86-enu.msp": "x86", "client.msp": "",
	} {
		require.Equal(t, want, platform(name), name)
	}
}
