package authenticode

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"
)

// maxTimestamps is how many timestamps one signature may have.
const maxTimestamps = 8

var (
	// oidCountersignature is the timestamp of Authenticode before 2012: a PKCS #9
	// countersignature with a signing time.
	oidCountersignature = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 6}
	// oidTimestampToken is szOID_RFC3161_counterSign: an RFC 3161 time stamp token.
	oidTimestampToken = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 3, 3, 1}

	oidTSTInfo              = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidSigningCertificate   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12}
	oidSigningCertificateV2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
)

var errOtherCertificate = errors.New("it names another certificate than the one it is signed with")

// timestamp is a statement, checked against its own key, that a signature existed
// at a time.
type timestamp struct {
	time   time.Time
	signer *signer // nil for one that is made with MD5: it proves nothing, and does no harm
}

// timestampsOf checks the timestamps on s, which sd holds, in the order in which
// they stand there. One that does not hold is an error: somebody changed it.
func timestampsOf(sd *signedData, s *signer) ([]timestamp, error) {
	var list []timestamp
	for _, a := range s.unsigned {
		if !a.oid.Equal(oidTimestampToken) && !a.oid.Equal(oidCountersignature) {
			continue
		}
		if len(list) == maxTimestamps {
			return nil, fmt.Errorf("%w: more than %d timestamps", errSignedData, maxTimestamps)
		}
		var t timestamp
		var err error
		if a.oid.Equal(oidTimestampToken) {
			t, err = verifyToken(a.value, s.signature, sd.work)
		} else {
			t, err = verifyCountersignature(a.value, sd, s.signature)
		}
		// Before 2006 countersignatures were made with MD5; tokens never were.
		if errors.Is(err, errMD5) && a.oid.Equal(oidCountersignature) {
			list = append(list, timestamp{})
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("its timestamp does not hold: %w", err)
		}
		t.signer.pool = slices.Concat(t.signer.pool, s.pool)
		list = append(list, t)
	}
	return list, nil
}

// verifyCountersignature checks a PKCS #9 countersignature (RFC 2985, 5.3.6): a
// SignerInfo whose content is the signature, and whose certificates are in the
// countersigned SignedData.
func verifyCountersignature(signerInfo []byte, sd *signedData, signature []byte) (timestamp, error) {
	counter := &signedData{
		contentType:  oidData,
		content:      asn1.RawValue{Bytes: signature},
		certificates: sd.certificates,
		signer:       signerInfo,
		work:         sd.work,
	}
	s, err := counter.verifySigner()
	if err != nil {
		return timestamp{}, err
	}
	times := valuesOf(s.signed, oidSigningTime)
	if len(times) != 1 {
		return timestamp{}, fmt.Errorf("%w: it has %d signing times instead of one", errSignedData, len(times))
	}
	var t time.Time
	if _, err := asn1.Unmarshal(times[0], &t); err != nil {
		return timestamp{}, fmt.Errorf("%w: its signing time cannot be read: %w", errSignedData, err)
	}
	return timestamp{t.UTC(), s}, nil
}

// tstInfo is TSTInfo up to the time (RFC 3161, 2.4.2).
type tstInfo struct {
	Version        int
	Policy         asn1.ObjectIdentifier
	MessageImprint struct {
		HashAlgorithm algorithmIdentifier
		HashedMessage []byte
	}
	SerialNumber *big.Int
	GenTime      time.Time `asn1:"generalized"`
}

