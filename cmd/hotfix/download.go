package main

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/internal/burn"
	"github.com/hotfixkit/hotfixkit/internal/display"
	"github.com/hotfixkit/hotfixkit/internal/program"
	"github.com/hotfixkit/hotfixkit/manifest/authenticode"
)

// downloadInfo is what info knows about a zip, a self-extracting program or a
// bundle.
type downloadInfo struct {
	Tool       string      `json:"tool,omitempty"`
	Holds      string      `json:"holds,omitempty"` // "zip", "cabinet", "containers"
	Title      string      `json:"title,omitempty"`
	Runs       []string    `json:"runs,omitempty"` // in this order, after unpacking
	Installers []string    `json:"installers"`     // addresses of the packages in it
	Bundle     *bundleInfo `json:"bundle,omitempty"`
}

// bundleInfo is the manifest of a WiX Burn bundle.
type bundleInfo struct {
	ID            string          `json:"id"`
	EngineVersion string          `json:"engine_version,omitempty"`
	Containers    []containerInfo `json:"containers"`
	Chain         []chainInfo     `json:"chain"`
	// Engine is the signature of the engine, where it was signed alone.
	Engine *signatureInfo `json:"engine_signature,omitempty"`
}

type containerInfo struct {
	ID       string `json:"id"`
	Size     int64  `json:"size"`
	Attached bool   `json:"attached"`
	Path     string `json:"path,omitempty"`    // of a detached one, relative to the bundle
	Missing  int64  `json:"missing,omitempty"` // bytes, of an attached one that is cut off
}

type chainInfo struct {
	Kind      burn.PackageKind `json:"kind"`
	ID        string           `json:"id"`
	Code      string           `json:"code,omitempty"`
	Version   string           `json:"version,omitempty"`
	Language  string           `json:"language,omitempty"`
	Condition string           `json:"condition,omitempty"`
	Arguments string           `json:"arguments,omitempty"`
	Payloads  []string         `json:"payloads"` // paths, the package itself first
}

// readDownload reads what is known about a download. The kinds of packages in it
// are told from their names.
func (i *fileInfo) readDownload(ctx context.Context, p *source.Package, trust *authenticode.Options) error {
	for outer := p.Outer(); outer != nil; outer = outer.Outer() {
		i.Inside = append(i.Inside, outer.Ref())
	}
	if !p.IsDownload() {
		return nil
	}
	d := &downloadInfo{Installers: p.Installers()}
	i.Download = d
	about := p.Program()
	if about == nil {
		return nil
	}
	d.Tool, d.Holds, d.Title, d.Runs = about.Name, about.Holds, about.Title, about.Runs
	if p.Kind() != source.BURN {
		return nil
	}
	bundle, err := openBundle(ctx, p)
	if err != nil {
		return &source.Error{Package: p.Ref(), Err: err}
	}
	d.Bundle = newBundleInfo(bundle)
	i.ProductName, i.Version, i.Manufacturer = bundle.Name, bundle.Version, bundle.Manufacturer
	engine, size, ok := bundle.Engine()
	if !ok || trust == nil {
		return nil
	}
	signature, err := authenticode.VerifyPE(source.Until(ctx, engine), size, *trust)
	if err != nil {
		return &source.Error{Package: p.Ref(), Place: "engine", Err: err}
	}
	d.Bundle.Engine = newSignatureInfo(signature)
	return nil
}

// openBundle reads the manifest of a package that is a bundle.
func openBundle(ctx context.Context, p *source.Package) (*burn.Bundle, error) {
	content, err := program.Identify(p, p.Size())
	if err != nil {
		return nil, err
	}
	return burn.Open(ctx, p, p.Size(), content.Layout)
}

func newBundleInfo(b *burn.Bundle) *bundleInfo {
	info := &bundleInfo{ID: b.ID, EngineVersion: b.EngineVersion, Containers: []containerInfo{}, Chain: []chainInfo{}}
	for _, c := range append([]*burn.Container{b.Application}, b.Containers...) {
		info.Containers = append(info.Containers, containerInfo{c.ID, c.Size, c.Attached, c.Path, c.Missing})
	}
	where := map[string]string{}
	for _, p := range b.Payloads {
		where[p.ID] = path.Join(p.Container, strings.ReplaceAll(p.Path, `\`, "/"))
	}
	for _, p := range b.Chain {
		one := chainInfo{
			Kind: p.Kind, ID: p.ID, Code: p.Code, Version: p.Version, Language: p.Language,
			Condition: p.Condition, Arguments: p.Arguments, Payloads: []string{},
		}
		for _, id := range p.Payloads {
			one.Payloads = append(one.Payloads, where[id])
		}
		info.Chain = append(info.Chain, one)
	}
	return info
}

// shownInstallers bounds the addresses that info prints; its JSON has all.
const shownInstallers = 20

func (i *fileInfo) writeDownload(line func(name, value string)) {
	for _, ref := range i.Inside {
		line("inside", ref)
	}
	d := i.Download
	if d == nil {
		return
	}
	line("made with", d.Tool)
	line("holds", d.Holds)
	line("title", d.Title)
	for _, command := range d.Runs {
		line("would run", command)
	}
	if d.Bundle != nil {
		d.Bundle.write(line)
	}
	for n, ref := range d.Installers {
		if n == shownInstallers {
			line("", fmt.Sprintf("and %d more", len(d.Installers)-n))
			break
		}
		line("package", ref)
	}
}

func (b *bundleInfo) write(line func(name, value string)) {
	line("bundle", b.ID)
	line("engine", b.EngineVersion)
	for _, c := range b.Containers {
		text := fmt.Sprintf("%s, %s bytes", c.ID, display.Number(c.Size))
		switch {
		case c.Missing > 0:
			text += fmt.Sprintf(": CUT OFF, %s bytes are missing", display.Number(c.Missing))
		case !c.Attached:
			text += ", in the file " + c.Path + " next to the bundle"
		}
		line("container", text)
	}
	for _, p := range b.Chain {
		text := string(p.Kind) + " " + p.ID
		for _, more := range []string{p.Version, p.Code} {
			if more != "" {
				text += ", " + more
			}
		}
		if len(p.Payloads) > 0 {
			text += ": " + p.Payloads[0]
		}
		line("chain", text)
	}
	if b.Engine != nil {
		line("engine signature", b.Engine.String())
	}
}
