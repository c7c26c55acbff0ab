package msi_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

func TestSummaryOfRealPackage(t *testing.T) {
	s := open(t, corpus.Path(t, "msi/wix3-product.msi")).Summary()
	require.Equal(t, 1252, s.CodePage())
	require.Equal(t, "Installation Database", s.String(msi.PIDTitle))
	require.Equal(t, "Intel;1033", s.String(msi.PIDTemplate))
	require.Equal(t, "{39FA7CCA-7CCF-40DD-A3D6-BBC33F68EBB7}", s.String(msi.PIDRevision))
	pages, ok := s.Int(msi.PIDPageCount)
	require.True(t, ok)
	require.EqualValues(t, 300, pages)
	created, ok := s.Time(msi.PIDCreated)
	require.True(t, ok)
	require.Equal(t, time.Date(2009, 12, 29, 21, 49, 18, 0, time.UTC), created.Truncate(time.Second))
	_, ok = s.Int(msi.PIDTitle)
	require.False(t, ok)
	_, ok = s.Time(msi.PIDLastPrinted)
	require.False(t, ok)
	require.Empty(t, s.String(msi.PIDPageCount))
}

func TestSummaryRoundTrip(t *testing.T) {
	db, err := msi.New(msi.KindDatabase, 932)
	require.NoError(t, err)
	s := db.Summary()
	require.NoError(t, s.SetCodePage(932))
	require.NoError(t, s.SetString(msi.PIDTitle, "修正プログラム"))
	require.NoError(t, s.SetString(msi.PIDAuthor, "x"))
	s.SetInt(msi.PIDWordCount, -5)
	when := time.Date(2010, 1, 25, 6, 27, 1, 2300, time.UTC)
	s.SetTime(msi.PIDCreated, when)
	require.ErrorIs(t, s.SetString(msi.PIDSubject, "핫"), msi.ErrCodePage)

	again := reopen(t, db).Summary()
	require.Equal(t, []msi.PropertyID{msi.PIDCodePage, msi.PIDTitle, msi.PIDAuthor, msi.PIDCreated, msi.PIDWordCount}, again.IDs())
	require.Equal(t, 932, again.CodePage())
	require.Equal(t, "修正プログラム", again.String(msi.PIDTitle))
	n, ok := again.Int(msi.PIDWordCount)
	require.True(t, ok)
	require.EqualValues(t, -5, n)
	got, ok := again.Time(msi.PIDCreated)
	require.True(t, ok)
	require.Equal(t, when, got)

	require.NoError(t, again.SetCodePage(65001))
	require.Equal(t, "修正プログラム", again.String(msi.PIDTitle))
	require.NoError(t, again.SetString(msi.PIDTitle, ""))
	require.Empty(t, again.String(msi.PIDTitle))
	require.NotContains(t, again.IDs(), msi.PIDTitle)
	require.ErrorIs(t, again.SetCodePage(4711), msi.ErrCodePage)
}

// What is changed in one property leaves all others as they are.
func TestSummaryChangeKeepsTheRest(t *testing.T) {
	for _, name := range packages(t, ".msi", ".msm", ".mst", ".msp") {
		db := open(t, name).Clone()
		for _, storage := range db.Storages() {
			require.NoError(t, db.RemoveStorage(storage))
		}
		for _, stream := range db.Streams() {
			require.NoError(t, db.RemoveStream(stream))
		}
		want := exportIDT(t, db, "_SummaryInformation")
		db.Summary().SetInt(4000, 1)
		db.Summary().Remove(4000)
		require.Equal(t, want, exportIDT(t, reopen(t, db), "_SummaryInformation"), name)
	}
}
