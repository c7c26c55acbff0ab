package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
)

// WalkOptions say which files a walk visits and how.
type WalkOptions struct {
	// Files are the files to visit; nil means all of Package.Files, and an empty
	// list none. Those of Package.LeftOut may be named too.
	Files []*File
	// Workers is the number of processors to use, GOMAXPROCS when 0.
	Workers int
	// KeepGoing goes on after damage: files that cannot be had are closed with
	// their error, all others are delivered, and Walk returns the errors joined.
	KeepGoing bool
	// Budget is what may be decoded, wanted or passed over; several walks may share
	// one. nil means one of Options.MaxBytes for this walk alone.
	Budget *Budget
	// MaxSize leaves out larger files, in bytes; 0 means none.
	MaxSize int64

	// prompt has every sink closed as soon as its file is complete; else a few
	// megabytes of files wait to be hashed together. With one worker, the sinks are then
	// closed one after the other.
	prompt bool
}

// Walk pushes the bytes of files into the sinks that want returns, in one pass
// in the order in which they are stored; cabinets and folders lie side by side,
// so want and the sinks of different files may be called concurrently. want is
// told what is known about the stored content. A nil sink skips the file. Every sink
// is closed, once: with nil only when the file is complete and its size and digest
// are those that the package has for it. That may be found out later: up to 192 files
// of a cabinet set are open at a time, each until it is hashed together with others.
//
// When files are missing, Walk fails before the first byte. With
// WalkOptions.KeepGoing it asks for their sinks too, and closes them with the
// reason. An error that want or a sink returns stops the walk and is returned
// as it is; other errors are *Error.
func (p *Package) Walk(ctx context.Context, want func(*File, Stored) (Sink, error), o WalkOptions) error {
	if o.Files == nil {
		o.Files = p.Files()
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Budget == nil {
		o.Budget = NewBudget(p.options.MaxBytes)
	}
	w := &walk{p: p, want: want, options: o, done: make([]bool, p.numbered), budget: o.Budget}
	if err := w.dropStrangers(); err != nil {
		return err
	}
	return w.result(p.reader.walk(ctx, w))
}

// A walk is one call of Walk.
type walk struct {
	p       *Package
	want    func(*File, Stored) (Sink, error)
	options WalkOptions
	budget  *Budget

	mu      sync.Mutex
	done    []bool // by number of a file: its sink is closed, or was not wanted
	lost    []lostFile
	stopped error // of want or a sink
}

// dropStrangers leaves the files of this package in options.Files.
func (w *walk) dropStrangers() error {
	stranger := func(f *File) bool { return f.in.of != w.p }
	if !slices.ContainsFunc(w.options.Files, stranger) {
		return nil
	}
	var own []*File
	for _, f := range w.options.Files {
		if !stranger(f) {
			own = append(own, f)
			continue
		}
		err := fmt.Errorf("%w: %s", ErrNotFound, f.Path())
		if !w.options.KeepGoing {
			return w.p.errorAt(f.Path(), err)
		}
		if err := w.giveUp(f, err); err != nil {
			return err
		}
	}
	w.options.Files = own
	return nil
}

// unread gives up those of the files that no reader came to, or reports the first
// of them.
func (w *walk) unread(files []*File, cause error) error {
	for _, f := range files {
		switch {
		case w.isDone(f):
		case !w.options.KeepGoing:
			return w.p.errorAt(f.Path(), cause)
		default:
			if err := w.giveUp(f, cause); err != nil {
				return err
			}
		}
	}
	return nil
}

func bySequence(a, b *File) int {
	return cmp.Or(cmp.Compare(a.Sequence(), b.Sequence()), cmp.Compare(a.Path(), b.Path()))
}

// sink returns the caller's sink for a file, behind one that compares the content
// with what the package says about it.
func (w *walk) sink(f *File, stored Stored, e expectation) (Sink, error) {
	if w.options.MaxSize > 0 && max(stored.Size, f.Size) > w.options.MaxSize {
		w.finish(f)
		return nil, nil
	}
	sink, err := w.want(f, stored)
	if err != nil {
		return nil, w.stop(err)
	}
	if sink == nil {
		w.finish(f)
		return nil, nil
	}
	return newChecked(w, f, sink, e), nil
}

// giveUp reports a file that cannot be had, unless its sink was closed before.
func (w *walk) giveUp(f *File, cause error) error {
	if w.isDone(f) {
		return nil
	}
	sink, err := w.want(f, unknown)
	if err != nil {
		return w.stop(err)
	}
	w.finish(f)
	if sink == nil {
		return nil
	}
	w.lose(f, cause)
	if err := sink.Close(cause); err != nil && !errors.Is(err, cause) {
		return w.stop(err)
	}
	return nil
}

func (w *walk) finish(f *File) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if f.in.of == w.p {
		w.done[f.number] = true
	}
}

func (w *walk) isDone(f *File) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return f.in.of == w.p && w.done[f.number]
}

func (w *walk) lose(f *File, cause error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lost = append(w.lost, lostFile{f, cause})
}

// stop remembers the first error of the caller's own functions.
func (w *walk) stop(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped == nil {
		w.stopped = err
	}
	return err
}

func (w *walk) halted() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stopped
}

// result chooses what Walk returns: the caller's own error, else what happened
// to the files, else what the readers say.
func (w *walk) result(err error) error {
	if err = w.cause(err); err != nil {
		return err
	}
	return w.p.unchanged()
}

func (w *walk) cause(err error) error {
	if w.stopped != nil {
		return w.stopped
	}
	slices.SortStableFunc(w.lost, func(a, b lostFile) int { return bySequence(a.file, b.file) })
	if w.options.KeepGoing && err == nil {
		return w.p.errorsOf(w.lost)
	}
	for _, l := range w.lost {
		if !errors.Is(l.err, context.Canceled) && !errors.Is(l.err, context.DeadlineExceeded) {
			return w.p.errorsOf([]lostFile{l})
		}
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return w.p.errorAt("", err)
}
