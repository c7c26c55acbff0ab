package authenticode

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"net"
	"slices"
	"testing"
)

func extension(oid asn1.ObjectIdentifier, critical bool, value []byte) pkix.Extension {
	return pkix.Extension{Id: oid, Critical: critical, Value: value}
}

// under returns a program signed below an authority, both changed by change.
func (w *world) under(t testing.TB, change func(ca, leaf *x509.Certificate)) []byte {
	t.Helper()
	ca, leaf := authority("Vector Authority"), codeSigner("Vector Signer")
	change(&ca, &leaf)
	issuer := issue(t, w.root, 2, ca)
	return w.signedBy(t, issue(t, issuer, 1, leaf), issuer)
}

// signedBy returns a program signed by the first; the others come along.
func (w *world) signedBy(t testing.TB, chain ...*identity) []byte {
	t.Helper()
	return w.program(t, func(s *signing) { s.by, s.certificates = chain[0], certificates(chain...) })
}

// TestVectorsNameConstraints lets authorities certify names that they may not (RFC
// 5280, 4.2.1.10).
func TestVectorsNameConstraints(t *testing.T) {
	w := newWorld(t)
	name := func(n pkix.Name) []byte { return marshal(t, n.ToRDNSequence()) }
	// tree is a GeneralSubtree of a GeneralName with a tag of its own.
	tree := func(tag int, value []byte) []byte {
		return marshal(t, sequence(marshal(t, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: tag, IsCompound: tag == nameDirectory, Bytes: value})))
	}
	directory := func(n pkix.Name) []byte { return tree(nameDirectory, name(n)) }
	constraints := func(critical bool, permitted, excluded [][]byte) pkix.Extension {
		var parts [][]byte
		if permitted != nil {
			parts = append(parts, marshal(t, tagged(0, permitted...)))
		}
		if excluded != nil {
			parts = append(parts, marshal(t, tagged(1, excluded...)))
		}
		return extension(oidNameConstraints, critical, marshal(t, sequence(parts...)))
	}
	organization := func(o string) pkix.Name { return pkix.Name{Organization: []string{o}} }
	with := func(e pkix.Extension, change func(leaf *x509.Certificate)) []byte {
		return w.under(t, func(ca, leaf *x509.Certificate) {
			ca.ExtraExtensions = append(ca.ExtraExtensions, e)
			if change != nil {
				change(leaf)
			}
		})
	}
	list := func(trees ...[]byte) [][]byte { return trees }
	const forbidden = "may not certify the names of"
	// The subject of the signer is O=Example Corp., CN=Vector Signer.
	w.run(t, []vector{
		{name: "permitted organization", data: with(constraints(true, list(directory(organization("Example Corp."))), nil), nil), want: Valid},
		{name: "permitted organization in another case", data: with(constraints(true, list(directory(organization("EXAMPLE  corp."))), nil), nil), want: Valid},
		{name: "permitted whole subject", data: with(constraints(true, list(directory(pkix.Name{CommonName: "Vector Signer", Organization: []string{"Example Corp."}})), nil), nil), want: Valid},
		{name: "permitted empty name", data: with(constraints(true, list(directory(pkix.Name{})), nil), nil), want: Valid},
		{name: "one of two permitted", data: with(constraints(true, list(directory(organization("Other")), directory(organization("Example Corp."))), nil), nil), want: Valid},
		{name: "other organization permitted", data: with(constraints(true, list(directory(organization("Other"))), nil), nil), want: Untrusted, note: forbidden},
		{name: "other organization permitted, not critical", data: with(constraints(false, list(directory(organization("Other"))), nil), nil), want: Untrusted, note: forbidden},
		{name: "part of the organization permitted", data: with(constraints(true, list(directory(organization("Example"))), nil), nil), want: Untrusted, note: forbidden},
		{name: "longer name permitted", data: with(constraints(true, list(directory(pkix.Name{CommonName: "Vector Signer 2", Organization: []string{"Example Corp."}})), nil), nil), want: Untrusted, note: forbidden},
		{name: "organization excluded", data: with(constraints(true, nil, list(directory(organization("Example Corp.")))), nil), want: Untrusted, note: forbidden},
		{name: "organization excluded, not critical", data: with(constraints(false, nil, list(directory(organization("Example Corp.")))), nil), want: Untrusted, note: forbidden},
		{name: "organization excluded in another case", data: with(constraints(true, nil, list(directory(organization("EXAMPLE CORP.")))), nil), want: Untrusted, note: forbidden},
		{name: "other organization excluded", data: with(constraints(true, nil, list(directory(organization("Other")))), nil), want: Valid},
		{name: "permitted and excluded", data: with(constraints(true, list(directory(pkix.Name{})), list(directory(organization("Example Corp.")))), nil), want: Untrusted, note: forbidden},
		{name: "hosts permitted, no host named", data: with(constraints(true, list(tree(nameDNS, []byte("example.com"))), nil), nil), want: Valid},
		{name: "host permitted", data: with(constraints(true, list(tree(nameDNS, []byte("example.com"))), nil), func(l *x509.Certificate) { l.DNSNames = []string{"sign.Example.com"} }), want: Valid},
		{name: "other host permitted", data: with(constraints(true, list(tree(nameDNS, []byte("example.com"))), nil), func(l *x509.Certificate) { l.DNSNames = []string{"example.com.evil.org"} }), want: Untrusted, note: forbidden},
		{name: "host whose end alone is permitted", data: with(constraints(true, list(tree(nameDNS, []byte("example.com"))), nil), func(l *x509.Certificate) { l.DNSNames = []string{"evilexample.com"} }), want: Untrusted, note: forbidden},
		{name: "host excluded", data: with(constraints(true, nil, list(tree(nameDNS, []byte("example.com")))), func(l *x509.Certificate) { l.DNSNames = []string{"a.example.com"} }), want: Untrusted, note: forbidden},
		{name: "mail host permitted", data: with(constraints(true, list(tree(nameEmail, []byte("example.com"))), nil), func(l *x509.Certificate) { l.EmailAddresses = []string{"a@example.com"} }), want: Valid},
		{name: "mail of another host", data: with(constraints(true, list(tree(nameEmail, []byte("example.com"))), nil), func(l *x509.Certificate) { l.EmailAddresses = []string{"a@b.example.com"} }), want: Untrusted, note: forbidden},
		{name: "mail in the subject", data: with(constraints(true, list(tree(nameEmail, []byte("example.com"))), nil), func(l *x509.Certificate) {
			l.Subject.ExtraNames = []pkix.AttributeTypeAndValue{{Type: oidEmailAddress, Value: "a@evil.org"}}
		}), want: Untrusted, note: forbidden},
		{name: "addresses permitted", data: with(constraints(true, list(tree(nameIP, []byte{10, 0, 0, 0, 255, 0, 0, 0})), nil), func(l *x509.Certificate) { l.IPAddresses = []net.IP{{10, 1, 2, 3}} }), want: Valid},
		{name: "address outside", data: with(constraints(true, list(tree(nameIP, []byte{10, 0, 0, 0, 255, 0, 0, 0})), nil), func(l *x509.Certificate) { l.IPAddresses = []net.IP{{11, 1, 2, 3}} }), want: Untrusted, note: forbidden},
		{name: "unknown kind of name, none there", data: with(constraints(true, list(tree(8, []byte{0x2a, 3})), nil), nil), want: Valid},
		{name: "minimum distance", data: with(constraints(true, list(marshal(t, sequence(marshal(t, tagged(nameDirectory, name(organization("Example Corp.")))), []byte{0x80, 1, 1}))), nil), nil), want: Untrusted},
		{name: "on the root", data: func() []byte {
			root := authority("Constrained Root")
			root.ExtraExtensions = []pkix.Extension{constraints(true, list(directory(organization("Other"))), nil)}
			r := issue(t, nil, 3, root)
			w.options.Roots = append(w.options.Roots, r.cert)
			return w.signedBy(t, issue(t, r, 1, codeSigner("Vector Signer")))
		}(), want: Untrusted, note: forbidden},
		{name: "on the authority's authority", data: func() []byte {
			top := authority("Top")
			top.ExtraExtensions = []pkix.Extension{constraints(true, list(directory(organization("Other"))), nil)}
			a := issue(t, w.root, 3, top)
			middle := authority("Middle")
			middle.Subject.Organization = []string{"Other"}
			b := issue(t, a, 2, middle)
			return w.signedBy(t, issue(t, b, 1, codeSigner("Vector Signer")), a, b)
		}(), want: Untrusted, note: forbidden},
		{name: "self-issued authority below", data: func() []byte {
			top := authority("Same")
			top.ExtraExtensions = []pkix.Extension{constraints(true, list(directory(organization("Example Corp."))), nil)}
			a := issue(t, w.root, 3, top)
			b := issue(t, a, 2, authority("Same"))
			return w.signedBy(t, issue(t, b, 1, codeSigner("Vector Signer")), a, b)
		}(), want: Valid, differs: "OpenSSL stops at the first certificate of the name"},
	})
}

