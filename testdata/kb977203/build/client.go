package main

import (
	"fmt"
	"time"

	"github.com/hotfixkit/hotfixkit/internal/delta"
	"github.com/hotfixkit/hotfixkit/internal/delta/deltatest"
	"github.com/hotfixkit/hotfixkit/msi"
)

// A client is the stand-in for client.msi with the files that its patch changes:
// one replaced whole, one by a delta, one added.
type client struct {
	*servicePack
	database *msi.Database
	code     string

	whole, added           payload // as the patch makes them
	changedOld, changedNew payload
}

// at is the time of everything in the client package and its patch; only the
// published files have published times.
var at = time.Date(2010, time.January, 25, 6, 0, 0, 0, time.UTC)

func (sp *servicePack) client() (*client, error) {
	c := &client{servicePack: sp, code: guid("client " + sp.name)}
	published, err := sp.row("Ccmgencert.dll", "x86")
	if err != nil {
		return nil, err
	}
	publishedAt, err := modified(published)
	if err != nil {
		return nil, err
	}
	build := func(name, version string, size int64, seed uint64, at time.Time) payload {
		p := payload{key: name, directory: "INSTALLDIR", name: name, version: version, modified: at}
		if err == nil {
			p.content, err = image{name: name, platform: "x86", version: version, size: size, seed: seed}.build(at)
		}
		return p
	}
	unchanged := build("ccmexec.exe", sp.clientVersion, 8<<10, 1, at)
	wholeOld := build("ccmgencert.dll", sp.clientVersion, *published.Size, 0, at)
	// The file that replaces it is the one that the hotfix package holds as well.
	c.whole = build("ccmgencert.dll", sp.fixVersion, *published.Size, 0, publishedAt)
	c.changedOld = build("osdsmpclient.dll", sp.clientVersion, 8<<10, 2, at)
	c.changedNew = build("osdsmpclient.dll", sp.fixVersion, 8<<10, 2, at)
	c.added = payload{
		key: "certfix.mof", directory: "INSTALLDIR", name: "certfix.mof", modified: at,
		content: []byte("// " + standIn + "\r\ninstance of CCM_CertificateRepair { Version = \"" + sp.fixVersion + "\"; };\r\n"),
	}
	if err != nil {
		return nil, err
	}
	c.database, err = product{
		name:        "Stand-in for the ConfigMgr Client",
		code:        c.code,
		upgradeCode: guid("client upgrade"),
		version:     sp.clientVersion,
		author:      "hotfixkit",
		directories: [][3]string{
			{"TARGETDIR", "", "SourceDir"},
			{"SystemFolder", "TARGETDIR", "System"},
			{"INSTALLDIR", "SystemFolder", "CCM"},
		},
		files: []payload{unchanged, wholeOld, c.changedOld},
	}.build()
	return c, err
}

// Sequences and disk of the patch's cabinet, far above those of the package as
// patches number them.
const (
	patchDisk     = 101
	deltaSequence = 10001
	wholeSequence = 10002
	addedSequence = 10003
)

// patch builds the .msp of exactly size bytes: a main transform that makes the
// updated package of the original one, and a paired transform that adds what the
// installer needs to patch the files.
func (c *client) patch(size int64) ([]byte, error) {
	content := deltatest.Encode(c.changedOld.content, c.changedNew.content)
	main, err := c.updated()
	if err != nil {
		return nil, err
	}
	paired, err := c.withPatchFiles(main, content)
	if err != nil {
		return nil, err
	}

	db, err := msi.New(msi.KindPatch, 1252)
	if err != nil {
		return nil, err
	}
	if err := addTables(db, "Binary", "MsiPatchMetadata", "MsiPatchSequence"); err != nil {
		return nil, err
	}
	name := c.name + "To" + c.kb
	if err := addTransform(db, name, c.database, main); err != nil {
		return nil, err
	}
	if err := addTransform(db, "#"+name, main, paired); err != nil {
		return nil, err
	}
	s := db.Summary()
	for id, text := range map[msi.PropertyID]string{
		msi.PIDTitle: "Stand-in for the client patch of " + c.kb, msi.PIDSubject: "Patch", msi.PIDAuthor: "hotfixkit", msi.PIDKeywords: "PatchSource",
		msi.PIDComments: standIn, msi.PIDTemplate: c.code, msi.PIDLastAuthor: ":" + name + ";:#" + name, msi.PIDRevision: guid("patch " + c.name),
	} {
		if err := s.SetString(id, text); err != nil {
			return nil, err
		}
	}
	s.SetInt(msi.PIDWordCount, 3) // Windows Installer 2.0
	s.SetInt(msi.PIDSecurity, 4)
	for _, row := range [][]any{
		{"MsiPatchMetadata", nil, "AllowRemoval", "1"},
		{"MsiPatchMetadata", nil, "Classification", "Hotfix"},
		{"MsiPatchMetadata", nil, "DisplayName", "Stand-in for " + c.kb + " (" + c.name + ")"},
		{"MsiPatchMetadata", nil, "TargetProductName", "Stand-in for the ConfigMgr Client"},
		{"MsiPatchSequence", c.kb + c.name, c.code, c.fixVersion, 0},
	} {
		if err := insert(db, row[0].(string), row[1:]...); err != nil {
			return nil, err
		}
	}
	deltaMember := c.changedNew
	deltaMember.content = content
	cabinet, err := cabinetOf([]payload{deltaMember, c.whole, c.added})
	if err != nil {
		return nil, err
	}
	if err := db.SetStream("PCW_CAB_KB977203", cabinet); err != nil {
		return nil, err
	}
	return saveSized(db, size)
}

