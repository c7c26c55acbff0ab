package authenticode

import (
	"bytes"
	"crypto"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

const builtDirectory = builtOptional + optionalCount32 + 4 + directorySecurity*directorySize

// withTable returns the unsigned file with a certificate table of the given
// entries, each padded to a multiple of 8.
func withTable(entries ...[]byte) []byte {
	data := buildPE()
	var table []byte
	for _, entry := range entries {
		table = append(table, entry...)
		table = append(table, make([]byte, -len(table)&(tableAlignment-1))...)
	}
	binary.LittleEndian.PutUint32(data[builtDirectory:], builtSize)
	binary.LittleEndian.PutUint32(data[builtDirectory+4:], uint32(len(table)))
	return append(data, table...)
}

// winCertificate returns an entry that says it has its true length.
func winCertificate(kind uint16, content []byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(winCertHeaderSize+len(content)))
	b = binary.LittleEndian.AppendUint16(b, winCertRevision2)
	b = binary.LittleEndian.AppendUint16(b, kind)
	return append(b, content...)
}

// signatureIn returns the DER form of the first signature of a file that
// osslsigncode made of the built one.
func signatureIn(t testing.TB, signed []byte) []byte {
	t.Helper()
	der, _, err := toDER(signed[builtSize+winCertHeaderSize:])
	require.NoError(t, err)
	return der
}

