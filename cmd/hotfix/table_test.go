package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTable(t *testing.T) {
	table := newTable(">SIZE", "VERSION", "PATH")
	table.row("5", "1.0", "a.txt")
	table.row("1,234", "", "Größe.txt")
	table.row("0", "12.0.0", "")
	var b bytes.Buffer
	table.write(&b)
	require.Equal(t, ""+
		" SIZE  VERSION  PATH\n"+
		"    5  1.0      a.txt\n"+
		"1,234           Größe.txt\n"+
		"    0  12.0.0\n", b.String())
}
