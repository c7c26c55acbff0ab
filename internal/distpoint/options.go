package distpoint

import (
	"errors"
	"fmt"
	"time"

	"github.com/hotfixkit/hotfixkit/extract"
	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/internal/report"
	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/manifest/authenticode"
)

var (
	// ErrNotVerified: the package is not what the manifest says; nothing was staged.
	ErrNotVerified = errors.New("the package does not match its manifest")
	// ErrUnknown is the ErrNotVerified of a package that holds none of the files
	// that the manifest names.
	ErrUnknown = fmt.Errorf("%w", ErrNotVerified)
	// ErrOtherBuild is the ErrNotVerified of a package that another manifest describes.
	ErrOtherBuild = fmt.Errorf("%w", ErrNotVerified)
	// ErrNoNumber is the ErrContent of a hotfix whose KB number nothing names.
	ErrNoNumber = fmt.Errorf("%w: neither the manifest nor a patch names the KB number", ErrContent)
	// ErrNoFolder: the folder of the client files is not there.
	ErrNoFolder = errors.New("client files")
	// ErrNoClient is the ErrClientFiles of a folder that does not hold any.
	ErrNoClient = fmt.Errorf("%w", ErrClientFiles)
	// ErrReplaced: a file among the client files may have been replaced although
	// staging failed.
	ErrReplaced = errors.New("it may have been replaced before that")
	// ErrClientFiles: the client files are of another service pack than the patch.
	ErrClientFiles = errors.New("the client files are not those that the patch is for")
	// ErrConflict: a file of the same name and other content is in the client files.
	ErrConflict = errors.New("a file of this name with other content exists")
	// ErrSuperseded: the KB number that was given does not supersede the hotfix.
	ErrSuperseded = errors.New("not known to supersede the hotfix")
	// ErrContent: the package does not hold what is staged, or not in a way that
	// can be staged.
	ErrContent = errors.New("the package cannot be staged")
	// ErrNested: the output folder and the client files lie in one another.
	ErrNested = errors.New("the output folder and the client files must not lie in one another")
)

// A SupersededError says which updates do supersede the hotfix. It is an ErrSuperseded.
type SupersededError struct {
	Given  string   // as it was given
	Known  []string // what the manifests name; may be empty
	reason string
}

func (e *SupersededError) Error() string { return fmt.Sprintf("%v: %s", ErrSuperseded, e.reason) }

func (e *SupersededError) Unwrap() error { return ErrSuperseded }

// Options say what to stage and where.
type Options struct {
	Output   string // folder that receives the content
	Manifest *manifest.Set
	Compare  manifest.CompareOptions // an empty policy is chosen by the package's language

	// SupersededBy is the KB that supersedes the hotfix on the site, in any
	// spelling; Installed are the KBs that are installed there. Where one of them
	// supersedes the hotfix, only the CCMCertFix program is staged.
	SupersededBy string
	Installed    []string

	ClientDir  string // existing copy of the client files that receives the patch tree; "" puts it below Output
	Replace    bool   // replace a patch of the same name and other content there
	Location   Location
	Properties []Property
	Order      []string // KB numbers, in the order in which PATCH is to name them
	// WithPatches are files with client patches of other hotfixes, which are staged
	// too and named in PATCH.
	WithPatches []string

	Source    source.Options
	Signature authenticode.Options
	Limits    extract.Limits
	Tool      report.Tool // the program, for the evidence
	Time      time.Time   // of the staging, for the report; zero: none is printed
	// Progress is that of verify.Options: of all packages together, and concurrent.
	Progress func(read, waiting int64)

	batch bool // the options are for several packages
}
