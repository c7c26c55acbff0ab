// Package md5lanes computes the MD5 of several files at once.
//
// MD5 is a chain of operations that each wait for the one before: a processor
// core is idle most of the time while it hashes one file. Its vector units hash
// eight in the same time.
//
// The format is RFC 1321. MD5 is not secure; installer packages use it to find
// damage (Windows Installer: MsiFileHash table).
package md5lanes

import (
	"crypto/md5"
	"encoding/binary"
	"slices"
)

//go:generate go run gen.go

// width is the number of files that are hashed side by side.
const width = 8

// alone is how much faster one file is hashed by the standard library than in
// lanes of which the others are idle.
const alone = 2

// Sums returns the MD5 of every file. It does not change or keep them.
func Sums(files [][]byte) [][md5.Size]byte {
	s := scheduler{files: files, sums: make([][md5.Size]byte, len(files))}
	total := 0
	for i, f := range files {
		s.order = append(s.order, i)
		total += len(f)
	}
	// The longest go first, so that all lanes end at about the same time. One that
	// is too long for that does not go with the others.
	slices.SortFunc(s.order, func(a, b int) int { return len(files[b]) - len(files[a]) })
	for len(s.order) > 0 {
		longest := s.order[0]
		if available && alone*len(files[longest]) <= total && len(s.order) > alone {
			break
		}
		s.sums[longest] = md5.Sum(files[longest])
		total -= len(files[longest])
		s.order = s.order[1:]
	}
	s.run()
	return s.sums
}

// lanes is the state of eight computations, word by word. The order of its
// fields is known to the assembly.
type lanes struct {
	_     [16][width]uint32 // the words of the current block
	state [4][width]uint32  // A to D
	data  [width]*byte      // the next block of each lane
}

// initial is the state before the first block (RFC 1321, 3.3).
var initial = [4]uint32{0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476}

// A scheduler gives lanes files to hash until none is left.
type scheduler struct {
	files [][]byte
	order []int // of the files that are not begun
	sums  [][md5.Size]byte

	lanes lanes
	jobs  [width]job
	busy  int // lanes that have a file
}

// A job is what a lane is to do for a file: the whole blocks of its content, then
// the last one or two, which are padded.
type job struct {
	file int // -1: none
	rest []byte
	end  bool // rest is in last
	last [2 * md5.BlockSize]byte
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
	j.file = s.order[0]
	s.order = s.order[1:]
	s.busy++
	content := s.files[j.file]
	whole := len(content) / md5.BlockSize * md5.BlockSize
	j.rest, j.end = content[:whole], false
	for i, v := range initial {
		s.lanes.state[i][lane] = v
	}
	if whole == 0 {
		s.pad(lane)
	}
}

// pad goes on with the padded end of a file (RFC 1321, 3.1 and 3.2).
func (s *scheduler) pad(lane int) {
	j := &s.jobs[lane]
	content := s.files[j.file]
	clear(j.last[:])
	n := copy(j.last[:], content[len(content)/md5.BlockSize*md5.BlockSize:])
	j.last[n] = 0x80
	size := md5.BlockSize
	if n+1+8 > md5.BlockSize {
		size *= 2
	}
	binary.LittleEndian.PutUint64(j.last[size-8:], uint64(len(content))*8)
	j.rest, j.end = j.last[:size], true
}

// step hashes as many blocks as all busy lanes have, and sees to those that are
// through.
func (s *scheduler) step() {
	n := int(^uint(0) >> 1)
	var some *byte
	for i := range s.jobs {
		if j := &s.jobs[i]; j.file >= 0 {
			n = min(n, len(j.rest))
			some = &j.rest[0]
		}
	}
	for i := range s.jobs {
		s.lanes.data[i] = some // what an idle lane computes is not used
		if j := &s.jobs[i]; j.file >= 0 {
			s.lanes.data[i] = &j.rest[0]
		}
	}
	blocks(&s.lanes, n/md5.BlockSize)
	for i := range s.jobs {
		j := &s.jobs[i]
		if j.file < 0 {
			continue
		}
		switch j.rest = j.rest[n:]; {
		case len(j.rest) > 0:
		case !j.end:
			s.pad(i)
		default:
			for k := range s.lanes.state {
				binary.LittleEndian.PutUint32(s.sums[j.file][4*k:], s.lanes.state[k][i])
			}
			j.file = -1
			s.busy--
			s.begin(i)
		}
	}
}
