package mszip

import "math/bits"

// The alphabets of DEFLATE (RFC 1951, 3.2.5 to 3.2.7).
const (
	maxLiterals  = 288
	maxDistances = 32
	endOfBlock   = 256
	maxCode      = 15 // bits

	literalBits  = 11 // looked up at once
	distanceBits = 9
	// tableSize has room for a table of literalBits bits and its sub-tables, which
	// for 288 codes of up to 15 bits are at most 2342 entries together.
	tableSize = 4096
)

// A table finds the symbol that starts with given bits. Longer codes have an entry
// that leads to a sub-table, further on in the same table.
//
// An entry is, from the lowest bit: the number of bits of the code and its extra
// bits (6), 2 unused, the number of bits of the code (5), entryEnd, entryTable,
// entrySpecial, and the value: a literal, or the base of a length or distance.
// That of a sub-table is its index, with its width in place of the code length.
type table [tableSize]uint32

const (
	entryLength  = 8
	entryEnd     = 1 << 13 // with entrySpecial: end of block
	entryTable   = 1 << 14 // with entrySpecial: a sub-table
	entrySpecial = 1 << 15 // alone: no code
	entryValue   = 16
	entryLiteral = 1 << 31
)

// The entries of each symbol, but for the length of its code.
var literalSymbols, distanceSymbols = func() (literals [maxLiterals]uint32, distances [maxDistances]uint32) {
	for i := range literals {
		literals[i] = entrySpecial
	}
	for i := range distances {
		distances[i] = entrySpecial
	}
	for i := range endOfBlock {
		literals[i] = entryLiteral | uint32(i)<<entryValue
	}
	literals[endOfBlock] = entrySpecial | entryEnd
	base := uint32(minMatch)
	for i := range uint32(28) {
		extra := uint32(0)
		if i >= 8 {
			extra = i/4 - 1
		}
		literals[endOfBlock+1+i] = base<<entryValue | extra
		base += 1 << extra
	}
	literals[endOfBlock+29] = maxMatch << entryValue
	base = 1
	for i := range uint32(30) {
		extra := uint32(0)
		if i >= 4 {
			extra = i/2 - 1
		}
		distances[i] = base<<entryValue | extra
		base += 1 << extra
	}
	return
}()

// build makes the table of the canonical code with these lengths. Codes that are
// incomplete are accepted: bits that they do not cover are an error when they occur.
func (t *table) build(lengths []uint8, symbols []uint32, width int) error {
	var count [maxCode + 1]int
	for _, n := range lengths {
		count[n]++
	}
	count[0] = 0
	var next [maxCode + 2]int
	space, longest, used := 0, 0, 0
	for n := 1; n <= maxCode; n++ {
		next[n+1] = next[n] + count[n]
		space += count[n] << (maxCode - n)
		if count[n] > 0 {
			longest, used = n, next[n+1]
		}
	}
	if space > 1<<maxCode {
		return invalid("more codes than bits allow")
	}
	if space < 1<<maxCode {
		for i := range t {
			t[i] = entrySpecial
		}
	}
	var sorted [maxLiterals]uint16
	for symbol, n := range lengths {
		if n > 0 {
			sorted[next[n]] = uint16(symbol)
			next[n]++
		}
	}

	// Codes come in ascending order; the first bit of each is the lowest of its index.
	code, i := 0, 0
	for n := 1; n <= width; n++ {
		for range count[n] {
			t[reversed(code, n)] = symbols[sorted[i]] + uint32(n<<entryLength|n)
			code++
			i++
		}
		code <<= 1
		if n < width {
			copy(t[1<<n:2<<n], t[:1<<n])
		}
	}
	start, end, prefix, subWidth := 0, 1<<width, -1, 0
	for n := width + 1; n <= longest; n++ {
		for range count[n] {
			index := reversed(code, n)
			if index&(1<<width-1) != prefix {
				// The codes with this prefix are the next ones, until it is full.
				room := 1 << (maxCode - width)
				for j := i; j < used && room > 0; j++ {
					m := int(lengths[sorted[j]])
					room -= 1 << (maxCode - m)
					subWidth = m - width
				}
				prefix = index & (1<<width - 1)
				start, end = end, end+1<<subWidth
				t[prefix] = uint32(start<<entryValue | subWidth<<entryLength | entrySpecial | entryTable)
			}
			m := n - width
			e := symbols[sorted[i]] + uint32(m<<entryLength|m)
			for at := index >> width; at < 1<<subWidth; at += 1 << m {
				t[start+at] = e
			}
			code++
			i++
		}
		code <<= 1
	}
	return nil
}

// reversed returns the n bits of code in opposite order.
func reversed(code, n int) int { return int(bits.Reverse16(uint16(code)) >> (16 - n)) }

// fixedCodes builds the tables of RFC 1951, 3.2.6.
func (p *Parser) fixedCodes() error {
	for i := range maxLiterals {
		switch {
		case i < 144:
			p.lengths[i] = 8
		case i < 256:
			p.lengths[i] = 9
		case i < 280:
			p.lengths[i] = 7
		default:
			p.lengths[i] = 8
		}
	}
	for i := range maxDistances {
		p.lengths[maxLiterals+i] = 5
	}
	return p.build(maxLiterals, maxDistances)
}

// lengthOrder is the order in which the code lengths of the code length alphabet
// are stored (RFC 1951, 3.2.7).
var lengthOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// dynamicCodes reads the codes of a block (RFC 1951, 3.2.7) and builds their tables.
func (p *Parser) dynamicCodes() error {
	r := &p.in
	r.refill()
	literals, distances, n := r.take(5)+257, r.take(5)+1, r.take(4)+4
	var lengths [19]uint8
	for i := range n {
		if i == 10 {
			r.refill()
		}
		lengths[lengthOrder[i]] = uint8(r.take(3))
	}
	const width = 7
	var symbols [19]uint32
	for i := range symbols {
		symbols[i] = uint32(i) << entryValue
	}
	if err := p.distance.build(lengths[:], symbols[:], width); err != nil {
		return err
	}
	for i := 0; i < literals+distances; {
		r.refill()
		e := p.distance[r.bits&(1<<width-1)]
		if e&entrySpecial != 0 {
			return invalid("a code that stands for no length")
		}
		r.take(uint(e & 63))
		value, repeat := uint8(e>>entryValue), 1
		switch value {
		case 16:
			if i == 0 {
				return invalid("a repetition of no length")
			}
			value, repeat = p.lengths[i-1], 3+r.take(2)
		case 17:
			value, repeat = 0, 3+r.take(3)
		case 18:
			value, repeat = 0, 11+r.take(7)
		}
		if repeat > literals+distances-i {
			return invalid("more code lengths than codes")
		}
		for range repeat {
			p.lengths[i] = value
			i++
		}
	}
	return p.build(literals, distances)
}

// build builds both tables from p.lengths.
func (p *Parser) build(literals, distances int) error {
	if err := p.literal.build(p.lengths[:literals], literalSymbols[:], literalBits); err != nil {
		return err
	}
	return p.distance.build(p.lengths[literals:literals+distances], distanceSymbols[:], distanceBits)
}
