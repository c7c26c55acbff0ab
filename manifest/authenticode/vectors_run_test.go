package authenticode

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/cfb"
	"github.com/hotfixkit/hotfixkit/internal/magic"
)

// vector is a file with a crafted signature and the right verdict on it.
type vector struct {
	name string
	data []byte
	want Status
	note string // part of the first note
	rule string // where that is laid down; empty where the group says it

	// differs says why osslsigncode judges otherwise; empty where it agrees on
	// whether the first signature is valid.
	differs string
}

// world is who signs and who is trusted.
type world struct {
	root, code, tsa *identity
	options         Options
}

func newWorld(t testing.TB) *world {
	t.Helper()
	root := issue(t, nil, 0, authority("Vector Root"))
	return &world{
		root:    root,
		code:    issue(t, root, 1, codeSigner("Vector Signer")),
		tsa:     issue(t, root, 2, timeStamper(t, "Vector Time Stamping")),
		options: Options{Roots: rootsOf(root), At: date(2010)},
	}
}

// program returns a PE file whose signature was made by the code signer after
// change.
func (w *world) program(t testing.TB, change func(*signing)) []byte {
	t.Helper()
	return inTable(w.signature(t, change))
}

func (w *world) signature(t testing.TB, change func(*signing)) []byte {
	t.Helper()
	s := signing{by: w.code, content: fileDigest(t, crypto.SHA256)}
	if change != nil {
		change(&s)
	}
	return s.der(t)
}

func inTable(signatures ...[]byte) []byte {
	var entries [][]byte
	for _, der := range signatures {
		entries = append(entries, winCertificate(winCertSignedData, der))
	}
	return withTable(entries...)
}

// signedCabinet returns the cabinet of buildCabinet with the place for a signature,
// and the signature that sign makes over its digest.
func signedCabinet(t testing.TB, sign func(digest []byte) []byte) []byte {
	t.Helper()
	const added = 24
	le := binary.LittleEndian
	plain := buildCabinet()
	b := slices.Concat(plain[:cabHeaderReserve], make([]byte, added), plain[cabHeaderReserve:])
	for _, at := range []int{cabCoversFrom, 16, cabHeaderReserve + added} { // its size, the first file, the first block
		le.PutUint32(b[at:], le.Uint32(b[at:])+added)
	}
	le.PutUint16(b[cabFlags:], cabFlagReserve)
	le.PutUint16(b[cabHeaderReserve:], cabReserveSize)
	le.PutUint32(b[cabReserve:], cabReserveMark)
	le.PutUint32(b[cabSignatureOffset:], uint32(len(b)))
	covered := slices.Concat(b[:4], b[8:34], b[56:])
	signature := sign(sumOf(crypto.SHA256, covered))
	le.PutUint32(b[cabSignatureSize:], uint32(len(signature)))
	return append(b, signature...)
}

// indirect returns SpcIndirectDataContent.
func indirect(t testing.TB, kind asn1.ObjectIdentifier, value []byte, hash crypto.Hash, digest []byte) []byte {
	t.Helper()
	var content indirectData
	content.Data.Type = kind
	content.Data.Value.FullBytes = value
	content.MessageDigest.DigestAlgorithm.Algorithm = oidOf(hash)
	content.MessageDigest.Digest = digest
	return marshal(t, content)
}

// signedPackage signs a package as Windows does, MsiDigitalSignatureEx included
// where extended is set, and changes it afterwards.
func (w *world) signedPackage(t testing.TB, version int, extended bool, change func(root *cfb.Node)) []byte {
	t.Helper()
	node := buildPackage()
	data := writeVersion(t, node, version)
	file, err := cfb.NewReader(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	h := crypto.SHA256.New()
	var metadata []byte
	if extended {
		m := crypto.SHA256.New()
		digestMetadata(m, file.Root(), true)
		metadata = m.Sum(nil)
		h.Write(metadata)
		node.Children = append(node.Children, streamNode(streamSignatureEx, metadata))
	}
	require.NoError(t, digestContent(h, file.Root(), true))
	content := indirect(t, oidTypeSIP, sipInfoOf(t, installerSIP), crypto.SHA256, h.Sum(nil))
	node.Children = append(node.Children, streamNode(streamSignature, signing{by: w.code, content: content}.der(t)))
	if change != nil {
		change(node)
	}
	return writeVersion(t, node, version)
}

func writeVersion(t testing.TB, root *cfb.Node, version int) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, cfb.Write(&b, root, cfb.WriteOptions{Version: version}))
	return b.Bytes()
}

var (
	oidTypeSIP   = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 1, 30}
	oidTypeLink  = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 1, 28}
	installerSIP = []byte{0xf1, 0x10, 0x0c, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46}
	scriptSIP    = []byte{0x70, 0x05, 0x61, 0x1a, 0xce, 0x38, 0xd4, 0x11, 0xa2, 0xa3, 0, 0x10, 0x4b, 0xd3, 0x50, 0x90}
)

func sipInfoOf(t testing.TB, id []byte) []byte {
	return marshal(t, struct {
		Version       int
		ID            []byte
		A, B, C, D, E int
	}{Version: 1, ID: id})
}

// run checks the verdicts and, where the tools of the corpus are in use, what
// osslsigncode says of the same files.
func (w *world) run(t *testing.T, vectors []vector) {
	t.Helper()
	dir := t.TempDir()
	var bundle []byte
	for _, root := range w.options.Roots {
		bundle = append(bundle, pemOf(root)...)
	}
	rootFile := filepath.Join(dir, "roots.pem")
	require.NoError(t, os.WriteFile(rootFile, bundle, 0o644))
	seen := make(map[string]bool)
	for _, v := range vectors {
		require.False(t, seen[v.name], "two vectors are called %s", v.name)
		seen[v.name] = true
		t.Run(v.name, func(t *testing.T) {
			s, err := verify(v.data, w.options)
			require.NoError(t, err)
			require.Equal(t, v.want, s.Status, "%v %s", s.Notes, v.rule)
			if v.note != "" {
				require.Contains(t, s.Notes[0], v.note)
			}
			if !bytes.HasPrefix(v.data, []byte(magic.Cabinet)) && !bytes.HasPrefix(v.data, []byte(magic.CompoundFile)) {
				require.Equal(t, s, collect(v.data, w.options, 61), "in pieces")
			}
			if os.Getenv("HOTFIX_CORPUS") == "" {
				return
			}
			path := filepath.Join(dir, "file")
			require.NoError(t, os.WriteFile(path, v.data, 0o644))
			agrees := (askOracle(t, rootFile, path).valid > 0) == (s.Status == Valid)
			require.Equal(t, v.differs == "", agrees, "osslsigncode agrees: %v %s", agrees, v.differs)
		})
	}
	t.Logf("%d vectors", len(vectors))
}

func pemOf(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

// runWithout is run without the comparison, for files about which osslsigncode
// looks at too little.
func (w *world) runWithout(t *testing.T, vectors []vector) {
	t.Helper()
	t.Setenv("HOTFIX_CORPUS", "")
	w.run(t, vectors)
}

func unmarshal(t testing.TB, der []byte, v any) {
	t.Helper()
	_, err := asn1.Unmarshal(der, v)
	require.NoError(t, err)
}
