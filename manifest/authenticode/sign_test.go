package authenticode

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// signing is a signature to be made, right or wrong, as osslsigncode would not make
// it. The zero values of its fields stand for what is usual.
type signing struct {
	by           *identity
	hash         crypto.Hash
	contentType  asn1.ObjectIdentifier
	content      []byte // DER
	digested     []byte // what the message digest is of, when not the content
	certificates [][]byte
	signed       []any // attributes instead of content type and message digest
	more         []any // further signed attributes
	unsigned     func(signature []byte) []any
	algorithm    asn1.ObjectIdentifier // of the signature
	signers      int
	bare         bool // sign the digest without DigestInfo

	sign        func(sum []byte) []byte         // instead of RSASSA-PKCS1-v1_5
	signerParts func(parts [][]byte) [][]byte   // changes the elements of SignerInfo
	bodyParts   func(parts [][]byte) [][]byte   // changes the elements of SignedData
	signedSet   func(members [][]byte) [][]byte // changes the signed attributes after they were signed
}

type attributeValue struct {
	Type   asn1.ObjectIdentifier
	Values asn1.RawValue
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	der, err := asn1.Marshal(v)
	require.NoError(t, err)
	return der
}

func set(members ...[]byte) asn1.RawValue {
	return asn1.RawValue{Tag: asn1.TagSet, IsCompound: true, Bytes: bytes.Join(members, nil)}
}

func tagged(tag int, members ...[]byte) asn1.RawValue {
	return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: tag, IsCompound: true, Bytes: bytes.Join(members, nil)}
}

func attributeOf(t testing.TB, oid asn1.ObjectIdentifier, values ...any) any {
	t.Helper()
	var list [][]byte
	for _, v := range values {
		if der, ok := v.(asn1.RawContent); ok {
			list = append(list, der)
			continue
		}
		list = append(list, marshal(t, v))
	}
	return attributeValue{oid, set(list...)}
}

func marshalAll(t testing.TB, values []any) [][]byte {
	t.Helper()
	var list [][]byte
	for _, v := range values {
		list = append(list, marshal(t, v))
	}
	return list
}

func oidOf(hash crypto.Hash) asn1.ObjectIdentifier {
	return map[crypto.Hash]asn1.ObjectIdentifier{
		crypto.MD5: oidMD5, crypto.SHA1: oidSHA1, crypto.SHA256: oidSHA256, crypto.SHA384: oidSHA384, crypto.SHA512: oidSHA512,
	}[hash]
}

func (s signing) withDefaults() signing {
	if s.hash == 0 {
		s.hash = crypto.SHA256
	}
	if s.contentType == nil {
		s.contentType = oidIndirectData
	}
	if s.certificates == nil {
		s.certificates = [][]byte{s.by.cert.Raw}
	}
	if s.algorithm == nil {
		s.algorithm = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	}
	if s.signers == 0 {
		s.signers = 1
	}
	return s
}

func (s signing) signerInfo(t testing.TB) []byte {
	t.Helper()
	s = s.withDefaults()
	attributes := s.signed
	if attributes == nil {
		digested := s.digested
		if digested == nil {
			var raw asn1.RawValue
			_, err := asn1.Unmarshal(s.content, &raw)
			require.NoError(t, err)
			digested = raw.Bytes
		}
		attributes = []any{
			attributeOf(t, oidContentType, s.contentType),
			attributeOf(t, oidMessageDigest, sumOf(s.hash, digested)),
		}
	}
	attributes = append(attributes, s.more...)
	encoded := marshalAll(t, attributes)
	sum := sumOf(s.hash, marshal(t, set(encoded...)))
	hash := s.hash
	if s.bare {
		hash = 0
	}
	if s.sign == nil {
		s.sign = func(sum []byte) []byte {
			signature, err := rsa.SignPKCS1v15(nil, s.by.key, hash, sum)
			require.NoError(t, err)
			return signature
		}
	}
	signature := s.sign(sum)
	if s.signedSet != nil {
		encoded = s.signedSet(encoded)
	}

	parts := [][]byte{
		marshal(t, 1),
		marshal(t, struct {
			Issuer asn1.RawValue
			Serial any
		}{asn1.RawValue{FullBytes: s.by.cert.RawIssuer}, s.by.cert.SerialNumber}),
		marshal(t, algorithmIdentifier{Algorithm: oidOf(s.hash)}),
		marshal(t, tagged(0, encoded...)),
		marshal(t, algorithmIdentifier{Algorithm: s.algorithm}),
		marshal(t, signature),
	}
	if s.unsigned != nil {
		parts = append(parts, marshal(t, tagged(1, marshalAll(t, s.unsigned(signature))...)))
	}
	if s.signerParts != nil {
		parts = s.signerParts(parts)
	}
	return marshal(t, sequence(parts...))
}

