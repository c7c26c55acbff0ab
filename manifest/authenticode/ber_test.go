package authenticode

import (
	"bytes"
	"encoding/asn1"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// toBER returns the DER element with indefinite lengths, and octet strings in
// pieces.
func toBER(t testing.TB, der []byte) []byte {
	t.Helper()
	header, length, _, err := readHeader(der)
	require.NoError(t, err)
	require.Len(t, der, header+length)
	content := der[header:]
	switch {
	case der[0]&classConstructed != 0:
		out := []byte{der[0], 0x80}
		for len(content) > 0 {
			header, length, _, err := readHeader(content)
			require.NoError(t, err)
			out = append(out, toBER(t, content[:header+length])...)
			content = content[header+length:]
		}
		return append(out, 0, 0)
	case der[0] == asn1.TagOctetString && length > 1:
		return slices.Concat([]byte{asn1.TagOctetString | classConstructed, 0x80},
			appendElement(nil, asn1.TagOctetString, content[:1]), appendElement(nil, asn1.TagOctetString, content[1:]), []byte{0, 0})
	}
	return der
}

func appendElement(dst []byte, identifier byte, content []byte) []byte {
	return append(appendHeader(dst, identifier, len(content)), content...)
}

func TestToDER(t *testing.T) {
	octets := func(n int) []byte { return appendElement(nil, asn1.TagOctetString, bytes.Repeat([]byte{7}, n)) }
	tests := []struct {
		name string
		ber  []byte
		der  []byte
	}{
		{"primitive", []byte{0x02, 0x01, 0x05}, []byte{0x02, 0x01, 0x05}},
		{"empty", []byte{0x30, 0x00}, []byte{0x30, 0x00}},
		{"long form of a short length", []byte{0x30, 0x82, 0x00, 0x02, 0x05, 0x00}, []byte{0x30, 0x02, 0x05, 0x00}},
		{"indefinite", []byte{0x30, 0x80, 0x05, 0x00, 0x00, 0x00}, []byte{0x30, 0x02, 0x05, 0x00}},
		{"indefinite in indefinite", []byte{0x30, 0x80, 0x31, 0x80, 0x00, 0x00, 0x00, 0x00}, []byte{0x30, 0x02, 0x31, 0x00}},
		{"indefinite in definite", []byte{0x30, 0x04, 0x31, 0x80, 0x00, 0x00}, []byte{0x30, 0x02, 0x31, 0x00}},
		{"octets in pieces", []byte{0x24, 0x80, 0x04, 0x01, 0x01, 0x24, 0x03, 0x04, 0x01, 0x02, 0x00, 0x00}, []byte{0x04, 0x02, 0x01, 0x02}},
		{"127 octets", octets(127), append([]byte{0x04, 0x7f}, bytes.Repeat([]byte{7}, 127)...)},
		{"128 octets", octets(128), append([]byte{0x04, 0x81, 0x80}, bytes.Repeat([]byte{7}, 128)...)},
		{"65536 octets", octets(65536), append([]byte{0x04, 0x83, 0x01, 0x00, 0x00}, bytes.Repeat([]byte{7}, 65536)...)},

		{"nothing", nil, nil},
		{"half a header", []byte{0x30}, nil},
		{"cut off", []byte{0x30, 0x02, 0x05}, nil},
		{"length of length cut off", []byte{0x30, 0x82, 0x01}, nil},
		{"length of 5 bytes", []byte{0x30, 0x85, 0, 0, 0, 0, 1, 0}, nil},
		{"length above any size", []byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff}, nil},
		{"child longer than its parent", []byte{0x30, 0x02, 0x04, 0x04, 1, 2, 3, 4}, nil},
		{"no end", []byte{0x30, 0x80, 0x05, 0x00}, nil},
		{"half an end", []byte{0x30, 0x80, 0x05, 0x00, 0x00}, nil},
		{"end with a length", []byte{0x30, 0x80, 0x00, 0x01, 0x00}, nil},
		{"primitive of indefinite length", []byte{0x04, 0x80, 0x00, 0x00}, nil},
		{"octets in other pieces", []byte{0x24, 0x03, 0x02, 0x01, 0x05}, nil},
		{"high tag", []byte{0x1f, 0x81, 0x01, 0x00}, nil},
		{"long object identifier", appendElement(nil, asn1.TagOID, bytes.Repeat([]byte{1}, maxIdentifier+1)), nil},
		{"too deep", bytes.Repeat([]byte{0x30, 0x80}, 1<<20), nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, size, err := toDER(append(slices.Clone(test.ber), test.der...)[:len(test.ber)])
			if test.der == nil {
				require.ErrorIs(t, err, errBER)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.der, got)
			require.Len(t, test.ber, size)
		})
	}
}

// A signature all of whose parts are BER is the same signature.
func TestSignatureInBER(t *testing.T) {
	o := fixtureOptions(t)
	for _, name := range []string{"sha256.exe", "sha1-nested-sha256.exe"} {
		data := fixture(t, name)
		der := signatureIn(t, data)
		ber := toBER(t, der)
		back, size, err := toDER(ber)
		require.NoError(t, err)
		require.Equal(t, der, back)
		require.Len(t, ber, size)

		want, err := VerifyPE(bytes.NewReader(data), int64(len(data)), o)
		require.NoError(t, err)
		require.Equal(t, Valid, want.Status)
		data = withTable(winCertificate(winCertSignedData, ber))
		got, err := VerifyPE(bytes.NewReader(data), int64(len(data)), o)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func FuzzToDER(f *testing.F) {
	f.Add([]byte{0x30, 0x80, 0x24, 0x80, 0x04, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00})
	der := signatureIn(f, fixture(f, "sha256.exe"))
	f.Add(der)
	f.Add(toBER(f, der))
	f.Fuzz(func(t *testing.T, data []byte) {
		der, size, err := toDER(data)
		if err != nil {
			return
		}
		require.LessOrEqual(t, size, len(data))
		again, n, err := toDER(der)
		require.NoError(t, err)
		require.Equal(t, der, again)
		require.Len(t, der, n)
		var value asn1.RawValue
		rest, err := asn1.Unmarshal(der, &value)
		require.NoError(t, err)
		require.Empty(t, rest)
	})
}
