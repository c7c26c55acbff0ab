package source

import (
	"crypto"
	"io"
	"math/bits"
	"sync"

	"github.com/hotfixkit/hotfixkit/extract/source/internal/md5lanes"
)

// A file that is complete waits until enough others are there to be hashed side by
// side: batchFiles of them, or batchBytes. Larger files than longestWaiting do not
// wait in memory: where the sink can give back what it wrote, up to longestRead
// bytes, they are read from it once readFiles of them or readBytes are there; others
// are hashed as they come. What was written is most likely in the memory of the
// operating system still, as long as it is not too much.
const (
	batchFiles     = 96
	batchBytes     = 3 << 20
	longestWaiting = 1 << 20
	readFiles      = 12
	readBytes      = 128 << 20
	longestRead    = 64 << 20
)

// verdicts hold the files of one reader that are complete but for the MD5 that the
// package has for them. One batch is collected while the one before is hashed.
// Their sinks stay open until then, so that none hears of a verdict that is not in.
type verdicts struct {
	mu      sync.Mutex
	waiting []*checked
	bytes   int           // of the contents that wait in memory
	toRead  int           // files that wait in their sinks
	inSinks int64         // bytes of these
	hashing *verdictBatch // nil when none is
}

// A verdictBatch is files on their way through the hash.
type verdictBatch struct {
	files []*checked
	done  chan struct{}
}

// takes reports whether a file can wait for its verdict: one of known size that
// only its MD5 vouches for. written gives back what was written to its sink, nil where
// that cannot be done.
func (v *verdicts) takes(e *expectation, written io.ReaderAt) bool {
	if v == nil || len(e.digests) != 1 || e.digests[0].algorithm != crypto.MD5 || e.size <= 0 {
		return false
	}
	return e.size <= longestWaiting || written != nil && e.size <= longestRead
}

// add lets a complete file wait. It returns what the verdict on files before it
// leads to.
func (v *verdicts) add(c *checked) error {
	v.mu.Lock()
	v.waiting = append(v.waiting, c)
	if c.written != nil {
		v.toRead++
		v.inSinks += c.size
	}
	v.bytes += len(c.content)
	if len(v.waiting) < batchFiles && v.bytes < batchBytes && v.toRead < readFiles && v.inSinks < readBytes {
		v.mu.Unlock()
		return nil
	}
	finished := v.start()
	v.mu.Unlock()
	return finished.conclude()
}

// start hashes what waits, and returns the batch before it.
func (v *verdicts) start() *verdictBatch {
	finished := v.hashing
	b := &verdictBatch{files: v.waiting, done: make(chan struct{})}
	v.hashing, v.waiting, v.bytes, v.toRead, v.inSinks = b, nil, 0, 0, 0
	go func() {
		defer close(b.done)
		files := make([]md5lanes.File, len(b.files))
		for i, c := range b.files {
			files[i] = md5lanes.File{Content: c.content}
			if c.written != nil {
				files[i] = md5lanes.File{Reader: c.written, Size: c.size}
			}
		}
		for i, sum := range md5lanes.Sums(files) {
			b.files[i].sum = sum
		}
	}()
	return finished
}

// flush concludes all files. It returns the first error that they lead to.
func (v *verdicts) flush() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	err := v.start().conclude()
	last := v.hashing.conclude()
	v.hashing = nil
	if err == nil {
		err = last
	}
	return err
}

// conclude waits for the digests and closes the files.
func (b *verdictBatch) conclude() error {
	if b == nil {
		return nil
	}
	<-b.done
	var first error
	for _, c := range b.files {
		giveContent(c.content)
		c.content = nil
		if err := c.conclude(nil); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// contents are buffers for files that wait, by the number of bits of their sizes.
var contents [22]sync.Pool

// takeContent returns an empty buffer for n bytes, 1 to longestWaiting.
func takeContent(n int64) []byte {
	class := bits.Len(uint(n - 1))
	if b, ok := contents[class].Get().(*[]byte); ok {
		return (*b)[:0]
	}
	return make([]byte, 0, 1<<class)
}

func giveContent(b []byte) {
	if cap(b) > 0 {
		contents[bits.Len(uint(cap(b)-1))].Put(&b)
	}
}
