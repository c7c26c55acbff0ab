package testkit

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/msi"
)

// Columns reads definitions of columns: "Name:type", the type as
// msi.ParseColumnType reads it, with "*" before the name of a key.
func Columns(t testing.TB, spec ...string) []msi.Column {
	t.Helper()
	var columns []msi.Column
	for _, s := range spec {
		s, key := strings.CutPrefix(s, "*")
		name, kind, _ := strings.Cut(s, ":")
		columnType, err := msi.ParseColumnType(kind, key)
		require.NoError(t, err)
		columns = append(columns, msi.Column{Name: name, Type: columnType})
	}
	return columns
}

// AddTable adds an empty table with the columns that spec defines (Columns).
func AddTable(t testing.TB, db *msi.Database, name string, spec ...string) *msi.Table {
	t.Helper()
	table, err := db.AddTable(name, Columns(t, spec...))
	require.NoError(t, err)
	return table
}

// Insert adds a row to a table that exists. A cell is an int, an int32, a string,
// nil for null, or a []byte, which becomes the row's stream.
func Insert(t testing.TB, db *msi.Database, table string, cells ...any) msi.Row {
	t.Helper()
	values := make([]msi.Value, len(cells))
	var stream []byte
	for i, cell := range cells {
		switch v := cell.(type) {
		case nil:
			values[i] = msi.Null()
		case int:
			values[i] = msi.Int(int32(v))
		case int32:
			values[i] = msi.Int(v)
		case string:
			values[i] = msi.String(v)
		case []byte:
			values[i], stream = msi.Binary(), v
		default:
			t.Fatalf("table %s: a cell cannot be a %T", table, cell)
		}
	}
	row, err := db.Table(table).Insert(values...)
	require.NoError(t, err, "table %s", table)
	if stream != nil {
		require.NoError(t, db.SetStream(row.StreamName(), stream))
	}
	return row
}
