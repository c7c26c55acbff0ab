package authenticode

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/cfb"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

// packageContent returns the signed content for the package of buildPackage, made by
// the subject interface package of the given bytes.
func packageContent(t testing.TB, sip []byte) []byte {
	t.Helper()
	data := writeCFB(t, buildPackage())
	file, err := cfb.NewReader(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	h := crypto.SHA256.New()
	require.NoError(t, digestContent(h, file.Root(), true))
	var content indirectData
	content.Data.Type = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 1, 30}
	content.Data.Value.FullBytes = marshal(t, struct {
		Version       int
		ID            []byte
		A, B, C, D, E int
	}{Version: 1, ID: sip})
	content.MessageDigest.DigestAlgorithm.Algorithm = oidSHA256
	content.MessageDigest.Digest = h.Sum(nil)
	return marshal(t, content)
}

// TestSubjectInterfacePackage accepts a signature over a package only from Windows
// Installer's subject interface package.
func TestSubjectInterfacePackage(t *testing.T) {
	root := issue(t, nil, 0, authority("Root"))
	code := issue(t, root, 1, codeSigner("Signer"))
	installer := []byte{0xf1, 0x10, 0x0c, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46}
	script := []byte{0x70, 0x05, 0x61, 0x1a, 0xce, 0x38, 0xd4, 0x11, 0xa2, 0xa3, 0, 0x10, 0x4b, 0xd3, 0x50, 0x90}
	powerShell := []byte{0x1f, 0xcc, 0x3b, 0x60, 0x59, 0x4b, 0x08, 0x4e, 0xb7, 0x24, 0xd2, 0xc6, 0x29, 0x7e, 0xf3, 0x51}
	for name, test := range map[string]struct {
		sip    []byte
		status Status
		note   string
	}{
		"installer":   {installer, Valid, ""},
		"script":      {script, Invalid, "another kind of file: its subject interface package is {1A610570-38CE-11D4-A2A3-00104BD35090}"},
		"PowerShell":  {powerShell, Invalid, "{603BCC1F-4B59-4E08-B724-D2C6297EF351}"},
		"one bit off": {append([]byte{0xf0}, installer[1:]...), Invalid, "another kind of file"},
		"too short":   {installer[:15], Invalid, "cannot be read"},
		"none":        {nil, Invalid, "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			node := buildPackage()
			signature := signing{by: code, content: packageContent(t, test.sip)}.der(t)
			node.Children = append(node.Children, streamNode(streamSignature, signature))
			data := writeCFB(t, node)
			s, err := VerifyMSI(bytes.NewReader(data), int64(len(data)), Options{Roots: rootsOf(root), At: date(2010)})
			require.NoError(t, err)
			require.Equal(t, test.status, s.Status, s.Notes)
			require.Contains(t, s.Notes[0], test.note)
		})
	}
}

func TestSignedBy(t *testing.T) {
	root := issue(t, nil, 0, authority("Root"))
	verify := func(subject pkix.Name) *Signature {
		template := codeSigner("")
		template.Subject = subject
		data := withTable(winCertificate(winCertSignedData, signing{by: issue(t, root, 1, template), content: fileDigest(t, crypto.SHA256)}.der(t)))
		s, err := VerifyPE(bytes.NewReader(data), int64(len(data)), Options{Roots: rootsOf(root), At: date(2010)})
		require.NoError(t, err)
		require.Equal(t, Valid, s.Status, s.Notes)
		return s
	}
	tests := []struct {
		name      string
		subject   pkix.Name
		publisher string
		want      bool
	}{
		{"exact", pkix.Name{Organization: []string{"Microsoft Corporation"}}, "Microsoft Corporation", true},
		{"ASCII case", pkix.Name{Organization: []string{"Microsoft Corporation"}}, "MICROSOFT corporation", true},
		{"long s in the certificate", pkix.Name{Organization: []string{"Micro\u017foft Corporation"}}, "Microsoft Corporation", false},
		{"Kelvin sign, which is a K by definition", pkix.Name{Organization: []string{"\u212aontoso"}}, "Kontoso", true},
		{"Cyrillic letter", pkix.Name{Organization: []string{"Micros\u043eft Corporation"}}, "Microsoft Corporation", false},
		{"composed and decomposed", pkix.Name{Organization: []string{"Mu\u0308ller"}}, "M\u00fcller", true},
		{"other case of another letter", pkix.Name{Organization: []string{"M\u00dcLLER"}}, "M\u00fcller", false},
		{"second organization", pkix.Name{Organization: []string{"Example", "Microsoft Corporation"}}, "Microsoft Corporation", true},
		{"part of it", pkix.Name{Organization: []string{"Microsoft Corporation Ltd."}}, "Microsoft Corporation", false},
		{"blank behind it", pkix.Name{Organization: []string{"Microsoft Corporation "}}, "Microsoft Corporation", false},
		{"NUL in it", pkix.Name{Organization: []string{"Microsoft Corporation\x00Example"}}, "Microsoft Corporation", false},
		{"common name", pkix.Name{CommonName: "Microsoft Corporation"}, "Microsoft Corporation", false},
		{"common name asked for", pkix.Name{CommonName: "Microsoft Corporation"}, "CN=Microsoft Corporation", true},
		{"common name asked for, organization given", pkix.Name{CommonName: "Example", Organization: []string{"Microsoft Corporation"}}, "CN=Microsoft Corporation", false},
		{"unit", pkix.Name{CommonName: "Example", OrganizationalUnit: []string{"Microsoft Corporation"}}, "Microsoft Corporation", false},
		{"nothing asked for", pkix.Name{CommonName: "Example"}, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := verify(tt.subject)
			require.Equal(t, tt.want, s.SignedBy(tt.publisher), "%q", s.Organizations)
			s.Status = Untrusted
			require.False(t, s.SignedBy(tt.publisher))
		})
	}
}

