package store_test

import (
	"math/big"
	"slices"
	"strings"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/fhir/search"
	"vitalwire/fhir/ucum"
)

// condition is one parameter of a query, with what it means.
type condition struct {
	name, value string
	holds       func(*subject) bool
}

// random makes a condition on resources of a type, mostly of a value that is there.
func (o *oracle) random(g generator, typ string, depth int) (condition, bool) {
	var codes []string
	for code, p := range o.params[typ] {
		if p.Expression != "" && p.Type != "special" && p.Type != "composite" && !strings.HasPrefix(code, "_last") && code != "_id" {
			codes = append(codes, code)
		}
	}
	slices.Sort(codes)
	if depth < 2 && g.IntN(6) == 0 {
		if c, ok := o.linked(g, typ, codes, depth); ok {
			return c, true
		}
	}
	switch g.IntN(12) {
	case 0:
		if c, ok := o.fullText(g, typ); ok {
			return c, true
		}
	case 1:
		if c, ok := o.labelled(g, typ, codes); ok {
			return c, true
		}
	case 2:
		if c, ok := o.filtered(g, typ, codes); ok {
			return c, true
		}
	case 3:
		if c, ok := o.near(g, typ); ok {
			return c, true
		}
	}
	for range 20 {
		p := o.params[typ][pick(g, codes...)]
		holder := pick(g, o.pool[typ]...)
		values := holder.of(p.Code)
		if len(values) == 0 && g.IntN(8) > 0 {
			continue
		}
		if g.IntN(8) == 0 {
			missing := g.IntN(2) == 0
			if p.Type == "reference" {
				continue // a Reference with only an identifier has a value, too
			}
			return condition{p.Code + ":missing", map[bool]string{true: "true", false: "false"}[missing],
				func(s *subject) bool { return (len(s.of(p.Code)) == 0) == missing }}, true
		}
		if len(values) == 0 {
			continue
		}
		if c, ok := conditionOn(g, p, pick(g, values...)); ok {
			return c, true
		}
	}
	return condition{}, false
}

// linked makes a chain or a _has.
func (o *oracle) linked(g generator, typ string, codes []string, depth int) (condition, bool) {
	if lists := o.pool["List"]; lists != nil && g.IntN(10) == 0 {
		return o.listed(pick(g, lists...)), true
	}
	for range 10 {
		if g.IntN(2) == 0 {
			p := o.params[typ][pick(g, codes...)]
			if p.Type != "reference" || len(p.Targets) == 0 {
				continue
			}
			target := pick(g, p.Targets...)
			if o.pool[target] == nil || strings.Contains(p.Expression, "resolve() is Patient") && target != "Patient" {
				continue
			}
			inner, ok := o.random(g, target, depth+1)
			if !ok {
				continue
			}
			return condition{p.Code + ":" + target + "." + inner.name, inner.value, func(s *subject) bool {
				return slices.ContainsFunc(s.of(p.Code), func(f fact) bool {
					to := o.byKey[keyOf(f.text)]
					return to != nil && to.resource.Type() == target && inner.holds(to)
				})
			}}, true
		}
		from := pick(g, o.types...)
		for _, p := range o.params[from] {
			if p.Type != "reference" || !slices.Contains(p.Targets, typ) || strings.Contains(p.Expression, "resolve() is Patient") && typ != "Patient" {
				continue
			}
			inner, ok := o.random(g, from, depth+1)
			if !ok {
				break
			}
			return condition{"_has:" + from + ":" + p.Code + ":" + inner.name, inner.value, func(s *subject) bool {
				return slices.ContainsFunc(o.byType[from], func(other *subject) bool {
					return slices.ContainsFunc(other.of(p.Code), func(f fact) bool { return keyOf(f.text) == s.resource.Key() }) && inner.holds(other)
				})
			}}, true
		}
	}
	return condition{}, false
}

