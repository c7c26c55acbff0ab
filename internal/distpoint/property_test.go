package distpoint

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var sp2Patch = Patch{KB: "KB977203", Path: "i386/hotfix/KB977203/SCCM2007AC-SP2-KB977203-x86.msp"}

func TestPropertyLine(t *testing.T) {
	second := Patch{KB: "KB2659258", Path: "i386/hotfix/KB2659258/sccm2007ac-sp2-kb2659258-x86-enu.msp"}
	for _, test := range []struct {
		name       string
		patches    []Patch
		location   Location
		properties []Property
		want       string
		warnings   []string
	}{
		{
			name: "as the article prints it", patches: []Patch{sp2Patch},
			want:     `PATCH="C:\_SMSTaskSequence\OSD\<Package_ID>\i386\hotfix\KB977203\SCCM2007AC-SP2-KB977203-x86.msp"`,
			warnings: []string{"holds the placeholder"},
		},
		{
			name: "package ID and drive", patches: []Patch{sp2Patch}, location: Location{PackageID: "abc0001f", CacheDrive: "d:"},
			want: `PATCH="D:\_SMSTaskSequence\OSD\ABC0001F\i386\hotfix\KB977203\SCCM2007AC-SP2-KB977203-x86.msp"`,
		},
		{
			name: "UNC", patches: []Patch{sp2Patch}, location: Location{UNC: `\\server\SMSPKGD$\ABC0001F\`},
			want: `PATCH="\\server\SMSPKGD$\ABC0001F\i386\hotfix\KB977203\SCCM2007AC-SP2-KB977203-x86.msp"`,
		},
		{
			name: "several patches in one PATCH", patches: []Patch{sp2Patch, second}, location: Location{UNC: `\\s\c`},
			want:     `PATCH="\\s\c\i386\hotfix\KB977203\SCCM2007AC-SP2-KB977203-x86.msp;\\s\c\i386\hotfix\KB2659258\sccm2007ac-sp2-kb2659258-x86-enu.msp"`,
			warnings: []string{"the line has 131 characters"},
		},
		{
			name: "other properties", patches: []Patch{sp2Patch}, location: Location{UNC: `\\s\c`},
			properties: []Property{{"SMSSLP", "slp.example"}, {"FSP", "a b"}, {"CCMLOGDIR", `say "x"`}, {"DISABLESITEOPT", ""}},
			want:       `PATCH="\\s\c\i386\hotfix\KB977203\SCCM2007AC-SP2-KB977203-x86.msp" SMSSLP=slp.example FSP="a b" CCMLOGDIR="say ""x""" DISABLESITEOPT=""`,
			warnings:   []string{"characters"},
		},
		{
			name: "no patch needed", properties: []Property{{"SMSSLP", "slp"}}, want: "SMSSLP=slp",
		},
		{
			name: "discouraged variable as drive", patches: []Patch{sp2Patch}, location: Location{PackageID: "ABC0001F", CacheDrive: "%_SMSTSMDataPath%"},
			want:     `PATCH="%_SMSTSMDataPath%\OSD\ABC0001F\i386\hotfix\KB977203\SCCM2007AC-SP2-KB977203-x86.msp"`,
			warnings: []string{"discouraged"},
		},
		{
			name: "discouraged variable in a property", properties: []Property{{"CCMINSTALLDIR", `%_smstsmdatapath%\x`}},
			want: `CCMINSTALLDIR=%_smstsmdatapath%\x`, warnings: []string{"discouraged"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			line, err := NewPropertyLine(test.patches, test.location, test.properties)
			require.NoError(t, err)
			require.Equal(t, test.want, line.Line)
			require.Len(t, line.Warnings, len(test.warnings))
			for i, w := range test.warnings {
				require.Contains(t, line.Warnings[i], w)
			}
		})
	}
}

func TestPropertyLineRefuses(t *testing.T) {
	for _, test := range []struct {
		name       string
		patch      Patch
		location   Location
		properties []Property
		want       string
	}{
		{"brackets", sp2Patch, Location{PackageID: "<ABC0001F>"}, nil, "angle brackets"},
		{"short ID", sp2Patch, Location{PackageID: "ABC001"}, nil, "three-character site code"},
		{"not hexadecimal", sp2Patch, Location{PackageID: "ABC0001G"}, nil, "hexadecimal"},
		{"drive without colon", sp2Patch, Location{CacheDrive: "D"}, nil, "drive letter"},
		{"no UNC", sp2Patch, Location{UNC: `C:\share`}, nil, "not a UNC path"},
		{"UNC without share", sp2Patch, Location{UNC: `\\server`}, nil, "not a UNC path"},
		{"UNC and package ID", sp2Patch, Location{UNC: `\\s\c`, PackageID: "ABC0001F"}, nil, "one or the other"},
		{"PATCH given", sp2Patch, Location{}, []Property{{"PATCH", "x"}}, "cannot be given"},
		{"lower case", sp2Patch, Location{}, []Property{{"smsslp", "x"}}, "public property"},
		{"line break", sp2Patch, Location{}, []Property{{"FSP", "a\nb"}}, "control character"},
		{"twice", sp2Patch, Location{}, []Property{{"FSP", "a"}, {"FSP", "b"}}, "twice"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := NewPropertyLine([]Patch{test.patch}, test.location, test.properties)
			require.ErrorIs(t, err, ErrProperty)
			require.ErrorContains(t, err, test.want)
		})
	}
	_, err := ParseProperty("SMSSLP")
	require.ErrorIs(t, err, ErrProperty)

	// Names come from the package, not from the user.
	for _, name := range []string{"a;b.msp", `a"b.msp`, "a\nb.msp"} {
		_, err := NewPropertyLine([]Patch{{KB: "KB977203", Path: "i386/hotfix/" + name}}, Location{}, nil)
		require.ErrorIs(t, err, ErrContent)
	}
}

func TestDefinition(t *testing.T) {
	text, err := certFixDefinition("KB977203", "4.0.6487.2111", "English", "CCMCertFix.exe").Bytes()
	require.NoError(t, err)
	require.Equal(t, strings.ReplaceAll(`[PDF]
Version=2.0

[Package Definition]
Name=CCMCertFix (KB977203)
Version=4.0.6487.2111
Publisher=Microsoft
Language=English
Comment=Repairs client certificates; must have run before user state is captured
Programs=CCMCertFix,CCMCertFix with log

[CCMCertFix]
Name=CCMCertFix
CommandLine=CCMCertFix.exe
StartIn=.
Run=Hidden
CanRunWhen=AnyUserStatus
AdminRightsRequired=True
UserInputRequired=False

[CCMCertFix with log]
Name=CCMCertFix with log
CommandLine=cmd /c CCMCertFix.exe > "%WINDIR%\Temp\CCMCertFix.log" 2>&1
Comment=Writes its messages to CCMCertFix.log in the Temp folder of Windows
DriveLetterConnection=True
StartIn=.
Run=Hidden
CanRunWhen=AnyUserStatus
AdminRightsRequired=True
UserInputRequired=False
`, "\n", "\r\n"), string(text))
}

func TestDefinitionLimits(t *testing.T) {
	whole := func(change func(*Definition)) Definition {
		d := Definition{
			Name: "n", Publisher: "p", Language: "l",
			Programs: []Program{{Name: "p", CommandLine: "x"}},
		}
		change(&d)
		return d
	}
	for name, change := range map[string]func(*Definition){
		"name":            func(d *Definition) { d.Name = strings.Repeat("n", 51) },
		"no name":         func(d *Definition) { d.Name = "" },
		"version":         func(d *Definition) { d.Version = strings.Repeat("1", 33) },
		"publisher":       func(d *Definition) { d.Publisher = strings.Repeat("p", 33) },
		"no publisher":    func(d *Definition) { d.Publisher = "" },
		"language":        func(d *Definition) { d.Language = strings.Repeat("l", 33) },
		"no language":     func(d *Definition) { d.Language = "" },
		"comment":         func(d *Definition) { d.Comment = strings.Repeat("c", 128) },
		"program name":    func(d *Definition) { d.Programs[0].Name = strings.Repeat("p", 51) },
		"command line":    func(d *Definition) { d.Programs[0].CommandLine = strings.Repeat("x", 128) },
		"no command line": func(d *Definition) { d.Programs[0].CommandLine = "" },
		"not ASCII":       func(d *Definition) { d.Name = "Größe" },
		"line break":      func(d *Definition) { d.Name = "a\r\nb" },
		"comma":           func(d *Definition) { d.Programs[0].Name = "a,b" },
	} {
		_, err := whole(change).Bytes()
		require.ErrorIs(t, err, ErrDefinition, name)
	}
	_, err := whole(func(d *Definition) { d.Name, d.Version = strings.Repeat("n", 50), strings.Repeat("1", 32) }).Bytes()
	require.NoError(t, err)
}
