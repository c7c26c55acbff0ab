package authenticode

import (
	"bytes"
	"crypto"
	"encoding/asn1"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

// listed is a member of a catalog to be made.
type listed struct {
	hash    crypto.Hash
	digest  []byte
	kind    asn1.ObjectIdentifier
	subject string
	name    string
	rawTag  bool
}

var (
	oidTypePE  = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 1, 15}
	oidTypeCAB = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 1, 25}
)

func wide(s string, bigEndian bool) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		if bigEndian {
			u = u>>8 | u<<8
		}
		b = append(b, byte(u), byte(u>>8))
	}
	return b
}

func bmp(s string) asn1.RawValue {
	return asn1.RawValue{Tag: asn1.TagBMPString, Bytes: wide(s, true)}
}

func nameValue(t testing.TB, name, value string) []byte {
	return marshal(t, struct {
		Tag   asn1.RawValue
		Flags int
		Value []byte
	}{bmp(name), 0x10010001, wide(value+"\x00", false)})
}

func sequence(parts ...[]byte) asn1.RawValue {
	return asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: bytes.Join(parts, nil)}
}

// trustList returns the content of a catalog.
func trustList(t testing.TB, usage asn1.ObjectIdentifier, files ...listed) []byte {
	t.Helper()
	var subjects [][]byte
	for _, f := range files {
		var content indirectData
		content.Data.Type = f.kind
		content.Data.Value.FullBytes = []byte{0x30, 0}
		content.MessageDigest.DigestAlgorithm.Algorithm = oidOf(f.hash)
		content.MessageDigest.Digest = f.digest
		attributes := []any{attributeOf(t, oidIndirectData, content)}
		if f.subject != "" {
			attributes = append(attributes, attributeOf(t, oidMemberInfo, struct {
				GUID    asn1.RawValue
				Version int
			}{bmp(f.subject), 512}))
		}
		if f.name != "" {
			attributes = append(attributes, attributeOf(t, oidNameValue, asn1.RawContent(nameValue(t, "File", f.name))))
		}
		tag := wide(strings.ToUpper(hex.EncodeToString(f.digest))+"\x00", false)
		if f.rawTag {
			tag = f.digest
		}
		subjects = append(subjects, marshal(t, sequence(marshal(t, tag), marshal(t, set(marshalAll(t, attributes)...)))))
	}
	extension := marshal(t, struct {
		ID    asn1.ObjectIdentifier
		Value []byte
	}{oidNameValue, nameValue(t, "OSAttr", "2:5.1")})
	return marshal(t, sequence(
		marshal(t, []asn1.ObjectIdentifier{usage}),
		marshal(t, []byte("0123456789abcdef")),
		marshal(t, signedAt),
		marshal(t, algorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 12, 1, 2}}),
		marshal(t, sequence(subjects...)),
		marshal(t, tagged(0, marshal(t, sequence(extension)))),
	))
}

func peDigest(t testing.TB, hash crypto.Hash) []byte {
	t.Helper()
	var content indirectData
	_, err := asn1.Unmarshal(fileDigest(t, hash), &content)
	require.NoError(t, err)
	return content.MessageDigest.Digest
}

