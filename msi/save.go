package msi

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/hotfixkit/hotfixkit/internal/cfb"
)

func newStream(data []byte) *stream {
	return &stream{size: int64(len(data)), content: io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data)))}
}

// Save writes the database as a new compound file, in one forward pass. What
// was not changed, streams and storages above all, is copied as it is, without
// being held in memory. The same database gives the same bytes. w must not be
// the file that the database is read from.
func (db *Database) Save(w io.Writer) error {
	root, err := db.node()
	if err != nil {
		return err
	}
	o := cfb.WriteOptions{}
	if db.version == 4 {
		o.Version = 4
	}
	if err := cfb.Write(w, root, o); err != nil {
		return fmt.Errorf("msi: %w", err)
	}
	return nil
}

// node returns the storage that holds the database.
func (db *Database) node() (*cfb.Node, error) {
	n := &cfb.Node{IsStorage: true, CLSID: db.clsid, StateBits: db.stateBits, Modified: db.modified}
	streams := maps.Clone(db.streams)
	delete(streams, streamSummary)
	if b := db.summary.encode(); b != nil {
		s := newStream(b)
		s.name = cfb.EncodeName(streamSummary, false)
		streams[streamSummary] = s
	}
	for _, name := range slices.Sorted(maps.Keys(streams)) {
		n.Children = append(n.Children, streams[name].node())
	}
	raw := db.raw
	if db.changed {
		raw = db.encodeTables()
	}
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		s := raw[name]
		if s.name == nil {
			s.name = cfb.EncodeName(name, true)
		}
		n.Children = append(n.Children, s.node())
	}
	for _, name := range db.Storages() {
		s := db.storages[name]
		if s.db == nil {
			child := storedNode(s.entry)
			n.Children = append(n.Children, child)
			continue
		}
		child, err := s.db.node()
		if err != nil {
			return nil, fmt.Errorf("msi: storage %q: %w", name, err)
		}
		child.RawName = s.name
		n.Children = append(n.Children, child)
	}
	return n, nil
}

func (s *stream) node() *cfb.Node {
	open := s.open
	if open == nil {
		open = func() (io.Reader, error) { return s.section() }
	}
	return &cfb.Node{Name: decodedName(s.name), RawName: s.name, StateBits: s.stateBits, Size: s.size, Open: open}
}

// storedNode copies a storage as it is.
func storedNode(e *cfb.Entry) *cfb.Node {
	n := &cfb.Node{
		Name: e.Name, RawName: e.RawName, IsStorage: e.IsStorage, CLSID: e.CLSID, StateBits: e.StateBits,
		Created: e.Created, Modified: e.Modified, Size: e.Size,
		Open: func() (io.Reader, error) { return e.Open(), nil },
	}
	for _, child := range e.Children {
		n.Children = append(n.Children, storedNode(child))
	}
	return n
}

// encodeTables returns the streams of all tables and of the string pool. A
// table that was not changed keeps its stream, unless references grow wider.
func (db *Database) encodeTables() map[string]*stream {
	raw := maps.Clone(db.raw)
	wide := db.pool.needsWide()
	refs := slices.Clone(db.pool.refs)
	if db.kind != KindTransform {
		refs = db.countRefs()
	}
	for name, t := range db.tables {
		if !t.changed && wide == db.pool.wide {
			continue
		}
		delete(raw, name)
		if b := t.encode(wide); len(b) > 0 {
			raw[name] = newStream(b)
		}
	}
	table, data := db.pool.encode(refs)
	raw[streamPool], raw[streamData] = newStream(table), newStream(data)
	return raw
}

// countRefs counts how often each string is used.
func (db *Database) countRefs() []uint32 {
	refs := make([]uint32, db.pool.len())
	for _, t := range db.tables {
		for c, column := range t.columns {
			if !column.Type.IsString() {
				continue
			}
			for row := range t.Rows() {
				refs[row.cell(c)]++
			}
		}
	}
	// A stream that looks like a table which the schema does not name may
	// still refer to strings.
	for name := range db.raw {
		if db.tables[name] == nil && name != streamPool && name != streamData {
			for i, n := range db.pool.refs {
				refs[i] = max(refs[i], n)
			}
			break
		}
	}
	return refs
}
