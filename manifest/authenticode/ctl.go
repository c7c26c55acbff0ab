package authenticode

import (
	"crypto"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"
)

const (
	// maxCatalog bounds a catalog, in bytes. That of a whole edition of Windows has a few
	// MiB.
	maxCatalog = 16 << 20
	// maxMembers bounds the members of a catalog.
	maxMembers = 100_000
	// maxListFields is how many fields a certificate trust list has at most.
	maxListFields = 10
	// maxCatalogExtensions bounds the attributes of a catalog as a whole.
	maxCatalogExtensions = 1000
)

var (
	// oidTrustList is szOID_CTL, the content of a catalog.
	oidTrustList = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 10, 1}
	derTrustList = []byte{asn1.TagOID, 9, 0x2b, 0x06, 1, 4, 1, 0x82, 0x37, 10, 1}
	// oidCatalogList is szOID_CATALOG_LIST, the usage that makes a certificate trust
	// list a catalog.
	oidCatalogList = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 12, 1, 1}
	// oidNameValue is CAT_NAMEVALUE_OBJID, a text attribute.
	oidNameValue = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 12, 2, 1}
	// oidMemberInfo is CAT_MEMBERINFO_OBJID: which subject interface package made the
	// digest.
	oidMemberInfo = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 12, 2, 2}
)

// Subject interface packages that catalogs name.
const (
	sipFlat = "{DE351A42-8E59-11D0-8C47-00C04FC295EE}" // CRYPT_SUBJTYPE_FLAT_IMAGE
	sipPE   = "{C689AAB8-8E78-11D0-8C47-00C04FC295EE}" // CRYPT_SUBJTYPE_PE_IMAGE
)

// MemberKind says of what a member's digest is.
type MemberKind string

// The kinds of members.
const (
	MemberPE    MemberKind = "pe"    // the Authenticode digest of a PE file
	MemberFlat  MemberKind = "flat"  // all bytes of the file
	MemberOther MemberKind = "other" // as another subject interface package makes it, or with a tag of another digest; matches no file
)

// CatalogMember is one file that a catalog vouches for.
type CatalogMember struct {
	Tag       string     `json:"tag,omitempty"` // where it is not the digest
	Kind      MemberKind `json:"kind"`
	Digest    string     `json:"digest"`            // hexadecimal
	Algorithm string     `json:"digest_algorithm"`  // as in [Signature]; the OID for others
	Subject   string     `json:"subject,omitempty"` // GUID of the subject interface package
	Name      string     `json:"name,omitempty"`    // attribute File
	OS        string     `json:"os,omitempty"`      // attribute OSAttr

	Attributes []CatalogAttribute `json:"attributes,omitempty"` // all others
}

// CatalogAttribute is a name and a text.
type CatalogAttribute struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// parseTrustList reads the certificate trust list of a catalog (the fields are those
// of CTL_INFO, the attributes those of mscat.h in the Windows SDK; real catalogs
// show their encoding).
func (c *Catalog) parseTrustList(content []byte) error {
	fields, err := members(content, maxListFields)
	if err != nil {
		return fmt.Errorf("%w: its list cannot be read", ErrCatalog)
	}
	next := func(tag int) []byte {
		if len(fields) == 0 {
			return nil
		}
		var field asn1.RawValue
		if _, err := asn1.Unmarshal(fields[0], &field); err != nil || field.Class != asn1.ClassUniversal || field.Tag != tag {
			return nil
		}
		fields = fields[1:]
		return field.FullBytes
	}
	next(asn1.TagInteger) // version
	var usage []asn1.ObjectIdentifier
	if _, err := asn1.Unmarshal(next(asn1.TagSequence), &usage); err != nil || len(usage) != 1 || !usage[0].Equal(oidCatalogList) {
		return fmt.Errorf("%w: it is a certificate trust list for another use", ErrCatalog)
	}
	var identifier []byte
	if _, err := asn1.Unmarshal(next(asn1.TagOctetString), &identifier); err == nil {
		c.Identifier = hex.EncodeToString(identifier)
	}
	next(asn1.TagInteger) // sequence number
	if c.Created, err = nextTime(next); err != nil {
		return err
	}
	_, _ = nextTime(next)  // next update
	next(asn1.TagSequence) // algorithm of the tags
	if err := c.parseMembers(next(asn1.TagSequence)); err != nil {
		return err
	}
	if len(fields) > 0 {
		return c.parseExtensions(fields[0])
	}
	return nil
}

