package authenticode

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"
)

// ErrCatalog is wrapped by the errors of [ParseCatalog] about data that is not a
// catalog or a damaged one.
var ErrCatalog = errors.New("not a security catalog")

// Catalog is a security catalog (.cat): a signed certificate trust list of the
// digests of files, which need no signature of their own. It is safe for
// concurrent use.
type Catalog struct {
	Name       string             `json:"-"` // what the caller calls it
	Identifier string             `json:"identifier,omitempty"`
	Created    time.Time          `json:"created"`
	Attributes []CatalogAttribute `json:"attributes,omitempty"`
	Members    []CatalogMember    `json:"members"`
	// Signature is the verdict on the catalog itself. Only a valid or an untrusted one
	// vouches for files, with that status.
	Signature *Signature `json:"signature"`

	index map[memberKey]int // the first member with that digest
}

// memberKey is what files are looked up by.
type memberKey struct {
	kind   MemberKind
	digest string // bytes
}

// ParseCatalog reads a catalog of at most 16 MiB, with at most 100,000 members,
// and checks its signature as those of files are checked. Errors wrap
// [ErrCatalog]; a signature that does not hold is not an error.
func ParseCatalog(name string, data []byte, o Options) (*Catalog, error) {
	if len(data) > maxCatalog {
		return nil, fmt.Errorf("%w: it is larger than the limit of %d bytes", ErrCatalog, maxCatalog)
	}
	der, size, err := toDER(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCatalog, err)
	}
	if rest := data[size:]; !onlyZeros(rest) {
		return nil, fmt.Errorf("%w: %d bytes of other data follow it", ErrCatalog, len(rest))
	}
	e := &embedded{}
	if e.sd, err = parseSignedData(der, o.Budget.file()); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCatalog, err)
	}
	if !e.sd.contentType.Equal(oidTrustList) {
		return nil, fmt.Errorf("%w: its content type is %v", ErrCatalog, e.sd.contentType)
	}
	c := &Catalog{Name: name, Members: []CatalogMember{}, index: make(map[memberKey]int)}
	if err := c.parseTrustList(e.sd.content.Bytes); err != nil {
		return nil, err
	}
	e.signer, e.err = e.sd.verifySigner()
	verdict := Signature{Status: Invalid}
	if e.err != nil {
		verdict.Notes = []string{e.err.Error()}
	} else {
		verdict = e.trust(o)
	}
	verdict.Notes = append(verdict.Notes, noteRevocation)
	c.Signature = &verdict
	return c, nil
}

func (c *Catalog) add(m CatalogMember, digest []byte) {
	c.Members = append(c.Members, m)
	key := memberKey{m.Kind, string(digest)}
	if _, known := c.index[key]; digest != nil && !known {
		c.index[key] = len(c.Members) - 1
	}
}

// fileSums are the digests of one file by which catalogs list it.
type fileSums struct {
	flat map[crypto.Hash][]byte
	pe   map[crypto.Hash][]byte // nil for a file that is not a PE file
}

// find returns the member that lists the file, or nil.
func (c *Catalog) find(sums fileSums) *CatalogMember {
	for _, kind := range []struct {
		kind MemberKind
		sums map[crypto.Hash][]byte
	}{{MemberPE, sums.pe}, {MemberFlat, sums.flat}} {
		for _, algorithm := range catalogHashes {
			if sum, ok := kind.sums[algorithm]; ok {
				if i, ok := c.index[memberKey{kind.kind, string(sum)}]; ok {
					return &c.Members[i]
				}
			}
		}
	}
	return nil
}

// catalogHashes are the digests that catalogs hold.
var catalogHashes = []crypto.Hash{crypto.SHA1, crypto.SHA256}

