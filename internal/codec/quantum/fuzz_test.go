package quantum

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/codec"
	"github.com/hotfixkit/hotfixkit/internal/codec/codectest"
)

// FuzzDecode decodes one payload as two blocks, with two decoders whose memory
// holds different things: the output must not depend on what was not written.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("testdata/*.cab")
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, file := range files {
		cabinet, err := os.ReadFile(file)
		require.NoError(f, err)
		folder := codectest.Folders(f, cabinet)[0]
		b := folder.Blocks[0]
		f.Add(byte(folder.WindowBits()-MinWindowBits), uint16(b.Size), b.Payload)
	}
	const windows = MaxWindowBits - MinWindowBits + 1
	var decoders [windows][2]*Decoder
	for i := range decoders {
		decoders[i] = [2]*Decoder{mustNew(f, MinWindowBits+i), mustNew(f, MinWindowBits+i)}
	}
	f.Fuzz(func(t *testing.T, window byte, size uint16, payload []byte) {
		if len(payload) > codec.MaxPayload {
			return
		}
		var outcomes [2]string
		for i, d := range decoders[window%windows] {
			d.Reset()
			for range 2 {
				unwritten := d.buf[min(d.pos, len(d.buf)):min(len(d.buf), d.pos+2*codec.MaxBlock)]
				copy(unwritten, bytes.Repeat([]byte{byte(i)}, len(unwritten)))
				out, err := decodeOne(d, payload, int(size))
				outcomes[i] += string(out)
				if err != nil {
					require.Empty(t, out)
					outcomes[i] += err.Error()
					break
				}
				require.Len(t, out, int(size))
			}
		}
		require.Equal(t, outcomes[0], outcomes[1])
	})
}
