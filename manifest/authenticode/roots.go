package authenticode

import (
	"bytes"
	"crypto/x509"
	"embed"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
)

// ErrFormat is wrapped by the errors of [ParseRoots] about data that holds no
// certificate or a damaged one.
var ErrFormat = errors.New("authenticode: malformed certificate file")

//go:embed roots/*.der
var rootFiles embed.FS

// microsoftRoots are the root certificates that Microsoft publishes for its own
// code signing, 1997 to 2011.
var microsoftRoots = sync.OnceValue(func() []*x509.Certificate {
	names, err := fs.Glob(rootFiles, "roots/*.der")
	if err != nil {
		panic(err)
	}
	var roots []*x509.Certificate
	for _, name := range names {
		data, err := rootFiles.ReadFile(name)
		if err != nil {
			panic(err)
		}
		root, err := x509.ParseCertificate(data)
		if err != nil {
			panic(fmt.Sprintf("%s: %v", name, err))
		}
		roots = append(roots, root)
	}
	return roots
})

// ParseRoots reads certificates to trust from a file's bytes: one or several in
// PEM, or one or several concatenated in DER. Every certificate of the file
// becomes a root, whoever issued it. Errors wrap [ErrFormat].
func ParseRoots(data []byte) ([]*x509.Certificate, error) {
	if !bytes.Contains(data, []byte("-----BEGIN ")) {
		roots, err := x509.ParseCertificates(data)
		if err != nil {
			return nil, fmt.Errorf("%w: %v", ErrFormat, err)
		}
		if len(roots) == 0 {
			return nil, fmt.Errorf("%w: the file is empty", ErrFormat)
		}
		return roots, nil
	}
	var roots []*x509.Certificate
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("%w: it holds a PEM block %q; only CERTIFICATE is of use", ErrFormat, block.Type)
		}
		root, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%w: certificate %d: %v", ErrFormat, len(roots)+1, err)
		}
		roots = append(roots, root)
	}
	if bytes.Contains(data, []byte("-----BEGIN ")) {
		return nil, fmt.Errorf("%w: the PEM block after certificate %d is damaged", ErrFormat, len(roots))
	}
	if len(roots) == 0 {
		return nil, fmt.Errorf("%w: it holds no PEM block", ErrFormat)
	}
	return roots, nil
}

// disallowed reports whether Microsoft took the certificate out of trust after it
// had been used to forge code signatures: the two certificates of the Enforced
// Licensing Intermediate PCA and the Enforced Licensing Registration Authority CA
// (Microsoft Security Advisory 2718704, 2012). They are told by name, so that a
// re-issued one is refused too.
func disallowed(c *x509.Certificate) bool {
	name := c.Subject.CommonName
	return name == "Microsoft Enforced Licensing Intermediate PCA" ||
		strings.HasPrefix(name, "Microsoft Enforced Licensing Registration Authority CA")
}
