package path

import (
	"strings"
	"sync"
	"sync/atomic"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
)

// Model knows the FHIR types: which elements they have and what they derive
// from. It reads definitions when a type is first met and is safe for
// concurrent use. A nil *Model knows nothing: elements are then found by name
// alone and choices by the capital letter that follows.
type Model struct {
	src   definition.Structures
	types sync.Map // path of a type or backbone element -> *Type, nil for unknown
}

// NewModel makes a model of the base types (not the profiles) in src.
func NewModel(src definition.Structures) *Model { return &Model{src: src} }

// Type is a FHIR type, or a backbone element such as Patient.contact. A Type
// made without definitions is open: it has whatever elements the data have.
type Type struct {
	name   string // "Patient", "string"; "BackboneElement" for Patient.contact
	path   string // "Patient", "Patient.contact"
	base   string
	kind   definition.Kind
	system Kind // what a primitive or Quantity converts to, KindNode for none
	open   bool
	model  *Model
	elems  map[string]*element // by FHIRPath name
	json   map[string]jsonName // by JSON member name, "_" names too
	order  []*element
	stub   *fhir.Element // an empty resource of the type
	parent atomic.Pointer[Type]
	line   atomic.Pointer[[]string] // ancestors, once asked for
}

// element is an element of a Type.
type element struct {
	name, under string // "given", "_given"
	choice      bool
	list        bool
	types       []*typeLink // one, or as many as the choice has
}

// typeLink is a type an element may have and the JSON names it then has.
type typeLink struct {
	name, under string // "valueQuantity", "_valueQuantity"
	code        string // name or path of the type
	system      Kind   // of primitives, known before the type is looked up
	model       *Model
	link        atomic.Pointer[Type]
}

type jsonName struct {
	elem *element
	typ  *typeLink
}

// Name is the FHIR name of the type: "BackboneElement" for Patient.contact.
func (t *Type) Name() string {
	if t == nil {
		return ""
	}
	return t.name
}

// Path is the name of the type or the path of the backbone element.
func (t *Type) Path() string {
	if t == nil {
		return ""
	}
	return t.path
}

// Primitive reports whether the type is a FHIR primitive.
func (t *Type) Primitive() bool { return t != nil && t.kind == definition.Primitive }

// Type finds a type by name or a backbone element by path; nil when the model
// does not know it.
func (m *Model) Type(name string) *Type {
	if m == nil {
		return nil
	}
	if t, ok := m.types.Load(name); ok {
		return t.(*Type)
	}
	t := m.build(name)
	if t == nil {
		// Unknown names are not remembered: they may come from anyone, and a
		// package may bring them later.
		return nil
	}
	kept, _ := m.types.LoadOrStore(name, t)
	return kept.(*Type)
}

func (m *Model) build(path string) *Type {
	name, _, backbone := strings.Cut(path, ".")
	if name == "" {
		return nil
	}
	s, err := m.src.Structure(name)
	if err != nil || s.IsProfile() || s.Type != name || s.Kind == definition.Logical {
		return nil
	}
	def := s.Root()
	t := &Type{name: name, path: path, base: definition.TypeName(s.Base), kind: s.Kind, model: m}
	if backbone {
		if def = s.ByPath(path); def == nil || len(def.Types) == 0 {
			return nil
		}
		t.name, t.base, t.kind = def.Types[0].Code, "", definition.Complex
		if bs, err := m.src.Structure(t.name); err == nil {
			t.base = definition.TypeName(bs.Base)
		}
	}
	t.system = systemOf(t.name, t.base, t.kind)
	if t.kind == definition.Resource {
		t.stub = fhir.NewObject(fhir.S("resourceType", t.name))
	}
	t.elems = make(map[string]*element, len(def.Children))
	t.json = make(map[string]jsonName, 2*len(def.Children))
	for _, c := range def.Children {
		if t.kind == definition.Primitive && c.Name == "value" {
			continue // the value of a primitive is the item itself
		}
		t.add(c)
	}
	return t
}

