package authenticode

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestJSON(t *testing.T) {
	encode := func(s *Signature) map[string]any {
		data, err := json.Marshal(s)
		require.NoError(t, err)
		var fields map[string]any
		require.NoError(t, json.Unmarshal(data, &fields))
		return fields
	}
	require.Equal(t, map[string]any{"status": "none"}, encode(&Signature{Status: None}))

	data := fixture(t, "sha1-nested-sha256.exe")
	s, err := VerifyPE(bytes.NewReader(data), int64(len(data)), fixtureOptions(t))
	require.NoError(t, err)
	fields := encode(s)
	require.Equal(t, "valid", fields["status"])
	require.Equal(t, "Example Signer", fields["signer"])
	require.Equal(t, "Example Corp.", fields["publisher"])
	require.Equal(t, "2010-01-25T06:27:00Z", fields["timestamp"])
	require.Equal(t, "SHA-1", fields["digest_algorithm"])
	require.Len(t, fields["chain"], 2)
	require.Len(t, fields["notes"], 3+1)
	require.Len(t, fields["others"], 1)
	chain := fields["chain"].([]any)[1].(map[string]any)
	require.Equal(t, "CN=Example Root", chain["subject"])
	require.Equal(t, "CN=Example Root", chain["issuer"])
	require.Equal(t, "SHA256-RSA", chain["algorithm"])
	require.Equal(t, "2000-01-01T00:00:00Z", chain["not_before"])
	require.Equal(t, "2100-01-01T00:00:00Z", chain["not_after"])
	require.Len(t, chain["sha256"], 64)
	require.NotEmpty(t, chain["serial"])

	for range 20 {
		again, err := VerifyPE(bytes.NewReader(data), int64(len(data)), fixtureOptions(t))
		require.NoError(t, err)
		require.Equal(t, s, again, "the same every time")
	}
}
