package validate

import (
	"fmt"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
)

// options checks an answer against answerOption and answerValueSet.
func (a *answers) options(question, given *fhir.Element, typ string, value *fhir.Element, at, place string) {
	r := a.r
	open := question.Get("type").Text() == "open-choice" && typ == "string"
	if list := question.Get("answerOption"); list.Len() > 0 && !open {
		found := false
		for i := range list.Len() {
			option, optionType := valueOf(list.At(i), "value")
			if optionType != typ || !sameAnswer(typ, option, value) {
				continue
			}
			found = true
			if exclusive, _ := extensionOf(list.At(i), "questionnaire-optionExclusive"); exclusive.Text() == "true" && given.Len() > 1 {
				r.errBelow(fhir.CodeInvariant, at, "this answer excludes all others, and there are more")
			}
		}
		if !found {
			where := place
			if typ == "Coding" {
				where = at
			}
			r.errBelow(fhir.CodeInvariant, where, "the answer is none of those the question offers")
		}
	}
	if vs := question.Get("answerValueSet").Text(); vs != "" && typ == "Coding" && codingOf(value).Code != "" {
		verdict := a.inAnswerSet(vs, codingOf(value))
		if verdict == NotMember {
			r.errBelow(fhir.CodeCodeInvalid, at, "%s not in the value set %s, from which the question wants its answer", codeWords(codingOf(value)), clip(vs))
		} else if c := codingOf(value); c.Display != "" && r.opts.WrongDisplay == Refuse && verdict == Member {
			if d := r.v.codes.InSystem(r.ctx, c).Display; d != "" {
				r.errBelow(fhir.CodeCodeInvalid, at, "the display is not that of the code, which is %q", clip(d))
			}
		}
	}
}

// inAnswerSet decides membership; "#id" is a value set inside the Questionnaire.
func (a *answers) inAnswerSet(canonical string, c Coding) Membership {
	id, ok := strings.CutPrefix(canonical, "#")
	if !ok {
		return a.r.v.codes.InValueSet(a.r.ctx, canonical, c).Membership
	}
	list := a.q.Get("contained")
	for i := range list.Len() {
		if list.At(i).Get("id").Text() == id {
			return a.inContainedSet(list.At(i), c)
		}
	}
	return Unknown
}

// inContainedSet decides membership of a value set that lists its codes.
func (a *answers) inContainedSet(vs *fhir.Element, c Coding) Membership {
	if vs.Get("compose").Get("exclude").Len() > 0 {
		return Unknown
	}
	includes := vs.Get("compose").Get("include")
	out := NotMember
	for i := range includes.Len() {
		in := includes.At(i)
		if in.Get("valueSet").Len() > 0 || in.Get("filter").Len() > 0 {
			out = Unknown
			continue
		}
		if in.Get("system").Text() != c.System {
			continue
		}
		concepts := in.Get("concept")
		if concepts.Len() == 0 {
			if m := a.r.v.codes.InSystem(a.r.ctx, c).Membership; m != NotMember {
				return m
			}
		}
		for j := range concepts.Len() {
			if concepts.At(j).Get("code").Text() == c.Code {
				return Member
			}
		}
	}
	if includes.Len() == 0 {
		return Unknown
	}
	return out
}

// sameAnswer reports whether two values of a type are the same answer.
func sameAnswer(typ string, a, b *fhir.Element) bool {
	switch typ {
	case "Coding":
		return a.Get("code").Text() == b.Get("code").Text() && a.Get("system").Text() == b.Get("system").Text()
	case "Reference":
		return a.Get("reference").Text() == b.Get("reference").Text()
	case "Quantity":
		order, known := compareQuantities(a, b)
		return known && order == 0
	}
	return fits(a, b, true)
}

func (a *answers) attachment(question, value *fhir.Element, at string) {
	if limit, ok := extensionInt(question, "maxSize"); ok {
		size := 0
		if _, err := fmt.Sscanf(value.Get("size").Text(), "%d", &size); err != nil {
			size = base64Size(value.Get("data").Text())
		}
		if size > limit {
			a.r.errBelow(fhir.CodeRequired, at, "the attachment has %d bytes; %d are allowed", size, limit)
		}
	}
	if mime, _ := extensionOf(question, "mimeType"); mime != nil {
		allowed, found := []string{}, false
		list := question.Get("extension")
		for i := range list.Len() {
			if strings.HasSuffix(list.At(i).Get("url").Text(), "/mimeType") {
				v, _ := valueOf(list.At(i), "value")
				allowed = append(allowed, v.Text())
				found = found || v.Text() == value.Get("contentType").Text()
			}
		}
		if !found && value.Get("contentType") != nil {
			a.r.errBelow(fhir.CodeInvariant, at, "the content type is none of those allowed: %s", words(allowed))
		}
	}
}

