package store_test

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/profiles"
	"vitalwire/server/store"
	"vitalwire/server/store/storetest"
)

// What the oracle knows of a Sight: it forgets all that is hidden, and answers by
// what is left. It goes on asking for values of what is hidden.

// under is an oracle that knows only what a random Sight shows.
func (o *oracle) under(g generator) *oracle {
	holds := map[string]func(*subject) bool{}
	views := map[string]search.View{}
	seen := *o
	var words []string
	patient, compartments := pick(g, o.byType["Patient"]...).resource.ID(), g.IntN(3) > 0
	if about := pick(g, o.byType["Observation"]...).of("patient"); len(about) > 0 { // mostly somebody of whom there is much
		patient = keyOf(about[0].text).ID
	}
	for _, typ := range o.types {
		view, text, sees := o.view1(g, typ, patient, compartments)
		if view.Whole {
			text = "all"
		}
		views[typ], holds[typ] = view, sees
		words = append(words, typ+": "+text)
	}
	seen.view = "under {" + strings.Join(words, "; ") + "}"
	seen.sight = func(typ string) search.View { return views[typ] }
	seen.all, seen.byType, seen.byKey = nil, map[string][]*subject{}, map[fhir.Key]*subject{}
	for _, s := range o.all {
		if typ := s.resource.Type(); holds[typ](s) {
			seen.all = append(seen.all, s)
			seen.byType[typ] = append(seen.byType[typ], s)
			seen.byKey[s.resource.Key()] = s
		}
	}
	return &seen
}

// view1 is a random View of a type: nothing, all, a patient's compartment, random
// clauses, or some of these together.
func (o *oracle) view1(g generator, typ, patient string, compartments bool) (v search.View, text string, sees func(*subject) bool) {
	within, inside, has := o.inCompartment(typ, patient)
	if !has || !compartments && g.IntN(3) > 0 {
		switch g.IntN(5) {
		case 0:
			return v, "nothing", func(*subject) bool { return false }
		case 1, 2:
			return search.View{Whole: true}, "", func(*subject) bool { return true }
		}
	}
	var either []func(*subject) bool
	var texts []string
	add := func(c search.Clause, text string, sees func(*subject) bool) {
		v.Any, texts, either = append(v.Any, c), append(texts, text), append(either, sees)
	}
	granular := func() (search.Clause, string, func(*subject) bool, bool) {
		c, ok := o.random(g, typ, 1)
		if !ok {
			return search.Clause{}, "", nil, false
		}
		text := url.QueryEscape(c.name) + "=" + url.QueryEscape(c.value)
		parsed, err := storetest.Parameters().Parse(typ, text, search.Options{Base: oracleBase, Zone: time.UTC})
		if err != nil {
			panic(err)
		}
		return parsed.Query.Filter[0], text, c.holds, true
	}
	for n := 1 + g.IntN(3); n > 0; n-- {
		one, text, sees, ok := granular()
		switch {
		case has && (!ok || g.IntN(2) == 0):
			add(within, "of Patient/"+patient, inside)
		case has && g.IntN(2) == 0:
			both := search.Clause{Group: &search.Group{Op: search.All, Clauses: []search.Clause{within, one}}}
			add(both, "of Patient/"+patient+" and "+text, func(s *subject) bool { return inside(s) && sees(s) })
		case ok && g.IntN(6) == 0:
			no := search.Clause{Group: &search.Group{Op: search.None, Clauses: []search.Clause{one}}}
			add(no, "not "+text, func(s *subject) bool { return !sees(s) })
		case ok:
			add(one, text, sees)
		}
		if g.IntN(2) == 0 {
			break
		}
	}
	return v, strings.Join(texts, " or "), func(s *subject) bool {
		return slices.ContainsFunc(either, func(sees func(*subject) bool) bool { return sees(s) })
	}
}

// inCompartment is the clause of a patient's compartment, and the meaning of its
// definition (R4 compartmentdefinition-patient).
func (o *oracle) inCompartment(typ, patient string) (c search.Clause, inside func(*subject) bool, ok bool) {
	if typ == "Patient" {
		c = search.Clause{Param: storetest.Parameters().Lookup("Patient", "_id"), Operands: []search.Operand{{Code: &patient}}}
		return c, func(s *subject) bool { return s.resource.ID() == patient }, true
	}
	if c, ok = storetest.Parameters().Compartment("Patient").Clause(typ, patient); !ok {
		return c, nil, false
	}
	definition, _ := profiles.R4().Find("CompartmentDefinition", "http://hl7.org/fhir/CompartmentDefinition/patient")
	var codes []string
	for _, r := range definition.Get("resource").Items() {
		if r.Get("code").Text() == typ {
			for _, code := range r.Get("param").Items() {
				codes = append(codes, code.Text())
			}
		}
	}
	return c, func(s *subject) bool {
		return slices.ContainsFunc(codes, func(code string) bool {
			p := o.params[typ][code]
			return p != nil && p.Type == "reference" && slices.ContainsFunc(s.of(code), func(f fact) bool {
				return keyOf(f.text) == fhir.Key{Type: "Patient", ID: patient}
			})
		})
	}, true
}

