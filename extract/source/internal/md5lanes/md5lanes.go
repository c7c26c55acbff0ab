// Package md5lanes computes the MD5 of several files at once.
//
// MD5 is a chain of operations that each wait for the one before: a processor
// core is idle most of the time while it hashes one file. Its vector units hash
// eight or sixteen in the same time.
//
// The format is RFC 1321. MD5 is not secure; installer packages use it to find
// damage (Windows Installer: MsiFileHash table).
package md5lanes

import (
	"cmp"
	"crypto/md5"
	"encoding/binary"
	"io"
	"slices"
)

//go:generate go run gen.go

// width is the number of files that are hashed side by side.
const width = 16

// apart reports whether the longest of n files takes less time when the standard
// library hashes it, before the others: it hashes one file 2 times as fast as lanes of
// which the others are idle, 1.2 times as fast where they are wide.
func apart(longest, total int64, n int) bool {
	switch {
	case !available || n == 1:
		return true
	case wide:
		return 6*longest > 5*total
	}
	return 2*longest > total || n == 2
}

// chunkSize is how much of a file is read at once, in bytes: whole blocks.
const chunkSize = 32 << 10

// A File is what is to be hashed: Content, or where it is nil Size bytes of Reader.
type File struct {
	Content []byte
	Reader  io.ReaderAt
	Size    int64
}

func (f *File) size() int64 {
	if f.Content != nil {
		return int64(len(f.Content))
	}
	return f.Size
}

// A Sum is the MD5 of a file, or why it could not be read.
type Sum struct {
	MD5 [md5.Size]byte
	Err error
}

// Sums returns the MD5 of every file. It does not change or keep them. It needs
// 32 KiB for each of up to 16 files that are read.
func Sums(files []File) []Sum {
	s := scheduler{files: files, sums: make([]Sum, len(files))}
	total := int64(0)
	for i := range files {
		s.order = append(s.order, i)
		total += files[i].size()
	}
	// The longest go first, so that all lanes end at about the same time. One that
	// is too long for that does not go with the others.
	slices.SortFunc(s.order, func(a, b int) int { return cmp.Compare(files[b].size(), files[a].size()) })
	for len(s.order) > 0 {
		longest := s.order[0]
		size := files[longest].size()
		if !apart(size, total, len(s.order)) {
			break
		}
		s.sums[longest] = files[longest].sum()
		total -= size
		s.order = s.order[1:]
	}
	s.run()
	return s.sums
}

// sum hashes one file.
func (f *File) sum() (sum Sum) {
	if f.Content != nil || f.Size == 0 {
		sum.MD5 = md5.Sum(f.Content)
		return sum
	}
	h := md5.New()
	n, err := io.CopyBuffer(h, io.NewSectionReader(f.Reader, 0, f.Size), make([]byte, chunkSize))
	if err == nil && n < f.Size {
		err = io.ErrUnexpectedEOF
	}
	h.Sum(sum.MD5[:0])
	sum.Err = err
	return sum
}

// lanes is the state of the computations, word by word. The order of its fields is
// known to the assembly.
type lanes struct {
	_     [16][8]uint32    // the words of the current block, for eight lanes
	state [4][width]uint32 // A to D
	data  [width]*byte     // the next block of each lane
}

// initial is the state before the first block (RFC 1321, 3.3).
var initial = [4]uint32{0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476}

// A scheduler gives lanes files to hash until none is left.
type scheduler struct {
	files []File
	order []int // of the files that are not begun
	sums  []Sum

	lanes lanes
	jobs  [width]job
	busy  int // lanes that have a file
}

// A job is what a lane is to do for a file: the whole blocks of its content, then
// the last one or two, which are padded.
type job struct {
	file int // -1: none
	rest []byte
	tail []byte // after rest: less than a block
	read int64  // how much of the file rest, tail and what was before them are
	end  bool   // rest is in last
	last [2 * md5.BlockSize]byte
	buf  []byte // of a file that is read
}

func (s *scheduler) run() {
	for i := range s.jobs {
		s.jobs[i].file = -1
		s.begin(i)
	}
	for s.busy > 0 {
		s.step()
	}
}

// begin gives a lane the next file.
func (s *scheduler) begin(lane int) {
	if len(s.order) == 0 {
		return
	}
	j := &s.jobs[lane]
	j.file, j.end, j.read = s.order[0], false, 0
	s.order = s.order[1:]
	s.busy++
	for i, v := range initial {
		s.lanes.state[i][lane] = v
	}
	s.next(lane)
}

// next gives a lane that has nothing to do for its file the next part of it, and
// another file where there is none.
func (s *scheduler) next(lane int) {
	j := &s.jobs[lane]
	f := &s.files[j.file]
	switch {
	case j.read < f.size():
		content, err := f.next(j)
		if err != nil {
			s.sums[j.file].Err = err
			s.leave(lane)
			return
		}
		whole := len(content) / md5.BlockSize * md5.BlockSize
		j.rest, j.tail = content[:whole], content[whole:]
		j.read += int64(len(content))
		if whole == 0 {
			s.pad(lane)
		}
	case !j.end:
		if f.size() == 0 {
			j.tail = nil
		}
		s.pad(lane)
	default:
		for k := range s.lanes.state {
			binary.LittleEndian.PutUint32(s.sums[j.file].MD5[4*k:], s.lanes.state[k][lane])
		}
		s.leave(lane)
	}
}

// next returns the content of the file from j.read on, or the next chunk of it.
func (f *File) next(j *job) ([]byte, error) {
	if f.Content != nil {
		return f.Content, nil
	}
	if j.buf == nil {
		j.buf = make([]byte, chunkSize)
	}
	content := j.buf[:min(chunkSize, f.Size-j.read)]
	if n, err := f.Reader.ReadAt(content, j.read); n < len(content) {
		return nil, cmp.Or(err, io.ErrUnexpectedEOF)
	}
	return content, nil
}

// leave ends with the file of a lane.
func (s *scheduler) leave(lane int) {
	s.jobs[lane].file = -1
	s.busy--
	s.begin(lane)
}

// pad goes on with the padded end of a file (RFC 1321, 3.1 and 3.2).
func (s *scheduler) pad(lane int) {
	j := &s.jobs[lane]
	clear(j.last[:])
	n := copy(j.last[:], j.tail)
	j.last[n] = 0x80
	size := md5.BlockSize
	if n+1+8 > md5.BlockSize {
		size *= 2
	}
	binary.LittleEndian.PutUint64(j.last[size-8:], uint64(s.files[j.file].size())*8)
	j.rest, j.end = j.last[:size], true
}

// step hashes as many blocks as all busy lanes have, and sees to those that are
// through.
func (s *scheduler) step() {
	n := int(^uint(0) >> 1)
	var some *byte
	all := false
	for i := range s.jobs {
		if j := &s.jobs[i]; j.file >= 0 {
			n = min(n, len(j.rest))
			some = &j.rest[0]
			all = all || i >= width/2
		}
	}
	for i := range s.jobs {
		s.lanes.data[i] = some // what an idle lane computes is not used
		if j := &s.jobs[i]; j.file >= 0 {
			s.lanes.data[i] = &j.rest[0]
		}
	}
	blocks(&s.lanes, n/md5.BlockSize, all)
	for i := range s.jobs {
		j := &s.jobs[i]
		if j.file < 0 {
			continue
		}
		if j.rest = j.rest[n:]; len(j.rest) == 0 {
			s.next(i)
		}
	}
}
