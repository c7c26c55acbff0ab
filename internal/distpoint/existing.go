package distpoint

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hotfixkit/hotfixkit/internal/report"
	"github.com/hotfixkit/hotfixkit/msp"
)

// existingFolder is the package source that deploys the client patches to clients
// that are installed already.
const existingFolder = "ClientHotfix"

// A Deployment is how one client patch reaches clients that are installed, and how
// to find out that it did: the patch does not detect itself.
type Deployment struct {
	Patch       string      `json:"patch"`
	PatchCode   string      `json:"patch_code"`
	Platform    string      `json:"platform,omitempty"` // "x86" or "x64", as its name says
	CommandLine string      `json:"command_line"`
	Detection   []Detection `json:"detection"` // one for each product that the patch is for; any of them is enough
}

// A Detection tells whether a patch is installed for one product.
type Detection struct {
	ProductCode   string `json:"product_code"`
	RegistryKey   string `json:"registry_key"` // in the registry of the system itself (64-bit on 64-bit Windows)
	RegistryValue string `json:"registry_value"`
	RegistryData  int    `json:"registry_data"` // 1: applied (Windows Installer: MSIPATCHSTATE)
	WMI           string `json:"wmi"`
	PowerShell    string `json:"powershell"`
}

// newDeployment describes the deployment of a patch.
func newDeployment(kb, name string, patch *msp.Patch, properties []Property) Deployment {
	d := Deployment{Patch: name, PatchCode: patch.Code, Platform: platform(name), Detection: []Detection{}}
	d.CommandLine = installCommand(name, logName(kb, d.Platform), properties)
	for _, product := range patch.Products {
		d.Detection = append(d.Detection, newDetection(patch.Code, product))
	}
	return d
}

func logName(kb, platform string) string {
	if platform == "" {
		return kb + ".log"
	}
	return kb + "-" + platform + ".log"
}

