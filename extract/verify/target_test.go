package verify_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/extract"
	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/extract/verify"
	"github.com/hotfixkit/hotfixkit/internal/cabtest"
	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/manifest/authenticode"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
	"github.com/hotfixkit/hotfixkit/testdata/testkit"
)

var sp2 = filepath.Join("..", "..", "testdata", "kb977203", "SCCM2007-SP2-KB977203-ENU.msi")

const patch = "Client/i386/hotfix/KB977203/SCCM2007AC-SP2-KB977203-x86.msp"

// everything asks for all there is to know.
func everything() verify.Options {
	return verify.Options{Facts: manifest.InspectOptions{SHA256: true, Signature: &authenticode.Options{}}}
}

// cabinet writes a cabinet of files, in order.
func cabinet(t *testing.T, name string, files ...[2]string) string {
	t.Helper()
	var b strings.Builder
	w := cabtest.NewWriter(&b, cabtest.WriterOptions{})
	for _, f := range files {
		require.NoError(t, w.Add(cabtest.FileHeader{Name: f[0]}, strings.NewReader(f[1])))
	}
	require.NoError(t, w.Close())
	require.NoError(t, os.WriteFile(name, []byte(b.String()), 0o644))
	return b.String()
}

func paths(t *verify.Target) []string {
	list := []string{}
	for _, a := range t.Files {
		list = append(list, a.Path)
	}
	return list
}

// image extracts the stand-in.
func image(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "image")
	p, err := source.Open(t.Context(), sp2, source.Options{})
	require.NoError(t, err)
	defer p.Close()
	plan, err := extract.NewPlan(p, extract.Options{})
	require.NoError(t, err)
	_, err = plan.Write(t.Context(), dir, extract.WriteOptions{})
	require.NoError(t, err)
	return dir
}

// TestTargets looks at the same files as a package, a folder, single files, and
// files inside the package, and finds the same.
func TestTargets(t *testing.T) {
	pkg, err := verify.Read(t.Context(), sp2, everything())
	require.NoError(t, err)
	require.Equal(t, verify.Package, pkg.Kind)
	require.Equal(t, 1033, pkg.Language)
	require.Len(t, pkg.Files, 13)
	require.Equal(t, authenticode.None, pkg.Package.Signature.Status)
	require.NotEmpty(t, pkg.Package.SHA256)

	dir := image(t)
	folder, err := verify.Read(t.Context(), dir, everything())
	require.NoError(t, err)
	require.Equal(t, verify.Folder, folder.Kind)
	require.Equal(t, 1033, folder.Language)
	require.Equal(t, paths(pkg), paths(folder))
	require.Nil(t, pkg.Database, "no manifest names it")
	require.Equal(t, filepath.Base(sp2), folder.Database.Path)

	digests := map[string]string{}
	for _, a := range folder.Files {
		digests[a.Path] = a.SHA256
	}
	for _, a := range pkg.Files {
		require.Equal(t, digests[a.Path], a.SHA256)
		require.NotNil(t, a.Signature, a.Path)

		file, err := verify.Read(t.Context(), filepath.Join(dir, filepath.FromSlash(a.Path)), fileOptions(a.Name))
		require.NoError(t, err)
		require.Equal(t, verify.File, file.Kind)
		require.Len(t, file.Files, 1)
		require.Equal(t, a.SHA256, file.Files[0].SHA256)
		require.Equal(t, a.Version, file.Files[0].Version)

		inside, err := verify.Read(t.Context(), sp2+"//"+a.Path, fileOptions(a.Name))
		require.NoError(t, err)
		require.Equal(t, verify.File, inside.Kind)
		require.Len(t, inside.Files, 1)
		require.Equal(t, a.SHA256, inside.Files[0].SHA256)
	}
}

// fileOptions are for files that a manifest lists by name.
func fileOptions(name string) verify.Options {
	o := everything()
	o.Manifest = &manifest.Set{Manifests: []*manifest.Manifest{{Files: []manifest.Row{{Name: name}}}}}
	return o
}

// TestInner looks at a package inside a package as a package.
func TestInner(t *testing.T) {
	target, err := verify.Read(t.Context(), sp2+"//"+patch, everything())
	require.NoError(t, err)
	require.Equal(t, verify.Package, target.Kind)
	require.Equal(t, source.MSP, target.Package.Kind)
	require.NotEmpty(t, target.Files)
	for _, ref := range []string{sp2 + "//nowhere.dll", sp2 + "//Ccmgencert.dll", "nowhere.msi", "nowhere.msi//a"} {
		_, err := verify.Read(t.Context(), ref, everything())
		require.Error(t, err, ref)
	}
	_, err = verify.Read(t.Context(), sp2+"//Ccmgencert.dll", everything())
	require.ErrorIs(t, err, source.ErrAmbiguous)
}

