package extract

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The order of paths in two parts is that of the whole paths.
func TestCompareJoined(t *testing.T) {
	paths := []string{"", "a", "a/", "a/b", "a/b/", "a/b/c", "a/bc", "a-", "a.b", "ab", "ab/c", "b", "b/a/c", "\xff/x"}
	for _, p := range paths {
		for _, q := range paths {
			for i := range len(p) + 1 {
				for k := range len(q) + 1 {
					require.Equal(t, strings.Compare(p, q), compareJoined(p[:i], p[i:], q[:k], q[k:]), "%q %d, %q %d", p, i, q, k)
				}
			}
		}
	}
}
