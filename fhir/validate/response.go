package validate

import (
	"fmt"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
)

// answers checks a QuestionnaireResponse against its Questionnaire (R4
// questionnaireresponse §2.41.4).
type answers struct {
	r *run
	q *fhir.Element // the Questionnaire
	// final is set where required answers must be there: not while a person is
	// still filling in the form.
	final  bool
	inside map[string][]string                          // linkId -> linkIds of the items it is in
	scopes []*fhir.Element                              // response items from the outermost, the response first
	given  map[*fhir.Element]map[string][]*fhir.Element // answers below a scope, by linkId
}

// response checks the QuestionnaireResponse at hand.
func (r *run) response(el *fhir.Element) {
	canonical := el.Get("questionnaire").Text()
	if canonical == "" {
		return
	}
	q := r.findQuestionnaire(canonical)
	if q == nil {
		r.warn(fhir.CodeNotFound, "the questionnaire is not known here, so the answers were not checked against it")
		return
	}
	if typ := q.Get("resourceType").Text(); typ != "Questionnaire" {
		r.errBelow(fhir.CodeInvalid, ".questionnaire", "questionnaire names a %s; it must be a Questionnaire", clip(typ))
		return
	}
	status := el.Get("status").Text()
	a := &answers{r: r, q: q, final: status != "in-progress" && status != "stopped" && status != "entered-in-error", scopes: []*fhir.Element{el}}
	a.inside = make(map[string][]string)
	a.places(q, nil, 0)
	a.items(q, el, "", true, 0)
}

func (r *run) findQuestionnaire(canonical string) *fhir.Element {
	if strings.HasPrefix(canonical, "#") {
		return r.resolve(canonical)
	}
	if res, ok := r.v.src.Find("Questionnaire", canonical); ok {
		return res.Root()
	}
	if r.opts.Resolve != nil {
		if res := r.opts.Resolve(r.ctx, canonical); res != nil {
			return res.Root()
		}
	}
	if res, ok := r.v.src.Find("", canonical); ok {
		return res.Root()
	}
	return nil
}

func (a *answers) places(q *fhir.Element, path []string, depth int) {
	items := q.Get("item")
	for i := range items.Len() {
		link := items.At(i).Get("linkId").Text()
		a.inside[link] = path
		if depth < fhir.MaxDepth {
			a.places(items.At(i), append(path[:len(path):len(path)], link), depth+1)
		}
	}
}

// expressionHolds evaluates an enableWhen given as FHIRPath (SDC
// enableWhenExpression, and the extension it came from), on the response.
func (a *answers) expressionHolds(question *fhir.Element) bool {
	value, typ := extensionOf(question, "sdc-questionnaire-enableWhenExpression")
	if value == nil {
		value, typ = extensionOf(question, "fiphr-ext-questionnaire-enablewhen")
	}
	text := value.Text()
	if typ == "Expression" {
		if value.Get("language").Text() != "text/fhirpath" {
			return true
		}
		text = value.Get("expression").Text()
	}
	if text == "" {
		return true
	}
	expr, err := a.r.v.expression(text).get(a.r.v)
	if err != nil {
		return true
	}
	ok, err := expr.EvalBool(a.r.ctx, a.r.environment(), a.r.item(len(a.r.stack)-1))
	return ok || err != nil
}

