package kbarticle_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/manifest/kbarticle"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

func importText(t *testing.T, name, text string) []*manifest.Manifest {
	t.Helper()
	manifests, err := kbarticle.Import(t.Context(), strings.NewReader(text), name, kbarticle.Options{})
	require.NoError(t, err)
	return manifests
}

func messages(m *manifest.Manifest) (out []string) {
	for _, w := range m.Warnings {
		out = append(out, w.Message)
	}
	return out
}

// TestArticles imports the articles of testdata, which were written for it: each
// shows shapes and peculiarities of real ones.
func TestArticles(t *testing.T) {
	files, err := filepath.Glob("testdata/articles/*")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			golden(t, "articles-golden", filepath.Base(f), importFile(t, f))
		})
	}
}

// TestCSVHeaderVariants reads every head that file lists in CSV are known to
// have, above two rows that fit it.
func TestCSVHeaderVariants(t *testing.T) {
	full := []manifest.Row{
		{Name: "Clock.exe", Version: "10.0.1.2", Size: manifest.Bytes(582656), Date: "2009-10-22", Time: "06:19", Platform: "x86"},
		{Name: "Clock.inf", Size: manifest.Bytes(24), Date: "2009-10-23", Time: "00:20"},
	}
	noPlatform := []manifest.Row{full[0], full[1]}
	noPlatform[0].Platform = ""
	for _, test := range []struct {
		name, text string
		want       []manifest.Row
		warnings   int
	}{
		{"date before size", "File name,File version,Date,Time,File size\nClock.exe,10.0.1.2,22-Oct-2009,06:19,\"582,656\"\nClock.inf,Not applicable,23-Oct-2009,00:20,24\n", noPlatform, 0},
		{"unquoted size", "File name,File version,File size,Date,Time,Platform\nClock.exe,10.0.1.2,582,656,22-Oct-2009,06:19,x86\nClock.inf,Not applicable,24,23-Oct-2009,00:20,Not applicable\n", full, 0},
		{"two blanks", "File  name,File version,File size,Date,Time,Platform\nClock.exe,10.0.1.2,\"582,656\",22-Oct-2009,06:19,x86\nClock.inf,Not applicable,24,23-Oct-2009,00:20,\n", full, 0},
		{"wrong heads", "Name,Version,ModifiedTime,ModifiedTime,Size\nClock.exe,10.0.1.2,22-Oct-2009,06:19,\"582,656\"\nClock.inf,,23-Oct-2009,00:20,24\n", noPlatform, 0},
		{"no head", "Clock.exe,10.0.1.2,\"582,656\",22-Oct-2009,06:19,x86\nClock.inf,Not applicable,24,23-Oct-2009,00:20,Not applicable\n", full, 1},
		{"junk columns", "File name,File version,SP requirement,File size,Date,Time,Platform,Service branch\nClock.exe,10.0.1.2,SP2,\"582,656\",22-Oct-2009,06:19,x86,WOW\nClock.inf,Not applicable,None,24,23-Oct-2009,00:20,Not applicable,Not applicable\n", full, 0},
		{"titles and quotes", "Clock update\n\"For x86\",,,,,\n\"File name\",\"File version\",\"File size\",\"Date\",\"Time\",\"Platform\"\n\"Clock.exe\",\"10.0.1.2\",\"582,656\",\"22-Oct-2009\",\"06:19\",\"x86\"\n\"Clock.inf\",\"Not applicable\",\"24\",\"23-Oct-2009\",\"00:20\",\"Not applicable\"\n", full, 0},
		{"semicolons", "Dateiname;Dateiversion;Dateigröße;Datum;Uhrzeit;Plattform\nClock.exe;10.0.1.2;582.656;22-Okt-2009;06.19;x86\nClock.inf;Nicht zutreffend;24;23-Okt-2009;0.20;entfällt\n", full, 0},
		{"tabs", "File name\tFile version\tFile size\tDate\tTime\tPlatform\nClock.exe\t10.0.1.2\t582,656\t22-Oct-2009\t06:19\tx86\nClock.inf\tn/a\t24\t23-Oct-2009\t00:20\tn/a\n", full, 0},
		{"part turned on its side", "File name,File version,File size,Date,Time,Platform\nClock.exe,10.0.1.2,\"582,656\",22-Oct-2009,06:19,x86\nFile name,Clock.inf,,,,\nFile version,Not applicable,,,,\nFile size,24,,,,\nDate (UTC),23-Oct-2009,,,,\nTime (UTC),00:20,,,,\n", full, 0},
		{"left-over name", "File name,File version,File size,Date,Time,Platform\nClock.exe,10.0.1.2,\"582,656\",22-Oct-2009,06:19,x86\nFile name,X86_0_none_1.manifest,,,,\n", []manifest.Row{full[0], {Name: "X86_0_none_1.manifest"}}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			manifests := importText(t, "list.csv", test.text)
			require.Len(t, manifests, 1)
			require.Equal(t, test.want, manifests[0].Files)
			require.Len(t, manifests[0].Warnings, test.warnings, "%v", messages(manifests[0]))
		})
	}
}

