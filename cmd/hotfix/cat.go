package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/hotfixkit/hotfixkit/extract"
	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/msi"
)

func catCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "cat",
		Usage:     "write one file of a package to standard output",
		ArgsUsage: "PACKAGE FILE",
		Description: "FILE is a path in the image, a File key or a base name. The bytes are checked as extract checks them, " +
			"but they are written while that goes on: only exit code 0 says that they are right.",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write to `FILE`, which appears when all of it is right, instead of standard output"},
			&cli.StringFlag{Name: "binary", Usage: "write what the Binary or the Icon table holds under `NAME`"},
			allFeaturesFlag(),
			transformFlag(),
		}, sourceFlags()...),
		Action: func(c *cli.Context) error {
			if err := notEmpty(c, "output"); err != nil {
				return err
			}
			if c.IsSet("binary") {
				if c.NArg() != 1 {
					return usagef("cat --binary needs a package and no file")
				}
				return s.catBinary(c)
			}
			if c.NArg() != 2 {
				return usagef("cat needs a package and a file")
			}
			return s.cat(c)
		},
	}
}

// errCandidates: several files of the package have the name.
var errCandidates = errors.New("it names several files")

func (s *session) cat(c *cli.Context) error {
	p, err := source.Open(c.Context, c.Args().First(), sourceOptions(c))
	if err != nil {
		return err
	}
	defer p.Close()
	name := c.Args().Get(1)
	found := p.Find(name)
	if len(found) == 0 {
		var names []string
		for _, f := range p.Files() {
			names = append(names, f.Name())
		}
		return &source.Error{Package: p.Ref(), Place: name, Err: suggestName(source.ErrNotFound, name, names)}
	}
	if len(found) > 1 {
		var paths []string
		for _, f := range found {
			paths = append(paths, f.Path())
		}
		return usagef("%s: %q may be %s: %w", p.Ref(), name, strings.Join(paths, " or "), errCandidates)
	}
	return s.writeContent(c, found[0].Path(), func(sink source.Sink) error {
		return p.Walk(c.Context, func(*source.File, source.Stored) (source.Sink, error) { return sink, nil }, source.WalkOptions{Files: found})
	})
}

// catBinary writes a stream of the Binary or the Icon table.
func (s *session) catBinary(c *cli.Context) error {
	p, err := source.Open(c.Context, c.Args().First(), sourceOptions(c))
	if err != nil {
		return err
	}
	defer p.Close()
	db, name := p.Database(), c.String("binary")
	if db == nil {
		return usagef("%s has no tables: it is a %s", p.Ref(), p.Kind())
	}
	for _, table := range []string{"Binary", "Icon"} {
		stream, err := db.Stream(table + "." + name)
		if errors.Is(err, msi.ErrNotFound) {
			continue
		}
		if err != nil {
			return packageError(p, err)
		}
		return s.writeContent(c, table+"/"+name, func(sink source.Sink) error {
			_, err := io.Copy(sink, io.NewSectionReader(stream, 0, stream.Size()))
			return packageError(p, errors.Join(err, sink.Close(err)))
		})
	}
	err = suggestName(msi.ErrNotFound, name, binaryNames(db))
	if errors.Is(err, msi.ErrNotFound) && !errors.As(err, new(*suggestion)) {
		err = &suggestion{err, fmt.Sprintf("`hotfix extract %s -o DIR --layout streams` writes all of them", quoteWord(p.Ref()))}
	}
	return &source.Error{Package: p.Ref(), Place: name, Err: err}
}

// binaryNames lists the keys of the Binary and Icon tables.
func binaryNames(db *msi.Database) []string {
	var names []string
	for _, table := range []string{"Binary", "Icon"} {
		if t := db.Table(table); t != nil {
			for row := range t.Rows() {
				names = append(names, row.String("Name"))
			}
		}
	}
	return names
}

// writeContent writes what push delivers: to the file of -o, to standard output,
// or as JSON.
func (s *session) writeContent(c *cli.Context, path string, push func(source.Sink) error) error {
	if name := c.String("output"); name != "" && name != "-" {
		return extract.WriteFile(name, func(w io.Writer) error { return push(&outputSink{w}) })
	}
	if !s.json {
		return push(&outputSink{s.output()})
	}
	content := &contentSink{}
	if err := push(content); err != nil {
		return err
	}
	return s.finish(struct {
		Path    string `json:"path"`
		Size    int64  `json:"size"`
		SHA256  string `json:"sha256"`
		Content []byte `json:"content"` // base64
	}{path, int64(content.Len()), fmt.Sprintf("%x", sha256.Sum256(content.Bytes())), content.Bytes()}, nil, nil)
}

// maxJSONContent bounds what cat --json holds in memory.
const maxJSONContent = 16 << 20

// contentSink keeps a file for its JSON form.
type contentSink struct{ bytes.Buffer }

func (s *contentSink) Write(p []byte) (int, error) {
	if s.Len()+len(p) > maxJSONContent {
		return 0, usagef("with --json, cat prints files of up to %d bytes", maxJSONContent)
	}
	return s.Buffer.Write(p)
}

func (s *contentSink) Close(error) error { return nil }

// outputSink writes to standard output.
type outputSink struct{ io.Writer }

func (o *outputSink) Close(error) error { return nil }
