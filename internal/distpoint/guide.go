package distpoint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/internal/report"
	"github.com/hotfixkit/hotfixkit/manifest"
)

// notes is what the guide is written from.
type notes struct {
	kb           string // of the hotfix, as "KB977203"
	product      string // for people, as "ConfigMgr 2007 SP2"
	siteFiles    []string
	patches      []Patch
	line         *PropertyLine // of the first platform, where there are several
	lines        []PlatformLine
	deployments  []Deployment
	noPatch      string // why no patch is needed; "" when one is
	supersededBy string // the KB that makes the patch needless
	superseding  []manifest.Superseding
	setup        bool // the hotfix updates ccmsetup.*
	certFix      bool // the CCMCertFix program is staged
	inClientDir  bool // the patch was added to a copy of the client files
	location     Location
	warnings     []string
}

// items makes remarks of sentences.
func items(texts ...string) []report.Item {
	list := make([]report.Item, 0, len(texts))
	for _, text := range texts {
		list = append(list, report.Item{Text: text})
	}
	return list
}

// guide tells everything that the article asks of an administrator and that
// staging does not do.
func (n notes) guide() []report.Section {
	all := []report.Section{n.before(), n.siteServers()}
	all = append(all, n.existingClients()...)
	if n.certFix {
		all = append(all, n.certFixPackage())
	}
	all = append(all, n.propertyLine(), n.aboutLine())
	all = append(all, n.scenarios()...)
	if len(n.warnings) > 0 {
		all = append(all, report.Section{ID: "warnings", Title: "Warnings of this run", Items: items(n.warnings...)})
	}
	return all
}

// title is the first line of PATCH.txt.
func (n notes) title() string {
	if strings.HasPrefix(n.product, n.kb) {
		return n.product + ": what to do" // the title of an article without a product
	}
	return fmt.Sprintf("%s for %s: what to do", n.kb, n.product)
}

// needless reports whether the client patch is not needed.
func (n notes) needless() bool { return n.noPatch != "" }

func (n notes) before() report.Section {
	s := report.Section{ID: "before", Title: "Before you begin"}
	say := func(text string) { s.Items = append(s.Items, report.Item{Text: text}) }
	if n.certFix {
		say("Who needs it: ConfigMgr 2007 SP1 or SP2 clients with security update 974571 or Windows 7 SP1 whose user state migration fails with 0x80092024 (OSDSMPClient) in Ccmexec.log. Certificates whose friendly name holds a null character cannot be imported there.")
		say("The client fix serves certificates that are made from now on. It does not repair those that exist: " + certFixName + " does.")
	}
	if n.needless() {
		say("No patch of " + n.kb + " is needed: " + n.noPatch)
		say(n.kb + " must not be installed on the site servers then.")
		if n.certFix {
			say("Of its package nothing but " + certFixName + " is needed. It is not part of " + n.supersededBy + ".")
		}
	}
	for _, by := range n.superseding {
		if n.needless() {
			break
		}
		printed := ""
		if len(by.Aliases) > 0 {
			printed = " (the article also prints " + strings.Join(by.Aliases, ", ") + ")"
		}
		say(fmt.Sprintf("%s cannot be installed after %s%s, which replaces and contains it. Where that is installed, stage this package for a site that has it.", n.kb, by.KB, printed))
	}
	if n.kb == "KB977203" {
		say("No restart is needed after the hotfix, and it replaces no hotfix that was released before it.")
		say("Apply it to systems that have this problem only. Service Pack 1 or Service Pack 2 of ConfigMgr 2007 must be installed.")
	}
	if len(s.Items) == 0 {
		say("Read the article of " + n.kb + ": who needs the hotfix, and whether a restart is needed.")
	}
	return s
}

