package msi_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/cfb"
	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

// sizes lists the entries of a compound file as 7zz sees them.
func sizes(t testing.TB, name string) []string {
	t.Helper()
	out, err := exec.Command(corpus.Tool(t, "7zz"), "l", "-slt", "-tCompound", name).Output()
	require.NoError(t, err, "7zz l %s: %s", name, out)
	var list []string
	entry := ""
	_, body, _ := strings.Cut(string(out), "----------")
	for line := range strings.Lines(body) {
		if path, ok := strings.CutPrefix(line, "Path = "); ok {
			entry = strings.TrimSpace(path)
		}
		if size, ok := strings.CutPrefix(line, "Size = "); ok {
			list = append(list, entry+" "+strings.TrimSpace(size))
		}
	}
	slices.Sort(list)
	return list
}

func saveFile(t testing.TB, db *msi.Database) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "saved.msi")
	require.NoError(t, os.WriteFile(name, save(t, db), 0o666))
	return name
}

// streamContents reads every stream of a compound file.
func streamContents(t testing.TB, b []byte) map[string]string {
	t.Helper()
	r, err := cfb.NewReader(bytes.NewReader(b), int64(len(b)))
	require.NoError(t, err)
	all := make(map[string]string)
	var walk func(e *cfb.Entry, path string)
	walk = func(e *cfb.Entry, path string) {
		all[path] = string(e.CLSID[:])
		for _, child := range e.Children {
			if child.IsStorage {
				walk(child, path+"/"+child.Name)
				continue
			}
			b, err := io.ReadAll(child.Open())
			require.NoError(t, err)
			all[path+"/"+child.Name] = string(b)
		}
	}
	walk(r.Root(), "")
	return all
}

// A saved package holds the same streams, byte for byte, also for 7zz, and
// msiinfo exports the same tables.
func TestSaveKeepsEverything(t *testing.T) {
	for _, name := range packages(t, ".msi", ".msm", ".msp", ".mst") {
		if filepath.Base(name) == "VBRuntime.msi" {
			continue // cut off: it cannot be copied whole
		}
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			db := open(t, name)
			original, err := os.ReadFile(name)
			require.NoError(t, err)
			copied := save(t, db)
			require.Equal(t, copied, save(t, db), "the output is deterministic")
			require.Equal(t, streamContents(t, original), streamContents(t, copied))
			saved := saveFile(t, db)
			require.Equal(t, sizes(t, name), sizes(t, saved))
		})
	}
}

// rewrite changes something in every table and takes it back, so that Save
// encodes all of them.
func rewrite(t testing.TB, db *msi.Database) {
	t.Helper()
	_, err := db.AddTable("HotfixScratch", []msi.Column{column("K", "s72", true)})
	require.NoError(t, err)
	require.NoError(t, db.DropTable("HotfixScratch"))
	for _, name := range db.Tables() {
		table := db.Table(name)
		for row := range table.Rows() {
			for i, c := range table.Columns() {
				if c.Type.IsKey() || c.Type.IsBinary() {
					continue
				}
				v := row.Value(i)
				other := msi.Int(1)
				if c.Type.IsString() {
					other = msi.String("scratch")
				}
				require.NoError(t, row.Set(i, other))
				require.NoError(t, row.Set(i, v))
			}
		}
	}
}

// Tables that were decoded and encoded again are what they were; only reference
// counts and the order of unsorted tables may differ.
func TestRewrittenTablesStayTheSame(t *testing.T) {
	for _, name := range packages(t, ".msi", ".msm", ".msp") {
		if filepath.Base(name) == "VBRuntime.msi" {
			continue
		}
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			original, err := os.ReadFile(name)
			require.NoError(t, err)
			db := open(t, name)
			rewrite(t, db)
			want, got := streamContents(t, original), streamContents(t, save(t, db))
			sorted := !strings.Contains(name, "after-transform")
			for stream := range want {
				require.Contains(t, got, stream)
				if sorted && !strings.Contains(decoded(stream), "_StringPool") && !strings.Contains(decoded(stream), "_StringData") {
					require.Equal(t, want[stream], got[stream], decoded(stream))
				}
			}
			require.Len(t, got, len(want))

			// For tables whose bytes are the same, a few packages are enough.
			switch filepath.Base(name) {
			case "NUnit-2.5.2.9222.msi", "wix3-he-il.msi", "gdr1_rtm2_main.msi", "synth.msp":
			default:
				return
			}
			saved := saveFile(t, db)
			for _, table := range append(db.Tables(), "_SummaryInformation") {
				was, err := msiinfo(t, "export", name, table)
				require.NoError(t, err)
				is, err := msiinfo(t, "export", saved, table)
				require.NoError(t, err)
				require.Equal(t, lines(was), lines(is), "table %s", table)
			}
		})
	}
}

