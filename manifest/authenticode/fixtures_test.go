package authenticode

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/cfb"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

var signedAt = time.Date(2010, 1, 25, 6, 27, 0, 0, time.UTC)

// makeFixtures signs small files with osslsigncode. Every file but plain.exe and
// plain.msi is timestamped.
func makeFixtures(t *testing.T, dir string) {
	tool := corpus.Tool(t, "osslsigncode")
	keys := t.TempDir()
	root := issue(t, nil, 0, authority("Example Root"))
	code := issue(t, root, 1, codeSigner("Example Signer"))
	tsa := issue(t, root, 2, timeStamper(t, "Example Time Stamping"))
	rootFile, _ := writePEM(t, keys, "root", root)
	cert, key := writePEM(t, keys, "code", code)
	tsaCert, tsaKey := writePEM(t, keys, "tsa", tsa)

	in := t.TempDir()
	write := func(name string, data []byte) string {
		name = filepath.Join(in, name)
		require.NoError(t, os.WriteFile(name, data, 0o644))
		return name
	}
	exe, msi, cab := write("in.exe", buildPE()), write("in.msi", writeCFB(t, buildPackage())), write("in.cab", buildCabinet())

	sign := func(input, output string, args ...string) string {
		output = filepath.Join(dir, output)
		_ = os.Remove(output)
		args = append([]string{"sign", "-certs", cert, "-key", key, "-in", input, "-out", output}, args...)
		out, err := exec.Command(tool, args...).CombinedOutput()
		require.NoError(t, err, "%s", out)
		return output
	}
	stamp := []string{"-TSA-certs", tsaCert, "-TSA-key", tsaKey, "-TSA-time", fmt.Sprint(signedAt.Unix())}
	with := func(args ...string) []string { return append(args, stamp...) }

	sign(exe, "plain.exe", "-h", "sha256")
	sign(exe, "sha256.exe", with("-h", "sha256")...)
	sign(exe, "sha512-pagehash.exe", with("-h", "sha512", "-ph")...)
	first := sign(exe, "sha1.exe", with("-h", "sha1")...)
	sign(first, "sha1-nested-sha256.exe", with("-h", "sha256", "-nest", "-ph")...)
	sign(msi, "plain.msi", "-h", "sha256")
	sign(msi, "sha1.msi", with("-h", "sha1")...)
	sign(msi, "sha256-ex.msi", with("-h", "sha256", "-add-msi-dse")...)
	sign(cab, "sha256.cab", with("-h", "sha256")...)

	data, err := os.ReadFile(rootFile)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "root.pem"), data, 0o644))
}

// Places in the headers of a PE file ("PE Format").
const (
	dosNewHeader      = 0x3c // e_lfanew
	peSignatureSize   = 4
	fileHeaderSize    = 20
	optionalChecksum  = 64
	optionalCount32   = 92 // NumberOfRvaAndSizes
	optionalCount64   = 108
	optionalMagic32   = 0x10b
	optionalMagic64   = 0x20b
	directorySecurity = 4 // the certificate table
)

// Offsets in the file that buildPE makes.
const (
	builtHeader   = 0x80
	builtOptional = builtHeader + peSignatureSize + fileHeaderSize
	builtSize     = 0x400
)

// buildPE returns a PE32 file with one section.
func buildPE() []byte {
	b := make([]byte, builtSize)
	put16 := func(at int, v uint16) { binary.LittleEndian.PutUint16(b[at:], v) }
	put32 := func(at int, v uint32) { binary.LittleEndian.PutUint32(b[at:], v) }
	copy(b, "MZ")
	put32(dosNewHeader, builtHeader)
	copy(b[builtHeader:], "PE\x00\x00")
	put16(builtHeader+4, 0x14c)   // Machine: IMAGE_FILE_MACHINE_I386
	put16(builtHeader+6, 1)       // NumberOfSections
	put16(builtHeader+20, 0xe0)   // SizeOfOptionalHeader
	put16(builtHeader+22, 0x2102) // Characteristics: a DLL of 32 bits
	put16(builtOptional, optionalMagic32)
	put32(builtOptional+28, 0x400000) // ImageBase
	put32(builtOptional+32, 0x1000)   // SectionAlignment
	put32(builtOptional+36, 0x200)    // FileAlignment
	put32(builtOptional+56, 0x2000)   // SizeOfImage
	put32(builtOptional+60, 0x200)    // SizeOfHeaders
	put16(builtOptional+68, 3)        // Subsystem
	put32(builtOptional+optionalCount32, 16)
	section := builtOptional + 0xe0
	copy(b[section:], ".text")
	put32(section+8, 0x200)       // VirtualSize
	put32(section+12, 0x1000)     // VirtualAddress
	put32(section+16, 0x200)      // SizeOfRawData
	put32(section+20, 0x200)      // PointerToRawData
	put32(section+36, 0x60000020) // Characteristics
	for i := 0x200; i < builtSize; i++ {
		b[i] = byte(i)
	}
	return b
}

// buildPackage returns a compound file with what the digests of packages tell
// apart: a storage, class identifiers, times, names of which one is the beginning
// of another, streams with and without a sector of their own. Storages in storages
// are missing because osslsigncode 2.9 writes a damaged directory for them.
func buildPackage() *cfb.Node {
	stream := func(name string, size int) *cfb.Node {
		return streamNode(name, bytes.Repeat([]byte(name[:1]), size))
	}
	storage := func(name string, class byte, children ...*cfb.Node) *cfb.Node {
		return &cfb.Node{Name: name, IsStorage: true, CLSID: [16]byte{class, 1, 2, 3}, StateBits: 7,
			Created: 0x01ca9d7f_00000000 + uint64(class), Modified: 0x01ca9d80_00000000, Children: children}
	}
	root := storage("Root Entry", 0x84,
		stream("\x05SummaryInformation", 480),
		stream("䡀㬿", 20),
		stream("䡀㬿䏲", 5000),
		stream("Zeta", 0),
		stream("alpha", 4096),
		storage("transform", 0x82,
			stream("one", 100),
			stream("two", 9000),
		),
	)
	root.Created = 0
	return root
}