func (n notes) siteServers() report.Section {
	s := report.Section{ID: "site-servers", Title: "First: the site servers", Ordered: true}
	if n.needless() {
		s.Title = "First: the client files"
		s.Items = items("Update the distribution points of the ConfigMgr client installation package if its files have changed.")
		return s
	}
	text := "Install the hotfix on every site server of this service pack. Staging does not do that."
	if n.kb == "KB977203" {
		text = "Install the hotfix on all ConfigMgr 2007 SP1 site servers and all SP2 site servers, each with the package of its service pack. Staging does not do that."
	}
	s.Items = items(text)
	if len(n.siteFiles) > 0 {
		s.Items[0].Text += " These files of the package belong on site servers and were not staged: " + strings.Join(n.siteFiles, ", ") + "."
	}
	if n.setup {
		s.Items[0].Text += " ccmsetup.* is not placed here either: the hotfix updates it on the site server."
	}
	s.Items = append(s.Items, items(n.whereInstalled(),
		"Look at the name of the .msp there: it depends on the language. PATCH must hold the name that it has.",
		"Update the distribution points of the ConfigMgr client installation package: its files have changed.")...)
	return s
}

// is2007 reports whether the hotfix is one of ConfigMgr 2007, as the names of its
// patches say. The later ones are installed to other folders.
func (n notes) is2007() bool {
	return n.kb == "KB977203" || slices.ContainsFunc(n.deployments, func(d Deployment) bool { return strings.Contains(d.Patch, "2007") })
}

// whereInstalled tells where the hotfix puts the client patch on a site server, and
// where it is in the staged content.
func (n notes) whereInstalled() string {
	folder := `i386\hotfix\` + n.kb
	text := `It puts the client patch in \` + folder + `\ of the ConfigMgr client installation files`
	if !n.is2007() {
		text = `It puts the client patches in \\SERVER\SMS_<site code>\Hotfix\` + n.kb + `\Client, in a folder for each platform`
	}
	if n.certFix {
		text += ", and " + certFixName + ` in <ConfigMgr installation folder>\Logs\` + n.kb
	}
	text += "."
	switch {
	case n.inClientDir:
		return text + " Staging has added the patch to the copy of the client files that was named."
	case n.is2007():
		return text + ` Client\` + folder + " of this folder is the same for a copy of the client files: copy it there."
	}
	return text + ` The path in PATCH expects them in \` + folder + `\ of the ConfigMgr client installation files: copy Client\` + folder + " of this folder there."
}

func (n notes) certFixPackage() report.Section {
	return report.Section{ID: "ccmcertfix", Title: certFixName + " as a package and program", Ordered: true, Items: items(
		`Create a package from the definition CCMCertFix\CCMCertFix.sms, with the folder CCMCertFix as its source. It has two programs: "CCMCertFix", and "CCMCertFix with log", which writes CCMCertFix.log in the Temp folder of Windows.`,
		"Their settings are: run hidden, whether or not a user is logged on, with administrative rights. The settings may be changed to suit your environment, but the administrative rights are necessary. "+certFixName+" takes no switches.",
		`"CCMCertFix with log" needs cmd for its redirection, and cmd cannot start in a UNC folder. That is why this program asks for a drive letter (DriveLetterConnection). "CCMCertFix" needs none: it is the one for the task sequences.`,
		"Put the package on distribution points.",
		"Deploy the program to all ConfigMgr 2007 SP1 and SP2 clients whose certificates exist already, not only to those that have security update 974571 now: without it their certificates fail as soon as that update is installed.",
		"It must have run before a task sequence that captures user state starts.",
	)}
}

func (n notes) propertyLine() report.Section {
	s := report.Section{ID: "properties", Title: "Installation properties of the step Setup Windows and ConfigMgr"}
	switch form := n.missingLine(); {
	case form != "":
		s.Items = []report.Item{{
			Text: fmt.Sprintf("%s is spared only if the client update of %s is installed during the task sequence. That update was not at hand: give its own .msp, in the folder and under the name that it has among the client files, in this form.", n.kb, n.supersededBy),
			Copy: form,
		}}
	case n.line.Line == "":
		s.Items = items("There is nothing to enter for this hotfix.")
	default:
		s.Items = n.lineItems("On one line")
	}
	return s
}

// missingLine is the form of the property line where the update that makes the fix
// needless has to be installed during the task sequence and was not at hand; ""
// where nothing is missing.
func (n notes) missingLine() string {
	if n.supersededBy == "" || n.hasPatchOf(n.supersededBy) {
		return ""
	}
	update := n.root() + `\i386\hotfix\` + n.supersededBy + `\<name of the .msp>`
	if rest, ok := strings.CutPrefix(n.line.Line, `PATCH="`); ok {
		return `PATCH="` + update + ";" + rest
	}
	return strings.TrimSpace(`PATCH="` + update + `" ` + n.line.Line)
}