// TestHeadings has the headings of each language over one row in Markdown.
func TestHeadings(t *testing.T) {
	want := []manifest.Row{{Name: "Clock.exe", Path: "WOW/Clock.exe", Version: "1.2.3.4", Size: manifest.Bytes(582656), Date: "2009-10-22", Time: "06:19", Platform: "x86"}}
	for _, heads := range []string{
		"Dateiname|Version|Datum|Uhrzeit|Größe|CPU|Ordner",
		"Dateiname|Dateiversion|Datum|Uhrzeit|Größe|CPU|Ordner",
		"ファイル名|バージョン|日付|時間|サイズ|CPU|フォルダ",
		"ファイル名|ファイル バージョン|日付|時刻|サイズ|プラットフォーム|フォルダー",
		"ファイル名|ファイルのバージョン|日付|時間|ファイル サイズ|Platform|フォルダー",
		"ファイル名|製品バージョン|日付|Time|サイズ|CPU|フォルダ",
		"Имя файла|Версия|Дата|Время|Размер|Процессор|Папка",
		"Имя файла|Версия файла|Date|Время|Размер|Процессор|Папка",
		"파일 이름|버전|날짜|시간|크기|CPU|폴더",
		"파일 이름|버전|일자|시간|크기|CPU|폴더",
		"Nombre de archivo|Versión|Fecha|Hora|Tamaño|CPU|Carpeta",
		"文件名|版本|日期|时间|大小|CPU|文件夹",
		"文件名|文件版本|日期|时间|大小|CPU|文件夹",
		"Nome do arquivo|Versão|Data|Hora|Tamanho|CPU|Pasta",
		"Nom du fichier|Version du fichier|Date|Heure|Taille du fichier|Plateforme|Dossier",
		"Nom de fichier|Version|Date (UTC)|Heure (UTC)|Taille (octets)|Processeur|Répertoire",
		"Nome file|Versione file|Data|Ora|Dimensioni file|Piattaforma|Cartella",
		"Nome del file|Versione|Data (UTC)|Ora (UTC)|Dimensione (byte)|Processore|Cartella",
		"**File name**|File version|Date (UTC)|Time (UTC)|File size (bytes)|Platform|Folder:",
	} {
		t.Run(heads, func(t *testing.T) {
			text := "|" + heads + "|\n|---|---|---|---|---|---|---|\n|Clock.exe|1.2.3.4|22-Oct-2009|06:19|582,656|x86|WOW|\n"
			manifests := importText(t, "a.md", text)
			require.Len(t, manifests, 1)
			require.Equal(t, want, manifests[0].Files)
			require.Empty(t, manifests[0].Warnings)
		})
	}
}

// TestLanguages reads one table in several languages, in another syntax each.
func TestLanguages(t *testing.T) {
	for _, m := range []*manifest.Manifest{
		importFile(t, "testdata/articles/parallel-fr.html")[0],
		importFile(t, "testdata/articles/parallel-it.txt")[0],
	} {
		want := importFile(t, "testdata/articles/parallel-en.md")[0]
		require.Equal(t, want.Files, m.Files)
		require.Equal(t, want.ID, m.ID)
		require.Equal(t, want.KB, m.KB)
		require.Equal(t, want.ServicePack, m.ServicePack)
		require.Equal(t, []manifest.Superseding{{KB: "KB999907"}}, m.SupersededBy)
		require.Empty(t, messages(m))
	}
	_, err := kbarticle.Import(t.Context(), strings.NewReader("|Όνομα αρχείου|Έκδοση|Μέγεθος|\n|---|---|---|\n|a|b|c|\n"), "a.md", kbarticle.Options{})
	require.ErrorIs(t, err, kbarticle.ErrNoTable)
	require.ErrorContains(t, err, "French, German, Italian")
	// The opposite of being replaced.
	for _, sentence := range []string{"Ce correctif ne remplace aucun autre. KB999907 est remplacé par ce correctif.", "KB999907 è sostituito da questo aggiornamento."} {
		text := "# Orologio (KB999901)\n\n" + sentence + "\n\n|Nome file|Versione|\n|---|---|\n|a.dll|1.0|\n"
		require.Empty(t, importText(t, "a.md", text)[0].SupersededBy, sentence)
	}
}

