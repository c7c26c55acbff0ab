package main

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/hotfixkit/hotfixkit/"

// layers lists, for every package, which packages of the module it may import.
// The command may import all of them; nothing may import the command.
var layers = map[string][]string{
	"msi/cfb":                      {},
	"msi/cab":                      {"msi/cab/"},
	"msi/cab/lzx":                  {"msi/cab/internal/"},
	"msi/cab/lzx/lzxtest":          {},
	"msi/cab/internal/":            {"msi/cab/internal/", "testdata/corpus"},
	"msi":                          {"msi/cfb", "msi/cab"},
	"msp/delta":                    {"msi/cab/lzx"},
	"msp/delta/deltatest":          {"msp/delta"},
	"msp":                          {"msi", "msi/cab", "msp/delta"},
	"manifest/pe":                  {},
	"manifest/pe/petest":           {"manifest/pe"},
	"manifest/authenticode":        {"manifest/pe", "msi/cfb"},
	"manifest/display":             {},
	"manifest":                     {"manifest/pe", "manifest/display", "manifest/authenticode"},
	"manifest/kbarticle":           {"manifest"},
	"manifest/report":              {"manifest", "manifest/authenticode", "manifest/display"},
	"extract/safepath":             {},
	"extract/source/internal/":     {},
	"extract/source/zip":           {},
	"extract/source/zip/ziptest":   {},
	"extract/source/burn":          {"manifest/pe", "msi/cab"},
	"extract/source/burn/burntest": {"manifest/pe", "manifest/pe/petest", "msi/cab"},
	"extract/source/program":       {"extract/source/zip", "manifest/pe"},
	"extract/source":               {"extract/source/", "extract/safepath", "manifest/display", "manifest/pe", "msi", "msi/cab", "msi/cfb", "msp", "msp/delta"},
	"extract/verify":               {"extract", "extract/safepath", "extract/source", "manifest", "manifest/authenticode", "manifest/report", "msi"},
	"extract":                      {"extract/source", "extract/safepath", "msi", "msi/cab"},
	"extract/distpoint":            {"extract", "extract/safepath", "extract/source", "extract/verify", "manifest", "manifest/", "msi", "msi/cab", "msp"},
	"cmd/hotfix":                   {""},
	"testdata/corpus":              {},
	"testdata/testkit":             {"msi", "msi/cab"},
	"testdata/kb977203/build":      {""},
	"testdata/bench/make":          {""},
}

func TestImportsPointOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	require.NoError(t, err)
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	packages := 0
	for decoder.More() {
		var p struct {
			ImportPath string
			Imports    []string
		}
		require.NoError(t, decoder.Decode(&p))
		packages++
		from := strings.TrimPrefix(p.ImportPath, module)
		allowed, known := allowedImports(from)
		require.True(t, known, "package %s stands in no layer: add it to the list and to docs/architecture.md", from)
		for _, to := range p.Imports {
			if to, ours := strings.CutPrefix(to, module); ours {
				require.True(t, matches(to, allowed), "%s must not import %s", from, to)
			}
		}
	}
	require.Greater(t, packages, 10)
}

func allowedImports(from string) ([]string, bool) {
	if allowed, ok := layers[from]; ok {
		return allowed, true
	}
	for prefix, allowed := range layers {
		if strings.HasSuffix(prefix, "/") && strings.HasPrefix(from, prefix) {
			return allowed, true
		}
	}
	return nil, false
}

// matches reports whether to is one of the packages in allowed, or lies below
// one that ends in a slash; "" stands for every package but the command.
func matches(to string, allowed []string) bool {
	for _, a := range allowed {
		if to == a || (strings.HasSuffix(a, "/") && strings.HasPrefix(to, a)) || (a == "" && to != "cmd/hotfix") {
			return true
		}
	}
	return false
}
