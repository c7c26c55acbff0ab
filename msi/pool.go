package msi

import (
	"encoding/binary"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
)

const (
	// wideRefs is the flag in the first entry of _StringPool that makes every
	// string reference three bytes wide.
	wideRefs = 1 << 31
	// maxStrings is what three bytes can refer to.
	maxStrings = 1<<24 - 1
)

// pool holds the strings of a database. Cells refer to them by position;
// position 0 is null.
type pool struct {
	codePage int
	flags    uint32 // the upper half of the first entry, wideRefs apart
	wide     bool
	text     packed
	raw      packed            // the same in the code page; empty where all strings are ASCII
	added    []addedString     // behind those that are packed
	refs     []uint32          // reference counts as stored
	index    map[string]uint32 // text to position, made when it is first needed
}

// packed is a list of strings in 4 bytes each besides their content.
type packed struct {
	data string
	ends []uint32 // of each string in data
}

func (p packed) at(i uint32) string {
	start := uint32(0)
	if i > 0 {
		start = p.ends[i-1]
	}
	return p.data[start:p.ends[i]]
}

// An addedString is one that the file does not hold.
type addedString struct {
	text string
	raw  string // in the code page
}

func newPool(codePage int) (*pool, error) {
	if !KnownCodePage(codePage) {
		return nil, fmt.Errorf("msi: code page %d is not known: %w", codePage, ErrCodePage)
	}
	p := &pool{text: packed{ends: []uint32{0}}, refs: []uint32{0}}
	return p, p.setCodePage(codePage)
}

// parsePool reads the streams _StringPool and _StringData.
func parsePool(table []byte, data string) (*pool, error) {
	if len(table) < 4 || len(table)%4 != 0 {
		return nil, fmt.Errorf("msi: _StringPool: %d bytes: %w", len(table), ErrFormat)
	}
	head := binary.LittleEndian.Uint32(table)
	p := &pool{codePage: int(head & 0xFFFF), wide: head&wideRefs != 0, flags: head &^ wideRefs &^ 0xFFFF}
	if p.codePage == codePageUTF16 {
		return nil, fmt.Errorf("msi: _StringPool: code page %d: %w", p.codePage, ErrCodePage)
	}
	upperFirst, ok := poolReading(table[4:], int64(len(data)))
	if !ok {
		return nil, fmt.Errorf("msi: _StringPool: the strings are longer than the %d bytes of _StringData: %w", len(data), ErrFormat)
	}
	count := 0
	for range poolEntries(table[4:], upperFirst) {
		count++
	}
	if count > maxStrings {
		return nil, fmt.Errorf("msi: _StringPool: %d strings: %w", count, ErrLimit)
	}
	stored := packed{data: data, ends: make([]uint32, 1, count+1)}
	p.refs = make([]uint32, 1, count+1)
	end := uint32(0)
	for length, refs := range poolEntries(table[4:], upperFirst) {
		end += uint32(length) // the sum was compared with the size of the data
		stored.ends = append(stored.ends, end)
		p.refs = append(p.refs, refs)
	}
	if isASCII(stored.data[:end]) {
		p.text = stored
		return p, nil
	}
	p.raw = stored
	var err error
	p.text, err = stored.decode(p.codePage)
	return p, err
}

// decode returns the strings of a code page as text.
func (p packed) decode(codePage int) (packed, error) {
	text := packed{ends: make([]uint32, len(p.ends))}
	var data strings.Builder
	data.Grow(len(p.data))
	for i := range p.ends {
		one := p.at(uint32(i))
		if !isASCII(one) {
			var err error
			if one, err = DecodeText(codePage, []byte(one)); err != nil {
				return packed{}, err
			}
		}
		if int64(data.Len())+int64(len(one)) > math.MaxUint32 {
			return packed{}, fmt.Errorf("msi: _StringData: %w", ErrLimit)
		}
		data.WriteString(one)
		text.ends[i] = uint32(data.Len())
	}
	text.data = data.String()
	return text, nil
}

// len returns the number of strings, null among them.
func (p *pool) len() int { return len(p.text.ends) + len(p.added) }

// string returns the text of a reference, which must be below len.
func (p *pool) string(ref uint32) string {
	if int(ref) < len(p.text.ends) {
		return p.text.at(ref)
	}
	return p.added[int(ref)-len(p.text.ends)].text
}

// poolReading chooses how the entries behind the first one are read. A string of
// 64 KiB or more takes two, of which the first has the length 0. Writers
// disagree on the rest: either the first holds the references and the second the
// whole length, or the first holds the upper half of the length and the second
// the lower half and the references. The reading whose lengths add up to the
// size of the data is the right one; failing that, one that leaves data over.
func poolReading(table []byte, size int64) (upperFirst, ok bool) {
	var sums [2]int64
	for i := range sums {
		for length := range poolEntries(table, i == 1) {
			sums[i] += length
		}
	}
	for _, fits := range []func(sum int64) bool{
		func(sum int64) bool { return sum == size },
		func(sum int64) bool { return sum < size },
	} {
		for i, sum := range sums {
			if fits(sum) {
				return i == 1, true
			}
		}
	}
	return false, false
}

