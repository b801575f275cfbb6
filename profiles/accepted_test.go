package profiles_test

import (
	"os"
	"strings"
	"testing"
)

// reasonFor gives the reason under which a difference may be written into the
// table; "" where a person has to think first.
func reasonFor(line string) string {
	key, rest, _ := strings.Cut(line, "\t")
	typ, id, _ := strings.Cut(key, "/")
	switch {
	case rest == "only in R4":
		switch {
		case typ == "ConceptMap" || typ == "StructureMap" || typ == "NamingSystem" || typ == "CapabilityStatement":
			return "R4 publishes it, the npm package does not; no interaction of R4 needs it"
		case strings.Contains(id, "example") || strings.Contains(id, "genetic") || strings.Contains(id, "-extensions-") || id == "filter":
			return "an example, or a search parameter of an extension, that the npm package leaves out"
		case typ == "StructureDefinition":
			return "a pattern or tooling extension that the npm package leaves out; no resource refers to it"
		}
	case typ == "SearchParameter" && strings.Contains(rest, "expression") && strings.Contains(rest, "ofType("):
		return "kept: ofType(X) selects from collections, where R4's 'as X' is an error on more than one item"
	case key == "StructureDefinition/Appointment" && strings.Contains(rest, "[app-4]"):
		return "kept: R4 compares with the code 'no-show', which does not exist; 'noshow' does"
	case typ == "CodeSystem" && strings.Contains(id, "0360"):
		return "kept: R4 writes the version into the url; version has it too"
	case key == "CodeSystem/v2-0550":
		return "kept: R4 has codes with a no-break space beside deprecated ones without; the npm package joins them"
	case typ == "CodeSystem" && (strings.HasSuffix(strings.Split(rest, "\t")[0], ".definition") || id == "operation-outcome"):
		return "characters: R4's publication has broken encodings here"
	}
	return ""
}

func writeAccepted(t *testing.T, found []string) {
	t.Helper()
	byReason := make(map[string][]string)
	var reasons []string
	for _, line := range found {
		reason := reasonFor(line)
		if reason == "" {
			t.Errorf("no reason: %s", line)
			continue
		}
		if byReason[reason] == nil {
			reasons = append(reasons, reason)
		}
		byReason[reason] = append(byReason[reason], line)
	}
	var b strings.Builder
	for _, reason := range reasons {
		b.WriteString("# " + reason + "\n" + strings.Join(byReason[reason], "\n") + "\n\n")
	}
	if err := os.MkdirAll("testdata", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(acceptedFile, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
