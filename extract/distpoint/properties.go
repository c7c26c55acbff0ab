package distpoint

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// properties writes the installation properties into the result and returns what
// the guide is written from.
func (s *staging) properties() (*notes, error) {
	patches := slices.Clone(s.patches)
	for _, f := range s.order {
		if to := s.places[f]; !to.twin && isPatch(to.name) {
			p := Patch{KB: s.result.KB, Path: path.Join(hotfixTree, s.result.KB, path.Base(to.name))}
			patches = append(patches, p.withFacts(s.facts[to.name]))
		}
	}
	patches, err := SortPatches(patches, s.o.Order, s.clientCode())
	if err != nil {
		return nil, err
	}
	lines, err := s.lines(patches)
	if err != nil {
		return nil, err
	}
	line := lines[0].line
	s.result.Patches = patches
	if len(lines) == 1 {
		s.result.PropertiesLine = line.Line
		if line.Patch != "" && !line.Placeholder {
			s.result.PatchProperty = &line.Patch
		}
	} else {
		s.result.PlatformLines = lines
	}
	s.result.Warnings = append(s.result.Warnings, line.Warnings...)
	if sp := superseding[s.result.SupersededBy]; sp != "" && s.result.ServicePack != "" && s.result.ServicePack != sp {
		s.warn("%s is an update for %s, and this package is for %s", s.result.SupersededBy, sp, s.result.ServicePack)
	}
	n := &notes{
		kb: s.result.KB, product: cmp.Or(strings.TrimSpace(s.manifest.Product+" "+s.result.ServicePack), s.manifest.Title, "the ConfigMgr client"),
		patches: patches, line: line, lines: lines, deployments: s.result.Deployments, noPatch: s.result.NoPatch, supersededBy: s.result.SupersededBy,
		superseding: s.manifest.SupersededBy, certFix: s.certFix() != nil, inClientDir: s.client != nil, location: s.o.Location,
	}
	if n.supersededBy != "" && !n.hasPatchOf(n.supersededBy) {
		s.warn("%s is spared only where the client update of %s is installed during the task sequence: PATCH must name its .msp, which was not at hand", n.kb, n.supersededBy)
	}
	n.warnings = s.result.Warnings
	for _, f := range s.result.Verification.Files {
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
func (s *staging) clientCode() string {
	if s.client == nil {
		return ""
	}
	return s.client.code
}

// A PlatformLine is the property line for clients of one processor.
type PlatformLine struct {
	Platform string `json:"platform,omitempty"` // "x86" or "x64"
	Line     string `json:"properties_line"`

	line *PropertyLine
}

// lines writes the property line, or one for each processor where the patches are
// for several: a client refuses the patch of another processor.
func (s *staging) lines(patches []Patch) ([]PlatformLine, error) {
	several := platforms(patches)
	if several == nil {
		line, err := NewPropertyLine(patches, s.o.Location, s.o.Properties)
		if err != nil {
			return nil, err
		}
		return []PlatformLine{{Line: line.Line, line: line}}, nil
	}
	var all []PlatformLine
	for _, one := range several {
		line, err := NewPropertyLine(forPlatform(patches, one), s.o.Location, s.o.Properties)
		if err != nil {
			return nil, err
		}
		all = append(all, PlatformLine{Platform: one, Line: line.Line, line: line})
	}
	return all, nil
}
