package authenticode

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

var digestNames = map[crypto.Hash]string{crypto.MD5: "MD5", crypto.SHA1: "SHA-1", crypto.SHA256: "SHA-256", crypto.SHA384: "SHA-384", crypto.SHA512: "SHA-512"}

// TestVectorsDigests mixes the digests over the file and over the content. The
// format wants them equal ("Authenticode Portable Executable Signature Format",
// DigestInfo); both are signed, so that no mixture helps anybody who is not the
// signer, and a signature is as good as the worse of them. MD5 proves nothing.
func TestVectorsDigests(t *testing.T) {
	w := newWorld(t)
	var vectors []vector
	for file, fileName := range digestNames {
		for signer, signerName := range digestNames {
			v := vector{name: fileName + " over the file, " + signerName + " in the signature", want: Valid}
			v.data = w.program(t, func(s *signing) { s.content, s.hash = fileDigest(t, file), signer })
			if file == crypto.MD5 || signer == crypto.MD5 {
				v.want, v.note, v.differs = Invalid, "MD5", "MD5 is nothing to it but a note"
			}
			vectors = append(vectors, v)
		}
	}
	good := peDigest(t, crypto.SHA256)
	for name, digest := range map[string][]byte{
		"cut off":              good[:31],
		"one byte more":        append(bytes.Clone(good), 0),
		"empty":                {},
		"zeros":                make([]byte, 32),
		"first half":           good[:16],
		"SHA-1 called SHA-256": peDigest(t, crypto.SHA1),
	} {
		data := w.program(t, func(s *signing) {
			s.content = indirect(t, oidTypePE, peImageData, crypto.SHA256, digest)
		})
		v := vector{name: "digest over the file: " + name, data: data, want: Invalid, note: "changed after it was signed"}
		if name == "one byte more" {
			v.differs = "it compares as many bytes as the algorithm has"
		}
		vectors = append(vectors, v)
	}
	w.run(t, vectors)
}