// items checks the items of a response (or of an answer) against those of the
// questionnaire item they belong to.
func (a *answers) items(q, el *fhir.Element, at string, enabled bool, depth int) {
	if depth > fhir.MaxDepth || !a.r.step() {
		return
	}
	r := a.r
	questions, items := q.Get("item"), el.Get("item")
	order := make(map[string]int, questions.Len())
	for j := range questions.Len() {
		if link := questions.At(j).Get("linkId").Text(); link != "" {
			if _, twice := order[link]; !twice {
				order[link] = j
			}
		}
	}
	seen := make(map[string][]int)
	last := -1
	for i := range items.Len() {
		link := items.At(i).Get("linkId").Text()
		place := fmt.Sprintf("%s.item[%d]", at, i)
		j, ok := order[link]
		if !ok {
			if _, elsewhere := a.inside[link]; elsewhere {
				r.errBelow(fhir.CodeStructure, place, "the item %q stands elsewhere in the questionnaire", clip(link))
			} else if link != "" {
				r.errBelow(fhir.CodeNotFound, at, "the questionnaire has no item %q", clip(link))
			}
			continue
		}
		if j < last {
			r.errBelow(fhir.CodeStructure, at, "the item %q is out of the questionnaire's order", clip(link))
		}
		last = max(last, j)
		seen[link] = append(seen[link], i)
	}
	for j := range questions.Len() {
		if !r.step() {
			return
		}
		question := questions.At(j)
		link := question.Get("linkId").Text()
		on := enabled && a.enabled(question)
		places := seen[link]
		if len(places) > 1 && question.Get("repeats").Text() != "true" {
			r.errBelow(fhir.CodeInvalid, fmt.Sprintf("%s.item[%d]", at, places[1]), "the item %q may be there only once", clip(link))
		}
		for _, i := range places {
			a.item(question, items.At(i), fmt.Sprintf("%s.item[%d]", at, i), at, on, depth)
		}
		if len(places) == 0 && on && a.final && question.Get("required").Text() == "true" && question.Get("type").Text() != "display" {
			r.errBelow(fhir.CodeRequired, at, "there is no answer to %q, which is required", clip(link))
		}
	}
}

// item checks one item of a response.
func (a *answers) item(question, item *fhir.Element, at, parent string, enabled bool, depth int) {
	r := a.r
	typ := question.Get("type").Text()
	given := item.Get("answer")
	if !enabled {
		if hasAnswer(item, 0) {
			r.errBelow(fhir.CodeInvalid, at, "the item has an answer though it is not enabled")
		}
		return
	}
	a.scopes = append(a.scopes, item)
	defer func() { a.scopes = a.scopes[:len(a.scopes)-1] }()
	switch typ {
	case "display":
		if given.Len() > 0 || item.Get("item").Len() > 0 {
			r.errBelow(fhir.CodeStructure, at, "an item of type display has no answers and no items")
		}
		return
	case "group":
		if given.Len() > 0 {
			r.errBelow(fhir.CodeStructure, at, "an item of type group has no answers; its items stand directly in it")
		}
		a.items(question, item, at, true, depth+1)
		return
	}
	if given.Len() == 0 && a.final && question.Get("required").Text() == "true" {
		r.errBelow(fhir.CodeRequired, parent, "there is no answer to %q, which is required", clip(question.Get("linkId").Text()))
	}
	if given.Len() > 1 && question.Get("repeats").Text() != "true" {
		r.errBelow(fhir.CodeInvalid, at, "only one answer is allowed, found %d", given.Len())
	}
	if least, ok := extensionInt(question, "questionnaire-minOccurs"); ok && a.final && given.Len() < least {
		r.errBelow(fhir.CodeInvalid, at, "at least %d answers are needed, found %d", least, given.Len())
	}
	if most, ok := extensionInt(question, "questionnaire-maxOccurs"); ok && given.Len() > most {
		r.errBelow(fhir.CodeInvalid, at, "at most %d answers are allowed, found %d", most, given.Len())
	}
	if item.Get("item").Len() > 0 {
		r.errBelow(fhir.CodeStructure, at, "the items below a question stand in its answer")
	}
	for j := range given.Len() {
		place := fmt.Sprintf("%s.answer[%d]", at, j)
		a.answer(question, given, j, place)
		a.items(question, given.At(j), place, true, depth+1)
	}
}

func hasAnswer(item *fhir.Element, depth int) bool {
	if item.Get("answer").Len() > 0 {
		return true
	}
	for i := range item.Get("item").Len() {
		if depth < fhir.MaxDepth && hasAnswer(item.Get("item").At(i), depth+1) {
			return true
		}
	}
	return false
}

// valueOf is the value[x] of an answer, option or extension and its type.
func valueOf(el *fhir.Element, prefix string) (value *fhir.Element, typ string) {
	for _, m := range el.Members() {
		rest, ok := strings.CutPrefix(m.Name, prefix)
		if !ok || rest == "" || rest[0] < 'A' || rest[0] > 'Z' {
			continue
		}
		if p := primitiveOf(strings.ToLower(rest[:1]) + rest[1:]); p != notPrimitive {
			return m.Value, p.String()
		}
		return m.Value, rest
	}
	return nil, ""
}

