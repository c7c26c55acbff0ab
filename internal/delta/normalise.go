package delta

// normalise brings a 32-bit PE image into the form in which old files were
// compared when the delta was made: what the linker, the binder or an installer
// may have changed in a file of the same build is set to fixed values. Other
// files are left as they are.
func normalise(b []byte, info *Info) {
	im := openImage(b)
	if im == nil {
		return
	}
	changed := false
	if info.Options&OptionNoRebase == 0 {
		changed = im.rebase(info.NewImageBase, info.NewImageTime) || changed
	}
	if info.Options&OptionNoBindFix == 0 {
		changed = im.unbind() || changed
	}
	if info.Options&OptionNoLockFix == 0 {
		changed = im.unlock() || changed
	}
	switch {
	case info.Options&OptionNoChecksum != 0:
		im.put32(im.optional+optCheckSum, 0)
	case changed:
		im.put32(im.optional+optCheckSum, 0)
		im.put32(im.optional+optCheckSum, imageChecksum(b))
	}
}

// rebase gives the image another time stamp and another preferred address.
func (im *image) rebase(base, time uint32) bool {
	changed := false
	if at := im.header + 8; im.u32(at) != time {
		im.put32(at, time)
		changed = true
	}
	if im.base == base {
		return changed
	}
	delta := base - im.base
	skip := -1
	im.eachReloc(func(entry int, typ uint16, rva uint32) {
		if entry == skip {
			return
		}
		off := im.offset(rva)
		switch typ {
		case relBasedHigh:
			if off >= 0 {
				im.put16(off, uint16((uint32(im.u16(off))<<16+delta)>>16))
			}
		case relBasedLow:
			if off >= 0 {
				im.put16(off, im.u16(off)+uint16(delta))
			}
		case relBasedHighLow:
			if off >= 0 {
				im.put32(off, im.u32(off)+delta)
			}
		case relBasedHighAdj:
			// The next entry is the low half of the address.
			skip = entry + 2
			if off >= 0 {
				low := int32(int16(im.u16(skip)))
				v := uint32(im.u16(off))<<16 + uint32(low) + delta + 0x8000
				im.put16(off, uint16(v>>16))
			}
		}
	})
	im.put32(im.optional+optImageBase, base)
	im.base = base
	return true
}

// unbind removes what bind.exe adds: resolved addresses in the import tables.
func (im *image) unbind() bool {
	changed := false
	if entry := im.dirEntry(dirBoundImport); entry >= 0 && im.u32(entry) != 0 {
		if _, off, size := im.directory(dirBoundImport); off >= 0 {
			clear(im.b[off : off+size])
		}
		im.put32(entry, 0)
		im.put32(entry+4, 0)
		changed = true
	}
	thunks := len(im.b) / 4
	for _, d := range im.imports() {
		if im.u32(d.off+importTimeDateStamp) == 0 {
			continue
		}
		changed = true
		im.put32(d.off+importTimeDateStamp, 0)
		im.put32(d.off+importForwarderChain, 0)
		from, to := im.offset(im.u32(d.off+importOriginalFirstThunk)), im.offset(im.u32(d.off+importFirstThunk))
		if im.u32(d.off+importOriginalFirstThunk) == 0 || from < 0 || to < 0 {
			continue
		}
		for ; thunks > 0 && im.fits(from, 4) && im.fits(to, 4) && im.u32(from) != 0; thunks-- {
			im.put32(to, im.u32(from))
			from, to = from+4, to+4
		}
	}
	const readWrite = scnMemRead | scnMemWrite
	for _, s := range im.sections {
		if s.name == ".idata" && s.characteristics&readWrite != readWrite {
			im.put32(s.header+36, s.characteristics|readWrite)
			changed = true
		}
	}
	return changed
}

// unlock restores the LOCK prefixes that are patched away for machines with one
// processor: IMAGE_LOAD_CONFIG_DIRECTORY32.LockPrefixTable.
func (im *image) unlock() bool {
	const (
		lockPrefixTable = 32
		lockPrefix      = 0xf0
	)
	_, config, size := im.directory(dirLoadConfig)
	if config < 0 || size < lockPrefixTable+4 {
		return false
	}
	table := im.u32(config + lockPrefixTable)
	if table < im.base {
		return false
	}
	off := im.offset(table - im.base)
	if off < 0 {
		return false
	}
	changed := false
	for ; im.fits(off, 4) && im.u32(off) != 0; off += 4 {
		at := im.offset(im.u32(off) - im.base)
		if at >= 0 && im.b[at] != lockPrefix {
			im.b[at] = lockPrefix
			changed = true
		}
	}
	return changed
}

// imageChecksum is the sum that imagehlp computes: 16-bit words added with
// carry, plus the size of the file. The CheckSum field must be zero.
func imageChecksum(b []byte) uint32 {
	var sum uint32
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(b[i]) | uint32(b[i+1])<<8
		sum = sum&0xffff + sum>>16
	}
	if len(b)%2 != 0 {
		sum += uint32(b[len(b)-1])
		sum = sum&0xffff + sum>>16
	}
	return sum + uint32(len(b))
}