func TestCatalog(t *testing.T) {
	root := issue(t, nil, 0, authority("Root"))
	code := issue(t, root, 1, codeSigner("Publisher of catalogs"))
	trusted := Options{Roots: rootsOf(root), At: date(2010)}
	text := []byte("a file that cannot carry a signature\r\n")
	files := map[string][]byte{"plain.exe": buildPE(), "text": text, "package": writeCFB(t, buildPackage()), "cabinet": buildCabinet(), "signed": fixture(t, "sha256.exe")}
	pe := func(hash crypto.Hash) listed {
		return listed{hash: hash, digest: peDigest(t, hash), kind: oidTypePE, subject: sipPE, name: "plain.exe"}
	}
	flat := func(hash crypto.Hash, data []byte) listed {
		return listed{hash: hash, digest: sumOf(hash, data), kind: oidTypeCAB, subject: sipFlat}
	}
	change := func(l listed, f func(*listed)) listed { f(&l); return l }
	tests := []struct {
		name   string
		member listed
		file   string
		want   Status
	}{
		{"PE by SHA-1", pe(crypto.SHA1), "plain.exe", Valid},
		{"PE by SHA-256", pe(crypto.SHA256), "plain.exe", Valid},
		{"PE without subject type, raw tag", change(pe(crypto.SHA256), func(l *listed) { l.subject, l.rawTag = "", true }), "plain.exe", Valid},
		{"PE as a whole", flat(crypto.SHA256, buildPE()), "plain.exe", Valid},
		{"PE listed, text asked", pe(crypto.SHA256), "text", None},
		{"PE digest said to be flat", change(pe(crypto.SHA256), func(l *listed) { l.kind, l.subject = oidTypeCAB, sipFlat }), "plain.exe", None},
		{"flat digest said to be of a PE file", change(flat(crypto.SHA256, buildPE()), func(l *listed) { l.kind, l.subject = oidTypePE, sipPE }), "plain.exe", None},
		{"text by SHA-1", flat(crypto.SHA1, text), "text", Valid},
		{"text by SHA-256", flat(crypto.SHA256, text), "text", Valid},
		{"text by MD5", flat(crypto.MD5, text), "text", None},
		{"text, digest of a cabinet", change(flat(crypto.SHA1, text), func(l *listed) { l.subject = "{C689AABA-8E78-11D0-8C47-00C04FC295EE}" }), "text", None},
		{"text, another byte", flat(crypto.SHA1, append(bytes.Clone(text), ' ')), "text", None},
		{"package", flat(crypto.SHA256, files["package"]), "package", Valid},
		{"cabinet", flat(crypto.SHA256, files["cabinet"]), "cabinet", Valid},
		{"a file with an untrusted signature of its own", pe(crypto.SHA256), "signed", Valid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data := signing{by: code, contentType: oidTrustList, content: trustList(t, oidCatalogList, listed{hash: crypto.SHA1, digest: make([]byte, 20), kind: oidTypePE}, tt.member)}.der(t)
			c, err := ParseCatalog("test.cat", data, trusted)
			require.NoError(t, err)
			require.Equal(t, Valid, c.Signature.Status, c.Signature.Notes)
			require.Len(t, c.Members, 2)
			require.Equal(t, signedAt, c.Created)
			require.Equal(t, hex.EncodeToString([]byte("0123456789abcdef")), c.Identifier)
			require.Equal(t, []CatalogAttribute{{"OSAttr", "2:5.1"}}, c.Attributes)
			require.Equal(t, tt.member.name, c.Members[1].Name)
			require.Empty(t, c.Members[1].Tag)
			require.Equal(t, hex.EncodeToString(tt.member.digest), c.Members[1].Digest)

			file := files[tt.file]
			s, err := verify(file, Options{Catalogs: []*Catalog{c}})
			require.NoError(t, err)
			require.Equal(t, tt.want, s.Status, s.Notes)
			for _, piece := range []int{7, len(file)} {
				if tt.file != "package" && tt.file != "cabinet" {
					require.Equal(t, s, collect(file, Options{Catalogs: []*Catalog{c}}, piece))
				}
			}
			if tt.want == Valid {
				require.Equal(t, "test.cat", s.Catalog)
				require.Equal(t, "Publisher of catalogs", s.Signer)
				require.True(t, s.SignedBy("Example Corp."))
				require.Equal(t, tt.member.hash.String(), s.DigestAlgorithm)
				require.Equal(t, tt.file == "signed", len(s.Others) == 1)
			}
			for i := range file {
				if i%97 == 40 && tt.file != "signed" && tt.file != "package" {
					changed := bytes.Clone(file)
					changed[i] ^= 1
					s, err := verify(changed, Options{Catalogs: []*Catalog{c}})
					require.NoError(t, err)
					outside := i >= builtOptional+optionalChecksum && i < builtOptional+optionalChecksum+checksumSize || i >= builtDirectory && i < builtDirectory+directorySize
					if !outside {
						require.NotEqual(t, Valid, s.Status, i)
					}
				}
			}
		})
	}
}

