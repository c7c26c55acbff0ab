package delta

import (
	"math"
	"slices"
	"sort"
)

// transform rewrites the addresses in a normalised i386 image so that they
// become those of the new image: what a linker moved no longer differs, and the
// stream that follows stays small. Other files are left as they are.
func transform(b []byte, info *Info, rifts []Rift) {
	im := openImage(b)
	if im == nil || im.machine != peMachineI386 {
		return
	}
	t := &transformer{image: im, info: info, rifts: rifts}
	t.initHints()

	steps := []struct {
		off ExtendedOptions
		do  func()
	}{
		{TransformNoRelocs, t.relocs},
		{TransformNoImports, t.imports},
		{TransformNoExports, t.exports},
		{TransformNoRelJmps, t.jumps},
		{TransformNoRelCalls, t.calls},
		{TransformNoResource, t.resources},
	}
	if info.Extended&(TransformResource2|TransformIReloc2) != 0 {
		relocs, imports, exports, jumps, calls, resources := steps[0], steps[1], steps[2], steps[3], steps[4], steps[5]
		steps = append(steps[:0], imports, exports, resources, relocs, jumps, calls)
	}
	for _, s := range steps {
		if info.Extended&s.off == 0 {
			s.do()
		}
	}
}

// transformer holds, besides the image, one hint for every byte of the file: a
// byte with a hint is not the start of a jump or call.
type transformer struct {
	*image
	info  *Info
	rifts []Rift
	hints []byte
}

const (
	hintData      = 1 // not code
	hintDirectory = 2 // header or data directory
)

func (t *transformer) initHints() {
	t.hints = make([]byte, len(t.b))
	for _, s := range t.sections {
		if s.characteristics&scnMemExecute == 0 {
			t.hint(int(s.raw), int(s.rawSize), hintData)
		}
	}
	t.hint(0, int(min(int64(t.sizeOfHeaders), int64(len(t.b)))), hintData|hintDirectory)
	for n := range t.dirCount {
		if _, off, size := t.directory(n); off >= 0 {
			t.hint(off, size, hintData|hintDirectory)
		}
	}
}

func (t *transformer) hint(off, size int, h byte) {
	end := min(off+size, len(t.hints))
	for i := max(off, 0); i < end; i++ {
		t.hints[i] |= h
	}
}

// moved returns the new address of an old one.
func (t *transformer) moved(rva uint32) uint32 {
	i := sort.Search(len(t.rifts), func(i int) bool { return t.rifts[i].Old > rva })
	if i == 0 {
		return rva
	}
	r := t.rifts[i-1]
	return rva + r.New - r.Old
}

func (t *transformer) mapAt(off int) {
	if v := t.u32(off); v != 0 {
		t.put32(off, t.moved(v))
	}
}

// relocs maps the addresses that base relocations point to, then writes the
// relocation directory anew, for the places themselves move as well.
func (t *transformer) relocs() {
	rva, dir, _ := t.directory(dirBaseReloc)
	if dir < 0 {
		t.inferredRelocs()
		return
	}
	// A relocation takes two bytes itself and adjusts four others: what claims to
	// hold more of them is not an image, and may not take the memory.
	count := 0
	t.eachReloc(func(int, uint16, uint32) { count++ })
	most := min(count, len(t.b)/6)
	// Address above, type below: the directory is sorted by address.
	entries := make([]uint64, 0, most)
	t.eachReloc(func(_ int, typ uint16, rva uint32) {
		if typ == relBasedAbsolute || len(entries) == most {
			return
		}
		if typ == relBasedHighLow {
			if off := t.offset(rva); t.fits(off, 4) {
				t.put32(off, t.base+t.moved(t.u32(off)-t.base))
				t.hint(off, 4, hintData)
			}
		}
		entries = append(entries, uint64(t.moved(rva))<<16|uint64(typ))
	})
	slices.Sort(entries)
	end := len(t.b)
	if s := t.sectionOf(rva); s != nil {
		end = int(s.raw + s.rawSize)
	}
	t.writeRelocs(dir, end, entries)
}

