package term

import (
	"context"
	"fmt"
	"strings"

	"vitalwire/fhir"
)

// Lookup is CodeSystem $lookup (R4 codesystem-operation-lookup).
func (s *Service) Lookup(ctx context.Context, r Request) (*fhir.Resource, error) {
	q, err := s.begin(ctx, r, true)
	if err != nil {
		return nil, err
	}
	c := coding{system: q.params.system, version: q.version, code: q.code}
	if q.coding != nil {
		c = readCoding(q.coding)
	}
	if c.code == "" || c.system == "" && r.Instance == nil && q.codeSystem == nil {
		return nil, badRequest("Must provide either coding parameter, or system and code parameters")
	}
	v, err := q.given(r.Instance, c.system, c.version)
	if err != nil {
		return nil, err
	}
	q.use(v)
	if err := q.missingSupplements(); err != nil {
		return nil, err
	}
	at, ok := v.find(c.code)
	switch {
	case !ok && v.absent():
		return nil, notFound(fmt.Sprintf("No release of %s is known here, so the code '%s' cannot be looked up", v.name, c.code))
	case !ok:
		return nil, notFound(fmt.Sprintf("Unable to find code '%s' in %s version %s", c.code, v.url, v.version))
	}
	return q.lookup(v, at, c.code), nil
}

// notFound is an error of status 404.
func notFound(text string) error {
	i := issue{severity: fhir.ErrorLevel, code: fhir.CodeNotFound, detail: "not-found", text: text}
	return &Failure{
		cause: &fhir.Error{Situation: fhir.SituationNotFound,
			Issues: []fhir.Issue{{Severity: fhir.ErrorLevel, Code: fhir.CodeNotFound, Text: text}}},
		issues: issues{i},
	}
}

// given is the code system of an instance, a parameter, or a url.
func (s *session) given(instance *fhir.Resource, url, version string) (*view, error) {
	if s.codeSystem != nil {
		instance = s.codeSystem
	}
	if instance != nil {
		if instance.Type() != "CodeSystem" {
			return nil, badRequest("A CodeSystem is needed, not %s", instance.Type())
		}
		sys := s.compiled(instance)
		return &view{system: sys, supplements: s.supplementsFor(sys)}, nil
	}
	version = s.versionFor(url, version)
	if v := s.exactSystem(url, version); v != nil {
		return v, nil
	}
	if wrong, ok := s.notASystem("", url, version); ok {
		return nil, fail(wrong)
	}
	return nil, fail(unknownSystem("", url, version, s.versions(url), "so the code cannot be looked up"))
}

// shows reports whether a part of the answer is wanted; without wishes all are.
func (s *session) shows(name string) bool {
	if len(s.properties) == 0 {
		return true
	}
	for _, p := range s.properties {
		if p == "*" || strings.EqualFold(p, name) {
			return true
		}
	}
	return false
}

func (s *session) lookup(v *view, at int32, code string) *fhir.Resource {
	out := fhir.NewArray()
	add := func(name, typ, text string) {
		if text != "" {
			out.Append(parameter(name, typ, text))
		}
	}
	name := v.name
	if name == "" {
		name = v.url
	}
	add("name", "String", name)
	add("code", "Code", code)
	add("system", "Uri", v.url)
	add("version", "String", v.version)
	texts := v.textsOf(at)
	display := s.displayOf(texts)
	if display == "" {
		display = code // R4 wants a display; a code without one is shown as it is
	}
	add("display", "String", display)
	c := v.conceptAt(at)
	if c == nil {
		return parametersOf(out)
	}
	if s.shows("definition") {
		add("definition", "String", c.definition)
	}
	if s.shows("abstract") {
		add("abstract", "Boolean", boolText(c.abstract))
	}
	if s.shows("inactive") {
		out.Append(propertyPart("inactive", "valueBoolean", fhir.NewBool(c.inactive), ""))
	}
	if s.shows("designation") {
		for i := range texts {
			out.Append(texts[i].parameter())
		}
	}
	s.lookupProperties(v, c, out)
	return parametersOf(out)
}