func TestDecoys(t *testing.T) {
	for name, text := range map[string]string{
		"service branches": "|Version|Product|SR_Level|Service branch|\n|---|---|---|---|\n|6.1.7600.20|Windows 7|RTM|LDR|\n",
		"options":          "|Name|Description|\n|---|---|\n|/quiet|no questions|\n",
		"names alone":      "|File name|Description|\n|---|---|\n|Clock.exe|the clock|\n",
		"headings alone":   "|File name|Version|Size|\n|---|---|---|\n|||\n",
		"prose":            "The file name, the version and the size of Clock.exe 1.2.3.4 are known.\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := kbarticle.Import(t.Context(), strings.NewReader(text), "a.md", kbarticle.Options{})
			require.ErrorIs(t, err, kbarticle.ErrNoTable)
		})
	}
}

const korean1 = "파일 이름|버전|날짜|크기\n---|---|---|---\nClock.exe|1.2.3.4|2004년 8월 23일|582,656\n"

func encode(t *testing.T, e encoding.Encoding, s string) string {
	t.Helper()
	out, err := e.NewEncoder().String(s)
	require.NoError(t, err)
	return out
}

func TestEncodings(t *testing.T) {
	page := func(charset, name, version, size, caption string) string {
		return `<html><head><meta http-equiv="Content-Type" content="text/html; charset=` + charset + `"></head><body><h1>` + caption + `</h1>` +
			`<table><tr><th>` + name + `</th><th>` + version + `</th><th>` + size + `</th></tr><tr><td>Clock.exe</td><td>1.2.3.4</td><td>582,656</td></tr></table></body></html>`
	}
	japan := page("shift_jis", "ファイル名", "バージョン", "サイズ", "時計")
	russia := page("windows-1251", "Имя файла", "Версия", "Размер", "Часы")
	germany := page("iso-8859-1", "Dateiname", "Version", "Größe", "Größte Uhr")
	china := page("gb2312", "文件名", "文件版本", "大小", "时钟")
	korea := page("euc-kr", "파일 이름", "버전", "크기", "시계")
	utf8 := page("utf-8", "Dateiname", "Version", "Größe", "Größte Uhr")
	for _, test := range []struct {
		name, file, text string
		options          kbarticle.Options
		title            string
		warnings         int
	}{
		{"shift_jis", "a.html", encode(t, japanese.ShiftJIS, japan), kbarticle.Options{}, "時計", 0},
		{"windows-1251", "a.html", encode(t, charmap.Windows1251, russia), kbarticle.Options{}, "Часы", 0},
		{"iso-8859-1", "a.html", encode(t, charmap.ISO8859_1, germany), kbarticle.Options{}, "Größte Uhr", 0},
		{"gb2312", "a.html", encode(t, simplifiedchinese.GBK, china), kbarticle.Options{}, "时钟", 0},
		{"euc-kr", "a.html", encode(t, korean.EUCKR, korea), kbarticle.Options{}, "시계", 0},
		{"utf-8", "a.html", utf8, kbarticle.Options{}, "Größte Uhr", 0},
		{"page saved anew as utf-8", "a.html", japan, kbarticle.Options{}, "時計", 1},
		{"page in utf-16", "a.html", encode(t, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), germany), kbarticle.Options{}, "Größte Uhr", 0},
		{"utf-8 with mark", "a.md", "\ufeff" + korean1, kbarticle.Options{}, "", 0},
		{"utf-16le", "a.md", encode(t, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), korean1), kbarticle.Options{}, "", 0},
		{"utf-16be", "a.md", encode(t, unicode.UTF16(unicode.BigEndian, unicode.UseBOM), korean1), kbarticle.Options{}, "", 0},
		{"named", "a.md", encode(t, korean.EUCKR, korean1), kbarticle.Options{Encoding: "euc-kr"}, "", 0},
		{"syntax named", "a.txt", korean1, kbarticle.Options{Syntax: kbarticle.Markdown}, "", 0},
		{"syntax by content", "a", korean1, kbarticle.Options{}, "", 1},
		{"page by content", "", encode(t, japanese.ShiftJIS, japan), kbarticle.Options{}, "時計", 1},
		{"list by content", "", "File name,Version\nClock.exe,1.2.3.4\n", kbarticle.Options{}, "", 1},
		{"text by content", "", "File name\tVersion\nClock.exe\t1.2.3.4\n", kbarticle.Options{}, "", 1},
		{"carriage returns alone", "a.txt", "File name\tVersion\rClock.exe\t1.2.3.4\r", kbarticle.Options{}, "", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			manifests, err := kbarticle.Import(t.Context(), strings.NewReader(test.text), test.file, test.options)
			require.NoError(t, err)
			require.Len(t, manifests, 1)
			require.Equal(t, test.title, manifests[0].Title)
			require.Equal(t, "Clock.exe", manifests[0].Files[0].Name)
			require.Equal(t, "1.2.3.4", manifests[0].Files[0].Version)
			require.Len(t, manifests[0].Warnings, test.warnings, "%v", messages(manifests[0]))
		})
	}
}

