package msi

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Names that text archives use for what is not a table.
const (
	idtSummary  = "_SummaryInformation"
	idtCodePage = "_ForceCodepage"
)

// ExportIDT writes a table as a text archive (Windows Installer: Text Archive
// Files), in UTF-8, as msiinfo export writes it: names of the columns, types,
// table and keys, then one line per row. A stream is represented by its name.
// Unlike msiinfo, it replaces tabs and line ends inside cells, as Windows
// Installer does; they would break the lines. The table may also be
// _SummaryInformation or _ForceCodepage, which are not tables. The error is
// ErrNotFound.
func (db *Database) ExportIDT(w io.Writer, table string) error {
	b := bufio.NewWriter(w)
	switch t := db.Table(table); {
	case table == idtSummary:
		db.summary.exportIDT(b)
	case table == idtCodePage:
		fmt.Fprintf(b, "\r\n\r\n%d\t%s\r\n", db.CodePage(), idtCodePage)
	case t == nil:
		return fmt.Errorf("msi: table %q: %w", table, ErrNotFound)
	default:
		t.exportIDT(b)
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("msi: %w", err)
	}
	return nil
}

func (t *Table) exportIDT(b *bufio.Writer) {
	var names, types []string
	keys := []string{t.Name}
	for _, c := range t.columns {
		names = append(names, c.Name)
		types = append(types, c.Type.String())
		if c.Type.IsKey() && systemTables[t.Name] == nil {
			keys = append(keys, c.Name)
		}
	}
	writeLine(b, names)
	writeLine(b, types)
	writeLine(b, keys)
	for row := range t.Rows() {
		cells := row.Values()
		line := make([]string, len(cells))
		for i, v := range cells {
			line[i] = v.Text()
			if v.IsBinary() {
				line[i] = row.StreamName()
			}
			line[i] = idtEscape.Replace(line[i])
		}
		writeLine(b, line)
	}
}

// idtEscape replaces the characters that separate cells and rows (Windows
// Installer: MsiDatabaseExport).
var idtEscape = strings.NewReplacer(
	"\x00", "\x15", "\b", "\x1B", "\t", "\x10", "\n", "\x19", "\f", "\x18", "\r", "\x11")

func writeLine(b *bufio.Writer, cells []string) {
	b.WriteString(strings.Join(cells, "\t"))
	b.WriteString("\r\n")
}

func (s *Summary) exportIDT(b *bufio.Writer) {
	writeLine(b, []string{"PropertyId", "Value"})
	writeLine(b, []string{"i2", "l255"})
	writeLine(b, []string{idtSummary, "PropertyId"})
	for _, id := range s.IDs() {
		p := s.find(id)
		var text string
		if n, ok := s.Int(id); ok {
			text = strconv.Itoa(int(n))
		} else if t, ok := s.Time(id); ok {
			text = t.Format("2006/01/02 15:04:05")
		} else {
			text = idtEscape.Replace(p.text)
		}
		writeLine(b, []string{strconv.Itoa(int(id)), text})
	}
}
