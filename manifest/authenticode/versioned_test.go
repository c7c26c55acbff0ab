package authenticode

import (
	"bytes"
	"crypto"
	"encoding/asn1"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/pe"
	"github.com/hotfixkit/hotfixkit/internal/pe/petest"
)

// TestVersionedFixture checks testdata/versioned: a signed program with a version
// resource, and its root. HOTFIX_UPDATE=1 makes them anew.
func TestVersionedFixture(t *testing.T) {
	dir := filepath.Join("testdata", "versioned")
	if os.Getenv("HOTFIX_UPDATE") != "" {
		root := issue(t, nil, 0, authority("Example Root"))
		v := petest.Version(pe.Number{1, 2, 3, 4}, "tool.exe", "example", "Example")
		image, err := petest.Image{Machine: pe.MachineAMD64, Versions: []*pe.Version{v}, Size: 4096}.Build()
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(dir, 0o755))
		signed := signImage(t, image, issue(t, root, 1, codeSigner("Example Signer")), issue(t, root, 2, timeStamper(t, "Example Time Stamping")))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "tool.exe"), signed, 0o644))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "root.der"), root.cert.Raw, 0o644))
	}
	data, err := os.ReadFile(filepath.Join(dir, "tool.exe"))
	require.NoError(t, err)
	der, err := os.ReadFile(filepath.Join(dir, "root.der"))
	require.NoError(t, err)
	roots, err := ParseRoots(der)
	require.NoError(t, err)
	s := collect(data, Options{Roots: roots}, 100)
	require.Equal(t, Valid, s.Status, s.Notes)
}

// signImage signs an unsigned PE file whose size is a multiple of 8.
func signImage(t testing.TB, image []byte, code, tsa *identity) []byte {
	t.Helper()
	parts, err := pe.ReadLayout(bytes.NewReader(image), int64(len(image)))
	require.NoError(t, err)
	_, _, entry := parts.CertificateTable()
	var content indirectData
	content.Data.Type = oidTypePE
	content.Data.Value.FullBytes = []byte{0x30, 0}
	content.MessageDigest.DigestAlgorithm.Algorithm = oidSHA256
	content.MessageDigest.Digest = sumOf(crypto.SHA256, slices.Concat(image[:parts.Checksum],
		image[parts.Checksum+checksumSize:entry], image[entry+directorySize:]))
	table := winCertificate(winCertSignedData, signing{by: code, content: marshal(t, content), unsigned: func(signature []byte) []any {
		return []any{attributeOf(t, oidTimestampToken, asn1.RawContent(token(t, tsa, signature, signedAt, nil)))}
	}}.der(t))
	table = append(table, make([]byte, -len(table)&(tableAlignment-1))...)
	signed := append(bytes.Clone(image), table...)
	binary.LittleEndian.PutUint32(signed[entry:], uint32(len(image)))
	binary.LittleEndian.PutUint32(signed[entry+4:], uint32(len(table)))
	return signed
}
