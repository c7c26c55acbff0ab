package authenticode

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

func TestMicrosoftRoots(t *testing.T) {
	var names []string
	for _, root := range microsoftRoots() {
		names = append(names, root.Subject.CommonName)
		require.Equal(t, root.RawSubject, root.RawIssuer)
	}
	slices.Sort(names)
	require.Equal(t, []string{
		"Microsoft Root Authority",
		"Microsoft Root Certificate Authority",
		"Microsoft Root Certificate Authority 2010",
		"Microsoft Root Certificate Authority 2011",
	}, names)
}

func TestMicrosoftRootsAreTheCorpus(t *testing.T) {
	sums, err := os.ReadFile(corpus.Path(t, "trust", "SHA256SUMS"))
	require.NoError(t, err)
	for _, root := range microsoftRoots() {
		sum := sha256.Sum256(root.Raw)
		require.Contains(t, string(sums), hex.EncodeToString(sum[:]))
	}
	require.Len(t, microsoftRoots(), strings.Count(string(sums), ".der"))
}

func TestParseRoots(t *testing.T) {
	a, b := issue(t, nil, 0, authority("A")), issue(t, nil, 1, authority("B"))
	block := func(kind string, der []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	}
	tests := []struct {
		name string
		data []byte
		want []*x509.Certificate
	}{
		{"PEM", block("CERTIFICATE", a.cert.Raw), rootsOf(a)},
		{"PEM bundle with text", slices.Concat([]byte("A root\n"), block("CERTIFICATE", a.cert.Raw), []byte("# B\n"), block("CERTIFICATE", b.cert.Raw)), rootsOf(a, b)},
		{"DER", a.cert.Raw, rootsOf(a)},
		{"DER bundle", slices.Concat(a.cert.Raw, b.cert.Raw), rootsOf(a, b)},
		{"empty", nil, nil},
		{"text", []byte("no certificate"), nil},
		{"DER cut off", a.cert.Raw[:100], nil},
		{"DER with other data", append(slices.Clone(a.cert.Raw), 0), nil},
		{"PEM of a key", block("PRIVATE KEY", []byte{1}), nil},
		{"PEM of something else in a bundle", slices.Concat(block("CERTIFICATE", a.cert.Raw), block("X509 CRL", []byte{1})), nil},
		{"PEM of a damaged certificate", block("CERTIFICATE", a.cert.Raw[:100]), nil},
		{"PEM cut off", block("CERTIFICATE", a.cert.Raw)[:200], nil},
		{"PEM bundle cut off", slices.Concat(block("CERTIFICATE", a.cert.Raw), block("CERTIFICATE", b.cert.Raw)[:200]), nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := ParseRoots(test.data)
			if test.want == nil {
				require.ErrorIs(t, err, ErrFormat)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}
