package msi

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FuzzSummary: what is read can be written and read again.
func FuzzSummary(f *testing.F) {
	s := &Summary{codePage: codePage1252}
	require.NoError(f, s.SetCodePage(1252))
	require.NoError(f, s.SetString(PIDTitle, "Title"))
	s.SetInt(PIDPageCount, 200)
	s.SetTime(PIDCreated, time.Date(2010, 1, 25, 6, 27, 0, 0, time.UTC))
	f.Add(s.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseSummary(b)
		if err != nil {
			require.True(t, errors.Is(err, ErrFormat) || errors.Is(err, ErrCodePage), "%v", err)
			return
		}
		s.SetInt(4000, 1)
		again, err := parseSummary(s.encode())
		require.NoError(t, err)
		require.Equal(t, s.IDs(), again.IDs())
		for _, id := range s.IDs() {
			if p := s.find(id); p.kind == vtLPSTR || p.kind == vtI4 || p.kind == vtFiletime {
				require.True(t, bytes.Equal(p.value, again.find(id).value), "property %d", id)
			}
		}
	})
}
