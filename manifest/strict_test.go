package manifest_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/unicode"

	"github.com/hotfixkit/hotfixkit/manifest"
)

const digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// TestStrict says what would drop a check if it were read in silence.
func TestStrict(t *testing.T) {
	file := func(fields string) string { return `{"files":[{"name":"a.dll",` + fields + `}]}` }
	for name, tt := range map[string]struct{ doc, message string }{
		"a hash twice":                {file(`"sha256":"` + digest + `","sha256":"` + digest + `"`), `"sha256" occurs twice`},
		"a hash twice, one escaped":   {file(`"sha256":"` + digest + `","sha\u0032\u0035\u0036":"` + digest + `"`), `"sha256" occurs twice`},
		"a hash in capitals":          {file(`"SHA256":"` + digest + `"`), `unknown field "SHA256"`},
		"a hash with a long s":        {file(`"\u017Fha256":"` + digest + `"`), `unknown field "ſha256"`},
		"a hash with a real long s":   {file(`"sha256":"` + digest + `","ſha256":"` + digest + `"`), `unknown field "ſha256"`},
		"a null hash":                 {file(`"sha256":null`), "64 hexadecimal"},
		"an empty hash":               {file(`"sha256":""`), "64 hexadecimal"},
		"a short hash":                {file(`"sha256":"e3b0"`), "64 hexadecimal"},
		"a hash that is a list":       {file(`"sha256":["` + digest + `"]`), "64 hexadecimal"},
		"a platform with a Kelvin k":  {file(`"\u212ab":"x"`), "unknown field"},
		"two lists of files":          {`{"files":[{"name":"a.dll"}],"files":[]}`, `"files" occurs twice`},
		"two lists of manifests":      {`{"manifests":[{"files":[]}],"manifests":[{"files":[]}]}`, `"manifests" occurs twice`},
		"a null size":                 {file(`"size":null`), `"size" is null or empty`},
		"a null version":              {file(`"version":null`), `"version" is null or empty`},
		"an empty version":            {file(`"version":""`), `"version" is null or empty`},
		"a null platform":             {file(`"platform":null`), `"platform" is null or empty`},
		"an empty platform":           {file(`"platform":""`), `"platform" is null or empty`},
		"an empty path":               {file(`"path":""`), `"path" is null or empty`},
		"an empty name":               {`{"files":[{"name":""}]}`, `"name" is null or empty`},
		"a null row":                  {`{"files":[null]}`, "null or empty"},
		"a null list of manifests":    {`{"manifests":null,"files":[]}`, `"manifests" is null or empty`},
		"a size with a fraction":      {file(`"size":1.5`), "size"},
		"a size with an exponent":     {file(`"size":1e3`), "size"},
		"a size above any":            {file(`"size":99999999999999999999`), "size"},
		"a size that is not a number": {file(`"size":NaN`), "invalid character"},
		"a negative size":             {file(`"size":-1`), "size"},
		"a title next to manifests":   {`{"title":"x","manifests":[{"files":[{"name":"a"}]}]}`, "both"},
		"an unknown field":            {file(`"sha1":"x"`), "sha1"},
		"a deep document":             {strings.Repeat("[", 100_000), "levels"},
		"an open document":            {`{"files":[`, "unexpected"},
		"an empty document":           {"", "EOF"},
		"bytes that are not UTF-8":    {file(`"version":"` + "\xff" + `"`), "UTF-8"},
		"half a unit of UTF-16":       {"\xff\xfe{", "odd number"},
		"half a character of UTF-16":  {"\xff\xfe\x00\xd8", "not UTF-16"},
	} {
		_, err := manifest.Read(strings.NewReader(tt.doc))
		require.ErrorIs(t, err, manifest.ErrFormat, name)
		require.ErrorContains(t, err, tt.message, name)
	}
}

// TestEncodings: redirection in PowerShell writes UTF-16 with a byte-order mark.
func TestEncodings(t *testing.T) {
	var b bytes.Buffer
	want := &manifest.Manifest{Title: "日本語 😀", Files: []manifest.Row{{Name: "ä.dll", SHA256: digest}}}
	require.NoError(t, manifest.Write(&b, want))
	encode := func(order unicode.Endianness) string {
		text, err := unicode.UTF16(order, unicode.UseBOM).NewEncoder().String(strings.ReplaceAll(b.String(), "\n", "\r\n"))
		require.NoError(t, err)
		return text
	}
	for name, text := range map[string]string{
		"UTF-8": b.String(), "UTF-8 with a mark": "\ufeff" + b.String(),
		"UTF-16, little endian": encode(unicode.LittleEndian), "UTF-16, big endian": encode(unicode.BigEndian),
	} {
		got, err := manifest.Read(strings.NewReader(text))
		require.NoError(t, err, name)
		require.Equal(t, []*manifest.Manifest{want}, got, name)
	}
}

// TestOpenNoFile: what is not a regular file could never end, or never begin.
func TestOpenNoFile(t *testing.T) {
	_, err := manifest.Open(t.TempDir())
	require.ErrorIs(t, err, manifest.ErrFormat)
	if _, err := os.Stat(filepath.FromSlash("/dev/zero")); err == nil {
		_, err = manifest.Open("/dev/zero")
		require.ErrorIs(t, err, manifest.ErrFormat)
	}
}
