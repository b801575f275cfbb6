package mask

import (
	"slices"
	"strings"
	"unicode"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
)

// Refuses is the error of a search that looks at what is hidden: by what it finds, in
// which order, or brings along, the values would show. fhir.Forbidden, whatever there is.
func (m *Mask) Refuses(q *search.Query) error {
	if m == nil {
		return nil
	}
	for i := range q.Filter {
		if p := m.clause(&q.Filter[i]); p != nil {
			return masked(p)
		}
	}
	for _, key := range q.Sort {
		for _, p := range append([]*search.Param{key.Param}, key.Targets...) {
			if m.touches(p, search.ByValue) || m.touches(p, search.ByText) {
				return masked(p)
			}
		}
	}
	for _, in := range q.Include {
		if in.Param != nil {
			if m.touches(in.Param, search.ByValue) {
				return masked(in.Param)
			}
			continue
		}
		for _, p := range m.rules.known.Params(in.Source) {
			if p.Type == search.ReferenceType && m.touches(p, search.ByValue) {
				return masked(p)
			}
		}
	}
	return nil
}

// RefusesParam is the same of one parameter of a type, by its code.
func (m *Mask) RefusesParam(typ, code string) error {
	if m == nil {
		return nil
	}
	if p := m.rules.known.Lookup(typ, code); p != nil && m.touches(p, search.ByValue) {
		return masked(p)
	}
	return nil
}

func masked(p *search.Param) error {
	return fhir.Forbidden("search parameter %s of %s looks at what is masked for this access token", p.Code, p.Resource)
}

// clause is a parameter that a clause looks at what is hidden by; nil for none.
func (m *Mask) clause(c *search.Clause) *search.Param {
	if c.Has != nil {
		if m.touches(c.Has.Param, search.ByValue) {
			return c.Has.Param
		}
		return m.clause(&c.Has.Clause)
	}
	if c.Group != nil {
		for i := range c.Group.Clauses {
			if p := m.clause(&c.Group.Clauses[i]); p != nil {
				return p
			}
		}
	}
	for i := range c.Chain {
		if p := m.clause(&c.Chain[i].Clause); p != nil {
			return p
		}
	}
	if c.Param != nil && m.touches(c.Param, c.By) {
		return c.Param
	}
	return nil
}

// touches reports whether a fact of a parameter is made of what is hidden.
func (m *Mask) touches(p *search.Param, by search.By) bool {
	if p.Type == search.TextType || slices.ContainsFunc(p.Indexed(), nests) {
		return true // what is contained may be of any type
	}
	hides := m.rules.set(m.all)[p.Resource]
	if hides == nil {
		return false
	}
	for path := range hides.paths {
		if m.rules.touches(place{p.Resource, path}, p, by) {
			return true
		}
	}
	return false
}

// nests reports whether a parameter may look into resources that are contained.
func nests(p *search.Param) bool {
	return slices.ContainsFunc(p.Expressions(), func(expression string) bool {
		words := names(expression)
		return slices.Contains(words, "contained") || p.Resource == "Bundle" && slices.Contains(words, "resource")
	})
}

// touches reports whether a fact of a parameter is made of an element, or might be.
func (r *Rules) touches(at place, p *search.Param, by search.By) bool {
	for _, one := range p.Indexed() {
		for _, expression := range one.Expressions() {
			if r.reads(at, one, expression, by) {
				return true
			}
		}
	}
	return false
}

// reads reports whether an expression on a type reads an element of it. Of an expression
// that is no chain each name counts.
func (r *Rules) reads(at place, p *search.Param, expression string, by search.By) bool {
	if at.typ != p.Resource {
		return false
	}
	if c, ok := plain(expression); ok {
		if path, err := r.leads(c.names, p.Resource); err == nil {
			return overlap(at.path, path, p.Type, by) || r.filters(at, c.filters, p.Resource)
		}
	}
	return reads(names(expression), at.path)
}

// leads is the path of the element that a chain of names leads to.
func (r *Rules) leads(chain []string, typ string) (string, error) {
	if len(chain) > 0 && (chain[0] == typ || chain[0] == "Resource" || chain[0] == "DomainResource") {
		chain = chain[1:]
	}
	path, _, err := r.resolve(typ, chain)
	return path, err
}

