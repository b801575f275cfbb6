package search

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/fhir/path"
)

// Definitions is where search parameters and the types they reach into are
// looked up. Implementations are safe for concurrent use.
type Definitions interface {
	definition.Source
	// SearchParameters are those of a resource type, those of Resource and
	// DomainResource included; of several with one code the first counts.
	SearchParameters(resourceType string) []*definition.SearchParameter
}

// Registry holds the search parameters of every resource type, compiled from
// their definitions when a type is first used. It is safe for concurrent use.
type Registry struct {
	src         Definitions
	base        string
	model       *path.Model
	env         *path.Env
	tables      sync.Map  // resource type -> *table
	systems     sync.Map  // path of a code element -> code system of its binding
	units       unitCache // of quantities
	extractions sync.Pool // *extraction

	changing sync.Mutex // who holds it replaces custom
	custom   atomic.Pointer[overlay]
	made     sync.Map // type and Index -> *Param of custom parameters
	// labellers are by Index: those that resources are labelled by, or were.
	labellers sync.Map

	compartments compartments
}

// NewRegistry makes a registry. base is the server's own FHIR base without a
// trailing slash: a stored reference that begins with it is local.
func NewRegistry(src Definitions, base string) *Registry {
	return &Registry{src: src, base: base, model: path.NewModel(src), env: &path.Env{StubReferences: true}}
}

// Rules is a number that changes whenever Extract gives other values than
// before: what a store indexed by other rules must be indexed again.
func (g *Registry) Rules() int64 { return 8 }

// table is the parameters of one resource type.
type table struct {
	once    sync.Once
	params  []*Param // as Params gives them
	byCode  map[string]*Param
	refused map[string]string // code -> why it is not served
	indexed []*Param          // those that Extract evaluates, by code
	plan    *plan             // how
	text    *Param            // _text
	content *Param            // _content
	inner   *Param            // the types of contained resources
	label   *Param            // the security labels
	within  *Within           // what no parameter finds
	// waiting are the codes of custom parameters that are not served yet, and why.
	waiting map[string]func() string
}

// table is the table of a type as it is now.
func (g *Registry) table(typ string) *table {
	o := g.custom.Load()
	if o == nil || len(o.byBase) == 0 {
		return g.basic(typ)
	}
	return g.customized(o, typ)
}

// basic is the table without custom parameters.
func (g *Registry) basic(typ string) *table {
	known, ok := g.tables.Load(typ)
	if !ok {
		if !fhir.IsResourceType(typ) {
			return &table{}
		}
		known, _ = g.tables.LoadOrStore(typ, &table{})
	}
	t := known.(*table)
	t.once.Do(func() { g.build(t, typ) })
	return t
}

// Lookup finds the parameter of a resource type; nil when there is none.
func (g *Registry) Lookup(typ, code string) *Param { return g.table(typ).byCode[code] }

// Params lists the parameters of a resource type that are served: _id and
// _lastUpdated, then the others by code. The list must not be changed.
func (g *Registry) Params(typ string) []*Param { return g.table(typ).params }

const sp = "http://hl7.org/fhir/SearchParameter/"

func (g *Registry) build(t *table, typ string) {
	t.byCode, t.refused, t.within = map[string]*Param{}, map[string]string{}, &Within{}
	t.add(&Param{Resource: typ, Code: "_id", Type: ID, Definition: sp + "Resource-id", Bit: -1})
	t.add(&Param{Resource: typ, Code: "_lastUpdated", Type: LastUpdated, Definition: sp + "Resource-lastUpdated", Bit: -1})
	var made []*Param
	for _, d := range g.src.SearchParameters(typ) {
		if t.byCode[d.Code] != nil || t.refused[d.Code] != "" {
			continue
		}
		p, why := g.compile(typ, d)
		if why != "" {
			t.refused[d.Code] = why
			continue
		}
		t.add(p)
		switch p.Code {
		case "_text":
			t.text = p
			// What has a narrative can contain resources, too (R4 domainresource).
			t.inner = &Param{Resource: typ, Code: "_contained", Type: Token, Bit: -1}
			continue
		case "_content":
			t.content = p
			continue
		}
		made = append(made, p)
	}
	for _, p := range made {
		p.Union = unionOf(p, made)
	}
	for _, p := range made {
		if p.Bit = -1; p.Union == nil {
			p.Bit = len(t.indexed)
			t.indexed = append(t.indexed, p)
		}
	}
	t.plan = g.plan(typ, t.indexed)
}

