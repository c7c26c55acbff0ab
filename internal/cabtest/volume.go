package cabtest

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/hotfixkit/hotfixkit/msi/cab"
)

// A writerVolume is what one cabinet of a set holds.
type writerVolume struct {
	folders []volumeFolder
	files   []volumeFile
	used    int64 // bytes
}

type volumeFolder struct {
	compression cab.Compression
	parts       []volumePart
}

// A volumePart is a block or a part of one.
type volumePart struct {
	payload []byte
	size    int // cbUncomp, 0 in all parts but the last
}

type volumeFile struct {
	*writerFile
	folder   int // into writerVolume.folders
	from, to bool
}

// A layout distributes folders over volumes.
type layout struct {
	w       *Writer
	limit   int64 // of a volume
	volumes []*writerVolume
	v       *writerVolume // the last of them
}

// layOut distributes the folders over volumes. [MS-CAB] 2.4 knows a folder that
// continues in the next cabinet only by a block that is split between them, so
// each border of volumes within a folder falls into a block.
func (w *Writer) layOut() ([]*writerVolume, error) {
	l := &layout{w: w, limit: math.MaxUint32}
	if w.options.VolumeSize != 0 {
		l.limit = min(l.limit, w.options.VolumeSize)
	}
	l.nextVolume()
	for _, f := range w.folders {
		for i := range f.files {
			f.files[i].first = min(f.files[i].first, max(len(f.blocks)-1, 0))
			f.files[i].last = min(f.files[i].last, max(len(f.blocks)-1, 0))
		}
		if err := l.addFolder(f); err != nil {
			return nil, err
		}
	}
	return l.volumes, nil
}

// nextVolume starts a volume, and leaves room for the names of neighbours on both
// sides.
func (l *layout) nextVolume() {
	l.v = &writerVolume{used: int64(len(l.w.header(len(l.volumes), l.w.options.VolumeSize == 0)))}
	l.volumes = append(l.volumes, l.v)
}

func (l *layout) addFolder(f *writerFolder) error {
	if len(f.blocks) == 0 {
		files := f.filesFrom(0, true)
		if l.v.used+l.overhead(files, true) > l.limit && len(l.v.folders) > 0 && l.w.options.VolumeSize != 0 {
			l.nextVolume()
		}
		l.v.used += l.overhead(files, true)
		l.list(f, files, true, 0, false)
		return nil
	}
	fresh := true // no part of the folder is in the volume yet
	for i, b := range f.blocks {
		rest, cut := b.payload, false
		for {
			files := f.filesFrom(i, fresh)
			room := l.limit - l.v.used - l.overhead(files, fresh)
			n := int64(len(rest))
			whole := n <= room
			if whole && i+1 < len(f.blocks) {
				whole = n < room-l.overhead(f.filesFrom(i+1, false), false)
			}
			if !whole {
				n = min(n-1, room)
			}
			switch {
			case whole || n >= 1 && l.w.options.VolumeSize != 0:
			case i == 0 && !cut && len(l.v.folders) > 0 && l.w.options.VolumeSize != 0:
				l.nextVolume()
				continue
			default:
				return fmt.Errorf("cabtest: %w: a cabinet of %d bytes is too small", cab.ErrLimit, l.limit)
			}
			part := volumePart{payload: rest[:n]}
			if whole {
				part.size = b.size
			}
			l.place(f, files, part, fresh, i, cut)
			if fresh = !whole; whole {
				break
			}
			rest, cut = rest[n:], true
			l.nextVolume()
		}
	}
	return nil
}

// filesFrom returns the files to be listed because of block i: those that start in
// it, and in a fresh volume those that run into it too.
func (f *writerFolder) filesFrom(i int, fresh bool) []*writerFile {
	var files []*writerFile
	for j := f.listed; j < len(f.files) && f.files[j].first <= i; j++ {
		files = append(files, &f.files[j])
	}
	if fresh {
		var running []*writerFile
		for j := range f.files[:f.listed] {
			if f.files[j].last >= i {
				running = append(running, &f.files[j])
			}
		}
		files = append(running, files...)
	}
	return files
}

// overhead returns how many bytes a volume needs for a block in addition to its payload.
func (l *layout) overhead(files []*writerFile, fresh bool) int64 {
	n := dataSize + len(l.w.options.DataReserve)
	if fresh {
		n += folderSize + len(l.w.options.FolderReserve)
	}
	for _, f := range files {
		n += fileSize + len(f.name) + 1
	}
	return int64(n)
}

// place adds a part of block i to the volume. With cut, the block began in the
// volume before.
func (l *layout) place(f *writerFolder, files []*writerFile, part volumePart, fresh bool, i int, cut bool) {
	l.v.used += l.overhead(files, fresh) + int64(len(part.payload))
	folder := l.list(f, files, fresh, i, cut)
	l.v.folders[folder].parts = append(l.v.folders[folder].parts, part)
	if part.size == 0 {
		for j := range l.v.files {
			if x := &l.v.files[j]; x.folder == folder && x.last >= i {
				x.to = true
			}
		}
	}
}

