package lzx

import "fmt"

// maxCodeLen is the length of the longest Huffman code ([MS-PATCH] 2.5.2).
const maxCodeLen = 16

// Entries of decoding tables. The low six bits hold the length of the code, 1
// to 16; the next two are clear; what stands above is the symbol, in a form that
// suits the reader of the table.
const (
	entryLen = 63 // mask of the length
	symbolAt = 8  // where the symbol begins

	entryMatch = 1 << 31 // main tree: not a literal
	entryMore  = 1 << 30 // the code is longer than the table's index

	// A link to a second table: the number of bits that index it instead of a
	// length, its offset instead of a symbol. As an entry of a second table it
	// is a bit pattern without a symbol.
	entryLink = entryMatch | entryMore

	// Match symbols of the main tree, of which these are the parts.
	footerAt   = 8  // number of verbatim footer bits, six bits wide
	headerAt   = 14 // length header
	headerMask = 7
	slotAt     = 17
	slotMask   = 511
	alignedAt  = 28 // number of further bits that the aligned offset tree codes: 3 or 0
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
var symbolEntries = func() (e [paddedLengthSymbols]uint32) {
	for symbol := range e {
		e[symbol] = uint32(symbol) << symbolAt
	}
	return e
}()

// mainEntry returns the entry, without a length, of a symbol of the main tree in
// a verbatim or an aligned block.
func mainEntry(symbol int, aligned bool) uint32 {
	if symbol < numLiterals {
		return uint32(symbol) << symbolAt
	}
	header := (symbol - numLiterals) % numLengthHeaders
	slot := (symbol - numLiterals) / numLengthHeaders
	verbatimBits, alignedBits := footerBits(slot), 0
	if aligned && verbatimBits >= 3 {
		verbatimBits, alignedBits = verbatimBits-3, 3
	}
	return entryMatch | uint32(slot<<slotAt|header<<headerAt|verbatimBits<<footerAt|alignedBits<<alignedAt)
}

const (
	lenMask    = 31   // not less than maxCodeLen
	sortedMask = 4095 // not less than the largest alphabet
)

// tableBuilder builds decoding tables. Its memory is reused.
type tableBuilder struct {
	sorted [sortedMask + 1]uint16
}

// build fills first, indexed by the next bits of the stream, and appends what
// longer codes need to second, which it returns. The entries are those of
// symbols, with the length of their codes in lens, a multiple of four.
//
// A code may be incomplete, down to no code at all: encoders write an empty
// length tree where they use no length symbol, and trees of a single code. Only
// the use of a bit pattern without a symbol is an error. Too many codes are an
// error at once, because what they mean is ambiguous.
func (b *tableBuilder) build(first []uint32, firstBits int, second []uint32, lens []uint8, symbols []uint32) ([]uint32, error) {
	// Symbols of like lengths follow each other. To have them counted and sorted
	// without waiting for the same counter, the alphabet is cut in quarters with
	// counters of their own.
	quarter := len(lens) / 4
	lens0, lens1 := lens[:quarter], lens[quarter:2*quarter]
	lens2, lens3 := lens[2*quarter:3*quarter], lens[3*quarter:4*quarter]
	var count [4][lenMask + 1]uint16
	for i := range quarter {
		count[0][lens0[i]&lenMask]++
		count[1][lens1[i]&lenMask]++
		count[2][lens2[i]&lenMask]++
		count[3][lens3[i]&lenMask]++
	}

	// Canonical codes: in the order of their lengths, then of the symbols. The
	// symbols without a code go behind them.
	var total [maxCodeLen + 1]int
	codes, space := 0, 0
	for l := 1; l <= maxCodeLen; l++ {
		before := codes
		for q := range count {
			n := count[q][l]
			count[q][l] = uint16(codes)
			codes += int(n)
		}
		total[l] = codes - before
		space += total[l] << (maxCodeLen - l)
	}
	if space > 1<<maxCodeLen {
		return second, errOversubscribed
	}
	unused := codes
	for q := range count {
		n := count[q][0]
		count[q][0] = uint16(unused)
		unused += int(n)
	}
	next := &count
	for i := range quarter {
		l0, l1, l2, l3 := lens0[i]&lenMask, lens1[i]&lenMask, lens2[i]&lenMask, lens3[i]&lenMask
		b.sorted[next[0][l0]&sortedMask] = uint16(i)
		next[0][l0]++
		b.sorted[next[1][l1]&sortedMask] = uint16(i + quarter)
		next[1][l1]++
		b.sorted[next[2][l2]&sortedMask] = uint16(i + 2*quarter)
		next[2][l2]++
		b.sorted[next[3][l3]&sortedMask] = uint16(i + 3*quarter)
		next[3][l3]++
	}
	sorted := b.sorted[:codes]

	second = append(second[:0], entryLink) // what links to nowhere lead to
	at := 0
	for l := 1; l <= firstBits; l++ {
		run := 1 << (firstBits - l)
		for _, symbol := range sorted[:total[l]] {
			e := symbols[symbol] | uint32(l)
			fill(first, at, run, e)
			at += run
		}
		sorted = sorted[total[l]:]
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
	fill(first, at, len(first)-at, entryLink)
	return second, nil
}

// fill sets first[at:at+n] to e, and may set what follows.
func fill(first []uint32, at, n int, e uint32) {
	end := at + n
	for ; at < end && at+8 <= len(first); at += 8 {
		f := (*[8]uint32)(first[at:])
		f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7] = e, e, e, e, e, e, e, e
	}
	for ; at < end; at++ {
		first[at] = e
	}
}

// longCode returns the entry that link, an entry of a first table, leads to;
// bits are those of the stream behind the first table's index. It is entryLink
// where there is no symbol.
func longCode(second []uint32, link uint32, bits uint64) uint32 {
	return second[uint64(link&^entryLink>>symbolAt)+bits>>1>>(^link&63)]
}