// TestVectorsSignedAttributes lets the signed attributes lie (RFC 2315, 9.2 and 9.3;
// RFC 5652, 5.3, 11.1 and 11.2: exactly one content type, that of the content, and
// one message digest, each with one value, all signed).
func TestVectorsSignedAttributes(t *testing.T) {
	w := newWorld(t)
	content := fileDigest(t, crypto.SHA256)
	var inner asn1.RawValue
	_, err := asn1.Unmarshal(content, &inner)
	require.NoError(t, err)
	digest := sumOf(crypto.SHA256, inner.Bytes)
	typeOf := func(values ...any) any { return attributeOf(t, oidContentType, values...) }
	digestOf := func(values ...any) any { return attributeOf(t, oidMessageDigest, values...) }
	signed := func(attributes ...any) []byte {
		return w.program(t, func(s *signing) { s.signed = append([]any{}, attributes...) })
	}
	afterwards := func(change func([][]byte) [][]byte) []byte {
		return w.program(t, func(s *signing) { s.signedSet = change })
	}
	openssl := "OpenSSL does not compare the signed content type"
	w.run(t, []vector{
		{name: "as it should be", data: signed(typeOf(oidIndirectData), digestOf(digest)), want: Valid},
		{name: "in the other order", data: signed(digestOf(digest), typeOf(oidIndirectData)), want: Valid},
		{name: "with more of them", data: signed(typeOf(oidIndirectData), digestOf(digest), attributeOf(t, oidSigningTime, date(2030))), want: Valid},
		{name: "signing time twice", data: signed(typeOf(oidIndirectData), digestOf(digest), attributeOf(t, oidSigningTime, date(2030)), attributeOf(t, oidSigningTime, date(1980))), want: Valid},
		{name: "none", data: signed(), want: Invalid, note: "0 signed content types"},
		{name: "no content type", data: signed(digestOf(digest)), want: Invalid, note: "0 signed content types", differs: openssl},
		{name: "no message digest", data: signed(typeOf(oidIndirectData)), want: Invalid, note: "0 signed message digests"},
		{name: "content type without a value", data: signed(typeOf(), digestOf(digest)), want: Invalid, note: "0 signed content types", differs: openssl},
		{name: "message digest without a value", data: signed(typeOf(oidIndirectData), digestOf()), want: Invalid, note: "0 signed message digests"},
		{name: "content type twice, equal", data: signed(typeOf(oidIndirectData), typeOf(oidIndirectData), digestOf(digest)), want: Invalid, note: "2 signed content types", differs: openssl},
		{name: "content type twice, different", data: signed(typeOf(oidIndirectData), typeOf(oidData), digestOf(digest)), want: Invalid, note: "2 signed content types", differs: openssl},
		{name: "content type with two values", data: signed(typeOf(oidIndirectData, oidData), digestOf(digest)), want: Invalid, note: "2 signed content types"},
		{name: "message digest twice, equal", data: signed(typeOf(oidIndirectData), digestOf(digest), digestOf(digest)), want: Invalid, note: "2 signed message digests", differs: "OpenSSL takes the first"},
		{name: "message digest twice, the first right", data: signed(typeOf(oidIndirectData), digestOf(digest), digestOf(make([]byte, 32))), want: Invalid, note: "2 signed message digests", differs: "OpenSSL takes the first"},
		{name: "message digest twice, the second right", data: signed(typeOf(oidIndirectData), digestOf(make([]byte, 32)), digestOf(digest)), want: Invalid, note: "2 signed message digests"},
		{name: "message digest with two values", data: signed(typeOf(oidIndirectData), digestOf(digest, make([]byte, 32))), want: Invalid, note: "2 signed message digests"},
		{name: "content type of data", data: signed(typeOf(oidData), digestOf(digest)), want: Invalid, note: "not that of the content", differs: openssl},
		{name: "content type of a catalog", data: signed(typeOf(oidTrustList), digestOf(digest)), want: Invalid, note: "not that of the content", differs: openssl},
		{name: "content type of a time stamp", data: signed(typeOf(oidTSTInfo), digestOf(digest)), want: Invalid, note: "not that of the content", differs: openssl},
		{name: "content type that is a text", data: signed(typeOf("1.3.6.1.4.1.311.2.1.4"), digestOf(digest)), want: Invalid, note: "not that of the content", differs: openssl},
		{name: "message digest that is a number", data: signed(typeOf(oidIndirectData), digestOf(7)), want: Invalid, note: "message digest cannot be read"},
		{name: "message digest cut off", data: signed(typeOf(oidIndirectData), digestOf(digest[:31])), want: Invalid, note: "message digest differs"},
		{name: "message digest empty", data: signed(typeOf(oidIndirectData), digestOf([]byte{})), want: Invalid, note: "message digest differs"},
		{name: "message digest of the content with its header", data: signed(typeOf(oidIndirectData), digestOf(sumOf(crypto.SHA256, content))), want: Invalid, note: "message digest differs"},
		{name: "message digest is the digest of the file", data: signed(typeOf(oidIndirectData), digestOf(peDigest(t, crypto.SHA256))), want: Invalid, note: "message digest differs"},
		{name: "message digest by another algorithm", data: signed(typeOf(oidIndirectData), digestOf(sumOf(crypto.SHA1, inner.Bytes))), want: Invalid, note: "message digest differs"},
		{name: "content type among the unsigned", data: w.program(t, func(s *signing) {
			s.signed = []any{digestOf(digest)}
			s.unsigned = func([]byte) []any { return []any{typeOf(oidIndirectData)} }
		}), want: Invalid, note: "0 signed content types", differs: openssl},
		{name: "message digest among the unsigned", data: w.program(t, func(s *signing) {
			s.signed = []any{typeOf(oidIndirectData)}
			s.unsigned = func([]byte) []any { return []any{digestOf(digest)} }
		}), want: Invalid, note: "0 signed message digests"},
		{name: "another message digest among the unsigned", data: w.program(t, func(s *signing) {
			s.unsigned = func([]byte) []any { return []any{digestOf(make([]byte, 32)), typeOf(oidData)} }
		}), want: Valid},
		{name: "reordered afterwards", data: afterwards(func(m [][]byte) [][]byte { slices.Reverse(m); return m }), want: Invalid, note: "does not hold"},
		{name: "one removed afterwards", data: afterwards(func(m [][]byte) [][]byte { return m[1:] }), want: Invalid},
		{name: "one added afterwards", data: afterwards(func(m [][]byte) [][]byte {
			return append(m, marshal(t, attributeOf(t, oidSigningTime, date(2010))))
		}), want: Invalid, note: "does not hold"},
		{name: "one doubled afterwards", data: afterwards(func(m [][]byte) [][]byte { return append(m, m[0]) }), want: Invalid, note: "signed"},
		{name: "all removed afterwards", data: afterwards(func([][]byte) [][]byte { return nil }), want: Invalid},
		{name: "none, the content signed directly", data: w.program(t, func(s *signing) {
			s.signed = []any{}
			s.sign = func([]byte) []byte {
				signature, err := rsa.SignPKCS1v15(nil, w.code.key, crypto.SHA256, digest)
				require.NoError(t, err)
				return signature
			}
			s.signerParts = func(parts [][]byte) [][]byte { return slices.Delete(parts, 3, 4) }
		}), want: Invalid, note: "0 signed content types", differs: "PKCS #7 allows that; Authenticode wants the attributes"},
		{name: "attributes that are the content of another signature", data: w.program(t, func(s *signing) {
			// A signature over an encoded set of attributes as content, without attributes of
			// its own, can be passed off as one with these attributes.
			s.content = marshal(t, set(marshal(t, typeOf(oidIndirectData)), marshal(t, digestOf(digest))))
			s.signed = []any{}
			s.signerParts = func(parts [][]byte) [][]byte { return slices.Delete(parts, 3, 4) }
		}), want: Invalid},
	})
}

