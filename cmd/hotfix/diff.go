package main

import (
	"context"
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

func diffCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "diff",
		Usage:     "compare two packages: tables, rows and files",
		ArgsUsage: "A B",
		Description: "Exit code 1 when they differ. Files are compared by their path in the image, size, version, and the hash that the package has; " +
			"the bytes of embedded cabinets are compared as streams.",
		Flags: append([]cli.Flag{
			transformBaseFlag(),
			&cli.BoolFlag{Name: "ignore-signatures", Usage: "leave out the signature streams and the tables of signatures"},
			&cli.BoolFlag{Name: "ignore-times", Usage: "leave out the times in the summary information"},
		}, sourceFlags()...),
		Action: func(c *cli.Context) error {
			if c.NArg() != 2 {
				return usagef("diff needs two packages")
			}
			stop := s.newMeter().working("comparing")
			defer stop()
			var packages [2]*source.Package
			for i := range packages {
				p, err := source.Open(c.Context, c.Args().Get(i), sourceOptions(c))
				if err != nil {
					return err
				}
				defer p.Close()
				packages[i] = p
			}
			basePackage, base, err := baseDatabase(c)
			if err != nil {
				return err
			}
			if basePackage != nil {
				defer basePackage.Close()
			}
			ignore := diffFilter{signatures: c.Bool("ignore-signatures"), times: c.Bool("ignore-times")}
			return s.diff(c.Context, packages[0], packages[1], base, ignore, stop)
		},
	}
}

// diff compares two packages, and calls compared before it prints.
func (s *session) diff(ctx context.Context, a, b *source.Package, base *msi.Database, ignore diffFilter, compared func()) error {
	files, err := diffFiles(ctx, a.Files(), b.Files())
	if err != nil {
		return err
	}
	result := &diffResult{Files: files}
	switch dbA, dbB := a.Database(), b.Database(); {
	case dbA != nil && dbB != nil && dbA.Kind() == dbB.Kind() && dbA.Kind() != msi.KindTransform:
		diff, err := msi.CompareContext(ctx, dbA, dbB)
		if err != nil {
			return packageError(a, err)
		}
		result.setDatabase(diff)
		ignore.apply(result)
	case a.Kind() == source.MST && b.Kind() == source.MST:
		if base == nil {
			return usagef("diff of two transforms needs --base, the package that they are for")
		}
		diff, err := compareTransforms(ctx, dbA, dbB, base)
		if err != nil {
			return packageError(a, err)
		}
		result.setDatabase(diff)
	case dbA == nil && dbB == nil && a.Kind() == b.Kind():
	default:
		return usagef("%s is a %s and %s a %s: only packages of one kind can be compared", a.Ref(), a.Kind(), b.Ref(), b.Kind())
	}
	result.Equal = result.empty()
	compared()
	if !result.Equal {
		err = errDifference
	}
	return s.finish(result, result.write, err)
}

// printDiff prints the changes that a transform makes.
func (s *session) printDiff(diff *msi.Diff, err error) error {
	result := &diffResult{}
	result.setDatabase(diff)
	result.Equal = result.empty()
	return s.finish(result, result.write, err)
}

// diffResult is the JSON document of diff, and of tables for a transform.
type diffResult struct {
	Equal    bool         `json:"equal"`
	CodePage *[2]int      `json:"code_page,omitempty"` // old, new
	Summary  []diffValue  `json:"summary,omitempty"`
	Tables   []diffTable  `json:"tables,omitempty"`
	Streams  []diffStream `json:"streams,omitempty"`
	Storages []diffStream `json:"storages,omitempty"`
	Files    []diffedFile `json:"files,omitempty"`
}

type diffValue struct {
	Name   string `json:"name"`
	Change string `json:"change"`
	Old    string `json:"old,omitempty"`
	New    string `json:"new,omitempty"`
}

type diffTable struct {
	Name    string      `json:"name"`
	Change  string      `json:"change"`
	Columns []diffValue `json:"columns,omitempty"`
	Rows    []diffRow   `json:"rows,omitempty"`
	// Undecoded says why the rows are not known.
	Undecoded string `json:"undecoded,omitempty"`
}

type diffRow struct {
	Key    []any      `json:"key"`
	Change string     `json:"change"`
	Cells  []diffCell `json:"cells,omitempty"`
}

type diffCell struct {
	Column string `json:"column"`
	Old    any    `json:"old"`
	New    any    `json:"new"`
}

type diffStream struct {
	Name    string `json:"name"`
	Change  string `json:"change"`
	OldSize int64  `json:"old_size"`
	NewSize int64  `json:"new_size"`
}

type diffedFile struct {
	Path        string     `json:"path"`
	Change      string     `json:"change"`
	Differences []string   `json:"differences,omitempty"`
	Old         *fileFacts `json:"old,omitempty"`
	New         *fileFacts `json:"new,omitempty"`
}

type fileFacts struct {
	Size    int64  `json:"size"`
	Version string `json:"version,omitempty"`
	MD5     string `json:"md5,omitempty"`
}

func (d *diffResult) empty() bool {
	return d.CodePage == nil && len(d.Summary)+len(d.Tables)+len(d.Streams)+len(d.Storages)+len(d.Files) == 0
}

