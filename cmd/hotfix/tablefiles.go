package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/hotfixkit/hotfixkit/extract"
	"github.com/hotfixkit/hotfixkit/extract/safepath"
	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/internal/display"
	"github.com/hotfixkit/hotfixkit/msi"
)

// tableFile is one table as a file, in the JSON document of tables -o.
type tableFile struct {
	Name string `json:"name"`
	File string `json:"file"`
	Rows int    `json:"row_count"`
}

// writeTables writes tables into a folder, each as a file of its name. Without
// names, all of them are written.
func (s *session) writeTables(c *cli.Context, p *source.Package, names []string, dir string) error {
	db := p.Database()
	format := "idt"
	if c.IsSet("format") {
		format = c.String("format")
	}
	if format == "text" {
		return usagef("-o writes idt, csv or json")
	}
	if len(names) == 0 {
		names = db.Tables()
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return &extract.OutputError{Path: dir, Err: err}
	}
	result := struct {
		Package string      `json:"package"`
		Output  string      `json:"output"`
		Tables  []tableFile `json:"tables"`
	}{p.Ref(), dir, []tableFile{}}
	taken := map[string]bool{}
	for _, name := range names {
		t, err := rowsOf(db, name)
		if err != nil {
			return packageError(p, err)
		}
		file := name + "." + format
		if err := safepath.Check(file); err != nil {
			return packageError(p, err)
		}
		if taken[safepath.Fold(file)] {
			return packageError(p, fmt.Errorf("two tables would be written to %s: %w", file, msi.ErrExists))
		}
		taken[safepath.Fold(file)] = true
		err = extract.WriteFile(filepath.Join(dir, file), func(w io.Writer) error { return writeTable(w, db, t, format) })
		if err != nil {
			return err
		}
		result.Tables = append(result.Tables, tableFile{name, file, t.Len()})
	}
	return s.finish(result, func(w io.Writer) {
		fmt.Fprintf(w, "%s: %s\n", display.Text(dir), display.Count(len(result.Tables), "table"))
	}, nil)
}

func writeTable(w io.Writer, db *msi.Database, t *msi.Table, format string) error {
	switch format {
	case "csv":
		return writeCSV(w, t)
	case "json":
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(newJSONTable(t))
	}
	return db.ExportIDT(w, t.Name)
}
