package source

import (
	"fmt"
	"strings"
	"time"

	"github.com/hotfixkit/hotfixkit/extract/safepath"
	"github.com/hotfixkit/hotfixkit/msi"
)

// Limits of paths. Both keep a small package from making large lists.
const (
	// maxPath is the longest path of a file in bytes: what Linux allows
	// (PATH_MAX), and many times what Windows Installer can install (260).
	maxPath = 4096
	// maxPaths bounds the paths of all files of a package together, in bytes.
	maxPaths = 64 << 20
)

// A File is one file of a package. It does not change once it is listed. Of a file of a
// database it keeps little more than where its rows are: names and paths are made when
// they are asked for.
type File struct {
	in     *location
	stored *storedName // of a file that no row of a File table describes; else nil
	origin *origin     // of a file of a patched package
	row    uint32      // of a file of a database: its place in the model
	number uint32      // each file of a package has another one

	// Attributes are the Windows file attributes read-only (1), hidden (2) and
	// system (4).
	Attributes uint32
	// Made is true where the package holds the content in another form: the
	// transforms of a patch and the description of it.
	Made bool

	shortened bool // a name in its path lost the period at its end

	// Size in bytes, as the package claims it.
	Size int64
}

// A storedName is what a package without a File table says about a file.
type storedName struct {
	name     string // in its folder
	key      string // behind that of the folder
	cabinet  string
	sequence int
	from     any // how its reader finds the bytes
}

// A location is a folder of a package, which all files in it share: its path in
// each layout, with a slash behind those that are not empty.
type location struct {
	of                                       *Package
	model                                    *msi.Model // of files of a database; nil for others
	key                                      string     // what the keys of files in it begin with
	source, shortSource, target, shortTarget string
	shortened                                bool // a name in it lost the period at its end
}

// described returns the row of a file of a database.
func (f *File) described() msi.File { return f.in.model.File(int(f.row)) }

// storedFrom returns how the reader of a package without a File table finds the bytes;
// nil for other files.
func (f *File) storedFrom() any {
	if f.stored == nil {
		return nil
	}
	return f.stored.from
}

func (f *File) name(short bool) string {
	if f.stored != nil {
		return f.stored.name
	}
	return fileName(f.described().Name(short))
}

// Path returns where the file lies in an administrative image with long names,
// "/" between its segments. Of a cab or an rpm all paths are the stored one. Paths
// may be hostile.
func (f *File) Path() string { return f.path(false, false) }

// ShortPath returns where the file lies in an administrative image with short
// names.
func (f *File) ShortPath() string { return f.path(false, true) }

// TargetPath returns where the file would be installed.
func (f *File) TargetPath() string { return f.path(true, false) }

// ShortTargetPath returns where the file would be installed with short names.
func (f *File) ShortTargetPath() string { return f.path(true, true) }

func (f *File) path(target, short bool) string {
	folder, name := f.Split(target, short)
	return folder + name
}

// Split returns one of the four paths in two: the folder, with a slash at its end unless
// it is empty, and the name there. All files of a folder share the text of it.
func (f *File) Split(target, short bool) (folder, name string) {
	name = f.name(short)
	switch {
	case target && short:
		return f.in.shortTarget, name
	case target:
		return f.in.target, name
	case short:
		return f.in.shortSource, name
	}
	return f.in.source, name
}

// Name returns the last segment of Path.
func (f *File) Name() string { return f.name(false) }

// Key returns the primary key in the File table, or the name in the cabinet or rpm
// as it is stored.
func (f *File) Key() string {
	if f.stored != nil {
		return f.in.key + f.stored.key
	}
	return f.described().Key()
}

// Version returns what the File table says about the version, "" without one.
func (f *File) Version() string {
	if f.stored != nil {
		return ""
	}
	return f.described().Version()
}

// Language returns what the File table says about the language, "" without one.
func (f *File) Language() string {
	if f.stored != nil {
		return ""
	}
	return f.described().Language()
}

// Cabinet returns the cabinet that holds the file, "#" before the name of one inside the
// package, as in the Media table. It is empty for a file that is not in a cabinet.
func (f *File) Cabinet() string {
	switch {
	case f.stored != nil:
		return f.stored.cabinet
	case f.origin != nil:
		return f.origin.cabinet()
	}
	if m := f.described(); m.Compressed() {
		return m.Cabinet()
	}
	return ""
}

// Sequence returns that of the File table; for cab and rpm the position, from 1.
func (f *File) Sequence() int {
	if f.stored != nil {
		return f.stored.sequence
	}
	return int(f.described().Sequence())
}

