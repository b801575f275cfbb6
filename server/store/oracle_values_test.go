package store_test

import (
	"context"
	"math/big"
	"strings"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/fhir/path"
	"vitalwire/fhir/search"
	"vitalwire/profiles"
)

// oracle knows every resource, and evaluates definitions on them as they stand.
type oracle struct {
	all    []*subject
	byType map[string][]*subject
	pool   map[string][]*subject // of all there is, seen or not, to think of questions
	byKey  map[fhir.Key]*subject
	types  []string
	sight  search.Sight // nil sees all
	view   string
	model  *path.Model
	params map[string]map[string]*definition.SearchParameter // type, code
	exprs  map[string]*path.Expression
}

// subject is a resource with what was found in it.
type subject struct {
	o        *oracle
	resource *fhir.Resource
	values   map[string][]fact
	inner    []*subject // contained
}

// fact is one value in plain form.
type fact struct {
	system, code string    // token, reference identifier
	text         string    // string, uri, reference
	low, high    time.Time // date; zero ends are open
	from, to     *big.Rat  // number, quantity; nil ends are open
	unit         string    // quantity: code
	exact        string    // what is sorted by as it is written
	label        string
}

func newOracle(t *testing.T, list []*fhir.Resource) *oracle {
	t.Helper()
	set := profiles.R4()
	o := &oracle{byType: map[string][]*subject{}, byKey: map[fhir.Key]*subject{}, model: path.NewModel(set),
		params: map[string]map[string]*definition.SearchParameter{}, exprs: map[string]*path.Expression{}}
	for _, r := range list {
		s := &subject{o: o, resource: r, values: map[string][]fact{}}
		if o.byType[r.Type()] == nil {
			o.types = append(o.types, r.Type())
			o.paramsOf(r.Type())
		}
		o.all = append(o.all, s)
		o.byType[r.Type()] = append(o.byType[r.Type()], s)
		o.byKey[r.Key()] = s
	}
	o.pool = o.byType
	return o
}

// paramsOf are the definitions of the parameters of a type.
func (o *oracle) paramsOf(typ string) map[string]*definition.SearchParameter {
	if o.params[typ] == nil {
		o.params[typ] = map[string]*definition.SearchParameter{}
		for _, p := range profiles.R4().SearchParameters(typ) {
			o.params[typ][p.Code] = p
		}
	}
	return o.params[typ]
}

// of gives the values of a parameter of a resource.
func (s *subject) of(code string) []fact {
	if known, ok := s.values[code]; ok {
		return known
	}
	p := s.o.params[s.resource.Type()][code]
	var list []fact
	if p != nil && p.Expression != "" {
		for _, it := range s.o.eval(p.Expression, s.o.model.Root(s.resource)) {
			list = append(list, factsOf(p.Type, it)...)
		}
	}
	s.values[code] = list
	return list
}

func (o *oracle) eval(text string, at path.Item) path.Collection {
	x := o.exprs[text]
	if x == nil {
		var err error
		if x, err = path.Compile(text, path.WithModel(o.model)); err != nil {
			panic(err)
		}
		o.exprs[text] = x
	}
	items, err := x.Eval(context.Background(), &path.Env{StubReferences: true}, at)
	if err != nil {
		return nil
	}
	return items
}

func factsOf(kind string, it path.Item) []fact {
	e, typ := it.Element(), strings.TrimPrefix(it.TypeName(), "FHIR.")
	switch kind {
	case "token":
		return tokenFacts(e, typ, it)
	case "string":
		return stringFacts(e, typ)
	case "uri":
		return []fact{{text: e.Text()}}
	case "reference":
		text := e.Get("reference").Text()
		if e.Is(fhir.String) {
			text = e.Text()
		}
		if text == "" || text[0] == '#' {
			return nil
		}
		return []fact{{text: strings.TrimPrefix(text, oracleBase+"/")}}
	case "date":
		return dateFacts(e, typ)
	case "number":
		if r, ok := new(big.Rat).SetString(e.Text()); ok {
			return []fact{{from: r, to: r}}
		}
	case "quantity":
		return quantityFacts(e)
	}
	return nil
}