// filters reports whether the criteria of a chain may read an element of a type: of what
// lies below where they stand each name counts.
func (r *Rules) filters(at place, list []filter, typ string) bool {
	for _, f := range list {
		path, err := r.leads(f.on, typ)
		if err != nil || path == "" || strings.HasPrefix(at.path, path+".") {
			if reads(f.words, at.path) {
				return true
			}
		}
	}
	return false
}

// reads reports whether one of some names may be one of those in a path.
func reads(words []string, path string) bool {
	for _, any := range []string{"children", "descendants", "repeat"} {
		if slices.Contains(words, any) {
			return true
		}
	}
	return slices.ContainsFunc(strings.Split(path, "."), func(name string) bool {
		return slices.ContainsFunc(words, func(word string) bool { return strings.HasPrefix(word, name) })
	})
}

// overlap reports whether the facts of a parameter on a path are made of an element that
// is hidden. Of a reference and of a code, what people read is a fact of its own.
func overlap(hidden, path string, kind search.Type, by search.By) bool {
	if hidden == path || path == "" || strings.HasPrefix(path, hidden+".") {
		return true
	}
	rest, ok := strings.CutPrefix(hidden, path+".")
	if !ok {
		return false
	}
	first, _, _ := strings.Cut(rest, ".")
	switch {
	case kind == search.ReferenceType && (first == "reference" || first == "type"):
		return true // also where only references to a type count
	case kind == search.ReferenceType && by == search.ByText:
		return first == "display"
	case kind == search.ReferenceType:
		return first == "identifier" && by == search.ByIdentifier
	case kind == search.Token && by == search.ByValue:
		return rest != "text" && rest != "display" && rest != "coding.display"
	}
	return true
}

// names are the names in an expression.
func names(expression string) []string {
	return strings.FieldsFunc(expression, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != '_' })
}

// picks are the functions that stay at the elements they are called on, or below.
var picks = map[string]bool{"as": true, "ofType": true, "where": true, "first": true, "last": true, "exists": true}

// chain is an expression that only goes from element to element: the names in it, and
// the criteria on the way.
type chain struct {
	names   []string
	filters []filter
}

// filter are the names in the criteria on what a chain has led to.
type filter struct{ on, words []string }

// plain reads an expression that is a chain.
func plain(expression string) (c chain, ok bool) {
	rest := strings.TrimSpace(expression)
	if strings.HasPrefix(rest, "(") {
		inner, after, ok := group(rest)
		if !ok {
			return c, false
		}
		if inner, _, ok = strings.Cut(inner, " as "); !ok {
			inner, _, _ = strings.Cut(inner, " is ")
		}
		if c, ok = plain(inner); !ok || after == "" {
			return c, ok
		}
		if rest, ok = strings.CutPrefix(after, "."); !ok {
			return c, false
		}
	}
	for {
		if rest, ok = c.step(rest); !ok || rest == "" {
			return c, ok
		}
		if rest, ok = strings.CutPrefix(rest, "."); !ok {
			return c, false
		}
	}
}

// step takes a name, or a call that stays there, off an expression.
func (c *chain) step(text string) (rest string, ok bool) {
	end := strings.IndexFunc(text, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) })
	if end < 0 {
		end = len(text)
	}
	name, rest := text[:end], text[end:]
	switch {
	case name == "":
		return rest, false
	case strings.HasPrefix(rest, "("):
		inside, after, closed := group(rest)
		if !closed || !picks[name] || strings.Contains(inside, "%") {
			return rest, false
		}
		if words := names(inside); len(words) > 0 && name != "as" && name != "ofType" {
			c.filters = append(c.filters, filter{slices.Clone(c.names), words})
		}
		rest = after
	default:
		c.names = append(c.names, name)
	}
	for strings.HasPrefix(rest, "[") {
		_, after, closed := strings.Cut(rest, "]")
		if !closed {
			return rest, false
		}
		rest = after
	}
	return rest, true
}

// group splits "(a)b" into a and b.
func group(text string) (inside, after string, ok bool) {
	depth, quoted := 0, false
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth == 0 {
				return text[1:i], text[i+1:], true
			}
		}
	}
	return "", "", false
}