// TestVectorsSignerInfo lets the rest of SignerInfo and SignedData lie (RFC 2315,
// 9.1 and 9.2; Authenticode allows exactly one signer).
func TestVectorsSignerInfo(t *testing.T) {
	w := newWorld(t)
	other := issue(t, w.root, 3, codeSigner("Other Signer"))
	signer := func(change func(parts [][]byte) [][]byte) []byte {
		return w.program(t, func(s *signing) { s.signerParts = change })
	}
	body := func(change func(parts [][]byte) [][]byte) []byte {
		return w.program(t, func(s *signing) { s.bodyParts = change })
	}
	named := func(issuer []byte, serial any) []byte {
		return signer(func(parts [][]byte) [][]byte {
			parts[1] = marshal(t, struct {
				Issuer asn1.RawValue
				Serial any
			}{asn1.RawValue{FullBytes: issuer}, serial})
			return parts
		})
	}
	signature := func(change func(s []byte, n *big.Int) []byte) []byte {
		return signer(func(parts [][]byte) [][]byte {
			var s []byte
			_, err := asn1.Unmarshal(parts[5], &s)
			require.NoError(t, err)
			parts[5] = marshal(t, change(s, w.code.key.N))
			return parts
		})
	}
	algorithm := func(oid ...int) []byte {
		return w.program(t, func(s *signing) { s.algorithm = oid })
	}
	template := codeSigner("Vector Signer")
	template.SubjectKeyId = []byte("key of the signer")
	keyed := issue(t, w.root, 1, template)
	byKey := func(by *identity, key []byte) []byte {
		return w.program(t, func(s *signing) {
			s.by = by
			s.signerParts = func(parts [][]byte) [][]byte {
				parts[0] = marshal(t, 3)
				parts[1] = marshal(t, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, Bytes: key})
				return parts
			}
		})
	}
	// A certificate of the same issuer and number with another key.
	twin := *other
	twin.cert = certificateWithSerial(t, w.root, 3, w.code.cert.SerialNumber)
	junk := marshal(t, []byte("payload"))
	good := w.signature(t, nil)
	bad := w.signature(t, func(s *signing) { s.digested = []byte("else") })
	signerOf := func(der []byte) []byte {
		sd, err := parseSignedData(der, (*Budget)(nil).file())
		require.NoError(t, err)
		return sd.signer
	}
	twoSigners := func(first, second []byte) []byte {
		return body(func(parts [][]byte) [][]byte { parts[4] = marshal(t, set(first, second)); return parts })
	}
	w.run(t, []vector{
		{name: "signature with one bit changed", data: signature(func(s []byte, _ *big.Int) []byte { s[100] ^= 1; return s }), want: Invalid, note: "does not hold"},
		{name: "signature cut off", data: signature(func(s []byte, _ *big.Int) []byte { return s[:255] }), want: Invalid, note: "does not hold"},
		{name: "signature empty", data: signature(func([]byte, *big.Int) []byte { return []byte{} }), want: Invalid, note: "does not hold"},
		{name: "signature of zeros", data: signature(func(s []byte, _ *big.Int) []byte { return make([]byte, len(s)) }), want: Invalid, note: "does not hold"},
		{name: "signature one", data: signature(func(s []byte, _ *big.Int) []byte { clear(s); s[255] = 1; return s }), want: Invalid, note: "does not hold"},
		{name: "signature with a zero before it", data: signature(func(s []byte, _ *big.Int) []byte { return append([]byte{0}, s...) }), want: Invalid, note: "does not hold"},
		{name: "signature with a byte behind it", data: signature(func(s []byte, _ *big.Int) []byte { return append(s, 0) }), want: Invalid, note: "does not hold"},
		{name: "signature plus the modulus", data: signature(func(s []byte, n *big.Int) []byte { return new(big.Int).Add(new(big.Int).SetBytes(s), n).Bytes() }), want: Invalid, note: "does not hold"},
		{name: "signature by another key", data: w.program(t, func(s *signing) { s.by = &identity{cert: w.code.cert, key: other.key} }), want: Invalid, note: "does not hold"},
		{name: "signature without DigestInfo", data: w.program(t, func(s *signing) { s.bare = true }), want: Invalid, note: "does not hold"},
		{name: "signature without DigestInfo, SHA-1", data: w.program(t, func(s *signing) { s.hash, s.bare = crypto.SHA1, true }), want: Invalid, note: "does not hold"},
		{name: "DigestInfo of another algorithm", data: w.program(t, func(s *signing) {
			s.sign = func(sum []byte) []byte {
				signature, err := rsa.SignPKCS1v15(nil, w.code.key, crypto.SHA512_256, sum)
				require.NoError(t, err)
				return signature
			}
		}), want: Invalid, note: "does not hold"},

		{name: "serial number of nobody", data: named(w.code.cert.RawIssuer, 987654), want: Invalid, note: "signer's certificate"},
		{name: "issuer of nobody", data: named(w.code.cert.RawSubject, w.code.cert.SerialNumber), want: Invalid, note: "signer's certificate"},
		{name: "serial number negated", data: named(w.code.cert.RawIssuer, new(big.Int).Neg(w.code.cert.SerialNumber)), want: Invalid, note: "signer's certificate"},
		{name: "named by the key", data: byKey(keyed, []byte("key of the signer")), want: Valid, rule: "RFC 5652, 5.3", differs: "OpenSSL's PKCS #7 knows no such name"},
		{name: "named by another key", data: byKey(keyed, []byte("key of another")), want: Invalid, note: "signer's certificate"},
		{name: "named by the key, which the certificate does not say", data: byKey(w.code, []byte("key of the signer")), want: Invalid, note: "signer's certificate"},
		{name: "named by no key", data: byKey(w.code, nil), want: Invalid},
		{name: "something behind issuer and number", data: signer(func(parts [][]byte) [][]byte {
			var name asn1.RawValue
			unmarshal(t, parts[1], &name)
			parts[1] = marshal(t, sequence(name.Bytes, junk))
			return parts
		}), want: Invalid, note: "signer cannot be read"},
		{name: "names another certificate that is there", data: w.program(t, func(s *signing) {
			s.certificates = certificates(w.code, other)
			s.signerParts = func(parts [][]byte) [][]byte {
				parts[1] = marshal(t, struct {
					Issuer asn1.RawValue
					Serial any
				}{asn1.RawValue{FullBytes: other.cert.RawIssuer}, other.cert.SerialNumber})
				return parts
			}
		}), want: Invalid, note: "does not hold"},
		{name: "certificate of another key with the same number", data: w.program(t, func(s *signing) { s.certificates = certificates(&twin) }), want: Invalid, note: "does not hold"},
		{name: "certificate after its twin of another key", data: w.program(t, func(s *signing) { s.certificates = certificates(&twin, w.code) }), want: Invalid, note: "does not hold",
			rule: "PKCS #7 names the certificate by issuer and number, which are unique: which of two counts is open"},
		{name: "certificate before its twin", data: w.program(t, func(s *signing) { s.certificates = certificates(w.code, &twin) }), want: Valid},
		{name: "certificate twice", data: w.program(t, func(s *signing) { s.certificates = certificates(w.code, w.code) }), want: Valid},
		{name: "certificate of the root too", data: w.program(t, func(s *signing) { s.certificates = certificates(w.root, w.code) }), want: Valid},
		{name: "no certificate", data: body(func(p [][]byte) [][]byte { return slices.Delete(p, 3, 4) }), want: Invalid, note: "signer's certificate"},
		{name: "certificates in place of revocation lists", data: body(func(p [][]byte) [][]byte { p[3][0] = 0xa1; return p }), want: Invalid, note: "signer's certificate"},
		{name: "only another certificate", data: w.program(t, func(s *signing) { s.certificates = certificates(other) }), want: Invalid, note: "signer's certificate"},

		{name: "algorithm sha256WithRSAEncryption", data: algorithm(1, 2, 840, 113549, 1, 1, 11), want: Valid},
		{name: "algorithm RSASSA-PSS", data: algorithm(1, 2, 840, 113549, 1, 1, 10), want: Invalid, note: "RSASSA-PSS", differs: "it looks at the key alone"},

		{name: "no signer", data: body(func(p [][]byte) [][]byte { p[4] = marshal(t, set()); return p }), want: Invalid, note: "not exactly one signer"},
		{name: "no set of signers", data: body(func(p [][]byte) [][]byte { return p[:4] }), want: Invalid},
		{name: "signer twice", data: twoSigners(signerOf(good), signerOf(good)), want: Invalid, note: "not exactly one signer"},
		{name: "good signer, bad signer", data: twoSigners(signerOf(good), signerOf(bad)), want: Invalid, note: "not exactly one signer"},
		{name: "bad signer, good signer", data: twoSigners(signerOf(bad), signerOf(good)), want: Invalid, note: "not exactly one signer"},
		{name: "signers in a sequence", data: body(func(p [][]byte) [][]byte { p[4][0] = 0x30; return p }), want: Invalid, note: "SignedData cannot be read"},
		{name: "something behind the signers", data: body(func(p [][]byte) [][]byte { return append(p, junk) }), want: Invalid, note: "SignedData cannot be read"},
		{name: "something behind the fields of the signer", data: signer(func(p [][]byte) [][]byte { return append(p, junk) }), want: Invalid, note: "signer cannot be read"},
		{name: "unsigned attributes under another tag", data: signer(func(p [][]byte) [][]byte { return append(p, marshal(t, tagged(2, junk))) }), want: Invalid, note: "signer cannot be read"},
		{name: "signer without a signature", data: signer(func(p [][]byte) [][]byte { return p[:5] }), want: Invalid, note: "signer cannot be read"},
		{name: "revocation lists, empty", data: body(func(p [][]byte) [][]byte { return slices.Insert(p, 4, marshal(t, tagged(1))) }), want: Valid, differs: "OpenSSL reads no empty set of them"},

		{name: "no content", data: body(func(p [][]byte) [][]byte {
			p[2] = marshal(t, struct{ Type asn1.ObjectIdentifier }{oidIndirectData})
			return p
		}), want: Invalid},
		{name: "content in an octet string", data: w.program(t, func(s *signing) { s.content = marshal(t, s.content) }), want: Invalid, differs: "it takes what CMS allows; Authenticode has the content itself"},
		{name: "content is data", data: w.program(t, func(s *signing) { s.contentType = oidData }), want: Invalid, note: "not SPC_INDIRECT_DATA"},
		{name: "content is a catalog", data: w.program(t, func(s *signing) {
			s.contentType, s.content = oidTrustList, trustList(t, oidCatalogList, listed{hash: crypto.SHA256, digest: peDigest(t, crypto.SHA256), kind: oidTypePE})
		}), want: Invalid, note: "not SPC_INDIRECT_DATA"},
		{name: "content replaced", data: body(func(p [][]byte) [][]byte {
			p[2] = marshal(t, struct {
				Type  asn1.ObjectIdentifier
				Value asn1.RawValue
			}{oidIndirectData, tagged(0, fileDigest(t, crypto.SHA512))})
			return p
		}), want: Invalid, note: "message digest differs"},
		{name: "two contents", data: body(func(p [][]byte) [][]byte {
			p[2] = marshal(t, struct {
				Type  asn1.ObjectIdentifier
				Value asn1.RawValue
			}{oidIndirectData, tagged(0, fileDigest(t, crypto.SHA256), fileDigest(t, crypto.SHA512))})
			return p
		}), want: Invalid},
		{name: "unsigned attribute of unknown meaning", data: w.program(t, func(s *signing) {
			s.unsigned = func([]byte) []any { return []any{attributeOf(t, asn1.ObjectIdentifier{1, 2, 3}, []byte("payload"))} }
		}), want: Valid},
	})
}