func tokenFacts(e *fhir.Element, typ string, it path.Item) []fact {
	if b, ok := it.Bool(); ok {
		return []fact{{code: map[bool]string{true: "true", false: "false"}[b]}}
	}
	switch typ {
	case "CodeableConcept":
		var list []fact
		for _, c := range e.Get("coding").Items() {
			list = append(list, tokenFacts(c, "Coding", it)...)
		}
		return list
	case "Coding":
		if c := e.Get("code").Text(); c != "" {
			return []fact{{system: e.Get("system").Text(), code: c}}
		}
	case "Identifier":
		if v := e.Get("value").Text(); v != "" {
			return []fact{{system: e.Get("system").Text(), code: v}}
		}
	case "ContactPoint":
		if v := e.Get("value").Text(); v != "" {
			return []fact{{code: v}}
		}
	default:
		if e.Text() != "" {
			return []fact{{system: "?", code: e.Text()}} // a code's system is not asked for
		}
	}
	return nil
}

func stringFacts(e *fhir.Element, typ string) []fact {
	var list []fact
	parts := map[string]string{"HumanName": "text family given prefix suffix", "Address": "text line city district state postalCode country"}[typ]
	for _, name := range strings.Fields(parts) {
		for _, item := range e.Get(name).Items() {
			list = append(list, stringFacts(item, "string")...)
		}
	}
	if e.Is(fhir.String) && e.Text() != "" {
		list = append(list, fact{text: e.Text()})
	}
	return list
}

func dateFacts(e *fhir.Element, typ string) []fact {
	one := func(text string) (fact, bool) {
		d, ok := fhir.ParseDateTime(text)
		return fact{low: d.Low(), high: d.High()}, ok
	}
	switch typ {
	case "Period":
		start, hasStart := one(e.Get("start").Text())
		end, hasEnd := one(e.Get("end").Text())
		f := fact{}
		if hasStart {
			f.low = start.low
		}
		if hasEnd {
			f.high = end.high
		}
		if !hasStart && !hasEnd || hasStart && hasEnd && !f.low.Before(f.high) {
			return nil
		}
		return []fact{f}
	case "Timing":
		if bounds := e.Path("repeat", "boundsPeriod"); bounds != nil && e.Get("event") == nil {
			return dateFacts(bounds, "Period")
		}
		var all fact
		for i, event := range e.Get("event").Items() {
			f, ok := one(event.Text())
			if !ok {
				continue
			}
			if i == 0 || f.low.Before(all.low) {
				all.low = f.low
			}
			if i == 0 || f.high.After(all.high) {
				all.high = f.high
			}
		}
		if all.low.IsZero() {
			return nil
		}
		return []fact{all}
	}
	if f, ok := one(e.Text()); ok {
		return []fact{f}
	}
	return nil
}

func quantityFacts(e *fhir.Element) []fact {
	if low, high := e.Get("low"), e.Get("high"); low != nil || high != nil {
		a, b := quantityFacts(low), quantityFacts(high)
		switch {
		case len(a) == 0:
			for i := range b {
				b[i].from = nil
			}
			return b
		case len(b) == 0:
			a[0].to = nil
		default:
			a[0].to = b[0].to
		}
		return a
	}
	r, ok := new(big.Rat).SetString(e.Get("value").Text())
	if !ok {
		return nil
	}
	f := fact{from: r, to: r, system: e.Get("system").Text(), unit: e.Get("code").Text(), label: e.Get("unit").Text()}
	if c := e.Get("currency").Text(); c != "" {
		f.system, f.unit = "urn:iso:std:iso:4217", c
	}
	switch c := e.Get("comparator").Text(); {
	case strings.HasPrefix(c, "<"):
		f.from = nil
	case strings.HasPrefix(c, ">"):
		f.to = nil
	}
	return []fact{f}
}
