package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseArgs(t *testing.T) {
	for _, c := range []struct{ args, want []string }{
		{[]string{"list", "a.msi"}, []string{"list", "--", "a.msi"}},
		{[]string{"list", "a.msi", "--json"}, []string{"list", "--json", "--", "a.msi"}},
		{[]string{"--json", "list", "a.msi"}, []string{"list", "--json", "--", "a.msi"}},
		{[]string{"extract", "a.msi", "-o", "out", "--merge"}, []string{"extract", "-o", "out", "--merge", "--", "a.msi"}},
		{[]string{"extract", "a.msi", "--layout=flat"}, []string{"extract", "--layout=flat", "--", "a.msi"}},
		{[]string{"extract", "a.msi", "-o", "-strange"}, []string{"extract", "-o", "-strange", "--", "a.msi"}},
		{[]string{"extract", "a.msi", "--include", "a,b"}, []string{"extract", "--include", "a,b", "--", "a.msi"}},
		{[]string{"manifest", "import", "x.txt", "--syntax", "csv"}, []string{"manifest", "import", "--syntax", "csv", "--", "x.txt"}},
		{[]string{"manifest", "import", "-"}, []string{"manifest", "import", "--", "-"}},
		// A word that is a command is one only where a command stands.
		{[]string{"info", "list"}, []string{"info", "--", "list"}},
		{[]string{"cat", "a.msi", "list"}, []string{"cat", "--", "a.msi", "list"}},
		{[]string{"list", "--", "--json"}, []string{"list", "--", "--json"}},
		{nil, nil},
	} {
		got, err := parseArgs(newApp(&session{}), c.args)
		require.NoError(t, err, "%v", c.args)
		require.Equal(t, c.want, got.words(), "%v", c.args)
	}
	for _, args := range [][]string{{"extract", "a.msi", "-o"}, {"list", "--media"}, {"list", "--frob", "a.msi"}, {"frob"}, {"manifest", "frob"}} {
		_, err := parseArgs(newApp(&session{}), args)
		var usage *usageError
		require.ErrorAs(t, err, &usage, "%v", args)
	}
}

func TestWantsJSON(t *testing.T) {
	require.True(t, wantsJSON([]string{"list", "--json"}))
	require.True(t, wantsJSON([]string{"-json", "list"}))
	require.False(t, wantsJSON([]string{"list", "--", "--json"}))
	require.False(t, wantsJSON([]string{"list", "json"}))
}

func TestSplitList(t *testing.T) {
	require.Equal(t, []string{"KB1", "KB2"}, splitList(" KB1, KB2,,"))
	require.Empty(t, splitList(" , "))
}
