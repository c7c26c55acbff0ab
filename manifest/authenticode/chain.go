package authenticode

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	maxChainLength     = 10  // certificates from signer to root
	maxChainSignatures = 100 // signatures checked before a chain counts as not found
)

// chainBuilder looks for a chain of certificates from a signer to a root. crypto/x509
// cannot do it: it refuses every SHA-1 signature, which most signatures before
// 2016 need, and knows nothing of trust that ended.
type chainBuilder struct {
	work    *work
	roots   []*x509.Certificate
	pool    []*x509.Certificate // what may stand between signer and root
	purpose x509.ExtKeyUsage
	at      time.Time // zero: validity periods are not judged

	signatures int
	longest    []*x509.Certificate
	reason     string // why the longest chain does not do
}

// build returns the chain from the signer to a root. When there is none, it
// returns the longest one that the certificates allow and the reason.
func (b *chainBuilder) build(signer *x509.Certificate) (chain []*x509.Certificate, reason string) {
	path := []*x509.Certificate{signer}
	b.longest, b.reason = path, ""
	if reason := b.refuseSigner(signer); reason != "" {
		return path, reason
	}
	if chain := b.extend(path); chain != nil {
		return chain, ""
	}
	return b.longest, b.reason
}

// extend completes path to a root, or returns nil.
func (b *chainBuilder) extend(path []*x509.Certificate) []*x509.Certificate {
	last := path[len(path)-1]
	if slices.ContainsFunc(b.roots, last.Equal) {
		if reason := refusePolicies(path); reason != "" {
			b.fail(path, reason)
			return nil
		}
		return path
	}
	if len(path) == maxChainLength {
		b.fail(path, fmt.Sprintf("the chain is longer than %d certificates", maxChainLength))
		return nil
	}
	found := false
	for _, issuer := range slices.Concat(b.roots, b.pool) {
		if !bytes.Equal(issuer.RawSubject, last.RawIssuer) || slices.ContainsFunc(path, issuer.Equal) {
			continue
		}
		if b.signatures == maxChainSignatures {
			b.fail(path, fmt.Sprintf("no chain to a trusted root among the first %d links", maxChainSignatures))
			return nil
		}
		b.signatures++
		found = true
		err := b.work.checkLink(issuer, last)
		switch {
		case errors.Is(err, errWork) || errors.Is(err, errRunWork):
			b.fail(path, fmt.Sprintf("the certificate of %s was %v", nameOf(last), err))
			return nil
		case errors.Is(err, errNotChecked):
			b.fail(path, fmt.Sprintf("the certificate of %s was %v", nameOf(last), err))
			continue
		case err != nil:
			b.fail(path, fmt.Sprintf("the certificate of %s is not signed by the %s at hand: %v", nameOf(last), nameOf(issuer), err))
			continue
		}
		longer := append(slices.Clone(path), issuer)
		if reason := b.refuseIssuer(issuer, path); reason != "" {
			b.fail(longer, reason)
			continue
		}
		if chain := b.extend(longer); chain != nil {
			return chain
		}
	}
	if !found {
		reason := fmt.Sprintf("the issuer of %s, %s, is neither a trusted root nor among the file's certificates", nameOf(last), last.Issuer)
		if bytes.Equal(last.RawIssuer, last.RawSubject) {
			reason = fmt.Sprintf("%s is not a trusted root", nameOf(last))
		}
		b.fail(path, reason)
	}
	return nil
}

// fail remembers why the chain that came furthest did not do.
func (b *chainBuilder) fail(path []*x509.Certificate, reason string) {
	if b.reason == "" || len(path) > len(b.longest) {
		b.longest, b.reason = path, reason
	}
}

// refuseSigner returns why the certificate must not sign what it signed, or "".
func (b *chainBuilder) refuseSigner(c *x509.Certificate) string {
	if !slices.Contains(c.ExtKeyUsage, b.purpose) {
		return fmt.Sprintf("the certificate of %s is not meant for %s", nameOf(c), purposeName(b.purpose))
	}
	if c.KeyUsage != 0 && c.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) == 0 {
		return fmt.Sprintf("the certificate of %s is not meant for signatures", nameOf(c))
	}
	return b.refuse(c)
}

