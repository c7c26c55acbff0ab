package authenticode

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

// bareKey is an RSA key that crypto/rsa would not make: a short one, or one with
// an unusual exponent.
type bareKey struct {
	n, d *big.Int
	e    int
}

func newBareKey(t testing.TB, bits, e int) *bareKey {
	t.Helper()
	for {
		p, err := rand.Prime(rand.Reader, bits/2)
		require.NoError(t, err)
		q, err := rand.Prime(rand.Reader, bits-bits/2)
		require.NoError(t, err)
		one := big.NewInt(1)
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		if d := new(big.Int).ModInverse(big.NewInt(int64(e)), phi); d != nil {
			return &bareKey{new(big.Int).Mul(p, q), d, e}
		}
	}
}

var sha256Prefix = []byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}

// padded returns what a signature is of (RFC 8017, 9.2), with the given number of
// filling bytes and something behind the digest.
func padded(sum []byte, size, filling int) []byte {
	em := append([]byte{0, 1}, bytes.Repeat([]byte{0xff}, filling)...)
	em = append(append(append(em, 0), sha256Prefix...), sum...)
	return append(em, make([]byte, size-len(em))...)
}

func (k *bareKey) size() int { return (k.n.BitLen() + 7) / 8 }

func (k *bareKey) sign(sum []byte) []byte {
	em := padded(sum, k.size(), k.size()-3-len(sha256Prefix)-len(sum))
	return new(big.Int).Exp(new(big.Int).SetBytes(em), k.d, k.n).FillBytes(make([]byte, k.size()))
}

// forge returns a signature for exponent 3 that is right for who does not look
// behind the digest (Bleichenbacher, 2006).
func (k *bareKey) forge(sum []byte) []byte {
	em := new(big.Int).SetBytes(padded(sum, k.size(), 8))
	low, high := big.NewInt(0), new(big.Int).Lsh(big.NewInt(1), uint(k.n.BitLen()/3+2))
	for low.Cmp(high) < 0 { // the smallest number whose cube is not below em
		middle := new(big.Int).Rsh(new(big.Int).Add(low, high), 1)
		if new(big.Int).Exp(middle, big.NewInt(3), nil).Cmp(em) < 0 {
			low = middle.Add(middle, big.NewInt(1))
		} else {
			high = middle
		}
	}
	return low.FillBytes(make([]byte, k.size()))
}

// certify returns a certificate for any public key.
func certify(t testing.TB, issuer *identity, public any, template x509.Certificate) *x509.Certificate {
	t.Helper()
	serial++
	template.SerialNumber, template.NotBefore, template.NotAfter = big.NewInt(serial), date(2000), date(2100)
	c, err := x509.ParseCertificate(rawCertificate(t, issuer, public, template))
	require.NoError(t, err)
	return c
}

func rawCertificate(t testing.TB, issuer *identity, public any, template x509.Certificate) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, &template, issuer.cert, public, issuer.key)
	require.NoError(t, err)
	return der
}

// withKey returns the certificate, issued anew, with another SubjectPublicKeyInfo.
func withKey(t testing.TB, issuer *identity, c *x509.Certificate, key []byte) []byte {
	t.Helper()
	var body asn1.RawValue
	unmarshal(t, c.RawTBSCertificate, &body)
	changed := marshal(t, sequence(bytes.Replace(body.Bytes, c.RawSubjectPublicKeyInfo, key, 1)))
	signature, err := rsa.SignPKCS1v15(nil, issuer.key, crypto.SHA256, sumOf(crypto.SHA256, changed))
	require.NoError(t, err)
	return marshal(t, struct {
		Body      asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}{
		asn1.RawValue{FullBytes: changed},
		pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}, Parameters: asn1.NullRawValue},
		asn1.BitString{Bytes: signature, BitLength: len(signature) * 8},
	})
}

