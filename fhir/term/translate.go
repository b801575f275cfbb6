package term

import (
	"context"
	"fmt"
	"slices"

	"vitalwire/fhir"
)

// Translate is ConceptMap $translate (R4 conceptmap-operation-translate). It
// takes the parameter names of R4 and those of R5 (sourceCode, targetCode ...).
func (s *Service) Translate(ctx context.Context, r Request) (*fhir.Resource, error) {
	q, err := s.begin(ctx, r, true)
	if err != nil {
		return nil, err
	}
	t, err := q.translation()
	if err != nil {
		return nil, err
	}
	maps, err := q.maps(t, r.Instance)
	if err != nil {
		return nil, err
	}
	for _, m := range maps {
		for _, c := range t.codings {
			if err := t.run(m, c, map[string]bool{}); err != nil {
				return nil, err
			}
		}
	}
	return t.parameters(), nil
}

// A translation is one request on its way.
type translation struct {
	*session
	codings      []coding
	back         bool   // from target to source
	r5           bool   // asked in the words of R5
	wantedSystem string // of the answer
	fromSet      string // value set the code comes from
	toSet        string
	matches      []mapped
}

// A mapped is one match.
type mapped struct {
	from, to    coding
	equivalence string
	comment     string
	origin      string
	products    []*fhir.Element
}

// translation reads what is to be translated.
func (s *session) translation() (*translation, error) {
	t := &translation{session: s, wantedSystem: s.targetSys, fromSet: s.source, toSet: s.target}
	system := s.params.system
	if s.sourceSystem != "" {
		system = s.sourceSystem
	}
	t.r5 = s.seen["sourceCode"] || s.seen["sourceCoding"] || s.seen["sourceCodeableConcept"]
	switch {
	case s.targetCoding != nil || s.targetCode != "" || s.targetConcept != nil:
		t.back, t.r5 = true, true
		switch {
		case s.targetCoding != nil:
			t.codings = []coding{readCoding(s.targetCoding)}
		case s.targetConcept != nil:
			t.codings = readCodings(s.targetConcept)
		default:
			t.codings = []coding{{system: s.targetSys, code: s.targetCode}}
		}
		t.wantedSystem = system
	case s.coding != nil:
		t.codings = []coding{readCoding(s.coding)}
	case s.concept != nil:
		t.codings = readCodings(s.concept)
	case s.code != "":
		if system == "" {
			return nil, badRequest("The system parameter is required with a code")
		}
		t.codings = []coding{{system: system, version: s.systemVersion, code: s.code}}
	}
	if len(t.codings) == 0 {
		return nil, badRequest("Must provide code and system, coding, or codeableConcept, or the target of a reverse translation")
	}
	if s.reverse {
		if t.back {
			return nil, badRequest("The parameter reverse cannot be combined with a target code")
		}
		// R4: reverse swaps the meaning of source and target.
		t.back = true
		t.fromSet, t.toSet = t.toSet, t.fromSet
	}
	return t, nil
}

func readCodings(concept *fhir.Element) []coding {
	var out []coding
	for _, c := range concept.Get("coding").Items() {
		out = append(out, readCoding(c))
	}
	return out
}

// maps are the concept maps to use: the one that is named, or all that go from
// and to where it is asked.
func (s *session) maps(t *translation, instance *fhir.Resource) ([]*fhir.Resource, error) {
	if s.conceptMap != nil {
		instance = s.conceptMap
	}
	if instance != nil {
		if instance.Type() != "ConceptMap" {
			return nil, badRequest("A ConceptMap is needed, not %s", instance.Type())
		}
		return []*fhir.Resource{instance}, nil
	}
	if s.url != "" {
		url, version := splitCanonical(s.url)
		if s.version != "" {
			version = s.version
		}
		if m := s.find("ConceptMap", url, version); m != nil {
			return []*fhir.Resource{m}, nil
		}
		for _, m := range inForce().maps() {
			if m.Get("url").Text() == url && version == "" {
				return []*fhir.Resource{m}, nil
			}
		}
		return nil, notFound(fmt.Sprintf("A definition for the ConceptMap '%s' could not be found", canonical(url, version)))
	}
	var out []*fhir.Resource
	for _, r := range s.extra {
		if r.Type() == "ConceptMap" && t.covers(r) {
			out = append(out, r)
		}
	}
	for r, err := range allOfType(s.svc.source, "ConceptMap") {
		if err := s.spend(64); err != nil {
			return nil, err
		}
		if err == nil && t.covers(r) {
			out = append(out, r)
		}
	}
	for _, m := range inForce().maps() {
		if t.covers(m) {
			out = append(out, m)
		}
	}
	return out, nil
}

