package deltatest

import (
	"container/heap"
	"encoding/binary"
)

// LZX DELTA, [MS-PATCH] 2.
const (
	chunkSize      = 32768
	blockVerbatim  = 1
	blockStored    = 3
	literals       = 256
	lengthSymbols  = 249
	primaryLengths = 7
	minMatch       = 2
	extraLength    = 257 // lengths from here on have a part of their own
	maxMatch       = 257 + 1<<15 - 1
	preSymbols     = 20
	maxCodeLength  = 16
	maxPreLength   = 15
)

// compress writes target as one LZX block for every chunk of 32768 bytes.
func compress(reference, target []byte, windowBits int, stored bool) []byte {
	slots := positionSlots(windowBits)
	c := &compressor{
		buf:     append(append(make([]byte, 0, len(reference)+len(target)), reference...), target...),
		window:  1<<windowBits - 3,
		slots:   slots,
		main:    make([]uint8, literals+8*slots),
		lengths: make([]uint8, lengthSymbols),
		repeat:  1,
		head:    make([]int32, 1<<hashBits),
	}
	c.prev = make([]int32, len(c.buf))
	c.index(0, len(reference))
	var out []byte
	for pos := len(reference); pos < len(c.buf); pos += chunkSize {
		end := min(pos+chunkSize, len(c.buf))
		w := &bitWriter{}
		if pos == len(reference) {
			w.bits(0, 1) // no E8 translation
		}
		if stored {
			c.stored(w, pos, end)
		} else {
			c.verbatim(w, pos, end)
		}
		b := w.finish()
		out = binary.LittleEndian.AppendUint16(out, uint16(len(b)))
		out = append(out, b...)
	}
	return out
}

func positionSlots(windowBits int) int {
	return map[int]int{17: 34, 18: 36, 19: 38, 20: 42, 21: 50, 22: 66, 23: 98, 24: 162, 25: 290}[windowBits]
}

type compressor struct {
	buf     []byte
	window  int // longest distance
	slots   int
	main    []uint8 // code lengths of the block before
	lengths []uint8
	repeat  int // R0
	head    []int32
	prev    []int32
}

type token struct {
	literal byte
	length  int // 0: a literal
	slot    int
	extra   uint32
}

const (
	hashBytes = 4
	hashBits  = 16
)

func (c *compressor) hash(pos int) uint32 {
	return binary.LittleEndian.Uint32(c.buf[pos:]) * 2654435761 >> (32 - hashBits)
}

// index makes the strings that start in [from, to) available for matching.
// Positions are stored plus one: 0 is none.
func (c *compressor) index(from, to int) {
	for i := from; i < to && i+hashBytes <= len(c.buf); i++ {
		h := c.hash(i)
		c.prev[i] = c.head[h]
		c.head[h] = int32(i + 1)
	}
}

func (c *compressor) match(pos, end int) (length, distance int) {
	const effort = 32
	if pos+hashBytes > end {
		return 0, 0
	}
	p := int(c.head[c.hash(pos)]) - 1
	for n := 0; p >= 0 && n < effort && pos-p <= c.window; n++ {
		l := 0
		for l < maxMatch && pos+l < end && c.buf[p+l] == c.buf[pos+l] {
			l++
		}
		if l > length && l >= hashBytes {
			length, distance = l, pos-p
		}
		p = int(c.prev[p]) - 1
	}
	return length, distance
}

func (c *compressor) tokens(pos, end int) []token {
	var list []token
	for pos < end {
		length, distance := c.match(pos, end)
		if length == 0 {
			list = append(list, token{literal: c.buf[pos]})
			c.index(pos, pos+1)
			pos++
			continue
		}
		t := token{length: length}
		if distance != c.repeat {
			t.slot, t.extra = c.slot(distance)
			c.repeat = distance
		}
		list = append(list, t)
		c.index(pos, pos+length)
		pos += length
	}
	return list
}

