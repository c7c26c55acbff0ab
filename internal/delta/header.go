package delta

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
)

// Options are the flags of a delta's header, with the names that the Windows
// SDK gives them (PATCH_OPTION_…, patchapi.h).
type Options uint32

const (
	OptionLZXA          Options = 0x00000001
	OptionLZXB          Options = 0x00000002
	OptionLarge         Options = 0x00000004 // window of up to 32 MiB
	OptionNoBindFix     Options = 0x00010000
	OptionNoLockFix     Options = 0x00020000
	OptionNoRebase      Options = 0x00040000
	OptionFailIfSame    Options = 0x00080000
	OptionFailIfBigger  Options = 0x00100000
	OptionNoChecksum    Options = 0x00200000
	OptionNoResTimeFix  Options = 0x00400000
	OptionTimestamp     Options = 0x00800000 // PATCH_OPTION_NO_TIMESTAMP, inverted in the file
	OptionInterleaved   Options = 0x40000000
	optionExtendedFlags Options = 0x80000000
)

// ExtendedOptions are the second word of flags, present when the header says so
// (PATCH_TRANSFORM_…, patchapi.h).
type ExtendedOptions uint32

const (
	TransformNoRelocs   ExtendedOptions = 0x00000001
	TransformNoImports  ExtendedOptions = 0x00000002
	TransformNoExports  ExtendedOptions = 0x00000004
	TransformNoRelJmps  ExtendedOptions = 0x00000008
	TransformNoRelCalls ExtendedOptions = 0x00000010
	TransformNoResource ExtendedOptions = 0x00000020
	TransformResource2  ExtendedOptions = 0x00000100
	TransformIReloc2    ExtendedOptions = 0x00000200
	extendedWindow      ExtendedOptions = 0x00010000
)

// Limits of the algorithm: an old file above them was encoded in pieces
// ("interleaved"), whether or not a flag says so.
const (
	maxOldSize     = 8 << 20
	minWindowBits  = 17
	maxWindowBits  = 23
	maxWindowLarge = 25
)

// MaxOldSize is the size in bytes of the largest old file that Apply takes.
const MaxOldSize = 32 << 20

// Info is what the header of a delta says.
type Info struct {
	Format       string // "PA19"; "PA30" or "PA31" with ErrAlgorithm
	Options      Options
	Extended     ExtendedOptions
	NewFileTime  uint32 // seconds since 1970, 0 when absent
	NewImageBase uint32 // preferred address of the new image; meaningful unless OptionNoRebase is set
	NewImageTime uint32 // TimeDateStamp of the new image; meaningful unless OptionNoRebase is set
	NewResTime   uint32 // TimeDateStamp of the new image's resources; meaningful unless OptionNoResTimeFix is set
	NewSize      int64  // bytes
	NewCRC       uint32 // CRC-32 of the new file, its retained ranges zeroed
	WindowBits   int    // base-2 logarithm of the LZX window when the header states it, else 0
	Sources      []Source
}

// Source is one old file that a delta can be applied to.
type Source struct {
	OldSize    int64  // bytes
	OldCRC     uint32 // CRC-32 of the normalised file, ignored and retained ranges zeroed
	Ignore     []Range
	Retain     []RetainRange
	Rifts      []Rift
	StreamSize int64 // bytes; 0: the new file is the normalised old one

	interleaved  bool
	streamOffset int64
}

// Range is a part of the old file whose content does not matter.
type Range struct{ Offset, Length int64 }

// RetainRange is a part of the old file that the new file keeps.
type RetainRange struct{ OldOffset, NewOffset, Length int64 }

// Rift says that relative virtual addresses of the old image from Old onwards
// became New onwards in the new image, up to the next rift.
type Rift struct{ Old, New uint32 }

// Inspect reads the header of a delta and checks the CRC-32 over the whole of
// it. For a PA30 or PA31 delta it returns an Info that holds only Format, and
// ErrAlgorithm. An interleaved delta is described without an error; Apply
// refuses it.
func Inspect(delta []byte) (*Info, error) {
	if len(delta) < 4 {
		return nil, fmt.Errorf("delta: %d bytes: %w", len(delta), ErrTruncated)
	}
	switch format := Format(delta); format {
	case "PA19":
	case "PA30", "PA31":
		return &Info{Format: format}, fmt.Errorf("delta: %s (msdelta): %w", format, ErrAlgorithm)
	default:
		return nil, fmt.Errorf("delta: signature %q: %w", delta[:4], ErrFormat)
	}
	r := &reader{b: delta, pos: 4}
	info := r.header()
	if r.err != nil {
		return nil, fmt.Errorf("delta: header: %w", r.err)
	}
	// The last word makes the CRC-32 of the whole file come out as all ones.
	if got := crc32.ChecksumIEEE(delta); got != math.MaxUint32 {
		return nil, fmt.Errorf("delta: CRC-32 over all %d bytes is %08x, want %08x: %w", len(delta), got, uint32(math.MaxUint32), ErrChecksum)
	}
	return info, nil
}

