// Command make writes the databases among the fixtures of package msi: a package,
// and a transform in a Japanese code page that is for it. Run it in the folder
// above.
package main

import (
	"bytes"
	"encoding/binary"
	"log"
	"os"

	"github.com/hotfixkit/hotfixkit/msi"
)

func main() {
	log.SetFlags(0)
	base, err := example()
	if err != nil {
		log.Fatal(err)
	}
	transform, err := japanese(base)
	if err != nil {
		log.Fatal(err)
	}
	for name, db := range map[string]*msi.Database{"example.msi": base, "japanese.mst": transform} {
		var b bytes.Buffer
		if err := db.Save(&b); err != nil {
			log.Fatal(err)
		}
		if err := os.WriteFile(name, b.Bytes(), 0o666); err != nil {
			log.Fatal(err)
		}
	}
}

type table struct {
	name    string
	columns []column
	rows    [][]any
}

type column struct {
	name, kind string
	key        bool
}

var tables = []table{
	{name: "Directory", columns: []column{{"Directory", "s72", true}, {"Directory_Parent", "S72", false}, {"DefaultDir", "l255", false}},
		rows: [][]any{{"TARGETDIR", nil, "SourceDir"}, {"ProgramFilesFolder", "TARGETDIR", "PFiles"}, {"INSTALLDIR", "ProgramFilesFolder", "EXAMPL~1|Example 1.0"}}},
	{name: "Component", columns: []column{{"Component", "s72", true}, {"ComponentId", "S38", false}, {"Directory_", "s72", false},
		{"Attributes", "i2", false}, {"Condition", "S255", false}, {"KeyPath", "S72", false}},
		rows: [][]any{{"Main", "{6DF45A41-0E4C-4C9C-9E0F-2B8A30C1A001}", "INSTALLDIR", 0, nil, "Hello"}}},
	{name: "Feature", columns: []column{{"Feature", "s38", true}, {"Feature_Parent", "S38", false}, {"Title", "L64", false}, {"Level", "i2", false}},
		rows: [][]any{{"Complete", nil, "Everything", 1}}},
	{name: "FeatureComponents", columns: []column{{"Feature_", "s38", true}, {"Component_", "s72", true}}, rows: [][]any{{"Complete", "Main"}}},
	{name: "Media", columns: []column{{"DiskId", "i2", true}, {"LastSequence", "i4", false}, {"DiskPrompt", "L64", false}, {"Cabinet", "S255", false}},
		rows: [][]any{{1, 1, nil, "#files.cab"}}},
	{name: "File", columns: []column{{"File", "s72", true}, {"Component_", "s72", false}, {"FileName", "l255", false}, {"FileSize", "i4", false},
		{"Version", "S72", false}, {"Language", "S20", false}, {"Attributes", "I2", false}, {"Sequence", "i4", false}},
		rows: [][]any{{"Hello", "Main", "HELLO~1.TXT|Hello world.txt", len(content), nil, nil, 512, 1}}},
	{name: "Property", columns: []column{{"Property", "s72", true}, {"Value", "l0", false}},
		rows: [][]any{{"ProductCode", "{6DF45A41-0E4C-4C9C-9E0F-2B8A30C1A002}"}, {"ProductName", "Example"}, {"ProductVersion", "1.0.0"},
			{"ProductLanguage", "1033"}, {"Manufacturer", "hotfixkit"}, {"Greeting", "Good morning"}}},
}

const content = "Hello to you!!\r\n" // 16 bytes: the checksum takes whole words

// example makes the package.
func example() (*msi.Database, error) {
	db, err := msi.New(msi.KindDatabase, 1252)
	if err != nil {
		return nil, err
	}
	for _, t := range tables {
		if err := add(db, t); err != nil {
			return nil, err
		}
	}
	s := db.Summary()
	for _, p := range []struct {
		id   msi.PropertyID
		text string
	}{
		{msi.PIDTitle, "Installation Database"}, {msi.PIDSubject, "Example"}, {msi.PIDAuthor, "hotfixkit"},
		{msi.PIDTemplate, "Intel;1033"}, {msi.PIDRevision, "{6DF45A41-0E4C-4C9C-9E0F-2B8A30C1A003}"},
	} {
		if err := s.SetString(p.id, p.text); err != nil {
			return nil, err
		}
	}
	s.SetInt(msi.PIDPageCount, 200)
	s.SetInt(msi.PIDWordCount, msi.SourceCompressed)
	return db, db.SetStream("files.cab", cabinetOf("Hello", content))
}

// cabinetOf returns a cabinet with one stored member ([MS-CAB] 2).
func cabinetOf(name, content string) []byte {
	le := binary.LittleEndian
	folder := 36
	file := folder + 8
	data := file + 16 + len(name) + 1
	size := data + 8 + len(content)
	b := append([]byte("MSCF"), 0, 0, 0, 0)
	for _, v := range []int{size, 0, file, 0} {
		b = le.AppendUint32(b, uint32(v))
	}
	b = append(b, 3, 1)                      // version 1.3
	for _, v := range []int{1, 1, 0, 0, 0} { // folders, files, flags, set, cabinet
		b = le.AppendUint16(b, uint16(v))
	}
	b = le.AppendUint32(b, uint32(data))
	b = le.AppendUint16(b, 1) // blocks
	b = le.AppendUint16(b, 0) // stored
	b = le.AppendUint32(b, uint32(len(content)))
	b = le.AppendUint32(b, 0)
	for _, v := range []int{0, 1<<9 | 1<<5 | 1, 0, 0x20} { // folder, 2 January 1980 as date, time, archive bit
		b = le.AppendUint16(b, uint16(v))
	}
	b = append(append(b, name...), 0)
	sum := uint32(len(content)) | uint32(len(content))<<16
	for i := 0; i < len(content); i += 4 {
		sum ^= le.Uint32([]byte(content[i:]))
	}
	b = le.AppendUint32(b, sum)
	b = le.AppendUint16(b, uint16(len(content)))
	b = le.AppendUint16(b, uint16(len(content)))
	return append(b, content...)
}

func add(db *msi.Database, t table) error {
	var columns []msi.Column
	for _, c := range t.columns {
		kind, err := msi.ParseColumnType(c.kind, c.key)
		if err != nil {
			return err
		}
		columns = append(columns, msi.Column{Name: c.name, Type: kind})
	}
	added, err := db.AddTable(t.name, columns)
	if err != nil {
		return err
	}
	for _, row := range t.rows {
		values := make([]msi.Value, len(row))
		for i, cell := range row {
			switch cell := cell.(type) {
			case string:
				values[i] = msi.String(cell)
			case int:
				values[i] = msi.Int(int32(cell))
			}
		}
		if _, err := added.Insert(values...); err != nil {
			return err
		}
	}
	return nil
}

// japanese makes the transform to a Japanese package.
func japanese(base *msi.Database) (*msi.Database, error) {
	db := base.Clone()
	if err := db.SetCodePage(932); err != nil {
		return nil, err
	}
	for _, p := range [][2]string{{"ProductLanguage", "1041"}, {"ProductName", "例"}, {"Greeting", "おはようございます"}} {
		row, _ := db.Table("Property").Find(msi.String(p[0]))
		if err := row.SetCol("Value", msi.String(p[1])); err != nil {
			return nil, err
		}
	}
	diff, err := msi.Compare(base, db)
	if err != nil {
		return nil, err
	}
	return diff.Transform(msi.TransformOptions{Validation: msi.ValidateProduct, Ignore: msi.IgnoreChangeCodePage})
}
