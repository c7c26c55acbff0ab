package authenticode

import (
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// commonNamePrefix asks for the common name of a signer instead of an organization.
const commonNamePrefix = "CN="

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