func nextTime(next func(tag int) []byte) (time.Time, error) {
	der := next(asn1.TagUTCTime)
	if der == nil {
		der = next(asn1.TagGeneralizedTime)
	}
	var t time.Time
	if _, err := asn1.Unmarshal(der, &t); err != nil {
		return t, fmt.Errorf("%w: its time cannot be read", ErrCatalog)
	}
	return t.UTC(), nil
}

func (c *Catalog) parseMembers(der []byte) error {
	if der == nil {
		return nil // an empty catalog has no list
	}
	var list asn1.RawValue
	if _, err := asn1.Unmarshal(der, &list); err != nil {
		return fmt.Errorf("%w: its members cannot be read", ErrCatalog)
	}
	subjects, err := members(list.Bytes, maxMembers)
	if err != nil {
		return fmt.Errorf("%w: its members cannot be read: %w", ErrCatalog, err)
	}
	for i, subject := range subjects {
		m, digest, err := parseMember(subject)
		if err != nil {
			return fmt.Errorf("%w: member %d: %w", ErrCatalog, i+1, err)
		}
		c.add(m, digest)
	}
	return nil
}

// parseMember reads a TrustedSubject; the digest is nil for one that matches no
// file.
func parseMember(der []byte) (m CatalogMember, digest []byte, err error) {
	var subject struct {
		Identifier []byte
		Attributes asn1.RawValue `asn1:"optional,set"`
	}
	if _, err := asn1.Unmarshal(der, &subject); err != nil {
		return m, nil, errSignedData
	}
	attributes, err := parseAttributes(subject.Attributes.Bytes)
	if err != nil {
		return m, nil, err
	}
	var content indirectData
	for _, a := range attributes {
		switch {
		case a.oid.Equal(oidIndirectData):
			if _, err := asn1.Unmarshal(a.value, &content); err != nil {
				return m, nil, fmt.Errorf("%w: its digest cannot be read", errSignedData)
			}
		case a.oid.Equal(oidMemberInfo):
			if m.Subject, err = parseMemberInfo(a.value); err != nil {
				return m, nil, err
			}
		case a.oid.Equal(oidNameValue):
			nv, err := parseNameValue(a.value)
			if err != nil {
				return m, nil, err
			}
			m.setAttribute(nv)
		}
	}
	m.Digest = hex.EncodeToString(content.MessageDigest.Digest)
	if tag := tagString(subject.Identifier); !strings.EqualFold(tag, m.Digest) {
		m.Tag = tag
	}
	digest = m.setDigest(&content)
	if tagIsDigest(m.Tag) {
		// Windows looks files up by the tag and then compares the digest.
		m.Kind, digest = MemberOther, nil
	}
	return m, digest, nil
}

// tagIsDigest reports whether a tag has the form of a SHA-1 or SHA-256 digest. Old
// catalogs have words for tags.
func tagIsDigest(tag string) bool {
	sum, err := hex.DecodeString(tag)
	return err == nil && (len(sum) == crypto.SHA1.Size() || len(sum) == crypto.SHA256.Size())
}

