package quantum

import "github.com/hotfixkit/hotfixkit/internal/codec"

// plainModel is the model as its description goes, with one number for each
// symbol.
type plainModel struct {
	symbols, cf []int // cf has a zero behind
	halvings    int
}

func newPlainModel(first, n int) *plainModel {
	m := &plainModel{halvings: firstHalvings, cf: make([]int, n+1)}
	for i := range n {
		m.symbols = append(m.symbols, first+i)
		m.cf[i] = n - i
	}
	return m
}

func (m *plainModel) use(i int) {
	for j := range i + 1 {
		m.cf[j] += increment
	}
	if m.cf[0] <= maxTotal {
		return
	}
	n := len(m.symbols)
	if m.halvings--; m.halvings != 0 {
		for i := n - 1; i >= 0; i-- {
			m.cf[i] /= 2
			if m.cf[i] <= m.cf[i+1] {
				m.cf[i] = m.cf[i+1] + 1
			}
		}
		return
	}
	m.halvings = nextHalvings
	for i := range n {
		m.cf[i] = (m.cf[i] - m.cf[i+1] + 1) / 2
	}
	for i := range n {
		for j := i + 1; j < n; j++ {
			if m.cf[i] < m.cf[j] {
				m.cf[i], m.cf[j] = m.cf[j], m.cf[i]
				m.symbols[i], m.symbols[j] = m.symbols[j], m.symbols[i]
			}
		}
	}
	for i := n - 1; i >= 0; i-- {
		m.cf[i] += m.cf[i+1]
	}
}

// encoder writes Quantum blocks from given tokens.
type encoder struct {
	selector, lengths *plainModel
	literals          [4]*plainModel
	positions         [3]*plainModel

	low, high, pending int
	code               []byte // bits of the arithmetic coder
	shifts             int    // that a decoder has made
	raw                []rawBits
	out                []byte // what the blocks decode to
}

// rawBits follow so many bits of the coder.
type rawBits struct{ after, value, n int }

type token struct {
	literal          byte
	length, distance int // length 0: a literal
}

func newEncoder(windowBits int) *encoder {
	e := &encoder{selector: newPlainModel(0, 7), lengths: newPlainModel(0, 27)}
	for i := range e.literals {
		e.literals[i] = newPlainModel(64*i, 64)
	}
	for i, n := range []int{24, 36, 2 * windowBits} {
		e.positions[i] = newPlainModel(0, min(n, 2*windowBits))
	}
	return e
}

func (e *encoder) bit(b int) {
	e.code = append(e.code, byte(b))
	for ; e.pending > 0; e.pending-- {
		e.code = append(e.code, byte(1-b))
	}
}

func (e *encoder) put(m *plainModel, symbol int) {
	i := 0
	for m.symbols[i] != symbol {
		i++
	}
	span, total := e.high-e.low+1, m.cf[0]
	e.high = e.low + m.cf[i]*span/total - 1
	e.low += m.cf[i+1] * span / total
	m.use(i)
	for ; ; e.shifts++ {
		switch {
		case (e.low^e.high)&0x8000 == 0:
			e.bit(e.low >> 15)
		case e.low&0x4000 != 0 && e.high&0x4000 == 0:
			e.pending++
			e.low ^= 0x4000
			e.high ^= 0x4000
		default:
			return
		}
		e.low = e.low << 1 & 0xFFFF
		e.high = e.high<<1&0xFFFF | 1
		if e.pending > 0 {
			e.low &= 0x7FFF
			e.high |= 0x8000
		}
	}
}

func (e *encoder) putRaw(v, n int) { e.raw = append(e.raw, rawBits{16 + e.shifts, v, n}) }

// slot returns the slot that stands for v, and how far v is from its base.
func slot(base []int, v int) (int, int) {
	i := len(base) - 1
	for base[i] > v {
		i--
	}
	return i, v - base[i]
}

// block returns the payload for tokens.
func (e *encoder) block(tokens []token) []byte {
	e.low, e.high, e.pending, e.shifts, e.code, e.raw = 0, 0xFFFF, 0, 0, nil, nil
	for _, t := range tokens {
		if t.length == 0 {
			e.put(e.selector, int(t.literal>>6))
			e.put(e.literals[t.literal>>6], int(t.literal))
			e.out = append(e.out, t.literal)
			continue
		}
		selector := min(t.length-3, 2)
		e.put(e.selector, selectLength3+selector)
		if selector == 2 {
			s, rest := slot(lengthBase[:], t.length-5)
			e.put(e.lengths, s)
			e.putRaw(rest, int(lengthExtra(s)))
		}
		s, rest := slot(positionBase[:len(e.positions[selector].symbols)], t.distance-1)
		e.put(e.positions[selector], s)
		e.putRaw(rest, int(positionExtra(s)))
		for range t.length {
			b := byte(0)
			if from := len(e.out) - t.distance; from >= 0 {
				b = e.out[from]
			}
			e.out = append(e.out, b)
		}
	}
	e.pending++
	if e.low < 0x4000 {
		e.bit(0)
	} else {
		e.bit(1)
	}
	var bits []byte
	at := 0
	for _, r := range e.raw {
		for ; at < r.after; at++ {
			bits = append(bits, e.codeBit(at))
		}
		for n := r.n - 1; n >= 0; n-- {
			bits = append(bits, byte(r.value>>n&1))
		}
	}
	for ; at < 16+e.shifts; at++ {
		bits = append(bits, e.codeBit(at))
	}
	payload := make([]byte, (len(bits)+7)/8)
	for i, b := range bits {
		payload[i/8] |= b << (7 - i%8)
	}
	return payload
}

func (e *encoder) codeBit(i int) byte {
	if i < len(e.code) {
		return e.code[i]
	}
	return 0
}

func decodeOne(d *Decoder, payload []byte, size int) ([]byte, error) {
	src := append(make([]byte, 0, len(payload)+codec.Slack), payload...)
	dst := make([]byte, size)
	n, err := d.Decode(dst, src)
	return dst[:n], err
}