// der returns the ContentInfo.
func (s signing) der(t testing.TB) []byte {
	t.Helper()
	s = s.withDefaults()
	type content struct {
		Type  asn1.ObjectIdentifier
		Value asn1.RawValue
	}
	signer := s.signerInfo(t)
	parts := [][]byte{
		marshal(t, 1),
		marshal(t, set(marshal(t, algorithmIdentifier{Algorithm: oidOf(s.hash)}))),
		marshal(t, content{s.contentType, tagged(0, s.content)}),
		marshal(t, tagged(0, s.certificates...)),
		marshal(t, set(bytes.Repeat(signer, s.signers))),
	}
	if s.bodyParts != nil {
		parts = s.bodyParts(parts)
	}
	return marshal(t, content{oidSignedData, tagged(0, marshal(t, sequence(parts...)))})
}

// peImageData is SpcPeImageData without flags, for a file that is not named.
var peImageData = []byte{0x30, 0x09, 0x03, 0x01, 0x00, 0xa0, 0x04, 0xa2, 0x02, 0x80, 0x00}

// fileDigest returns SpcIndirectDataContent for the PE file of buildPE. It computes
// the digest as the format defines it, not as this package does.
func fileDigest(t testing.TB, hash crypto.Hash) []byte {
	t.Helper()
	pe := buildPE()
	covered := bytes.Join([][]byte{
		pe[:builtOptional+optionalChecksum],
		pe[builtOptional+optionalChecksum+checksumSize : builtDirectory],
		pe[builtDirectory+directorySize:],
	}, nil)
	var content indirectData
	content.Data.Type = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 1, 15}
	content.Data.Value.FullBytes = peImageData
	content.MessageDigest.DigestAlgorithm.Algorithm = oidOf(hash)
	content.MessageDigest.Digest = sumOf(hash, covered)
	return marshal(t, content)
}

// token returns an RFC 3161 time stamp token over the signature.
func token(t testing.TB, tsa *identity, signature []byte, at time.Time, change func(*signing, *tstInfo)) []byte {
	t.Helper()
	var info tstInfo
	info.Version = 1
	info.Policy = asn1.ObjectIdentifier{1, 2, 3}
	info.MessageImprint.HashAlgorithm.Algorithm = oidSHA256
	info.MessageImprint.HashedMessage = sumOf(crypto.SHA256, signature)
	info.SerialNumber = tsa.cert.SerialNumber
	info.GenTime = at
	s := signing{by: tsa, contentType: oidTSTInfo}
	if change != nil {
		change(&s, &info)
	}
	if s.content == nil {
		s.content = marshal(t, marshal(t, info))
	}
	return s.der(t)
}

// countersignature returns a PKCS #9 countersignature of the signature.
func countersignature(t testing.TB, tsa *identity, signature []byte, at time.Time, change func(*signing)) []byte {
	t.Helper()
	s := signing{by: tsa, contentType: oidData, hash: crypto.SHA1, digested: signature,
		more: []any{attributeOf(t, oidSigningTime, at)}}
	if change != nil {
		change(&s)
	}
	return s.signerInfo(t)
}

func certificates(identities ...*identity) [][]byte {
	var list [][]byte
	for _, id := range identities {
		list = append(list, id.cert.Raw)
	}
	return list
}

func rootsOf(identities ...*identity) []*x509.Certificate {
	var list []*x509.Certificate
	for _, id := range identities {
		list = append(list, id.cert)
	}
	return list
}
