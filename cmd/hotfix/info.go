package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/extract/verify"
	"github.com/hotfixkit/hotfixkit/internal/display"
	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/manifest/authenticode"
	"github.com/hotfixkit/hotfixkit/msi"
)

func infoCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "info",
		Usage:     "tell what a package or an executable is",
		ArgsUsage: "FILE...",
		Flags: append(append([]cli.Flag{
			transformFlag(),
			linesFlag(),
			&cli.BoolFlag{Name: "actions", Usage: "list the custom actions as well: what would run, in the order of the sequences"},
			&cli.BoolFlag{Name: "no-signature", Usage: "check no signature and make no SHA-256, which read the whole file"},
		}, trustFlags()...), sourceFlags()...),
		Action: func(c *cli.Context) error {
			if c.NArg() == 0 {
				return usagef("info needs a file")
			}
			return s.info(c)
		},
	}
}

func (s *session) info(c *cli.Context) error {
	var trust *authenticode.Options
	if !c.Bool("no-signature") {
		var err error
		if trust, err = signatureOptions(c); err != nil {
			return err
		}
	}
	results := []any{}
	var infos []*fileInfo
	var errs []error
	for _, ref := range c.Args().Slice() {
		info, err := s.readInfo(c, ref, trust)
		lines := c.Bool("json-lines")
		if err != nil && c.NArg() > 1 && !lines { // of one file, the document says it
			detail := s.describe(err)
			info.Error = &detail
		}
		errs = append(errs, err)
		infos = append(infos, info)
		var result any = info
		if info.Kind == "" {
			result = unreadable{info.File, info.Error}
		}
		results = append(results, result)
		if lines {
			if err := s.line(result, err); err != nil {
				return errors.Join(append(errs, err)...)
			}
		}
	}
	if c.Bool("json-lines") {
		return errors.Join(errs...)
	}
	text := func(w io.Writer) {
		for i, info := range infos {
			if i > 0 {
				fmt.Fprintln(w)
			}
			info.write(w)
		}
		if s.next {
			writeNext(w, infos[0])
		}
	}
	if len(results) == 1 {
		return s.finish(results[0], text, errors.Join(errs...))
	}
	return s.finish(results, text, errors.Join(errs...))
}

// unreadable is the JSON document of a file that info could not read at all.
type unreadable struct {
	File  string       `json:"file"`
	Error *errorDetail `json:"error,omitempty"`
}

// fileInfo is the JSON document of info.
type fileInfo struct {
	File            string         `json:"file"`
	Kind            string         `json:"kind"`
	Size            int64          `json:"size"`
	SHA256          string         `json:"sha256,omitempty"`
	Version         string         `json:"version"` // of an executable, a product or an rpm
	Machine         string         `json:"machine"`
	ProductName     string         `json:"product_name,omitempty"`
	Manufacturer    string         `json:"manufacturer,omitempty"`
	ProductCode     string         `json:"product_code"`
	ProductVersion  string         `json:"product_version"`
	ProductLanguage string         `json:"product_language,omitempty"`
	UpgradeCode     string         `json:"upgrade_code,omitempty"`
	PackageCode     string         `json:"package_code,omitempty"`
	Platform        string         `json:"platform,omitempty"` // of the Template property, or an rpm's architecture
	Image           bool           `json:"administrative_image,omitempty"`
	CodePage        int            `json:"code_page,omitempty"`
	Summary         *summaryInfo   `json:"summary,omitempty"`
	ARP             *arpInfo       `json:"installed_programs,omitempty"`
	Patch           *patchInfo     `json:"patch,omitempty"`
	PatchCode       string         `json:"patch_code"`
	Targets         []patchTarget  `json:"targets"`
	Cabinets        []cabinetInfo  `json:"cabinets"`
	Features        []featureInfo  `json:"features,omitempty"`
	Inside          []string       `json:"inside,omitempty"`    // the packages around it, the nearest first
	Installer       string         `json:"installer,omitempty"` // of a program: the tool whose format is not read
	Download        *downloadInfo  `json:"download,omitempty"`
	Files           int            `json:"file_count"`
	LeftOut         int            `json:"left_out_count,omitempty"`
	Hashed          *int           `json:"hashed_count,omitempty"` // files with a row in MsiFileHash
	rows            int            // of the File table
	Actions         []actionInfo   `json:"actions,omitzero"` // with --actions
	Warnings        []string       `json:"warnings,omitempty"`
	Catalog         *catalogInfo   `json:"catalog,omitempty"`
	Signature       *signatureInfo `json:"signature,omitempty"`
	Error           *errorDetail   `json:"error,omitempty"`
}

