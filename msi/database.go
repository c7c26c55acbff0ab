package msi

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hotfixkit/hotfixkit/internal/cfb"
)

// Names of the streams and tables that every database has.
const (
	streamPool    = "_StringPool"
	streamData    = "_StringData"
	tableTables   = "_Tables"
	tableColumns  = "_Columns"
	streamSummary = "\x05SummaryInformation"

	streamSignature   = "\x05DigitalSignature"
	streamSignatureEx = "\x05MsiDigitalSignatureEx"
)

// maxTableMemory is how many bytes of memory the tables and strings of a file may
// take, those of its storages (the transforms of a patch) included. They are held
// in memory; streams are not. Real packages need a few million. A small file gets
// less: memoryFactor times its size, which is more than its tables can take
// unless they use the same bytes of the file again and again.
const (
	maxTableMemory = 128 << 20
	memoryFactor   = 32
	minTableMemory = 4 << 20
)

// budget is the memory that is left for the tables of a file.
type budget struct{ left atomic.Int64 }

func newBudget(fileSize int64) *budget {
	b := &budget{}
	b.left.Store(min(maxTableMemory, minTableMemory+memoryFactor*min(fileSize, maxTableMemory)))
	return b
}

// What strings and rows take in memory besides their content.
const (
	stringOverhead = 40
	rowOverhead    = 32
)

// Database is an open installer database.
type Database struct {
	closer   io.Closer
	fileSize int64
	budget   *budget // shared with the storages in it

	kind      Kind
	clsid     [16]byte
	stateBits uint32
	modified  uint64
	version   int // of the compound file

	pool     *pool
	tables   map[string]*Table
	streams  map[string]*stream // by decoded name, the summary among them
	raw      map[string]*stream // streams of tables, by table name
	storages map[string]*storage
	summary  *Summary
	changed  bool // a cell or the schema is not as stored
}

// stream is a stream of the database, in the source file or new.
type stream struct {
	name      []uint16
	stateBits uint32
	size      int64
	entry     *cfb.Entry                // of a stored stream
	content   *io.SectionReader         // of a new one
	open      func() (io.Reader, error) // of one that is supplied at Save
}

// storage is a storage inside the database, stored or new.
type storage struct {
	name  []uint16
	entry *cfb.Entry
	db    *Database // of a new one

	mu     sync.Mutex
	opened *Database // of a stored one, once it was asked for
}

// Open opens the database in the named file, which stays open until Close.
func Open(name string) (*Database, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("msi: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("msi: %w", err)
	}
	db, err := NewReader(f, info.Size())
	if err != nil {
		f.Close()
		return nil, err
	}
	db.closer = f
	return db, nil
}

// NewReader reads the database in the size bytes of r, which must stay readable
// while the database is used. Tables and strings are read at once and held in
// memory, up to 128 MiB (ErrLimit); streams are not.
func NewReader(r io.ReaderAt, size int64) (*Database, error) {
	return NewReaderContext(context.Background(), r, size)
}

// NewReaderContext is NewReader until ctx is done, whose error it returns then.
// What it returns does not depend on ctx.
func NewReaderContext(ctx context.Context, r io.ReaderAt, size int64) (*Database, error) {
	c, err := cfb.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("msi: %w", err)
	}
	return openStorage(ctx, c.Root(), size, newBudget(size), c.Version(), kindOf(c.Root().CLSID))
}

// New makes an empty database of KindDatabase, KindTransform or KindPatch.
func New(kind Kind, codePage int) (*Database, error) {
	clsid, ok := kindCLSID[kind]
	if !ok {
		return nil, fmt.Errorf("msi: a new database cannot be of kind %s: %w", kind, ErrFormat)
	}
	p, err := newPool(codePage)
	if err != nil {
		return nil, err
	}
	db := &Database{kind: kind, clsid: clsid, pool: p, changed: true}
	db.init()
	db.summary = &Summary{codePage: codePage}
	if kind != KindTransform {
		db.addSystemTables()
	}
	return db, nil
}

