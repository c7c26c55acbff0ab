package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/hotfixkit/hotfixkit/extract"
	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/internal/display"
	"github.com/hotfixkit/hotfixkit/internal/distpoint"
	"github.com/hotfixkit/hotfixkit/manifest"
)

func stageCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "stage",
		Usage:     "verify a hotfix package and write its distribution-point content",
		ArgsUsage: "PACKAGE...",
		Description: "Writes the i386\\hotfix tree with the client patch, the CCMCertFix program with its package definition, a package that deploys the " +
			"patch to clients that are installed already, PATCH.txt with everything that is left to do, and the evidence (stage.json, SHA256SUMS, report.html). A package that does not match its manifest is not " +
			"staged (exit code 1). Several packages go to DIR/<package name>.\n\n" +
			"KB977203 cannot be installed where KB977384 is: say --superseded-by KB977384 there, and only CCMCertFix is staged.",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "folder `DIR` to write; it must not exist, or be what an earlier run staged from the same package, unchanged"},
			&cli.StringFlag{Name: "superseded-by", Usage: "`KB` installed on the site that supersedes the hotfix: stage only CCMCertFix"},
			&cli.StringFlag{Name: "installed", Usage: "what is installed on the site: a `FILE` (a list of KBs, wmic or PowerShell output), or KB numbers and client versions separated by commas"},
			&cli.StringFlag{Name: "client-dir", Usage: "add the patch to the copy of the client files in `DIR`; -o receives the rest"},
			&cli.BoolFlag{Name: "replace", Usage: "replace a patch of the same name and other content in --client-dir"},
			&cli.StringFlag{Name: "manifest", Usage: "built-in manifest, or a JSON file", Value: "kb977203"},
			&cli.BoolFlag{Name: "or-later", Usage: "accept versions later than the published ones"},
			&cli.StringFlag{Name: "package-id", Usage: "package `ID` of the ConfigMgr client installation files (not of the hotfix)"},
			&cli.StringFlag{Name: "cache-drive", Usage: "drive of the _SMSTaskSequence folder (default: C:)"},
			&cli.StringFlag{Name: "unc", Usage: "share that holds the client files, instead of the cache: `\\\\server\\share`"},
			&cli.StringSliceFlag{Name: "with-patch", Usage: "client patch `FILE.msp` of another hotfix, to stage and name in PATCH too; may be repeated"},
			&cli.StringSliceFlag{Name: "order", Usage: "order of the patches in PATCH: `KB,KB` (default: what the patches say, then their numbers)"},
			&cli.StringSliceFlag{Name: "property", Usage: "property of the client installation (SMSSLP, FSP): `NAME=VALUE`"},
		}, policyFlags(), signatureFlags(), sourceFlags()),
		Action: func(c *cli.Context) error { return s.stage(c) },
	}
}

func (s *session) stage(c *cli.Context) error {
	if c.NArg() == 0 {
		return usagef("stage needs a package")
	}
	if c.String("output") == "" {
		return usagef("stage needs -o DIR")
	}
	o, err := stageOptions(c)
	if err != nil {
		return err
	}
	meter := s.newMeter()
	o.Progress = meter.counter()
	if c.NArg() == 1 {
		result, err := distpoint.Stage(c.Context, c.Args().First(), o)
		meter.clear()
		err = stageError(err)
		s.warnStaged("", result)
		if result == nil {
			return err
		}
		return s.finish(result, func(w io.Writer) { writeStaged(w, result, err) }, err)
	}
	results, errs, err := distpoint.StageAll(c.Context, c.Args().Slice(), o)
	meter.clear()
	if err != nil {
		return stageError(err)
	}
	batch := struct {
		Packages []stagedPackage `json:"packages"`
	}{}
	for i, ref := range c.Args().Slice() {
		errs[i] = stageError(errs[i])
		one := stagedPackage{Ref: ref, Result: results[i]}
		if failures := flatten(errs[i]); len(failures) > 0 {
			detail := s.describe(failures[0])
			one.Error = &detail
		}
		s.warnStaged(ref+": ", results[i])
		batch.Packages = append(batch.Packages, one)
	}
	return s.finish(batch, func(w io.Writer) {
		for i, p := range batch.Packages {
			if p.Result != nil {
				writeStaged(w, p.Result, errs[i])
				fmt.Fprintln(w)
			}
		}
		writeSummary(w, batch.Packages)
	}, errors.Join(errs...))
}

// writeSummary prints one line for each package of a batch.
func writeSummary(w io.Writer, packages []stagedPackage) {
	t := newTable("PACKAGE", "MANIFEST", "RESULT")
	staged := 0
	for _, p := range packages {
		manifest, result := "-", "NOT STAGED"
		if p.Result != nil {
			manifest = cmp.Or(p.Manifest, "-")
		}
		if p.Error == nil {
			staged++
			result = outcome(p.Result)
		}
		t.row(filepath.Base(p.Ref), manifest, result)
	}
	t.write(w)
	fmt.Fprintf(w, "%d of %s staged\n", staged, display.Count(len(packages), "package"))
}

// outcome says what a run that succeeded did.
func outcome(r *distpoint.Result) string {
	if r.Unchanged {
		return "already staged, nothing changed"
	}
	if r.Replaced {
		return "staged, in the place of the earlier result"
	}
	return "staged"
}

// stagedPackage is one package of a batch in JSON.
type stagedPackage struct {
	Ref string `json:"ref"`
	*distpoint.Result
	Error *errorDetail `json:"error,omitempty"`
}

// notEmpty refuses flags that are given without a value: an empty variable in a
// script must not drop what was asked for.
func notEmpty(c *cli.Context, flags ...string) error {
	for _, name := range flags {
		if c.IsSet(name) && c.String(name) == "" {
			return usagef("--%s is given without a value", name)
		}
	}
	return nil
}