// refuseIssuer returns why issuer must not have issued the certificates of path,
// or "" (RFC 5280, 6.1.4).
func (b *chainBuilder) refuseIssuer(issuer *x509.Certificate, path []*x509.Certificate) string {
	// Certificates of the 1990s have no basic constraints; only a root may do without.
	old := !issuer.BasicConstraintsValid && bytes.Equal(issuer.RawSubject, issuer.RawIssuer) &&
		slices.ContainsFunc(b.roots, issuer.Equal)
	if !issuer.IsCA && !old {
		return fmt.Sprintf("%s is not a certificate authority", nameOf(issuer))
	}
	if issuer.KeyUsage != 0 && issuer.KeyUsage&x509.KeyUsageCertSign == 0 {
		return fmt.Sprintf("the certificate of %s is not meant to sign certificates", nameOf(issuer))
	}
	if limit := issuer.MaxPathLen; limit > 0 || issuer.MaxPathLenZero {
		between := 0
		for _, c := range path[1:] {
			if !bytes.Equal(c.RawSubject, c.RawIssuer) {
				between++
			}
		}
		if between > limit {
			return fmt.Sprintf("%s allows %d authorities below it, the chain has %d", nameOf(issuer), limit, between)
		}
	}
	if len(issuer.ExtKeyUsage)+len(issuer.UnknownExtKeyUsage) > 0 &&
		!slices.Contains(issuer.ExtKeyUsage, b.purpose) && !slices.Contains(issuer.ExtKeyUsage, x509.ExtKeyUsageAny) {
		return fmt.Sprintf("%s may not issue certificates for %s", nameOf(issuer), purposeName(b.purpose))
	}
	if reason := refuseNames(issuer, path); reason != "" {
		return reason
	}
	return b.refuse(issuer)
}

// refuse returns what speaks against a certificate in any place of a chain.
func (b *chainBuilder) refuse(c *x509.Certificate) string {
	if disallowed(c) {
		return fmt.Sprintf("%s was disallowed by Microsoft in 2012", nameOf(c))
	}
	for _, extension := range c.UnhandledCriticalExtensions {
		if !extension.Equal(oidNameConstraints) { // see refuseNames
			return fmt.Sprintf("the certificate of %s has the critical extension %v, whose meaning is not known here", nameOf(c), extension)
		}
	}
	if !b.at.IsZero() && (b.at.Before(c.NotBefore) || b.at.After(c.NotAfter)) {
		return fmt.Sprintf("the certificate of %s is valid from %s to %s, which %s is not within", nameOf(c),
			c.NotBefore.UTC().Format(time.DateOnly), c.NotAfter.UTC().Format(time.DateOnly), b.at.UTC().Format(time.RFC3339))
	}
	return ""
}

func purposeName(u x509.ExtKeyUsage) string {
	if u == x509.ExtKeyUsageTimeStamping {
		return "time stamping"
	}
	return "code signing"
}

// nameOf returns what people call the certificate.
func nameOf(c *x509.Certificate) string {
	if c.Subject.CommonName != "" {
		return c.Subject.CommonName
	}
	return c.Subject.String()
}

// describe returns the chain as a Signature describes it.
func describe(chain []*x509.Certificate) []Certificate {
	var list []Certificate
	for _, c := range chain {
		sum := sha256.Sum256(c.Raw)
		list = append(list, Certificate{
			Subject:   c.Subject.String(),
			Issuer:    c.Issuer.String(),
			Serial:    hex.EncodeToString(c.SerialNumber.Bytes()),
			SHA256:    hex.EncodeToString(sum[:]),
			Algorithm: c.SignatureAlgorithm.String(),
			NotBefore: c.NotBefore.UTC(),
			NotAfter:  c.NotAfter.UTC(),
		})
	}
	return list
}

// oldAlgorithms returns notes on what in the chain would not be issued today. The
// root's own signature is not looked at.
func oldAlgorithms(what string, chain []*x509.Certificate) []string {
	var notes []string
	sha1, short := false, false
	for i, c := range chain {
		root := bytes.Equal(c.RawSubject, c.RawIssuer) && i == len(chain)-1
		if !root && (c.SignatureAlgorithm == x509.SHA1WithRSA || c.SignatureAlgorithm == x509.ECDSAWithSHA1) {
			sha1 = true
		}
		if key, ok := c.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < 2048 {
			short = true
		}
	}
	if sha1 {
		notes = append(notes, fmt.Sprintf("old algorithm: certificates of %s are signed with SHA-1", what))
	}
	if short {
		notes = append(notes, fmt.Sprintf("old algorithm: certificates of %s have RSA keys below 2048 bits", what))
	}
	return notes
}
