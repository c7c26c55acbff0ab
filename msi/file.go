package msi

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"slices"
)

// Bits of File.Attributes (Windows Installer: File table).
const (
	FileReadOnly      = 0x0001
	FileHidden        = 0x0002
	FileSystem        = 0x0004
	FileNoncompressed = 0x2000
	FileCompressed    = 0x4000
)

// Bits of the summary property PIDWordCount of a package (Windows Installer:
// Word Count Summary).
const (
	SourceShortNames = 1 // the source uses short names
	SourceCompressed = 2 // the files are in cabinets
	SourceAdminImage = 4 // the package is an administrative image
)

// moduleCabinet is the stream that holds the files of a merge module (Windows
// Installer: Merge Module File).
const moduleCabinet = "MergeModule.CABinet"

// A fileRecord is where the rows of a file are.
type fileRecord struct {
	row       uint32 // of the File table
	component uint32 // into Model.components
	hash      uint32 // row of the MsiFileHash table and one; 0 without one
	sequence  int32
}

// The columns of Model.fileRows.
const (
	fileKey = iota
	fileComponent
	fileName
	fileSize
	fileVersion
	fileLanguage
	fileAttributes
	fileSequence
)

// File is a row of the File table with what other tables say about it.
type File struct {
	model *Model
	index int
}

// FileCount returns the number of files.
func (m *Model) FileCount() int { return len(m.files) }

// File returns one file, by its place in the order of Files.
func (m *Model) File(i int) File { return File{m, i} }

// Files yields the files by Sequence, then by key.
func (m *Model) Files() iter.Seq[File] {
	return func(yield func(File) bool) {
		for i := range m.files {
			if !yield(File{m, i}) {
				return
			}
		}
	}
}

// Hashed returns how many of the files have a hash in the MsiFileHash table, by
// which their content can be checked. Packages hash the files without a version.
func (m *Model) Hashed() int {
	n := 0
	for i := range m.files {
		if m.files[i].hash != 0 {
			n++
		}
	}
	return n
}

func (f File) record() *fileRecord { return &f.model.files[f.index] }

func (f File) text(column int) string {
	return f.model.fileRows.text(int(f.record().row), column)
}

func (f File) number(column int) int32 {
	return f.model.fileRows.number(int(f.record().row), column)
}

// Key returns the primary key.
func (f File) Key() string { return f.text(fileKey) }

// Component returns the component of the file.
func (f File) Component() Component { return Component{f.model, int(f.record().component)} }

// Directory returns that of the component.
func (f File) Directory() *Directory { return f.Component().Directory() }

// Size returns the size in bytes, as the table claims it.
func (f File) Size() int64 { return int64(f.number(fileSize)) }

// Version returns the version, or the key of the companion file that has it.
func (f File) Version() string { return f.text(fileVersion) }

// Language returns the language identifiers, separated by commas.
func (f File) Language() string { return f.text(fileLanguage) }

// Attributes returns the bits FileReadOnly and so on.
func (f File) Attributes() int32 { return f.number(fileAttributes) }

// Sequence returns the place of the file on the media.
func (f File) Sequence() int32 { return f.record().sequence }

// MD5 returns the hash of the content, and false where the MsiFileHash table has no
// row. For an empty file four zeros may stand instead.
func (f File) MD5() (sum [16]byte, ok bool) {
	hash := f.record().hash
	if hash == 0 {
		return sum, false
	}
	for i := range 4 {
		part, ok := f.model.hashRows.value(int(hash)-1, hashPart+i).Int()
		if !ok {
			part = math.MinInt32 // its stored form is that of null
		}
		binary.LittleEndian.PutUint32(sum[4*i:], uint32(part))
	}
	return sum, true
}

// Compressed tells files in a cabinet from files that lie next to the package: by the
// file's attributes, or else by the package's Word Count.
func (f File) Compressed() bool {
	return f.inModule() || isCompressed(f.Attributes(), f.model.wordCount)
}

// inModule reports whether the file is in the one cabinet of a merge module.
func (f File) inModule() bool { return f.model.module && f.Media() == nil }

