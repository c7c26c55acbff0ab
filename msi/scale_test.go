package msi_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/msi"
)

// manyFiles writes a package whose tables name n files in n/10 folders, a
// component for each file, and a hash for every second.
func manyFiles(t testing.TB, n int) []byte {
	t.Helper()
	db, err := msi.New(msi.KindDatabase, 1252)
	require.NoError(t, err)
	text := func(format string, args ...any) msi.Value { return msi.String(fmt.Sprintf(format, args...)) }
	rows := map[string][][]msi.Value{
		"Directory": {{msi.String("TARGETDIR"), msi.Null(), msi.String("SourceDir")}},
		"Feature":   {{msi.String("Complete"), msi.Null(), msi.Int(1)}},
		"Media":     {{msi.Int(1), msi.Int(int32(n)), msi.Null()}},
	}
	for i := range max(1, n/10) {
		rows["Directory"] = append(rows["Directory"], []msi.Value{text("dir%05d", i), msi.String("TARGETDIR"), text("D%05d|Folder number %d", i, i)})
	}
	for i := range n {
		file, component := text("fil%08X", int64(i)*2654435761), text("cmp%08X", int64(i)*2654435761)
		rows["Component"] = append(rows["Component"], []msi.Value{component, text("{%08X-0000-0000-0000-000000000000}", i), text("dir%05d", i/10), msi.Int(0), msi.Null(), file})
		rows["FeatureComponents"] = append(rows["FeatureComponents"], []msi.Value{msi.String("Complete"), component})
		rows["File"] = append(rows["File"], []msi.Value{file, component, text("F%07d.TXT|a file of number %d.txt", i, i), msi.Int(2048), text("1.0.%d.0", i%100), msi.String("1033"), msi.Int(512), msi.Int(int32(i + 1))})
		if i%2 == 0 {
			rows["MsiFileHash"] = append(rows["MsiFileHash"], []msi.Value{file, msi.Int(0), msi.Int(int32(i)), msi.Int(2), msi.Int(3), msi.Int(4)})
		}
	}
	for _, table := range []struct {
		name    string
		columns []msi.Column
	}{
		{"Directory", []msi.Column{column("Directory", "s72", true), column("Directory_Parent", "S72", false), column("DefaultDir", "l255", false)}},
		{"Feature", []msi.Column{column("Feature", "s38", true), column("Feature_Parent", "S38", false), column("Level", "i2", false)}},
		{"Media", []msi.Column{column("DiskId", "i2", true), column("LastSequence", "i4", false), column("Cabinet", "S255", false)}},
		{"Component", []msi.Column{column("Component", "s72", true), column("ComponentId", "S38", false), column("Directory_", "s72", false),
			column("Attributes", "i2", false), column("Condition", "S255", false), column("KeyPath", "S72", false)}},
		{"FeatureComponents", []msi.Column{column("Feature_", "s38", true), column("Component_", "s72", true)}},
		{"File", []msi.Column{column("File", "s72", true), column("Component_", "s72", false), column("FileName", "l255", false), column("FileSize", "i4", false),
			column("Version", "S72", false), column("Language", "S20", false), column("Attributes", "I2", false), column("Sequence", "i4", false)}},
		{"MsiFileHash", []msi.Column{column("File_", "s72", true), column("Options", "i2", false), column("HashPart1", "i4", false),
			column("HashPart2", "i4", false), column("HashPart3", "i4", false), column("HashPart4", "i4", false)}},
	} {
		addTable(t, db, table.name, table.columns, rows[table.name]...)
	}
	var b bytes.Buffer
	require.NoError(t, db.Save(&b))
	return b.Bytes()
}

func BenchmarkOpenAndModel(b *testing.B) {
	for _, n := range []int{5_000, 60_000} {
		file := manyFiles(b, n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				db, err := msi.NewReader(bytes.NewReader(file), int64(len(file)))
				require.NoError(b, err)
				_, err = db.Model()
				require.NoError(b, err)
			}
		})
	}
}
