package distpoint

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// properties writes the installation properties into the result and returns the
// text of PATCH.txt.
func (s *staging) properties() ([]byte, error) {
	patches := slices.Clone(s.patches)
	for _, a := range s.staged {
		if isPatch(a.Name) {
			patches = append(patches, Patch{KB: s.result.KB, Path: path.Join(hotfixTree, s.result.KB, a.Name)})
		}
	}
	patches, err := SortPatches(patches, s.o.Order)
	if err != nil {
		return nil, err
	}
	line, err := NewPropertyLine(patches, s.o.Location, s.o.Properties)
	if err != nil {
		return nil, err
	}
	s.result.PropertiesLine = line.Line
	if line.Patch != "" && !line.Placeholder {
		s.result.PatchProperty = &line.Patch
	}
	s.result.Warnings = append(s.result.Warnings, line.Warnings...)
	if sp := superseding[s.result.SupersededBy]; sp != "" && s.result.ServicePack != "" && s.result.ServicePack != sp {
		s.warn("%s is an update for %s, and this package is for %s", s.result.SupersededBy, sp, s.result.ServicePack)
	}
	n := notes{
		kb: s.result.KB, product: cmp.Or(strings.TrimSpace(s.manifest.Product+" "+s.result.ServicePack), s.manifest.Title, "the ConfigMgr client"),
		patches: patches, line: line, noPatch: s.result.NoPatch, cacheDrive: s.o.Location.UNC == "",
		certFix: s.certFix() != nil, warnings: s.result.Warnings,
	}
	for _, f := range s.result.Verification.Files {
		switch {
		case isPatch(f.Name), isCertFix(f.Name), slices.Contains(n.siteFiles, f.Name):
		case strings.HasPrefix(strings.ToLower(f.Name), "ccmsetup"):
			n.setup = true
		default:
			n.siteFiles = append(n.siteFiles, f.Name)
		}
	}
	return n.text(), nil
}
