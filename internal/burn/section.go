package burn

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/hotfixkit/hotfixkit/internal/pe"
)

// The section of a bundle (section.cpp: BURN_SECTION_HEADER). All numbers but
// the identifier have 32 bits.
const (
	sectionName    = ".wixburn"
	sectionFixed   = 48 // bytes before the sizes of the containers
	sectionMagic   = 0x00f14300
	sectionVersion = 2
	formatCabinet  = 1

	fieldVersion    = 4
	fieldStubSize   = 24
	fieldChecksum   = 28
	fieldSignature  = 32
	fieldFormat     = 40
	fieldContainers = 44

	// maxSection bounds the bytes of the section that are read: room for 4,000
	// containers, where bundles have two.
	maxSection = 16 << 10
)

var le = binary.LittleEndian

type section struct {
	stubSize int64
	// checksum, signature and signatureSize are what the headers of the program
	// held when the engine alone was signed; zero for a bundle that was not.
	checksum                 uint32
	signature, signatureSize int64
	sizes                    []int64 // of the containers
}

func parseSection(b []byte) (section, error) {
	if magic := le.Uint32(b); magic != sectionMagic {
		return section{}, fmt.Errorf("%w: the section %s starts with %#x", ErrFormat, sectionName, magic)
	}
	if version := le.Uint32(b[fieldVersion:]); version != sectionVersion {
		return section{}, fmt.Errorf("%w: section version %d, only %d is known", ErrVersion, version, sectionVersion)
	}
	if format := le.Uint32(b[fieldFormat:]); format != formatCabinet {
		return section{}, fmt.Errorf("%w: container format %d, only cabinets are known", ErrVersion, format)
	}
	s := section{
		stubSize:      int64(le.Uint32(b[fieldStubSize:])),
		checksum:      le.Uint32(b[fieldChecksum:]),
		signature:     int64(le.Uint32(b[fieldSignature:])),
		signatureSize: int64(le.Uint32(b[fieldSignature+4:])),
	}
	count := int64(le.Uint32(b[fieldContainers:]))
	b = b[sectionFixed:]
	if count < 1 || count > int64(len(b)/4) {
		return section{}, fmt.Errorf("%w: %d containers", ErrFormat, count)
	}
	for i := range count {
		s.sizes = append(s.sizes, int64(le.Uint32(b[4*i:])))
	}
	return s, nil
}

// A place is where a container is in the file.
type place struct{ offset, size int64 }

// places returns where the containers are: the first behind the stub, the others
// one after the other behind the engine.
func (s *section) places(layout *pe.Layout) ([]place, error) {
	if s.stubSize < layout.HeadersSize {
		return nil, fmt.Errorf("%w: a stub of %d bytes", ErrFormat, s.stubSize)
	}
	list := []place{{s.stubSize, s.sizes[0]}}
	end := s.stubSize + s.sizes[0]
	if s.signature != 0 {
		end = s.signature + s.signatureSize
	} else if offset, size, _ := layout.CertificateTable(); offset != 0 {
		end = offset + size
	}
	for _, size := range s.sizes[1:] {
		list = append(list, place{end, size})
		end += size
	}
	return list, nil
}

// Engine returns the engine, the program without its attached containers, as it
// was when it was signed alone, with its size in bytes. It is false for a bundle
// whose engine was not signed alone.
//
// What signing the whole changed afterwards is as it was before: the checksum,
// the entry of the certificate table and the three fields of the section that
// keep these (cache.cpp: CopyEngineWithSignatureFixup).
func (b *Bundle) Engine() (io.ReaderAt, int64, bool) {
	s := &b.section
	if s.signature == 0 || s.signatureSize == 0 {
		return nil, 0, false
	}
	// The data directories begin 32 bytes behind CheckSum in PE32, 48 in PE32+
	// ("PE Format", optional header).
	entry := b.layout.Checksum + 32 + 8*pe.DirectoryCertificate
	if b.layout.Format == pe.PE32Plus {
		entry += 16
	}
	view := &patched{r: b.r}
	view.put(b.layout.Checksum, le.AppendUint32(nil, s.checksum))
	view.put(entry, le.AppendUint32(le.AppendUint32(nil, uint32(s.signature)), uint32(s.signatureSize)))
	view.put(b.at+fieldChecksum, make([]byte, 12))
	size := s.signature + s.signatureSize
	return io.NewSectionReader(view, 0, size), size, true
}

// patched reads r with some bytes replaced.
type patched struct {
	r       io.ReaderAt
	patches []patch
}

type patch struct {
	offset int64
	bytes  []byte
}

func (p *patched) put(offset int64, b []byte) { p.patches = append(p.patches, patch{offset, b}) }

func (p *patched) ReadAt(b []byte, offset int64) (int, error) {
	n, err := p.r.ReadAt(b, offset)
	for _, q := range p.patches {
		from, to := max(offset, q.offset), min(offset+int64(n), q.offset+int64(len(q.bytes)))
		if from < to {
			copy(b[from-offset:to-offset], q.bytes[from-q.offset:])
		}
	}
	return n, err
}
