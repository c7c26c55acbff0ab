package cab

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"

	"github.com/hotfixkit/hotfixkit/internal/magic"
)

// Options say how a cabinet is opened.
type Options struct {
	// Name is what errors call the cabinet. It may be empty.
	Name string
	// Offset is where the cabinet starts in the reader, in bytes.
	Offset int64
	// CodePage decodes names that do not carry the UTF-8 attribute; nil means
	// Windows-1252. The bytes stay available (File.RawName).
	CodePage encoding.Encoding
	// NoFiles checks the list of members and does not keep it: Cabinet.Files stays
	// empty. It saves memory where a cabinet is only described.
	NoFiles bool
}

// Compression is the typeCompress field of a folder ([MS-CAB] 2.2): a method and,
// for LZX and Quantum, the window size.
type Compression uint16

// The methods, as Compression.Method returns them.
// Signature is how a cabinet begins ([MS-CAB] 2.1, signature).
const Signature = magic.Cabinet

const (
	None    Compression = 0
	MSZIP   Compression = 1
	Quantum Compression = 2
	LZX     Compression = 3
)

// Method returns the method without its parameters.
func (c Compression) Method() Compression { return c & 0x000F }

// windowBits returns the binary logarithm of the window size of an LZX (15 to 21)
// or Quantum (10 to 21) folder.
func (c Compression) windowBits() int { return int(c>>8) & 0x1F }

// String returns "none", "MSZIP", "Quantum:18", "LZX:21".
func (c Compression) String() string {
	switch c.Method() {
	case None:
		return "none"
	case MSZIP:
		return "MSZIP"
	case Quantum:
		return fmt.Sprintf("Quantum:%d", c.windowBits())
	case LZX:
		return fmt.Sprintf("LZX:%d", c.windowBits())
	}
	return fmt.Sprintf("method %#04x", uint16(c))
}

// Flags of a header ([MS-CAB] 2.1).
const (
	flagPrevCabinet    = 0x0001 // cfhdrPREV_CABINET
	flagNextCabinet    = 0x0002 // cfhdrNEXT_CABINET
	flagReservePresent = 0x0004 // cfhdrRESERVE_PRESENT
)

// Header is the CFHEADER of a cabinet ([MS-CAB] 2.1).
type Header struct {
	Size         int64 // cbCabinet; the file may be longer (a signature) or shorter (truncated)
	minorVersion uint8 // 3
	majorVersion uint8 // 1
	flags        uint16
	SetID        uint16
	Index        int    // iCabinet: the number of this volume in its set, from 0
	FileCount    int    // cFiles: the length of the list of members
	Reserve      []byte // abReserve of the header, often a signature's place
	Previous     Neighbour
	Next         Neighbour
}

// A Neighbour names the volume before or after a cabinet.
type Neighbour struct {
	Cabinet string // szCabinetPrev, szCabinetNext: a file name, empty if there is none
	Disk    string // szDiskPrev, szDiskNext: a label for people
}

// Folder is a CFFOLDER ([MS-CAB] 2.2): a run of blocks that are compressed together.
type Folder struct {
	Compression Compression
	Offset      int64  // coffCabStart: the first CFDATA block, in bytes from the start of the cabinet
	Blocks      int    // cCFData: the number of blocks in this cabinet
	Reserve     []byte // abReserve of the folder
}

// Attributes of a member ([MS-CAB] 2.3, attribs).
type Attributes uint16

// The attribute bits.
const (
	AttrReadOnly Attributes = 0x01 // _A_RDONLY
	AttrHidden   Attributes = 0x02 // _A_HIDDEN
	AttrSystem   Attributes = 0x04 // _A_SYSTEM
	AttrArchive  Attributes = 0x20 // _A_ARCH
	AttrExecute  Attributes = 0x40 // _A_EXEC: run after extraction
	AttrUTF8     Attributes = 0x80 // _A_NAME_IS_UTF: the name is UTF-8
)