// addTransform adds the differences between two packages to a patch.
func addTransform(patch *msi.Database, name string, from, to *msi.Database) error {
	diff, err := msi.Compare(from, to)
	if err != nil {
		return err
	}
	transform, err := diff.Transform(msi.TransformOptions{Validation: msi.ValidateProduct | msi.ValidateUpdateVersion | msi.ValidateEqual | msi.ValidateUpgradeCode})
	if err != nil {
		return err
	}
	return patch.SetStorage(name, transform)
}

// updated is the client package as the update leaves it.
func (c *client) updated() (*msi.Database, error) {
	db := c.database.Clone()
	for _, f := range []payload{c.whole, c.changedNew} {
		if err := setFile(db, f.key, map[string]msi.Value{
			"FileSize": msi.Int(int32(len(f.content))), "Version": msi.String(f.version),
		}); err != nil {
			return nil, err
		}
	}
	rows := append(c.added.rows(c.code, addedSequence),
		[]any{"Property", "PATCHNEWPACKAGECODE", guid("updated client " + c.name)},
		[]any{"Property", "PATCHNEWSUMMARYSUBJECT", "Stand-in for the ConfigMgr Client with KB977203"})
	for _, r := range rows {
		if err := insert(db, r[0].(string), r[1:]...); err != nil {
			return nil, err
		}
	}
	return db, nil
}

// withPatchFiles adds what the paired transform adds: the cabinet of the patch
// and where its members belong.
func (c *client) withPatchFiles(updated *msi.Database, content []byte) (*msi.Database, error) {
	const crcSize = 4              // at the end of a delta, behind the stream
	const fromPatch = 512 | 0x1000 // vital, msidbFileAttributesPatchAdded
	info, err := delta.Inspect(content)
	if err != nil {
		return nil, err
	}
	deltaHeader := content[:int64(len(content))-crcSize-info.Sources[0].StreamSize]
	db := updated.Clone()
	if err := addTables(db, "Patch", "PatchPackage"); err != nil {
		return nil, err
	}
	for key, sequence := range map[string]int32{c.whole.key: wholeSequence, c.added.key: addedSequence} {
		if err := setFile(db, key, map[string]msi.Value{"Sequence": msi.Int(sequence), "Attributes": msi.Int(fromPatch)}); err != nil {
			return nil, err
		}
	}
	for _, r := range [][]any{
		{"Media", patchDisk, addedSequence, nil, "#PCW_CAB_KB977203", nil, "KB977203PatchSource"},
		{"Patch", c.changedNew.key, deltaSequence, len(content), 0, deltaHeader, nil},
		{"PatchPackage", guid("patch " + c.name), patchDisk},
		{"InstallExecuteSequence", "PatchFiles", nil, 4090},
		{"AdminExecuteSequence", "PatchFiles", nil, 4090},
	} {
		if err := insert(db, r[0].(string), r[1:]...); err != nil {
			return nil, err
		}
	}
	return db, nil
}

func setFile(db *msi.Database, key string, cells map[string]msi.Value) error {
	row, ok := db.Table("File").Find(msi.String(key))
	if !ok {
		return fmt.Errorf("no file %s", key)
	}
	for column, v := range cells {
		if err := row.SetCol(column, v); err != nil {
			return err
		}
	}
	return nil
}