// slot splits a distance into its position slot and the bits that follow.
func (c *compressor) slot(distance int) (int, uint32) {
	formatted := uint32(distance + 2)
	for s := c.slots - 1; ; s-- {
		if base, _ := slotBase(s); base <= formatted {
			return s, formatted - base
		}
	}
}

func slotBase(slot int) (base uint32, extra int) {
	switch {
	case slot < 4:
		return uint32(slot), 0
	case slot < 38:
		extra = slot/2 - 1
		return uint32(2+slot%2) << extra, extra
	default:
		return 1<<19 + uint32(slot-38)<<17, 17
	}
}

func (t token) mainSymbol() int {
	if t.length == 0 {
		return int(t.literal)
	}
	return literals + 8*t.slot + min(t.length-minMatch, primaryLengths)
}

func (t token) lengthSymbol() (int, bool) {
	if t.length < minMatch+primaryLengths {
		return 0, false
	}
	return min(t.length, extraLength) - minMatch - primaryLengths, true
}

func (c *compressor) verbatim(w *bitWriter, pos, end int) {
	list := c.tokens(pos, end)
	mainFreq, lengthFreq := make([]int, len(c.main)), make([]int, lengthSymbols)
	for _, t := range list {
		mainFreq[t.mainSymbol()]++
		if s, ok := t.lengthSymbol(); ok {
			lengthFreq[s]++
		}
	}
	mainLengths := codeLengths(mainFreq, maxCodeLength)
	lengthLengths := codeLengths(lengthFreq, maxCodeLength)

	w.bits(blockVerbatim, 3)
	w.bits(uint32(end-pos), 24)
	writeLengths(w, c.main[:literals], mainLengths[:literals])
	writeLengths(w, c.main[literals:], mainLengths[literals:])
	writeLengths(w, c.lengths, lengthLengths)
	c.main, c.lengths = mainLengths, lengthLengths

	mainCodes, lengthCodes := codes(mainLengths), codes(lengthLengths)
	for _, t := range list {
		s := t.mainSymbol()
		w.bits(mainCodes[s], int(mainLengths[s]))
		if s, ok := t.lengthSymbol(); ok {
			w.bits(lengthCodes[s], int(lengthLengths[s]))
		}
		if t.length == 0 {
			continue
		}
		if _, n := slotBase(t.slot); n > 0 {
			w.bits(t.extra, n)
		}
		writeExtraLength(w, t.length)
	}
}

func writeExtraLength(w *bitWriter, length int) {
	switch n := length - extraLength; {
	case n < 0:
	case n < 1<<8:
		w.bits(0, 1)
		w.bits(uint32(n), 8)
	case n-1<<8 < 1<<10:
		w.bits(0b10, 2)
		w.bits(uint32(n-1<<8), 10)
	case n-1<<8-1<<10 < 1<<12:
		w.bits(0b110, 3)
		w.bits(uint32(n-1<<8-1<<10), 12)
	default:
		w.bits(0b111, 3)
		w.bits(uint32(n), 15)
	}
}

func (c *compressor) stored(w *bitWriter, pos, end int) {
	w.bits(blockStored, 3)
	w.bits(uint32(end-pos), 24)
	b := w.finish()
	for range 3 {
		b = binary.LittleEndian.AppendUint32(b, 1)
	}
	b = append(b, c.buf[pos:end]...)
	if len(b)%2 != 0 {
		b = append(b, 0)
	}
	*w = bitWriter{out: b}
}

