package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/hotfixkit/hotfixkit/manifest"
)

// A place says where a file of the published table is in the package. The
// folders are our assumption: Microsoft did not publish those of its own package.
type place struct {
	name, platform string // of the row; packages, cabinets and patches have no platform
	key, directory string
	fileName       string
}

var places = []place{
	{"Ccmcertfix.exe", "x86", "FCertFix", "LOGS_KB", "CCMCertFix.exe"},
	{"Ccmgencert.dll", "x86", "FGenCertX86", "BIN_I386", "Ccmgencert.dll"},
	{"Ccmsetup-sup.cab", "", "FSetupSup", "CLIENT_I386", "Ccmsetup-sup.cab"},
	{"Ccmsetup.exe", "x86", "FSetupExe", "CLIENT", "Ccmsetup.exe"},
	{"Ccmsetup.msi", "", "FSetupMsi", "CLIENT_I386", "Ccmsetup.msi"},
	{"Mcs.msi", "", "FMcsMsi", "BIN_I386", "Mcs.msi"},
	{"Mcsisapip.dll", "x86", "FMcsIsapiX86", "BIN_I386", "Mcsisapip.dll"},
	{"Mp.msi", "", "FMpMsi", "BIN_I386", "Mp.msi"},
	{"Sccm2007ac-%s-kb977203-x86.msp", "", "FClientPatch", "HOTFIX_KB", "SCCM2007AC-%s-KB977203-x86.msp"},
	{"Smpmgr.dll", "x86", "FSmpMgr", "BIN_I386", "Smpmgr.dll"},
	{"Ccmgencert.dll", "ia64", "FGenCertIA64", "BIN_IA64", "Ccmgencert.dll"},
	{"Ccmgencert.dll", "x64", "FGenCertX64", "BIN_X64", "Ccmgencert.dll"},
	{"Mcsisapip.dll", "x64", "FMcsIsapiX64", "BIN_X64", "Mcsisapip.dll"},
}

// directories are those of the hotfix package: key, parent, name.
var directories = [][3]string{
	{"TARGETDIR", "", "SourceDir"},
	{"LOGS", "TARGETDIR", "Logs"},
	{"LOGS_KB", "LOGS", "KB977203"},
	{"CLIENT", "TARGETDIR", "Client"},
	{"CLIENT_I386", "CLIENT", "i386"},
	{"HOTFIX", "CLIENT_I386", "hotfix"},
	{"HOTFIX_KB", "HOTFIX", "KB977203"},
	{"BIN", "TARGETDIR", "bin"},
	{"BIN_I386", "BIN", "i386"},
	{"BIN_X64", "BIN", "x64"},
	{"BIN_IA64", "BIN", "ia64"},
}

// hotfix builds the hotfix package with all files of the published table.
func (sp *servicePack) hotfix(client *client) ([]byte, error) {
	p := product{
		name:        "Stand-in for Hotfix KB977203 (ConfigMgr 2007 " + sp.name + ")",
		code:        guid("hotfix " + sp.name),
		upgradeCode: guid("hotfix upgrade " + sp.name),
		version:     sp.fixVersion,
		author:      "hotfixkit",
		directories: directories,
	}
	var err error
	if p.files, err = sp.payloads(client); err != nil {
		return nil, err
	}
	db, err := p.build()
	if err != nil {
		return nil, err
	}
	return save(db)
}

// payloads are the files of the published table.
func (sp *servicePack) payloads(client *client) ([]payload, error) {
	var files []payload
	for _, place := range places {
		name := place.name
		if strings.Contains(name, "%s") {
			name = fmt.Sprintf(name, sp.name)
			place.fileName = fmt.Sprintf(place.fileName, sp.name)
		}
		row, err := sp.row(name, place.platform)
		if err != nil {
			return nil, err
		}
		at, err := modified(row)
		if err != nil {
			return nil, err
		}
		content, err := sp.content(row, client, at)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		files = append(files, payload{place.key, place.directory, place.fileName, row.Version, at, content})
	}
	return files, nil
}

// content makes the file that a row describes, of exactly the published size.
func (sp *servicePack) content(row manifest.Row, client *client, at time.Time) ([]byte, error) {
	name := strings.ToLower(row.Name)
	switch {
	case strings.HasSuffix(name, ".msp"):
		return client.patch(*row.Size)
	case strings.HasSuffix(name, ".cab"):
		dll, err := image{name: "ccmsetup-sup.dll", platform: "x86", version: sp.fixVersion}.build(at)
		if err != nil {
			return nil, err
		}
		return sizedCabinet([]payload{{name: "ccmsetup-sup.dll", content: dll}}, *row.Size, at)
	case strings.HasSuffix(name, ".msi"):
		return sp.nested(strings.TrimSuffix(name, ".msi"), *row.Size, at)
	}
	return image{name: row.Name, platform: row.Platform, version: row.Version, size: *row.Size}.build(at)
}

// nested builds one of the packages inside the hotfix package.
func (sp *servicePack) nested(name string, size int64, at time.Time) ([]byte, error) {
	dll, err := image{name: name + "setup.dll", platform: "x86", version: sp.fixVersion}.build(at)
	if err != nil {
		return nil, err
	}
	db, err := product{
		name:        "Stand-in for " + name + ".msi (ConfigMgr 2007 " + sp.name + ")",
		code:        guid(name + " " + sp.name),
		upgradeCode: guid(name + " upgrade"),
		version:     sp.fixVersion,
		author:      "hotfixkit",
		directories: [][3]string{{"TARGETDIR", "", "SourceDir"}, {"INSTALLDIR", "TARGETDIR", name}},
		files:       []payload{{"FSetupDll", "INSTALLDIR", name + "setup.dll", sp.fixVersion, at, dll}},
	}.build()
	if err != nil {
		return nil, err
	}
	if err := addTables(db, "Binary"); err != nil {
		return nil, err
	}
	return saveSized(db, size)
}
