package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/hotfixkit/hotfixkit/extract"
	"github.com/hotfixkit/hotfixkit/internal/display"
	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/manifest/kbarticle"
)

func manifestCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:  "manifest",
		Usage: "list, show and make the tables that files are checked against",
		Subcommands: []*cli.Command{
			manifestListCommand(s),
			manifestShowCommand(s),
			manifestImportCommand(s),
			manifestCreateCommand(s),
			{
				Name:  "schema",
				Usage: "print the JSON Schema of a manifest",
				Action: func(c *cli.Context) error {
					if c.Args().Present() {
						return usagef("manifest schema takes no argument")
					}
					_, err := s.output().Write(manifest.Schema)
					return err
				},
			},
		},
	}
}

func manifestListCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:  "list",
		Usage: "list the built-in manifests",
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usagef("manifest list takes no argument")
			}
			type entry struct {
				ID    string `json:"id"`
				Title string `json:"title"`
				Files int    `json:"file_count"`
			}
			list := struct {
				Manifests []entry `json:"manifests"`
			}{}
			for _, m := range manifest.Builtin() {
				list.Manifests = append(list.Manifests, entry{m.ID, m.Title, len(m.Files)})
			}
			return s.finish(list, func(w io.Writer) {
				t := newTable("ID", "FILES", "TITLE")
				for _, m := range list.Manifests {
					t.row(m.ID, strconv.Itoa(m.Files), m.Title)
				}
				t.write(w)
			}, nil)
		},
	}
}

func manifestShowCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:        "show",
		Usage:       "print a manifest",
		ArgsUsage:   "REF",
		Description: "REF is the ID of a built-in manifest (kb977203-sp2), an article with several (kb977203), or a JSON file; FILE#ID names one manifest of a file.",
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return usagef("manifest show needs one manifest")
			}
			set, err := openManifest(c.Context, c.Args().First())
			if err != nil {
				return err
			}
			return s.printManifests(set.Manifests, func(w io.Writer) {
				for i, m := range set.Manifests {
					if i > 0 {
						fmt.Fprintln(w)
					}
					writeManifest(w, m)
				}
			})
		},
	}
}

// openManifest opens a manifest, and names the built-in one that was probably
// meant where there is none.
func openManifest(ctx context.Context, ref string) (*manifest.Set, error) {
	set, err := await(ctx.Done(), func() (*manifest.Set, error) { return manifest.Open(ref) })
	if errors.Is(err, manifest.ErrUnknown) {
		err = suggestName(err, ref, builtinNames())
	}
	return set, err
}

func manifestImportCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "import",
		Usage:     "read the file tables of a KB article",
		ArgsUsage: "FILE",
		Description: "FILE is pasted text, saved HTML, Markdown or CSV; - is standard input. The manifest is printed as JSON. " +
			"A cell that cannot be read with certainty stays empty, and a warning names its line. " +
			"Headings, dates and numbers are read in " + strings.Join(kbarticle.Languages(), ", ") + ".",
		Flags: []cli.Flag{
			manifestOutputFlag(),
			&cli.StringFlag{Name: "syntax", Usage: "text, html, markdown or csv, where the name does not tell"},
			&cli.StringFlag{Name: "encoding", Usage: "encoding of the article (windows-1252, shift_jis), where it does not tell"},
		},
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return usagef("manifest import needs one article")
			}
			o := kbarticle.Options{Syntax: kbarticle.Syntax(c.String("syntax")), Encoding: c.String("encoding")}
			switch o.Syntax {
			case "", kbarticle.Text, kbarticle.HTML, kbarticle.Markdown, kbarticle.CSV:
			default:
				return usagef("--syntax is text, html, markdown or csv, not %q", o.Syntax)
			}
			stop := s.newMeter().working("reading the article")
			manifests, err := importArticle(c.Context, c.Args().First(), o)
			stop()
			if err != nil {
				return err
			}
			for _, m := range manifests {
				for _, w := range m.Warnings {
					s.warn("%s", warningText(m, w))
				}
			}
			return s.writeManifests(c, manifests)
		},
	}
}

func importArticle(ctx context.Context, name string, o kbarticle.Options) ([]*manifest.Manifest, error) {
	if name == "-" {
		return kbarticle.Import(ctx, os.Stdin, "", o)
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, plain(name, err)
	}
	// A pipe without a writer would block before it can be interrupted.
	if !info.Mode().IsRegular() {
		return nil, usagef("%s is not a regular file; - reads standard input", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	manifests, err := kbarticle.Import(ctx, f, name, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return manifests, nil
}

// manifestOutputFlag is -o of the commands that make a manifest.
func manifestOutputFlag() cli.Flag {
	return &cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the manifest to `FILE` instead of standard output"}
}

// writeManifests writes manifests to the file of -o, or prints them. With --json,
// they are printed as well.
func (s *session) writeManifests(c *cli.Context, manifests []*manifest.Manifest) error {
	if err := notEmpty(c, "output"); err != nil {
		return err
	}
	name := c.String("output")
	if name == "" || name == "-" {
		return s.printManifests(manifests, nil)
	}
	err := extract.WriteFile(name, func(w io.Writer) error { return manifest.Write(w, manifests...) })
	if err != nil {
		return err
	}
	if s.json {
		return s.printManifests(manifests, nil)
	}
	files := 0
	for _, m := range manifests {
		files += len(m.Files)
	}
	return s.finish(nil, func(w io.Writer) {
		fmt.Fprintf(w, "%s: %s, %s\n", display.Text(name), display.Count(len(manifests), "manifest"), display.Count(files, "file"))
	}, nil)
}

// printManifests prints manifests as JSON, or calls text where there is a form
// for people and JSON was not asked for.
func (s *session) printManifests(manifests []*manifest.Manifest, text func(io.Writer)) error {
	if text != nil && !s.json {
		return s.finish(nil, text, nil)
	}
	var b bytes.Buffer
	if err := manifest.Write(&b, manifests...); err != nil {
		return err
	}
	s.reported = true
	_, err := s.output().Write(b.Bytes())
	return err
}

func warningText(m *manifest.Manifest, w manifest.Warning) string {
	var b strings.Builder
	if m.ID != "" {
		fmt.Fprintf(&b, "%s: ", m.ID)
	}
	if w.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", w.Line)
	}
	b.WriteString(w.Message)
	if w.Text != "" {
		fmt.Fprintf(&b, ": %q", w.Text)
	}
	return b.String()
}

func writeManifest(w io.Writer, m *manifest.Manifest) {
	fmt.Fprintln(w, display.Text(strings.TrimSpace(m.ID+"  "+m.Title)))
	for _, by := range m.SupersededBy {
		fmt.Fprintf(w, "superseded by %s", by.KB)
		if len(by.Aliases) > 0 {
			fmt.Fprintf(w, " (also printed as %s)", strings.Join(by.Aliases, ", "))
		}
		fmt.Fprintln(w)
	}
	t := newTable("NAME", "VERSION", ">SIZE", "DATE", "TIME", "PLATFORM")
	for _, r := range m.Files {
		size := ""
		if r.Size != nil {
			size = display.Number(*r.Size)
		}
		t.row(r.Name, r.Version, size, r.Date, r.Time, r.Platform)
	}
	t.write(w)
	for _, warning := range m.Warnings {
		fmt.Fprintf(w, "warning: %s\n", display.Text(warningText(&manifest.Manifest{}, warning)))
	}
}
