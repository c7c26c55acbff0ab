// Package manifest says what a package should hold and checks files against it.
//
// A [Manifest] is a table of files as Microsoft publishes them in a KB article:
// name, version, size, date, time and platform. Files are described by an
// [Inspector], which is fed each file once, forward, and compared by [Set.Compare].
//
//	set, err := manifest.Open("kb977203")
//	actual, err := manifest.Inspect(file, content, manifest.InspectOptions{SHA256: true})
//	m, err := set.Choose(actuals)
//	result := m.Compare(actuals, manifest.CompareOptions{})
//
// The package reads no installer format itself: whoever walks a package or a
// folder supplies names and contents.
package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hotfixkit/hotfixkit/internal/display"
	"github.com/hotfixkit/hotfixkit/internal/lazyregexp"
)

// ErrFormat means that a manifest file is not one, or that a field of it does
// not have the form that the schema asks for.
var ErrFormat = errors.New("not a valid manifest")

// Manifest is one table of files with what is known about it. Unknown fields are
// empty and absent from the JSON.
type Manifest struct {
	ID           string        `json:"id,omitempty"`           // short name in lower case, as "kb977203-sp2"
	Title        string        `json:"title,omitempty"`        // for people
	KB           string        `json:"kb,omitempty"`           // article, as "KB977203"
	Product      string        `json:"product,omitempty"`      // as "System Center Configuration Manager 2007"
	ServicePack  string        `json:"service_pack,omitempty"` // as "SP2"
	SupersededBy []Superseding `json:"superseded_by,omitempty"`
	Source       *Source       `json:"source,omitempty"` // the package that it was made from
	Files        []Row         `json:"files"`
	Warnings     []Warning     `json:"warnings,omitempty"`
}

// Source is the package that a manifest was made from. It decides nothing: another
// package may hold the same files.
type Source struct {
	Name   string `json:"name,omitempty"` // without folders
	Size   *int64 `json:"size,omitempty"` // bytes
	SHA256 string `json:"sha256"`         // 64 hexadecimal digits, lower case
}

// Superseding names an article that replaces this one.
type Superseding struct {
	KB      string   `json:"kb"`                // as "KB977384"
	Aliases []string `json:"aliases,omitempty"` // numbers that stand for it in print by mistake, as "KB997384"
}

// Row is one file of the table. Name and Platform together are its key: one
// table may list the same name for several machines.
type Row struct {
	Name     string `json:"name"`               // base name as printed; compared without case
	Path     string `json:"path,omitempty"`     // path in the package or folder, "/" between elements
	Version  string `json:"version,omitempty"`  // file version as printed
	Size     *int64 `json:"size,omitempty"`     // bytes
	Date     string `json:"date,omitempty"`     // "2010-01-25"
	Time     string `json:"time,omitempty"`     // "06:27" or "06:27:05"; UTC where the source says so
	Platform string `json:"platform,omitempty"` // machine as package pe names it: "x86", "x64", "ia64", …
	SHA256   string `json:"sha256,omitempty"`   // 64 hexadecimal digits, lower case
}

// Warning says what could not be read with certainty in the source of a
// manifest.
type Warning struct {
	Line    int    `json:"line,omitempty"` // of the source, from 1
	Text    string `json:"text,omitempty"` // as it stands there
	Message string `json:"message"`
}

// Bytes returns a size for [Row.Size].
func Bytes(n int64) *int64 { return &n }

// Write prints manifests as JSON: one as an object, several under "manifests".
func Write(w io.Writer, manifests ...*Manifest) error {
	var doc any = struct {
		Manifests []*Manifest `json:"manifests"`
	}{manifests}
	if len(manifests) == 1 {
		doc = manifests[0]
	}
	return display.WriteJSON(w, doc)
}

// maxManifest bounds the bytes of a manifest file: the largest published tables
// have a few thousand rows of less than 500 bytes.
const maxManifest = 16 << 20

