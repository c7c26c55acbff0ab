package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadSmallFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(name, []byte("12345"), 0o600))
	data, err := readSmallFile(name, 5)
	require.NoError(t, err)
	require.Equal(t, "12345", string(data))
	_, err = readSmallFile(name, 4)
	require.ErrorContains(t, err, "more than 4 bytes")
	for _, other := range []string{dir, os.DevNull} {
		_, err = readSmallFile(other, 5)
		require.ErrorContains(t, err, "not an ordinary file")
	}
	_, err = readSmallFile(filepath.Join(dir, "none"), 5)
	require.ErrorIs(t, err, os.ErrNotExist)
}
