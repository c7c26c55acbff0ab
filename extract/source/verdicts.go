package source

import (
	"crypto"
	"math/bits"
	"sync"

	"github.com/hotfixkit/hotfixkit/extract/source/internal/md5lanes"
)

// A file that is complete waits until enough others are there to be hashed side by
// side: batchFiles of them, or batchBytes. Larger files than longestWaiting are
// hashed as they come.
const (
	batchFiles     = 96
	batchBytes     = 3 << 20
	longestWaiting = 1 << 20
)

// verdicts hold the files of one reader that are complete but for the MD5 that the
// package has for them. One batch is collected while the one before is hashed.
// Their sinks stay open until then, so that none hears of a verdict that is not in.
type verdicts struct {
	mu      sync.Mutex
	waiting []*checked
	bytes   int
	hashing *verdictBatch // nil when none is
}

// A verdictBatch is files on their way through the hash.
type verdictBatch struct {
	files []*checked
	done  chan struct{}
}

// takes reports whether a file can wait for its verdict: one of known size that
// only its MD5 vouches for.
func (v *verdicts) takes(e *expectation) bool {
	return v != nil && len(e.digests) == 1 && e.digests[0].algorithm == crypto.MD5 && 0 < e.size && e.size <= longestWaiting
}

// add lets a complete file wait. It returns what the verdict on files before it
// leads to.
func (v *verdicts) add(c *checked) error {
	v.mu.Lock()
	v.waiting = append(v.waiting, c)
	v.bytes += len(c.content)
	if len(v.waiting) < batchFiles && v.bytes < batchBytes {
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
	v.hashing, v.waiting, v.bytes = b, nil, 0
	go func() {
		defer close(b.done)
		contents := make([][]byte, len(b.files))
		for i, c := range b.files {
			contents[i] = c.content
		}
		for i, sum := range md5lanes.Sums(contents) {
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
