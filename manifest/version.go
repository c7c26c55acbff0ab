package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// number is a file version: four parts, the most significant first.
type number [4]uint64

// parseNumber reads a version of one to four decimal parts, separated by dots or,
// as old resource files have them, by commas. Missing parts are zero; leading
// zeros mean nothing.
func parseNumber(s string) (number, bool) {
	var n number
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == '.' || r == ',' })
	if len(parts) == 0 || len(parts) > len(n) || strings.Count(s, ".")+strings.Count(s, ",") != len(parts)-1 {
		return n, false
	}
	for i, p := range parts {
		v, err := strconv.ParseUint(strings.TrimSpace(p), 10, 32)
		if err != nil {
			return n, false
		}
		n[i] = v
	}
	return n, true
}

func (n number) compare(m number) int { return slices.Compare(n[:], m[:]) }

// compareVersions compares two versions as numbers, or as text where one of them
// is none: then the second result is false and only 0 means anything.
func compareVersions(a, b string) (int, bool) {
	m, okA := parseNumber(a)
	n, okB := parseNumber(b)
	if okA && okB {
		return m.compare(n), true
	}
	return cmp.Compare(strings.ToLower(strings.TrimSpace(a)), strings.ToLower(strings.TrimSpace(b))), false
}

// sameNumber reports whether a FileVersion string, which may carry the name of a
// branch behind the number ("6.0.2900.2180 (xpsp_sp2_rtm.040803-2158)"), begins
// with that version.
func sameNumber(s, version string) bool {
	if order, _ := compareVersions(s, version); order == 0 {
		return true
	}
	first, _, _ := strings.Cut(s, " ")
	order, ok := compareVersions(first, version)
	return ok && order == 0
}

// versionKey is equal for versions that compareVersions finds equal.
func versionKey(version string) string {
	if n, ok := parseNumber(version); ok {
		return fmt.Sprint(n)
	}
	return strings.ToLower(strings.TrimSpace(version))
}
