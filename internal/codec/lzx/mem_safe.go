//go:build !(amd64 || arm64) || purego

package lzx

import "encoding/binary"

// load64 returns the eight bytes of b at the given place, little-endian.
func load64(b []byte, at int) uint64 { return binary.LittleEndian.Uint64(b[at:]) }

// store64 writes eight bytes to b at the given place, little-endian.
func store64(b []byte, at int, v uint64) { binary.LittleEndian.PutUint64(b[at:], v) }

// store8 writes one byte to b at the given place.
func store8(b []byte, at int, v byte) { b[at] = v }
