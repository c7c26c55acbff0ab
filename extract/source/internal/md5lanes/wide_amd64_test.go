//go:build !purego

package md5lanes

import "testing"

// withoutWide has the rest of a test hash eight files at once.
func withoutWide(t *testing.T) {
	before := wide
	wide = false
	t.Cleanup(func() { wide = before })
}
