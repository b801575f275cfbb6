package validate

import (
	"slices"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
)

// sort tells which slice each value belongs to, nil for none, and checks the
// slices' cardinality, order and the rules of what may be besides them (R4
// profiling §5.1.0.10 and 11).
func (r *run) sort(p *profile, ru *rule, found []occurrence) []*slice {
	sorted := make([]*slice, len(found))
	r.sortInto(p, ru.e, ru.slicing, ru.slices, found, sorted)
	return sorted
}

func (r *run) sortInto(p *profile, e *definition.Element, slicing *definition.Slicing, list []*slice, found []occurrence, sorted []*slice) {
	counts := make([]int, len(list))
	last, rest := -1, false
	for i := range found {
		match := -1
		for j, s := range list {
			if len(s.tests) > 0 && r.belongs(s, found[i]) {
				match = j
				break
			}
		}
		if match < 0 {
			rest = true
			if slicing != nil && slicing.Rules == "closed" {
				r.enter(found[i])
				r.err(fhir.CodeInvalid, "this matches no slice of %s, and the profile %s allows nothing else", label(e), p.s.Canonical())
				r.pop()
			}
			continue
		}
		counts[match]++
		sorted[i] = list[match]
		if slicing == nil {
			continue
		}
		if rest && slicing.Rules == "openAtEnd" {
			r.enter(found[i])
			r.err(fhir.CodeInvalid, "the slice %s of %s must stand before what is in no slice (profile %s)", list[match].name, label(e), p.s.Canonical())
			r.pop()
		}
		if slicing.Ordered && match < last {
			r.enter(found[i])
			r.err(fhir.CodeInvalid, "the slice %s of %s must stand before %s (profile %s)", list[match].name, label(e), list[last].name, p.s.Canonical())
			r.pop()
		}
		last = max(last, match)
	}
	for j, s := range list {
		if len(s.tests) == 0 {
			continue // without discriminators nobody can tell what is in the slice
		}
		if counts[j] < s.min {
			r.err(fhir.CodeRequired, "the slice %s:%s needs at least %d, found %d (profile %s)", label(e), s.name, s.min, counts[j], p.s.Canonical())
		}
		if s.max != definition.Unbounded && counts[j] > s.max {
			r.err(fhir.CodeInvalid, "the slice %s:%s allows at most %d, found %d (profile %s)", label(e), s.name, s.max, counts[j], p.s.Canonical())
		}
		if len(s.slices) > 0 && counts[j] > 0 {
			r.resort(p, s, found, sorted)
		}
	}
}

// resort sorts the members of a slice into its own slices.
func (r *run) resort(p *profile, s *slice, found []occurrence, sorted []*slice) {
	var inside []occurrence
	for i := range found {
		if sorted[i] == s {
			inside = append(inside, found[i])
		}
	}
	deeper := make([]*slice, len(inside))
	r.sortInto(p, s.ruleElement(), s.slicing, s.slices, inside, deeper)
	for i, d := range deeper {
		if d == nil || d.rule == nil {
			continue
		}
		r.enter(inside[i])
		r.rule(p, d.rule)
		r.pop()
	}
}

func (s *slice) ruleElement() *definition.Element {
	if s.rule != nil {
		return s.rule.e
	}
	return &definition.Element{Path: s.name}
}

// belongs reports whether a value is in a slice: every discriminator says so.
func (r *run) belongs(s *slice, o occurrence) bool {
	r.enter(o)
	defer r.pop()
	decided := false
	for i := range s.tests {
		t := &s.tests[i]
		if t.empty() {
			continue
		}
		decided = true
		if !r.meets(t) {
			return false
		}
	}
	return decided
}

// test is a discriminator and what the slice's definition says there.
type test struct {
	kind    string // value, pattern, exists, type, profile
	steps   []pathStep
	targets []target
}

// target is the definition of what a discriminator's path leads to.
type target struct {
	e *definition.Element
	// structure is the canonical where e is the root of a structure, reached
	// through resolve().
	structure string
}

func (t *test) empty() bool { return len(t.targets) == 0 }

// pathStep is a step of a discriminator's path: the restricted FHIRPath of R4
// profiling §5.1.0.10.
type pathStep struct {
	kind stepKind
	name string // element, extension URL or type
}

type stepKind uint8

const (
	stepName stepKind = iota
	stepExtension
	stepResolve
	stepOfType
)