// TestCatalogVerdict lets a catalog vouch for nothing that it is not itself.
func TestCatalogVerdict(t *testing.T) {
	root := issue(t, nil, 0, authority("Root"))
	code := issue(t, root, 1, codeSigner("Signer"))
	member := listed{hash: crypto.SHA256, digest: peDigest(t, crypto.SHA256), kind: oidTypePE}
	good := signing{by: code, contentType: oidTrustList, content: trustList(t, oidCatalogList, member)}.der(t)
	changed := bytes.Clone(good)
	changed[bytes.Index(changed, []byte("0123456789abcdef"))] ^= 1
	trusted := Options{Roots: rootsOf(root), At: date(2010)}
	broken := withTable(winCertificate(winCertSignedData, signing{by: code, content: fileDigest(t, crypto.SHA256), digested: []byte("other")}.der(t)))
	for name, tt := range map[string]struct {
		data    []byte
		o       Options
		file    []byte
		catalog Status
		want    Status
	}{
		"trusted":                         {good, trusted, buildPE(), Valid, Valid},
		"root not trusted":                {good, Options{At: date(2010)}, buildPE(), Untrusted, Untrusted},
		"no time":                         {good, Options{Roots: rootsOf(root)}, buildPE(), Untrusted, Untrusted},
		"changed":                         {changed, trusted, buildPE(), Invalid, None},
		"invalid signature in the file":   {good, trusted, broken, Valid, Invalid},
		"untrusted signature in the file": {good, Options{At: date(2010)}, fixture(t, "plain.exe"), Untrusted, Untrusted},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := ParseCatalog("c.cat", tt.data, tt.o)
			require.NoError(t, err)
			require.Equal(t, tt.catalog, c.Signature.Status, c.Signature.Notes)
			s, err := verify(tt.file, Options{Catalogs: []*Catalog{c}})
			require.NoError(t, err)
			require.Equal(t, tt.want, s.Status, s.Notes)
		})
	}

	// A catalog that does not hold hides no other.
	var list []*Catalog
	for _, data := range [][]byte{changed, good} {
		c, err := ParseCatalog("c.cat", data, trusted)
		require.NoError(t, err)
		list = append(list, c)
	}
	s, err := verify(buildPE(), Options{Catalogs: list})
	require.NoError(t, err)
	require.Equal(t, Valid, s.Status)

	for name, data := range map[string][]byte{
		"nothing":           nil,
		"text":              []byte("[CatalogHeader]"),
		"signature of file": signing{by: code, content: fileDigest(t, crypto.SHA256)}.der(t),
		"other trust list":  signing{by: code, contentType: oidTrustList, content: trustList(t, asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 10, 3, 9}, member)}.der(t),
		"something behind":  append(bytes.Clone(good), 1),
		"cut off":           good[:len(good)-1],
	} {
		_, err := ParseCatalog(name, data, trusted)
		require.ErrorIs(t, err, ErrCatalog, name)
	}
}

// TestRealCatalogs compares what the catalogs of a real update list with what
// osslsigncode finds.
func TestRealCatalogs(t *testing.T) {
	dir := t.TempDir()
	out, err := exec.Command(corpus.Tool(t, "7zz"), "x", "-y", "-o"+dir, corpus.Path(t, "downloads", "WindowsInstaller-KB893803-v2-x86.exe")).CombinedOutput()
	require.NoError(t, err, "%s", out)
	oracle := corpus.Tool(t, "osslsigncode")
	catalogs, err := filepath.Glob(filepath.Join(dir, "update", "*.cat"))
	require.NoError(t, err)
	require.Len(t, catalogs, 3)
	for _, name := range catalogs {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		c, err := ParseCatalog(filepath.Base(name), data, Options{At: date(2005)})
		require.NoError(t, err)
		require.Len(t, c.Members, 78)
		require.Equal(t, Untrusted, c.Signature.Status, c.Signature.Notes)
		require.Equal(t, "Microsoft Windows Component Publisher", c.Signature.Signer)
		require.Contains(t, c.Signature.Notes[0], "MD5")
		for _, file := range []string{"msi.dll", "msiexec.exe", "msihnd.dll", "msimsg.dll", "msisip.dll", "update/updatebr.inf", "update/update.ver"} {
			path := filepath.Join(dir, file)
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			s := collect(content, Options{Catalogs: []*Catalog{c}}, 4096)
			if strings.HasSuffix(file, ".ver") { // it lists the catalogs
				require.Equal(t, None, s.Status)
				continue
			}
			require.Equal(t, c.Name, s.Catalog, file)
			if strings.HasSuffix(file, ".inf") {
				continue // osslsigncode knows PE files only
			}
			text, _ := exec.Command(oracle, "verify", "-catalog", name, "-in", path).Output()
			_, after, found := strings.Cut(string(text), "Calculated message digest : ")
			require.True(t, found, "%s", text)
			digest := strings.ToLower(strings.Fields(after)[0])
			require.True(t, slices.ContainsFunc(c.Members, func(m CatalogMember) bool { return m.Digest == digest && m.Kind == MemberPE }))
			content[len(content)/2] ^= 1
			require.Equal(t, None, collect(content, Options{Catalogs: []*Catalog{c}}, 4096).Status)
		}
	}
}

