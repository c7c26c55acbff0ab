package main

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/msi"
)

// sourceFlags are the flags of every command that reads packages.
func sourceFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "media", Usage: "look for cabinets and uncompressed files in `DIR` too"},
		&cli.IntFlag{
			Name: "cab-codepage", Usage: "code `PAGE` of cabinet names that are not UTF-8", DefaultText: "that of the package",
			Action: func(_ *cli.Context, page int) error {
				if page != 0 && !msi.KnownCodePage(page) {
					return usagef("--cab-codepage %d is not a known code page", page)
				}
				return nil
			},
		},
		&cli.StringFlag{Name: "keyring", Usage: "require an rpm to be signed by one of the OpenPGP keys in `FILE`", Action: fileExists},
		&cli.StringFlag{Name: "password", Usage: "`WORD` that opens the encrypted members of a zip"},
		&cli.StringFlag{Name: "password-file", Usage: "take the password from the first line of `FILE`", Action: readPassword},
		amountFlag("max-bytes", "most bytes to unpack: `N`, such as 500M or 16G", source.DefaultMaxBytes),
	}
}

// linesFlag is for commands that read several packages and have a document for
// each.
func linesFlag() cli.Flag {
	return &cli.BoolFlag{Name: "json-lines", Usage: "print one JSON document for each file, on a line of its own, as soon as it is read"}
}

// transformFlag is for commands that read a package as transforms make it.
func transformFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "transform", Usage: "apply the transform `NAME` in the package (:1031) or the file FILE.mst first; may be given several times"}
}

// allFeaturesFlag is for commands that list or write files.
func allFeaturesFlag() cli.Flag {
	return &cli.BoolFlag{Name: "all-features", Usage: "take the files that an administrative image leaves out (features authored with Level 0) as well"}
}

func sourceOptions(c *cli.Context) source.Options {
	return source.Options{
		Media:       c.String("media"),
		AllFeatures: c.Bool("all-features"),
		CabCodePage: c.Int("cab-codepage"),
		Keyring:     c.String("keyring"),
		MaxBytes:    amountOf(c, "max-bytes"),
		Transforms:  c.StringSlice("transform"),
		Password:    c.String("password"),
		Inner:       c.Bool("inner"),
		StrictSize:  c.Bool("strict-size"),
	}
}

// fileExists refuses a flag whose file is not there, also where nothing needs it.
func fileExists(_ *cli.Context, name string) error {
	if _, err := os.Stat(name); err != nil {
		return plain(name, err)
	}
	return nil
}

// maxPasswordFile bounds the file of a password.
const maxPasswordFile = 64 << 10

// readPassword makes the first line of a file the value of --password, so that the
// password is not shown among the arguments of running programs.
func readPassword(c *cli.Context, name string) error {
	if c.IsSet("password") {
		return usagef("--password and --password-file say the same thing: give one")
	}
	data, err := readSmallFile(name, maxPasswordFile)
	if err != nil {
		return fmt.Errorf("the password file %w", err)
	}
	line, _, _ := strings.Cut(strings.TrimPrefix(string(data), "\ufeff"), "\n")
	if line = strings.TrimSuffix(line, "\r"); line == "" {
		return usagef("--password-file: the first line of %s is empty", name)
	}
	return c.Set("password", line)
}

// innerFlag is for commands that read one package.
func innerFlag() cli.Flag {
	return &cli.BoolFlag{Name: "inner", Usage: "read the installer package that a download holds"}
}

// sayInner says which package is read where it is not the one that was named.
func (s *session) sayInner(ref string, p *source.Package) {
	if p.Ref() != ref && p.Outer() != nil {
		s.note("reading %s", p.Ref())
	}
}

// patchFlag is for commands that read a package as patches make it.
func patchFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "patch", Usage: "apply the patch `FILE.msp` to the package; may be given several times"}
}

// patchOptions are the options of commands with the flags --patch and --base.
func patchOptions(c *cli.Context) source.Options {
	o := sourceOptions(c)
	o.Patches, o.Base = c.StringSlice("patch"), c.String("base")
	return o
}

// hexMD5 is the digest of a MsiFileHash row, "" without one.
func hexMD5(sum [16]byte, ok bool) string {
	if !ok {
		return ""
	}
	return hex.EncodeToString(sum[:])
}