// TestFirstSignatureDecides tries several signatures in every order, as entries of
// the table and nested.
func TestFirstSignatureDecides(t *testing.T) {
	root, other := issue(t, nil, 0, authority("Root")), issue(t, nil, 3, authority("Other"))
	code, unknown := issue(t, root, 1, codeSigner("Good")), issue(t, other, 2, codeSigner("Stranger"))
	wrong := indirectData{}
	wrong.Data.Type = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 1, 15}
	wrong.Data.Value.FullBytes = []byte{0x30, 0}
	wrong.MessageDigest.DigestAlgorithm.Algorithm = oidSHA256
	wrong.MessageDigest.Digest = make([]byte, 32)
	made := map[Status]signing{
		Valid:     {by: code, content: fileDigest(t, crypto.SHA256)},
		Untrusted: {by: unknown, content: fileDigest(t, crypto.SHA256)},
		Invalid:   {by: code, content: marshal(t, wrong)},
	}
	for first := range made {
		for second := range made {
			outer := made[first]
			outer.unsigned = func([]byte) []any {
				return []any{attributeOf(t, oidNestedSignature, asn1.RawContent(made[second].der(t)))}
			}
			for name, data := range map[string][]byte{
				"entries": withTable(winCertificate(winCertSignedData, made[first].der(t)), winCertificate(winCertSignedData, made[second].der(t))),
				"nested":  withTable(winCertificate(winCertSignedData, outer.der(t))),
			} {
				s := collect(data, Options{Roots: rootsOf(root), At: date(2010)}, len(data))
				require.Equal(t, first, s.Status, "%s: %s, %s", name, first, second)
				require.Len(t, s.Others, 1)
				require.Equal(t, second, s.Others[0].Status, "%s: %s, %s", name, first, second)
				require.Equal(t, first != Invalid && second == Invalid, slices.Contains(s.Notes, "the verdict is that of the first signature; signature 2 of 2 is invalid"))
			}
		}
	}
}

// bigKey returns a certificate with an RSA key of the given size, which nobody has.
func bigKey(t testing.TB, issuer *identity, template x509.Certificate, bits int) *x509.Certificate {
	t.Helper()
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	n.Add(n, big.NewInt(int64(bits)*2+1))
	serial++
	template.SerialNumber, template.NotBefore, template.NotAfter = big.NewInt(serial), date(2000), date(2100)
	der, err := x509.CreateCertificate(nil, &template, issuer.cert, &rsa.PublicKey{N: n, E: 1<<31 - 1}, issuer.key)
	require.NoError(t, err)
	c, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return c
}

// TestWorkIsBounded gives a signature all the issuers and timestamps that it can
// carry, with the largest keys.
func TestWorkIsBounded(t *testing.T) {
	root := issue(t, nil, 0, authority("Root"))
	for _, size := range []int{8192, 8193, 16384} {
		code := issue(t, root, 1, codeSigner("Signer"))
		set := certificates(code)
		for len(set) < maxCertificates {
			set = append(set, bigKey(t, root, authority("Root"), size).Raw)
		}
		outer := signing{by: code, content: fileDigest(t, crypto.SHA256), certificates: set}
		outer.unsigned = func(signature []byte) []any {
			var list []any
			for range maxTimestamps {
				list = append(list, attributeOf(t, oidTimestampToken, asn1.RawContent(token(t, issue(t, root, 2, timeStamper(t, "TSA")), signature, date(2010), func(s *signing, _ *tstInfo) { s.certificates = append(certificates(s.by), set[1:]...) }))))
			}
			return list
		}
		data := withTable(winCertificate(winCertSignedData, outer.der(t)))
		start := time.Now()
		s := collect(data, Options{At: date(2010)}, len(data))
		require.Less(t, time.Since(start), 5*time.Second, size)
		require.Equal(t, Untrusted, s.Status, s.Notes)
	}
}

