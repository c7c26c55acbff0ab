package extract

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/hotfixkit/hotfixkit/extract/source"
)

// WriteOptions say how a plan is carried out.
type WriteOptions struct {
	Merge     bool // add to a folder that exists, file by file (DirOptions.Merge)
	NoSync    bool // do not wait for the disk (DirOptions.NoSync)
	KeepGoing bool // write the files that are whole when others are damaged or missing
	SHA256    bool // compute Result.Files[].SHA256
	Workers   int  // processors to use, GOMAXPROCS when 0
	// Progress is called with the bytes written so far and the bytes that the
	// package claims in all. Calls do not overlap.
	Progress func(done, total int64)
}

// Result is what was written. It is the JSON document of "hotfix extract".
type Result struct {
	Output  string          `json:"output"` // the folder as it was named
	Files   ResultFiles     `json:"files"`  // by path
	LeftOut []ResultLeftOut `json:"left_out"`
	Lost    []ResultLost    `json:"lost,omitempty"`
	Patches []ResultPatch   `json:"patches,omitempty"` // in the order in which they were applied
	// Neighbours are the files next to the package, or on the media, that were read.
	Neighbours []string `json:"neighbours,omitempty"`
	Warnings   []string `json:"warnings"`
}

// ResultFile is one file that was written.
type ResultFile struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256,omitempty"`
}

// ResultLeftOut is a file that the image does not hold, by rule.
type ResultLeftOut struct {
	Path    string `json:"path"`
	Key     string `json:"key"`
	Size    int64  `json:"size"`
	Feature string `json:"feature,omitempty"`
	Reason  string `json:"reason"`
}

// ResultPatch is a patch that was applied.
type ResultPatch struct {
	Name      string `json:"name"`
	Code      string `json:"patch_code"`
	Transform string `json:"transform"` // the main one of the pair that fits
}

// ResultLost is a file that could not be had.
type ResultLost struct {
	Path  string `json:"path"`
	Error string `json:"error"`
}

// Write carries the plan out: the folder dir appears, complete, or nothing does.
//
// With WriteOptions.KeepGoing the files that are whole are written, without the
// database of the image, and Write returns both the result and an error that
// tells what was lost. Failures to write are *OutputError; all others are faults
// of the package, or the context's.
func (plan *Plan) Write(ctx context.Context, dir string, o WriteOptions) (*Result, error) {
	if err := plan.refuseOwnFolder(dir); err != nil {
		return nil, err
	}
	out, err := CreateDir(dir, DirOptions{Merge: o.Merge, NoSync: o.NoSync, Limits: plan.options.Limits})
	if err != nil {
		return nil, err
	}
	w := &writer{plan: plan, options: o, dir: dir, out: out, total: plan.Bytes}
	damage, err := w.write(ctx)
	if err != nil {
		if abortErr := out.Abort(); abortErr != nil && !errors.Is(err, abortErr) {
			err = errors.Join(err, abortErr)
		}
		return nil, err
	}
	if err := out.Commit(ctx); err != nil {
		return nil, err
	}
	return w.result(), damage
}

// refuseOwnFolder refuses to write to the folder that the package lies in:
// Windows Installer does so too (error 2203).
func (plan *Plan) refuseOwnFolder(dir string) error {
	target, err := os.Stat(dir)
	if err != nil {
		return nil // it does not exist, or CreateDir will say what is wrong
	}
	own, err := os.Stat(plan.Package.Folder())
	if err == nil && os.SameFile(own, target) {
		return &OutputError{Path: dir, Err: ErrOwnFolder}
	}
	return nil
}

// A writer carries out one plan.
type writer struct {
	plan    *Plan
	options WriteOptions
	dir     string // as it was named
	out     *Dir
	total   int64

	mu    sync.Mutex
	done  int64
	files []writtenFile
	names []string // of files that are none of the package's
	sums  [][sha256.Size]byte
	lost  []ResultLost
}