// poolEntries yields length and reference count of each string.
func poolEntries(table []byte, upperFirst bool) iter.Seq2[int64, uint32] {
	return func(yield func(int64, uint32) bool) {
		for i := 0; i+4 <= len(table); i += 4 {
			length := int64(binary.LittleEndian.Uint16(table[i:]))
			refs := uint32(binary.LittleEndian.Uint16(table[i+2:]))
			if length == 0 && refs != 0 && i+8 <= len(table) {
				i += 4
				low := int64(binary.LittleEndian.Uint16(table[i:]))
				high := int64(binary.LittleEndian.Uint16(table[i+2:]))
				if upperFirst {
					length, refs = int64(refs)<<16|low, uint32(high)
				} else {
					length = high<<16 | low
				}
			}
			if !yield(length, refs) {
				return
			}
		}
	}
}

// at returns the text of a reference.
func (p *pool) at(ref uint32) (string, error) {
	if int64(ref) >= int64(p.len()) {
		return "", fmt.Errorf("string %d of %d: %w", ref, p.len()-1, ErrFormat)
	}
	return p.string(ref), nil
}

// intern returns the reference of a string, which is added where it is new.
func (p *pool) intern(s string) (uint32, error) {
	if s == "" {
		return 0, nil
	}
	if p.index == nil {
		p.index = make(map[string]uint32, p.len())
		for i := uint32(p.len()) - 1; i > 0; i-- {
			p.index[p.string(i)] = i
		}
	}
	if ref, ok := p.index[s]; ok {
		return ref, nil
	}
	raw, err := encodeText(p.codePage, s)
	if err != nil {
		return 0, err
	}
	if p.len() > maxStrings {
		return 0, fmt.Errorf("msi: more than %d strings: %w", maxStrings, ErrLimit)
	}
	ref := uint32(p.len())
	one := addedString{text: s, raw: s}
	if !isASCII(s) {
		one.raw = string(raw)
	}
	p.added = append(p.added, one)
	p.refs = append(p.refs, 0)
	p.index[s] = ref
	return ref, nil
}

// setCodePage changes the code page. Strings of the neutral one are bytes
// without a meaning of their own: they are now read in the new one.
func (p *pool) setCodePage(codePage int) error {
	if codePage == codePageUTF16 || codePage < 0 || codePage > math.MaxUint16 {
		return fmt.Errorf("msi: code page %d: %w", codePage, ErrCodePage)
	}
	var raw, text packed
	var all [2]strings.Builder
	ascii := true
	for i := range uint32(p.len()) {
		one, stored := p.string(i), p.stored(i)
		if !isASCII(stored) {
			ascii = false
			if err := convert(&one, &stored, p.codePage, codePage); err != nil {
				return err
			}
		}
		for k, s := range []string{one, stored} {
			if all[k].WriteString(s); int64(all[k].Len()) > math.MaxUint32 {
				return fmt.Errorf("msi: code page %d: the strings: %w", codePage, ErrLimit)
			}
		}
		text.ends, raw.ends = append(text.ends, uint32(all[0].Len())), append(raw.ends, uint32(all[1].Len()))
	}
	text.data, raw.data = all[0].String(), all[1].String()
	if ascii {
		raw = packed{}
	}
	p.codePage, p.raw, p.text, p.added, p.index = codePage, raw, text, nil, nil
	return nil
}

// convert makes a string of one code page one of another.
func convert(text, stored *string, from, to int) (err error) {
	if from == codePageNeutral {
		*text, err = DecodeText(to, []byte(*stored))
		return err
	}
	b, err := encodeText(to, *text)
	*stored = string(b)
	return err
}

func (p *pool) clone() *pool {
	c := *p
	c.added, c.refs, c.index = slices.Clone(p.added), slices.Clone(p.refs), maps.Clone(p.index)
	return &c
}

// needsWide reports whether the strings are too many for references of two
// bytes.
func (p *pool) needsWide() bool { return p.wide || p.len() > math.MaxUint16+1 }

// stored returns the bytes of a string in the code page.
func (p *pool) stored(ref uint32) string {
	switch {
	case int(ref) >= len(p.text.ends):
		return p.added[int(ref)-len(p.text.ends)].raw
	case len(p.raw.ends) > 0:
		return p.raw.at(ref)
	}
	return p.text.at(ref)
}

// equal reports whether two pools hold the same strings at the same places.
func (p *pool) equal(q *pool) bool {
	if p.len() != q.len() {
		return false
	}
	for i := range uint32(p.len()) {
		if p.string(i) != q.string(i) || p.stored(i) != q.stored(i) {
			return false
		}
	}
	return true
}

// encode returns the streams _StringPool and _StringData. Strings that nothing
// refers to are dropped; the others keep their places.
func (p *pool) encode(refs []uint32) (table, data []byte) {
	head := uint32(p.codePage) | p.flags
	if p.needsWide() {
		head |= wideRefs
	}
	table = binary.LittleEndian.AppendUint32(table, head)
	for i := 1; i < p.len(); i++ {
		s := p.stored(uint32(i))
		n := min(refs[i], math.MaxUint16)
		if n == 0 {
			s = ""
		}
		if len(s) > math.MaxUint16 {
			table = binary.LittleEndian.AppendUint32(table, n<<16)
			table = binary.LittleEndian.AppendUint32(table, uint32(len(s)))
		} else {
			table = binary.LittleEndian.AppendUint32(table, n<<16|uint32(len(s)))
		}
		data = append(data, s...)
	}
	return table, data
}
