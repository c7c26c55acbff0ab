package authenticode

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"sync"
)

const (
	// maxKeyBits is the largest RSA modulus. The cost of checking a signature grows with
	// its square.
	maxKeyBits = 8192
	// maxWork bounds the work of checking the signatures of one file, in checks of RSA
	// keys of 1,024 bits (about 10 microseconds each). A file with 16 signatures, each
	// with a timestamp and two chains of five RSA-4096 certificates, needs 3,000.
	maxWork = 12_000
	// curveWork is the work of checking an ECDSA signature of 256 bits.
	curveWork = 8
)

// errNotChecked says that a certificate was not checked, for the reason that follows.
var errNotChecked = errors.New("not checked")

var errWork = errors.New("checking the file's signatures takes more work than any sensible file needs")

// work counts what checking the signatures of one file costs, those of timestamps
// and certificates included.
type work struct {
	left   int
	budget *Budget // nil without one
}

// spend takes the cost of checking one signature of the key.
func (w *work) spend(key any) error {
	cost := 1
	switch key := key.(type) {
	case *rsa.PublicKey:
		size := key.N.BitLen()
		if size > maxKeyBits {
			return fmt.Errorf("an RSA key of %d bits is above the limit of %d", size, maxKeyBits)
		}
		// The usual exponent, 65537, has 17 bits.
		cost += size * size / (1024 * 1024) * max(1, bits.Len(uint(key.E))/16)
	case *ecdsa.PublicKey:
		size := key.Params().BitSize / 64 // 4, 6 or 9
		cost = curveWork * size * size * size / 64
	}
	if cost > w.left {
		w.left = 0
		return errWork
	}
	w.left -= cost
	return w.budget.spend(cost)
}

const (
	// runWork and runWorkForFile bound the work of a run: so much, and so much more for
	// each file. A file with two signatures, its certificates being known from others,
	// needs 20 to 70. Without the bound a small archive of thousands of files, all alike
	// but for a number, would cost hours.
	runWork        = 300_000
	runWorkForFile = 40
	// maxLinks is how many links of chains are remembered, in 32 bytes each.
	maxLinks = 10_000
)

var errRunWork = errors.New("checking the signatures of the files before it took more work than sensible files need")

// A Budget bounds the work of checking the signatures of many files together, to
// about two seconds and a third of a millisecond for each file. It remembers which
// certificates have signed which, so that files of the same signer cost less. It is
// safe for concurrent use.
type Budget struct {
	mu    sync.Mutex
	left  int
	links map[[sha256.Size]byte]bool // issuer's key and certificate: it is signed by it
}

// NewBudget returns the Budget of one run.
func NewBudget() *Budget {
	return &Budget{left: runWork, links: make(map[[sha256.Size]byte]bool)}
}

// file returns the work of one more file.
func (b *Budget) file() *work {
	if b != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.left += runWorkForFile
	}
	return &work{left: maxWork, budget: b}
}

func (b *Budget) spend(cost int) error {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if cost > b.left {
		return errRunWork
	}
	b.left -= cost
	return nil
}

// checkLink checks that issuer has signed the certificate. SHA-1 is accepted, MD5 is
// not.
func (w *work) checkLink(issuer, c *x509.Certificate) error {
	key := sha256.Sum256(slices.Concat(issuer.RawSubjectPublicKeyInfo, c.Raw)) // both tell their lengths
	if w.budget.knows(key) {
		return nil
	}
	if err := w.spend(issuer.PublicKey); err != nil {
		return fmt.Errorf("%w: %w", errNotChecked, err)
	}
	if err := issuer.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature); err != nil {
		return err
	}
	w.budget.learn(key)
	return nil
}

func (b *Budget) knows(link [sha256.Size]byte) bool {
	if b == nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.links[link]
}

func (b *Budget) learn(link [sha256.Size]byte) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.links) < maxLinks {
		b.links[link] = true
	}
}
