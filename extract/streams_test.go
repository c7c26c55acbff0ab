package extract

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
	"github.com/hotfixkit/hotfixkit/testdata/testkit"
)

func TestStreams(t *testing.T) {
	streams := map[string]string{
		"Binary.dialog.bmp":        "picture",
		"Binary.empty":             "",
		"Binary.NUL":               "device",
		"Icon.App.exe":             strings.Repeat("icon", 10_000),
		"Iconic":                   "no icon",
		"MsiDigitalCertificate.C":  "certificate",
		"\x05MsiDigitalSignature":  "signature",
		"100%":                     "percent",
		"..":                       "above",
		"Binary.":                  "no key",
		"Binary.ends in a period.": "period",
	}
	ref := testkit.Write(t, t.TempDir(), "a.msi", testkit.Package{Streams: streams, Files: []testkit.File{{Key: "f", Content: "f"}}})
	for _, c := range []struct {
		include []string
		want    map[string]string
	}{
		{include: []string{"binary/*"}, want: map[string]string{
			"Binary/dialog.bmp": "picture", "Binary/empty": "", "Binary/%4EUL": "device", "Binary/ends in a period%2E": "period",
		}},
		{include: []string{"icon/**", "iconic"}, want: map[string]string{"Icon/App.exe": streams["Icon.App.exe"], "Iconic": "no icon"}},
		{include: []string{"100*", "*.*", "%05*"}, want: map[string]string{
			"Binary/dialog.bmp": "picture", "Icon/App.exe": streams["Icon.App.exe"], "MsiDigitalCertificate.C": "certificate",
			"%05MsiDigitalSignature": "signature", "100%25": "percent", ".%2E": "above", "data.cab": "",
		}},
	} {
		out, r, err := extractTo(t, ref, source.Options{}, Options{Layout: Streams, Include: c.include}, WriteOptions{SHA256: true})
		require.NoError(t, err)
		got := testkit.ReadTree(t, out)
		if cabinet, ok := got["data.cab"]; ok {
			require.Equal(t, "MSCF", cabinet[:4])
			got["data.cab"] = ""
		}
		require.Equal(t, c.want, got)
		require.Equal(t, len(c.want), r.Files.Len())
		require.Empty(t, r.LeftOut)
	}
	out, _, err := extractTo(t, ref, source.Options{}, Options{Layout: Streams}, WriteOptions{})
	require.NoError(t, err)
	require.Len(t, testkit.ReadTree(t, out), len(streams)+1, "and the cabinet")
}

func TestStreamsRefused(t *testing.T) {
	build := func(streams map[string]string) string {
		return testkit.Write(t, t.TempDir(), "a.msi", testkit.Package{Streams: streams})
	}
	cabinet := filepath.Join(t.TempDir(), "data.cab")
	p := openFor(t, build(nil))
	require.NoError(t, os.WriteFile(cabinet, []byte(stream(t, p.Database(), "data.cab")), 0o666))
	for name, c := range map[string]struct {
		ref  string
		o    Options
		want error
	}{
		"names that differ in case":   {ref: build(map[string]string{"Binary.a": "1", "Binary.A": "2"}), want: ErrCollision},
		"a file and a folder":         {ref: build(map[string]string{"Binary": "1", "Binary.a": "2"}), want: ErrCollision},
		"a folder and a file":         {ref: build(map[string]string{"Icon.a": "1", "ICON": "2"}), want: ErrCollision},
		"too many bytes":              {ref: build(map[string]string{"Icon.a": "12345"}), o: Options{Limits: Limits{MaxBytes: 4}}, want: ErrLimit},
		"too many files":              {ref: build(map[string]string{"a": "1", "b": "2"}), o: Options{Limits: Limits{MaxFiles: 1}}, want: ErrLimit},
		"a pattern that matches none": {ref: build(nil), o: Options{Include: []string{"Binary/*"}}, want: ErrNoMatch},
		"a cabinet":                   {ref: cabinet, want: source.ErrKind},
	} {
		c.o.Layout = Streams
		_, err := NewPlan(openFor(t, c.ref), c.o)
		require.ErrorIs(t, err, c.want, name)
	}
}

// TestDamagedStream: a stream that ends too early is lost, and the others are had
// with KeepGoing.
func TestDamagedStream(t *testing.T) {
	ref := testkit.Write(t, t.TempDir(), "a.msi", testkit.Package{Streams: map[string]string{
		"Binary.a": strings.Repeat("a", 100_000), "Binary.b": strings.Repeat("b", 100_000),
	}})
	data, err := os.ReadFile(ref)
	require.NoError(t, err)
	// Where the sectors of the last stream are cut off, the others are whole.
	last := max(strings.LastIndex(string(data), "aaaa"), strings.LastIndex(string(data), "bbbb"))
	require.NoError(t, os.Truncate(ref, int64(last-50_000)))

	_, _, err = extractTo(t, ref, source.Options{}, Options{Layout: Streams}, WriteOptions{})
	require.Error(t, err)
	out, r, err := extractTo(t, ref, source.Options{}, Options{Layout: Streams}, WriteOptions{KeepGoing: true})
	require.ErrorContains(t, err, "stream Binary.")
	require.Len(t, r.Lost, 1)
	require.Len(t, testkit.ReadTree(t, out), r.Files.Len())
}

func TestStreamsEndWithTheirContext(t *testing.T) {
	plan, err := NewPlan(openFor(t, testkit.Write(t, t.TempDir(), "a.msi", testkit.Package{})), Options{Layout: Streams})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	top := t.TempDir()
	_, err = plan.Write(ctx, filepath.Join(top, "out"), WriteOptions{KeepGoing: true})
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, testkit.Names(t, top))
}

// TestStreamsOfRealPackages compares with what the database holds.
func TestStreamsOfRealPackages(t *testing.T) {
	ref := corpus.Path(t, "msi", "NUnit-2.5.2.9222.msi")
	want := map[string]string{}
	db := openFor(t, ref).Database()
	for _, name := range db.Streams() {
		want[streamPath(name)] = stream(t, db, name)
	}
	require.Contains(t, slices.Collect(maps.Keys(want)), "Icon/nunit_icon.exe")
	out, _, err := extractTo(t, ref, source.Options{}, Options{Layout: Streams}, WriteOptions{})
	require.NoError(t, err)
	require.Equal(t, want, testkit.ReadTree(t, out))
}
