// Package petest builds small PE files for tests and fixtures: a chosen machine,
// version resource, timestamp and exact size. The same image always gives the
// same bytes.
package petest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf16"

	"github.com/hotfixkit/hotfixkit/internal/pe"
)

// Image describes the file to build. The zero value of a field is a sensible
// choice except for Machine.
type Image struct {
	Machine   pe.Machine // x86, arm and other 32-bit machines give PE32, 64-bit ones PE32+
	DLL       bool
	Timestamp uint32 // seconds since 1970
	// Versions are the version resources; each must have a language of its own.
	Versions []*pe.Version
	// Resources are raw data resources (RT_RCDATA), sorted by name. An image has
	// either these or Versions.
	Resources []Resource
	// Sections follow the code, in this order.
	Sections []Section
	// Size is the exact size of the file in bytes; 0 makes it as small as it can
	// be. What the image does not need is filled with pseudo-random bytes.
	Size int64
	// Seed chooses the pseudo-random bytes; 0 fills with zeros.
	Seed uint64
	// ResourcesFirst puts the resource section before the filling instead of
	// behind it.
	ResourcesFirst bool
}

// Resource is a resource of raw data.
type Resource struct {
	Name string
	Data []byte
}

// Section is a section of a given content.
type Section struct {
	Name string
	Data []byte
	// Hidden is in the file behind Data and not loaded: the virtual size leaves it
	// out.
	Hidden []byte
}

// Version returns a version resource as Microsoft's own files have it: fixed part,
// one English string table, one translation.
func Version(file pe.Number, name, description, product string) *pe.Version {
	n := file.String()
	return &pe.Version{
		ID:       1,
		Language: 0x0409,
		Fixed: &pe.Fixed{
			StructVersion: 0x00010000,
			File:          file,
			Product:       file,
			FlagsMask:     0x3f,
			OS:            0x00040004, // VOS_NT_WINDOWS32
			Type:          2,          // VFT_DLL
		},
		Tables: []pe.StringTable{{
			Key: "040904b0",
			Strings: []pe.String{
				{Key: "CompanyName", Value: "hotfixkit test data, not Microsoft"},
				{Key: "FileDescription", Value: description},
				{Key: "FileVersion", Value: n},
				{Key: "InternalName", Value: name},
				{Key: "OriginalFilename", Value: name},
				{Key: "ProductName", Value: product},
				{Key: "ProductVersion", Value: n},
			},
		}},
		Translations: []pe.Translation{{Language: 0x0409, CodePage: 1200}},
	}
}

const (
	dosHeaderSize  = 64
	fileAlignment  = 0x200
	pageSize       = 0x1000
	scnCode        = 0x60000020 // code, execute, read
	scnInitialized = 0x40000040 // initialized data, read
	headersSize    = 0x400
)

type section struct {
	name            string
	data            []byte
	hidden          int // bytes of data that are not loaded
	characteristics uint32
	rva, offset     uint32
}

// Build returns the bytes of the file.
func (img Image) Build() ([]byte, error) {
	plus, err := img.is64Bit()
	if err != nil {
		return nil, err
	}
	code := &section{name: ".text", data: pad([]byte{0x31, 0xc0, 0xc3}, fileAlignment), characteristics: scnCode} // xor eax, eax; ret
	sections := []*section{code}
	used := int64(headersSize + len(code.data))
	for _, s := range img.Sections {
		data := pad(bytes.Clone(s.Data), fileAlignment)
		loaded := len(data)
		data = pad(append(data, s.Hidden...), fileAlignment)
		sections = append(sections, &section{name: s.Name, data: data, hidden: len(data) - loaded, characteristics: scnInitialized})
		used += int64(len(sections[len(sections)-1].data))
	}
	if len(img.Versions) > 0 && len(img.Resources) > 0 {
		return nil, errors.New("petest: an image has either versions or raw resources")
	}
	var resources *section
	if len(img.Versions)+len(img.Resources) > 0 {
		resources = &section{name: ".rsrc", characteristics: scnInitialized}
		resources.data = pad(img.resourceSection(0), fileAlignment)
	}
	if resources != nil {
		used += int64(len(resources.data))
	}
	rest := img.Size - used
	if img.Size == 0 {
		rest = 0
	} else if rest < 0 {
		return nil, fmt.Errorf("petest: the image needs %d bytes, not %d", used, img.Size)
	}
	random := noise(img.Seed)
	var fill *section
	if n := rest / fileAlignment * fileAlignment; n > 0 {
		fill = &section{name: ".data", data: random.bytes(n), characteristics: scnInitialized}
	}
	if img.ResourcesFirst {
		sections = appendSections(sections, resources, fill)
	} else {
		sections = appendSections(sections, fill, resources)
	}

	rva, offset := uint32(pageSize), uint32(headersSize)
	for _, s := range sections {
		s.rva, s.offset = rva, offset
		rva += align(uint32(len(s.data)), pageSize)
		offset += uint32(len(s.data))
	}
	if resources != nil {
		resources.data = pad(img.resourceSection(resources.rva), fileAlignment)
	}

	file := img.headers(plus, sections, resources, rva)
	for _, s := range sections {
		file = append(file, s.data...)
	}
	file = append(file, random.bytes(rest%fileAlignment)...)
	binary.LittleEndian.PutUint32(file[checksumOffset:], checksum(file))
	return file, nil
}

