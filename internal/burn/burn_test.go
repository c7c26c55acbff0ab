package burn

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/burn/burntest"
	"github.com/hotfixkit/hotfixkit/internal/pe"
	"github.com/hotfixkit/hotfixkit/msi/cab"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

func open(b []byte) (*Bundle, error) {
	layout, err := pe.ReadLayout(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, err
	}
	return Open(context.Background(), bytes.NewReader(b), int64(len(b)), layout)
}

// decode returns the members of a container.
func decode(t testing.TB, b []byte, c *Container) map[string][]byte {
	t.Helper()
	cabinet, err := c.Open(bytes.NewReader(b))
	require.NoError(t, err)
	set, err := cab.NewSet([]*cab.Cabinet{cabinet}, cab.SetOptions{})
	require.NoError(t, err)
	got := map[string]*manifestSink{}
	err = set.Decode(context.Background(), func(f *cab.File) (cab.Sink, error) {
		got[f.Name] = &manifestSink{}
		return got[f.Name], nil
	}, cab.DecodeOptions{Workers: 1})
	require.NoError(t, err)
	members := map[string][]byte{}
	for name, sink := range got {
		members[name] = sink.Bytes()
	}
	return members
}

// corpusBundle is what is known about a real bundle.
type corpusBundle struct {
	name, path string
	containers int
	missing    int64 // bytes of the attached container
	external   int
	chain      int
	hash       crypto.Hash
}

var corpusBundles = []corpusBundle{
	{"CustomV3Theme", "downloads/wix3-bundle.exe", 1, 0, 0, 1, crypto.SHA1},
	{"Microsoft SQL Server Data Tools - Visual Studio 2013", "downloads/ssdtsetup-signed-wix3-bundle.exe", 0, 0, 28, 22, crypto.SHA1},
	{"~TestBundle", "downloads/wix4pre-engine-only.exe", 1, 5491, 0, 1, 0},
	{"Windows Software Development Kit - Windows 10.0.26100.4948", "wide/sfx/winsdksetup-signed-wix3-bundle.exe", 0, 0, 296, 87, crypto.SHA1},
	{"MsiBootstrapper", "wide/sfx/wix3-msibootstrapper.exe", 1, 0, 0, 1, crypto.SHA1},
	{"WiX Toolset v3.14.0.4118", "wide/sfx/wix314-signed-engine.exe", 1, 29887586, 1, 9, crypto.SHA1},
	{"Microsoft .NET SDK 10.0.100-dev (x64)", "wide/sfx/wix5-msibootstrapper.exe", 1, 0, 0, 1, 0},
}

func TestCorpus(t *testing.T) {
	want := map[string]string{}
	for _, list := range []string{"downloads/CONTENTS.tsv", "wide/sfx/CONTENTS.tsv"} {
		text, err := os.ReadFile(corpus.Path(t, filepath.FromSlash(list)))
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			if cell := strings.Split(line, "\t"); len(cell) > 5 {
				want[cell[0]+"/"+cell[3]] = cell[5]
			}
		}
	}
	for _, c := range corpusBundles {
		t.Run(filepath.Base(c.path), func(t *testing.T) {
			raw, err := os.ReadFile(corpus.Path(t, filepath.FromSlash(c.path)))
			require.NoError(t, err)
			b, err := open(raw)
			require.NoError(t, err)
			require.Equal(t, c.name, b.Name)
			require.Len(t, b.Containers, c.containers)
			require.Len(t, b.Chain, c.chain)
			external := 0
			for _, p := range b.Payloads {
				if p.Container == "" {
					external++
				}
			}
			require.Equal(t, c.external, external)
			checkContainer(t, raw, b, b.Application, "container0/", filepath.Base(c.path), c.hash, want)
			for _, container := range b.Containers {
				require.Equal(t, c.missing, container.Missing)
				if container.Missing > 0 {
					_, err := container.Open(bytes.NewReader(raw))
					require.ErrorIs(t, err, ErrTruncated)
					require.ErrorContains(t, err, container.ID)
					continue
				}
				bytesOf := bytes.NewReader(raw[container.Offset : container.Offset+container.Size])
				require.NoError(t, container.Check(context.Background(), bytesOf))
				checkContainer(t, raw, b, container, "container1/", filepath.Base(c.path), container.Algorithm, want)
			}
		})
	}
}

