//go:build !amd64 || purego

package md5lanes

// Without vector units that are worth it, one file is hashed after the other.
const available, wide = false, false

func blocks(*lanes, int, bool) { panic("md5lanes: not available") }
