package kbarticle

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// kind is what a column of a file table holds.
type kind int

const (
	colUnknown kind = iota
	colName
	colVersion
	colSize
	colDate
	colTime
	colDateTime // both in one cell, or in two columns with one heading
	colPlatform
	colFolder
	colSHA256
	colExtra // known, and not part of a manifest
	numKinds
)

func (k kind) String() string {
	return [numKinds]string{"unknown", "file name", "version", "size", "date", "time", "date and time", "platform", "folder", "SHA-256", "extra"}[k]
}

// headings are the column headings met in articles, by the key of their words.
// German, Japanese, Russian, Korean, Spanish, Chinese and Portuguese articles
// mix them with English ones inside one table.
var headings = keyed(map[kind][]string{
	colName: {"File name", "Filename", "File", "Name", "Dateiname", "ファイル名", "Имя файла", "파일 이름", "파일명",
		"Nombre de archivo", "Nombre del archivo", "文件名", "文件名称", "Nome do arquivo", "Nome de arquivo",
		"Nom de fichier", "Nom du fichier", "Nome file", "Nome del file", "Nome di file",
		"Datei", "ファイル", "Файл", "파일", "Archivo", "文件", "Arquivo", "Fichier", "Nom", "Nome"},
	colVersion: {"Version", "File version", "Product version", "Dateiversion", "Produktversion",
		"バージョン", "ファイル バージョン", "ファイルのバージョン", "製品バージョン", "Версия", "Версия файла", "버전", "파일 버전",
		"Versión", "Versión de archivo", "Versión del archivo", "版本", "文件版本", "Versão", "Versão do arquivo",
		"Version du fichier", "Version de fichier", "Version du produit", "Versione", "Versione file", "Versione del file", "Versione prodotto", "Versione del prodotto"},
	colSize: {"Size", "File size", "Größe", "Dateigröße", "サイズ", "ファイル サイズ", "ファイルのサイズ", "Размер", "Размер файла", "크기", "파일 크기",
		"Tamaño", "Tamaño de archivo", "Tamaño del archivo", "大小", "文件大小", "Tamanho", "Tamanho do arquivo",
		"Taille", "Taille du fichier", "Taille de fichier", "Dimensione", "Dimensioni", "Dimensione file", "Dimensioni file", "Dimensione del file", "Dimensioni del file"},
	colDate: {"Date", "Datum", "日付", "Дата", "날짜", "일자", "Fecha", "日期", "Data"},
	colTime: {"Time", "Uhrzeit", "Zeit", "時間", "時刻", "Время", "시간", "Hora", "时间", "Heure", "Ora"},
	colDateTime: {"Date/Time", "Date and time", "Modified time", "Modified", "Last modified", "Time stamp",
		"Date et heure", "Date/Heure", "Data e ora", "Data/ora"},
	colPlatform: {"Platform", "CPU", "Processor", "Architecture", "Plattform", "Prozessor", "プラットフォーム", "プロセッサ", "プロセッサー",
		"Процессор", "Платформа", "플랫폼", "프로세서", "Plataforma", "Procesador", "Processador", "平台", "处理器",
		"Plateforme", "Plate-forme", "Processeur", "Piattaforma", "Processore", "Architettura"},
	colFolder: {"Folder", "Destination folder", "Directory", "Ordner", "フォルダ", "フォルダー", "Папка", "폴더", "Carpeta", "文件夹", "Pasta",
		"Dossier", "Dossier de destination", "Répertoire", "Cartella", "Cartella di destinazione"},
	colSHA256: {"SHA-256", "SHA256 hash", "SHA-256 hash", "Hachage SHA-256", "Hash SHA-256"},
	colExtra:  {"SP requirement", "Service branch", "SR_Level", "SHA-1", "SHA1 hash"},
})

// weak headings name files only with better evidence: other tables have a
// column "Name", too.
var weak = wordSet("File", "Name", "Datei", "ファイル", "Файл", "파일", "Archivo", "文件", "Arquivo",
	"Fichier", "Nom", "Nome")

func keyed(words map[kind][]string) map[string]kind {
	m := make(map[string]kind)
	for k, list := range words {
		for _, w := range list {
			m[wordKey(w)] = k
		}
	}
	return m
}