// TestVectorsPolicies asks for certificate policies (RFC 5280, 6.1).
func TestVectorsPolicies(t *testing.T) {
	w := newWorld(t)
	oid := func(n ...uint64) x509.OID {
		o, err := x509.OIDFromInts(n)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	one, two, anything := oid(1, 3, 6, 1, 4, 1, 99999, 1), oid(1, 3, 6, 1, 4, 1, 99999, 2), oid(2, 5, 29, 32, 0)
	required := func(skip byte) pkix.Extension {
		return extension(asn1.ObjectIdentifier{2, 5, 29, 36}, true, []byte{0x30, 3, 0x80, 1, skip})
	}
	inhibitAny := extension(asn1.ObjectIdentifier{2, 5, 29, 54}, true, []byte{2, 1, 0})
	mapping := extension(asn1.ObjectIdentifier{2, 5, 29, 33}, true, marshal(t, [][]asn1.ObjectIdentifier{{{1, 3, 6, 1, 4, 1, 99999, 1}, {1, 3, 6, 1, 4, 1, 99999, 2}}}))
	made := func(ca, leaf []x509.OID, extensions ...pkix.Extension) []byte {
		return w.under(t, func(c, l *x509.Certificate) {
			c.Policies, l.Policies, c.ExtraExtensions = ca, leaf, extensions
		})
	}
	p := func(list ...x509.OID) []x509.OID { return list }
	const none = "none of the policies"
	w.run(t, []vector{
		{name: "not required, none", data: made(nil, nil), want: Valid},
		{name: "not required, different", data: made(p(one), p(two)), want: Valid},
		{name: "required, equal", data: made(p(one), p(one), required(0)), want: Valid},
		{name: "required, none in the signer", data: made(p(one), nil, required(0)), want: Untrusted, note: none, differs: "it asks for no policies"},
		{name: "required, none in the authority", data: made(nil, p(one), required(0)), want: Untrusted, note: none, differs: "it asks for no policies"},
		{name: "required, different", data: made(p(one), p(two), required(0)), want: Untrusted, note: none, differs: "it asks for no policies"},
		{name: "required, one of two", data: made(p(one, two), p(two), required(0)), want: Valid},
		{name: "required, authority for any", data: made(p(anything), p(two), required(0)), want: Valid},
		{name: "required, signer with any", data: made(p(one), p(anything), required(0)), want: Valid},
		{name: "required, any inhibited", data: made(p(one), p(anything), required(0), inhibitAny), want: Untrusted, note: none, differs: "it asks for no policies"},
		{name: "required after one more, which is not there", data: made(nil, nil, required(2)), want: Valid},
		{name: "required, mapped", data: made(p(one), p(two), required(0), mapping), want: Valid},
		{name: "required, mapped away", data: made(p(one), p(one), required(0), mapping), want: Untrusted, note: none, differs: "it asks for no policies"},
	})
}

// TestVectorsChain builds chains as they should and should not be (RFC 5280, 6.1;
// Authenticode wants the use code signing).
func TestVectorsChain(t *testing.T) {
	w := newWorld(t)
	changed := func(change func(ca, leaf *x509.Certificate)) []byte { return w.under(t, change) }
	uses := func(list ...x509.ExtKeyUsage) []x509.ExtKeyUsage { return list }
	chain := func(length int) []byte { // with the root
		var made []*identity
		issuer := w.root
		for i := range length - 2 {
			issuer = issue(t, issuer, 2+i%2, authority(fmt.Sprintf("Authority %d", i)))
			made = append(made, issuer)
		}
		return w.signedBy(t, append([]*identity{issue(t, issuer, 1, codeSigner("Vector Signer"))}, made...)...)
	}
	lifetime := asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 10, 3, 13}
	const authenticode = "Authenticode wants the use named"
	vectors := []vector{
		{name: "authority", data: changed(func(_, _ *x509.Certificate) {}), want: Valid},
		{name: "signer expired", data: changed(func(_, l *x509.Certificate) { l.NotAfter = date(2009) }), want: Untrusted, note: "is not within"},
		{name: "signer not yet valid", data: changed(func(_, l *x509.Certificate) { l.NotBefore = date(2011) }), want: Untrusted, note: "is not within", differs: "it judges by its own clock"},
		{name: "authority expired", data: changed(func(c, _ *x509.Certificate) { c.NotAfter = date(2009) }), want: Untrusted, note: "is not within"},
		{name: "authority not yet valid", data: changed(func(c, _ *x509.Certificate) { c.NotBefore = date(2011) }), want: Untrusted, note: "is not within", differs: "it judges by its own clock"},
		{name: "valid for one second", data: changed(func(_, l *x509.Certificate) { l.NotBefore, l.NotAfter = date(2010), date(2010) }), want: Valid, differs: "it judges by its own clock"},
		{name: "ends before it begins", data: changed(func(_, l *x509.Certificate) { l.NotBefore, l.NotAfter = date(2011), date(2009) }), want: Untrusted},

		{name: "signer without uses", data: changed(func(_, l *x509.Certificate) { l.ExtKeyUsage = nil }), want: Untrusted, note: "not meant for code signing", differs: authenticode},
		{name: "signer for any use", data: changed(func(_, l *x509.Certificate) { l.ExtKeyUsage = uses(x509.ExtKeyUsageAny) }), want: Untrusted, note: "not meant for code signing"},
		{name: "signer for servers", data: changed(func(_, l *x509.Certificate) { l.ExtKeyUsage = uses(x509.ExtKeyUsageServerAuth) }), want: Untrusted, note: "not meant for code signing"},
		{name: "signer for time stamping", data: changed(func(_, l *x509.Certificate) { l.ExtKeyUsage = uses(x509.ExtKeyUsageTimeStamping) }), want: Untrusted, note: "not meant for code signing"},
		{name: "signer for mail and code", data: changed(func(_, l *x509.Certificate) {
			l.ExtKeyUsage = uses(x509.ExtKeyUsageEmailProtection, x509.ExtKeyUsageCodeSigning)
		}), want: Valid},
		{name: "signer for lifetime signing alone", data: changed(func(_, l *x509.Certificate) {
			l.ExtKeyUsage, l.UnknownExtKeyUsage = nil, []asn1.ObjectIdentifier{lifetime}
		}), want: Untrusted, note: "not meant for code signing"},
		{name: "signer for lifetime and code signing", data: changed(func(_, l *x509.Certificate) { l.UnknownExtKeyUsage = []asn1.ObjectIdentifier{lifetime} }), want: Valid},
		{name: "signer that encrypts keys", data: changed(func(_, l *x509.Certificate) { l.KeyUsage = x509.KeyUsageKeyEncipherment }), want: Untrusted, note: "not meant for signatures", differs: "it does not look at key usage"},
		{name: "signer that signs certificates", data: changed(func(_, l *x509.Certificate) { l.KeyUsage = x509.KeyUsageCertSign }), want: Untrusted, note: "not meant for signatures", differs: "it does not look at key usage"},
		{name: "signer without key usage", data: changed(func(_, l *x509.Certificate) { l.KeyUsage = 0 }), want: Valid},
		{name: "signer for contents", data: changed(func(_, l *x509.Certificate) { l.KeyUsage = x509.KeyUsageContentCommitment }), want: Valid},
		{name: "authority without the flag", data: changed(func(c, _ *x509.Certificate) { c.IsCA = false }), want: Untrusted, note: "not a certificate authority"},
		{name: "authority without basic constraints", data: changed(func(c, _ *x509.Certificate) { c.BasicConstraintsValid = false }), want: Untrusted, note: "not a certificate authority"},
		{name: "authority that may not sign certificates", data: changed(func(c, _ *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature }), want: Untrusted, note: "not meant to sign certificates"},
		{name: "authority without key usage", data: changed(func(c, _ *x509.Certificate) { c.KeyUsage = 0 }), want: Valid},
		{name: "authority for servers", data: changed(func(c, _ *x509.Certificate) { c.ExtKeyUsage = uses(x509.ExtKeyUsageServerAuth) }), want: Untrusted, note: "may not issue", differs: "it does not look at the uses of authorities"},
		{name: "authority for code signing", data: changed(func(c, _ *x509.Certificate) { c.ExtKeyUsage = uses(x509.ExtKeyUsageCodeSigning) }), want: Valid},
		{name: "authority of path length 0", data: changed(func(c, _ *x509.Certificate) { c.MaxPathLenZero = true }), want: Valid},
		{name: "signer with an unknown critical extension", data: changed(func(_, l *x509.Certificate) {
			l.ExtraExtensions = []pkix.Extension{extension(asn1.ObjectIdentifier{1, 2, 3}, true, []byte{5, 0})}
		}), want: Untrusted, note: "critical extension"},
		{name: "signer with an unknown extension", data: changed(func(_, l *x509.Certificate) {
			l.ExtraExtensions = []pkix.Extension{extension(asn1.ObjectIdentifier{1, 2, 3}, false, []byte{5, 0})}
		}), want: Valid},
		{name: "authority with an unknown critical extension", data: changed(func(c, _ *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{extension(asn1.ObjectIdentifier{1, 2, 3}, true, []byte{5, 0})}
		}), want: Untrusted, note: "critical extension"},
		{name: "SHA-1 in the chain", data: changed(func(c, l *x509.Certificate) {
			c.SignatureAlgorithm, l.SignatureAlgorithm = x509.SHA1WithRSA, x509.SHA1WithRSA
		}), want: Valid},
		{name: "PSS in the chain", data: changed(func(c, l *x509.Certificate) {
			c.SignatureAlgorithm, l.SignatureAlgorithm = x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS
		}), want: Valid},
		{name: "disallowed by Microsoft", data: changed(func(c, _ *x509.Certificate) {
			c.Subject.CommonName = "Microsoft Enforced Licensing Intermediate PCA"
		}), want: Untrusted, note: "disallowed", differs: "it has no such list"},
		{name: "chain of 10", data: chain(10), want: Valid},
		{name: "chain of 11", data: chain(11), want: Untrusted, note: "longer than 10", differs: "OpenSSL allows 100"},
	}

	self := issue(t, nil, 3, codeSigner("Vector Signer"))
	signerAsIssuer := issue(t, w.code, 3, codeSigner("Below a signer"))
	imposter := issue(t, nil, 3, authority("Vector Root"))
	below := issue(t, imposter, 1, codeSigner("Vector Signer"))
	ca := issue(t, w.root, 2, authority("Vector Authority"))
	other := issue(t, w.root, 3, authority("Vector Authority"))
	leaf := issue(t, ca, 1, codeSigner("Vector Signer"))
	stranger := issue(t, nil, 3, authority("Stranger"))
	crossed := issue(t, stranger, 2, authority("Vector Authority")) // the key of ca
	limited := authority("Limited")
	limited.MaxPathLenZero = true
	short := issue(t, w.root, 2, limited)
	beneath := issue(t, short, 3, authority("Beneath"))
	rollover := issue(t, short, 3, authority("Limited")) // self-issued: does not count
	a := issue(t, nil, 2, authority("A"))
	b := issue(t, a, 3, authority("B"))
	loop := issue(t, b, 2, authority("A"))
	mute := codeSigner("")
	mute.Subject = pkix.Name{}
	md5 := *leaf
	md5.cert = withMD5(t, leaf.cert, ca.key)
	direct := issue(t, nil, 3, codeSigner("Trusted as it is"))
	w.options.Roots = append(w.options.Roots, direct.cert)
	vectors = append(vectors,
		vector{name: "self-signed", data: w.signedBy(t, self), want: Untrusted, note: "not a trusted root"},
		vector{name: "self-signed, trusted by name", data: w.signedBy(t, direct), want: Valid},
		vector{name: "below a signer", data: w.signedBy(t, signerAsIssuer, w.code), want: Untrusted, note: "not a certificate authority"},
		vector{name: "below a root of the same name", data: w.signedBy(t, below, imposter), want: Untrusted},
		vector{name: "authority missing", data: w.signedBy(t, leaf), want: Untrusted, note: "neither a trusted root"},
		vector{name: "another authority of the name first", data: w.signedBy(t, leaf, other, ca), want: Valid},
		vector{name: "another authority of the name only", data: w.signedBy(t, leaf, other), want: Untrusted, note: "is not signed by"},
		vector{name: "cross-signed, both there", data: w.signedBy(t, leaf, crossed, ca), want: Valid, differs: "OpenSSL tries one of them"},
		vector{name: "cross-signed, the stranger alone", data: w.signedBy(t, leaf, crossed, stranger), want: Untrusted},
		vector{name: "path length exceeded", data: w.signedBy(t, issue(t, beneath, 1, codeSigner("Vector Signer")), short, beneath), want: Untrusted, note: "allows 0 authorities"},
		vector{name: "path length and a self-issued authority", data: w.signedBy(t, issue(t, rollover, 1, codeSigner("Vector Signer")), short, rollover), want: Valid, differs: "OpenSSL stops at the first certificate of the name"},
		vector{name: "loop", data: w.signedBy(t, issue(t, loop, 1, codeSigner("Vector Signer")), a, b, loop), want: Untrusted},
		vector{name: "signer without a subject", data: w.signedBy(t, issue(t, w.root, 1, mute)), want: Valid},
		vector{name: "signed with MD5", data: w.signedBy(t, &md5, ca), want: Untrusted, note: "MD5", differs: "OpenSSL takes MD5 for a signature"},
		vector{name: "root along", data: w.signedBy(t, leaf, ca, w.root), want: Valid},
		vector{name: "root alone signs", data: w.signedBy(t, w.root), want: Untrusted, note: "not meant for code signing", differs: "it asks a root for no use"},
		vector{name: "certificate changed in its name", data: w.program(t, func(s *signing) {
			s.certificates = [][]byte{bytes.Replace(w.code.cert.Raw, []byte("Example Corp."), []byte("Microsoft Co."), 1)}
		}), want: Untrusted, note: "is not signed by"},
		vector{name: "certificate changed in its end", data: w.program(t, func(s *signing) {
			raw := slices.Clone(issue(t, w.root, 1, func() x509.Certificate { c := codeSigner("Expired"); c.NotAfter = date(2009); return c }()).cert.Raw)
			made, err := x509.ParseCertificate(raw)
			if err != nil {
				t.Fatal(err)
			}
			s.by = &identity{cert: made, key: w.code.key}
			s.certificates = [][]byte{bytes.Replace(raw, []byte("090101000000Z"), []byte("490101000000Z"), 1)}
		}), want: Untrusted, note: "is not signed by"},
	)
	w.run(t, vectors)
}

