package extract

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"*.msp", "Client/i386/hotfix/KB977203/SCCM2007AC-SP2-KB977203-x86.msp", true},
		{"*.MSP", "a/b.msp", true},
		{"b.msp", "a/B.MSP", true},
		{"a", "a/b.msp", false},
		{"client/**", "Client/i386/x", true},
		{"client/**", "Client", true},
		{"client/", "Client/i386/x", true},
		{"client/", "Clients/i386/x", false},
		{`client\i386\*`, "Client/i386/x", true},
		{"client/*", "Client/i386/x", false},
		{"**/x", "x", true},
		{"**/x", "a/b/x", true},
		{"**/i386/**/*.dll", "bin/i386/a.dll", true},
		{"**/i386/**/*.dll", "bin/i386/a/b/c.dll", true},
		{"**/i386/**/*.dll", "bin/x64/a.dll", false},
		{"a/**/b/**/c", "a/b/b/x/c", true},
		{"a/**/b/**/c", "a/x/c", false},
		{"**", "a/b/c", true},
		{"/x", "x", true},
		{"/x", "a/x", false},
		{"./x", "x", true},
		{"./x", "a/x", false},
		{"?.txt", "dir/a.txt", true},
		{"[a-c].txt", "B.txt", true},
		{"[a-c].txt", "d.txt", false},
		{"Ä*", "äb", true},
		{strings.Repeat("**/a*a*a*a/", 20) + "b", strings.Repeat("aaaaaaaa/", 60) + "c", false},
	} {
		g, err := ParseGlob(c.pattern)
		require.NoError(t, err, c.pattern)
		require.Equal(t, c.want, g.Match(c.path), "%q on %q", c.pattern, c.path)
		require.Equal(t, c.pattern, g.String())
	}
}

func TestGlobMalformed(t *testing.T) {
	for _, pattern := range []string{"", "/", "a//b", "[", "a/[b", "./"} {
		_, err := ParseGlob(pattern)
		require.ErrorIs(t, err, ErrPattern, "%q", pattern)
	}
}
