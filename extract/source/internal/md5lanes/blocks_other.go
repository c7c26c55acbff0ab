//go:build !amd64 || purego

package md5lanes

// Without vector units that are worth it, one file is hashed after the other.
const available = false

func blocks(*lanes, int) { panic("md5lanes: not available") }
