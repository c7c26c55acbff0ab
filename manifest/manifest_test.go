package manifest_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/manifest"
)

// builtin returns a built-in manifest.
func builtin(t testing.TB, id string) *manifest.Manifest {
	t.Helper()
	set, err := manifest.Open(id)
	require.NoError(t, err)
	require.Len(t, set.Manifests, 1)
	return set.Manifests[0]
}

func TestBuiltin(t *testing.T) {
	for _, id := range []string{"kb977203-sp1", "kb977203-sp2"} {
		m := builtin(t, id)
		require.Equal(t, "KB977203", m.KB)
		require.Equal(t, "System Center Configuration Manager 2007", m.Product)
		require.Equal(t, []manifest.Superseding{{KB: "KB977384", Aliases: []string{"KB997384"}}}, m.SupersededBy)
		require.Len(t, m.Files, 13)
		type key struct{ name, platform string }
		keys := make(map[key]bool)
		for _, r := range m.Files {
			keys[key{strings.ToLower(r.Name), r.Platform}] = true
			require.NotNil(t, r.Size)
			require.NotEmpty(t, r.Date)
			require.NotEmpty(t, r.Time)
			require.Equal(t, r.Platform != "", r.Version != "", r.Name)
		}
		require.Len(t, keys, 13, "name and platform are the key")
	}
	cab := builtin(t, "kb977203-sp2").Files[2]
	require.Equal(t, manifest.Row{Name: "Ccmsetup-sup.cab", Size: manifest.Bytes(253016), Date: "2009-12-10", Time: "03:40"}, cab)
	warnings := builtin(t, "kb977203-sp2").Warnings
	require.Len(t, warnings, 1)
	require.Equal(t, "2009 年 12 月 10 日~12 月", warnings[0].Text)
	require.Equal(t, "4.0.6221.1193", builtin(t, "KB977203-SP1").Files[0].Version)
}

func TestOpen(t *testing.T) {
	set, err := manifest.Open("kb977203")
	require.NoError(t, err)
	require.Len(t, set.Manifests, 2)

	dir := t.TempDir()
	write := func(name string, manifests ...*manifest.Manifest) string {
		var b bytes.Buffer
		require.NoError(t, manifest.Write(&b, manifests...))
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, b.Bytes(), 0o600))
		return file
	}
	one := write("one.json", set.Manifests[1])
	both := write("both#1.json", set.Manifests...)

	for ref, ids := range map[string][]string{
		one:                        {"kb977203-sp2"},
		both:                       {"kb977203-sp1", "kb977203-sp2"},
		both + "#kb977203-sp2":     {"kb977203-sp2"},
		"Kb977203-Sp1":             {"kb977203-sp1"},
		one + "#" + "KB977203-SP2": {"kb977203-sp2"},
	} {
		set, err := manifest.Open(ref)
		require.NoError(t, err, ref)
		require.Equal(t, ref, set.Ref)
		var got []string
		for _, m := range set.Manifests {
			got = append(got, m.ID)
		}
		require.Equal(t, ids, got, ref)
	}
	for _, ref := range []string{"kb977204", one + "#sp3", filepath.Join(dir, "none.json")} {
		_, err := manifest.Open(ref)
		require.ErrorIs(t, err, manifest.ErrUnknown, ref)
	}
}

// schema compiles the printed schema.
func schema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(manifest.Schema))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("schema.json", doc))
	s, err := c.Compile("schema.json")
	require.NoError(t, err)
	return s
}

func TestRoundTrip(t *testing.T) {
	s := schema(t)
	for _, manifests := range [][]*manifest.Manifest{manifest.Builtin(), manifest.Builtin()[:1], {{Files: []manifest.Row{}}}} {
		var b bytes.Buffer
		require.NoError(t, manifest.Write(&b, manifests...))
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b.Bytes()))
		require.NoError(t, err)
		require.NoError(t, s.Validate(doc))
		read, err := manifest.Read(&b)
		require.NoError(t, err)
		require.Equal(t, manifests, read)
	}
}