func (t *table) add(p *Param) {
	t.byCode[p.Code] = p
	t.params = append(t.params, p)
}

// types are the parameter types by their R4 codes.
var types = map[string]Type{
	"token": Token, "reference": ReferenceType, "date": Date, "string": StringType,
	"number": NumberType, "quantity": QuantityType, "uri": URIType, "composite": CompositeType,
}

// compile makes a parameter of a definition for one resource type; why says what
// keeps it from being served.
func (g *Registry) compile(typ string, d *definition.SearchParameter) (p *Param, why string) {
	kind, ok := types[d.Type]
	if d.Code == "near" && d.Type == "special" {
		kind, ok = PlaceType, true
	}
	switch {
	case d.Expression == "" && (d.Code == "_text" || d.Code == "_content"):
		return &Param{Resource: typ, Code: d.Code, Type: TextType, Definition: d.URL, Bit: -1}, ""
	case !ok:
		return nil, "search by parameters of type " + d.Type + " is not supported yet"
	case d.Expression == "":
		return nil, "it has no expression, and search by it is not supported yet"
	}
	p = &Param{Resource: typ, Code: d.Code, Type: kind, Targets: d.Targets, Definition: d.URL, arms: armsFor(typ, d.Expression)}
	if len(p.arms) == 0 {
		return nil, "its definition has no expression for " + typ
	}
	if p.Type == ReferenceType {
		p.Targets = narrowTargets(p.Targets, p.arms)
	}
	var err error
	if p.expression, err = path.Compile(strings.Join(p.arms, " | "), path.WithModel(g.model)); err != nil {
		return nil, "its expression cannot be used: " + err.Error()
	}
	p.boolean = p.expression.Boolean(typ)
	if kind == CompositeType {
		return p, g.components(p, d)
	}
	return p, ""
}

// components compiles the parts of a composite (R4 search §3.1.1.5.8).
func (g *Registry) components(p *Param, d *definition.SearchParameter) (why string) {
	if len(d.Components) != 2 {
		return "composites of other than two components are not supported yet"
	}
	for _, c := range d.Components {
		r, ok := g.src.Find("SearchParameter", c.Definition)
		if !ok {
			return "its component " + c.Definition + " is not known"
		}
		part, err := definition.SearchParameterFrom(r)
		if err != nil {
			return err.Error()
		}
		kind, ok := types[part.Type]
		if !ok || kind == CompositeType {
			return "components of type " + part.Type + " are not supported"
		}
		// R4 writes the primitive's name as a class's in Observation-code-value-date.
		text := strings.ReplaceAll(c.Expression, "ofType(DateTime)", "ofType(dateTime)")
		expression, err := path.Compile(text, path.WithModel(g.model))
		if err != nil {
			return "the expression of its component " + part.Code + " cannot be used: " + err.Error()
		}
		p.Components = append(p.Components, &Param{Resource: p.Resource, Code: part.Code, Type: kind, Targets: part.Targets, Definition: part.URL, Bit: -1, expression: expression})
	}
	// DocumentReference-relationship names its components the wrong way round:
	// "relatesto" has the expression of the code, "relation" that of the target.
	if p.Components[0].Type == ReferenceType && d.Components[0].Expression == "code" {
		p.Components[0].Type, p.Components[1].Type = p.Components[1].Type, p.Components[0].Type
		p.Components[0].Targets, p.Components[1].Targets = p.Components[1].Targets, p.Components[0].Targets
	}
	if p.Components[0].Type != Token {
		return "composites that do not begin with a token are not supported yet"
	}
	return ""
}

