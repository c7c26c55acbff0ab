package main

import (
	"cmp"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/hotfixkit/hotfixkit/extract"
	"github.com/hotfixkit/hotfixkit/extract/safepath"
	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/internal/burn"
	"github.com/hotfixkit/hotfixkit/internal/distpoint"
	"github.com/hotfixkit/hotfixkit/internal/lazyregexp"
	"github.com/hotfixkit/hotfixkit/internal/zip"
	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msi/cab"
	"github.com/hotfixkit/hotfixkit/msp"
)

// A running command, as far as hints depend on it.
type running struct {
	command string          // what is typed after "hotfix"; "" when none was understood
	flags   map[string]bool // all that the command has: whether it was given
}

func newRunning(command string, c *cli.Context) running {
	r := running{command: command, flags: map[string]bool{}}
	given := c.LocalFlagNames()
	for _, f := range c.Command.Flags {
		name := f.Names()[0]
		r.flags[name] = slices.Contains(given, name)
	}
	return r
}

// A hint says what the user can do about one kind of error. The libraries name
// the kind, the place and the cause; what this command offers is known here alone.
type hint struct {
	command string // "": every one
	kind    func(error) bool
	// say are sentences that follow one another. One that names flags is left out
	// unless the command has all of them and none was given yet. {package} is the
	// package that the error is about, {command} the running command, {base} and {patch}
	// what was given the wrong way round.
	say []string
}

