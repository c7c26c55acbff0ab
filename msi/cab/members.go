package cab

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
)

// maxOverlap is the largest number of members that are fed at the same time. Each
// holds an open file in most uses.
const maxOverlap = 512

// members hands the decoded bytes of one folder to the sinks of its files.
type members struct {
	folder    *setFolder
	want      func(*File) (Sink, error)
	keepGoing bool
	stopped   func() error // why nothing more is to be done

	next int // into folder.files: the first that want was not called for
	open []openMember
	lost []error // with keepGoing

	// need is the offset of the first byte that is still wanted; bytes before it
	// may be skipped. It only grows, and may lag behind.
	need atomic.Int64
}

type openMember struct {
	file *File
	sink Sink
}

func (m openMember) end() int64 { return m.file.Offset + m.file.Size }

// advance calls want for the next members until one is wanted. It reports false
// when none is left.
func (m *members) advance() (bool, error) {
	for len(m.open) == 0 && m.next < len(m.folder.files) {
		if err := m.openNext(nil); err != nil {
			return false, err
		}
	}
	if len(m.open) == 0 {
		return false, nil
	}
	first := slices.MinFunc(m.open, func(a, b openMember) int { return cmp.Compare(a.file.Offset, b.file.Offset) })
	m.need.Store(first.file.Offset)
	return true, nil
}

// openNext calls want for the next member. With damage set, the member's data
// cannot be had.
func (m *members) openNext(damage error) error {
	if err := m.stopped(); err != nil {
		return err
	}
	f := m.folder.files[m.next]
	m.next++
	sink, err := m.want(f)
	if err != nil || sink == nil {
		return err
	}
	switch {
	case f.Size == 0:
		return sink.Close(nil)
	case damage != nil:
		return m.lose(openMember{f, sink}, damage)
	case len(m.open) == maxOverlap:
		return m.lose(openMember{f, sink}, fmt.Errorf("%w: more than %d members overlap", ErrLimit, maxOverlap))
	}
	m.open = append(m.open, openMember{f, sink})
	return nil
}

// lose closes a member that cannot be had, and returns the error that stops
// decoding if there is one.
func (m *members) lose(o openMember, damage error) error {
	damage = fmt.Errorf("cab: file %q: %w", o.file.Name, damage)
	if err := o.sink.Close(damage); err != nil && !errors.Is(err, damage) {
		return err
	}
	if !m.keepGoing {
		return damage
	}
	m.lost = append(m.lost, damage)
	return nil
}

// feed takes the bytes of the folder from offset on, where everything before was
// fed, skipped because nobody needs it, or damaged.
func (m *members) feed(offset int64, data []byte) error {
	return m.pass(offset, int64(len(data)), func(from, to int64) error {
		for _, o := range m.open {
			if o.file.Offset >= to {
				continue
			}
			if _, err := o.sink.Write(data[from-offset : to-offset]); err != nil {
				return err
			}
		}
		return nil
	})
}

// damaged takes the place of feed for n bytes that could not be had.
func (m *members) damaged(offset, n int64, damage error) error {
	return m.pass(offset, n, func(from, to int64) error {
		var err error
		m.open = slices.DeleteFunc(m.open, func(o openMember) bool {
			if err != nil || o.file.Offset >= to {
				return false
			}
			err = m.lose(o, damage)
			return true
		})
		return err
	})
}

// pass goes over n bytes from offset, piece by piece so that no member starts or
// ends inside a piece, opening and closing them at their borders.
func (m *members) pass(offset, n int64, piece func(from, to int64) error) error {
	for end := offset + n; offset < end; {
		to := end
		for m.next < len(m.folder.files) && m.folder.files[m.next].Offset <= offset {
			if err := m.openNext(nil); err != nil {
				return err
			}
		}
		if m.next < len(m.folder.files) {
			to = min(to, m.folder.files[m.next].Offset)
		}
		for _, o := range m.open {
			if o.file.Offset > offset {
				to = min(to, o.file.Offset)
			} else {
				to = min(to, o.end())
			}
		}
		if err := piece(offset, to); err != nil {
			return err
		}
		offset = to
		if err := m.closeFinished(offset); err != nil {
			return err
		}
		if more, err := m.advance(); err != nil || !more {
			return err
		}
	}
	return nil
}

// closeFinished closes the members that end at offset.
func (m *members) closeFinished(offset int64) error {
	var err error
	m.open = slices.DeleteFunc(m.open, func(o openMember) bool {
		if err != nil || o.end() > offset {
			return false
		}
		err = o.sink.Close(nil)
		return true
	})
	return err
}

// done reports whether no member is left.
func (m *members) done() bool { return len(m.open) == 0 && m.next == len(m.folder.files) }

// fail loses every member that is left. Empty ones are whole all the same.
func (m *members) fail(damage error) error {
	for len(m.open) > 0 || m.next < len(m.folder.files) {
		if len(m.open) == 0 {
			if err := m.openNext(damage); err != nil {
				return err
			}
			continue
		}
		o := m.open[0]
		m.open = m.open[1:]
		if err := m.lose(o, damage); err != nil {
			return err
		}
	}
	return nil
}

// abandon closes the open sinks because of an error that stops everything.
func (m *members) abandon(err error) {
	for _, o := range m.open {
		// The first error is the one to report.
		_ = o.sink.Close(err)
	}
	m.open = nil
}
