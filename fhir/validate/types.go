package validate

import (
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/fhir/path"
)

// types checks the type of the element at hand, and the profiles and targets
// that the rule's types name. False ends the rule: what is below is not comparable.
func (r *run) types(p *profile, ru *rule) bool {
	typ := r.typeAtHand()
	if strings.Contains(typ, ".") {
		typ = "BackboneElement"
	}
	var fitting []*definition.Type
	for i := range ru.types {
		t := &ru.types[i]
		if t.Code == typ || t.Code == "" || typ == "BackboneElement" || r.v.typeFits(typ, t.Code) {
			fitting = append(fitting, t)
		}
	}
	if len(fitting) == 0 {
		var names []string
		for i := range ru.types {
			names = append(names, ru.types[i].Code)
		}
		n := len(r.stack)
		if n > 1 && p.s.Type == "Extension" && r.stack[n-1].name() == "value" {
			n--
		}
		r.report(fhir.ErrorLevel, fhir.CodeInvalid, r.locate(n), "%s is of type %s; %s allows %s", label(ru.e), typ, p.s.Canonical(), words(names))
		return false
	}
	if typ == "Reference" {
		for _, t := range fitting {
			r.aggregation(p, t)
		}
		var targets []string
		for _, t := range fitting {
			if len(t.Targets) == 0 {
				return true
			}
			targets = append(targets, t.Targets...)
		}
		r.reference(targets, p.s.Canonical(), false)
	}
	r.typeProfiles(fitting)
	return true
}

// typeProfiles demands that the element at hand meets one of the profiles that
// its types name; a type without profile asks nothing.
func (r *run) typeProfiles(types []*definition.Type) {
	var all []string
	for _, t := range types {
		if len(t.Profiles) == 0 {
			return
		}
		all = append(all, t.Profiles...)
	}
	if len(all) == 1 {
		p, err := r.v.profile(all[0])
		if err != nil {
			r.err(fhir.CodeNotFound, "the profile %s, which this element must meet, cannot be used: %s", clip(all[0]), reason(err))
			return
		}
		r.profile(p)
		return
	}
	first := ""
	for _, canonical := range all {
		p, err := r.v.profile(canonical)
		if err != nil {
			continue
		}
		t := r.conformsHere(p)
		if t.ok {
			return
		}
		if first == "" {
			first = "; of the first, " + t.why
		}
	}
	r.err(fhir.CodeInvalid, "this element meets none of the profiles it may have: %s%s", words(all), first)
}

// conformsHere reports whether the element at hand meets a profile, its base
// rules taken for granted.
func (r *run) conformsHere(p *profile) trial {
	key := trialKey{r.top().el, p.s.Canonical()}
	if t, known := r.trials[key]; known {
		return t
	}
	if _, open := r.checked[key]; open {
		return trial{ok: true} // it is being checked further up
	}
	ok, why := r.try(func() { r.profile(p) })
	if r.trials == nil {
		r.trials = make(map[trialKey]trial)
	}
	r.trials[key] = trial{ok, why}
	return r.trials[key]
}

// conformsRoot is conformsHere for the structure of which e is the root.
func (r *run) conformsRoot(canonical string) bool {
	p, err := r.v.profile(canonical)
	return err == nil && r.v.typeFits(r.typeAtHand(), p.s.Type) && r.conformsHere(p).ok
}

// conformsApart reports whether a resource meets a profile, base rules
// included, seen from where the walk is.
func (r *run) conformsApart(p *profile, el *fhir.Element) trial {
	typ := el.Get("resourceType").Text()
	sh := r.v.shape(typ)
	if sh == nil || r.nested >= maxNested {
		return trial{}
	}
	key := trialKey{el, p.s.Canonical()}
	if t, known := r.trials[key]; known {
		return t
	}
	if r.trials == nil {
		r.trials = make(map[trialKey]trial)
	}
	r.trials[key] = trial{ok: true} // a circle is taken for good until it is known
	r.nested++
	ok, why := r.try(func() {
		r.push(frame{f: resolved, index: -1, el: el, sh: sh, ids: true})
		r.object(sh, el)
		r.profile(p)
		r.pop()
	})
	r.nested--
	r.trials[key] = trial{ok, why}
	return r.trials[key]
}

// limitOf checks minValue (side -1) or maxValue (side 1).
func (r *run) limitOf(limit definition.Value, el *fhir.Element, side int) {
	order, known := compareValues(limit, el)
	if !known || order != side {
		return
	}
	word := "less than the least"
	if side > 0 {
		word = "more than the most"
	}
	r.err(fhir.CodeInvalid, "the value is %s allowed: %s", word, strings.TrimPrefix(example(limit.Element), ": "))
}

// compareValues orders a value against a limit of the same type.
func compareValues(limit definition.Value, el *fhir.Element) (order int, known bool) {
	switch limit.Type {
	case "decimal", "integer", "positiveInt", "unsignedInt":
		a, ok := path.ParseDecimal(el.Text())
		b, ok2 := path.ParseDecimal(limit.Element.Text())
		return a.Cmp(b), ok && ok2
	case "date", "dateTime", "instant":
		a, ok := fhir.ParseDateTime(el.Text())
		b, ok2 := fhir.ParseDateTime(limit.Element.Text())
		if !ok || !ok2 {
			return 0, false
		}
		switch {
		case !a.High().After(b.Low()):
			return -1, true
		case !a.Low().Before(b.High()):
			return 1, true
		}
		return 0, true
	case "time":
		return strings.Compare(el.Text(), limit.Element.Text()), el.Is(fhir.String)
	case "Quantity":
		return compareQuantities(el, limit.Element)
	}
	return 0, false
}
