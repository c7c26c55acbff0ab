package extract

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/hotfixkit/hotfixkit/extract/safepath"
	"github.com/hotfixkit/hotfixkit/extract/source"
)

// stagingSuffix makes the name of the temporary folder, which is next to the
// output folder while files are written.
const stagingSuffix = ".hotfix-partial"

// Limits bound what is written. They are what stops a decompression bomb.
type Limits struct {
	MaxBytes int64 // of all files together; 0 means source.DefaultMaxBytes
	MaxFiles int64 // 0 means DefaultMaxFiles
}

// DefaultMaxFiles holds where no limit is given: far above any real package.
const DefaultMaxFiles = 500_000

func (l Limits) withDefaults() Limits {
	if l.MaxBytes == 0 {
		l.MaxBytes = source.DefaultMaxBytes
	}
	if l.MaxFiles == 0 {
		l.MaxFiles = DefaultMaxFiles
	}
	return l
}

// tooLarge is the error about more than MaxBytes.
func (l Limits) tooLarge() error {
	return fmt.Errorf("%w: more than %d bytes", ErrLimit, l.withDefaults().MaxBytes)
}

// check reports whether so many bytes and files may be written.
func (l Limits) check(bytes, files int64) error {
	l = l.withDefaults()
	if bytes > l.MaxBytes {
		return l.tooLarge()
	}
	if files > l.MaxFiles {
		return fmt.Errorf("%w: more than %d files", ErrLimit, l.MaxFiles)
	}
	return nil
}

// DirOptions say how an output folder meets what is there already. The zero
// value refuses a folder that is not empty.
type DirOptions struct {
	// Merge adds the files to a folder that exists. Each file is replaced
	// atomically, and only once all of them are written.
	Merge bool
	// AcceptIdentical lets Commit succeed, changing nothing, where the folder
	// already holds exactly the files that were written.
	AcceptIdentical bool
	// Succeed is asked about an output folder that holds something else, with
	// AcceptIdentical: where it returns nil, Commit replaces the folder whole. Its
	// error is that of Commit. Nil refuses with ErrExists.
	Succeed func(ctx context.Context, old *os.Root) error
	// NoSync does not wait until the files are on the disk: a folder that has
	// appeared may be incomplete after the machine has lost its power.
	NoSync bool
	Limits Limits
}

// A Dir is an output folder under construction. Files are written to a locked
// temporary folder next to it, which no other user can enter; it is named after
// the output folder, with ".hotfix-partial" at the end. Commit makes the files
// appear. A run that was killed leaves at most that temporary folder, which the
// next run of the same user for the same output folder takes over.
//
// Its methods may be called concurrently, except Commit and Abort.
type Dir struct {
	path        string // of the output folder, absolute, without symbolic links
	options     DirOptions
	parents     []string // folders above it that were made for it, outermost first
	anchor      *os.Root // holds the output folder and the temporary one
	target      string   // the output folder, relative to anchor
	stagingName string   // the temporary folder, relative to anchor
	staging     *os.Root // the temporary folder
	lock        *os.File
	content     *os.Root // the folder in staging that files are written to
	folders     *folders // of content
	sync        bool     // files are put on the disk
	unchanged   bool
	replaced    bool

	bytes *source.Budget // of all files

	mu     sync.Mutex
	open   int   // files that are being written
	count  int64 // of files
	failed error // the first failure to write
}

// The entries of the temporary folder.
const (
	contentName = "content"
	lockName    = "lock"
)

// CreateDir prepares to write the folder name. It fails with an *OutputError
// (wrapping ErrExists, ErrBusy, ErrForeign or what the operating system said)
// when the folder may not be written. The caller must end with Commit or Abort.
func CreateDir(name string, o DirOptions) (*Dir, error) {
	d := &Dir{options: o, bytes: source.NewBudget(o.Limits.MaxBytes)}
	if err := d.locate(name); err != nil {
		d.removeParents()
		return nil, d.outputError(name, err)
	}
	if err := d.claim(); err != nil {
		d.anchor.Close()
		d.removeParents()
		return nil, d.outputError(d.path, err)
	}
	return d, nil
}

// Unchanged reports, after Commit, that the folder already held exactly the
// files that were written (see DirOptions.AcceptIdentical).
func (d *Dir) Unchanged() bool { return d.unchanged }

// Replaced reports, after Commit, that the folder took the place of another one
// (see DirOptions.Succeed).
func (d *Dir) Replaced() bool { return d.replaced && !d.unchanged }

// failure returns the first failure to write, an *OutputError, or nil.
func (d *Dir) failure() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.failed
}

// Create starts one file. The path is relative to the output folder, with "/"
// between its segments; one that safepath.Check refuses is an error that wraps
// safepath.ErrUnsafe, not an *OutputError. A second file of the same name is
// ErrCollision.
func (d *Dir) Create(file string, info FileInfo) (*File, error) {
	if err := safepath.Check(file); err != nil {
		return nil, err
	}
	if err := d.book(); err != nil {
		return nil, err
	}
	f := &File{dir: d, name: file, info: info}
	if err := d.folders.create(file, &f.handle); err != nil {
		d.leave()
		if errors.Is(err, ErrCollision) {
			return nil, fmt.Errorf("%w: %s", ErrCollision, file)
		}
		return nil, d.fail(file, err)
	}
	return f, nil
}

// book books one more file.
func (d *Dir) book() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.options.Limits.check(0, d.count+1); err != nil {
		return err
	}
	d.count++
	d.open++
	return nil
}

// leave takes back what book booked.
func (d *Dir) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.count--
	d.open--
}

// account books bytes before they are written.
func (d *Dir) account(n int64) error {
	if d.bytes.Spend(n) != nil {
		return d.options.Limits.tooLarge()
	}
	return nil
}

// fail remembers the first failure to write and returns it as *OutputError.
func (d *Dir) fail(file string, err error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	wrapped := d.outputError(filepath.Join(d.path, filepath.FromSlash(file)), err)
	if d.failed == nil {
		d.failed = wrapped
	}
	return wrapped
}

// outputError adds the path of the output.
func (d *Dir) outputError(name string, err error) error {
	e := &OutputError{Path: name, Err: err}
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		// The path below the temporary folder means nothing to the reader.
		e.Err = pathError.Err
	}
	var linkError *os.LinkError
	if errors.As(err, &linkError) {
		e.Err = linkError.Err
	}
	return e
}
