package term

import (
	"slices"
	"strings"

	"vitalwire/fhir"
)

// A system is a compiled CodeSystem: its concepts in document order with their
// places in the hierarchy. It is not changed once made.
type system struct {
	resource *fhir.Resource
	url      string
	version  string
	name     string
	valueSet string // canonical of the value set of all its codes
	content  string // R4 codesystem-content-mode
	lang     *tag

	status, standards string
	experimental      bool
	caseless          bool
	properties        []*fhir.Element

	concepts []concept
	byCode   map[string]int32
	byFold   map[string]int32 // of a caseless system: by lower case
	roots    []int32
	nested   bool

	// grammar answers for codes that no table can list (R4 terminologies §4.1.5:
	// UCUM, MIME types, languages).
	grammar func(code string) bool
	// measure makes a filter that the text of a code decides, listed or not; nil
	// for a filter it does not know.
	measure func(filter) func(code string) bool
}

// A concept of a system.
type concept struct {
	code, display, definition string
	element                   *fhir.Element
	parents, children         []int32

	abstract, inactive, deprecated bool
	status                         string
}

// maxConcepts bounds what is compiled of one code system.
const maxConcepts = 1 << 20

// compile reads a CodeSystem.
func compile(r *fhir.Resource) *system {
	root := r.Root()
	s := &system{
		resource: r,
		url:      text(root, "url"), version: text(root, "version"), name: text(root, "name"),
		valueSet: text(root, "valueSet"), content: text(root, "content"),
		status: text(root, "status"), standards: standards(root), experimental: text(root, "experimental") == "true",
		caseless:   text(root, "caseSensitive") == "false",
		properties: root.Get("property").Items(),
		byCode:     map[string]int32{},
	}
	if t, ok := parseTag(text(root, "language")); ok {
		s.lang = &t
	}
	s.read(root.Get("concept").Items(), -1)
	s.linkProperties()
	s.findRoots()
	if s.caseless {
		s.byFold = make(map[string]int32, len(s.concepts))
		for i := range s.concepts {
			s.byFold[strings.ToLower(s.concepts[i].code)] = int32(i)
		}
	}
	return s
}

func (s *system) read(list []*fhir.Element, parent int32) {
	for _, e := range list {
		code := text(e, "code")
		if _, twice := s.byCode[code]; code == "" || twice || len(s.concepts) >= maxConcepts {
			continue
		}
		at := int32(len(s.concepts))
		c := concept{
			code: code, display: strings.TrimSpace(text(e, "display")), definition: text(e, "definition"), element: e,
		}
		s.states(&c)
		if parent >= 0 {
			s.nested = true
			c.parents = []int32{parent}
			s.concepts[parent].children = append(s.concepts[parent].children, at)
		}
		s.byCode[code] = at
		s.concepts = append(s.concepts, c)
		s.read(e.Get("concept").Items(), at)
	}
}

const conceptProperties = "http://hl7.org/fhir/concept-properties#"

// isProperty reports whether the property of a concept is the well-known one
// (R4 codesystem §4.8.11): by its uri, or by its code where it has no uri.
func (s *system) isProperty(code, known string) bool {
	for _, p := range s.properties {
		if text(p, "code") == code {
			if uri := text(p, "uri"); uri != "" {
				return uri == conceptProperties+known || code == known && !s.declares(known)
			}
			break
		}
	}
	return code == known && !s.declares(known)
}

// declares reports whether some property of the system is the known one by uri.
func (s *system) declares(known string) bool {
	return slices.ContainsFunc(s.properties, func(p *fhir.Element) bool {
		return text(p, "uri") == conceptProperties+known
	})
}

// states reads what the properties of a concept say about its use.
func (s *system) states(c *concept) {
	for _, p := range c.element.Get("property").Items() {
		code, v := text(p, "code"), value(p).Text()
		switch {
		case s.isProperty(code, "notSelectable") || code == "abstract" || code == "not-selectable":
			c.abstract = c.abstract || v == "true"
		case s.isProperty(code, "inactive"):
			c.inactive = c.inactive || v == "true"
			if v == "true" && c.status == "" {
				c.status = "inactive"
			}
		case s.isProperty(code, "status"):
			c.status = v
			c.inactive = c.inactive || v == "inactive" || v == "retired"
			c.deprecated = c.deprecated || v == "deprecated" || v == "retired"
		case s.isProperty(code, "deprecated"):
			if v == "true" {
				c.deprecated = true
				if c.status == "" {
					c.status = "deprecated"
				}
			}
		case code == "retired" && v == "true" && c.status == "":
			c.status = "retired"
		}
	}
	if st := standards(c.element); st != "" {
		if c.status == "" {
			c.status = st
		}
		c.inactive = c.inactive || strings.EqualFold(st, "withdrawn")
	}
}

