package msi

import (
	"encoding/binary"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
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
	text     []string
	raw      map[uint32]string // bytes in the code page, of the strings that are not ASCII
	refs     []uint32          // reference counts as stored
	index    map[string]uint32 // text to position, made when it is first needed
}

func newPool(codePage int) (*pool, error) {
	if !KnownCodePage(codePage) {
		return nil, fmt.Errorf("msi: code page %d is not known: %w", codePage, ErrCodePage)
	}
	p := &pool{raw: map[uint32]string{}, text: []string{""}, refs: []uint32{0}}
	return p, p.setCodePage(codePage)
}

// parsePool reads the streams _StringPool and _StringData.
func parsePool(table, data []byte) (*pool, error) {
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
	p.raw = make(map[uint32]string)
	p.text = make([]string, 1, count+1)
	p.refs = make([]uint32, 1, count+1)
	all := string(data)
	for length, refs := range poolEntries(table[4:], upperFirst) {
		raw := all[:length]
		all = all[length:]
		text := raw
		if !isASCII(raw) {
			var err error
			if text, err = DecodeText(p.codePage, []byte(raw)); err != nil {
				return nil, err
			}
			p.raw[uint32(len(p.text))] = raw
		}
		p.text = append(p.text, text)
		p.refs = append(p.refs, refs)
	}
	return p, nil
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
	if int64(ref) >= int64(len(p.text)) {
		return "", fmt.Errorf("string %d of %d: %w", ref, len(p.text)-1, ErrFormat)
	}
	return p.text[ref], nil
}

// intern returns the reference of a string, which is added where it is new.
func (p *pool) intern(s string) (uint32, error) {
	if s == "" {
		return 0, nil
	}
	if p.index == nil {
		p.index = make(map[string]uint32, len(p.text))
		for i := len(p.text) - 1; i > 0; i-- {
			p.index[p.text[i]] = uint32(i)
		}
	}
	if ref, ok := p.index[s]; ok {
		return ref, nil
	}
	raw, err := EncodeText(p.codePage, s)
	if err != nil {
		return 0, err
	}
	if len(p.text) > maxStrings {
		return 0, fmt.Errorf("msi: more than %d strings: %w", maxStrings, ErrLimit)
	}
	ref := uint32(len(p.text))
	if !isASCII(s) {
		p.raw[ref] = string(raw)
	}
	p.text = append(p.text, s)
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
	raw, text := maps.Clone(p.raw), slices.Clone(p.text)
	for i, stored := range p.raw {
		if p.codePage == codePageNeutral {
			s, err := DecodeText(codePage, []byte(stored))
			if err != nil {
				return err
			}
			text[i] = s
			continue
		}
		b, err := EncodeText(codePage, text[i])
		if err != nil {
			return err
		}
		raw[i] = string(b)
	}
	p.codePage, p.raw, p.text, p.index = codePage, raw, text, nil
	return nil
}

func (p *pool) clone() *pool {
	c := *p
	c.raw, c.text, c.refs, c.index = maps.Clone(p.raw), slices.Clone(p.text), slices.Clone(p.refs), maps.Clone(p.index)
	return &c
}

// needsWide reports whether the strings are too many for references of two
// bytes.
func (p *pool) needsWide() bool { return p.wide || len(p.text) > math.MaxUint16+1 }

// stored returns the bytes of a string in the code page.
func (p *pool) stored(ref uint32) string {
	if raw, ok := p.raw[ref]; ok {
		return raw
	}
	return p.text[ref]
}

// encode returns the streams _StringPool and _StringData. Strings that nothing
// refers to are dropped; the others keep their places.
func (p *pool) encode(refs []uint32) (table, data []byte) {
	head := uint32(p.codePage) | p.flags
	if p.needsWide() {
		head |= wideRefs
	}
	table = binary.LittleEndian.AppendUint32(table, head)
	for i := 1; i < len(p.text); i++ {
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