// verifyToken checks an RFC 3161 time stamp token over the signature.
func verifyToken(token, signature []byte, w *work) (timestamp, error) {
	sd, err := parseSignedData(token, w)
	if err != nil {
		return timestamp{}, err
	}
	if !sd.contentType.Equal(oidTSTInfo) || sd.content.FullBytes[0] != asn1.TagOctetString {
		return timestamp{}, fmt.Errorf("%w: its content of type %v is not a TSTInfo", errSignedData, sd.contentType)
	}
	s, err := sd.verifySigner()
	if err != nil {
		return timestamp{}, err
	}
	if err := s.checkSigningCertificate(); err != nil {
		return timestamp{}, err
	}

	encoded, size, err := toDER(sd.content.Bytes)
	if err != nil {
		return timestamp{}, fmt.Errorf("%w: its TSTInfo cannot be read: %w", errSignedData, err)
	}
	if rest := len(sd.content.Bytes) - size; rest > 0 {
		return timestamp{}, fmt.Errorf("%w: %d bytes follow its TSTInfo", errSignedData, rest)
	}
	var info tstInfo
	if _, err := asn1.Unmarshal(encoded, &info); err != nil {
		return timestamp{}, fmt.Errorf("%w: its TSTInfo cannot be read: %v", errSignedData, err)
	}
	if info.Version != 1 {
		return timestamp{}, fmt.Errorf("%w: its TSTInfo is of version %d", errSignedData, info.Version)
	}
	hash, err := digestOf(info.MessageImprint.HashAlgorithm.Algorithm)
	if err != nil {
		return timestamp{}, err
	}
	if !bytes.Equal(info.MessageImprint.HashedMessage, sumOf(hash, signature)) {
		return timestamp{}, errors.New("it was made for another signature")
	}
	return timestamp{info.GenTime.UTC(), s}, nil
}

// checkSigningCertificate checks the signed attribute by which a timestamp names
// its certificate first, then those of the chain, so that no other one with the
// same name and serial number can take its place (RFC 2634, 5.4; RFC 5035, 3).
func (s *signer) checkSigningCertificate() error {
	for _, value := range valuesOf(s.signed, oidSigningCertificate) {
		var named struct {
			Certs struct {
				First struct{ Hash []byte }
			}
		}
		if _, err := asn1.Unmarshal(value, &named); err != nil {
			return fmt.Errorf("%w: its signing certificate attribute cannot be read", errSignedData)
		}
		if !bytes.Equal(named.Certs.First.Hash, sumOf(crypto.SHA1, s.certificate.Raw)) {
			return errOtherCertificate
		}
	}
	for _, value := range valuesOf(s.signed, oidSigningCertificateV2) {
		var named struct {
			Certs struct {
				First struct {
					HashAlgorithm algorithmIdentifier `asn1:"optional"`
					Hash          []byte
				}
			}
		}
		if _, err := asn1.Unmarshal(value, &named); err != nil {
			return fmt.Errorf("%w: its signing certificate attribute cannot be read", errSignedData)
		}
		hash := crypto.SHA256 // the default
		if oid := named.Certs.First.HashAlgorithm.Algorithm; len(oid) > 0 {
			var err error
			if hash, err = digestOf(oid); err != nil {
				return err
			}
		}
		if !bytes.Equal(named.Certs.First.Hash, sumOf(hash, s.certificate.Raw)) {
			return errOtherCertificate
		}
	}
	return nil
}

// provenTime returns the time of the first timestamp whose authority a root
// vouches for, and notes on it. Otherwise the time is zero and the notes say why.
func provenTime(timestamps []timestamp, roots []*x509.Certificate, w *work) (time.Time, []string) {
	var notes []string
	for _, t := range timestamps {
		if t.signer == nil {
			notes = append(notes, "a timestamp proves nothing: it is made with MD5")
			continue
		}
		b := chainBuilder{work: w, roots: roots, pool: t.signer.pool, purpose: x509.ExtKeyUsageTimeStamping, at: t.time}
		chain, reason := b.build(t.signer.certificate)
		if reason != "" {
			notes = append(notes, fmt.Sprintf("the timestamp of %s proves nothing: %s", t.time.Format(time.RFC3339), reason))
			continue
		}
		notes = oldAlgorithms("the timestamp", chain)
		if t.signer.digest == crypto.SHA1 {
			notes = append(notes, "old algorithm: the timestamp is signed with SHA-1")
		}
		return t.time, notes
	}
	return time.Time{}, notes
}