// writeLengths writes the code lengths of one tree as differences to the block
// before, long runs of unused symbols as one.
func writeLengths(w *bitWriter, before, now []uint8) {
	const zeros17, zeros18 = 17, 18
	type item struct{ symbol, run int }
	var items []item
	freq := make([]int, preSymbols)
	for i := 0; i < len(now); {
		run := 0
		for i+run < len(now) && now[i+run] == 0 && run < 20+31 {
			run++
		}
		it := item{symbol: int(before[i]+17-now[i]) % 17, run: 1}
		switch {
		case run >= 20:
			it = item{zeros18, run}
		case run >= 4:
			it = item{zeros17, run}
		}
		items = append(items, it)
		freq[it.symbol]++
		i += it.run
	}
	lengths := codeLengths(freq, maxPreLength)
	if len(items) > 0 && allZero(lengths) {
		panic("deltatest: empty pretree")
	}
	for _, l := range lengths {
		w.bits(uint32(l), 4)
	}
	code := codes(lengths)
	for _, it := range items {
		w.bits(code[it.symbol], int(lengths[it.symbol]))
		switch it.symbol {
		case zeros17:
			w.bits(uint32(it.run-4), 4)
		case zeros18:
			w.bits(uint32(it.run-20), 5)
		}
	}
}

func allZero(b []uint8) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

// codeLengths returns Huffman code lengths of at most limit bits. A tree with
// symbols has at least two, so that its code is complete.
func codeLengths(freq []int, limit int) []uint8 {
	used := 0
	for _, f := range freq {
		if f > 0 {
			used++
		}
	}
	lengths := make([]uint8, len(freq))
	if used == 0 {
		return lengths
	}
	freq = append([]int(nil), freq...)
	for i := 0; used < 2; i++ {
		if freq[i] == 0 {
			freq[i] = 1
			used++
		}
	}
	for !huffman(freq, lengths, limit) {
		for i, f := range freq {
			if f > 0 {
				freq[i] = f/2 + 1
			}
		}
	}
	return lengths
}

type node struct {
	freq, order int
	symbol      int
	left, right *node
}

type nodes []*node

func (h nodes) Len() int { return len(h) }
func (h nodes) Less(i, j int) bool {
	if h[i].freq != h[j].freq {
		return h[i].freq < h[j].freq
	}
	return h[i].order < h[j].order
}
func (h nodes) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *nodes) Push(x any)   { *h = append(*h, x.(*node)) }
func (h *nodes) Pop() any {
	old := *h
	n := old[len(old)-1]
	*h = old[:len(old)-1]
	return n
}

func huffman(freq []int, lengths []uint8, limit int) bool {
	var h nodes
	order := 0
	for s, f := range freq {
		if f > 0 {
			h = append(h, &node{freq: f, order: order, symbol: s})
			order++
		}
	}
	heap.Init(&h)
	for h.Len() > 1 {
		a, b := heap.Pop(&h).(*node), heap.Pop(&h).(*node)
		heap.Push(&h, &node{freq: a.freq + b.freq, order: order, left: a, right: b})
		order++
	}
	return h[0].assign(lengths, 0, limit)
}

func (n *node) assign(lengths []uint8, depth, limit int) bool {
	if n.left == nil {
		lengths[n.symbol] = uint8(depth)
		return depth <= limit
	}
	return n.left.assign(lengths, depth+1, limit) && n.right.assign(lengths, depth+1, limit)
}

// codes numbers the symbols: shorter codes first, equal ones in symbol order.
func codes(lengths []uint8) []uint32 {
	list := make([]uint32, len(lengths))
	code := uint32(0)
	for n := 1; n <= maxCodeLength; n++ {
		for s, l := range lengths {
			if int(l) == n {
				list[s] = code
				code++
			}
		}
		code <<= 1
	}
	return list
}

// bitWriter fills 16-bit little-endian words from the high bit down.
type bitWriter struct {
	out  []byte
	acc  uint64
	have int
}

func (w *bitWriter) bits(v uint32, n int) {
	w.acc = w.acc<<n | uint64(v)
	w.have += n
	for w.have >= 16 {
		w.have -= 16
		w.out = binary.LittleEndian.AppendUint16(w.out, uint16(w.acc>>w.have))
	}
}

func (w *bitWriter) finish() []byte {
	if w.have > 0 {
		w.bits(0, 16-w.have)
	}
	return w.out
}
