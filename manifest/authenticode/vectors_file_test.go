package authenticode

import (
	"bytes"
	"crypto"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// programOf signs the PE file that b becomes after its table is put behind it: the
// digest is that of the format.
func (w *world) programOf(t testing.TB, b []byte, checksum, directory int) []byte {
	t.Helper()
	b = append(b, make([]byte, -len(b)&7)...)
	binary.LittleEndian.PutUint32(b[directory:], uint32(len(b)))
	covered := slices.Concat(b[:checksum], b[checksum+4:directory], b[directory+8:])
	content := indirect(t, oidTypePE, peImageData, crypto.SHA256, sumOf(crypto.SHA256, covered))
	entry := winCertificate(winCertSignedData, signing{by: w.code, content: content}.der(t))
	entry = append(entry, make([]byte, -len(entry)&7)...)
	binary.LittleEndian.PutUint32(b[directory+4:], uint32(len(entry)))
	return append(b, entry...)
}

// TestVectorsProgram lets the headers and the certificate table of PE files lie ("PE
// Format"; "Authenticode Portable Executable Signature Format").
func TestVectorsProgram(t *testing.T) {
	w := newWorld(t)
	le := binary.LittleEndian
	const checksum, section = builtOptional + optionalChecksum, builtOptional + 0xe0
	made := func(change func(b []byte) []byte) []byte {
		return w.programOf(t, change(buildPE()), checksum, builtDirectory)
	}
	after := func(change func(b []byte) []byte) []byte { return change(made(func(b []byte) []byte { return b })) }
	set32 := func(at int, v uint32) func(b []byte) []byte {
		return func(b []byte) []byte { le.PutUint32(b[at:], v); return b }
	}
	wide := buildPE()
	le.PutUint16(wide[builtOptional:], optionalMagic64)
	le.PutUint16(wide[builtHeader+20:], 0xf0)
	copy(wide[section+16:], wide[section:section+40])
	le.PutUint32(wide[builtOptional+optionalCount64:], 16)
	wideDirectory := builtOptional + optionalCount64 + 4 + directorySecurity*directorySize
	w.run(t, []vector{
		{name: "as it should be", data: made(func(b []byte) []byte { return b }), want: Valid},
		{name: "PE32+", data: w.programOf(t, bytes.Clone(wide), checksum, wideDirectory), want: Valid},
		{name: "bytes behind the sections, signed", data: made(func(b []byte) []byte { return append(b, "overlay."...) }), want: Valid},
		{name: "bytes behind the sections, of odd number", data: made(func(b []byte) []byte { return append(b, "odd"...) }), want: Valid},
		{name: ".NET directory", data: made(set32(builtOptional+optionalCount32+4+14*8, 0x1000)), want: Valid},
		{name: "checksum right or wrong", data: after(set32(checksum, 0x12345678)), want: Valid},
		{name: "section of no bytes behind the table", data: made(func(b []byte) []byte {
			le.PutUint32(b[section+16:], 0)
			le.PutUint32(b[section+20:], 0x10000)
			return b
		}), want: Valid},
		{name: "section that ends in the table", data: made(set32(section+16, 0x300)), want: Invalid, note: `section ".text" reaches into it`, differs: "it digests the file as it lies"},
		{name: "section that is the table", data: made(set32(section+20, builtSize)), want: Invalid, note: "reaches into it", differs: "it digests the file as it lies"},
		{name: "section of 4 GiB", data: made(set32(section+16, 0xffffffff)), want: Invalid, note: "reaches into it", differs: "it digests the file as it lies"},
		{name: "headers that end in the table", data: made(set32(builtOptional+60, builtSize+8)), want: Invalid, note: "headers", differs: "it digests the file as it lies"},
		{name: "machine changed", data: after(func(b []byte) []byte { b[builtHeader+4] ^= 1; return b }), want: Invalid, note: "changed after"},
		{name: "entry point changed", data: after(set32(builtOptional+16, 0x1234)), want: Invalid, note: "changed after"},
		{name: "section's name changed", data: after(func(b []byte) []byte { b[section+1] ^= 0x20; return b }), want: Invalid, note: "changed after"},
		{name: "DOS stub changed", data: after(func(b []byte) []byte { b[0x50] = 1; return b }), want: Invalid, note: "changed after"},
		{name: "e_lfanew moved into the section", data: after(func(b []byte) []byte {
			copy(b[0x200:], b[builtHeader:0x180])
			le.PutUint32(b[dosNewHeader:], 0x200)
			return b
		}), want: Invalid},
		{name: "bytes behind the table", data: after(func(b []byte) []byte { return append(b, "payload."...) }), want: Invalid, note: "follow it"},
		{name: "zeros behind the table", data: after(func(b []byte) []byte { return append(b, make([]byte, 8)...) }), want: Invalid, note: "follow it"},
		{name: "bytes behind the table, counted", data: after(func(b []byte) []byte {
			le.PutUint32(b[builtDirectory+4:], le.Uint32(b[builtDirectory+4:])+8)
			return append(b, "payload."...)
		}), want: Invalid},
		{name: "zeros behind the table, counted", data: after(func(b []byte) []byte {
			le.PutUint32(b[builtDirectory+4:], le.Uint32(b[builtDirectory+4:])+8)
			return append(b, make([]byte, 8)...)
		}), want: Invalid, rule: "an entry of no bytes"},
		{name: "table longer than the file", data: after(set32(builtDirectory+4, 0x8000)), want: Invalid},
		{name: "table of no bytes", data: after(set32(builtDirectory+4, 0)), want: None},
		{name: "table at 0", data: after(set32(builtDirectory, 0)), want: None},
		{name: "table moved by 8", data: after(set32(builtDirectory, builtSize+8)), want: Invalid},
		{name: "table in the section", data: after(func(b []byte) []byte {
			le.PutUint32(b[builtDirectory:], 0x200)
			le.PutUint32(b[builtDirectory+4:], uint32(len(b)-0x200))
			return b
		}), want: Invalid},
		{name: "entry of revision 1", data: after(func(b []byte) []byte { le.PutUint16(b[builtSize+4:], winCertRevision1); return b }), want: Valid, differs: "it knows revision 2 alone"},
		{name: "entry of revision 0", data: after(func(b []byte) []byte { le.PutUint16(b[builtSize+4:], 0); return b }), want: Invalid},
		{name: "entry of X.509", data: after(func(b []byte) []byte { le.PutUint16(b[builtSize+6:], 1); return b }), want: Invalid},
		{name: "entry of time stamps", data: after(func(b []byte) []byte { le.PutUint16(b[builtSize+6:], 4); return b }), want: Invalid},
		{name: "entry that ends in its signature", data: after(func(b []byte) []byte { le.PutUint32(b[builtSize:], le.Uint32(b[builtSize:])-16); return b }), want: Invalid},
		{name: "entry that claims its padding", data: after(func(b []byte) []byte { le.PutUint32(b[builtSize:], uint32(len(b)-builtSize)); return b }), want: Valid},
		{name: "entry of X.509 before it", data: withTable(winCertificate(1, []byte("payload.")), winCertificate(winCertSignedData, w.signature(t, nil))), want: Invalid},
		{name: "entry of X.509 behind it", data: withTable(winCertificate(winCertSignedData, w.signature(t, nil)), winCertificate(1, []byte("payload."))), want: Invalid, note: "type 1"},
	})
}

// TestVectorsCabinet lets the header of cabinets lie ([MS-CAB] 2.1; what the
// signature covers is what Windows digests).
func TestVectorsCabinet(t *testing.T) {
	w := newWorld(t)
	le := binary.LittleEndian
	sign := func(content func(digest []byte) []byte) []byte {
		return signedCabinet(t, func(digest []byte) []byte { return signing{by: w.code, content: content(digest)}.der(t) })
	}
	link := []byte{0xa2, 0x02, 0x80, 0x00}
	good := sign(func(d []byte) []byte { return indirect(t, oidTypeCAB, link, crypto.SHA256, d) })
	after := func(change func(b []byte) []byte) []byte { return change(bytes.Clone(good)) }
	set := func(at int, v byte) []byte { return after(func(b []byte) []byte { b[at] = v; return b }) }
	vectors := []vector{
		{name: "as it should be", data: good, want: Valid},
		{name: "no mark", data: set(cabReserve+2, 0), want: None},
		{name: "no reserve flag", data: set(cabFlags, 0), want: None},
		{name: "reserve of 21 bytes", data: set(cabHeaderReserve, 21), want: None},
		{name: "reserve of folders", data: set(cabHeaderReserve+2, 1), want: Invalid},
		{name: "reserve of blocks", data: set(cabHeaderReserve+3, 1), want: Invalid},
		{name: "next cabinet", data: set(cabFlags, cabFlagReserve|2), want: Invalid},
		{name: "previous cabinet", data: set(cabFlags, cabFlagReserve|1), want: Invalid},
		{name: "number in the set", data: set(cabIndex, 1), want: Valid, rule: "Windows leaves it out: cabinets of a set are signed before they are counted"},
		{name: "checksum of the header", data: set(cabReserved1, 1), want: Invalid},
		{name: "last reserved field", data: set(cabCoversAgain, 1), want: Invalid},
		{name: "field before it", data: set(cabReserved4, 1), want: Invalid, differs: "it does not look there"},
		{name: "another set", data: set(32, 1), want: Invalid},
		{name: "fewer files", data: set(28, 0), want: Invalid},
		{name: "content", data: after(func(b []byte) []byte { b[le.Uint32(b[cabSignatureOffset:])-1] ^= 1; return b }), want: Invalid},
		{name: "name of the file", data: after(func(b []byte) []byte { b[bytes.Index(b, []byte("a.txt"))] = 'b'; return b }), want: Invalid},
		{name: "bytes behind it", data: after(func(b []byte) []byte { return append(b, "payload"...) }), want: Invalid},
		{name: "bytes behind it, counted", data: after(func(b []byte) []byte {
			le.PutUint32(b[cabSignatureSize:], le.Uint32(b[cabSignatureSize:])+7)
			return append(b, "payload"...)
		}), want: Invalid, differs: "it does not look there"},
		{name: "zeros behind it, counted", data: after(func(b []byte) []byte {
			le.PutUint32(b[cabSignatureSize:], le.Uint32(b[cabSignatureSize:])+8)
			return append(b, make([]byte, 8)...)
		}), want: Valid},
		{name: "bytes before it", data: after(func(b []byte) []byte {
			at := le.Uint32(b[cabSignatureOffset:])
			le.PutUint32(b[cabSignatureOffset:], at+8)
			return slices.Insert(b, int(at), []byte("payload.")...)
		}), want: Invalid},
		{name: "signature of no bytes", data: after(func(b []byte) []byte { le.PutUint32(b[cabSignatureSize:], 0); return b }), want: None},
		{name: "signature at 0", data: after(func(b []byte) []byte { le.PutUint32(b[cabSignatureOffset:], 0); return b }), want: None},
		{name: "signature in the header", data: after(func(b []byte) []byte {
			le.PutUint32(b[cabSignatureOffset:], 40)
			le.PutUint32(b[cabSignatureSize:], uint32(len(b)-40))
			return b
		}), want: Invalid},
		{name: "signature behind the end", data: after(func(b []byte) []byte { le.PutUint32(b[cabSignatureOffset:], 0xfffffff0); return b }), want: Invalid},
		{name: "signature of 4 GiB", data: after(func(b []byte) []byte { le.PutUint32(b[cabSignatureSize:], 0xffffffff); return b }), want: Invalid},
		{name: "signature cut off", data: after(func(b []byte) []byte { return b[:len(b)-100] }), want: Invalid},
	}
	w.runWithout(t, vectors)
}

// TestVectorsCatalog lets catalogs lie about the files of a list (mscat.h; Windows
// looks a file up by the tag and compares the digest).
func TestVectorsCatalog(t *testing.T) {
	w := newWorld(t)
	text := []byte("a file that cannot carry a signature\r\n")
	good := listed{hash: crypto.SHA256, digest: sumOf(crypto.SHA256, text), kind: oidTypeCAB, subject: sipFlat}
	signedList := func(list []byte, change func(*signing)) []byte {
		s := signing{by: w.code, contentType: oidTrustList, content: list}
		if change != nil {
			change(&s)
		}
		return s.der(t)
	}
	// replaced changes the bytes of the list before it is signed.
	replaced := func(l listed, from, to []byte) []byte {
		list := trustList(t, oidCatalogList, l)
		require.Contains(t, string(list), string(from))
		require.Len(t, to, len(from))
		return signedList(bytes.ReplaceAll(list, from, to), nil)
	}
	tag := func(digest []byte) []byte { return wide(strings.ToUpper(hex.EncodeToString(digest)), false) }
	other := sumOf(crypto.SHA256, []byte("other"))
	expired := codeSigner("Expired")
	expired.NotAfter = date(2009)
	server := codeSigner("Server")
	server.ExtKeyUsage = nil
	by := func(id *identity) []byte {
		return signedList(trustList(t, oidCatalogList, good), func(s *signing) { s.by = id })
	}
	tests := []struct {
		name    string
		catalog []byte
		status  Status // of the catalog; empty for an error
		want    Status // of the file
	}{
		{"as it should be", signedList(trustList(t, oidCatalogList, good), nil), Valid, Valid},
		{"listed twice", signedList(trustList(t, oidCatalogList, good, good), nil), Valid, Valid},
		{"listed behind another", signedList(trustList(t, oidCatalogList, listed{hash: crypto.SHA256, digest: other, kind: oidTypeCAB, subject: sipFlat}, good), nil), Valid, Valid},
		{"no members", signedList(trustList(t, oidCatalogList), nil), Valid, None},
		{"tag of another digest", replaced(good, tag(good.digest), tag(other)), Valid, None},
		{"tag of the file, digest of another", replaced(listed{hash: crypto.SHA256, digest: other, kind: oidTypeCAB, subject: sipFlat}, tag(other), tag(good.digest)), Valid, None},
		{"tag of the file in SHA-1, digest of another", func() []byte {
			l := listed{hash: crypto.SHA1, digest: sumOf(crypto.SHA1, []byte("other")), kind: oidTypeCAB, subject: sipFlat}
			return replaced(l, tag(l.digest), tag(sumOf(crypto.SHA1, text)))
		}(), Valid, None},
		{"tag that is a word", replaced(good, tag(good.digest), wide("readme.txt"+strings.Repeat("!", 54), false)), Valid, Valid},
		{"SHA-1", signedList(trustList(t, oidCatalogList, listed{hash: crypto.SHA1, digest: sumOf(crypto.SHA1, text), kind: oidTypeCAB, subject: sipFlat}), nil), Valid, Valid},
		{"MD5", signedList(trustList(t, oidCatalogList, listed{hash: crypto.MD5, digest: sumOf(crypto.MD5, text), kind: oidTypeCAB, subject: sipFlat}), nil), Valid, None},
		{"SHA-512", signedList(trustList(t, oidCatalogList, listed{hash: crypto.SHA512, digest: sumOf(crypto.SHA512, text), kind: oidTypeCAB, subject: sipFlat}), nil), Valid, None},
		{"SHA-256 called SHA-1", signedList(trustList(t, oidCatalogList, listed{hash: crypto.SHA1, digest: good.digest, kind: oidTypeCAB, subject: sipFlat}), nil), Valid, None},
		{"digest cut off", signedList(trustList(t, oidCatalogList, listed{hash: crypto.SHA256, digest: good.digest[:20], kind: oidTypeCAB, subject: sipFlat}), nil), Valid, None},
		{"digest of nothing", signedList(trustList(t, oidCatalogList, listed{hash: crypto.SHA256, digest: []byte{}, kind: oidTypeCAB, subject: sipFlat}), nil), Valid, None},
		{"listed as a PE file", signedList(trustList(t, oidCatalogList, listed{hash: crypto.SHA256, digest: good.digest, kind: oidTypePE, subject: sipPE}), nil), Valid, None},
		{"listed as a PE file, by subject alone", signedList(trustList(t, oidCatalogList, listed{hash: crypto.SHA256, digest: good.digest, kind: oidTypeCAB, subject: sipPE}), nil), Valid, None},
		{"listed as a package", signedList(trustList(t, oidCatalogList, listed{hash: crypto.SHA256, digest: good.digest, kind: oidTypeSIP, subject: sipInstaller}), nil), Valid, None},
		{"digest under another attribute", replaced(good, marshal(t, oidIndirectData), marshal(t, asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 1, 5})), Valid, None},
		{"certificate ended", by(issue(t, w.root, 1, expired)), Untrusted, Untrusted},
		{"certificate for another use", by(issue(t, w.root, 1, server)), Untrusted, Untrusted},
		{"stranger", by(issue(t, nil, 3, codeSigner("Stranger"))), Untrusted, Untrusted},
		{"changed", bytes.Replace(signedList(trustList(t, oidCatalogList, listed{hash: crypto.SHA256, digest: other, kind: oidTypeCAB, subject: sipFlat}), nil), other, good.digest, 1), Invalid, None},
		{"signed with MD5", signedList(trustList(t, oidCatalogList, good), func(s *signing) { s.hash = crypto.MD5 }), Invalid, None},
		{"no signer", signedList(trustList(t, oidCatalogList, good), func(s *signing) {
			s.bodyParts = func(p [][]byte) [][]byte { p[4] = marshal(t, set()); return p }
		}), "", None},
		{"list for another use", signedList(trustList(t, asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 10, 3, 9}, good), nil), "", None},
		{"content that is not a list", signedList(fileDigest(t, crypto.SHA256), nil), "", None},
		{"signature of a file", w.signature(t, nil), "", None},
		{"list called a signature of a file", signedList(trustList(t, oidCatalogList, good), func(s *signing) { s.contentType = oidIndirectData }), "", None},
		{"list called data", signedList(trustList(t, oidCatalogList, good), func(s *signing) { s.contentType = oidData }), "", None},
		{"bytes behind it", append(signedList(trustList(t, oidCatalogList, good), nil), "payload"...), "", None},
		{"zeros behind it", append(signedList(trustList(t, oidCatalogList, good), nil), 0, 0, 0), Valid, Valid},
		{"something behind the signers", signedList(trustList(t, oidCatalogList, good), func(s *signing) {
			s.bodyParts = func(p [][]byte) [][]byte { return append(p, marshal(t, 1)) }
		}), "", None},
		{"indefinite lengths", toBER(t, signedList(trustList(t, oidCatalogList, good), nil)), Valid, Valid},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, err := ParseCatalog("test.cat", test.catalog, w.options)
			if test.status == "" {
				require.ErrorIs(t, err, ErrCatalog)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.status, c.Signature.Status, c.Signature.Notes)
			o := w.options
			o.Catalogs = []*Catalog{c}
			s := collect(text, o, 7)
			require.Equal(t, test.want, s.Status, s.Notes)
			require.Equal(t, test.want == Valid, s.SignedBy("Example Corp."))
			require.False(t, s.SignedBy("Microsoft Corporation"), "a catalog of another publisher")
		})
	}
	t.Logf("%d vectors", len(tests))
}