// MD5 returns that of the MsiFileHash row, and false without one.
func (f *File) MD5() (sum [16]byte, ok bool) {
	if f.stored != nil {
		return sum, false
	}
	return f.described().MD5()
}

// Features returns the keys of the features that name the component.
func (f *File) Features() []string {
	if f.stored != nil {
		return nil
	}
	features := []string{}
	for _, feature := range f.described().Component().Features() {
		features = append(features, feature.Key)
	}
	return features
}

// Stored is what is known about the content of a file where it is stored, when a
// walk comes to it.
type Stored struct {
	// Modified is the time of the content, zero where it has none. Cabinets have no
	// time zone: their times are taken as UTC.
	Modified time.Time
	// Size is that of the content in bytes, -1 where it is not known before the
	// content is read. It may differ from what the File table claims.
	Size int64
}

// unknown is what is stored of a file that cannot be had.
var unknown = Stored{Size: -1}

// A Sink takes the bytes of one file. Close is called once: with nil when the file
// is complete and right, else with the reason why it is lost.
type Sink interface {
	Write(p []byte) (int, error)
	Close(cause error) error
}

// LeftOut is a file that an administrative image does not hold.
type LeftOut struct {
	File    *File
	Feature string // the feature authored with Level 0, if that is the reason
	Reason  string
}

// locations makes files of stored paths, and shares their folders.
type locations struct {
	of    *Package
	known map[string]*location
}

func newLocations(of *Package) *locations {
	return &locations{of: of, known: map[string]*location{}}
}

// file returns a file that has no path but the one it is stored under.
func (l *locations) file(name, key string, size int64) *File {
	i := strings.LastIndexByte(name, '/') + 1
	in := l.known[name[:i]]
	if in == nil {
		dir := strings.Clone(name[:i])
		in = storedLocation(l.of, "", dir)
		l.known[dir] = in
	}
	return storedFile(in, name[i:], key, size)
}

// storedLocation returns the folder of files that have one path only. dir ends in
// a slash, unless it is empty; key is what the keys of the files begin with.
func storedLocation(of *Package, key, dir string) *location {
	at := safepath.Path(dir)
	return &location{of: of, key: key, source: at, shortSource: at, target: at, shortTarget: at, shortened: at != dir}
}

// storedFile returns a file that has one path only.
func storedFile(in *location, name, key string, size int64) *File {
	as := safepath.Path(name)
	return &File{in: in, stored: &storedName{name: as, key: key}, Size: size, shortened: in.shortened || as != name}
}

// storedPath makes a path of a name in a cabinet or a zip, where Windows' tools
// write backslashes. "./" at its start means nothing, and is left out.
func storedPath(name string) string {
	name = strings.ReplaceAll(name, `\`, "/")
	for len(name) > 2 && strings.HasPrefix(name, "./") {
		name = strings.TrimLeft(name[2:], "/")
	}
	return name
}

// add adds a file to the list of the package, unless its path is too long. A file
// without a sequence gets its position.
func (p *Package) add(f *File) error {
	if err := p.checkPath(f); err != nil {
		return err
	}
	p.files = append(p.files, f)
	p.number(f)
	if f.stored != nil && f.stored.sequence == 0 {
		f.stored.sequence = len(p.files)
	}
	return nil
}

// leaveOut is add for a file that an image does not hold.
func (p *Package) leaveOut(l LeftOut) error {
	if err := p.checkPath(l.File); err != nil {
		return err
	}
	p.leftOut = append(p.leftOut, l)
	p.number(l.File)
	return nil
}

// number gives a listed file its number.
func (p *Package) number(f *File) {
	f.number = uint32(p.numbered)
	p.numbered++
}

// checkPath books the path of a file.
func (p *Package) checkPath(f *File) error {
	name := 0
	if f.stored != nil {
		name = len(f.stored.name)
	} else {
		name = max(len(f.name(false)), len(f.name(true)))
	}
	n := max(len(f.in.source), len(f.in.target), len(f.in.shortSource), len(f.in.shortTarget)) + name
	if n > maxPath {
		return fmt.Errorf("%w: the path of file %.80q has %d bytes; %d are allowed", ErrLimit, strings.TrimPrefix(f.Key(), f.in.key), n, maxPath)
	}
	if f.shortened {
		if p.shortened++; p.shortened == 1 {
			first := *f
			p.firstShortened = &first
		}
	}
	if p.pathBytes += int64(n); p.pathBytes > maxPaths {
		return fmt.Errorf("%w: the paths of its files have more than %d bytes together", ErrLimit, maxPaths)
	}
	return nil
}
