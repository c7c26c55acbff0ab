// Package deltatest makes PA19 deltas for tests and fixtures. It compresses
// plainly (greedy matching, no PE transform) and writes every field that
// internal/delta reads, so that a test can state any header it needs. The same input
// always gives the same bytes: fixtures depend on it.
package deltatest

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/hotfixkit/hotfixkit/internal/delta"
)

// Plain switches off everything that would change an old file that is a PE
// image before it is compared.
const Plain = delta.OptionNoBindFix | delta.OptionNoLockFix | delta.OptionNoRebase | delta.OptionNoResTimeFix

// Source is one old file of a delta.
type Source struct {
	Old    []byte
	Ignore []delta.Range
	Retain []delta.RetainRange
	Rifts  []delta.Rift

	// Reference replaces Old as the reference data when the header's options or
	// Rifts make Apply change it; nil: Old, its ranges zeroed.
	Reference []byte
	// Normalised replaces Old for the CRC-32 in the same case.
	Normalised []byte
}

// Encoder holds the header fields of a delta; the zero value with Options Plain
// suits most uses.
type Encoder struct {
	Options      delta.Options
	Extended     delta.ExtendedOptions
	NewFileTime  uint32
	NewImageBase uint32
	NewImageTime uint32
	NewResTime   uint32
	WindowBits   int
	Stored       bool // uncompressed LZX blocks
}

// Encode returns a plain delta that makes new of old.
func Encode(old, new []byte) []byte {
	return Encoder{Options: Plain}.Encode(new, Source{Old: old})
}

// Encode returns a delta that makes new of any of the sources.
func (e Encoder) Encode(new []byte, sources ...Source) []byte {
	target := append([]byte(nil), new...)
	for _, src := range sources {
		for _, r := range src.Retain {
			clear(target[r.NewOffset : r.NewOffset+r.Length])
		}
	}
	const extendedFlags, extendedWindow = 0x80000000, 0x10000
	options, extended := uint32(e.Options), uint32(e.Extended)
	if e.NewFileTime != 0 {
		options |= uint32(delta.OptionTimestamp)
	}
	if e.WindowBits != 0 {
		extended |= extendedWindow
	}
	if extended != 0 {
		options |= extendedFlags
	}

	b := []byte("PA19")
	b = binary.LittleEndian.AppendUint32(b, options)
	if extended != 0 {
		b = binary.LittleEndian.AppendUint32(b, extended)
	}
	if e.NewFileTime != 0 {
		b = binary.LittleEndian.AppendUint32(b, e.NewFileTime)
	}
	imageTime := uint32(0)
	if e.Options&delta.OptionNoRebase == 0 {
		imageTime = e.NewImageTime
		b = binary.LittleEndian.AppendUint16(b, uint16(e.NewImageBase>>16))
		b = appendTime(b, imageTime, e.NewFileTime)
	}
	if e.Options&delta.OptionNoResTimeFix == 0 {
		b = appendTime(b, e.NewResTime, imageTime)
	}
	b = appendUvli(b, int64(len(target)))
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(target))
	if e.WindowBits != 0 {
		b = append(b, byte(e.WindowBits))
	}
	b = append(b, byte(len(sources)))
	var streams []byte
	for _, src := range sources {
		stream := e.stream(src, target)
		b = appendSource(b, src, len(target), len(stream))
		streams = append(streams, stream...)
	}
	b = append(b, streams...)
	return Seal(b)
}

// Seal appends the word that makes the CRC-32 of a delta come out as all ones.
func Seal(b []byte) []byte {
	// The last four bytes take the register from what the rest left in it to
	// zero, which the final inversion turns into all ones: CRC-32 is linear, and
	// a word equal to the register, low byte first, clears it.
	return binary.LittleEndian.AppendUint32(b, ^crc32.ChecksumIEEE(b))
}

func (src Source) blank() []byte {
	b := src.Normalised
	if b == nil {
		b = src.Old
	}
	return src.zeroed(b)
}

func (src Source) zeroed(b []byte) []byte {
	b = append([]byte(nil), b...)
	for _, r := range src.Ignore {
		clear(b[r.Offset : r.Offset+r.Length])
	}
	for _, r := range src.Retain {
		clear(b[r.OldOffset : r.OldOffset+r.Length])
	}
	return b
}

func (e Encoder) stream(src Source, target []byte) []byte {
	reference := src.Reference
	if reference == nil {
		reference = src.blank()
	}
	if string(reference) == string(target) {
		return nil
	}
	bits := e.WindowBits
	if bits == 0 {
		bits = windowBits(len(reference), len(target), e.Options&delta.OptionLarge != 0)
	}
	return compress(reference, target, bits, e.Stored)
}

func windowBits(oldSize, newSize int, large bool) int {
	most := 23
	if large {
		most = 25
	}
	need := (oldSize+32767)&^32767 + newSize
	n := 17
	for n < most && 1<<n < need {
		n++
	}
	return n
}

func appendSource(b []byte, src Source, newSize, streamSize int) []byte {
	b = appendSvli(b, int64(len(src.Old)-newSize))
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(src.blank()))
	b = append(b, byte(len(src.Ignore)))
	end := int64(0)
	for _, r := range src.Ignore {
		b = appendSvli(b, r.Offset-end)
		b = appendUvli(b, r.Length)
		end = r.Offset + r.Length
	}
	b = append(b, byte(len(src.Retain)))
	end = 0
	for _, r := range src.Retain {
		b = appendSvli(b, r.OldOffset-end)
		b = appendSvli(b, r.NewOffset-r.OldOffset)
		b = appendUvli(b, r.Length)
		end = r.OldOffset + r.Length
	}
	b = appendUvli(b, int64(len(src.Rifts)))
	var last delta.Rift
	for _, r := range src.Rifts {
		b = appendUvli(b, int64(r.Old-last.Old))
		b = appendSvli(b, int64(int32(r.New-last.New)))
		last = r
	}
	return appendUvli(b, int64(streamSize))
}

func appendTime(b []byte, t, before uint32) []byte {
	if before == 0 {
		return binary.LittleEndian.AppendUint32(b, t)
	}
	return appendSvli(b, int64(int32(before-t)))
}

func appendUvli(b []byte, v int64) []byte {
	for ; v > 0x7f; v >>= 7 {
		b = append(b, byte(v&0x7f))
	}
	return append(b, byte(v)|0x80)
}

func appendSvli(b []byte, v int64) []byte {
	var sign byte
	if v < 0 {
		sign, v = 0x40, -v
	}
	first := byte(v&0x3f) | sign
	if v >>= 6; v == 0 {
		return append(b, first|0x80)
	}
	return appendUvli(append(b, first), v)
}
