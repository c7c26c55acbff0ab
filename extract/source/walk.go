package source

import (
	"cmp"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"hash"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/hotfixkit/hotfixkit/manifest/pe"
	"github.com/hotfixkit/hotfixkit/msi/cab"
)

// WalkOptions say which files a walk visits and how.
type WalkOptions struct {
	// Files are the files to visit; nil means all of Package.Files. Those of
	// Package.LeftOut may be named too.
	Files []*File
	// Workers is the number of processors to use, GOMAXPROCS when 0.
	Workers int
	// KeepGoing goes on after damage: files that cannot be had are closed with
	// their error, all others are delivered, and Walk returns the errors joined.
	KeepGoing bool
}

// Walk pushes the bytes of files into the sinks that want returns, in one pass
// in the order in which they are stored; cabinets and folders lie side by side,
// so want and the sinks of different files may be called concurrently. want is
// told what is known about the stored content. A nil sink skips the file. Every sink is closed, once: with nil only when the file
// is complete and its size and digest are those that the package has for it.
//
// When files are missing, Walk fails before the first byte. With
// WalkOptions.KeepGoing it asks for their sinks too, and closes them with the
// reason. An error that want or a sink returns stops the walk and is returned
// as it is; other errors are *Error.
func (p *Package) Walk(ctx context.Context, want func(*File, Stored) (Sink, error), o WalkOptions) error {
	if o.Files == nil {
		o.Files = p.files
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	w := &walk{p: p, want: want, options: o, done: map[*File]bool{}, limit: p.options.maxBytes()}
	switch {
	case p.patched != nil:
		return w.result(w.patched(ctx))
	case p.kind == RPM:
		return w.result(w.rpm(ctx))
	}
	plan := p.locate(ctx, o.Files)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if len(plan.lost) > 0 && !o.KeepGoing {
		return p.errorsOf(plan.lost)
	}
	for _, l := range plan.lost {
		if err := w.giveUp(l.file, l.err); err != nil {
			return err
		}
	}
	return w.result(w.run(ctx, plan))
}

// A walk is one call of Walk.
type walk struct {
	p       *Package
	want    func(*File, Stored) (Sink, error)
	options WalkOptions
	limit   int64 // of bytes that are decoded, wanted or not
	spent   atomic.Int64

	mu      sync.Mutex
	done    map[*File]bool // its sink is closed, or was not wanted
	lost    []lostFile
	stopped error // of want or a sink
}

// run reads the cabinets and the uncompressed files side by side.
func (w *walk) run(ctx context.Context, plan *plan) error {
	side := max(1, min(len(plan.sets), w.options.Workers))
	decode := cab.DecodeOptions{Workers: max(1, w.options.Workers/side), KeepGoing: w.options.KeepGoing, Spend: w.spend}
	for _, f := range plan.made {
		if err := w.made(f); err != nil {
			return err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(side + 1)
	if len(plan.loose) > 0 {
		group.Go(func() error {
			for _, l := range plan.loose {
				if err := w.loose(ctx, l); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for _, s := range plan.sets {
		group.Go(func() error { return w.set(ctx, s, decode) })
	}
	return group.Wait()
}

// made delivers a file that is made of something else.
func (w *walk) made(f *File) error {
	sink, err := w.sink(f, Stored{Modified: w.p.modified, Size: f.Size}, true)
	if err != nil || sink == nil {
		return err
	}
	if err := w.p.entries[f].made(sink); err != nil {
		return errors.Join(err, sink.Close(err))
	}
	return sink.Close(nil)
}

// spend books bytes that are about to be decoded.
func (w *walk) spend(bytes int64) error {
	if w.spent.Add(bytes) > w.limit {
		return fmt.Errorf("%w: more than %d bytes would have to be decoded", ErrTooLarge, w.limit)
	}
	return nil
}

// set decodes one cabinet set.
func (w *walk) set(ctx context.Context, s *setPlan, o cab.DecodeOptions) error {
	err := s.set.set.Decode(ctx, func(member *cab.File) (cab.Sink, error) {
		f := s.files[member]
		if f == nil {
			return nil, nil
		}
		return w.sink(f, Stored{Modified: member.Modified, Size: member.Size}, true)
	}, o)
	if err == nil {
		err = w.unread(s, fmt.Errorf("%w: the cabinet %q has no data for it", ErrFormat, s.set.where))
		if err == nil || w.options.KeepGoing {
			return nil
		}
		return err
	}
	if w.options.KeepGoing && ctx.Err() == nil && w.halted() == nil {
		return w.unread(s, err)
	}
	return err
}

// unread gives up the files of a set that Decode did not even start.
func (w *walk) unread(s *setPlan, cause error) error {
	var files []*File
	w.mu.Lock()
	for _, f := range s.files {
		if !w.done[f] {
			files = append(files, f)
		}
	}
	w.mu.Unlock()
	slices.SortFunc(files, bySequence)
	for _, f := range files {
		if !w.options.KeepGoing {
			return w.p.errorAt(f.Path(), cause)
		}
		if err := w.giveUp(f, cause); err != nil {
			return err
		}
	}
	return nil
}

func bySequence(a, b *File) int {
	return cmp.Or(cmp.Compare(a.Sequence, b.Sequence), cmp.Compare(a.Path(), b.Path()))
}

// loose reads the uncompressed files of one place.
func (w *walk) loose(ctx context.Context, l *loosePlan) error {
	deliveries := make([]delivery, len(l.files))
	for i, f := range l.files {
		deliveries[i] = delivery{from: l.from[i], want: func(s Stored) (Sink, error) { return w.sink(f, s, false) }}
	}
	err := l.place.deliver(ctx, deliveries, w.options)
	if err != nil && w.options.KeepGoing && ctx.Err() == nil && w.halted() == nil {
		for _, f := range l.files {
			if err := w.giveUp(f, err); err != nil {
				return err
			}
		}
		return nil
	}
	return err
}

// sink returns the caller's sink for a file with the checks before it.
func (w *walk) sink(f *File, stored Stored, sized bool) (Sink, error) {
	sink, err := w.want(f, stored)
	if err != nil {
		return nil, w.stop(err)
	}
	if sink == nil {
		w.finish(f)
		return nil, nil
	}
	c := &checked{walk: w, file: f, sink: sink, sized: sized}
	if f.MD5 != nil {
		c.hash, c.sum = md5.New(), f.MD5[:]
	}
	if w.p.patched != nil && w.p.patched.origins[f].patch != nil && f.Version != "" {
		c.version = pe.NewCollector()
	}
	return c, nil
}

// giveUp reports a file that cannot be had, unless its sink was closed before.
func (w *walk) giveUp(f *File, cause error) error {
	w.mu.Lock()
	done := w.done[f]
	w.mu.Unlock()
	if done {
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
	w.done[f] = true
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

// A checked sink compares a file with what the package says about it before it
// lets the caller's sink know that the file is whole.
type checked struct {
	walk  *walk
	file  *File
	sink  Sink
	sized bool // the size must hold; else a difference is a warning
	hash  hash.Hash
	sum   []byte
	size  int64

	version *pe.Collector // of a file that a patch made
}

func (c *checked) Write(p []byte) (int, error) {
	c.size += int64(len(p))
	if c.version != nil {
		c.version.Write(p)
	}
	if c.hash != nil {
		c.hash.Write(p)
	}
	n, err := c.sink.Write(p)
	if err != nil {
		return n, c.walk.stop(err)
	}
	return n, nil
}

// emptyHash is what MsiFileHash rows of empty files hold beside the MD5 of
// nothing.
var emptyHash [md5.Size]byte

func (c *checked) Close(cause error) error {
	if cause == nil {
		cause = c.check()
	}
	c.walk.finish(c.file)
	if cause != nil {
		c.walk.lose(c.file, cause)
	}
	if err := c.sink.Close(cause); err != nil && (cause == nil || !errors.Is(err, cause)) {
		return c.walk.stop(err)
	}
	if c.walk.options.KeepGoing {
		return nil
	}
	return cause
}

// check compares size and digest.
func (c *checked) check() error {
	if c.size != c.file.Size {
		if c.sized {
			return fmt.Errorf("%w: %d bytes, the package says %d", ErrMismatch, c.size, c.file.Size)
		}
		c.walk.p.warn("%s: %d bytes, the File table says %d", c.file.Path(), c.size, c.file.Size)
	}
	if c.version != nil {
		if err := checkVersion(c.version, c.file.Version); err != nil {
			return err
		}
	}
	if c.hash == nil {
		return nil
	}
	sum := c.hash.Sum(nil)
	if slices.Equal(sum, c.sum) || c.size == 0 && slices.Equal(c.sum, emptyHash[:]) {
		return nil
	}
	return fmt.Errorf("%w: its digest is %x, the package says %x", ErrMismatch, sum, c.sum)
}