func appendSections(list []*section, more ...*section) []*section {
	for _, s := range more {
		if s != nil {
			list = append(list, s)
		}
	}
	return list
}

func (img Image) is64Bit() (bool, error) {
	switch img.Machine {
	case pe.MachineAMD64, pe.MachineIA64, pe.MachineARM64, pe.MachineAlpha64:
		return true, nil
	case pe.MachineI386, pe.MachineARMNT, pe.MachineARM, pe.MachineAlpha, pe.MachineR4000, pe.MachinePowerPC:
		return false, nil
	}
	return false, fmt.Errorf("petest: no layout for the machine %s", img.Machine)
}

// checksumOffset is the place of CheckSum, the same in PE32 and PE32+.
const checksumOffset = dosHeaderSize + 4 + 20 + 64

// headers writes the DOS header, the PE headers and the section table
// ("PE Format").
func (img Image) headers(plus bool, sections []*section, resources *section, imageSize uint32) []byte {
	le := binary.LittleEndian
	h := make([]byte, dosHeaderSize, headersSize)
	copy(h, "MZ")
	le.PutUint32(h[60:], dosHeaderSize) // e_lfanew
	h = append(h, "PE\x00\x00"...)

	optionalSize, characteristics := uint16(224), uint16(0x0102) // executable, 32-bit
	if plus {
		optionalSize, characteristics = 240, 0x0022 // executable, large addresses
	}
	if img.DLL {
		characteristics |= 0x2000
	}
	h = le.AppendUint16(h, uint16(img.Machine))
	h = le.AppendUint16(h, uint16(len(sections)))
	h = le.AppendUint32(h, img.Timestamp)
	h = append(h, make([]byte, 8)...) // no symbols
	h = le.AppendUint16(h, optionalSize)
	h = le.AppendUint16(h, characteristics)

	var initialized uint32
	for _, s := range sections[1:] {
		initialized += uint32(len(s.data))
	}
	magic := uint16(0x10b)
	if plus {
		magic = 0x20b
	}
	h = le.AppendUint16(h, magic)
	h = append(h, 14, 0) // linker version
	h = le.AppendUint32(h, uint32(len(sections[0].data)))
	h = le.AppendUint32(h, initialized)
	h = le.AppendUint32(h, 0)
	h = le.AppendUint32(h, sections[0].rva) // entry point
	h = le.AppendUint32(h, sections[0].rva) // base of code
	if plus {
		h = le.AppendUint64(h, 0x180000000)
	} else {
		h = le.AppendUint32(h, pageSize) // base of data
		h = le.AppendUint32(h, 0x10000000)
	}
	h = le.AppendUint32(h, pageSize)
	h = le.AppendUint32(h, fileAlignment)
	for _, v := range []uint16{5, 1, 0, 0, 5, 1, 0, 0} { // system, image, subsystem versions; Win32 version
		h = le.AppendUint16(h, v)
	}
	h = le.AppendUint32(h, imageSize)
	h = le.AppendUint32(h, headersSize)
	h = le.AppendUint32(h, 0)                                        // checksum, set at the end
	h = le.AppendUint16(h, 3)                                        // console
	h = le.AppendUint16(h, 0x0100)                                   // NX compatible
	for _, v := range []uint32{0x100000, 0x1000, 0x100000, 0x1000} { // stack and heap, reserved and committed
		if plus {
			h = le.AppendUint64(h, uint64(v))
		} else {
			h = le.AppendUint32(h, v)
		}
	}
	h = le.AppendUint32(h, 0)
	h = le.AppendUint32(h, 16) // data directories
	for i := range 16 {
		if i == 2 && resources != nil { // IMAGE_DIRECTORY_ENTRY_RESOURCE
			h = le.AppendUint32(h, resources.rva)
			h = le.AppendUint32(h, uint32(len(resources.data)))
			continue
		}
		h = append(h, make([]byte, 8)...)
	}

	for _, s := range sections {
		var name [8]byte
		copy(name[:], s.name)
		h = append(h, name[:]...)
		h = le.AppendUint32(h, uint32(len(s.data)-s.hidden))
		h = le.AppendUint32(h, s.rva)
		h = le.AppendUint32(h, uint32(len(s.data)))
		h = le.AppendUint32(h, s.offset)
		h = append(h, make([]byte, 12)...) // no relocations, no line numbers
		h = le.AppendUint32(h, s.characteristics)
	}
	return pad(h, headersSize)
}

