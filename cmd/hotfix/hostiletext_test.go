package main

import (
	"archive/zip"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/burn/burntest"
	"github.com/hotfixkit/hotfixkit/internal/display"
	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/msi"
)

// attack is what hostile text holds: an escape sequence of terminals in two
// spellings, a forged line, characters that turn the direction of text or do not
// show, and tags.
const attack = "\x1b]0;owned\a\u009b2J\nforged: line\r\u202e\u2066\u200b\u200f\u2028\u2029\ufeff\u00ad\U000e0041"

// fileAttack is the part of it that may be in a file name.
const fileAttack = "\u202e\u2066\u200b\u200f\u2028\ufeff\u00ad\U000e0041"

// hostilePackage is a stand-in of the hotfix with hostile text in every cell that
// is not a key and still lets the package be read.
func hostilePackage(t *testing.T, names string) string {
	db, err := msi.Open(filepath.Join("..", "..", "testdata", "kb977203", "SCCM2007-SP2-KB977203-ENU.msi"))
	require.NoError(t, err)
	defer db.Close()
	require.NoError(t, db.SetCodePage(65001))
	set := func(table string, add string, columns ...string) {
		for row := range db.Table(table).Rows() {
			for _, column := range columns {
				require.NoError(t, row.SetCol(column, msi.String(row.String(column)+add)))
			}
		}
	}
	set("Property", attack, "Value")
	set("Feature", attack, "Title", "Description")
	set("File", attack, "Version", "Language")
	set("File", names, "FileName")
	require.NoError(t, db.Summary().SetCodePage(65001))
	for _, id := range []msi.PropertyID{msi.PIDTitle, msi.PIDSubject, msi.PIDAuthor, msi.PIDComments, msi.PIDAppName} {
		require.NoError(t, db.Summary().SetString(id, "text"+attack))
	}
	columns := []msi.Column{}
	for _, name := range []string{"Key", "Text"} {
		kind, err := msi.ParseColumnType("s0", name == "Key")
		require.NoError(t, err)
		columns = append(columns, msi.Column{Name: name, Type: kind})
	}
	table, err := db.AddTable("Odd", columns)
	require.NoError(t, err)
	_, err = table.Insert(msi.String("k"+attack), msi.String(attack))
	require.NoError(t, err)
	name := filepath.Join(t.TempDir(), "hostile.msi")
	f, err := os.Create(name)
	require.NoError(t, err)
	require.NoError(t, db.Save(f))
	require.NoError(t, f.Close())
	return name
}

// requireShown requires that text holds nothing that a terminal acts on or that
// a reader does not see.
func requireShown(t *testing.T, text, place string) {
	t.Helper()
	for i, line := range strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		require.False(t, strings.HasPrefix(line, "forged"), "%s, line %d is forged", place, i+1)
		line = strings.ReplaceAll(line, "\t", " ")
		require.Equal(t, display.Text(line), line, "%s, line %d", place, i+1)
	}
}