func (a *answers) quantity(question, value *fhir.Element, place string) {
	r := a.r
	for side, name := range map[int]string{-1: "sdc-questionnaire-minQuantity", 1: "sdc-questionnaire-maxQuantity"} {
		limit, _ := extensionOf(question, name)
		if limit == nil {
			continue
		}
		if limit.Get("code") == nil || value.Get("code") == nil {
			r.errBelow(fhir.CodeInvariant, place, "the quantity cannot be compared with the limit of the question: there is no coded unit on both")
			continue
		}
		order, known := compareQuantities(value, limit)
		switch {
		case !known:
			r.errBelow(fhir.CodeInvariant, place, "the quantity cannot be compared with the limit of the question: the units do not convert")
		case order == side:
			r.errBelow(fhir.CodeInvariant, place, "the quantity is beyond the limit of the question")
		}
	}
	c := Coding{System: value.Get("system").Text(), Code: value.Get("code").Text()}
	if vs, _ := extensionOf(question, "questionnaire-unitValueSet"); vs != nil {
		if c.Code == "" || r.v.codes.InValueSet(r.ctx, vs.Text(), c).Membership == NotMember {
			r.errBelow(fhir.CodeInvariant, place, "the unit is not in the value set %s", clip(vs.Text()))
		}
	}
	if option, _ := extensionOf(question, "questionnaire-unitOption"); option != nil {
		list, found := question.Get("extension"), false
		for i := range list.Len() {
			if strings.HasSuffix(list.At(i).Get("url").Text(), "/questionnaire-unitOption") {
				v, _ := valueOf(list.At(i), "value")
				found = found || v.Get("code").Text() == c.Code && v.Get("system").Text() == c.System
			}
		}
		if !found {
			r.errBelow(fhir.CodeInvariant, place, "the unit is none of those the question offers")
		}
	}
}

func (a *answers) reference(question, value *fhir.Element, place string) {
	text := value.Get("reference").Text()
	typ := lastType(text)
	if typ == "" {
		typ = value.Get("type").Text()
	}
	if typ == "" {
		return
	}
	if !fhir.IsResourceType(typ) {
		a.r.errBelow(fhir.CodeInvariant, place, "the reference names %q, which is no resource type", clip(typ))
		return
	}
	var allowed []string
	found := false
	list := question.Get("extension")
	for i := range list.Len() {
		if strings.HasSuffix(list.At(i).Get("url").Text(), "/questionnaire-referenceResource") {
			v, _ := valueOf(list.At(i), "value")
			allowed = append(allowed, v.Text())
			found = found || v.Text() == typ
		}
	}
	if len(allowed) > 0 && !found {
		a.r.errBelow(fhir.CodeInvariant, place, "the reference is to a %s; the question allows %s", typ, words(allowed))
	}
}

// lastType is what stands where the type is in a reference Type/id, whether or
// not it is a resource type.
func lastType(text string) string {
	ref := fhir.ParseReference(text)
	return ref.Key.Type
}

// enabled evaluates enableWhen (R4 questionnaire §2.40.6.1) where the walk is.
func (a *answers) enabled(question *fhir.Element) bool {
	when := question.Get("enableWhen")
	if when.Len() == 0 {
		return a.expressionHolds(question)
	}
	any := question.Get("enableBehavior").Text() == "any"
	for i := range when.Len() {
		if a.condition(when.At(i)) == any {
			return any
		}
	}
	return !any
}

// condition decides one enableWhen: the question is looked for in the nearest
// item around, so that repeating groups answer for themselves.
func (a *answers) condition(when *fhir.Element) bool {
	link, op := when.Get("question").Text(), when.Get("operator").Text()
	var found []*fhir.Element
	for i := len(a.scopes) - 1; i >= 0 && len(found) == 0; i-- {
		found = a.answersIn(a.scopes[i])[link]
	}
	want, typ := valueOf(when, "answer")
	if op == "exists" {
		return (len(found) > 0) == (want.Text() == "true")
	}
	for _, el := range found {
		value, valueType := valueOf(el, "value")
		if value == nil {
			continue
		}
		if compareAnswer(op, typ, want, valueType, value) {
			return true
		}
	}
	return false
}

// answersIn are the answers in and below an item, by linkId.
func (a *answers) answersIn(scope *fhir.Element) map[string][]*fhir.Element {
	if m, ok := a.given[scope]; ok {
		return m
	}
	m := make(map[string][]*fhir.Element)
	a.gather(scope, m, 0)
	if a.given == nil {
		a.given = make(map[*fhir.Element]map[string][]*fhir.Element)
	}
	a.given[scope] = m
	return m
}

func (a *answers) gather(el *fhir.Element, into map[string][]*fhir.Element, depth int) {
	if depth > 2*fhir.MaxDepth || !a.r.step() {
		return
	}
	given := el.Get("answer")
	if link := el.Get("linkId").Text(); link != "" {
		for i := range given.Len() {
			into[link] = append(into[link], given.At(i))
		}
	}
	for i := range given.Len() {
		a.gather(given.At(i), into, depth+1)
	}
	items := el.Get("item")
	for i := range items.Len() {
		a.gather(items.At(i), into, depth+1)
	}
}

func compareAnswer(op, typ string, want *fhir.Element, valueType string, value *fhir.Element) bool {
	same := typ == valueType && sameAnswer(typ, want, value)
	switch op {
	case "=":
		return same
	case "!=":
		return !same
	}
	order, known := compareValues(definition.Value{Type: typ, Element: want}, value)
	if !known {
		return false
	}
	switch op {
	case ">":
		return order > 0
	case "<":
		return order < 0
	case ">=":
		return order >= 0
	case "<=":
		return order <= 0
	}
	return false
}