// lineItems are the property lines, each to be copied.
func (n notes) lineItems(text string) []report.Item {
	var list []report.Item
	for _, l := range n.lines {
		of := ""
		if l.Platform != "" {
			of = ", for the " + l.Platform + " client"
		}
		list = append(list, report.Item{Text: text + of + ":", Copy: l.Line})
	}
	return list
}

// hasPatchOf reports whether PATCH names a patch of a KB.
func (n notes) hasPatchOf(kb string) bool {
	for _, p := range n.patches {
		if p.KB == kb {
			return true
		}
	}
	return false
}

// root is the folder of the client files as a task sequence sees it.
func (n notes) root() string {
	root, _, err := n.location.root()
	if err != nil {
		return "" // staging has made the line of the same location before
	}
	return root
}

func (n notes) aboutLine() report.Section {
	s := report.Section{ID: "about-properties", Title: "About the properties"}
	say := func(text string) { s.Items = append(s.Items, report.Item{Text: text}) }
	if n.line.Patch != "" || n.missingLine() != "" {
		say("The hotfix has to be installed by the step Setup Windows and ConfigMgr, or the problem remains while the task sequence runs. The step Install Software must not install it: it stops the client service, and the task sequence fails.")
		say("Microsoft's article 907423 (how to include updates in the initial installation of the Advanced Client) describes how PATCH works: support.microsoft.com/kb/907423.")
		say("The quotes are part of the line. The path must be a full path.")
		if n.line.Placeholder || n.missingLine() != "" && strings.Contains(n.root(), Placeholder) {
			say("Replace " + Placeholder + ", angle brackets included, by the package ID of the ConfigMgr client installation files.")
		}
		say("The package ID is that of the ConfigMgr client installation package, never that of the package of the hotfix: the second is a known mistake.")
		n.alternatives(say)
		if len(n.lines) > 1 {
			say("Each line is for clients of one platform: a client refuses the patch of another one.")
		}
		if len(n.patches) > 1 && len(n.lines) == 1 {
			say("Several patches are in one PATCH, separated by semicolons, in this order: " + explainOrder(n.patches))
		}
	}
	say("Properties that were set when the client was first installed, by client push for example (SMSSLP, FSP and the like), must be given again on the same line and on every command line that installs the hotfix, or they are removed from the configuration.")
	return s
}

// alternatives tells the other ways to reach the patch, those not used included.
func (n notes) alternatives(say func(string)) {
	first := `\i386\hotfix\` + n.supersededBy + `\<name of the .msp>`
	if len(n.patches) > 0 {
		first = `\` + strings.ReplaceAll(n.patches[0].Path, "/", `\`)
	}
	say(`Another drive: the folder _SMSTaskSequence is on the drive with the most free space. Where that is not drive C, change the letter, as in D:\_SMSTaskSequence\OSD\` + Placeholder + first + ".")
	say(`A UNC path: instead of the cache, the path may lead to the client files in the original package source or on a distribution point, as in \\SERVER\SMS_<site code>\Client` + first + ".")
	say("The variable " + dataPathVariable + " in the path is not recommended: Windows can assign drive letters differently in the full operating system.")
}
