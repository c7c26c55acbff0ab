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
	if offset >= e8Limit || size <= 0 {
		return
	}
	end := len(frame) - callTail
	for at := 0; at < end; {
		i := bytes.IndexByte(frame[at:end], callOpcode)
		if i < 0 {
			return
		}
		at += i
		target := frame[at+1 : at+5]
		here := int32(offset) + int32(at)
		absolute := int32(binary.LittleEndian.Uint32(target))
		// Most opcodes are chance, most targets unpredictable: no branches.
		relative := absolute - here
		if absolute < 0 {
			relative = absolute + size
		}
		if uint32(absolute+here) >= uint32(size+here) { // not in -here to size-1
			relative = absolute
		}
		binary.LittleEndian.PutUint32(target, uint32(relative))
		at += 5
	}
}
