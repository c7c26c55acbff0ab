// Package msp reads Windows Installer patches and works out what one or several
// of them make of a package: the database of the patched administrative image,
// and for every file that they touch where its bytes come from.
//
// A patch holds transforms in pairs: the main one makes the updated database,
// the paired one (its name begins with "#") only tells the installer where the
// patch's own files are. [New] reads a patch, [Apply] chooses the pairs that fit
// a package, puts the patches in order and returns a [Plan].
//
// The package moves no bytes of files itself. To carry out a plan, list the files
// of Plan.Full (its model has the names, sizes, versions and hashes after the
// patch). Read Plan.Cabinets once: whole files go where they belong, deltas, which
// are small, are kept. Then read the package once, whose own model says where its
// files are: a file that Plan.Files does not name is as it was; the others get
// their bytes from [File.Finish].
package msp

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/hotfixkit/hotfixkit/internal/delta"
	"github.com/hotfixkit/hotfixkit/msi"
)

var (
	// ErrFormat reports a patch that contradicts itself.
	ErrFormat = errors.New("malformed patch")
	// ErrTarget reports a package that a patch was not made for. The error is
	// a *TargetError.
	ErrTarget = errors.New("patch does not fit the package")
	// ErrApplied reports a package that holds everything that a patch changes. The
	// error is an *AppliedError.
	ErrApplied = errors.New("already applied")
	// ErrDelta reports a delta that is damaged, ErrDeltaFormat one of a format that
	// is not read, ErrDeltaSource one that was made for another build of the file.
	ErrDelta       = delta.ErrFormat
	ErrDeltaFormat = delta.ErrAlgorithm
	ErrDeltaSource = delta.ErrSource
)

// MinimumInstaller is the oldest Windows Installer that can apply a patch
// (Windows Installer: Word Count Summary property, of patches).
type MinimumInstaller int

func (m MinimumInstaller) String() string {
	names := map[MinimumInstaller]string{1: "any", 2: "1.2", 3: "2.0", 4: "3.0", 5: "3.1", 6: "4.0"}
	if s, ok := names[m]; ok {
		return s
	}
	return fmt.Sprintf("unknown (%d)", int(m))
}

// Patch is a Windows Installer patch, an .msp.
type Patch struct {
	Code             string   // GUID with braces
	Obsoletes        []string // codes of patches that this one removes
	Products         []string // product codes that it may be applied to
	Title            string
	Subject          string
	Comments         string
	Sources          []string // where the installer looks for the patch again
	MinimumInstaller MinimumInstaller
	Metadata         []Metadata // in table order
	Sequences        []Sequence // in table order
	Pairs            []*Pair    // in the order in which they are tried

	db *msi.Database

	reading  sync.Mutex // of contents
	contents *Contents  // nil until they are asked for
}

// Metadata is a row of the MsiPatchMetadata table.
type Metadata struct{ Company, Property, Value string }

// Sequence is a row of the MsiPatchSequence table: the place of the patch in a
// family.
type Sequence struct {
	Family      string
	ProductCode string // the row is for this product only; "" for all
	Sequence    string // up to four numbers with dots between
	Supersedes  bool   // earlier patches of the family are not needed any more
}

// Pair is a main transform with the one that belongs to it.
type Pair struct {
	Name   string // storage of the main transform; that of the other is "#" + Name
	Main   *msi.Transform
	Paired *msi.Transform // nil when the patch has none
}

// Target is what a pair of transforms applies to.
type Target struct {
	Pair        string // name of the main transform
	ProductCode string
	Version     string // of the product before the patch
	NewVersion  string // and after it
	UpgradeCode string
	Language    int // 0 for any

	pair *Pair
}

// Accepts reports whether the conditions on the product's version hold for this
// one.
func (t Target) Accepts(version string) bool { return t.pair.Main.ValidateVersion(version) == nil }

