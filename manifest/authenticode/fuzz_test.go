package authenticode

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"

	"github.com/stretchr/testify/require"
)

// The collector and VerifyPE agree on any file, in whatever pieces it comes, and
// nothing that is called valid is so without the fixtures' root.
func FuzzPE(f *testing.F) {
	for _, fixed := range fixtures {
		f.Add(fixture(f, fixed.name), uint16(100))
	}
	f.Add(buildPE(), uint16(1))
	f.Add(withTable(winCertificate(winCertSignedData, []byte{0x30, 0x80, 0, 0})), uint16(7))
	trusted := fixtureOptions(f)
	f.Fuzz(func(t *testing.T, data []byte, piece uint16) {
		s, err := VerifyPE(bytes.NewReader(data), int64(len(data)), trusted)
		require.NoError(t, err)
		require.Equal(t, s, collect(data, trusted, int(piece)+1))
		if s.Status == Valid {
			require.Equal(t, "Example Signer", s.Signer)
			require.Equal(t, signedAt, s.Timestamp)
		}
		s, err = VerifyPE(bytes.NewReader(data), int64(len(data)), Options{})
		require.NoError(t, err)
		require.NotEqual(t, Valid, s.Status)
	})
}

// Whatever replaces the signature of the built PE file, nothing but the real one
// makes it valid.
func FuzzSignature(f *testing.F) {
	for _, fixed := range fixtures {
		data := fixture(f, fixed.name)
		if bytes.HasPrefix(data, []byte("MZ")) {
			f.Add(signatureIn(f, data))
		}
	}
	f.Add(packageSignature(f, "sha1.msi"))
	trusted := fixtureOptions(f)
	trusted.At = date(2050)
	f.Fuzz(func(t *testing.T, signature []byte) {
		data := withTable(winCertificate(winCertSignedData, signature))
		s, err := VerifyPE(bytes.NewReader(data), int64(len(data)), trusted)
		require.NoError(t, err)
		require.NotEqual(t, None, s.Status)
		if s.Status == Valid {
			require.Equal(t, "Example Signer", s.Signer)
		}
	})
}

func FuzzMSI(f *testing.F) {
	for _, name := range []string{"plain.msi", "sha1.msi", "sha256-ex.msi"} {
		f.Add(fixture(f, name))
	}
	trusted := fixtureOptions(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := VerifyMSI(bytes.NewReader(data), int64(len(data)), trusted)
		if err == nil && s.Status == Valid {
			require.Equal(t, "Example Signer", s.Signer)
		}
	})
}

// FuzzNames reads name constraints and alternative names.
func FuzzNames(f *testing.F) {
	subject := pkix.Name{Organization: []string{"Example"}}.ToRDNSequence()
	directory := marshal(f, tagged(nameDirectory, marshal(f, subject)))
	f.Add(marshal(f, sequence(marshal(f, tagged(0, marshal(f, sequence(directory)))))), marshal(f, sequence(directory)), marshal(f, subject))
	f.Fuzz(func(t *testing.T, constraints, names, subject []byte) {
		issuer := &x509.Certificate{Extensions: []pkix.Extension{{Id: oidNameConstraints, Value: constraints}}}
		leaf := &x509.Certificate{RawSubject: subject, Extensions: []pkix.Extension{{Id: oidSubjectAltName, Value: names}}}
		leaf.Subject.Names = []pkix.AttributeTypeAndValue{{Type: oidEmailAddress, Value: string(names)}}
		refuseNames(issuer, []*x509.Certificate{leaf})
	})
}

func FuzzEndsOfArchives(f *testing.F) {
	f.Add([]byte(archiveEnd + archiveEnd))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, at := range endsOfArchives(data) {
			require.LessOrEqual(t, at+zipEndSize, len(data))
		}
	})
}
