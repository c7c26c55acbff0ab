// Package source opens what a user names, an installer package of any kind or a
// package inside another one, and is the only code that walks over its files.
//
// A reference is a path, or several joined by "//" for a package inside a
// package: "outer.rpm//opt/x/inner.msi". The kind is told from the content,
// never from the name. [Package.Files] lists the files as an administrative
// image would hold them; [Package.Walk] pushes their bytes, in the order in
// which they are stored, each cabinet decoded once, into the sinks that the
// caller gives. A file's sink is closed without an error only when its size and
// its MsiFileHash (or the digest that an rpm has of it) hold.
//
// The input may be hostile. Names are handed out as they stand, and must be
// checked (extract/safepath) before they become names on a disk; names that lead
// to files beside the package are checked here.
package source

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msi/cab"
	"github.com/hotfixkit/hotfixkit/msp"
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
)

// Options say how a package is opened.
type Options struct {
	// Media is a folder where cabinets and uncompressed files are looked for
	// that are not beside the package. It may be empty.
	Media string
	// AllFeatures takes the files that are left out of an administrative image
	// because their feature was authored with Level 0.
	AllFeatures bool
	// CabCodePage is the Windows code page of names in cabinets that do not
	// carry the UTF-8 attribute. 0 means that of the package, or 1252.
	CabCodePage int
	// Keyring is a file of OpenPGP public keys. With it, an rpm must carry a
	// signature by one of them, over header and payload.
	Keyring string
	// Patches are applied to an installation package or an administrative image:
	// references of .msp files, in the order in which they are applied where they
	// do not say it themselves.
	Patches []string
	// Base is the installation package that a patch is for: the files are those
	// that the patch makes of it.
	Base string
	// MaxBytes bounds what is unpacked: the packages inside packages, which must
	// be unpacked to be read, all together; and what one Walk decodes, wanted or
	// passed over. 0 means DefaultMaxBytes.
	MaxBytes int64
}

// DefaultMaxBytes is far above any real package.
const DefaultMaxBytes = 16 << 30

func (o Options) maxBytes() int64 {
	if o.MaxBytes == 0 {
		return DefaultMaxBytes
	}
	return o.MaxBytes
}

// A Package is open for reading. Its methods may be called concurrently, except
// Close; two walks at a time are two passes over the files.
type Package struct {
	ref      string // as the user wrote it, up to here
	name     string // the file's own name
	folder   string
	modified time.Time
	kind     Kind
	content  content
	beside   []neighbours // where files that belong to the package are looked for
	outer    *Package     // the package that this one came out of; nil
	budget   *memoryBudget
	options  Options
	codePage int // of names in cabinets; 0 where unknown

	db    *msi.Database // nil for cab and rpm
	model *msi.Model    // nil without File table
	set   *cab.Set      // of a cab
	rpm   *rpmPackage   // of an rpm
	msp   *msp.Patch    // of an msp

	patched *patching // of a package with patches

	files     []*File
	leftOut   []LeftOut
	entries   map[*File]entry // where the files of msi, msm and msp come from
	wordCount int32

	planning sync.Mutex          // held while cabinets are opened
	cabinets map[string]*cabinet // opened so far, by where they lie

	memberCount int   // of these cabinets
	pathBytes   int64 // of the paths of all files
	mu          sync.Mutex
	warnings    []string
}

// content is the bytes of a package.
type content interface {
	io.ReaderAt
	Size() int64
	Close() error
}

// Ref returns the reference of the package, as given to Open.
func (p *Package) Ref() string { return p.ref }

// Name returns the package's own file name, without folders.
func (p *Package) Name() string { return p.name }

// Folder returns the folder on the disk that the package lies in or, for a
// package inside another one, the outermost one. For a patch with a base it is
// that of the base.
func (p *Package) Folder() string { return p.folder }

// Modified returns the time that the package itself was changed, in UTC.
func (p *Package) Modified() time.Time { return p.modified }

// Kind returns what the package is.
func (p *Package) Kind() Kind { return p.kind }

// Database returns the installer database, nil for a cab or an rpm. It is valid
// until Close.
func (p *Package) Database() *msi.Database { return p.db }

// Model returns the files, components, features and media of the database, nil
// where there are none. It is valid until Close.
func (p *Package) Model() *msi.Model { return p.model }

// Patch returns the patch that an msp package is, nil for other kinds and for a
// patch that was opened with Options.Base.
func (p *Package) Patch() *msp.Patch { return p.msp }

// Cabinets returns the cabinet that a cab package consists of, with the other
// volumes of its set as far as they are there; nil for other kinds.
func (p *Package) Cabinets() []*cab.Cabinet {
	if p.set == nil {
		return nil
	}
	return p.set.Cabinets
}

// Size returns the size of the package itself in bytes.
func (p *Package) Size() int64 { return p.content.Size() }

// ReadAt reads from the bytes of the package itself.
func (p *Package) ReadAt(b []byte, offset int64) (int, error) { return p.content.ReadAt(b, offset) }

// Files returns the files that an administrative image holds, in the order of
// their sequence or, for cab and rpm, in the order in which they are stored.
func (p *Package) Files() []*File { return p.files }

// LeftOut returns the files that an administrative image does not hold.
func (p *Package) LeftOut() []LeftOut { return p.leftOut }

// Warnings returns what is odd about the package without being wrong. A Walk
// may add to them.
func (p *Package) Warnings() []string {
	var warnings []string
	if p.patched != nil {
		warnings = p.patched.base.Warnings()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.warnings {
		if !slices.Contains(warnings, w) {
			warnings = append(warnings, w)
		}
	}
	return warnings
}

// warn adds a warning once.
func (p *Package) warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, known := range p.warnings {
		if known == text {
			return
		}
	}
	p.warnings = append(p.warnings, text)
}

// Close releases the package and the packages around it.
func (p *Package) Close() error {
	var errs []error
	for _, c := range p.cabinets {
		errs = append(errs, c.close())
	}
	p.cabinets = nil
	if p.patched != nil {
		errs = append(errs, p.patched.close())
	}
	errs = append(errs, p.content.Close())
	if p.outer != nil {
		errs = append(errs, p.outer.Close())
	}
	return errors.Join(errs...)
}
