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
	"internal/codec":           {},
	"internal/cabtest":         {"internal/codec", "msi/cab"},
	"internal/codec/":          {"internal/codec", "internal/codec/", "testdata/corpus"},
	"internal/delta":           {"internal/codec/lzx"},
	"internal/delta/deltatest": {"internal/delta"},
	"internal/display":         {},
	"internal/hashindex":       {},
	"internal/magic":           {},
	"internal/lazyregexp":      {},
	"internal/pe":              {"internal/magic"},
	"internal/pe/petest":       {"internal/pe"},
	"internal/zip":             {},
	"internal/zip/ziptest":     {},
	"internal/burn":            {"internal/pe", "msi/cab"},
	"internal/burn/burntest":   {"internal/cabtest", "internal/pe", "internal/pe/petest", "msi/cab"},
	"internal/program":         {"internal/magic", "internal/zip", "internal/pe"},
	"internal/report":          {"extract/verify", "internal/display", "manifest", "manifest/authenticode"},
	"internal/cfb":             {"internal/magic"},
	"msi/cab":                  {"internal/magic", "internal/codec", "internal/codec/"},
	"msi":                      {"internal/hashindex", "internal/cfb", "msi/cab"},
	"msp":                      {"internal/delta", "msi", "msi/cab"},
	"manifest/authenticode":    {"internal/magic", "internal/pe", "internal/cfb"},
	"manifest":                 {"internal/magic", "internal/display", "internal/lazyregexp", "internal/pe", "manifest/authenticode"},
	"manifest/kbarticle":       {"internal/lazyregexp", "manifest"},
	"extract/safepath":         {},
	"extract/source/internal/": {},
	"extract/source":           {"internal/magic", "extract/safepath", "extract/source/", "internal/burn", "internal/delta", "internal/display", "internal/hashindex", "internal/pe", "internal/program", "internal/zip", "msi", "msi/cab", "internal/cfb", "msp"},
	"extract":                  {"extract/safepath", "extract/source", "internal/hashindex", "msi", "msi/cab"},
	"extract/verify":           {"extract", "extract/safepath", "extract/source", "internal/display", "manifest", "manifest/authenticode", "msi"},
	"internal/distpoint":       {"extract", "extract/safepath", "extract/source", "extract/verify", "internal/display", "internal/lazyregexp", "internal/report", "manifest", "manifest/", "msi", "msi/cab", "msp"},
	"cmd/hotfix":               {""},
	"testdata/corpus":          {},
	"testdata/testkit":         {"internal/cabtest", "msi", "msi/cab"},
	"testdata/kb977203/build":  {""},
	"testdata/bench/make":      {""},
	"testdata/bench/measure":   {},
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
		require.True(t, known, "package %s is in no layer: add it to the list and to docs/architecture.md", from)
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
