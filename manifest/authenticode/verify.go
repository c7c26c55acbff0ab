package authenticode

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"slices"
	"time"
)

const (
	maxSignatures = 16      // of one file, nested ones included
	maxSignature  = 4 << 20 // bytes that hold them
)

var (
	// oidIndirectData is SPC_INDIRECT_DATA_OBJID: what an Authenticode signature signs.
	oidIndirectData = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 1, 4}
	// oidNestedSignature is szOID_NESTED_SIGNATURE: a further signature over the same file.
	oidNestedSignature = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 4, 1}
	// oidLifetimeSigning is szOID_KP_LIFETIME_SIGNING: a timestamp does not prolong
	// what the certificate signed.
	oidLifetimeSigning = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 10, 3, 13}
)

const noteRevocation = "whether a certificate was revoked was not checked"

// embedded is one signature in a file, parsed; what it says about the file's
// content is still to be compared.
type embedded struct {
	sd     *signedData
	signer *signer
	kind   fileKind
	hash   crypto.Hash
	digest []byte // of the file
	err    error  // why the signature is invalid as it stands
}

// indirectData is SpcIndirectDataContent ("Authenticode Portable Executable
// Signature Format").
type indirectData struct {
	Data struct {
		Type  asn1.ObjectIdentifier
		Value asn1.RawValue `asn1:"optional"`
	}
	MessageDigest struct {
		DigestAlgorithm algorithmIdentifier
		Digest          []byte
	}
}

// parseAlone reads the signature of a file, and the ones nested in it, from data
// that holds nothing else but padding. What followed it would be signed by nobody.
func parseAlone(data []byte, b *Budget) ([]*embedded, error) {
	return parseWithin(data, b.file())
}

// parseWithin is parseAlone for a file of which other signatures were read.
func parseWithin(data []byte, w *work) ([]*embedded, error) {
	if len(data) > maxSignature {
		return nil, fmt.Errorf("%w: it is larger than the limit of %d bytes", errSignedData, maxSignature)
	}
	der, size, err := toDER(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSignedData, err)
	}
	if rest := data[size:]; !onlyZeros(rest) {
		return nil, fmt.Errorf("%w: %d bytes of other data follow it", errSignedData, len(rest))
	}
	if len(endsOfArchives(data)) > 0 {
		return nil, fmt.Errorf("%w: it holds a zip archive", errSignedData)
	}
	return parseSignatures(der, w), nil
}

func onlyZeros(data []byte) bool {
	return len(bytes.Trim(data, "\x00")) == 0
}

// parseSignatures reads a signature in DER and the ones nested in it.
func parseSignatures(der []byte, w *work) []*embedded {
	pending := [][]byte{der}
	var list []*embedded
	for len(pending) > 0 {
		if len(list) == maxSignatures {
			return append(list, &embedded{err: fmt.Errorf("more than %d signatures", maxSignatures)})
		}
		e := parseSignature(pending[0], w)
		pending = pending[1:]
		list = append(list, e)
		if e.signer != nil {
			pending = append(pending, valuesOf(e.signer.unsigned, oidNestedSignature)...)
		}
	}
	return list
}

func parseSignature(der []byte, w *work) *embedded {
	e := &embedded{}
	if e.sd, e.err = parseSignedData(der, w); e.err != nil {
		return e
	}
	if !e.sd.contentType.Equal(oidIndirectData) {
		e.err = fmt.Errorf("%w: its content type %v is not SPC_INDIRECT_DATA", errSignedData, e.sd.contentType)
		return e
	}
	var content indirectData
	if _, err := asn1.Unmarshal(e.sd.content.FullBytes, &content); err != nil {
		e.err = fmt.Errorf("%w: its digest of the file cannot be read", errSignedData)
		return e
	}
	e.digest = content.MessageDigest.Digest
	if e.kind, e.err = content.kind(); e.err != nil {
		return e
	}
	if e.hash, e.err = digestOf(content.MessageDigest.DigestAlgorithm.Algorithm); e.err != nil {
		return e
	}
	e.signer, e.err = e.sd.verifySigner()
	return e
}

