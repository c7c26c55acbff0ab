package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// jsonDocs is docs/json.md: what is written there about each field, by section
// and by the field's path ("files[].size").
type jsonDocs map[string]*jsonSection

type jsonSection struct {
	fields   map[string]*jsonField
	examples []string
}

type jsonField struct {
	types   string // as it stands there
	link    string // the section that describes the object, if any
	present string // "always", or the condition
	seen    bool
}

var (
	jsonRow     = regexp.MustCompile("^\\| `([^`]+)` \\| *([^|]*?) *\\| *([^|]*?) *\\|")
	jsonLink    = regexp.MustCompile(`\(#([a-z-]+)\)`)
	notInAnchor = regexp.MustCompile(`[^a-z -]`)
)

func readJSONDocs(t *testing.T) jsonDocs {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "json.md"))
	require.NoError(t, err)
	docs := jsonDocs{}
	var section *jsonSection
	for _, line := range strings.Split(string(text), "\n") {
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			section = &jsonSection{fields: map[string]*jsonField{}}
			docs[strings.ReplaceAll(notInAnchor.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")] = section
		}
		if m := jsonRow.FindStringSubmatch(line); m != nil {
			require.NotContains(t, section.fields, m[1], "documented twice: %s", line)
			f := &jsonField{types: m[2], present: m[3]}
			if link := jsonLink.FindStringSubmatch(m[2]); link != nil {
				f.link = link[1]
			}
			section.fields[m[1]] = f
		}
	}
	blocks := strings.Split(string(text), "```")
	for i := 1; i < len(blocks); i += 2 {
		before := strings.Join(blocks[:i], "")
		_, heading, _ := cutLast(before, "\n## ")
		heading, _, _ = strings.Cut(heading, "\n")
		s := docs[strings.ReplaceAll(notInAnchor.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")]
		s.examples = append(s.examples, strings.TrimPrefix(blocks[i], "json\n"))
	}
	for name, s := range docs {
		for path, f := range s.fields {
			require.True(t, f.link == "" || docs[f.link] != nil, "%s, %s: there is no section %q", name, path, f.link)
		}
	}
	return docs
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// A jsonPlace is where the fields of an object are described: below a path in a
// section.
type jsonPlace struct{ section, path string }

func (p jsonPlace) child(step string) jsonPlace {
	if p.path == "" || strings.HasPrefix(step, "[") {
		return jsonPlace{p.section, p.path + step}
	}
	return jsonPlace{p.section, p.path + "." + step}
}

// check requires that every field of value, which is described at the places,
// is in the documentation with its type; unless it is an example, also that
// it has the fields that are always there.
func (d jsonDocs) check(t *testing.T, value any, example bool, places ...jsonPlace) {
	t.Helper()
	switch value := value.(type) {
	case []any:
		var below []jsonPlace
		for _, p := range places {
			below = append(below, d.follow(p.child("[]"))...)
		}
		for _, element := range value {
			d.checkType(t, element, below)
			d.check(t, element, example, below...)
		}
	case map[string]any:
		for key, member := range value {
			var below []jsonPlace
			for _, p := range places {
				if d[p.section].fields[p.child(key).path] != nil {
					below = append(below, d.follow(p.child(key))...)
				}
			}
			require.NotEmpty(t, below, "%q is not documented at %v", key, places)
			d.checkType(t, member, below)
			d.check(t, member, example, below...)
		}
		_, failed := value["error"].(map[string]any)
		if !example && !failed {
			d.requireFields(t, value, places)
		}
	}
}

// follow marks a place as seen and adds the section that it links to.
func (d jsonDocs) follow(p jsonPlace) []jsonPlace {
	places := []jsonPlace{p}
	if f := d[p.section].fields[p.path]; f != nil {
		f.seen = true
		if f.link != "" {
			places = append(places, jsonPlace{section: f.link})
		}
	}
	return places
}

func (d jsonDocs) checkType(t *testing.T, value any, places []jsonPlace) {
	t.Helper()
	f := d[places[0].section].fields[places[0].path]
	if f == nil {
		return // an element of a list, described with it
	}
	var name string
	switch value.(type) {
	case nil:
		name = "null"
	case bool:
		name = "boolean"
	case float64:
		name = "number"
	case string:
		name = "string"
	case []any:
		name = "array"
	case map[string]any:
		name = "object"
	}
	require.True(t, strings.Contains(f.types, name) || name == "object" && f.link != "", "%v is of type %s, not %s", places[0], name, f.types)
}

func (d jsonDocs) requireFields(t *testing.T, object map[string]any, places []jsonPlace) {
	t.Helper()
	for _, p := range places {
		for path, f := range d[p.section].fields {
			key, below := strings.CutPrefix(path, p.path)
			key = strings.TrimPrefix(key, ".")
			if !below || strings.ContainsAny(key, ".[") || key == "" || p.path != "" && p.child(key).path != path {
				continue
			}
			if f.present == "always" || f.present == "readable" && object["kind"] != nil {
				require.Contains(t, object, key, "%s of %v", key, p)
			}
		}
	}
}

// TestJSONIsDocumented runs the commands and compares their documents with
// docs/json.md, in both directions.
func TestJSONIsDocumented(t *testing.T) {
	docs := readJSONDocs(t)
	for name, section := range docs {
		for _, text := range section.examples {
			var value any
			require.NoError(t, json.Unmarshal([]byte(text), &value), "%s: %s", name, text)
			docs.check(t, value, true, jsonPlace{section: name})
		}
	}

	kb := filepath.Join("..", "..", "testdata", "kb977203")
	sp1, sp2 := filepath.Join(kb, "SCCM2007-SP1-KB977203-ENU.msi"), filepath.Join(kb, "SCCM2007-SP2-KB977203-ENU.msi")
	download := filepath.Join(kb, "977203_ENU_i386_zip.exe")
	client, msp := filepath.Join(kb, "client-sp2", "client.msi"), sp2+"//SCCM2007AC-SP2-KB977203-x86.msp"
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, content string) string {
		require.NoError(t, os.WriteFile(in(name), []byte(content), 0o666))
		return in(name)
	}
	article := write("article.txt", "KB123456\n\nFile name\tFile version\tFile size\tDate\tTime\tPlatform\nTool.exe\t1.0\t17,768\t25-Jan-2010\t06:27\tx86\nOdd.dll\t1.0\tmany\t25-Jan-2010\t06:27\tx86\n")
	presence := write("presence.json", `{"title":"names only","files":[{"name":"Mp.msi"},{"name":"nothing.dll"}]}`)
	text := write("readme.txt", "no package")
	actions := actionsPackage(t, in("actions.msi"))
	require.NoError(t, os.MkdirAll(in("client/i386"), 0o777))
	data, err := os.ReadFile(client)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(in("client/i386/client.msi"), data, 0o666))

	for _, c := range []struct {
		section string
		args    []string
		code    int
	}{
		{"info", []string{"info", sp2}, exitOK},
		{"info", []string{"info", "--no-signature", sp2}, exitOK},
		{"info", []string{"info", msp}, exitOK},
		{"info", []string{"info", "--actions", sp2, actions}, exitOK},
		{"info", []string{"info", sp1, client, text, in("nowhere")}, exitInput},
		{"info", []string{"info", text}, exitInput},
		{"list", []string{"list", sp2}, exitOK},
		{"list", []string{"list", msp}, exitOK},
		{"list", []string{"list", client, "--patch", msp}, exitOK},
		{"list", []string{"list", msp, "--base", client}, exitOK},
		{"extract", []string{"extract", sp2, "-o", in("image")}, exitOK},
		{"extract", []string{"extract", sp2, "-o", in("image")}, exitOutput},
		{"extract", []string{"extract", client, "--patch", msp, "-o", in("patched")}, exitOK},
		{"extract", []string{"extract", text, "-o", in("none")}, exitInput},
		{"cat", []string{"cat", sp2, "FCertFix"}, exitOK},
		{"cat", []string{"cat", sp2, "nothing"}, exitInput},
		{"tables", []string{"tables", sp2}, exitOK},
		{"tables", []string{"tables", sp2, "File", "Media"}, exitOK},
		{"tables", []string{"tables", sp2, "Nothing"}, exitInput},
		{"diff", []string{"diff", sp2, sp2}, exitOK},
		{"diff", []string{"diff", sp1, sp2}, exitDifference},
		{"diff", []string{"diff", msp, sp1 + "//SCCM2007AC-SP1-KB977203-x86.msp"}, exitDifference},
		{"verify", []string{"verify", sp2, "--manifest", "kb977203"}, exitOK},
		{"verify", []string{"verify", sp2, "--manifest", "kb977203", "--deep", "--or-later"}, exitOK},
		{"verify", []string{"verify", sp1, "--manifest", "kb977203-sp2", "--require-signature"}, exitDifference},
		{"verify", []string{"verify", sp2, "--manifest", presence}, exitDifference},
		{"verify", []string{"verify", in("image"), in("nowhere"), "--manifest", "kb977203-sp2"}, exitInput},
		{"verify", []string{"verify", sp2}, exitDifference},
		{"stage", []string{"stage", sp2, "-o", in("staged")}, exitOK},
		{"stage", []string{"stage", sp2, "-o", in("staged")}, exitOK},
		{"info", []string{"info", download, download + "//SCCM2007-SP2-KB977203-ENU.msi"}, exitOK},
		{"stage", []string{"stage", download, "-o", in("download")}, exitOK},
		{"stage", []string{"stage", sp2, "-o", in("fix"), "--superseded-by", "KB977384"}, exitOK},
		{"stage", []string{"stage", sp2, "-o", in("rest"), "--client-dir", in("client"), "--package-id", "ABC0001F"}, exitOK},
		{"stage", []string{"stage", sp1, "-o", in("wrong"), "--manifest", "kb977203-sp2"}, exitDifference},
		{"stage-of-several-packages", []string{"stage", sp1, sp2, "-o", in("batch")}, exitOK},
		{"stage-of-several-packages", []string{"stage", sp1, in("nowhere"), "-o", in("batch2")}, exitInput},
		{"manifest-list", []string{"manifest", "list"}, exitOK},
		{"manifest-show-import-create", []string{"manifest", "show", "kb977203-sp2"}, exitOK},
		{"manifest-show-import-create", []string{"manifest", "show", "kb977203"}, exitOK},
		{"manifest-show-import-create", []string{"manifest", "import", article}, exitOK},
		{"manifest-show-import-create", []string{"manifest", "create", sp2, "--id", "mine"}, exitOK},
		{"manifest-show-import-create", []string{"manifest", "import", in("nowhere")}, exitInput},
		{"completion", []string{"completion", "bash"}, exitOK},
	} {
		docs.run(t, c.section, c.code, c.args...)
	}
	if corpus := os.Getenv("HOTFIX_CORPUS"); corpus != "" {
		docs.runCorpus(t, corpus, dir)
	}

	for name, section := range docs {
		var unseen []string
		for path, f := range section.fields {
			if f.seen {
				continue
			}
			if parent, _, _ := cutLast(path, "."); path == parent || section.fields[strings.TrimRight(parent, "[]")].seen {
				require.NotContains(t, []string{"always", "readable"}, f.present, "%s: %s is documented, and no command printed it", name, path)
			}
			unseen = append(unseen, path)
		}
		if slices.Sort(unseen); unseen != nil {
			t.Logf("%s: conditional, and not printed here: %s", name, strings.Join(unseen, " "))
		}
	}
}

func (d jsonDocs) runCorpus(t *testing.T, corpus, dir string) {
	t.Helper()
	at := func(name string) string { return filepath.Join(corpus, filepath.FromSlash(name)) }
	out := func(name string) string { return filepath.Join(dir, name) }
	d.run(t, "info", exitOK, "info", at("msp/WPF2_32.msp"))
	d.run(t, "info", exitOK, "info", at("msi/NUnit-2.5.2.9222.msi"))
	d.run(t, "info", exitOK, "info", at("msi/wix3-missing-external-cab.msi"), at("msi/VBRuntime.msi"), at("msi/images/vc2012-minimum-x64/vc_runtimeMinimum_x64.msi"),
		at("msi/IviNetSharedComponents32_Fx20_1.3.0.msi"), at("msp/Example.mst"), at("cab/crafted/vol1.cab"), at("pe/amdxata.sys"), at("msi/wix5-MergeModule1.msm"))
	d.run(t, "info", exitOK, "info", at("downloads/INSTMSIA.EXE"), at("downloads/wix3-bundle.exe"), at("downloads/wix4pre-engine-only.exe"),
		at("downloads/ssdtsetup-signed-wix3-bundle.exe"), at("downloads/installshield2010-setup.exe"), at("wide/sfx/wix5-msibootstrapper.exe"))
	d.run(t, "list", exitOK, "list", at("msi/NUnit-2.5.2.9222.msi"))
	d.run(t, "list", exitOK, "list", at("msp/synth/synth.msp"))
	d.run(t, "list", exitOK, "list", at("msp/synth/base.msi"), "--patch", at("msp/synth/synth.msp"))
	d.run(t, "extract", exitInput, "extract", at("msi/VBRuntime.msi"), "--keep-going", "-o", out("vb"))
	d.run(t, "extract", exitInput, "extract", at("msi/wix3-missing-external-cab.msi"), "-o", out("missing"))
	d.run(t, "extract", exitOK, "extract", at("msi/NUnit-2.5.2.9222.msi"), "-o", out("nunit"))
	d.run(t, "extract", exitInput, "extract", at("msp/Example.mst"), "-o", out("mst"))
	d.run(t, "diff", exitDifference, "diff", at("msp/synth/base.msi"), at("msp/after-transform/synth_main.msi"))
	d.run(t, "diff", exitOK, "tables", at("msp/Example.mst"))
	d.run(t, "tables", exitOK, "tables", at("msi/NUnit-2.5.2.9222.msi"), "Binary", "Property")
	d.run(t, "manifest-show-import-create", exitOK, "manifest", "create", at("pe"))
	var created, stderr bytes.Buffer
	require.Equal(t, exitOK, run(context.Background(), []string{"manifest", "create", at("pe")}, &created, &stderr), stderr.String())
	require.NoError(t, os.WriteFile(out("pe.json"), created.Bytes(), 0o666))
	d.run(t, "verify", exitOK, "verify", at("pe"), "--manifest", out("pe.json"))
}

// run runs a command with --json, requires its exit code and one document on
// standard output, and compares that with its section.
func (d jsonDocs) run(t *testing.T, section string, code int, args ...string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	got := run(context.Background(), append(args, "--json"), &stdout, &stderr)
	require.Equal(t, code, got, "%v: %s", args, stderr.String())
	decoder := json.NewDecoder(&stdout)
	var value any
	require.NoError(t, decoder.Decode(&value), "%v", args)
	require.False(t, decoder.More(), "%v: more than one document", args)
	documents, several := value.([]any)
	if !several {
		documents = []any{value}
	}
	for _, document := range documents {
		object := document.(map[string]any)
		if failure, ok := object["error"]; ok {
			d.check(t, map[string]any{"error": failure}, true, jsonPlace{section: "errors"})
			require.NotEmpty(t, failure.(map[string]any)["message"])
			if all, ok := object["errors"]; ok {
				d.check(t, map[string]any{"errors": all}, true, jsonPlace{section: "errors"})
				delete(object, "errors")
			}
			if section != "info" {
				delete(object, "error")
				d.check(t, object, true, jsonPlace{section: section})
				continue
			}
		}
		d.check(t, object, false, jsonPlace{section: section})
	}
}
