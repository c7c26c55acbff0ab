package authenticode

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTamperedCabinet(t *testing.T) {
	flip := func(at int) func([]byte) []byte {
		return func(b []byte) []byte { b[at] ^= 1; return b }
	}
	tests := []struct {
		name   string
		change func(b []byte) []byte
		status Status
		note   string
	}{
		{"unchanged", func(b []byte) []byte { return b }, Valid, ""},
		{"number in the set", flip(cabIndex), Valid, ""},
		{"set", flip(32), Invalid, "changed after it was signed"},
		{"size", flip(cabCoversFrom), Invalid, "changed after it was signed"},
		{"end of the reserved area", flip(cabCoversAgain), Invalid, "changed after it was signed"},
		{"folder", flip(cabHeaderEnd), Invalid, "changed after it was signed"},
		{"content", func(b []byte) []byte {
			b[binary.LittleEndian.Uint32(b[cabSignatureOffset:])-1] ^= 1
			return b
		}, Invalid, "changed after it was signed"},
		{"checksum of the header", flip(cabReserved1), Invalid, "no signature covers"},
		{"reserve of folders", flip(cabHeaderReserve + 2), Invalid, "no signature covers"},
		{"reserved area", flip(cabReserved4), Invalid, "no signature covers"},
		{"bytes behind the signature", func(b []byte) []byte { return append(b, 0) }, Invalid, "not at its end"},
		{"cut off", func(b []byte) []byte { return b[:len(b)-1] }, Invalid, "not at its end"},
		{"signature in the header", func(b []byte) []byte {
			binary.LittleEndian.PutUint32(b[cabSignatureOffset:], 8)
			binary.LittleEndian.PutUint32(b[cabSignatureSize:], uint32(len(b)-8))
			return b
		}, Invalid, "not at its end"},
		{"other reserve", flip(cabHeaderReserve), None, ""},
		{"no reserve", flip(cabReserve), None, ""},
		{"no flag", func(b []byte) []byte { b[cabFlags] &^= cabFlagReserve; return b }, None, ""},
		{"no cabinet", flip(0), None, ""},
		{"short", func(b []byte) []byte { return b[:cabHeaderEnd-1] }, None, ""},
	}
	o := fixtureOptions(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			data := test.change(fixture(t, "sha256.cab"))
			s, err := VerifyCAB(bytes.NewReader(data), int64(len(data)), o)
			require.NoError(t, err)
			require.Equal(t, test.status, s.Status, s.Notes)
			if test.note != "" {
				require.Contains(t, s.Notes[0], test.note)
			}
			compareWithOracle(t, data, s, test.name == "reserved area")
		})
	}
}

func TestUnsignedCabinet(t *testing.T) {
	data := buildCabinet()
	s, err := VerifyCAB(bytes.NewReader(data), int64(len(data)), Options{})
	require.NoError(t, err)
	require.Equal(t, &Signature{Status: None}, s)
}
