package lzx

import (
	"bytes"
	"encoding/binary"
)

const (
	callOpcode = 0xE8 // x86: CALL with a relative target of 32 bits
	callTail   = 10   // last bytes of a frame in which calls are left alone
	e8Limit    = 1 << 30
)

// undoE8 restores the targets of x86 calls in one frame, which begins at the
// given offset of the output: encoders make them absolute below size, so that
// calls to the same function look alike ([MS-PATCH] 2.2). Only the first 32,768
// frames are translated.
func undoE8(frame []byte, offset int64, size int32) {
	if offset >= e8Limit {
		return
	}
	for at := 0; at < len(frame)-callTail; {
		i := bytes.IndexByte(frame[at:len(frame)-callTail], callOpcode)
		if i < 0 {
			return
		}
		at += i
		target := frame[at+1 : at+5]
		here := int32(offset) + int32(at)
		absolute := int32(binary.LittleEndian.Uint32(target))
		switch {
		case absolute >= size || absolute < -here:
		case absolute >= 0:
			binary.LittleEndian.PutUint32(target, uint32(absolute-here))
		default:
			binary.LittleEndian.PutUint32(target, uint32(absolute+size))
		}
		at += 5
	}
}
