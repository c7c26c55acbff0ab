package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/hotfixkit/hotfixkit/extract"
	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/internal/display"
)

func extractCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "extract",
		Usage:     "write the files of a package: what msiexec /a would write",
		ArgsUsage: "PACKAGE",
		Description: "DIR appears by one rename when every file is written and checked against what the package says; after an error nothing is left.\n\n" +
			"The layout admin is that of an administrative image, with the package's own database; target is where files would be installed; " +
			"flat has no folders; streams writes the streams of the database instead, Binary/NAME and Icon/NAME among them, with %05 and the like for characters that no file name may have. Of a patch without --base, the members of its cabinets, its transforms and a description are written. " +
			"--include takes globs (** crosses folders), without case, against the path, or the base name when the glob has no slash.",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "folder `DIR` to write; it must not exist or be empty"},
			&cli.StringSliceFlag{Name: "include", Usage: "write only files that match `GLOB`; may be given several times"},
			&cli.StringFlag{Name: "layout", Usage: "`LAYOUT`: admin, target, flat or streams", Value: string(extract.Admin)},
			&cli.BoolFlag{Name: "short-names", Usage: "use 8.3 names, as SHORTFILENAMES=1 does"},
			allFeaturesFlag(),
			&cli.BoolFlag{Name: "no-database", Usage: "leave the package's own database out of the image"},
			transformFlag(),
			innerFlag(),
			patchFlag(),
			&cli.StringFlag{Name: "base", Usage: "write the files that a patch makes of the package `BASE.msi`"},
			&cli.BoolFlag{Name: "merge", Usage: "add to a folder that exists, replacing file by file"},
			&cli.BoolFlag{Name: "no-sync", Usage: "do not wait until the files are on the disk: for folders that are soon thrown away"},
			&cli.BoolFlag{Name: "keep-going", Usage: "write the files that are whole even if others are lost; exit code 3 all the same"},
			&cli.BoolFlag{Name: "strict-size", Usage: "refuse a package whose File table has other sizes than its files"},
			amountFlag("max-files", "most files to write: `N`, such as 500000 or 1M", extract.DefaultMaxFiles),
		}, sourceFlags()...),
		Action: func(c *cli.Context) error {
			if c.NArg() == 2 && c.String("output") == "" {
				hint := fmt.Sprintf("did you mean `hotfix extract %s -o %s`?", quoteWord(c.Args().Get(0)), quoteWord(c.Args().Get(1)))
				return suggest(hint, "extract writes to the folder that -o names")
			}
			if c.NArg() != 1 {
				return usagef("extract needs one package")
			}
			if c.String("output") == "" {
				return usagef("extract needs -o DIR")
			}
			return s.extract(c)
		},
	}
}

// errTransform: extract was asked for the files of a transform.
var errTransform = fmt.Errorf("%w: a transform holds no files", source.ErrKind)

func (s *session) extract(c *cli.Context) error {
	layout := extract.Layout(c.String("layout"))
	switch layout {
	case extract.Admin, extract.Target, extract.Flat, extract.Streams:
	default:
		return usagef("--layout is admin, target, flat or streams, not %q", layout)
	}
	p, err := source.Open(c.Context, c.Args().First(), patchOptions(c))
	if err != nil {
		return err
	}
	defer p.Close()
	s.sayInner(c.Args().First(), p)
	if p.Kind() == source.MST && layout != extract.Streams {
		return &source.Error{Package: p.Ref(), Err: errTransform}
	}
	plan, err := extract.NewPlanContext(c.Context, p, extract.Options{
		Layout:     layout,
		Include:    c.StringSlice("include"),
		ShortNames: c.Bool("short-names"),
		NoDatabase: c.Bool("no-database"),
		Limits:     extract.Limits{MaxBytes: amountOf(c, "max-bytes"), MaxFiles: amountOf(c, "max-files")},
	})
	if err != nil {
		return patternError(err, c.StringSlice("include"), p)
	}
	meter := s.newMeter()
	result, err := plan.Write(c.Context, c.String("output"), extract.WriteOptions{
		Merge: c.Bool("merge"), NoSync: c.Bool("no-sync"), KeepGoing: c.Bool("keep-going"), SHA256: s.json, Progress: meter.progress(),
	})
	meter.clear()
	if result == nil {
		return err
	}
	for _, w := range result.Warnings {
		s.warn("%s", w)
	}
	return s.finish(result, func(w io.Writer) {
		fmt.Fprintf(w, "%s: %s, %s bytes\n", display.Text(result.Output), display.Count(result.Files.Len(), "file"), display.Number(result.Files.Bytes()))
		for _, p := range result.Patches {
			fmt.Fprintf(w, "patched by %s %s\n", display.Text(p.Name), display.Text(p.Code))
		}
		writeNeighbours(w, result.Neighbours)
		writeLeftOut(w, result.LeftOut)
		if len(result.Lost) > 0 {
			fmt.Fprintf(w, "lost: %s\n", display.Count(len(result.Lost), "file"))
		}
		for _, l := range result.Lost {
			fmt.Fprintf(w, "  %s\n", display.Text(l.Path))
		}
	}, err)
}

// patternError makes a malformed pattern an error of usage, and names the file that was
// probably meant by one that matches none.
func patternError(err error, patterns []string, p *source.Package) error {
	for _, pattern := range patterns {
		if !errors.Is(err, extract.ErrNoMatch) || !strings.HasSuffix(err.Error(), ": "+pattern) {
			continue
		}
		var names []string
		for _, f := range p.Files() {
			names = append(names, f.Path(), f.Name())
		}
		return suggestName(err, pattern, names)
	}
	if errors.Is(err, extract.ErrPattern) {
		return &usageError{err}
	}
	return err
}