// Format names the delta format that the first bytes of a file show, "PA19",
// "PA30" or "PA31", and is empty for anything else: a whole file.
func Format(head []byte) string {
	for _, magic := range []string{"PA19", "PA30", "PA31"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return magic
		}
	}
	return ""
}

// NewSize returns the size in bytes of the new file, which stands among the first
// 40 bytes of a PA19 delta; ok is false where head does not hold it.
func NewSize(head []byte) (size int64, ok bool) {
	if Format(head) != "PA19" {
		return 0, false
	}
	r := &reader{b: head, pos: 4}
	info := r.start()
	return info.NewSize, r.err == nil
}

// Interleaved reports whether one of the sources is encoded in pieces, which
// Apply refuses.
func (info *Info) Interleaved() bool {
	for i := range info.Sources {
		if info.refuse(&info.Sources[i]) != nil {
			return true
		}
	}
	return false
}

func (info *Info) refuse(src *Source) error {
	limit := int64(maxOldSize)
	if info.Options&OptionLarge != 0 {
		limit = MaxOldSize
	}
	if src.interleaved || src.OldSize > limit {
		return fmt.Errorf("delta: interleaved delta for an old file of %d bytes: %w", src.OldSize, ErrAlgorithm)
	}
	return nil
}

// reader reads the header. The first error sticks; reads after it yield zero.
type reader struct {
	b   []byte
	pos int
	err error
}

func (r *reader) header() *Info {
	info := r.start()
	info.NewCRC = r.u32()
	if info.Extended&extendedWindow != 0 {
		info.WindowBits = int(r.u8())
		if info.WindowBits < minWindowBits || info.WindowBits > maxWindowLarge {
			r.fail(fmt.Errorf("window of 2^%d bytes: %w", info.WindowBits, ErrFormat))
		}
	}
	count := int(r.u8())
	if count == 0 && r.err == nil {
		r.fail(fmt.Errorf("no source: %w", ErrFormat))
	}
	for range count {
		if r.err != nil {
			return nil
		}
		info.Sources = append(info.Sources, r.source(info))
	}
	const trailer = 4
	offset := int64(r.pos)
	for i := range info.Sources {
		src := &info.Sources[i]
		src.streamOffset = offset
		offset += src.StreamSize
	}
	if want, got := offset+trailer, int64(len(r.b)); r.err == nil && want != got {
		if want > got {
			r.fail(fmt.Errorf("streams end at %d, the delta at %d: %w", want, got, ErrTruncated))
		} else {
			r.fail(fmt.Errorf("%d bytes after the last stream: %w", got-want, ErrFormat))
		}
	}
	return info
}

// start reads the header up to the size of the new file.
func (r *reader) start() *Info {
	info := &Info{Format: "PA19", Options: Options(r.u32())}
	if info.Options&optionExtendedFlags != 0 {
		info.Extended = ExtendedOptions(r.u32())
	}
	if info.Options&OptionTimestamp != 0 {
		info.NewFileTime = r.u32()
	}
	if info.Options&OptionNoRebase == 0 {
		info.NewImageBase = uint32(r.u16()) << 16
		info.NewImageTime = r.timeBefore(info.NewFileTime)
	}
	if info.Options&OptionNoResTimeFix == 0 {
		info.NewResTime = r.timeBefore(info.NewImageTime)
	}
	info.NewSize = r.uvli()
	return info
}

// timeBefore reads a time that is stored as its distance to another, if there is another.
func (r *reader) timeBefore(t uint32) uint32 {
	if t == 0 {
		return r.u32()
	}
	return t - uint32(r.svli())
}

