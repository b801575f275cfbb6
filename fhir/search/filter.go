package search

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"vitalwire/fhir"
)

// maxFilterDepth and maxFilterTests bound one _filter.
const (
	maxFilterDepth = 20
	maxFilterTests = 100
)

// filter reads _filter (R4 search_filter): tests joined by and, or, not and
// parentheses; and binds tighter than or.
type filter struct {
	p     *parse
	text  string
	depth int // of parentheses and brackets
	links int // references the place lies behind
	tests int
}

func (p *parse) filter(typ, value string, depth int) (Clause, *fhir.Error) {
	f := &filter{p: p, text: value, links: depth}
	c, err := f.either(typ)
	if err == nil && f.blank() != "" {
		err = f.wrong("the end, and or or")
	}
	return c, err
}

// blank skips blanks and gives the text that is left.
func (f *filter) blank() string {
	f.text = strings.TrimLeftFunc(f.text, unicode.IsSpace)
	return f.text
}

// wrong says what was expected at the place reached.
func (f *filter) wrong(want string) *fhir.Error {
	at := f.blank()
	if len(at) > 20 {
		at = strings.ToValidUTF8(at[:20], "") + "..."
	}
	if at == "" {
		at = "the end"
	}
	return fhir.BadSearch("_filter: at %s, %s is expected", at, want)
}

// word takes a keyword that stands by itself, in any case.
func (f *filter) word(keyword string) bool {
	text := f.blank()
	if len(text) < len(keyword) || !strings.EqualFold(text[:len(keyword)], keyword) {
		return false
	}
	rest := text[len(keyword):]
	if r, _ := utf8.DecodeRuneInString(rest); rest != "" && !unicode.IsSpace(r) && r != '(' {
		return false
	}
	f.text = rest
	return true
}

func (f *filter) either(typ string) (Clause, *fhir.Error) {
	if f.depth++; f.depth > maxFilterDepth {
		return Clause{}, fhir.TooCostly("_filter is more than %d levels deep", maxFilterDepth)
	}
	defer func() { f.depth-- }()
	var list []Clause
	for {
		c, err := f.every(typ)
		if err != nil {
			return c, err
		}
		list = append(list, c)
		if !f.word("or") {
			return anyOf(list...), nil
		}
	}
}

func (f *filter) every(typ string) (Clause, *fhir.Error) {
	var list []Clause
	for {
		c, err := f.one(typ)
		if err != nil {
			return c, err
		}
		list = append(list, c)
		if !f.word("and") {
			return all(list...), nil
		}
	}
}

func (f *filter) one(typ string) (Clause, *fhir.Error) {
	negated := false
	if before := f.text; f.word("not") {
		if negated = strings.HasPrefix(f.blank(), "("); !negated { // a parameter may be named not
			f.text = before
		}
	}
	if !strings.HasPrefix(f.blank(), "(") {
		return f.test(typ)
	}
	f.text = f.text[1:]
	c, err := f.either(typ)
	if err != nil {
		return c, err
	}
	if !strings.HasPrefix(f.blank(), ")") {
		return c, f.wrong("a closing parenthesis")
	}
	f.text = f.text[1:]
	if negated {
		c = not(c)
	}
	return c, nil
}

