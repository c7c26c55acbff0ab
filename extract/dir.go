package extract

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hotfixkit/hotfixkit/extract/safepath"
)

// stagingSuffix makes the name of the temporary folder, which stands beside the
// output folder while files are written.
const stagingSuffix = ".hotfix-partial"

// Limits bound what is written. They are what stops a decompression bomb.
type Limits struct {
	MaxBytes int64 // of all files together; 0 means DefaultMaxBytes
	MaxFiles int64 // 0 means DefaultMaxFiles
}

// Limits that hold where none are given: far above any real package.
const (
	DefaultMaxBytes = 16 << 30
	DefaultMaxFiles = 500_000
)

func (l Limits) withDefaults() Limits {
	if l.MaxBytes == 0 {
		l.MaxBytes = DefaultMaxBytes
	}
	if l.MaxFiles == 0 {
		l.MaxFiles = DefaultMaxFiles
	}
	return l
}

// check reports whether so many bytes and files may be written.
func (l Limits) check(bytes, files int64) error {
	l = l.withDefaults()
	if bytes > l.MaxBytes {
		return fmt.Errorf("%w: more than %d bytes", ErrLimit, l.MaxBytes)
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
	Limits          Limits
}

// A Dir is an output folder under construction. Files are written to a locked
// temporary folder beside it, named after it with ".hotfix-partial" at the end;
// Commit makes them appear. A run that was killed leaves at most that temporary
// folder, which the next run for the same output folder takes over.
//
// Its methods may be called concurrently, except Commit and Abort.
type Dir struct {
	path      string // of the output folder, absolute, without symbolic links
	options   DirOptions
	parents   []string // folders above it that were made for it, outermost first
	anchor    *os.Root // holds target and staging
	target    string   // the output folder, relative to anchor
	staging   string   // the temporary folder, relative to anchor
	lock      *os.File
	content   *os.Root // staging/content
	unchanged bool

	mu      sync.Mutex
	folders map[string]*os.Root // made below content; nil: not kept open
	opened  int                 // of folders
	files   map[string]bool     // closed, or still being written
	open    int
	bytes   int64
	count   int64
	failed  error // the first failure to write
}

// CreateDir prepares to write the folder name. It fails with an *OutputError
// (wrapping ErrExists, ErrBusy or what the operating system said) when the
// folder may not be written. The caller must end with Commit or Abort.
func CreateDir(name string, o DirOptions) (*Dir, error) {
	d := &Dir{options: o, folders: map[string]*os.Root{}, files: map[string]bool{}}
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

// Err returns the first failure to write, an *OutputError, or nil.
func (d *Dir) Err() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.failed
}

// locate resolves the output folder, checks what is there and opens the folder
// that will hold it and the temporary folder.
func (d *Dir) locate(name string) error {
	abs, err := filepath.Abs(name)
	if err != nil {
		return err
	}
	info, err := os.Stat(abs)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Lstat(abs); err == nil {
			return errors.New("it is a symbolic link to nowhere")
		}
		if d.parents, err = makeParents(filepath.Dir(abs)); err != nil {
			return err
		}
		parent, err := filepath.EvalSymlinks(filepath.Dir(abs))
		if err != nil {
			return err
		}
		d.path = filepath.Join(parent, filepath.Base(abs))
		return d.openAnchor(parent)
	case err != nil:
		return err
	case !info.IsDir():
		return &fs.PathError{Op: "create folder", Path: abs, Err: errors.New("a file of this name exists")}
	}
	if d.path, err = filepath.EvalSymlinks(abs); err != nil {
		return err
	}
	if !d.options.Merge {
		err := checkReplaceable(d.path, info)
		if err != nil && !(d.options.AcceptIdentical && errors.Is(err, ErrExists)) {
			return err
		}
	}
	parent := filepath.Dir(d.path)
	if d.options.Merge && (parent == d.path || !sameVolume(parent, d.path) || !writable(parent)) {
		// Nothing can be put beside the root of a volume and moved into it.
		if d.anchor, err = os.OpenRoot(d.path); err != nil {
			return err
		}
		d.target, d.staging = ".", stagingSuffix
		return nil
	}
	if parent == d.path {
		return errors.New("it is the root of a volume")
	}
	return d.openAnchor(parent)
}

