package distpoint

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/hotfixkit/hotfixkit/internal/display"
	"github.com/hotfixkit/hotfixkit/internal/lazyregexp"
)

// ProgramCommandLineLimit is the largest number of characters that a program's
// command line may have in ConfigMgr 2007.
const ProgramCommandLineLimit = 127

// Placeholder stands for the package ID in a property line until the engineer
// replaces it.
const Placeholder = "<Package_ID>"

// dataPathVariable is the task sequence variable that names the cache folder.
// Microsoft discourages it: drive letters can be enumerated differently in the
// full operating system.
const dataPathVariable = "_SMSTSMDataPath"

// ErrProperty is wrapped by every error about the installation properties that
// were asked for.
var ErrProperty = errors.New("impossible installation property")

// A Property is one Windows Installer property of the client installation, such
// as SMSSLP or FSP.
type Property struct{ Name, Value string }

// ParseProperty reads NAME=VALUE.
func ParseProperty(s string) (Property, error) {
	name, value, ok := strings.Cut(s, "=")
	if !ok {
		return Property{}, fmt.Errorf("%w: not NAME=VALUE: %q", ErrProperty, s)
	}
	p := Property{Name: name, Value: value}
	return p, p.check()
}

// publicProperty is the form of a property that may be set from outside
// (Windows Installer: Public Properties).
var publicProperty = lazyregexp.New(`^[A-Z_][A-Z0-9_.]*$`)

func (p Property) check() error {
	switch {
	case !publicProperty().MatchString(p.Name):
		return fmt.Errorf("%w: %q is not a public property name (upper-case letters, digits, underscore, full stop)", ErrProperty, p.Name)
	case p.Name == "PATCH":
		return fmt.Errorf("%w: PATCH is written from the staged patches and cannot be given", ErrProperty)
	case !isPlain(p.Value):
		return fmt.Errorf("%w: the value of %s holds a control character, or one that does not show", ErrProperty, p.Name)
	}
	return nil
}

// String writes the property as it stands on a command line: a value with
// blanks or quotes is quoted, its own quotes are doubled (Windows Installer:
// Command-Line Options).
func (p Property) String() string {
	if p.Value == "" || strings.ContainsAny(p.Value, " \"") {
		return p.Name + `="` + strings.ReplaceAll(p.Value, `"`, `""`) + `"`
	}
	return p.Name + "=" + p.Value
}

// isPlain reports whether a text shows as what it is: what is copied from
// PATCH.txt must be what was meant.
func isPlain(s string) bool { return display.Text(s) == s }

// Location says where a task sequence finds the client files.
type Location struct {
	PackageID  string // of the ConfigMgr client installation files; "" gives the placeholder
	CacheDrive string // drive of the _SMSTaskSequence folder, "C:" when empty
	UNC        string // package source or distribution point share, instead of the cache
}

var (
	packageID  = lazyregexp.New(`^[A-Z0-9]{3}[0-9A-F]{5}$`)
	driveName  = lazyregexp.New(`^[A-Za-z]:\\?$`)
	uncPath    = lazyregexp.New(`^\\\\[^\\/:*?"<>|;]+(\\[^\\/:*?"<>|;]+)+\\?$`)
	dataPathID = lazyregexp.New(`(?i)^%?` + dataPathVariable + `%?\\?$`)
)

