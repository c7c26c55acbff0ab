package safepath

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheckAccepts(t *testing.T) {
	for _, path := range []string{
		"a",
		"PFiles/NUnit 2.5.2/bin/net-1.1/NUnitTests.config",
		".hidden/file",
		"...a",
		"a..b/c",
		" leading blank",
		"console.txt",
		"nullify/COM10/LPT/COM/comx.dll",
		"CONIN/CONOUT",
		"ファイル/ñandú.txt",
		"~Test{A}[B]^'`!@#$%&()-_=+,;",
		strings.Repeat("a", MaxSegment),
		strings.TrimSuffix(strings.Repeat(strings.Repeat("a", 127)+"/", MaxPath/128), "/"),
	} {
		require.NoError(t, Check(path), path)
	}
}

func TestCheckRefuses(t *testing.T) {
	for _, path := range []string{
		"",
		"/etc/passwd",
		`\windows\x`,
		"//server/share",
		"..",
		"../a",
		"a/../b",
		"a/..",
		`a\..\b`,
		`a\b`,
		".",
		"./a",
		"a/./b",
		"a//b",
		"a/",
		"C:",
		"C:/x",
		"c:x",
		"a:b",
		"dir/file.txt:stream",
		"file::$DATA",
		"trailing.",
		"trailing./x",
		"trailing ",
		"...",
		"dir /x",
		"a\x00b",
		"a\nb",
		"a\tb",
		"a\x7fb",
		"a\u0085b",
		"a<b", "a>b", `a"b`, "a|b", "a?b", "a*b",
		"CON", "con", "Prn", "AUX", "NUL", "nul.txt", "NUL.tar.gz", "NUL .txt", "dir/nul/x",
		"COM1", "com9.dll", "COM0", "LPT1", "lpt9.x", "COM¹", "com².txt", "LPT³",
		"CONIN$", "conout$", "CONIN$.txt",
		"a\xffb",
		strings.Repeat("a", MaxSegment+1),
		strings.Repeat("é", MaxSegment/2+1),
		strings.Repeat("ab/", MaxPath),
	} {
		require.ErrorIs(t, Check(path), ErrUnsafe, "%q", path)
	}
}

func TestPath(t *testing.T) {
	for path, want := range map[string]string{
		"a":                     "a",
		"a.":                    "a",
		"Foxor Hungary Inc./x.": "Foxor Hungary Inc/x",
		"a/b./c.d":              "a/b/c.d",
		"CON.":                  "CON",
		".a":                    ".a",
		// What stays as it is, is refused.
		".": ".", "..": "..", "...": "...", "a..": "a..", "a...": "a...", "a .": "a .", "a. ": "a. ",
		"./a": "./a", "../a": "../a", "a/./b": "a/./b", "a/..": "a/..", "": "", "/.": "/.",
	} {
		require.Equal(t, want, Path(path), "%q", path)
		require.Equal(t, want, Path(want), "a second time changes nothing")
	}
}

// FuzzPath checks that what is accepted after Path has no name that Windows would
// write in another way, and that no path escapes through it.
func FuzzPath(f *testing.F) {
	for _, seed := range []string{"a./b", "..", "a..", "a/.. ./b.", ". /x", "x/."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		changed := Path(path)
		if Check(path) == nil && changed != path {
			t.Fatalf("%q was fine, and became %q", path, changed)
		}
		if Check(changed) != nil {
			return
		}
		for segment := range strings.SplitSeq(changed, "/") {
			if segment == "" || segment != strings.TrimRight(segment, ". ") {
				t.Fatalf("%q became %q", path, changed)
			}
		}
	})
}

func TestFold(t *testing.T) {
	for _, same := range [][2]string{
		{"Foo/BAR.txt", "foo/bar.TXT"},
		{"ÄÖ", "äö"},
		{"Σ", "ς"},
		{"\u212a", "k"},  // KELVIN SIGN
		{"é", "e\u0301"}, // composed and decomposed
	} {
		require.Equal(t, Fold(same[0]), Fold(same[1]), "%q and %q", same[0], same[1])
	}
	require.NotEqual(t, Fold("a"), Fold("b"))
	require.NotEqual(t, Fold("ß"), Fold("ss"))
}

func TestName(t *testing.T) {
	names := map[string]bool{}
	for text, want := range map[string]string{
		"":                         "%",
		"%":                        "%25",
		"a b.txt":                  "a b.txt",
		"\x05DigitalSignature":     "%05DigitalSignature",
		`a/b\c:d*`:                 "a%2Fb%5Cc%3Ad%2A",
		".":                        "%2E",
		"..":                       ".%2E",
		"end. ":                    "end.%20",
		"nul.txt":                  "%6Eul.txt",
		"COM¹":                     "%43OM¹",
		"\xFFx":                    "%FFx",
		"\u0085":                   "%C2%85",
		"\uFFFD":                   "\uFFFD",
		"Zażółć":                   "Zażółć",
		strings.Repeat("\x01", 62): strings.Repeat("%01", 62),
	} {
		got := Name(text)
		require.Equal(t, want, got, "%q", text)
		require.NoError(t, Check(got), "%q", text)
		names[got] = true
	}
	require.Len(t, names, 15, "different texts have different names")
}
