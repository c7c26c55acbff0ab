package zip

import (
	"fmt"
	"hash/crc32"
	"io"
)

// traditionalHeader is the size of the encrypted header before the data
// (APPNOTE 6.1.3).
const traditionalHeader = 12

// keys is the state of the traditional encryption (APPNOTE 6.1.5).
type keys [3]uint32

func newKeys(password string) *keys {
	k := &keys{0x12345678, 0x23456789, 0x34567890}
	for i := range len(password) {
		k.update(password[i])
	}
	return k
}

func (k *keys) update(plain byte) {
	k[0] = crc32update(k[0], plain)
	k[1] = (k[1]+k[0]&0xff)*134775813 + 1
	k[2] = crc32update(k[2], byte(k[1]>>24))
}

func crc32update(crc uint32, b byte) uint32 {
	return crc32.IEEETable[byte(crc)^b] ^ crc>>8
}

// next returns the byte of the key stream.
func (k *keys) next() byte {
	t := uint16(k[2]) | 2
	return byte(t * (t ^ 1) >> 8)
}

func (k *keys) decrypt(b []byte) {
	for i, c := range b {
		b[i] = c ^ k.next()
		k.update(b[i])
	}
}

// openTraditional checks the password and returns a reader of the decrypted data.
func (f *File) openTraditional(raw io.Reader, password string) (io.Reader, error) {
	var header [traditionalHeader]byte
	if _, err := io.ReadFull(raw, header[:]); err != nil {
		return nil, fmt.Errorf("%w: the header of its encryption is cut off", ErrFormat)
	}
	k := newKeys(password)
	k.decrypt(header[:])
	// The last byte is the high byte of the CRC or, in members that were written
	// before their CRC was known, of the time (Info-ZIP, crypt.c).
	last := header[traditionalHeader-1]
	if last != byte(f.CRC>>24) && !(f.flags&flagDescriptor != 0 && last == byte(f.time>>8)) {
		return nil, ErrPassword
	}
	return &traditionalReader{raw, k}, nil
}

type traditionalReader struct {
	raw  io.Reader
	keys *keys
}

func (t *traditionalReader) Read(p []byte) (int, error) {
	n, err := t.raw.Read(p)
	t.keys.decrypt(p[:n])
	return n, err
}
