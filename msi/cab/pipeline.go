package cab

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/hotfixkit/hotfixkit/internal/codec"
	"github.com/hotfixkit/hotfixkit/internal/codec/lzx"
	"github.com/hotfixkit/hotfixkit/internal/codec/mszip"
)

const (
	batchBlocks = 4 // compressed blocks that travel together
	batches     = 4 // batches of a folder between reading and its sinks
	maxParsers  = 4 // goroutines that decode the Huffman codes of one MSZIP folder
)

// A pipeline decodes folders, one at a time: a goroutine reads and checks blocks,
// another one decodes them, the caller's feeds the members. What they pass on
// comes from a fixed number of batches. Where all processors have folders of their
// own, the caller's goroutine does everything: it need not wait for another one, and
// what it passes on is still in the processor's cache.
type pipeline struct {
	alone   bool                 // no other goroutines
	parsers int                  // goroutines that may help with decoding; 0 leaves it to one
	spend   func(size int) error // DecodeOptions.Spend

	readBuffer      []byte
	batches         []*batch
	last            codec.Decoder
	lastCompression Compression

	free     chan *batch
	stop     chan struct{} // closed when the caller needs no more
	reader   blockReader
	position int64 // of the reader in the folder
}

// A batch is some consecutive blocks on their way through a pipeline.
type batch struct {
	buf    []byte // stored: what the blocks are read into
	in     []byte // compressed: the payloads
	out    []byte // compressed: the decoded bytes, used of them
	used   int
	blocks []packedBlock

	pieces []piece
	last   bool  // no batch follows
	err    error // with last: why the folder ends here, nil at its end

	// Where decoding takes two steps, the tokens are what is between them. ready
	// has capacity 1, and a value once they are complete.
	ready       chan struct{}
	whole       bool // decoded in one step
	mszipTokens []mszip.Tokens
	lzxTokens   []lzx.Tokens
}

// A packedBlock is a block to be decoded.
type packedBlock struct {
	place   blockPlace
	payload []byte
	size    int
	err     error // of parsing
}

// A piece is bytes of the folder, or their absence.
type piece struct {
	offset int64
	size   int64
	data   []byte
	damage error // if set, the bytes cannot be had
}

// decode decodes the folder of m. It returns an error when everything must stop;
// damage stops everything unless m keeps going. The end of ctx is noticed at once
// wherever the decoding is, m.stopped between batches and files.
func (p *pipeline) decode(ctx context.Context, m *members) error {
	more, err := m.advance()
	if err != nil || !more {
		return err
	}
	if m.folder.before != nil {
		return m.fail(m.folder.before)
	}
	decoder, err := p.decoder(m.folder.compression)
	if err != nil {
		return m.fail(err)
	}

	p.stop = make(chan struct{})
	p.position = 0
	if p.alone {
		return p.decodeAlone(ctx, m, decoder)
	}
	var group sync.WaitGroup
	var decoded chan *batch
	if m.folder.compression.Method() == None {
		p.prepare(m.folder, true)
		decoded = make(chan *batch, batches)
		group.Go(func() { p.readStored(m, decoded) })
	} else {
		p.prepare(m.folder, false)
		decoded = p.startDecoding(m.folder, decoder, &group)
	}
	err = p.feed(ctx, m, decoded)
	close(p.stop)
	group.Wait()
	return err
}

// feed takes the batches as they come and hands them to the members.
func (p *pipeline) feed(ctx context.Context, m *members, decoded <-chan *batch) error {
	for {
		var b *batch
		select {
		case b = <-decoded:
		case <-ctx.Done():
		}
		if more, err := m.take(b); !more || err != nil {
			return err
		}
		p.free <- b
	}
}

// take hands a batch to the members and reports whether they need another one.
func (m *members) take(b *batch) (more bool, err error) {
	if err := m.stopped(); err != nil {
		return false, err
	}
	for _, x := range b.pieces {
		var err error
		if x.damage != nil {
			err = m.damaged(x.offset, x.size, x.damage)
		} else {
			err = m.feed(x.offset, x.data)
		}
		if err != nil {
			return false, err
		}
	}
	switch {
	case m.done():
		return false, nil
	case b.last && b.err != nil:
		return false, m.fail(b.err)
	case b.last && m.folder.after != nil:
		return false, m.fail(m.folder.after)
	case b.last:
		return false, m.fail(fmt.Errorf("%w: it ends past the end of its folder", ErrFormat))
	}
	return true, nil
}

