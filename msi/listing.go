package msi

// Names of the tables that list what a database holds besides its tables (Windows
// Installer: _Streams Table, _Storages Table).
const (
	tableStreams  = "_Streams"
	tableStorages = "_Storages"
)

// listingColumns are the columns of the two tables.
var listingColumns = []Column{
	{"Name", typeKey | typeString | typeNotBinary | typeValid | 62},
	{"Data", typeString | typeValid | typeNullable},
}

// listing returns the table _Streams or _Storages, made of what is there now;
// changes to it change nothing else. It is nil for any other name.
func (db *Database) listing(name string) *Table {
	var names []string
	switch name {
	case tableStreams:
		names = db.Streams()
	case tableStorages:
		names = db.Storages()
	default:
		return nil
	}
	own := &Database{pool: &pool{codePage: codePageUTF8, text: packed{ends: []uint32{0}}}, streams: db.streams}
	t := &Table{Name: name, db: own, columns: listingColumns}
	for i, one := range names {
		own.pool.added = append(own.pool.added, addedString{text: one, raw: one})
		t.rows = append(t.rows, &record{[]uint32{uint32(i + 1), 1}})
	}
	return t
}