func TestTamperedPE(t *testing.T) {
	set32 := binary.LittleEndian.PutUint32
	get32 := binary.LittleEndian.Uint32
	tests := []struct {
		name   string
		change func(b []byte) []byte
		status Status
		note   string
	}{
		{"unchanged", func(b []byte) []byte { return b }, Valid, ""},
		{"checksum field", func(b []byte) []byte { b[builtOptional+optionalChecksum] ^= 0xff; return b }, Valid, ""},
		{"first byte of the section", func(b []byte) []byte { b[0x200] ^= 1; return b }, Invalid, "changed after it was signed"},
		{"last byte of the section", func(b []byte) []byte { b[builtSize-1] ^= 1; return b }, Invalid, "changed after it was signed"},
		{"header before the checksum", func(b []byte) []byte { b[builtOptional+60] ^= 1; return b }, Invalid, "changed after it was signed"},
		{"header between checksum and directory", func(b []byte) []byte { b[builtOptional+68] ^= 1; return b }, Invalid, "changed after it was signed"},
		{"header behind the directory", func(b []byte) []byte { b[builtDirectory+8] ^= 1; return b }, Invalid, "changed after it was signed"},
		{"the DOS header", func(b []byte) []byte { b[0x20] ^= 1; return b }, Invalid, "changed after it was signed"},
		{"bytes behind the table", func(b []byte) []byte { return append(b, 0) }, Invalid, "1 bytes follow it"},
		{"file cut off in the table", func(b []byte) []byte { return b[:len(b)-1] }, Invalid, "the file at"},
		{"file cut off before the table", func(b []byte) []byte { return b[:builtSize-1] }, Invalid, "the file at"},
		{"bytes before the table", func(b []byte) []byte {
			set32(b[builtDirectory:], get32(b[builtDirectory:])+8)
			return slices.Insert(b, builtSize, make([]byte, 8)...)
		}, Invalid, "changed after it was signed"},
		{"table in the headers", func(b []byte) []byte { set32(b[builtDirectory:], 8); return b }, Invalid, "it lies in the headers"},
		{"table not aligned", func(b []byte) []byte { set32(b[builtDirectory:], builtSize+4); return b }, Invalid, "not a multiple of 8"},
		{"table too large", func(b []byte) []byte { set32(b[builtDirectory+4:], maxSignature+1); return b }, Invalid, "above the limit"},
		{"table of 4 GiB", func(b []byte) []byte { set32(b[builtDirectory+4:], 1<<32-1); return b }, Invalid, "above the limit"},
		{"no entry", func(b []byte) []byte { return withTable(make([]byte, 7)) }, Invalid, "an entry of 0 bytes"},
		{"entry shorter than its header", func(b []byte) []byte { set32(b[builtSize:], 7); return b }, Invalid, "an entry of 7 bytes"},
		{"entry longer than the table", func(b []byte) []byte { set32(b[builtSize:], 1<<32-1); return b }, Invalid, "an entry of 4294967295 bytes"},
		{"entry of another revision", func(b []byte) []byte { b[builtSize+5] = 3; return b }, Invalid, "revision 0x300"},
		{"entry of another type", func(b []byte) []byte { return withTable(winCertificate(1, signatureIn(t, b))) }, Invalid, "an entry of type 1"},
		{"entry twice", func(b []byte) []byte {
			return withTable(winCertificate(winCertSignedData, signatureIn(t, b)), winCertificate(winCertSignedData, signatureIn(t, b)))
		}, Valid, ""},
		{"second entry is not a signature", func(b []byte) []byte {
			return withTable(winCertificate(winCertSignedData, signatureIn(t, b)), winCertificate(winCertSignedData, []byte("payload!")))
		}, Invalid, "malformed"},
		{"too many entries", func(b []byte) []byte {
			return withTable(slices.Repeat([][]byte{winCertificate(winCertSignedData, signatureIn(t, b))}, maxSignatures+1)...)
		}, Invalid, "more than 16 signatures"},
		{"zeros behind the signature", func(b []byte) []byte {
			return withTable(winCertificate(winCertSignedData, append(signatureIn(t, b), make([]byte, 64)...)))
		}, Valid, ""},
		{"other data behind the signature", func(b []byte) []byte {
			return withTable(winCertificate(winCertSignedData, append(signatureIn(t, b), "payload!"...)))
		}, Invalid, "bytes of other data follow it"},
		{"other data in the padding", func(b []byte) []byte {
			der := append(signatureIn(t, b), 0)
			b = withTable(winCertificate(winCertSignedData, der))
			b[builtSize+winCertHeaderSize+len(der)] = 1
			return b
		}, Invalid, "of other data"},
		{"other data at the end of the table", func(b []byte) []byte {
			b = append(b, 0, 0, 0, 1)
			set32(b[builtDirectory+4:], get32(b[builtDirectory+4:])+4)
			return b
		}, Invalid, "4 bytes of other data at its end"},
		{"signature of a package", func(b []byte) []byte {
			return withTable(winCertificate(winCertSignedData, packageSignature(t, "plain.msi")))
		}, Invalid, "another kind of file"},
		{"directory entry emptied", func(b []byte) []byte { clear(b[builtDirectory : builtDirectory+8]); return b }, None, ""},
		{"fewer directories", func(b []byte) []byte { b[builtOptional+optionalCount32] = 4; return b }, None, ""},
		{"no PE signature", func(b []byte) []byte { b[builtHeader] = 'N'; return b }, None, ""},
		{"no DOS signature", func(b []byte) []byte { b[0] = 'N'; return b }, None, ""},
		{"unknown optional header", func(b []byte) []byte { b[builtOptional] = 0; return b }, None, ""},
		{"new header far away", func(b []byte) []byte { set32(b[dosNewHeader:], 1<<32-1); return b }, None, ""},
		{"new header behind the end", func(b []byte) []byte { set32(b[dosNewHeader:], uint32(len(b))); return b }, None, ""},
		{"cut off in the headers", func(b []byte) []byte { return b[:builtOptional+10] }, None, ""},
		{"empty", func(b []byte) []byte { return nil }, None, ""},
	}
	o := fixtureOptions(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			data := test.change(fixture(t, "sha256.exe"))
			s, err := VerifyPE(bytes.NewReader(data), int64(len(data)), o)
			require.NoError(t, err)
			require.Equal(t, test.status, s.Status, s.Notes)
			if test.note != "" {
				require.Contains(t, s.Notes[0], test.note)
			}
			require.Equal(t, s, collect(data, o, len(data)), "the Collector agrees")
			// osslsigncode does not look behind a signature, and knows one entry only.
			if test.name != "entry twice" {
				stricter := []string{"other data behind the signature", "other data in the padding"}
				compareWithOracle(t, data, s, slices.Contains(stricter, test.name))
			}
		})
	}
}

// Whatever changes in the parts of the certificate table that keys vouch for, the
// signature does not stay valid. (It may where nobody looks: in a root that a
// timestamp brings along.)
func TestTamperedTable(t *testing.T) {
	o := fixtureOptions(t)
	data := fixture(t, "sha256.exe")
	sd, err := parseSignedData(signatureIn(t, data), (*Budget)(nil).file())
	require.NoError(t, err)
	s, err := sd.verifySigner()
	require.NoError(t, err)
	tokens := valuesOf(s.unsigned, oidTimestampToken)
	require.Len(t, tokens, 1)
	token, err := parseSignedData(tokens[0], (*Budget)(nil).file())
	require.NoError(t, err)
	tsa, err := token.verifySigner()
	require.NoError(t, err)

	parts := map[string][]byte{
		"content":                  sd.content.FullBytes,
		"certificate":              s.certificate.Raw,
		"signature":                s.signature,
		"content of the token":     token.content.FullBytes,
		"certificate of the token": tsa.certificate.Raw,
		"signature of the token":   tsa.signature,
	}
	for _, a := range s.signed {
		parts["signed attribute "+a.oid.String()] = a.value
	}
	for _, a := range tsa.signed {
		parts["signed attribute of the token "+a.oid.String()] = a.value
	}
	const stride = 3
	for name, part := range parts {
		require.Contains(t, string(data), string(part), name)
		for at := 0; at < len(part); at += stride {
			other := bytes.Clone(part)
			other[at] ^= 1
			// osslsigncode puts one certificate into its tokens twice.
			changed := bytes.ReplaceAll(data, part, other)
			s, err := VerifyPE(bytes.NewReader(changed), int64(len(changed)), o)
			require.NoError(t, err)
			require.NotEqual(t, Valid, s.Status, "%s, byte %d", name, at)
		}
	}
}

