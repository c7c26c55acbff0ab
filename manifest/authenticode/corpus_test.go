package authenticode

import (
	"bytes"
	"context"
	"encoding/pem"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

// Every signed file of the corpus, with what is expected with the built-in roots.
// Of several signatures, the digests and times are listed in order.
var corpusFiles = []struct {
	path    string
	status  Status
	signer  string
	digests string
	times   string
}{
	{"pe/WdBoot.sys", Valid, "Microsoft Windows Early Launch Anti-malware Publisher", "SHA-256", "2019-06-21T19:46:25Z"},
	{"pe/WdfCoInstaller01011.dll", Valid, "Microsoft Windows", "SHA-1 SHA-256", "2012-08-17T17:54:56Z 2015-11-18T01:05:48Z"},
	{"pe/amdxata.sys", Valid, "Microsoft Windows", "SHA-256", "2019-03-19T02:30:41Z"},
	{"pe/mscorlib.dll", Valid, "Microsoft Corporation", "SHA-256", "2020-10-19T19:08:41Z"},
	{"msi/vc2008-x86/package/install.exe", Valid, "Microsoft Corporation", "SHA-1", "2011-04-19T07:25:47Z"},
	{"msi/vc2008-x86/package/install.res.1028.dll", Valid, "Microsoft Corporation", "SHA-1", "2011-04-19T09:47:57Z"},
	{"msi/vc2008-x86/package/install.res.1031.dll", Valid, "Microsoft Corporation", "SHA-1", "2011-04-19T09:25:29Z"},
	{"msi/vc2008-x86/package/install.res.1033.dll", Valid, "Microsoft Corporation", "SHA-1", "2011-04-19T11:42:55Z"},
	{"msi/vc2008-x86/package/install.res.1036.dll", Valid, "Microsoft Corporation", "SHA-1", "2011-04-19T08:38:00Z"},
	{"msi/vc2008-x86/package/install.res.1040.dll", Valid, "Microsoft Corporation", "SHA-1", "2011-04-19T08:16:40Z"},
	{"msi/vc2008-x86/package/install.res.1041.dll", Valid, "Microsoft Corporation", "SHA-1", "2011-04-19T10:43:57Z"},
	{"msi/vc2008-x86/package/install.res.1042.dll", Valid, "Microsoft Corporation", "SHA-1", "2011-04-19T07:52:21Z"},
	{"msi/vc2008-x86/package/install.res.1049.dll", Valid, "Microsoft Corporation", "SHA-1", "2011-04-19T07:25:47Z"},
	{"msi/vc2008-x86/package/install.res.2052.dll", Valid, "Microsoft Corporation", "SHA-1", "2011-04-19T10:21:11Z"},
	{"msi/vc2008-x86/package/install.res.3082.dll", Valid, "Microsoft Corporation", "SHA-1", "2011-04-19T09:01:05Z"},
	{"msi/vc2008-x86/package/VC_RED.MSI", Valid, "Microsoft Corporation", "SHA-1", "2011-04-19T11:52:10Z"},
	{"msi/vc2008-x86/package/VC_RED.cab", Valid, "Microsoft Corporation", "SHA-1", "2011-04-19T11:47:43Z"},
	{"msi/images/vc2012-minimum-x64/Win/System64/atl110.dll", Valid, "Microsoft Corporation", "SHA-1 SHA-256", "2013-06-09T22:52:11Z 2013-06-09T22:52:13Z"},
	{"msi/images/vc2012-minimum-x64/Win/System64/msvcp110.dll", Valid, "Microsoft Corporation", "SHA-1 SHA-256", "2012-11-06T06:12:43Z 2012-11-06T06:12:45Z"},
	{"msi/images/vc2012-minimum-x64/Win/System64/msvcr110.dll", Valid, "Microsoft Corporation", "SHA-1 SHA-256", "2012-11-06T06:12:43Z 2012-11-06T06:12:45Z"},
	{"msi/images/vc2012-minimum-x64/Win/System64/vccorlib110.dll", Valid, "Microsoft Corporation", "SHA-1 SHA-256", "2012-11-06T06:12:50Z 2012-11-06T06:12:51Z"},
	{"msi/images/vc2013-minimum-x64/System64/msvcp120.dll", Valid, "Microsoft Corporation", "SHA-1 SHA-256", "2017-05-24T22:48:03Z 2017-05-24T22:48:04Z"},
	{"msi/images/vc2013-minimum-x64/System64/msvcr120.dll", Valid, "Microsoft Corporation", "SHA-1 SHA-256", "2017-05-24T22:48:04Z 2017-05-24T22:48:05Z"},
	{"msi/images/vc2013-minimum-x64/System64/vcamp120.dll", Valid, "Microsoft Corporation", "SHA-1 SHA-256", "2017-05-24T22:48:15Z 2017-05-24T22:48:18Z"},
	{"msi/images/vc2013-minimum-x64/System64/vccorlib120.dll", Valid, "Microsoft Corporation", "SHA-1 SHA-256", "2017-05-24T22:48:19Z 2017-05-24T22:48:23Z"},
	{"msi/images/vc2013-minimum-x64/System64/vcomp120.dll", Valid, "Microsoft Corporation", "SHA-1 SHA-256", "2017-05-24T22:48:17Z 2017-05-24T22:48:19Z"},
	{"msp/WPF2_32.msp", Valid, "Microsoft Corporation", "SHA-1", "2007-11-08T01:26:54Z"},

	// Symantec and DigiCert are not among the built-in roots.
	{"msi/IviNetSharedComponents32_Fx20_1.3.0.msi", Untrusted, "INTERCHANGEABLE VIRTUAL INSTRUMENTS FOUNDATION INC.", "SHA-256", ""},
	{"msp/pa19/new_xfrm.bin", Untrusted, "Adobe Inc.", "SHA-256", ""},
	// The header of this delta source was changed after it was signed.
	{"msp/pa19/old_xfrm.bin", Invalid, "Adobe Inc.", "SHA-256", ""},
	// The digests are right, the signature of the signer's key is not.
	{"cab/tools/gcab/test-signed.cab", Invalid, "", "", ""},
}

func TestCorpus(t *testing.T) {
	for _, test := range corpusFiles {
		t.Run(test.path, func(t *testing.T) {
			data, err := os.ReadFile(corpus.Path(t, test.path))
			require.NoError(t, err)
			s, err := verify(data, Options{})
			require.NoError(t, err)
			require.Equal(t, test.status, s.Status, s.Notes)
			require.Equal(t, test.signer, s.Signer)
			var digests, times []string
			for _, one := range append([]Signature{*s}, s.Others...) {
				require.Equal(t, test.status, one.Status, one.Notes)
				digests = append(digests, one.DigestAlgorithm)
				if !one.Timestamp.IsZero() {
					times = append(times, one.Timestamp.Truncate(time.Second).Format(time.RFC3339))
				}
			}
			require.Equal(t, test.digests, strings.Join(digests, " "))
			require.Equal(t, test.times, strings.Join(times, " "))
			if bytes.HasPrefix(data, []byte("MZ")) {
				require.Equal(t, s, collect(data, Options{}, 64<<10))

				data[len(data)/2] ^= 1
				require.Equal(t, Invalid, collect(data, Options{}, 64<<10).Status, "with a byte in the middle changed")
			}
		})
	}
}

// oracle is what osslsigncode says of a file's signatures.
type oracle struct {
	signatures int
	digests    int // that are those of the file
	valid      int // whose timestamp, where there is one, and chain hold too
}

// askOracle runs osslsigncode. It calls a signature verified whose timestamp does
// not hold; here that makes no valid signature.
func askOracle(t *testing.T, roots, path string) oracle {
	t.Helper()
	// Some damage keeps it busy for ever. The exit status says no more than the text.
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	out, _ := exec.CommandContext(ctx, corpus.Tool(t, "osslsigncode"), "verify", "-ignore-cdp", "-ignore-crl",
		"-CAfile", roots, "-TSA-CAfile", roots, "-in", path).Output()
	var o oracle
	parts := strings.Split(string(out), "\nSignature Index:")
	if strings.Contains(parts[0], "MISMATCH") {
		return o
	}
	for _, part := range parts[1:] {
		o.signatures++
		if strings.Contains(part, "MISMATCH") {
			continue
		}
		o.digests++
		if strings.Contains(part, "\nSignature verification: ok") &&
			!strings.Contains(part, "Timestamp Server Signature verification: failed") {
			o.valid++
		}
	}
	return o
}

// counted is the same of a Signature.
func counted(s *Signature) oracle {
	var o oracle
	if s.Status == None {
		return o
	}
	for _, one := range append([]Signature{*s}, s.Others...) {
		o.signatures++
		switch one.Status {
		case Valid:
			o.valid++
			o.digests++
		case Untrusted:
			o.digests++
		}
	}
	return o
}

func microsoftBundle(t testing.TB) string {
	t.Helper()
	var bundle []byte
	for _, root := range microsoftRoots() {
		bundle = append(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw})...)
	}
	path := filepath.Join(t.TempDir(), "roots.pem")
	require.NoError(t, os.WriteFile(path, bundle, 0o644))
	return path
}