func (r *reader) source(info *Info) Source {
	var src Source
	src.OldSize = info.NewSize + r.svli()
	src.OldCRC = r.u32()
	if src.OldSize < 0 || src.OldSize > math.MaxUint32 {
		r.fail(fmt.Errorf("old file of %d bytes: %w", src.OldSize, ErrFormat))
	}
	src.Ignore = r.ignoreRanges(src.OldSize)
	src.Retain = r.retainRanges(src.OldSize, info.NewSize)
	src.Rifts = r.rifts()
	if info.Options&OptionInterleaved != 0 {
		src.interleaved = r.interleaveMap()
	}
	src.StreamSize = r.uvli()
	return src
}

func (r *reader) ignoreRanges(oldSize int64) []Range {
	var ranges []Range
	end := int64(0)
	for range int(r.u8()) {
		x := Range{Offset: end + r.svli(), Length: r.uvli()}
		end = x.Offset + x.Length
		if x.Offset < 0 || end > oldSize {
			r.fail(fmt.Errorf("ignored range %d+%d in %d bytes: %w", x.Offset, x.Length, oldSize, ErrFormat))
		}
		ranges = append(ranges, x)
	}
	return ranges
}

func (r *reader) retainRanges(oldSize, newSize int64) []RetainRange {
	var ranges []RetainRange
	end := int64(0)
	for range int(r.u8()) {
		var x RetainRange
		x.OldOffset = end + r.svli()
		x.NewOffset = x.OldOffset + r.svli()
		x.Length = r.uvli()
		end = x.OldOffset + x.Length
		if x.OldOffset < 0 || x.NewOffset < 0 || end > oldSize || x.NewOffset+x.Length > newSize {
			r.fail(fmt.Errorf("retained range %d+%d in %d bytes, %d in %d bytes: %w", x.OldOffset, x.Length, oldSize, x.NewOffset, newSize, ErrFormat))
		}
		ranges = append(ranges, x)
	}
	return ranges
}

func (r *reader) rifts() []Rift {
	n := r.count()
	var rifts []Rift
	var last Rift
	for range n {
		step := r.uvli()
		if step > math.MaxUint32-int64(last.Old) {
			r.fail(fmt.Errorf("rift table leaves the address space: %w", ErrFormat))
			return nil
		}
		last.Old += uint32(step)
		last.New += uint32(r.svli())
		rifts = append(rifts, last)
	}
	return rifts
}

// interleaveMap skips the table that says which piece of the old file serves
// which piece of the new one.
func (r *reader) interleaveMap() bool {
	n := r.count()
	for i := range n {
		r.svli()
		r.svli()
		if i < n-1 {
			r.svli()
		}
	}
	return n > 0
}

// count reads a number of entries of at least two bytes each.
func (r *reader) count() int64 {
	n := r.uvli()
	if n > int64(len(r.b)-r.pos)/2 {
		r.fail(fmt.Errorf("%d entries in %d bytes: %w", n, len(r.b)-r.pos, ErrTruncated))
		return 0
	}
	return n
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
		r.pos = len(r.b)
	}
}

var zeros [4]byte

func (r *reader) take(n int) []byte {
	if len(r.b)-r.pos < n {
		r.fail(fmt.Errorf("at byte %d: %w", r.pos, ErrTruncated))
		return zeros[:n]
	}
	b := r.b[r.pos : r.pos+n]
	r.pos += n
	return b
}

func (r *reader) u8() byte    { return r.take(1)[0] }
func (r *reader) u16() uint16 { return binary.LittleEndian.Uint16(r.take(2)) }
func (r *reader) u32() uint32 { return binary.LittleEndian.Uint32(r.take(4)) }

// uvli reads an unsigned number: 7 bits a byte, low bits first, the last byte
// marked by its high bit. Numbers are 32 bits at most.
func (r *reader) uvli() int64 {
	return r.groups(0, 0)
}

// svli reads a signed number: like uvli, but bit 6 of the first byte is the sign.
func (r *reader) svli() int64 {
	first := r.u8()
	v := int64(first & 0x3f)
	if first&0x80 == 0 {
		v = r.groups(v, 6)
	}
	if first&0x40 != 0 {
		return -v
	}
	return v
}

func (r *reader) groups(v int64, shift uint) int64 {
	for ; shift < 35; shift += 7 {
		b := r.u8()
		v |= int64(b&0x7f) << shift
		if b&0x80 != 0 {
			if v > math.MaxUint32 {
				break
			}
			return v
		}
		if r.err != nil {
			return 0
		}
	}
	r.fail(fmt.Errorf("number before byte %d is too large: %w", r.pos, ErrFormat))
	return 0
}
