package authenticode

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/bits"
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

var errWork = errors.New("checking the file's signatures takes more work than any sensible file needs")

// work counts what checking the signatures of one file costs, those of timestamps
// and certificates included.
type work struct{ left int }

func newWork() *work { return &work{left: maxWork} }

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
	return nil
}
