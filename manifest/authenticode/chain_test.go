package authenticode

import (
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestChain(t *testing.T) {
	root := issue(t, nil, 0, authority("Root"))
	// chain makes root, authority and signer after the templates were changed.
	chain := func(change func(ca, leaf *x509.Certificate)) []*identity {
		caTemplate, leafTemplate := authority("Authority"), codeSigner("Signer")
		change(&caTemplate, &leafTemplate)
		ca := issue(t, root, 1, caTemplate)
		return []*identity{issue(t, ca, 2, leafTemplate), ca}
	}
	good := chain(func(ca, leaf *x509.Certificate) {})
	named := func(name string) []*identity {
		return chain(func(ca, leaf *x509.Certificate) { ca.Subject.CommonName = name })
	}

	tests := []struct {
		name   string
		made   []*identity // signer first
		at     time.Time
		length int
		reason string
	}{
		{"as it should be", good, date(2010), 3, ""},
		{"at no time", good, time.Time{}, 3, ""},
		{"too early", good, date(1999), 1, "the certificate of Signer is valid from 2000-01-01 to 2100-01-01, which 1999-01-01T00:00:00Z is not within"},
		{"too late", good, date(2101), 1, "is not within"},
		{"authority expired", chain(func(ca, leaf *x509.Certificate) { ca.NotAfter = date(2009) }), date(2010), 2, "the certificate of Authority is valid from"},
		{"authority missing", good[:1], date(2010), 1, "the issuer of Signer, CN=Authority, is neither a trusted root nor among"},
		{"authority's name on another key", []*identity{good[0], issue(t, root, 3, authority("Authority"))}, date(2010), 1, "is not signed by the Authority at hand"},
		{"two authorities of one name", []*identity{good[0], issue(t, root, 3, authority("Authority")), good[1]}, date(2010), 3, ""},
		{"self-signed", []*identity{issue(t, nil, 3, codeSigner("Signer"))}, date(2010), 1, "Signer is not a trusted root"},
		{"no use", chain(func(ca, leaf *x509.Certificate) { leaf.ExtKeyUsage = nil }), date(2010), 1, "not meant for code signing"},
		{"any use", chain(func(ca, leaf *x509.Certificate) { leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} }), date(2010), 1, "not meant for code signing"},
		{"server", chain(func(ca, leaf *x509.Certificate) {
			leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		}), date(2010), 1, "not meant for code signing"},
		{"key for encryption", chain(func(ca, leaf *x509.Certificate) { leaf.KeyUsage = x509.KeyUsageKeyEncipherment }), date(2010), 1, "not meant for signatures"},
		{"authority for code signing", chain(func(ca, leaf *x509.Certificate) {
			ca.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}
		}), date(2010), 3, ""},
		{"authority for anything", chain(func(ca, leaf *x509.Certificate) { ca.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} }), date(2010), 3, ""},
		{"authority for servers", chain(func(ca, leaf *x509.Certificate) {
			ca.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		}), date(2010), 2, "Authority may not issue certificates for code signing"},
		{"authority for unknown uses", chain(func(ca, leaf *x509.Certificate) {
			ca.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{1, 2, 3}}
		}), date(2010), 2, "may not issue"},
		{"no authority", chain(func(ca, leaf *x509.Certificate) { ca.IsCA = false }), date(2010), 2, "Authority is not a certificate authority"},
		{"no basic constraints", chain(func(ca, leaf *x509.Certificate) { ca.BasicConstraintsValid = false }), date(2010), 2, "not a certificate authority"},
		{"authority that may not sign certificates", chain(func(ca, leaf *x509.Certificate) { ca.KeyUsage = x509.KeyUsageDigitalSignature }), date(2010), 2, "not meant to sign certificates"},
		{"unknown critical extension", chain(func(ca, leaf *x509.Certificate) {
			leaf.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}}}
		}), date(2010), 1, "critical extension 1.2.3.4"},
		{"SHA-1", chain(func(ca, leaf *x509.Certificate) {
			ca.SignatureAlgorithm, leaf.SignatureAlgorithm = x509.SHA1WithRSA, x509.SHA1WithRSA
		}), date(2010), 3, ""},
		{"Flame", named("Microsoft Enforced Licensing Intermediate PCA"), date(2010), 2, "disallowed"},
		{"Flame, registration", named("Microsoft Enforced Licensing Registration Authority CA (SHA1)"), date(2010), 2, "disallowed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := chainBuilder{work: (*Budget)(nil).file(), roots: rootsOf(root), pool: rootsOf(test.made...), purpose: x509.ExtKeyUsageCodeSigning, at: test.at}
			got, reason := b.build(test.made[0].cert)
			if test.reason == "" {
				require.Empty(t, reason)
			} else {
				require.Contains(t, reason, test.reason)
			}
			require.Len(t, got, test.length)
		})
	}
}

