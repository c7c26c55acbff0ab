package source

import "time"

// A File is one file of a package.
type File struct {
	// Path is where the file lies in an administrative image with long names,
	// "/" between its segments; ShortPath the same with short names; TargetPath
	// where it would be installed, ShortTargetPath the same with short names. For
	// cab and rpm all are the stored path. They may be hostile.
	Path, ShortPath, TargetPath, ShortTargetPath string
	// Key is the primary key in the File table, or the name in the cabinet or
	// rpm as it is stored.
	Key string
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
	// Modified is the time that the package has for the file. For files of a
	// database it is known once Walk asks for the file. Cabinets have no time
	// zone: their times are taken as UTC.
	Modified time.Time
	// Attributes are the Windows file attributes read-only (1), hidden (2) and
	// system (4).
	Attributes uint32
	Component  string
	Features   []string // that name the component
	// Made is true where the package holds the content in another form: the
	// transforms of a patch and the description of it.
	Made bool
}

// setModified notes the time of a file where it is not known yet.
func (f *File) setModified(t time.Time) {
	if f.Modified.IsZero() && !t.IsZero() {
		f.Modified = t
	}
}

// LeftOut is a file that an administrative image does not hold.
type LeftOut struct {
	File    *File
	Feature string // the feature authored with Level 0, if that is the reason
	Reason  string
}
