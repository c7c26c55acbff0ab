package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/internal/display"
	"github.com/hotfixkit/hotfixkit/msi"
)

func tablesCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "tables",
		Usage:     "print the tables of a package or a transform",
		ArgsUsage: "PACKAGE [TABLE]...",
		Description: "Without TABLE, lists the tables. The idt format is that of msidb and `msiinfo export`; " +
			"_SummaryInformation and _ForceCodepage can be asked for in it too. Of a transform, the changes that it makes are printed.",
		Flags: append([]cli.Flag{
			transformFlag(),
			transformBaseFlag(),
			&cli.StringFlag{Name: "format", Usage: "text, csv, json or idt", Value: "text"},
			innerFlag(),
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the tables, all of them if none is named, as files into `DIR` (idt unless --format says csv or json)"},
		}, sourceFlags()...),
		Action: func(c *cli.Context) error {
			if c.NArg() == 0 {
				return usagef("tables needs a package")
			}
			format := c.String("format")
			if s.json {
				format = "json"
			}
			print, ok := tableFormats[format]
			if !ok {
				return usagef("--format is text, csv, json or idt, not %q", format)
			}
			if err := notEmpty(c, "output"); err != nil {
				return err
			}
			s.json = s.json || format == "json" && c.String("output") == ""
			return s.tables(c, print)
		},
	}
}

func (s *session) tables(c *cli.Context, print tablePrinter) error {
	p, err := source.Open(c.Context, c.Args().First(), sourceOptions(c))
	if err != nil {
		return err
	}
	defer p.Close()
	s.sayInner(c.Args().First(), p)
	db := p.Database()
	if db == nil {
		return usagef("%s has no tables: it is a %s", p.Ref(), p.Kind())
	}
	if db.Kind() == msi.KindTransform {
		if c.NArg() > 1 || c.String("format") == "csv" || c.String("format") == "idt" {
			return usagef("a transform is printed whole, as text or JSON")
		}
		basePackage, base, err := baseDatabase(c)
		if err != nil {
			return err
		}
		if basePackage != nil {
			defer basePackage.Close()
		}
		diff, err := transformDiff(db, base)
		if err != nil {
			return packageError(p, err)
		}
		return s.printDiff(diff, nil)
	}
	if c.IsSet("base") {
		return usagef("--base goes with a transform; %s is a %s", p.Ref(), p.Kind())
	}
	names := c.Args().Tail()
	dir := c.String("output")
	if len(names) == 0 && dir == "" {
		return s.listTables(p)
	}
	for i, name := range names {
		if names[i] = tableName(db, name); names[i] == "" {
			return &source.Error{Package: p.Ref(), Place: "table " + name, Err: suggestName(msi.ErrNotFound, name, db.Tables())}
		}
	}
	if dir != "" {
		return s.writeTables(c, p, names, dir)
	}
	return packageError(p, print(s, db, names))
}

// tableName returns the name of a table as the database spells it, or "". Case
// matters only where two tables differ in nothing else.
func tableName(db *msi.Database, name string) string {
	if db.Table(name) != nil || strings.HasPrefix(name, "_") {
		return name
	}
	all := db.Tables()
	if i := slices.IndexFunc(all, func(one string) bool { return strings.EqualFold(one, name) }); i >= 0 {
		return all[i]
	}
	return ""
}

// packageError adds the package to an error of its database.
func packageError(p *source.Package, err error) error {
	if err == nil {
		return nil
	}
	return &source.Error{Package: p.Ref(), Err: err}
}

type tableSummary struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
	Rows    int      `json:"row_count"`
}

func (s *session) listTables(p *source.Package) error {
	result := struct {
		Package string         `json:"package"`
		Tables  []tableSummary `json:"tables"`
	}{Package: p.Ref(), Tables: []tableSummary{}}
	for _, name := range p.Database().Tables() {
		t := p.Database().Table(name)
		result.Tables = append(result.Tables, tableSummary{name, columnNames(t), t.Len()})
	}
	for _, name := range []string{"_Streams", "_Storages"} {
		if t := p.Database().Table(name); t.Len() > 0 {
			result.Tables = append(result.Tables, tableSummary{name, columnNames(t), t.Len()})
		}
	}
	return s.finish(result, func(w io.Writer) {
		t := newTable("TABLE", ">ROWS", "COLUMNS")
		for _, one := range result.Tables {
			t.row(one.Name, strconv.Itoa(one.Rows), strings.Join(one.Columns, " "))
		}
		t.write(w)
	}, nil)
}

