package search

import (
	"slices"
	"strings"
	"sync"

	"vitalwire/fhir"
)

// Within are internal parameters of a resource type: what stands in a resource, and no
// search parameter of R4 finds. What decides on access asks by them and by those that R4
// has; no search URL knows them. They are nil of a type that no patient owns.
type Within struct {
	// Codes are those of every Coding in the resource, in extensions and in what it
	// contains, too; not the tags, labels and profiles of meta.
	Codes *Param
	// References are those to resources of this server, wherever they stand, and the URL of
	// an Attachment that is a Binary of it.
	References *Param
	// Authors are References whose element says that it names who made the information.
	Authors *Param
	// Patients of a Bundle are those in it, and those that anything in it refers to.
	Patients *Param

	authoring []string // names of such elements without a search parameter of that name
	once      sync.Once
}

// bundle is the type whose resources hold copies of others, which are their patients'.
const bundle = "Bundle"

// The codes of the parameters of Within.
const (
	codesCode, referencesCode, authorsCode, patientsCode = "_codes", "_references", "_authors", "_patients"
)

// authoring are elements of R4 resources that name who or what made the information.
var authoring = []string{"author", "recorder", "asserter", "enterer", "source", "performer", "requester", "sender", "reporter", "contributor", "expressedBy"}

// Within gives the internal parameters of a resource type.
func (g *Registry) Within(typ string) *Within { return g.within(g.table(typ), typ) }

// within is made when it is first asked for: which types patients own, the tables say.
func (g *Registry) within(t *table, typ string) *Within {
	w := t.within
	if w == nil {
		return &Within{} // of no resource type
	}
	w.once.Do(func() {
		inner := func(code string, kind Type) *Param {
			return &Param{Resource: typ, Code: code, Type: kind, Bit: -1, within: w}
		}
		if typ == bundle {
			w.Codes, w.Patients = inner(codesCode, Token), inner(patientsCode, ReferenceType)
			return
		}
		if _, owned := g.OwnerParams(typ); !owned {
			return
		}
		w.Codes, w.References, w.Authors = inner(codesCode, Token), inner(referencesCode, ReferenceType), inner(authorsCode, ReferenceType)
		for _, name := range authoring {
			if p := t.byCode[name]; p == nil || p.Type != ReferenceType {
				w.authoring = append(w.authoring, name)
			}
		}
	})
	return w
}

// Internal reports whether a parameter is one of Within.
func (p *Param) Internal() bool { return p.within != nil }

// Coded reports whether the values of a parameter are codes in a resource, rather than
// identifiers or what is said of it as a whole.
func (p *Param) Coded() bool {
	return p.Type == Token && p.Index == "" && p.Union == nil && p.Code[0] != '_' && p.Code != "identifier" && !p.boolean
}

// appendWithin adds the values of the internal parameters. What an R4 parameter found
// already, in the values from a place on, needs no other.
func (x *extraction) appendWithin(w *Within, r *fhir.Resource, from int) {
	if w.Codes == nil {
		return
	}
	s := stroll{x: x, w: w, found: x.values[from:len(x.values):len(x.values)]}
	x.sides[0] = x.sides[0][:0]
	codes := len(x.values)
	s.object(r.Root(), true)
	x.settle(codes)
	references := len(x.values)
	x.values = append(x.values, x.sides[0]...)
	x.settle(references)
	authors := len(x.values)
	for _, name := range w.authoring {
		if e := r.Get(name); e != nil {
			for at := range items(e) {
				if t, ok := x.reg.target(at.Get("reference").Text()); ok && t.URI == "" {
					x.values = append(x.values, Value{Param: w.Authors, Target: t})
				}
			}
		}
	}
	x.settle(authors)
}

// appendOne adds the values of one internal parameter: all there are, whatever other
// parameters find.
func (x *extraction) appendOne(p *Param, r *fhir.Resource) {
	from := len(x.values)
	x.appendWithin(p.within, r, from)
	all := x.values[from:]
	x.values = append(x.values[:from], slices.DeleteFunc(all, func(v Value) bool { return v.Param != p })...)
}

// stroll goes through a whole resource.
type stroll struct {
	x     *extraction
	w     *Within
	found []Value
	rule  bool // within a provision
}

// object looks at an object and all below it. What the provisions of a Consent ask for is
// no code in it, and what nested ones name is no part of it: they are rules about the rest.
func (s *stroll) object(e *fhir.Element, root bool) {
	var system, code, reference, id *fhir.Element
	patient := false
	measured := s.rule
	for _, m := range e.Members() {
		switch v := m.Value; v.Kind() {
		case fhir.Object:
			switch m.Name {
			case "meta":
			case "provision":
				before := s.rule
				s.rule = true
				s.object(v, false)
				s.rule = before
			default:
				s.object(v, false)
			}
		case fhir.Array:
			if root || m.Name != "provision" {
				s.array(v)
			}
		case fhir.Number:
			measured = measured || m.Name == "value"
		case fhir.String:
			switch m.Name {
			case "system":
				system = v
			case "code":
				code = v
			case "reference":
				reference = v
			case "url": // of an Attachment
				if strings.Contains(v.Text(), "Binary/") {
					reference = v
				}
			case "id":
				id = v
			case "resourceType":
				patient = v.Text() == "Patient"
			}
		}
	}
	if code != nil && !measured && code.Text() != "" { // with a value it is the unit of a Quantity
		s.code(system.Text(), code.Text())
	}
	if reference != nil {
		s.reference(reference.Text())
	}
	if patient && id != nil && s.w.Patients != nil {
		s.x.sides[0] = append(s.x.sides[0], Value{Param: s.w.Patients, Target: Target{Type: "Patient", ID: id.Text()}})
	}
}

func (s *stroll) array(e *fhir.Element) {
	for _, m := range e.Members() {
		switch m.Value.Kind() {
		case fhir.Object:
			s.object(m.Value, false)
		case fhir.Array:
			s.array(m.Value)
		}
	}
}

func (s *stroll) code(system, code string) {
	for i := range s.found {
		if v := &s.found[i]; v.Code == code && v.System == system && v.By == ByValue && v.Param.Coded() {
			return
		}
	}
	s.x.values = append(s.x.values, Value{Param: s.w.Codes, System: system, Code: code})
}

func (s *stroll) reference(text string) {
	target, ok := s.x.reg.target(text)
	switch {
	case !ok || target.URI != "":
		return
	case s.w.Patients != nil:
		if target.Type == "Patient" {
			s.x.sides[0] = append(s.x.sides[0], Value{Param: s.w.Patients, Target: target})
		}
		return
	}
	for i := range s.found {
		if v := &s.found[i]; v.Target == target && v.Param.Type == ReferenceType && v.Param.Index == "" {
			return
		}
	}
	s.x.sides[0] = append(s.x.sides[0], Value{Param: s.w.References, Target: target})
}
