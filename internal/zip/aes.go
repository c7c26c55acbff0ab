package zip

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/subtle"
	"fmt"
	"hash"
	"io"
)

// Sizes and numbers of WinZip's AES encryption.
const (
	aesExtraSize    = 7
	aesVerifierSize = 2
	aesCodeSize     = 10
	aesIterations   = 1000
	aesVersion1     = 1 // AE-1: the CRC is there
	aesVersion2     = 2 // AE-2: it is zero
)

// aesParameters is the extra field of an AES-encrypted member.
type aesParameters struct {
	keySize    int
	method     uint16 // of compression
	withoutCRC bool
}

func parseAES(extra []byte) (*aesParameters, error) {
	if len(extra) < aesExtraSize || string(extra[2:4]) != "AE" {
		return nil, fmt.Errorf("%w: the extra field of AES is missing", ErrFormat)
	}
	version, strength := le.Uint16(extra), extra[4]
	if version != aesVersion1 && version != aesVersion2 {
		return nil, fmt.Errorf("%w: version %d of AES encryption", ErrMethod, version)
	}
	if strength < 1 || strength > 3 {
		return nil, fmt.Errorf("%w: strength %d of AES encryption", ErrMethod, strength)
	}
	return &aesParameters{
		keySize:    8 + 8*int(strength),
		method:     le.Uint16(extra[5:]),
		withoutCRC: version == aesVersion2,
	}, nil
}

// deriveKeys returns the keys of encryption and authentication and the value
// that a right password gives.
func (a *aesParameters) deriveKeys(password string, salt []byte) (encryption, authentication, verifier []byte, err error) {
	b, err := pbkdf2.Key(sha1.New, password, salt, aesIterations, 2*a.keySize+aesVerifierSize)
	if err != nil {
		return nil, nil, nil, err
	}
	return b[:a.keySize], b[a.keySize : 2*a.keySize], b[2*a.keySize:], nil
}

// open checks the password and returns a reader of the decrypted data. The data
// are salt, verifier, encrypted bytes, authentication code.
func (a *aesParameters) open(raw *io.SectionReader, password string) (*aesReader, error) {
	salt := make([]byte, a.keySize/2)
	var verifier [aesVerifierSize]byte
	around := int64(len(salt) + len(verifier) + aesCodeSize)
	if raw.Size() < around {
		return nil, fmt.Errorf("%w: %d bytes cannot be AES-encrypted data", ErrFormat, raw.Size())
	}
	if _, err := io.ReadFull(raw, salt); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(raw, verifier[:]); err != nil {
		return nil, err
	}
	encryption, authentication, want, err := a.deriveKeys(password, salt)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(verifier[:], want) != 1 {
		return nil, ErrPassword
	}
	stream, err := newLittleCTR(encryption)
	if err != nil {
		return nil, err
	}
	return &aesReader{
		data:   io.LimitReader(raw, raw.Size()-around),
		code:   raw,
		stream: stream,
		mac:    hmac.New(sha1.New, authentication),
	}, nil
}

// An aesReader decrypts, and authenticates what it read.
type aesReader struct {
	data   io.Reader
	code   io.Reader // continues where data ends
	stream cipher.Stream
	mac    hash.Hash
}

func (r *aesReader) Read(p []byte) (int, error) {
	n, err := r.data.Read(p)
	r.mac.Write(p[:n])
	r.stream.XORKeyStream(p[:n], p[:n])
	return n, err
}

// finish reads what the decompressor left and compares the authentication code.
func (r *aesReader) finish() error {
	if _, err := io.Copy(r.mac, r.data); err != nil {
		return err
	}
	var code [aesCodeSize]byte
	if _, err := io.ReadFull(r.code, code[:]); err != nil {
		return err
	}
	if !hmac.Equal(code[:], r.mac.Sum(nil)[:aesCodeSize]) {
		return fmt.Errorf("%w: the authentication code does not fit the data", ErrChecksum)
	}
	return nil
}

// littleCTR is the counter mode of WinZip: the counter is little-endian and
// starts at 1, where that of crypto/cipher is big-endian.
type littleCTR struct {
	block   cipher.Block
	counter [aes.BlockSize]byte
	pad     [aes.BlockSize]byte
	used    int // bytes of pad
}

func newLittleCTR(key []byte) (*littleCTR, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return &littleCTR{block: block, used: aes.BlockSize}, nil
}

func (c *littleCTR) XORKeyStream(dst, src []byte) {
	for len(src) > 0 {
		if c.used == len(c.pad) {
			for i := range c.counter {
				c.counter[i]++
				if c.counter[i] != 0 {
					break
				}
			}
			c.block.Encrypt(c.pad[:], c.counter[:])
			c.used = 0
		}
		n := subtle.XORBytes(dst, src, c.pad[c.used:])
		c.used += n
		dst, src = dst[n:], src[n:]
	}
}