// name takes a parameter's name.
func (f *filter) name() string {
	text := f.blank()
	end := strings.IndexFunc(text, func(r rune) bool {
		return r != '_' && r != '-' && r != ':' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	if end < 0 {
		end = len(text)
	}
	f.text = text[end:]
	return text[:end]
}

// test reads path operation value. A path may go on behind a reference, with a
// dot, and a filter in brackets narrows what the reference leads to.
func (f *filter) test(typ string) (Clause, *fhir.Error) {
	if f.tests++; f.tests > maxFilterTests {
		return Clause{}, fhir.TooCostly("_filter has more than %d tests", maxFilterTests)
	}
	name := f.name()
	if name == "" {
		return Clause{}, f.wrong("the name of a search parameter")
	}
	name, narrowed, _ := strings.Cut(name, ":")
	param := f.p.reg.Lookup(typ, name)
	if param == nil {
		return Clause{}, f.p.unknown(typ, name)
	}
	if strings.HasPrefix(f.text, "[") || strings.HasPrefix(f.text, ".") {
		return f.chain(param, narrowed)
	}
	if narrowed != "" {
		return Clause{}, f.wrong("a dot behind " + name + ":" + narrowed)
	}
	op := f.name()
	value, err := f.value()
	if err != nil {
		return Clause{}, err
	}
	return f.compare(param, op, value)
}

// chain reads what stands behind a reference on each type it may lead to.
func (f *filter) chain(param *Param, narrowed string) (Clause, *fhir.Error) {
	clause := Clause{Param: param}
	targets := param.Targets
	if narrowed != "" {
		targets = []string{narrowed}
	}
	if param.Type != ReferenceType || narrowed != "" && !param.refersTo(narrowed) {
		return clause, fhir.BadSearch("_filter: %s does not lead to other resources, or not to %s", param.Code, narrowed).WithCode(fhir.CodeNotSupported)
	}
	if len(targets) == 0 || len(targets) > 20 {
		return clause, fhir.BadSearch("_filter: %s may refer to very many types; name one, as in %s:Patient", param.Code, param.Code)
	}
	if f.links++; f.links > maxChain {
		return clause, fhir.TooCostly("more than %d references in one chain", maxChain)
	}
	defer func() { f.links-- }()
	start := *f
	var end string
	var first *fhir.Error
	for _, target := range targets {
		if f.p.clauses++; f.p.clauses > maxClauses {
			return clause, fhir.TooCostly("a chain that may lead to so many types; name the type of each reference, as in subject:Patient.name")
		}
		f.text, f.depth = start.text, start.depth
		inner, err := f.behind(target)
		if err == nil {
			clause.Chain, end = append(clause.Chain, Chain{Type: target, Clause: inner}), f.text
		} else if first == nil || err.Situation == fhir.SituationTooCostly {
			first = err
		}
	}
	if len(clause.Chain) == 0 || first != nil && first.Situation == fhir.SituationTooCostly {
		return clause, first
	}
	f.text = end
	return clause, nil
}

// behind reads [filter] and .path for one type.
func (f *filter) behind(typ string) (Clause, *fhir.Error) {
	var list []Clause
	if strings.HasPrefix(f.text, "[") {
		f.text = f.text[1:]
		c, err := f.either(typ)
		if err != nil {
			return c, err
		}
		if !strings.HasPrefix(f.blank(), "]") {
			return c, f.wrong("a closing bracket")
		}
		f.text = f.text[1:]
		list = append(list, c)
	}
	if !strings.HasPrefix(f.text, ".") {
		return Clause{}, f.wrong("a dot and another parameter")
	}
	f.text = f.text[1:]
	c, err := f.test(typ)
	return all(append(list, c)...), err
}

// value takes a JSON string, or all up to a blank, ) or ].
func (f *filter) value() (string, *fhir.Error) {
	text := f.blank()
	if strings.HasPrefix(text, `"`) {
		d := json.NewDecoder(strings.NewReader(text))
		var s string
		if err := d.Decode(&s); err != nil {
			return "", f.wrong("a JSON string")
		}
		f.text = text[d.InputOffset():]
		return s, nil
	}
	end := strings.IndexFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == ')' || r == ']' })
	if end < 0 {
		end = len(text)
	}
	if end == 0 {
		return "", f.wrong("an operation and a value")
	}
	f.text = text[end:]
	return text[:end], nil
}

// prefixOps are the operations on numbers and dates that are prefixes of searches.
var prefixOps = []string{"eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"}

// textOps are those on texts.
var textOps = map[string]Match{"eq": Equal, "ne": Unequal, "co": Contains, "sw": Begins, "ew": Ends}

// compare makes the clause of one test. What an operation does not mean for a type
// is refused.
func (f *filter) compare(param *Param, op, value string) (Clause, *fhir.Error) {
	c := Clause{Param: param}
	literal := strings.ReplaceAll(value, `\`, `\\`)
	kind := param.Type
	var err *fhir.Error
	switch {
	case op == "pr":
		if _, err = c.modify("missing", map[string]string{"true": "false", "false": "true"}[value]); err != nil {
			return c, fhir.BadSearch("_filter: %s pr must be true or false", param.Code)
		}
		return c, nil
	case kind == TextType && (op == "co" || op == "eq"):
		return f.p.fullText(param, escapeCommas(literal))
	case (kind == StringType || kind == URIType) && slices.Contains([]string{"eq", "ne", "co", "sw", "ew"}, op):
		c.Match = textOps[op]
		if kind == URIType && op == "eq" {
			c.Match = Exact
		}
		c.Operands, err = f.p.operand(&c, param, "", escapeCommas(literal))
	case slices.Contains([]Type{Date, LastUpdated, NumberType, QuantityType}, kind) && slices.Contains(prefixOps, op):
		c.Operands, err = f.p.operand(&c, param, "", op+literal)
	case (kind == Date || kind == LastUpdated) && op == "po":
		c.Operands, err = f.p.operand(&c, param, "", "ap"+literal)
	case kind == Token && (op == "ss" || op == "sb" || op == "in"):
		return f.p.concepts(c, map[string]string{"ss": "below", "sb": "above", "in": "in"}[op], escapeCommas(literal))
	case kind == ReferenceType && op == "re", op == "eq":
		c.Operands, err = f.p.operand(&c, param, "", literal)
	case op == "ne" && (kind == Token || kind == ReferenceType || kind == ID):
		// The index cannot tell of a value which others stand beside it: there is a
		// value, and none is this one.
		c.Operands, err = f.p.operand(&c, param, "", literal)
		if err != nil || kind == ID {
			return not(c), err
		}
		present := false
		return all(Clause{Param: param, Missing: &present}, not(c)), nil
	default:
		return c, fhir.BadSearch("_filter: operation %q is not one for %s, a parameter of type %s", op, param.Code, kind).WithCode(fhir.CodeNotSupported)
	}
	return c, err
}

func escapeCommas(s string) string { return strings.ReplaceAll(s, ",", `\,`) }
