package template

import (
	"errors"
	"fmt"
	"strings"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/template/query"
	"vitalwire/fhir"
)

// reading is what a rule found at one match.
type reading struct {
	rule                                      *rule
	device, patient, encounter, group, record string
	about                                     map[string]string
	time                                      acom.Time
	values                                    []value // as rule.values
}

// value is a named value as it was found.
type value struct {
	there bool
	// text is the value; list are all that was found, for samples.
	text   string
	list   []string
	unit   unit
	absent acom.Absent
}

// run applies a template to one document.
type run struct {
	template *Template
	root     query.Match
	rows     []query.Match // where a rule without each looks
	budget   *query.Budget
	zone     *told // the last that was told: a file has few
	trace    trace
	readings []*reading
	slab     []reading // readings are made many at once
}

// The budget of a frame: bytes so that all that is made stays below 64 times the
// frame, and what any frame may cost.
const (
	freeBytes    = 96 << 10
	bytesPerByte = 48
	freeSteps    = 500_000
	stepsPerByte = 40
	readingSize  = 700
	valueSize    = 88
)

// run finds all readings of a document; blind when nobody asks where. Errors: *adapters.Error.
func (t *Template) run(frame []byte, tr trace, blind bool) (*run, error) {
	root, err := t.document(frame)
	if err != nil {
		return nil, err
	}
	r := &run{template: t, root: root, trace: tr, budget: &query.Budget{
		Steps: freeSteps + stepsPerByte*len(frame), Bytes: freeBytes + bytesPerByte*len(frame), Blind: blind,
	}}
	if tr.on() {
		r.budget.Bytes = 64 << 20 // an explanation costs what it costs
	}
	// The lines of CSV are found once for all rules.
	if r.rows = []query.Match{root}; t.Format == "csv" {
		if r.rows, err = rows.Find(root, r.budget); err != nil {
			return nil, &adapters.Error{Reason: err.Error(), Unprocessable: true}
		}
	}
	for _, rule := range t.rules {
		if err := r.apply(rule); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// failed is a rule that cannot be applied to what it found.
func (r *run) failed(rule *rule, at query.Match, field, why string) error {
	where := at.Path()
	if where != "" {
		where = " at " + where
	}
	return &adapters.Error{Reason: fmt.Sprintf("reading %q%s, %s: %s", rule.kind, where, field, why), Unprocessable: true}
}

func (r *run) apply(rule *rule) error {
	matches := r.rows
	if rule.each != nil {
		var err error
		if matches, err = rule.each.Find(r.root, r.budget); err != nil {
			return r.failed(rule, query.Match{}, "each", err.Error())
		}
	}
	if len(matches) == 0 && rule.each != nil && r.trace.on() {
		r.trace.trial.Silent = append(r.trace.trial.Silent, Field{Name: rule.kind, Language: rule.each.Language, Expression: rule.each.Text, Absent: "it found nothing in the input"})
	}
	var beside *fhir.Element
	for _, m := range matches {
		scope := m
		if rule.beside {
			if beside == nil {
				if err := r.budget.Take(1+r.root.Element.Len(), 48); err != nil {
					return r.failed(rule, query.Match{}, "each", err.Error())
				}
				beside = fhir.NewObject(append([]fhir.Member{fhir.M(matchedToken, m.Element)}, r.root.Element.Members()...)...)
			}
			beside.Set(matchedToken, m.Element)
			scope = query.Root(beside, false)
		}
		r.trace.reading(rule, m.Path())
		if len(r.slab) == 0 {
			r.slab = make([]reading, 64)
		}
		found := &r.slab[0]
		*found = reading{rule: rule}
		ok, err := r.reading(found, m, scope)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		r.slab = r.slab[1:]
		if err := r.budget.Take(1, readingSize); err != nil {
			return r.failed(rule, query.Match{}, "each", err.Error())
		}
		r.readings = append(r.readings, found)
	}
	return nil
}

// matchedToken is the member that a match of CalculatedContent is put in.
const matchedToken = "matchedToken"

// reading takes the fields of one match; ok is false when it is skipped.
func (r *run) reading(found *reading, m, scope query.Match) (ok bool, err error) {
	rule := found.rule
	if rule.when != nil {
		hit, n, err := rule.when.One(scope, r.budget)
		if err != nil {
			return false, r.failed(rule, m, "when", err.Error())
		}
		if n == 0 || hit.Element.Text() == "false" || hit.Element.Kind() == fhir.Null {
			r.trace.field("when", rule.when, "", "", "it does not hold")
			r.trace.skipped("its condition does not hold")
			return false, nil
		}
	}
	for _, f := range []struct {
		into *string
		from source
	}{{&found.device, rule.device}, {&found.patient, rule.patient}, {&found.encounter, rule.encounter}, {&found.group, rule.group}, {&found.record, rule.record}} {
		if *f.into, err = r.source(rule, f.from, m, scope); err != nil {
			return false, err
		}
	}
	for _, name := range aboutNames {
		if from, there := rule.about[name]; there {
			text, err := r.source(rule, from, m, scope)
			if err != nil {
				return false, err
			}
			if text != "" {
				if found.about == nil {
					found.about = map[string]string{}
				}
				found.about[name] = text
			}
		}
	}
	if found.device == "" && rule.device.given() {
		return false, r.failed(rule, m, "device", "nothing tells which device it is")
	}
	if rule.ids != "local" && found.device != "" {
		length := map[string]int{"eui64": 16, "mac": 12}[rule.ids]
		if found.device = plainHex(found.device); len(found.device) != length {
			return false, r.failed(rule, m, "device", "it is no "+rule.ids)
		}
	}
	if found.time, err = r.when(rule, m, scope); err != nil {
		return false, err
	}
	if err := r.budget.Take(1+len(rule.values), valueSize); err != nil {
		return false, r.failed(rule, query.Match{}, "value", err.Error())
	}
	found.values = make([]value, len(rule.values))
	for i := range rule.values {
		v, keep, err := r.value(rule, &rule.values[i], m, scope)
		if err != nil {
			return false, err
		}
		if !keep {
			return false, nil
		}
		found.values[i] = v
	}
	return true, nil
}

var aboutNames = []string{"manufacturer", "model", "serial", "firmware"}

// maxID is the longest identity that is taken.
const maxID = 200

// source is the first text that its expressions find.
func (r *run) source(rule *rule, s source, m, scope query.Match) (string, error) {
	if s.fixed != "" {
		r.trace.field(s.field, nil, "", s.fixed, "")
		return s.fixed, nil
	}
	for _, a := range s.try {
		hit, text, why, err := r.ask(a, scope)
		if err != nil {
			return "", r.failed(rule, m, s.field, err.Error())
		}
		if len(text) > maxID {
			return "", r.failed(rule, m, s.field, fmt.Sprintf("it is longer than %d bytes", maxID))
		}
		r.trace.field(s.field, a.x, r.path(hit, m, rule), text, why)
		if text != "" {
			return text, nil
		}
	}
	return "", nil
}

// path is where a hit stands in the input: that of a match put beside the document's
// members is the match's own.
func (r *run) path(hit, m query.Match, rule *rule) string {
	if !r.trace.on() {
		return ""
	}
	path := hit.Path()
	if rest, ok := strings.CutPrefix(path, "$."+matchedToken); ok && rule.beside {
		return m.Path() + rest
	}
	return path
}

// ask gives the one scalar that an expression finds; why says that there is none.
func (r *run) ask(a asked, scope query.Match) (hit query.Match, text, why string, err error) {
	if a.document {
		scope = r.root
	}
	hit, n, err := a.x.One(scope, r.budget)
	switch {
	case err != nil:
		return hit, "", "", err
	case n == 0:
		return hit, "", "it found nothing", nil
	case n > 1:
		return hit, "", "", errors.New("it found several values where one is meant")
	}
	text, ok := hit.Text()
	switch {
	case hit.Element.Kind() == fhir.Null:
		return hit, "", "it is null", nil
	case !ok:
		return hit, "", "", errors.New("it found an object or array where a value is meant")
	case strings.TrimSpace(text) == "":
		return hit, "", "it is empty", nil
	}
	return hit, text, "", nil
}

func (r *run) when(rule *rule, m, scope query.Match) (acom.Time, error) {
	if rule.time.none {
		return acom.Time{}, nil
	}
	var zone *told
	if z := rule.time.zone.from; z != nil {
		hit, text, why, err := r.ask(*z, scope)
		if err != nil {
			return acom.Time{}, r.failed(rule, m, "time zone", err.Error())
		}
		if text = strings.TrimSpace(text); text != "" {
			if r.zone == nil || r.zone.text != text {
				r.zone = toldBy(text)
			}
			zone = r.zone
		}
		r.trace.field("time zone", z.x, r.path(hit, m, rule), text, why)
	}
	for _, a := range append([]asked{rule.time.from}, rule.time.also...) {
		hit, text, why, err := r.ask(a, scope)
		if err != nil {
			return acom.Time{}, r.failed(rule, m, "time", err.Error())
		}
		if text == "" {
			r.trace.field("time", a.x, r.path(hit, m, rule), "", why)
			continue
		}
		t, why := rule.time.readTime(text, zone)
		r.trace.field("time", a.x, r.path(hit, m, rule), text, why)
		if why != "" {
			return acom.Time{}, r.failed(rule, m, "time", why)
		}
		return t, nil
	}
	return acom.Time{}, r.failed(rule, m, "time", "nothing tells when it was taken")
}

// value finds a named value; keep is false when the reading is skipped for its want.
func (r *run) value(rule *rule, v *valueRule, m, scope query.Match) (out value, keep bool, err error) {
	if v.list {
		return r.samples(rule, v, m, scope)
	}
	hit, text, why, err := r.ask(v.from, scope)
	if err != nil {
		return out, false, r.failed(rule, m, v.name, err.Error())
	}
	text = strings.TrimSpace(text)
	if reason, never := v.never[text]; never && text != "" {
		out = value{there: true, absent: reason}
		r.trace.field(v.name, v.from.x, r.path(hit, m, rule), text, "the template says that this is no value but "+reason.String())
		return out, true, nil
	}
	if text == "" {
		r.trace.field(v.name, v.from.x, r.path(hit, m, rule), "", why)
		return r.missing(rule, v, m)
	}
	if v.comma {
		text = strings.Replace(text, ",", ".", 1)
	}
	r.trace.field(v.name, v.from.x, r.path(hit, m, rule), text, "")
	out = value{there: true, text: text}
	if v.unit != nil {
		if out.unit, err = r.unit(rule, v, m, scope); err != nil {
			return out, false, err
		}
	}
	return out, true, nil
}

// missing decides about a value that is not there.
func (r *run) missing(rule *rule, v *valueRule, m query.Match) (value, bool, error) {
	switch {
	case v.missing == refuse:
		return value{}, false, r.failed(rule, m, v.name, "the value is required and missing")
	case v.missing == skip && len(rule.values) == 1:
		r.trace.skipped("it has no value")
		return value{}, false, nil
	case v.missing == skip:
		return value{}, true, nil
	}
	reason, _ := acom.AbsentOf(v.missing)
	return value{there: true, absent: reason}, true, nil
}

func (r *run) unit(rule *rule, v *valueRule, m, scope query.Match) (unit, error) {
	u := v.unit
	if u.from == nil {
		return u.fixed, nil
	}
	hit, text, why, err := r.ask(*u.from, scope)
	if err != nil {
		return unit{}, r.failed(rule, m, v.name+", unit", err.Error())
	}
	text = strings.TrimSpace(text)
	r.trace.field(v.name+", unit", u.from.x, r.path(hit, m, rule), text, why)
	switch known, ok := u.known[text]; {
	case ok:
		return known, nil
	case text == "":
		return u.fixed, nil
	case u.known == nil:
		return unit{foreign: &acom.Coding{Display: text}}, nil
	}
	return unit{}, r.failed(rule, m, v.name+", unit", "the template does not know this unit")
}

// samples keeps all that was found; a sample that is null is missing.
func (r *run) samples(rule *rule, v *valueRule, m, scope query.Match) (out value, keep bool, err error) {
	if v.from.document {
		scope = r.root
	}
	hits, err := v.from.x.Find(scope, r.budget)
	if err != nil {
		return out, false, r.failed(rule, m, v.name, err.Error())
	}
	if len(hits) == 1 && hits[0].Element.Is(fhir.Array) {
		if err := r.budget.Take(hits[0].Element.Len(), 24); err != nil {
			return out, false, r.failed(rule, m, v.name, err.Error())
		}
		for _, item := range hits[0].Element.Members() {
			out.list = append(out.list, sample(item.Value.Text(), v))
		}
	} else {
		for _, hit := range hits {
			text, _ := hit.Text()
			if len(hits) == 1 {
				// Samples in one text stand between blanks or semicolons.
				fields := strings.FieldsFunc(text, func(c rune) bool { return c == ' ' || c == ';' || c == '\n' || c == '\t' })
				if err := r.budget.Take(len(fields), 24); err != nil {
					return out, false, r.failed(rule, m, v.name, err.Error())
				}
				for _, f := range fields {
					out.list = append(out.list, sample(f, v))
				}
				continue
			}
			out.list = append(out.list, sample(text, v))
		}
	}
	if len(out.list) == 0 {
		r.trace.field(v.name, v.from.x, "", "", "it found nothing")
		return r.missing(rule, v, m)
	}
	for _, text := range out.list {
		if text != noSample && !query.IsDecimal(text) {
			return out, false, r.failed(rule, m, v.name, "a sample is no decimal")
		}
	}
	r.trace.field(v.name, v.from.x, r.path(hits[0], m, rule), strings.Join(out.list[:min(len(out.list), 20)], " "), "")
	out.there = true
	if v.unit != nil {
		out.unit, err = r.unit(rule, v, m, scope)
	}
	return out, err == nil, err
}

// noSample is a sample that is missing (SampledData.data).
const noSample = "E"

func sample(text string, v *valueRule) string {
	text = strings.TrimSpace(text)
	if _, never := v.never[text]; never || text == "" {
		return noSample
	}
	if v.comma {
		text = strings.Replace(text, ",", ".", 1)
	}
	return text
}