// checkContainer compares the members of a container with the list of another
// tool, and the payloads with their hashes; algorithm 0 means that they have none.
func checkContainer(t *testing.T, raw []byte, b *Bundle, c *Container, prefix, file string, algorithm crypto.Hash, want map[string]string) {
	t.Helper()
	members := decode(t, raw, c)
	for name, content := range members {
		sum := sha256.Sum256(content)
		require.Equal(t, want[file+"/"+prefix+name], hex.EncodeToString(sum[:]), name)
	}
	payloads := 0
	for _, p := range b.Payloads {
		if p.Container != c.ID {
			continue
		}
		payloads++
		content, ok := members[p.Source]
		require.True(t, ok, p.Source)
		require.Equal(t, algorithm, p.Algorithm)
		if p.Algorithm == 0 {
			continue
		}
		require.Equal(t, p.Size, int64(len(content)))
		h := p.Algorithm.New()
		h.Write(content)
		require.Equal(t, p.Sum, h.Sum(nil), p.Path)
	}
	require.NotZero(t, payloads)
}

func TestChain(t *testing.T) {
	raw, err := os.ReadFile(corpus.Path(t, "downloads", "wix3-bundle.exe"))
	require.NoError(t, err)
	b, err := open(raw)
	require.NoError(t, err)
	require.Equal(t, []Package{{
		Kind: MSI, ID: "SetupProject1.msi", Code: "{FCF17B69-55E9-4D0B-9C78-CD39EDDCF41C}", Version: "1.0.0.0", Language: "1033",
		Payloads: []string{"SetupProject1.msi", "cabF52D1B2425057F8281C66111B2795130"},
	}}, b.Chain)
	require.Equal(t, "{215a70db-ab35-48c7-be51-d66eaac87177}", b.ID)
	require.Equal(t, "1.0.0.0", b.Version)
	require.Equal(t, "test", b.Manufacturer)
}

// sample is a bundle with everything in it.
func sample(t testing.TB, v3 bool) ([]byte, map[string][]byte) {
	t.Helper()
	raw, detached, err := burntest.Bundle{
		V3:          v3,
		Application: []burntest.File{{Path: "thm.xml", Content: []byte("<theme/>")}},
		Containers: []burntest.Container{
			{ID: "WixAttachedContainer", Files: []burntest.File{{Path: `sub\a.msi`, Content: []byte("first")}, {Path: "b.cab", Content: []byte("second")}}},
			{ID: "More", Files: []burntest.File{{Path: "c.msu", Content: []byte("third")}}},
			{ID: "Detached", Path: "detached.cab", Files: []burntest.File{{Path: "d.exe", Content: []byte("fourth")}}},
		},
		External: []burntest.File{{Path: `ext\e.msp`, Content: []byte("fifth")}},
		Chain: `<RollbackBoundary Id="x" /><MsiPackage Id="A" ProductCode="{A}" Version="1.0"><PayloadRef Id="sub\a.msi" /><PayloadRef Id="b.cab" /></MsiPackage>` +
			`<MsuPackage Id="C" KB="KB1"><PayloadRef Id="c.msu" /></MsuPackage><ExePackage Id="D" InstallArguments="/q"><PayloadRef Id="d.exe" /></ExePackage>` +
			`<MspPackage Id="E" PatchCode="{E}"><PayloadRef Id="ext\e.msp" /></MspPackage>`,
	}.Build()
	require.NoError(t, err)
	return raw, detached
}