// inCatalogs returns the verdict on a file whose own signatures came to s. A valid
// catalog that lists the file counts where the file has no signature, or one that
// is not trusted; an untrusted catalog where it has none.
func (o Options) inCatalogs(s *Signature, sums fileSums) *Signature {
	if s.Status == Valid || s.Status == Invalid {
		return s
	}
	for _, status := range []Status{Valid, Untrusted} {
		for _, c := range o.Catalogs {
			if c.Signature.Status != status || status == Untrusted && s.Status != None {
				continue
			}
			if m := c.find(sums); m != nil {
				return c.vouch(m, s)
			}
		}
	}
	return s
}

// vouch returns the catalog's signature as that of the file which m lists.
func (c *Catalog) vouch(m *CatalogMember, own *Signature) *Signature {
	s := *c.Signature
	s.Catalog, s.DigestAlgorithm = c.Name, m.Algorithm
	note := "the catalog " + c.Name + " lists it by its " + m.Algorithm + " digest"
	if m.Name != "" {
		note += ", as " + m.Name
	}
	s.Notes = append([]string{note}, s.Notes...)
	if own.Status != None {
		s.Others = []Signature{*own}
	}
	return &s
}

// withCatalogs completes the verdict on a file that is not a PE file.
func (o Options) withCatalogs(s *Signature, r io.ReaderAt, size int64) (*Signature, error) {
	if len(o.Catalogs) == 0 {
		return s, nil
	}
	flat := newHashes(catalogHashes)
	if _, err := io.Copy(multiHash(flat), io.NewSectionReader(r, 0, size)); err != nil {
		return nil, fmt.Errorf("authenticode: %w", err)
	}
	return o.inCatalogs(s, fileSums{flat: sumsOf(flat)}), nil
}

// VerifyMSI checks the signature of the compound file (.msi, .msp, .msm) of the
// given size. The error is that of reading the compound file, and wraps those of
// package cfb.
func VerifyMSI(r io.ReaderAt, size int64, o Options) (*Signature, error) {
	s, err := verifyMSI(r, size, o)
	if err != nil {
		return nil, err
	}
	return o.withCatalogs(s, r, size)
}

// VerifyCAB checks the signature of the cabinet of the given size. What is not a
// cabinet, or an unsigned one, has the status [None] unless a catalog lists it. The
// error is that of reading r.
func VerifyCAB(r io.ReaderAt, size int64, o Options) (*Signature, error) {
	s, err := verifyCAB(r, size, o)
	if err != nil {
		return nil, err
	}
	return o.withCatalogs(s, r, size)
}

// VerifyCatalog checks the signature of the catalog of the given size. What is not a
// catalog has the status [None] unless another one lists it. The error is that of
// reading r.
func VerifyCatalog(r io.ReaderAt, size int64, o Options) (*Signature, error) {
	data, err := io.ReadAll(io.NewSectionReader(r, 0, min(size, maxCatalog+1)))
	if err != nil {
		return nil, fmt.Errorf("authenticode: %w", err)
	}
	s := &Signature{Status: None}
	if bytes.Contains(data, derTrustList) {
		c, err := ParseCatalog("", data, o)
		if err != nil {
			return unreadable(err), nil
		}
		s = c.Signature
	}
	return o.withCatalogs(s, r, size)
}

// multiHash writes to several digests.
type multiHash map[crypto.Hash]hash.Hash

func newHashes(algorithms []crypto.Hash) map[crypto.Hash]hash.Hash {
	hashes := make(map[crypto.Hash]hash.Hash, len(algorithms))
	for _, algorithm := range algorithms {
		hashes[algorithm] = algorithm.New()
	}
	return hashes
}

func (m multiHash) Write(p []byte) (int, error) {
	for _, h := range m {
		h.Write(p)
	}
	return len(p), nil
}

func sumsOf(hashes map[crypto.Hash]hash.Hash) map[crypto.Hash][]byte {
	sums := make(map[crypto.Hash][]byte, len(hashes))
	for algorithm, h := range hashes {
		sums[algorithm] = h.Sum(nil)
	}
	return sums
}
