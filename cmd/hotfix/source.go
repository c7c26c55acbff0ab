package main

import (
	"encoding/hex"

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
		&cli.StringFlag{Name: "keyring", Usage: "require an rpm to be signed by one of the OpenPGP keys in `FILE`"},
		amountFlag("max-bytes", "most bytes to unpack: `N`, such as 500M or 16G", source.DefaultMaxBytes),
	}
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
func hexMD5(sum *[16]byte) string {
	if sum == nil {
		return ""
	}
	return hex.EncodeToString(sum[:])
}
