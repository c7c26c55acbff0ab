// Package delta applies PA19 deltas, the binary patches that PatchAPI
// (mspatchc.dll, mspatcha.dll) makes and that Windows Installer patches carry
// for files of which only the difference is shipped.
//
// A delta names one or more old files by size and CRC-32 and holds, for each of
// them, an LZX DELTA stream ([MS-PATCH]) that uses the old file as reference
// data. Old files that are 32-bit PE images are first normalised (base address,
// bindings, lock prefixes, checksum) and, when the delta carries a rift table,
// rewritten so that addresses in them match those of the new file.
//
// Every result is checked against the CRC-32 that the delta states; a result
// that differs is never returned. The package is safe on hostile input: memory
// stays below three times the old file plus the new one.
package delta

import (
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/hotfixkit/hotfixkit/internal/codec/lzx"
)

var (
	// ErrFormat reports bytes that are not a delta, or a delta that contradicts itself.
	ErrFormat = errors.New("not a valid delta")
	// ErrTruncated reports a delta that ends before its parts do.
	ErrTruncated = errors.New("delta is cut off")
	// ErrChecksum reports a delta, or a result, whose CRC-32 is wrong.
	ErrChecksum = errors.New("checksum mismatch")
	// ErrAlgorithm reports a delta of a kind that is known and cannot be
	// applied: PA30, PA31 (msdelta) and interleaved PA19.
	ErrAlgorithm = errors.New("unsupported delta format")
	// ErrSource reports an old file that the delta was not made for.
	ErrSource = errors.New("delta does not fit the old file")
)

// Apply returns the new file that delta makes of old. It fails with ErrSource
// when old is none of the files that the delta was made for, and with
// ErrChecksum when the delta is damaged. Neither argument is changed.
func Apply(old, delta []byte) ([]byte, error) {
	info, err := Inspect(delta)
	if err != nil {
		return nil, err
	}
	reference, src, err := info.reference(old)
	if err != nil {
		return nil, err
	}
	if err := info.refuse(src); err != nil {
		return nil, err
	}
	if len(src.Rifts) > 0 {
		transform(reference, info, src.Rifts)
	}
	stream := delta[src.streamOffset : src.streamOffset+src.StreamSize]
	out, err := decode(stream, reference, info)
	if err != nil {
		return nil, err
	}
	if got := crc32.ChecksumIEEE(out); got != info.NewCRC {
		return nil, fmt.Errorf("delta: result has CRC-32 %08x, want %08x: %w", got, info.NewCRC, ErrChecksum)
	}
	for _, r := range src.Retain {
		copy(out[r.NewOffset:r.NewOffset+r.Length], old[r.OldOffset:r.OldOffset+r.Length])
	}
	return out, nil
}

// decode expands one stream. An empty stream stands for the reference itself,
// unless the new file is empty.
func decode(stream, reference []byte, info *Info) ([]byte, error) {
	if info.NewSize == 0 {
		return []byte{}, nil
	}
	if len(stream) == 0 {
		if int64(len(reference)) != info.NewSize {
			return nil, fmt.Errorf("delta: empty stream, but the sizes of old (%d) and new file (%d) differ: %w", len(reference), info.NewSize, ErrFormat)
		}
		return reference, nil
	}
	bits := info.WindowBits
	if bits == 0 {
		bits = windowBits(int64(len(reference)), info.NewSize, info.Options&OptionLarge != 0)
	}
	out, err := lzx.DecodeDelta(stream, info.NewSize, lzx.DeltaOptions{Reference: reference, WindowBits: bits, Large: true})
	if err != nil {
		return nil, fmt.Errorf("delta: stream of %d bytes: %w", len(stream), err)
	}
	return out, nil
}

// windowBits returns the base-2 logarithm of the LZX window, which follows from
// the sizes of the files: the smallest that holds both, the old one in whole
// frames, or else the largest that there is.
func windowBits(oldSize, newSize int64, large bool) int {
	const frame = 32768
	most := maxWindowBits
	if large {
		most = maxWindowLarge
	}
	need := (oldSize+frame-1)/frame*frame + newSize
	bits := minWindowBits
	for bits < most && 1<<bits < need {
		bits++
	}
	return bits
}

// reference finds the source that old is, and returns a normalised copy of old
// with its ignored and retained ranges zeroed.
func (info *Info) reference(old []byte) ([]byte, *Source, error) {
	var tried []uint32
	for i := range info.Sources {
		src := &info.Sources[i]
		if src.OldSize != int64(len(old)) {
			continue
		}
		buf := make([]byte, len(old))
		copy(buf, old)
		normalise(buf, info)
		for _, r := range src.Ignore {
			clear(buf[r.Offset : r.Offset+r.Length])
		}
		for _, r := range src.Retain {
			clear(buf[r.OldOffset : r.OldOffset+r.Length])
		}
		got := crc32.ChecksumIEEE(buf)
		if got == src.OldCRC {
			return buf, src, nil
		}
		tried = append(tried, got)
	}
	return nil, nil, fmt.Errorf("delta: old file of %d bytes%s; the delta is for %s: %w", len(old), foundCRC(tried), info.wanted(), ErrSource)
}

func foundCRC(tried []uint32) string {
	if len(tried) == 0 {
		return ""
	}
	return fmt.Sprintf(" (CRC-32 %08x)", tried[0])
}

// wanted lists the sources for a message.
func (info *Info) wanted() string {
	const most = 4
	s := ""
	for i, src := range info.Sources {
		if i == most {
			return s + fmt.Sprintf(" and %d more", len(info.Sources)-most)
		}
		if i > 0 {
			s += " or "
		}
		s += fmt.Sprintf("%d bytes (CRC-32 %08x)", src.OldSize, src.OldCRC)
	}
	return s
}
