package msi

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"unicode/utf16"

	"github.com/hotfixkit/hotfixkit/internal/cfb"
)

// Streams returns the names of all streams that belong to no table, sorted. The
// summary information is not among them.
func (db *Database) Streams() []string {
	names := make([]string, 0, len(db.streams))
	for name := range db.streams {
		if name != streamSummary {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Stream returns the content of a stream. Several readers of one stream may be
// used at once. The error is ErrNotFound. A stream of a damaged file may fail
// later, when it is read, with ErrTruncated or ErrContainer.
func (db *Database) Stream(name string) (*io.SectionReader, error) {
	s, ok := db.streams[name]
	if !ok || name == streamSummary {
		return nil, fmt.Errorf("msi: stream %q: %w", name, ErrNotFound)
	}
	return s.section()
}

func (s *stream) section() (*io.SectionReader, error) {
	switch {
	case s.entry != nil:
		return s.entry.Open(), nil
	case s.open != nil:
		return nil, fmt.Errorf("msi: stream %q is only supplied when the database is saved: %w", decodedName(s.name), ErrNotFound)
	}
	return io.NewSectionReader(s.content, 0, s.size), nil
}

func decodedName(raw []uint16) string {
	name, _ := cfb.DecodeName(raw)
	return name
}

// SetStream adds or replaces a stream. The data must not be changed afterwards.
// The error is ErrLimit for a name that is too long: 31 characters, or up to 62
// of letters, digits, dots and underscores.
func (db *Database) SetStream(name string, data []byte) error {
	return db.setStream(name, newStream(data))
}

// SetStreamFrom adds or replaces a stream of size bytes, which open supplies at
// every Save. Until the database is saved and opened again, Stream does not
// find it.
func (db *Database) SetStreamFrom(name string, size int64, open func() (io.Reader, error)) error {
	return db.setStream(name, &stream{size: size, open: open})
}

func (db *Database) setStream(name string, s *stream) error {
	if name == streamSummary {
		return fmt.Errorf("msi: the summary information is not set as a stream: %w", ErrExists)
	}
	s.name = cfb.EncodeName(name, false)
	if len(s.name) == 0 || len(s.name) > cfb.MaxName {
		return fmt.Errorf("msi: stream name %q: %w", name, ErrLimit)
	}
	db.streams[name] = s
	return nil
}

// RemoveStream removes a stream. The error is ErrNotFound.
func (db *Database) RemoveStream(name string) error {
	if _, ok := db.streams[name]; !ok || name == streamSummary {
		return fmt.Errorf("msi: stream %q: %w", name, ErrNotFound)
	}
	delete(db.streams, name)
	return nil
}

// tableStreams returns the names of all stored streams of tables, sorted,
// without those of the string pool. Together with tableStream it gives access
// to the tables of a transform, which are encoded in a way of their own.
func (db *Database) tableStreams() []string {
	names := make([]string, 0, len(db.raw))
	for name := range db.raw {
		if name != streamPool && name != streamData {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// tableStream returns the stored bytes of a table, changes not included. The
// error is ErrNotFound.
func (db *Database) tableStream(name string) (*io.SectionReader, error) {
	s, ok := db.raw[name]
	if !ok {
		return nil, fmt.Errorf("msi: stream of table %q: %w", name, ErrNotFound)
	}
	return s.section()
}

// setTableStream sets the stored bytes of a table of a transform. Other
// databases refuse it: their tables are changed through Table.
func (db *Database) setTableStream(name string, data []byte) error {
	if db.kind != KindTransform {
		return fmt.Errorf("msi: a %s has no raw tables: %w", db.kind, ErrFormat)
	}
	s := newStream(data)
	s.name = cfb.EncodeName(name, true)
	if len(s.name) > cfb.MaxName {
		return fmt.Errorf("msi: table name %q: %w", name, ErrLimit)
	}
	db.raw[name] = s
	return nil
}

// Storages returns the names of the storages inside the database, sorted: the
// transforms of a patch, for instance.
func (db *Database) Storages() []string {
	return slices.Sorted(maps.Keys(db.storages))
}

// Storage opens a storage inside the database. What does not say that it is a
// database of another kind is a transform. The result reads from the same file,
// and is the same one every time: change a Clone, which becomes part of db by
// SetStorage.
func (db *Database) Storage(name string) (*Database, error) {
	s, ok := db.storages[name]
	if !ok {
		return nil, fmt.Errorf("msi: storage %q: %w", name, ErrNotFound)
	}
	if s.db != nil {
		return s.db, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opened == nil {
		kind := kindOf(s.entry.CLSID)
		if kind == KindUnknown {
			kind = KindTransform
		}
		opened, err := openStorage(context.Background(), s.entry, db.fileSize, db.budget, db.version, kind)
		if err != nil {
			return nil, fmt.Errorf("msi: storage %q: %w", name, err)
		}
		s.opened = opened
	}
	return s.opened, nil
}

// SetStorage adds or replaces a storage, whose content is that of sub at the
// time of Save.
func (db *Database) SetStorage(name string, sub *Database) error {
	raw := utf16.Encode([]rune(name))
	if len(raw) == 0 || len(raw) > cfb.MaxName {
		return fmt.Errorf("msi: storage name %q: %w", name, ErrLimit)
	}
	db.storages[name] = &storage{name: raw, db: sub}
	return nil
}

// RemoveStorage removes a storage. The error is ErrNotFound.
func (db *Database) RemoveStorage(name string) error {
	if _, ok := db.storages[name]; !ok {
		return fmt.Errorf("msi: storage %q: %w", name, ErrNotFound)
	}
	delete(db.storages, name)
	return nil
}
