package rest

import (
	"net/http"
	"strings"
)

// preference is what the Prefer header asks for (R4 http §3.1.0.1.8, §3.1.1.3,
// RFC 7240).
type preference struct {
	minimal, representation, outcome bool
	lenient                          bool
	async                            bool
}

// readPrefer takes the first of each preference, as RFC 7240 §2 says, and leaves
// out those that are not known.
func readPrefer(h http.Header) (p preference) {
	given := map[string]bool{}
	for _, part := range commaList(strings.Join(h.Values("Prefer"), ",")) {
		for token := range strings.SplitSeq(part, ";") {
			name, value, _ := strings.Cut(token, "=")
			name = strings.ToLower(strings.TrimSpace(name))
			if given[name] {
				continue
			}
			given[name] = true
			switch name + "=" + strings.Trim(strings.TrimSpace(value), `"`) {
			case "return=minimal":
				p.minimal = true
			case "return=representation":
				p.representation = true
			case "return=OperationOutcome":
				p.outcome = true
			case "handling=lenient":
				p.lenient = true
			case "respond-async=":
				p.async = true
			}
		}
	}
	return p
}

// commaList splits a header's list at its commas, not at those in quoted strings
// (RFC 9110 §5.6.1).
func commaList(text string) (parts []string) {
	quoted, from := false, 0
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quoted:
			i++
		case text[i] == '"':
			quoted = !quoted
		case text[i] == ',' && !quoted:
			parts = append(parts, text[from:i])
			from = i + 1
		}
	}
	return append(parts, text[from:])
}