// Read reads one manifest or several, in either of the forms that [Write]
// prints, in UTF-8 or in UTF-16 with a byte-order mark. A field that it does not
// know, in another spelling (case) or twice, and a value without the form that the
// schema asks for, is an error that wraps [ErrFormat]: it would otherwise be a check
// that is silently not done.
func Read(r io.Reader) ([]*Manifest, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxManifest+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxManifest {
		return nil, fmt.Errorf("%w: larger than %d bytes", ErrFormat, maxManifest)
	}
	if data, err = decodeText(data); err != nil {
		return nil, err
	}
	if err := checkFields(data); err != nil {
		return nil, formatError(err)
	}
	var doc struct {
		Manifest
		Manifests []*Manifest `json:"manifests"`
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&doc); err != nil {
		return nil, formatError(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: data after the end of the document", ErrFormat)
	}
	manifests := doc.Manifests
	if manifests == nil {
		manifests = []*Manifest{&doc.Manifest}
	}
	if len(manifests) == 0 {
		return nil, fmt.Errorf(`%w: "manifests" is empty`, ErrFormat)
	}
	seen := make(map[string]bool, len(manifests))
	for i, m := range manifests {
		if m == nil {
			return nil, fmt.Errorf("%w: manifest %d is null", ErrFormat, i+1)
		}
		if err := m.validate(); err != nil {
			return nil, fmt.Errorf("manifest %d: %w", i+1, err)
		}
		if m.ID != "" && seen[m.ID] {
			return nil, fmt.Errorf("%w: the id %q occurs twice", ErrFormat, m.ID)
		}
		seen[m.ID] = true
	}
	return manifests, nil
}

// formatError makes an error about JSON one that wraps ErrFormat.
func formatError(err error) error {
	if errors.Is(err, ErrFormat) {
		return err
	}
	return fmt.Errorf("%w: %s", ErrFormat, strings.TrimPrefix(err.Error(), "json: "))
}

var (
	kbForm     = lazyregexp.New(`^KB[0-9]{5,7}$`)
	sha256Form = lazyregexp.New(`^[0-9a-f]{64}$`)
	timeForm   = lazyregexp.New(`^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$`)
)

// validate checks what the types alone do not.
func (m *Manifest) validate() error {
	if m.KB != "" && !kbForm().MatchString(m.KB) {
		return fmt.Errorf(`%w: kb %q is not of the form "KB977203"`, ErrFormat, m.KB)
	}
	for _, s := range m.SupersededBy {
		for _, kb := range append([]string{s.KB}, s.Aliases...) {
			if !kbForm().MatchString(kb) {
				return fmt.Errorf(`%w: superseded_by %q is not of the form "KB977203"`, ErrFormat, kb)
			}
		}
	}
	if m.Source != nil && m.Source.SHA256 == "" {
		return fmt.Errorf(`%w: source: "sha256" is absent`, ErrFormat)
	}
	if m.Source != nil && m.Source.Size != nil && *m.Source.Size < 0 {
		return fmt.Errorf("%w: source: the size is negative", ErrFormat)
	}
	if m.Files == nil {
		return fmt.Errorf(`%w: "files" is absent`, ErrFormat)
	}
	for i, row := range m.Files {
		if err := row.validate(); err != nil {
			return fmt.Errorf("file %d (%q): %w", i+1, row.Name, err)
		}
	}
	return nil
}

func (r *Row) validate() error {
	switch {
	case r.Name == "":
		return fmt.Errorf("%w: it has no name", ErrFormat)
	case strings.ContainsAny(r.Name, `/\`):
		return fmt.Errorf("%w: the name holds a path separator; the path belongs into \"path\"", ErrFormat)
	case r.Size != nil && *r.Size < 0:
		return fmt.Errorf("%w: size %d is negative", ErrFormat, *r.Size)
	case r.SHA256 != "" && !sha256Form().MatchString(r.SHA256):
		return fmt.Errorf("%w: sha256 is not 64 hexadecimal digits in lower case", ErrFormat)
	}
	if r.Date != "" {
		if _, err := time.Parse(time.DateOnly, r.Date); err != nil {
			return fmt.Errorf("%w: date %q is not of the form 2010-01-25", ErrFormat, r.Date)
		}
	}
	if r.Time != "" && !timeForm().MatchString(r.Time) {
		return fmt.Errorf("%w: time %q is not of the form 06:27", ErrFormat, r.Time)
	}
	return nil
}