// wordKey reduces a phrase to its letters and digits in lower case, so that
// blanks, punctuation and the width of Japanese letters do not matter.
func wordKey(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKC.String(s) {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

// maxHeading bounds the bytes of a heading, before anything is done with it.
const maxHeading = 120

// headingKind tells what a heading announces. What is in brackets is left
// out: "Date (UTC)", "File size (bytes)".
func headingKind(s string) kind {
	if len(s) > maxHeading {
		return colUnknown
	}
	s = norm.NFKC.String(s)
	if k := headings[wordKey(s)]; k != colUnknown {
		return k
	}
	if i := strings.IndexByte(s, '('); i > 0 && strings.HasSuffix(strings.TrimSpace(s), ")") {
		return headings[wordKey(s[:i])]
	}
	return colUnknown
}

// notApplicable are the words for "this file has no such attribute".
var notApplicable = wordSet("Not applicable", "Not available", "None", "n/a",
	"Nicht zutreffend", "Nicht anwendbar", "entfällt", "Keine", "Keiner",
	"対象外", "該当なし", "適用外", "なし",
	"Не применимо", "Неприменимо", "Нет", "Отсутствует",
	"해당 없음", "적용할 수 없음", "없음",
	"No aplicable", "No corresponde", "No procede", "Ninguna", "Ninguno",
	"不适用", "无",
	"Não aplicável", "Não se aplica", "Nenhum", "Nenhuma",
	"Non applicable", "Sans objet", "Non disponible", "Aucun", "Aucune", "S.O.",
	"Non applicabile", "Non disponibile", "Nessuno", "Nessuna", "N/D")

// fileInformation are the phrases that announce a table without saying which.
var fileInformation = wordSet("File information", "File attributes", "Dateiinformationen",
	"ファイル情報", "ファイルに関する情報", "Сведения о файлах", "Сведения об установочном файле", "Информация о файлах",
	"파일 정보", "클라이언트 설치 파일 정보", "클라이언트 및 전체 파일 설치 파일 정보",
	"Información sobre archivos", "Información de archivos", "Información de archivo",
	"文件信息", "Informações sobre o arquivo", "Informações do arquivo", "Informações sobre arquivos",
	"Informations sur les fichiers", "Informations sur le fichier", "Informations de fichier", "Informations relatives aux fichiers", "Attributs de fichier",
	"Informazioni sui file", "Informazioni sul file", "Informazioni file", "Informazioni relative ai file", "Attributi del file")

func wordSet(words ...string) map[string]bool {
	m := make(map[string]bool)
	for _, w := range words {
		m[wordKey(w)] = true
	}
	return m
}

// isNA tells whether a cell says that there is nothing to say.
func isNA(s string) bool {
	if len(s) > maxHeading || s != "" && s[0] >= '0' && s[0] <= '9' {
		return false
	}
	key := wordKey(s)
	return key == "" && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsSpace(r) && !unicode.IsPunct(r) }) || notApplicable[key]
}

// months are the names and abbreviations of months in the languages of
// headings, in lower case, without the full stop of an abbreviation.
var months = monthNames(
	"january jan januar enero ene janeiro январь января янв janvier janv gennaio gen",
	"february feb febr februar febrero fevereiro fev февраль февраля фев февр février févr fév fevr febbraio",
	"march mar märz mär mrz marzo março март марта мар mars",
	"april apr abril abr апрель апреля апр avril avr aprile",
	"may mai mayo maio май мая maggio mag",
	"june jun juni junio junho июнь июня июн juin giugno giu",
	"july jul juli julio julho июль июля июл juillet juil luglio lug",
	"august aug agosto ago август августа авг août aout",
	"september sep sept septiembre setiembre setembro set сентябрь сентября сен сент septembre settembre sett",
	"october oct oktober okt octubre outubro out октябрь октября окт octobre ottobre ott",
	"november nov noviembre novembro ноябрь ноября ноя нояб novembre",
	"december dec dezember dez diciembre dic dezembro декабрь декабря дек décembre déc dicembre",
)

func monthNames(lists ...string) map[string]int {
	m := make(map[string]int)
	for i, list := range lists {
		for _, w := range strings.Fields(list) {
			m[w] = i + 1
		}
	}
	return m
}