func TestOwnBundles(t *testing.T) {
	for _, v3 := range []bool{true, false} {
		raw, detached := sample(t, v3)
		b, err := open(raw)
		require.NoError(t, err)
		require.Equal(t, "Test bundle", b.Name)
		require.Len(t, b.Payloads, 6)
		require.Len(t, b.Chain, 4)
		require.Equal(t, "/q", b.Chain[2].Arguments)
		require.Equal(t, "{E}", b.Chain[3].Code)
		require.Equal(t, map[string][]byte{"a0": []byte("first"), "a1": []byte("second")}, decode(t, raw, b.Containers[0]))
		require.Equal(t, map[string][]byte{"a2": []byte("third")}, decode(t, raw, b.Containers[1]))
		require.False(t, b.Containers[2].Attached)
		require.NoError(t, b.Containers[2].Check(context.Background(), bytes.NewReader(detached["detached.cab"])))
		for i := range detached["detached.cab"] {
			damaged := bytes.Clone(detached["detached.cab"])
			damaged[i] ^= 1
			require.ErrorIs(t, b.Containers[2].Check(context.Background(), bytes.NewReader(damaged)), ErrHash)
		}
		require.ErrorIs(t, b.Containers[2].Check(context.Background(), bytes.NewReader(detached["detached.cab"][:9])), ErrTruncated)
	}
}

// Signed twice: the engine alone, then the whole.
func TestEngineAsItWasSigned(t *testing.T) {
	raw, _ := sample(t, true)
	layout, err := pe.ReadLayout(bytes.NewReader(raw), int64(len(raw)))
	require.NoError(t, err)
	s, _ := layout.Section(sectionName)
	le := binary.LittleEndian
	first := int64(le.Uint32(raw[s.Offset+fieldStubSize:])) + int64(le.Uint32(raw[s.Offset+sectionFixed:]))
	signature := []byte("a signature, 24 bytes...")
	engine := append(bytes.Clone(raw[:first]), signature...)
	entry := layout.Checksum + 32 + 8*pe.DirectoryCertificate
	le.PutUint32(engine[layout.Checksum:], 0x12345678)
	le.PutUint32(engine[entry:], uint32(first))
	le.PutUint32(engine[entry+4:], uint32(len(signature)))

	whole := append(bytes.Clone(engine), raw[first:]...)
	le.PutUint32(whole[layout.Checksum:], 0x9abcdef0)
	le.PutUint32(whole[entry:], uint32(len(whole)))
	le.PutUint32(whole[entry+4:], 8)
	whole = append(whole, "whole..."...)
	le.PutUint32(whole[s.Offset+fieldChecksum:], 0x12345678)
	le.PutUint32(whole[s.Offset+fieldSignature:], uint32(first))
	le.PutUint32(whole[s.Offset+fieldSignature+4:], uint32(len(signature)))
	b, err := open(whole)
	require.NoError(t, err)
	require.Equal(t, map[string][]byte{"a0": []byte("first"), "a1": []byte("second")}, decode(t, whole, b.Containers[0]))
	r, size, ok := b.Engine()
	require.True(t, ok)
	require.Equal(t, int64(len(engine)), size)
	for from := range size {
		got := make([]byte, min(7, size-from))
		n, err := r.ReadAt(got, from)
		require.NoError(t, err)
		require.Equal(t, engine[from:from+int64(n)], got)
	}
	plain, err := open(raw)
	require.NoError(t, err)
	_, _, ok = plain.Engine()
	require.False(t, ok)
}