func TestPathLength(t *testing.T) {
	limited := authority("Root")
	limited.MaxPathLen = 1
	root := issue(t, nil, 0, limited)
	one := issue(t, root, 1, authority("One"))
	two := issue(t, one, 2, authority("Two"))
	below := func(issuer *identity) string {
		leaf := issue(t, issuer, 3, codeSigner("Signer"))
		b := chainBuilder{work: (*Budget)(nil).file(), roots: rootsOf(root), pool: rootsOf(one, two), purpose: x509.ExtKeyUsageCodeSigning}
		_, reason := b.build(leaf.cert)
		return reason
	}
	require.Empty(t, below(root))
	require.Empty(t, below(one))
	require.Contains(t, below(two), "Root allows 1 authorities below it, the chain has 2")
}

// MD5 is accepted as the self-signature of a root, which nobody checks, and
// nowhere else.
func TestMD5(t *testing.T) {
	root := issue(t, nil, 0, authority("Root"))
	ca := issue(t, root, 1, authority("Authority"))
	leaf := issue(t, ca, 2, codeSigner("Signer"))
	build := func(root *x509.Certificate, pool ...*x509.Certificate) string {
		b := chainBuilder{work: (*Budget)(nil).file(), roots: []*x509.Certificate{root}, pool: pool, purpose: x509.ExtKeyUsageCodeSigning}
		_, reason := b.build(pool[0])
		return reason
	}
	require.Empty(t, build(withMD5(t, root.cert, root.key), leaf.cert, ca.cert))
	require.Contains(t, build(root.cert, leaf.cert, withMD5(t, ca.cert, root.key)), "MD5")
	require.Contains(t, build(root.cert, withMD5(t, leaf.cert, ca.key), ca.cert), "MD5")
}

func TestRootAsSigner(t *testing.T) {
	self := issue(t, nil, 0, codeSigner("Self"))
	b := chainBuilder{work: (*Budget)(nil).file(), roots: rootsOf(self), purpose: x509.ExtKeyUsageCodeSigning}
	chain, reason := b.build(self.cert)
	require.Empty(t, reason)
	require.Equal(t, rootsOf(self), chain)
}

// A root of the 1990s may lack basic constraints; one that says that it is no
// authority is none.
func TestRootWithoutConstraints(t *testing.T) {
	old, none := authority("Old"), authority("None")
	old.BasicConstraintsValid = false
	none.IsCA = false
	for _, test := range []struct {
		template x509.Certificate
		reason   string
	}{{old, ""}, {none, "None is not a certificate authority"}} {
		root := issue(t, nil, 0, test.template)
		leaf := issue(t, root, 1, codeSigner("Signer"))
		b := chainBuilder{work: (*Budget)(nil).file(), roots: rootsOf(root), purpose: x509.ExtKeyUsageCodeSigning}
		_, reason := b.build(leaf.cert)
		require.Equal(t, test.reason, reason)
	}
}

// Authorities that certify each other do not keep the search busy.
func TestMutualCertificates(t *testing.T) {
	var pool []*x509.Certificate
	a, b := issue(t, nil, 0, authority("A")), issue(t, nil, 1, authority("B"))
	for range 30 {
		pool = append(pool, issue(t, b, 0, authority("A")).cert, issue(t, a, 1, authority("B")).cert)
	}
	leaf := issue(t, a, 2, codeSigner("Signer"))
	root := issue(t, nil, 3, authority("Root"))
	builder := chainBuilder{work: (*Budget)(nil).file(), roots: rootsOf(root), pool: pool, purpose: x509.ExtKeyUsageCodeSigning}
	chain, reason := builder.build(leaf.cert)
	require.NotEmpty(t, reason)
	require.LessOrEqual(t, len(chain), maxChainLength)
	require.LessOrEqual(t, builder.signatures, maxChainSignatures)
}

func TestOldAlgorithms(t *testing.T) {
	root := issue(t, nil, 0, authority("Root"))
	leaf := codeSigner("Signer")
	leaf.SignatureAlgorithm = x509.SHA1WithRSA
	chain := rootsOf(issue(t, root, 1, leaf), root)
	require.Equal(t, []string{"old algorithm: certificates of the signer are signed with SHA-1"}, oldAlgorithms("the signer", chain))

	selfSHA1 := authority("Root")
	selfSHA1.SignatureAlgorithm = x509.SHA1WithRSA
	require.Empty(t, oldAlgorithms("the signer", rootsOf(issue(t, nil, 0, selfSHA1))))

	short := *root.cert
	key := *short.PublicKey.(*rsa.PublicKey)
	key.N = new(big.Int).Rsh(key.N, 1024)
	short.PublicKey = &key
	require.Equal(t, []string{"old algorithm: certificates of the signer have RSA keys below 2048 bits"},
		oldAlgorithms("the signer", slices.Insert([]*x509.Certificate{root.cert}, 0, &short)))
}