// listed is a _list of a List, which finds nothing when that is hidden.
func (o *oracle) listed(list *subject) condition {
	return condition{"_list", list.resource.ID(), func(s *subject) bool {
		return o.byKey[list.resource.Key()] != nil && slices.ContainsFunc(list.of("item"), func(f fact) bool { return keyOf(f.text) == s.resource.Key() })
	}}
}

// directive is an _include or _revinclude.
type directive struct {
	source, code     string // code "" is every reference
	reverse, iterate bool
}

func (d directive) String() string {
	name := map[bool]string{false: "_include", true: "_revinclude"}[d.reverse]
	if d.iterate {
		name += ":iterate"
	}
	if d.code == "" {
		return name + "=*"
	}
	return name + "=" + d.source + ":" + d.code
}

// including adds includes to some questions, and what they bring.
func (o *oracle) including(g generator, q *question, found []*subject) []string {
	if g.IntN(3) > 0 && o.sight == nil || len(found) == 0 || len(found) > 500 {
		return nil
	}
	var list []directive
	for range 1 + g.IntN(3) {
		if d, ok := o.directive(g, q.typ); ok {
			list = append(list, d)
		}
	}
	if len(list) == 0 {
		return nil
	}
	have := map[fhir.Key]bool{}
	for _, s := range found {
		have[s.resource.Key()] = true
	}
	for round, from := 0, found; round < 8 && len(from) > 0; round++ {
		var added []*subject
		add := func(s *subject) {
			if !have[s.resource.Key()] {
				have[s.resource.Key()] = true
				added = append(added, s)
				q.brings = append(q.brings, s.resource.Key().String())
			}
		}
		for _, d := range list {
			if round == 0 || d.iterate {
				o.follow(d, from, add)
			}
		}
		from = added
	}
	if len(q.brings) > 2000 {
		q.brings = nil
		return nil
	}
	slices.Sort(q.brings)
	q.includes = true
	var text []string
	for _, d := range list {
		text = append(text, d.String())
	}
	return text
}

// directive picks one that begins at a type, or at what it may bring.
func (o *oracle) directive(g generator, typ string) (directive, bool) {
	if g.IntN(8) == 0 {
		return directive{source: typ}, true
	}
	for range 20 { // mostly one that leads somewhere
		d := directive{reverse: g.IntN(2) == 0, iterate: g.IntN(2) == 0}
		if d.source = typ; d.reverse || d.iterate && g.IntN(2) == 0 {
			d.source = pick(g, o.types...)
		}
		s := pick(g, o.pool[d.source]...)
		var codes []string
		for code, p := range o.params[d.source] {
			if p.Type == "reference" && p.Expression != "" && len(p.Targets) > 0 && slices.ContainsFunc(s.of(code), func(f fact) bool {
				return o.known(keyOf(f.text)) && (!d.reverse || keyOf(f.text).Type == typ && slices.Contains(p.Targets, typ))
			}) {
				codes = append(codes, code)
			}
		}
		if slices.Sort(codes); len(codes) > 0 {
			d.code = pick(g, codes...)
			return d, true
		}
	}
	return directive{}, false
}

// known reports whether there is such a resource, seen or not.
func (o *oracle) known(key fhir.Key) bool {
	return slices.ContainsFunc(o.pool[key.Type], func(s *subject) bool { return s.resource.ID() == key.ID })
}

// follow gives what a directive adds to resources.
func (o *oracle) follow(d directive, from []*subject, add func(*subject)) {
	if d.reverse {
		keys := map[fhir.Key]bool{}
		for _, s := range from {
			keys[s.resource.Key()] = true
		}
		for _, s := range o.byType[d.source] {
			if slices.ContainsFunc(s.of(d.code), func(f fact) bool { return keys[keyOf(f.text)] }) {
				add(s)
			}
		}
		return
	}
	for _, s := range from {
		if s.resource.Type() != d.source {
			continue
		}
		for code, p := range o.params[d.source] {
			if p.Type != "reference" || d.code != "" && d.code != code {
				continue
			}
			for _, f := range s.of(code) {
				if to := o.byKey[keyOf(f.text)]; to != nil {
					add(to)
				}
			}
		}
	}
}

// brought compares what is included.
func (q question) brought(t *testing.T, seed uint64, included []store.Version) bool {
	t.Helper()
	var got []string
	for _, v := range included {
		got = append(got, v.Key.String())
	}
	if slices.Sort(got); q.includes && !slices.Equal(got, q.brings) {
		t.Errorf("VITALWIRE_SEED=%d %s?%s %s includes\ngot  %.500v\nwant %.500v", seed, q.typ, q.query, q.view, got, q.brings)
		return false
	}
	return true
}

// told counts the facts of some searches, of which each match has one.
func (q question) told(t *testing.T, seed uint64, s store.Store, queries []*search.Query) bool {
	t.Helper()
	if len(queries) > 1 || queries[0].Contained != search.NotContained || len(q.want)%3 == 0 {
		return true
	}
	n := 0
	err := s.View(context.Background(), func(r store.Reader) error {
		n = 0
		return r.Facts(queries[0], func(store.Fact) error { n++; return nil })
	})
	if err != nil || n != len(q.want) {
		t.Errorf("VITALWIRE_SEED=%d %s?%s %s: %d facts of %d matches, %v", seed, q.typ, q.query, q.view, n, len(q.want), err)
		return false
	}
	return true
}