type cabinetInfo struct {
	Name        string `json:"name"`
	Compression string `json:"compression"`
	Embedded    bool   `json:"embedded"`
	Missing     bool   `json:"missing,omitempty"`
	CutOff      bool   `json:"cut_off,omitempty"`
}

type featureInfo struct {
	Key    string `json:"key"`
	Parent string `json:"parent,omitempty"`
	Title  string `json:"title,omitempty"`
	Level  int32  `json:"level"`
}

type signatureInfo struct {
	Status        authenticode.Status `json:"status"`
	Signer        string              `json:"signer"`
	Publisher     string              `json:"publisher,omitempty"`
	Organizations []string            `json:"organizations,omitempty"`
	Timestamp     string              `json:"timestamp"` // RFC 3339, UTC
	Digest        string              `json:"digest_algorithm,omitempty"`
	Notes         []string            `json:"notes,omitempty"`
	Others        []*signatureInfo    `json:"others,omitempty"`
}

func newSignatureInfo(sig *authenticode.Signature) *signatureInfo {
	if sig == nil {
		return nil
	}
	info := &signatureInfo{Status: sig.Status, Signer: sig.Signer, Publisher: sig.Publisher, Organizations: sig.Organizations, Digest: sig.DigestAlgorithm, Notes: sig.Notes}
	for i := range sig.Others {
		info.Others = append(info.Others, newSignatureInfo(&sig.Others[i]))
	}
	if !sig.Timestamp.IsZero() {
		info.Timestamp = sig.Timestamp.UTC().Format(time.RFC3339)
	}
	return info
}

// readInfo reads what is known about one file. With an error it returns what
// could be read.
func (s *session) readInfo(c *cli.Context, ref string, trust *authenticode.Options) (*fileInfo, error) {
	ctx := c.Context
	info := &fileInfo{File: ref, Targets: []patchTarget{}, Cabinets: []cabinetInfo{}}
	p, err := source.Open(ctx, ref, sourceOptions(c))
	if errors.Is(err, source.ErrKind) {
		if named := new(source.NoPackageError); errors.As(err, &named) {
			info.Installer = named.Installer
		}
		if info.readExecutable(ref, trust) || info.readCatalog(ref, trust) {
			return info, nil
		}
	}
	if err != nil {
		return info, err
	}
	defer p.Close()
	digest := func() (string, error) { return "", nil }
	if trust != nil {
		var stop func()
		digest, stop = s.hash(ctx, p, p.Size())
		defer stop()
	}
	info.Kind, info.Size = string(p.Kind()), p.Size()
	count := p.Count()
	info.Files, info.LeftOut, info.Warnings = count.Files, count.LeftOut, p.Warnings()
	cabinets, err := p.CabinetInfos(ctx)
	if err != nil {
		return info, err
	}
	for _, c := range cabinets {
		if c.Missing && verify.IsImage(p) {
			continue // an image keeps the Media rows, not the cabinets
		}
		info.Cabinets = append(info.Cabinets, cabinetInfo(c))
	}
	if p.Database() != nil {
		info.readDatabase(p)
		if c.Bool("actions") {
			info.Actions = newActionInfos(p.Database())
		}
	}
	if p.Kind() == source.RPM {
		info.ProductName, info.Version, info.Platform = p.Identity()
	}
	if err := info.readDownload(ctx, p, trust); err != nil {
		return info, err
	}
	if err := info.readPatch(p); err != nil {
		return info, packageError(p, err)
	}
	if trust != nil {
		sig, err := verify.Signature(ctx, p, *trust)
		if err != nil {
			return info, err
		}
		info.Signature = newSignatureInfo(sig)
		if info.SHA256, err = digest(); err != nil {
			return info, packageError(p, err)
		}
	}
	return info, nil
}

