package kbarticle

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseDate(t *testing.T) {
	for _, test := range []struct {
		text, want string
		remark     string
	}{
		{"26-Okt-2007", "2007-10-26", ""},
		{"25. Okt. 2004", "2004-10-25", ""},
		{"14. Februar\u00a02006", "2006-02-14", ""},
		{"8-Dez-07", "2007-12-08", ""},
		{"13-Dic-2005", "2005-12-13", ""},
		{"01-Sept-2006 (UTC Zero)", "2006-09-01", ""},
		{"2003/8/28", "2003-08-28", ""},
		{"2004년 8월 23일", "2004-08-23", ""},
		{"2004-3-23", "2004-03-23", ""},
		{"2004. 8. 23.", "2004-08-23", ""},
		{"2006 年1 月 13 日", "2006-01-13", ""},
		{"２００６年１月１３日", "2006-01-13", ""},
		{"19 октября 2004 г.", "2004-10-19", ""},
		{"02-мая-2005", "2005-05-02", ""},
		{"1º de novembro de 2005", "2005-11-01", ""},
		{"17 de abril de 2007", "2007-04-17", ""},
		{"January 25, 2010", "2010-01-25", ""},
		{"20-MAY-2002", "2002-05-20", ""},
		{"13.2.2006", "2006-02-13", ""},
		{"11/13/98", "1998-11-13", ""},
		{"13/11/1998", "1998-11-13", ""},
		{"04/04/2006", "2006-04-04", ""},
		{"22-Oct-2009 GMT", "2009-10-22", ""},
		{"2009 年 12 月 10 日~12 月", "2009-12-10", "the date is followed by the remnant of a range; read as 2009-12-10"},
		{"2009年12月10日～12月", "2009-12-10", "the date is followed by the remnant of a range; read as 2009-12-10"},
		{"2009 年 12 月 10 日~2009 年 12 月 12 日", "", problemNotDate},
		{"2009 年 12 月 10 日~soon", "", problemNotDate},
		{"9/12/2003", "", "the order of day and month is not certain (2003-09-12 or 2003-12-09); the field stays empty"},
		{"04/03/2006", "", "the order of day and month is not certain (2006-04-03 or 2006-03-04); the field stays empty"},
		{"28 e junho", "", problemNotDate},
		{"0-1set-2006 (UTC Zero)", "", problemNotDate},
		{"31-Feb-2007", "", problemNoSuchDay},
		{"13/13/2007", "", problemNoSuchDay},
		{"2007/0/1", "", problemNoSuchDay},
		{"26-Xyz-2007", "", problemNotDate},
		{"22-Oct-2009 (PST)", "", `the remark "PST" is not known to mean UTC; the field stays empty`},
		{"4.0.6487.2111", "", problemNotDate},
	} {
		got, remark := parseDate(test.text, anyOrder)
		require.Equal(t, test.want, got, test.text)
		require.Equal(t, test.remark, remark, test.text)
	}
}

func TestParseTime(t *testing.T) {
	for text, want := range map[string]string{
		"01:40": "01:40", "3:40": "03:40", "0:16": "00:16", "15:04:40": "15:04:40", "02.34": "02:34",
		"05:17pm": "17:17", "12:05am": "00:05", "12:05 p.m.": "12:05", "9:52 AM": "09:52",
		"오전 9:54": "09:54", "오후 12:54": "12:54", "오전 12:54": "00:54", "午後 1:55": "13:55", "上午 9:05": "09:05",
		"10:03 (UTC Zero Militar)": "10:03", "10:03（军用协调世界时）": "10:03", "10:03 UTC": "10:03",
		"112:00": "", "17:17l": "", "24:00": "", "10:60": "", "13:00 pm": "", "0:10 am": "", "오전 9:54 pm": "",
		"03:15 (PST)": "", "noon": "", "10": "", "1.2.3": "",
	} {
		got, problem := parseTime(text)
		require.Equal(t, want, got, text)
		require.Equal(t, want == "", problem != "", text)
	}
}

func TestParseSize(t *testing.T) {
	for _, test := range []struct {
		text   string
		want   int64
		ok     bool
		remark bool
	}{
		{"17,768", 17768, true, false},
		{"1.025.536", 1025536, true, false},
		{"1 351 680", 1351680, true, false},
		{"1\u00a0351\u00a0680", 1351680, true, false},
		{"１７，７６８", 17768, true, false},
		{"7'312'896", 7312896, true, false},
		{"5120", 5120, true, false},
		{"0", 0, true, false},
		{"17,768 bytes", 17768, true, false},
		{"17,768 バイト", 17768, true, false},
		{"226, 816", 226816, true, true},
		{"3,011112", 0, false, true},
		{"9672.768", 0, false, true},
		{"1.025,536", 0, false, true},
		{"20 48", 0, false, true},
		{"29K", 0, false, true},
		{"1.18 MB", 0, false, true},
		{"-5", 0, false, true},
		{"99999999999999999999", 0, false, true},
		{"soon", 0, false, true},
	} {
		got, ok, remark := parseSize(test.text)
		require.Equal(t, test.want, got, test.text)
		require.Equal(t, test.ok, ok, test.text)
		require.Equal(t, test.remark, remark != "", test.text)
	}
}