// A new header may begin anywhere in the first 256 MiB, and in the DOS header.
func TestFarHeader(t *testing.T) {
	set32 := binary.LittleEndian.PutUint32
	root := issue(t, nil, 0, authority("Root"))
	code := issue(t, root, 1, codeSigner("Signer"))
	o := Options{Roots: rootsOf(root), At: date(2010)}
	for _, by := range []int{-0x80 + 16, 100, 1 << 20, maxKept + 4096} {
		start, plain := builtHeader+by, buildPE()
		file := make([]byte, start)
		copy(file, "MZ")
		file = append(file, plain[builtHeader:]...)
		// A header within the DOS header has e_lfanew in its BaseOfCode.
		set32(file[dosNewHeader:], uint32(start))
		directory, checksum := builtDirectory+by, builtOptional+optionalChecksum+by
		set32(file[start+builtOptional-builtHeader+0xe0+16:], 0x100) // SizeOfRawData: all of it before the table
		table := len(file) &^ 7
		file = file[:table]
		set32(file[directory:], uint32(table))
		var content indirectData
		content.Data.Type = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 1, 15}
		content.Data.Value.FullBytes = []byte{0x30, 0}
		content.MessageDigest.DigestAlgorithm.Algorithm = oidSHA256
		content.MessageDigest.Digest = sumOf(crypto.SHA256, slices.Concat(file[:checksum], file[checksum+checksumSize:directory], file[directory+directorySize:]))
		entry := winCertificate(winCertSignedData, signing{by: code, content: marshal(t, content)}.der(t))
		entry = append(entry, make([]byte, -len(entry)&(tableAlignment-1))...)
		set32(file[directory+4:], uint32(len(entry)))
		file = append(file, entry...)

		s, err := VerifyPE(bytes.NewReader(file), int64(len(file)), o)
		require.NoError(t, err)
		require.Equal(t, Valid, s.Status, "%d: %v", by, s.Notes)
		for _, piece := range []int{1 + len(file)/5000, 64 << 10, len(file)} {
			require.Equal(t, s, collect(file, o, piece), by)
		}
		file[len(file)/3] ^= 1
		require.NotEqual(t, Valid, collect(file, o, 64<<10).Status, by)
	}
}

// collect writes data to a Collector in pieces of the given size.
func collect(data []byte, o Options, piece int) *Signature {
	c := NewCollector(o)
	for len(data) > 0 {
		n, err := c.Write(data[:min(piece, len(data))])
		if err != nil {
			panic(err)
		}
		data = data[n:]
	}
	return c.Finish()
}

func TestCollectorInPieces(t *testing.T) {
	o := fixtureOptions(t)
	for _, name := range []string{"sha1-nested-sha256.exe", "sha512-pagehash.exe"} {
		data := fixture(t, name)
		want, err := VerifyPE(bytes.NewReader(data), int64(len(data)), o)
		require.NoError(t, err)
		require.Equal(t, Valid, want.Status)
		for _, piece := range []int{1, 3, 63, 64, 65, 512, 4096, len(data)} {
			require.Equal(t, want, collect(data, o, piece), "%s in pieces of %d", name, piece)
		}
	}
}

func TestCollectorWithoutTable(t *testing.T) {
	for _, data := range [][]byte{nil, []byte("MZ"), buildPE(), bytes.Repeat([]byte("text "), 1000)} {
		c := NewCollector(Options{})
		_, err := c.Write(data)
		require.NoError(t, err)
		require.Empty(t, c.kept)
		require.Nil(t, c.hashes, "no digest is computed")
		require.Equal(t, &Signature{Status: None}, c.Finish())
	}
}

