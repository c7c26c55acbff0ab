package authenticode

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha1"   // digests of signatures
	_ "crypto/sha256" // digests of signatures
	_ "crypto/sha512" // digests of signatures
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// Limits far above what signatures need, which bound time and memory on hostile
// files.
const (
	maxCertificates    = 100
	maxCertificateSize = 64 << 10
	maxAttributes      = 100 // values, signed or not
)

var (
	oidData          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidSignedData    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidContentType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSigningTime   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 5}
	oidRSAPSS        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}

	oidMD5    = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 5}
	oidSHA1   = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
	oidSHA256 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidSHA384 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}
	oidSHA512 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}
)

var (
	errSignedData = errors.New("malformed signature")
	errMD5        = errors.New("its digest is MD5, which proves nothing")
)

// signedData is a PKCS #7 SignedData (RFC 2315, 9.1) with exactly one signer.
type signedData struct {
	contentType  asn1.ObjectIdentifier
	content      asn1.RawValue
	certificates []*x509.Certificate // those that can be read
	signer       []byte              // the SignerInfo
	work         *work               // of the file that it is in
}

type contentInfo struct {
	ContentType asn1.ObjectIdentifier
	Content     asn1.RawValue `asn1:"explicit,optional,tag:0"`
}

type algorithmIdentifier struct {
	Algorithm  asn1.ObjectIdentifier
	Parameters asn1.RawValue `asn1:"optional"`
}

// parseSignedData reads a ContentInfo that holds a SignedData, in DER.
func parseSignedData(der []byte, w *work) (*signedData, error) {
	var outer contentInfo
	if rest, err := asn1.Unmarshal(der, &outer); err != nil || len(rest) > 0 || !onlyFields(der, 2) {
		return nil, fmt.Errorf("%w: it is not a PKCS #7 structure", errSignedData)
	}
	if !outer.ContentType.Equal(oidSignedData) {
		return nil, fmt.Errorf("%w: the content type %v is not SignedData", errSignedData, outer.ContentType)
	}
	var body struct {
		Version          int
		DigestAlgorithms asn1.RawValue `asn1:"set"`
		ContentInfo      contentInfo
		Certificates     asn1.RawValue `asn1:"optional,tag:0"`
		CRLs             asn1.RawValue `asn1:"optional,tag:1"`
		SignerInfos      asn1.RawValue `asn1:"set"`
	}
	if rest, err := asn1.Unmarshal(outer.Content.Bytes, &body); err != nil || len(rest) > 0 || !onlyFields(outer.Content.Bytes, 4+present(body.Certificates)+present(body.CRLs)) {
		return nil, fmt.Errorf("%w: its SignedData cannot be read", errSignedData)
	}
	if body.DigestAlgorithms.Tag != asn1.TagSet || body.SignerInfos.Tag != asn1.TagSet {
		return nil, fmt.Errorf("%w: its SignedData cannot be read", errSignedData)
	}
	var signer asn1.RawValue
	if rest, err := asn1.Unmarshal(body.SignerInfos.Bytes, &signer); err != nil || len(rest) > 0 {
		return nil, fmt.Errorf("%w: it has not exactly one signer", errSignedData)
	}
	sd := &signedData{contentType: body.ContentInfo.ContentType, signer: signer.FullBytes, work: w}
	if rest, err := asn1.Unmarshal(body.ContentInfo.Content.Bytes, &sd.content); err != nil || len(rest) > 0 {
		return nil, fmt.Errorf("%w: it has no content", errSignedData)
	}
	set, err := members(body.Certificates.Bytes, maxCertificates)
	if err != nil {
		return nil, fmt.Errorf("%w in its set of certificates", err)
	}
	sd.certificates = readableCertificates(set)
	return sd, nil
}

// onlyFields reports whether the ASN.1 sequence der has n elements. encoding/asn1
// takes more of them for those of a later version; here nobody signs them.
func onlyFields(der []byte, n int) bool {
	var sequence asn1.RawValue
	if _, err := asn1.Unmarshal(der, &sequence); err != nil {
		return false
	}
	fields, err := members(sequence.Bytes, n)
	return err == nil && len(fields) == n
}

// present returns 1 for an optional field that is there.
func present(field asn1.RawValue) int {
	if field.FullBytes == nil {
		return 0
	}
	return 1
}

