package distpoint

import (
	"fmt"

	"github.com/hotfixkit/hotfixkit/extract/verify"
	"github.com/hotfixkit/hotfixkit/internal/report"
	"github.com/hotfixkit/hotfixkit/manifest"
)

// A StagedFile is one file of the result.
type StagedFile struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	// ClientDir: the path is relative to the copy of the client files.
	ClientDir bool `json:"client_dir,omitempty"`
}

// A Result is what was staged. Its JSON, less Output, Unchanged and Replaced, is stage.json.
type Result struct {
	Tool           string           `json:"tool"`
	Package        *verify.Identity `json:"package"`
	Output         string           `json:"output,omitempty"`
	Manifest       string           `json:"manifest"`
	KB             string           `json:"kb"`
	ServicePack    string           `json:"service_pack,omitempty"`
	Policy         manifest.Policy  `json:"policy"`
	SupersededBy   string           `json:"superseded_by,omitempty"`
	NoPatch        string           `json:"no_patch,omitempty"`       // why no patch is needed
	PatchProperty  *string          `json:"patch_property"`           // null while it holds the placeholder, and without patch
	PropertiesLine string           `json:"properties_line"`          // as in PATCH.txt
	PlatformLines  []PlatformLine   `json:"platform_lines,omitempty"` // where the line differs by the client's platform
	Patches        []Patch          `json:"patches,omitempty"`        // in the order of PATCH
	Deployments    []Deployment     `json:"deployments,omitempty"`
	Guide          []report.Section `json:"guide,omitempty"` // PATCH.txt for programs
	Files          []StagedFile     `json:"files"`           // empty when nothing was staged
	Warnings       []string         `json:"warnings"`
	Verification   *manifest.Result `json:"verification,omitempty"` // nil when the package could not be read
	Unchanged      bool             `json:"unchanged,omitempty"`    // everything was there already
	Replaced       bool             `json:"replaced,omitempty"`     // an earlier result of the same package was replaced
}

func (r *Result) warn(format string, args ...any) {
	r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...))
}

// withoutFiles is the result of a staging that failed: what was found out, without
// what would have been written.
func (r Result) withoutFiles() *Result {
	r.Files, r.PatchProperty, r.PropertiesLine = []StagedFile{}, nil, ""
	r.PlatformLines, r.Patches, r.Deployments, r.Guide = nil, nil, nil, nil
	return &r
}
