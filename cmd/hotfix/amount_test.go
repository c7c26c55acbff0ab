package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAmount(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "500000": 500000, "10K": 10 << 10, "10k": 10 << 10, "10M": 10 << 20, "10 MiB": 10 << 20, "10mb": 10 << 20,
		"1.5G": 3 << 29, "16G": 16 << 30, "2T": 2 << 40, "10B": 10,
	} {
		var a amount
		require.NoError(t, a.Set(text), text)
		require.Equal(t, want, int64(a), text)
	}
	for _, text := range []string{"", "M", "ten", "-1", "0", "0.2", "1.5", "1.5B", "10X", "1e30", "NaN", "9000000T"} {
		var a amount
		require.Error(t, a.Set(text), text)
	}
	for value, want := range map[amount]string{16 << 30: "16G", 500000: "500000", 1 << 10: "1K", 3 << 29: "1536M"} {
		require.Equal(t, want, value.String())
	}
}
