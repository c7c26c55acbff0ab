// Package program finds what a self-extracting program carries: a zip, a cabinet,
// a WiX Burn bundle. Installers whose format is not read here are recognised, so
// that they can be named.
//
// Nothing is run. Only headers, resources and the ends of the file are read, and
// sections where a cabinet may be hidden are searched once.
package program

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/hotfixkit/hotfixkit/internal/pe"
	"github.com/hotfixkit/hotfixkit/internal/zip"
)

// Kind is what a program carries.
type Kind int

// The kinds of programs.
const (
	Other     Kind = iota // nothing that is known
	Burn                  // a WiX Burn bundle
	Zip                   // a zip
	Cabinet               // a cabinet
	Installer             // an installer whose format is not read; Content.Name names it
)

// Names of the self-extractors of which more is known than what they carry.
const (
	IExpress = "IExpress"
	WinZip   = "WinZip self-extractor"
)

// A Content is what a program carries.
type Content struct {
	Kind Kind
	// Name is that of the maker's tool, where it can be told.
	Name string
	// From and To are between which offsets a zip is to be looked for, or where a
	// cabinet starts and ends, in bytes.
	From, To int64
	// Runs are what an IExpress program does after unpacking, in its order.
	Runs []string
	// Title is what an IExpress program calls itself.
	Title string
	// Layout is that of the program, nil for one that is not a PE file.
	Layout *pe.Layout
}

// Identify tells what a program of size bytes carries. It returns an error only
// where the file cannot be read; a program with damaged headers carries nothing
// that is known, or a zip. A library (.dll) carries nothing: nobody starts it.
func Identify(r io.ReaderAt, size int64) (*Content, error) {
	layout, err := pe.ReadLayout(r, size)
	if err != nil {
		if !isDamage(err) {
			return nil, err
		}
		if zip.Has(r, 0, size) {
			return &Content{Kind: Zip, To: size}, nil
		}
		return &Content{}, nil
	}
	if layout.DLL {
		return &Content{Layout: layout}, nil // drivers' installers carry cabinets for others
	}
	f := finder{r: r, size: size, layout: layout}
	for _, look := range []func() (*Content, error){f.burn, f.winZip, f.iexpress, f.behind, f.hidden, f.inno} {
		c, err := look()
		if err != nil && !isDamage(err) {
			return nil, err
		}
		if c != nil && err == nil {
			c.Layout = layout
			return c, nil
		}
	}
	return &Content{Layout: layout}, nil
}

func isDamage(err error) bool {
	return errors.Is(err, pe.ErrNotExecutable) || errors.Is(err, pe.ErrFormat) ||
		errors.Is(err, pe.ErrTruncated) || errors.Is(err, pe.ErrLimit)
}

type finder struct {
	r      io.ReaderAt
	size   int64
	layout *pe.Layout
}

func (f *finder) burn() (*Content, error) {
	if _, ok := f.layout.Section(".wixburn"); ok {
		return &Content{Kind: Burn, Name: "WiX Burn"}, nil
	}
	return nil, nil
}

// winZip finds the section that newer self-extractors of WinZip have.
func (f *finder) winZip() (*Content, error) {
	s, ok := f.layout.Section("_winzip_")
	if !ok {
		return nil, nil
	}
	return &Content{Kind: Zip, Name: WinZip, From: min(s.Offset, f.size), To: min(s.Offset+s.Size, f.size)}, nil
}

// behind looks at what follows the sections: before the certificate table, and
// behind it where something follows there.
func (f *finder) behind() (*Content, error) {
	from, to := min(f.layout.Overlay(), f.size), f.size
	offset, size, _ := f.layout.CertificateTable()
	if offset >= from && offset <= f.size {
		to = offset
	}
	c, err := identifyBehind(f.r, from, to)
	if err != nil || c.Kind != Other || to == f.size {
		return known(c), err
	}
	c, err = identifyBehind(f.r, min(offset+size, f.size), f.size)
	return known(c), err
}

// known returns nil for a content of which nothing is known.
func known(c *Content) *Content {
	if c == nil || c.Kind == Other {
		return nil
	}
	return c
}

// IExpress keeps a cabinet and what to do with it in resources.
const (
	resourceCabinet = "CABINET"
	resourceTitle   = "TITLE"
	noCommand       = "<None>"
	maxText         = 4096 // bytes of a resource that is a text
)

// runOrder is the resources that name programs, in the order in which they run.
var runOrder = []string{"RUNPROGRAM", "POSTRUNPROGRAM"}

func (f *finder) iexpress() (*Content, error) {
	list, err := f.layout.Resources(f.r, pe.ResourceID{Number: pe.TypeRCData})
	if err != nil {
		return nil, err
	}
	var found *Content
	texts := map[string]string{}
	for _, res := range list {
		switch name := res.Name.Name; name {
		case resourceCabinet:
			if size := cabinetAt(f.r, res.Offset, min(res.Offset+res.Size, f.size)); size > 0 {
				found = &Content{Kind: Cabinet, Name: IExpress, From: res.Offset, To: res.Offset + size}
			}
		case resourceTitle, runOrder[0], runOrder[1]:
			if texts[name], err = f.text(res); err != nil {
				return nil, err
			}
		}
	}
	if found == nil {
		return nil, nil
	}
	found.Title = texts[resourceTitle]
	for _, name := range runOrder {
		if text := texts[name]; text != "" && text != noCommand {
			found.Runs = append(found.Runs, text)
		}
	}
	return found, nil
}

// text returns a resource that is a text, up to its terminating zero.
func (f *finder) text(res pe.Resource) (string, error) {
	b := make([]byte, min(res.Size, maxText))
	n, err := f.r.ReadAt(b, res.Offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	b, _, _ = bytes.Cut(b[:n], []byte{0})
	return string(b), nil
}

// hidden finds a cabinet in the resources or in what a section has behind its
// virtual size, where the update programs of Windows keep theirs.
func (f *finder) hidden() (*Content, error) {
	resources := uint32(0)
	if len(f.layout.Directories) > pe.DirectoryResource {
		resources = f.layout.Directories[pe.DirectoryResource].Address
	}
	for _, s := range f.layout.Sections {
		from, to := s.Offset, min(s.Offset+s.Size, f.size)
		isResources := resources >= s.VirtualAddress && int64(resources-s.VirtualAddress) < s.Size
		if !isResources {
			from += int64(s.VirtualSize)
		}
		at, size, err := findCabinet(f.r, from, to)
		if err != nil {
			return nil, err
		}
		if size > 0 {
			return &Content{Kind: Cabinet, From: at, To: at + size}, nil
		}
	}
	return nil, nil
}

// inno finds the resource that the loader of Inno Setup has.
func (f *finder) inno() (*Content, error) {
	const setupLoader = 11111
	list, err := f.layout.Resources(f.r, pe.ResourceID{Number: pe.TypeRCData})
	for _, res := range list {
		if res.Name.Name == "" && res.Name.Number == setupLoader && err == nil {
			return &Content{Kind: Installer, Name: "Inno Setup"}, nil
		}
	}
	return nil, err
}

var le = binary.LittleEndian