// members splits the content of a SET or SEQUENCE OF.
func members(content []byte, limit int) ([][]byte, error) {
	var list [][]byte
	for len(content) > 0 {
		var member asn1.RawValue
		rest, err := asn1.Unmarshal(content, &member)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errSignedData, errBER)
		}
		if len(list) == limit {
			return nil, fmt.Errorf("%w: more than %d elements", errSignedData, limit)
		}
		list = append(list, member.FullBytes)
		content = rest
	}
	return list, nil
}

// readableCertificates parses the members of a CertificateSet (RFC 5652, 10.2.2).
// The set is not signed, so what is not a usable X.509 certificate is left out:
// Microsoft's timestamps carry version 1 attribute certificates.
func readableCertificates(set [][]byte) []*x509.Certificate {
	var list []*x509.Certificate
	for _, member := range set {
		if len(member) > maxCertificateSize {
			continue
		}
		c, err := x509.ParseCertificate(member)
		if err != nil {
			continue
		}
		list = append(list, c)
	}
	return list
}

// signerInfo is SignerInfo (RFC 2315, 9.2; RFC 5652, 5.3).
type signerInfo struct {
	Version                   int
	Identifier                asn1.RawValue // of the certificate
	DigestAlgorithm           algorithmIdentifier
	AuthenticatedAttributes   asn1.RawValue `asn1:"optional,tag:0"`
	DigestEncryptionAlgorithm algorithmIdentifier
	EncryptedDigest           []byte
	UnauthenticatedAttributes asn1.RawValue `asn1:"optional,tag:1"`
}

// names returns a function that reports whether a certificate is the signer's. It is
// named by issuer and number, in CMS also by the identifier of its key.
func (info *signerInfo) names() (func(*x509.Certificate) bool, error) {
	if info.Identifier.Class == asn1.ClassContextSpecific && info.Identifier.Tag == 0 && len(info.Identifier.Bytes) > 0 {
		return func(c *x509.Certificate) bool { return bytes.Equal(c.SubjectKeyId, info.Identifier.Bytes) }, nil
	}
	var by struct {
		Issuer       asn1.RawValue
		SerialNumber *big.Int
	}
	if _, err := asn1.Unmarshal(info.Identifier.FullBytes, &by); err != nil || !onlyFields(info.Identifier.FullBytes, 2) {
		return nil, fmt.Errorf("%w: its signer cannot be read", errSignedData)
	}
	return func(c *x509.Certificate) bool {
		return bytes.Equal(c.RawIssuer, by.Issuer.FullBytes) && c.SerialNumber.Cmp(by.SerialNumber) == 0
	}, nil
}

// signer is a SignerInfo whose signature over the content was checked.
type signer struct {
	certificate *x509.Certificate
	pool        []*x509.Certificate // certificates for its chain
	digest      crypto.Hash
	signature   []byte // what a timestamp is about
	signed      []attribute
	unsigned    []attribute
}