func TestHostileText(t *testing.T) {
	plain := filepath.Join("..", "..", "testdata", "kb977203", "SCCM2007-SP2-KB977203-ENU.msi")
	hostile, names := hostilePackage(t, ""), hostilePackage(t, fileAttack)
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }

	article := at("article.md")
	require.NoError(t, os.WriteFile(article, []byte("# Title\x1b[2J \u202eof KB977203\u2028\n\n"+
		"| File name | File version | File size | Date | Time | Platform |\n|---|---|---|---|---|---|\n"+
		"| a\u202eb\x1b.dll | 1.0\u200b.0\x1b | 12\x1b\u202e | 25-Jan\x1b-2010\u202e | 06:27\u2028 | x86\u202e\x1b |\n"), 0o644))

	set, err := manifest.Open("kb977203-sp2")
	require.NoError(t, err)
	m := *set.Manifests[0]
	m.ID, m.Title, m.Product, m.ServicePack = "id"+attack, "title"+attack, "product"+attack, "SP2"+attack
	m.Warnings = []manifest.Warning{{Line: 1, Text: attack, Message: "message" + attack}}
	m.Files = slices.Clone(m.Files)
	m.Files = append(m.Files, manifest.Row{Name: "missing" + attack, Version: "1.0" + attack, Platform: "x86" + attack})
	write := func(name string, m manifest.Manifest) string {
		f, err := os.Create(at(name))
		require.NoError(t, err)
		require.NoError(t, manifest.Write(f, &m))
		require.NoError(t, f.Close())
		return at(name)
	}
	hostileManifest := write("hostile.json", m)
	m.Files = m.Files[:len(m.Files)-1]
	stageable := write("stageable.json", m)

	escaped := 0
	for i, args := range [][]string{
		{"info", hostile}, {"info", names}, {"info", at("no\x1b\u202e")},
		{"list", hostile}, {"list", "--tree", hostile}, {"list", names}, {"list", "--tree", names},
		{"tables", hostile}, {"tables", hostile, "Property"}, {"tables", hostile, "Odd", "File", "Feature"}, {"tables", hostile, attack},
		{"diff", plain, hostile}, {"diff", names, plain},
		{"cat", hostile, attack}, {"cat", names, "mp.msi" + fileAttack},
		{"extract", hostile, "-o", at("e1")}, {"extract", names, "-o", at("e2")}, {"extract", names, "-o", at("e3"), "--include", attack},
		{"verify", hostile, names, "--manifest", hostileManifest, "--report", at("report1.html"), "--sbom", at("sbom1.json")},
		{"verify", plain, "--manifest", hostileManifest, "--report", at("report2.html")},
		{"verify", plain, "--manifest", "kb" + attack}, {"verify", plain, "--manifest", stageable + "#" + attack},
		{"verify", plain, "--manifest", "kb977203", "--publisher", attack, "--report", at("report3.html")},
		{"manifest", "show", hostileManifest}, {"manifest", "show", attack}, {"manifest", "import", article}, {"manifest", "import", at(attack)},
		{"manifest", "create", hostile}, {"manifest", "create", names},
		{"stage", plain, "--manifest", stageable, "-o", at("s1")},
		{"stage", hostile, "--manifest", hostileManifest, "-o", at("s2")},
		{"stage", names, "--manifest", "kb977203", "-o", at("s3")},
		{"stage", plain, "-o", at("s4"), "--property", "A=" + attack}, {"stage", plain, "-o", at("s5"), "--unc", `\\server\share` + attack},
		{"stage", plain, "-o", at("s6"), "--package-id", attack}, {"stage", plain, "-o", at("s7"), "--installed", attack},
		{attack}, {"list", "--" + attack}, {"manifest", attack},
	} {
		for _, flag := range []string{"", "--json"} {
			if flag != "" {
				args = append([]string{args[0]}, append(args[1:], flag)...)
			}
			place := fmt.Sprintf("run %d: %q", i, args)
			var out, errOut strings.Builder
			code := run(context.Background(), args, &out, &errOut)
			require.NotEmpty(t, out.String()+errOut.String(), place)
			if args[0] != "cat" || code != exitOK { // the bytes of the file
				requireShown(t, out.String(), place)
			}
			requireShown(t, errOut.String(), place)
			requireShownFiles(t, dir, place)
			if strings.Contains(out.String()+errOut.String(), `\u`) {
				escaped++
			}
			for _, written := range []string{"e1", "e2", "s1", "s2"} {
				require.NoError(t, os.RemoveAll(at(written)))
			}
		}
	}
	require.Greater(t, escaped, 50, "runs that had something to escape")
}

// requireShownFiles looks at the documents that a command wrote.
func requireShownFiles(t *testing.T, dir, place string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		document := slices.Contains([]string{"PATCH.txt", "stage.json", "SHA256SUMS", "CCMCertFix.sms"}, entry.Name()) ||
			strings.HasPrefix(entry.Name(), "report") || strings.HasPrefix(entry.Name(), "sbom")
		if err != nil || entry.IsDir() || !document {
			return err
		}
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		requireShown(t, string(data), place+", "+entry.Name())
		return nil
	}))
}

