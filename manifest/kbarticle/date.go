package kbarticle

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/hotfixkit/hotfixkit/internal/lazyregexp"
)

// dateOrder is how the numbers of a date like 9/12/2003 follow each other.
type dateOrder int

const (
	anyOrder dateOrder = iota
	monthFirst
	dayFirst
)

func (o dateOrder) String() string {
	return [...]string{"unknown order", "month/day/year", "day/month/year"}[o]
}

var (
	yearFirstForm = lazyregexp.New(`^(\d{4})\s*[-/.]\s*(\d{1,2})\s*[-/.]\s*(\d{1,2})\.?$`)
	eastAsiaForm  = lazyregexp.New(`^(\d{4})\s*[年년]\s*(\d{1,2})\s*[月월]\s*(\d{1,2})\s*[日일]$`)
	dayNameForm   = lazyregexp.New(`^(\d{1,2})(?:er|[ºo°])?(?:\.\s*|\s*[-/]\s*|\s+(?:de\s+)?)(\p{L}+)\.?(?:\s*[-/]\s*|\s+(?:de\s+)?)(\d{4}|\d{2})(?:\s*г\.?)?$`)
	nameDayForm   = lazyregexp.New(`^(\p{L}+)\.?\s+(\d{1,2}),?\s+(\d{4})$`)
	dottedForm    = lazyregexp.New(`^(\d{1,2})\.\s*(\d{1,2})\.\s*(\d{4}|\d{2})$`)
	numericForm   = lazyregexp.New(`^(\d{1,2})([-/])(\d{1,2})[-/](\d{4}|\d{2})$`)
	rangeForm     = lazyregexp.New(`^(.*?\S)\s*[~〜–—]\s*(\S.*)$`)
	remnantForm   = lazyregexp.New(`^[\d\s.,/年月日년월일-]{1,20}$`)
	nearDateForm  = lazyregexp.New(`\d.*[年월月년]|\d+\s*[-/.]\s*\d+\s*[-/.]\s*\d+|\d.{0,4}\p{L}{3,}`)
	zoneForm      = lazyregexp.New(`\s*\(([^()]*)\)$`)
)

const (
	problemNotDate   = "this is not a date; the field stays empty"
	problemNoSuchDay = "there is no such day; the field stays empty"
)

// simplify folds widths and blanks, so that one form stands for its variants.
func simplify(s string) string {
	if isSimple(s) {
		return s
	}
	return strings.Join(strings.Fields(norm.NFKC.String(s)), " ")
}