// TestVectorsPublisher asks for "Microsoft Corporation" where the certificate names
// somebody nearly so, in every type of text that certificates have.
func TestVectorsPublisher(t *testing.T) {
	w := newWorld(t)
	const asked = "Microsoft Corporation"
	oidO, oidCN, oidOU := asn1.ObjectIdentifier{2, 5, 4, 10}, asn1.ObjectIdentifier{2, 5, 4, 3}, asn1.ObjectIdentifier{2, 5, 4, 11}
	attribute := func(oid asn1.ObjectIdentifier, tag int, value []byte) pkix.AttributeTypeAndValue {
		return pkix.AttributeTypeAndValue{Type: oid, Value: asn1.RawValue{Tag: tag, Bytes: value}}
	}
	utf8 := func(s string) []pkix.AttributeTypeAndValue {
		return []pkix.AttributeTypeAndValue{attribute(oidO, asn1.TagUTF8String, []byte(s))}
	}
	type names = []pkix.AttributeTypeAndValue
	universal := func(s string) (b []byte) {
		for _, r := range s {
			b = binary.BigEndian.AppendUint32(b, uint32(r))
		}
		return b
	}
	tests := []struct {
		name    string
		subject names
		want    bool
	}{
		{"UTF8String", utf8(asked), true},
		{"PrintableString", names{attribute(oidO, asn1.TagPrintableString, []byte(asked))}, true},
		{"T61String", names{attribute(oidO, asn1.TagT61String, []byte(asked))}, true},
		{"IA5String", names{attribute(oidO, asn1.TagIA5String, []byte(asked))}, true},
		{"BMPString", names{attribute(oidO, asn1.TagBMPString, wide(asked, true))}, true},
		{"BMPString, the other byte order", names{attribute(oidO, asn1.TagBMPString, wide(asked, false))}, false},
		{"BMPString, NUL behind it", names{attribute(oidO, asn1.TagBMPString, wide(asked+"\x00", true))}, false},
		{"BMPString, NUL and more behind it", names{attribute(oidO, asn1.TagBMPString, wide(asked+"\x00 Evil", true))}, false},
		{"BMPString of one byte more", names{attribute(oidO, asn1.TagBMPString, append(wide(asked, true), 0))}, false},
		{"UniversalString", names{attribute(oidO, 28, universal(asked))}, false},
		{"UTF8String, NUL behind it", utf8(asked + "\x00"), false},
		{"UTF8String, NUL and more behind it", utf8(asked + "\x00.evil"), false},
		{"UTF8String, NUL in front", utf8("\x00" + asked), false},
		{"T61String, NUL behind it", names{attribute(oidO, asn1.TagT61String, []byte(asked+"\x00"))}, false},
		{"IA5String, NUL behind it", names{attribute(oidO, asn1.TagIA5String, []byte(asked+"\x00"))}, false},
		{"UTF8String with bytes that are none", utf8("Micro\xffsoft Corporation"), false},
		{"other case", utf8("MICROSOFT CORPORATION"), true},
		{"long s", utf8("Micro\u017foft Corporation"), false},
		{"Cyrillic o", utf8("Micros\u043eft Corporation"), false},
		{"Greek omicron", utf8("Micros\u03bfft Corporation"), false},
		{"full width", utf8("\uff2dicrosoft Corporation"), false},
		{"ligature", utf8("Microso\ufb01t Corporation"), false},
		{"dotless i", utf8("M\u0131crosoft Corporation"), false},
		{"dotted capital I", utf8("M\u0130crosoft Corporation"), false},
		{"zero width space", utf8("Micro\u200bsoft Corporation"), false},
		{"zero width joiner", utf8("Microsoft\u200d Corporation"), false},
		{"soft hyphen", utf8("Micro\u00adsoft Corporation"), false},
		{"no-break space", utf8("Microsoft\u00a0Corporation"), false},
		{"two blanks", utf8("Microsoft  Corporation"), false},
		{"blank behind it", utf8(asked + " "), false},
		{"right to left", utf8("\u202enoitaroproC tfosorciM"), false},
		{"direction mark", utf8(asked + "\u200e"), false},
		{"combining mark", utf8("Microsoft Corporation\u0301"), false},
		{"line feed behind it", utf8(asked + "\n"), false},
		{"suffix", utf8(asked + ", Inc."), false},
		{"prefix", utf8("Not " + asked), false},
		{"in quotation marks", utf8(`"` + asked + `"`), false},
		{"with the key before it", utf8("O=" + asked), false},
		{"second of two", append(utf8("Evil"), utf8(asked)...), true},
		{"two halves", append(utf8("Microsoft"), utf8("Corporation")...), false},
		{"common name", names{attribute(oidCN, asn1.TagUTF8String, []byte(asked))}, false},
		{"unit", names{attribute(oidOU, asn1.TagUTF8String, []byte(asked))}, false},
		{"in the text of another", names{attribute(oidCN, asn1.TagUTF8String, []byte("Evil, O="+asked))}, false},
		{"none", nil, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			template := codeSigner("")
			template.Subject = pkix.Name{}
			var rdns [][]byte
			for _, a := range test.subject {
				rdns = append(rdns, marshal(t, set(marshal(t, struct {
					Type  asn1.ObjectIdentifier
					Value any
				}{a.Type, a.Value}))))
			}
			template.RawSubject = marshal(t, sequence(rdns...))
			template.SerialNumber, template.NotBefore, template.NotAfter = w.code.cert.SerialNumber, date(2000), date(2100)
			certificate := rawCertificate(t, w.root, w.code.key.Public(), template)
			data := w.program(t, func(s *signing) { s.certificates = [][]byte{certificate} })
			s, err := verify(data, w.options)
			require.NoError(t, err)
			require.Equal(t, test.want, s.SignedBy(asked), "%s %q %v", s.Status, s.Organizations, s.Notes)
			if test.want {
				require.True(t, s.SignedBy("microsoft corporation"))
			}
			require.False(t, s.SignedBy(""))
			require.False(t, s.SignedBy("Micro\u017foft Corporation") && test.name != "long s")
		})
	}
	t.Logf("%d vectors", len(tests))
}
