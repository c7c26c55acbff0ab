package authenticode

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/cfb"
)

// packageSignature returns the signature in a package.
func packageSignature(t testing.TB, name string) []byte {
	t.Helper()
	data := fixture(t, name)
	r, err := cfb.NewReader(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	signature, err := io.ReadAll(r.Root().Child(streamSignature).Open())
	require.NoError(t, err)
	return signature
}

func child(t testing.TB, n *cfb.Node, name string) *cfb.Node {
	t.Helper()
	i := indexOf(n, name)
	require.GreaterOrEqual(t, i, 0, name)
	return n.Children[i]
}

func indexOf(n *cfb.Node, name string) int {
	return slices.IndexFunc(n.Children, func(c *cfb.Node) bool { return c.Name == name })
}

func rename(n *cfb.Node, name string) {
	n.Name, n.RawName = name, nil
}

func replace(n *cfb.Node, data []byte) {
	n.Size = int64(len(data))
	n.Open = func() (io.Reader, error) { return bytes.NewReader(data), nil }
}

func TestTamperedPackage(t *testing.T) {
	remove := func(n *cfb.Node, name string) {
		n.Children = slices.DeleteFunc(n.Children, func(c *cfb.Node) bool { return c.Name == name })
	}
	const changed = "changed after it was signed"
	// Without MsiDigitalSignatureEx, only the order of the names counts, and what no
	// stream holds is not signed; the notes say so.
	tests := []struct {
		name     string
		change   func(root *cfb.Node)
		plain    Status
		extended Status
		note     string
	}{
		{"unchanged", func(root *cfb.Node) {}, Valid, Valid, ""},
		{"content of a large stream", func(root *cfb.Node) { replace(child(t, root, "alpha"), bytes.Repeat([]byte("b"), 4096)) }, Invalid, Invalid, changed},
		{"content of a small stream", func(root *cfb.Node) { replace(child(t, root, "䡀㬿"), make([]byte, 20)) }, Invalid, Invalid, changed},
		{"content in a storage", func(root *cfb.Node) { replace(child(t, child(t, root, "transform"), "one"), make([]byte, 100)) }, Invalid, Invalid, changed},
		{"stream added", func(root *cfb.Node) { root.Children = append(root.Children, streamNode("extra", []byte("x"))) }, Invalid, Invalid, changed},
		{"empty stream added", func(root *cfb.Node) { root.Children = append(root.Children, streamNode("extra", nil)) }, Valid, Invalid, changed},
		{"storage added", func(root *cfb.Node) {
			root.Children = append(root.Children, &cfb.Node{Name: "more", IsStorage: true})
		}, Invalid, Invalid, changed},
		{"stream removed", func(root *cfb.Node) { remove(root, "alpha") }, Invalid, Invalid, changed},
		{"stream renamed, in another order", func(root *cfb.Node) { rename(child(t, root, "alpha"), "䡀㬿㬿") }, Invalid, Invalid, changed},
		{"stream renamed, in the same order", func(root *cfb.Node) { rename(child(t, root, "alpha"), "alphb") }, Valid, Invalid, changed},
		{"storage renamed", func(root *cfb.Node) { rename(child(t, root, "transform"), "transforn") }, Valid, Invalid, changed},
		{"bytes moved between streams", func(root *cfb.Node) {
			replace(child(t, child(t, root, "transform"), "one"), bytes.Repeat([]byte("o"), 99))
			replace(child(t, child(t, root, "transform"), "two"), append([]byte("o"), bytes.Repeat([]byte("t"), 9000)...))
		}, Valid, Invalid, changed},
		{"class identifier of the root", func(root *cfb.Node) { root.CLSID[15]++ }, Invalid, Invalid, changed},
		{"class identifier of a storage", func(root *cfb.Node) { child(t, root, "transform").CLSID[15]++ }, Invalid, Invalid, changed},
		{"state bits", func(root *cfb.Node) { child(t, root, "transform").StateBits++ }, Valid, Invalid, changed},
		{"time of creation", func(root *cfb.Node) { child(t, root, "transform").Created++ }, Valid, Invalid, changed},
		{"time of modification", func(root *cfb.Node) { child(t, root, "transform").Modified++ }, Valid, Invalid, changed},
		{"time of modification of the root", func(root *cfb.Node) { root.Modified++ }, Valid, Valid, ""},
		{"signature removed", func(root *cfb.Node) { remove(root, streamSignature) }, None, None, ""},
		{"signature cut off", func(root *cfb.Node) {
			replace(child(t, root, streamSignature), packageSignature(t, "plain.msi")[:1000])
		}, Invalid, Invalid, "malformed"},
		{"other data behind the signature", func(root *cfb.Node) {
			replace(child(t, root, streamSignature), append(packageSignature(t, "plain.msi"), "payload"...))
		}, Invalid, Invalid, "7 bytes of other data"},
		{"signature too large", func(root *cfb.Node) {
			replace(child(t, root, streamSignature), append(packageSignature(t, "plain.msi"), make([]byte, maxSignature)...))
		}, Invalid, Invalid, "larger than the limit"},
		{"signature of a PE file", func(root *cfb.Node) {
			replace(child(t, root, streamSignature), signatureIn(t, fixture(t, "plain.exe")))
			remove(root, streamSignatureEx)
		}, Invalid, Invalid, "another kind of file"},
		{"extended signature removed", func(root *cfb.Node) { remove(root, streamSignatureEx) }, Valid, Invalid, changed},
		{"extended signature changed", func(root *cfb.Node) {
			if i := indexOf(root, streamSignatureEx); i >= 0 {
				replace(root.Children[i], make([]byte, 32))
			}
		}, Valid, Invalid, changed},
		{"extended signature added", func(root *cfb.Node) {
			remove(root, streamSignatureEx)
			root.Children = append(root.Children, streamNode(streamSignatureEx, make([]byte, 32)))
		}, Invalid, Invalid, changed},
	}
	// osslsigncode looks neither behind a signature nor, having computed it itself, at
	// MsiDigitalSignatureEx.
	stricter := []string{
		"other data behind the signature in sha1.msi",
		"signature too large in sha1.msi",
		"extended signature changed in sha256-ex.msi",
		"extended signature added in sha256-ex.msi",
	}
	o := fixtureOptions(t)
	for _, test := range tests {
		for name, want := range map[string]Status{"sha1.msi": test.plain, "sha256-ex.msi": test.extended} {
			title := test.name + " in " + name
			t.Run(title, func(t *testing.T) {
				root := readCFB(t, fixture(t, name))
				test.change(root)
				data := writeCFB(t, root)
				s, err := VerifyMSI(bytes.NewReader(data), int64(len(data)), o)
				require.NoError(t, err)
				require.Equal(t, want, s.Status, s.Notes)
				if want == Invalid {
					require.Contains(t, s.Notes[0], test.note)
				}
				if want == Valid {
					require.Equal(t, name == "sha1.msi", slices.Contains(s.Notes, noteMetadata))
				}
				compareWithOracle(t, data, s, slices.Contains(stricter, title))
			})
		}
	}
}

// Bytes that no stream holds are not signed, and an entry of the root is left out
// of the digest only where it is the signature.
func TestUnsignedBytesInPackage(t *testing.T) {
	const sector = 512
	le := binary.LittleEndian
	fat := func(b []byte, s int) []byte { return b[(int(le.Uint32(b[76:]))+1)*sector+4*s:] } // one FAT sector
	directory := func(b []byte, id int) []byte {
		s, perSector := int(le.Uint32(b[48:])), sector/128
		return b[(s+1+id/perSector)*sector+id%perSector*128:] // ours are contiguous
	}
	behind := func(mark uint32) func(b []byte) []byte {
		return func(b []byte) []byte {
			le.PutUint32(fat(b, len(b)/sector-1), mark)
			return append(b, bytes.Repeat([]byte("payload!"), sector/8)...)
		}
	}
	tests := map[string]func(b []byte) []byte{
		"bytes behind the end":      func(b []byte) []byte { return append(b, "payload"...) },
		"zeros behind the end":      func(b []byte) []byte { return append(b, make([]byte, 5000)...) },
		"free sector at the end":    behind(0xFFFFFFFF),
		"chain that nobody begins":  behind(0xFFFFFFFE),
		"entry outside of the tree": func(b []byte) []byte { copy(directory(b, entriesOf(t, b)), "payload"); return b },
	}
	for name, change := range tests {
		for _, file := range []string{"sha1.msi", "sha256-ex.msi"} {
			data := change(slices.Clone(fixture(t, file)))
			s, err := VerifyMSI(bytes.NewReader(data), int64(len(data)), fixtureOptions(t))
			require.NoError(t, err)
			require.Equal(t, Invalid, s.Status, "%s in %s", name, file)
			require.Contains(t, s.Notes[0], "not signed", name)
			require.NotEmpty(t, s.Publisher)
		}
	}

	packed := func(name string) *cfb.Node {
		n := streamNode(name, []byte("payload"))
		n.RawName = append([]uint16{5}, cfb.EncodeName(name[1:], false)...)
		return n
	}
	entries := map[string]*cfb.Node{
		"storage named as the signature":          {Name: streamSignatureEx, IsStorage: true, Children: []*cfb.Node{streamNode("x", []byte("payload"))}},
		"storage that holds a signature":          {Name: "more", IsStorage: true, Children: []*cfb.Node{streamNode(streamSignature, []byte("payload"))}},
		"second signature in packed characters":   packed(streamSignature),
		"second description in packed characters": packed(streamSignatureEx),
	}
	for name, entry := range entries {
		for _, file := range []string{"sha1.msi", "sha256-ex.msi"} {
			if name == "storage named as the signature" && file != "sha1.msi" {
				continue // there the name is taken
			}
			root := readCFB(t, fixture(t, file))
			root.Children = append(root.Children, entry)
			data := writeCFB(t, root)
			s, err := VerifyMSI(bytes.NewReader(data), int64(len(data)), fixtureOptions(t))
			require.NoError(t, err)
			require.Equal(t, Invalid, s.Status, "%s in %s", name, file)
		}
	}
}

// entriesOf returns the number of a directory entry that is not used.
func entriesOf(t *testing.T, b []byte) int {
	t.Helper()
	r, err := cfb.NewReader(bytes.NewReader(b), int64(len(b)))
	require.NoError(t, err)
	n := 1
	var count func(e *cfb.Entry)
	count = func(e *cfb.Entry) {
		for _, c := range e.Children {
			n++
			count(c)
		}
	}
	count(r.Root())
	return n
}

func TestUnreadablePackage(t *testing.T) {
	data := fixture(t, "sha1.msi")
	_, err := VerifyMSI(bytes.NewReader(data[:100]), 100, Options{})
	require.Error(t, err)
	_, err = VerifyMSI(bytes.NewReader(nil), 0, Options{})
	require.Error(t, err)
	_, err = VerifyMSI(bytes.NewReader(buildPE()), builtSize, Options{})
	require.ErrorIs(t, err, cfb.ErrFormat)
}
