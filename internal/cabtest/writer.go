package cabtest

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/klauspost/compress/flate"

	"github.com/hotfixkit/hotfixkit/internal/codec"
	"github.com/hotfixkit/hotfixkit/msi/cab"
)

// WriterOptions say how cabinets are written. The zero value makes one cabinet
// with one stored folder.
type WriterOptions struct {
	// Compression of the first folder: None or MSZIP.
	Compression cab.Compression
	// SetID is the number that the volumes of a set share.
	SetID uint16
	// HeaderReserve, at most 60,000 bytes, is written into the header.
	HeaderReserve []byte
	// FolderReserve and DataReserve, at most 255 bytes each, are written into
	// each folder and each block.
	FolderReserve, DataReserve []byte
	// NoChecksums leaves the checksum of every block 0 (absent).
	NoChecksums bool
	// BlockSize is the number of bytes per block before compression, at most
	// 32,768, which 0 stands for. Few readers other than ours know other sizes.
	BlockSize int

	// VolumeSize is the largest size of one cabinet in bytes; 0 means one
	// cabinet of any size. Where it is set, VolumeName gives the file name and
	// the disk label of each volume, counted from 0, and OpenVolume says where the
	// volumes from number 1 on are written; number 0 goes to NewWriter's argument.
	// Where a member runs into the next volume, Microsoft's tools let the member
	// after it start a folder, and cabextract relies on that: use NextFolder there.
	VolumeSize int64
	VolumeName func(index int) (cabinet, disk string)
	OpenVolume func(index int) (io.Writer, error)
}

// FileHeader describes a member to be written.
type FileHeader struct {
	// Name is written as it is, with AttrUTF8 set when it is not ASCII. A
	// backslash separates folders.
	Name string
	// RawName, if set, is written in place of Name, for names in a code page.
	RawName string
	// Modified is written as DOS time, UTC, rounded down to two seconds; the zero
	// time becomes 0.
	Modified   time.Time
	Attributes cab.Attributes
}

// A Writer writes a cabinet or a set of them. It keeps the compressed data in
// memory and writes them on Close. The same calls give the same bytes.
type Writer struct {
	out     io.Writer
	options WriterOptions
	err     error

	folders []*writerFolder
	pending []byte // of the last folder, less than a block
	history []byte // before pending
	packer  *flate.Writer
	files   int
}

type writerFolder struct {
	compression cab.Compression
	blocks      []writerBlock
	size        int64
	files       []writerFile
	listed      int // files that are in a volume
}

type writerBlock struct {
	payload []byte
	size    int
}

type writerFile struct {
	name         string
	attributes   cab.Attributes
	date, clock  uint16
	offset, size int64
	first, last  int // blocks; the same one for an empty file
}

// NewWriter returns a Writer to w. Mistakes in o are reported by the first call.
func NewWriter(w io.Writer, o WriterOptions) *Writer {
	if o.BlockSize == 0 {
		o.BlockSize = codec.MaxBlock
	}
	writer := &Writer{out: w, options: o}
	switch {
	case o.BlockSize < 0 || o.BlockSize > codec.MaxBlock:
		writer.err = fmt.Errorf("cabtest: %w: block size %d", cab.ErrLimit, o.BlockSize)
	case len(o.HeaderReserve) > 60000:
		writer.err = fmt.Errorf("cabtest: %w: %d reserved bytes in the header", cab.ErrLimit, len(o.HeaderReserve))
	case len(o.FolderReserve) > 255 || len(o.DataReserve) > 255:
		writer.err = fmt.Errorf("cabtest: %w: more than 255 reserved bytes in a folder or block", cab.ErrLimit)
	case o.VolumeSize != 0 && (o.VolumeName == nil || o.OpenVolume == nil):
		writer.err = fmt.Errorf("cabtest: %w: volumes without names", cab.ErrVolume)
	}
	writer.startFolder(o.Compression)
	return writer
}

func (w *Writer) startFolder(c cab.Compression) {
	if c != cab.None && c != cab.MSZIP && w.err == nil {
		w.err = fmt.Errorf("cabtest: %w: %v cannot be written", cab.ErrAlgorithm, c)
	}
	w.folders = append(w.folders, &writerFolder{compression: c})
	w.history = nil
}

// NextFolder ends the folder and starts another one with this compression. A
// folder that got no member is dropped.
func (w *Writer) NextFolder(c cab.Compression) error {
	if w.err == nil {
		w.err = w.endBlock()
	}
	if last := len(w.folders) - 1; len(w.folders[last].files) == 0 {
		w.folders = w.folders[:last]
	}
	w.startFolder(c)
	return w.err
}