// TestFormat says what is not a manifest: Read and the schema agree on it.
func TestFormat(t *testing.T) {
	s := schema(t)
	tests := []struct {
		name, doc, message string
	}{
		{"a misspelt field", `{"files":[{"name":"a.dll","sha-256":"00"}]}`, "sha-256"},
		{"no files", `{"id":"x"}`, `"files" is absent`},
		{"no manifests", `{"manifests":[]}`, "empty"},
		{"a null manifest", `{"manifests":[null]}`, "null"},
		{"one and several", `{"id":"x","files":[],"manifests":[{"files":[]}]}`, "both"},
		{"a path as name", `{"files":[{"name":"x64/a.dll"}]}`, "separator"},
		{"no name", `{"files":[{"version":"1.0"}]}`, "no name"},
		{"a negative size", `{"files":[{"name":"a","size":-1}]}`, "negative"},
		{"a size in words", `{"files":[{"name":"a","size":"12 KB"}]}`, "size"},
		{"a short hash", `{"files":[{"name":"a","sha256":"00ff"}]}`, "sha256"},
		{"a source without its hash", `{"source":{"name":"a.msi"},"files":[]}`, "sha256"},
		{"a source with a short hash", `{"source":{"sha256":"00ff"},"files":[]}`, "sha256"},
		{"a source of a negative size", `{"source":{"size":-1,"sha256":"` + strings.Repeat("0", 64) + `"},"files":[]}`, "negative"},
		{"a date in another order", `{"files":[{"name":"a","date":"25.01.2010"}]}`, "date"},
		{"a time of 12 hours", `{"files":[{"name":"a","time":"5:17pm"}]}`, "time"},
		{"a time of one digit", `{"files":[{"name":"a","time":"5:17"}]}`, "time"},
		{"a bare article number", `{"kb":"977203","files":[]}`, "KB977203"},
		{"a bare article number elsewhere", `{"superseded_by":[{"kb":"KB977384","aliases":["997384"]}],"files":[]}`, "KB977203"},
		{"a list", `[]`, "array"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := manifest.Read(strings.NewReader(tt.doc))
			require.ErrorIs(t, err, manifest.ErrFormat)
			require.ErrorContains(t, err, tt.message)
			doc, err := jsonschema.UnmarshalJSON(strings.NewReader(tt.doc))
			require.NoError(t, err)
			require.Error(t, s.Validate(doc))
		})
	}
	for name, doc := range map[string]string{
		"text": "File name", "cut off": `{"files":[`, "two documents": `{"files":[]}{"files":[]}`, "empty": "",
		"an id twice": `{"manifests":[{"id":"a","files":[]},{"id":"a","files":[]}]}`,
	} {
		_, err := manifest.Read(strings.NewReader(doc))
		require.ErrorIs(t, err, manifest.ErrFormat, name)
	}
	_, err := manifest.Read(strings.NewReader("\ufeff" + `{"files":[]}`))
	require.NoError(t, err, "editors on Windows write a byte order mark")
}

func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	require.NoError(f, manifest.Write(&b, manifest.Builtin()...))
	f.Add(b.Bytes())
	f.Add([]byte(`{"files":[{"name":"a.dll","size":0,"date":"2010-01-25","time":"06:27:05"}]}`))
	s := schema(f)
	f.Fuzz(func(t *testing.T, doc []byte) {
		manifests, err := manifest.Read(bytes.NewReader(doc))
		if err != nil {
			require.ErrorIs(t, err, manifest.ErrFormat)
			return
		}
		var b bytes.Buffer
		require.NoError(t, manifest.Write(&b, manifests...))
		require.True(t, json.Valid(b.Bytes()))
		printed, err := jsonschema.UnmarshalJSON(&b)
		require.NoError(t, err)
		require.NoError(t, s.Validate(printed))
	})
}
