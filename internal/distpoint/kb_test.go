package distpoint

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseKB(t *testing.T) {
	for _, s := range []string{"KB977384", "kb977384", "977384", "KB 977384", "kb:977384", " KB-977384 ", "Kb_977384"} {
		kb, err := ParseKB(s)
		require.NoError(t, err, s)
		require.Equal(t, "KB977384", kb)
	}
	for _, s := range []string{"", "KB", "KB97738", "KB97738400", "977384x", "KB977384 KB997384"} {
		_, err := ParseKB(s)
		require.Error(t, err, s)
	}
}

func TestReadInstalled(t *testing.T) {
	for _, test := range []struct {
		text string
		want []string
	}{
		{"KB977384\r\nKB974571\r\n", []string{"KB974571", "KB977384"}},
		{"977384\n", []string{"KB977384"}},
		{"http://support.microsoft.com/?kbid=977384  HOST  Update  KB977384  NT AUTHORITY\\SYSTEM  1/25/2010\n", []string{"KB977384"}},
		{"HotFixID\nKB974571 KB977384, KB977384\n", []string{"KB974571", "KB977384"}},
		{"\ufeffKB977384\r\n", []string{"KB977384"}},
		{"\xff\xfeH\x00o\x00t\x00\r\x00\n\x00K\x00B\x009\x007\x007\x003\x008\x004\x00 \x00\r\x00\n\x00", []string{"KB977384"}}, // as wmic writes it
		{"H\x00o\x00t\x00 \x00K\x00B\x009\x007\x007\x003\x008\x004\x00", []string{"KB977384"}},                                 // UTF-16 without a mark
		{"\x00K\x00B\x009\x007\x007\x003\x008\x004", []string{"KB977384"}},
		{"977384, 974571; 2659258\n", []string{"KB2659258", "KB974571", "KB977384"}},
		{"ClientVersion : 4.00.6487.2157\r\n", []string{"KB977384"}},
		{"Version=4.0.6221.1193\n4.00.6487.2111", []string{"KB977203"}},
		{"4.00.6487.2000\n", nil}, // a client without any of them
		{"10.4.00.6487.2157 and KB974571", []string{"KB974571"}},
		{strings.Repeat("x", 100_000) + " KB977384", []string{"KB977384"}},
	} {
		got, err := ReadInstalled(strings.NewReader(test.text))
		require.NoError(t, err, test.text)
		require.Equal(t, test.want, got)
	}
	_, err := ReadInstalled(strings.NewReader("nothing here\n"))
	require.ErrorContains(t, err, "neither a KB number nor a version")
}

func TestKBOfName(t *testing.T) {
	require.Equal(t, "KB977203", kbOfName("Sccm2007ac-sp2-kb977203-x86.msp"))
	require.Equal(t, "KB2659258", kbOfName("sccm2007ac-sp2-kb2659258-x86-enu.msp"))
	require.Empty(t, kbOfName("client.msi"))
}

// FuzzReadInstalled: whatever a list holds, what is read from it is a KB number.
func FuzzReadInstalled(f *testing.F) {
	for _, text := range []string{"KB977384\r\n", "977384", "\xff\xfeK\x00B\x00", "\ufeffkb-977384 x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		numbers, err := ReadInstalled(strings.NewReader(text))
		require.False(t, err != nil && len(numbers) > 0)
		for _, n := range numbers {
			again, err := ParseKB(n)
			require.NoError(t, err)
			require.Equal(t, n, again)
		}
	})
}

// FuzzParseProperty: a property that is accepted keeps to one line and can be
// taken apart again.
func FuzzParseProperty(f *testing.F) {
	for _, text := range []string{"FSP=a b", `SMSSLP="x"`, "A=", "=", "PATCH=x", "A=\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseProperty(text)
		if err != nil {
			require.ErrorIs(t, err, ErrProperty)
			return
		}
		line := p.String()
		require.NotContains(t, line, "\n")
		_, value, _ := strings.Cut(line, "=")
		if quoted, ok := strings.CutPrefix(value, `"`); ok {
			value = strings.ReplaceAll(strings.TrimSuffix(quoted, `"`), `""`, `"`)
		}
		require.Equal(t, p.Value, value)
	})
}
