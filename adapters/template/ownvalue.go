package template

import (
	"strings"

	"vitalwire/adapters/acom"
	"vitalwire/fhir"
)

// reasons why there is no value, by the words of data-absent-reason.
var reasons = []string{acom.AbsentUnknown.String(), acom.AbsentError.String(), acom.AbsentNotPerformed.String(), acom.AbsentTemporarily.String()}

// value reads how a value is found and shown, and adds its rule to the reading.
func (b builder) value(n entry, name string, r *rule) (v valueShape) {
	if !n.present() {
		n.fail("this is required")
		return v
	}
	if !n.object("type", "from", "missing", "never", "decimalComma", "unit", "map", "system", "period") {
		return v
	}
	kind := n.get("type").one("quantity", "quantity", "text", "code", "samples")
	v = valueShape{name: name, kind: map[string]string{"quantity": quantity, "text": words, "code": concept, "samples": sampled}[kind]}
	required(n.get("from"))
	rule := valueRule{name: name, from: b.asked(n.get("from")), list: v.kind == sampled}
	rule.missing = n.get("missing").one(refuse, append([]string{refuse, skip}, reasons...)...)
	if never := n.get("never"); never.present() && never.object(memberNames(never)...) {
		rule.never = map[string]acom.Absent{}
		for _, m := range never.e.Members() {
			rule.never[m.Name], _ = acom.AbsentOf(never.get(m.Name).one("", reasons...))
		}
	}
	only := func(member string, kinds ...string) entry {
		e := n.get(member)
		if e.present() && !strings.Contains(strings.Join(kinds, " "), kind) {
			e.fail("a value of type %s has none", kind)
		}
		return e
	}
	rule.comma = only("decimalComma", "quantity", "samples").truth()
	if u := only("unit", "quantity", "samples"); u.present() {
		rule.unit = b.unit(u, &v)
	} else if kind == "quantity" {
		u.fail(`a quantity has a unit; of a pure number it is {"ucum": "1"}`)
	}
	if table := only("map", "code"); table.present() && table.object(memberNames(table)...) {
		v.known = map[string][]acom.Coding{}
		for _, m := range table.e.Members() {
			v.known[m.Name] = meaning(table.get(m.Name))
		}
	}
	if v.system = only("system", "code").text(); kind == "code" && v.system == "" {
		n.get("system").fail("values that the map does not know keep a system of their own; name it")
	}
	if period := only("period", "samples"); kind == "samples" {
		if v.period = period.e.Text(); !period.e.Is(fhir.Number) || !positive(v.period) {
			period.fail("the milliseconds between two samples are meant")
		}
	}
	r.values = append(r.values[:len(r.values):len(r.values)], rule)
	return v
}

func memberNames(n entry) (names []string) {
	for _, m := range n.e.Members() {
		names = append(names, m.Name)
	}
	return names
}

// meaning is what a code of the device means: codings, with or without a text.
func meaning(n entry) (list []acom.Coding) {
	if n.e.Is(fhir.Array) {
		return codings(n, true)
	}
	if c := one(n); c != nil {
		list = append(list, *c)
	}
	return list
}

// unit is fixed, or {"from": expression, "known": {"F": {"ucum": "[degF]"}}}.
func (b builder) unit(n entry, v *valueShape) *unitRule {
	if !n.e.Is(fhir.Object) || !n.get("from").present() {
		v.unit = unitOf(n)
		return nil
	}
	n.object("from", "known")
	a := b.asked(n.get("from"))
	u := &unitRule{from: &a}
	if known := n.get("known"); known.present() && known.object(memberNames(known)...) {
		u.known = map[string]unit{}
		for _, m := range known.e.Members() {
			u.known[m.Name] = unitOf(known.get(m.Name))
		}
	} else if !known.present() {
		known.fail("this is required: which text means which unit")
	}
	return u
}