func (img Image) resourceSection(rva uint32) []byte {
	if len(img.Resources) > 0 {
		return rawSection(img.Resources, rva)
	}
	return versionSection(img.Versions, rva)
}

// Sizes in the resource tree ("PE Format", The .rsrc Section).
const (
	directory    = 16
	entry        = 8
	dataEntry    = 16
	subdirectory = 1 << 31 // also: the identifier is the offset of a name
	english      = 0x0409
)

// rawSection lays out a tree of one type, RT_RCDATA, and one language.
func rawSection(resources []Resource, rva uint32) []byte {
	le := binary.LittleEndian
	n := len(resources)
	header := func(b []byte, names, ids int) []byte {
		b = append(b, make([]byte, 12)...)
		return le.AppendUint16(le.AppendUint16(b, uint16(names)), uint16(ids))
	}
	languages := directory + entry + directory + n*entry
	entries := languages + n*(directory+entry)
	b := header(nil, 0, 1)
	b = le.AppendUint32(b, pe.TypeRCData)
	b = le.AppendUint32(b, subdirectory|(directory+entry))
	b = header(b, n, 0)
	var data []byte // names, then the resources
	base := entries + n*dataEntry
	for i, r := range resources {
		b = le.AppendUint32(b, subdirectory|uint32(base+len(data)))
		b = le.AppendUint32(b, subdirectory|uint32(languages+i*(directory+entry)))
		data = le.AppendUint16(data, uint16(len(r.Name)))
		for _, u := range utf16.Encode([]rune(r.Name)) {
			data = le.AppendUint16(data, u)
		}
	}
	for i := range resources {
		b = header(b, 0, 1)
		b = le.AppendUint32(b, english)
		b = le.AppendUint32(b, uint32(entries+i*dataEntry))
	}
	for _, r := range resources {
		data = pad(data, 4)
		b = le.AppendUint32(b, rva+uint32(base+len(data)))
		b = le.AppendUint32(b, uint32(len(r.Data)))
		b = append(b, make([]byte, 8)...)
		data = append(data, r.Data...)
	}
	return append(b, data...)
}

// versionSection lays out a tree of one type, RT_VERSION, one name, and one entry
// per language.
func versionSection(versions []*pe.Version, rva uint32) []byte {
	le := binary.LittleEndian
	header := func(b []byte, ids int) []byte {
		b = append(b, make([]byte, 14)...)
		return le.AppendUint16(b, uint16(ids))
	}
	var b []byte
	b = header(b, 1)
	b = le.AppendUint32(b, 16) // RT_VERSION
	b = le.AppendUint32(b, subdirectory|directory+entry)
	b = header(b, 1)
	b = le.AppendUint32(b, 1) // VS_VERSION_INFO
	b = le.AppendUint32(b, subdirectory|2*(directory+entry))
	b = header(b, len(versions))
	entries := 3*directory + 2*entry + len(versions)*entry
	for i, v := range versions {
		b = le.AppendUint32(b, uint32(v.Language))
		b = le.AppendUint32(b, uint32(entries+i*dataEntry))
	}
	var data []byte
	base := entries + len(versions)*dataEntry
	for _, v := range versions {
		data = pad(data, 4)
		blob := EncodeVersion(v)
		b = le.AppendUint32(b, rva+uint32(base+len(data)))
		b = le.AppendUint32(b, uint32(len(blob)))
		b = append(b, make([]byte, 8)...)
		data = append(data, blob...)
	}
	return append(b, data...)
}