func FuzzCatalog(f *testing.F) {
	root := issue(f, nil, 0, authority("Root"))
	code := issue(f, root, 1, codeSigner("Signer"))
	f.Add(signing{by: code, contentType: oidTrustList, content: trustList(f, oidCatalogList, listed{hash: crypto.SHA256, digest: make([]byte, 32), kind: oidTypePE, subject: sipPE, name: "a"})}.der(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseCatalog("c.cat", data, Options{})
		if err != nil {
			require.ErrorIs(t, err, ErrCatalog)
			return
		}
		require.NotEqual(t, Valid, c.Signature.Status)
		c.find(fileSums{flat: map[crypto.Hash][]byte{crypto.SHA256: make([]byte, 32)}})
	})
}

// FuzzTrustList reads what a signature would cover.
func FuzzTrustList(f *testing.F) {
	f.Add(trustList(f, oidCatalogList, listed{hash: crypto.SHA1, digest: make([]byte, 20), kind: oidTypePE, subject: sipPE, name: "a"})[4:])
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &Catalog{index: make(map[memberKey]int)}
		if err := c.parseTrustList(data); err != nil {
			require.ErrorIs(t, err, ErrCatalog)
		}
	})
}

// TestCatalogFixture checks the files of testdata/catalog, which other packages
// use too. HOTFIX_UPDATE=1 makes them anew.
func TestCatalogFixture(t *testing.T) {
	dir := filepath.Join("testdata", "catalog")
	text := []byte("Listed by its flat digest.\r\n")
	if os.Getenv("HOTFIX_UPDATE") != "" {
		root := issue(t, nil, 0, authority("Example Root"))
		code := issue(t, root, 1, codeSigner("Example Catalog Signer"))
		cat := signing{by: code, contentType: oidTrustList, content: trustList(t, oidCatalogList,
			listed{hash: crypto.SHA256, digest: peDigest(t, crypto.SHA256), kind: oidTypePE, subject: sipPE, name: "tool.exe"},
			listed{hash: crypto.SHA1, digest: sumOf(crypto.SHA1, text), kind: oidTypeCAB, subject: sipFlat, name: "readme.txt"},
		)}.der(t)
		require.NoError(t, os.MkdirAll(dir, 0o755))
		for name, data := range map[string][]byte{"files.cat": cat, "tool.exe": buildPE(), "readme.txt": text, "root.der": root.cert.Raw} {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o644))
		}
	}
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		return data
	}
	roots, err := ParseRoots(read("root.der"))
	require.NoError(t, err)
	c, err := ParseCatalog("files.cat", read("files.cat"), Options{Roots: roots, At: date(2010)})
	require.NoError(t, err)
	require.Equal(t, Valid, c.Signature.Status, c.Signature.Notes)
	for _, name := range []string{"tool.exe", "readme.txt"} {
		s := collect(read(name), Options{Catalogs: []*Catalog{c}}, 100)
		require.Equal(t, Valid, s.Status, name)
	}
}