// File is a CFFILE ([MS-CAB] 2.3): a member of a cabinet.
type File struct {
	// Name is the name as text, as the cabinet has it: a backslash separates
	// folders. It may be hostile.
	Name string
	Size int64 // in bytes
	// Offset is uoffFolderStart: where the member starts in its decompressed folder.
	Offset int64
	// Cabinet is the cabinet that lists the file.
	Cabinet *Cabinet

	raw *string // the bytes of the name where they are not Name

	// Folder is the index into the folders of the cabinet that lists the file:
	// the first one for a file continued from the previous cabinet, the last
	// one for a file continued in the next.
	Folder     uint16
	index      uint16 // into Cabinet.Files
	date, time uint16 // as [MS-CAB] 2.3 packs them
	Attributes Attributes
	// ContinuedFromPrevious and ContinuedToNext say that the member's data lie
	// in other volumes too ([MS-CAB] 2.3, iFolder 0xFFFD to 0xFFFF).
	ContinuedFromPrevious, ContinuedToNext bool
}

// RawName returns the bytes of the name as they are in the cabinet, without the
// terminating zero.
func (f *File) RawName() string {
	if f.raw != nil {
		return *f.raw
	}
	return f.Name
}

// Modified returns the DOS time of the member, which has no time zone, taken as UTC
// with two seconds' precision. It is the zero time when the cabinet holds no valid
// date.
func (f *File) Modified() time.Time { return dosTime(f.date, f.time) }

// Index returns the place of the member in the list of its cabinet.
func (f *File) Index() int { return int(f.index) }

// Cabinet is one cabinet file.
type Cabinet struct {
	Header
	// Name is Options.Name.
	Name    string
	Folders []Folder
	Files   []*File

	r           io.ReaderAt
	start       int64 // of the cabinet in r
	available   int64 // bytes of the cabinet that r has, at most Size
	dataReserve int   // cbCFData: reserved bytes in each CFDATA header
}

// Truncated returns how many bytes the cabinet is short of its claimed size.
func (c *Cabinet) Truncated() int64 { return c.Size - c.available }

// Sizes of the fixed parts of the structures ([MS-CAB] 2.1 to 2.4).
const (
	headerSize = 36
	folderSize = 8
	fileSize   = 16
	dataSize   = 8
)

// maxName is the longest string of a cabinet, without its terminating zero
// ([MS-CAB] 2.1 and 2.3: at most 256 bytes with it).
const maxName = 255

// The values of CFFILE.iFolder that are not an index ([MS-CAB] 2.3).
const (
	folderContinuedFromPrev    = 0xFFFD // ifoldCONTINUED_FROM_PREV
	folderContinuedToNext      = 0xFFFE // ifoldCONTINUED_TO_NEXT
	folderContinuedPrevAndNext = 0xFFFF // ifoldCONTINUED_PREV_AND_NEXT
)

// Open reads the directory of the cabinet that starts at o.Offset of r, where
// size is the length of r in bytes. Bytes after the cabinet are ignored. A
// cabinet cut short opens as long as its directory is whole; Decode then gives
// what is there. Otherwise Open returns an ErrFormat or ErrTruncated. The reader
// must stay valid as long as the cabinet is used.
//
// The list of files must follow the list of folders, as it does in every cabinet
// that a known writer makes. Where coffFiles ([MS-CAB] 2.1) names another place,
// some readers go there and others, Windows among them, read on: such a cabinet
// holds one set of files for a virus scanner and another one for the installer,
// and is an ErrFormat.
func Open(r io.ReaderAt, size int64, o Options) (*Cabinet, error) {
	c := &Cabinet{Name: o.Name, r: r, start: o.Offset}
	if err := c.readDirectory(size-o.Offset, o); err != nil {
		return nil, fmt.Errorf("cab: %s%w", c.place(), err)
	}
	return c, nil
}

// place starts an error message with the cabinet's name, if it has one.
func (c *Cabinet) place() string {
	if c.Name == "" {
		return ""
	}
	return c.Name + ": "
}

