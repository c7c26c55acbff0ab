// Package ziptest writes zip files for tests and fixtures: plain and encrypted
// members, with nothing random in them. Salts come from the content, so that the
// same input gives the same bytes; such encryption protects nothing.
package ziptest

import (
	"archive/zip"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
	"time"

	"github.com/klauspost/compress/flate"
)

// Encryption is how a member is encrypted.
type Encryption int

// The ways of encryption.
const (
	Plain       Encryption = iota
	Traditional            // PKWARE's, APPNOTE 6.1
	AES128                 // WinZip's, AE-2
	AES256
	AES256WithCRC // AE-1
)

// A Member is one file of a zip.
type Member struct {
	Name       string
	Content    []byte
	Modified   time.Time
	Stored     bool // not compressed
	Encryption Encryption
}

// Build returns a zip. Members that are encrypted take the password.
func Build(password string, members ...Member) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, m := range members {
		header, data, err := m.pack(password)
		if err != nil {
			return nil, err
		}
		entry, err := w.CreateRaw(header)
		if err != nil {
			return nil, err
		}
		if _, err := entry.Write(data); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}

func (m Member) pack(password string) (*zip.FileHeader, []byte, error) {
	h := &zip.FileHeader{
		Name:               m.Name,
		Method:             zip.Deflate,
		Modified:           m.Modified,
		CRC32:              crc32.ChecksumIEEE(m.Content),
		UncompressedSize64: uint64(len(m.Content)),
	}
	if !m.Modified.IsZero() {
		//lint:ignore SA1019 CreateRaw writes these fields as they are
		h.ModifiedDate, h.ModifiedTime = dosTime(m.Modified)
	}
	data := m.Content
	if m.Stored {
		h.Method = zip.Store
	} else {
		data = deflate(m.Content)
	}
	salt := sha256.Sum256(append([]byte(m.Name+"\x00"), m.Content...))
	var err error
	switch m.Encryption {
	case Traditional:
		h.Flags |= 1
		data = encryptTraditional(password, h.CRC32, salt[:11], data)
	case AES128, AES256, AES256WithCRC:
		h.Flags |= 1
		data, err = m.encryptAES(h, password, salt[:], data)
	}
	h.CompressedSize64 = uint64(len(data))
	return h, data, err
}

// dosTime returns date and time as zip files hold them.
func dosTime(t time.Time) (date, clock uint16) {
	t = t.UTC()
	return uint16(t.Day() | int(t.Month())<<5 | (t.Year()-1980)<<9),
		uint16(t.Second()/2 | t.Minute()<<5 | t.Hour()<<11)
}

// deflate compresses with a library that go.mod pins: what the standard library
// writes may change with the version of Go.
func deflate(b []byte) []byte {
	var out bytes.Buffer
	w, _ := flate.NewWriter(&out, flate.BestCompression) // the level exists
	_, _ = w.Write(b)                                    // a buffer takes everything
	_ = w.Close()
	return out.Bytes()
}

// encryptTraditional encrypts as APPNOTE 6.1 says: 11 bytes of salt, the high
// byte of the CRC, then the data.
func encryptTraditional(password string, crc uint32, salt, data []byte) []byte {
	k := [3]uint32{0x12345678, 0x23456789, 0x34567890}
	step := func(crc uint32, b byte) uint32 { return crc32.IEEETable[byte(crc)^b] ^ crc>>8 }
	update := func(b byte) {
		k[0] = step(k[0], b)
		k[1] = (k[1]+k[0]&0xff)*134775813 + 1
		k[2] = step(k[2], byte(k[1]>>24))
	}
	for i := range len(password) {
		update(password[i])
	}
	plain := append(append(bytes.Clone(salt), byte(crc>>24)), data...)
	out := make([]byte, len(plain))
	for i, b := range plain {
		t := uint16(k[2]) | 2
		out[i] = b ^ byte(t*(t^1)>>8)
		update(b)
	}
	return out
}

// encryptAES encrypts as WinZip does and sets method, extra field and CRC of the
// header.
func (m Member) encryptAES(h *zip.FileHeader, password string, salt, data []byte) ([]byte, error) {
	strength, version := byte(3), uint16(2)
	switch m.Encryption {
	case AES128:
		strength = 1
	case AES256WithCRC:
		version = 1
	}
	keySize := 8 + 8*int(strength)
	salt = salt[:keySize/2]
	keys, err := pbkdf2.Key(sha1.New, password, salt, 1000, 2*keySize+2)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(keys[:keySize])
	if err != nil {
		return nil, err
	}
	out := append(bytes.Clone(salt), keys[2*keySize:]...)
	out = append(out, littleCounter(block, data)...)
	mac := hmac.New(sha1.New, keys[keySize:2*keySize])
	_, _ = mac.Write(out[len(salt)+2:]) // a hash takes everything
	out = append(out, mac.Sum(nil)[:10]...)

	le := binary.LittleEndian
	extra := le.AppendUint16(nil, 0x9901)
	extra = le.AppendUint16(extra, 7)
	extra = le.AppendUint16(extra, version)
	extra = append(extra, 'A', 'E', strength)
	h.Extra = append(h.Extra, le.AppendUint16(extra, h.Method)...)
	h.Method = 99
	if version == 2 {
		h.CRC32 = 0
	}
	return out, nil
}

// littleCounter encrypts in counter mode with a little-endian counter from 1 on.
func littleCounter(block cipher.Block, data []byte) []byte {
	out := bytes.Clone(data)
	var counter, pad [aes.BlockSize]byte
	for at := 0; at < len(out); at += aes.BlockSize {
		binary.LittleEndian.PutUint64(counter[:], uint64(at/aes.BlockSize)+1)
		block.Encrypt(pad[:], counter[:])
		for i := at; i < min(at+aes.BlockSize, len(out)); i++ {
			out[i] ^= pad[i-at]
		}
	}
	return out
}
