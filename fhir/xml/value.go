package xml

import (
	"strings"

	"vitalwire/fhir"
)

// primitive makes the JSON value of a primitive's text (R4 json §2.6.2.1). Where
// the text is none of that type it is a string, and ok is false.
func primitive(code, value string) (e *fhir.Element, ok bool) {
	switch code {
	case "boolean":
		if value == "true" || value == "false" {
			return fhir.NewBool(value == "true"), true
		}
		return fhir.NewString(value), false
	case "integer", "unsignedInt", "positiveInt", "decimal":
		if isNumber(value, code == "decimal") {
			return fhir.NewNumber(value), true
		}
		return fhir.NewString(value), false
	}
	return fhir.NewString(value), value != ""
}

// isNumber reports whether text is a number as R4 datatypes and JSON write it;
// fraction and exponent only where a decimal is wanted.
func isNumber(text string, decimal bool) bool {
	rest := strings.TrimPrefix(text, "-")
	n := digits(rest)
	if n == 0 || n > 1 && rest[0] == '0' {
		return false
	}
	rest = rest[n:]
	if !decimal || rest == "" {
		return rest == ""
	}
	if rest[0] == '.' {
		if n = digits(rest[1:]); n == 0 {
			return false
		}
		rest = rest[1+n:]
	}
	if rest != "" && (rest[0] == 'e' || rest[0] == 'E') {
		rest = rest[1:]
		if rest != "" && (rest[0] == '+' || rest[0] == '-') {
			rest = rest[1:]
		}
		n = digits(rest)
		if n == 0 {
			return false
		}
		rest = rest[n:]
	}
	return rest == ""
}

func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}