// TestLargeKeyOfSigner names the limit.
func TestLargeKeyOfSigner(t *testing.T) {
	root := issue(t, nil, 0, authority("Root"))
	code := &identity{cert: bigKey(t, root, codeSigner("Signer"), 8200), key: testKeys()[1]}
	data := withTable(winCertificate(winCertSignedData, signing{by: code, content: fileDigest(t, crypto.SHA256)}.der(t)))
	s := collect(data, Options{Roots: rootsOf(root), At: date(2010)}, len(data))
	require.Equal(t, Invalid, s.Status)
	require.Contains(t, s.Notes[0], "an RSA key of 8200 bits is above the limit of 8192")
}

// TestSignatureOfAnotherPackage tells a signature that came along from one over
// bytes that were changed.
func TestSignatureOfAnotherPackage(t *testing.T) {
	for saved, note := range map[time.Time]string{
		{}:                        "",
		signedAt.Add(-time.Hour):  "",
		signedAt.Add(time.Hour):   "",
		signedAt.AddDate(6, 0, 0): "it was not made for this package: Example Signer signed another one on 2010-01-25, this one was saved on 2016-01-25",
	} {
		for name, reason := range map[string]string{"sha256-ex.msi": "the package was changed after it was signed", "sha1.msi": "the file was changed after it was signed"} {
			root := readCFB(t, fixture(t, name))
			root.Children[indexOf(root, streamSummary)] = streamNode(streamSummary, summaryOf(saved))
			data := writeCFB(t, root)
			s, err := VerifyMSI(bytes.NewReader(data), int64(len(data)), fixtureOptions(t))
			require.NoError(t, err)
			require.Equal(t, Invalid, s.Status)
			require.Contains(t, s.Notes[0], reason)
			require.Equal(t, note != "", strings.HasPrefix(s.Notes[0], "it was not made for this package"))
			require.Contains(t, s.Notes[0], note)
		}
	}
}

// summaryOf returns a property set with nothing but the time of saving.
func summaryOf(saved time.Time) []byte {
	b := make([]byte, propertySetOffset+4+propertySetHeader+propertyEntry)
	binary.LittleEndian.PutUint32(b[propertySetOffset:], propertySetOffset+4)
	set := b[propertySetOffset+4:]
	binary.LittleEndian.PutUint32(set[4:], 1)
	binary.LittleEndian.PutUint32(set[8:], propertyLastSaved)
	binary.LittleEndian.PutUint32(set[12:], propertySetHeader+propertyEntry)
	b = binary.LittleEndian.AppendUint32(b, propertyTypeFiletime)
	if saved.IsZero() {
		return append(b, make([]byte, 8)...)
	}
	return binary.LittleEndian.AppendUint64(b, uint64(saved.Unix()+11_644_473_600)*10_000_000)
}

// Two unrelated products carry the signature of Microsoft's template.
func TestTemplateSignature(t *testing.T) {
	for path, saved := range map[string]string{
		"wide/real/vdproj-dartscpi/dart-scpi-installer.msi": "2016-07-11",
		"wide/real/vdproj-ja2/Setup.msi":                    "2016-11-06",
	} {
		data, err := os.ReadFile(corpus.Path(t, path))
		require.NoError(t, err)
		s, err := VerifyMSI(bytes.NewReader(data), int64(len(data)), Options{})
		require.NoError(t, err)
		require.Equal(t, Invalid, s.Status)
		require.Contains(t, s.Notes[0], "it was not made for this package: Microsoft Corporation signed another one on 2015-08-05, this one was saved on "+saved)
	}
}

func FuzzPropertyTime(f *testing.F) {
	f.Add(summaryOf(signedAt))
	f.Fuzz(func(t *testing.T, data []byte) { propertyTime(data, propertyLastSaved) })
}

// TestBudget checks many files that cost all that one may, and then an ordinary one:
// together they stay within the work of a run. Files of one signer are cheap.
func TestBudget(t *testing.T) {
	w := newWorld(t)
	set := certificates(w.code)
	for len(set) < maxCertificates {
		set = append(set, bigKey(t, w.root, authority("Vector Root"), 8192).Raw)
	}
	heavy := w.program(t, func(s *signing) { s.certificates = set })
	o := Options{At: date(2010), Budget: NewBudget()}
	start := time.Now()
	for range 200 {
		require.Equal(t, Untrusted, collect(heavy, o, len(heavy)).Status)
	}
	require.Less(t, time.Since(start), time.Minute)
	require.Less(t, o.Budget.left, runWork/10)
	require.Contains(t, collect(heavy, o, len(heavy)).Notes[0], "more work than sensible files need")

	o = w.options
	o.Budget = NewBudget()
	good := w.program(t, nil)
	for range 2000 {
		require.Equal(t, Valid, collect(good, o, len(good)).Status)
	}
	require.Greater(t, o.Budget.left, runWork)
	require.Len(t, o.Budget.links, 1)
	other := w.program(t, func(s *signing) {
		s.certificates = [][]byte{bytes.Replace(w.code.cert.Raw, []byte("Example Corp."), []byte("Microsoft Co."), 1)}
	})
	require.Equal(t, Untrusted, collect(other, o, len(other)).Status, "what is remembered is the whole certificate")
}
