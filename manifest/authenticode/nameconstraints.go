package authenticode

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// maxNameComparisons bounds the names of a certificate times the subtrees of an
// issuer. Real issuers have a handful of each.
const maxNameComparisons = 10_000

var (
	oidNameConstraints = asn1.ObjectIdentifier{2, 5, 29, 30}
	oidSubjectAltName  = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidEmailAddress    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}
)

// Kinds of GeneralName (RFC 5280, 4.2.1.6).
const (
	nameEmail     = 1
	nameDNS       = 2
	nameDirectory = 4
	nameURI       = 6
	nameIP        = 7
)

var errNames = errors.New("its name constraints cannot be read")

// generalName is a name, or the base of a subtree: the tag says of what kind.
type generalName struct {
	kind  int
	value []byte
}

// nameConstraints are the subtrees within which an authority may issue
// certificates (RFC 5280, 4.2.1.10).
type nameConstraints struct{ permitted, excluded []generalName }

// refuseNames returns why the name constraints of issuer forbid the certificates of
// path, of which the first is the signer's, or "". crypto/x509 knows no directory
// names, which are what certificates for code signing have.
func refuseNames(issuer *x509.Certificate, path []*x509.Certificate) string {
	constraints, err := constraintsOf(issuer)
	if err != nil {
		return fmt.Sprintf("the certificate of %s does not count: %v", nameOf(issuer), err)
	}
	if constraints == nil {
		return ""
	}
	for i, c := range path {
		if i > 0 && bytes.Equal(c.RawSubject, c.RawIssuer) {
			continue
		}
		names, err := namesOf(c)
		if err != nil {
			return fmt.Sprintf("the names of %s cannot be compared with what %s may certify", nameOf(c), nameOf(issuer))
		}
		if len(names)*(len(constraints.permitted)+len(constraints.excluded)) > maxNameComparisons {
			return fmt.Sprintf("%s has more names than are compared with what %s may certify", nameOf(c), nameOf(issuer))
		}
		if !slices.ContainsFunc(names, constraints.forbid) {
			continue
		}
		return fmt.Sprintf("%s may not certify the names of %s", nameOf(issuer), nameOf(c))
	}
	return ""
}

// forbid reports whether the constraints forbid the name.
func (n *nameConstraints) forbid(name generalName) bool {
	restricted, within := false, false
	for _, base := range n.permitted {
		if base.kind == name.kind {
			restricted = true
			within = within || name.within(base, false)
		}
	}
	return restricted && !within || slices.ContainsFunc(n.excluded, func(base generalName) bool {
		return base.kind == name.kind && name.within(base, true)
	})
}

// constraintsOf returns the name constraints of a certificate, or nil.
func constraintsOf(c *x509.Certificate) (*nameConstraints, error) {
	i := slices.IndexFunc(c.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(oidNameConstraints) })
	if i < 0 {
		return nil, nil
	}
	var subtrees struct {
		Permitted asn1.RawValue `asn1:"optional,tag:0"`
		Excluded  asn1.RawValue `asn1:"optional,tag:1"`
	}
	if rest, err := asn1.Unmarshal(c.Extensions[i].Value, &subtrees); err != nil || len(rest) > 0 {
		return nil, errNames
	}
	n := &nameConstraints{}
	var err error
	if n.permitted, err = subtreeBases(subtrees.Permitted.Bytes); err != nil {
		return nil, err
	}
	n.excluded, err = subtreeBases(subtrees.Excluded.Bytes)
	return n, err
}

// subtreeBases reads GeneralSubtrees. Their distances must be the defaults: RFC 5280
// allows no others.
func subtreeBases(content []byte) ([]generalName, error) {
	list, err := members(content, maxNameComparisons)
	if err != nil {
		return nil, errNames
	}
	var bases []generalName
	for _, der := range list {
		var subtree asn1.RawValue
		if _, err := asn1.Unmarshal(der, &subtree); err != nil {
			return nil, errNames
		}
		names, err := generalNames(subtree.Bytes)
		if err != nil || len(names) != 1 {
			return nil, errNames
		}
		bases = append(bases, names...)
	}
	return bases, nil
}