// sorted sorts by up to three keys and gives the _sort for it, "" for none.
func (o *oracle) sorted(g generator, typ string, found []*subject) string {
	if g.IntN(3) > 0 {
		return ""
	}
	var keys []string
	var order []func(a, b *subject) int
	for range 1 + g.IntN(3) {
		code, of, ok := o.sortKey(g, typ)
		if !ok {
			return ""
		}
		descending := g.IntN(2) == 0
		order = append(order, func(a, b *subject) int { return compareBy(of(a), of(b), descending) })
		keys = append(keys, map[bool]string{true: "-"}[descending]+code)
	}
	slices.SortStableFunc(found, func(a, b *subject) int {
		for _, by := range order {
			if c := by(a, b); c != 0 {
				return c
			}
		}
		return 0
	})
	return strings.Join(keys, ",")
}

// compareBy compares by the lowest values, or by the highest turned round; who has
// none comes last either way.
func compareBy(a, b []fact, descending bool) int {
	if len(a) == 0 || len(b) == 0 {
		return min(len(b), 1) - min(len(a), 1)
	}
	if descending {
		return compareFacts(best(b, true), best(a, true), true)
	}
	return compareFacts(best(a, false), best(b, false), false)
}

func best(list []fact, highest bool) fact {
	if highest {
		return slices.MaxFunc(list, func(a, b fact) int { return compareFacts(a, b, true) })
	}
	return slices.MinFunc(list, func(a, b fact) int { return compareFacts(a, b, false) })
}

