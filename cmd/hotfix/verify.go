package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hotfixkit/hotfixkit/extract"
	"github.com/hotfixkit/hotfixkit/extract/verify"
	"github.com/hotfixkit/hotfixkit/internal/display"
	"github.com/hotfixkit/hotfixkit/internal/report"
	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/manifest/authenticode"
)

func verifyCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "check packages, folders or files against a manifest",
		ArgsUsage: "TARGET...",
		Description: "Packages are streamed through, nothing is unpacked first. Of a package or a folder every row of the manifest is required, " +
			"of single files the rows that they match. Under the strict policy version, size and platform decide; under the version policy, " +
			"which is the default for packages that are not English, version and platform. Without --manifest, signatures alone are checked. Exit code 1 when something differs or is missing.",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "manifest", Usage: "built-in manifest (kb977203, kb977203-sp2), or a JSON file"},
			&cli.BoolFlag{Name: "or-later", Usage: "accept versions later than the published ones"},
			&cli.BoolFlag{Name: "exact", Usage: "fail on files that the manifest does not name, and on files in another folder than it says"},
			&cli.BoolFlag{Name: "deep", Usage: "look into packages inside the package as well"},
			&cli.StringFlag{Name: "report", Usage: "write an HTML report to `FILE`"},
			&cli.StringFlag{Name: "sbom", Usage: "write a CycloneDX SBOM (JSON) to `FILE`"},
		}, policyFlags(), signatureFlags(), sourceFlags()),
		Action: func(c *cli.Context) error { return s.verify(c) },
	}
}

func policyFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "policy", Usage: "strict or version (default: strict, or version for a package that is not English)"},
	}
}

// compareOptions are what the flags of verify and stage ask for.
func compareOptions(c *cli.Context) (manifest.CompareOptions, error) {
	o := manifest.CompareOptions{
		Policy:           manifest.Policy(c.String("policy")),
		OrLater:          c.Bool("or-later"),
		RequireSignature: c.Bool("require-signature"),
		Publisher:        c.String("publisher"),
	}
	var globs []extract.Glob
	for _, pattern := range c.StringSlice("allow-unsigned") {
		g, err := extract.ParseGlob(pattern)
		if err != nil {
			return o, &usageError{err}
		}
		globs = append(globs, g)
	}
	if globs != nil {
		o.AllowUnsigned = func(path string) bool {
			return slices.ContainsFunc(globs, func(g extract.Glob) bool { return g.Match(path) })
		}
	}
	switch o.Policy {
	case "", manifest.Strict, manifest.VersionOnly:
		return o, nil
	}
	return o, usagef("--policy is strict or version, not %q", o.Policy)
}

// signatureFlags are the flags about signatures of verify and stage.
func signatureFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.BoolFlag{Name: "require-signature", Usage: "a file without a valid signature is a difference"},
		&cli.StringFlag{Name: "publisher", Usage: "require signatures of this publisher: an organization, or CN= and a common name"},
		&cli.StringSliceFlag{Name: "allow-unsigned", Usage: "files that may be unsigned although a signature is required: `GLOB` (repeatable)"},
		&cli.StringSliceFlag{Name: "catalog", Usage: "take files that the security catalog `FILE.cat` lists as signed by it (repeatable)"},
	}, trustFlags()...)
}

// trustFlags say which signatures are trusted.
func trustFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "trust", Usage: "certificates (PEM or DER) in `FILE` to trust as roots, in addition to Microsoft's"},
		&cli.StringFlag{Name: "at", Usage: "judge signatures without a timestamp as of this `TIME` (2010-01-25 or RFC 3339)"},
	}
}

// maxTrust bounds the file of certificates: thousands of them.
const maxTrust = 16 << 20

func signatureOptions(c *cli.Context) (*authenticode.Options, error) {
	o := authenticode.Options{Budget: authenticode.NewBudget()}
	if name := c.String("trust"); name != "" {
		data, err := readSmallFile(name, maxTrust)
		if err != nil {
			return nil, err
		}
		if o.Roots, err = authenticode.ParseRoots(data); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if at := c.String("at"); at != "" {
		t, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t, err = time.Parse(time.DateOnly, at)
		}
		if err != nil {
			return nil, usagef("--at is a date (2010-01-25) or a time of RFC 3339, not %q", at)
		}
		o.At = t
	}
	for _, name := range c.StringSlice("catalog") {
		catalog, err := readCatalog(name, o)
		if err != nil {
			return nil, err
		}
		o.Catalogs = append(o.Catalogs, catalog)
	}
	return &o, nil
}

