// Package burn reads WiX Burn bundles: programs that carry installer packages in
// cabinets behind their code, and a manifest that says what is in them, what it
// hashes to and in which order it is installed.
//
// Nothing in a bundle is believed before it is checked: offsets and sizes against
// the file, the manifest against limits. Payload names are handed out as they are
// written; the caller must check them before they become names on a disk.
//
// Sources of the format facts: the WiX Toolset's StubSection.cpp, section.cpp,
// BurnCommon.cs and cache.cpp, and real bundles of the versions 3 to 5.
package burn

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"

	"github.com/hotfixkit/hotfixkit/internal/pe"
	"github.com/hotfixkit/hotfixkit/msi/cab"
)

// The classes of errors, to be tested with errors.Is.
var (
	// ErrNotBundle means that the program is not a Burn bundle.
	ErrNotBundle = errors.New("not a Burn bundle")
	// ErrFormat means that the bundle contradicts itself or the format.
	ErrFormat = errors.New("damaged Burn bundle")
	// ErrVersion means a version of the format that is not known.
	ErrVersion = errors.New("unknown version of Burn bundles")
	// ErrTruncated means that the file ends before a container does.
	ErrTruncated = errors.New("the bundle is cut off")
	// ErrHash means that a container is not what its hash says.
	ErrHash = errors.New("hash mismatch")
	// ErrLimit means that the manifest exceeds a limit of this package.
	ErrLimit = errors.New("limit exceeded")
)

// ApplicationID is what this package calls the container of the bundle's own
// user interface, which has no name in the manifest.
const ApplicationID = "UX"

// ManifestMember is the member of the application's container that holds the
// manifest.
const ManifestMember = "0"

// A Bundle is an open bundle.
type Bundle struct {
	Manifest
	// Raw is the manifest as it is stored.
	Raw []byte
	// Application is the container of the bundle's own user interface; the others
	// are in Manifest.Containers.
	Application *Container

	r       io.ReaderAt
	layout  *pe.Layout
	section section
	at      int64 // offset of the section
}

// Open opens the bundle that a program of size bytes with this layout is. The
// reader must stay valid as long as the bundle is used.
func Open(ctx context.Context, r io.ReaderAt, size int64, layout *pe.Layout) (*Bundle, error) {
	s, ok := layout.Section(sectionName)
	if !ok {
		return nil, ErrNotBundle
	}
	if s.Size < sectionFixed {
		return nil, fmt.Errorf("%w: a section %s of %d bytes", ErrFormat, sectionName, s.Size)
	}
	raw := make([]byte, min(s.Size, maxSection))
	if n, err := r.ReadAt(raw, s.Offset); n < len(raw) {
		return nil, readError(err)
	}
	b := &Bundle{r: r, layout: layout, at: s.Offset}
	var err error
	if b.section, err = parseSection(raw); err != nil {
		return nil, err
	}
	places, err := b.section.places(layout)
	if err != nil {
		return nil, err
	}
	b.Application = &Container{ID: ApplicationID, Attached: true, Offset: places[0].offset, Size: places[0].size}
	if b.Application.cutOff(size); b.Application.Missing > 0 {
		return nil, fmt.Errorf("%w: %d bytes of its first container are missing", ErrTruncated, b.Application.Missing)
	}
	if b.Raw, err = b.readManifest(ctx); err != nil {
		return nil, err
	}
	if b.Manifest, err = parseManifest(b.Raw); err != nil {
		return nil, err
	}
	return b, b.place(places, size)
}

func readError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrTruncated
	}
	return err
}

// place gives the attached containers their places in the file.
func (b *Bundle) place(places []place, size int64) error {
	for _, c := range b.Containers {
		if !c.Attached {
			continue
		}
		if c.index < 1 || c.index >= len(places) {
			return fmt.Errorf("%w: the container %q has the index %d of %d", ErrFormat, c.ID, c.index, len(places))
		}
		if at := places[c.index]; c.Size != at.size {
			return fmt.Errorf("%w: the container %q has %d bytes in the manifest and %d in the section %s",
				ErrFormat, c.ID, c.Size, at.size, sectionName)
		}
		c.Offset = places[c.index].offset
		c.cutOff(size)
	}
	return nil
}

// readManifest decodes the first member of the application's container.
func (b *Bundle) readManifest(ctx context.Context) ([]byte, error) {
	cabinet, err := b.Application.Open(b.r)
	if err != nil {
		return nil, err
	}
	set, err := cab.NewSet([]*cab.Cabinet{cabinet}, cab.SetOptions{})
	if err != nil {
		return nil, err
	}
	var text manifestSink
	err = set.Decode(ctx, func(f *cab.File) (cab.Sink, error) {
		if f.Name != ManifestMember || text.found {
			return nil, nil
		}
		if f.Size > maxManifest {
			return nil, fmt.Errorf("%w: a manifest of %d bytes, at most %d are read", ErrLimit, f.Size, maxManifest)
		}
		text.found = true
		return &text, nil
	}, cab.DecodeOptions{Workers: 1})
	if err != nil {
		return nil, err
	}
	if !text.found {
		return nil, fmt.Errorf("%w: the first container has no manifest", ErrFormat)
	}
	return text.Bytes(), nil
}

type manifestSink struct {
	bytes.Buffer
	found bool
}

// Close implements cab.Sink. Decode reports the error.
func (*manifestSink) Close(error) error { return nil }

// A Container is a cabinet with payloads.
type Container struct {
	ID       string
	Attached bool
	// Path is where a detached container is, relative to the bundle.
	Path        string
	DownloadURL string
	// Offset and Size are where an attached container is in the bundle, in bytes.
	Offset, Size int64
	// Missing is by how many bytes the file is too short for an attached one.
	Missing int64
	// Digest covers the whole cabinet; the application's container has none.
	Digest

	index int // of an attached one, as the section counts
}

// cutOff sets Missing for a file of size bytes.
func (c *Container) cutOff(size int64) {
	c.Missing = min(max(0, c.Offset+c.Size-size), c.Size)
}

// Open opens the cabinet that an attached container is; r reads the bundle.
func (c *Container) Open(r io.ReaderAt) (*cab.Cabinet, error) {
	if c.Missing > 0 {
		return nil, fmt.Errorf("%w: %d of the %d bytes of the container %q are missing", ErrTruncated, c.Missing, c.Size, c.ID)
	}
	return cab.Open(io.NewSectionReader(r, c.Offset, c.Size), c.Size, cab.Options{Name: c.ID})
}

// Check reads the whole container and compares it with its digest, where it has
// one. The reader is that of the container's own bytes, from its start.
func (c *Container) Check(ctx context.Context, r io.ReaderAt) error {
	if c.Algorithm == 0 {
		return nil
	}
	h := c.Algorithm.New()
	n, err := io.Copy(h, &stoppable{ctx, io.NewSectionReader(r, 0, c.Size)})
	if err != nil {
		return err
	}
	if n < c.Size {
		return fmt.Errorf("%w: the container %q ends after %d of %d bytes", ErrTruncated, c.ID, n, c.Size)
	}
	if !bytes.Equal(h.Sum(nil), c.Sum) {
		return fmt.Errorf("%w: the container %q is not the one that the bundle's manifest names (%s)", ErrHash, c.ID, c.Algorithm)
	}
	return nil
}

// stoppable reads until ctx ends.
type stoppable struct {
	ctx context.Context
	r   io.Reader
}

func (s *stoppable) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(p)
}

// A Digest is what bytes must hash to. The zero value demands nothing.
type Digest struct {
	Algorithm crypto.Hash // crypto.SHA1 or crypto.SHA512
	Sum       []byte
}