// isSimple reports whether a text is ASCII without blanks, as most cells are.
func isSimple(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// utcWords are parts of the ways to write that a time is in UTC.
var utcWords = []string{"utc", "gmt", "coordinated universal", "universal time", "协调世界时", "世界协调时", "協定世界時", "世界協定", "협정 세계시", "всемирн", "temps universel", "ora universale", "tempo universale", "tempo coordinato universale"}

// withoutZone cuts a remark like "(UTC)" off a date or time. Another zone is a
// problem: the columns are in UTC, and the remark says that this value is not.
func withoutZone(s string) (rest, problem string) {
	m := zoneForm().FindStringSubmatchIndex(s)
	if m == nil {
		return strings.TrimSpace(strings.TrimSuffix(strings.TrimSuffix(s, "UTC"), "GMT")), ""
	}
	zone := strings.ToLower(s[m[2]:m[3]])
	for _, w := range utcWords {
		if strings.Contains(zone, w) {
			return s[:m[0]], ""
		}
	}
	return s[:m[0]], fmt.Sprintf("the remark %q is not known to mean UTC; the field stays empty", s[m[2]:m[3]])
}

// parseDate reads a date. The value is empty with a problem that says why, or
// set, with or without a remark of how it was read. Order decides dates whose
// numbers alone do not.
func parseDate(s string, order dateOrder) (value, remark string) {
	if len(s) > maxHeading {
		return "", problemNotDate
	}
	s, problem := withoutZone(simplify(s))
	if problem != "" {
		return "", problem
	}
	value, problem = plainDate(s, order)
	if value != "" || problem != problemNotDate {
		return value, problem
	}
	// A complete date followed by the remnant of a range stands for itself; two
	// complete dates do not tell which one is meant.
	if m := rangeForm().FindStringSubmatch(s); m != nil && remnantForm().MatchString(m[2]) {
		first, _ := plainDate(m[1], order)
		second, p := plainDate(m[2], order)
		if first != "" && second == "" && p == problemNotDate {
			return first, "the date is followed by the remnant of a range; read as " + first
		}
	}
	return "", problemNotDate
}

// plainDate reads a date that fills s.
func plainDate(s string, order dateOrder) (value, problem string) {
	for _, form := range []*regexp.Regexp{yearFirstForm(), eastAsiaForm()} {
		if m := form.FindStringSubmatch(s); m != nil {
			return day(m[1], m[2], m[3])
		}
	}
	if m := dayNameForm().FindStringSubmatch(s); m != nil {
		if month := months[strings.ToLower(m[2])]; month != 0 {
			return day(century(m[3]), strconv.Itoa(month), m[1])
		}
	}
	if m := nameDayForm().FindStringSubmatch(s); m != nil {
		if month := months[strings.ToLower(m[1])]; month != 0 {
			return day(m[3], strconv.Itoa(month), m[2])
		}
	}
	if m := dottedForm().FindStringSubmatch(s); m != nil {
		return day(century(m[3]), m[2], m[1])
	}
	if m := numericForm().FindStringSubmatch(s); m != nil {
		us, _ := day(century(m[4]), m[1], m[3])
		eu, _ := day(century(m[4]), m[3], m[1])
		switch {
		case us == "" && eu == "":
			return "", problemNoSuchDay
		case us == eu, eu == "", order == monthFirst && us != "":
			return us, ""
		case us == "", order == dayFirst:
			return eu, ""
		}
		return "", fmt.Sprintf("the order of day and month is not certain (%s or %s); the field stays empty", us, eu)
	}
	return "", problemNotDate
}

// orderOf tells the order that a date has for certain, when it can be read in
// one order only.
func orderOf(s string) dateOrder {
	s, _ = withoutZone(simplify(s))
	if d, _, ok := splitDateTime(s); ok {
		s = d
	}
	m := numericForm().FindStringSubmatch(s)
	if m == nil {
		return anyOrder
	}
	us, _ := day(century(m[4]), m[1], m[3])
	eu, _ := day(century(m[4]), m[3], m[1])
	switch {
	case us != "" && eu == "":
		return monthFirst
	case us == "" && eu != "":
		return dayFirst
	}
	return anyOrder
}

// century completes a year of two digits as POSIX does: 69 to 99 are of the 20th
// century, 00 to 68 of the 21st.
func century(year string) string {
	if len(year) == 2 {
		if year >= "69" {
			return "19" + year
		}
		return "20" + year
	}
	return year
}

func day(year, month, dayOfMonth string) (value, problem string) {
	y, _ := strconv.Atoi(year)
	m, _ := strconv.Atoi(month)
	d, _ := strconv.Atoi(dayOfMonth)
	t := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	if y < 1601 || t.Year() != y || int(t.Month()) != m || t.Day() != d {
		return "", problemNoSuchDay
	}
	return t.Format(time.DateOnly), ""
}

// nearDate tells whether a cell was meant to be a date, so that a damaged one
// still holds its place in a row without ruled columns.
func nearDate(s string) bool {
	if len(s) > maxHeading {
		return false
	}
	s, _ = withoutZone(simplify(s))
	return len(s) <= 60 && nearDateForm().MatchString(s) && !looksLikeFile(s)
}

// splitDateTime cuts a cell that holds a date and a time.
func splitDateTime(s string) (d, t string, ok bool) {
	for i, r := range s {
		if r != ' ' && r != 'T' {
			continue
		}
		left, right := s[:i], s[i+1:]
		if _, p := plainDate(left, monthFirst); p == problemNotDate {
			continue
		}
		if v, _ := parseTime(right); v != "" {
			return left, right, true
		}
	}
	return "", "", false
}

var (
	timeForm     = lazyregexp.New(`^(\d{1,2})[:.](\d{2})(?::(\d{2}))?\s*([ap]\.?\s?m\.?)?$`)
	hourForm     = lazyregexp.New(`^(\d{1,2}) ?h ?(\d{2})$`) // "6 h 27", in French
	halfDayForm  = lazyregexp.New(`^(오전|오후|午前|午後|上午|下午)\s*`)
	nearTimeForm = lazyregexp.New(`^\D{0,4}\d{1,3}[:.]\d{2}\D`)
)

const problemNotTime = "this is not a time; the field stays empty"

// parseTime reads a time of day as 06:27, or 06:27:05 where the source gives
// seconds.
func parseTime(s string) (value, problem string) {
	if len(s) > maxHeading {
		return "", problemNotTime
	}
	s, problem = withoutZone(simplify(s))
	if problem != "" {
		return "", problem
	}
	half := ""
	if m := halfDayForm().FindString(s); m != "" {
		switch strings.TrimSpace(m) {
		case "오전", "午前", "上午":
			half = "a"
		default:
			half = "p"
		}
		s = s[len(m):]
	}
	s = hourForm().ReplaceAllString(strings.ToLower(s), "$1:$2")
	m := timeForm().FindStringSubmatch(s)
	if m == nil || half != "" && m[4] != "" {
		return "", problemNotTime
	}
	if m[4] != "" {
		half = m[4][:1]
	}
	hour, _ := strconv.Atoi(m[1])
	minute, _ := strconv.Atoi(m[2])
	second, _ := strconv.Atoi(m[3])
	switch {
	case half == "" && hour > 23, half != "" && (hour < 1 || hour > 12), minute > 59, second > 59:
		return "", "there is no such time; the field stays empty"
	case half == "a" && hour == 12:
		hour = 0
	case half == "p" && hour != 12:
		hour += 12
	}
	if m[3] != "" {
		return fmt.Sprintf("%02d:%02d:%02d", hour, minute, second), ""
	}
	return fmt.Sprintf("%02d:%02d", hour, minute), ""
}

func nearTime(s string) bool {
	return len(s) <= maxHeading && nearTimeForm().MatchString(simplify(s)+" ")
}
