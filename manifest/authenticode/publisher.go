package authenticode

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// commonNamePrefix asks for the common name of a signer instead of an organization.
const commonNamePrefix = "CN="

var (
	oidCommonName   = asn1.ObjectIdentifier{2, 5, 4, 3}
	oidOrganization = asn1.ObjectIdentifier{2, 5, 4, 10}
)

// describe says who signed.
func (e *embedded) describe(s *Signature) {
	leaf := e.signer.certificate
	s.Signer, s.Organizations = nameOf(leaf), leaf.Subject.Organization
	if hasTerminator(leaf, oidCommonName) {
		s.Signer += "\x00"
	}
	if hasTerminator(leaf, oidOrganization) {
		s.Organizations = slices.Clone(s.Organizations)
		for i := range s.Organizations {
			s.Organizations[i] += "\x00"
		}
	}
	s.Publisher = s.Signer
	if len(s.Organizations) > 0 {
		s.Publisher = s.Organizations[0]
	}
}

// hasTerminator reports whether the subject has an attribute that ends with a NUL of
// two bytes: crypto/x509 takes it off a BMPString, so that two different names would
// look equal.
func hasTerminator(c *x509.Certificate, oid asn1.ObjectIdentifier) bool {
	var names []asn1.RawValue
	if _, err := asn1.Unmarshal(c.RawSubject, &names); err != nil {
		return true
	}
	for _, name := range names {
		attributes, err := members(name.Bytes, maxAttributes)
		if err != nil {
			return true
		}
		for _, der := range attributes {
			var a struct {
				Type  asn1.ObjectIdentifier
				Value asn1.RawValue
			}
			if _, err := asn1.Unmarshal(der, &a); err != nil {
				return true
			}
			if a.Type.Equal(oid) && a.Value.Tag == asn1.TagBMPString && bytes.HasSuffix(a.Value.Bytes, []byte{0, 0}) {
				return true
			}
		}
	}
	return false
}

// SignedBy reports whether the signature is valid and the named publisher is one
// of the organizations in the subject of its certificate. The common name counts
// only where it is asked for, as "CN=Name": who issues certificates checks
// organizations more strictly. Of several signatures the first counts.
//
// Names are equal when they have the same characters, in whatever composition
// (Unicode normalization form C); only the ASCII letters compare without case, for
// other letters have look-alikes: U+017F is a small s.
func (s *Signature) SignedBy(publisher string) bool {
	if s.Status != Valid {
		return false
	}
	if name, asked := strings.CutPrefix(publisher, commonNamePrefix); asked {
		return samePublisher(s.Signer, name)
	}
	return slices.ContainsFunc(s.Organizations, func(o string) bool { return samePublisher(o, publisher) })
}

func samePublisher(a, b string) bool {
	return strings.Map(lowerASCII, norm.NFC.String(a)) == strings.Map(lowerASCII, norm.NFC.String(b))
}

func lowerASCII(r rune) rune {
	if r >= 'A' && r <= 'Z' {
		r += 'a' - 'A'
	}
	return r
}
