// Package codectest takes cabinets apart for the tests of decompressors, which
// need blocks as they are stored and must not depend on the package that uses
// them.
package codectest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/codec"
)

// Folder is a CFFOLDER with its CFDATA blocks ([MS-CAB] 2.2, 2.4).
type Folder struct {
	Compression uint16
	Blocks      []Block
	Members     []Member
}

// Block is a CFDATA block.
type Block struct {
	Payload []byte
	Size    int // when decompressed
}

// Member is a CFFILE.
type Member struct {
	Name         string
	Offset, Size int
}

// Folders reads a cabinet that is known to be sound and that no other continues.
func Folders(t testing.TB, cabinet []byte) []Folder {
	t.Helper()
	u16 := func(at int) int { return int(binary.LittleEndian.Uint16(cabinet[at:])) }
	u32 := func(at int) int { return int(binary.LittleEndian.Uint32(cabinet[at:])) }
	require.True(t, bytes.HasPrefix(cabinet, []byte("MSCF")))
	folders := make([]Folder, u16(26))
	at, folderReserve, dataReserve := 36, 0, 0
	const flagReserve = 4
	require.Zero(t, u16(30)&^flagReserve, "the cabinet belongs to a set")
	if u16(30)&flagReserve != 0 {
		folderReserve, dataReserve = int(cabinet[38]), int(cabinet[39])
		at = 40 + u16(36)
	}
	for i := range folders {
		folders[i].Compression = uint16(u16(at + 6))
		data := u32(at)
		for range u16(at + 4) {
			payload := data + 8 + dataReserve
			next := payload + u16(data+4)
			folders[i].Blocks = append(folders[i].Blocks, Block{cabinet[payload:next], u16(data + 6)})
			data = next
		}
		at += 8 + folderReserve
	}
	at = u32(16)
	for range u16(28) {
		name, _, found := bytes.Cut(cabinet[at+16:], []byte{0})
		require.True(t, found)
		f := &folders[u16(at+8)]
		f.Members = append(f.Members, Member{string(name), u32(at + 4), u32(at)})
		at += 16 + len(name) + 1
	}
	return folders
}

// payloadCopy returns a copy of a payload as decoders want it. The slack behind
// it holds data that a decoder must not take for input.
func payloadCopy(payload []byte) []byte {
	p := make([]byte, len(payload), len(payload)+codec.Slack)
	copy(p, payload)
	copy(p[len(p):cap(p)], bytes.Repeat([]byte{0xA5}, codec.Slack))
	return p
}

// Decode decompresses a whole folder.
func Decode(d codec.Decoder, f Folder) ([]byte, error) {
	var out []byte
	for i, b := range f.Blocks {
		dst := make([]byte, b.Size, b.Size+codec.Slack)
		n, err := d.Decode(dst, payloadCopy(b.Payload))
		out = append(out, dst[:n]...)
		if err != nil {
			return out, fmt.Errorf("block %d: %w", i, err)
		}
		if n != b.Size {
			return out, fmt.Errorf("block %d: %d of %d bytes and no error", i, n, b.Size)
		}
	}
	return out, nil
}
