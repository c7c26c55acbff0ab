package manifest_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/pe"
	"github.com/hotfixkit/hotfixkit/internal/pe/petest"
	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/manifest/authenticode"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

// executable returns a file that is like Ccmcertfix.exe of SP2 but for its
// content.
func executable(t testing.TB) []byte {
	t.Helper()
	b, err := petest.Image{
		Machine:  pe.MachineI386,
		Versions: []*pe.Version{petest.Version(pe.Number{4, 0, 6487, 2111}, "Ccmcertfix.exe", "certificate fix", "hotfixkit")},
		Size:     17768,
		Seed:     1,
	}.Build()
	require.NoError(t, err)
	return b
}

// forward hides everything but Read.
func forward(b []byte) io.Reader { return iotest.OneByteReader(bytes.NewReader(b)) }

func described(name string, b []byte) manifest.File {
	return manifest.File{Target: "pkg.msi", Path: "Logs/" + name, Name: name, Size: int64(len(b)), Time: time.Date(2010, 1, 25, 8, 27, 30, 0, time.FixedZone("", 2*3600))}
}

func TestInspect(t *testing.T) {
	b := executable(t)
	sum := sha256.Sum256(b)
	want := &manifest.Actual{
		Target: "pkg.msi", Path: "Logs/ccmcertfix.exe", Name: "ccmcertfix.exe",
		Version: "4.0.6487.2111", Size: 17768, Date: "2010-01-25", Time: "06:27", Platform: "x86",
		OriginalName: "Ccmcertfix.exe",
	}
	for _, o := range []manifest.InspectOptions{{}, {SHA256: true}} {
		want.SHA256 = ""
		if o.SHA256 {
			want.SHA256 = hex.EncodeToString(sum[:])
		}
		for name, r := range map[string]io.Reader{"forward": forward(b), "at random": bytes.NewReader(b)} {
			got, err := manifest.Inspect(described("ccmcertfix.exe", b), r, o)
			require.NoError(t, err, name)
			require.EqualExportedValues(t, *want, *got, name)
		}
	}
}

func TestInspectOtherKinds(t *testing.T) {
	for name, b := range map[string][]byte{
		"empty.txt": {}, "short.txt": []byte("MZ"), "dos.com": append([]byte("MZ"), make([]byte, 200)...),
		"text.txt": []byte("a text without a version"), "db.msi": append([]byte{0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1}, "cut off"...),
	} {
		for _, r := range []io.Reader{forward(b), bytes.NewReader(b)} {
			a, err := manifest.Inspect(described(name, b), r, manifest.InspectOptions{})
			require.NoError(t, err, name)
			require.Equal(t, int64(len(b)), a.Size)
			require.Empty(t, a.Version+a.Platform, name)
			require.Empty(t, a.Problems, name)
		}
	}
}

// TestInspectDamaged: a damaged version resource hides neither the machine nor
// itself.
func TestInspectDamaged(t *testing.T) {
	b := executable(t)
	b[bytes.Index(b, []byte("V\x00S\x00_\x00V\x00"))]++
	for _, r := range []io.Reader{forward(b), bytes.NewReader(b)} {
		a, err := manifest.Inspect(described("a.exe", b), r, manifest.InspectOptions{})
		require.NoError(t, err)
		require.Equal(t, "x86", a.Platform)
		require.Empty(t, a.Version)
		require.Len(t, a.Problems, 1)
		require.Contains(t, a.Problems[0], "damaged")
	}
}

func TestInspectStringVersion(t *testing.T) {
	tests := map[string]string{ // FileVersion: reported
		"4.0.6487.2111":                       "",
		"4.00.6487.2111":                      "",
		"4, 0, 6487, 2111":                    "",
		"4.0.6487.2111 (sp2_qfe.100125-0200)": "",
		"4.0.6487.2112 (sp2_qfe.100125-0200)": "4.0.6487.2112 (sp2_qfe.100125-0200)",
		"version 4":                           "version 4",
	}
	for text, want := range tests {
		v := petest.Version(pe.Number{4, 0, 6487, 2111}, "a.dll", "", "")
		v.Tables[0].Strings[2].Value = text
		b, err := petest.Image{Machine: pe.MachineAMD64, Versions: []*pe.Version{v}}.Build()
		require.NoError(t, err)
		a, err := manifest.Inspect(described("a.dll", b), forward(b), manifest.InspectOptions{})
		require.NoError(t, err)
		require.Equal(t, "4.0.6487.2111", a.Version)
		require.Equal(t, want, a.StringVersion, text)
	}
}

