package kbarticle

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/hotfixkit/hotfixkit/internal/lazyregexp"
)

var (
	versionForm = lazyregexp.New(`^\d{1,10}(\.\d{1,10}){1,3}$`)
	plainForm   = lazyregexp.New(`^\d{1,18}$`)
	groupedForm = lazyregexp.New(`^\d{1,3}(?:(?:,\d{3})+|(?:\.\d{3})+|(?: \d{3})+|(?:'\d{3})+|(?:’\d{3})+)$`)
	strayForm   = lazyregexp.New(`^\d{1,3}(?:(?: ?, ?\d{3})+|(?: ?\. ?\d{3})+)$`)
	roundForm   = lazyregexp.New(`^[\d., ]+ ?([kmg]i?b?|ko|mo|кб|мб)$`)
	bytesForm   = lazyregexp.New(`^([\d.,’' ]+?) ?(?:bytes?|octets|байта?|バイト|바이트|字节)$`)
	nearForm    = lazyregexp.New(`^\d[\d.,’' ]*$`)
	fileForm    = lazyregexp.New(`^[^\\/:*?"<>|\t\n]{1,250}\.[0-9A-Za-z_]{1,20}$`)
	letterForm  = lazyregexp.New(`[A-Za-z]`)
	labelForm   = lazyregexp.New(`^[^:：]{1,60}[:：]\s*(\S.*)$`)
)

// looksLikeFile tells whether a text is a file name for certain: a stem, a full
// stop and an extension with a letter, and nothing that a file name cannot hold.
func looksLikeFile(s string) bool {
	s = strings.TrimSpace(s)
	if !strings.Contains(s, ".") || !fileForm().MatchString(s) || len(strings.Fields(s)) > 4 {
		return false
	}
	ext := s[strings.LastIndexByte(s, '.')+1:]
	numeric := strings.TrimFunc(s[:len(s)-len(ext)-1], unicode.IsDigit) == ""
	if !letterForm().MatchString(ext) || numeric && (len(ext) == 1 || unicode.IsDigit(rune(ext[0]))) {
		return false
	}
	if v, _ := parseTime(s); v != "" {
		return false
	}
	if v, _ := plainDate(simplify(s), anyOrder); v != "" {
		return false
	}
	return true
}

// parseVersion accepts two to four numbers and keeps them as they are printed.
func parseVersion(s string) (value, problem string) {
	if s = strings.TrimSpace(s); len(s) <= maxHeading {
		if s = simplify(s); versionForm().MatchString(s) {
			return s, ""
		}
	}
	return "", "this is not a version; the field stays empty"
}

// parseSize reads a count of bytes. A rounded size ("29K") is not one.
func parseSize(s string) (bytes int64, ok bool, remark string) {
	const problem = "this is not a size in bytes; the field stays empty"
	if len(s) > maxHeading {
		return 0, false, problem
	}
	s = strings.ToLower(simplify(s))
	if m := bytesForm().FindStringSubmatch(s); m != nil {
		s = m[1]
	}
	switch {
	case plainForm().MatchString(s), groupedForm().MatchString(s):
	case strayForm().MatchString(s):
		remark = "a blank is next to the separator"
	case roundForm().MatchString(s):
		return 0, false, "the size is rounded; the field stays empty"
	case nearForm().MatchString(s):
		return 0, false, "the digits are not grouped in threes; the field stays empty"
	default:
		return 0, false, problem
	}
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0, false, problem
	}
	if remark != "" {
		remark = fmt.Sprintf("%s; read as %d", remark, n)
	}
	return n, true, remark
}

// platforms are the machines by their printed names. Intel appears next to Alpha
// in articles of the years when Windows NT ran on both.
var platforms = map[string]string{
	"x86": "x86", "ix86": "x86", "i386": "x86", "x8632": "x86", "intel": "x86", "intelx86": "x86", "32bit": "x86",
	"x64": "x64", "amd64": "x64", "x8664": "x64",
	"ia64": "ia64", "itanium": "ia64",
	"alpha": "alpha", "arm": "arm", "arm64": "arm64", "mips": "mips", "ppc": "ppc",
}