func (t *Type) add(c *definition.Element) {
	e := &element{name: c.Name, under: "_" + c.Name, choice: c.Choice, list: c.Repeats()}
	link := func(code, jsonMember string) {
		l := &typeLink{name: jsonMember, under: "_" + jsonMember, code: code, model: t.model, system: primitiveKind(code)}
		e.types = append(e.types, l)
		t.json[l.name] = jsonName{e, l}
		t.json[l.under] = jsonName{e, l}
	}
	switch {
	case c.Content != nil:
		link(c.Content.Path, c.Name)
	case len(c.Children) > 0 && len(c.Types) > 0 && (c.Types[0].Code == "BackboneElement" || c.Types[0].Code == "Element"):
		link(c.Path, c.Name)
	case c.Choice:
		for _, typ := range c.Types {
			link(typ.Code, c.JSONName(typ.Code))
		}
	case len(c.Types) > 0:
		link(c.Types[0].Code, c.Name)
	default:
		link("", c.Name)
	}
	t.elems[c.Name] = e
	t.order = append(t.order, e)
}

// typ is the declared type; nil when the model does not know it.
func (l *typeLink) typ() *Type {
	if t := l.link.Load(); t != nil {
		return t
	}
	t := l.model.Type(l.code)
	if t != nil {
		l.link.Store(t)
	}
	return t
}

// typeOf is the type of a value in the data: for a resource what resourceType says.
func (l *typeLink) typeOf(e *fhir.Element) *Type {
	t := l.typ()
	if t == nil || t.kind == definition.Resource {
		return l.model.TypeOf(e, t)
	}
	return t
}

// TypeOf is the type that a resource's resourceType names; otherwise that of
// other values. For a name the model does not know the type is open.
func (m *Model) TypeOf(e *fhir.Element, other *Type) *Type {
	name := e.Get("resourceType").Text()
	switch {
	case name == "":
		return other
	case other != nil && other.name == name:
		return other
	}
	if t := m.Type(name); t != nil {
		return t
	}
	return openType(name, definition.Resource)
}

func openType(name string, kind definition.Kind) *Type {
	return &Type{name: name, path: name, kind: kind, open: true, system: systemOf(name, "", kind)}
}

// superType is the type this one derives from; nil at the top.
func (t *Type) superType() *Type {
	if p := t.parent.Load(); p != nil {
		return p
	}
	if t.base == "" || t.model == nil {
		return nil
	}
	p := t.model.Type(t.base)
	if p != nil {
		t.parent.Store(p)
	}
	return p
}

// is reports whether the type is that of the name or derives from it.
func (t *Type) is(name string) bool {
	if t == nil {
		return false
	}
	if t.name == name {
		return true
	}
	for _, ancestor := range t.ancestors() {
		if ancestor == name {
			return true
		}
	}
	return false
}

// ancestors are the names of the types this one derives from, nearest first.
func (t *Type) ancestors() []string {
	if known := t.line.Load(); known != nil {
		return *known
	}
	var line []string
	if t.open && t.kind == definition.Resource {
		line = []string{"DomainResource", "Resource"}
	}
	// The bound ends a circle of definitions.
	for p := t.superType(); p != nil && len(line) < 16; p = p.superType() {
		line = append(line, p.name)
	}
	t.line.Store(&line)
	return line
}

// systemOf is the System type that values of a FHIR type convert to (R4
// fhirpath §2.9.1: the table of implicit conversions).
func systemOf(name, base string, kind definition.Kind) Kind {
	if k := primitiveKind(name); k != KindNode {
		return k
	}
	switch {
	case name == "Quantity" || base == "Quantity":
		return KindQuantity
	case kind == definition.Primitive:
		return KindString
	}
	return KindNode
}

func primitiveKind(name string) Kind {
	switch name {
	case "boolean":
		return KindBoolean
	case "integer", "positiveInt", "unsignedInt":
		return KindInteger
	case "decimal":
		return KindDecimal
	case "date":
		return KindDate
	case "dateTime", "instant":
		return KindDateTime
	case "time":
		return KindTime
	case "string", "code", "id", "uri", "url", "canonical", "oid", "uuid", "markdown", "base64Binary", "xhtml":
		return KindString
	}
	return KindNode
}