func streamNode(name string, data []byte) *cfb.Node {
	return &cfb.Node{Name: name, Size: int64(len(data)), Open: func() (io.Reader, error) { return bytes.NewReader(data), nil }}
}

func writeCFB(t testing.TB, root *cfb.Node) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, cfb.Write(&b, root, cfb.WriteOptions{}))
	return b.Bytes()
}

// readCFB is the way back, for changing a package.
func readCFB(t testing.TB, data []byte) *cfb.Node {
	t.Helper()
	r, err := cfb.NewReader(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	var node func(e *cfb.Entry) *cfb.Node
	node = func(e *cfb.Entry) *cfb.Node {
		n := &cfb.Node{Name: e.Name, RawName: e.RawName, IsStorage: e.IsStorage, CLSID: e.CLSID, StateBits: e.StateBits,
			Created: e.Created, Modified: e.Modified, Size: e.Size}
		if !e.IsStorage {
			n.Open = func() (io.Reader, error) { return e.Open(), nil }
		}
		for _, child := range e.Children {
			n.Children = append(n.Children, node(child))
		}
		return n
	}
	return node(r.Root())
}

// buildCabinet returns a cabinet with one stored file.
func buildCabinet() []byte {
	const content = "hello"
	var b []byte
	put16 := func(v ...uint16) {
		for _, v := range v {
			b = binary.LittleEndian.AppendUint16(b, v)
		}
	}
	put32 := func(v ...uint32) {
		for _, v := range v {
			b = binary.LittleEndian.AppendUint32(b, v)
		}
	}
	name := "a.txt\x00"
	files := uint32(36 + 8)
	data := files + 16 + uint32(len(name))
	b = append(b, "MSCF"...)
	put32(0, data+8+uint32(len(content)), 0, files, 0)
	put16(0x0103, 1, 1, 0, 1234, 0) // version, folders, files, flags, set, index
	put32(data)
	put16(1, 0) // blocks, no compression
	put32(uint32(len(content)), 0)
	put16(0, 0x3c39, 0x3360, 0x20) // folder, date, time, attributes
	b = append(b, name...)
	put32(0)
	put16(uint16(len(content)), uint16(len(content)))
	return append(b, content...)
}

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return data
}

// fixtureOptions trust the root of the fixtures.
func fixtureOptions(t testing.TB) Options {
	t.Helper()
	roots, err := ParseRoots(fixture(t, "root.pem"))
	require.NoError(t, err)
	return Options{Roots: roots}
}

// verify chooses by the file's first bytes.
func verify(data []byte, o Options) (*Signature, error) {
	r, size := bytes.NewReader(data), int64(len(data))
	switch {
	case bytes.HasPrefix(data, []byte("MSCF")):
		return VerifyCAB(r, size, o)
	case bytes.HasPrefix(data, []byte{0xd0, 0xcf, 0x11, 0xe0}):
		return VerifyMSI(r, size, o)
	}
	return VerifyPE(r, size, o)
}

var fixtures = []struct {
	name      string
	digests   string
	timestamp bool
}{
	{"plain.exe", "SHA-256", false},
	{"sha256.exe", "SHA-256", true},
	{"sha512-pagehash.exe", "SHA-512", true},
	{"sha1.exe", "SHA-1", true},
	{"sha1-nested-sha256.exe", "SHA-1 SHA-256", true},
	{"plain.msi", "SHA-256", false},
	{"sha1.msi", "SHA-1", true},
	{"sha256-ex.msi", "SHA-256", true},
	{"sha256.cab", "SHA-256", true},
}

func TestFixtures(t *testing.T) {
	o := fixtureOptions(t)
	for _, f := range fixtures {
		t.Run(f.name, func(t *testing.T) {
			data := fixture(t, f.name)
			s, err := verify(data, o)
			require.NoError(t, err)

			all := append([]Signature{*s}, s.Others...)
			var digests []string
			for _, one := range all {
				digests = append(digests, one.DigestAlgorithm)
				require.Equal(t, "Example Signer", one.Signer)
				require.Equal(t, "Example Corp.", one.Publisher)
				require.Len(t, one.Chain, 2)
				require.Contains(t, one.Notes, noteRevocation)
				if f.timestamp {
					require.Equal(t, Valid, one.Status, one.Notes)
					require.Equal(t, signedAt, one.Timestamp)
				} else {
					require.Equal(t, Untrusted, one.Status)
					require.Contains(t, one.Notes[0], "no timestamp proves when it was signed")
				}
			}
			require.Equal(t, f.digests, strings.Join(digests, " "))

			o := o
			o.At = date(2050)
			s, err = verify(data, o)
			require.NoError(t, err)
			require.Equal(t, Valid, s.Status, "at a given time")

			if !f.timestamp {
				o.At = date(2101)
				s, err = verify(data, o)
				require.NoError(t, err)
				require.Equal(t, Untrusted, s.Status, "after the certificates ended")
			}

			s, err = verify(data, Options{At: date(2050)})
			require.NoError(t, err)
			require.Equal(t, Untrusted, s.Status, "without the root")
			require.Contains(t, s.Notes[0], "neither a trusted root nor among the file's certificates")
			require.False(t, s.SignedBy("Example Corp."))
		})
	}
}