// scope is the value set on one side of a map, by the names of R4 and R5.
func scope(m *fhir.Resource, side string) string {
	for _, name := range []string{side + "Uri", side + "Canonical", side + "ScopeUri", side + "ScopeCanonical"} {
		if v := m.Get(name).Text(); v != "" {
			url, _ := splitCanonical(v)
			return url
		}
	}
	return ""
}

// covers reports whether a map can be about the translation.
func (t *translation) covers(m *fhir.Resource) bool {
	from, to := "source", "target"
	if t.back {
		from, to = to, from
	}
	fits := func(wanted, side string) bool {
		url, _ := splitCanonical(wanted)
		have := scope(m, side)
		return wanted == "" || have == "" || have == url
	}
	if !fits(t.fromSet, from) || !fits(t.toSet, to) {
		return false
	}
	for _, g := range m.Get("group").Items() {
		if t.inGroup(g, t.codings) {
			return true
		}
	}
	return false
}

// inGroup reports whether a group goes from the system of one of the codings to
// the system that is asked for.
func (t *translation) inGroup(g *fhir.Element, codings []coding) bool {
	source, _ := splitCanonical(text(g, "source"))
	target, _ := splitCanonical(text(g, "target"))
	if t.back {
		source, target = target, source
	}
	if t.wantedSystem != "" && t.wantedSystem != target {
		return false
	}
	return slices.ContainsFunc(codings, func(c coding) bool { return c.system == source })
}

