package distpoint

import (
	"slices"

	"github.com/hotfixkit/hotfixkit/extract/safepath"
	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/extract/verify"
	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/manifest/authenticode"
)

// A verdict is that the package is what the manifest says, and what is staged of it.
type verdict struct {
	*choice
	result   *Result
	target   *verify.Target
	verified *verify.Result
	manifest *manifest.Manifest
	staged   []*manifest.Actual // the files of the package that are written, those without a twin
}

// judge compares the files of the package with its manifest. After an error the
// verdict's result says what was found out.
func judge(o Options, in *inputs, c *choice, target *verify.Target) (*verdict, error) {
	v := &verdict{choice: c, target: target, result: c.newResult(o, target.Package)}
	v.result.Warnings = append(v.result.Warnings, target.Warnings...)
	// The evidence is the same wherever the package is.
	target.Rename(in.name)
	if err := v.compare(); err != nil {
		return v, err
	}
	if sig := target.Package.Signature; sig == nil || sig.Status == authenticode.None {
		v.result.warn("the package carries no signature: nothing but the manifest vouches for it")
	}
	return v, v.collect()
}

func (v *verdict) compare() error {
	set, compare := v.options.Manifest, v.options.Compare
	r, err := verify.Compare(set, []*verify.Target{v.target}, compare)
	if err != nil {
		return &source.Error{Package: v.in.ref, Err: err}
	}
	if len(r.Files) == 0 {
		return v.fail("", "%w: it holds none of the files that %s names", ErrUnknown, set.Ref)
	}
	if v.manifest, err = set.Choose(v.target.Files); err != nil {
		return &source.Error{Package: v.in.ref, Err: err}
	}
	if compare.Policy == "" && r.Policy == manifest.VersionOnly {
		v.result.warn("the package is not the English one (ProductLanguage %d), which the published table describes: sizes were not compared", v.target.Language)
	}
	v.verified = r
	v.result.Verification, v.result.Manifest, v.result.ServicePack, v.result.Policy = r.Result, r.Manifest, v.manifest.ServicePack, r.Policy
	if own := r.Packages[0]; own.Status != manifest.OK {
		return v.fail("", "%w: %s", ErrNotVerified, own.Reason)
	}
	if other := r.BuildOf(); other != "" && !r.OK {
		return v.fail("", "%w: this is the package of %s, the manifest is %s", ErrOtherBuild, other, r.Manifest)
	}
	if !r.OK {
		return &source.Error{Package: v.in.ref, Err: ErrNotVerified}
	}
	return nil
}

// collect lists the staged files of the package, and makes sure that the manifest
// vouches for each of them.
func (v *verdict) collect() error {
	byPath := map[string]*manifest.Actual{}
	for _, a := range v.target.Files {
		byPath[a.Path] = a
	}
	written := map[string]*manifest.Actual{}
	for _, twins := range []bool{false, true} {
		for _, name := range v.order {
			to, a := v.places[name], byPath[name]
			switch {
			case to.twin != twins:
			case !slices.ContainsFunc(v.verified.Files, func(c manifest.Checked) bool { return c.Actual == a }):
				return v.fail(name, "%w: the manifest does not vouch for it", ErrNotVerified)
			case twins:
				if other := written[safepath.Fold(to.name)]; other.SHA256 != a.SHA256 {
					return v.fail(name, "%w: it has the name of %s and other content", ErrContent, other.Path)
				}
			default:
				written[safepath.Fold(to.name)] = a
				v.staged = append(v.staged, a)
			}
		}
	}
	for _, c := range v.verified.Files {
		// A file that is recognised under another name would be left out in silence.
		if _, placed := v.places[c.Path]; (isCertFix(c.Name) || isClientPatch(c.Name) && v.noPatch == "") && !placed {
			return v.fail(c.Path, "%w: it is %s under another name", ErrContent, c.Name)
		}
	}
	if len(v.staged) == 0 && v.noPatch == "" {
		return v.fail("", "%w: it holds neither a client patch nor %s", ErrContent, certFixName)
	}
	return nil
}

// certFix returns the staged CCMCertFix program, or nil.
func (v *verdict) certFix() *manifest.Actual {
	for _, a := range v.staged {
		if isCertFix(a.Name) {
			return a
		}
	}
	return nil
}