func TestErrors(t *testing.T) {
	table := "File name\tVersion\nClock.exe\t1.2.3.4\n"
	for _, test := range []struct {
		name, file string
		r          io.Reader
		options    kbarticle.Options
		want       error
		text       string
	}{
		{"empty", "a.txt", strings.NewReader(""), kbarticle.Options{}, kbarticle.ErrNoTable, ""},
		{"legacy text without a name", "a.txt", strings.NewReader("Größe\n" + encode(t, charmap.Windows1252, "Größe")), kbarticle.Options{}, kbarticle.ErrEncoding, "declares no encoding"},
		{"not what the page declares", "a.html", strings.NewReader("<meta charset=shift_jis>\n\x81"), kbarticle.Options{}, kbarticle.ErrEncoding, "line 2 is not shift_jis"},
		{"not what is named", "a.txt", strings.NewReader("\x81\n" + table), kbarticle.Options{Encoding: "euc-kr"}, kbarticle.ErrEncoding, "euc-kr"},
		{"no such encoding", "a.txt", strings.NewReader(table), kbarticle.Options{Encoding: "utf-9"}, kbarticle.ErrEncoding, `"utf-9"`},
		{"bytes after a mark of utf-8", "a.txt", strings.NewReader("\ufeff\xff" + table), kbarticle.Options{}, kbarticle.ErrEncoding, "UTF-8"},
		{"half a unit of utf-16", "a.txt", strings.NewReader("\xff\xfea"), kbarticle.Options{}, kbarticle.ErrEncoding, "odd"},
		{"utf-32", "a.txt", strings.NewReader("\xff\xfe\x00\x00a\x00\x00\x00"), kbarticle.Options{}, kbarticle.ErrEncoding, "UTF-32"},
		{"utf-16 without a mark", "a.txt", strings.NewReader("F\x00i\x00"), kbarticle.Options{}, kbarticle.ErrEncoding, "NUL"},
		{"no such syntax", "a.txt", strings.NewReader(table), kbarticle.Options{Syntax: "pdf"}, kbarticle.ErrSyntax, `"pdf"`},
		{"open quote", "a.csv", strings.NewReader("File name,Version\n\"Clock.exe,1.2.3.4\n" + strings.Repeat("Clock.dll,1.2.3.4\n", 9)), kbarticle.Options{}, kbarticle.ErrSyntax, "line 2"},
		{"too large", "a.txt", iotest.DataErrReader(io.LimitReader(zeros{}, 1<<40)), kbarticle.Options{}, kbarticle.ErrLimit, "larger than"},
		{"too many cells", "a.html", strings.NewReader("<table>" + strings.Repeat("<tr>"+strings.Repeat("<td>", 1000), 1100)), kbarticle.Options{}, kbarticle.ErrLimit, "cells"},
		{"cells by spanning", "a.html", strings.NewReader("<table><tr>" + strings.Repeat("<td colspan=100 rowspan=100>", 2000) + strings.Repeat("<tr>", 100)), kbarticle.Options{}, kbarticle.ErrLimit, "cells"},
		{"nested tables", "a.html", strings.NewReader(strings.Repeat("<table><tr><td>", 100_000)), kbarticle.Options{}, kbarticle.ErrLimit, "within each other"},
		{"lines", "a.txt", strings.NewReader(strings.Repeat("\n", 1_000_001)), kbarticle.Options{}, kbarticle.ErrLimit, "lines"},
		{"lines of a page", "a.html", strings.NewReader("<pre>" + strings.Repeat("x<br>", 1_000_002)), kbarticle.Options{}, kbarticle.ErrLimit, "lines"},
		{"rows of a page", "a.html", strings.NewReader("<table>" + strings.Repeat("<tr>", 1_000_002)), kbarticle.Options{}, kbarticle.ErrLimit, "rows"},
		{"pipes", "a.md", strings.NewReader(strings.Repeat("|", 2_000_001)), kbarticle.Options{}, kbarticle.ErrLimit, `"|"`},
		{"cells of a list", "a.csv", strings.NewReader(strings.Repeat(strings.Repeat(",", 999)+"\n", 1100)), kbarticle.Options{}, kbarticle.ErrLimit, "cells"},
		{"cells of a page in markdown", "a.md", strings.NewReader(strings.Repeat(strings.Repeat("|a", 999)+"\n", 1100)), kbarticle.Options{}, kbarticle.ErrLimit, "cells"},
		{"reader fails", "a.txt", iotest.ErrReader(errBroken), kbarticle.Options{}, errBroken, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := kbarticle.Import(t.Context(), test.r, test.file, test.options)
			require.ErrorIs(t, err, test.want)
			require.ErrorContains(t, err, test.text)
		})
	}
}

