package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/hotfixkit/hotfixkit/internal/display"
	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/manifest/authenticode"
)

// specVersion is the CycloneDX version that is written: the newest that the usual
// tools read.
const specVersion = cdx.SpecVersion1_6

// propertyPrefix is the name space of our properties ("CycloneDX Property
// Taxonomy").
const propertyPrefix = "hotfixkit:"

// SBOM writes a CycloneDX bill of materials in JSON: the targets, and in them
// every file that was found, with version, hashes and the outcome of its check. Files
// that are missing are not part of it. The serial number is derived from the
// content.
func SBOM(w io.Writer, r *Report) error {
	bom := cdx.NewBOM()
	tool := cdx.Component{Type: cdx.ComponentTypeApplication, Name: r.Tool.Name, Version: r.Tool.Version}
	bom.Metadata = &cdx.Metadata{Tools: &cdx.ToolsChoice{Components: &[]cdx.Component{tool}}}
	if !r.Time.IsZero() {
		bom.Metadata.Timestamp = r.Time.UTC().Format(time.RFC3339)
	}
	bom.Metadata.Properties = properties(
		"manifest", r.Result.Manifest,
		"policy", string(r.Result.Policy),
		"verified", strconv.FormatBool(r.Result.OK && len(r.Errors) == 0),
	)

	components, contents := newComponents(r)
	if len(components) == 1 {
		bom.Metadata.Component = &components[0]
		components = nil
	}
	for i := range contents {
		components = append(components, contents[i].files...)
	}
	bom.Components = &components
	var dependencies []cdx.Dependency
	for _, c := range contents {
		var files []string
		for _, f := range c.files {
			files = append(files, f.BOMRef)
		}
		dependencies = append(dependencies, cdx.Dependency{Ref: c.ref, Dependencies: &files})
	}
	bom.Dependencies = &dependencies

	serial, err := serialNumber(bom)
	if err != nil {
		return err
	}
	bom.SerialNumber = serial
	var b bytes.Buffer
	if err := encode(&b, bom); err != nil {
		return err
	}
	_, err = w.Write(display.JSON(b.Bytes()))
	return err
}

// content is what one target holds.
type content struct {
	ref   string
	files []cdx.Component
}

// newComponents returns the targets and, in the same order, their files.
func newComponents(r *Report) ([]cdx.Component, []content) {
	var targets []cdx.Component
	var contents []content
	index := make(map[string]int)
	add := func(c cdx.Component, name string) int {
		index[name] = len(targets)
		c.BOMRef = fmt.Sprintf("target-%d", len(targets)+1)
		targets = append(targets, c)
		contents = append(contents, content{ref: c.BOMRef})
		return index[name]
	}
	for _, t := range r.Targets {
		c := cdx.Component{Type: cdx.ComponentTypeFile, Name: t.Name, Description: t.Description, Hashes: hashes(t.SHA256)}
		pairs := []string{"kind", t.Kind}
		if t.Size > 0 {
			pairs = append(pairs, "size", strconv.FormatInt(t.Size, 10))
		}
		c.Properties = properties(append(pairs, signaturePairs(t.Signature)...)...)
		add(c, t.Name)
	}
	file := func(target, path string, a *manifest.Actual, s *authenticode.Signature, pairs ...string) {
		i, known := index[target]
		if !known {
			i = add(cdx.Component{Type: cdx.ComponentTypeFile, Name: target}, target)
		}
		c := newFileComponent(path, a, s, pairs)
		c.BOMRef = fmt.Sprintf("%s-file-%d", contents[i].ref, len(contents[i].files)+1)
		contents[i].files = append(contents[i].files, c)
	}
	for _, f := range r.Result.Files {
		if f.Actual != nil {
			file(f.Target, f.Path, f.Actual, f.Signature, "status", string(f.Status))
		}
	}
	for _, e := range r.Result.Extra {
		file(e.Target, e.Path, e.Actual, e.Signature, "status", "extra")
	}
	return targets, contents
}

func newFileComponent(path string, a *manifest.Actual, s *authenticode.Signature, pairs []string) cdx.Component {
	if path == "" {
		path = a.Name
	}
	pairs = append(pairs, "size", strconv.FormatInt(a.Size, 10), "platform", a.Platform)
	return cdx.Component{
		Type:       cdx.ComponentTypeFile,
		Name:       path,
		Version:    a.Version,
		Hashes:     hashes(a.SHA256),
		Properties: properties(append(pairs, signaturePairs(s)...)...),
	}
}

func signaturePairs(s *authenticode.Signature) []string {
	if s == nil {
		return nil
	}
	return []string{"signature", string(s.Status), "signer", s.Signer}
}

// properties makes properties of names and values in turn, without those that
// have no value.
func properties(pairs ...string) *[]cdx.Property {
	var list []cdx.Property
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			list = append(list, cdx.Property{Name: propertyPrefix + pairs[i], Value: pairs[i+1]})
		}
	}
	if list == nil {
		return nil
	}
	return &list
}

func hashes(sha256 string) *[]cdx.Hash {
	if sha256 == "" {
		return nil
	}
	return &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: sha256}}
}

// serialNumber derives a UUID of the free form (RFC 9562, version 8) from the
// document without it.
func serialNumber(bom *cdx.BOM) (string, error) {
	var b bytes.Buffer
	if err := encode(&b, bom); err != nil {
		return "", err
	}
	sum := sha256.Sum256(b.Bytes())
	u := sum[:16]
	u[6] = u[6]&0x0f | 0x80
	u[8] = u[8]&0x3f | 0x80
	s := hex.EncodeToString(u)
	return "urn:uuid:" + s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:], nil
}

func encode(w io.Writer, bom *cdx.BOM) error {
	return cdx.NewBOMEncoder(w, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).EncodeVersion(bom, specVersion)
}