func TestPE32Plus(t *testing.T) {
	head := buildPE()
	binary.LittleEndian.PutUint16(head[builtOptional:], optionalMagic64)
	binary.LittleEndian.PutUint32(head[builtOptional+optionalCount64:], 16)
	entry := builtOptional + optionalCount64 + 4 + directorySecurity*directorySize
	binary.LittleEndian.PutUint32(head[entry:], builtSize)
	binary.LittleEndian.PutUint32(head[entry+4:], 16)
	l, err := layoutOf(bytes.NewReader(head), int64(len(head)))
	require.NoError(t, err)
	require.Equal(t, layout{
		checksum:  builtOptional + optionalChecksum,
		directory: int64(entry),
		table:     builtSize,
		tableEnd:  builtSize + 16,
	}, l)
}

func TestVerifyPEReadError(t *testing.T) {
	data := fixture(t, "sha256.exe")
	for _, limit := range []int64{10, builtSize / 2, builtSize + 10} {
		r := failingReaderAt{bytes.NewReader(data), limit}
		_, err := VerifyPE(r, int64(len(data)), Options{})
		require.ErrorIs(t, err, iotest.ErrTimeout)
	}
}

// failingReaderAt fails behind limit.
type failingReaderAt struct {
	r     io.ReaderAt
	limit int64
}

func (f failingReaderAt) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.limit {
		n, _ := f.r.ReadAt(p[:max(0, min(f.limit-off, int64(len(p))))], off)
		return n, iotest.ErrTimeout
	}
	return f.r.ReadAt(p, off)
}

func TestUnreadableSignature(t *testing.T) {
	data := withTable(winCertificate(winCertSignedData, []byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xff}))
	table := data[builtSize:]
	_, err := parseTable(table, nil)
	require.True(t, errors.Is(err, errSignedData) && errors.Is(err, errBER), err)
}

// enlarged returns sha256.exe with more bytes before its table, which its
// signature does not cover.
func enlarged(t testing.TB, by int) []byte {
	t.Helper()
	small := fixture(t, "sha256.exe")
	large := slices.Concat(small[:builtSize], make([]byte, by), small[builtSize:])
	binary.LittleEndian.PutUint32(large[builtDirectory:], uint32(builtSize+by))
	return large
}

// Whether the file is kept or digested as it comes makes no difference.
func TestCollectorOfLargeFile(t *testing.T) {
	root := issue(t, nil, 0, authority("Root"))
	code := issue(t, root, 1, codeSigner("Signer"))
	o := Options{Roots: rootsOf(root), At: date(2010)}
	for _, by := range []int{maxKept - builtSize, maxKept, maxKept + 4096} {
		data := enlarged(t, by)
		covered := slices.Concat(data[:builtOptional+optionalChecksum],
			data[builtOptional+optionalChecksum+checksumSize:builtDirectory],
			data[builtDirectory+directorySize:builtSize+by])
		for _, hash := range []crypto.Hash{crypto.SHA1, crypto.SHA384} {
			content := indirectData{}
			content.Data.Type = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 1, 15}
			content.Data.Value.FullBytes = []byte{0x30, 0}
			content.MessageDigest.DigestAlgorithm.Algorithm = oidOf(hash)
			content.MessageDigest.Digest = sumOf(hash, covered)
			table := winCertificate(winCertSignedData, signing{by: code, content: marshal(t, content)}.der(t))
			table = append(table, make([]byte, -len(table)&(tableAlignment-1))...)
			signed := append(slices.Clone(data[:builtSize+by]), table...)
			binary.LittleEndian.PutUint32(signed[builtDirectory+4:], uint32(len(table)))
			for _, piece := range []int{64 << 10, len(signed)} {
				s := collect(signed, o, piece)
				require.Equal(t, Valid, s.Status, s.Notes)
			}
			signed[builtSize+by-1] = 1
			require.Equal(t, Invalid, collect(signed, o, 64<<10).Status)
		}
	}
}

func BenchmarkCollector(b *testing.B) {
	small, large := enlarged(b, 2<<20), enlarged(b, 16<<20)
	for _, bench := range []struct {
		name string
		data []byte
		run  func([]byte)
	}{
		{"collector of 2 MiB", small, func(data []byte) { collect(data, Options{}, 64<<10) }},
		{"collector of 16 MiB", large, func(data []byte) { collect(data, Options{}, 64<<10) }},
		{"VerifyPE", large, func(data []byte) {
			if _, err := VerifyPE(bytes.NewReader(data), int64(len(data)), Options{}); err != nil {
				b.Fatal(err)
			}
		}},
		{"SHA-256 alone", large, func(data []byte) { sumOf(crypto.SHA256, data) }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.SetBytes(int64(len(bench.data)))
			for b.Loop() {
				bench.run(bench.data)
			}
		})
	}
}