// installCommand is the command line that installs a client patch on a client
// (Microsoft, "Use the Hotfix Installer": Update clients).
func installCommand(file, log string, properties []Property) string {
	if strings.ContainsAny(file, " %") {
		file = `"` + file + `"`
	}
	words := []string{"msiexec.exe /p " + file, `/L*v "%TEMP%\` + log + `"`, "/qn REINSTALLMODE=mous REINSTALL=ALL"}
	for _, p := range properties {
		words = append(words, p.String())
	}
	return strings.Join(words, " ")
}

// newDetection finds a patch where Windows Installer registers the patches of
// per-machine products. The names of the keys are the codes in packed form.
func newDetection(patch, product string) Detection {
	d := Detection{ProductCode: product, RegistryValue: "State", RegistryData: 1}
	key := `SOFTWARE\Microsoft\Windows\CurrentVersion\Installer\UserData\S-1-5-18\Products\` + packed(product) + `\Patches\` + packed(patch)
	d.RegistryKey = `HKLM\` + key
	d.WMI = fmt.Sprintf("SELECT * FROM Win32_PatchPackage WHERE PatchID='%s' AND ProductCode='%s'", patch, product)
	d.PowerShell = `if ((Get-ItemProperty 'HKLM:\` + key + `' -ErrorAction SilentlyContinue).State -eq 1) { 'Installed' }`
	return d
}

// packed is the form of a GUID in the names of Windows Installer's registry keys:
// the first three groups backwards, the rest backwards byte by byte.
func packed(guid string) string {
	digits := strings.NewReplacer("{", "", "}", "", "-", "").Replace(strings.ToUpper(guid))
	var b strings.Builder
	at := 0
	for _, n := range []int{8, 4, 4, 2, 2, 2, 2, 2, 2, 2, 2} {
		if at+n > len(digits) {
			return digits // not a GUID; the patch has been refused before
		}
		group := []byte(digits[at : at+n])
		slices.Reverse(group)
		b.Write(group)
		at += n
	}
	return b.String()
}

// script is the command file of a deployment whose command line is too long for a
// program of ConfigMgr 2007. In it, %~dp0 is the folder that it lies in, a UNC path
// included, and a percent sign of a value is doubled.
func (d Deployment) script(kb string, properties []Property) []byte {
	doubled := make([]Property, len(properties))
	for i, p := range properties {
		doubled[i] = Property{Name: p.Name, Value: strings.ReplaceAll(p.Value, "%", "%%")}
	}
	file := "%~dp0" + strings.ReplaceAll(d.Patch, "%", "%%")
	line := installCommand(file, logName(kb, d.Platform), doubled)
	return []byte("@echo off\r\n" + line + "\r\nexit /b %errorlevel%\r\n")
}

// scriptName is the name of the command file.
func (d Deployment) scriptName(kb string) string {
	return strings.TrimSuffix("Install-"+logName(kb, d.Platform), ".log") + ".cmd"
}

// tooLong reports whether the command line does not fit a program.
func (d Deployment) tooLong() bool {
	return utf8.RuneCountInString(d.CommandLine) > ProgramCommandLineLimit
}

// existingDefinition is the package definition of the deployments.
func existingDefinition(kb, language string, deployments []Deployment) Definition {
	definition := Definition{
		Name: kb + " - Advanced Client Hotfix", Publisher: "Microsoft", Language: language,
		Comment: "Installs the client patch on clients that are installed already",
	}
	for _, d := range deployments {
		p := Program{Name: strings.TrimSuffix("Install "+logName(kb, d.Platform), ".log"), CommandLine: d.CommandLine}
		if d.Platform != "" {
			p.Comment = "For the " + d.Platform + " ConfigMgr client"
		}
		if d.tooLong() {
			p.CommandLine, p.DriveLetter = "cmd /c "+d.scriptName(kb), true
		}
		definition.Programs = append(definition.Programs, p)
	}
	return definition
}

// addExisting plans the package source for clients that are installed: the staged
// patches once more, their package definition, and command files where the command
// lines need them.
func (p *plan) addExisting() error {
	for _, name := range p.patchPaths() {
		i := slices.IndexFunc(p.files, func(f plannedFile) bool { return f.Path == p.places[name].name })
		staged := p.files[i].StagedFile
		again := StagedFile{Path: existingFolder + "/" + path.Base(staged.Path), Size: staged.Size, SHA256: staged.SHA256}
		p.add(plannedFile{StagedFile: again, copyOf: &staged})
		p.result.Deployments = append(p.result.Deployments, newDeployment(p.kb, path.Base(staged.Path), p.patches[name], p.options.Properties))
	}
	if len(p.result.Deployments) == 0 {
		return nil
	}
	for _, d := range p.result.Deployments {
		if d.tooLong() {
			p.make(existingFolder+"/"+d.scriptName(p.kb), d.script(p.kb, p.options.Properties))
		}
	}
	definition, err := existingDefinition(p.kb, languageName(p.result.Package.Language), p.result.Deployments).Bytes()
	if err != nil {
		return err
	}
	p.make(existingFolder+"/"+p.kb+".sms", definition)
	return nil
}

// existingClients tells how the hotfix reaches clients that are installed.
func (n notes) existingClients() []report.Section {
	if len(n.deployments) == 0 {
		return nil
	}
	s := report.Section{ID: "existing-clients", Title: "Clients that are installed already", Ordered: true}
	creates := "Installing it on a site server creates the package " + n.kb + " - Advanced Client Hotfix, which does this by software distribution. "
	if !n.is2007() {
		creates = "Where it is installed on a site server, its wizard offers to create a package that does this. "
	}
	s.Items = items(
		"Deploy the hotfix to all clients. "+creates+
			strings.ReplaceAll(existingFolder+"/"+n.kb+".sms", "/", `\`)+" defines the same, with the folder "+existingFolder+" as its source: use one of the two.",
		"Put the package on distribution points and deploy its program to the clients.",
	)
	for _, d := range n.deployments {
		item := report.Item{Text: "The command line is this.", Copy: d.CommandLine}
		if d.Platform != "" {
			item.Text = "The command line for the " + d.Platform + " client is this."
			if len(n.deployments) == 1 && d.Platform == "x86" {
				item.Text += " The package has no patch for another platform."
			}
		}
		if d.tooLong() {
			item.Text += fmt.Sprintf(" It is longer than the %d characters of a program in ConfigMgr 2007, so the program runs it from %s.", ProgramCommandLineLimit, d.scriptName(n.kb))
		}
		s.Items = append(s.Items, item)
	}
	s.Items = append(s.Items, items(
		"Properties that were set when the client was first installed (SMSSLP, FSP and the like) must be on this command line too, or they are removed from the configuration.",
		"The patch stops the client service (SMS Agent Host, ccmexec) while it is installed. Let no task sequence or other deployment run on the client at that time.",
	)...)
	return []report.Section{s, n.detection()}
}

// detection tells how to find the clients that have the patch.
func (n notes) detection() report.Section {
	s := report.Section{ID: "detection", Title: "Does a client have the patch? The patch does not detect itself; any one of these tells it"}
	for _, d := range n.deployments {
		for _, by := range d.Detection {
			s.Items = append(s.Items,
				report.Item{Text: fmt.Sprintf("%s (patch %s, product %s): this registry key has the value %s = %d (DWORD). On 64-bit Windows read the 64-bit registry.", d.Patch, d.PatchCode, by.ProductCode, by.RegistryValue, by.RegistryData), Copy: by.RegistryKey},
				report.Item{Text: `The same by WMI, in the namespace root\cimv2:`, Copy: by.WMI},
				report.Item{Text: "The same in PowerShell, which prints Installed:", Copy: by.PowerShell},
			)
		}
	}
	return s
}