// write fills the output folder. damage is what KeepGoing passed over.
func (w *writer) write(ctx context.Context) (damage, err error) {
	database := w.startDatabase()
	damage = w.walk(ctx)
	err = database.finish(damage == nil && w.out.failure() == nil && ctx.Err() == nil)
	switch {
	case w.out.failure() != nil:
		return nil, w.out.failure()
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case damage == nil:
		return nil, err
	case errors.Is(damage, ErrLimit):
		return nil, &source.Error{Package: w.plan.Package.Ref(), Err: damage}
	case !w.options.KeepGoing || len(w.files) == 0:
		return nil, damage
	}
	return damage, nil
}

// walk writes the files of the plan.
func (w *writer) walk(ctx context.Context) (damage error) {
	files := w.plan.Files
	switch {
	case w.plan.options.Layout == Streams:
		return w.writeStreams(ctx)
	case len(files) > 0:
		return w.plan.Package.Walk(ctx, w.create, source.WalkOptions{Files: files, Workers: w.options.Workers, KeepGoing: w.options.KeepGoing})
	}
	return nil
}

// create is what Walk calls for each file.
func (w *writer) create(f *source.File, stored source.Stored) (source.Sink, error) {
	name := w.plan.Path(f)
	file, err := w.out.Create(name, FileInfo{Modified: stored.Modified, Attributes: f.Attributes})
	if err != nil {
		return nil, err
	}
	s := w.sink(name, file)
	s.of = f
	return s, nil
}

func (w *writer) sink(name string, file *File) *sink {
	s := &sink{writer: w, name: name, file: file}
	if w.options.SHA256 {
		s.hash = sha256.New()
	}
	return s
}

// A sink writes one file and notes what became of it.
type sink struct {
	writer *writer
	name   string
	of     *source.File // nil for what is none of the package's files
	file   *File
	hash   hash.Hash
	size   int64
}

func (s *sink) Write(p []byte) (int, error) {
	if s.hash != nil {
		s.hash.Write(p)
	}
	n, err := s.file.Write(p)
	s.size += int64(n)
	s.writer.advance(int64(n))
	return n, err
}

// ReadAt lets large files be hashed from where they were written to.
func (s *sink) ReadAt(p []byte, at int64) (int, error) { return s.file.ReadAt(p, at) }

func (s *sink) Close(cause error) error {
	if err := s.file.Close(cause); err != nil {
		return err
	}
	w := s.writer
	w.mu.Lock()
	defer w.mu.Unlock()
	if cause != nil {
		w.lost = append(w.lost, ResultLost{Path: s.name, Error: cause.Error()})
		return nil
	}
	f := writtenFile{file: s.of, size: s.size}
	if s.of == nil {
		f.at = uint32(len(w.names))
		w.names = append(w.names, s.name)
	}
	if s.hash != nil {
		f.sum = uint32(len(w.sums))
		w.sums = append(w.sums, [sha256.Size]byte(s.hash.Sum(nil)))
	}
	w.files = append(w.files, f)
	return nil
}

func (w *writer) advance(n int64) {
	if w.options.Progress == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done += n
	w.options.Progress(w.done, max(w.total, w.done))
}

// result sorts by path: files are finished in no fixed order.
func (w *writer) result() *Result {
	r := &Result{
		Output:   w.dir,
		Files:    w.written(),
		LeftOut:  leftOut(w.plan.LeftOut, w.plan.options),
		Lost:     w.lost,
		Warnings: []string{},

		Neighbours: w.plan.Package.Neighbours(),
	}
	if plan := w.plan.Package.Plan(); plan != nil {
		for _, a := range plan.Applied {
			r.Patches = append(r.Patches, ResultPatch{Name: a.Patch.Name(), Code: a.Patch.Code, Transform: a.Pair.Name})
		}
	}
	slices.SortFunc(r.Lost, func(a, b ResultLost) int { return strings.Compare(a.Path, b.Path) })
	r.Warnings = append(append(r.Warnings, w.plan.Package.Warnings()...), w.plan.Warnings...)
	return r
}

// LeftOut lists the files of a package that its image does not hold.
func LeftOut(p *source.Package) []ResultLeftOut { return leftOut(p.LeftOut(), Options{}) }

func leftOut(files []source.LeftOut, o Options) []ResultLeftOut {
	list := []ResultLeftOut{}
	for _, l := range files {
		list = append(list, ResultLeftOut{Path: o.path(l.File), Key: l.File.Key(), Size: l.File.Size, Feature: l.Feature, Reason: l.Reason})
	}
	return list
}
