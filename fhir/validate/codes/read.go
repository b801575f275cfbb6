package codes

import (
	"regexp"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/validate"
)

// valueSet is what decides membership of a ValueSet.
type valueSet struct {
	include, exclude []part
	contains         map[string][]string // code -> systems, of a stored expansion without compose
}

// part is a compose.include or exclude.
type part struct {
	system, version string
	concepts        map[string]struct{} // nil where none are listed
	filters         []filter
	valueSets       []string
}

func (p *part) canonical() string {
	if p.version == "" {
		return p.system
	}
	return p.system + "|" + p.version
}

type filter struct{ property, op, value string }

func (c *Codes) set(canonical string) *valueSet {
	if vs, ok := c.sets.Load(canonical); ok {
		return vs.(*valueSet)
	}
	res, ok := c.src.ValueSet(canonical)
	if !ok {
		if c.missing.Add(1) < maxMissing {
			c.sets.Store(strings.Clone(canonical), (*valueSet)(nil))
		}
		return nil
	}
	vs := readSet(res)
	kept, _ := c.sets.LoadOrStore(strings.Clone(canonical), vs)
	return kept.(*valueSet)
}

func readSet(res *fhir.Resource) *valueSet {
	vs := &valueSet{}
	compose := res.Get("compose")
	for _, e := range compose.Get("include").Items() {
		vs.include = append(vs.include, readPart(e))
	}
	for _, e := range compose.Get("exclude").Items() {
		vs.exclude = append(vs.exclude, readPart(e))
	}
	if compose == nil && res.Get("expansion") != nil {
		vs.contains = make(map[string][]string)
		readExpansion(vs.contains, res.Get("expansion").Get("contains"), 0)
	}
	return vs
}

func readExpansion(into map[string][]string, list *fhir.Element, depth int) {
	for _, e := range list.Items() {
		if code := e.Get("code").Text(); code != "" && e.Get("abstract").Text() != "true" {
			into[code] = append(into[code], e.Get("system").Text())
		}
		if depth < maxDepth {
			readExpansion(into, e.Get("contains"), depth+1)
		}
	}
}

func readPart(e *fhir.Element) part {
	p := part{system: e.Get("system").Text(), version: e.Get("version").Text()}
	if list := e.Get("concept"); list.Len() > 0 {
		p.concepts = make(map[string]struct{}, list.Len())
		for _, k := range list.Items() {
			p.concepts[k.Get("code").Text()] = struct{}{}
		}
	}
	for _, f := range e.Get("filter").Items() {
		p.filters = append(p.filters, filter{f.Get("property").Text(), f.Get("op").Text(), f.Get("value").Text()})
	}
	for _, v := range e.Get("valueSet").Items() {
		p.valueSets = append(p.valueSets, v.Text())
	}
	return p
}

// system is what is needed of a CodeSystem.
type system struct {
	content       string
	caseSensitive bool
	concepts      map[string]*concept
	folded        map[string]*concept // by lower case, where case does not matter
}

type concept struct {
	display string
	others  []string // further designations
	parents []*concept
	code    string
	props   []filter // code and value of properties
}

func (k *concept) named(display string) bool {
	if sameWords(display, k.display) {
		return true
	}
	for _, o := range k.others {
		if sameWords(display, o) {
			return true
		}
	}
	return false
}

// sameWords compares displays without regard to case and white space.
func sameWords(a, b string) bool {
	return a == b || strings.EqualFold(strings.Join(strings.Fields(a), " "), strings.Join(strings.Fields(b), " "))
}

func (s *system) concept(code string) (*concept, bool) {
	k, ok := s.concepts[code]
	if !ok && !s.caseSensitive {
		k, ok = s.folded[strings.ToLower(code)]
	}
	return k, ok
}

func (c *Codes) system(canonical string) *system {
	if s, ok := c.systems.Load(canonical); ok {
		return s.(*system)
	}
	res, ok := c.src.CodeSystem(canonical)
	if !ok {
		if c.missing.Add(1) < maxMissing {
			c.systems.Store(strings.Clone(canonical), (*system)(nil))
		}
		return nil
	}
	s := readSystem(res)
	kept, _ := c.systems.LoadOrStore(strings.Clone(canonical), s)
	return kept.(*system)
}

