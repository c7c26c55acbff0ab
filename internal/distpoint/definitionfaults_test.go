package distpoint_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/distpoint"
	"github.com/hotfixkit/hotfixkit/msi"
)

// The keys of a package definition file, with the most characters that each may
// have (Microsoft, "About Package Definition Files"; MSDN cc144271); 0 where
// no limit is published.
var (
	packageKeys = map[string]int{
		"Name": 50, "Version": 32, "Icon": 0, "Publisher": 32, "Language": 32, "Comment": 127, "ContainsNoFiles": 0,
		"Programs": 0, "MIFFileName": 50, "MIFName": 50, "MIFVersion": 32, "MIFPublisher": 32,
	}
	programKeys = map[string]int{
		"Name": 50, "Icon": 0, "Comment": 127, "CommandLine": 127, "StartIn": 127, "Run": 0, "AfterRunning": 0,
		"EstimatedDiskSpace": 0, "EstimatedRunTime": 0, "SupportedClients": 0, "AdditionalProgramRequirements": 127,
		"CanRunWhen": 0, "UserInputRequired": 0, "AdminRightsRequired": 0, "UseInstallAccount": 0, "DriveLetterConnection": 0,
		"SpecifyDrive": 0, "ReconnectDriveAtLogon": 0, "DependentProgram": 0, "Assignment": 0, "Disabled": 0,
	}
	requiredOfPackage = []string{"Name", "Publisher", "Language", "Programs"}
	requiredOfProgram = []string{"Name", "CommandLine", "StartIn"}
	valuesOfKeys      = map[string][]string{
		"Run": {"Minimized", "Maximized", "Hidden"}, "AfterRunning": {"SMSRestart", "ProgramRestart", "SMSLogoff"},
		"CanRunWhen": {"UserLoggedOn", "NoUserLoggedOn", "AnyUserStatus"}, "UserInputRequired": {"True", "False"}, "AdminRightsRequired": {"True", "False"},
		"DriveLetterConnection": {"True", "False"},
	}
)

// definitionFaults lists what ConfigMgr 2007 would not accept in a package
// definition file.
func definitionFaults(text string) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if strings.ContainsFunc(text, func(r rune) bool { return r > '~' }) {
		fault("not ASCII")
	}
	sections := map[string]map[string]string{}
	section := ""
	for i, line := range strings.Split(strings.TrimSuffix(text, "\r\n"), "\n") {
		line = strings.TrimSuffix(line, "\r")
		key, value, isKey := strings.Cut(line, "=")
		switch {
		case line == "":
		case strings.HasPrefix(key, "["):
			section = strings.Trim(key, "[]")
			if sections[section] != nil {
				fault("line %d: section %q occurs twice", i+1, section)
			}
			sections[section] = map[string]string{}
		case !isKey || sections[section] == nil:
			fault("line %d is neither a section nor a key", i+1)
		default:
			if _, twice := sections[section][key]; twice {
				fault("[%s] %s occurs twice", section, key)
			}
			sections[section][key] = value
		}
	}
	if sections["PDF"]["Version"] != "2.0" {
		fault("[PDF] Version is not 2.0")
	}
	check := func(name string, known map[string]int, required []string) {
		for _, key := range required {
			if sections[name][key] == "" {
				fault("[%s] %s is missing", name, key)
			}
		}
		for key, value := range sections[name] {
			limit, ok := known[key]
			switch {
			case !ok && !strings.HasPrefix(key, "SupportedClient"):
				fault("[%s] %s is not a known key", name, key)
			case limit > 0 && len(value) > limit:
				fault("[%s] %s has %d characters, of %d", name, key, len(value), limit)
			case valuesOfKeys[key] != nil && !slices.Contains(valuesOfKeys[key], value):
				fault("[%s] %s is %q", name, key, value)
			}
		}
	}
	check("Package Definition", packageKeys, requiredOfPackage)
	programs := strings.Split(sections["Package Definition"]["Programs"], ",")
	for _, program := range programs {
		check(program, programKeys, requiredOfProgram)
	}
	for name := range sections {
		if name != "PDF" && name != "Package Definition" && !slices.Contains(programs, name) {
			fault("section [%s] is not a program of the package", name)
		}
	}
	slices.Sort(faults)
	return faults
}

func TestDefinitionFaults(t *testing.T) {
	const good = "[PDF]\r\nVersion=2.0\r\n\r\n[Package Definition]\r\nName=Clock\r\nPublisher=Clocks\r\nLanguage=English\r\nPrograms=Install\r\n\r\n" +
		"[Install]\r\nName=Install\r\nCommandLine=clock.exe\r\nStartIn=.\r\nRun=Hidden\r\n"
	require.Empty(t, definitionFaults(good))
	for old, tt := range map[string]struct{ now, fault string }{
		"Version=2.0":           {"Version=1.0", "[PDF] Version is not 2.0"},
		"Language=English\r\n":  {"", "[Package Definition] Language is missing"},
		"StartIn=.\r\n":         {"", "[Install] StartIn is missing"},
		"Publisher=Clocks":      {"Publisher=" + strings.Repeat("x", 33), "[Package Definition] Publisher has 33 characters, of 32"},
		"CommandLine=clock.exe": {"CommandLine=" + strings.Repeat("x", 128), "[Install] CommandLine has 128 characters, of 127"},
		"Run=Hidden":            {"Run=Secret", `[Install] Run is "Secret"`},
		"Name=Clock":            {"Name=Clöck", "not ASCII"},
		"Name=Install":          {"Name=Install\r\nname=Install", "[Install] name is not a known key"},
		"StartIn=.":             {"StartIn=.\r\nStartIn=.", "[Install] StartIn occurs twice"},
		"Run=Hidden\r\n":        {"Run=Hidden\r\n[Other]\r\nName=Other\r\n", "section [Other] is not a program of the package"},
	} {
		require.Equal(t, []string{tt.fault}, definitionFaults(strings.Replace(good, old, tt.now, 1)), old)
	}
}

// TestStagedDefinitions applies the checker to what stage writes, for packages of
// languages with and without a name of their own.
func TestStagedDefinitions(t *testing.T) {
	for language, name := range map[string]string{
		"0": "Language neutral", "1025": "Arabic", "1033": "English", "1037": "Hebrew", "9999": "Language 9999",
	} {
		pkg := variant(t, "SCCM2007-SP2-KB977203-XXX.msi", func(db *msi.Database) { setProperty(t, db, "ProductLanguage", language) })
		o := options(t, "kb977203", filepath.Join(t.TempDir(), "out"))
		r, err := distpoint.Stage(t.Context(), pkg, o)
		require.NoError(t, err)
		definitions := 0
		for _, f := range r.Files {
			if !strings.HasSuffix(f.Path, ".sms") {
				continue
			}
			definitions++
			b, err := os.ReadFile(filepath.Join(o.Output, filepath.FromSlash(f.Path)))
			require.NoError(t, err)
			require.Empty(t, definitionFaults(string(b)), "%s: %s", language, f.Path)
			require.Contains(t, string(b), "\r\nLanguage="+name+"\r\n")
		}
		require.NotZero(t, definitions)
	}
}