// All files of the corpus, signed or not: osslsigncode finds the same ones signed,
// changed and trusted.
func TestCorpusAgreesWithOsslsigncode(t *testing.T) {
	roots, dir := microsoftBundle(t), corpus.Dir(t)
	expected := make(map[string]bool)
	for _, test := range corpusFiles {
		expected[test.path] = true
	}
	seen := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		require.NoError(t, err)
		name = filepath.ToSlash(name)
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		if !bytes.HasPrefix(data, []byte("MZ")) && !bytes.HasPrefix(data, []byte("MSCF")) && !bytes.HasPrefix(data, []byte{0xd0, 0xcf, 0x11, 0xe0}) {
			return nil
		}
		s, err := verify(data, Options{})
		want := askOracle(t, roots, path)
		if err != nil {
			require.Zero(t, want.valid, name)
			return nil
		}
		got := counted(s)
		require.Equal(t, want.valid, got.valid, "%s: %v", name, s.Notes)
		// It does not read a table of two entries.
		two := strings.HasPrefix(name, "wide/sig/") && (strings.Contains(name, "sbsign") || strings.Contains(name, "_duplicated"))
		if s.Status != Invalid && !two {
			require.Equal(t, want, got, name)
		}
		if expected[name] {
			require.NotEqual(t, None, s.Status, name)
			seen++
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, len(expected), seen)
}

