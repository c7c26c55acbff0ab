// Package authenticode checks the Authenticode signatures of PE files, cabinets
// and Windows Installer packages, and the catalogs that vouch for files of any
// kind.
//
// A [Signature] answers three questions separately: do the signed digests still
// describe the file, does the signer's key vouch for them, and does the signer's
// certificate lead to a root that the caller trusts. Nothing is fetched from a
// network, so revocation is never checked, and every signature says so.
//
// Files of 2010 are signed with SHA-1; such digests and certificates are accepted
// and reported in [Signature.Notes]. MD5 is not accepted anywhere; the
// self-signature of a trusted root is the only one that is not looked at.
//
// Sources: "Windows Authenticode Portable Executable Signature Format", "PE
// Format" (Microsoft), RFC 2315, RFC 5652, RFC 3161, RFC 5280.
package authenticode

import (
	"crypto/x509"
	"time"
)

// Status is the verdict on the signatures of one file.
type Status string

const (
	// None says that the file carries no signature.
	None Status = "none"
	// Valid says that digest and signature hold and that the chain ends in a given or
	// built-in root.
	Valid Status = "valid"
	// Untrusted says that digest and signature hold and that the chain does not end in
	// a given or built-in root, or that nothing proves that the certificates were
	// valid when they were used.
	Untrusted Status = "untrusted"
	// Invalid says that the digest or the signature does not hold, or cannot be read.
	Invalid Status = "invalid"
)

// Signature is what one file's signatures come to. Its JSON form is stable.
type Signature struct {
	Status Status `json:"status"`
	// Signer is the common name of the signing certificate's subject.
	Signer string `json:"signer,omitempty"`
	// Publisher is the organization of the signing certificate's subject, or its common
	// name where it names no organization.
	Publisher string `json:"publisher,omitempty"`
	// Organizations are all organizations of the signing certificate's subject.
	Organizations []string `json:"organizations,omitempty"`
	// Timestamp is the time that a verified timestamp proves, in UTC; zero without one.
	Timestamp time.Time `json:"timestamp,omitzero"`
	// DigestAlgorithm names the digest over the file: SHA-1, SHA-256, SHA-384 or SHA-512.
	DigestAlgorithm string `json:"digest_algorithm,omitempty"`
	// Chain holds the signing certificate first and the root last. Of an untrusted
	// signature it is as long as the certificates at hand allow.
	Chain []Certificate `json:"chain,omitempty"`
	// Catalog names the catalog that lists the file and is so signed; empty for a
	// signature of the file itself.
	Catalog string `json:"catalog,omitempty"`
	// Notes are sentences for people: the reason for any verdict but valid, old
	// algorithms, what was not checked.
	Notes []string `json:"notes,omitempty"`
	// Others are the file's further signatures, in the order in which they were found.
	// The verdict on the file is that of the first, as in Windows.
	Others []Signature `json:"others,omitempty"`
}

// Certificate is one link of a chain.
type Certificate struct {
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	Serial    string    `json:"serial"` // hexadecimal
	SHA256    string    `json:"sha256"` // of the DER form, hexadecimal
	Algorithm string    `json:"algorithm"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
}

// Options say what is trusted. The zero value trusts the built-in Microsoft roots.
type Options struct {
	// Roots are trusted in addition to the built-in Microsoft roots; see [ParseRoots].
	Roots []*x509.Certificate
	// At is the time at which a signature without a verified timestamp is judged. The
	// package reads no clock: when At is zero, such a signature is untrusted.
	At time.Time
	// Catalogs vouch for files that have no trusted signature of their own; see
	// [ParseCatalog]. The first that lists a file counts.
	Catalogs []*Catalog
	// Budget is shared by the files that are checked in one run. Nil bounds the work of
	// each file alone.
	Budget *Budget
}