// TestVectorsSeveral gives a file several signatures, nested and as entries of the
// table. The first decides, as in Windows; nothing of the others counts.
func TestVectorsSeveral(t *testing.T) {
	w := newWorld(t)
	stranger := issue(t, issue(t, nil, 3, authority("Stranger")), 2, codeSigner("Stranger"))
	made := map[Status]func(unsigned func([]byte) []any) []byte{
		Valid: func(u func([]byte) []any) []byte { return w.signature(t, func(s *signing) { s.unsigned = u }) },
		Untrusted: func(u func([]byte) []any) []byte {
			return w.signature(t, func(s *signing) { s.by, s.unsigned = stranger, u })
		},
		Invalid: func(u func([]byte) []any) []byte {
			return w.signature(t, func(s *signing) {
				s.content, s.unsigned = indirect(t, oidTypePE, peImageData, crypto.SHA256, make([]byte, 32)), u
			})
		},
	}
	var vectors []vector
	for first, outer := range made {
		for second, inner := range made {
			nested := func([]byte) []any {
				return []any{attributeOf(t, oidNestedSignature, asn1.RawContent(inner(nil)))}
			}
			twice := func([]byte) []any {
				return []any{attributeOf(t, oidNestedSignature, asn1.RawContent(inner(nested)))}
			}
			vectors = append(vectors,
				vector{name: fmt.Sprintf("%s, nested %s", first, second), data: inTable(outer(nested)), want: first},
				vector{name: fmt.Sprintf("%s, nested twice %s", first, second), data: inTable(outer(twice)), want: first},
				vector{name: fmt.Sprintf("%s, entry %s", first, second), data: inTable(outer(nil), inner(nil)), want: first})
		}
	}
	vectors = append(vectors,
		vector{name: "nested signature that is nothing", want: Valid, data: inTable(made[Valid](func([]byte) []any {
			return []any{attributeOf(t, oidNestedSignature, []byte("payload"))}
		}))},
		vector{name: "nested signature among the signed attributes", want: Valid, data: w.program(t, func(s *signing) {
			s.more = []any{attributeOf(t, oidNestedSignature, asn1.RawContent(made[Invalid](nil)))}
		})},
		vector{name: "second entry that is nothing", want: Invalid, data: inTable(made[Valid](nil), []byte("payload."))},
	)
	w.runWithout(t, vectors)
}