// linkProperties adds the parents that are given as properties (R4 codesystem
// §4.8.12: parent and child; subsumedBy in v3 code systems).
func (s *system) linkProperties() {
	linked := map[[2]int32]bool{}
	link := func(parent, child int32) {
		if !linked[[2]int32{parent, child}] && !slices.Contains(s.concepts[child].parents[:min(1, len(s.concepts[child].parents))], parent) {
			linked[[2]int32{parent, child}] = true
			s.nested = true
			s.concepts[child].parents = append(s.concepts[child].parents, parent)
			s.concepts[parent].children = append(s.concepts[parent].children, child)
		}
	}
	for i := range s.concepts {
		for _, p := range s.concepts[i].element.Get("property").Items() {
			code := text(p, "code")
			other, ok := s.byCode[value(p).Text()]
			if !ok || int(other) == i {
				continue
			}
			switch {
			case s.isProperty(code, "parent") || code == "subsumedBy":
				link(other, int32(i))
			case s.isProperty(code, "child"):
				link(int32(i), other)
			}
		}
	}
}

// findRoots finds where to begin to reach all concepts: those without parents,
// and one of each circle that a wrong definition has.
func (s *system) findRoots() {
	reached := make([]bool, len(s.concepts))
	reach := func(root int32) {
		s.roots = append(s.roots, root)
		for todo := []int32{root}; len(todo) > 0; {
			at := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			if reached[at] {
				continue
			}
			reached[at] = true
			todo = append(todo, s.concepts[at].children...)
		}
	}
	for i := range s.concepts {
		if len(s.concepts[i].parents) == 0 {
			reach(int32(i))
		}
	}
	for i := range s.concepts {
		if !reached[i] {
			reach(int32(i))
		}
	}
}

// locate finds a code; at is its index.
func (s *system) locate(code string) (at int32, ok bool) {
	if at, ok = s.byCode[code]; ok {
		return at, true
	}
	if s.caseless {
		at, ok = s.byFold[strings.ToLower(code)]
	}
	return at, ok
}

// above reports whether a is an ancestor of c, or c itself.
func (s *system) above(c, a int32) bool {
	if c == a {
		return true
	}
	if len(s.concepts[c].parents) == 0 {
		return false
	}
	seen := map[int32]bool{c: true}
	todo := []int32{c}
	for len(todo) > 0 {
		next := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, p := range s.concepts[next].parents {
			if p == a {
				return true
			}
			if !seen[p] {
				seen[p] = true
				todo = append(todo, p)
			}
		}
	}
	return false
}

// descendants goes through c's children and theirs, each once, depth first.
func (s *system) descendants(c int32, visit func(int32)) {
	seen := map[int32]bool{c: true}
	todo := slices.Clone(s.concepts[c].children)
	slices.Reverse(todo)
	for len(todo) > 0 {
		next := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[next] {
			continue
		}
		seen[next] = true
		visit(next)
		for _, child := range slices.Backward(s.concepts[next].children) {
			todo = append(todo, child)
		}
	}
}

// canonical is url|version.
func (s *system) canonical() string { return canonical(s.url, s.version) }

// complete reports whether a code that is not in the table does not exist.
func (s *system) complete() bool { return s.content == "complete" }

// usable reports whether the definition has codes to answer with.
func (s *system) usable() bool {
	return s.grammar != nil || s.content == "complete" || s.content == "fragment" || s.content == "example"
}

// property is the definition of a property.
func (s *system) property(code string) *fhir.Element {
	for _, p := range s.properties {
		if text(p, "code") == code {
			return p
		}
	}
	return nil
}

// A view is a system with the supplements that a request uses.
type view struct {
	*system
	supplements []*system
	own         bool // the system is this view's alone
}

// supplementsOf calls f with what the supplements say about a code.
func (v *view) supplementsOf(code string, f func(*system, *concept)) {
	for _, s := range v.supplements {
		if at, ok := s.locate(code); ok {
			f(s, &s.concepts[at])
		}
	}
}

// hasSupplement reports whether the supplement of that canonical is applied.
func (v *view) hasSupplement(want string) bool {
	url, version := splitCanonical(want)
	return slices.ContainsFunc(v.supplements, func(s *system) bool {
		return s.url == url && (version == "" || version == s.version)
	})
}