// answerTypes are the types of answer to a type of question (R4 questionnaire: item.type).
func answerTypes(question *fhir.Element) []string {
	var types []string
	switch typ := question.Get("type").Text(); typ {
	case "text":
		types = []string{"string"}
	case "url":
		types = []string{"uri"}
	case "choice":
		types = []string{"Coding"}
	case "open-choice":
		types = []string{"Coding", "string"}
	case "attachment":
		types = []string{"Attachment"}
	case "reference":
		types = []string{"Reference"}
	case "quantity":
		types = []string{"Quantity"}
	default:
		types = []string{typ}
	}
	if options := question.Get("answerOption"); options.Len() > 0 && types[0] == "Coding" {
		if _, typ := valueOf(options.At(0), "value"); typ != "" && typ != "Coding" {
			types = append(types[1:len(types):len(types)], typ)
		}
	}
	return types
}

// answer checks one answer: its type and what the question allows.
func (a *answers) answer(question, given *fhir.Element, j int, at string) {
	r := a.r
	value, typ := valueOf(given.At(j), "value")
	if value == nil {
		return
	}
	place := at + ".value.ofType(" + typ + ")"
	right := false
	want := answerTypes(question)
	if sh := r.v.shape("QuestionnaireResponse.item.answer"); sh != nil && !sh.hasChoice("value", typ) {
		return // an unknown element, which the walk has told of
	}
	for _, t := range want {
		right = right || t == typ
	}
	if !right {
		r.errBelow(fhir.CodeInvariant, place, "the answer is a %s; the question asks for %s", typ, words(want))
		return
	}
	a.options(question, given, typ, value, at, place)
	switch typ {
	case "string", "uri":
		a.text(question, value.Text(), place)
	case "Attachment":
		a.attachment(question, value, at)
	case "Quantity":
		a.quantity(question, value, place)
	case "Reference":
		a.reference(question, value, place)
	case "decimal":
		if most, ok := extensionInt(question, "maxDecimalPlaces"); ok {
			if _, frac, _ := strings.Cut(value.Text(), "."); len(frac) > most {
				r.errBelow(fhir.CodeInvariant, place, "the value has more than %d decimal places", most)
			}
		}
	}
	a.bounds(question, value, typ, place)
}

// extensionOf is the value of the first extension whose url ends so.
func extensionOf(el *fhir.Element, name string) (value *fhir.Element, typ string) {
	list := el.Get("extension")
	for i := range list.Len() {
		if url := list.At(i).Get("url").Text(); strings.HasSuffix(url, "/"+name) {
			return valueOf(list.At(i), "value")
		}
	}
	return nil, ""
}

func extensionInt(el *fhir.Element, name string) (int, bool) {
	value, _ := extensionOf(el, name)
	if value == nil {
		return 0, false
	}
	n, _, _ := strings.Cut(value.Text(), ".")
	var out int
	if _, err := fmt.Sscanf(n, "%d", &out); err != nil {
		return 0, false
	}
	return out, true
}

// bounds checks minValue and maxValue.
func (a *answers) bounds(question, value *fhir.Element, typ, place string) {
	for side, name := range map[int]string{-1: "minValue", 1: "maxValue"} {
		limit, limitType := extensionOf(question, name)
		if limit == nil || limitType != typ && typ != "Quantity" {
			continue
		}
		order, known := compareValues(definition.Value{Type: limitType, Element: limit}, value)
		if known && order == side {
			a.r.errBelow(fhir.CodeInvariant, place, "the value is beyond the %s of the question", name)
		}
	}
}

func (a *answers) text(question *fhir.Element, text, place string) {
	n := len([]rune(text))
	if most := question.Get("maxLength"); most.Is(fhir.Number) {
		var limit int
		if _, err := fmt.Sscanf(most.Text(), "%d", &limit); err == nil && n > limit {
			a.r.errBelow(fhir.CodeInvariant, place, "the answer has more than the %d characters allowed", limit)
		}
	}
	if least, ok := extensionInt(question, "minLength"); ok && n < least {
		a.r.errBelow(fhir.CodeInvariant, place, "the answer has fewer than the %d characters asked for", least)
	}
}
