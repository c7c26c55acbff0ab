package cab

import (
	"cmp"
	"fmt"
	"slices"
)

// A Set is the volumes of a cabinet set joined: a folder may start in one cabinet
// and end in another. A single cabinet is a set of one. It is safe for concurrent
// use when the readers of its cabinets are.
type Set struct {
	// Cabinets are the volumes in the order of the set.
	Cabinets []*Cabinet
	// Files are the members in the order of the file lists; a member that
	// several volumes list because its data run through them appears once, as
	// the first of them lists it.
	Files []*File

	folders []*setFolder
}

// SetOptions say how volumes are joined.
type SetOptions struct {
	// Incomplete accepts a set of which volumes are missing. Decode then fails
	// for the members whose data are not all there, with ErrVolume.
	Incomplete bool
}

// A setFolder is a folder with all its parts and members.
type setFolder struct {
	compression Compression
	parts       []folderPart
	files       []*File // by ascending offset, in the order of the list where offsets are equal

	// cut says that the files are some of those of a folder without compression; with
	// rest, others come before them, which are decoded elsewhere.
	cut, rest bool

	// before and after, when set, say why the folder's data before its first or
	// after its last part are missing.
	before, after error
}

// A folderPart is what one cabinet holds of a folder.
type folderPart struct {
	cabinet *Cabinet
	index   int // into cabinet.Folders
}

func (p folderPart) folder() *Folder { return &p.cabinet.Folders[p.index] }

// NewSet joins cabinets, given in any order. It returns an ErrVolume when they
// do not belong together, and when a folder continues in a cabinet that is missing
// (the error tells its name) unless o.Incomplete allows it. A missing cabinet that
// no folder continues in is not an error: no member listed here needs it.
func NewSet(cabinets []*Cabinet, o SetOptions) (*Set, error) {
	s := &Set{Cabinets: slices.Clone(cabinets)}
	slices.SortStableFunc(s.Cabinets, func(a, b *Cabinet) int { return cmp.Compare(a.Index, b.Index) })
	var previous *Cabinet
	for _, c := range s.Cabinets {
		if previous != nil && (c.SetID != previous.SetID || c.Index == previous.Index) {
			return nil, fmt.Errorf("cab: %s%w: set %d, volume %d cannot follow set %d, volume %d",
				c.place(), ErrVolume, c.SetID, c.Index, previous.SetID, previous.Index)
		}
		gap := missingBetween(previous, c)
		if err := s.append(c, gap); err != nil {
			return nil, fmt.Errorf("cab: %s%w", c.place(), err)
		}
		previous = c
	}
	s.endOpenFolder(missingBetween(previous, nil))
	for _, f := range s.folders {
		if missing := cmp.Or(f.before, f.after); missing != nil && !o.Incomplete {
			return nil, fmt.Errorf("cab: %w", missing)
		}
		slices.SortStableFunc(f.files, func(a, b *File) int { return cmp.Compare(a.Offset, b.Offset) })
	}
	return s, nil
}

// missingBetween returns an error when cabinets are missing between a and b,
// either of which may be nil for the ends of the set.
func missingBetween(a, b *Cabinet) error {
	switch {
	case a != nil && b != nil && b.Index == a.Index+1:
		return nil
	case a != nil && a.flags&flagNextCabinet != 0:
		return fmt.Errorf("%s%w: the next cabinet, %q (disk %q), is missing", a.place(), ErrVolume, a.Next.Cabinet, a.Next.Disk)
	case b != nil && b.flags&flagPrevCabinet != 0:
		return fmt.Errorf("%s%w: the previous cabinet, %q (disk %q), is missing", b.place(), ErrVolume, b.Previous.Cabinet, b.Previous.Disk)
	case a != nil && b != nil:
		return fmt.Errorf("%s%w: volume %d cannot follow volume %d", b.place(), ErrVolume, b.Index, a.Index)
	}
	return nil
}

// append adds the folders and files of the next volume. gap says what is missing
// between it and the volume before.
func (s *Set) append(c *Cabinet, gap error) error {
	continued := slices.ContainsFunc(c.Files, func(f *File) bool { return f.ContinuedFromPrevious })
	folders := make([]*setFolder, len(c.Folders))
	for i := range c.Folders {
		folders[i] = &setFolder{compression: c.Folders[i].Compression}
	}
	switch open := s.openFolder(); {
	case continued && open != nil && gap == nil:
		if open.compression != folders[0].compression {
			return fmt.Errorf("%w: folder 0 is %v, but %v in the volume before", ErrVolume, folders[0].compression, open.compression)
		}
		folders[0] = open
	case continued:
		if gap == nil {
			gap = fmt.Errorf("%s%w: folder 0 starts in a cabinet before, which does not continue it", c.place(), ErrVolume)
		}
		folders[0].before = gap
		s.endOpenFolder(gap)
	case open != nil:
		if gap == nil {
			gap = fmt.Errorf("%s%w: does not continue the last folder of the volume before", c.place(), ErrVolume)
		}
		s.endOpenFolder(gap)
	}

	type identity struct {
		name         string
		offset, size int64
	}
	listed := map[identity]bool{}
	if len(folders) > 0 && continued {
		for _, f := range folders[0].files {
			listed[identity{f.RawName(), f.Offset, f.Size}] = true
		}
	}
	s.Files = slices.Grow(s.Files, len(c.Files))
	if len(folders) == 1 {
		folders[0].files = slices.Grow(folders[0].files, len(c.Files))
	}
	for _, f := range c.Files {
		if f.ContinuedFromPrevious && listed[identity{f.RawName(), f.Offset, f.Size}] {
			continue
		}
		folders[f.Folder].files = append(folders[f.Folder].files, f)
		s.Files = append(s.Files, f)
	}
	for i, f := range folders {
		f.parts = append(f.parts, folderPart{c, i})
		if len(f.parts) == 1 {
			s.folders = append(s.folders, f)
		}
	}
	return nil
}

// openFolder returns the last folder if it continues in the next volume.
func (s *Set) openFolder() *setFolder {
	if len(s.folders) == 0 {
		return nil
	}
	last := s.folders[len(s.folders)-1]
	part := last.parts[len(last.parts)-1]
	for _, f := range part.cabinet.Files {
		if f.ContinuedToNext && int(f.Folder) == part.index && part.index == len(part.cabinet.Folders)-1 {
			return last
		}
	}
	return nil
}

func (s *Set) endOpenFolder(reason error) {
	if open := s.openFolder(); open != nil {
		open.after = reason
	}
}
