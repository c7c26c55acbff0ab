package source

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"
)

// memoryForInner is how many bytes of inner packages are kept in memory, all
// levels together; what exceeds it goes to an unnamed temporary file.
const memoryForInner = 32 << 20

// A memoryBudget is shared by the packages inside one another.
type memoryBudget struct {
	left     atomic.Int64
	unpacked atomic.Int64 // bytes of all inner packages, in memory or in files
}

func newMemoryBudget() *memoryBudget {
	b := &memoryBudget{}
	b.left.Store(memoryForInner)
	return b
}

// take reserves n bytes or none.
func (b *memoryBudget) take(n int64) bool {
	if b.left.Add(-n) >= 0 {
		return true
	}
	b.left.Add(n)
	return false
}

// A blob takes the bytes of an inner package and then gives random access to
// them. It implements cab.Sink and content.
type blob struct {
	budget *memoryBudget
	taken  int64 // from budget
	limit  int64
	size   int64
	memory []byte
	file   *os.File // instead of memory
	lost   error    // why the bytes are not whole
	whole  bool
}

// newBlob prepares for a file that claims to be size bytes long. Together with
// the others of the budget it must not be longer than limit.
func newBlob(budget *memoryBudget, size, limit int64) (*blob, error) {
	if size > limit {
		return nil, fmt.Errorf("%w: the package inside is larger than %d bytes", ErrTooLarge, limit)
	}
	b := &blob{budget: budget, limit: limit}
	if size >= 0 && budget.take(size) {
		b.taken = size
		b.memory = make([]byte, 0, size)
		return b, nil
	}
	return b, b.spill()
}

// spill moves on to a temporary file.
func (b *blob) spill() (err error) {
	if b.file, err = unnamedFile(); err != nil {
		return err
	}
	_, err = b.file.Write(b.memory)
	b.release()
	return err
}

func (b *blob) release() {
	b.memory = nil
	b.budget.left.Add(b.taken)
	b.taken = 0
}

func (b *blob) Write(p []byte) (int, error) {
	if b.budget.unpacked.Load()+int64(len(p)) > b.limit {
		return 0, fmt.Errorf("%w: the packages inside are larger than %d bytes", ErrTooLarge, b.limit)
	}
	if b.file == nil && b.size+int64(len(p)) > b.taken {
		if err := b.spill(); err != nil {
			return 0, err
		}
	}
	b.size += int64(len(p))
	b.budget.unpacked.Add(int64(len(p)))
	if b.file != nil {
		return b.file.Write(p)
	}
	b.memory = append(b.memory, p...)
	return len(p), nil
}

// end says whether all bytes arrived.
func (b *blob) end(cause error) error {
	b.lost, b.whole = cause, cause == nil
	return nil
}

func (b *blob) ReadAt(p []byte, offset int64) (int, error) {
	if b.file != nil {
		return b.file.ReadAt(p, offset)
	}
	return bytes.NewReader(b.memory).ReadAt(p, offset)
}

func (b *blob) Size() int64 { return b.size }

// Close gives memory or the temporary file back.
func (b *blob) Close() error {
	b.release()
	b.budget.unpacked.Add(-b.size)
	b.size = 0
	if b.file != nil {
		return b.file.Close()
	}
	return nil
}

// blobSink is the writing side of a blob.
type blobSink struct{ *blob }

func (s blobSink) Close(cause error) error { return s.end(cause) }

// result returns an error unless the blob was ended whole.
func (b *blob) result() error {
	if b.whole {
		return nil
	}
	if b.lost != nil {
		return b.lost
	}
	return errors.New("nothing was written")
}

// openFile is the content of a file on the disk.
type openFile struct {
	*os.File
	size     int64
	modified time.Time
}

func (f openFile) Size() int64 { return f.size }

// openOnDisk opens a regular file for reading.
func openOnDisk(name string) (openFile, error) {
	// Opening a named pipe would wait for its other end: look before.
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		return openFile{}, plain(err)
	}
	f, err := os.Open(name)
	if err != nil {
		return openFile{}, plain(err)
	}
	if info, err = f.Stat(); err != nil {
		f.Close()
		return openFile{}, plain(err)
	}
	return openFile{f, info.Size(), info.ModTime().UTC()}, nil
}

// plain takes the path out of an error of the operating system: the message
// around it names the file.
func plain(err error) error {
	var pathError *os.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}
