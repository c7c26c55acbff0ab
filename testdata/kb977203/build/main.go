// Command build writes the stand-ins for Microsoft's KB977203 packages, which
// cannot be redistributed: the two hotfix packages with all thirteen files of
// each published table, the self-extracting programs in which such packages are
// downloaded, and the client packages that their patches apply to. With them goes a
// bundle of the form that hotfixes of ConfigMgr 2012 have.
//
//	go run ./testdata/kb977203/build        writes them into testdata/kb977203
//	go run ./testdata/kb977203/build DIR    writes them into DIR
//
// Names, sizes, versions, machine types and dates are those of the published
// tables. Everything else, contents and identifiers first, is made up. The same
// source always gives the same bytes.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/msi"
)

func main() {
	dir := filepath.Join("testdata", "kb977203")
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	for _, sp := range servicePacks {
		if err := sp.write(dir); err != nil {
			fmt.Fprintf(os.Stderr, "build: %s: %v\n", sp.name, err)
			os.Exit(1)
		}
	}
	if err := write2012(dir); err != nil {
		fmt.Fprintf(os.Stderr, "build: %s: %v\n", bundleName, err)
		os.Exit(1)
	}
}

// A servicePack is one of the two forms of the hotfix.
type servicePack struct {
	name          string // "SP2"
	kb            string // of the hotfix
	clientVersion string // ProductVersion of the client that the patch applies to
	fixVersion    string // file version of everything in the hotfix
	rows          []manifest.Row
}

var servicePacks = []*servicePack{
	{name: "SP1", kb: "KB977203", clientVersion: "4.00.6221.1000", fixVersion: "4.0.6221.1193"},
	{name: "SP2", kb: "KB977203", clientVersion: "4.00.6487.2000", fixVersion: "4.0.6487.2111"},
}

// write builds the client package and the hotfix package of one service pack.
func (sp *servicePack) write(dir string) error {
	set, err := manifest.Open("kb977203-" + strings.ToLower(sp.name))
	if err != nil {
		return err
	}
	sp.rows = set.Manifests[0].Files

	client, err := sp.client()
	if err != nil {
		return fmt.Errorf("client package: %w", err)
	}
	clientFile, err := save(client.database)
	if err != nil {
		return fmt.Errorf("client package: %w", err)
	}
	hotfix, err := sp.hotfix(client)
	if err != nil {
		return fmt.Errorf("hotfix package: %w", err)
	}
	clientDir := filepath.Join(dir, "client-"+strings.ToLower(sp.name))
	if err := os.MkdirAll(clientDir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(clientDir, "client.msi"), clientFile, 0o644); err != nil {
		return err
	}
	name := "SCCM2007-" + sp.name + "-KB977203-ENU.msi"
	if err := os.WriteFile(filepath.Join(dir, name), hotfix, 0o644); err != nil {
		return err
	}
	downloads, err := sp.downloads(client, name, hotfix)
	if err != nil {
		return fmt.Errorf("downloads: %w", err)
	}
	for name, content := range downloads {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func save(db *msi.Database) ([]byte, error) {
	var b bytes.Buffer
	err := db.Save(&b)
	return b.Bytes(), err
}
