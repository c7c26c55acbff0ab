package authenticode

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	_ "crypto/md5"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smallstep/pkcs7"
	"github.com/stretchr/testify/require"
)

// v1AttributeCertificate is a member of a CertificateSet that is not a certificate:
// [1] IMPLICIT AttributeCertificateV1.
var v1AttributeCertificate = []byte{0xa1, 0x06, 0x30, 0x04, 0x30, 0x02, 0x05, 0x00}

func TestSignature(t *testing.T) {
	root := issue(t, nil, 0, authority("Root"))
	code := issue(t, root, 1, codeSigner("Signer"))
	tsa := issue(t, root, 2, timeStamper(t, "TSA"))
	stranger := issue(t, nil, 3, authority("Stranger"))
	lostTSA := issue(t, stranger, 2, timeStamper(t, "Lost TSA"))
	expired := codeSigner("Expired")
	expired.NotAfter = date(2011)
	old := issue(t, root, 1, expired)
	expired.UnknownExtKeyUsage = []asn1.ObjectIdentifier{oidLifetimeSigning}
	lifetime := issue(t, root, 1, expired)
	noUse := codeSigner("No use")
	noUse.ExtKeyUsage = nil
	noUsage := issue(t, root, 1, noUse)

	at := time.Date(2010, 1, 25, 6, 27, 0, 0, time.UTC)
	stamped := func(signature []byte) []any {
		return []any{attributeOf(t, oidTimestampToken, asn1.RawContent(token(t, tsa, signature, at, nil)))}
	}
	tokenWith := func(by *identity, change func(*signing, *tstInfo)) func([]byte) []any {
		return func(signature []byte) []any {
			return []any{attributeOf(t, oidTimestampToken, asn1.RawContent(token(t, by, signature, at, change)))}
		}
	}
	counterWith := func(by *identity, change func(*signing)) func([]byte) []any {
		return func(signature []byte) []any {
			return []any{attributeOf(t, oidCountersignature, asn1.RawContent(countersignature(t, by, signature, at, change)))}
		}
	}
	good := func() signing {
		return signing{by: code, content: fileDigest(t, crypto.SHA256), unsigned: stamped}
	}

	tests := []struct {
		name   string
		change func(s *signing)
		status Status
		note   string // part of the first
	}{
		{"as it should be", func(s *signing) {}, Valid, ""},
		{"SHA-384", func(s *signing) { s.hash = crypto.SHA384; s.content = fileDigest(t, crypto.SHA384) }, Valid, ""},
		{"two digests", func(s *signing) { s.content = fileDigest(t, crypto.SHA1) }, Valid, ""},
		{"MD5 over the file", func(s *signing) { s.content = fileDigest(t, crypto.MD5) }, Invalid, "MD5"},
		{"MD5 in the signature", func(s *signing) { s.hash = crypto.MD5 }, Invalid, "MD5"},
		{"unknown digest", func(s *signing) {
			s.content = bytes.Replace(s.content, marshal(t, oidSHA256), marshal(t, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 9}), 1)
		}, Invalid, "2.16.840.1.101.3.4.2.9 is not known"},
		{"RSASSA-PSS", func(s *signing) { s.algorithm = oidRSAPSS }, Invalid, "RSASSA-PSS"},
		{"other content type", func(s *signing) { s.contentType = oidData }, Invalid, "not SPC_INDIRECT_DATA"},
		{"content is not a digest", func(s *signing) { s.content = marshal(t, []int{1}) }, Invalid, "cannot be read"},
		{"two signers", func(s *signing) { s.signers = 2 }, Invalid, "not exactly one signer"},
		{"message digest of something else", func(s *signing) { s.digested = []byte("else") }, Invalid, "message digest differs"},
		{"no signed attributes", func(s *signing) { s.signed = []any{} }, Invalid, "0 signed content types"},
		{"no message digest", func(s *signing) { s.signed = []any{attributeOf(t, oidContentType, oidIndirectData)} }, Invalid, "0 signed message digests"},
		{"two message digests", func(s *signing) {
			s.more = []any{attributeOf(t, oidMessageDigest, []byte("another"))}
		}, Invalid, "2 signed message digests"},
		{"message digest with two values", func(s *signing) {
			s.signed = []any{attributeOf(t, oidContentType, oidIndirectData), attributeOf(t, oidMessageDigest, []byte("1"), []byte("2"))}
		}, Invalid, "2 signed message digests"},
		{"signed content type of something else", func(s *signing) {
			s.signed = []any{attributeOf(t, oidContentType, oidData), attributeOf(t, oidMessageDigest, []byte("1"))}
		}, Invalid, "signed content type"},
		{"without the signer's certificate", func(s *signing) { s.certificates = certificates(root) }, Invalid, "the signer's certificate"},
		{"other certificate of the same name", func(s *signing) {
			other := *code
			other.key = testKeys()[3]
			s.by = &other
		}, Invalid, "does not hold"},
		{"signature of the digest alone", func(s *signing) { s.hash, s.bare = crypto.SHA1, true }, Invalid, "does not hold"},
		{"certificates that cannot be read", func(s *signing) {
			s.certificates = append([][]byte{v1AttributeCertificate, {0x30, 0x03, 0x02, 0x01, 0x01}}, certificates(code)...)
		}, Valid, ""},
		{"many certificates", func(s *signing) {
			s.certificates = slices.Repeat(certificates(code), maxCertificates+1)
		}, Invalid, "more than 100 elements in its set of certificates"},
		{"many attributes", func(s *signing) {
			s.unsigned = func([]byte) []any { return slices.Repeat([]any{attributeOf(t, oidData, 1)}, maxAttributes+1) }
		}, Invalid, "more than 100 elements in its attributes"},
		{"many values", func(s *signing) {
			s.unsigned = func([]byte) []any {
				return []any{attributeOf(t, oidData, slices.Repeat([]any{1}, 50)...), attributeOf(t, oidData, slices.Repeat([]any{1}, 51)...)}
			}
		}, Invalid, "more than 50 elements in its attribute"},
		{"certificate for nothing", func(s *signing) { s.by = noUsage }, Untrusted, "not meant for code signing"},
		{"certificate for time stamping", func(s *signing) { s.by = tsa }, Untrusted, "not meant for code signing"},

		{"expired, with a timestamp", func(s *signing) { s.by = old }, Valid, ""},
		{"expired, without", func(s *signing) { s.by = old; s.unsigned = nil }, Untrusted, "valid from 2000-01-01 to 2011-01-01"},
		{"expired, for lifetime signing", func(s *signing) { s.by = lifetime }, Untrusted, "valid from 2000-01-01 to 2011-01-01"},
		{"expired at the time of the timestamp", func(s *signing) {
			s.by = old
			s.unsigned = tokenWith(tsa, func(_ *signing, info *tstInfo) { info.GenTime = date(2012) })
		}, Untrusted, "2012-01-01T00:00:00Z is not within"},
		{"countersignature", func(s *signing) {
			s.by, s.certificates, s.unsigned = old, certificates(old, tsa), counterWith(tsa, nil)
		}, Valid, ""},
		{"countersignature without content type", func(s *signing) {
			s.by, s.certificates = old, certificates(old, tsa)
			s.unsigned = func(signature []byte) []any {
				return counterWith(tsa, func(c *signing) {
					c.signed = []any{attributeOf(t, oidMessageDigest, sumOf(crypto.SHA1, signature))}
				})(signature)
			}
		}, Valid, ""},
		{"countersignature of the digest alone", func(s *signing) {
			s.by, s.certificates = old, certificates(old, tsa)
			s.unsigned = counterWith(tsa, func(c *signing) { c.bare = true })
		}, Valid, ""},
		{"countersignature of the digest alone, SHA-256", func(s *signing) {
			s.certificates = certificates(code, tsa)
			s.unsigned = counterWith(tsa, func(c *signing) { c.hash, c.bare = crypto.SHA256, true })
		}, Invalid, "timestamp does not hold"},
		{"countersignature of another signature", func(s *signing) {
			s.certificates = certificates(code, tsa)
			s.unsigned = counterWith(tsa, func(c *signing) { c.digested = []byte("another") })
		}, Invalid, "timestamp does not hold"},
		{"countersignature without a time", func(s *signing) {
			s.certificates = certificates(code, tsa)
			s.unsigned = counterWith(tsa, func(c *signing) { c.more = nil })
		}, Invalid, "0 signing times"},
		{"countersignature without its certificate", func(s *signing) { s.unsigned = counterWith(tsa, nil) }, Invalid, "the signer's certificate"},
		{"countersignature by a code signer", func(s *signing) {
			s.by, s.certificates, s.unsigned = old, certificates(old, code), counterWith(code, nil)
		}, Untrusted, "valid from 2000-01-01 to 2011-01-01"},

		{"token of another signature", func(s *signing) {
			s.unsigned = tokenWith(tsa, func(_ *signing, info *tstInfo) { info.MessageImprint.HashedMessage[0] ^= 1 })
		}, Invalid, "made for another signature"},
		{"token with an MD5 imprint", func(s *signing) {
			s.unsigned = tokenWith(tsa, func(_ *signing, info *tstInfo) { info.MessageImprint.HashAlgorithm.Algorithm = oidMD5 })
		}, Invalid, "MD5"},
		{"token of another content type", func(s *signing) {
			s.unsigned = tokenWith(tsa, func(s *signing, _ *tstInfo) { s.contentType = oidData })
		}, Invalid, "not a TSTInfo"},
		{"token without an octet string", func(s *signing) {
			s.unsigned = tokenWith(tsa, func(s *signing, info *tstInfo) { s.content = marshal(t, *info) })
		}, Invalid, "not a TSTInfo"},
		{"token without a time", func(s *signing) {
			s.unsigned = tokenWith(tsa, func(s *signing, _ *tstInfo) { s.content = marshal(t, marshal(t, []int{1})) })
		}, Invalid, "TSTInfo cannot be read"},
		{"token with a changed content", func(s *signing) {
			s.unsigned = tokenWith(tsa, func(s *signing, _ *tstInfo) { s.digested = []byte("else") })
		}, Invalid, "message digest differs"},
		{"token with junk among the certificates", func(s *signing) {
			s.unsigned = tokenWith(tsa, func(s *signing, _ *tstInfo) {
				s.certificates = append([][]byte{v1AttributeCertificate}, certificates(tsa)...)
			})
		}, Valid, ""},
		{"token that names its certificate", func(s *signing) {
			s.unsigned = tokenWith(tsa, func(s *signing, _ *tstInfo) {
				s.more = []any{
					attributeOf(t, oidSigningCertificate, [][][][]byte{{{sumOf(crypto.SHA1, tsa.cert.Raw)}}}),
					attributeOf(t, oidSigningCertificateV2, [][][][]byte{{{sumOf(crypto.SHA256, tsa.cert.Raw)}}}),
				}
			})
		}, Valid, ""},
		{"token that names another certificate", func(s *signing) {
			s.unsigned = tokenWith(tsa, func(s *signing, _ *tstInfo) {
				s.more = []any{attributeOf(t, oidSigningCertificate, [][][][]byte{{{sumOf(crypto.SHA1, code.cert.Raw)}}})}
			})
		}, Invalid, "names another certificate"},
		{"token that names another certificate by SHA-256", func(s *signing) {
			s.unsigned = tokenWith(tsa, func(s *signing, _ *tstInfo) {
				s.more = []any{attributeOf(t, oidSigningCertificateV2, [][][][]byte{{{sumOf(crypto.SHA256, code.cert.Raw)}}})}
			})
		}, Invalid, "names another certificate"},
		{"token of an unknown authority", func(s *signing) { s.by = old; s.unsigned = tokenWith(lostTSA, nil) }, Untrusted, "valid from"},
		{"token of an unknown authority, then a good one", func(s *signing) {
			s.by = old
			s.unsigned = func(signature []byte) []any {
				return append(tokenWith(lostTSA, nil)(signature), stamped(signature)...)
			}
		}, Valid, ""},
		{"token damaged", func(s *signing) {
			s.unsigned = func([]byte) []any { return []any{attributeOf(t, oidTimestampToken, 1)} }
		}, Invalid, "not a PKCS #7"},
		{"many tokens", func(s *signing) {
			s.unsigned = func(signature []byte) []any {
				var list []any
				for range maxTimestamps + 1 {
					list = append(list, stamped(signature)...)
				}
				return list
			}
		}, Invalid, "more than 8 timestamps"},

		{"nested signature", func(s *signing) {
			inner := good().der(t)
			s.unsigned = func(signature []byte) []any {
				return append(stamped(signature), attributeOf(t, oidNestedSignature, asn1.RawContent(inner)))
			}
		}, Valid, ""},
		{"nested signature of another file", func(s *signing) {
			inner := good()
			inner.content = bytes.Clone(inner.content)
			inner.content[len(inner.content)-1] ^= 1
			s.unsigned = func(signature []byte) []any {
				return append(stamped(signature), attributeOf(t, oidNestedSignature, asn1.RawContent(inner.der(t))))
			}
		}, Valid, "signature 2 of 2 is invalid"},
		{"many nested signatures", func(s *signing) {
			inner := asn1.RawContent(good().der(t))
			s.unsigned = func(signature []byte) []any {
				var values []any
				for range maxSignatures {
					values = append(values, inner)
				}
				return append(stamped(signature), attributeOf(t, oidNestedSignature, values...))
			}
		}, Invalid, "more than 16 signatures"},
		{"unknown unsigned attribute", func(s *signing) {
			s.unsigned = func(signature []byte) []any {
				return append(stamped(signature), attributeOf(t, asn1.ObjectIdentifier{1, 2, 3, 4}, []byte("payload")))
			}
		}, Valid, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := good()
			test.change(&s)
			data := withTable(winCertificate(winCertSignedData, s.der(t)))
			got, err := VerifyPE(bytes.NewReader(data), int64(len(data)), Options{Roots: rootsOf(root), At: date(2050)})
			require.NoError(t, err)
			require.Equal(t, test.status, got.Status, got.Notes)
			if test.note != "" {
				require.Contains(t, got.Notes[0], test.note)
			}
			require.Equal(t, got, collect(data, Options{Roots: rootsOf(root), At: date(2050)}, len(data)))
		})
	}
}

