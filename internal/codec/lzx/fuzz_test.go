package lzx

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/codec"
	"github.com/hotfixkit/hotfixkit/internal/codec/codectest"
)

// FuzzDecode decodes one payload as two blocks, with three decoders whose memory
// holds different things, the last in two steps: the output must not depend on
// what was not written, and nothing behind the slack may be.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("testdata/*.cab")
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, file := range files {
		cabinet, err := os.ReadFile(file)
		require.NoError(f, err)
		for _, folder := range codectest.Folders(f, cabinet) {
			if folder.Kind() == codectest.LZX {
				b := folder.Blocks[0]
				f.Add(byte(folder.WindowBits()-MinWindowBits), uint16(b.Size), b.Payload)
			}
		}
	}
	const windows = MaxWindowBits - MinWindowBits + 1
	var decoders [windows][3]*Decoder
	var tokens Tokens
	for i := range decoders {
		decoders[i] = [3]*Decoder{mustNew(f, MinWindowBits+i), mustNew(f, MinWindowBits+i), mustNew(f, MinWindowBits+i)}
	}
	f.Fuzz(func(t *testing.T, window byte, size uint16, payload []byte) {
		if len(payload) > codec.MaxPayload {
			return
		}
		var outcomes [3]string
		var failed [3]bool
		for i, d := range decoders[window%windows] {
			d.Reset()
			for range 2 {
				if d.buf != nil {
					unwritten := d.buf[d.pos:min(len(d.buf), d.pos+frameSize+slack)]
					copy(unwritten, bytes.Repeat([]byte{byte(i)}, len(unwritten)))
				}
				src := make([]byte, len(payload), len(payload)+codec.Slack)
				copy(src, payload)
				guarded := make([]byte, int(size)+1)
				guarded[len(guarded)-1] = 0x5A
				n, err := int(size), error(nil)
				if i < 2 {
					n, err = d.Decode(guarded[:size], payload)
				} else if err = d.Parse(&tokens, payload, n); err == nil {
					err = d.Replay(guarded[:n], &tokens)
				}
				require.Equal(t, byte(0x5A), guarded[len(guarded)-1])
				if err != nil {
					failed[i] = true
					break
				}
				outcomes[i] += string(guarded[:n])
				require.Equal(t, int(size), n)
			}
		}
		require.Equal(t, outcomes[0], outcomes[1])
		require.Equal(t, outcomes[0], outcomes[2])
		require.Equal(t, [3]bool{failed[0], failed[0], failed[0]}, failed)
	})
}

func FuzzDecodeDelta(f *testing.F) {
	e := newEncoder(17, true)
	e.Ref = []byte("reference data")
	e.Header(1000)
	e.Block(blockVerbatim, append(literals("new"), token{Length: 300, Distance: 10}), 1)
	e.Raw([]byte("uncompressed"), [3]int{1, 2, 3})
	e.Block(blockAligned, append(literals("and"), token{Length: 20, Distance: 60}), 3)
	f.Add(e.Chunks(), uint32(len(e.Out)), e.Ref)
	f.Fuzz(func(t *testing.T, stream []byte, size uint32, reference []byte) {
		size %= 1 << 20
		out, err := DecodeDelta(stream, int64(size), DeltaOptions{Reference: reference})
		if err != nil {
			require.Nil(t, out)
			return
		}
		require.Len(t, out, int(size))
	})
}