// Media returns the disk that holds the file; nil where the Media table has none for
// its sequence, as in merge modules.
func (f File) Media() *Media { return f.model.mediaOf(f.record().sequence) }

// Cabinet returns the cabinet that holds a compressed file: "#stream", a file name, or
// "" where the tables name none.
func (f File) Cabinet() string {
	switch media := f.Media(); {
	case media != nil:
		return media.Cabinet
	case f.model.module:
		return "#" + moduleCabinet
	}
	return ""
}

// LeftOut returns nil for a file of the administrative image.
func (f File) LeftOut() *LeftOut { return f.Component().LeftOut() }

// Name returns the short or the long name.
func (f File) Name(short bool) string {
	shortName, longName := splitName(f.text(fileName))
	return pick(short, shortName, longName)
}

// SourcePath returns the names from below the root to the file, in the layout
// of an administrative image.
func (f File) SourcePath(short bool) []string {
	return append(f.Directory().SourcePath(short), f.Name(short))
}

// TargetPath is SourcePath for the layout of an installation.
func (f File) TargetPath(short bool) []string {
	return append(f.Directory().TargetPath(short), f.Name(short))
}

func (m *Model) readFiles(ctx context.Context, db *Database, components *byKey) error {
	hashes := m.readHashes(db)
	rows := &m.fileRows
	m.files = make([]fileRecord, 0, rows.len())
	for i := range rows.len() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := rows.short(i, fileKey, fileVersion, fileLanguage); err != nil {
			return err
		}
		component, ok := components.find(rows.ref(i, fileComponent))
		if !ok {
			m.dangling(rows.row(i), "component", rows.text(i, fileComponent), "the file is left out")
			continue
		}
		f := fileRecord{row: uint32(i), component: uint32(component), sequence: rows.number(i, fileSequence)}
		if hash, ok := hashes.find(rows.ref(i, fileKey)); ok {
			f.hash = uint32(hash) + 1
		}
		short, long := splitName(rows.text(i, fileName))
		if tooLong(short) || tooLong(long) {
			return fmt.Errorf("msi: table File, row %s: a name of %d bytes is longer than Windows allows: %w", rows.text(i, fileKey), max(len(short), len(long)), ErrLimit)
		}
		if size := rows.number(i, fileSize); size < 0 {
			return fmt.Errorf("msi: table File, row %s: FileSize %d: %w", rows.text(i, fileKey), size, ErrFormat)
		}
		m.files = append(m.files, f)
	}
	slices.SortFunc(m.files, func(a, b fileRecord) int {
		if d := cmp.Compare(a.sequence, b.sequence); d != 0 {
			return d
		}
		return cmp.Or(cmp.Compare(rows.text(int(a.row), fileKey), rows.text(int(b.row), fileKey)), cmp.Compare(a.row, b.row))
	})
	return nil
}

// isCompressed applies the rules of precedence: in an administrative image
// nothing is compressed; elsewhere the attributes of the file come before the
// Word Count of the package.
func isCompressed(attributes, wordCount int32) bool {
	switch {
	case wordCount&SourceAdminImage != 0:
		return false
	case attributes&FileCompressed != 0:
		return true
	case attributes&FileNoncompressed != 0:
		return false
	}
	return wordCount&SourceCompressed != 0
}

// The columns of Model.hashRows.
const (
	hashFile = iota
	hashOptions
	hashPart // the first of four
)

// readHashes reads the MsiFileHash table: the MD5 in four little-endian parts.
// Options are reserved and 0; what another value means is not documented.
func (m *Model) readHashes(db *Database) *byKey {
	hashes, rows := newByKey(db), &m.hashRows
	for i := range rows.len() {
		if options := rows.number(i, hashOptions); options != 0 {
			row := rows.row(i)
			m.warn("MsiFileHash", "table MsiFileHash, row %s: Options %d are not known: the hash is not checked", row.key(), options)
			continue
		}
		hashes.add(rows.ref(i, hashFile), i)
	}
	return hashes
}
