//go:build !purego

package md5lanes

import "golang.org/x/sys/cpu"

var (
	available = cpu.X86.HasAVX2
	wide      = cpu.X86.HasAVX512F
)

// blocks hashes n blocks, at least 1, in every lane, or in the first eight where no
// other is needed.
func blocks(l *lanes, n int, all bool) {
	switch {
	case wide:
		blocks16(l, n)
	default:
		blocks8(l, 0, n)
		if all {
			blocks8(l, 1, n)
		}
	}
}

//go:noescape
func blocks8(l *lanes, half, n int)

//go:noescape
func blocks16(l *lanes, n int)