// run gathers the matches of a map for a coding.
func (t *translation) run(m *fhir.Resource, c coding, visited map[string]bool) error {
	name := resourceCanonical(m)
	if visited[name] {
		return nil // maps may not lead to each other in a circle
	}
	visited[name] = true
	for _, g := range m.Get("group").Items() {
		if !t.inGroup(g, []coding{c}) {
			continue
		}
		var err error
		if t.back {
			err = t.backwards(g, c, name)
		} else {
			err = t.forwards(g, c, name, visited)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *translation) forwards(g *fhir.Element, c coding, name string, visited map[string]bool) error {
	source, target := systemOf(g, "source"), systemOf(g, "target")
	hit := false
	for _, e := range g.Get("element").Items() {
		if err := t.spend(1); err != nil {
			return err
		}
		if text(e, "code") != c.code {
			continue
		}
		hit = true
		for _, to := range e.Get("target").Items() {
			t.match(mapped{
				from:        coding{system: source, code: c.code, display: text(e, "display")},
				to:          coding{system: target, code: text(to, "code"), display: text(to, "display")},
				equivalence: equivalence(to), comment: text(to, "comment"), origin: name, products: to.Get("product").Items(),
			})
		}
	}
	if hit {
		return nil
	}
	return t.unmapped(g, c, name, visited)
}

func systemOf(g *fhir.Element, side string) string {
	url, _ := splitCanonical(text(g, side))
	return url
}

func (t *translation) backwards(g *fhir.Element, c coding, name string) error {
	for _, e := range g.Get("element").Items() {
		if err := t.spend(1); err != nil {
			return err
		}
		for _, to := range e.Get("target").Items() {
			if text(to, "code") != c.code {
				continue
			}
			t.match(mapped{
				from:        coding{system: systemOf(g, "source"), code: text(e, "code"), display: text(e, "display")},
				to:          coding{system: systemOf(g, "target"), code: c.code, display: text(to, "display")},
				equivalence: equivalence(to), comment: text(to, "comment"), origin: name,
			})
		}
	}
	return nil
}

// unmapped is what a group does with a code it does not have (R4
// conceptmap-unmapped-mode).
func (t *translation) unmapped(g *fhir.Element, c coding, name string, visited map[string]bool) error {
	u := g.Get("unmapped")
	m := mapped{from: coding{system: systemOf(g, "source"), code: c.code}, equivalence: "inexact", origin: name}
	switch text(u, "mode") {
	case "provided", "use-source-code":
		m.to, m.equivalence = coding{system: systemOf(g, "target"), code: c.code}, "equivalent"
		if u.Get("relationship") != nil {
			m.equivalence = equivalence(u)
		}
	case "fixed":
		m.to = coding{system: systemOf(g, "target"), code: text(u, "code"), display: text(u, "display")}
		if u.Get("relationship") != nil {
			m.equivalence = equivalence(u)
		}
	case "other-map":
		other := text(u, "url")
		if other == "" {
			other = text(u, "otherMap")
		}
		url, version := splitCanonical(other)
		if next := t.find("ConceptMap", url, version); next != nil {
			return t.run(next, c, visited)
		}
		return nil
	default:
		return nil
	}
	t.match(m)
	return nil
}

// equivalence is the R4 equivalence of a target, also of one written in R5.
func equivalence(target *fhir.Element) string {
	if e := text(target, "equivalence"); e != "" {
		return e
	}
	switch text(target, "relationship") {
	case "equivalent":
		return "equivalent"
	case "source-is-narrower-than-target":
		return "wider"
	case "source-is-broader-than-target":
		return "narrower"
	case "not-related-to":
		return "disjoint"
	}
	return "relatedto"
}

func (t *translation) match(m mapped) {
	same := func(o mapped) bool {
		return o.from.code == m.from.code && o.from.system == m.from.system && o.to.code == m.to.code &&
			o.to.system == m.to.system && o.equivalence == m.equivalence
	}
	if len(t.matches) < 1000 && !slices.ContainsFunc(t.matches, same) {
		t.matches = append(t.matches, m)
	}
}

func (c coding) element() *fhir.Element {
	e := fhir.NewObject()
	for _, m := range [...][2]string{{"system", c.system}, {"version", c.version}, {"code", c.code}, {"display", c.display}} {
		if m[1] != "" {
			e.Set(m[0], fhir.NewString(m[1]))
		}
	}
	return e
}

// parameters is the answer. It is true only when some match is not unmatched or
// disjoint.
func (t *translation) parameters() *fhir.Resource {
	result := slices.ContainsFunc(t.matches, func(m mapped) bool { return m.equivalence != "unmatched" && m.equivalence != "disjoint" })
	out := fhir.NewArray(parameter("result", "Boolean", boolText(result)))
	if !result {
		out.Append(parameter("message", "String", "No translations found"))
	}
	for _, m := range t.matches {
		out.Append(fhir.NewObject(fhir.S("name", "match"), fhir.M("part", t.parts(m))))
	}
	return parametersOf(out)
}

func (t *translation) parts(m mapped) *fhir.Element {
	concept := m.to
	if t.back && !t.r5 {
		concept = m.from // R4 reverse: the answer is the source
	}
	parts := fhir.NewArray(parameter("equivalence", "Code", m.equivalence))
	if concept.code != "" {
		parts.Append(fhir.NewObject(fhir.S("name", "concept"), fhir.M("valueCoding", concept.element())))
	}
	for _, p := range m.products {
		property := firstOf(p, "property", "attribute")
		system := firstOf(p, "system")
		code := firstOf(p, "value", "valueCode", "valueString")
		parts.Append(fhir.NewObject(fhir.S("name", "product"), fhir.M("part", fhir.NewArray(
			parameter("element", "Uri", property),
			fhir.NewObject(fhir.S("name", "concept"), fhir.M("valueCoding", coding{system: system, code: code}.element()))))))
	}
	switch {
	case !t.r5:
		if m.origin != "" {
			parts.Append(parameter("source", "Uri", m.origin))
		}
		return parts
	case t.back:
		parts.Append(fhir.NewObject(fhir.S("name", "source"), fhir.M("valueCoding", m.from.element())))
	}
	if m.origin != "" {
		parts.Append(parameter("originMap", "Canonical", m.origin))
	}
	return parts
}

func firstOf(e *fhir.Element, names ...string) string {
	for _, name := range names {
		if t := text(e, name); t != "" {
			return t
		}
	}
	return ""
}