// hashesOf returns the digests over the file that the signatures need.
func hashesOf(list []*embedded) []crypto.Hash {
	var hashes []crypto.Hash
	for _, e := range list {
		if e.err == nil && !slices.Contains(hashes, e.hash) {
			hashes = append(hashes, e.hash)
		}
	}
	return hashes
}

// judge makes the verdict on the signatures of a file of one of the given kinds,
// whose digests sums holds. There is at least one, and the first counts, as in
// Windows. The notes are true of all of them.
func judge(list []*embedded, kinds []fileKind, sums map[crypto.Hash][]byte, o Options, notes ...string) *Signature {
	all := make([]Signature, len(list))
	for i, e := range list {
		all[i] = e.judge(kinds, sums, o)
		all[i].Notes = append(all[i].Notes, notes...)
		all[i].Notes = append(all[i].Notes, noteRevocation)
	}
	first := all[0]
	if len(all) > 1 {
		first.Others = all[1:]
	}
	for i, other := range first.Others {
		if other.Status == Invalid && first.Status != Invalid {
			note := fmt.Sprintf("the verdict is that of the first signature; signature %d of %d is invalid", i+2, len(all))
			first.Notes = slices.Insert(first.Notes, 0, note)
			break
		}
	}
	return &first
}

func (e *embedded) judge(kinds []fileKind, sums map[crypto.Hash][]byte, o Options) Signature {
	result := Signature{Status: Invalid}
	invalid := func(reason string) Signature {
		result.Notes = []string{reason}
		return result
	}
	if e.err != nil {
		return invalid(e.err.Error())
	}
	e.describe(&result)
	result.DigestAlgorithm = e.hash.String()
	if !slices.ContainsFunc(kinds, e.kind.equal) {
		return invalid("it was made for another kind of file: " + e.kind.String())
	}
	if !bytes.Equal(e.digest, sums[e.hash]) {
		return invalid(fmt.Sprintf("the file was changed after it was signed: its %v digest is %x, the signed one %x", e.hash, sums[e.hash], e.digest))
	}
	result = e.trust(o)
	result.DigestAlgorithm = e.hash.String()
	if e.hash == crypto.SHA1 {
		result.Notes = append(result.Notes, "old algorithm: the digest over the file is SHA-1")
	}
	return result
}

// trust judges the timestamps and certificates of a signature that holds.
func (e *embedded) trust(o Options) Signature {
	result := Signature{Status: Invalid}
	e.describe(&result)
	leaf := e.signer.certificate
	timestamps, err := timestampsOf(e.sd, e.signer)
	if err != nil {
		result.Notes = []string{err.Error()}
		return result
	}

	roots := slices.Concat(o.Roots, microsoftRoots())
	proven, notes := provenTime(timestamps, roots, e.sd.work)
	result.Timestamp = proven
	at := proven
	if slices.ContainsFunc(leaf.UnknownExtKeyUsage, oidLifetimeSigning.Equal) {
		at = o.At
		notes = append(notes, "the certificate is for lifetime signing: the timestamp does not count")
	} else if proven.IsZero() {
		at = o.At
	}
	b := chainBuilder{work: e.sd.work, roots: roots, pool: e.signer.pool, purpose: x509.ExtKeyUsageCodeSigning, at: at}
	chain, reason := b.build(leaf)
	result.Chain = describe(chain)
	result.Status = Valid
	switch {
	case reason != "":
		result.Status = Untrusted
		result.Notes = append(result.Notes, reason)
	case at.IsZero():
		result.Status = Untrusted
		result.Notes = append(result.Notes, "no timestamp proves when it was signed, and no time was given at which to judge its certificates")
	case proven.IsZero():
		result.Notes = append(result.Notes, fmt.Sprintf("no timestamp proves when it was signed; its certificates were judged at the given time %s", at.UTC().Format(time.RFC3339)))
	}
	result.Notes = append(result.Notes, notes...)
	if e.signer.digest == crypto.SHA1 {
		result.Notes = append(result.Notes, "old algorithm: it is signed with SHA-1")
	}
	result.Notes = append(result.Notes, oldAlgorithms("the signer", chain)...)
	return result
}
