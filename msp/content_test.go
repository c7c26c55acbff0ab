package msp_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msp"
	"github.com/hotfixkit/hotfixkit/msp/delta/deltatest"
)

// A patch need not keep the headers of its deltas apart: then the members say
// what they are.
func TestFormatsOfDeltasWithoutHeader(t *testing.T) {
	finished := []byte("read me, second edition, which is longer\r\n")
	for _, header := range []bool{true, false} {
		p := patch{code: 1, delta: files{"readme": finished}, spoil: func(_, full *msi.Database) {
			if !header {
				for row := range full.Table("Patch").Rows() {
					require.NoError(t, row.SetCol("Header", msi.Null()))
				}
			}
		}}.build(t)
		contents, err := p.Contents(nil)
		require.NoError(t, err)
		require.Len(t, contents, 1)
		require.Len(t, contents[0].Uses, 1)
		require.Equal(t, "PA19", contents[0].Uses[0].Format)
	}

	for _, tt := range []struct {
		start  string
		format string
		size   int64
	}{
		{"PA30", "PA30", -1},
		{"PA31", "PA31", -1},
		{"of no known format", "", -1},
		{string(deltatest.Encode([]byte("old"), finished)), "PA19", int64(len(finished))},
	} {
		db := patch{code: 1, delta: files{"kept": []byte("changes now")}, spoil: func(main, full *msi.Database) {
			for _, db := range []*msi.Database{main, full} {
				setCell(t, db, "File", "kept", "FileSize", msi.Int(int32(len(oldFiles()["kept"]))))
			}
			for row := range full.Table("Patch").Rows() {
				require.NoError(t, row.SetCol("Header", msi.Null()))
			}
		}}.database(t)
		members := files{"kept": []byte(tt.start)}
		require.NoError(t, db.SetStream("patch1.cab", writeCabinet(t, []string{"kept"}, members)))
		p, err := msp.New(db)
		require.NoError(t, err)
		contents, err := p.Contents(nil)
		require.NoError(t, err)
		use := contents[slices.IndexFunc(contents, func(c msp.Content) bool { return c.Key == "kept" })].Uses[0]
		require.Equal(t, tt.format, use.Format)
		require.Equal(t, tt.size, use.FileSize)
	}
}
