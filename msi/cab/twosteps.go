package cab

import (
	"sync/atomic"

	"github.com/hotfixkit/hotfixkit/internal/codec"
	"github.com/hotfixkit/hotfixkit/internal/codec/lzx"
	"github.com/hotfixkit/hotfixkit/internal/codec/mszip"
)

// twoSteps is a decoder whose work goroutines can share: parsing decodes Huffman
// codes and needs no history, replaying copies matches.
type twoSteps struct {
	// parsers each parse block i of a batch to its tokens. Where there are several,
	// they may work on different batches at the same time; where there is one, it
	// takes the blocks in order.
	parsers []func(b *batch, i int) error
	// replay writes block i, in order.
	replay func(b *batch, i int, dst []byte) error
	// whole, if set, does both for block i, which costs less than the two steps.
	// Everything before must have been replayed.
	whole func(b *batch, i int, dst []byte) error

	finished atomic.Int64 // batches that were replayed or decoded in one step
}

// twoSteps returns the halves of decoder, nil if it has none or if there is no
// goroutine for them.
func (p *pipeline) twoSteps(decoder codec.Decoder) *twoSteps {
	if p.parsers == 0 {
		return nil
	}
	switch d := decoder.(type) {
	case *mszip.Decoder:
		return mszipSteps(d, p.parsers)
	case *lzx.Decoder:
		return lzxSteps(d)
	}
	return nil
}

// mszipSteps parses blocks independently of each other.
func mszipSteps(d *mszip.Decoder, parsers int) *twoSteps {
	s := &twoSteps{replay: func(b *batch, i int, dst []byte) error { return d.Replay(dst, &b.mszipTokens[i]) }}
	for range parsers {
		parser := new(mszip.Parser)
		s.parsers = append(s.parsers, func(b *batch, i int) error {
			if b.mszipTokens == nil {
				b.mszipTokens, b.lzxTokens = make([]mszip.Tokens, batchBlocks), nil
			}
			return parser.Parse(&b.mszipTokens[i], b.blocks[i].payload, b.blocks[i].size)
		})
	}
	return s
}

// lzxSteps has one parser: the codes of a block depend on those before.
func lzxSteps(d *lzx.Decoder) *twoSteps {
	var failed error
	parse := func(b *batch, i int) error {
		if b.lzxTokens == nil {
			b.lzxTokens, b.mszipTokens = make([]lzx.Tokens, batchBlocks), nil
		}
		if failed == nil {
			failed = d.Parse(&b.lzxTokens[i], b.blocks[i].payload, b.blocks[i].size)
		}
		return failed
	}
	return &twoSteps{
		parsers: []func(*batch, int) error{parse},
		replay:  func(b *batch, i int, dst []byte) error { return d.Replay(dst, &b.lzxTokens[i]) },
		whole: func(b *batch, i int, dst []byte) error {
			if failed == nil {
				_, failed = d.Decode(dst, b.blocks[i].payload)
			}
			return failed
		},
	}
}

// work does the first step of the batches that come, or both: where the sinks
// have decoded bytes waiting for them, decoding is not what takes the time, and
// the way that costs less is the better one.
func (s *twoSteps) work(parse func(*batch, int) error, batches <-chan *batch, decoded chan *batch) {
	begun := int64(0)
	for b := range batches {
		b.whole = s.whole != nil && len(decoded) > 0 && s.finished.Load() == begun
		begun++
		if b.whole {
			b.fill(func(i int, dst []byte) error { return s.whole(b, i, dst) })
			b.ready <- struct{}{}
			continue
		}
		for i := range b.blocks {
			if b.blocks[i].err = parse(b, i); b.blocks[i].err != nil {
				break
			}
		}
		b.ready <- struct{}{}
	}
}

// finish does what is left of a batch.
func (s *twoSteps) finish(b *batch) {
	<-b.ready
	if !b.whole {
		b.fill(func(i int, dst []byte) error { return s.replay(b, i, dst) })
	}
	s.finished.Add(1)
}