// decodeAlone decodes the folder of m without other goroutines.
func (p *pipeline) decodeAlone(ctx context.Context, m *members, decoder codec.Decoder) error {
	if decoder == nil {
		p.prepare(m.folder, true)
		p.reader.open(m.folder, nil)
	} else {
		p.prepare(m.folder, false)
		p.reader.open(m.folder, p.readBuffer)
	}
	b := p.batches[0]
	offset, doubt := int64(0), error(nil)
	for ctx.Err() == nil {
		b.clear()
		if decoder == nil {
			doubt = p.fillStored(b, m, doubt)
		} else {
			p.fillPacked(b)
			b.decode(decoder)
			offset = b.place(offset)
		}
		if more, err := m.take(b); !more || err != nil {
			return err
		}
	}
	return m.stopped()
}

// prepare makes the batches fit for the folder and frees them.
func (p *pipeline) prepare(folder *setFolder, stored bool) {
	blocks, packed := 0, int64(0)
	for _, part := range folder.parts {
		f := part.folder()
		blocks += f.Blocks
		packed += min(max(part.cabinet.available-f.Offset, 0), int64(f.Blocks)*int64(maxData))
	}
	ahead, n := int64(readAhead), batches
	if p.alone {
		ahead, n = readAheadAlone, 1
	}
	readBuffer := int(min(packed, ahead)) + maxData
	inBatch := min(blocks, batchBlocks)
	if !stored {
		p.readBuffer = grown(p.readBuffer, readBuffer)
		n = min(n+p.parsers, blocks/batchBlocks+2)
	}
	for len(p.batches) < n {
		p.batches = append(p.batches, &batch{ready: make(chan struct{}, 1)})
	}
	p.free = make(chan *batch, len(p.batches))
	for _, b := range p.batches[:n] {
		if stored {
			b.buf = grown(b.buf, readBuffer)
		} else {
			b.in = grown(b.in, inBatch*(codec.MaxPayload+codec.Slack))
			b.out = grown(b.out, inBatch*codec.MaxBlock+codec.Slack)
		}
		select {
		case <-b.ready:
		default:
		}
		p.free <- b
	}
}

// maxData is the largest CFDATA structure.
const maxData = dataSize + 255 + codec.MaxPayload

// grown returns a buffer with at least n bytes, b itself if it is large enough.
func grown(b []byte, n int) []byte {
	if cap(b) >= n {
		return b[:cap(b)]
	}
	return make([]byte, n)
}

// take returns a free batch, emptied, or nil when the pipeline stops.
func (p *pipeline) take() *batch {
	select {
	case b := <-p.free:
		b.clear()
		return b
	case <-p.stop:
		return nil
	}
}

func (b *batch) clear() {
	b.blocks, b.pieces, b.last, b.err = b.blocks[:0], b.pieces[:0], false, nil
}

// send passes a batch on and reports whether another one is wanted. last says
// that none follows.
func (p *pipeline) send(to chan<- *batch, b *batch, last bool) bool {
	select {
	case to <- b:
		return !last
	case <-p.stop:
		return false
	}
}

// end marks the batch as the folder's last one.
func (b *batch) end(err error) {
	b.last, b.err = true, err
}

// readStored reads a folder without compression. Payloads are handed on where
// they were read; blocks before what is needed are skipped. A damaged block does
// not end the folder, but after one the place of the next is only believed when
// its checksum holds.
func (p *pipeline) readStored(m *members, to chan<- *batch) {
	p.reader.open(m.folder, nil)
	doubt := error(nil)
	for {
		b := p.take()
		if b == nil {
			return
		}
		doubt = p.fillStored(b, m, doubt)
		if !p.send(to, b, b.last) {
			return
		}
	}
}

// fillStored reads stored blocks into b, as many as come with the first of them.
func (p *pipeline) fillStored(b *batch, m *members, doubt error) error {
	p.reader.move(b.buf)
	for !b.last && (len(b.pieces) == 0 || p.reader.buffered()) {
		doubt = p.readStoredBlock(b, m, doubt)
	}
	return doubt
}

// readStoredBlock adds the next block to b. It returns the damage that puts what
// follows in doubt.
func (p *pipeline) readStoredBlock(b *batch, m *members, doubt error) error {
	if !p.reader.more() {
		b.end(nil)
		return doubt
	}
	if len(b.pieces) == 0 && doubt == nil {
		if n := p.reader.skip(m.need.Load() - p.position); n > 0 {
			p.position += int64(n)
			p.passOver(b, m, n)
			return nil
		}
	}
	block, place, err := p.next()
	switch {
	case errors.Is(err, errFolderEnds):
		b.end(nil)
		return doubt
	case err != nil:
		b.end(place.wrap(err))
		return doubt
	case block.damage != nil:
		doubt = place.wrap(block.damage)
	case block.checked:
		doubt = nil
	}
	if len(block.payload) != block.size {
		if doubt == nil {
			doubt = place.wrap(fmt.Errorf("%w: a stored block of %d bytes has %d", ErrFormat, block.size, len(block.payload)))
		}
		b.end(doubt)
		return doubt
	}
	b.addStored(piece{p.position, int64(block.size), block.payload, doubt})
	p.position += int64(block.size)
	return doubt
}