// writeRelocs writes relocation blocks of one 4 KiB page each, as far as there is room.
func (t *transformer) writeRelocs(off, end int, entries []uint64) {
	const blockHeader = 8
	const pageMask = 0xfffff000
	for len(entries) > 0 {
		page := uint32(entries[0]>>16) & pageMask
		n := 0
		for n < len(entries) && uint32(entries[n]>>16)&pageMask == page {
			n++
		}
		size := blockHeader + (2*n+3)&^3
		if size > end-off {
			return
		}
		t.put32(off, page)
		t.put32(off+4, uint32(size))
		at := off + blockHeader
		for _, e := range entries[:n] {
			t.put16(at, uint16(e)<<12|uint16(e>>16)&0xfff)
			at += 2
		}
		if n%2 != 0 {
			t.put16(at, relBasedAbsolute)
		}
		off += size
		entries = entries[n:]
	}
}

// inferredRelocs stands in for relocs in an image without a relocation
// directory: whatever looks like an address of the image is one.
func (t *transformer) inferredRelocs() {
	for _, s := range t.sections {
		end := int(s.raw + s.rawSize)
		for off := int(s.raw); off+4 <= end; off++ {
			rva := t.u32(off) - t.base
			if rva >= t.size || t.hinted(off, 4, hintDirectory) {
				continue
			}
			t.put32(off, t.base+t.moved(rva))
			t.hint(off, 4, hintData)
			off += 3
		}
	}
}

func (t *transformer) hinted(off, n int, h byte) bool {
	for _, x := range t.hints[off : off+n] {
		if x&h != 0 {
			return true
		}
	}
	return false
}

// imports maps the addresses of names in the import tables.
func (t *transformer) imports() {
	const byOrdinal = 0x80000000
	thunks := len(t.b) / 2
	for _, d := range t.image.imports() {
		if t.u32(d.off+importTimeDateStamp) == 0 {
			for _, field := range []int{importOriginalFirstThunk, importFirstThunk} {
				rva := t.u32(d.off + field)
				if rva == 0 {
					continue
				}
				off := t.offset(rva)
				for ; thunks > 0 && t.fits(off, 4) && t.u32(off) != 0; thunks-- {
					if t.u32(off)&byOrdinal == 0 {
						t.mapAt(off)
					}
					off += 4
				}
			}
		}
		for _, field := range []int{importName, importOriginalFirstThunk, importFirstThunk} {
			t.mapAt(d.off + field)
		}
	}
}

// exports maps the addresses in the export directory: IMAGE_EXPORT_DIRECTORY.
func (t *transformer) exports() {
	const (
		exportName              = 12
		exportNumberOfFunctions = 20
		exportNumberOfNames     = 24
		exportFunctions         = 28
		exportNames             = 32
		exportNameOrdinals      = 36
	)
	_, dir, _ := t.directory(dirExport)
	if dir < 0 {
		return
	}
	for _, array := range []struct{ rva, count int }{
		{exportFunctions, exportNumberOfFunctions},
		{exportNames, exportNumberOfNames},
	} {
		off := t.offset(t.u32(dir + array.rva))
		for n := t.u32(dir + array.count); n > 0 && t.fits(off, 4); n-- {
			t.mapAt(off)
			off += 4
		}
	}
	for _, field := range []int{exportName, exportFunctions, exportNames, exportNameOrdinals} {
		t.mapAt(dir + field)
	}
}

// Instructions whose operand is a distance to another place.
const (
	opJmp    = 0xe9 // JMP rel32
	opCall   = 0xe8 // CALL rel32
	opEscape = 0x0f // with opJcc: Jcc rel32
	opJcc    = 0x80
	opJmp8   = 0xeb // JMP rel8
	opJcc8   = 0x70 // Jcc rel8
)

