package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/internal/display"
	"github.com/hotfixkit/hotfixkit/msp"
)

// patchPart is a member of a patch's cabinet, and what a pair of transforms makes
// of it.
type patchPart struct {
	Patch      string `json:"patch"`
	Transform  string `json:"transform"` // the main one of the pair
	Cabinet    string `json:"cabinet"`
	Content    string `json:"content"`             // whole or delta
	Format     string `json:"format,omitempty"`    // of a delta
	MemberSize int64  `json:"member_size"`         // of the whole file or the delta
	FileSize   *int64 `json:"file_size,omitempty"` // of the patched file
	Version    string `json:"version,omitempty"`   // of the patched file
	Optional   bool   `json:"optional,omitempty"`  // a delta that may fail
}

// The values of patchPart.Content.
const (
	contentWhole = "whole"
	contentDelta = "delta"
)

func newPatchPart(patch *msp.Patch, c *msp.Content, u *msp.Use) patchPart {
	part := patchPart{
		Patch: patch.Name(), Transform: u.Pair, Cabinet: "#" + c.Cabinet, Content: contentWhole,
		MemberSize: c.Size, Version: u.Version, Optional: u.Optional,
	}
	if u.Delta {
		part.Content, part.Format = contentDelta, u.Format
	}
	switch {
	case u.FileSize >= 0:
		part.FileSize = &u.FileSize
	case !u.Delta:
		part.FileSize = &c.Size
	}
	return part
}

// patchParts returns, by file, what the files of a package have to do with
// patches: of a patch alone, what its transforms say about each member; of a
// package with patches, the members that a file is made of, in order.
func patchParts(p *source.Package) map[*source.File][]patchPart {
	switch {
	case p.Patch() != nil:
		return partsOfPatch(p)
	case p.Plan() != nil:
		return partsOfPlan(p)
	}
	return nil
}

func partsOfPatch(p *source.Package) map[*source.File][]patchPart {
	parts := map[*source.File][]patchPart{}
	for _, f := range p.Files() {
		c := p.Member(f)
		if c == nil {
			continue
		}
		for i := range c.Uses {
			parts[f] = append(parts[f], newPatchPart(p.Patch(), c, &c.Uses[i]))
		}
	}
	return parts
}

func partsOfPlan(p *source.Package) map[*source.File][]patchPart {
	parts := map[*source.File][]patchPart{}
	for _, f := range p.Files() {
		from := p.Plan().Files[f.Key()]
		if from == nil {
			continue
		}
		for _, m := range from.Members() {
			if m.Use != nil {
				parts[f] = append(parts[f], newPatchPart(m.Cabinet.Patch, m.Content, m.Use))
			}
		}
		if own := parts[f]; len(own) > 0 {
			last := &own[len(own)-1]
			last.FileSize, last.Version = &f.Size, f.Version()
		}
	}
	return parts
}

// addParts adds to a listed file what patches have to do with it.
func (f *listedFile) addParts(p *source.Package, parts []patchPart) {
	if len(parts) == 0 {
		return
	}
	last := parts[len(parts)-1]
	if p.Patch() != nil {
		last = parts[0]
		f.Uses, f.Version = parts, last.Version
	} else {
		f.From = parts
	}
	f.Content, f.Format, f.FileSize, f.Transform = last.Content, last.Format, last.FileSize, last.Transform
}

// describe names what a member is, or what a file is made of: "whole", "PA19
// delta", "whole + PA19 delta".
func (f *listedFile) describe() string {
	var names []string
	for _, part := range f.From {
		names = append(names, strings.TrimSpace(part.Format+" "+part.Content))
	}
	if names == nil {
		return strings.TrimSpace(f.Format + " " + f.Content)
	}
	return strings.Join(names, " + ")
}

// transforms names the transforms that use a member, or that a file comes from.
func (f *listedFile) transforms() string {
	var names []string
	for _, part := range slices.Concat(f.Uses, f.From) {
		if !slices.Contains(names, part.Transform) {
			names = append(names, part.Transform)
		}
	}
	return strings.Join(names, " ")
}

// inPatch is the size of what patches hold of a file.
func (f *listedFile) inPatch() int64 {
	if f.From == nil {
		return f.Size
	}
	var size int64
	for _, part := range f.From {
		size += part.MemberSize
	}
	return size
}

// writePatch prints the members of a patch, or the files that it makes of its
// base.
func (r *listResult) writePatch(w io.Writer) {
	t := newTable(">IN PATCH", "CONTENT", ">FILE SIZE", "VERSION", "TRANSFORM", "KEY", "PATH")
	t.wordy = true
	others := 0
	for f := range r.Files.all() {
		if f.Cabinet == "" && f.From == nil {
			others++ // made of the patch's own streams
			continue
		}
		finished := ""
		if f.FileSize != nil {
			finished = display.Number(*f.FileSize)
		}
		t.row(display.Number(f.inPatch()), f.describe(), finished, f.Version, f.transforms(), f.Key, f.Path)
	}
	t.write(w)
	fmt.Fprintln(w, display.Count(len(r.Files.files)-others, "file"))
	if others > 0 {
		fmt.Fprintf(w, "and %s: the transforms and a description\n", display.Count(others, "more file"))
	}
	writeLeftOut(w, r.LeftOut)
}