// passOver accounts for n bytes that were skipped, unless whoever decodes what is
// before does that.
func (p *pipeline) passOver(b *batch, m *members, n int) {
	select {
	case <-p.stop:
		b.end(errStopped)
		return
	default:
	}
	err := m.stopped()
	if err == nil && !m.folder.rest {
		err = p.spend(n)
	}
	if err != nil {
		b.end(p.reader.place().wrap(err))
	}
}

// addStored adds the payload of a stored block. It moves it up to the one before,
// over the header that was between them: a few large writes cost less than many.
func (b *batch) addStored(x piece) {
	if n := len(b.pieces); n > 0 && x.damage == nil {
		last := &b.pieces[n-1]
		if last.damage == nil && len(last.data)+len(x.data) <= cap(last.data) {
			last.data = append(last.data, x.data...)
			last.size += x.size
			return
		}
	}
	b.pieces = append(b.pieces, x)
}

// startDecoding starts the goroutines that read and decode a compressed folder.
func (p *pipeline) startDecoding(folder *setFolder, decoder codec.Decoder, group *sync.WaitGroup) chan *batch {
	packed := make(chan *batch, len(p.batches))
	decoded := make(chan *batch, len(p.batches))
	steps := p.twoSteps(decoder)
	var toParse chan *batch
	if steps != nil {
		toParse = make(chan *batch, len(p.batches))
		for _, parse := range steps.parsers {
			group.Go(func() { steps.work(parse, toParse, decoded) })
		}
	}
	group.Go(func() {
		p.readPacked(folder, packed, toParse)
		if toParse != nil {
			close(toParse)
		}
	})
	group.Go(func() {
		for offset := int64(0); ; {
			select {
			case b := <-packed:
				if steps != nil {
					steps.finish(b)
				} else {
					b.decode(decoder)
				}
				offset = b.place(offset)
				if !p.send(decoded, b, b.last) {
					return
				}
			case <-p.stop:
				return
			}
		}
	})
	return decoded
}

// readPacked reads the blocks of a compressed folder. The first damage ends it:
// every block needs those before.
func (p *pipeline) readPacked(folder *setFolder, to, toParse chan<- *batch) {
	p.reader.open(folder, p.readBuffer)
	for {
		b := p.take()
		if b == nil {
			return
		}
		p.fillPacked(b)
		last := b.last // from here on it belongs to those who decode
		if toParse != nil {
			toParse <- b
		}
		if !p.send(to, b, last) {
			return
		}
	}
}

// next reads the next block, and books its size.
func (p *pipeline) next() (block, blockPlace, error) {
	b, err := p.reader.read()
	place := p.reader.place()
	if err == nil {
		err = p.spend(b.size)
	}
	return b, place, err
}

// fillPacked reads the next blocks into b.
func (p *pipeline) fillPacked(b *batch) {
	for used := 0; !b.last && len(b.blocks) < batchBlocks; {
		if !p.reader.more() {
			b.end(nil)
			return
		}
		block, place, err := p.next()
		switch {
		case errors.Is(err, errFolderEnds):
			b.end(nil)
		case err != nil:
			b.end(place.wrap(err))
		case block.damage != nil:
			b.end(place.wrap(block.damage))
		default:
			payload := b.in[used:][: len(block.payload) : len(block.payload)+codec.Slack]
			copy(payload, block.payload)
			used += cap(payload)
			b.blocks = append(b.blocks, packedBlock{place: place, payload: payload, size: block.size})
		}
	}
}

// decode decodes the blocks of b in one step.
func (b *batch) decode(decoder codec.Decoder) {
	b.fill(func(i int, dst []byte) error {
		_, err := decoder.Decode(dst, b.blocks[i].payload)
		return err
	})
}

// place makes a piece of what was decoded, which begins at offset of the folder. It
// returns where it ends.
func (b *batch) place(offset int64) int64 {
	if b.used > 0 {
		b.pieces = append(b.pieces, piece{offset: offset, size: int64(b.used), data: b.out[:b.used]})
	}
	return offset + int64(b.used)
}

// fill decodes the blocks of b one by one. An error makes b the last batch.
func (b *batch) fill(decode func(i int, dst []byte) error) {
	b.used = 0
	for i, x := range b.blocks {
		err := x.err
		if err == nil {
			err = decode(i, b.out[b.used:][:x.size])
		}
		if err != nil {
			b.end(x.place.wrap(fmt.Errorf("%w: %w", ErrFormat, err)))
			return
		}
		b.used += x.size
	}
}