// root returns the folder of the client files as a task sequence sees it, with
// the warnings that belong to the choice.
func (l Location) root() (string, []string, error) {
	if l.UNC != "" {
		if l.PackageID != "" || l.CacheDrive != "" {
			return "", nil, fmt.Errorf("%w: a UNC path replaces package ID and cache drive: give one or the other", ErrProperty)
		}
		if !uncPath().MatchString(l.UNC) {
			return "", nil, fmt.Errorf(`%w: %q is not a UNC path: \\server\share, and folders if need be`, ErrProperty, l.UNC)
		}
		return strings.TrimSuffix(l.UNC, `\`), nil, nil
	}
	var warnings []string
	id, err := checkPackageID(l.PackageID)
	if err != nil {
		return "", nil, err
	}
	if id == "" {
		id = Placeholder
		warnings = append(warnings, "the property line holds the placeholder "+Placeholder+": replace it, angle brackets included, by the package ID of the ConfigMgr client installation files")
	}
	cache := `C:\_SMSTaskSequence`
	switch {
	case l.CacheDrive == "":
	case dataPathID().MatchString(l.CacheDrive):
		cache = "%" + dataPathVariable + "%"
		warnings = append(warnings, "the variable "+dataPathVariable+" is discouraged: its drive letter can be another one in the full operating system; name the drive")
	case driveName().MatchString(l.CacheDrive):
		cache = strings.ToUpper(l.CacheDrive[:2]) + `\_SMSTaskSequence`
	default:
		return "", nil, fmt.Errorf("%w: cache drive %q is not a drive letter followed by a colon (D: for example)", ErrProperty, l.CacheDrive)
	}
	return cache + `\OSD\` + id, warnings, nil
}

// checkPackageID returns the package ID in upper case.
func checkPackageID(id string) (string, error) {
	upper := strings.ToUpper(id)
	switch {
	case id == "" || packageID().MatchString(upper):
		return upper, nil
	case strings.ContainsAny(id, "<>"):
		return "", fmt.Errorf("%w: package ID %q: the angle brackets do not belong to it", ErrProperty, id)
	}
	return "", fmt.Errorf("%w: package ID %q: a package ID is a three-character site code and five hexadecimal digits, such as ABC0001F", ErrProperty, id)
}

// A PropertyLine is the text for the installation properties of the step "Setup
// Windows and ConfigMgr".
type PropertyLine struct {
	Patch       string // PATCH="…", "" when no patch is needed
	Placeholder bool   // Patch holds the placeholder
	Line        string // PATCH and the other properties
	Warnings    []string
}

// NewPropertyLine writes the installation properties for patches, in the order
// given, below the client files at l.
func NewPropertyLine(patches []Patch, l Location, properties []Property) (*PropertyLine, error) {
	line := &PropertyLine{}
	root, warnings, err := l.root()
	if err != nil {
		return nil, err
	}
	var words []string
	if len(patches) > 0 {
		line.Warnings = warnings
		var paths []string
		for _, p := range patches {
			if strings.ContainsAny(p.Path, `";`) || !isPlain(p.Path) {
				return nil, fmt.Errorf("%w: the patch name %q holds a character that PATCH cannot carry", ErrContent, p.Path)
			}
			paths = append(paths, root+`\`+strings.ReplaceAll(p.Path, "/", `\`))
		}
		line.Placeholder = strings.Contains(root, Placeholder)
		line.Patch = `PATCH="` + strings.Join(paths, ";") + `"`
		words = append(words, line.Patch)
	}
	seen := map[string]bool{}
	for _, p := range properties {
		if err := p.check(); err != nil {
			return nil, err
		}
		if seen[p.Name] {
			return nil, fmt.Errorf("%w: %s is given twice", ErrProperty, p.Name)
		}
		seen[p.Name] = true
		if strings.Contains(strings.ToLower(p.Value), strings.ToLower(dataPathVariable)) {
			line.Warnings = append(line.Warnings, p.Name+": the variable "+dataPathVariable+" is discouraged: its drive letter can be another one in the full operating system")
		}
		words = append(words, p.String())
	}
	line.Line = strings.Join(words, " ")
	if n := utf8.RuneCountInString(line.Line); n > ProgramCommandLineLimit {
		line.Warnings = append(line.Warnings, fmt.Sprintf("the line has %d characters: it fits the step Setup Windows and ConfigMgr, but not the command line of a ConfigMgr 2007 program, which ends at %d", n, ProgramCommandLineLimit))
	}
	return line, nil
}
