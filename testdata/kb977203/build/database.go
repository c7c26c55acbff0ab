package main

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/hotfixkit/hotfixkit/internal/cabtest"
	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msi/cab"
)

// schema holds the columns of the tables that the stand-ins use, in the notation
// of exported tables (Windows Installer: Column Definition Format). A column
// marked with * belongs to the key.
var schema = map[string]string{
	"AdminExecuteSequence":   "Action*s72 Condition:S255 Sequence:I2",
	"Binary":                 "Name*s72 Data:v0",
	"Component":              "Component*s72 ComponentId:S38 Directory_:s72 Attributes:i2 Condition:S255 KeyPath:S72",
	"Directory":              "Directory*s72 Directory_Parent:S72 DefaultDir:l255",
	"Feature":                "Feature*s38 Feature_Parent:S38 Title:L64 Description:L255 Display:I2 Level:i2 Directory_:S72 Attributes:i2",
	"FeatureComponents":      "Feature_*s38 Component_*s72",
	"File":                   "File*s72 Component_:s72 FileName:l255 FileSize:i4 Version:S72 Language:S20 Attributes:I2 Sequence:i4",
	"InstallExecuteSequence": "Action*s72 Condition:S255 Sequence:I2",
	"Media":                  "DiskId*i2 LastSequence:i4 DiskPrompt:L64 Cabinet:S255 VolumeLabel:S32 Source:S72",
	"MsiFileHash":            "File_*s72 Options:i2 HashPart1:i4 HashPart2:i4 HashPart3:i4 HashPart4:i4",
	"MsiPatchHeaders":        "StreamRef*s38 Header:v0",
	"MsiPatchMetadata":       "Company*S72 Property*s72 Value:l0",
	"MsiPatchSequence":       "PatchFamily*s72 ProductCode*S38 Sequence:s72 Attributes:I2",
	"Patch":                  "File_*s72 Sequence*i4 PatchSize:i4 Attributes:i2 Header:V0 StreamRef_:S38",
	"PatchPackage":           "PatchId*s38 Media_:i2",
	"Property":               "Property*s72 Value:l0",
}

// addTables adds empty tables to db.
func addTables(db *msi.Database, names ...string) error {
	for _, name := range names {
		var columns []msi.Column
		for _, field := range strings.Fields(schema[name]) {
			i := strings.IndexAny(field, "*:")
			t, err := msi.ParseColumnType(field[i+1:], field[i] == '*')
			if err != nil {
				return err
			}
			columns = append(columns, msi.Column{Name: field[:i], Type: t})
		}
		if _, err := db.AddTable(name, columns); err != nil {
			return err
		}
	}
	return nil
}

// insert adds one row. Cells are strings, ints, nil for null, or []byte for the
// content of a binary column.
func insert(db *msi.Database, table string, cells ...any) error {
	values := make([]msi.Value, len(cells))
	var content []byte
	for i, c := range cells {
		switch c := c.(type) {
		case nil:
			values[i] = msi.Null()
		case string:
			values[i] = msi.String(c)
		case int:
			values[i] = msi.Int(int32(c))
		case []byte:
			values[i], content = msi.Binary(), c
		default:
			return fmt.Errorf("table %s: no cell is a %T", table, c)
		}
	}
	row, err := db.Table(table).Insert(values...)
	if err != nil || content == nil {
		return err
	}
	return db.SetStream(row.StreamName(), content)
}

// guid derives a GUID from a name: stand-ins have identifiers of their own, never
// Microsoft's.
func guid(name string) string {
	h := sha1.Sum([]byte("hotfixkit stand-in: " + name))
	h[6], h[8] = h[6]&0x0F|0x50, h[8]&0x3F|0x80 // RFC 4122, version 5
	return strings.ToUpper(fmt.Sprintf("{%x-%x-%x-%x-%x}", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16]))
}

// A product describes a package to be built.
type product struct {
	name, code, upgradeCode, version string
	author                           string
	directories                      [][3]string // key, parent, DefaultDir
	files                            []payload   // in sequence order
}

// A payload is one file with its content.
type payload struct {
	key, directory, name string
	version              string
	modified             time.Time
	content              []byte
}

const featureKey = "Hotfix"

// standIn marks the stand-ins as what they are wherever a person may look.
const standIn = "Made up by hotfixkit for tests. Not a Microsoft package."