// hints are looked through in order: the first whose kind is that of the error is
// the answer.
var hints = []hint{
	{kind: is(errTransform), say: []string{"`hotfix tables {package}` prints what it changes"}},
	{kind: wrongWayRound, say: []string{"are base and patch the wrong way round? `{command} {base} --patch {patch}`"}},
	{kind: wanted(source.MSP, source.MST), say: []string{"--transform applies a transform"}},
	{kind: wanted(source.MST, source.MSP), say: []string{"--patch applies a patch"}},
	{kind: wanted(source.MSI, source.MSP), say: []string{"name the package first, and each patch with --patch"}},
	{kind: wanted(source.MSP, ""), say: []string{"give an .msp"}},
	{kind: wanted(source.MST, ""), say: []string{"give an .mst"}},
	{kind: is(errCandidates), say: []string{"name the file by its path"}},

	{kind: is(distpoint.ErrSuperseded), say: []string{"give the number that the article names"}},
	{kind: is(distpoint.ErrNoNumber), say: []string{`add "kb" to the manifest`}},
	{kind: is(distpoint.ErrConflict), say: []string{"look at what it is", "--replace replaces it"}},
	{kind: is(distpoint.ErrPatch), say: []string{"get the patch again, or leave it out"}},
	{kind: is(distpoint.ErrReplaced), say: []string{"run the same command again when the cause is gone"}},
	{kind: is(distpoint.ErrNoClient, distpoint.ErrNoFolder), say: []string{"--client-dir is for an existing copy of the ConfigMgr client files: the folder that holds i386/client.msi"}},
	{kind: is(distpoint.ErrOtherBuild), say: []string{"give the manifest of this package with --manifest"}},
	{kind: is(distpoint.ErrUnknown), say: []string{"for another hotfix, give its manifest with --manifest"}},
	{kind: is(distpoint.ErrNotVerified), say: []string{"get the package again from Microsoft", "for another hotfix, give its manifest with --manifest"}},
	{kind: is(manifest.ErrAmbiguous), say: []string{"name one of them with --manifest", "`hotfix manifest list` shows the built-in ones"}},
	{kind: is(manifest.ErrUnknown), say: []string{"`hotfix manifest list` shows the built-in ones"}},

	{command: "stage", kind: changedByHand, say: []string{"name a new folder, or move what was changed out of this one"}},
	{command: "stage", kind: is(extract.ErrExists), say: []string{"name a new folder, or remove this one first"}},
	{kind: is(extract.ErrExists), say: []string{"name a new folder", "or use --merge to add to this one"}},
	{kind: is(extract.ErrReplace), say: []string{"name a folder below it", "or use --merge"}},
	{kind: is(extract.ErrOwnFolder), say: []string{"name another folder"}},
	{kind: is(extract.ErrForeign), say: []string{"do not write where other users put such things: name a folder in one of your own"}},
	{kind: is(extract.ErrBusy), say: []string{"wait for the other run to end, or name another folder"}},
	{kind: is(extract.ErrLimit), say: []string{"raise --max-bytes if the package is trusted", "or --max-files, if there are too many files"}},
	{kind: is(extract.ErrStreams), say: []string{"choose one of them with --include"}},
	{kind: is(extract.ErrCollision), say: []string{"use --layout admin", "or choose among them with --include"}},
	{kind: is(extract.ErrNoMatch), say: []string{"`hotfix list {package}` shows the paths"}},
	{kind: is(safepath.ErrUnsafe), say: []string{"not every operating system can have a file of this name", "--include can leave the file out"}},

	{kind: is(source.ErrPasswordNeeded), say: []string{"give it with --password or --password-file"}},
	{kind: is(source.ErrPassword), say: []string{"Microsoft sent the password of a download by mail, with its link"}},
	{kind: is(zip.ErrTruncated, burn.ErrTruncated), say: []string{"the download was cut off: get it again", "--keep-going extracts the files that are whole"}},
	{kind: is(zip.ErrChecksum, zip.ErrFormat, burn.ErrHash, burn.ErrFormat), say: []string{"the download is damaged: get it again", "--keep-going extracts the files that are whole"}},
	{kind: is(zip.ErrMethod), say: []string{"unpack it with another tool"}},
	{kind: isChoice, say: []string{"give one of these addresses"}},
	{kind: noPackage, say: []string{"unpack it with the tool of its maker, or install it on a test machine", "then give the .msi"}},
	{kind: missingFiles, say: []string{"put what is missing next to the package", "or name its folder with --media"}},
	{kind: is(cab.ErrVolume), say: []string{"put the other cabinets of the set next to the package", "or name their folder with --media"}},
	{kind: is(cab.ErrTruncated, msi.ErrTruncated), say: []string{"the package was cut off: get it again", "--keep-going extracts the files that are whole"}},
	{kind: is(source.ErrNeighbour), say: []string{"put the right file next to the package", "--keep-going extracts the files that are whole"}},
	{kind: is(cab.ErrChecksum, cab.ErrFormat, source.ErrMismatch), say: []string{"the package is damaged: get it again", "--keep-going extracts the files that are whole"}},
	{kind: is(msi.ErrContainer), say: []string{"the package is damaged: get it again"}},
	{kind: is(source.ErrTooLarge), say: []string{"raise --max-bytes if the package is trusted"}},
	{kind: is(source.ErrChanged), say: []string{"run it again when nothing writes to it"}},
	{kind: is(source.ErrPointer), say: []string{"`git lfs pull` fetches it"}},
	{kind: is(source.ErrKind), say: []string{"give an .msi, .msp, .msm, .cab, .rpm or .zip file, or a self-extracting program with one of them in it"}},
	{kind: is(source.ErrNotFound), say: []string{"`hotfix list {package}` lists the files"}},
	{kind: is(msi.ErrNotFound), say: []string{"`hotfix tables {package}` lists the tables"}},
	{kind: is(msp.ErrApplied), say: []string{"the package as it is has the patch: leave the patch out"}},
	{kind: hasNewVersion, say: []string{"the package has the version that the patch makes: it may be applied already"}},
	{kind: is(msi.ErrTransform), say: []string{"`hotfix info` on both shows what each is for"}},
	{kind: is(msp.ErrTarget), say: []string{"`hotfix info` on the patch and on the package shows what each is for", "apply what comes before the patch with --patch too"}},
	{kind: is(msp.ErrDeltaFormat), say: []string{"apply this patch with Windows Installer", "--keep-going extracts the other files"}},
	{kind: is(msp.ErrDeltaSource), say: []string{"the package holds another build of the file than the patch was made for, or the patch is applied already"}},

	{kind: toWrite(is(fs.ErrPermission)), say: []string{"choose a folder that you may write to"}},
	{kind: toWrite(extract.IsDiskFull), say: []string{"make room on the disk, or choose a folder on another one"}},
	{kind: is(fs.ErrPermission), say: []string{"it must be readable for you"}},
	{kind: wrongUsage, say: []string{"`{command} --help` shows how it is used"}},
}

