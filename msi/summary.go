package msi

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf16"
)

// PropertyID numbers the properties of the summary information (Windows
// Installer: Summary Property Descriptions).
type PropertyID uint32

// The properties that Windows Installer uses. Their names are those of the
// property set; a package keeps for instance its package code in PIDRevision.
const (
	PIDDictionary  PropertyID = 0
	PIDCodePage    PropertyID = 1
	PIDTitle       PropertyID = 2
	PIDSubject     PropertyID = 3
	PIDAuthor      PropertyID = 4
	PIDKeywords    PropertyID = 5
	PIDComments    PropertyID = 6
	PIDTemplate    PropertyID = 7
	PIDLastAuthor  PropertyID = 8
	PIDRevision    PropertyID = 9
	PIDLastPrinted PropertyID = 11
	PIDCreated     PropertyID = 12
	PIDLastSaved   PropertyID = 13
	PIDPageCount   PropertyID = 14
	PIDWordCount   PropertyID = 15
	PIDCharCount   PropertyID = 16
	PIDAppName     PropertyID = 18
	PIDSecurity    PropertyID = 19
)

var propertyNames = map[PropertyID]string{
	PIDCodePage: "Codepage", PIDTitle: "Title", PIDSubject: "Subject", PIDAuthor: "Author", PIDKeywords: "Keywords",
	PIDComments: "Comments", PIDTemplate: "Template", PIDLastAuthor: "Last Saved By", PIDRevision: "Revision Number",
	PIDLastPrinted: "Last Printed", PIDCreated: "Create Time/Date", PIDLastSaved: "Last Saved Time/Date",
	PIDPageCount: "Page Count", PIDWordCount: "Word Count", PIDCharCount: "Character Count",
	PIDAppName: "Creating Application", PIDSecurity: "Security",
}

// String returns the name of the property in the documentation of Windows
// Installer, or its number.
func (id PropertyID) String() string {
	if name := propertyNames[id]; name != "" {
		return name
	}
	return "property " + strconv.FormatUint(uint64(id), 10)
}

// Types of properties ([MS-OLEPS] 2.15).
const (
	vtEmpty    = 0
	vtNull     = 1
	vtI2       = 2
	vtI4       = 3
	vtBSTR     = 8
	vtLPSTR    = 30
	vtLPWSTR   = 31
	vtFiletime = 64
)

const (
	codePage1252 = 1252
	// epochDelta is the time from the epoch of FILETIME, 1601, to that of
	// Unix, in units of 100 ns.
	epochDelta = 116444736000000000
	// maxProperties is far above the twenty or so that the format defines.
	maxProperties = 4096
)

// fmtidSummary identifies the property set ([MS-OLEPS] 2.1, FMTID_SummaryInformation).
var fmtidSummary = [16]byte{0xE0, 0x85, 0x9F, 0xF2, 0xF9, 0x4F, 0x68, 0x10, 0xAB, 0x91, 0x08, 0x00, 0x2B, 0x27, 0xB3, 0xD9}

// Summary is the summary information of a database. Properties whose types it
// does not interpret are kept and written as they are.
type Summary struct {
	codePage   int
	properties []property // in stored order
	systemID   uint32     // operating system of the writer
	clsid      [16]byte
	stored     []byte // the stream, as long as nothing has changed
}

type property struct {
	id    PropertyID
	kind  uint16
	value []byte // behind the type, padding included
	text  string
}