// TestDeep looks into packages inside a package, inside a folder and on their own.
func TestDeep(t *testing.T) {
	o := everything()
	o.Deep = true
	deep, err := verify.Read(t.Context(), sp2, o)
	require.NoError(t, err)
	require.Greater(t, len(deep.Files), 13)
	require.Contains(t, paths(deep), patch+"//PCW_CAB_KB977203/ccmgencert.dll")

	dir := t.TempDir()
	inner := cabinet(t, filepath.Join(dir, "inner.cab"), [2]string{"c.txt", "c"})
	middle := cabinet(t, filepath.Join(dir, "middle.cab"), [2]string{"inner.cab", inner}, [2]string{"b.txt", "b"})
	cabinet(t, filepath.Join(dir, "outer.cab"), [2]string{"middle.cab", middle}, [2]string{"a.txt", "a"})
	target, err := verify.Read(t.Context(), filepath.Join(dir, "outer.cab"), o)
	require.NoError(t, err)
	require.Equal(t, []string{"a.txt", "middle.cab", "middle.cab//b.txt", "middle.cab//inner.cab", "middle.cab//inner.cab//c.txt"}, paths(target))
	folder, err := verify.Read(t.Context(), dir, o)
	require.NoError(t, err)
	require.Contains(t, paths(folder), "outer.cab//middle.cab//inner.cab//c.txt")

	// Damage inside is an error that names the place; the rest is still looked at.
	for name, damaged := range map[string]string{"truncated": inner[:len(inner)-1], "changed": inner[:len(inner)-1] + "x"} {
		middle = cabinet(t, filepath.Join(dir, "middle.cab"), [2]string{"inner.cab", damaged}, [2]string{"z.txt", "z"})
		cabinet(t, filepath.Join(dir, "outer.cab"), [2]string{"middle.cab", middle}, [2]string{"a.txt", "a"})
		target, err = verify.Read(t.Context(), filepath.Join(dir, "outer.cab"), o)
		require.Error(t, err, name)
		require.ErrorContains(t, err, "outer.cab//middle.cab//inner.cab")
		require.Equal(t, []string{"a.txt", "middle.cab", "middle.cab//inner.cab", "middle.cab//z.txt"}, paths(target), name)
	}
}

// TestSignatureInside checks that the signature of a package inside a package is
// the one that it has on its own.
func TestSignatureInside(t *testing.T) {
	signed, err := os.ReadFile(corpus.Path(t, "msp", "WPF2_32.msp"))
	require.NoError(t, err)
	inCabinet := strings.Index(string(signed), "MSCF") + 40
	for name, content := range map[string]string{"whole": string(signed), "tampered": string(signed[:inCabinet]) + "x" + string(signed[inCabinet+1:])} {
		file := filepath.Join(t.TempDir(), "WPF2_32.msp")
		require.NoError(t, os.WriteFile(file, []byte(content), 0o644))
		outer := filepath.Join(t.TempDir(), "outer.cab")
		cabinet(t, outer, [2]string{"a.txt", "a"}, [2]string{"WPF2_32.msp", content})
		alone, err := verify.Read(t.Context(), file, everything())
		require.NoError(t, err)
		inside, err := verify.Read(t.Context(), outer, everything())
		require.NoError(t, err)
		require.Equal(t, []string{"WPF2_32.msp", "a.txt"}, paths(inside))
		require.Equal(t, alone.Package.Signature, inside.Files[0].Signature, name)
		require.Equal(t, map[string]authenticode.Status{"whole": authenticode.Valid, "tampered": authenticode.Invalid}[name], inside.Files[0].Signature.Status)
		require.False(t, inside.Files[0].SignaturePending)
	}
}

// TestFolder looks at a folder with links and files that cannot be read.
func TestFolder(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("making symbolic links takes a right there")
	}
	parent := t.TempDir()
	dir := filepath.Join(parent, "dir")
	testkit.WriteTree(t, parent, map[string]string{
		"outside.txt":     "outside",
		"dir/sub/a.txt":   "a",
		"dir/damaged.msi": "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1 and nothing more",
	})
	for link, to := range map[string]string{"file": "../outside.txt", "folder": "..", "loop": ".", "nowhere": "nothing"} {
		require.NoError(t, os.Symlink(to, filepath.Join(dir, link)))
	}
	require.NoError(t, os.Symlink("dir", filepath.Join(parent, "link")))
	for _, ref := range []string{dir, filepath.Join(parent, "link")} {
		target, err := verify.Read(t.Context(), ref, everything())
		require.NoError(t, err)
		require.Equal(t, []string{"damaged.msi", "sub/a.txt"}, paths(target))
		require.Len(t, target.Warnings, 5)
	}
	o := everything()
	o.Deep = true
	_, err := verify.Read(t.Context(), dir, o)
	require.ErrorContains(t, err, "damaged.msi", "what was asked to be looked into must be readable")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = verify.Read(ctx, dir, everything())
	require.ErrorIs(t, err, context.Canceled)
	_, err = verify.Read(ctx, sp2, everything())
	require.ErrorIs(t, err, context.Canceled)
}

// TestLimit checks that what is decoded of a target is bounded.
func TestLimit(t *testing.T) {
	o := everything()
	o.Source.MaxBytes = 1 << 20
	_, err := verify.Read(t.Context(), sp2, o)
	require.ErrorIs(t, err, source.ErrLimit)
}

// TestPackageThatHoldsItself looks into a package whose File table names the
// package and its external cabinet among the uncompressed files.
func TestPackageThatHoldsItself(t *testing.T) {
	target, err := verify.Read(t.Context(), corpus.Path(t, "msi", "vc2008-x86", "package", "VC_RED.MSI"), verify.Options{Deep: true})
	require.NoError(t, err)
	own, inCabinet := 0, 0
	for _, path := range paths(target) {
		switch {
		case strings.HasPrefix(path, "VC_RED.cab//"):
			inCabinet++
		default:
			require.NotContains(t, path, "//")
			own++
		}
	}
	require.Equal(t, 126, own)
	require.Equal(t, "VC_RED.MSI", target.Database.Path)
	require.Equal(t, 101, inCabinet)
}
