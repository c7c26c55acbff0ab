package msi

import "io"

// What only the package itself needs and its tests look at.

var EncodeText = encodeText

const TypeTemporary = typeTemporary

func (db *Database) Intern(s string) (uint32, error)     { return db.intern(s) }
func (db *Database) RefWidth() int                       { return db.refWidth() }
func (db *Database) StringAt(ref uint32) (string, error) { return db.pool.at(ref) }
func (db *Database) SetTableStream(name string, data []byte) error {
	return db.setTableStream(name, data)
}
func (db *Database) TableStream(name string) (*io.SectionReader, error) { return db.tableStream(name) }
func (db *Database) TableStreams() []string                             { return db.tableStreams() }
func (r Row) Key() string                                               { return r.key() }
func (t *Table) AddColumns(columns ...Column) error                     { return t.addColumns(columns...) }
