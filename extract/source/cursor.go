package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
)

// A cursor is a walk over the files of one cabinet, or over those that are in none,
// that stops before each of them until somebody wants to read it, or one behind it.
type cursor struct {
	tree   *tree
	cancel context.CancelFunc
	files  map[*File]bool // that the walk comes to

	mu      sync.Mutex
	changed *sync.Cond
	first   *File
	target  *File // wanted; nil while the cursor is idle
	out     *io.PipeWriter
	passed  map[*File]bool // wanted no more, or delivered
	ended   bool
}

// read returns the content of a file, from the idle cursor where that has not passed
// it, or from a new one.
func (t *tree) read(f *File) *io.PipeReader {
	r, w := io.Pipe()
	t.mu.Lock()
	c := t.idle
	t.idle = nil
	t.mu.Unlock()
	if c != nil && c.aim(f, w) {
		return r
	}
	if c != nil {
		c.stop()
	}
	t.start(f, w)
	return r
}

// start makes a cursor that begins with f and goes on to the files behind it that are
// in the same cabinet, or in none as f is: those of an rpm are one compressed stream.
func (t *tree) start(f *File, w *io.PipeWriter) {
	files := []*File{f}
	cabinet := f.Cabinet()
	if i := slices.Index(t.p.Files(), f); i >= 0 {
		for _, next := range t.p.Files()[i+1:] {
			if next.Cabinet() == cabinet {
				files = append(files, next)
			}
		}
	}
	c := &cursor{tree: t, first: f, target: f, out: w, passed: map[*File]bool{}, files: map[*File]bool{}}
	for _, one := range files {
		c.files[one] = true
	}
	c.changed = sync.NewCond(&c.mu)
	var ctx context.Context
	ctx, c.cancel = context.WithCancel(t.ctx)
	t.runs.Go(func() {
		defer c.cancel()
		c.end(t.p.Walk(ctx, c.want, WalkOptions{Files: files, Workers: 1, KeepGoing: true, prompt: true}))
	})
}

// aim makes the cursor go on to f. It returns false when f is behind it.
func (c *cursor) aim(f *File, w *io.PipeWriter) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended || c.target != nil || c.passed[f] || !c.files[f] {
		return false
	}
	c.target, c.out = f, w
	c.changed.Broadcast()
	return true
}

// want is what the walk calls for each file.
func (c *cursor) want(f *File, _ Stored) (Sink, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.target == nil && !c.ended {
		c.changed.Wait()
	}
	c.passed[f] = true
	if c.ended {
		return nil, context.Canceled
	}
	if f != c.target {
		return nil, nil
	}
	return &cursorSink{c, c.out}, nil
}

// rest makes the cursor idle, instead of the one that is.
func (c *cursor) rest() {
	c.mu.Lock()
	c.target, c.out = nil, nil
	c.mu.Unlock()
	c.tree.mu.Lock()
	before := c.tree.idle
	c.tree.idle = c
	c.tree.mu.Unlock()
	if before != nil && before != c {
		before.stop()
	}
	if c.tree.ctx.Err() != nil {
		c.stop()
	}
}

// stop ends the walk.
func (c *cursor) stop() {
	c.cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	c.changed.Broadcast()
}

// end is called when the walk is over. A file that is still waited for was passed
// over, as files in a cabinet need not be in the order of the package: it gets a walk
// of its own, unless it had one.
func (c *cursor) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	switch {
	case c.target == nil:
	case c.tree.ctx.Err() != nil:
		c.out.CloseWithError(c.tree.ctx.Err())
	case c.first != c.target:
		c.tree.start(c.target, c.out)
	case err != nil:
		c.out.CloseWithError(err)
	default:
		c.out.CloseWithError(fmt.Errorf("%w: %s", ErrNotFound, c.target.Path()))
	}
}

// A cursorSink hands the bytes of one file to its reader.
type cursorSink struct {
	cursor *cursor
	out    *io.PipeWriter
}

func (s *cursorSink) Write(p []byte) (int, error) {
	n, err := s.out.Write(p)
	if errors.Is(err, io.ErrClosedPipe) {
		return len(p), nil // the reader has enough; the files behind are still there
	}
	return n, err
}

func (s *cursorSink) Close(cause error) error {
	s.cursor.rest()
	return s.out.CloseWithError(cause) // nil is io.EOF
}
