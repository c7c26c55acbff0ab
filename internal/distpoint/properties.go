package distpoint

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// properties writes the installation properties into the result and returns what
// the guide is written from.
func (p *plan) properties() (*notes, error) {
	patches := slices.Clone(p.others)
	for _, name := range p.patchPaths() {
		own := Patch{KB: p.kb, Path: path.Join(hotfixTree, p.kb, path.Base(name))}
		patches = append(patches, own.withFacts(p.patches[name]))
	}
	patches, err := SortPatches(patches, p.options.Order, p.in.clientCode())
	if err != nil {
		return nil, err
	}
	lines, err := p.options.lines(patches)
	if err != nil {
		return nil, err
	}
	line := lines[0].line
	p.result.Patches = patches
	if len(lines) == 1 {
		p.result.PropertiesLine = line.Line
		if line.Patch != "" && !line.Placeholder {
			p.result.PatchProperty = &line.Patch
		}
	} else {
		p.result.PlatformLines = lines
	}
	p.result.Warnings = append(p.result.Warnings, line.Warnings...)
	if sp := superseding[p.result.SupersededBy]; sp != "" && p.result.ServicePack != "" && p.result.ServicePack != sp {
		p.result.warn("%s is an update for %s, and this package is for %s", p.result.SupersededBy, sp, p.result.ServicePack)
	}
	n := &notes{
		kb: p.result.KB, product: cmp.Or(strings.TrimSpace(p.verdict.manifest.Product+" "+p.result.ServicePack), p.verdict.manifest.Title, "the ConfigMgr client"),
		patches: patches, line: line, lines: lines, deployments: p.result.Deployments, noPatch: p.result.NoPatch, supersededBy: p.result.SupersededBy,
		superseding: p.verdict.manifest.SupersededBy, certFix: p.verdict.certFix() != nil, inClientDir: p.in.client != nil, location: p.options.Location,
	}
	if n.supersededBy != "" && !n.hasPatchOf(n.supersededBy) {
		p.result.warn("%s is spared only where the client update of %s is installed during the task sequence: PATCH must name its .msp, which was not at hand", n.kb, n.supersededBy)
	}
	n.warnings = p.result.Warnings
	for _, f := range p.result.Verification.Files {
		switch {
		case isClientPatch(f.Name), isCertFix(f.Name), slices.Contains(n.siteFiles, f.Name):
		case strings.HasPrefix(strings.ToLower(f.Name), "ccmsetup"):
			n.setup = true
		default:
			n.siteFiles = append(n.siteFiles, f.Name)
		}
	}
	return n, nil
}

// clientCode is the product code of the client, "" where it is unknown.
func (in *inputs) clientCode() string {
	if in.client == nil {
		return ""
	}
	return in.client.code
}

// A PlatformLine is the property line for clients of one processor.
type PlatformLine struct {
	Platform string `json:"platform,omitempty"` // "x86" or "x64"
	Line     string `json:"properties_line"`

	line *PropertyLine
}

// lines writes the property line, or one for each processor where the patches are
// for several: a client refuses the patch of another processor.
func (o Options) lines(patches []Patch) ([]PlatformLine, error) {
	several := platforms(patches)
	if several == nil {
		line, err := NewPropertyLine(patches, o.Location, o.Properties)
		if err != nil {
			return nil, err
		}
		return []PlatformLine{{Line: line.Line, line: line}}, nil
	}
	var all []PlatformLine
	for _, one := range several {
		line, err := NewPropertyLine(forPlatform(patches, one), o.Location, o.Properties)
		if err != nil {
			return nil, err
		}
		all = append(all, PlatformLine{Platform: one, Line: line.Line, line: line})
	}
	return all, nil
}
