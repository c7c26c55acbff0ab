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
			if id == PIDDictionary {
				continue // nothing says where it ends: padding may join it
			}
			if p := s.find(id); p.kind == vtLPSTR || p.kind == vtI4 || p.kind == vtFiletime {
				require.True(t, bytes.Equal(p.value, again.find(id).value), "property %d", id)
			}
		}
	})
}

// sampleSummary returns a stream with one property of two bytes at its end.
func sampleSummary(t *testing.T) []byte {
	s := &Summary{codePage: codePage1252}
	require.NoError(t, s.SetString(PIDTitle, "Title"))
	s.set(property{id: PIDSecurity, kind: vtI2, value: []byte{2, 0, 0, 0}})
	return s.encode()
}

func TestSummaryWithoutFinalPadding(t *testing.T) {
	b := sampleSummary(t)
	s, err := parseSummary(b[:len(b)-2])
	require.NoError(t, err)
	n, ok := s.Int(PIDSecurity)
	require.True(t, ok)
	require.EqualValues(t, 2, n)
}

func TestSummaryRefuses(t *testing.T) {
	for name, damage := range map[string]func(b []byte) []byte{
		"empty":             func([]byte) []byte { return nil },
		"byte order":        func(b []byte) []byte { b[0] = 0; return b },
		"no section":        func(b []byte) []byte { b[24] = 0; return b },
		"other section":     func(b []byte) []byte { b[28]++; return b },
		"section beyond":    func(b []byte) []byte { b[47] = 1; return b },
		"property count":    func(b []byte) []byte { b[54] = 1; return b },
		"property beyond":   func(b []byte) []byte { b[63] = 1; return b },
		"property twice":    func(b []byte) []byte { b[56] = byte(PIDSecurity); return b },
		"string cut off":    func(b []byte) []byte { b[78] = 1; return b },
		"cut in the middle": func(b []byte) []byte { return b[:len(b)-3] },
	} {
		_, err := parseSummary(damage(sampleSummary(t)))
		require.ErrorIs(t, err, ErrFormat, name)
	}
}

// Properties of types without a meaning here survive a change of others.
func TestSummaryKeepsUnknownTypes(t *testing.T) {
	s := &Summary{codePage: codePage1252}
	s.set(property{id: 17, kind: 71, value: []byte{4, 0, 0, 0, 1, 2, 3, 4}}) // a thumbnail
	require.NoError(t, s.SetString(PIDTitle, "Title"))
	again, err := parseSummary(s.encode())
	require.NoError(t, err)
	require.Equal(t, s.find(17).value, again.find(17).value)
	require.Equal(t, "Title", again.String(PIDTitle))
}

func TestSummaryWideStrings(t *testing.T) {
	s := &Summary{codePage: codePage1252}
	require.NoError(t, s.SetString(PIDTitle, "Größe"))
	require.NoError(t, s.SetCodePage(codePageUTF16))
	s.set(property{id: PIDAuthor, kind: vtLPWSTR, value: []byte{3, 0, 0, 0, 'A', 0, 0xFC, 0, 0, 0, 0, 0}})
	again, err := parseSummary(s.encode())
	require.NoError(t, err)
	require.Equal(t, "Größe", again.String(PIDTitle))
	require.Equal(t, "Aü", again.String(PIDAuthor))
}
