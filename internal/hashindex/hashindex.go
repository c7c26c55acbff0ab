// Package hashindex finds places in a list by what they hold. It keeps 11 bytes for
// each, without pointers; a map of strings takes six times as much, and the collector
// walks through it.
package hashindex

import (
	"hash/maphash"
	"math/bits"
)

// seed keeps those who choose the texts from choosing ones that all lie in one slot.
var seed = maphash.MakeSeed()

// Hash returns the hash of a text in this run of the program.
func Hash(text string) uint64 { return maphash.String(seed, text) }

// An Index holds places in a list. The zero Index holds none, and no more fit in; New
// makes one with room. It may be used concurrently by those who only find.
type Index struct {
	slots []slot // a place lies in the first free slot from that of its hash on
	free  int
}

// A slot holds a place and one: 0 is a free slot.
type slot struct {
	place uint32
	tag   uint32 // the lower half of the hash
}

// New returns an index with room for n places.
func New(n int) *Index { return &Index{slots: make([]slot, n+n/3+1), free: n} }

// Find returns the place with this hash for which same is true.
func (x *Index) Find(hash uint64, same func(place int) bool) (place int, ok bool) {
	if x == nil || len(x.slots) == 0 {
		return 0, false
	}
	s := x.slot(hash, same)
	return int(s.place) - 1, s.place != 0
}

// Add adds a place, unless one is there with this hash for which same is true: that
// one is returned. It panics where more places are added than New made room for.
func (x *Index) Add(hash uint64, place int, same func(place int) bool) (earlier int, ok bool) {
	if x.free == 0 {
		if at, ok := x.Find(hash, same); ok {
			return at, true
		}
		panic("hashindex: more places than there is room for")
	}
	s := x.slot(hash, same)
	if s.place != 0 {
		return int(s.place) - 1, true
	}
	*s = slot{uint32(place) + 1, uint32(hash)}
	x.free--
	return 0, false
}

// Replace puts another place where Find or Add found one.
func (x *Index) Replace(hash uint64, old, place int) {
	s := x.slot(hash, func(at int) bool { return at == old })
	if s.place != 0 {
		s.place = uint32(place) + 1
	}
}

// slot returns the slot of a place, or the free one where it would lie. At least one
// in four slots is free.
func (x *Index) slot(hash uint64, same func(place int) bool) *slot {
	at, _ := bits.Mul64(hash, uint64(len(x.slots)))
	for {
		s := &x.slots[at]
		if s.place == 0 || s.tag == uint32(hash) && same(int(s.place)-1) {
			return s
		}
		if at++; at == uint64(len(x.slots)) {
			at = 0
		}
	}
}