// parseSteps reads a discriminator's path; false for one that is not of the
// restricted kind.
func parseSteps(path string) ([]pathStep, bool) {
	var steps []pathStep
	for path != "" {
		var part string
		if i := strings.IndexAny(path, ".("); i >= 0 && path[i] == '(' {
			end := strings.IndexByte(path[i:], ')')
			if end < 0 {
				return nil, false
			}
			part, path = path[:i+end+1], strings.TrimPrefix(path[i+end+1:], ".")
		} else {
			part, path, _ = strings.Cut(path, ".")
		}
		part = strings.TrimSpace(part)
		switch {
		case part == "$this":
		case part == "resolve()":
			steps = append(steps, pathStep{kind: stepResolve})
		case strings.HasPrefix(part, "extension("):
			steps = append(steps, pathStep{stepExtension, strings.Trim(part[len("extension("):len(part)-1], " '\"")})
		case strings.HasPrefix(part, "ofType("):
			steps = append(steps, pathStep{stepOfType, strings.TrimSpace(part[len("ofType(") : len(part)-1])})
		case strings.ContainsAny(part, "()$[] "):
			return nil, false
		default:
			steps = append(steps, pathStep{stepName, part})
		}
	}
	return steps, true
}

// test compiles a discriminator for a slice.
func (v *Validator) test(s *definition.Element, d definition.Discriminator) test {
	t := test{kind: d.Type}
	steps, ok := parseSteps(d.Path)
	if !ok {
		return t
	}
	t.steps = steps
	t.targets = []target{{e: s}}
	for _, st := range steps {
		t.targets = v.defStep(t.targets, st)
	}
	if d.Type == "value" || d.Type == "pattern" {
		t.targets = slices.DeleteFunc(t.targets, func(g target) bool { return g.e.Max != 0 && !says(v, g.e, 0) })
	}
	return t
}

// says reports whether an element or something below it has a value that tells slices apart.
func says(v *Validator, e *definition.Element, depth int) bool {
	if e.Fixed.Present() || e.Pattern.Present() || v.ownBinding(e) != nil {
		return true
	}
	if depth > 6 {
		return false
	}
	for _, c := range e.Children {
		if says(v, c, depth+1) {
			return true
		}
		for _, s := range c.Slices {
			if s.Min > 0 && says(v, s, depth+1) {
				return true
			}
		}
	}
	return false
}

// defStep follows a step in definitions: in the snapshot, and where it stops in
// the profiles and types of the element.
func (v *Validator) defStep(at []target, st pathStep) []target {
	var out []target
	for _, g := range at {
		e := g.e
		switch st.kind {
		case stepResolve:
			for i := range e.Types {
				for _, t := range e.Types[i].Targets {
					if s, err := v.src.Structure(t); err == nil {
						out = append(out, target{s.Root(), t})
					}
				}
			}
		case stepOfType:
			found := false
			for _, s := range e.Slices {
				if len(s.Types) == 1 && s.Types[0].Code == st.name {
					out, found = append(out, target{e: s}), true
				}
			}
			if !found {
				out = append(out, g)
			}
		default:
			for _, c := range v.defChildren(e, st) {
				out = append(out, target{e: c})
			}
		}
	}
	return out
}

func (v *Validator) defChildren(e *definition.Element, st pathStep) []*definition.Element {
	name := st.name
	if st.kind == stepExtension {
		name = "extension"
	}
	pick := func(owner *definition.Element) (out []*definition.Element) {
		for _, c := range owner.Children {
			if c.Name != name {
				if c.Choice && strings.HasPrefix(name, c.Name) {
					if _, t := owner.Child(name); t == nil {
						continue
					}
				} else {
					continue
				}
			}
			if st.kind == stepExtension {
				for _, s := range c.Slices {
					if v.extensionURL(s) == st.name {
						out = append(out, s)
					}
				}
				if len(out) == 0 {
					out = append(out, &definition.Element{Name: "extension", Path: c.Path, Max: definition.Unbounded, Types: c.Types})
				}
				continue
			}
			out = append(out, c)
			for _, s := range c.Slices {
				if s.Min > 0 {
					out = append(out, s) // what every value must have somewhere
				}
			}
		}
		return out
	}
	if out := inValue(e, name); out != nil {
		return out
	}
	if out := pick(e); len(out) > 0 {
		return out
	}
	var out []*definition.Element
	for i := range e.Types {
		t := &e.Types[i]
		from := t.Profiles
		if len(from) == 0 {
			from = []string{t.Code}
		}
		for _, canonical := range from {
			if s, err := v.src.Structure(canonical); err == nil {
				out = append(out, pick(s.Root())...)
			}
		}
	}
	return out
}