func (c *Cabinet) readDirectory(size int64, o Options) error {
	names := newNameDecoder(o.CodePage)
	d := &directoryReader{r: bufio.NewReader(io.NewSectionReader(c.r, c.start, max(size, 0)))}

	var fixed [headerSize]byte
	if d.fill(fixed[:], "header"); d.err != nil {
		return d.err
	}
	if string(fixed[:4]) != Signature {
		return fmt.Errorf("%w: no MSCF signature", ErrFormat)
	}
	le := binary.LittleEndian
	c.Size = int64(le.Uint32(fixed[8:]))
	filesOffset := int64(le.Uint32(fixed[16:]))
	c.minorVersion, c.majorVersion = fixed[24], fixed[25]
	folders, files := int(le.Uint16(fixed[26:])), int(le.Uint16(fixed[28:]))
	c.flags = le.Uint16(fixed[30:])
	c.FileCount = files
	c.SetID = le.Uint16(fixed[32:])
	c.Index = int(le.Uint16(fixed[34:]))
	c.available = min(c.Size, size)

	var folderReserve int
	if c.flags&flagReservePresent != 0 {
		var sizes [4]byte
		d.fill(sizes[:], "reserve sizes")
		folderReserve, c.dataReserve = int(sizes[2]), int(sizes[3])
		c.Reserve = d.bytes(int(le.Uint16(sizes[:])), "header reserve")
	}
	if c.flags&flagPrevCabinet != 0 {
		c.Previous.Cabinet = names.decode(d.string("name of the previous cabinet"), 0)
		c.Previous.Disk = names.decode(d.string("name of the previous disk"), 0)
	}
	if c.flags&flagNextCabinet != 0 {
		c.Next.Cabinet = names.decode(d.string("name of the next cabinet"), 0)
		c.Next.Disk = names.decode(d.string("name of the next disk"), 0)
	}
	for i := 0; i < folders && d.err == nil; i++ {
		place := fmt.Sprintf("folder %d of the list", i)
		var fixed [folderSize]byte
		d.fill(fixed[:], place)
		c.Folders = append(c.Folders, Folder{
			Offset:      int64(le.Uint32(fixed[0:])),
			Blocks:      int(le.Uint16(fixed[4:])),
			Compression: Compression(le.Uint16(fixed[6:])),
			Reserve:     d.bytes(folderReserve, place),
		})
	}
	if d.err != nil {
		return d.err
	}

	if d.read != filesOffset {
		return fmt.Errorf("%w: the header puts the list of files at %d, the list of folders ends at %d", ErrFormat, filesOffset, d.read)
	}
	if o.NoFiles {
		return c.checkFiles(d, names)
	}
	c.Files = make([]*File, 0, min(files, filesAtOnce))
	var some []File // a large list is made piece by piece: a small file may claim one
	for i := range files {
		if len(some) == 0 {
			some = make([]File, min(files-i, filesAtOnce))
		}
		f := &some[0]
		some = some[1:]
		if err := c.readFile(f, d, names); err != nil {
			return fmt.Errorf("file %d of the list: %w", i, err)
		}
		f.index = uint16(i)
		c.Files = append(c.Files, f)
	}
	return nil
}

// checkFiles reads the list of members for nothing but what is wrong with it.
func (c *Cabinet) checkFiles(d *directoryReader, names nameDecoder) error {
	var f File
	for i := range c.FileCount {
		if err := c.readFile(&f, d, names); err != nil {
			return fmt.Errorf("file %d of the list: %w", i, err)
		}
	}
	return nil
}

// filesAtOnce is for how many members memory is taken at a time.
const filesAtOnce = 1024

