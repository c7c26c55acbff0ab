package msp_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msp"
)

// The patches inside the stand-ins for the hotfix apply to the stand-ins for the
// client, each to that of its own service pack.
func TestStandIns(t *testing.T) {
	openFile := func(elem ...string) *msi.Database {
		db, err := msi.Open(filepath.Join(append([]string{"..", "testdata", "kb977203"}, elem...)...))
		require.NoError(t, err)
		t.Cleanup(func() { db.Close() })
		return db
	}
	for _, tt := range []struct{ hotfix, client, other string }{
		{"SCCM2007-SP1-KB977203-ENU.msi", "client-sp1", "client-sp2"},
		{"SCCM2007-SP2-KB977203-ENU.msi", "client-sp2", "client-sp1"},
	} {
		t.Run(tt.client, func(t *testing.T) {
			hotfix := openFile(tt.hotfix)
			model, err := hotfix.Model()
			require.NoError(t, err)
			var content []byte
			for f := range model.Files() {
				if strings.HasSuffix(strings.ToLower(f.Name(false)), ".msp") {
					stream, ok := f.Media().Embedded()
					require.True(t, ok)
					content = readCabinet(t, hotfix, stream)[f.Key()]
				}
			}
			db, err := msi.NewReader(bytes.NewReader(content), int64(len(content)))
			require.NoError(t, err)
			p, err := msp.New(db)
			require.NoError(t, err)

			client := openFile(tt.client, "client.msi")
			plan, err := msp.Apply(t.Context(), client, p)
			require.NoError(t, err)
			require.Len(t, plan.Files, 3)
			kinds := map[string]bool{}
			for _, f := range plan.Files {
				kinds[map[bool]string{true: "whole", false: "delta"}[f.Whole != nil]] = true
			}
			require.Equal(t, map[string]bool{"whole": true, "delta": true}, kinds)
			require.Len(t, extract(t, client, plan), 4)

			_, err = msp.Apply(t.Context(), openFile(tt.other, "client.msi"), p)
			require.ErrorIs(t, err, msp.ErrTarget)
		})
	}
}
