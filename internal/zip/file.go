package zip

import (
	"archive/zip"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// Flags and methods (APPNOTE 4.4.4 and 4.4.5).
const (
	flagEncrypted       = 1 << 0
	flagDescriptor      = 1 << 3
	flagStrong          = 1 << 6
	flagUTF8            = 1 << 11
	flagMaskedDirectory = 1 << 13

	methodStored  = 0
	methodDeflate = 8
	methodBzip2   = 12
	methodAES     = 99

	extraUnicodePath = 0x7075 // APPNOTE 4.6.9
	extraAES         = 0x9901
)

// methodNames are those of methods that are not read here (APPNOTE 4.4.5).
var methodNames = map[uint16]string{
	1: "Shrink", 2: "Reduce", 3: "Reduce", 4: "Reduce", 5: "Reduce", 6: "Implode", 9: "Deflate64",
	10: "PKWARE DCL Implode", 14: "LZMA", 16: "IBM z/OS CMPSC", 18: "IBM Terse", 20: "Zstandard",
	93: "Zstandard", 94: "MP3", 95: "XZ", 96: "JPEG", 97: "WavPack", 98: "PPMd",
}

// Encryption is how a member is encrypted.
type Encryption string

// The ways of encryption.
const (
	Plain       Encryption = ""
	Traditional Encryption = "ZipCrypto" // APPNOTE 6.1
	AES         Encryption = "AES"       // WinZip AE-1 and AE-2
	Strong      Encryption = "PKWARE strong encryption"
)

// A File is one member.
type File struct {
	// Name is the member's path as text. It may be hostile.
	Name string
	// Size and Packed are its size in bytes, unpacked and as stored.
	Size, Packed int64
	// Modified has two seconds' precision, or that of an extended time. Times
	// without a zone are taken as UTC.
	Modified time.Time
	// Mode is what the maker says about the kind of file and its permissions.
	Mode       fs.FileMode
	Encryption Encryption
	// CRC is the CRC-32 of the content; 0 where AES stands for it.
	CRC uint32

	method uint16 // of compression
	flags  uint16
	time   uint16 // DOS time, the check value of streamed members
	aes    *aesParameters
	r      io.ReaderAt
	offset int64 // of the data
	broken error // why it cannot be read
}

// newFile takes an entry of the directory. Data must end before limit.
func newFile(entry *zip.File, r io.ReaderAt, limit int64) (*File, error) {
	const most = 1 << 62
	if entry.UncompressedSize64 > most || entry.CompressedSize64 > most {
		return nil, fmt.Errorf("%w: %q claims %d bytes", ErrFormat, entry.Name, entry.UncompressedSize64)
	}
	f := &File{
		Name:     decodeName(entry),
		Size:     int64(entry.UncompressedSize64),
		Packed:   int64(entry.CompressedSize64),
		Modified: entry.Modified.UTC(),
		Mode:     entry.Mode(),
		CRC:      entry.CRC32,
		method:   entry.Method,
		flags:    entry.Flags,
		time:     entry.ModifiedTime,
		r:        r,
	}
	if entry.ModifiedDate == 0 && entry.ModifiedTime == 0 {
		f.Modified = time.Time{}
	}
	f.broken = f.readMethod(entry.Extra)
	offset, err := entry.DataOffset()
	switch {
	case err != nil:
		f.broken = fmt.Errorf("%w: its header is damaged: %w", ErrFormat, err)
	case offset > limit || f.Packed > limit-offset:
		f.broken = fmt.Errorf("%w: its %d bytes from %d on do not fit into the zip", ErrTruncated, f.Packed, offset)
	}
	f.offset = offset
	return f, nil
}

// readMethod reads how the member is compressed and encrypted.
func (f *File) readMethod(extra []byte) (err error) {
	switch {
	case f.method == methodAES:
		f.Encryption = AES
		if f.flags&flagEncrypted == 0 {
			return fmt.Errorf("%w: AES without the flag of encryption", ErrFormat)
		}
		if f.aes, err = parseAES(extraField(extra, extraAES)); err != nil {
			return err
		}
		f.method = f.aes.method
	case f.flags&(flagStrong|flagMaskedDirectory) != 0:
		f.Encryption = Strong
		return fmt.Errorf("%w: PKWARE strong encryption", ErrMethod)
	case f.flags&flagEncrypted != 0:
		f.Encryption = Traditional
	}
	switch f.method {
	case methodStored, methodDeflate, methodBzip2:
		return nil
	}
	if name := methodNames[f.method]; name != "" {
		return fmt.Errorf("%w: compression %d (%s)", ErrMethod, f.method, name)
	}
	return fmt.Errorf("%w: compression %d", ErrMethod, f.method)
}

func (f *File) folder() bool { return f.Mode.IsDir() }

// extraField returns the data of the first extra field with that identifier
// (APPNOTE 4.5), nil without one.
func extraField(extra []byte, id uint16) []byte {
	for len(extra) >= 4 {
		size := int(le.Uint16(extra[2:]))
		if size > len(extra)-4 {
			return nil
		}
		if le.Uint16(extra) == id {
			return extra[4 : 4+size]
		}
		extra = extra[4+size:]
	}
	return nil
}

// decodeName returns the name of an entry as text: UTF-8 where a flag or an extra
// field says so, else code page 437 (APPNOTE, appendix D).
func decodeName(entry *zip.File) string {
	if entry.Flags&flagUTF8 != 0 && utf8.ValidString(entry.Name) {
		return entry.Name
	}
	// Version, CRC of the stored name, name.
	if b := extraField(entry.Extra, extraUnicodePath); len(b) > 5 && b[0] == 1 &&
		le.Uint32(b[1:]) == crc32.ChecksumIEEE([]byte(entry.Name)) && utf8.Valid(b[5:]) {
		return string(b[5:])
	}
	name, err := charmap.CodePage437.NewDecoder().String(entry.Name)
	if err != nil {
		return entry.Name
	}
	return name
}

// Open returns the content of the member, streamed. The reader ends with io.EOF
// only when size, checksum and authentication code hold; otherwise its error
// wraps one of this package. The password is used where the member is encrypted.
func (f *File) Open(password string) (io.Reader, error) {
	if f.broken != nil {
		return nil, f.broken
	}
	if f.Encryption != Plain && password == "" {
		return nil, ErrPasswordNeeded
	}
	raw := io.NewSectionReader(f.r, f.offset, f.Packed)
	content := &content{file: f, sum: crc32.NewIEEE()}
	var packed io.Reader = raw
	var err error
	switch f.Encryption {
	case Traditional:
		packed, err = f.openTraditional(raw, password)
	case AES:
		var open *aesReader
		if open, err = f.aes.open(raw, password); err == nil {
			packed, content.finish = open, open.finish
		}
	}
	if err != nil {
		return nil, err
	}
	content.unpacked = decompress(f.method, packed)
	return content, nil
}

// content yields the unpacked bytes of a member and checks them.
type content struct {
	file     *File
	unpacked io.Reader
	sum      interface {
		io.Writer
		Sum32() uint32
	}
	read   int64
	finish func() error // checks what only the whole member shows; may be nil
	err    error
}

func (c *content) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	left := c.file.Size - c.read
	if left == 0 {
		c.err = c.end()
		return 0, c.err
	}
	n, err := c.unpacked.Read(p[:min(int64(len(p)), left)])
	c.read += int64(n)
	c.sum.Write(p[:n])
	if err != nil && c.read < c.file.Size {
		c.err = c.explain(err)
		return n, c.err
	}
	return n, nil
}