// parameter is the designation part of $lookup.
func (d *designation) parameter() *fhir.Element {
	parts := fhir.NewArray()
	if d.lang != nil {
		parts.Append(parameter("language", "Code", d.lang.code))
	}
	if use := d.useElement(); use != nil {
		parts.Append(fhir.NewObject(fhir.S("name", "use"), fhir.M("valueCoding", use)))
	}
	parts.Append(parameter("value", "String", d.value))
	return fhir.NewObject(fhir.S("name", "designation"), fhir.M("part", parts))
}

func propertyPart(code, name string, val *fhir.Element, description string) *fhir.Element {
	parts := fhir.NewArray(parameter("code", "Code", code), fhir.NewObject(fhir.S("name", "value"), fhir.M(name, val)))
	if description != "" {
		parts.Append(parameter("description", "String", description))
	}
	return fhir.NewObject(fhir.S("name", "property"), fhir.M("part", parts))
}

// lookupProperties adds what the code system says of a concept beside its texts.
func (s *session) lookupProperties(v *view, c *concept, out *fhir.Element) {
	add := func(_ *system, c *concept) {
		for _, p := range c.element.Get("property").Items() {
			code := text(p, "code")
			name, val := member(p)
			if val == nil || !s.shows(code) && !s.shows("property") || v.isProperty(code, "inactive") ||
				code == "parent" || code == "child" {
				continue
			}
			out.Append(propertyPart(code, name, val, ""))
		}
	}
	add(v.system, c)
	v.supplementsOf(c.code, add)
	for _, side := range [...]struct {
		name string
		list []int32
	}{{"parent", c.parents}, {"child", c.children}} {
		if !s.shows(side.name) {
			continue
		}
		for _, other := range side.list {
			o := &v.concepts[other]
			out.Append(propertyPart(side.name, "valueCode", fhir.NewString(o.code), o.display))
		}
	}
}

// Subsumes is CodeSystem $subsumes (R4 codesystem-operation-subsumes).
func (s *Service) Subsumes(ctx context.Context, r Request) (*fhir.Resource, error) {
	q, err := s.begin(ctx, r, true)
	if err != nil {
		return nil, err
	}
	a := coding{system: q.params.system, version: q.version, code: q.codeA}
	b := coding{system: q.params.system, version: q.version, code: q.codeB}
	if q.codingA != nil {
		a = readCoding(q.codingA)
	}
	if q.codingB != nil {
		b = readCoding(q.codingB)
	}
	if a.code == "" || b.code == "" {
		return nil, badRequest("Must provide codeA and codeB with system, or codingA and codingB")
	}
	if a.system != b.system && a.system != "" && b.system != "" {
		return nil, badRequest("The codes must be of one code system, not '%s' and '%s'", a.system, b.system)
	}
	system, version := a.system, a.version
	if system == "" {
		system, version = b.system, b.version
	}
	if system == "" && r.Instance == nil && q.codeSystem == nil {
		return nil, badRequest("Must provide the code system of the codes")
	}
	v, err := q.given(r.Instance, system, version)
	if err != nil {
		return nil, err
	}
	outcome, err := subsumption(v, a.code, b.code)
	if err != nil {
		return nil, err
	}
	return parametersOf(fhir.NewArray(parameter("outcome", "Code", outcome))), nil
}

// subsumption is the relation of two codes (R4 concept-subsumption-outcome).
func subsumption(v *view, a, b string) (string, error) {
	find := func(code string) (int32, error) {
		at, ok := v.find(code)
		if !ok {
			return 0, notFound(fmt.Sprintf("Unable to find code '%s' in %s version %s", code, v.url, v.version))
		}
		return at, nil
	}
	if v.absent() {
		return "", fail(issue{code: fhir.CodeNotSupported, detail: "not-found",
			text: fmt.Sprintf("No release of %s is known here, so it is unknown how the codes relate", v.name)})
	}
	x, err := find(a)
	if err != nil {
		return "", err
	}
	y, err := find(b)
	if err != nil {
		return "", err
	}
	switch {
	case a == b || x == y && x != byGrammar:
		return "equivalent", nil
	case x == byGrammar || y == byGrammar:
		return "not-subsumed", nil
	case v.above(y, x):
		return "subsumes", nil
	case v.above(x, y):
		return "subsumed-by", nil
	}
	return "not-subsumed", nil
}