func (db *Database) init() {
	db.tables = make(map[string]*Table)
	db.streams = make(map[string]*stream)
	db.raw = make(map[string]*stream)
	db.storages = make(map[string]*storage)
}

// openStorage reads the database in one storage of a compound file.
func openStorage(ctx context.Context, root *cfb.Entry, fileSize int64, b *budget, version int, kind Kind) (*Database, error) {
	db := &Database{
		fileSize: fileSize, budget: b,
		kind: kind, clsid: root.CLSID, stateBits: root.StateBits, modified: root.Modified, version: version,
	}
	db.init()
	for _, e := range root.Children {
		if err := db.addEntry(e); err != nil {
			return nil, err
		}
	}

	var err error
	if db.summary, err = db.readSummary(); err != nil {
		return nil, err
	}
	if db.pool, err = db.readPool(); err != nil {
		return nil, err
	}
	if db.kind == KindTransform {
		err = db.spendTransform()
	} else {
		err = db.readTables(ctx)
	}
	if err != nil {
		return nil, err
	}
	return db, nil
}

// addEntry lists one storage or stream of the file.
func (db *Database) addEntry(e *cfb.Entry) error {
	if e.IsStorage {
		if _, ok := db.storages[e.Name]; ok {
			return fmt.Errorf("msi: two storages are named %q: %w", e.Name, ErrFormat)
		}
		db.storages[e.Name] = &storage{name: e.RawName, entry: e}
		return nil
	}
	name, table := cfb.DecodeName(e.RawName)
	e.Title = name
	s := &stream{name: e.RawName, stateBits: e.StateBits, size: e.Size, entry: e}
	if table {
		if _, ok := db.raw[name]; ok {
			return fmt.Errorf("msi: two tables are named %q: %w", name, ErrFormat)
		}
		db.raw[name] = s
		return nil
	}
	first, taken := db.streams[name]
	_, again := db.streams[e.Name]
	switch {
	case !taken:
		db.streams[name] = s
	case !isPropertySet(name), again && e.Name != name, (e.Name == name) == (first.entry.Name == name):
		return fmt.Errorf("msi: two streams are named %q: %w", name, ErrFormat)
	case e.Name == name:
		db.streams[name], db.streams[first.entry.Name] = s, first
	default:
		db.streams[e.Name] = s
	}
	return nil
}

// isPropertySet reports whether a stream of that name is a property set, whose
// name is never packed. A stream with the same name in packed form, which some
// packages have, is another stream, and listed under the name as it is stored.
// Signatures are not property sets: of two, it must be clear which one counts.
func isPropertySet(name string) bool {
	switch {
	case strings.EqualFold(name, streamSignature), strings.EqualFold(name, streamSignatureEx):
		return false
	}
	return name != "" && name[0] == '\x05'
}

func (db *Database) readSummary() (*Summary, error) {
	s, ok := db.streams[streamSummary]
	if !ok {
		return &Summary{codePage: codePage1252}, nil
	}
	b, err := db.readAll(s)
	if err != nil {
		return nil, fmt.Errorf("msi: summary information: %w", err)
	}
	return parseSummary(b)
}

func (db *Database) readPool() (*pool, error) {
	for _, name := range []string{streamPool, streamData} {
		if db.raw[name] == nil {
			return nil, fmt.Errorf("msi: there is no stream %s: this is not an installer database: %w", name, ErrFormat)
		}
	}
	table, err := db.readAll(db.raw[streamPool])
	if err != nil {
		return nil, fmt.Errorf("msi: %s: %w", streamPool, err)
	}
	data, err := db.readText(db.raw[streamData])
	if err != nil {
		return nil, fmt.Errorf("msi: %s: %w", streamData, err)
	}
	if err := db.spend(int64(len(table) / 4 * stringOverhead)); err != nil {
		return nil, fmt.Errorf("msi: %s: %w", streamPool, err)
	}
	return parsePool(table, data)
}

