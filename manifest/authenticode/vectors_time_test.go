package authenticode

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"
)

// TestVectorsTime stamps a signature whose certificate ended in 2011; it is valid
// only where a time before is proven (Authenticode; RFC 3161; RFC 2985, 5.3.6).
func TestVectorsTime(t *testing.T) {
	w := newWorld(t)
	w.options.At = date(2020)
	template := codeSigner("Vector Signer")
	template.NotAfter = date(2011)
	expired := issue(t, w.root, 1, template)
	template.UnknownExtKeyUsage = []asn1.ObjectIdentifier{oidLifetimeSigning}
	lifetime := issue(t, w.root, 1, template)

	stamp := func(oid asn1.ObjectIdentifier, values ...[]byte) []any {
		var list []any
		for _, v := range values {
			list = append(list, asn1.RawContent(v))
		}
		return []any{attributeOf(t, oid, list...)}
	}
	file := func(unsigned func(signature []byte) []any, change ...func(*signing)) []byte {
		return w.program(t, func(s *signing) {
			s.by, s.certificates, s.unsigned = expired, certificates(expired, w.tsa), unsigned
			for _, f := range change {
				f(s)
			}
		})
	}
	byToken := func(tsa *identity, at time.Time, change func(*signing, *tstInfo)) []byte {
		return file(func(signature []byte) []any { return stamp(oidTimestampToken, token(t, tsa, signature, at, change)) })
	}
	byCounter := func(tsa *identity, at time.Time, change func(*signing)) []byte {
		return file(func(signature []byte) []any {
			return stamp(oidCountersignature, countersignature(t, tsa, signature, at, change))
		}, func(s *signing) { s.certificates = certificates(expired, tsa) })
	}
	tsaWith := func(change func(*x509.Certificate)) *identity {
		c := timeStamper(t, "Time Stamping")
		change(&c)
		return issue(t, w.root, 2, c)
	}
	uses := func(critical bool, oids ...asn1.ObjectIdentifier) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{extension(asn1.ObjectIdentifier{2, 5, 29, 37}, critical, marshal(t, oids))}
		}
	}
	timeStamping, codeSigning := asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 8}, asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 3}
	unknown := issue(t, issue(t, nil, 3, authority("Stranger")), 2, timeStamper(t, "Stranger's"))
	info := func(change func(*tstInfo)) func(*signing, *tstInfo) {
		return func(_ *signing, i *tstInfo) { change(i) }
	}
	const another, ended = "it was made for another signature", "is not within"
	w.run(t, []vector{
		{name: "token", data: byToken(w.tsa, signedAt, nil), want: Valid},
		{name: "countersignature", data: byCounter(w.tsa, signedAt, nil), want: Valid},
		{name: "no timestamp", data: file(nil), want: Untrusted, note: ended},
		{name: "signing time alone", data: file(nil, func(s *signing) { s.more = []any{attributeOf(t, oidSigningTime, signedAt)} }), want: Untrusted, note: ended},
		{name: "token, for lifetime signing", data: file(func(sig []byte) []any { return stamp(oidTimestampToken, token(t, w.tsa, sig, signedAt, nil)) }, func(s *signing) {
			s.by, s.certificates = lifetime, certificates(lifetime)
		}), want: Untrusted, note: ended, differs: "it does not know lifetime signing"},
		{name: "token of after the end", data: byToken(w.tsa, date(2012), nil), want: Untrusted, note: ended},
		{name: "token of before the beginning", data: byToken(w.tsa, date(1999), nil), want: Untrusted},
		{name: "token of the last second", data: byToken(w.tsa, date(2011), nil), want: Valid, differs: "OpenSSL ends a second earlier; RFC 5280, 4.1.2.5, includes the end"},
		{name: "countersignature of after the end", data: byCounter(w.tsa, date(2012), nil), want: Untrusted, note: ended},
		{name: "token of a certificate that had ended", data: byToken(tsaWith(func(c *x509.Certificate) { c.NotAfter = date(2009) }), signedAt, nil), want: Untrusted},
		{name: "token of a certificate that had not begun", data: byToken(tsaWith(func(c *x509.Certificate) { c.NotBefore = date(2011) }), signedAt, nil), want: Untrusted},
		{name: "token of a certificate that ended since", data: byToken(tsaWith(func(c *x509.Certificate) { c.NotAfter = date(2012) }), signedAt, nil), want: Valid},
		{name: "token of a stranger", data: byToken(unknown, signedAt, nil), want: Untrusted},
		{name: "countersignature of a stranger", data: byCounter(unknown, signedAt, nil), want: Untrusted},
		{name: "token by the signer", data: byToken(w.code, signedAt, nil), want: Untrusted},
		{name: "countersignature by the signer", data: byCounter(w.code, signedAt, nil), want: Untrusted},
		{name: "token without uses", data: byToken(tsaWith(func(c *x509.Certificate) { c.ExtraExtensions = nil }), signedAt, nil), want: Untrusted, differs: "OpenSSL accepts certificates without uses"},
		{name: "token for two uses", data: byToken(tsaWith(uses(true, timeStamping, codeSigning)), signedAt, nil), want: Valid, rule: "Windows does not ask for that use alone"},
		{name: "token for a use that is not critical", data: byToken(tsaWith(uses(false, timeStamping)), signedAt, nil), want: Valid, rule: "Windows does not ask for that"},
		{name: "token of an authority for code signing", data: func() []byte {
			c := authority("Code Authority")
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}
			ca := issue(t, w.root, 3, c)
			tsa := issue(t, ca, 2, timeStamper(t, "Time Stamping"))
			return byToken(tsa, signedAt, func(s *signing, _ *tstInfo) { s.certificates = certificates(tsa, ca) })
		}(), want: Untrusted, differs: "it does not look at the uses of authorities"},
		{name: "token of another signature", data: byToken(w.tsa, signedAt, info(func(i *tstInfo) { i.MessageImprint.HashedMessage[0] ^= 1 })), want: Invalid, note: another},
		{name: "token of nothing", data: byToken(w.tsa, signedAt, info(func(i *tstInfo) { i.MessageImprint.HashedMessage = nil })), want: Invalid, note: another, differs: "it compares as many bytes as there are"},
		{name: "token of the digest's beginning", data: byToken(w.tsa, signedAt, info(func(i *tstInfo) { i.MessageImprint.HashedMessage = i.MessageImprint.HashedMessage[:16] })), want: Invalid, note: another, differs: "it compares as many bytes as there are"},
		{name: "token of the file's digest", data: byToken(w.tsa, signedAt, info(func(i *tstInfo) { i.MessageImprint.HashedMessage = peDigest(t, crypto.SHA256) })), want: Invalid, note: another},
		{name: "token by SHA-1", data: file(func(sig []byte) []any {
			return stamp(oidTimestampToken, token(t, w.tsa, sig, signedAt, func(s *signing, i *tstInfo) {
				s.hash = crypto.SHA1
				i.MessageImprint.HashAlgorithm.Algorithm, i.MessageImprint.HashedMessage = oidSHA1, sumOf(crypto.SHA1, sig)
			}))
		}), want: Valid},
		{name: "token by MD5", data: file(func(sig []byte) []any {
			return stamp(oidTimestampToken, token(t, w.tsa, sig, signedAt, func(_ *signing, i *tstInfo) {
				i.MessageImprint.HashAlgorithm.Algorithm, i.MessageImprint.HashedMessage = oidMD5, sumOf(crypto.MD5, sig)
			}))
		}), want: Invalid, note: "MD5", differs: "MD5 is nothing to it but a note"},
		{name: "token signed with MD5", data: byToken(w.tsa, signedAt, func(s *signing, _ *tstInfo) { s.hash = crypto.MD5 }), want: Invalid, note: "MD5", differs: "MD5 is nothing to it but a note"},
		{name: "token by an unknown digest", data: byToken(w.tsa, signedAt, info(func(i *tstInfo) { i.MessageImprint.HashAlgorithm.Algorithm = oidData })), want: Invalid},
		{name: "token of another version", data: byToken(w.tsa, signedAt, info(func(i *tstInfo) { i.Version = 2 })), want: Invalid, note: "version", differs: "it does not look at the version"},
		{name: "token with a large number", data: byToken(w.tsa, signedAt, info(func(i *tstInfo) { i.SerialNumber = new(big.Int).Lsh(big.NewInt(1), 159) })), want: Valid},
		{name: "token with something behind its content", data: byToken(w.tsa, signedAt, func(s *signing, i *tstInfo) {
			s.content = marshal(t, append(marshal(t, *i), 5, 0))
		}), want: Invalid, note: "TSTInfo", differs: "OpenSSL does not look there"},
		{name: "token changed", data: byToken(w.tsa, signedAt, func(s *signing, _ *tstInfo) { s.digested = []byte("else") }), want: Invalid, note: "message digest differs"},
		{name: "token that is data", data: byToken(w.tsa, signedAt, func(s *signing, _ *tstInfo) { s.contentType = oidData }), want: Invalid, note: "not a TSTInfo", differs: "it does not look at the type"},
		{name: "token with another signed content type", data: byToken(w.tsa, signedAt, func(s *signing, i *tstInfo) {
			content := marshal(t, *i)
			s.content = marshal(t, content)
			s.signed = []any{attributeOf(t, oidContentType, oidData), attributeOf(t, oidMessageDigest, sumOf(crypto.SHA256, content))}
		}), want: Invalid, note: "signed content type", differs: "OpenSSL does not compare it"},
		{name: "token without its certificate", data: byToken(w.tsa, signedAt, func(s *signing, _ *tstInfo) { s.certificates = certificates(w.root) }), want: Invalid},
		{name: "token with two signers", data: byToken(w.tsa, signedAt, func(s *signing, _ *tstInfo) { s.signers = 2 }), want: Invalid, differs: "OpenSSL takes several"},
		{name: "token in place of a countersignature", data: file(func(sig []byte) []any { return stamp(oidCountersignature, token(t, w.tsa, sig, signedAt, nil)) }), want: Invalid},
		{name: "countersignature in place of a token", data: file(func(sig []byte) []any {
			return stamp(oidTimestampToken, countersignature(t, w.tsa, sig, signedAt, nil))
		}), want: Invalid},
		{name: "token under the attribute of signatures", data: file(func(sig []byte) []any {
			return stamp(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 14}, token(t, w.tsa, sig, signedAt, nil))
		}), want: Untrusted, note: ended, rule: "Authenticode has an attribute of its own for tokens", differs: ""},
		{name: "token among the signed attributes", data: file(nil, func(s *signing) {
			s.more = stamp(oidTimestampToken, token(t, w.tsa, []byte("unknown yet"), signedAt, nil))
		}), want: Untrusted, note: ended},
		{name: "token twice", data: file(func(sig []byte) []any {
			one := token(t, w.tsa, sig, signedAt, nil)
			return append(stamp(oidTimestampToken, one), stamp(oidTimestampToken, one)...)
		}), want: Valid},
		{name: "two tokens as values of one attribute", data: file(func(sig []byte) []any {
			return stamp(oidTimestampToken, token(t, w.tsa, sig, signedAt, nil), token(t, w.tsa, sig, date(2012), nil))
		}), want: Valid},
		{name: "bad token, good token", data: file(func(sig []byte) []any {
			return append(stamp(oidTimestampToken, token(t, w.tsa, []byte("other"), signedAt, nil)), stamp(oidTimestampToken, token(t, w.tsa, sig, signedAt, nil))...)
		}), want: Invalid, note: another, differs: "it looks at the last one"},
		{name: "good token, bad token", data: file(func(sig []byte) []any {
			return append(stamp(oidTimestampToken, token(t, w.tsa, sig, signedAt, nil)), stamp(oidTimestampToken, token(t, w.tsa, []byte("other"), signedAt, nil))...)
		}), want: Invalid, note: another},
		{name: "stranger's token, good token", data: file(func(sig []byte) []any {
			return append(stamp(oidTimestampToken, token(t, unknown, sig, signedAt, nil)), stamp(oidTimestampToken, token(t, w.tsa, sig, signedAt, nil))...)
		}), want: Valid},
		{name: "token of the end, token of before", data: file(func(sig []byte) []any {
			return append(stamp(oidTimestampToken, token(t, w.tsa, sig, date(2012), nil)), stamp(oidTimestampToken, token(t, w.tsa, sig, signedAt, nil))...)
		}), want: Untrusted, note: ended, rule: "the first timestamp that holds counts", differs: "it looks at the last one"},
		{name: "countersignature of another signature", data: byCounter(w.tsa, signedAt, func(s *signing) { s.digested = []byte("other") }), want: Invalid},
		{name: "countersignature without a time", data: byCounter(w.tsa, signedAt, func(s *signing) { s.more = nil }), want: Invalid},
		{name: "countersignature with two times", data: byCounter(w.tsa, signedAt, func(s *signing) {
			s.more = append(s.more, attributeOf(t, oidSigningTime, date(2009)))
		}), want: Invalid},
		{name: "countersignature with an unsigned time", data: byCounter(w.tsa, signedAt, func(s *signing) {
			s.more = nil
			s.unsigned = func([]byte) []any { return []any{attributeOf(t, oidSigningTime, signedAt)} }
		}), want: Invalid},
		{name: "countersignature by MD5", data: byCounter(w.tsa, signedAt, func(s *signing) { s.hash = crypto.MD5 }), want: Untrusted, note: ended, differs: "MD5 is nothing to it but a note"},
		{name: "countersignature by SHA-256", data: byCounter(w.tsa, signedAt, func(s *signing) { s.hash = crypto.SHA256 }), want: Valid},
		{name: "countersignature changed", data: byCounter(w.tsa, signedAt, func(s *signing) {
			s.signedSet = func(m [][]byte) [][]byte { m[2] = marshal(t, attributeOf(t, oidSigningTime, date(2009))); return m }
		}), want: Invalid},
		{name: "countersignature that is nothing", data: file(func([]byte) []any { return stamp(oidCountersignature, marshal(t, 1)) }), want: Invalid},
		{name: "token that is nothing", data: file(func([]byte) []any { return stamp(oidTimestampToken, marshal(t, 1)) }), want: Invalid},
		{name: "attribute of tokens without a value", data: file(func([]byte) []any { return stamp(oidTimestampToken) }), want: Untrusted, note: ended},
	})
}
