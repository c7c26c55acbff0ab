package msp_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/delta/deltatest"
	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msp"
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
		contents, err := p.Contents(t.Context())
		require.NoError(t, err)
		require.Len(t, contents.Members, 1)
		require.Len(t, contents.Members[0].Uses, 1)
		require.Equal(t, "PA19", contents.Members[0].Uses[0].Format)
		again, err := p.Contents(t.Context())
		require.NoError(t, err)
		require.Same(t, contents, again)
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
		contents, err := p.Contents(t.Context())
		require.NoError(t, err)
		use := contents.Members[slices.IndexFunc(contents.Members, func(c *msp.Content) bool { return c.Key == "kept" })].Uses[0]
		require.Equal(t, tt.format, use.Format)
		require.Equal(t, tt.size, use.FileSize)
	}
}

// A cancelled context ends the reading of a patch, which can be read again.
func TestCancelledContext(t *testing.T) {
	p := patch{code: 1, whole: files{"readme": []byte("read me, second edition")}}.build(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := p.Contents(ctx)
	require.ErrorIs(t, err, context.Canceled)
	_, err = msp.Apply(ctx, product(t), p)
	require.ErrorIs(t, err, context.Canceled)
	plan, err := msp.Apply(t.Context(), product(t), p)
	require.NoError(t, err)
	contents, err := p.Contents(t.Context())
	require.NoError(t, err)
	whole := plan.Files["readme"].Whole
	require.Same(t, contents.Members[0], whole.Content)
	require.Same(t, &contents.Members[0].Uses[0], whole.Use)
	require.Equal(t, []*msp.Member{whole}, plan.Files["readme"].Members())
}
