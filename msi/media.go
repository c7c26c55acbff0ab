package msi

import (
	"cmp"
	"slices"
	"sort"
	"strings"
)

// Media is a row of the Media table: a disk of the source and the files on it.
type Media struct {
	DiskID       int32
	LastSequence int32
	DiskPrompt   string
	Cabinet      string // as written: "#stream", a file name, or ""
	VolumeLabel  string
	Source       string
}

// Embedded returns the name of the stream that holds the cabinet, where it is
// inside the package.
func (m *Media) Embedded() (stream string, ok bool) { return strings.CutPrefix(m.Cabinet, "#") }

func (m *Model) readMedia(db *Database) error {
	for row := range db.rows("Media") {
		if err := short(row, "Cabinet"); err != nil {
			return err
		}
		media := &Media{
			DiskPrompt:  row.String("DiskPrompt"),
			Cabinet:     row.String("Cabinet"),
			VolumeLabel: row.String("VolumeLabel"),
			Source:      row.String("Source"),
		}
		media.DiskID, _ = row.Int("DiskId")
		media.LastSequence, _ = row.Int("LastSequence")
		m.Media = append(m.Media, media)
	}
	slices.SortStableFunc(m.Media, func(a, b *Media) int {
		return cmp.Or(cmp.Compare(a.LastSequence, b.LastSequence), cmp.Compare(a.DiskID, b.DiskID))
	})
	return nil
}

// mediaOf returns the disk of a file: the one with the smallest LastSequence
// that is not below its sequence (Windows Installer: Media table). It is nil
// where there is none.
func (m *Model) mediaOf(sequence int32) *Media {
	i := sort.Search(len(m.Media), func(i int) bool { return m.Media[i].LastSequence >= sequence })
	if i == len(m.Media) {
		return nil
	}
	return m.Media[i]
}
