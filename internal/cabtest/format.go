// Package cabtest writes cabinets and sets of them, for tests and for the programs
// that build this project's own packages: stored and MSZIP folders, split over
// volumes as Microsoft's tools split them.
//
// The output depends on nothing but the calls. Its view of the format ([MS-CAB]) is
// its own, so that reader and writer check one another.
package cabtest

import "encoding/binary"

// Sizes of the fixed parts ([MS-CAB] 2).
const (
	headerSize = 36
	folderSize = 8
	fileSize   = 16
	dataSize   = 8
)

// maxName is the longest string of a cabinet, without its terminating zero.
const maxName = 255

// Flags of a header ([MS-CAB] 2.1).
const (
	flagPrevCabinet    = 0x0001 // cfhdrPREV_CABINET
	flagNextCabinet    = 0x0002 // cfhdrNEXT_CABINET
	flagReservePresent = 0x0004 // cfhdrRESERVE_PRESENT
)

// Folder numbers of members whose data lie in other volumes too ([MS-CAB] 2.3).
const (
	folderContinuedFromPrev    = 0xFFFD // ifoldCONTINUED_FROM_PREV
	folderContinuedToNext      = 0xFFFE // ifoldCONTINUED_TO_NEXT
	folderContinuedPrevAndNext = 0xFFFF // ifoldCONTINUED_PREV_AND_NEXT
)

// checksum is that of CFDATA ([MS-CAB] 3.1), word by word.
func checksum(p []byte) uint32 {
	var s uint32
	for ; len(p) >= 4; p = p[4:] {
		s ^= binary.LittleEndian.Uint32(p)
	}
	var tail uint32
	for _, x := range p {
		tail = tail<<8 | uint32(x)
	}
	return s ^ tail
}
