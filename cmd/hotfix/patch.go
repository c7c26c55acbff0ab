package main

import (
	"strings"

	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msp"
)

// patchInfo is what info says about a patch beside its code and targets.
type patchInfo struct {
	Name             string         `json:"name"`
	Obsoletes        []string       `json:"obsoletes,omitempty"`
	MinimumInstaller string         `json:"minimum_installer,omitempty"`
	Families         []patchFamily  `json:"families,omitempty"`
	Transforms       []string       `json:"transforms,omitempty"`
	Metadata         []patchDetails `json:"metadata,omitempty"`
}

type patchFamily struct {
	Family      string `json:"family"`
	ProductCode string `json:"product_code,omitempty"`
	Sequence    string `json:"sequence"`
	Supersedes  bool   `json:"supersedes"`
}

type patchDetails struct {
	Company  string `json:"company,omitempty"`
	Property string `json:"property"`
	Value    string `json:"value"`
}

type patchTarget struct {
	ProductCode string `json:"product_code"`
	Version     string `json:"version,omitempty"`
	NewVersion  string `json:"new_version,omitempty"`
	UpgradeCode string `json:"upgrade_code,omitempty"`
	Transform   string `json:"transform,omitempty"`
}

// readPatch adds what is known about a patch; for other packages it does nothing.
func (i *fileInfo) readPatch(p *source.Package) error {
	if p.Kind() != source.MSP {
		return nil
	}
	patch, err := msp.New(p.Database())
	if err != nil {
		return err
	}
	i.PatchCode = patch.Code
	i.Patch = &patchInfo{Name: patch.Name(), Obsoletes: patch.Obsoletes, Transforms: p.Database().Storages()}
	if patch.MinimumInstaller != 0 {
		i.Patch.MinimumInstaller = patch.MinimumInstaller.String()
	}
	for _, s := range patch.Sequences {
		i.Patch.Families = append(i.Patch.Families, patchFamily(s))
	}
	for _, m := range patch.Metadata {
		i.Patch.Metadata = append(i.Patch.Metadata, patchDetails(m))
	}
	for _, t := range patch.Targets() {
		i.Targets = append(i.Targets, patchTarget{t.ProductCode, t.Version, t.NewVersion, t.UpgradeCode, t.Pair})
	}
	// A patch without transforms still lists the products that it is for.
	if len(i.Targets) == 0 {
		for _, code := range patch.Products {
			i.Targets = append(i.Targets, patchTarget{ProductCode: code})
		}
	}
	return nil
}

func (i *fileInfo) writePatch(line func(name, value string)) {
	if i.Patch == nil {
		return
	}
	line("patch", i.Patch.Name)
	line("patch code", i.PatchCode)
	line("obsoletes", strings.Join(i.Patch.Obsoletes, " "))
	if least := i.Patch.MinimumInstaller; least != "" && least != "any" {
		line("needs", "Windows Installer "+least)
	}
	for _, t := range i.Targets {
		text := strings.TrimSpace(t.ProductCode + " " + t.Version)
		if t.NewVersion != "" && t.NewVersion != t.Version {
			text += " -> " + t.NewVersion
		}
		line("target", text)
	}
	for _, f := range i.Patch.Families {
		text := f.Family + " " + f.Sequence
		if f.Supersedes {
			text += ", supersedes earlier ones"
		}
		line("family", text)
	}
	line("transforms", strings.Join(i.Patch.Transforms, " "))
}

// transformDiff returns the changes that a transform makes.
func transformDiff(db *msi.Database) (*msi.Diff, error) {
	t, err := msi.LoadTransform(db)
	if err != nil {
		return nil, err
	}
	return t.Changes(nil)
}
