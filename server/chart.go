package server

import (
	"context"
	"net/url"
	"strconv"
	"strings"

	"vitalwire/auth"
	"vitalwire/fhir"
	"vitalwire/server/interaction"
)

// chart answers what the pages of the authorization server ask about the record, by
// searches like those of a client: as whoever the context says.
type chart struct{ engine *interaction.Engine }

var _ auth.Chart = chart{}

// mostWords is how many words of what somebody types are searched for.
const mostWords = 8

// Patients finds patients by each word of their names, or by an identifier.
func (c chart) Patients(ctx context.Context, text string, limit int) ([]auth.Entity, error) {
	query := url.Values{"_sort": {"family,given,_id"}, "_count": {strconv.Itoa(limit)}}
	words := strings.Fields(text)
	for i, word := range words[:min(len(words), mostWords)] {
		words[i] = escaped(word)
	}
	if len(words) == 0 {
		return c.find(ctx, "Patient", query)
	}
	query["name"] = words[:min(len(words), mostWords)]
	found, err := c.find(ctx, "Patient", query)
	if err != nil || len(found) > 0 || len(words) > 1 {
		return found, err
	}
	delete(query, "name")
	query.Set("identifier", words[0])
	return c.find(ctx, "Patient", query)
}

// escaped is a text as a search value (R4 search §3.1.1.3).
func escaped(text string) string {
	return strings.NewReplacer(`\`, `\\`, `,`, `\,`, `|`, `\|`, `$`, `\$`).Replace(text)
}

// Encounters finds those of a patient.
func (c chart) Encounters(ctx context.Context, patient string, limit int) ([]auth.Entity, error) {
	if !fhir.ValidID(patient) {
		return nil, nil
	}
	return c.find(ctx, "Encounter", url.Values{"subject": {"Patient/" + patient}, "_sort": {"-date"}, "_count": {strconv.Itoa(limit)}})
}

// Entity finds one resource.
func (c chart) Entity(ctx context.Context, typ, id string) (auth.Entity, bool, error) {
	if !fhir.ValidID(id) {
		return auth.Entity{}, false, nil
	}
	found, err := c.find(ctx, typ, url.Values{"_id": {id}})
	if err != nil || len(found) != 1 {
		return auth.Entity{}, false, err
	}
	return found[0], true, nil
}

func (c chart) find(ctx context.Context, typ string, query url.Values) ([]auth.Entity, error) {
	answer, err := c.engine.Do(ctx, interaction.Request{Interaction: interaction.SearchType, Key: fhir.Key{Type: typ}, Query: query.Encode()})
	if err != nil {
		return nil, err
	}
	bundle, err := fhir.ParseElement(answer.Text)
	if err != nil {
		return nil, err
	}
	var list []auth.Entity
	for _, entry := range bundle.Get("entry").Items() {
		if r := entry.Get("resource"); r.Get("resourceType").Text() == typ {
			list = append(list, entity(r))
		}
	}
	return list, nil
}

// entity is a Patient, an Encounter or another resource as somebody picks it.
func entity(r *fhir.Element) auth.Entity {
	e := auth.Entity{ID: r.Get("id").Text()}
	var detail []string
	switch r.Get("resourceType").Text() {
	case "Patient":
		e.Title = personName(r.Get("name"))
		detail = append(detail, r.Get("birthDate").Text(), r.Get("gender").Text())
		for _, id := range r.Get("identifier").Items() {
			detail = append(detail, id.Get("value").Text())
		}
	case "Practitioner":
		e.Title = personName(r.Get("name"))
		for _, q := range r.Get("qualification").Items() {
			detail = append(detail, codeText(q.Get("code")))
		}
	case "Organization":
		e.Title = r.Get("name").Text()
		for _, at := range r.Get("address").Items() {
			detail = append(detail, at.Get("city").Text())
		}
	case "Encounter":
		e.Title = codeText(r.Get("type").At(0))
		if e.Title == "" {
			e.Title = codeText(r.Get("class"))
		}
		detail = append(detail, day(r.Path("period", "start").Text()), r.Get("status").Text())
	}
	e.Patient = patientOf(r)
	if e.Title == "" {
		e.Title = r.Get("resourceType").Text() + "/" + e.ID
	}
	var said []string
	for _, word := range detail[:min(len(detail), 3)] {
		if word != "" {
			said = append(said, word)
		}
	}
	e.Detail = strings.Join(said, ", ")
	return e
}

// patientOf is the id of the patient of this server that a resource is about.
func patientOf(r *fhir.Element) string {
	for _, name := range []string{"subject", "patient"} {
		if id, ok := strings.CutPrefix(r.Path(name, "reference").Text(), "Patient/"); ok && fhir.ValidID(id) {
			return id
		}
	}
	return ""
}

// personName is the first name of a person that is not an old one, as it is read.
func personName(names *fhir.Element) string {
	for _, n := range names.Items() {
		if n.Get("use").Text() == "old" {
			continue
		}
		if text := n.Get("text").Text(); text != "" {
			return text
		}
		var parts []string
		for _, given := range n.Get("given").Items() {
			parts = append(parts, given.Text())
		}
		if text := strings.TrimSpace(strings.Join(append(parts, n.Get("family").Text()), " ")); text != "" {
			return text
		}
	}
	return ""
}

// codeText is a CodeableConcept or Coding in words.
func codeText(c *fhir.Element) string {
	for _, text := range []string{c.Get("text").Text(), c.Path("coding").At(0).Get("display").Text(), c.Get("display").Text(), c.Get("code").Text()} {
		if text != "" {
			return text
		}
	}
	return ""
}

// day is the date of a dateTime.
func day(text string) string { return text[:min(len(text), len("2026-01-02"))] }