func (d *Dir) openAnchor(parent string) (err error) {
	d.target = filepath.Base(d.path)
	d.staging = d.target + stagingSuffix
	d.anchor, err = os.OpenRoot(parent)
	return err
}

// errReplace: no other folder can take the place of the output folder.
var errReplace = errors.New("the folder cannot be replaced")

// checkReplaceable refuses a folder that one rename cannot replace.
func checkReplaceable(dir string, info fs.FileInfo) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if names, err := f.Readdirnames(1); len(names) > 0 {
		return ErrExists
	} else if len(names) == 0 && err != nil && !isEOF(err) {
		return err
	}
	if here, err := os.Stat("."); err == nil && os.SameFile(here, info) {
		return fmt.Errorf("%w: it is the current folder", errReplace)
	}
	if parent := filepath.Dir(dir); parent == dir || !sameVolume(parent, dir) {
		return fmt.Errorf("%w: it is the root of a volume", errReplace)
	}
	return nil
}

// makeParents creates dir and the folders above it and returns those it made.
func makeParents(dir string) (made []string, err error) {
	for missing := dir; ; missing = filepath.Dir(missing) {
		if _, err := os.Stat(missing); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		made = append(made, missing)
		if filepath.Dir(missing) == missing {
			break
		}
	}
	slices.Reverse(made)
	return made, os.MkdirAll(dir, 0o777)
}

// removeParents takes back the folders that makeParents made, where they are
// still empty.
func (d *Dir) removeParents() {
	for _, parent := range slices.Backward(d.parents) {
		if os.Remove(parent) != nil {
			return
		}
	}
}

// contentName returns the place of a file below the temporary folder.
func (d *Dir) contentName(file string) string {
	return path.Join(filepath.ToSlash(d.staging), "content", file)
}

// FileInfo says what a file has beside its name and content.
type FileInfo struct {
	Modified   time.Time // zero: the time of writing
	Attributes uint32    // Windows file attributes; set on Windows only
}

// settable are the attributes that a package may give a file
// (FILE_ATTRIBUTE_READONLY, HIDDEN and SYSTEM).
const settable = 0x1 | 0x2 | 0x4

// Create starts one file. The path is relative to the output folder, with "/"
// between its segments; one that safepath.Check refuses is an error that wraps
// safepath.ErrUnsafe, not an *OutputError, as is a second file of the same name.
func (d *Dir) Create(file string, info FileInfo) (*File, error) {
	if err := safepath.Check(file); err != nil {
		return nil, err
	}
	folder, base, err := d.enter(file)
	if err != nil {
		return nil, err
	}
	f, err := folder.OpenFile(base, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		d.leave(file)
		return nil, d.fail(file, err)
	}
	return &File{dir: d, name: file, info: info, file: f, folder: folder, base: base}, nil
}

// enter books one more file and makes its folder. It returns where to create
// it.
func (d *Dir) enter(file string) (folder *os.Root, base string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.files[file] {
		return nil, "", fmt.Errorf("%w: %s", ErrCollision, file)
	}
	if err := d.options.Limits.check(d.bytes, d.count+1); err != nil {
		return nil, "", err
	}
	if folder, base, err = d.makeFolder(file); err != nil {
		return nil, "", d.failLocked(file, err)
	}
	d.files[file] = true
	d.count++
	d.open++
	return folder, base, nil
}

// maxOpenFolders bounds the folders that are kept open: in an open one a file is
// created without walking down from the top.
const maxOpenFolders = 64

// makeFolder makes the folder of a file. The file's place is base in folder.
func (d *Dir) makeFolder(file string) (folder *os.Root, base string, err error) {
	name := path.Dir(file)
	if name == "." {
		return d.content, file, nil
	}
	folder, known := d.folders[name]
	if !known {
		parent, base, err := d.makeFolder(name)
		if err != nil {
			return nil, "", err
		}
		if err := parent.MkdirAll(base, 0o777); err != nil {
			return nil, "", err
		}
		if d.opened < maxOpenFolders {
			if folder, err = parent.OpenRoot(base); err != nil {
				return nil, "", err
			}
			d.opened++
		}
		d.folders[name] = folder
	}
	if folder == nil {
		return d.content, file, nil
	}
	return folder, path.Base(file), nil
}