func generalNames(content []byte) ([]generalName, error) {
	list, err := members(content, maxNameComparisons)
	if err != nil {
		return nil, errNames
	}
	var names []generalName
	for _, der := range list {
		var name asn1.RawValue
		if _, err := asn1.Unmarshal(der, &name); err != nil || name.Class != asn1.ClassContextSpecific {
			return nil, errNames
		}
		names = append(names, generalName{name.Tag, name.Bytes})
	}
	return names, nil
}

// namesOf returns the names of a certificate: the subject, the alternative names
// and, where none of these is one, the mail addresses of the subject.
func namesOf(c *x509.Certificate) ([]generalName, error) {
	var names []generalName
	for _, e := range c.Extensions {
		if !e.Id.Equal(oidSubjectAltName) {
			continue
		}
		var list asn1.RawValue
		if _, err := asn1.Unmarshal(e.Value, &list); err != nil {
			return nil, errNames
		}
		more, err := generalNames(list.Bytes)
		if err != nil {
			return nil, err
		}
		names = append(names, more...)
	}
	if !slices.ContainsFunc(names, func(n generalName) bool { return n.kind == nameEmail }) {
		for _, a := range c.Subject.Names {
			if mail, ok := a.Value.(string); ok && a.Type.Equal(oidEmailAddress) {
				names = append(names, generalName{nameEmail, []byte(mail)})
			}
		}
	}
	if len(c.Subject.Names) > 0 {
		names = append(names, generalName{nameDirectory, c.RawSubject})
	}
	return names, nil
}

// within reports whether the name lies in the subtree of base, which is of the same
// kind. What cannot be compared gets the unfavourable answer.
func (name generalName) within(base generalName, unfavourable bool) bool {
	a, b := strings.ToLower(string(name.value)), strings.ToLower(string(base.value))
	switch name.kind {
	case nameDirectory:
		return directoryWithin(name.value, base.value, unfavourable)
	case nameDNS:
		return hostWithin(a, b)
	case nameEmail:
		if strings.Contains(b, "@") {
			return a == b
		}
		_, host, _ := strings.Cut(a, "@")
		return hostOrDomain(host, b)
	case nameURI:
		u, err := url.Parse(a)
		if err != nil || u.Hostname() == "" {
			return unfavourable
		}
		return hostOrDomain(u.Hostname(), b)
	case nameIP:
		if len(base.value) != 2*len(name.value) {
			return false
		}
		network := net.IPNet{IP: base.value[:len(name.value)], Mask: base.value[len(name.value):]}
		return network.Contains(name.value)
	}
	return unfavourable
}

// hostWithin reports whether host is domain or below it.
func hostWithin(host, domain string) bool {
	domain = strings.TrimPrefix(domain, ".")
	return domain == "" || host == domain || strings.HasSuffix(host, "."+domain)
}

// hostOrDomain reports whether host is the given host or, where that begins with a
// period, below it.
func hostOrDomain(host, base string) bool {
	if strings.HasPrefix(base, ".") {
		return strings.HasSuffix(host, base)
	}
	return host == base
}

// directoryWithin reports whether a distinguished name begins with the relative
// names of base.
func directoryWithin(name, base []byte, unfavourable bool) bool {
	var n, b pkix.RDNSequence
	if _, err := asn1.Unmarshal(name, &n); err != nil {
		return unfavourable
	}
	if _, err := asn1.Unmarshal(base, &b); err != nil {
		return unfavourable
	}
	return len(n) >= len(b) && slices.EqualFunc(n[:len(b)], b, sameRelativeName)
}

// sameRelativeName compares the attributes of two relative names in any order.
func sameRelativeName(a, b pkix.RelativeDistinguishedNameSET) bool {
	if len(a) != len(b) || len(a) > maxAttributes {
		return false
	}
	for _, want := range b {
		if !slices.ContainsFunc(a, func(got pkix.AttributeTypeAndValue) bool {
			return got.Type.Equal(want.Type) && foldName(got.Value) == foldName(want.Value)
		}) {
			return false
		}
	}
	return true
}

// foldName prepares a value for comparison: without case, with single blanks (RFC
// 5280, 7.1).
func foldName(value any) string {
	return strings.ToLower(norm.NFKC.String(strings.Join(strings.Fields(fmt.Sprint(value)), " ")))
}
