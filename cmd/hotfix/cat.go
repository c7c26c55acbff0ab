package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/hotfixkit/hotfixkit/extract/source"
)

func catCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "cat",
		Usage:     "write one file of a package to standard output",
		ArgsUsage: "PACKAGE FILE",
		Description: "FILE is a path in the image, a File key or a base name. The bytes are checked as extract checks them, " +
			"but they are written while that goes on: only exit code 0 says that they are right.",
		Flags: append([]cli.Flag{allFeaturesFlag(), transformFlag()}, sourceFlags()...),
		Action: func(c *cli.Context) error {
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
		return &source.Error{Package: p.Ref(), Place: name, Err: source.ErrNotFound}
	}
	if len(found) > 1 {
		var paths []string
		for _, f := range found {
			paths = append(paths, f.Path())
		}
		return usagef("%s: %q may be %s: %w", p.Ref(), name, strings.Join(paths, " or "), errCandidates)
	}
	walk := func(sink source.Sink) error {
		return p.Walk(c.Context, func(*source.File, source.Stored) (source.Sink, error) { return sink, nil }, source.WalkOptions{Files: found})
	}
	if !s.json {
		return walk(&outputSink{s.output()})
	}
	content := &contentSink{}
	if err := walk(content); err != nil {
		return err
	}
	return s.finish(struct {
		Path    string `json:"path"`
		Size    int64  `json:"size"`
		SHA256  string `json:"sha256"`
		Content []byte `json:"content"` // base64
	}{found[0].Path(), int64(content.Len()), fmt.Sprintf("%x", sha256.Sum256(content.Bytes())), content.Bytes()}, nil, nil)
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