var errBroken = errors.New("broken")

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestSuperseded(t *testing.T) {
	table := "\n\nFile name\tVersion\nKb955001.exe\t1.2.3.4\n"
	for _, test := range []struct {
		name, text string
		want       []manifest.Superseding
	}{
		{"by", "This fix is superseded by the fix in article 955182. It stays for reference.", []manifest.Superseding{{KB: "KB955182"}}},
		{"replaced", "It was replaced by KB955182.", []manifest.Superseding{{KB: "KB955182"}}},
		{"announced", "The fix in the following article supersedes this fix:\n\n955182 (https://example.com) A later clock", []manifest.Superseding{{KB: "KB955182"}}},
		{"German", "Dieses Update wurde ersetzt durch das Update 955182.", []manifest.Superseding{{KB: "KB955182"}}},
		{"Japanese", "この修正は、修正 955182 に置き換えられました。", []manifest.Superseding{{KB: "KB955182"}}},
		{"Russian", "Это исправление заменено исправлением 955182.", []manifest.Superseding{{KB: "KB955182"}}},
		{"misprint after", "It was replaced by KB955182. Later, 995182 was published.", []manifest.Superseding{{KB: "KB955182", Aliases: []string{"KB995182"}}}},
		{"misprint in the sentence", "See 955182. It was replaced by KB995182.", []manifest.Superseding{{KB: "KB955182", Aliases: []string{"KB995182"}}}},
		{"not", "This fix does not replace a fix, and is not superseded by 955182.", nil},
		{"the other way", "The fix 955182 is replaced by this fix.", nil},
		{"only named", "See also article 955182.", nil},
		{"itself", "Older fixes are superseded by 955001.", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			manifests := importText(t, "a.txt", "Article ID: 955001\n\n"+test.text+table)
			require.Equal(t, test.want, manifests[0].SupersededBy)
		})
	}
}

func TestArticleNumber(t *testing.T) {
	table := "\n\nFile name\tVersion\nClock.exe\t1.2.3.4\n"
	for _, test := range []struct {
		name, file, text, want, title string
		warnings                      int
	}{
		{"label", "a.txt", "Article ID: 955001", "KB955001", "KB955001", 0},
		{"old label", "a.txt", "Article: Q195003", "KB195003", "KB195003", 0},
		{"end of the title", "a.md", "# The clock stops (955001)\n\nSee KB955182.", "KB955001", "KB955001: The clock stops", 0},
		{"start of the title", "a.md", "# KB955001: The clock stops", "KB955001", "KB955001: The clock stops", 0},
		{"start of a line", "a.txt", "KB955001: The clock stops\n\nSee KB955182.", "KB955001", "KB955001: The clock stops", 0},
		{"the only one", "a.txt", "Some words about KB955001 here.", "KB955001", "KB955001", 1},
		{"file name", "kb955001-clock.txt", "Some words.", "KB955001", "KB955001", 1},
		{"several", "a.txt", "KB955001 here. KB955182 there.", "", "", 1},
		{"none", "a.txt", "Some words.", "", "", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := importText(t, test.file, test.text+table)[0]
			require.Equal(t, test.want, m.KB)
			require.Equal(t, test.title, m.Title)
			require.Len(t, m.Warnings, test.warnings, "%v", messages(m))
		})
	}
}

