package main

import (
	"bytes"

	"github.com/urfave/cli/v2"

	"github.com/hotfixkit/hotfixkit/extract/verify"
	"github.com/hotfixkit/hotfixkit/manifest"
)

func manifestCreateCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "create",
		Usage:     "make a manifest with SHA-256 of a package, a folder or a file as it is",
		ArgsUsage: "TARGET",
		Description: "The manifest is printed as JSON, so that any later build can be compared with it. " +
			"It vouches for nothing but that the files are the same.",
		Flags: append([]cli.Flag{
			manifestOutputFlag(),
			&cli.StringFlag{Name: "id", Usage: "short name of the manifest"},
			&cli.StringFlag{Name: "title", Usage: "title of the manifest"},
			&cli.StringFlag{Name: "kb", Usage: "number of the article, such as KB977203"},
			&cli.StringFlag{Name: "product", Usage: "name of the product"},
			&cli.StringFlag{Name: "service-pack", Usage: "service pack of the product, such as SP2"},
			&cli.BoolFlag{Name: "deep", Usage: "list the files of packages inside the package as well"},
		}, sourceFlags()...),
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return usagef("manifest create needs one package, folder or file")
			}
			meter := s.newMeter()
			target, err := verify.Read(c.Context, c.Args().First(), verify.Options{
				Source: sourceOptions(c), Deep: c.Bool("deep"), Facts: manifest.InspectOptions{SHA256: true}, Progress: meter.counter(),
			})
			meter.clear()
			if err != nil {
				return err
			}
			for _, w := range target.Warnings {
				s.warn("%s", w)
			}
			m, err := target.Manifest()
			if err != nil {
				return err
			}
			m.ID, m.Title, m.KB = c.String("id"), c.String("title"), c.String("kb")
			m.Product, m.ServicePack = c.String("product"), c.String("service-pack")
			if err := roundTrip(m); err != nil {
				return &usageError{err}
			}
			return s.writeManifests(c, []*manifest.Manifest{m})
		},
	}
}

// roundTrip reports whether a manifest can be read again: what the flags say
// about it must have the form that the schema asks for.
func roundTrip(m *manifest.Manifest) error {
	var b bytes.Buffer
	if err := manifest.Write(&b, m); err != nil {
		return err
	}
	_, err := manifest.Read(&b)
	return err
}