// certificateWithSerial returns a code signer's certificate with a given number.
func certificateWithSerial(t testing.TB, issuer *identity, key int, number *big.Int) *x509.Certificate {
	t.Helper()
	before := serial
	defer func() { serial = before }()
	serial = number.Int64() - 1
	return issue(t, issuer, key, codeSigner("Twin")).cert
}

// TestVectorsEncoding encodes good signatures otherwise (X.690; RFC 2315, 9.3: what
// is digested is the DER encoding, whatever the file has).
func TestVectorsEncoding(t *testing.T) {
	w := newWorld(t)
	good := w.signature(t, nil)
	stamped := w.signature(t, func(s *signing) {
		s.unsigned = func(signature []byte) []any {
			return []any{attributeOf(t, oidTimestampToken, asn1.RawContent(token(t, w.tsa, signature, signedAt, nil)))}
		}
	})
	longer := func(der []byte, octets int) []byte { // its length in more octets than needed
		header, length, _, err := readHeader(der)
		require.NoError(t, err)
		out := []byte{der[0], byte(lengthLong | octets)}
		for i := octets - 1; i >= 0; i-- {
			out = append(out, byte(length>>(8*i)))
		}
		return append(out, der[header:]...)
	}
	vectors := []vector{
		{name: "indefinite lengths", data: inTable(toBER(t, good)), want: Valid, differs: "OpenSSL digests the certificate as it is encoded"},
		{name: "indefinite lengths, with a token", data: inTable(toBER(t, stamped)), want: Valid, differs: "OpenSSL digests the certificate as it is encoded"},
		{name: "indefinite length of the whole", data: inTable(slices.Concat([]byte{0x30, 0x80}, good[4:], []byte{0, 0})), want: Valid},
		{name: "indefinite length without its end", data: inTable(slices.Concat([]byte{0x30, 0x80}, good[4:])), want: Invalid,
			rule: "the zeros that pad the entry of the table do not belong to it"},
		{name: "length in three octets", data: inTable(longer(good, 3)), want: Valid},
		{name: "length in four octets", data: inTable(longer(good, 4)), want: Valid},
		{name: "length in five octets", data: inTable(longer(good, 5)), want: Invalid, differs: "OpenSSL reads lengths of any size"},
		{name: "a byte missing", data: inTable(good[:len(good)-1]), want: Invalid},
		{name: "zeros behind it", data: inTable(append(bytes.Clone(good), make([]byte, 100)...)), want: Valid},
		{name: "a byte behind it", data: inTable(append(bytes.Clone(good), 1)), want: Invalid, note: "other data follow", differs: "it does not look there"},
		{name: "another signature behind it", data: inTable(append(bytes.Clone(good), good...)), want: Invalid, note: "other data follow", differs: "it does not look there"},
		{name: "zeros, then a payload", data: inTable(slices.Concat(good, make([]byte, 64), []byte("payload"))), want: Invalid, note: "other data follow", differs: "it does not look there"},
		{name: "an element behind its content", data: inTable(marshal(t, sequence(good[4:], marshal(t, 1)))), want: Invalid},
		{name: "wrapped once more", data: inTable(marshal(t, sequence(good))), want: Invalid},
		{name: "in an octet string", data: inTable(marshal(t, good)), want: Invalid},
		{name: "as PEM", data: inTable([]byte("-----BEGIN PKCS7-----\nMAA=\n-----END PKCS7-----\n")), want: Invalid},
		{name: "nothing", data: inTable(nil), want: Invalid},
		{name: "zeros alone", data: inTable(make([]byte, 64)), want: Invalid},
		{name: "very deep", data: inTable(bytes.Repeat([]byte{0x30, 0x80}, 1<<16)), want: Invalid},
		{name: "high tag", data: inTable([]byte{0x3f, 0x81, 0x01, 0x00}), want: Invalid},
	}
	for octets := range 4 {
		name := fmt.Sprintf("content type that is not SignedData: 1.2.840.113549.1.7.%d", octets+3)
		data := bytes.Replace(good, marshal(t, oidSignedData), marshal(t, asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, octets + 3}), 1)
		vectors = append(vectors, vector{name: name, data: inTable(data), want: Invalid})
	}
	w.run(t, vectors)
}