func (s *session) verify(c *cli.Context) error {
	if c.NArg() == 0 {
		return usagef("verify needs a package, a folder or a file")
	}
	if err := notEmpty(c, "manifest", "policy", "publisher", "trust", "at", "report", "sbom"); err != nil {
		return err
	}
	set, err := chosenManifest(c)
	if err != nil {
		return err
	}
	compare, err := compareOptions(c)
	if err != nil {
		return err
	}
	signature, err := signatureOptions(c)
	if err != nil {
		return err
	}
	written := c.String("report") != "" || c.String("sbom") != ""
	o := verify.Options{
		Source: sourceOptions(c), Deep: c.Bool("deep"), Manifest: set, Exact: c.Bool("exact"),
		Facts: manifest.InspectOptions{SHA256: written || s.json || set != nil && set.NeedsSHA256(compare.Policy), Signature: signature},
	}
	meter := s.newMeter()
	o.Progress = meter.counter()
	result, targets, failed := verify.Check(c.Context, c.Args().Slice(), o, compare)
	meter.clear()
	for _, t := range targets {
		for _, w := range t.Warnings {
			s.warn("%s", w)
		}
		if t.Package != nil && t.Package.Inside != nil && !strings.Contains(t.Ref, "//") {
			s.note("%s: what is checked is %s, which is in it", t.Ref, t.Package.Name)
		}
	}
	if result == nil {
		return asUsage(failed, manifest.ErrAmbiguous)
	}
	if !result.OK {
		failed = errors.Join(failed, errDifference)
	}
	failed = errors.Join(failed, s.writeEvidence(c, result))
	if s.quiet && !s.json && !result.OK {
		// What failed is what -q leaves.
		s.quiet = false
		return s.finish(result, func(w io.Writer) { writeFailures(w, result) }, failed)
	}
	return s.finish(result, func(w io.Writer) { writeVerified(w, result) }, failed)
}

// chosenManifest opens the manifest that is asked for; nil without one.
func chosenManifest(c *cli.Context) (*manifest.Set, error) {
	if c.String("manifest") != "" {
		return openManifest(c.Context, c.String("manifest"))
	}
	for _, flag := range []string{"policy", "or-later", "exact"} {
		if c.IsSet(flag) {
			return nil, usagef("--%s goes with --manifest", flag)
		}
	}
	return nil, nil
}

// writeEvidence writes the report and the SBOM that were asked for.
func (s *session) writeEvidence(c *cli.Context, r *verify.Result) error {
	when, err := sourceDate()
	if err != nil {
		return err
	}
	evidence := report.Of(r, tool, when)
	var errs []error
	for _, document := range []struct {
		flag  string
		write func(io.Writer, *report.Report) error
	}{{"report", report.HTML}, {"sbom", s.writeSBOM}} {
		if name := c.String(document.flag); name != "" {
			errs = append(errs, extract.WriteFile(name, func(w io.Writer) error { return document.write(untilInterrupted{s.interrupted, w}, evidence) }))
		}
	}
	return errors.Join(errs...)
}

// writeSBOM is report.SBOM, whose document is made as a whole before any of it is
// written, until the run is told to stop.
func (s *session) writeSBOM(w io.Writer, r *report.Report) error {
	document, err := await(s.interrupted, func() ([]byte, error) {
		var b bytes.Buffer
		err := report.SBOM(&b, r)
		return b.Bytes(), err
	})
	if err != nil {
		return err
	}
	_, err = w.Write(document)
	return err
}

// sourceDate is the time that SOURCE_DATE_EPOCH names, the only time that is
// written into documents; zero without it.
func sourceDate() (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		return time.Time{}, nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, usagef("SOURCE_DATE_EPOCH is a number of seconds, not %q", text)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

func versionOf(f manifest.Checked) string {
	switch {
	case f.Actual == nil:
		return cmp.Or(f.Expected.Version, "-")
	case f.Actual.Version == f.Expected.Version || f.Expected.Version == "":
		return cmp.Or(f.Actual.Version, "-")
	}
	return cmp.Or(f.Actual.Version, "none") + ", not " + f.Expected.Version
}

func sizeOf(f manifest.Checked) string {
	switch {
	case f.Actual == nil:
		return "-"
	case f.Expected.Size == nil || *f.Expected.Size == f.Actual.Size:
		return display.Number(f.Actual.Size)
	}
	return display.Number(f.Actual.Size) + ", not " + display.Number(*f.Expected.Size)
}

// remarks says what differs and what is worth knowing, in words.
func remarks(f manifest.Checked) string {
	var words []string
	for _, d := range f.Differences {
		words = append(words, string(d))
	}
	for _, n := range f.Notes {
		words = append(words, string(n))
	}
	if f.Checked != "" {
		words = append(words, "only "+f.Checked+" was checked")
	}
	if f.Hint != "" {
		words = append(words, f.Hint)
	}
	return strings.Join(words, "; ")
}
