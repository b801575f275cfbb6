package hl7query

import (
	"context"
	"net/url"
	"strconv"
	"strings"

	"vitalwire/fhir"
	"vitalwire/server/interaction"
)

// person is a patient that was found, with his results where they were asked for.
type person struct {
	patient *fhir.Element
	results []*fhir.Element
}

// find searches as the caller in a context.
func (a *Answerer) find(ctx context.Context, q *query) *refusal {
	for _, s := range q.who {
		limit := q.limit
		if q.kind != candidates {
			limit = 2 // it must be one
		}
		list, total, err := a.search(ctx, "Patient", s.criteria(limit))
		if err != nil {
			return a.failed(ctx, err)
		}
		if q.kind != candidates && len(list) > 1 {
			// A monitor would take the first. Whoever that is, it may be the wrong one.
			return &refusal{code: "AE", fault: "204", text: "more than one patient has this id: say its assigning authority"}
		}
		q.total += max(total, len(list))
		for _, p := range list {
			q.found = append(q.found, person{patient: p})
		}
	}
	if !q.results {
		return nil
	}
	for i, p := range q.found {
		values := url.Values{"subject": {"Patient/" + p.patient.Get("id").Text()}, "_sort": {"-date"}, "_count": {strconv.Itoa(q.limit)},
			"status": {"final,amended,corrected,preliminary"}}
		for prefix, at := range map[string]string{"ge": q.since, "le": q.until} {
			if at != "" {
				values["date"] = append(values["date"], prefix+at)
			}
		}
		list, _, err := a.search(ctx, "Observation", values)
		if err != nil {
			return a.failed(ctx, err)
		}
		q.found[i].results = list
	}
	return nil
}

// criteria are the search for a person among those in use.
func (s subject) criteria(limit int) url.Values {
	v := url.Values{"active:not": {"false"}, "_count": {strconv.Itoa(limit)}, "_total": {"accurate"}, "_sort": {"_id"}}
	if s.id != "" {
		value := escaped(s.id)
		if s.system != "" {
			value = escaped(s.system) + "|" + value
		}
		v.Set("identifier", value)
	}
	for name, text := range map[string]string{"family": s.family, "given": s.given, "birthdate": s.birth, "gender": s.gender} {
		if text != "" {
			v.Set(name, escaped(text))
		}
	}
	return v
}

// escaped is a text as a search value (R4 search §3.1.1.3).
func escaped(text string) string {
	return strings.NewReplacer(`\`, `\\`, `,`, `\,`, `|`, `\|`, `$`, `\$`).Replace(text)
}

// search gives the matches of a search, and how many there are in all.
func (a *Answerer) search(ctx context.Context, typ string, values url.Values) (list []*fhir.Element, total int, err error) {
	answer, err := a.Engine.Do(ctx, interaction.Request{Interaction: interaction.SearchType, Key: fhir.Key{Type: typ}, Query: values.Encode()})
	if err != nil {
		return nil, 0, err
	}
	bundle, err := fhir.ParseElement(answer.Text)
	if err != nil {
		return nil, 0, err
	}
	for _, entry := range bundle.Get("entry").Items() {
		if r := entry.Get("resource"); r.Get("resourceType").Text() == typ && entry.Path("search", "mode").Text() == "match" {
			list = append(list, r)
		}
	}
	total, _ = strconv.Atoi(bundle.Get("total").Text())
	return list, total, nil
}
