package report

import (
	"fmt"
	"time"

	"github.com/hotfixkit/hotfixkit/extract/verify"
	"github.com/hotfixkit/hotfixkit/manifest"
)

// Of returns what the documents say about a verification. When is printed
// unless it is zero.
func Of(r *verify.Result, tool Tool, when time.Time) *Report {
	doc := &Report{Tool: tool, Result: r.Result, Verdict: r.Verdict(), Time: when}
	for _, t := range r.Targets {
		one := Target{Name: t.Ref, Kind: string(t.Kind)}
		if p := t.Package; p != nil {
			one.Kind, one.Description, one.Size, one.SHA256, one.Signature = string(p.Kind), p.Description, p.Size, p.SHA256, p.Signature
		}
		doc.Targets = append(doc.Targets, one)
		doc.Warnings = append(doc.Warnings, t.Warnings...)
	}
	for _, p := range r.Packages {
		if p.Status != manifest.OK {
			doc.Warnings = append(doc.Warnings, fmt.Sprintf("%s: %s", p.Target, p.Reason))
		}
	}
	for _, c := range r.Causes {
		doc.Errors = append(doc.Errors, c.Error())
	}
	return doc
}