func TestInspectSize(t *testing.T) {
	for _, size := range []int64{3, 5} {
		f := manifest.File{Path: "a", Name: "a", Size: size}
		_, err := manifest.Inspect(f, forward([]byte("four")), manifest.InspectOptions{})
		require.ErrorIs(t, err, manifest.ErrSize)
		_, err = manifest.Inspect(f, bytes.NewReader([]byte("four")), manifest.InspectOptions{SHA256: true})
		require.ErrorIs(t, err, manifest.ErrSize)
	}
	_, err := manifest.Inspect(manifest.File{Size: 5}, bytes.NewReader([]byte("four")), manifest.InspectOptions{})
	require.ErrorIs(t, err, manifest.ErrSize, "shorter than announced")
	a, err := manifest.Inspect(manifest.File{Size: -1}, strings.NewReader("four"), manifest.InspectOptions{})
	require.NoError(t, err)
	require.Equal(t, int64(4), a.Size)
	broken := iotest.ErrReader(io.ErrClosedPipe)
	_, err = manifest.Inspect(manifest.File{Path: "a", Size: 4}, broken, manifest.InspectOptions{})
	require.ErrorIs(t, err, io.ErrClosedPipe)
}

// TestInspectSigned: forward and at random, the same verdict.
func TestInspectSigned(t *testing.T) {
	tests := []struct {
		file   []string
		status authenticode.Status
	}{
		{[]string{"pe", "WdBoot.sys"}, authenticode.Valid},
		{[]string{"pe", "WdfCoInstaller01011.dll"}, authenticode.Valid},
		{[]string{"pe", "IEAdvpack.dll"}, authenticode.None},
		{[]string{"msp", "WPF2_32.msp"}, authenticode.Valid},
		{[]string{"msi", "psmsi-Example.msi"}, authenticode.None},
	}
	for _, tt := range tests {
		t.Run(tt.file[1], func(t *testing.T) {
			b, err := os.ReadFile(corpus.Path(t, tt.file...))
			require.NoError(t, err)
			o := manifest.InspectOptions{Signature: &authenticode.Options{}}
			random, err := manifest.Inspect(described(tt.file[1], b), bytes.NewReader(b), o)
			require.NoError(t, err)
			require.Equal(t, tt.status, random.Signature.Status, random.Signature.Notes)
			passing, err := manifest.Inspect(described(tt.file[1], b), bufferless{bytes.NewReader(b)}, o)
			require.NoError(t, err)
			if passing.SignaturePending {
				require.Equal(t, authenticode.Valid, tt.status)
				passing.CheckSignature(bytes.NewReader(b), *o.Signature)
			}
			require.Equal(t, random, passing)
			o.SHA256 = true
			hashed, err := manifest.Inspect(described(tt.file[1], b), bytes.NewReader(b), o)
			require.NoError(t, err)
			require.Equal(t, random.Signature, hashed.Signature)
		})
	}
}

// TestSignaturePending feeds packages piece by piece: an Inspector must find the
// name of the stream that holds the signature wherever the pieces are cut.
func TestSignaturePending(t *testing.T) {
	const compound, cabinet = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "MSCF\x00\x00\x00\x00"
	name := string(utf16Bytes("\x05DigitalSignature"))
	filler := strings.Repeat("x", 100)
	for _, tt := range []struct {
		content string
		pending bool
	}{
		{compound + filler + name + filler, true},
		{compound + name, true},
		{compound + filler, false},
		{compound + name[:len(name)-1], false},
		{cabinet + filler[:22] + "\x04" + filler, true},
		{cabinet + filler[:22] + "\x03" + filler, false},
		{cabinet, false},
	} {
		for piece := 1; piece <= len(tt.content); piece++ {
			i := manifest.NewInspector(manifest.File{Path: "p", Size: -1}, manifest.InspectOptions{Signature: &authenticode.Options{}})
			for chunk := range slices.Chunk([]byte(tt.content), piece) {
				_, err := i.Write(chunk)
				require.NoError(t, err)
			}
			a, err := i.Finish()
			require.NoError(t, err)
			require.Equal(t, tt.pending, a.SignaturePending, "%q in pieces of %d", tt.content, piece)
			require.Equal(t, tt.pending, a.Signature == nil)
		}
	}
}

func utf16Bytes(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return b
}

// bufferless hides ReadAt.
type bufferless struct{ io.Reader }