// The first signature decides, whatever the others are worth.
func TestSeveralSignatures(t *testing.T) {
	root, other := issue(t, nil, 0, authority("Root")), issue(t, nil, 3, authority("Other"))
	known, unknown := codeSigner("Known"), codeSigner("Unknown")
	unknown.Subject.Organization = []string{"Unknown Ltd."}
	inner := signing{by: issue(t, root, 1, known), content: fileDigest(t, crypto.SHA256)}
	outer := signing{by: issue(t, other, 2, unknown), content: fileDigest(t, crypto.SHA1), hash: crypto.SHA1}
	outer.unsigned = func([]byte) []any {
		return []any{attributeOf(t, oidNestedSignature, asn1.RawContent(inner.der(t)))}
	}
	data := withTable(winCertificate(winCertSignedData, outer.der(t)))

	verify := func(roots ...*identity) *Signature {
		s, err := VerifyPE(bytes.NewReader(data), int64(len(data)), Options{Roots: rootsOf(roots...), At: date(2010)})
		require.NoError(t, err)
		return s
	}
	s := verify(root)
	require.Equal(t, Untrusted, s.Status)
	require.Equal(t, "Unknown", s.Signer)
	require.Len(t, s.Others, 1)
	require.Equal(t, "Known", s.Others[0].Signer)
	require.Equal(t, Valid, s.Others[0].Status)
	require.False(t, s.SignedBy("Example Corp."))
	require.False(t, s.SignedBy("Unknown Ltd."))
	require.False(t, s.SignedBy(""))

	s = verify(root, other)
	require.Equal(t, Valid, s.Status)
	require.False(t, s.SignedBy("Example Corp."))
	require.True(t, s.SignedBy("Unknown ltd."))
	require.Contains(t, s.Notes, "old algorithm: the digest over the file is SHA-1")
	require.Contains(t, s.Notes, "old algorithm: it is signed with SHA-1")

	s = verify()
	require.Equal(t, Untrusted, s.Status)
	require.Equal(t, "Unknown", s.Signer)
}