// TestVectorsKeys signs with weak, odd and unknown keys. Keys below 1,024 bits are
// blocked (Microsoft Security Advisory 2661254), above 8,192 bits refused.
func TestVectorsKeys(t *testing.T) {
	w := newWorld(t)
	template := codeSigner("Vector Signer")
	signed := func(certificate []byte, sign func(sum []byte) []byte, change ...func(*signing)) []byte {
		return w.program(t, func(s *signing) {
			c, err := x509.ParseCertificate(certificate)
			if err != nil { // the signer names it all the same
				c = w.code.cert
			}
			s.by = &identity{cert: c}
			s.certificates, s.sign = [][]byte{certificate}, sign
			for _, f := range change {
				f(s)
			}
		})
	}
	var vectors []vector
	for bits, want := range map[int]Status{512: Invalid, 768: Invalid, 1016: Invalid, 1024: Valid, 1536: Valid, 2048: Valid, 3072: Valid} {
		k := newBareKey(t, bits, 65537)
		c := certify(t, w.root, &rsa.PublicKey{N: k.n, E: k.e}, template)
		v := vector{name: fmt.Sprintf("RSA of %d bits", bits), data: signed(c.Raw, k.sign), want: want}
		if want == Invalid {
			v.differs = "OpenSSL accepts short keys at this level"
		}
		vectors = append(vectors, v)
	}
	for _, e := range []int{3, 5, 17, 257} {
		k := newBareKey(t, 2048, e)
		c := certify(t, w.root, &rsa.PublicKey{N: k.n, E: e}, template)
		vectors = append(vectors, vector{name: fmt.Sprintf("RSA with exponent %d", e), data: signed(c.Raw, k.sign), want: Valid})
		if e == 3 {
			vectors = append(vectors, vector{name: "RSA with exponent 3, forged", data: signed(c.Raw, k.forge), want: Invalid, note: "does not hold"})
		}
	}
	modulus := newBareKey(t, 2048, 65537)
	raw := func(sum []byte) []byte { return padded(sum, 256, 256-3-len(sha256Prefix)-len(sum)) }
	spki := func(oid asn1.ObjectIdentifier, parameters, key []byte) []byte {
		return marshal(t, struct {
			Algorithm algorithmIdentifier
			Key       asn1.BitString
		}{algorithmIdentifier{oid, asn1.RawValue{FullBytes: parameters}}, asn1.BitString{Bytes: key, BitLength: len(key) * 8}})
	}
	rsaKey := func(n, e *big.Int) []byte {
		return withKey(t, w.root, w.code.cert, spki(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}, []byte{5, 0}, marshal(t, struct{ N, E *big.Int }{n, e})))
	}
	huge := new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 70000), big.NewInt(1))
	vectors = append(vectors,
		vector{name: "RSA with exponent 1", data: signed(rsaKey(modulus.n, big.NewInt(1)), raw), want: Invalid, differs: "OpenSSL computes with it"},
		vector{name: "RSA with exponent 2", data: signed(rsaKey(modulus.n, big.NewInt(2)), raw), want: Invalid},
		vector{name: "RSA with exponent 0", data: signed(rsaKey(modulus.n, big.NewInt(0)), raw), want: Invalid},
		vector{name: "RSA with exponent -1", data: signed(rsaKey(modulus.n, big.NewInt(-1)), raw), want: Invalid},
		vector{name: "RSA with an exponent of 64 bits", data: signed(rsaKey(modulus.n, new(big.Int).SetUint64(1<<63+1)), raw), want: Invalid},
		vector{name: "RSA with modulus 1", data: signed(rsaKey(big.NewInt(1), big.NewInt(65537)), raw), want: Invalid},
		vector{name: "RSA with modulus 0", data: signed(rsaKey(big.NewInt(0), big.NewInt(65537)), raw), want: Invalid},
		vector{name: "RSA of 8,200 bits", data: signed(bigKey(t, w.root, template, 8200).Raw, raw), want: Invalid, note: "8200 bits is above the limit"},
		vector{name: "RSA of 16,384 bits", data: signed(bigKey(t, w.root, template, 16384).Raw, raw), want: Invalid, note: "16384 bits is above the limit"},
		vector{name: "RSA of 70,000 bits", data: signed(rsaKey(huge, big.NewInt(65537)), raw), want: Invalid},
	)

	weak := newBareKey(t, 512, 65537)
	vectors = append(vectors, weakIssuer(t, w, weak)...)

	for name, curve := range map[string]elliptic.Curve{"P-224": elliptic.P224(), "P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		require.NoError(t, err)
		c := certify(t, w.root, key.Public(), template)
		sign := func(sum []byte) []byte {
			signature, err := ecdsa.SignASN1(rand.Reader, key, sum)
			require.NoError(t, err)
			return signature
		}
		ecdsaOID := func(s *signing) { s.algorithm = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1} }
		vectors = append(vectors, vector{name: "ECDSA " + name, data: signed(c.Raw, sign, ecdsaOID), want: Valid})
		if curve != elliptic.P256() {
			continue
		}
		for _, hash := range []crypto.Hash{crypto.SHA1, crypto.SHA384, crypto.SHA512} {
			vectors = append(vectors, vector{name: "ECDSA P-256 with " + hash.String(), data: signed(c.Raw, sign, ecdsaOID, func(s *signing) { s.hash = hash }), want: Valid})
		}
		numbers := func(change func(r, s *big.Int) (*big.Int, *big.Int)) func(sum []byte) []byte {
			return func(sum []byte) []byte {
				var v struct{ R, S *big.Int }
				unmarshal(t, sign(sum), &v)
				v.R, v.S = change(v.R, v.S)
				return marshal(t, v)
			}
		}
		zero, n := big.NewInt(0), curve.Params().N
		for what, change := range map[string]func(r, s *big.Int) (*big.Int, *big.Int){
			"0 and 0":            func(_, _ *big.Int) (*big.Int, *big.Int) { return zero, zero },
			"r = 0":              func(_, s *big.Int) (*big.Int, *big.Int) { return zero, s },
			"s = 0":              func(r, _ *big.Int) (*big.Int, *big.Int) { return r, zero },
			"n and n":            func(_, _ *big.Int) (*big.Int, *big.Int) { return n, n },
			"r plus n":           func(r, s *big.Int) (*big.Int, *big.Int) { return new(big.Int).Add(r, n), s },
			"negative s":         func(r, s *big.Int) (*big.Int, *big.Int) { return r, new(big.Int).Neg(s) },
			"the other s, n - s": func(r, s *big.Int) (*big.Int, *big.Int) { return r, new(big.Int).Sub(n, s) },
		} {
			v := vector{name: "ECDSA with " + what, data: signed(c.Raw, numbers(change), ecdsaOID), want: Invalid, note: "does not hold"}
			if what == "the other s, n - s" {
				v.want, v.note = Valid, "" // ECDSA has two for every signature
			}
			vectors = append(vectors, v)
		}
		vectors = append(vectors,
			vector{name: "ECDSA, an RSA signature", data: signed(c.Raw, modulus.sign), want: Invalid, note: "does not hold"},
			vector{name: "ECDSA with something behind the numbers", data: signed(c.Raw, func(sum []byte) []byte { return append(sign(sum), 0) }, ecdsaOID), want: Invalid, note: "does not hold"},
		)
		ec := asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
		point, err := key.PublicKey.Bytes()
		require.NoError(t, err)
		off := append(bytes.Clone(point[:64]), point[64]^1)
		for what, key := range map[string][]byte{
			"secp256k1":           spki(ec, marshal(t, asn1.ObjectIdentifier{1, 3, 132, 0, 10}), point),
			"brainpoolP256r1":     spki(ec, marshal(t, asn1.ObjectIdentifier{1, 3, 36, 3, 3, 2, 8, 1, 1, 7}), point),
			"explicit parameters": spki(ec, marshal(t, sequence(marshal(t, 1), marshal(t, sequence()))), point), // CVE-2020-0601
			"no parameters":       spki(ec, []byte{5, 0}, point),
			"a point off P-256":   spki(ec, marshal(t, asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}), off),
			"infinity":            spki(ec, marshal(t, asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}), []byte{0}),
		} {
			vectors = append(vectors, vector{name: "ECDSA key: " + what, data: signed(withKey(t, w.root, w.code.cert, key), sign, ecdsaOID), want: Invalid})
		}
	}

	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	edwards := certify(t, w.root, public, template)
	vectors = append(vectors, vector{name: "Ed25519", data: signed(edwards.Raw, func(sum []byte) []byte { return ed25519.Sign(private, sum) }), want: Invalid, note: "not known here"})
	numbers := marshal(t, struct{ P, Q, G *big.Int }{modulus.n, big.NewInt(65537), big.NewInt(2)})
	dsaKey := spki(asn1.ObjectIdentifier{1, 2, 840, 10040, 4, 1}, numbers, marshal(t, big.NewInt(4)))
	vectors = append(vectors, vector{name: "DSA", data: signed(withKey(t, w.root, w.code.cert, dsaKey), func([]byte) []byte {
		return marshal(t, struct{ R, S *big.Int }{big.NewInt(1), big.NewInt(1)})
	}), want: Invalid})

	pss := func(sum []byte) []byte {
		signature, err := rsa.SignPSS(rand.Reader, w.code.key, crypto.SHA256, sum, nil)
		require.NoError(t, err)
		return signature
	}
	vectors = append(vectors,
		vector{name: "RSASSA-PSS", data: w.program(t, func(s *signing) { s.sign, s.algorithm = pss, oidRSAPSS }), want: Invalid, note: "RSASSA-PSS"},
		vector{name: "RSASSA-PSS, not said", data: w.program(t, func(s *signing) { s.sign = pss }), want: Invalid, note: "does not hold"},
	)
	w.run(t, vectors)
}

// weakIssuer signs below an authority with a key that anybody can factor.
func weakIssuer(t *testing.T, w *world, weak *bareKey) []vector {
	ca := certify(t, w.root, &rsa.PublicKey{N: weak.n, E: weak.e}, authority("Weak Authority"))
	ordinary := issue(t, w.root, 3, authority("Weak Authority"))
	leaf := issue(t, ordinary, 1, codeSigner("Vector Signer"))
	body := leaf.cert.RawTBSCertificate
	signature := weak.sign(sumOf(crypto.SHA256, body))
	der := marshal(t, struct {
		Body      asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}{
		asn1.RawValue{FullBytes: body},
		pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}, Parameters: asn1.NullRawValue},
		asn1.BitString{Bytes: signature, BitLength: len(signature) * 8},
	})
	return []vector{{name: "below an authority of 512 bits", want: Untrusted, data: w.program(t, func(s *signing) {
		s.by, s.certificates = leaf, [][]byte{der, ca.Raw}
	})}}
}
