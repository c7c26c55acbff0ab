package main

import (
	"context"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msp"
)

// patchInfo is what info says about a patch besides its code and targets.
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

// transformBaseFlag is for commands that show what transforms change.
func transformBaseFlag() cli.Flag {
	return &cli.StringFlag{Name: "base", Usage: "of a transform, take the columns of tables from `PACKAGE`, which it is for"}
}

// baseDatabase opens the package of --base; nil without the flag. The package must
// be closed when it is not nil.
func baseDatabase(c *cli.Context) (*source.Package, *msi.Database, error) {
	ref := c.String("base")
	if ref == "" {
		return nil, nil, nil
	}
	p, err := source.Open(c.Context, ref, source.Options{MaxBytes: amountOf(c, "max-bytes")})
	if err != nil {
		return nil, nil, err
	}
	if p.Kind() != source.MSI && p.Kind() != source.MSM {
		p.Close()
		return nil, nil, usagef("--base %s is a %s, not an installation package", ref, p.Kind())
	}
	return p, p.Database(), nil
}

// transformDiff returns the changes that a transform makes. base may be nil.
func transformDiff(db, base *msi.Database) (*msi.Diff, error) {
	t, err := msi.LoadTransform(db)
	if err != nil {
		return nil, err
	}
	return t.Changes(base)
}

// transformed returns what a transform makes of a database, whatever it says
// about the databases that it is for.
func transformed(base, transform *msi.Database) (*msi.Database, error) {
	t, err := msi.LoadTransform(transform)
	if err != nil {
		return nil, err
	}
	db := base.Clone()
	return db, t.Apply(db, msi.ApplyOptions{SkipValidation: true, Ignore: msi.IgnoreAll})
}

// compareTransforms compares what two transforms make of one database.
func compareTransforms(ctx context.Context, a, b, base *msi.Database) (*msi.Diff, error) {
	left, err := transformed(base, a)
	if err != nil {
		return nil, err
	}
	right, err := transformed(base, b)
	if err != nil {
		return nil, err
	}
	return msi.CompareContext(ctx, left, right)
}