// Add appends a member with the content of r.
func (w *Writer) Add(h FileHeader, r io.Reader) error {
	if w.err == nil {
		w.err = w.add(h, r)
	}
	return w.err
}

func (w *Writer) add(h FileHeader, r io.Reader) error {
	f := writerFile{name: h.Name, attributes: h.Attributes &^ cab.AttrUTF8}
	if h.RawName != "" {
		f.name = h.RawName
	} else if !isASCII(h.Name) {
		f.attributes |= cab.AttrUTF8
	}
	if len(f.name) > maxName {
		return fmt.Errorf("cabtest: %w: a name of %d bytes", cab.ErrLimit, len(f.name))
	}
	if t := h.Modified.UTC(); !h.Modified.IsZero() {
		if t.Year() < 1980 || t.Year() > 2107 {
			return fmt.Errorf("cabtest: %w: file %q: the year %d", cab.ErrLimit, h.Name, t.Year())
		}
		f.date = uint16((t.Year()-1980)<<9 | int(t.Month())<<5 | t.Day())
		f.clock = uint16(t.Hour()<<11 | t.Minute()<<5 | t.Second()/2)
	}
	if w.files++; w.files > math.MaxUint16 {
		return fmt.Errorf("cabtest: %w: more than 65535 files", cab.ErrLimit)
	}

	folder := w.folders[len(w.folders)-1]
	f.offset = folder.size
	for {
		if w.pending == nil {
			w.pending = make([]byte, 0, w.options.BlockSize)
		}
		n, err := io.ReadFull(r, w.pending[len(w.pending):cap(w.pending)])
		w.pending = w.pending[:len(w.pending)+n]
		folder.size += int64(n)
		if folder.size > math.MaxUint32 {
			return fmt.Errorf("cabtest: %w: a folder of more than 4 GiB", cab.ErrLimit)
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			break
		}
		if err != nil {
			return err
		}
		if err := w.endBlock(); err != nil {
			return err
		}
	}
	f.size = folder.size - f.offset
	f.first = int(f.offset / int64(w.options.BlockSize))
	f.last = int(max(f.offset, folder.size-1) / int64(w.options.BlockSize))
	folder.files = append(folder.files, f)
	return nil
}

// endBlock makes a block of the pending bytes.
func (w *Writer) endBlock() error {
	if len(w.pending) == 0 {
		return nil
	}
	folder := w.folders[len(w.folders)-1]
	b := writerBlock{payload: w.pending, size: len(w.pending)}
	if folder.compression == cab.MSZIP {
		var err error
		if b.payload, err = w.pack(w.pending); err != nil {
			return err
		}
		// [MS-MCI]: a block may refer to the 32 KiB before it.
		w.history = append(w.history, w.pending...)
		w.history = w.history[max(len(w.history)-codec.MaxBlock, 0):]
	}
	w.pending = nil
	if folder.blocks = append(folder.blocks, b); len(folder.blocks) > math.MaxUint16 {
		return fmt.Errorf("cabtest: %w: more than 65535 blocks in a folder", cab.ErrLimit)
	}
	return nil
}

// pack compresses one MSZIP block.
func (w *Writer) pack(p []byte) ([]byte, error) {
	packed := bytes.NewBufferString("CK")
	if w.packer == nil {
		var err error
		if w.packer, err = flate.NewWriter(nil, flate.BestCompression); err != nil {
			return nil, err
		}
	}
	w.packer.ResetDict(packed, w.history)
	if _, err := w.packer.Write(p); err != nil {
		return nil, err
	}
	err := w.packer.Close()
	return packed.Bytes(), err
}

// Close writes the cabinet or the set.
func (w *Writer) Close() error {
	if w.err != nil {
		return w.err
	}
	if w.err = w.endBlock(); w.err != nil {
		return w.err
	}
	if last := len(w.folders) - 1; len(w.folders[last].files) == 0 {
		w.folders = w.folders[:last]
	}
	var volumes []*writerVolume
	if volumes, w.err = w.layOut(); w.err != nil {
		return w.err
	}
	for i, v := range volumes {
		if w.err = w.writeVolume(i, v, i == len(volumes)-1); w.err != nil {
			return w.err
		}
	}
	w.err = fmt.Errorf("cabtest: the writer is closed")
	return nil
}

func isASCII(s string) bool {
	for _, b := range []byte(s) {
		if b >= 0x80 {
			return false
		}
	}
	return true
}
