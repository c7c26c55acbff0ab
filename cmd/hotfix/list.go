package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hotfixkit/hotfixkit/extract"
	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/internal/display"
)

func listCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "list",
		Usage:     "list the files as extract would write them",
		ArgsUsage: "PACKAGE...",
		Flags: append([]cli.Flag{
			allFeaturesFlag(),
			&cli.BoolFlag{Name: "tree", Usage: "print folders as a tree"},
			transformFlag(),
			linesFlag(),
			&cli.BoolFlag{Name: "long", Aliases: []string{"l"}, Usage: "print the dates of the files as well, which are in the cabinets"},
			patchFlag(),
			&cli.StringFlag{Name: "base", Usage: "list the files that a patch makes of the package `BASE.msi`"},
		}, sourceFlags()...),
		Action: func(c *cli.Context) error {
			if c.Bool("json-lines") && c.NArg() > 0 {
				return s.listLines(c)
			}
			if c.NArg() != 1 {
				return usagef("list needs one package; several with --json-lines")
			}
			return s.readList(c, c.Args().First(), func(result *listResult, kind source.Kind) error {
				return s.finish(result, func(w io.Writer) {
					switch {
					case c.Bool("tree"):
						result.writeTree(w)
					case kind == source.MSP:
						result.writePatch(w)
					default:
						result.write(w)
					}
				}, nil)
			})
		},
	}
}

// readList lists one package for print.
func (s *session) readList(c *cli.Context, ref string, print func(*listResult, source.Kind) error) error {
	stop := s.newMeter().working("reading")
	defer stop()
	p, err := source.Open(c.Context, ref, patchOptions(c))
	if err != nil {
		return err
	}
	defer p.Close()
	result, err := newListResult(c.Context, p)
	if err != nil {
		return packageError(p, err)
	}
	if c.Bool("long") {
		if err := result.addDates(c.Context, p); err != nil {
			return err
		}
	}
	stop()
	for _, w := range result.Warnings {
		s.warn("%s", w)
	}
	return print(result, p.Kind())
}

// listLines prints a document for each package. One that cannot be listed has its
// error there, and does not stop the others.
func (s *session) listLines(c *cli.Context) error {
	var errs []error
	for _, ref := range c.Args().Slice() {
		var printErr error
		err := s.readList(c, ref, func(result *listResult, _ source.Kind) error {
			printErr = s.line(result, nil)
			return nil
		})
		if err != nil {
			printErr = s.line(struct {
				Package string `json:"package"`
			}{ref}, err)
		}
		if errs = append(errs, err); printErr != nil {
			return errors.Join(append(errs, printErr)...)
		}
		if c.Context.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

// listResult is the JSON document of list.
type listResult struct {
	Package  string                  `json:"package"`
	Files    listedFiles             `json:"files"`
	LeftOut  []extract.ResultLeftOut `json:"left_out"`
	Warnings []string                `json:"warnings"`
}

type listedFile struct {
	Path       string   `json:"path"`
	Size       int64    `json:"size"`
	Version    string   `json:"version"`
	Language   string   `json:"language"`
	Key        string   `json:"key"`
	Cabinet    string   `json:"cabinet"`
	Sequence   int      `json:"sequence"`
	MD5        string   `json:"md5"`
	Modified   string   `json:"modified,omitempty"` // with --long: RFC 3339, UTC
	ShortPath  string   `json:"short_path,omitempty"`
	TargetPath string   `json:"target_path,omitempty"`
	Attributes []string `json:"attributes,omitempty"`

	// Of a member of a patch, or a file that patches change: what the first use of
	// the member, or the last part of the file, says.
	Content   string      `json:"content,omitempty"` // whole or delta
	Format    string      `json:"format,omitempty"`  // of a delta
	FileSize  *int64      `json:"file_size,omitempty"`
	Transform string      `json:"transform,omitempty"`
	Uses      []patchPart `json:"uses,omitempty"` // of a member, by each pair of transforms
	From      []patchPart `json:"from,omitempty"` // of a patched file: what it is made of
}

// listedFiles are the files of a package as list prints them, by path. Each is made when
// it is printed.
type listedFiles struct {
	p     *source.Package
	files []*source.File
	path  func(*source.File) string
	parts map[*source.File][]patchPart
	dates map[string]int64 // by key, with --long: seconds since 1970
}

func (l listedFiles) all() iter.Seq[*listedFile] {
	return func(yield func(*listedFile) bool) {
		for _, f := range l.files {
			if !yield(l.one(f)) {
				return
			}
		}
	}
}

// JSONElements implements elements.
func (l listedFiles) JSONElements() iter.Seq[any] {
	return func(yield func(any) bool) {
		for f := range l.all() {
			if !yield(f) {
				return
			}
		}
	}
}

func (l listedFiles) one(f *source.File) *listedFile {
	one := &listedFile{
		Path: l.path(f), Size: f.Size, Version: f.Version(), Language: f.Language(), Key: f.Key(), Cabinet: f.Cabinet(),
		Sequence: f.Sequence(), MD5: hexMD5(f.MD5()), Attributes: attributeNames(f.Attributes),
	}
	if short := f.ShortPath(); short != f.Path() {
		one.ShortPath = short
	}
	if target := f.TargetPath(); target != f.Path() {
		one.TargetPath = target
	}
	if date, ok := l.dates[one.Key]; ok {
		one.Modified = time.Unix(date, 0).UTC().Format(time.RFC3339)
	}
	one.addParts(l.p, l.parts[f])
	return one
}

func newListResult(ctx context.Context, p *source.Package) (*listResult, error) {
	r := &listResult{Package: p.Ref(), LeftOut: extract.LeftOut(p), Warnings: []string{}}
	r.Warnings = append(r.Warnings, p.Warnings()...)
	plan, err := extract.NewPlanContext(ctx, p, extract.Options{})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		// A package that extract refuses can still be looked at.
		r.Warnings = append(r.Warnings, fmt.Sprintf("extract refuses this package: %v", err))
		plan = &extract.Plan{Files: p.Files()}
	}
	r.Warnings = append(r.Warnings, plan.Warnings...)
	r.Files = listedFiles{p: p, files: plan.Sorted(), path: plan.Path, parts: patchParts(p)}
	return r, nil
}

// addDates asks for every file where it is stored, and reads none. A file that is
// not there has no date.
func (r *listResult) addDates(ctx context.Context, p *source.Package) error {
	dates := map[string]int64{}
	var mu sync.Mutex
	err := p.Walk(ctx, func(f *source.File, stored source.Stored) (source.Sink, error) {
		if !stored.Modified.IsZero() {
			mu.Lock()
			defer mu.Unlock()
			dates[f.Key()] = stored.Modified.Unix()
		}
		return nil, nil
	}, source.WalkOptions{KeepGoing: true})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		r.Warnings = append(r.Warnings, fmt.Sprintf("not all dates are known: %v", err))
	}
	r.Files.dates = dates
	return nil
}

