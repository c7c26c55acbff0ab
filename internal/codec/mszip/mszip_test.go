package mszip

import (
	"bytes"
	"compress/flate"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/codec"
)

// block makes a payload with the slack that Parse needs, filled with rubbish that
// must not matter.
func block(data []byte) []byte {
	p := make([]byte, len(data), len(data)+codec.Slack)
	copy(p, data)
	for i := range p[len(p):cap(p)] {
		p[len(p):cap(p)][i] = 0xA5
	}
	return p
}

func decode(d *Decoder, size int, data []byte) ([]byte, error) {
	dst := make([]byte, size, size+codec.Slack)
	n, err := d.Decode(dst, block(data))
	return dst[:n], err
}

// pack makes a payload with the standard library's encoder.
func pack(t testing.TB, level int, history, data []byte) []byte {
	packed := bytes.NewBufferString("CK")
	w, err := flate.NewWriterDict(packed, level, history)
	require.NoError(t, err)
	_, err = w.Write(data)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return packed.Bytes()
}

// sample is data of many shapes, always the same for a seed.
func sample(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 0))
	var p []byte
	for len(p) < n {
		switch r.IntN(6) {
		case 0:
			for range r.IntN(2000) {
				p = append(p, byte(r.Uint32()))
			}
		case 1:
			p = append(p, bytes.Repeat([]byte{byte(r.Uint32())}, r.IntN(1000))...)
		case 2:
			for range r.IntN(1000) {
				p = append(p, "etaoin shrdlu"[min(r.IntN(13), r.IntN(13))])
			}
		default:
			if len(p) > 0 {
				distance := 1 + min(r.IntN(len(p)), r.IntN(40_000), 1<<r.IntN(16))
				for range r.IntN(300) {
					p = append(p, p[len(p)-distance])
				}
			}
		}
	}
	return p[:n]
}

func TestBlocksShareHistory(t *testing.T) {
	for _, level := range []int{flate.NoCompression, flate.HuffmanOnly, 1, 6, 9} {
		for _, size := range []int{codec.MaxBlock, 30_011, 5000, 33} {
			data := sample(uint64(size), 20*size+17)
			d := New()
			var got []byte
			for at := 0; at < len(data); at += size {
				part := data[at:min(at+size, len(data))]
				out, err := decode(d, len(part), pack(t, level, data[max(at-historySize, 0):at], part))
				require.NoError(t, err)
				got = append(got, out...)
			}
			require.True(t, bytes.Equal(data, got))
			d.Reset()
			out, err := decode(d, 5, pack(t, level, nil, []byte("again")))
			require.NoError(t, err)
			require.Equal(t, "again", string(out))
		}
	}
}

// bitWriter writes a DEFLATE stream by hand.
type bitWriter struct {
	p []byte
	n uint
}

func (b *bitWriter) add(value uint32, n uint) *bitWriter {
	for i := range n {
		if b.n%8 == 0 {
			b.p = append(b.p, 0)
		}
		b.p[len(b.p)-1] |= byte(value>>i&1) << (b.n % 8)
		b.n++
	}
	return b
}

// code adds a Huffman code, whose bitWriter come highest first.
func (b *bitWriter) code(value uint32, n uint) *bitWriter {
	for i := range n {
		b.add(value>>(n-1-i), 1)
	}
	return b
}

func start() *bitWriter { return &bitWriter{p: []byte("CK"), n: 16} }

