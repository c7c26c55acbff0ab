package lzx

import "fmt"

// maxCodeLen is the length of the longest Huffman code ([MS-PATCH] 2.5.2).
const maxCodeLen = 16

// Entries of decoding tables. The low bits hold the length of the code; what
// stands above is the symbol, in a form that suits the reader of the table.
const (
	entryLen = 31 // mask of the length
	symbolAt = 8  // where the symbol begins

	entryMatch = 1 << 31 // main tree: not a literal
	entryMore  = 1 << 30 // the code is longer than the table's index

	// A link to a second table: the number of bits that index it instead of a
	// length, its offset instead of a symbol. As an entry of a second table it
	// is a bit pattern without a symbol.
	entryLink = entryMatch | entryMore

	// Match symbols of the main tree.
	headerMask = 7  // at symbolAt: length header
	footerAt   = 11 // number of footer bits
	footerMask = 31
	slotAt     = 16
	slotMask   = 511
)

// Index sizes of the first tables, in bits.
const (
	mainBits    = 11
	lengthBits  = 10
	alignedBits = 7 // the longest code: lengths are stored in 3 bits
	preBits     = 7
)

var (
	errOversubscribed = fmt.Errorf("%w: more Huffman codes than there is room for", ErrFormat)
	errUnassigned     = fmt.Errorf("%w: a Huffman code without a symbol", ErrFormat)
)

// symbolEntries are the entries, without lengths, of all trees but the main one.
var symbolEntries = func() (e [lengthSymbols]uint32) {
	for symbol := range e {
		e[symbol] = uint32(symbol) << symbolAt
	}
	return e
}()

// mainEntry returns the entry, without a length, of a symbol of the main tree.
func mainEntry(symbol int) uint32 {
	if symbol < numLiterals {
		return uint32(symbol) << symbolAt
	}
	header := (symbol - numLiterals) % numLengthHeaders
	slot := (symbol - numLiterals) / numLengthHeaders
	return entryMatch | uint32(slot<<slotAt|footerBits(slot)<<footerAt|header<<symbolAt)
}

// tableBuilder builds decoding tables. Its memory is reused.
type tableBuilder struct {
	sorted [numLiterals + numLengthHeaders*maxPositionSlots]uint16
}

// build fills first, indexed by the next bits of the stream, and appends what
// longer codes need to second, which it returns. The entries are those of
// symbols, with the length of their codes in lens.
//
// A code may be incomplete, down to no code at all: encoders write an empty
// length tree where they use no length symbol, and trees of a single code. Only
// the use of a bit pattern without a symbol is an error. Too many codes are an
// error at once, because what they mean is ambiguous.
func (b *tableBuilder) build(first []uint32, firstBits int, second []uint32, lens []uint8, symbols []uint32) ([]uint32, error) {
	var count [maxCodeLen + 1]int
	for _, l := range lens {
		count[l]++
	}
	// Canonical codes: in the order of their lengths, then of the symbols.
	var next [maxCodeLen + 1]int
	codes, space := 0, 0
	for l := 1; l <= maxCodeLen; l++ {
		next[l] = codes
		codes += count[l]
		space += count[l] << (maxCodeLen - l)
	}
	if space > 1<<maxCodeLen {
		return second, errOversubscribed
	}
	for symbol, l := range lens {
		if l != 0 {
			b.sorted[next[l]] = uint16(symbol)
			next[l]++
		}
	}
	sorted := b.sorted[:codes]

	second = append(second[:0], entryLink) // what links to nowhere lead to
	at := 0
	for at < len(first) && len(sorted) > 0 {
		symbol := sorted[0]
		l := int(lens[symbol])
		if l > firstBits {
			break
		}
		e := symbols[symbol] | uint32(l)
		end := at + 1<<(firstBits-l)
		for i := range first[at:end] {
			first[at+i] = e
		}
		at = end
		sorted = sorted[1:]
	}
	for len(sorted) > 0 {
		// The codes that begin with the bits of at; the last is the longest.
		n, room := 0, 1<<(maxCodeLen-firstBits)
		for n < len(sorted) && room > 0 {
			room -= 1 << (maxCodeLen - lens[sorted[n]])
			n++
		}
		bits := int(lens[sorted[n-1]]) - firstBits
		first[at] = entryLink | uint32(len(second)<<symbolAt|bits)
		end := len(second) + 1<<bits
		for _, symbol := range sorted[:n] {
			l := int(lens[symbol])
			e := symbols[symbol] | uint32(l)
			for range 1 << (firstBits + bits - l) {
				second = append(second, e)
			}
		}
		for len(second) < end {
			second = append(second, entryLink)
		}
		at++
		sorted = sorted[n:]
	}
	for i := range first[at:] {
		first[at+i] = entryLink
	}
	return second, nil
}

// longCode returns the entry for a code that link, an entry of a first table of
// firstBits index bits, leads to. It is entryLink if there is none.
func longCode(second []uint32, link uint32, bits uint64, firstBits uint) uint32 {
	n := uint(link & entryLen)
	return second[link&^entryLink>>symbolAt+uint32(bits<<firstBits>>(64-n))]
}
