package quantum

import (
	"encoding/binary"
	"math/bits"
	"sync"

	"github.com/hotfixkit/hotfixkit/internal/codec"
)

// coder is an arithmetic decoder with 16-bit registers. The bits that it reads
// and those that follow slots are one sequence, most significant bit first.
type coder struct {
	low, high, code uint32

	in     []byte // the payload and codec.Slack zeros
	size   int    // of the payload
	next   int    // the byte of in that the next refill begins with
	unread uint64 // unread bits, left-aligned; those after count are not settled
	count  uint   // of the unread bits, at most 63
}

func (c *coder) start(src []byte) {
	c.in = src[:len(src)+codec.Slack]
	c.size = len(src)
	clear(c.in[c.size:])
	c.next, c.unread, c.count = 0, 0, 0
	c.low, c.high = 0, 0xFFFF
	c.code = uint32(c.read(16))
}

// refill provides at least 56 bits; beyond the end they are zeros.
func (c *coder) refill() {
	// The limit is reached only behind the end of the payload.
	at := min(c.next, len(c.in)-8)
	c.unread |= binary.BigEndian.Uint64(c.in[at:]) >> (c.count & 63)
	c.next += int((63 - c.count) >> 3)
	c.count |= 56
}

// read reads n bits, 0 to 19.
func (c *coder) read(n uint) int {
	c.refill()
	v := int(c.unread >> 1 >> ((63 - n) & 63))
	c.unread <<= n & 63
	c.count -= n
	return v
}

// overrun reports whether bits were used that the payload does not have. The
// coder is 16 bits ahead of what decides its symbols; these may be missing.
func (c *coder) overrun() bool {
	return 8*c.next-int(c.count) > 8*c.size+16
}

// Dividing by the sum of frequencies would be the last thing that a symbol waits for.
// Multiplying by its inverse, rounded up, is exact: the dividend is below 1<<28, a
// frequency times a span of at most 1<<16, and the error of the product below
// dividend*total, 1<<40 at most, that is less than the quotient's last place.
const (
	totalBits   = 12 // of a sum of frequencies
	inverseBits = 40
)

var inverses [1 << totalBits]uint64

var fillInverses = sync.OnceFunc(func() {
	for total := 1; total < len(inverses); total++ {
		inverses[total] = 1<<inverseBits/uint64(total) + 1
	}
})

// decode reads a symbol of the model, and makes it more frequent.
func (c *coder) decode(m *model) int {
	span := c.high - c.low + 1
	total := uint32(m.cf[0] & laneMask)
	inverse := inverses[total&(1<<totalBits-1)]
	point := ((c.code-c.low+1)*total - 1) / span

	// The first cumulative frequency that is not above the point ends the
	// symbol; those before it grow. A subtraction in each lane leaves its sign
	// set where the frequency is above.
	above := eachLane * uint64(point+1)
	at := 0
	w := m.cf[0]
	before := w
	reached := ^((w | laneSigns) - above) & laneSigns
	for reached == 0 && at < len(m.cf)-1 {
		m.cf[at] = w + eachLane*increment
		before = w
		at++
		w = m.cf[at]
		reached = ^((w | laneSigns) - above) & laneSigns
	}
	shift := uint(bits.TrailingZeros64(reached)) &^ (laneBits - 1) & 63
	m.cf[at] = w + eachLane*increment&(1<<shift-1)
	bottom := uint32(w>>shift) & laneMask
	top := uint32(before >> (64 - laneBits))
	if shift > 0 {
		top = uint32(w>>((shift-laneBits)&63)) & laneMask
	}
	symbol := m.symbols[(at*lanes+int(shift/laneBits)-1)&(literalsPerModel-1)]

	high := c.low + uint32(uint64(top*span)*inverse>>inverseBits) - 1
	low := c.low + uint32(uint64(bottom*span)*inverse>>inverseBits)
	if total+increment > maxTotal {
		m.rescale()
	}

	// Leading bits on which both ends agree are settled. Then bits after the
	// first that are set below and clear above cannot be decided yet: they are
	// taken out.
	c.refill()
	settled := uint(bits.LeadingZeros16(uint16(low ^ high)))
	low <<= settled
	high = high<<settled | (1<<settled - 1)
	between := uint(bits.LeadingZeros16(^uint16(low &^ high << 1)))
	c.low = low << between & 0x7FFF
	c.high = high<<between&0x7FFF | (1<<between - 1) | 0x8000
	code := c.code<<settled | uint32(c.unread>>1>>((63-settled)&63))
	c.unread <<= settled
	c.code = code&0x8000 | code<<between&0x7FFF | uint32(c.unread>>1>>((63-between)&63))
	c.unread <<= between
	c.count -= settled + between
	return int(symbol)
}