func compareFacts(a, b fact, high bool) int {
	switch {
	case a.from != nil:
		return a.from.Cmp(b.from)
	case a.exact != "" || b.exact != "":
		return strings.Compare(a.exact, b.exact)
	case a.text != "":
		return strings.Compare(search.Fold(a.text), search.Fold(b.text))
	case high:
		if a.high.IsZero() || b.high.IsZero() {
			return flag(a.high.IsZero()) - flag(b.high.IsZero())
		}
		return a.high.Compare(b.high)
	case a.low.IsZero() || b.low.IsZero():
		return flag(b.low.IsZero()) - flag(a.low.IsZero())
	}
	return a.low.Compare(b.low)
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

func keyOf(text string) fhir.Key {
	ref := fhir.ParseReference(text)
	if ref.Base != "" {
		return fhir.Key{}
	}
	return ref.Key
}

func escaped(s string) string {
	return strings.NewReplacer(`\`, `\\`, `,`, `\,`, `|`, `\|`, `$`, `\$`).Replace(s)
}

func conditionOn(g generator, p *definition.SearchParameter, v fact) (condition, bool) {
	anyValue := func(name, value string, match func(fact) bool) (condition, bool) {
		return condition{name, value, func(s *subject) bool { return slices.ContainsFunc(s.of(p.Code), match) }}, true
	}
	switch p.Type {
	case "token":
		match, value := func(f fact) bool { return f.code == v.code }, escaped(v.code)
		if v.system != "?" && g.IntN(2) == 0 {
			value = escaped(v.system) + "|" + value
			match = func(f fact) bool { return f.code == v.code && f.system == v.system }
		}
		if g.IntN(4) == 0 {
			return condition{p.Code + ":not", value, func(s *subject) bool { return !slices.ContainsFunc(s.of(p.Code), match) }}, true
		}
		return anyValue(p.Code, value, match)
	case "string":
		runes := []rune(v.text)
		part := string(runes[:min(len(runes), 1+g.IntN(8))])
		if strings.TrimSpace(part) != part || search.Fold(part) == "" {
			return condition{}, false
		}
		switch g.IntN(3) {
		case 0:
			return anyValue(p.Code+":exact", escaped(v.text), func(f fact) bool { return f.text == v.text })
		case 1:
			return anyValue(p.Code+":contains", escaped(part), func(f fact) bool { return strings.Contains(search.Fold(f.text), search.Fold(part)) })
		}
		return anyValue(p.Code, escaped(part), func(f fact) bool { return strings.HasPrefix(search.Fold(f.text), search.Fold(part)) })
	case "uri":
		return anyValue(p.Code, escaped(v.text), func(f fact) bool { return f.text == v.text })
	case "reference":
		key := keyOf(v.text)
		if key.ID == "" || len(p.Targets) > 0 && !slices.Contains(p.Targets, key.Type) {
			return condition{}, false
		}
		return anyValue(p.Code, key.String(), func(f fact) bool { return keyOf(f.text) == key })
	case "date":
		return dateCondition(g, p, v, anyValue)
	case "number", "quantity":
		return numberCondition(g, p, v, anyValue)
	}
	return condition{}, false
}

type matcher func(name, value string, match func(fact) bool) (condition, bool)

func dateCondition(g generator, p *definition.SearchParameter, v fact, anyValue matcher) (condition, bool) {
	at := v.low
	if at.IsZero() {
		at = v.high
	}
	layout := pick(g, "2006", "2006-01", "2006-01-02", "2006-01-02T15:04:05Z")
	text := at.UTC().Format(layout)
	d, ok := fhir.ParseSearchDate(text, time.UTC)
	if !ok {
		return condition{}, false
	}
	low, high := d.Low(), d.High()
	// What is open reaches beyond every time.
	from := func(f fact, t time.Time) bool { return f.low.IsZero() || f.low.Before(t) }
	beyond := func(f fact, t time.Time) bool { return f.high.IsZero() || f.high.After(t) }
	within := func(f fact) bool { return !from(f, low) && !beyond(f, high) }
	prefix := pick(g, "", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb")
	return anyValue(p.Code, prefix+text, func(f fact) bool {
		switch prefix {
		case "ne":
			return !within(f)
		case "gt":
			return beyond(f, high)
		case "lt":
			return from(f, low)
		case "ge":
			return beyond(f, high) || within(f)
		case "le":
			return from(f, low) || within(f)
		case "sa":
			return !from(f, high)
		case "eb":
			return !beyond(f, low)
		}
		return within(f)
	})
}

func numberCondition(g generator, p *definition.SearchParameter, v fact, anyValue matcher) (condition, bool) {
	n := v.from
	if n == nil {
		n = v.to
	}
	digits := g.IntN(3)
	text := n.FloatString(digits)
	value, _ := new(big.Rat).SetString(text)
	half := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Mul(big.NewInt(2), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)))
	low, high := new(big.Rat).Sub(value, half), new(big.Rat).Add(value, half)
	prefix := pick(g, "", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb")
	wantUnit := p.Type == "quantity" && v.unit != "" && v.system != "" && g.IntN(2) == 0
	name := prefix + text
	if wantUnit {
		name += "|" + escaped(v.system) + "|" + escaped(v.unit)
	}
	return anyValue(p.Code, name, func(f fact) bool {
		from, to := f.from, f.to
		if wantUnit && (f.system != v.system || f.unit != v.unit) {
			a, err1 := ucum.Parse(f.unit)
			b, err2 := ucum.Parse(v.unit)
			if f.system != search.UCUM || v.system != search.UCUM || err1 != nil || err2 != nil || !a.Comparable(b) {
				return false
			}
			from, to = converted(from, a, b), converted(to, a, b)
		}
		below := func(x *big.Rat) bool { return from == nil || from.Cmp(x) < 0 }
		within := from != nil && to != nil && from.Cmp(low) >= 0 && to.Cmp(high) < 0
		switch prefix {
		case "ne":
			return !within
		case "gt":
			return to == nil || to.Cmp(value) > 0
		case "lt":
			return below(value)
		case "ge":
			return to == nil || to.Cmp(value) >= 0
		case "le":
			return from == nil || from.Cmp(value) <= 0
		case "sa":
			return from != nil && from.Cmp(value) > 0
		case "eb":
			return to != nil && to.Cmp(value) < 0
		}
		return within
	})
}

func converted(r *big.Rat, from, to ucum.Unit) *big.Rat {
	if r == nil {
		return nil
	}
	out, err := ucum.Convert(r, from, to)
	if err != nil {
		return nil
	}
	return out
}
