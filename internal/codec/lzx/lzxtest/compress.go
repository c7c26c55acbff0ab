package lzxtest

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// Compress returns the payloads of a cabinet folder that holds data, one for every
// 32,768 bytes, as Microsoft's compressor might have made them: a block for each
// frame, matches from a window of 2^windowBits bytes, Huffman codes. x86 calls are
// not translated.
func Compress(data []byte, windowBits int) [][]byte {
	e := NewEncoder(windowBits, false)
	e.Header(0)
	f := &finder{data: data, reach: 1<<windowBits - 3, last: make([]int, 1<<hashBits)}
	for at := 0; at < len(data); at += frameSize {
		e.Block(Verbatim+at/frameSize%2, f.tokens(at, min(at+frameSize, len(data))), 0)
	}
	return e.Finish()
}

// A finder finds matches: the last place with the same four bytes, or one of the
// distances that were used last.
type finder struct {
	data   []byte
	reach  int
	last   []int // by hash of the next four bytes; 0 where there is none
	recent [3]int
}

// tokens returns what the data from one place to another become.
func (f *finder) tokens(from, to int) []Token {
	var tokens []Token
	for at := from; at < to; {
		best := Token{Literal: f.data[at]}
		for _, distance := range f.recent {
			f.try(&best, at, to, distance, 3)
		}
		if at+4 <= len(f.data) {
			f.try(&best, at, to, at-f.last[f.hash(at)], 4)
		}
		n := max(best.Length, 1)
		for i := at; i < at+n && i+4 <= len(f.data); i++ {
			f.last[f.hash(i)] = i
		}
		if best.Length > 0 && !slices.Contains(f.recent[:], best.Distance) {
			f.recent = [3]int{best.Distance, f.recent[0], f.recent[1]}
		}
		tokens = append(tokens, best)
		at += n
	}
	return tokens
}

const hashBits = 17

func (f *finder) hash(at int) uint32 {
	return binary.LittleEndian.Uint32(f.data[at:]) * 2654435761 >> (32 - hashBits)
}

// try makes best the match at a distance if it is longer, and least at least.
func (f *finder) try(best *Token, at, to, distance, least int) {
	if distance <= 0 || distance > min(at, f.reach) {
		return
	}
	n := 0
	for n < 257 && at+n < to && f.data[at+n] == f.data[at+n-distance] {
		n++
	}
	if n >= least && n > best.Length {
		best.Length, best.Distance = n, distance
	}
}

// huffmanCode returns code lengths of at most 16 bits for symbols that are used so
// often.
func huffmanCode(used map[int]int, n int) []uint8 {
	type node struct {
		weight  int
		symbols []int
	}
	for scale := 0; ; scale++ {
		lens := make([]uint8, n)
		var nodes []node
		for symbol := range n {
			if w := used[symbol]; w > 0 {
				nodes = append(nodes, node{w>>scale + 1, []int{symbol}})
			}
		}
		if len(nodes) == 1 {
			// Some decoders refuse a code that is not complete: another symbol gets
			// the other bit.
			symbol := nodes[0].symbols[0]
			lens[symbol], lens[(symbol+1)%n] = 1, 1
		}
		for len(nodes) > 1 {
			slices.SortStableFunc(nodes, func(a, b node) int { return cmp.Compare(b.weight, a.weight) })
			a, b := nodes[len(nodes)-2], nodes[len(nodes)-1]
			joined := node{a.weight + b.weight, slices.Concat(a.symbols, b.symbols)}
			for _, symbol := range joined.symbols {
				lens[symbol]++
			}
			nodes = append(nodes[:len(nodes)-2], joined)
		}
		if slices.Max(lens) <= 16 {
			return lens
		}
	}
}