// hash makes the SHA-256 of a file while other things are found out about it. digest
// waits for it and shows on a terminal how far it is; stop ends the reading, after which
// the file may be closed.
func (s *session) hash(ctx context.Context, r io.ReaderAt, size int64) (digest func() (string, error), stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	meter := s.newMeter()
	ended := make(chan struct{})
	h := sha256.New()
	var err error
	go func() {
		defer close(ended)
		_, err = io.Copy(h, &meteredReader{Reader: io.NewSectionReader(r, 0, size), ctx: ctx, meter: meter, total: size})
	}()
	digest = func() (string, error) {
		<-ended
		if err != nil {
			return "", err
		}
		return hex.EncodeToString(h.Sum(nil)), nil
	}
	return digest, func() {
		cancel()
		<-ended
		meter.clear()
	}
}

// readExecutable reports whether the file is an executable on the disk.
func (i *fileInfo) readExecutable(ref string, trust *authenticode.Options) bool {
	f, err := os.Open(ref)
	if err != nil {
		return false
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil || !stat.Mode().IsRegular() {
		return false
	}
	actual, err := manifest.Inspect(manifest.File{Path: ref, Name: stat.Name(), Size: stat.Size()}, f, manifest.InspectOptions{Signature: trust, SHA256: trust != nil})
	if err != nil || actual.Platform == "" {
		return false
	}
	i.Kind, i.Size, i.Version, i.Machine = "pe", stat.Size(), actual.Version, actual.Platform
	i.SHA256, i.Warnings = actual.SHA256, actual.Problems
	i.Signature = newSignatureInfo(actual.Signature)
	return true
}

func (i *fileInfo) readDatabase(p *source.Package) {
	db := p.Database()
	i.CodePage = db.CodePage()
	summary := db.Summary()
	i.Summary = newSummaryInfo(summary, p.Kind())
	if p.Kind() == source.MSI {
		i.ARP = newARPInfo(db)
	}
	i.Image = verify.IsImage(p)
	i.ProductName, i.Manufacturer = verify.Property(p, "ProductName"), verify.Property(p, "Manufacturer")
	i.ProductCode, i.ProductVersion = verify.Property(p, "ProductCode"), verify.Property(p, "ProductVersion")
	i.ProductLanguage, i.UpgradeCode = verify.Property(p, "ProductLanguage"), verify.Property(p, "UpgradeCode")
	i.Version = i.ProductVersion
	switch p.Kind() {
	case source.MSI, source.MSM:
		i.PackageCode = summary.String(msi.PIDRevision)
		i.Platform, _, _ = strings.Cut(summary.String(msi.PIDTemplate), ";")
	}
	if p.Model() == nil {
		return
	}
	hashed := p.Model().Hashed()
	i.Hashed, i.rows = &hashed, p.Model().FileCount()
	for _, f := range p.Model().Features {
		one := featureInfo{Key: f.Key, Title: clip(f.Title), Level: f.Level}
		if f.Parent != nil {
			one.Parent = f.Parent.Key
		}
		i.Features = append(i.Features, one)
	}
}

// clip shortens a text that is longer than any that is meant to be read: many
// features may share one.
func clip(text string) string {
	const most = 1000
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

func (i *fileInfo) write(w io.Writer) {
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "  %-18s %s\n", name, display.Text(value))
		}
	}
	fmt.Fprintf(w, "%s\n", display.Text(i.File))
	line("kind", kindNames[i.Kind])
	if i.Size > 0 {
		line("size", display.Number(i.Size)+" bytes")
	}
	line("SHA-256", i.SHA256)
	line("product", i.ProductName)
	line("manufacturer", i.Manufacturer)
	line("version", i.Version)
	line("machine", i.Machine)
	line("platform", i.Platform)
	line("language", i.ProductLanguage)
	line("product code", i.ProductCode)
	line("upgrade code", i.UpgradeCode)
	line("package code", i.PackageCode)
	if i.CodePage != 0 {
		line("code page", strconv.Itoa(i.CodePage))
	}
	if i.Image {
		line("image", "an administrative image")
	}
	i.Summary.write(line)
	i.ARP.write(line)
	i.writePatch(line)
	line("installer", i.Installer)
	i.writeDownload(line)
	for _, c := range i.Cabinets {
		where := "next to the package"
		switch {
		case i.Kind == string(source.SFX):
			where = "in the program"
		case c.Missing:
			where = "MISSING OR UNREADABLE"
		case c.CutOff:
			where = "CUT OFF: its end is missing"
		case c.Embedded:
			where = "in the package"
		case i.Kind == string(source.CAB):
			where = "a volume of the set"
		}
		line("cabinet", strings.TrimSpace(c.Name+" "+c.Compression)+" ("+where+")")
	}
	for _, f := range i.Features {
		text := fmt.Sprintf("%s, level %d", f.Key, f.Level)
		if f.Title != "" && f.Title != f.Key {
			text += ": " + f.Title
		}
		line("feature", text)
	}
	if i.Kind != "pe" && i.Kind != "cat" && i.Kind != "" {
		text := display.Count(i.Files, "file")
		if i.LeftOut > 0 {
			text += ", and " + strconv.Itoa(i.LeftOut) + " left out by extract (hotfix list says why)"
		}
		line("files", text)
		if i.Hashed != nil && i.rows > 0 {
			line("hashes", fmt.Sprintf("%d of %d files have one (MsiFileHash)", *i.Hashed, i.rows))
		}
	}
	i.writeSignature(line)
	i.Catalog.write(w, line)
	if i.Actions != nil {
		writeActions(w, i.Actions)
	}
	for _, text := range i.Warnings {
		line("warning", text)
	}
}

