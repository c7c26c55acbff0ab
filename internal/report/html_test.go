package report_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/report"
	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/manifest/authenticode"
)

// published returns the SP2 manifest and files that equal it.
func published(t testing.TB) (*manifest.Manifest, []*manifest.Actual) {
	t.Helper()
	set, err := manifest.Open("kb977203-sp2")
	require.NoError(t, err)
	m := set.Manifests[0]
	var files []*manifest.Actual
	for _, r := range m.Files {
		files = append(files, &manifest.Actual{
			Target: "SCCM2007-SP2-KB977203-ENU.msi", Path: "i386/hotfix/KB977203/" + r.Name, Name: r.Name,
			Version: r.Version, Size: *r.Size, Date: r.Date, Time: r.Time, Platform: r.Platform,
			SHA256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
		})
	}
	return m, files
}

func newReport(m *manifest.Manifest, files []*manifest.Actual, o manifest.CompareOptions) *report.Report {
	return &report.Report{
		Tool: report.Tool{Name: "hotfix", Version: "1.0.0"},
		Targets: []report.Target{{
			Name: "SCCM2007-SP2-KB977203-ENU.msi", Kind: "msi", Description: "System Center Configuration Manager 2007 SP2 Hotfix KB977203, version 4.0.6487.2111, language 1033",
			Size: 21954560, SHA256: "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
			Signature: &authenticode.Signature{Status: authenticode.None},
		}},
		Result: m.Compare(files, o), Verdict: "the verdict, as it is told <everywhere>",
		Warnings: []string{"Ccmsetup-sup.cab: the date is followed by the remnant of a range; read as 2009-12-10"},
	}
}

// different is a report with every kind of difference, note and signature, and
// with names that try to break out of the page.
func different(t testing.TB) *report.Report {
	m, files := published(t)
	m = &manifest.Manifest{ID: m.ID, Title: m.Title, SupersededBy: m.SupersededBy, Files: append([]manifest.Row{}, m.Files...)}
	m.Files[1].SHA256 = "0000000000000000000000000000000000000000000000000000000000000000"
	m.Files[3].SHA256 = files[3].SHA256
	files[0].Version = "4.0.6221.1193"
	files[1].Signature = &authenticode.Signature{Status: authenticode.Valid, Signer: "Microsoft Corporation", DigestAlgorithm: "SHA-1",
		Timestamp: time.Date(2010, 1, 25, 6, 30, 0, 0, time.UTC), Notes: []string{"the digest is SHA-1, which is no longer considered safe"}}
	files[3].Signature = &authenticode.Signature{Status: authenticode.Untrusted, Signer: "hotfixkit test", Notes: []string{"the chain ends in an unknown root"}}
	files[6].Signature = &authenticode.Signature{Status: authenticode.Invalid, Signer: "Microsoft Corporation", Notes: []string{"the file was changed after it was signed"}}
	files[9].Date, files[9].StringVersion = "2010-01-26", "4.0.6487.2111 (private build <b>)"
	files[10].Platform = "x86"
	files[12].Size++
	files[12].Problems = []string{"damaged executable: version resource ends inside a header"}
	files[8].Name = "sccm2007ac-sp2-kb977203-x86-jpn.msp"
	files = append(files[:7], files[8:]...)
	for _, name := range []string{
		`<script>alert(1)</script>.dll`, "evil\u202egpj.exe", "tab\tand\nline.txt", `"onmouseover="alert(2)`, "שלום.dll",
		"a-very-long-name-" + string(bytes.Repeat([]byte("x"), 180)) + ".manifest", "{{.Tool}}.txt", "'; DROP TABLE File; --",
	} {
		files = append(files, &manifest.Actual{Target: "<b>", Path: "x/" + name, Name: name, Size: 12345678})
	}
	r := newReport(m, files, manifest.CompareOptions{})
	r.Errors = []string{"mp.msi: cabinet <Disk1>: checksum differs"}
	return r
}

// pages are the reports whose HTML is kept in testdata.
func pages(t testing.TB) map[string]*report.Report {
	m, files := published(t)
	good := newReport(m, files, manifest.CompareOptions{})
	m2, files2 := published(t)
	version := newReport(m2, files2[:12], manifest.CompareOptions{Policy: manifest.VersionOnly, OrLater: true})
	version.Time = time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)
	single := newReport(m, []*manifest.Actual{{Name: "notepad.exe", Target: "notepad.exe", Path: "notepad.exe"}}, manifest.CompareOptions{MatchedOnly: true})
	return map[string]*report.Report{"good": good, "different": different(t), "version": version, "nothing": single}
}

func TestHTML(t *testing.T) {
	for name, r := range pages(t) {
		t.Run(name, func(t *testing.T) {
			var b, again bytes.Buffer
			require.NoError(t, report.HTML(&b, r))
			require.NoError(t, report.HTML(&again, r))
			require.Equal(t, b.String(), again.String())
			golden(t, name+".html", b.Bytes())
		})
	}
}

// golden compares with a file of testdata, or writes it when HOTFIX_UPDATE is set.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if os.Getenv("HOTFIX_UPDATE") != "" {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, got, 0o644))
		return
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}
