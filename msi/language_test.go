package msi_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

// Language transforms of real packages hold the cells that an independent reader
// found in them: {table: [[key, "add" or "mod", column, value]]}. It knows the
// documented tables only, and leaves out cells that are null.
func TestLanguageTransforms(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpus.Path(t, "wide/real/mst"), "*.mst"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			b, err := os.ReadFile(name + ".json")
			require.NoError(t, err)
			var want map[string][][4]any
			require.NoError(t, json.Unmarshal(b, &want))
			tr, err := msi.LoadTransform(open(t, name))
			require.NoError(t, err)
			changes, err := tr.Changes(nil)
			require.NoError(t, err)
			got := make(map[string][][4]any)
			for _, tc := range changes.Tables {
				if want[tc.Name] != nil {
					got[tc.Name] = cellsOf(t, tc)
				}
			}
			for table, cells := range want {
				require.ElementsMatch(t, texts(cells), texts(got[table]), table)
			}
		})
	}
}

// texts makes cells comparable, and leaves out null ones.
func texts(cells [][4]any) []string {
	var list []string
	for _, c := range cells {
		if b, _ := json.Marshal(c); c[3] != nil {
			list = append(list, string(b))
		}
	}
	return list
}

func cellsOf(t *testing.T, tc *msi.TableChange) [][4]any {
	t.Helper()
	require.Empty(t, tc.Undecoded, tc.Name)
	plain := func(v msi.Value) any {
		if n, ok := v.Int(); ok {
			return n
		}
		switch {
		case v.IsNull():
			return nil
		case v.IsBinary():
			return "binary"
		}
		return v.Text()
	}
	var list [][4]any
	for _, r := range tc.Rows {
		var key []any
		for _, v := range r.Key {
			key = append(key, plain(v))
		}
		for _, c := range r.Cells {
			list = append(list, [4]any{key, map[msi.Change]string{msi.Added: "add", msi.Changed: "mod"}[r.Change], c.Column, plain(c.New)})
		}
	}
	return list
}

// A table that has other columns than the documented ones is decoded with those of
// the package, and without it named as not decoded, while all others are there.
func TestChangesOfUnknownColumns(t *testing.T) {
	patch := open(t, corpus.Path(t, "review/extra.msp"))
	base := open(t, corpus.Path(t, "review/base_extra.msi"))
	undecoded := func(base *msi.Database) (tables []string, rows int) {
		for _, name := range patch.Storages() {
			if strings.HasPrefix(name, "#") {
				continue
			}
			storage, err := patch.Storage(name)
			require.NoError(t, err)
			tr, err := msi.LoadTransform(storage)
			require.NoError(t, err)
			changes, err := tr.Changes(base)
			require.NoError(t, err)
			for _, tc := range changes.Tables {
				rows += len(tc.Rows)
				if tc.Undecoded != "" {
					require.Empty(t, tc.Rows)
					tables = append(tables, tc.Name)
				}
			}
		}
		return tables, rows
	}
	tables, some := undecoded(nil)
	require.Equal(t, []string{"File"}, tables)
	require.Positive(t, some)
	tables, all := undecoded(base)
	require.Empty(t, tables)
	require.Greater(t, all, some)
}

// PuTTY 0.68 has a stream whose name is that of the summary information in packed
// characters. It is a stream of its own, and both survive saving.
func TestPropertySetAndPackedTwin(t *testing.T) {
	db := open(t, corpus.Path(t, "wide/msi/putty-0.68-installer.msi"))
	require.Equal(t, "PuTTY release 0.68 installer", db.Summary().String(msi.PIDSubject))
	var b bytes.Buffer
	require.NoError(t, db.Save(&b))
	again, err := msi.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	require.NoError(t, err)
	require.Equal(t, db.Summary().String(msi.PIDSubject), again.Summary().String(msi.PIDSubject))
	require.Equal(t, db.Streams(), again.Streams())
	i := slices.IndexFunc(db.Streams(), func(name string) bool {
		return strings.HasPrefix(name, "\x05") && name != "\x05DigitalSignature"
	})
	require.GreaterOrEqual(t, i, 0)
	for _, one := range []*msi.Database{db, again} {
		s, err := one.Stream(db.Streams()[i])
		require.NoError(t, err)
		require.EqualValues(t, 552, s.Size())
	}
}

func TestHashed(t *testing.T) {
	m := modelOf(t, open(t, corpus.Path(t, "msi/NUnit-2.5.2.9222.msi")))
	require.Equal(t, 296, m.FileCount())
	require.Equal(t, 231, m.Hashed())
}
