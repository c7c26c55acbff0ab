package msi

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// Bits of File.Attributes (Windows Installer: File table).
const (
	FileReadOnly      = 0x0001
	FileHidden        = 0x0002
	FileSystem        = 0x0004
	FileVital         = 0x0200
	FileChecksum      = 0x0400
	FilePatchAdded    = 0x1000
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

// File is a row of the File table with what other tables say about it.
type File struct {
	Key                 string
	Component           *Component
	Directory           *Directory // that of the component
	ShortName, LongName string
	Size                int64 // as the table claims
	Version             string
	Language            string
	Attributes          int32
	Sequence            int32
	// MD5 is the hash of the content, nil where the MsiFileHash table has no
	// row. For an empty file four zeros may stand instead.
	MD5 *[16]byte
	// Compressed tells files in a cabinet from files that lie next to the
	// package: by the file's attributes, or else by the package's Word Count.
	Compressed bool
	// Media is the disk that holds the file; nil where the Media table has
	// none for its sequence, as in merge modules.
	Media *Media
	// Cabinet is the cabinet that holds a compressed file: "#stream", a file
	// name, or "" where the tables name none.
	Cabinet string
	// LeftOut is nil for a file of the administrative image.
	LeftOut *LeftOut
}

// Name returns the short or the long name.
func (f *File) Name(short bool) string { return pick(short, f.ShortName, f.LongName) }

// SourcePath returns the names from below the root to the file, in the layout
// of an administrative image.
func (f *File) SourcePath(short bool) []string {
	return append(f.Directory.SourcePath(short), f.Name(short))
}

// TargetPath is SourcePath for the layout of an installation.
func (f *File) TargetPath(short bool) []string {
	return append(f.Directory.TargetPath(short), f.Name(short))
}

// Hashed returns how many of the files have a hash in the MsiFileHash table, by
// which their content can be checked. Packages hash the files without a version.
func (m *Model) Hashed() int {
	n := 0
	for _, f := range m.Files {
		if f.MD5 != nil {
			n++
		}
	}
	return n
}

func (m *Model) readFiles(db *Database) error {
	hashes := m.readHashes(db)
	wordCount, _ := db.Summary().Int(PIDWordCount)
	_, module := db.streams[moduleCabinet]
	key, component := db.columnOf("File", "File"), db.columnOf("File", "Component_")
	all := make([]File, db.count("File"))
	m.Files = make([]*File, 0, len(all))
	for row := range db.rows("File") {
		if err := short(row, "File", "Version", "Language"); err != nil {
			return err
		}
		f := &all[0]
		all = all[1:]
		*f = File{
			Key:      row.String("File"),
			Version:  row.String("Version"),
			Language: row.String("Language"),
			MD5:      hashes.find(row.ref(key)),
		}
		if f.Component = m.components.find(row.ref(component)); f.Component == nil {
			m.dangling(row, "component", row.String("Component_"), "the file is left out")
			continue
		}
		f.Directory = f.Component.Directory
		f.ShortName, f.LongName = splitName(row.String("FileName"))
		if tooLong(f.ShortName) || tooLong(f.LongName) {
			return fmt.Errorf("msi: table File, row %s: a name of %d bytes is longer than Windows allows: %w", f.Key, max(len(f.ShortName), len(f.LongName)), ErrLimit)
		}
		size, _ := row.Int("FileSize")
		if size < 0 {
			return fmt.Errorf("msi: table File, row %s: FileSize %d: %w", f.Key, size, ErrFormat)
		}
		f.Size = int64(size)
		f.Attributes, _ = row.Int("Attributes")
		f.Sequence, _ = row.Int("Sequence")
		f.Compressed = isCompressed(f.Attributes, wordCount)
		if f.Media = m.mediaOf(f.Sequence); f.Media != nil {
			f.Cabinet = f.Media.Cabinet
		} else if module {
			f.Cabinet, f.Compressed = "#"+moduleCabinet, true
		}
		f.LeftOut = f.Component.LeftOut
		m.Files = append(m.Files, f)
	}
	slices.SortStableFunc(m.Files, func(a, b *File) int {
		return cmp.Or(cmp.Compare(a.Sequence, b.Sequence), cmp.Compare(a.Key, b.Key))
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

// readHashes reads the MsiFileHash table: the MD5 in four little-endian parts.
// Options are reserved and 0; what another value means is not documented.
func (m *Model) readHashes(db *Database) *byKey[[16]byte] {
	hashes := newByKey[[16]byte](db)
	key := db.columnOf("MsiFileHash", "File_")
	all := make([][16]byte, db.count("MsiFileHash"))
	for row := range db.rows("MsiFileHash") {
		if options, _ := row.Int("Options"); options != 0 {
			m.warn("MsiFileHash", "table MsiFileHash, row %s: Options %d are not known: the hash is not checked", row.Key(), options)
			continue
		}
		sum := &all[0]
		all = all[1:]
		for i, column := range []string{"HashPart1", "HashPart2", "HashPart3", "HashPart4"} {
			part, ok := row.Int(column)
			if !ok {
				part = math.MinInt32 // its stored form is that of null
			}
			binary.LittleEndian.PutUint32(sum[4*i:], uint32(part))
		}
		hashes.add(row.ref(key), sum)
	}
	return hashes
}