func TestInvisibleLetters(t *testing.T) {
	m := importText(t, "a.txt", "File\u200b name\tVersion\tDate\tPlatform\nCl\u00adock\u2011svc.exe\t1.2.3.4\u200e\t25\u2011Jan\u20112010\tIA\u201164\n")[0]
	require.Equal(t, []manifest.Row{{Name: "Clock-svc.exe", Version: "1.2.3.4", Date: "2010-01-25", Platform: "ia64"}}, m.Files)
	require.Empty(t, m.Warnings)
}

func TestSameNameTwice(t *testing.T) {
	m := importText(t, "a.txt", "File name\tVersion\tFolder\nClock.exe\t1.2.3.4\tGDR\nclock.exe\t1.2.3.5\tQFE\nCLOCK.EXE\t1.2.3.6\tgdr\n")[0]
	require.Len(t, m.Files, 3)
	require.Equal(t, []string{"CLOCK.EXE: nothing but its values tells this file from the one on line 2"}, messages(m))
}

func TestMarkdownPastedAsText(t *testing.T) {
	m := importText(t, "a.txt", "| File name | Version |\n|---|---|\n| Clock\\_1.exe | 1.2.3.4 |\n")[0]
	require.Equal(t, "Clock_1.exe", m.Files[0].Name)
	require.Equal(t, []string{"as plain text, it holds no table; read as markdown by its content"}, messages(m))
}

// TestNothingIsLostInSilence has tables of which a part cannot be read: each
// part has a warning with its line.
func TestNothingIsLostInSilence(t *testing.T) {
	cells := func(rows ...string) string { return strings.ReplaceAll(strings.Join(rows, "|"), "|", "\n\n") + "\n" }
	good := "|File name|Version|\n|---|---|\n|Clock.exe|1.2.3.4|\n\n"
	for _, test := range []struct {
		name, file, text string
		rows             int
		line             int
		message          string
	}{
		{"a name without an extension", "a.txt", cells("File name|Version|Size", "Clock.exe|1.2.3.4|17", "Readme|n/a|18", "Clock.dll|1.2.3.4|19", "The end."), 2, 13, "these lines of the table are not a row and are left out"},
		{"a damaged cell between rows", "a.txt", cells("File name|Version|Size|Date", "Clock.exe|one|17|22-Oct-2009", "Clock.dll|1.2.3.4|19|22-Oct-2009", "The end."), 2, 11, "Clock.exe: this is not a version; the field stays empty"},
		{"a damaged cell at the end", "a.txt", cells("File name|Version|Size|Date", "Clock.exe|1.2.3.4|17|22-Oct-2009", "Clock.dll|1.2.3.4|one|22-Oct-2009", "The end."), 2, 21, "Clock.dll: this is not a size in bytes; the field stays empty"},
		{"a missing cell before free text", "a.txt", cells("File name|Version|Size|Folder", "Clock.exe|1.2.3.4|17", "Clock.dll|1.2.3.4|19|QFE", "The end."), 2, 9, "Clock.exe: the row has fewer cells than the table has columns; they are given to the only columns that they fit"},
		{"headings alone, a cell per line", "a.md", good + cells("File name|Version|Size", "Nothing yet."), 1, 5, "below these headings, no row could be read"},
		{"headings alone, in columns", "a.md", good + "File name  Version  Size\n\nNothing yet.\n", 1, 5, "below these headings, no row could be read"},
		{"headings alone, ruled", "a.md", good + "|File name|Version|\n|---|---|\n", 1, 5, "below these headings, no row could be read"},
		{"unknown headings", "a.md", good + "|Nom|Mesure|Note|\n|---|---|---|\n|Clock.dll|1.2.3.4|a word|\n", 1, 7, "this looks like a file, but the headings of its columns are not known; the rows are left out"},
		{"rows above the headings", "a.md", "|Clock.dll|1.2.3.4|\n|---|---|\n|File name|Version|\n|Clock.exe|1.2.3.4|\n", 1, 1, "this looks like a file, but the headings of its columns are not known; the rows are left out"},
		{"a remark inside", "a.md", "|File name|Version|\n|---|---|\n|Clock.exe|1.2.3.4|\n|* not for x64||\n|Clock.dll|1.2.3.4|\n", 2, 4, "this row is not a file and is left out"},
		{"a remark at the end", "a.md", "|File name|Version|\n|---|---|\n|Clock.exe|1.2.3.4|\n|see below||\n", 1, 4, "this row is not a file and is left out"},
		{"a path with a drive", "a.md", "|File name|Version|\n|---|---|\n|C:\\\\Clock\\\\Clock.exe|1.2.3.4|\n", 1, 3, "Clock.exe: this is not a folder of a package; the path stays empty"},
	} {
		t.Run(test.name, func(t *testing.T) {
			manifests := importText(t, test.file, test.text)
			require.Len(t, manifests, 1)
			m := manifests[0]
			require.Len(t, m.Files, test.rows)
			require.Len(t, m.Warnings, 1, "%v", messages(m))
			require.Equal(t, test.message, m.Warnings[0].Message)
			require.Equal(t, test.line, m.Warnings[0].Line)
		})
	}
}