func TestHostile(t *testing.T) {
	raw, _ := sample(t, false)
	layout, err := pe.ReadLayout(bytes.NewReader(raw), int64(len(raw)))
	require.NoError(t, err)
	s, _ := layout.Section(sectionName)
	put := func(field int64, value uint32) []byte {
		b := bytes.Clone(raw)
		binary.LittleEndian.PutUint32(b[s.Offset+field:], value)
		return b
	}
	for name, c := range map[string]struct {
		file []byte
		want error
	}{
		"magic":                      {put(0, 1), ErrFormat},
		"version":                    {put(fieldVersion, 3), ErrVersion},
		"container format":           {put(fieldFormat, 2), ErrVersion},
		"stub in the headers":        {put(fieldStubSize, 4), ErrFormat},
		"stub beyond the end":        {put(fieldStubSize, 1<<31), ErrTruncated},
		"no container":               {put(fieldContainers, 0), ErrFormat},
		"absurd count":               {put(fieldContainers, 1<<31), ErrFormat},
		"one is missing":             {put(fieldContainers, 2), ErrFormat},
		"wrong size":                 {put(sectionFixed+4, 7), ErrFormat},
		"not a cabinet":              {put(fieldStubSize, 1024), cab.ErrFormat},
		"cut off in the application": {raw[:layout.Overlay()+20], ErrTruncated},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := open(c.file)
			require.ErrorIs(t, err, c.want)
		})
	}
	b, err := open(raw[:len(raw)-3])
	require.NoError(t, err)
	require.Zero(t, b.Containers[0].Missing)
	require.EqualValues(t, 3, b.Containers[1].Missing)
}

func TestManifests(t *testing.T) {
	const open = `<BurnManifest xmlns="` + namespaceV4 + `">`
	payload := func(attributes string) string {
		return open + `<Payload Id="p" FilePath="a" SourcePath="b" ` + attributes + `/></BurnManifest>`
	}
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"empty":               {"", ErrFormat},
		"cut off":             {open, ErrFormat},
		"another element":     {"<Manifest/>", ErrFormat},
		"another namespace":   {"<BurnManifest/>", ErrVersion},
		"sound":               {payload(`Packaging="external" FileSize="5"`), nil},
		"odd hash":            {payload(`Packaging="external" Hash="ABCD"`), ErrFormat},
		"not a hash":          {payload(`Packaging="external" Hash="XYZ"`), ErrFormat},
		"negative size":       {payload(`Packaging="external" FileSize="-1"`), ErrFormat},
		"size of letters":     {payload(`Packaging="external" FileSize="x"`), ErrFormat},
		"unknown container":   {payload(`Packaging="embedded" Container="c"`), ErrFormat},
		"embedded in nothing": {payload(`Packaging="embedded"`), ErrFormat},
		"no name":             {open + `<Payload Id="p" Packaging="external"/></BurnManifest>`, ErrFormat},
		"two containers":      {open + `<Container Id="c"/><Container Id="c"/></BurnManifest>`, ErrFormat},
		"unknown payload":     {open + `<Chain><MsiPackage Id="a"><PayloadRef Id="p"/></MsiPackage></Chain></BurnManifest>`, ErrFormat},
		"too many payloads":   {open + strings.Repeat(`<Payload/>`, maxPayloads+1) + `</BurnManifest>`, ErrLimit},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseManifest([]byte(c.text))
			require.ErrorIs(t, err, c.want)
		})
	}
}

func FuzzOpen(f *testing.F) {
	for _, v3 := range []bool{true, false} {
		raw, _ := sample(f, v3)
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := open(raw)
		if err != nil {
			return
		}
		for _, c := range b.Containers {
			if c.Attached && c.Missing == 0 && (c.Offset < 0 || c.Offset+c.Size > int64(len(raw))) {
				t.Fatalf("the container %q is at %d with %d bytes of %d", c.ID, c.Offset, c.Size, len(raw))
			}
		}
	})
}

func FuzzManifest(f *testing.F) {
	raw, _ := sample(f, true)
	b, err := open(raw)
	require.NoError(f, err)
	f.Add(b.Raw)
	f.Fuzz(func(t *testing.T, text []byte) {
		_, err := parseManifest(text)
		if err != nil && !errors.Is(err, ErrFormat) && !errors.Is(err, ErrVersion) && !errors.Is(err, ErrLimit) {
			t.Fatal(err)
		}
	})
}
