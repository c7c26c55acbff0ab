//go:build !purego

package md5lanes

import "golang.org/x/sys/cpu"

var available = cpu.X86.HasAVX2

// blocks hashes n blocks, at least 1, in every lane.
//
//go:noescape
func blocks(l *lanes, n int)
