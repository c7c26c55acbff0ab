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

// A File is one file of a package. It does not change once it is listed.
type File struct {
	in          *location
	long, short string // its name there
	key         string // behind in.key
	row         *msi.File
	from        any // how its reader finds the bytes

	// Size in bytes, as the package claims it.
	Size     int64
	Version  string
	Language string
	// Cabinet is the cabinet that holds the file, "#" before the name of one
	// inside the package, as in the Media table. It is empty for a file that is
	// not in a cabinet.
	Cabinet string
	// Sequence is the File table's; for cab and rpm the position, from 1.
	Sequence int
	// MD5 is that of the MsiFileHash row, nil without one.
	MD5 *[16]byte
	// Attributes are the Windows file attributes read-only (1), hidden (2) and
	// system (4).
	Attributes uint32
	// Made is true where the package holds the content in another form: the
	// transforms of a patch and the description of it.
	Made bool

	shortened bool // a name in its path lost the period at its end
}

// A location is a folder of a package, which all files in it share: its path in
// each layout, with a slash behind those that are not empty.
type location struct {
	of                                       *Package
	key                                      string // what the keys of files in it begin with
	source, shortSource, target, shortTarget string
	shortened                                bool // a name in it lost the period at its end
}

// Path returns where the file lies in an administrative image with long names,
// "/" between its segments. Of a cab or an rpm all paths are the stored one. Paths
// may be hostile.
func (f *File) Path() string { return f.in.source + f.long }

// ShortPath returns where the file lies in an administrative image with short
// names.
func (f *File) ShortPath() string { return f.in.shortSource + f.short }

// TargetPath returns where the file would be installed.
func (f *File) TargetPath() string { return f.in.target + f.long }

// ShortTargetPath returns where the file would be installed with short names.
func (f *File) ShortTargetPath() string { return f.in.shortTarget + f.short }

// Name returns the last segment of Path.
func (f *File) Name() string { return f.long }

// Key returns the primary key in the File table, or the name in the cabinet or rpm
// as it is stored.
func (f *File) Key() string { return f.in.key + f.key }

// Component returns the key of the file's component, "" without one.
func (f *File) Component() string {
	if f.row == nil || f.row.Component == nil {
		return ""
	}
	return f.row.Component.Key
}

// Features returns the keys of the features that name the component.
func (f *File) Features() []string {
	if f.row == nil || f.row.Component == nil {
		return nil
	}
	features := make([]string, 0, len(f.row.Component.Features))
	for _, feature := range f.row.Component.Features {
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
	return &File{in: in, long: as, short: as, key: key, Size: size, shortened: in.shortened || as != name}
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
	if f.Sequence == 0 && f.row == nil {
		f.Sequence = len(p.files)
	}
	return nil
}

// leaveOut is add for a file that an image does not hold.
func (p *Package) leaveOut(l LeftOut) error {
	if err := p.checkPath(l.File); err != nil {
		return err
	}
	p.leftOut = append(p.leftOut, l)
	return nil
}

// checkPath books the path of a file.
func (p *Package) checkPath(f *File) error {
	n := max(len(f.in.source), len(f.in.target), len(f.in.shortSource), len(f.in.shortTarget)) + max(len(f.long), len(f.short))
	if n > maxPath {
		return fmt.Errorf("%w: the path of file %.80q has %d bytes; %d are allowed", ErrLimit, f.key, n, maxPath)
	}
	if f.shortened {
		if p.shortened++; p.shortened == 1 {
			p.firstShortened = f
		}
	}
	if p.pathBytes += int64(n); p.pathBytes > maxPaths {
		return fmt.Errorf("%w: the paths of its files have more than %d bytes together", ErrLimit, maxPaths)
	}
	return nil
}
