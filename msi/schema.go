package msi

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
)

// standardTablesText lists the tables that Windows Installer defines (Windows
// Installer: Database Tables), as far as storage needs it: a line per table, "*"
// before the columns of the key, "s" for strings, "v" for streams, "i2" and "i4"
// for integers. Where packages differ, a table has several lines, the usual one
// first.
//
//go:embed standard_tables.txt
var standardTablesText string

var standardTables = sync.OnceValue(func() map[string][][]Column {
	tables := make(map[string][][]Column)
	for line := range strings.Lines(standardTablesText) {
		fields := strings.Fields(line)
		var columns []Column
		for _, f := range fields[1:] {
			name, kind, _ := strings.Cut(f, ":")
			name, key := strings.CutPrefix(name, "*")
			c := Column{Name: name, Type: typeValid}
			switch kind {
			case "s":
				c.Type |= typeString | typeNotBinary
			case "v":
				c.Type |= typeString
			case "i2":
				c.Type |= typeNotBinary | 2
			case "i4":
				c.Type |= 4
			}
			if key {
				c.Type |= typeKey
			}
			columns = append(columns, c)
		}
		tables[fields[0]] = append(tables[fields[0]], columns)
	}
	// The usual form of a table comes first; so does the longer of two.
	for _, forms := range tables {
		slices.SortStableFunc(forms, func(a, b []Column) int { return len(b) - len(a) })
	}
	return tables
})
