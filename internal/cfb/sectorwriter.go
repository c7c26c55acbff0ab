package cfb

import (
	"fmt"
	"io"
)

// sectorWriter writes sectors and steps over the range lock sector. The first
// error stays.
type sectorWriter struct {
	w          io.Writer
	sectorSize int64
	lock       int64 // number of the range lock sector
	offset     int64
	chunk      []byte // of a stream, on its way
	err        error
}

// chunkSize is how much is read and written at once.
const chunkSize = 1 << 16

// raw writes b.
func (s *sectorWriter) raw(b []byte) {
	for len(b) > 0 && s.err == nil {
		s.skipLock()
		n := min(int64(len(b)), s.room())
		s.write(b[:n])
		b = b[n:]
	}
}

// room returns how many bytes fit before the range lock sector.
func (s *sectorWriter) room() int64 {
	if at := (s.lock + 1) * s.sectorSize; s.offset < at {
		return at - s.offset
	}
	return 1 << 62
}

func (s *sectorWriter) skipLock() {
	if s.offset == (s.lock+1)*s.sectorSize {
		s.write(make([]byte, s.sectorSize))
	}
}

func (s *sectorWriter) write(b []byte) {
	if s.err != nil {
		return
	}
	n, err := s.w.Write(b)
	s.offset += int64(n)
	if err != nil {
		s.err = fmt.Errorf("cfb: %w", err)
	}
}

// Write lets a stream be copied into the file.
func (s *sectorWriter) Write(b []byte) (int, error) {
	s.raw(b)
	return len(b), s.err
}

// stream writes the content of a stream, which must be of the promised size.
func (s *sectorWriter) stream(it *item) error {
	r, err := it.node.Open()
	if err != nil {
		return fmt.Errorf("cfb: stream %q: %w", it.node.Name, err)
	}
	n, err := io.CopyBuffer(s, io.LimitReader(r, it.size), s.chunk)
	if closer, ok := r.(io.Closer); ok {
		closer.Close()
	}
	if s.err != nil {
		return s.err
	}
	if err == nil && n < it.size {
		return fmt.Errorf("cfb: stream %q: %d of %d bytes: %w", it.node.Name, n, it.size, ErrTruncated)
	}
	if err != nil {
		return fmt.Errorf("cfb: stream %q: %w", it.node.Name, err)
	}
	return nil
}

// partial reports whether the current sector is begun.
func (s *sectorWriter) partial() bool { return s.err == nil && s.offset%s.sectorSize != 0 }

// pad fills up to a multiple of unit with zeros.
func (s *sectorWriter) pad(unit int64) {
	if over := s.offset % unit; over != 0 {
		s.raw(make([]byte, unit-over))
	}
}
