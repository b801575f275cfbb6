package term

import (
	"slices"
	"strconv"
	"strings"
)

// A tag is a language tag (BCP 47), cut into the parts that matching needs.
type tag struct {
	code                            string
	language, script, region, extra string
}

// parseTag reads a language tag; false when it is not of that form.
func parseTag(code string) (tag, bool) {
	t := tag{code: code}
	if code == "*" {
		t.language = "*"
		return t, true
	}
	for i, part := range strings.Split(code, "-") {
		if part == "" || len(part) > 8 || !alphanumeric(part) {
			return tag{}, false
		}
		switch {
		case i == 0:
			if !letters(part) || len(part) < 2 && part != "i" && part != "x" {
				return tag{}, false
			}
			t.language = strings.ToLower(part)
		case t.extra == "" && t.region == "" && t.script == "" && len(part) == 4 && letters(part):
			t.script = strings.ToLower(part)
		case t.extra == "" && t.region == "" && (len(part) == 2 && letters(part) || len(part) == 3 && digits(part)):
			t.region = strings.ToUpper(part)
		default:
			t.extra += "-" + strings.ToLower(part)
		}
	}
	return t, true
}

func alphanumeric(s string) bool {
	return every(s, func(c byte) bool { return isLetter(c) || c >= '0' && c <= '9' })
}
func letters(s string) bool { return every(s, isLetter) }
func digits(s string) bool  { return every(s, func(c byte) bool { return c >= '0' && c <= '9' }) }
func isLetter(c byte) bool  { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func every(s string, ok func(byte) bool) bool {
	for i := range len(s) {
		if !ok(s[i]) {
			return false
		}
	}
	return s != ""
}

// depth is how much of two tags must agree.
type depth uint8

const (
	wholeTag depth = iota
	toRegion
	languageOnly
)

var depths = [...]depth{wholeTag, toRegion, languageOnly}

func (t tag) matches(o tag, d depth) bool {
	if t.language != o.language {
		return false
	}
	switch d {
	case wholeTag:
		return t.script == o.script && t.region == o.region && t.extra == o.extra
	case toRegion:
		return t.script == o.script && t.region == o.region
	}
	return true
}

// A wish is one language of a list of preferences, with its weight in
// thousandths (RFC 9110 §12.4.2).
type wish struct {
	tag
	weight  int
	implied bool // the * that stands for "else anything"
}

// wishes is a list of preferences, best first.
type wishes []wish

// parseWishes reads a displayLanguage or Accept-Language. When soft, any other
// language is acceptable unless the text says *;q=0.
func parseWishes(text string, soft bool) (wishes, bool) {
	var out wishes
	star := false
	for entry := range strings.SplitSeq(text, ",") {
		code, q, weighted := strings.Cut(entry, ";")
		t, ok := parseTag(strings.TrimSpace(code))
		if !ok {
			return nil, false
		}
		w := wish{tag: t, weight: 1000}
		if weighted {
			_, value, _ := strings.Cut(q, "=")
			if w.weight, ok = parseWeight(strings.TrimSpace(value)); !ok {
				return nil, false
			}
		}
		star = star || t.code == "*"
		out = append(out, w)
		if len(out) > 32 {
			return nil, false
		}
	}
	if soft && !star {
		t, _ := parseTag("*")
		out = append(out, wish{tag: t, weight: 10, implied: true})
	}
	slices.SortStableFunc(out, func(a, b wish) int { return b.weight - a.weight })
	return out, true
}

func parseWeight(s string) (int, bool) {
	whole, fraction, _ := strings.Cut(s, ".")
	if whole != "0" && whole != "1" || len(fraction) > 3 || fraction != "" && !digits(fraction) {
		return 0, false
	}
	n, err := strconv.Atoi(whole + (fraction + "000")[:3])
	return n, err == nil && n <= 1000
}

// String is how the list is repeated in an expansion: as it was wished.
func (ws wishes) String() string {
	var b strings.Builder
	for _, w := range ws {
		if w.implied {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		if w.weight == 1000 {
			b.WriteString(w.code)
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w.code + "; q=" + weightText(w.weight))
	}
	return b.String()
}

func weightText(n int) string {
	if n == 0 || n == 1000 {
		return strconv.Itoa(n / 1000)
	}
	return "0." + strings.TrimRight((strconv.Itoa(n + 1000))[1:], "0")
}

// summary names the languages in a message.
func (ws wishes) summary() string {
	var parts []string
	for _, w := range ws {
		if !w.implied && w.code != "*" {
			parts = append(parts, w.code)
		}
	}
	if len(parts) == 0 {
		return "--"
	}
	return strings.Join(parts, ", ")
}

func (w wish) matches(t *tag, d depth) bool {
	switch {
	case w.weight <= 0:
		return false
	case w.code == "*":
		return true
	}
	return t != nil && w.tag.matches(*t, d)
}

// accept reports whether a text in language t will do: one without a language
// always does, and every one where nothing was wished.
func (ws wishes) accept(t *tag, d depth) bool {
	if t == nil || ws == nil {
		return true
	}
	for _, w := range ws {
		if w.matches(t, d) {
			return true
		}
	}
	return false
}