func lines(s string) []string {
	return slices.Sorted(strings.SplitSeq(s, "\r\n"))
}

// decoded unpacks the names in a path, roughly: enough to recognise a table.
func decoded(path string) string {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._"
	var b strings.Builder
	for _, r := range path {
		switch {
		case r >= 0x3800 && r < 0x4800:
			b.WriteByte(alphabet[(r-0x3800)&0x3F])
			b.WriteByte(alphabet[(r-0x3800)>>6])
		case r >= 0x4800 && r < 0x4840:
			b.WriteByte(alphabet[r-0x4800])
		case r != 0x4840:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// newDatabase makes a database with every kind of column.
func newDatabase(t testing.TB, codePage int) *msi.Database {
	t.Helper()
	db, err := msi.New(msi.KindDatabase, codePage)
	require.NoError(t, err)
	table, err := db.AddTable("Everything", []msi.Column{
		column("K", "s72", true), column("N", "i2", true), column("Short", "I2", false), column("Long", "I4", false),
		column("Text", "L0", false), column("Data", "V0", false),
	})
	require.NoError(t, err)
	for _, values := range [][]msi.Value{
		{msi.String("b"), msi.Int(2), msi.Int(-32767), msi.Int(-2147483647), msi.String("text"), msi.Null()},
		{msi.String("a"), msi.Int(1), msi.Int(32767), msi.Int(2147483647), msi.Null(), msi.Binary()},
		{msi.String("a"), msi.Int(0), msi.Null(), msi.Null(), msi.String(""), msi.Null()},
	} {
		row, err := table.Insert(values...)
		require.NoError(t, err)
		if row.Value(5).IsBinary() {
			require.Equal(t, "Everything.a.1", row.StreamName())
			require.NoError(t, db.SetStream(row.StreamName(), []byte("binary data")))
		}
	}
	s := db.Summary()
	require.NoError(t, s.SetString(msi.PIDTitle, "Installation Database"))
	require.NoError(t, s.SetString(msi.PIDTemplate, "Intel;1033"))
	require.NoError(t, s.SetString(msi.PIDRevision, "{00000000-0000-0000-0000-000000000001}"))
	s.SetInt(msi.PIDPageCount, 200)
	s.SetInt(msi.PIDWordCount, 2)
	return db
}

func TestNewDatabase(t *testing.T) {
	db := reopen(t, newDatabase(t, 1252))
	require.Equal(t, msi.KindDatabase, db.Kind())
	require.Equal(t, []string{"Everything"}, db.Tables())
	table := db.Table("Everything")
	row, ok := table.Find(msi.String("a"), msi.Int(1))
	require.True(t, ok)
	require.Equal(t, []msi.Value{msi.String("a"), msi.Int(1), msi.Int(32767), msi.Int(2147483647), msi.Null(), msi.Binary()}, row.Values())
	r, err := row.Stream("Data")
	require.NoError(t, err)
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, "binary data", string(b))
	row, ok = table.Find(msi.String("b"), msi.Int(2))
	require.True(t, ok)
	require.Equal(t, []msi.Value{msi.String("b"), msi.Int(2), msi.Int(-32767), msi.Int(-2147483647), msi.String("text"), msi.Null()}, row.Values())
	_, err = row.Stream("Data")
	require.ErrorIs(t, err, msi.ErrNotFound)
	require.Equal(t, "a/0", func() string { row, _ := table.Find(msi.String("a"), msi.Int(0)); return row.Key() }())
}

// Other implementations read what Save writes.
func TestNewDatabaseWithOtherTools(t *testing.T) {
	for _, codePage := range []int{0, 1252, 65001} {
		db := newDatabase(t, codePage)
		name := saveFile(t, db)
		for _, table := range []string{"Everything", "_SummaryInformation", "_ForceCodepage", "_Tables", "_Columns"} {
			want, err := msiinfo(t, "export", name, table)
			require.NoError(t, err)
			require.Equal(t, want, asMsiinfo.Replace(exportIDT(t, db, table)), table)
		}
		require.Len(t, sizes(t, name), 7)
	}
}

// Strings of 64 KiB and more take two entries, and so does the reading of them
// by msiinfo.
func TestLongStrings(t *testing.T) {
	for _, n := range []int{65534, 65535, 65536, 65537, 200_000} {
		db := newDatabase(t, 1252)
		table := db.Table("Everything")
		long := strings.Repeat("0123456789abcdef", n/16+1)[:n]
		for _, k := range []string{"x", "y", "z"} {
			_, err := table.Insert(msi.String(k), msi.Int(9), msi.Null(), msi.Null(), msi.String(long), msi.Null())
			require.NoError(t, err)
		}
		_, err := table.Insert(msi.String("after"), msi.Int(9), msi.Null(), msi.Null(), msi.String("after the long one"), msi.Null())
		require.NoError(t, err)
		again := reopen(t, db)
		row, ok := again.Table("Everything").Find(msi.String("y"), msi.Int(9))
		require.True(t, ok)
		require.Equal(t, long, row.String("Text"))
		row, _ = again.Table("Everything").Find(msi.String("after"), msi.Int(9))
		require.Equal(t, "after the long one", row.String("Text"))
		if os.Getenv("HOTFIX_CORPUS") != "" {
			want, err := msiinfo(t, "export", saveFile(t, db), "Everything")
			require.NoError(t, err)
			require.Equal(t, want, exportIDT(t, db, "Everything"))
		}
	}
}

// More than 65535 strings make every reference three bytes wide.
func TestWideReferences(t *testing.T) {
	db := newDatabase(t, 1252)
	table, err := db.AddTable("Many", []msi.Column{column("K", "s72", true), column("V", "s72", false)})
	require.NoError(t, err)
	for i := range 40_000 {
		_, err := table.Insert(msi.String("key"+number(i)), msi.String("value"+number(i)))
		require.NoError(t, err)
	}
	again := reopen(t, db)
	require.Equal(t, 3, again.RefWidth())
	row, ok := again.Table("Many").Find(msi.String("key39999"))
	require.True(t, ok)
	require.Equal(t, "value39999", row.String("V"))
	row, ok = again.Table("Everything").Find(msi.String("a"), msi.Int(1))
	require.True(t, ok)
	require.True(t, row.Value(5).IsBinary())
	require.Equal(t, save(t, db), save(t, again), "what was read is written again")
	if os.Getenv("HOTFIX_CORPUS") != "" {
		want, err := msiinfo(t, "export", saveFile(t, db), "Many")
		require.NoError(t, err)
		require.Equal(t, want, exportIDT(t, db, "Many"))
	}
}

// A stream that looks like a table but is in no schema is kept, and so are the
// strings that it may refer to.
func TestTableOutsideTheSchemaSurvives(t *testing.T) {
	db := newDatabase(t, 1252)
	_, err := db.Table("Everything").Insert(msi.String("only here"), msi.Int(5), msi.Null(), msi.Null(), msi.Null(), msi.Null())
	require.NoError(t, err)
	b := save(t, db)
	r, err := cfb.NewReader(bytes.NewReader(b), int64(len(b)))
	require.NoError(t, err)
	root := &cfb.Node{CLSID: r.Root().CLSID}
	for _, e := range r.Root().Children {
		root.Children = append(root.Children, &cfb.Node{
			RawName: e.RawName, Size: e.Size, Open: func() (io.Reader, error) { return e.Open(), nil },
		})
	}
	root.Children = append(root.Children, &cfb.Node{
		Name: "\u4840$", Size: 2, Open: func() (io.Reader, error) { return strings.NewReader("\x05\x00"), nil },
	})
	var odd bytes.Buffer
	require.NoError(t, cfb.Write(&odd, root, cfb.WriteOptions{}))

	again, err := msi.NewReader(bytes.NewReader(odd.Bytes()), int64(odd.Len()))
	require.NoError(t, err)
	require.Equal(t, []string{"Everything"}, again.Tables())
	row, _ := again.Table("Everything").Find(msi.String("only here"), msi.Int(5))
	require.NoError(t, again.Table("Everything").Delete(row))
	last := reopen(t, again)
	require.Contains(t, last.TableStreams(), "$")
	kept := false
	for ref := range uint32(20) {
		s, _ := last.StringAt(ref)
		kept = kept || s == "only here"
	}
	require.True(t, kept)
}

func number(i int) string { return msi.Int(int32(i)).Text() }
