package lzx

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// doE8 is what an encoder does to a frame: it makes relative targets absolute.
func doE8(frame []byte, offset int64, size int32) {
	for i := 0; i < len(frame)-callTail; i++ {
		if frame[i] != 0xE8 {
			continue
		}
		here := int32(offset) + int32(i)
		relative := int32(binary.LittleEndian.Uint32(frame[i+1:]))
		if relative >= -here && relative < size-here {
			absolute := relative + here
			binary.LittleEndian.PutUint32(frame[i+1:], uint32(absolute))
		} else if relative >= size-here && relative < size {
			binary.LittleEndian.PutUint32(frame[i+1:], uint32(relative-size))
		}
		i += 4
	}
}

func TestE8RoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	for round := range 2000 {
		frame := make([]byte, r.IntN(200))
		for i := range frame {
			switch r.IntN(4) {
			case 0:
				frame[i] = 0xE8
			case 1:
				frame[i] = byte(r.Uint32())
			}
		}
		offset := int64(r.IntN(1000)) * frameSize
		size := int32(1 + r.IntN(1<<r.IntN(31)))
		coded := bytes.Clone(frame)
		doE8(coded, offset, size)
		undoE8(coded, offset, size)
		require.Equal(t, frame, coded, round)
	}
}

func TestE8Limits(t *testing.T) {
	call := []byte{0xE8, 0x10, 0, 0, 0}
	frame := func(n, at int) []byte {
		f := make([]byte, n)
		copy(f[at:], call)
		return f
	}
	tests := []struct {
		name   string
		n, at  int
		offset int64
		size   int32
		want   int32 // the target afterwards
	}{
		{"at the start of the output", 40, 0, 0, 100, 0x10},
		{"later in a frame", 40, 3, 0, 100, 0x0D},
		{"later in the output", 40, 3, frameSize, 100, 0x10 - 3 - frameSize},
		{"last place of a frame", 40, 29, 0, 100, 0x10 - 29},
		{"in the last ten bytes", 40, 30, 0, 100, 0x10},
		{"a frame of ten bytes", 10, 0, 5, 100, 0x10},
		{"not below the size", 40, 3, 0, 0x10, 0x10},
		{"size 1", 40, 3, 0, 1, 0x10},
		{"last frame that is translated", 40, 3, (1<<15 - 1) * frameSize, 100, 0x10 - 3 - (1<<15-1)*frameSize},
		{"behind it", 40, 3, (1 << 15) * frameSize, 100, 0x10},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := frame(test.n, test.at)
			undoE8(f, test.offset, test.size)
			require.Equal(t, test.want, int32(binary.LittleEndian.Uint32(f[test.at+1:])))
		})
	}
}
