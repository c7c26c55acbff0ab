package distpoint

import (
	"fmt"
	"strings"

	"github.com/hotfixkit/hotfixkit/manifest/display"
)

// notes is what PATCH.txt is written from.
type notes struct {
	kb         string // of the hotfix, as "KB977203"
	product    string // for people, as "ConfigMgr 2007 SP2"
	siteFiles  []string
	patches    []Patch
	line       *PropertyLine
	noPatch    string // why no patch is needed; "" when one is
	setup      bool   // the hotfix updates ccmsetup.*
	certFix    bool   // the CCMCertFix program is staged
	cacheDrive bool   // the line leads into the cache folder on a drive
	warnings   []string
}

// text writes PATCH.txt, with the line ends of Windows.
func (n notes) text() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s for %s: what to enter, and what belongs to it\n\n", display.Text(n.kb), display.Text(n.product))
	n.writeFirst(&b)
	n.writeLine(&b)
	n.writeSequenceNotes(&b)
	n.writeCertFix(&b)
	if len(n.warnings) > 0 {
		b.WriteString("Warnings of this run\n\n")
		for _, w := range n.warnings {
			bullet(&b, w)
		}
	}
	return []byte(strings.ReplaceAll(strings.TrimRight(b.String(), "\n")+"\n", "\n", "\r\n"))
}

// bullet writes one note. Names come from packages that nobody has vouched for: a
// line break in one must not make a note of its own.
func bullet(b *strings.Builder, text string) { fmt.Fprintf(b, "  - %s\n", display.Text(text)) }

func (n notes) writeFirst(b *strings.Builder) {
	b.WriteString("First\n\n")
	if n.noPatch == "" {
		bullet(b, "Install the hotfix on every site server of this service pack. Staging does not do that.")
		if len(n.siteFiles) > 0 {
			bullet(b, "These files of the package belong on site servers and were not staged: "+strings.Join(n.siteFiles, ", ")+".")
		}
		if n.setup {
			bullet(b, "ccmsetup.* is not placed here either: the hotfix updates it on the site server.")
		}
		bullet(b, "Update the distribution points of the ConfigMgr client installation package: its files have changed.")
	} else {
		bullet(b, "No patch is needed: "+n.noPatch)
		bullet(b, n.kb+" must not be installed on the site servers then.")
		if n.certFix {
			bullet(b, "Of its package nothing but "+certFixName+" is needed.")
		}
	}
	b.WriteString("\n")
}

func (n notes) writeLine(b *strings.Builder) {
	switch {
	case n.line.Line != "":
		b.WriteString("Installation properties of the step \"Setup Windows and ConfigMgr\" (one line)\n\n")
		fmt.Fprintf(b, "%s\n\n", n.line.Line)
	default:
		b.WriteString("Installation properties of the step \"Setup Windows and ConfigMgr\": nothing to enter for this hotfix.\n\n")
	}
}

func (n notes) writeSequenceNotes(b *strings.Builder) {
	if n.line.Patch != "" {
		b.WriteString("About the line\n\n")
		bullet(b, "The quotes are part of it.")
		if n.line.Placeholder {
			bullet(b, "Replace "+Placeholder+", angle brackets included, by the package ID of the ConfigMgr client installation files.")
		}
		bullet(b, "The package ID is that of the ConfigMgr client installation files, never that of the hotfix: the second is a known mistake.")
		if n.cacheDrive {
			bullet(b, "The _SMSTaskSequence folder lies on the drive with the most free space. Where that is another drive, change the letter.")
		}
		if len(n.patches) > 1 {
			bullet(b, "Several patches stand in one PATCH, separated by semicolons. Their order is that of their KB numbers unless one was asked for; a higher KB number is not always newer code.")
		}
		bullet(b, "The step \"Install Software\" must not install the patch: it stops the client service and the task sequence fails.")
	} else {
		b.WriteString("About properties\n\n")
	}
	bullet(b, "Properties that were given when the client was first installed by client push (SMSSLP, FSP and the like) must be given again in the same line, or they are removed.")
	b.WriteString("\n")
}

func (n notes) writeCertFix(b *strings.Builder) {
	if !n.certFix {
		return
	}
	fmt.Fprintf(b, "%s\n\n", certFixName)
	bullet(b, "The client fix serves new certificates; existing ones need "+certFixName+". Clients with security update 974571 or Windows 7 SP1 need it: their user state migration fails with 0x80092024 (OSDSMPClient) in Ccmexec.log.")
	bullet(b, "It takes no switches, needs administrative rights, and must have run before the task sequence that captures user state starts.")
	bullet(b, "CCMCertFix\\CCMCertFix.sms defines its package with two programs, plain and with a log: hidden, whether or not a user is logged on, with administrative rights.")
	bullet(b, "Old computer, the sequence that captures: set \"run another program first\" to the CCMCertFix program. Nothing else is needed there.")
	bullet(b, "New computer, the sequence that restores: set \"run another program first\" as well, add an Install Software step for the CCMCertFix program after Setup Windows and ConfigMgr, then Restart Computer into the installed default operating system with \"notify the user before restarting\" cleared.")
	b.WriteString("\n")
}