func columnNames(t *msi.Table) []string {
	var names []string
	for _, column := range t.Columns() {
		names = append(names, column.Name)
	}
	return names
}

// A tablePrinter prints the named tables of a database.
type tablePrinter func(s *session, db *msi.Database, names []string) error

var tableFormats = map[string]tablePrinter{
	"text": (*session).tablesAsText,
	"csv":  (*session).tablesAsCSV,
	"json": (*session).tablesAsJSON,
	"idt":  (*session).tablesAsIDT,
}

// rowsOf returns a named table that exists and can be read.
func rowsOf(db *msi.Database, name string) (*msi.Table, error) {
	t := db.Table(name)
	if t == nil {
		return nil, fmt.Errorf("table %s: %w; only --format idt prints it", name, msi.ErrNotFound)
	}
	return t, nil
}

// cellText is a cell for people and for CSV.
func cellText(r msi.Row, i int) string {
	v := r.Value(i)
	if v.IsBinary() {
		return "[" + r.StreamName() + "]"
	}
	return v.Text()
}

func (s *session) tablesAsText(db *msi.Database, names []string) error {
	for i, name := range names {
		t, err := rowsOf(db, name)
		if err != nil {
			return err
		}
		err = s.finish(nil, func(w io.Writer) {
			if i > 0 {
				fmt.Fprintln(w)
			}
			if len(names) > 1 {
				fmt.Fprintln(w, display.Text(name))
			}
			var header []string
			for _, column := range t.Columns() {
				right := ""
				if column.Type.IsInt() {
					right = ">"
				}
				header = append(header, right+column.Name)
			}
			out := newTable(header...)
			for row := range t.Rows() {
				cells := make([]string, len(header))
				for i := range cells {
					cells[i] = cellText(row, i)
				}
				out.row(cells...)
			}
			out.write(w)
		}, nil)
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *session) tablesAsCSV(db *msi.Database, names []string) error {
	if len(names) > 1 {
		return usagef("--format csv prints one table at a time")
	}
	t, err := rowsOf(db, names[0])
	if err != nil {
		return err
	}
	return writeCSV(s.output(), t)
}

func writeCSV(out io.Writer, t *msi.Table) error {
	w := csv.NewWriter(out)
	if err := w.Write(columnNames(t)); err != nil {
		return err
	}
	for row := range t.Rows() {
		cells := make([]string, len(t.Columns()))
		for i := range cells {
			cells[i] = cellText(row, i)
		}
		if err := w.Write(cells); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// jsonTable is one table in JSON: a cell is null, a number, a text, or an object
// that names the stream of a binary cell.
type jsonTable struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
	Keys    []string `json:"keys"`
	Rows    [][]any  `json:"rows"`
}

func (s *session) tablesAsJSON(db *msi.Database, names []string) error {
	result := struct {
		Tables []jsonTable `json:"tables"`
	}{}
	for _, name := range names {
		t, err := rowsOf(db, name)
		if err != nil {
			return err
		}
		result.Tables = append(result.Tables, newJSONTable(t))
	}
	return s.finish(result, nil, nil)
}

func newJSONTable(t *msi.Table) jsonTable {
	one := jsonTable{Name: t.Name, Columns: columnNames(t), Keys: []string{}, Rows: [][]any{}}
	for _, key := range t.Keys() {
		one.Keys = append(one.Keys, one.Columns[key])
	}
	for row := range t.Rows() {
		cells := make([]any, len(one.Columns))
		for i := range cells {
			cells[i] = jsonCell(row.Value(i), row.StreamName)
		}
		one.Rows = append(one.Rows, cells)
	}
	return one
}

func jsonCell(v msi.Value, stream func() string) any {
	n, isInt := v.Int()
	switch {
	case v.IsNull():
		return nil
	case v.IsBinary():
		return map[string]string{"stream": stream()}
	case isInt:
		return n
	}
	return v.Text()
}

func (s *session) tablesAsIDT(db *msi.Database, names []string) error {
	for _, name := range names {
		if err := db.ExportIDT(s.output(), name); err != nil {
			return err
		}
	}
	return nil
}
