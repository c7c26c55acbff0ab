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
// to files next to the package are checked here.
package source

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msp"
)

// Options say how a package is opened.
type Options struct {
	// Media is a folder where cabinets and uncompressed files are looked for
	// that are not next to the package. It may be empty.
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
	// Password opens the encrypted members of zips, at every level.
	Password string
	// NoDownloads opens no zip and no program: they are ErrKind.
	NoDownloads bool
	// Inner goes on to the installer package in a download, or in a cabinet or an
	// rpm, where there is exactly one. Where there are several the error is a
	// *ChoiceError.
	Inner bool
	// Stay, where it is set, makes Inner a matter of downloads alone: one is not
	// gone through that holds no installer package, or a file for whose name Stay is
	// true.
	Stay func(name string) bool
	// Patches are applied to an installation package or an administrative image:
	// references of .msp files, in the order in which they are applied where they
	// do not say it themselves.
	Patches []string
	// Base is the installation package that a patch is for: the files are those
	// that the patch makes of it.
	Base string
	// Transforms are applied, in this order, to the tables of the installation
	// package that is named, before anything else is made of it: each is the name
	// of a storage in the package (":1031.mst", ":1031" or "1031") or the path
	// of a file.
	Transforms []string
	// MaxBytes bounds what is unpacked: the packages inside packages, which must
	// be unpacked to be read, all together; and what one Walk decodes, wanted or
	// passed over. 0 means DefaultMaxBytes.
	MaxBytes int64
	// StrictSize makes a File.FileSize that differs from the size of the content an
	// error. Many packages have stale ones, so that it is a warning otherwise.
	StrictSize bool
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
	within   *Package     // the package that this one came out of; nil
	outer    *Package     // the same, where this one closes it
	inside   *insideBudget
	options  Options
	codePage int // of names in cabinets; 0 where unknown
	reader   reader
	program  *Program // of one
	// transforms were applied to the tables, which read from them.
	transforms []*Package

	files     []*File
	leftOut   []LeftOut
	unlisted  func() // makes files and leftOut, once they are needed; nil where they are made
	listing   sync.Mutex
	counted   Counts // of what is listed or unlisted
	numbered  int    // of files and leftOut
	pathBytes int64  // of the paths of all files

	shortened      int   // files with a name that lost the period at its end
	firstShortened *File // the first of them

	mu       sync.Mutex
	warnings []string
	used     map[string]bool // neighbours that were read
	tree     *tree           // once FS was called
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
func (p *Package) Database() *msi.Database {
	if r, ok := p.reader.(interface{ database() *msi.Database }); ok {
		return r.database()
	}
	return nil
}

// Model returns the files, components, features and media of the database, nil
// where there are none. It is valid until Close.
func (p *Package) Model() *msi.Model {
	if r, ok := p.reader.(interface{ model() *msi.Model }); ok {
		return r.model()
	}
	return nil
}

// Patch returns the patch that an msp package is, nil for other kinds and for a
// patch that was opened with Options.Base.
func (p *Package) Patch() *msp.Patch {
	if r, ok := p.reader.(*patchReader); ok {
		return r.patch
	}
	return nil
}

// Member returns the member of a patch's cabinet that a file of an msp package is, with
// what the patch makes of it; nil for other files, and where Patch is nil.
func (p *Package) Member(f *File) *msp.Content {
	if m, ok := f.storedFrom().(*patchMember); ok {
		return m.content
	}
	return nil
}

// Plan returns what the patches of Options.Patches make of the package; nil
// without patches.
func (p *Package) Plan() *msp.Plan {
	if r, ok := p.reader.(*patchedReader); ok {
		return r.plan
	}
	return nil
}

// Size returns the size of the package itself in bytes.
func (p *Package) Size() int64 { return p.content.Size() }

// ReadAt reads from the bytes of the package itself.
func (p *Package) ReadAt(b []byte, offset int64) (int, error) { return p.content.ReadAt(b, offset) }

// Files returns the files that an administrative image holds, in the order of
// their sequence or, for cab and rpm, in the order in which they are stored.
func (p *Package) Files() []*File {
	p.makeList()
	return p.files
}

// LeftOut returns the files that an administrative image does not hold.
func (p *Package) LeftOut() []LeftOut {
	p.makeList()
	return p.leftOut
}

// makeList makes the lists of files, if that was put off.
func (p *Package) makeList() {
	p.listing.Lock()
	defer p.listing.Unlock()
	if p.unlisted != nil {
		p.unlisted()
		p.unlisted = nil
	}
}

// Counts are numbers of files.
type Counts struct {
	Files   int // of Package.Files, those apart that are made
	LeftOut int // of Package.LeftOut
}

// Count counts the files. Of a package with a database no list is made for that.
func (p *Package) Count() Counts {
	p.listing.Lock()
	defer p.listing.Unlock()
	if p.unlisted != nil {
		return p.counted
	}
	c := Counts{LeftOut: len(p.leftOut)}
	for _, f := range p.files {
		if !f.Made {
			c.Files++
		}
	}
	return c
}

// Warnings returns what is odd about the package without being wrong. A Walk
// may add to them.
func (p *Package) Warnings() []string {
	var warnings []string
	if r, ok := p.reader.(*patchedReader); ok {
		warnings = r.base.Warnings()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shortened > 0 {
		warnings = append(warnings, fmt.Sprintf("%s: a name that ends in a period is written without it, as Windows does (files with such names: %d)",
			p.firstShortened.Path(), p.shortened))
	}
	for _, w := range p.warnings {
		if !slices.Contains(warnings, w) {
			warnings = append(warnings, w)
		}
	}
	return warnings
}

// maxWarnings is how many warnings are kept; a package that has more is odd
// enough.
const maxWarnings = 1000

// Note is how a warning begins that is worth knowing and not a reason for doubt: the
// package contradicts itself, and its own hash says which is right.
const Note = "note: "

// warnAll adds warnings.
func (p *Package) warnAll(warnings []string) {
	for _, w := range warnings {
		p.warn("%s", w)
	}
}

// Neighbours returns the files next to the package, or on the media, whose bytes
// were read as part of it so far: their paths below the folder, sorted.
func (p *Package) Neighbours() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(maps.Keys(p.used))
}

// use books that a file next to the package is read.
func (p *Package) use(n *neighbour) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.used == nil {
		p.used = map[string]bool{}
	}
	p.used[n.name] = true
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
	if len(p.warnings) == maxWarnings {
		text = "there are more warnings"
	}
	if len(p.warnings) <= maxWarnings {
		p.warnings = append(p.warnings, text)
	}
}

// Close releases the package and the packages around it.
func (p *Package) Close() error {
	if p.tree != nil {
		p.tree.close()
	}
	var errs []error
	if p.reader != nil {
		errs = append(errs, p.reader.close())
	}
	for _, t := range p.transforms {
		errs = append(errs, t.Close())
	}
	errs = append(errs, p.content.Close())
	if p.outer != nil {
		return errors.Join(append(errs, p.outer.Close())...)
	}
	if p.within != nil {
		return errors.Join(errs...) // what is next to it belongs to the package around it
	}
	for _, place := range p.beside {
		errs = append(errs, place.close())
	}
	return errors.Join(errs...)
}