// readAll reads a stream that belongs to the tables.
func (db *Database) readAll(s *stream) ([]byte, error) {
	if err := db.spendStream(s); err != nil {
		return nil, err
	}
	b := make([]byte, s.size)
	if n, err := s.entry.Open().ReadAt(b, 0); n < len(b) {
		return nil, err
	}
	return b, nil
}

// readText is readAll for a stream that is one text.
func (db *Database) readText(s *stream) (string, error) {
	if err := db.spendStream(s); err != nil {
		return "", err
	}
	var text strings.Builder
	text.Grow(int(s.size))
	_, err := io.CopyN(&text, s.entry.Open(), s.size)
	return text.String(), err
}

// spendStream takes the memory that a stream needs from the budget of the tables.
func (db *Database) spendStream(s *stream) error {
	if s.size > db.fileSize {
		return fmt.Errorf("%d bytes in a file of %d: %w", s.size, db.fileSize, cfb.ErrTruncated)
	}
	return db.spend(s.size)
}

// spend takes memory from the budget of the tables.
func (db *Database) spend(bytes int64) error {
	if db.budget.left.Add(-bytes) < 0 {
		return fmt.Errorf("the tables take too much memory for a file of %d bytes: %w", db.fileSize, ErrLimit)
	}
	return nil
}

// spendTransform takes from the budget what the tables of a transform take once
// they are decoded.
func (db *Database) spendTransform() error {
	const decoded = 8 // times the stored bytes
	for name, s := range db.raw {
		if err := db.spend(decoded * min(s.size, maxTableMemory)); err != nil {
			return fmt.Errorf("msi: table %s: %w", name, err)
		}
	}
	return nil
}

// Close closes the file that Open opened.
func (db *Database) Close() error {
	if db.closer == nil {
		return nil
	}
	err := db.closer.Close()
	db.closer = nil
	return err
}

// Kind returns what the database is for.
func (db *Database) Kind() Kind { return db.kind }

// CodePage returns the Windows code page of the strings; 0 is neutral.
func (db *Database) CodePage() int { return db.pool.codePage }

// SetCodePage changes the code page and converts all strings. It changes
// nothing and returns ErrCodePage where a string does not exist in the new one.
// The code page of the summary information is its own property.
func (db *Database) SetCodePage(codePage int) error {
	if codePage == db.pool.codePage {
		return nil
	}
	if err := db.pool.setCodePage(codePage); err != nil {
		return err
	}
	for _, t := range db.tables {
		t.index, t.places = nil, nil
	}
	db.touch()
	return nil
}

// Summary returns the summary information, which may be changed.
func (db *Database) Summary() *Summary { return db.summary }

// refWidth returns the bytes of a stored string reference: 2 or 3.
func (db *Database) refWidth() int {
	if db.pool.wide {
		return 3
	}
	return 2
}

// intern returns the reference of a string, which is added where it is new, and
// counts one more use of it. It serves transforms that are being made.
func (db *Database) intern(s string) (uint32, error) {
	ref, err := db.pool.intern(s)
	if err == nil && ref != 0 {
		db.pool.refs[ref]++
		db.touch()
	}
	return ref, err
}

// Clone returns a copy that can be changed without changing db. Streams are
// still read from the file of db, which must stay open.
func (db *Database) Clone() *Database {
	c := *db
	c.closer = nil
	c.pool = db.pool.clone()
	c.summary = db.summary.clone()
	c.streams, c.raw, c.storages = maps.Clone(db.streams), maps.Clone(db.raw), maps.Clone(db.storages)
	c.tables = make(map[string]*Table, len(db.tables))
	for name, t := range db.tables {
		c.tables[name] = t.clone(&c)
	}
	return &c
}

// touch notes that the string pool has to be made anew.
func (db *Database) touch() { db.changed = true }