// readFile reads one CFFILE ([MS-CAB] 2.3).
func (c *Cabinet) readFile(f *File, d *directoryReader, names nameDecoder) error {
	var fixed [fileSize]byte
	d.fill(fixed[:], "entry")
	le := binary.LittleEndian
	*f = File{
		Cabinet:    c,
		Size:       int64(le.Uint32(fixed[0:])),
		Offset:     int64(le.Uint32(fixed[4:])),
		date:       le.Uint16(fixed[10:]),
		time:       le.Uint16(fixed[12:]),
		Attributes: Attributes(le.Uint16(fixed[14:])),
	}
	raw := d.string("name")
	if d.err != nil {
		return d.err
	}
	if f.Name = names.decode(raw, f.Attributes); f.Name != raw {
		bytes := raw
		f.raw = &bytes
	}

	folder := int(le.Uint16(fixed[8:]))
	switch folder {
	case folderContinuedFromPrev:
		folder, f.ContinuedFromPrevious = 0, true
	case folderContinuedToNext:
		folder, f.ContinuedToNext = len(c.Folders)-1, true
	case folderContinuedPrevAndNext:
		folder, f.ContinuedFromPrevious, f.ContinuedToNext = 0, true, true
	}
	if folder < 0 || folder >= len(c.Folders) {
		return fmt.Errorf("%w: %q is in folder %d of %d", ErrFormat, f.Name, folder, len(c.Folders))
	}
	f.Folder = uint16(folder)
	return nil
}

// A directoryReader reads the structures before the data, one after the other, and
// keeps the first error.
type directoryReader struct {
	r     *bufio.Reader
	read  int64 // bytes so far
	text  []byte
	names *strings.Builder // of which every string is a part
	err   error
}

func (d *directoryReader) fill(p []byte, what string) {
	if d.err != nil {
		return
	}
	n, err := io.ReadFull(d.r, p)
	d.read += int64(n)
	if err != nil {
		d.fail(err, what)
	}
}

func (d *directoryReader) fail(err error, what string) {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = ErrTruncated
	}
	d.err = fmt.Errorf("%s: %w", what, err)
}

// bytes reads n bytes, where n comes from a 16-bit field.
func (d *directoryReader) bytes(n int, what string) []byte {
	if n == 0 {
		return nil
	}
	p := make([]byte, n)
	d.fill(p, what)
	return p
}

// string reads bytes up to a zero.
func (d *directoryReader) string(what string) string {
	if d.err != nil {
		return ""
	}
	d.text = d.text[:0]
	for {
		b, err := d.r.ReadByte()
		d.read++
		switch {
		case err != nil:
			d.fail(err, what)
			return ""
		case b == 0:
			return d.keep(d.text)
		case len(d.text) == maxName:
			d.err = fmt.Errorf("%s: %w: no end within %d bytes", what, ErrFormat, maxName+1)
			return ""
		}
		d.text = append(d.text, b)
	}
}

// keep returns a text of the directory as a string. Many share one piece of memory.
func (d *directoryReader) keep(text []byte) string {
	const piece = 16 << 10
	if d.names == nil || d.names.Cap()-d.names.Len() < len(text) {
		d.names = new(strings.Builder)
		d.names.Grow(piece)
	}
	start := d.names.Len()
	d.names.Write(text)
	return d.names.String()[start:]
}

// A nameDecoder turns the bytes of names into text.
type nameDecoder struct{ codePage *encoding.Decoder }

func newNameDecoder(e encoding.Encoding) nameDecoder {
	if e == nil {
		e = charmap.Windows1252
	}
	return nameDecoder{e.NewDecoder()}
}

// decode returns the text of a name; bytes that the encoding does not have
// become U+FFFD.
func (n nameDecoder) decode(raw string, attributes Attributes) string {
	ascii := true
	for _, b := range []byte(raw) {
		ascii = ascii && b < 0x80
	}
	if !ascii && attributes&AttrUTF8 == 0 {
		if text, err := n.codePage.String(raw); err == nil {
			return text
		}
	}
	return strings.ToValidUTF8(raw, "\uFFFD")
}

// dosTime reads a date and a time as [MS-CAB] 2.3 packs them. It returns the
// zero time when they name no day or time that exists.
func dosTime(date, clock uint16) time.Time {
	year, month, day := 1980+int(date>>9), time.Month(date>>5&15), int(date&31)
	hour, minute, second := int(clock>>11), int(clock>>5&63), int(clock&31)*2
	t := time.Date(year, month, day, hour, minute, second, 0, time.UTC)
	if t.Month() != month || t.Day() != day || t.Hour() != hour || t.Minute() != minute || t.Second() != second {
		return time.Time{}
	}
	return t
}