// TestRequireSignature checks the statuses that a demand for signatures adds.
func TestRequireSignature(t *testing.T) {
	inspect := func(name string, b []byte) *manifest.Actual {
		a, err := manifest.Inspect(described(name, b), bytes.NewReader(b), manifest.InspectOptions{Signature: &authenticode.Options{}})
		require.NoError(t, err)
		return a
	}
	signed, err := os.ReadFile(corpus.Path(t, "pe", "WdBoot.sys"))
	require.NoError(t, err)
	tampered := bytes.Clone(signed)
	tampered[0x1000]++
	unsigned := executable(t)

	microsoft := manifest.CompareOptions{Publisher: "Microsoft Corporation"}
	required := manifest.CompareOptions{RequireSignature: true}
	tests := []struct {
		name    string
		file    *manifest.Actual
		options manifest.CompareOptions
		status  manifest.Status
		notes   []manifest.Note
	}{
		{"signed", inspect("a.sys", signed), required, manifest.OK, nil},
		{"signed by that publisher", inspect("a.sys", signed), microsoft, manifest.OK, nil},
		{"signed by another publisher", inspect("a.sys", signed), manifest.CompareOptions{Publisher: "Contoso"}, manifest.SignatureInvalid, nil},
		{"unsigned", inspect("a.sys", unsigned), manifest.CompareOptions{}, manifest.OK, nil},
		{"unsigned where a signature is required", inspect("a.sys", unsigned), required, manifest.SignatureMissing, nil},
		{"unsigned where a publisher is required", inspect("a.sys", unsigned), microsoft, manifest.SignatureMissing, nil},
		{"tampered with", inspect("a.sys", tampered), manifest.CompareOptions{}, manifest.SignatureInvalid, nil},
		{"tampered with, and a signature required", inspect("a.sys", tampered), required, manifest.SignatureInvalid, nil},
		{"noise called like a driver", inspect("a.sys", []byte("text")), required, manifest.SignatureMissing, nil},
		{"noise called like an update", inspect("a.MSU", []byte("text")), required, manifest.SignatureMissing, nil},
		{"a text", inspect("a.txt", []byte("text")), required, manifest.OK, []manifest.Note{manifest.SignatureUnchecked}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := &manifest.Manifest{Files: []manifest.Row{{Name: tt.file.Name}}}
			r := m.Compare([]*manifest.Actual{tt.file}, tt.options)
			require.Equal(t, tt.status, r.Files[0].Status)
			require.Equal(t, tt.notes, r.Files[0].Notes)
			require.Equal(t, tt.file.Signature, r.Files[0].Signature)
		})
	}
}

// TestInspectorsInParallel lets the race detector see that Inspectors share
// nothing.
func TestInspectorsInParallel(t *testing.T) {
	b := executable(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			a, err := manifest.Inspect(described("a.exe", b), bufferless{bytes.NewReader(b)}, manifest.InspectOptions{SHA256: true, Signature: &authenticode.Options{}})
			if err != nil || a.Version != "4.0.6487.2111" {
				t.Error(a, err)
			}
		})
	}
	wg.Wait()
}

func TestCreate(t *testing.T) {
	b := executable(t)
	var files []*manifest.Actual
	for _, path := range []string{"x64/a.exe", "ia64/a.exe", "b.exe"} {
		f := described("a.exe", b)
		f.Path = path
		f.Name = path[strings.LastIndexByte(path, '/')+1:]
		a, err := manifest.Inspect(f, bytes.NewReader(b), manifest.InspectOptions{SHA256: true})
		require.NoError(t, err)
		files = append(files, a)
	}
	m, err := manifest.Create(sequence(files))
	require.NoError(t, err)
	require.Len(t, m.Files, 3)
	require.Equal(t, "b.exe", m.Files[0].Path)
	require.Equal(t, "ia64/a.exe", m.Files[1].Path)
	require.NotEmpty(t, m.Files[1].SHA256)

	var printed bytes.Buffer
	require.NoError(t, manifest.Write(&printed, m))
	read, err := manifest.Read(&printed)
	require.NoError(t, err)
	m = read[0]
	require.True(t, (&manifest.Set{Manifests: read}).NeedsSHA256(manifest.Strict))
	require.False(t, (&manifest.Set{Manifests: read}).NeedsSHA256(manifest.VersionOnly))
	require.True(t, m.Compare(files, manifest.CompareOptions{}).OK)

	other := *files[1]
	other.SHA256 = strings.Repeat("0", 64)
	changed := []*manifest.Actual{files[0], &other, files[2]}
	r := m.Compare(changed, manifest.CompareOptions{})
	require.Equal(t, []string{"a.exe x86: hash-mismatch"}, different(r))
	require.Equal(t, "ia64/a.exe", r.Files[1].Path)
	r = m.Compare(changed, manifest.CompareOptions{Policy: manifest.VersionOnly})
	require.True(t, r.OK)
	require.Equal(t, []manifest.Note{manifest.HashDiffers}, r.Files[1].Notes)

	moved := *files[0]
	moved.Path = "amd64/a.exe"
	r = m.Compare([]*manifest.Actual{&moved, files[1], files[2], files[2]}, manifest.CompareOptions{})
	require.True(t, r.OK)
	require.Len(t, r.Files, 4, "the same path in two targets")
	require.Equal(t, []manifest.Note{manifest.PathDiffers}, r.Files[3].Notes)

	more := *files[0]
	more.Path = "copy/a.exe"
	r = m.Compare(append(files, &more), manifest.CompareOptions{})
	require.Len(t, r.Extra, 1, "a manifest with paths does not expect copies elsewhere")

	unhashed := *files[0]
	unhashed.SHA256 = ""
	require.False(t, m.Compare([]*manifest.Actual{&unhashed, files[1], files[2]}, manifest.CompareOptions{}).OK, "a hash that was not computed is not equal")

	m, err = manifest.Create(sequence(nil, io.ErrUnexpectedEOF))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.NotNil(t, m.Files)
}

func BenchmarkInspector(b *testing.B) {
	content := executable(b)
	for name, o := range map[string]manifest.InspectOptions{"plain": {}, "sha256": {SHA256: true}, "signature": {Signature: &authenticode.Options{}}} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				i := manifest.NewInspector(described("a.exe", content), o)
				i.Write(content)
				if _, err := i.Finish(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