// revisable are the flags that are worth naming when they were given: another
// value, or a further one, may help.
var revisable = []string{"max-bytes", "max-files", "manifest", "client-dir", "include", "layout", "patch"}

// is returns a kind: errors that wrap one of these.
func is(kinds ...error) func(error) bool {
	return func(err error) bool {
		return slices.ContainsFunc(kinds, func(kind error) bool { return errors.Is(err, kind) })
	}
}

// toWrite narrows a kind to failures of the output.
func toWrite(kind func(error) bool) func(error) bool {
	return func(err error) bool { return errors.As(err, new(*extract.OutputError)) && kind(err) }
}

// missingFiles is the kind of cabinets and files that belong outside the package
// and are not there.
func missingFiles(err error) bool {
	var missing *source.MissingError
	return errors.As(err, &missing) && !strings.HasPrefix(missing.Cabinet, "#")
}

// wrongWayRound is the kind of a package and a patch of which each was given in the
// place of the other.
func wrongWayRound(err error) bool {
	var role *source.RoleError
	return errors.As(err, &role) && role.Base != ""
}

// wanted is the kind of packages of one kind in the place of another; found is ""
// for any.
func wanted(wanted, found source.Kind) func(error) bool {
	return func(err error) bool {
		var role *source.RoleError
		return errors.As(err, &role) && role.Wanted == wanted && (found == "" || role.Found == found)
	}
}

// hasNewVersion is the kind of packages that have the version that a patch makes.
func hasNewVersion(err error) bool {
	var unfit *msp.TargetError
	return errors.As(err, &unfit) && slices.ContainsFunc(unfit.Wanted, func(t msp.Target) bool {
		return t.NewVersion == unfit.Version && t.NewVersion != t.Version && strings.EqualFold(t.ProductCode, unfit.ProductCode)
	})
}

func isChoice(err error) bool { return errors.As(err, new(*source.ChoiceError)) }

// noPackage is the kind of installers whose format is not read.
func noPackage(err error) bool {
	var known *source.NoPackageError
	return errors.As(err, &known) && known.Installer != ""
}

// changedByHand is the kind of a staged folder that was changed since.
func changedByHand(err error) bool { return errors.As(err, new(*distpoint.ChangedError)) }

func wrongUsage(err error) bool { return errors.As(err, new(*usageError)) }

var flagInText = lazyregexp.New(`--([a-z][a-z-]*)`)

// hint returns what the user can do about an error, "" where nothing is known.
func (r running) hint(err error) string {
	var mistyped *suggestion
	if errors.As(err, &mistyped) {
		return mistyped.hint
	}
	if near := cmp.Or(nearFile(err), nearUpdate(err)); near != "" {
		return "did you mean " + near + "?"
	}
	for _, h := range hints {
		if h.kind(err) && (h.command == "" || h.command == r.command) {
			return r.fill(err, strings.Join(r.choose(h.say), "; "))
		}
	}
	return ""
}

// choose returns the sentences that are of use to somebody who typed this command.
func (r running) choose(say []string) []string {
	return slices.DeleteFunc(slices.Clone(say), func(sentence string) bool {
		// What a command in backquotes offers is not a flag of the running one.
		if strings.Contains(sentence, "`") {
			return false
		}
		for _, flag := range flagInText().FindAllStringSubmatch(sentence, -1) {
			given, has := r.flags[flag[1]]
			if !has || given && !slices.Contains(revisable, flag[1]) {
				return true
			}
		}
		return false
	})
}

// fill puts the names in that a sentence leaves open.
func (r running) fill(err error, text string) string {
	name := "PACKAGE"
	var input *source.Error
	if errors.As(err, &input) {
		name = input.Package
	}
	names := []string{"{package}", quoteWord(name), "{command}", strings.TrimSpace("hotfix " + r.command)}
	var role *source.RoleError
	if errors.As(err, &role) {
		names = append(names, "{base}", quoteWord(role.Base), "{patch}", quoteWord(role.Patch))
	}
	return strings.NewReplacer(names...).Replace(text)
}
