package profiles

import (
	"strconv"
	"strings"
)

// compareVersions orders business versions: negative when a is older. Numbers
// between dots count as numbers; a label behind '-' makes it older than without
// (semver §11). A date is older than a semantic version: HL7 moved from the one
// to the other. No version is oldest.
func compareVersions(a, b string) int {
	if a == b {
		return 0
	}
	if x, y := versionClass(a), versionClass(b); x != y {
		return x - y
	}
	coreA, labelA, _ := strings.Cut(a, "-")
	coreB, labelB, _ := strings.Cut(b, "-")
	if versionClass(a) == dated {
		coreA, coreB, labelA, labelB = a, b, "", ""
	}
	if c := compareParts(coreA, coreB); c != 0 {
		return c
	}
	switch {
	case labelA == labelB:
		return strings.Compare(a, b)
	case labelA == "":
		return 1
	case labelB == "":
		return -1
	}
	return compareParts(labelA, labelB)
}

// The classes of version, oldest first.
const (
	unversioned = iota
	dated
	numbered
)

func versionClass(v string) int {
	if v == "" {
		return unversioned
	}
	digits, _, _ := strings.Cut(v, "-")
	digits, _, dotted := strings.Cut(digits, ".")
	if !dotted && (len(digits) == 4 || len(digits) == 8) && number(digits) >= 1900 {
		return dated
	}
	return numbered
}

func compareParts(a, b string) int {
	as, bs := strings.FieldsFunc(a, separates), strings.FieldsFunc(b, separates)
	for i := range max(len(as), len(bs)) {
		if i >= len(as) {
			return -1
		}
		if i >= len(bs) {
			return 1
		}
		if x, y := number(as[i]), number(bs[i]); x >= 0 && y >= 0 {
			if x != y {
				return x - y
			}
		} else if c := strings.Compare(as[i], bs[i]); c != 0 {
			return c
		}
	}
	return 0
}

func separates(r rune) bool { return r == '.' || r == '-' }

// number is the value of digits, -1 for other text.
func number(s string) int {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return -1
	}
	return int(n)
}