// inValue is the part of an element's fixed or pattern value of that name, as
// an element; nil when there is none.
func inValue(e *definition.Element, name string) []*definition.Element {
	part := func(v definition.Value) []definition.Value {
		m := v.Element.Get(name)
		if m == nil {
			return nil
		}
		if !m.Is(fhir.Array) {
			return []definition.Value{{Element: m}}
		}
		var out []definition.Value
		for i := range m.Len() {
			out = append(out, definition.Value{Element: m.At(i)})
		}
		return out
	}
	var out []*definition.Element
	for _, v := range part(e.Fixed) {
		out = append(out, &definition.Element{Name: name, Path: e.Path + "." + name, Min: 1, Max: definition.Unbounded, Fixed: v})
	}
	for _, v := range part(e.Pattern) {
		out = append(out, &definition.Element{Name: name, Path: e.Path + "." + name, Min: 1, Max: definition.Unbounded, Pattern: v})
	}
	return out
}

// ownBinding is the required binding of an element where it is not the one its
// base type has anyway.
func (v *Validator) ownBinding(e *definition.Element) *definition.Binding {
	b := e.Binding
	if b == nil || b.Strength != definition.Required || b.ValueSet == "" {
		return nil
	}
	from := e.Base.Path
	if from == "" {
		from = e.Path
	}
	name, _, _ := strings.Cut(from, ".")
	if s, err := v.src.Structure(name); err == nil && !s.IsProfile() {
		if base := s.ByPath(from); base != nil && base.Binding != nil && base.Binding.ValueSet == b.ValueSet {
			return nil
		}
	}
	return b
}

// extensionURL is the url that a slice of extension fixes, in itself or in its profile.
func (v *Validator) extensionURL(s *definition.Element) string {
	for _, c := range s.Children {
		if c.Name == "url" && c.Fixed.Present() {
			return c.Fixed.Element.Text()
		}
	}
	for i := range s.Types {
		for _, p := range s.Types[i].Profiles {
			url, _ := definition.Split(p)
			return url
		}
	}
	return ""
}

// meets evaluates a test on the element at hand.
func (r *run) meets(t *test) bool {
	depth := len(r.stack)
	defer func() { r.stack = r.stack[:depth] }()
	if t.kind == "exists" {
		found := r.follow(t.steps, func() bool { return true })
		for _, g := range t.targets {
			if g.e.Max == 0 {
				return !found
			}
			if g.e.Min > 0 {
				return found
			}
		}
		return true
	}
	if len(t.targets) == 1 && t.targets[0].e.Max == 0 {
		return !r.follow(t.steps, func() bool { return true })
	}
	return r.follow(t.steps, func() bool {
		for _, g := range t.targets {
			if r.meetsTarget(t.kind, g) {
				return true
			}
		}
		return false
	})
}

func (r *run) meetsTarget(kind string, g target) bool {
	e := g.e
	switch kind {
	case "type":
		typ := r.typeAtHand()
		if len(e.Types) == 0 { // the root of a structure
			return r.v.typeFits(typ, e.Name)
		}
		for i := range e.Types {
			if r.v.typeFits(typ, e.Types[i].Code) {
				return true
			}
		}
		return false
	case "profile":
		if g.structure != "" {
			return r.conformsRoot(g.structure)
		}
		for i := range e.Types {
			for _, canonical := range e.Types[i].Profiles {
				if p, err := r.v.profile(canonical); err == nil && r.conformsHere(p).ok {
					return true
				}
			}
		}
		return false
	}
	return r.fitsValue(e, 0)
}

// follow calls meet for each element that the steps lead to, until it says true.
func (r *run) follow(steps []pathStep, meet func() bool) bool {
	if len(steps) == 0 {
		return meet()
	}
	fr := r.top()
	switch st := steps[0]; st.kind {
	case stepResolve:
		target := r.resolve(fr.el.Get("reference").Text())
		if target == nil {
			return false
		}
		r.push(frame{f: resolved, index: -1, el: target, sh: r.v.shape(target.Get("resourceType").Text()), ids: true})
		ok := r.follow(steps[1:], meet)
		r.pop()
		return ok
	case stepOfType:
		return r.typeAtHand() == st.name && r.follow(steps[1:], meet)
	default:
		sh, el, name := fr.sh, fr.el, st.name
		if st.kind == stepExtension {
			name = "extension"
		}
		if !el.Is(fhir.Object) {
			sh, el = r.v.shape("Element"), fr.ext
		}
		var buf [8]occurrence
		for _, o := range occurrences(sh, el, name, "", buf[:0]) {
			if st.kind == stepExtension && o.el.Get("url").Text() != st.name {
				continue
			}
			r.enter(o)
			ok := r.follow(steps[1:], meet)
			r.pop()
			if ok {
				return true
			}
		}
		return false
	}
}