// verifySigner checks that the signer of sd signed its content, through signed
// attributes that say so. Whether the certificate deserves trust is for
// chainBuilder.
func (sd *signedData) verifySigner() (*signer, error) {
	var info signerInfo
	if rest, err := asn1.Unmarshal(sd.signer, &info); err != nil || len(rest) > 0 ||
		!onlyFields(sd.signer, 5+present(info.AuthenticatedAttributes)+present(info.UnauthenticatedAttributes)) {
		return nil, fmt.Errorf("%w: its signer cannot be read", errSignedData)
	}
	s := &signer{signature: info.EncryptedDigest, pool: sd.certificates}
	named, err := info.names()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(sd.certificates, named)
	if i < 0 {
		return nil, fmt.Errorf("%w: it does not hold the signer's certificate", errSignedData)
	}
	s.certificate = sd.certificates[i]
	if s.digest, err = digestOf(info.DigestAlgorithm.Algorithm); err != nil {
		return nil, err
	}
	if s.signed, err = parseAttributes(info.AuthenticatedAttributes.Bytes); err != nil {
		return nil, err
	}
	if s.unsigned, err = parseAttributes(info.UnauthenticatedAttributes.Bytes); err != nil {
		return nil, err
	}

	// Without signed attributes the signature would be over the content alone, and
	// the encoding of attributes could pass for content.
	types := valuesOf(s.signed, oidContentType)
	var contentType asn1.ObjectIdentifier
	switch {
	case len(types) == 0 && sd.contentType.Equal(oidData):
		// RFC 5652, 11.4: a countersignature names no content type.
	case len(types) != 1:
		return nil, fmt.Errorf("%w: it has %d signed content types instead of one", errSignedData, len(types))
	default:
		if _, err := asn1.Unmarshal(types[0], &contentType); err != nil || !contentType.Equal(sd.contentType) {
			return nil, fmt.Errorf("%w: the signed content type is not that of the content", errSignedData)
		}
	}
	digests := valuesOf(s.signed, oidMessageDigest)
	if len(digests) != 1 {
		return nil, fmt.Errorf("%w: it has %d signed message digests instead of one", errSignedData, len(digests))
	}
	var digest []byte
	if _, err := asn1.Unmarshal(digests[0], &digest); err != nil {
		return nil, fmt.Errorf("%w: its message digest cannot be read", errSignedData)
	}
	// RFC 2315, 9.3: identifier and length of the content are not digested.
	if !bytes.Equal(digest, sumOf(s.digest, sd.content.Bytes)) {
		return nil, errors.New("its content is not what was signed: the message digest differs")
	}
	if info.DigestEncryptionAlgorithm.Algorithm.Equal(oidRSAPSS) {
		return nil, errors.New("it is signed with RSASSA-PSS, which Authenticode does not know")
	}
	// RFC 2315, 9.3: the attributes are signed as a SET.
	encoded := info.AuthenticatedAttributes.Bytes
	attributes := append(appendHeader(nil, classConstructed|asn1.TagSet, len(encoded)), encoded...)
	sum := sumOf(s.digest, attributes)
	err = sd.checkSignature(s.certificate, s.digest, sum, s.signature)
	if err != nil && sd.contentType.Equal(oidData) && s.digest == crypto.SHA1 {
		// Symantec's countersignatures sign the digest as it is, without the DigestInfo
		// around it that names the algorithm.
		err = sd.checkSignature(s.certificate, 0, sum, s.signature)
	}
	if err != nil {
		return nil, fmt.Errorf("the signature of %s does not hold: %w", nameOf(s.certificate), err)
	}
	return s, nil
}

// checkSignature checks a signature over a digest. Without a hash, an RSA
// signature has no DigestInfo.
func (sd *signedData) checkSignature(c *x509.Certificate, hash crypto.Hash, digest, signature []byte) error {
	if err := sd.work.spend(c.PublicKey); err != nil {
		return err
	}
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, hash, digest, signature)
	case *ecdsa.PublicKey:
		if !ecdsa.VerifyASN1(key, digest, signature) {
			return errors.New("crypto/ecdsa: verification error")
		}
		return nil
	}
	return fmt.Errorf("%v keys are not known here", c.PublicKeyAlgorithm)
}

// attribute is one value of an attribute (RFC 2315, 9.2).
type attribute struct {
	oid   asn1.ObjectIdentifier
	value []byte
}

// parseAttributes reads the members of a set of attributes.
func parseAttributes(set []byte) ([]attribute, error) {
	attributes, err := members(set, maxAttributes)
	if err != nil {
		return nil, fmt.Errorf("%w in its attributes", err)
	}
	var list []attribute
	for _, der := range attributes {
		var a struct {
			Type   asn1.ObjectIdentifier
			Values asn1.RawValue `asn1:"set"`
		}
		if rest, err := asn1.Unmarshal(der, &a); err != nil || len(rest) > 0 {
			return nil, fmt.Errorf("%w: its attributes cannot be read", errSignedData)
		}
		values, err := members(a.Values.Bytes, maxAttributes-len(list))
		if err != nil {
			return nil, fmt.Errorf("%w in its attribute %v", err, a.Type)
		}
		for _, value := range values {
			list = append(list, attribute{a.Type, value})
		}
	}
	return list, nil
}

func valuesOf(attributes []attribute, oid asn1.ObjectIdentifier) [][]byte {
	var list [][]byte
	for _, a := range attributes {
		if a.oid.Equal(oid) {
			list = append(list, a.value)
		}
	}
	return list
}

// digestOf returns the digest with the given object identifier.
func digestOf(oid asn1.ObjectIdentifier) (crypto.Hash, error) {
	switch {
	case oid.Equal(oidSHA1):
		return crypto.SHA1, nil
	case oid.Equal(oidSHA256):
		return crypto.SHA256, nil
	case oid.Equal(oidSHA384):
		return crypto.SHA384, nil
	case oid.Equal(oidSHA512):
		return crypto.SHA512, nil
	case oid.Equal(oidMD5):
		return 0, errMD5
	}
	return 0, fmt.Errorf("its digest algorithm %v is not known here", oid)
}

func sumOf(hash crypto.Hash, data []byte) []byte {
	h := hash.New()
	h.Write(data)
	return h.Sum(nil)
}
