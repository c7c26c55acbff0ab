package delta

import "encoding/binary"

// Names and offsets of the PE format ("PE Format", learn.microsoft.com).
const (
	peMinimumSize    = 0x200
	peOffsetLfanew   = 0x3c
	peFileHeaderSize = 4 + 20 // with the signature
	peMagicPE32      = 0x10b
	peMachineI386    = 0x14c
	peSectionSize    = 40
	peMaxSections    = 96 // what the Windows loader accepts

	scnMemExecute = 0x20000000
	scnMemRead    = 0x40000000
	scnMemWrite   = 0x80000000

	dirExport      = 0
	dirImport      = 1
	dirResource    = 2
	dirBaseReloc   = 5
	dirLoadConfig  = 10
	dirBoundImport = 11

	relBasedAbsolute = 0
	relBasedHigh     = 1
	relBasedLow      = 2
	relBasedHighLow  = 3
	relBasedHighAdj  = 4
)

// Offsets in the optional header of a PE32 image.
const (
	optImageBase     = 28
	optSizeOfImage   = 56
	optSizeOfHeaders = 60
	optCheckSum      = 64
	optDirCount      = 92
	optDirectories   = 96
)

// image is a 32-bit PE file that is changed in place. Everything it reads is
// bounds-checked; what lies outside the file is left alone.
type image struct {
	b             []byte
	header        int // offset of the PE signature
	optional      int // offset of the optional header
	machine       uint16
	base          uint32
	size          uint32 // SizeOfImage
	sizeOfHeaders uint32
	sections      []section
	dirCount      int
}

type section struct {
	header          int // offset of the section header
	name            string
	rva, virtual    uint32
	raw, rawSize    uint32 // clipped to the file
	characteristics uint32
}

// openImage returns nil when b is not a 32-bit PE file.
func openImage(b []byte) *image {
	if len(b) < peMinimumSize || b[0] != 'M' || b[1] != 'Z' {
		return nil
	}
	header := int64(binary.LittleEndian.Uint32(b[peOffsetLfanew:]))
	if header+peFileHeaderSize+optDirectories > int64(len(b)) || string(b[header:header+4]) != "PE\x00\x00" {
		return nil
	}
	im := &image{b: b, header: int(header), optional: int(header) + peFileHeaderSize}
	if im.u16(im.optional) != peMagicPE32 {
		return nil
	}
	im.machine = im.u16(im.header + 4)
	im.base = im.u32(im.optional + optImageBase)
	im.size = im.u32(im.optional + optSizeOfImage)
	im.sizeOfHeaders = im.u32(im.optional + optSizeOfHeaders)
	optionalSize := int(im.u16(im.header + 20))
	if optionalSize >= optDirectories {
		im.dirCount = int(min(im.u32(im.optional+optDirCount), 16, uint32(optionalSize-optDirectories)/8))
	}
	at := im.optional + optionalSize
	for range min(int(im.u16(im.header+6)), peMaxSections) {
		if at+peSectionSize > len(b) {
			break
		}
		s := section{
			header:          at,
			name:            cString(b[at : at+8]),
			virtual:         im.u32(at + 8),
			rva:             im.u32(at + 12),
			rawSize:         im.u32(at + 16),
			raw:             im.u32(at + 20),
			characteristics: im.u32(at + 36),
		}
		s.raw = uint32(min(int64(s.raw), int64(len(b))))
		s.rawSize = uint32(min(int64(s.rawSize), int64(len(b))-int64(s.raw)))
		im.sections = append(im.sections, s)
		at += peSectionSize
	}
	return im
}

func cString(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}

func (im *image) fits(off, n int) bool { return off >= 0 && off <= len(im.b)-n }

// u16 and u32 read zero outside the file, put16 and put32 write nothing there.
func (im *image) u16(off int) uint16 {
	if !im.fits(off, 2) {
		return 0
	}
	return binary.LittleEndian.Uint16(im.b[off:])
}

func (im *image) u32(off int) uint32 {
	if !im.fits(off, 4) {
		return 0
	}
	return binary.LittleEndian.Uint32(im.b[off:])
}

func (im *image) put16(off int, v uint16) {
	if im.fits(off, 2) {
		binary.LittleEndian.PutUint16(im.b[off:], v)
	}
}

func (im *image) put32(off int, v uint32) {
	if im.fits(off, 4) {
		binary.LittleEndian.PutUint32(im.b[off:], v)
	}
}

// offset returns where the byte of an address is in the file, or -1.
func (im *image) offset(rva uint32) int {
	if s := im.sectionOf(rva); s != nil {
		return int(s.raw + (rva - s.rva))
	}
	if rva < im.sizeOfHeaders && int64(rva) < int64(len(im.b)) {
		return int(rva)
	}
	return -1
}

// sectionOf returns the section in whose file data an address lies, or nil.
func (im *image) sectionOf(rva uint32) *section {
	for i := range im.sections {
		s := &im.sections[i]
		if rva >= s.rva && rva-s.rva < s.rawSize {
			return s
		}
	}
	return nil
}

// dirEntry returns the offset of a data directory's entry, or -1.
func (im *image) dirEntry(n int) int {
	if n >= im.dirCount {
		return -1
	}
	return im.optional + optDirectories + 8*n
}

// directory returns the address of a data directory and the part of the file
// that holds it: size is clipped to the section, off is -1 when there is none.
func (im *image) directory(n int) (rva uint32, off, size int) {
	entry := im.dirEntry(n)
	if entry < 0 {
		return 0, -1, 0
	}
	rva = im.u32(entry)
	if rva == 0 {
		return 0, -1, 0
	}
	off = im.offset(rva)
	if off < 0 {
		return rva, -1, 0
	}
	end := len(im.b)
	if s := im.sectionOf(rva); s != nil {
		end = int(s.raw + s.rawSize)
	}
	return rva, off, min(int(im.u32(entry+4)), end-off)
}

const importDescriptorSize = 20

// importDescriptor is IMAGE_IMPORT_DESCRIPTOR at an offset of the file.
type importDescriptor struct{ off int }

const (
	importOriginalFirstThunk = 0
	importTimeDateStamp      = 4
	importForwarderChain     = 8
	importName               = 12
	importFirstThunk         = 16
)

// imports returns the import descriptors up to the empty one that ends them.
func (im *image) imports() []importDescriptor {
	_, off, _ := im.directory(dirImport)
	if off < 0 {
		return nil
	}
	var list []importDescriptor
	for ; im.fits(off, importDescriptorSize); off += importDescriptorSize {
		if im.u32(off+importName) == 0 && im.u32(off+importFirstThunk) == 0 {
			break
		}
		list = append(list, importDescriptor{off})
	}
	return list
}

// eachReloc calls f for every base relocation: the offset of its entry, its
// type, and the address that it says must be adjusted.
func (im *image) eachReloc(f func(entry int, typ uint16, rva uint32)) {
	_, off, size := im.directory(dirBaseReloc)
	if off < 0 {
		return
	}
	const blockHeader = 8
	end := off + size
	for off+blockHeader <= end {
		page, length := im.u32(off), int(im.u32(off+4))
		if length < blockHeader || length > end-off {
			return
		}
		for e := off + blockHeader; e+2 <= off+length; e += 2 {
			v := im.u16(e)
			f(e, v>>12, page+uint32(v&0xfff))
		}
		off += length
	}
}