func TestReadableCertificates(t *testing.T) {
	root := issue(t, nil, 0, authority("Root"))
	template := authority("Long certificate")
	template.SerialNumber = big.NewInt(1)
	template.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Value: make([]byte, maxCertificateSize)}}
	long, err := x509.CreateCertificate(rand.Reader, &template, root.cert, root.key.Public(), root.key)
	require.NoError(t, err)
	list := readableCertificates([][]byte{v1AttributeCertificate, long, root.cert.Raw})
	require.Equal(t, rootsOf(root), list)
}

// An independent library reads the same from the signatures of the fixtures.
func TestAgreesWithPKCS7(t *testing.T) {
	for _, f := range fixtures {
		var der []byte
		switch {
		case strings.HasSuffix(f.name, ".exe"):
			der = signatureIn(t, fixture(t, f.name))
		case strings.HasSuffix(f.name, ".msi"):
			der = packageSignature(t, f.name)
		default:
			continue
		}
		sd, err := parseSignedData(der, (*Budget)(nil).file())
		require.NoError(t, err)
		signer, err := sd.verifySigner()
		require.NoError(t, err)
		p7, err := pkcs7.Parse(der)
		require.NoError(t, err)
		require.Equal(t, p7.Content, sd.content.Bytes)
		require.Equal(t, p7.GetOnlySigner().Raw, signer.certificate.Raw)
		require.NoError(t, p7.Verify())
		for _, token := range valuesOf(signer.unsigned, oidTimestampToken) {
			p7, err := pkcs7.Parse(token)
			require.NoError(t, err)
			require.NoError(t, p7.Verify())
		}

		at := bytes.Index(der, signer.signature)
		changed := bytes.Clone(der)
		changed[at] ^= 1
		sd, err = parseSignedData(changed, (*Budget)(nil).file())
		require.NoError(t, err)
		_, err = sd.verifySigner()
		require.Error(t, err)
		p7, err = pkcs7.Parse(changed)
		require.NoError(t, err)
		require.Error(t, p7.Verify())
	}
}

func TestCheckSignature(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	digest := sumOf(crypto.SHA256, []byte("content"))
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest)
	require.NoError(t, err)
	c := &x509.Certificate{PublicKey: key.Public()}
	require.NoError(t, (&signedData{work: (*Budget)(nil).file()}).checkSignature(c, crypto.SHA256, digest, signature))
	require.Error(t, (&signedData{work: (*Budget)(nil).file()}).checkSignature(c, crypto.SHA256, sumOf(crypto.SHA256, nil), signature))

	public, _, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	c = &x509.Certificate{PublicKey: public, PublicKeyAlgorithm: x509.Ed25519}
	require.ErrorContains(t, (&signedData{work: (*Budget)(nil).file()}).checkSignature(c, crypto.SHA256, digest, signature), "Ed25519 keys are not known here")
}