// Files signed on the spot. With HOTFIX_UPDATE=1 they replace those in testdata.
func TestAgreesWithOsslsigncode(t *testing.T) {
	corpus.Tool(t, "osslsigncode")
	dir := t.TempDir()
	if os.Getenv("HOTFIX_UPDATE") != "" {
		dir = "testdata"
	}
	makeFixtures(t, dir)
	rootFile := filepath.Join(dir, "root.pem")
	data, err := os.ReadFile(rootFile)
	require.NoError(t, err)
	roots, err := ParseRoots(data)
	require.NoError(t, err)
	for _, f := range fixtures {
		path := filepath.Join(dir, f.name)
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		s, err := verify(data, Options{Roots: roots, At: time.Now()})
		require.NoError(t, err)
		got := counted(s)
		require.Equal(t, got.signatures, got.valid, "%s: %v", f.name, s.Notes)
		require.Equal(t, askOracle(t, rootFile, path), got, f.name)
	}
}

// Real packages and PE files, signed on the spot.
func TestSignedCorpusFiles(t *testing.T) {
	tool, dir := corpus.Tool(t, "osslsigncode"), t.TempDir()
	root := issue(t, nil, 0, authority("Example Root"))
	rootFile, _ := writePEM(t, dir, "root", root)
	cert, key := writePEM(t, dir, "code", issue(t, root, 1, codeSigner("Example Signer")))
	for _, test := range []struct {
		path string
		args []string
	}{
		{"pe/arp.dll", []string{"-h", "sha384", "-ph"}},
		{"pe/IEAdvpack.dll", []string{"-h", "sha1"}},
		{"msi/NUnit-2.5.2.9222.msi", []string{"-h", "sha256", "-add-msi-dse"}},
		{"msi/wix3-product.msi", []string{"-h", "sha1", "-add-msi-dse"}},
		{"msi/wix5-MergeModule1.msm", []string{"-h", "sha512", "-add-msi-dse"}},
		{"msi/psmsi-Example.msi", []string{"-h", "sha256"}},
		{"msp/psmsi-Example.msp", []string{"-h", "sha256", "-add-msi-dse"}},
		{"msp/Example.mst", []string{"-h", "sha256", "-add-msi-dse"}},
		{"msp/winetest-patch.msp", []string{"-h", "sha384", "-add-msi-dse"}},
		{"msp/synth/synth.msp", []string{"-h", "sha256", "-add-msi-dse"}},
	} {
		t.Run(test.path, func(t *testing.T) {
			signed := filepath.Join(t.TempDir(), "signed")
			args := append([]string{"sign", "-certs", cert, "-key", key, "-in", corpus.Path(t, test.path), "-out", signed}, test.args...)
			out, err := exec.Command(tool, args...).CombinedOutput()
			require.NoError(t, err, "%s", out)
			data, err := os.ReadFile(signed)
			require.NoError(t, err)
			s, err := verify(data, Options{Roots: rootsOf(root), At: date(2020)})
			require.NoError(t, err)
			require.Equal(t, Valid, s.Status, s.Notes)
			require.Equal(t, askOracle(t, rootFile, signed), counted(s))
		})
	}
}

// compareWithOracle compares the verdict on a changed fixture with that of
// osslsigncode, where the corpus is in use.
func compareWithOracle(t *testing.T, data []byte, s *Signature, stricter bool) {
	t.Helper()
	if os.Getenv("HOTFIX_CORPUS") == "" {
		return
	}
	path := filepath.Join(t.TempDir(), "changed")
	require.NoError(t, os.WriteFile(path, data, 0o644))
	want := askOracle(t, filepath.Join("testdata", "root.pem"), path)
	if stricter {
		require.NotZero(t, want.valid, "osslsigncode accepts it")
		require.Zero(t, counted(s).valid)
		return
	}
	require.Equal(t, want.valid, counted(s).valid, "valid signatures according to osslsigncode")
}