// jumps maps the targets of JMP and Jcc; a jump that has become short is
// written in its short form, as a linker would.
func (t *transformer) jumps() {
	t.eachBranch(func(off int) bool {
		return t.b[off] == opJmp || t.b[off]&0xf0 == opJcc && off > 0 && t.b[off-1] == opEscape
	}, func(off int, old, disp int32) {
		if old >= math.MinInt8 && old <= math.MaxInt8 {
			return
		}
		if disp < math.MinInt8 || disp > math.MaxInt8 {
			t.put32(off+1, uint32(disp))
			return
		}
		if t.b[off] == opJmp {
			t.b[off], t.b[off+1] = opJmp8, byte(disp)
			return
		}
		t.b[off-1], t.b[off] = opJcc8|t.b[off]&0x0f, byte(disp)
	})
}

// calls maps the targets of CALL.
func (t *transformer) calls() {
	t.eachBranch(func(off int) bool {
		return t.b[off] == opCall
	}, func(off int, _, disp int32) {
		t.put32(off+1, uint32(disp))
	})
}

// eachBranch scans the code byte by byte. change is told where the last byte of
// the opcode is, and the old and the new distance that follows it.
func (t *transformer) eachBranch(is func(off int) bool, change func(off int, old, disp int32)) {
	const length = 5
	for i := range t.sections {
		s := &t.sections[i]
		if s.characteristics&scnMemExecute == 0 {
			continue
		}
		end := int(s.raw + s.rawSize)
		for off := int(s.raw); off+length <= end; off++ {
			if !is(off) || t.hinted(off, length, hintData|hintDirectory) {
				continue
			}
			next := s.rva + uint32(off-int(s.raw)) + length
			old := t.u32(off + 1)
			target := next + old
			if target >= t.size {
				continue
			}
			at := t.offset(target)
			if at >= 0 && t.hints[at] != 0 {
				continue
			}
			disp := t.moved(target) - t.moved(next)
			if disp != old {
				change(off, int32(old), int32(disp))
			}
			off += length - 1
		}
	}
}

// resources maps the offsets and addresses in the resource directory.
func (t *transformer) resources() {
	rva, dir, size := t.directory(dirResource)
	if dir < 0 {
		return
	}
	w := &resourceWalk{transformer: t, rva: rva, dir: dir, size: size, entries: size / 8}
	w.directory(0, 0)
}

type resourceWalk struct {
	*transformer
	rva       uint32
	dir, size int
	entries   int // left before the tree must be a loop
}

func (w *resourceWalk) move(off uint32) uint32 {
	return w.moved(off+w.rva) - w.moved(w.rva)
}

// directory maps one IMAGE_RESOURCE_DIRECTORY and what lies below it.
func (w *resourceWalk) directory(at, depth int) {
	const (
		headerSize = 16
		entrySize  = 8
		highBit    = 0x80000000
		maxDepth   = 8
	)
	if depth > maxDepth || at+headerSize > w.size {
		return
	}
	off := w.dir + at
	if w.info.Options&OptionNoResTimeFix == 0 {
		w.put32(off+4, w.info.NewResTime)
	}
	count := int(w.u16(off+12)) + int(w.u16(off+14))
	for i := range count {
		e := off + headerSize + i*entrySize
		if w.entries == 0 || e+entrySize > w.dir+w.size {
			return
		}
		w.entries--
		if name := w.u32(e); name&highBit != 0 {
			w.put32(e, highBit|w.move(name&^highBit))
		}
		child := w.u32(e + 4)
		switch below := int(child &^ highBit); {
		case child&highBit != 0:
			w.directory(below, depth+1)
			w.put32(e+4, highBit|w.move(child&^highBit))
		case below+4 <= w.size:
			w.mapAt(w.dir + below)
			w.put32(e+4, w.move(child))
		}
	}
}