// setDigest fills in what the digest is of, and returns it when it can match a
// file.
func (m *CatalogMember) setDigest(content *indirectData) []byte {
	m.Kind = MemberOther
	algorithm := content.MessageDigest.DigestAlgorithm.Algorithm
	m.Algorithm = algorithm.String()
	hash, err := digestOf(algorithm)
	if err == nil {
		m.Algorithm = hash.String()
	}
	switch kind := content.Data.Type.String(); {
	case kind == typePE && (m.Subject == "" || m.Subject == sipPE):
		m.Kind = MemberPE
	case (kind == typeCAB || kind == typeLink) && (m.Subject == "" || m.Subject == sipFlat):
		m.Kind = MemberFlat
	}
	if m.Kind == MemberOther || err != nil || hash != crypto.SHA1 && hash != crypto.SHA256 || len(content.MessageDigest.Digest) != hash.Size() {
		return nil
	}
	return content.MessageDigest.Digest
}

// setAttribute keeps a text attribute of a member.
func (m *CatalogMember) setAttribute(nv CatalogAttribute) {
	switch {
	case strings.EqualFold(nv.Name, "File") && m.Name == "":
		m.Name = nv.Value
	case strings.EqualFold(nv.Name, "OSAttr") && m.OS == "":
		m.OS = nv.Value
	default:
		m.Attributes = append(m.Attributes, nv)
	}
}

// parseExtensions reads the attributes of the catalog as a whole.
func (c *Catalog) parseExtensions(der []byte) error {
	var outer, list asn1.RawValue
	if _, err := asn1.Unmarshal(der, &outer); err != nil {
		return fmt.Errorf("%w: its attributes cannot be read", ErrCatalog)
	}
	if _, err := asn1.Unmarshal(outer.Bytes, &list); err != nil {
		return fmt.Errorf("%w: its attributes cannot be read", ErrCatalog)
	}
	extensions, err := members(list.Bytes, maxCatalogExtensions)
	if err != nil {
		return fmt.Errorf("%w: its attributes cannot be read: %w", ErrCatalog, err)
	}
	for _, der := range extensions {
		var extension struct {
			ID       asn1.ObjectIdentifier
			Critical bool `asn1:"optional"`
			Value    []byte
		}
		if _, err := asn1.Unmarshal(der, &extension); err != nil {
			return fmt.Errorf("%w: an attribute cannot be read", ErrCatalog)
		}
		if !extension.ID.Equal(oidNameValue) {
			continue
		}
		nv, err := parseNameValue(extension.Value)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrCatalog, err)
		}
		c.Attributes = append(c.Attributes, nv)
	}
	return nil
}

// parseNameValue reads CatNameValue: a tag as BMPString, flags, and a value in
// UTF-16LE that ends with NUL.
func parseNameValue(der []byte) (CatalogAttribute, error) {
	var nv struct {
		Tag   asn1.RawValue
		Flags asn1.RawValue
		Value []byte
	}
	if _, err := asn1.Unmarshal(der, &nv); err != nil {
		return CatalogAttribute{}, fmt.Errorf("%w: a text attribute cannot be read", errSignedData)
	}
	return CatalogAttribute{decodeUTF16(nv.Tag.Bytes, true), decodeUTF16(nv.Value, false)}, nil
}

// parseMemberInfo reads CatMemberInfo: a GUID as BMPString, and a version.
func parseMemberInfo(der []byte) (string, error) {
	var info struct {
		GUID    asn1.RawValue
		Version int `asn1:"optional"`
	}
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return "", fmt.Errorf("%w: its subject type cannot be read", errSignedData)
	}
	return strings.ToUpper(decodeUTF16(info.GUID.Bytes, true)), nil
}

// tagString returns the tag of a member: a text in UTF-16LE, or the bytes of the
// digest itself in newer catalogs.
func tagString(b []byte) string {
	if len(b) > 2 && len(b)%2 == 0 && b[1] == 0 && b[len(b)-1] == 0 {
		return decodeUTF16(b, false)
	}
	return hex.EncodeToString(b)
}

// decodeUTF16 decodes a text up to its first NUL.
func decodeUTF16(b []byte, bigEndian bool) string {
	units := make([]uint16, 0, len(b)/2)
	for ; len(b) >= 2; b = b[2:] {
		u := uint16(b[0]) | uint16(b[1])<<8
		if bigEndian {
			u = u>>8 | u<<8
		}
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return string(utf16.Decode(units))
}