// EncodeVersion returns the bytes of a version resource ("VS_VERSIONINFO
// structure").
func EncodeVersion(v *pe.Version) []byte {
	le := binary.LittleEndian
	var fixed []byte
	if f := v.Fixed; f != nil {
		for _, u := range []uint32{
			0xfeef04bd, f.StructVersion,
			uint32(f.File[0])<<16 | uint32(f.File[1]), uint32(f.File[2])<<16 | uint32(f.File[3]),
			uint32(f.Product[0])<<16 | uint32(f.Product[1]), uint32(f.Product[2])<<16 | uint32(f.Product[3]),
			f.FlagsMask, f.Flags, f.OS, f.Type, f.Subtype, f.DateHigh, f.DateLow,
		} {
			fixed = le.AppendUint32(fixed, u)
		}
	}
	var children [][]byte
	if v.Tables != nil {
		var tables [][]byte
		for _, t := range v.Tables {
			var strings [][]byte
			for _, s := range t.Strings {
				value := utf16z(s.Value)
				strings = append(strings, node(s.Key, 1, len(value)/2, value))
			}
			tables = append(tables, node(t.Key, 1, 0, nil, strings...))
		}
		children = append(children, node("StringFileInfo", 1, 0, nil, tables...))
	}
	if v.Translations != nil {
		var value []byte
		for _, t := range v.Translations {
			value = le.AppendUint16(value, t.Language)
			value = le.AppendUint16(value, t.CodePage)
		}
		children = append(children, node("VarFileInfo", 1, 0, nil, node("Translation", 0, len(value), value)))
	}
	return node("VS_VERSION_INFO", 0, len(fixed), fixed, children...)
}

// node writes wLength, wValueLength, wType, szKey, the value and the children,
// each aligned to 32 bits.
func node(key string, valueType uint16, valueLength int, value []byte, children ...[]byte) []byte {
	le := binary.LittleEndian
	b := le.AppendUint16(make([]byte, 2), uint16(valueLength))
	b = le.AppendUint16(b, valueType)
	b = append(b, utf16z(key)...)
	if len(value) > 0 {
		b = append(pad(b, 4), value...)
	}
	for _, c := range children {
		b = append(pad(b, 4), c...)
	}
	le.PutUint16(b, uint16(len(b)))
	return b
}

func utf16z(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return append(b, 0, 0)
}

func align(n, to uint32) uint32 { return (n + to - 1) / to * to }

func pad(b []byte, to int) []byte {
	if r := len(b) % to; r != 0 {
		b = append(b, make([]byte, to-r)...)
	}
	return b
}

// checksum is the CheckSum field's sum over a file whose own field is zero: 16-bit
// words added with carry, plus the size of the file.
func checksum(file []byte) uint32 {
	var sum uint32
	for i := 0; i < len(file); i += 2 {
		word := uint32(file[i])
		if i+1 < len(file) {
			word |= uint32(file[i+1]) << 8
		}
		sum += word
		sum = sum&0xffff + sum>>16
	}
	return sum + uint32(len(file))
}

// noise is a deterministic source of bytes (xorshift64*), the same on every
// platform and in every version of Go.
type noise uint64

func (n *noise) bytes(size int64) []byte {
	b := make([]byte, size)
	if *n == 0 {
		return b
	}
	x := uint64(*n)
	for i := range b {
		x ^= x >> 12
		x ^= x << 25
		x ^= x >> 27
		b[i] = byte(x * 0x2545f4914f6cdd1d >> 56)
	}
	*n = noise(x)
	return b
}