// armsFor splits an expression at its unions and keeps what can say anything of a
// resource type: R4 joins those of many types in one definition.
func armsFor(typ, expression string) []string {
	var arms []string
	for _, arm := range splitArms(expression) {
		name := strings.TrimLeft(arm, "( ")
		end := strings.IndexFunc(name, func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') })
		if end >= 0 {
			name = name[:end]
		}
		if name != typ && fhir.IsResourceType(name) || slices.Contains(arms, arm) {
			continue
		}
		arms = append(arms, arm)
	}
	return arms
}

// splitArms splits at each | outside parentheses and quotes.
func splitArms(text string) []string {
	var arms []string
	depth, start, quoted := 0, 0, false
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == '|' && depth == 0:
			arms = append(arms, strings.TrimSpace(text[start:i]))
			start = i + 1
		}
	}
	return append(arms, strings.TrimSpace(text[start:]))
}

// narrowTargets reads where(resolve() is Patient): if every arm says so, only
// those types are meant.
func narrowTargets(targets, arms []string) []string {
	var named []string
	for _, arm := range arms {
		_, rest, ok := strings.Cut(arm, "where(resolve() is ")
		if !ok {
			return targets
		}
		name, _, _ := strings.Cut(rest, ")")
		if name = strings.TrimSpace(name); !slices.Contains(named, name) {
			named = append(named, name)
		}
	}
	return named
}

// unionOf finds the parameters that together mean what p means, such as code and
// component-code for combo-code: then p needs no index of its own.
func unionOf(p *Param, all []*Param) []*Param {
	if len(p.arms) < 2 || p.Type == ReferenceType {
		return nil
	}
	var members []*Param
	covered := map[string]bool{}
	for _, q := range all {
		if q == p || q.Type != p.Type || len(q.arms) >= len(p.arms) || !sameComponents(p, q) ||
			slices.ContainsFunc(q.arms, func(arm string) bool { return !slices.Contains(p.arms, arm) || covered[arm] }) {
			continue
		}
		members = append(members, q)
		for _, arm := range q.arms {
			covered[arm] = true
		}
	}
	if len(covered) < len(p.arms) {
		return nil
	}
	for _, m := range members {
		if unionOf(m, all) != nil {
			return nil // keep it simple: no unions of unions
		}
	}
	return members
}

func sameComponents(p, q *Param) bool {
	return slices.EqualFunc(p.Components, q.Components, func(a, b *Param) bool {
		return a.Type == b.Type && a.expression.String() == b.expression.String()
	})
}

// Indexed are the parameters p is answered by: itself, or the members of its union.
func (p *Param) Indexed() []*Param {
	if p.Union != nil {
		return p.Union
	}
	return []*Param{p}
}

// codeSystem is the code system of an element of type code, which does not name
// it: that of the value set it must be from; "" where there are several.
func (g *Registry) codeSystem(at string) string {
	if known, ok := g.systems.Load(at); ok {
		return known.(string)
	}
	system := g.boundSystem(at)
	g.systems.Store(at, system)
	return system
}

func (g *Registry) boundSystem(at string) string {
	typ, _, _ := strings.Cut(at, ".")
	s, err := g.src.Structure(typ)
	if err != nil {
		return ""
	}
	e := cmp.Or(s.ByPath(at), s.ByPath(at+"[x]"))
	if e == nil || e.Binding == nil {
		return ""
	}
	set, ok := g.src.ValueSet(e.Binding.ValueSet)
	if !ok {
		return ""
	}
	includes := set.Get("compose").Get("include").Items()
	if len(includes) != 1 {
		return ""
	}
	return includes[0].Get("system").Text()
}