// list adds files to the volume, and the folder if it is fresh. It returns the
// folder's index.
func (l *layout) list(f *writerFolder, files []*writerFile, fresh bool, i int, cut bool) int {
	if fresh {
		l.v.folders = append(l.v.folders, volumeFolder{compression: f.compression})
	}
	folder := len(l.v.folders) - 1
	for _, file := range files {
		l.v.files = append(l.v.files, volumeFile{file, folder, file.first < i || file.first == i && cut, false})
	}
	for f.listed < len(f.files) && f.files[f.listed].first <= i {
		f.listed++
	}
	return folder
}

// header returns everything of a volume before its folders, with the fields left
// zero that depend on what it holds.
func (w *Writer) header(index int, last bool) []byte {
	o := w.options
	le := binary.LittleEndian
	h := make([]byte, headerSize)
	copy(h, cab.Signature)
	h[24], h[25] = 3, 1 // versionMinor, versionMajor
	le.PutUint16(h[32:], o.SetID)
	le.PutUint16(h[34:], uint16(index))
	flags := uint16(0)
	if len(o.HeaderReserve)+len(o.FolderReserve)+len(o.DataReserve) > 0 {
		flags |= flagReservePresent
		h = le.AppendUint16(h, uint16(len(o.HeaderReserve)))
		h = append(h, byte(len(o.FolderReserve)), byte(len(o.DataReserve)))
		h = append(h, o.HeaderReserve...)
	}
	neighbour := func(index int) {
		cabinet, disk := o.VolumeName(index)
		h = append(h, cabinet+"\x00"+disk+"\x00"...)
	}
	if index > 0 {
		flags |= flagPrevCabinet
		neighbour(index - 1)
	}
	if !last {
		flags |= flagNextCabinet
		neighbour(index + 1)
	}
	le.PutUint16(h[30:], flags)
	return h
}

func (w *Writer) writeVolume(index int, v *writerVolume, last bool) error {
	o := w.options
	le := binary.LittleEndian
	head := w.header(index, last)
	le.PutUint16(head[26:], uint16(len(v.folders)))
	le.PutUint16(head[28:], uint16(len(v.files)))

	var files []byte
	for _, f := range v.files {
		folder := f.folder
		switch {
		case f.from && f.to:
			folder = folderContinuedPrevAndNext
		case f.from:
			folder = folderContinuedFromPrev
		case f.to:
			folder = folderContinuedToNext
		}
		files = le.AppendUint32(files, uint32(f.size))
		files = le.AppendUint32(files, uint32(f.offset))
		files = le.AppendUint16(files, uint16(folder))
		files = le.AppendUint16(files, f.date)
		files = le.AppendUint16(files, f.clock)
		files = le.AppendUint16(files, uint16(f.attributes))
		files = append(files, f.name+"\x00"...)
	}
	filesOffset := len(head) + len(v.folders)*(folderSize+len(o.FolderReserve))
	offset := int64(filesOffset + len(files))
	for _, f := range v.folders {
		head = le.AppendUint32(head, uint32(offset))
		head = le.AppendUint16(head, uint16(len(f.parts)))
		head = le.AppendUint16(head, uint16(f.compression))
		head = append(head, o.FolderReserve...)
		for _, p := range f.parts {
			offset += int64(dataSize + len(o.DataReserve) + len(p.payload))
		}
	}
	if offset > math.MaxUint32 || len(v.folders) > math.MaxUint16 {
		return fmt.Errorf("cabtest: %w: %d bytes in %d folders", cab.ErrLimit, offset, len(v.folders))
	}
	le.PutUint32(head[8:], uint32(offset))
	le.PutUint32(head[16:], uint32(filesOffset))

	out := w.out
	if index > 0 {
		var err error
		if out, err = o.OpenVolume(index); err != nil {
			return err
		}
	}
	if _, err := out.Write(append(head, files...)); err != nil {
		return err
	}
	for _, f := range v.folders {
		for _, p := range f.parts {
			if err := w.writeData(out, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeData writes one CFDATA.
func (w *Writer) writeData(out io.Writer, p volumePart) error {
	le := binary.LittleEndian
	h := make([]byte, 4, dataSize+len(w.options.DataReserve))
	h = le.AppendUint16(h, uint16(len(p.payload)))
	h = le.AppendUint16(h, uint16(p.size))
	h = append(h, w.options.DataReserve...)
	if !w.options.NoChecksums {
		le.PutUint32(h, checksum(p.payload)^checksum(h[4:]))
	}
	if _, err := out.Write(h); err != nil {
		return err
	}
	_, err := out.Write(p.payload)
	return err
}
