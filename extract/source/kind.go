package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/hotfixkit/hotfixkit/internal/magic"
)

// Kind is what a package is.
type Kind string

// The kinds of packages.
const (
	MSI Kind = "msi" // an installation package, or an administrative image of one
	MSM Kind = "msm" // a merge module
	MSP Kind = "msp" // a patch
	MST Kind = "mst" // a transform: it has tables and no files
	CAB Kind = "cab" // a cabinet, with the other volumes of its set
	RPM Kind = "rpm"
	ZIP Kind = "zip"

	// SFX is a program with a zip or a cabinet in it, BURN a WiX Burn bundle.
	SFX  Kind = "sfx"
	BURN Kind = "burn"
)

// name is what to call a package of the kind in messages.
func (k Kind) name() string {
	names := map[Kind]string{
		MSI: "an installation package", MSM: "a merge module", MSP: "a patch", MST: "a transform", CAB: "a cabinet",
		RPM: "an rpm", ZIP: "a zip", SFX: "a self-extracting program", BURN: "a Burn bundle",
	}
	return names[k]
}

// A reader reads packages of one kind. Each kind has a file of its own with one
// reader in it, and a line in containers.
//
// To add a kind, write a function that opens it from Package.content, which gives
// random access and may be hostile: no size in it is believed before it is compared
// with what is there, and every loop over input looks at ctx. It returns a reader:
//
//   - list calls Package.add for each file in stored order, and Package.leaveOut for
//     what an image does not hold. Files of stored paths come from locations, which
//     shares their folders; File.from is the reader's own, to find the bytes again.
//     Names are handed out as they are stored; only "/" separates segments.
//   - walk pushes the files of walk.options.Files, which are all of this package, in
//     the order in which they are stored. For each of them it asks walk.sink, whose
//     expectation names the size and the digests that the package has for the
//     content; writes the bytes, and closes the sink, with an error where they are
//     not whole. The sink does the checking. What cannot be had goes to walk.giveUp.
//     All that is decoded, wanted or not, is booked with walk.budget first.
//   - close releases what was opened, but not Package.content.
//
// A package inside is opened with Package.openInner, so every reader serves as the
// outer one of "outer//inner" as it is. A reader that finds files next to the package
// (further volumes, payloads) asks Package.besidePackage, which keeps to the folder
// and books what was used. A reader may have further methods, such as database, that
// Package looks for.
type reader interface {
	list(ctx context.Context) error
	walk(ctx context.Context, w *walk) error
	close() error
}

// A container is a kind of files that are opened, by how they begin.
type container struct {
	signature string
	kind      Kind // MSI for any compound file
	open      func(ctx context.Context, p *Package) (reader, error)
	// asked: it is opened only where it is asked for. Programs and zips among the
	// files of a package are files like others.
	asked bool
}

// containers lists all of them. It is not a variable because opening one may open
// others: the transforms of a package.
func containers() []container {
	return []container{
		{magic.CompoundFile, MSI, openDatabase, false},
		{magic.Cabinet, CAB, openCabinet, false},
		{magic.RPM, RPM, openRPM, false},
		{magic.ZIPMember, ZIP, openZip, true},
		{magic.ZIPEnd, ZIP, openZip, true}, // without members
		{magic.Program, SFX, openProgram, true},
	}
}

// refused are files that are often taken for packages, by how they begin.
var refused = []struct {
	signature string
	what      error
}{
	{"version https://git-lfs", ErrPointer},
}

// MayBePackage reports whether a file starts like something that Open opens: a package
// of any kind, a zip, or a program, which may hold one. It needs SniffSize bytes.
func MayBePackage(start []byte) bool {
	return slices.ContainsFunc(containers(), func(c container) bool { return bytes.HasPrefix(start, []byte(c.signature)) })
}

// SniffSize is how many of the first bytes of a file tell what it is.
const SniffSize = 32

// openReader opens the content of p by how it begins.
func openReader(ctx context.Context, p *Package) (reader, error) {
	var head [SniffSize]byte
	n, err := p.content.ReadAt(head[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	start := head[:n]
	for _, c := range containers() {
		if bytes.HasPrefix(start, []byte(c.signature)) && !(c.asked && p.options.NoDownloads) {
			p.kind = c.kind
			return c.open(ctx, p)
		}
	}
	for _, r := range refused {
		if bytes.HasPrefix(start, []byte(r.signature)) {
			return nil, fmt.Errorf("%w: %w", ErrKind, r.what)
		}
	}
	if n == 0 {
		return nil, fmt.Errorf("%w: the file is empty", ErrKind)
	}
	return nil, ErrKind
}
