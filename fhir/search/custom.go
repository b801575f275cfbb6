package search

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/fhir/path"
)

// Custom is a search parameter beside those of the registry's definitions, such as
// a SearchParameter that a client stored.
type Custom struct {
	Definition *definition.SearchParameter
	// Waiting, when not nil, says why the parameter cannot be searched by yet;
	// resources that are written get its values all the same.
	Waiting func() string
	// Since is, of one that Labelled made, up to where resources were stored before it.
	Since int64
}

// Index is the name under which a store keeps the values of a definition's
// parameters: what the code means never changes under one name.
func Index(d *definition.SearchParameter) string {
	h := sha256.New()
	for _, part := range append([]string{d.URL, d.Code, d.Type, d.Expression}, d.Bases...) {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	for _, c := range d.Components {
		fmt.Fprintf(h, "%d:%s%d:%s", len(c.Definition), c.Definition, len(c.Expression), c.Expression)
	}
	return d.Code + "#" + hex.EncodeToString(h.Sum(nil)[:8])
}

// overlay is the registry's custom parameters; it is never changed, another takes
// its place.
type overlay struct {
	epoch  int64
	byBase map[string][]Custom
	label  *Custom
	tables sync.Map // resource type -> *table
}

// on are the custom parameters of a resource type.
func (o *overlay) on(typ string) []Custom {
	list := slices.Clone(o.byBase[typ])
	for _, base := range ancestors(typ) {
		list = append(list, o.byBase[base]...)
	}
	return list
}

func ancestors(typ string) []string {
	switch typ {
	case "Bundle", "Binary", "Parameters":
		return []string{"Resource"}
	}
	return []string{"DomainResource", "Resource"}
}

// SetCustom replaces the custom parameters, at once for all who ask from then on.
// One that Check refuses is left out, as is one whose code is known already: of
// several the first counts.
func (g *Registry) SetCustom(list []Custom) {
	g.changing.Lock()
	defer g.changing.Unlock()
	g.setCustom(list, g.Epoch()+1)
}

// SetCustomAt is SetCustom with the Epoch that is then: that of who keeps the
// parameters for several registries. What is older than the present ones is not taken.
func (g *Registry) SetCustomAt(list []Custom, epoch int64) {
	g.changing.Lock()
	defer g.changing.Unlock()
	if epoch > g.Epoch() || g.custom.Load() == nil {
		g.setCustom(list, epoch)
	}
}

func (g *Registry) setCustom(list []Custom, epoch int64) {
	next := &overlay{epoch: epoch, byBase: map[string][]Custom{}, label: labelOf(list)}
	for _, c := range list {
		for _, base := range c.Definition.Bases {
			next.byBase[base] = append(next.byBase[base], c)
		}
	}
	g.custom.Store(next)
	// What is no more is not kept; who still asks by it has it.
	current := map[string]bool{}
	for _, c := range list {
		current[Index(c.Definition)] = true
	}
	g.made.Range(func(at, _ any) bool {
		if _, index, _ := strings.Cut(at.(string), "."); !current[index] {
			g.made.Delete(at)
		}
		return true
	})
}

// Epoch is a number, from 1, that grows when the custom parameters change. What was
// extracted before it changed lacks values of the new ones.
func (g *Registry) Epoch() int64 {
	if o := g.custom.Load(); o != nil {
		return o.epoch
	}
	return 1
}

// customized is the table of a type with its custom parameters.
func (g *Registry) customized(o *overlay, typ string) *table {
	if known, ok := o.tables.Load(typ); ok {
		return known.(*table)
	}
	basic := g.basic(typ)
	if len(basic.params) == 0 {
		return basic
	}
	t := &table{
		byCode: maps.Clone(basic.byCode), refused: maps.Clone(basic.refused), params: slices.Clone(basic.params), indexed: slices.Clone(basic.indexed),
		text: basic.text, content: basic.content, inner: basic.inner, within: basic.within, plan: basic.plan,
	}
	for _, c := range o.on(typ) {
		g.addCustom(t, typ, c)
	}
	if len(t.indexed) > len(basic.indexed) {
		t.plan = g.plan(typ, t.indexed)
	}
	known, _ := o.tables.LoadOrStore(typ, t) // of several who make it at once the first
	return known.(*table)
}

func (g *Registry) addCustom(t *table, typ string, c Custom) {
	if t.byCode[c.Definition.Code] != nil || t.waiting[c.Definition.Code] != nil {
		return
	}
	p := g.customParam(typ, c.Definition)
	switch {
	case p == nil:
		return
	case p.labels != nil:
		t.label = p
		return
	}
	t.indexed = append(t.indexed, p)
	if c.Waiting != nil {
		if t.waiting == nil {
			t.waiting = map[string]func() string{}
		}
		t.waiting[p.Code] = c.Waiting
		return
	}
	delete(t.refused, p.Code)
	t.add(p)
}

// customParam is the parameter of a definition for a type, the same as long as the
// definition says the same; nil where it cannot be one.
func (g *Registry) customParam(typ string, d *definition.SearchParameter) *Param {
	at := typ + "." + Index(d)
	if known, ok := g.made.Load(at); ok {
		return known.(*Param)
	}
	p := g.labelParam(typ, d)
	if p == nil {
		var why string
		if p, why = g.compile(typ, d); why != "" {
			return nil
		}
		p.Bit, p.Index = -1, Index(d)
	}
	known, _ := g.made.LoadOrStore(at, p)
	return known.(*Param)
}

// CustomParams are the parameters that a definition makes for a resource type,
// whether they are served or not: none or one.
func (g *Registry) CustomParams(typ string, d *definition.SearchParameter) []*Param {
	if !slices.Contains(d.Bases, typ) && !slices.ContainsFunc(ancestors(typ), func(base string) bool { return slices.Contains(d.Bases, base) }) {
		return nil
	}
	if p := g.customParam(typ, d); p != nil {
		return []*Param{p}
	}
	return nil
}

// Check says what keeps a definition from becoming a custom parameter: a fhir
// Unprocessable error that names the element. known reports that each of its
// types has that very parameter already, so that nothing is to be done.
func (g *Registry) Check(d *definition.SearchParameter) (known bool, err error) {
	refuse := func(at, format string, args ...any) (bool, error) {
		return false, fhir.Unprocessable("SearchParameter."+at, format, args...)
	}
	if !validCode(d.Code) {
		return refuse("code", "the code of a search parameter is letters, digits, - and _, not %.64q", d.Code)
	}
	if _, ok := g.src.Find("SearchParameter", d.URL); ok && d.URL != "" {
		return true, nil // a copy of what the definitions have
	}
	known = true
	for _, base := range d.Bases {
		typ := base
		switch base {
		case "Resource":
			typ = "Bundle"
		case "DomainResource":
			typ = "Patient"
		default:
			if !fhir.IsResourceType(base) {
				return refuse("base", "%.64s is no resource type", base)
			}
		}
		if have := g.basic(typ).byCode[d.Code]; have != nil {
			if !g.sameMeaning(typ, have, d) {
				return refuse("code", "%s has a search parameter %s with another meaning: %s", base, d.Code, have.Definition)
			}
			continue
		}
		if control[d.Code] {
			return refuse("code", "%s has a meaning of its own in a search", d.Code)
		}
		known = false
		p, why := g.compile(typ, d)
		if why != "" {
			return refuse("expression", "%s", why)
		}
		for _, arm := range p.arms {
			x, err := path.Compile(arm, path.WithModel(g.model))
			if err == nil {
				err = x.Check(base, false)
			}
			if err != nil {
				return refuse("expression", "its expression cannot be used on %s: %s", base, err)
			}
		}
	}
	return known, nil
}

// refused says why a parameter that is known is not served; "" for one that is not.
func (g *Registry) refused(typ, code string) string {
	t := g.table(typ)
	if why := t.waiting[code]; why != nil {
		return why()
	}
	return t.refused[code]
}

func (g *Registry) sameMeaning(typ string, have *Param, d *definition.SearchParameter) bool {
	if have.Definition == d.URL {
		return true
	}
	if have.Type == ID || have.Type == LastUpdated {
		return strings.HasSuffix(d.Expression, map[Type]string{ID: "id", LastUpdated: "meta.lastUpdated"}[have.Type])
	}
	p, why := g.compile(typ, d)
	if why != "" || p.Type != have.Type || len(p.arms) != len(have.arms) || len(p.Components) != len(have.Components) {
		return false
	}
	for i := range p.arms {
		if plainArm(p.arms[i]) != plainArm(have.arms[i]) {
			return false
		}
	}
	return sameComponents(p, have)
}

// plainArm writes (A.b as T), A.b.as(T) and A.b.ofType(T) alike.
func plainArm(arm string) string {
	arm = strings.ReplaceAll(strings.ReplaceAll(arm, " as ", ".ofType("), ".as(", ".ofType(")
	return strings.NewReplacer(" ", "", "(", " ", ")", "").Replace(strings.TrimLeft(arm, "("))
}

// control are names that mean something else in a search URL.
var control = map[string]bool{
	"_sort": true, "_count": true, "_include": true, "_revinclude": true, "_summary": true, "_total": true, "_elements": true, "_contained": true,
	"_containedType": true, "_has": true, "_filter": true, "_list": true, "_type": true, "_format": true, "_pretty": true, "_explain": true, "_id": true,
	labelCode: true, codesCode: true, referencesCode: true, authorsCode: true, patientsCode: true,
}

func validCode(code string) bool {
	return code != "" && len(code) <= 64 && strings.Trim(code, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == ""
}

// ExtractOf gives what some parameters of a resource's type find in it, whether
// they are served or not.
func (g *Registry) ExtractOf(r *fhir.Resource, params []*Param) []Value {
	x := newExtraction(g)
	for _, p := range params {
		switch {
		case p.labels != nil:
			x.appendSecurity(p, r)
			continue
		case p.within != nil:
			x.appendOne(p, r)
			continue
		}
		before := len(x.values)
		x.evaluate(r, p)
		x.settle(before)
	}
	return x.values
}
