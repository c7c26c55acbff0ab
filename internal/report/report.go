// Package report turns the result of a verification into documents: an HTML page
// for people and a CycloneDX bill of materials for tools.
//
// The same report always gives the same bytes. Neither document refers to
// anything outside itself.
package report

import (
	"time"

	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/manifest/authenticode"
)

// Report is what the documents say.
type Report struct {
	Tool    Tool
	Targets []Target
	Result  *manifest.Result
	Verdict string // in one line, as it is told everywhere
	// Warnings are sentences about the manifest and the targets.
	Warnings []string
	// Errors are sentences about what could not be read, one for each cause. With any,
	// the check is incomplete.
	Errors []string
	// Guide are the instructions that go with the result; empty where there are
	// none.
	Guide []Section
	// Time is printed as the time of the check. The zero time prints none, so that
	// the same input gives the same bytes.
	Time time.Time
}

// Tool says what made the document.
type Tool struct {
	Name    string // "hotfix"
	Version string
}

// Target is one package, folder or file that was checked.
type Target struct {
	Name        string // as the user named it
	Kind        string // "msi", "folder", …
	Description string // of a package: product, version, language
	Size        int64  // bytes; 0 for a folder
	SHA256      string // empty where it was not computed
	Signature   *authenticode.Signature
}
