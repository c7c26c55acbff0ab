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

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"plain, with blanks":    "plain, with blanks",
		"日本語 עברית":             "日本語 עברית",
		"\x1b[31mred":           "\uFFFD[31mred",
		"two\nlines\tand a tab": "two\uFFFDlines\uFFFDand a tab",
		"right\u202eto left":    "right\uFFFDto left",
		"bad \xff byte":         "bad \uFFFD byte",
	} {
		require.Equal(t, want, printable(text))
	}
}

func TestGroupDigits(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 999: "999", 1000: "1,000", 21215640: "21,215,640", -1: "-1", -123456: "-123,456", 9223372036854775807: "9,223,372,036,854,775,807",
	} {
		require.Equal(t, want, groupDigits(n))
	}
}

func TestCount(t *testing.T) {
	require.Equal(t, "0 files", count(0, "file"))
	require.Equal(t, "1 file", count(1, "file"))
	require.Equal(t, "2 files", count(2, "file"))
}
