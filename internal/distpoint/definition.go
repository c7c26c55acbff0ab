package distpoint

import (
	"errors"
	"fmt"
	"strings"
)

// ErrDefinition is wrapped by the error about a package definition that
// ConfigMgr 2007 would not read whole.
var ErrDefinition = errors.New("not a package definition that ConfigMgr 2007 reads")

// A Definition is a ConfigMgr 2007 package definition file (.sms): INI text in
// ASCII.
type Definition struct {
	Name      string // at most 50 characters
	Version   string // at most 32
	Publisher string // at most 32
	Language  string // at most 32, and not empty
	Comment   string // at most 127
	Programs  []Program
}

// A Program is one program of a package. It starts in the package source and runs
// hidden, whether or not a user is logged on, with administrative rights and
// without input of the user.
type Program struct {
	Name        string // at most 50 characters
	CommandLine string // at most ProgramCommandLineLimit characters
	Comment     string // at most 127
	// DriveLetter asks for a drive letter that leads to the distribution point.
	// A command line that needs cmd wants one: cmd cannot have a UNC path as its
	// current folder and would look for its program in the Windows folder.
	DriveLetter bool
}

// required are the keys that must have a value (Microsoft, "About Package
// Definition Files").
var required = map[string]bool{"Name": true, "Publisher": true, "Language": true, "CommandLine": true}

// Bytes writes the definition, or an error that wraps ErrDefinition and names
// the field: a value is never cut.
func (d Definition) Bytes() ([]byte, error) {
	var b strings.Builder
	var failed error
	field := func(section, key, value string, limit int) {
		switch {
		case failed != nil:
		case value == "" && required[key]:
			failed = fmt.Errorf("%w: [%s] %s is empty", ErrDefinition, section, key)
		case len(value) > limit:
			failed = fmt.Errorf("%w: [%s] %s has %d characters, the limit is %d", ErrDefinition, section, key, len(value), limit)
		case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }):
			failed = fmt.Errorf("%w: [%s] %s %q is not plain ASCII", ErrDefinition, section, key, value)
		case value != "":
			fmt.Fprintf(&b, "%s=%s\r\n", key, value)
		}
	}
	var names []string
	for _, p := range d.Programs {
		if strings.ContainsAny(p.Name, ",[]") {
			return nil, fmt.Errorf("%w: a program name cannot hold a comma or a bracket: %q", ErrDefinition, p.Name)
		}
		names = append(names, p.Name)
	}
	b.WriteString("[PDF]\r\nVersion=2.0\r\n\r\n[Package Definition]\r\n")
	field("Package Definition", "Name", d.Name, 50)
	field("Package Definition", "Version", d.Version, 32)
	field("Package Definition", "Publisher", d.Publisher, 32)
	field("Package Definition", "Language", d.Language, 32)
	field("Package Definition", "Comment", d.Comment, 127)
	fmt.Fprintf(&b, "Programs=%s\r\n", strings.Join(names, ","))
	for _, p := range d.Programs {
		fmt.Fprintf(&b, "\r\n[%s]\r\n", p.Name)
		field(p.Name, "Name", p.Name, 50)
		field(p.Name, "CommandLine", p.CommandLine, ProgramCommandLineLimit)
		field(p.Name, "Comment", p.Comment, 127)
		if p.DriveLetter {
			b.WriteString("DriveLetterConnection=True\r\n")
		}
		b.WriteString("StartIn=.\r\nRun=Hidden\r\nCanRunWhen=AnyUserStatus\r\nAdminRightsRequired=True\r\nUserInputRequired=False\r\n")
	}
	if failed != nil {
		return nil, failed
	}
	return []byte(b.String()), nil
}

// certFixDefinition is the package definition of the CCMCertFix program. The KB
// number has its "KB".
func certFixDefinition(kb, version, language, exe string) Definition {
	return Definition{
		Name:      "CCMCertFix (" + kb + ")",
		Version:   version,
		Publisher: "Microsoft",
		Language:  language,
		Comment:   "Repairs client certificates; must have run before user state is captured",
		Programs: []Program{
			{Name: "CCMCertFix", CommandLine: exe},
			{
				Name:        "CCMCertFix with log",
				CommandLine: `cmd /c ` + exe + ` > "%WINDIR%\Temp\CCMCertFix.log" 2>&1`,
				Comment:     "Writes its messages to CCMCertFix.log in the Temp folder of Windows",
				DriveLetter: true,
			},
		},
	}
}