func stageOptions(c *cli.Context) (distpoint.Options, error) {
	o := distpoint.Options{
		Output:       c.String("output"),
		SupersededBy: c.String("superseded-by"),
		ClientDir:    c.String("client-dir"),
		Replace:      c.Bool("replace"),
		Location:     distpoint.Location{PackageID: c.String("package-id"), CacheDrive: c.String("cache-drive"), UNC: c.String("unc")},
		WithPatches:  c.StringSlice("with-patch"),
		Source:       sourceOptions(c),
		Limits:       extract.Limits{MaxBytes: c.Int64("max-bytes")},
		Tool:         tool,
	}
	err := notEmpty(c, "superseded-by", "installed", "client-dir", "manifest", "policy", "package-id", "cache-drive", "unc", "publisher", "trust", "at")
	if err != nil {
		return o, err
	}
	if o.Replace && o.ClientDir == "" {
		return o, usagef("--replace goes with --client-dir")
	}
	if o.Time, err = sourceDate(); err != nil {
		return o, err
	}
	if o.Manifest, err = openManifest(c.Context, c.String("manifest")); err != nil {
		return o, err
	}
	if o.Compare, err = compareOptions(c); err != nil {
		return o, err
	}
	signature, err := signatureOptions(c)
	if err != nil {
		return o, err
	}
	o.Signature = *signature
	if o.SupersededBy != "" && c.String("installed") != "" {
		return o, usagef("--superseded-by and --installed say the same thing: give one")
	}
	if list := c.String("installed"); list != "" {
		if o.Installed, err = readInstalled(list); err != nil {
			return o, err
		}
	}
	for _, text := range c.StringSlice("property") {
		p, err := distpoint.ParseProperty(text)
		if err != nil {
			return o, stageError(err)
		}
		o.Properties = append(o.Properties, p)
	}
	if slices.Contains(o.WithPatches, "") {
		return o, usagef("--with-patch is given without a value")
	}
	for _, list := range c.StringSlice("order") {
		o.Order = append(o.Order, splitList(list)...)
	}
	return o, nil
}

// maxInstalled bounds the file of a list of installed updates.
const maxInstalled = 16 << 20

// readInstalled reads a list of installed updates: a file, or the numbers
// themselves.
func readInstalled(list string) ([]string, error) {
	if _, err := os.Stat(list); err == nil || filepath.Ext(list) == ".txt" || filepath.Ext(list) == ".csv" || filepath.Base(list) != list {
		data, err := readSmallFile(list, maxInstalled)
		if err != nil {
			return nil, err
		}
		numbers, err := distpoint.ReadInstalled(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", list, err)
		}
		return numbers, nil
	}
	var numbers []string
	for _, word := range splitList(list) {
		found, known := distpoint.ParseInstalled(word)
		if !known {
			return nil, usagef("--installed: %q is neither a file nor a list of KB numbers or client versions", list)
		}
		numbers = append(numbers, found...)
	}
	return numbers, nil
}

// stageError gives the errors of staging their exit codes.
func stageError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, distpoint.ErrNotVerified), errors.Is(err, distpoint.ErrClientFiles):
		return &differenceError{err}
	case errors.Is(err, distpoint.ErrProperty), errors.Is(err, distpoint.ErrSuperseded), errors.Is(err, distpoint.ErrBatch),
		errors.Is(err, distpoint.ErrNested), errors.Is(err, manifest.ErrAmbiguous):
		return &usageError{err}
	}
	return err
}

func (s *session) warnStaged(prefix string, r *distpoint.Result) {
	if r == nil {
		return
	}
	if id := r.Package; id != nil && id.Inside != nil && id.Inside.Kind != source.RPM {
		s.note("%sreading %s, which is in %s", prefix, id.Name, id.Inside.Name)
	}
	for _, w := range r.Warnings {
		s.warn("%s%s", prefix, w)
	}
}

// writeStaged prints what was staged, or why nothing was.
func writeStaged(w io.Writer, r *distpoint.Result, err error) {
	if r.Verification != nil {
		writeResult(w, r.Verification)
	}
	for id := r.Package; id != nil; id = id.Inside {
		writeNeighbours(w, id.Neighbours)
	}
	if err != nil {
		fmt.Fprintf(w, "%s: NOT STAGED\n", display.Text(r.Package.Name))
		return
	}
	fmt.Fprintf(w, "\n%s: %s\n", display.Text(filepath.Clean(r.Output)), outcome(r))
	t := newTable(">SIZE", "SHA-256", "FILE")
	for _, f := range r.Files {
		where := ""
		if f.ClientDir {
			where = "  (in the client files)"
		}
		t.row(display.Number(f.Size), f.SHA256[:16]+"…", f.Path+where)
	}
	t.write(w)
	if r.NoPatch != "" {
		fmt.Fprintf(w, "\nno patch is needed: %s\n", display.Text(r.NoPatch))
	}
	if r.PropertiesLine != "" {
		fmt.Fprintf(w, "\nInstallation properties of the step Setup Windows and ConfigMgr (PATCH.txt has the notes):\n%s\n", display.Text(r.PropertiesLine))
	}
	for _, l := range r.PlatformLines {
		fmt.Fprintf(w, "\nInstallation properties for the %s client:\n%s\n", l.Platform, display.Text(l.Line))
	}
	if r.NoPatch == "" {
		for _, by := range r.Verification.SupersededBy {
			fmt.Fprintf(w, "\nWhere %s is installed on the site, say --superseded-by %s: only CCMCertFix is staged then.\n", by.KB, by.KB)
		}
	}
}
