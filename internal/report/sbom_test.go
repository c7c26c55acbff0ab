package report_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/report"
	"github.com/hotfixkit/hotfixkit/manifest"
)

// cycloneDX compiles the schema that comes with the CycloneDX module.
func cycloneDX(t testing.TB) *jsonschema.Schema {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	require.NoError(t, err)
	dir := filepath.Join(strings.TrimSpace(string(out)), "schema")
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for url, name := range map[string]string{
		"http://cyclonedx.org/schema/bom-1.6.schema.json":  "bom-1.6.schema.json",
		"http://cyclonedx.org/schema/spdx.schema.json":     "spdx.schema.json",
		"http://cyclonedx.org/schema/jsf-0.82.schema.json": "jsf-0.82.schemax.json",
	} {
		f, err := os.Open(filepath.Join(dir, name))
		require.NoError(t, err)
		doc, err := jsonschema.UnmarshalJSON(f)
		require.NoError(t, f.Close())
		require.NoError(t, err)
		require.NoError(t, c.AddResource(url, doc))
	}
	s, err := c.Compile("http://cyclonedx.org/schema/bom-1.6.schema.json")
	require.NoError(t, err)
	return s
}

func TestSBOM(t *testing.T) {
	schema := cycloneDX(t)
	serials := make(map[string]string)
	for name, r := range pages(t) {
		t.Run(name, func(t *testing.T) {
			var b, again bytes.Buffer
			require.NoError(t, report.SBOM(&b, r))
			require.NoError(t, report.SBOM(&again, r))
			require.Equal(t, b.String(), again.String())
			doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b.Bytes()))
			require.NoError(t, err)
			require.NoError(t, schema.Validate(doc))

			var bom cdx.BOM
			require.NoError(t, json.Unmarshal(b.Bytes(), &bom))
			require.Empty(t, serials[bom.SerialNumber], "different documents, different serials")
			serials[bom.SerialNumber] = name
			found := len(r.Result.Extra)
			for _, f := range r.Result.Files {
				if f.Status != manifest.Missing {
					found++
				}
			}
			files := 0
			for _, c := range *bom.Components {
				if strings.Contains(c.BOMRef, "-file-") {
					files++
				}
			}
			require.Equal(t, found, files)
			require.Equal(t, !r.Time.IsZero(), bom.Metadata.Timestamp != "")
		})
	}
}

func TestSBOMContents(t *testing.T) {
	m, files := published(t)
	files[12].Target = "extra.msp"
	r := newReport(m, files, manifest.CompareOptions{})
	var b bytes.Buffer
	require.NoError(t, report.SBOM(&b, r))
	var bom cdx.BOM
	require.NoError(t, json.Unmarshal(b.Bytes(), &bom))
	components := *bom.Components
	require.Len(t, components, 15, "two targets and 13 files")
	require.Equal(t, "SCCM2007-SP2-KB977203-ENU.msi", components[0].Name)
	require.Equal(t, "extra.msp", components[1].Name)
	first := components[2]
	require.Equal(t, "i386/hotfix/KB977203/Ccmcertfix.exe", first.Name)
	require.Equal(t, "4.0.6487.2111", first.Version)
	require.Equal(t, []cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: files[0].SHA256}}, *first.Hashes)
	require.Equal(t, []cdx.Property{
		{Name: "hotfixkit:status", Value: "ok"}, {Name: "hotfixkit:size", Value: "17768"}, {Name: "hotfixkit:platform", Value: "x86"},
	}, *first.Properties)
	require.Len(t, *(*bom.Dependencies)[0].Dependencies, 12)
	require.Equal(t, []string{"target-2-file-1"}, *(*bom.Dependencies)[1].Dependencies)
	require.Contains(t, *bom.Metadata.Properties, cdx.Property{Name: "hotfixkit:verified", Value: "true"})
}