func TestDamagedBlocks(t *testing.T) {
	fixed := func() *bitWriter { return start().add(1, 1).add(1, 2).code(0x30+'a', 8) }
	for name, c := range map[string]struct {
		data    []byte
		size    int
		message string
	}{
		"empty":             {nil, 10, "no CK signature"},
		"no signature":      {[]byte("CL\x03\x00"), 0, "no CK signature"},
		"only a signature":  {[]byte("CK"), 1, "end too early"},
		"block type 3":      {start().add(1, 1).add(3, 2).p, 1, "block type 3"},
		"endless blocks":    {append([]byte("CK"), bytes.Repeat([]byte{0, 0, 0, 0xFF, 0xFF}, 100)...), 1, "end too early"},
		"stored length":     {append(start().add(1, 1).add(0, 2).p, 5, 0, 0xFB, 0xFF, 'a'), 5, "length of a stored block"},
		"stored, truncated": {append(start().add(1, 1).add(0, 2).p, 5, 0, 0xFA, 0xFF, 'a'), 5, "end too early"},
		"stored, too long":  {append(start().add(1, 1).add(0, 2).p, 2, 0, 0xFD, 0xFF, 'a', 'b'), 1, "more than 1 bytes"},
		"distance code 30":  {fixed().code(1, 7).code(30, 5).code(0, 7).p, 4, "distance code"},
		"distance code 31":  {fixed().code(1, 7).code(31, 5).code(0, 7).p, 4, "distance code"},
		"length code 286":   {fixed().code(0xC6, 8).code(0, 5).code(0, 7).p, 4, "stands for nothing"},
		"length code 287":   {fixed().code(0xC7, 8).code(0, 5).code(0, 7).p, 4, "stands for nothing"},
		"before the data":   {fixed().code(1, 7).code(1, 5).code(0, 7).p, 4, "1 bytes before the data"},
		"too short":         {fixed().code(0, 7).p, 2, "1 bytes in a block of 2"},
		"literal too many":  {fixed().code(0x30+'b', 8).code(0, 7).p, 1, "more than 1 bytes"},
		"match too long":    {fixed().code(1, 7).code(0, 5).code(0, 7).p, 3, "more than 3 bytes"},
		"no end":            {fixed().p, 1, "end too early"},
		"too many codes":    {dynamic(0, 0, []uint32{1, 1, 1}).p, 1, "more codes than bits allow"},
		"repeat of nothing": {dynamic(0, 0, []uint32{1, 0, 0, 0}).code(0, 1).p, 1, "repetition of no length"},
		"too many lengths":  {dynamic(0, 0, []uint32{0, 0, 1, 0}).code(0, 1).add(127, 7).code(0, 1).add(127, 7).p, 1, "more code lengths"},
		"no such length":    {dynamic(0, 0, []uint32{0, 0, 1, 0}).code(1, 1).add(127, 7).p, 1, "no length"},
		"codes of nothing":  {dynamic(0, 0, []uint32{0, 0, 1, 0}).code(0, 1).add(127, 7).code(0, 1).add(258-138-11, 7).add(0, 30).p, 1, "stands for nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := decode(New(), c.size, c.data)
			require.ErrorIs(t, err, ErrFormat)
			require.ErrorContains(t, err, c.message)
		})
	}
}

// dynamic starts a block with codes of its own; lengths are those of the code
// length alphabet in their stored order.
func dynamic(literals, distances uint32, lengths []uint32) *bitWriter {
	b := start().add(1, 1).add(2, 2).add(literals, 5).add(distances, 5).add(uint32(max(len(lengths), 4)-4), 4)
	for i := range max(len(lengths), 4) {
		if i < len(lengths) {
			b.add(lengths[i], 3)
		} else {
			b.add(0, 3)
		}
	}
	return b
}

// TestFarthestMatch copies from 32,768 bytes back, over block borders.
func TestFarthestMatch(t *testing.T) {
	first := sample(1, codec.MaxBlock)
	d := New()
	_, err := decode(d, len(first), pack(t, 6, nil, first))
	require.NoError(t, err)
	// Length 258, distance 24577 + 8191.
	b := start().add(1, 1).add(1, 2).code(0xC5, 8).code(29, 5).add(8191, 13).code(0, 7)
	out, err := decode(d, 258, b.p)
	require.NoError(t, err)
	require.Equal(t, first[:258], out)
}

// FuzzDecode compares with the standard library: where it decodes a block, so do
// we, to the same bytes.
func FuzzDecode(f *testing.F) {
	history := sample(7, historySize)
	for level := -2; level < 10; level += 3 {
		f.Add(pack(f, level, history, sample(8, 3000))[2:])
	}
	f.Add(start().add(1, 1).add(1, 2).code(1, 7).code(0, 5).code(0, 7).p[2:])
	d := New()
	packedHistory := pack(f, 1, nil, history)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > codec.MaxPayload-2 {
			return
		}
		want, err := io.ReadAll(io.LimitReader(flate.NewReaderDict(bytes.NewReader(data), history), codec.MaxBlock+1))
		if len(want) > codec.MaxBlock {
			return
		}
		d.Reset()
		_, historyErr := decode(d, historySize, packedHistory)
		require.NoError(t, historyErr)
		got, gotErr := decode(d, len(want), append([]byte("CK"), data...))
		if err == nil {
			require.NoError(t, gotErr)
			require.True(t, bytes.Equal(want, got))
		}
	})
}
