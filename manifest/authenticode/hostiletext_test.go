package authenticode

import (
	"crypto"
	"crypto/x509/pkix"
	"encoding/asn1"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// attack is text that does something to a terminal or to a reader.
const attack = "\x1b]0;owned\a\u009b2J\nforged: line\r\u202e\u2066\u200b\u2028\ufeff\U000e0041"

// TestHostileTextFixture checks the files of testdata/hostiletext, which the tests
// of the command show: every text of their certificates and of the catalog is
// hostile. HOTFIX_UPDATE=1 makes them anew.
func TestHostileTextFixture(t *testing.T) {
	dir := filepath.Join("testdata", "hostiletext")
	if os.Getenv("HOTFIX_UPDATE") != "" {
		named := func(name string) pkix.Name {
			return pkix.Name{CommonName: name + attack, Organization: []string{name + " organization" + attack, "second" + attack},
				OrganizationalUnit: []string{"unit" + attack}, Country: []string{attack}, Locality: []string{attack}}
		}
		rootTemplate, codeTemplate, tsaTemplate := authority(""), codeSigner(""), timeStamper(t, "")
		rootTemplate.Subject, codeTemplate.Subject, tsaTemplate.Subject = named("Root"), named("Signer"), named("TSA")
		root := issue(t, nil, 0, rootTemplate)
		code, tsa := issue(t, root, 1, codeTemplate), issue(t, root, 2, tsaTemplate)
		expired := codeTemplate
		expired.NotAfter = date(2005)
		old := issue(t, root, 1, expired)
		made := map[string]signing{
			"valid.exe":   {by: code, content: fileDigest(t, crypto.SHA256)},
			"expired.exe": {by: old, content: fileDigest(t, crypto.SHA256)},
			"changed.exe": {by: code, content: fileDigest(t, crypto.SHA256), digested: []byte("else")},
		}
		require.NoError(t, os.MkdirAll(dir, 0o755))
		for name, s := range made {
			s.unsigned = func(signature []byte) []any {
				return []any{attributeOf(t, oidCountersignature, asn1.RawContent(countersignature(t, tsa, signature, signedAt, nil)))}
			}
			s.certificates = certificates(s.by, tsa)
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), inTable(s.der(t)), 0o644))
		}
		cat := signing{by: code, contentType: oidTrustList, content: trustList(t, oidCatalogList,
			listed{hash: crypto.SHA256, digest: peDigest(t, crypto.SHA256), kind: oidTypePE, subject: sipPE + attack, name: "tool.exe" + attack},
			listed{hash: crypto.SHA1, digest: sumOf(crypto.SHA1, []byte("text\n")), kind: oidTypeCAB, subject: sipFlat, name: "text" + attack},
		)}.der(t)
		for name, data := range map[string][]byte{"files.cat": cat, "unsigned.exe": buildPE(), "text.txt": []byte("text\n"), "root.der": root.cert.Raw} {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o644))
		}
	}
	roots, err := ParseRoots(fixture(t, "hostiletext/root.der"))
	require.NoError(t, err)
	o := Options{Roots: roots, At: date(2010)}
	for name, want := range map[string]Status{"valid.exe": Valid, "expired.exe": Untrusted, "changed.exe": Invalid} {
		s, err := verify(fixture(t, "hostiletext/"+name), o)
		require.NoError(t, err)
		require.Equal(t, want, s.Status, s.Notes)
	}
	c, err := ParseCatalog("files.cat", fixture(t, "hostiletext/files.cat"), o)
	require.NoError(t, err)
	require.Equal(t, Valid, c.Signature.Status)
	require.Contains(t, c.Members[1].Name, attack)
}