// TestHostileSignatures shows certificates, catalogs and file names that are
// hostile, in every place where a signature is shown.
func TestHostileSignatures(t *testing.T) {
	from := filepath.Join("..", "..", "manifest", "authenticode", "testdata", "hostiletext")
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	files := at("files" + fileAttack)
	require.NoError(t, os.CopyFS(files, os.DirFS(from)))
	for _, name := range []string{"valid.exe", "changed.exe", "expired.exe", "unsigned.exe", "text.txt", "files.cat"} {
		data, err := os.ReadFile(filepath.Join(from, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(files, fileAttack+name), data, 0o644))
	}
	root, catalog := filepath.Join(files, "root.der"), filepath.Join(files, fileAttack+"files.cat")
	packed := at("packed" + fileAttack + ".zip")
	f, err := os.Create(packed)
	require.NoError(t, err)
	z := zip.NewWriter(f)
	require.NoError(t, z.AddFS(os.DirFS(files)))
	z.SetComment("comment" + attack)
	for _, name := range []string{"a\x1bb.txt", "c\r\nforged: line", "plain.txt"} {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Comment: attack})
		require.NoError(t, err)
		_, err = w.Write([]byte(attack))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	require.NoError(t, f.Close())

	escaped := 0
	for i, args := range [][]string{
		{"info", filepath.Join(files, "valid.exe"), "--trust", root, "--at", "2010-01-01"},
		{"info", filepath.Join(files, "valid.exe")}, {"info", filepath.Join(files, "changed.exe")}, {"info", filepath.Join(files, "expired.exe"), "--trust", root},
		{"info", catalog}, {"info", catalog, "--trust", root, "--at", "2010-01-01"}, {"info", root},
		{"verify", files, "--require-signature", "--trust", root, "--at", "2010-01-01", "--report", at("report1.html"), "--sbom", at("sbom1.json")},
		{"verify", files, "--require-signature", "--publisher", attack, "--trust", root, "--at", "2010-01-01"},
		{"verify", files, "--require-signature", "--catalog", catalog, "--report", at("report2.html")},
		{"verify", filepath.Join(files, "valid.exe"), "--require-signature", "--trust", catalog},
		{"verify", filepath.Join(files, "valid.exe"), "--require-signature", "--catalog", root},
		{"info", packed}, {"list", packed}, {"list", packed, "--tree"}, {"extract", packed, "-o", at("e1")}, {"verify", packed, "--require-signature"},
		{"info", packed + "//" + attack}, {"cat", packed, attack},
	} {
		for _, flag := range []string{"", "--json"} {
			if flag != "" {
				args = append([]string{args[0]}, append(args[1:], flag)...)
			}
			place := fmt.Sprintf("run %d: %q", i, args)
			var out, errOut strings.Builder
			run(context.Background(), args, &out, &errOut)
			require.NotEmpty(t, out.String()+errOut.String(), place)
			requireShown(t, out.String(), place)
			requireShown(t, errOut.String(), place)
			requireShownFiles(t, dir, place)
			if strings.Contains(out.String()+errOut.String(), `\u`) {
				escaped++
			}
			require.NoError(t, os.RemoveAll(at("e1")))
		}
	}
	require.Greater(t, escaped, 30, "runs that had something to escape")
}

// xmlAttack is the part of an attack that XML may hold.
const xmlAttack = "\u009b2J&#10;forged: line&#13;\u202e\u2066\u200b\u200f\u2028\ufeff\u00ad\U000e0041"

// TestHostileBundle shows a Burn bundle whose manifest is hostile.
func TestHostileBundle(t *testing.T) {
	dir := t.TempDir()
	raw, _, err := burntest.Bundle{
		Containers: []burntest.Container{{ID: "C" + fileAttack, Files: []burntest.File{{Path: "a" + fileAttack + ".msi", Content: []byte("text")}}}},
		External:   []burntest.File{{Path: "b" + fileAttack + ".msi", Content: []byte("text")}},
		Chain: fmt.Sprintf(`<MsiPackage Id="p%[1]s" ProductCode="%[1]s" Version="%[1]s" Language="%[1]s" InstallCondition="%[1]s" InstallArguments="%[1]s"><PayloadRef Id="a%[2]s.msi"/></MsiPackage>`+
			`<MspPackage Id="q%[1]s" PatchCode="%[1]s" KB="%[1]s"><PayloadRef Id="b%[2]s.msi"/></MspPackage>`+
			`<OddPackage Id="r%[1]s"/>`, xmlAttack, fileAttack),
	}.Build()
	require.NoError(t, err)
	bundle := filepath.Join(dir, "bundle.exe")
	require.NoError(t, os.WriteFile(bundle, raw, 0o644))

	for i, args := range [][]string{
		{"info", bundle}, {"list", bundle}, {"list", bundle, "--tree"}, {"extract", bundle, "-o", filepath.Join(dir, "e1")},
		{"verify", bundle, "--require-signature"}, {"verify", bundle, "--require-signature", "--deep", "--report", filepath.Join(dir, "report.html")},
		{"info", bundle + "//a" + fileAttack + ".msi"}, {"list", bundle + "//p" + attack},
	} {
		for _, flag := range []string{"", "--json"} {
			if flag != "" {
				args = append([]string{args[0]}, append(args[1:], flag)...)
			}
			place := fmt.Sprintf("run %d: %q", i, args)
			var out, errOut strings.Builder
			run(context.Background(), args, &out, &errOut)
			require.NotEmpty(t, out.String()+errOut.String(), place)
			requireShown(t, out.String(), place)
			requireShown(t, errOut.String(), place)
			requireShownFiles(t, dir, place)
			require.NoError(t, os.RemoveAll(filepath.Join(dir, "e1")))
		}
	}
}