// New reads the patch in db, which must stay open as long as the patch is used.
// The error is ErrFormat, or one of package msi.
func New(db *msi.Database) (*Patch, error) {
	if db.Kind() != msi.KindPatch {
		return nil, fmt.Errorf("msp: this is a %s: %w", db.Kind(), ErrFormat)
	}
	s := db.Summary()
	p := &Patch{
		Title:    s.String(msi.PIDTitle),
		Subject:  s.String(msi.PIDSubject),
		Comments: s.String(msi.PIDComments),
		Products: list(s.String(msi.PIDTemplate)),
		Sources:  list(s.String(msi.PIDKeywords)),
		db:       db,
	}
	if n, ok := s.Int(msi.PIDWordCount); ok {
		p.MinimumInstaller = MinimumInstaller(n)
	}
	codes, err := guids(s.String(msi.PIDRevision))
	if err != nil {
		return nil, err
	}
	p.Code, p.Obsoletes = codes[0], codes[1:]
	p.readTables()
	return p, p.readPairs()
}

// list splits "a;b;c", without empty parts.
func list(s string) []string {
	return slices.DeleteFunc(strings.Split(s, ";"), func(item string) bool { return item == "" })
}

// guids splits the revision number of a patch: its code and those of the patches
// that it makes obsolete, without anything between.
func guids(s string) ([]string, error) {
	var codes []string
	for rest := strings.TrimSpace(s); rest != ""; {
		i := strings.IndexByte(rest, '}')
		if i < 0 || rest[0] != '{' {
			return nil, fmt.Errorf("msp: patch code %q: %w", s, ErrFormat)
		}
		codes = append(codes, rest[:i+1])
		rest = strings.TrimLeft(rest[i+1:], " ;,")
	}
	if len(codes) == 0 {
		return nil, fmt.Errorf("msp: no patch code: %w", ErrFormat)
	}
	return codes, nil
}

func (p *Patch) readTables() {
	if t := p.db.Table("MsiPatchMetadata"); t != nil {
		for row := range t.Rows() {
			p.Metadata = append(p.Metadata, Metadata{row.String("Company"), row.String("Property"), row.String("Value")})
		}
	}
	if t := p.db.Table("MsiPatchSequence"); t != nil {
		const supersedeEarlier = 1
		for row := range t.Rows() {
			attributes, _ := row.Int("Attributes")
			p.Sequences = append(p.Sequences, Sequence{
				row.String("PatchFamily"), row.String("ProductCode"), row.String("Sequence"), attributes&supersedeEarlier != 0,
			})
		}
	}
}

// readPairs loads the transforms in the order in which the summary information
// names them: ":T1;:#T1;:T2;:#T2".
func (p *Patch) readPairs() error {
	storages := p.db.Storages()
	for _, item := range list(p.db.Summary().String(msi.PIDLastAuthor)) {
		name, ok := strings.CutPrefix(strings.TrimSpace(item), ":")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		if !slices.Contains(storages, name) {
			return fmt.Errorf("msp: patch %s: transform %q is named but not there: %w", p.Code, name, ErrFormat)
		}
		pair := &Pair{Name: name}
		var err error
		if pair.Main, err = p.transform(name); err != nil {
			return err
		}
		if slices.Contains(storages, "#"+name) {
			if pair.Paired, err = p.transform("#" + name); err != nil {
				return err
			}
		}
		p.Pairs = append(p.Pairs, pair)
	}
	return nil
}

func (p *Patch) transform(name string) (*msi.Transform, error) {
	storage, err := p.db.Storage(name)
	if err != nil {
		return nil, fmt.Errorf("msp: patch %s: %w", p.Code, err)
	}
	t, err := msi.LoadTransform(storage)
	if err != nil {
		return nil, fmt.Errorf("msp: patch %s, transform %s: %w", p.Code, name, err)
	}
	return t, nil
}

// Targets returns what the pairs of transforms apply to, in their order.
func (p *Patch) Targets() []Target {
	var targets []Target
	for _, pair := range p.Pairs {
		t := pair.Main
		targets = append(targets, Target{pair.Name, t.OldProductCode, t.OldVersion, t.NewVersion, t.UpgradeCode, t.Language, pair})
	}
	return targets
}

// Database returns the database that the patch was read from.
func (p *Patch) Database() *msi.Database { return p.db }

// Name returns what to call the patch in messages: its display name, title or code.
func (p *Patch) Name() string {
	for _, m := range p.Metadata {
		if m.Property == "DisplayName" && m.Value != "" {
			return m.Value
		}
	}
	return p.Code
}