// end checks the member after its last byte.
func (c *content) end() error {
	var more [1]byte
	n, err := io.ReadFull(c.unpacked, more[:])
	switch {
	case n > 0:
		return c.mismatch("it is longer than the %d bytes that the directory gives", c.file.Size)
	case !errors.Is(err, io.EOF):
		return c.explain(err)
	}
	if c.finish != nil {
		if err := c.finish(); err != nil {
			return err
		}
	}
	if c.file.aes != nil && c.file.aes.withoutCRC {
		return io.EOF
	}
	if got := c.sum.Sum32(); got != c.file.CRC {
		return c.mismatch("the CRC is %08X, not %08X", got, c.file.CRC)
	}
	return io.EOF
}

// mismatch is an error about the content. A wrong password passes the check byte
// of the traditional encryption once in 256 times: then the content is wrong.
func (c *content) mismatch(format string, args ...any) error {
	err := fmt.Errorf("%w: %s", ErrChecksum, fmt.Sprintf(format, args...))
	if c.file.Encryption == Traditional {
		return fmt.Errorf("%w, or the zip is damaged: %w", ErrPassword, err)
	}
	return err
}

// explain turns an error of a decompressor into one of this package.
func (c *content) explain(err error) error {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return c.mismatch("it ends after %d of %d bytes", c.read, c.file.Size)
	case isDamage(err):
		return c.mismatch("%v", err)
	}
	return err
}
