package quantum

// Adaptation of models.
const (
	increment     = 8    // what a symbol's frequency grows by with each use
	maxTotal      = 3800 // sum of frequencies above which they are halved
	firstHalvings = 4    // halvings until the symbols are first sorted
	nextHalvings  = 50   // and between sorting them again
)

// Four cumulative frequencies share a word, the first in the lowest bits; they
// stay below 1<<15.
const (
	lanes     = 4
	laneBits  = 16
	laneMask  = 1<<laneBits - 1
	eachLane  = 0x0001000100010001
	laneSigns = 0x8000800080008000
)

// model is an adaptive set of symbols. Symbol i has the frequency cf[i]-cf[i+1],
// at least 1; cf[len] and everything behind it is 0.
type model struct {
	cf       [literalsPerModel/lanes + 1]uint64
	symbols  [literalsPerModel]uint8
	len      int
	halvings int
}

// init gives the model n symbols of equal frequency, beginning with first.
func (m *model) init(first, n int) {
	m.len = n
	m.halvings = firstHalvings
	m.cf = [len(m.cf)]uint64{}
	for i := range n {
		m.symbols[i] = uint8(first + i)
		m.set(i, n-i)
	}
}

func (m *model) get(i int) int {
	return int(m.cf[i/lanes] >> (i % lanes * laneBits) & laneMask)
}

func (m *model) set(i, v int) {
	w := &m.cf[i/lanes]
	shift := i % lanes * laneBits
	*w = *w&^(laneMask<<shift) | uint64(v)<<shift
}

// rescale halves the frequencies, and from time to time sorts the symbols by
// them.
func (m *model) rescale() {
	m.halvings--
	if m.halvings > 0 {
		below := 0
		for i := m.len - 1; i >= 0; i-- {
			below = max(m.get(i)/2, below+1)
			m.set(i, below)
		}
		return
	}
	m.halvings = nextHalvings
	var f [literalsPerModel]int
	for i := range m.len {
		f[i] = (m.get(i) - m.get(i+1) + 1) / 2
	}
	// The order of equal frequencies is part of the format: it is the one that
	// this exchange sort leaves.
	for i := range m.len {
		for j := i + 1; j < m.len; j++ {
			if f[i] < f[j] {
				f[i], f[j] = f[j], f[i]
				m.symbols[i], m.symbols[j] = m.symbols[j], m.symbols[i]
			}
		}
	}
	sum := 0
	for i := m.len - 1; i >= 0; i-- {
		sum += f[i]
		m.set(i, sum)
	}
}