// build makes the database of p with its files in one embedded MSZIP cabinet.
func (p product) build() (*msi.Database, error) {
	db, err := msi.New(msi.KindDatabase, 1252)
	if err != nil {
		return nil, err
	}
	err = addTables(db, "AdminExecuteSequence", "Component", "Directory", "Feature", "FeatureComponents", "File",
		"InstallExecuteSequence", "Media", "MsiFileHash", "Property")
	if err != nil {
		return nil, err
	}
	if err := p.summarise(db); err != nil {
		return nil, err
	}
	rows := [][]any{
		{"Property", "Manufacturer", p.author},
		{"Property", "ProductCode", p.code},
		{"Property", "ProductLanguage", "1033"},
		{"Property", "ProductName", p.name},
		{"Property", "ProductVersion", p.version},
		{"Property", "UpgradeCode", p.upgradeCode},
		{"Feature", featureKey, nil, p.name, standIn, 1, 1, "TARGETDIR", 0},
		{"Media", 1, len(p.files), nil, "#files.cab", nil, nil},
	}
	for _, d := range p.directories {
		var parent any = d[1]
		if d[1] == "" {
			parent = nil
		}
		rows = append(rows, []any{"Directory", d[0], parent, d[2]})
	}
	for _, sequence := range []string{"AdminExecuteSequence", "InstallExecuteSequence"} {
		for _, a := range actions(sequence) {
			rows = append(rows, []any{sequence, a.name, nil, a.sequence})
		}
	}
	for i, f := range p.files {
		rows = append(rows, f.rows(p.code, i+1)...)
	}
	for _, r := range rows {
		if err := insert(db, r[0].(string), r[1:]...); err != nil {
			return nil, err
		}
	}
	cabinet, err := cabinetOf(p.files)
	if err != nil {
		return nil, err
	}
	return db, db.SetStream("files.cab", cabinet)
}

func (p product) summarise(db *msi.Database) error {
	s := db.Summary()
	for id, text := range map[msi.PropertyID]string{
		msi.PIDTitle: "Installation Database", msi.PIDSubject: p.name, msi.PIDAuthor: p.author, msi.PIDKeywords: "Installer",
		msi.PIDComments: standIn, msi.PIDTemplate: "Intel;1033", msi.PIDRevision: guid("package " + p.code), msi.PIDAppName: "hotfixkit",
	} {
		if err := s.SetString(id, text); err != nil {
			return err
		}
	}
	s.SetInt(msi.PIDPageCount, 200)
	s.SetInt(msi.PIDWordCount, 2) // compressed, long names
	s.SetInt(msi.PIDSecurity, 2)
	return nil
}

type action struct {
	name     string
	sequence int
}

func actions(sequence string) []action {
	all := []action{
		{"CostInitialize", 800}, {"FileCost", 900}, {"CostFinalize", 1000}, {"InstallValidate", 1400}, {"InstallInitialize", 1500},
		{"InstallFiles", 4000}, {"InstallFinalize", 6600},
	}
	if sequence == "AdminExecuteSequence" {
		return append(all, action{"InstallAdminPackage", 3900})
	}
	return append(all, action{"ProcessComponents", 1600}, action{"RegisterProduct", 6100}, action{"PublishFeatures", 6300}, action{"PublishProduct", 6400})
}

// rows are the rows that one file has in the tables of the product with this
// code.
func (f payload) rows(code string, sequence int) [][]any {
	var version, language any
	if f.version != "" {
		version, language = f.version, "1033"
	}
	component := "C_" + f.key
	rows := [][]any{
		{"Component", component, guid(code + component), f.directory, 0, nil, f.key},
		{"FeatureComponents", featureKey, component},
		{"File", f.key, component, f.fileName(), len(f.content), version, language, 512, sequence},
	}
	if f.version == "" {
		rows = append(rows, f.hashRow())
	}
	return rows
}

// fileName is the FileName cell: the short name, and the long one where it
// differs (Windows Installer: Filename).
func (f payload) fileName() string {
	ext := path.Ext(f.name)
	base := strings.TrimSuffix(f.name, ext)
	if len(base) <= 8 && len(ext) <= 4 {
		return f.name
	}
	return strings.ToUpper(base[:6]) + "~1" + strings.ToUpper(ext) + "|" + f.name
}

// hashRow is the MsiFileHash row, which files without a version have.
func (f payload) hashRow() []any {
	sum := md5.Sum(f.content)
	row := []any{"MsiFileHash", f.key, 0}
	for i := 0; i < len(sum); i += 4 {
		row = append(row, int(int32(binary.LittleEndian.Uint32(sum[i:]))))
	}
	return row
}

// cabinetOf writes a cabinet whose members are named by File key.
func cabinetOf(files []payload) ([]byte, error) {
	var b bytes.Buffer
	w := cabtest.NewWriter(&b, cabtest.WriterOptions{Compression: cab.MSZIP})
	for _, f := range files {
		h := cabtest.FileHeader{Name: f.key, Modified: f.modified, Attributes: cab.AttrArchive}
		if err := w.Add(h, bytes.NewReader(f.content)); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return b.Bytes(), err
}
