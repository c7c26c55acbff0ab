package source

import (
	"bytes"
	"errors"
	"os"
)

// memoryForInner is how many bytes of inner packages are kept in memory, all
// levels together; what exceeds it goes to an unnamed temporary file.
const memoryForInner = 32 << 20

// An insideBudget is shared by the packages inside one another.
type insideBudget struct {
	memory   *Budget // for those that are kept in memory
	unpacked *Budget // of all, in memory or in files
}

func newInsideBudget(maxBytes int64) *insideBudget {
	return &insideBudget{memory: NewBudget(memoryForInner), unpacked: NewBudget(maxBytes)}
}

// A blob takes the bytes of an inner package and then gives random access to
// them. It implements Sink and content.
type blob struct {
	budget *insideBudget
	taken  int64 // from budget.memory
	size   int64
	memory []byte
	file   *os.File // instead of memory
	lost   error    // why the bytes are not whole
	whole  bool
}

// newBlob prepares for a file that claims to be size bytes long.
func newBlob(budget *insideBudget, size int64) (*blob, error) {
	if size > budget.unpacked.limit {
		return nil, &BudgetError{budget.unpacked.limit}
	}
	b := &blob{budget: budget}
	if size >= 0 && budget.memory.Spend(size) == nil {
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
	b.budget.memory.giveBack(b.taken)
	b.taken = 0
}

func (b *blob) Write(p []byte) (int, error) {
	if err := b.budget.unpacked.Spend(int64(len(p))); err != nil {
		return 0, err
	}
	if b.file == nil && b.size+int64(len(p)) > b.taken {
		if err := b.spill(); err != nil {
			return 0, err
		}
	}
	b.size += int64(len(p))
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
	b.budget.unpacked.giveBack(b.size)
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
	info  os.FileInfo // when it was opened
	named func() (os.FileInfo, error)
}

func (f openFile) Size() int64 { return f.info.Size() }

// openOnDisk opens a regular file for reading.
func openOnDisk(name string) (openFile, error) {
	stat := func() (os.FileInfo, error) { return os.Stat(name) }
	return openRegular(stat, func(flag int) (*os.File, error) { return os.OpenFile(name, flag, 0) })
}

// openRegular opens what is a regular file, and nothing else: opening a named pipe
// would wait for its other end, and opening a device may do something.
func openRegular(stat func() (os.FileInfo, error), open func(flag int) (*os.File, error)) (openFile, error) {
	info, err := stat()
	if err == nil && !info.Mode().IsRegular() {
		err = notRegular(info.Mode())
	}
	if err != nil {
		return openFile{}, WithoutPath(err)
	}
	f, err := open(os.O_RDONLY | nonBlocking)
	if err != nil {
		return openFile{}, WithoutPath(err)
	}
	// It may be another one by now.
	opened, err := openedFile(f, stat)
	if err == nil && !opened.info.Mode().IsRegular() {
		f.Close()
		err = notRegular(opened.info.Mode())
	}
	return opened, err
}

// openedFile takes an open file; named tells which one has its name now.
func openedFile(f *os.File, named func() (os.FileInfo, error)) (openFile, error) {
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return openFile{}, WithoutPath(err)
	}
	return openFile{f, info, named}, nil
}

// WithoutPath takes the path out of an error of the operating system, for messages
// that name the file themselves.
func WithoutPath(err error) error {
	var pathError *os.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}