// TestUnknownHeadings reads a table in a language that is not known by its cells.
func TestUnknownHeadings(t *testing.T) {
	m := importText(t, "a.md", "|Nazwa pliku|Wersja|Rozmiar|Dzień|Godzina|\n|---|---|---|---|---|\n|Clock.exe|1.2.3.4|582,656|22-Oct-2009|06:19|\n|Clock.inf||17|22-Oct-2009|06:20|\n")[0]
	require.Equal(t, []manifest.Row{
		{Name: "Clock.exe", Version: "1.2.3.4", Size: manifest.Bytes(582656), Date: "2009-10-22", Time: "06:19"},
		{Name: "Clock.inf", Size: manifest.Bytes(17), Date: "2009-10-22", Time: "06:20"},
	}, m.Files)
	require.Equal(t, []string{"the headings are missing or not known; by their cells, the columns are file name, version, size, date, time"}, messages(m))
}

func TestMarksInHTML(t *testing.T) {
	m := importText(t, "a.md", "<table>\n<tr><th>\n**File name**\n</th><th>Version</th></tr>\n<tr><td>\n**Clock\\_1.exe**\n</td><td>1.2.3.4</td></tr>\n</table>\n")[0]
	require.Equal(t, []manifest.Row{{Name: "Clock_1.exe", Version: "1.2.3.4"}}, m.Files)
	require.Empty(t, m.Warnings)
}

func FuzzText(f *testing.F)     { fuzz(f, kbarticle.Text) }
func FuzzHTML(f *testing.F)     { fuzz(f, kbarticle.HTML) }
func FuzzMarkdown(f *testing.F) { fuzz(f, kbarticle.Markdown) }
func FuzzCSV(f *testing.F)      { fuzz(f, kbarticle.CSV) }

// fuzz runs the whole import. What comes out must be a valid manifest whose
// warnings name lines of the input.
func fuzz(f *testing.F, syntax kbarticle.Syntax) {
	files, err := filepath.Glob("testdata/articles/*")
	require.NoError(f, err)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		manifests, err := kbarticle.Import(t.Context(), bytes.NewReader(data), "", kbarticle.Options{Syntax: syntax})
		if err != nil {
			for _, known := range []error{kbarticle.ErrNoTable, kbarticle.ErrEncoding, kbarticle.ErrSyntax, kbarticle.ErrLimit} {
				if errors.Is(err, known) {
					return
				}
			}
			t.Fatalf("an error of no known class: %v", err)
		}
		lines := 1 + bytes.Count(data, []byte("\n")) + bytes.Count(data, []byte("\r"))
		for _, m := range manifests {
			for _, w := range m.Warnings {
				if w.Line < 0 || w.Line > lines || w.Message == "" {
					t.Fatalf("a warning for line %d of %d: %q", w.Line, lines, w.Message)
				}
			}
		}
		var out bytes.Buffer
		if err := manifest.Write(&out, manifests...); err != nil {
			t.Fatal(err)
		}
		if _, err := manifest.Read(bytes.NewReader(out.Bytes())); err != nil {
			t.Fatalf("the result is not a valid manifest: %v\n%s", err, out.String())
		}
	})
}