// attributeNames spells out the Windows attributes of a file, which are set on
// Windows only.
func attributeNames(attributes uint32) []string {
	var names []string
	for i, name := range []string{"read-only", "hidden", "system"} {
		if attributes&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

func (r *listResult) write(w io.Writer) {
	patched, dated := false, false
	var total int64
	for f := range r.Files.all() {
		patched, dated = patched || f.From != nil, dated || f.Modified != ""
		total += f.Size
	}
	header := []string{">SIZE", "VERSION"}
	if dated {
		header = append(header, "MODIFIED")
	}
	if patched {
		header = append(header, "PATCHED BY")
	}
	t := newTable(append(header, "PATH")...)
	t.again = func(row func(cells ...string)) {
		for f := range r.Files.all() {
			cells := []string{display.Number(f.Size), f.Version}
			if dated {
				cells = append(cells, strings.TrimSuffix(strings.Replace(f.Modified, "T", " ", 1), "Z"))
			}
			if patched {
				cells = append(cells, f.describe())
			}
			row(append(cells, f.Path)...)
		}
	}
	t.write(w)
	fmt.Fprintf(w, "%s, %s bytes\n", display.Count(len(r.Files.files), "file"), display.Number(total))
	writeLeftOut(w, r.LeftOut)
}

// writeLeftOut says how many files each reason keeps out and how to get them.
func writeLeftOut(w io.Writer, files []extract.ResultLeftOut) {
	var reasons []string
	byReason := map[string][]extract.ResultLeftOut{}
	for _, f := range files {
		if byReason[f.Reason] == nil {
			reasons = append(reasons, f.Reason)
		}
		byReason[f.Reason] = append(byReason[f.Reason], f)
	}
	for _, reason := range reasons {
		how := ""
		if byReason[reason][0].Feature != "" {
			how = "; --all-features takes them"
		}
		fmt.Fprintf(w, "left out: %s (%s%s)\n", display.Count(len(byReason[reason]), "file"), display.Text(reason), how)
	}
}

// writeTree prints each folder once, its files below it.
func (r *listResult) writeTree(w io.Writer) {
	var open []string
	for f := range r.Files.all() {
		var folders []string
		if dir := path.Dir(f.Path); dir != "." {
			folders = strings.Split(dir, "/")
		}
		same := 0
		for same < len(folders) && same < len(open) && folders[same] == open[same] {
			same++
		}
		for i := same; i < len(folders); i++ {
			fmt.Fprintf(w, "%s%s/\n", strings.Repeat("  ", i), display.Text(folders[i]))
		}
		open = folders
		fmt.Fprintf(w, "%s%s  %s\n", strings.Repeat("  ", len(folders)), display.Text(path.Base(f.Path)), display.Text(strings.TrimSpace(display.Number(f.Size)+"  "+f.Version)))
	}
	fmt.Fprintln(w, display.Count(len(r.Files.files), "file"))
	writeLeftOut(w, r.LeftOut)
}
