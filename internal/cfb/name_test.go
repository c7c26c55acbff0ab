package cfb

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNames(t *testing.T) {
	for _, name := range []string{"a", "ab", "Binary.WixUI_Bmp.x", "cab 1.cab", "Ünïcode", "\x05DigitalSignature", "a-b", "0", "_._"} {
		raw := EncodeName(name, false)
		got, table := DecodeName(raw)
		require.Equal(t, name, got)
		require.False(t, table)
		got, table = DecodeName(EncodeName(name, true))
		require.Equal(t, name, got)
		require.True(t, table)
	}
	require.Len(t, EncodeName(strings.Repeat("a", 62), false), 31)
}
