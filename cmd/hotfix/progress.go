package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/hotfixkit/hotfixkit/internal/display"
)

// A meter shows progress on a terminal; a nil meter shows none. It may be told of
// progress by several goroutines.
type meter struct {
	w           io.Writer
	mu          sync.Mutex
	start, last time.Time
	done, total int64 // as add counts them
}

// newMeter returns a meter when standard error is a terminal and messages are
// wanted.
func (s *session) newMeter() *meter {
	f, ok := s.stderr.(*os.File)
	if !ok || s.quiet {
		return nil
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	now := time.Now()
	return &meter{w: f, start: now, last: now}
}

func (m *meter) progress() func(done, total int64) {
	if m == nil {
		return nil
	}
	return m.show
}

// show draws the line at most ten times a second. A total that is less than what
// is done is not known.
func (m *meter) show(done, total int64) {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Sub(m.last) < 100*time.Millisecond {
		return
	}
	m.last = now
	text := display.Number(done)
	if total >= done {
		text += " of " + display.Number(total)
	}
	fmt.Fprintf(m.w, "\r\x1b[K%s bytes%s", text, timeLeft(now.Sub(m.start), done, total))
}

// counter returns a function that is told of bytes as they are read, and of bytes
// that wait.
func (m *meter) counter() func(read, waiting int64) {
	if m == nil {
		return nil
	}
	return func(read, waiting int64) {
		m.mu.Lock()
		m.done += read
		m.total += waiting
		done, total := m.done, m.total
		m.mu.Unlock()
		m.show(done, total)
	}
}

// working shows, until the function that it returns is called, that something goes
// on whose length is not known. It shows nothing in the first second.
func (m *meter) working(what string) (stop func()) {
	if m == nil {
		return func() {}
	}
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				m.clear()
				return
			case now := <-tick.C:
				fmt.Fprintf(m.w, "\r\x1b[K%s, %s", what, now.Sub(m.start).Round(time.Second))
			}
		}
	}()
	return sync.OnceFunc(func() { close(quit); <-ended })
}

func timeLeft(elapsed time.Duration, done, total int64) string {
	if done <= 0 || done >= total {
		return ""
	}
	left := time.Duration(float64(elapsed) * float64(total-done) / float64(done))
	return fmt.Sprintf(", %s left", left.Round(time.Second))
}

func (m *meter) clear() {
	if m != nil {
		fmt.Fprint(m.w, "\r\x1b[K")
	}
}

// A meteredReader reads a file of known size, shows that on a meter, and ends with
// its context.
type meteredReader struct {
	io.Reader
	ctx         context.Context
	meter       *meter
	done, total int64
}

func (r *meteredReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.Reader.Read(p)
	r.done += int64(n)
	if r.meter != nil {
		r.meter.show(r.done, r.total)
	}
	return n, err
}