// parseSummary reads a property set stream ([MS-OLEPS] 2.20 to 2.22).
func parseSummary(b []byte) (*Summary, error) {
	s := &Summary{stored: b, codePage: codePage1252}
	bad := func(what string) error {
		return fmt.Errorf("msi: summary information: %s: %w", what, ErrFormat)
	}
	const headSize = 28
	if len(b) < headSize+20 || binary.LittleEndian.Uint16(b) != 0xFFFE {
		return nil, bad("no property set")
	}
	s.systemID = binary.LittleEndian.Uint32(b[4:])
	copy(s.clsid[:], b[8:24])
	if binary.LittleEndian.Uint32(b[24:]) < 1 || !bytes.Equal(b[headSize:headSize+16], fmtidSummary[:]) {
		return nil, bad("no section of summary information")
	}
	offset := int64(binary.LittleEndian.Uint32(b[headSize+16:]))
	if offset > int64(len(b))-8 {
		return nil, bad("the section is beyond the end")
	}
	section := b[offset:]
	if size := int64(binary.LittleEndian.Uint32(section)); size < int64(len(section)) {
		section = section[:max(size, 8)]
	}
	count := int64(binary.LittleEndian.Uint32(section[4:]))
	if count > maxProperties || 8+8*count > int64(len(section)) {
		return nil, bad(fmt.Sprintf("%d properties in %d bytes", count, len(section)))
	}
	for i := range count {
		id := PropertyID(binary.LittleEndian.Uint32(section[8+8*i:]))
		at := int64(binary.LittleEndian.Uint32(section[12+8*i:]))
		if at > int64(len(section))-4 {
			return nil, bad(fmt.Sprintf("property %d is beyond the end", id))
		}
		if s.find(id) != nil {
			return nil, bad(fmt.Sprintf("property %d occurs twice", id))
		}
		p := property{id: id, kind: binary.LittleEndian.Uint16(section[at:])}
		n, ok := p.size(section[at+4:])
		if !ok {
			// The end of a value of unknown type is where the next begins.
			n = len(section) - int(at+4)
			for j := range count {
				if next := int64(binary.LittleEndian.Uint32(section[12+8*j:])); next > at && next-at-4 < int64(n) {
					n = max(0, int(next-at-4))
				}
			}
		}
		if n > len(section)-int(at)-4 {
			return nil, bad(fmt.Sprintf("property %d is cut off", id))
		}
		p.value = bytes.Clone(section[at+4:][:n])
		s.properties = append(s.properties, p)
	}
	if p := s.find(PIDCodePage); p != nil && p.kind == vtI2 {
		s.codePage = int(binary.LittleEndian.Uint16(p.value))
	}
	for i := range s.properties {
		if err := s.properties[i].decode(s.codePage); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// size returns the bytes of the value at the start of b. It is false for types
// that are not interpreted; a size beyond b is for the caller to find.
func (p *property) size(b []byte) (int, bool) {
	switch p.kind {
	case vtEmpty, vtNull:
		return 0, true
	case vtI2:
		return min(4, max(2, len(b))), true // the padding may be missing at the end
	case vtI4:
		return 4, true
	case vtFiletime:
		return 8, true
	case vtLPSTR, vtBSTR, vtLPWSTR:
		if p.id == PIDDictionary || len(b) < 4 {
			return math.MaxInt32, p.id != PIDDictionary
		}
		n := int64(binary.LittleEndian.Uint32(b))
		if p.kind == vtLPWSTR {
			n *= 2
		}
		return int(min(4+n, math.MaxInt32)), true
	}
	return 0, false
}

// decode sets the text of a string. The count of an LPSTR may or may not
// include its terminator.
func (p *property) decode(codePage int) error {
	if p.id == PIDDictionary {
		return nil
	}
	switch p.kind {
	case vtLPSTR, vtBSTR:
		b := p.value[4:]
		if codePage == codePageUTF16 {
			p.text = decodeUTF16(b)
			return nil
		}
		if i := bytes.IndexByte(b, 0); i >= 0 {
			b = b[:i]
		}
		var err error
		if p.text, err = DecodeText(codePage, b); err != nil {
			return fmt.Errorf("msi: summary information: property %d: %w", p.id, err)
		}
	case vtLPWSTR:
		p.text = decodeUTF16(p.value[4:])
	}
	return nil
}

func decodeUTF16(b []byte) string {
	var units []uint16
	for ; len(b) >= 2; b = b[2:] {
		u := binary.LittleEndian.Uint16(b)
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return string(utf16.Decode(units))
}

func (s *Summary) find(id PropertyID) *property {
	for i := range s.properties {
		if s.properties[i].id == id {
			return &s.properties[i]
		}
	}
	return nil
}

func (s *Summary) clone() *Summary {
	c := *s
	c.properties = slices.Clone(s.properties)
	return &c
}

// IDs returns the properties that are set, in ascending order.
func (s *Summary) IDs() []PropertyID {
	ids := make([]PropertyID, len(s.properties))
	for i, p := range s.properties {
		ids[i] = p.id
	}
	slices.Sort(ids)
	return ids
}

// CodePage returns the code page of the strings, 1252 where none is given.
func (s *Summary) CodePage() int { return s.codePage }

// String returns a string property, or "" where it is not set or of another
// type.
func (s *Summary) String(id PropertyID) string {
	if p := s.find(id); p != nil {
		return p.text
	}
	return ""
}

// Int returns an integer property, and false where it is not set or of another
// type.
func (s *Summary) Int(id PropertyID) (int32, bool) {
	switch p := s.find(id); {
	case p == nil:
	case p.kind == vtI2:
		return int32(int16(binary.LittleEndian.Uint16(p.value))), true
	case p.kind == vtI4:
		return int32(binary.LittleEndian.Uint32(p.value)), true
	}
	return 0, false
}

// Time returns a time property in UTC, and false where it is not set, zero or of
// another type.
func (s *Summary) Time(id PropertyID) (time.Time, bool) {
	p := s.find(id)
	if p == nil || p.kind != vtFiletime {
		return time.Time{}, false
	}
	ticks := binary.LittleEndian.Uint64(p.value)
	if ticks == 0 || ticks > math.MaxInt64 {
		return time.Time{}, false
	}
	t := int64(ticks) - epochDelta
	sec, rest := t/1e7, t%1e7
	return time.Unix(sec, rest*100).UTC(), true
}

// SetString sets a string property; an empty one is removed. The error is
// ErrCodePage where the code page of the summary does not hold the string.
func (s *Summary) SetString(id PropertyID, v string) error {
	if v == "" {
		s.Remove(id)
		return nil
	}
	p, err := stringProperty(id, v, s.codePage)
	if err != nil {
		return fmt.Errorf("msi: summary information: property %d: %w", id, err)
	}
	s.set(p)
	return nil
}

func stringProperty(id PropertyID, v string, codePage int) (property, error) {
	b, err := encodeText(codePage, v)
	if err != nil {
		return property{}, err
	}
	b = append(b, 0)
	if codePage == codePageUTF16 {
		b = append(b, 0)
	}
	value := binary.LittleEndian.AppendUint32(nil, uint32(len(b)))
	return property{id: id, kind: vtLPSTR, value: append(value, b...), text: v}, nil
}

// SetInt sets an integer property.
func (s *Summary) SetInt(id PropertyID, v int32) {
	s.set(property{id: id, kind: vtI4, value: binary.LittleEndian.AppendUint32(nil, uint32(v))})
}

// SetTime sets a time property. FILETIME counts in steps of 100 ns.
func (s *Summary) SetTime(id PropertyID, t time.Time) {
	ticks := t.Unix()*1e7 + int64(t.Nanosecond()/100) + epochDelta
	s.set(property{id: id, kind: vtFiletime, value: binary.LittleEndian.AppendUint64(nil, uint64(ticks))})
}

// SetCodePage sets the code page and converts all strings. It changes nothing
// and returns ErrCodePage where a string does not exist in the new one.
func (s *Summary) SetCodePage(codePage int) error {
	if _, ok := codePages[codePage]; !ok {
		return fmt.Errorf("msi: summary information: code page %d: %w", codePage, ErrCodePage)
	}
	converted := slices.Clone(s.properties)
	for i, p := range converted {
		if p.kind == vtLPSTR && p.id != PIDDictionary {
			n, err := stringProperty(p.id, p.text, codePage)
			if err != nil {
				return fmt.Errorf("msi: summary information: property %d: %w", p.id, err)
			}
			converted[i] = n
		}
	}
	s.properties, s.codePage = converted, codePage
	s.set(property{id: PIDCodePage, kind: vtI2, value: binary.LittleEndian.AppendUint32(nil, uint32(codePage))})
	return nil
}

// Remove removes a property.
func (s *Summary) Remove(id PropertyID) {
	s.properties = slices.DeleteFunc(s.properties, func(p property) bool { return p.id == id })
	s.stored = nil
}

func (s *Summary) set(p property) {
	s.stored = nil
	if old := s.find(p.id); old != nil {
		*old = p
		return
	}
	at := len(s.properties)
	for i, other := range s.properties {
		if other.id > p.id {
			at = i
			break
		}
	}
	s.properties = slices.Insert(s.properties, at, p)
}

// encode returns the property set stream, or nil where nothing is set.
func (s *Summary) encode() []byte {
	if s.stored != nil {
		return s.stored
	}
	if len(s.properties) == 0 {
		return nil
	}
	const sectionAt = 48
	b := binary.LittleEndian.AppendUint32(nil, 0xFFFE) // byte order, version 0
	b = binary.LittleEndian.AppendUint32(b, s.systemID)
	b = append(b, s.clsid[:]...)
	b = binary.LittleEndian.AppendUint32(b, 1)
	b = append(b, fmtidSummary[:]...)
	b = binary.LittleEndian.AppendUint32(b, sectionAt)

	at := 8 + 8*len(s.properties)
	var table, values []byte
	for _, p := range s.properties {
		table = binary.LittleEndian.AppendUint32(table, uint32(p.id))
		table = binary.LittleEndian.AppendUint32(table, uint32(at+len(values)))
		values = binary.LittleEndian.AppendUint32(values, uint32(p.kind))
		values = append(values, p.value...)
		for len(values)%4 != 0 {
			values = append(values, 0)
		}
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(at+len(values)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(s.properties)))
	return append(append(b, table...), values...)
}
