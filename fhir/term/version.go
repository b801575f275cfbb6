package term

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// versionMatches reports whether a version meets a wanted one: the same text, or
// a pattern with wildcards such as 1.0.x or 1.x (R4 terminology-service §4.7.7
// leaves the form open; this is what the terminology ecosystem settled on). A
// shorter version is not a pattern: "1" is not 1.0.0.
func versionMatches(want, have string) bool {
	if want == have {
		return true
	}
	if !wildcard(want) || have == "" {
		return false
	}
	wants, parts := strings.Split(want, "."), strings.Split(have, ".")
	for i, w := range wants {
		if i >= len(parts) {
			return false
		}
		if isWild(w) {
			if i == len(wants)-1 {
				return true
			}
			continue
		}
		if w != parts[i] {
			return false
		}
	}
	return len(wants) == len(parts)
}

func wildcard(v string) bool {
	for part := range strings.SplitSeq(v, ".") {
		if isWild(part) {
			return true
		}
	}
	return false
}

func isWild(part string) bool { return part == "x" || part == "X" || part == "*" }

// compareVersions orders business versions: numbers between dots as numbers, a
// pre-release label before none (semver §11), no version first.
func compareVersions(a, b string) int {
	if a == b {
		return 0
	}
	if a == "" || b == "" {
		return cmp.Compare(len(a), len(b))
	}
	coreA, labelA, hasA := strings.Cut(a, "-")
	coreB, labelB, hasB := strings.Cut(b, "-")
	if len(coreA) == 4 && len(coreB) == 4 { // dates
		return strings.Compare(a, b)
	}
	if c := comparePieces(coreA, coreB); c != 0 {
		return c
	}
	switch {
	case hasA && !hasB:
		return -1
	case hasB && !hasA:
		return 1
	}
	return comparePieces(labelA, labelB)
}

func comparePieces(a, b string) int {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(as), len(bs)) {
		x, errX := strconv.ParseUint(as[i], 10, 63)
		y, errY := strconv.ParseUint(bs[i], 10, 63)
		if errX == nil && errY == nil {
			if x != y {
				return cmp.Compare(x, y)
			}
		} else if c := strings.Compare(as[i], bs[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(as), len(bs))
}

// newestFirst sorts versions in place.
func newestFirst(versions []string) {
	slices.SortFunc(versions, func(a, b string) int { return compareVersions(b, a) })
}

// canonical joins url and version.
func canonical(url, version string) string {
	if version == "" {
		return url
	}
	return url + "|" + version
}

func splitCanonical(c string) (url, version string) {
	url, version, _ = strings.Cut(c, "|")
	return url, version
}