func readSystem(res *fhir.Resource) *system {
	s := &system{content: res.Get("content").Text(), caseSensitive: res.Get("caseSensitive").Text() != "false", concepts: make(map[string]*concept)}
	if res.Get("supplements") != nil {
		s.content = "supplement"
	}
	s.read(res.Get("concept"), nil, 0)
	for _, k := range s.concepts {
		for _, p := range k.props {
			if p.property == "subsumedBy" || p.property == "parent" {
				if up := s.concepts[p.value]; up != nil {
					k.parents = append(k.parents, up)
				}
			}
		}
	}
	if !s.caseSensitive {
		s.folded = make(map[string]*concept, len(s.concepts))
		for code, k := range s.concepts {
			s.folded[strings.ToLower(code)] = k
		}
	}
	return s
}

func (s *system) read(list *fhir.Element, parent *concept, depth int) {
	for _, e := range list.Items() {
		k := &concept{code: e.Get("code").Text(), display: e.Get("display").Text()}
		if parent != nil {
			k.parents = append(k.parents, parent)
		}
		for _, d := range e.Get("designation").Items() {
			k.others = append(k.others, d.Get("value").Text())
		}
		for _, p := range e.Get("property").Items() {
			for _, m := range p.Members() {
				if strings.HasPrefix(m.Name, "value") {
					text := m.Value.Text()
					if m.Value.Is(fhir.Object) {
						text = m.Value.Get("code").Text()
					}
					k.props = append(k.props, filter{property: p.Get("code").Text(), value: text})
				}
			}
		}
		if _, twice := s.concepts[k.code]; !twice {
			s.concepts[k.code] = k
		}
		if depth < 64 {
			s.read(e.Get("concept"), k, depth+1)
		}
	}
}

// below reports whether k is a descendant of the code.
func (k *concept) below(code string, depth int) bool {
	if depth > 64 {
		return false
	}
	for _, p := range k.parents {
		if p.code == code || p.below(code, depth+1) {
			return true
		}
	}
	return false
}

// filter decides a filter (R4 valueset: compose.include.filter).
func (s *system) filter(f filter, code string) validate.Membership {
	k, ok := s.concept(code)
	if !ok {
		return validate.NotMember
	}
	if f.property == "concept" || f.property == "code" || f.property == "" {
		switch f.op {
		case "is-a":
			return member(code == f.value || k.below(f.value, 0))
		case "descendent-of":
			return member(k.below(f.value, 0))
		case "is-not-a":
			return member(code != f.value && !k.below(f.value, 0))
		case "in":
			return member(inList(f.value, code))
		case "not-in":
			return member(!inList(f.value, code))
		case "=":
			return member(code == f.value)
		case "regex":
			return matches(f.value, code)
		}
		return validate.Unknown
	}
	values := k.values(f.property)
	switch f.op {
	case "=":
		return member(has(values, func(v string) bool { return v == f.value }))
	case "in":
		return member(has(values, func(v string) bool { return inList(f.value, v) }))
	case "not-in":
		return member(!has(values, func(v string) bool { return inList(f.value, v) }))
	case "exists":
		return member((len(values) > 0) == (f.value == "true"))
	}
	return validate.Unknown
}

func (k *concept) values(property string) []string {
	if property == "display" {
		return []string{k.display}
	}
	var out []string
	for _, p := range k.props {
		if p.property == property {
			out = append(out, p.value)
		}
	}
	if property == "parent" {
		for _, p := range k.parents {
			out = append(out, p.code)
		}
	}
	return out
}

func has(values []string, want func(string) bool) bool {
	for _, v := range values {
		if want(v) {
			return true
		}
	}
	return false
}

func inList(list, code string) bool {
	for _, v := range strings.Split(list, ",") {
		if strings.TrimSpace(v) == code {
			return true
		}
	}
	return false
}

func matches(pattern, text string) validate.Membership {
	if len(pattern) > 1000 {
		return validate.Unknown
	}
	re, err := regexp.Compile("^(?:" + pattern + ")$")
	if err != nil {
		return validate.Unknown
	}
	return member(re.MatchString(text))
}

func member(ok bool) validate.Membership {
	if ok {
		return validate.Member
	}
	return validate.NotMember
}