func (d *diffResult) setDatabase(diff *msi.Diff) {
	if diff.OldCodePage != diff.NewCodePage {
		d.CodePage = &[2]int{diff.OldCodePage, diff.NewCodePage}
	}
	for _, p := range diff.Summary {
		d.Summary = append(d.Summary, diffValue{p.ID.String(), p.Change.String(), p.Old, p.New})
	}
	for _, t := range diff.Tables {
		one := diffTable{Name: t.Name, Change: t.Change.String(), Undecoded: t.Undecoded}
		for _, c := range t.Columns {
			one.Columns = append(one.Columns, diffColumn(c))
		}
		for _, r := range t.Rows {
			row := diffRow{Change: r.Change.String()}
			for _, k := range r.Key {
				row.Key = append(row.Key, diffCellValue(k, -1))
			}
			for _, c := range r.Cells {
				row.Cells = append(row.Cells, diffCell{c.Column, diffCellValue(c.Old, sectionSize(c.OldData)), diffCellValue(c.New, sectionSize(c.NewData))})
			}
			one.Rows = append(one.Rows, row)
		}
		d.Tables = append(d.Tables, one)
	}
	d.Streams = diffStreams(diff.Streams)
	d.Storages = diffStreams(diff.Storages)
}

func diffColumn(c msi.ColumnChange) diffValue {
	v := diffValue{Name: c.New.Name, Change: c.Change.String()}
	if c.Change != msi.Added {
		v.Name, v.Old = c.Old.Name, c.Old.Type.String()
	}
	if c.Change != msi.Removed {
		v.New = c.New.Type.String()
	}
	return v
}

func sectionSize(r *io.SectionReader) int64 {
	if r == nil {
		return -1
	}
	return r.Size()
}

// diffCellValue is a cell in JSON; of a binary one, its size in bytes.
func diffCellValue(v msi.Value, size int64) any {
	n, isInt := v.Int()
	switch {
	case v.IsNull():
		return nil
	case v.IsBinary():
		return map[string]int64{"bytes": size}
	case isInt:
		return n
	}
	return v.Text()
}

func diffStreams(changes []msi.StreamChange) []diffStream {
	var all []diffStream
	for _, c := range changes {
		all = append(all, diffStream{c.Name, c.Change.String(), c.OldSize, c.NewSize})
	}
	return all
}

// diffFiles compares the files of two packages by their paths, without case.
func diffFiles(ctx context.Context, a, b []*source.File) ([]diffedFile, error) {
	byPath := func(files []*source.File) map[string]*source.File {
		m := map[string]*source.File{}
		for _, f := range files {
			if ctx.Err() != nil {
				break
			}
			m[strings.ToLower(f.Path())] = f
		}
		return m
	}
	oldFiles, newFiles := byPath(a), byPath(b)
	var all []diffedFile
	for key, old := range oldFiles {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		one := diffedFile{Path: old.Path(), Old: factsOf(old)}
		if now, ok := newFiles[key]; ok {
			one.Change, one.New = msi.Changed.String(), factsOf(now)
			if one.Differences = one.Old.differences(one.New); one.Differences == nil {
				continue
			}
		} else {
			one.Change = msi.Removed.String()
		}
		all = append(all, one)
	}
	for key, now := range newFiles {
		if _, ok := oldFiles[key]; !ok {
			all = append(all, diffedFile{Path: now.Path(), Change: msi.Added.String(), New: factsOf(now)})
		}
	}
	slices.SortFunc(all, func(a, b diffedFile) int { return strings.Compare(a.Path, b.Path) })
	return all, nil
}

func factsOf(f *source.File) *fileFacts {
	return &fileFacts{Size: f.Size, Version: f.Version(), MD5: hexMD5(f.MD5())}
}

func (f *fileFacts) differences(other *fileFacts) []string {
	var names []string
	for _, c := range []struct {
		name    string
		differs bool
	}{
		{"size", f.Size != other.Size},
		{"version", f.Version != other.Version},
		{"md5", f.MD5 != other.MD5},
	} {
		if c.differs {
			names = append(names, c.name)
		}
	}
	return names
}

func writeDiffStreams(w io.Writer, kind string, changes []diffStream) {
	for _, one := range changes {
		fmt.Fprintf(w, "%s %s %s: %s bytes\n", sign(one.Change), kind, display.Text(one.Name), arrow(display.Number(one.OldSize), display.Number(one.NewSize)))
	}
}

func (f *fileFacts) String() string {
	return strings.TrimSpace(display.Number(f.Size) + " bytes " + f.Version)
}

func anyText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return display.Text(v)
	case int32:
		return strconv.Itoa(int(v))
	case map[string]int64:
		return "[" + display.Number(v["bytes"]) + " bytes]"
	}
	return fmt.Sprint(v)
}

func sign(change string) string {
	switch change {
	case msi.Added.String():
		return "+"
	case msi.Removed.String():
		return "-"
	}
	return "~"
}

func arrow(old, now string) string {
	switch {
	case old == "":
		return display.Text(now)
	case now == "":
		return display.Text(old)
	}
	return display.Text(old) + " -> " + display.Text(now)
}
