package verify_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/extract"
	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/extract/verify"
	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

// TestPackageAloneIsNotItsContent checks a package whose manifest names it, without
// the files that belong to it.
func TestPackageAloneIsNotItsContent(t *testing.T) {
	whole := corpus.Path(t, "msi", "vc2008-x86", "package", "VC_RED.MSI")
	dir := filepath.Join(t.TempDir(), "image")
	extractTo(t, whole, dir)
	set := manifestOf(t, dir)
	require.True(t, set.Names("VC_RED.MSI"))

	alone := filepath.Join(t.TempDir(), "VC_RED.MSI")
	content, err := os.ReadFile(whole)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(alone, content, 0o666))
	r, _, err := verify.Check(t.Context(), []string{alone}, verify.Options{Manifest: set, Facts: manifest.InspectOptions{SHA256: true}}, manifest.CompareOptions{})
	require.ErrorIs(t, err, source.ErrMissing)
	require.False(t, r.OK)
	_, err = verify.Read(t.Context(), alone, everything())
	require.ErrorIs(t, err, source.ErrMissing)
}

// TestPackageSaysWhatItsImageSays makes manifests of packages and of their images
// and checks both against both. The verdicts are the same, file for file.
func TestPackageSaysWhatItsImageSays(t *testing.T) {
	if testing.Short() {
		t.Skip("it extracts many packages")
	}
	checked := 0
	for _, ref := range smallPackages(t) {
		t.Run(filepath.Base(ref), func(t *testing.T) {
			p, err := source.Open(t.Context(), ref, source.Options{})
			if err != nil {
				return // damaged: no verdict to compare
			}
			defer p.Close()
			plan, err := extract.NewPlan(p, extract.Options{})
			if err != nil || len(plan.Files) == 0 {
				return
			}
			dir := filepath.Join(t.TempDir(), "image")
			if _, err := plan.Write(t.Context(), dir, extract.WriteOptions{}); err != nil {
				_, err := verify.Read(t.Context(), ref, everything())
				require.Error(t, err, "what cannot be extracted cannot be verified")
				return
			}
			checked++
			for made, of := range map[string]string{"package": ref, "image": dir} {
				set := manifestOf(t, of)
				if len(set.Manifests[0].Files) == 0 {
					continue // a patch of nothing but deltas: to have compared nothing is not a success
				}
				inPackage, inImage := check(t, ref, set), check(t, dir, set)
				require.True(t, inPackage.OK, "%v", failures(inPackage))
				require.Equal(t, inImage.OK, inPackage.OK, "of the %s: %v", made, failures(inImage))
				require.Equal(t, lines(inImage), lines(inPackage), "of the %s", made)
				// One changed row is told in the same way.
				if i := slices.IndexFunc(set.Manifests[0].Files, func(r manifest.Row) bool { return r.SHA256 != "" }); i >= 0 {
					set.Manifests[0].Files[i].SHA256 = strings.Repeat("0", 64)
					require.Equal(t, lines(check(t, dir, set)), lines(check(t, ref, set)), "of the %s", made)
				}
			}
		})
	}
	require.Greater(t, checked, 30)
	t.Logf("%d packages", checked)
}

// smallPackages are the packages of the corpus of up to 4 MiB.
func smallPackages(t *testing.T) []string {
	var refs []string
	for _, dir := range []string{"msi", "msp", filepath.Join("wide", "msi"), filepath.Join("wide", "msp"), filepath.Join("wide", "real")} {
		err := filepath.WalkDir(corpus.Path(t, dir), func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err == nil && info.Mode().IsRegular() && info.Size() <= 4<<20 && slices.Contains([]string{".msi", ".msm", ".msp", ".cab"}, strings.ToLower(filepath.Ext(name))) {
				refs = append(refs, name)
			}
			return err
		})
		require.True(t, err == nil || errors.Is(err, fs.ErrNotExist), "%v", err)
	}
	return refs
}

func extractTo(t *testing.T, ref, dir string) {
	t.Helper()
	p, err := source.Open(t.Context(), ref, source.Options{})
	require.NoError(t, err)
	defer p.Close()
	plan, err := extract.NewPlan(p, extract.Options{})
	require.NoError(t, err)
	_, err = plan.Write(t.Context(), dir, extract.WriteOptions{})
	require.NoError(t, err)
}

func manifestOf(t *testing.T, ref string) *manifest.Set {
	t.Helper()
	target, err := verify.Read(t.Context(), ref, verify.Options{Facts: manifest.InspectOptions{SHA256: true}})
	require.NoError(t, err)
	m, err := target.Manifest()
	require.NoError(t, err)
	return &manifest.Set{Ref: "m.json", Manifests: []*manifest.Manifest{m}}
}

func check(t *testing.T, ref string, set *manifest.Set) *verify.Result {
	t.Helper()
	r, _, err := verify.Check(t.Context(), []string{ref}, verify.Options{Manifest: set, Facts: manifest.InspectOptions{SHA256: true}}, manifest.CompareOptions{Policy: manifest.Strict})
	require.NoError(t, err)
	return r
}

// lines says for each row how it fared.
func lines(r *verify.Result) []string {
	list := []string{}
	for _, f := range r.Files {
		list = append(list, f.Path+" "+string(f.Status))
	}
	slices.Sort(list)
	return list
}

func failures(r *verify.Result) []string {
	return slices.DeleteFunc(lines(r), func(line string) bool { return strings.HasSuffix(line, " ok") })
}