func TestParsePlatform(t *testing.T) {
	for text, want := range map[string]string{
		"x86": "x86", "X86": "x86", "(x86)": "x86", "ix86": "x86", "Intel": "x86", "x64": "x64", "AMD64": "x64",
		"IA-64": "ia64", "IA64": "ia64", "ALPHA": "alpha", "(Alpha)": "alpha", "ARM64": "arm64",
	} {
		got, remark := parsePlatform(text)
		require.Equal(t, want, got, text)
		require.Empty(t, remark, text)
	}
	for text, want := range map[string]string{"WOW": "x86", "NEC": "", "UNIPROC": "", "Sparc": ""} {
		got, remark := parsePlatform(text)
		require.Equal(t, want, got, text)
		require.NotEmpty(t, remark, text)
	}
}

func TestNotApplicable(t *testing.T) {
	for _, s := range []string{
		"", "-", "–", ".", "--", "Not applicable", "Not Applicable", "n/a", "Nicht zutreffend", "entfällt", "(Keine)",
		"対象外", "該当なし", "Не применимо", "Неприменимо", "(Нет)", "해당 없음", "적용할 수 없음", "없음",
		"No aplicable", "no corresponde", "(Ninguna)", "不适用", "无", "（无）", "Não aplicável", "não se aplica",
	} {
		require.True(t, isNA(s), s)
	}
	for _, s := range []string{"0", "x86", "1.0", "+", "Notizen.exe"} {
		require.False(t, isNA(s), s)
	}
}

func TestParseName(t *testing.T) {
	for _, test := range []struct {
		text, base, dir string
		remark          bool
	}{
		{"Clock.exe", "Clock.exe", "", false},
		{"  Clock  face.exe ", "Clock face.exe", "", false},
		{`Windows\System\Clock.exe`, "Clock.exe", "Windows/System", false},
		{"Clock.dll_0001\nInstalled name: Clock.dll", "Clock.dll_0001", "", true},
		{"X86_clock-\nservice_1.manifest", "X86_clock-service_1.manifest", "", true},
		{"Clock.exe\nof the client", "Clock.exe of the client", "", true},
	} {
		base, dir, remark := parseName(test.text)
		require.Equal(t, test.base, base)
		require.Equal(t, test.dir, dir)
		require.Equal(t, test.remark, remark != "", test.text)
	}
}

func TestLooksLikeFile(t *testing.T) {
	for _, s := range []string{"Clock.exe", "Clock.dll_0001", "x.y", "Package_for_kb1~31bf~x86~~6.1.1.0.mum", "7z.dll"} {
		require.True(t, looksLikeFile(s), s)
	}
	for _, s := range []string{"", "Clock", "4.0.6487.2111", "1.18", "25. Okt. 2004", "02.34", `a\b.exe`, "See also the file clock.exe", "Clock.", "19.4K"} {
		require.False(t, looksLikeFile(s), s)
	}
}

func TestInline(t *testing.T) {
	for text, want := range map[string]string{
		`Fs\_rec.sys`:                    "Fs_rec.sys",
		`_setup.dll`:                     "_setup.dll",
		`a_b_c.dll`:                      "a_b_c.dll",
		`**bold** and _thin_`:            "bold and thin",
		"`code.dll`":                     "code.dll",
		`[Clock.exe](https://e/x_(y)_z)`: "Clock.exe",
		`![](a.gif)Clock`:                "Clock",
		`\[Start\]`:                      "[Start]",
		`a<br/>b<BR>c`:                   "a\nb\nc",
		`1&nbsp;024 &lt;b&gt;`:           "1\u00a0024 <b>",
		`SP2\\asms`:                      `SP2\asms`,
		`x<!-- hidden -->y`:              "xy",
	} {
		require.Equal(t, want, inline(text), text)
	}
}

func TestSharingIsBounded(t *testing.T) {
	d := &document{ctx: t.Context(), sharer: sharer{ctx: t.Context(), work: maxWork + 1}}
	_, err := d.tables()
	require.ErrorIs(t, err, ErrLimit)
	spans, ways := d.sharer.share([]string{"Clock.exe"}, []kind{colName}, 1, " ", true)
	require.Nil(t, spans)
	require.Zero(t, ways)
}