// variants are words of platform columns that name something else than a machine.
var variants = map[string]string{
	"nec":     "NEC names a family of computers, not a machine; the field stays empty",
	"uniproc": "this names a variant for one processor, not a machine; the field stays empty",
}

func parsePlatform(s string) (value, remark string) {
	key := wordKey(s[:min(len(s), maxHeading)])
	if key == "wow" {
		return "x86", "WOW is the part of 64-bit Windows that runs x86 files; read as x86"
	}
	if p := platforms[key]; p != "" {
		return p, ""
	}
	if v := variants[key]; v != "" {
		return "", v
	}
	return "", "this is not a known machine; the field stays empty"
}

// parseName reads a name, which may be broken over lines or carry the path or a
// second name.
func parseName(s string) (base, dir, remark string) {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	for i := range lines {
		lines[i] = strings.Join(strings.Fields(lines[i]), " ")
	}
	text := lines[0]
	if len(lines) > 1 {
		joined := strings.Join(lines, "")
		labelled := labelForm().FindStringSubmatch(strings.Join(lines[1:], " "))
		switch {
		case looksLikeFile(lines[0]) && labelled != nil:
			remark = fmt.Sprintf("the cell names the file twice; the first name is read (%q is the other)", labelled[1])
		case !looksLikeFile(lines[0]) && looksLikeFile(joined) && !strings.Contains(joined, " "):
			text, remark = joined, "the name is broken over lines; read without the break"
		default:
			text, remark = strings.Join(lines, " "), "the name holds a line break; whether it belongs to the name is not certain"
		}
	}
	text = strings.ReplaceAll(text, `\`, "/")
	if i := strings.LastIndexByte(text, '/'); i >= 0 {
		return text[i+1:], text[:i], remark
	}
	return text, "", remark
}

// parseFolder gives the elements of a folder, "/" between them.
func parseFolder(s string) (value, problem string) {
	s = strings.Join(strings.Fields(s), " ")
	elements := strings.FieldsFunc(s, func(r rune) bool { return r == '\\' || r == '/' })
	for _, e := range elements {
		if strings.TrimSpace(e) != e {
			return "", "a blank is next to a separator of the folder; the path stays empty"
		}
		if strings.ContainsAny(e, `:*?"<>|`) || strings.Trim(e, ".") == "" {
			return "", "this is not a folder of a package; the path stays empty"
		}
	}
	return strings.Join(elements, "/"), ""
}

// plausible tells whether a cell can be in a column of that kind. With loose,
// a damaged value that was clearly meant for the column is good enough.
func plausible(k kind, s string, loose bool) bool {
	if k != colName && isNA(s) {
		return true
	}
	ok := false
	switch k {
	case colVersion, colSize, colDate, colTime, colDateTime:
		if len(s) > maxHeading || !strings.ContainsFunc(s, unicode.IsDigit) {
			return false
		}
	}
	switch k {
	case colName:
		base, _, _ := parseName(s)
		ok = looksLikeFile(base)
	case colVersion:
		_, problem := parseVersion(s)
		ok = problem == ""
	case colSize:
		var remark string
		_, ok, remark = parseSize(s)
		ok = ok || loose && (nearForm().MatchString(simplify(s)) || strings.HasPrefix(remark, "the size is rounded"))
	case colDate:
		v, _ := parseDate(s, monthFirst)
		ok = v != "" || loose && nearDate(s)
	case colTime:
		v, _ := parseTime(s)
		ok = v != "" || loose && nearTime(s)
	case colDateTime:
		_, _, ok = splitDateTime(simplify(s))
		ok = ok || plausible(colDate, s, loose) || plausible(colTime, s, loose)
	case colPlatform:
		key := wordKey(s[:min(len(s), maxHeading)])
		ok = platforms[key] != "" || variants[key] != "" || key == "wow"
	case colSHA256:
		ok = sha256Form().MatchString(strings.TrimSpace(s))
	default:
		ok = len(s) <= 260
	}
	return ok
}

var sha256Form = lazyregexp.New(`^[0-9A-Fa-f]{64}$`)
