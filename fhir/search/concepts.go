package search

import (
	"errors"
	"strings"

	"vitalwire/fhir"
)

// Terms knows value sets and code systems. Its errors are told to the client: a
// value set that is not known, that is too large, or of which not all codes are
// known here.
type Terms interface {
	// Members are all codes of a value set, given by its canonical, perhaps with
	// |version, or as ValueSet/id; more than limit are an error.
	Members(valueSet string, limit int) ([]Coding, error)
	// Below are a code and all it subsumes; Above are it and all that subsume it.
	Below(system, code string, limit int) ([]Coding, error)
	Above(system, code string, limit int) ([]Coding, error)
}

// Coding is a code of a code system.
type Coding struct{ System, Code string }

// maxConcepts is how many codes the values of one parameter may stand for.
const maxConcepts = 5000

// byTerms are the modifiers of tokens that terminology answers.
var byTerms = map[string]bool{"in": true, "not-in": true, "above": true, "below": true}

// concepts reads :in and :not-in, whose values name value sets, and :above and
// :below, whose values are codes (R4 search §3.1.1.4.4), into the codes meant.
func (p *parse) concepts(clause Clause, modifier, value string) (Clause, *fhir.Error) {
	code := clause.Param.Code
	if p.o.Terms == nil {
		return clause, fhir.BadSearch("modifier :%s of %s is not supported: there is no terminology service", modifier, code).WithCode(fhir.CodeNotSupported)
	}
	seen := map[Coding]bool{}
	given := false
	for _, one := range cutUnescaped(value, ',') {
		if one == "" {
			continue
		}
		given = true
		list, err := p.codings(modifier, one)
		if err != nil {
			var known *fhir.Error
			if !errors.As(err, &known) {
				known = fhir.BadSearch("%s:%s cannot be answered", code, modifier).WithCause(err)
			}
			return clause, known
		}
		for i := range list {
			if c := &list[i]; !seen[*c] {
				seen[*c] = true
				clause.Operands = append(clause.Operands, Operand{System: &c.System, Code: &c.Code})
			}
		}
		if len(clause.Operands) > maxConcepts {
			return clause, tooManyCodes(code, modifier)
		}
	}
	if !given {
		return clause, fhir.BadSearch("%s has no value", code)
	}
	if len(clause.Operands) == 0 { // an empty value set: nothing is in it
		return Clause{Group: &Group{Op: map[bool]Op{false: Any, true: All}[clause.Not]}}, nil
	}
	return clause, nil
}

func tooManyCodes(code, modifier string) *fhir.Error {
	return fhir.TooCostly("%s:%s stands for more than %d codes; name a smaller value set or a narrower code", code, modifier, maxConcepts)
}

func (p *parse) codings(modifier, value string) ([]Coding, error) {
	if modifier == "in" || modifier == "not-in" {
		name := unescape(value)
		if p.o.Base != "" {
			if local, ok := strings.CutPrefix(name, p.o.Base+"/"); ok && strings.HasPrefix(local, "ValueSet/") {
				name = local
			}
		}
		return p.o.Terms.Members(name, maxConcepts)
	}
	parts := cutUnescaped(value, '|')
	if len(parts) != 2 || parts[0] == "" || parts[1] == "" {
		return nil, fhir.BadSearch("a code for :%s must be system|code", modifier)
	}
	system, code := unescape(parts[0]), unescape(parts[1])
	if modifier == "above" {
		return p.o.Terms.Above(system, code, maxConcepts)
	}
	return p.o.Terms.Below(system, code, maxConcepts)
}