// closeFolders closes what makeFolder keeps open, and the content itself.
func (d *Dir) closeFolders() error {
	for _, folder := range d.folders {
		if folder != nil {
			folder.Close()
		}
	}
	d.folders, d.opened = map[string]*os.Root{}, 0
	return d.content.Close()
}

// leave takes back what enter booked.
func (d *Dir) leave(file string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.files, file)
	d.count--
	d.open--
}

// fail remembers the first failure to write and returns it as *OutputError.
func (d *Dir) fail(file string, err error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.failLocked(file, err)
}

func (d *Dir) failLocked(file string, err error) error {
	wrapped := d.outputError(filepath.Join(d.path, filepath.FromSlash(file)), err)
	if d.failed == nil {
		d.failed = wrapped
	}
	return wrapped
}

// outputError adds the path of the output and what can be done.
func (d *Dir) outputError(name string, err error) error {
	e := &OutputError{Path: name, Hint: d.options.hint(err), Err: err}
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

// hint says what can be done about a failure to write a folder.
func (o DirOptions) hint(err error) string {
	switch {
	case errors.Is(err, ErrExists) && o.AcceptIdentical:
		return "name a new folder, or remove this one first"
	case errors.Is(err, errReplace) && o.AcceptIdentical:
		return "name a folder below it"
	case errors.Is(err, ErrExists):
		return "name a new folder, or use --merge to add to this one"
	case errors.Is(err, errReplace):
		return "name a folder below it, or use --merge"
	}
	return outputHint(err)
}

// outputHint says what can be done about a failure to write.
func outputHint(err error) string {
	switch {
	case errors.Is(err, ErrBusy):
		return "wait for the other run to end, or name another folder"
	case errors.Is(err, fs.ErrPermission):
		return "choose a folder that you may write to"
	case isDiskFull(err):
		return "make room on the disk, or choose a folder on another one"
	}
	return ""
}

// A File is one file under construction. It implements cab.Sink.
type File struct {
	dir    *Dir
	name   string
	info   FileInfo
	file   *os.File
	folder *os.Root // that holds the file, as base
	base   string
}

// Write appends to the file. It fails with ErrLimit when the limits of the Dir
// are reached, otherwise with an *OutputError.
func (f *File) Write(p []byte) (int, error) {
	if err := f.dir.account(int64(len(p))); err != nil {
		return 0, err
	}
	n, err := f.file.Write(p)
	if err != nil {
		return n, f.dir.fail(f.name, err)
	}
	return n, nil
}

// account books bytes before they are written.
func (d *Dir) account(n int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n > math.MaxInt64-d.bytes {
		return fmt.Errorf("%w: too many bytes", ErrLimit)
	}
	if err := d.options.Limits.check(d.bytes+n, d.count); err != nil {
		return err
	}
	d.bytes += n
	return nil
}

// Close ends the file. With a nil cause it is complete and will be part of the
// output; with another one it is thrown away.
func (f *File) Close(cause error) error {
	if cause != nil {
		f.file.Close()
		err := remove(f.folder, f.base)
		f.dir.leave(f.name)
		if err != nil {
			return f.dir.fail(f.name, err)
		}
		return nil
	}
	err := syncFile(f.file)
	if closeErr := f.file.Close(); err == nil {
		err = closeErr
	}
	if err == nil && !f.info.Modified.IsZero() {
		err = f.folder.Chtimes(f.base, f.info.Modified, f.info.Modified)
	}
	if err == nil && f.info.Attributes&settable != 0 {
		err = setAttributes(filepath.Join(f.dir.content.Name(), filepath.FromSlash(f.name)), f.info.Attributes&settable)
	}
	if err != nil {
		f.dir.leave(f.name)
		return f.dir.fail(f.name, err)
	}
	f.dir.mu.Lock()
	defer f.dir.mu.Unlock()
	f.dir.open--
	return nil
}

// names returns the files written so far, sorted.
func (d *Dir) names() []string {
	names := make([]string, 0, len(d.files))
	for name := range d.files {
		names = append(names, name)
	}
	slices.SortFunc(names, strings.Compare)
	return names
}