func (i *fileInfo) writeSignature(line func(name, value string)) {
	sig := i.Signature
	if sig == nil {
		return
	}
	line("signature", sig.String())
	for _, n := range sig.Notes {
		line("", "- "+n)
	}
	for _, other := range sig.Others {
		line("another signature", other.String())
	}
}

// String is one line about the verdict.
func (s *signatureInfo) String() string {
	text := string(s.Status)
	if s.Signer != "" {
		text += ", signed by " + s.Signer
	}
	if s.Timestamp != "" {
		text += " at " + s.Timestamp
	}
	return text
}

// writeNext names the two commands that most likely follow.
func writeNext(w io.Writer, i *fileInfo) {
	var next [2]string
	switch i.Kind {
	case "":
		return
	case "pe":
		next = [2]string{"verify %s --require-signature --manifest MANIFEST", "info --json %s"}
	case string(source.MST):
		next = [2]string{"tables %s", "help tables"}
	case string(source.MSP):
		next = [2]string{"list %s", "extract BASE.msi --patch %s -o DIR"}
	default:
		next = [2]string{"list %s", "extract %s -o DIR"}
	}
	fmt.Fprintf(w, "\nNext:\n")
	for _, command := range next {
		fmt.Fprintf(w, "  hotfix %s\n", strings.ReplaceAll(command, "%s", display.Text(quoteWord(i.File))))
	}
}

// quoteWord quotes a word for a shell where it must be.
func quoteWord(word string) string {
	if strings.ContainsAny(word, " \t&|;<>()$`*?[]#~!{}'\"") {
		return `"` + word + `"`
	}
	return word
}

// kindNames says for people what a kind is.
var kindNames = map[string]string{
	"msi":  "installer package (msi)",
	"msm":  "merge module (msm)",
	"msp":  "patch (msp)",
	"mst":  "transform (mst)",
	"cab":  "cabinet (cab)",
	"rpm":  "rpm package",
	"zip":  "zip",
	"sfx":  "self-extracting program",
	"burn": "WiX Burn bundle",
	"pe":   "executable (PE)",
	"cat":  "security catalog",
}
