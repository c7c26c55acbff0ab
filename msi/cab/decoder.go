package cab

import (
	"fmt"

	"github.com/hotfixkit/hotfixkit/internal/codec"
	"github.com/hotfixkit/hotfixkit/internal/codec/lzx"
	"github.com/hotfixkit/hotfixkit/internal/codec/mszip"
	"github.com/hotfixkit/hotfixkit/internal/codec/quantum"
)

// decoder returns a decoder at the start of a folder, nil for a stored one. The
// one that was used last is used again if it fits.
func (p *pipeline) decoder(c Compression) (codec.Decoder, error) {
	type resetter interface{ Reset() }
	if d, ok := p.last.(resetter); ok && p.lastCompression == c {
		d.Reset()
		return p.last, nil
	}
	d, err := newDecoder(c)
	if err != nil {
		return nil, err
	}
	p.last, p.lastCompression = d, c
	return d, nil
}

func newDecoder(c Compression) (codec.Decoder, error) {
	switch bits := c.windowBits(); {
	case c.Method() == None:
		return nil, nil
	case c.Method() == MSZIP:
		return mszip.New(), nil
	case c.Method() == LZX && 15 <= bits && bits <= 21: // [MS-CAB] 2.2, tcompLZX_WINDOW_LO and _HI
		return lzx.New(lzx.Options{WindowBits: bits})
	case c.Method() == Quantum && 10 <= bits && bits <= 21: // tcompQUANTUM_MEM_LO and _HI
		return quantum.New(bits)
	}
	return nil, fmt.Errorf("%w: %v", ErrAlgorithm, c)
}
