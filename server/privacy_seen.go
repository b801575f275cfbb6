package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"vitalwire/auth"
	"vitalwire/auth/choice"
	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/audit"
	"vitalwire/server/interaction"
	"vitalwire/server/store"
)

// How many events are read at once, and how often for one page.
const (
	seenAtOnce = 500
	mostRounds = 100
)

// Seen is a page of who did what with what is kept of a patient. To look is audited as the
// search that it is.
func (p privacy) Seen(ctx context.Context, patient string, by auth.SeenBy) (*auth.SeenPage, error) {
	log := p.engine.Audit
	if log == nil {
		return &auth.SeenPage{}, nil
	}
	ctx = audit.Amid(ctx, audit.Circumstances{Name: privacyPage})
	if err := log.Tell(ctx, audit.Done{Kind: audit.SearchType, Query: p.engine.Base + "/AuditEvent?patient=Patient/" + patient, Patients: []string{patient}}); err != nil {
		return nil, err
	}
	log.Flush(ctx)
	mine, err := p.engine.As(ctx)
	if err != nil {
		return nil, err
	}
	about := audit.About{Patient: patient, From: by.From, To: by.To}
	if by.User != "" {
		about.User = p.engine.Base + "|" + by.User
	}
	bound := strings.Join([]string{"seen", patient, by.From, by.To, by.User, fmt.Sprint(by.Own)}, "\n")
	var after *search.Cursor
	if by.After != "" {
		after = &search.Cursor{}
		if err := mine.Seal.Open(by.After, bound, after); err != nil {
			after = nil // of another page: the first is shown
		}
	}
	t := p.tells(ctx, patient)
	page := &auth.SeenPage{Audited: true}
	for range mostRounds {
		var list []audit.Sighting
		err := p.engine.Store.Glance(ctx, func(r store.Reader) (err error) {
			list, after, err = audit.Seen(r, p.engine.Search, about, after, min(by.Count-len(page.Rows), seenAtOnce))
			return err
		})
		if err != nil {
			return nil, err
		}
		if err := t.read(list); err != nil {
			return nil, err
		}
		for _, s := range list {
			if !by.Own && s.Interface == privacyPage && s.FHIRUser == "Patient/"+patient && s.Action == "E" {
				continue
			}
			row, err := t.row(s)
			if err != nil {
				return nil, err
			}
			page.Rows = append(page.Rows, row)
		}
		if after == nil || len(page.Rows) >= by.Count {
			break
		}
	}
	if after != nil {
		page.Next, err = mine.Seal.Seal(after, bound)
	}
	return page, err
}

// telling puts what was done into words for a patient.
type telling struct {
	privacy
	ctx     context.Context
	patient string
	// What is known so far: names of users and apps, what resources are about, and the
	// reasons of broken glasses by their token.
	people, apps, reasons map[string]string
	texts                 map[fhir.Key]string
}

func (p privacy) tells(ctx context.Context, patient string) *telling {
	return &telling{privacy: p, ctx: ctx, patient: patient, people: map[string]string{}, apps: map[string]string{}, texts: map[fhir.Key]string{}, reasons: map[string]string{}}
}

// read finds out what the resources of some sightings are about, as far as the patient
// sees them.
func (t *telling) read(list []audit.Sighting) error {
	var keys []fhir.Key
	for _, s := range list {
		if key := fhir.ParseReference(s.What).Key; key.ID != "" && key.Type != "Patient" && !slices.Contains(keys, key) {
			if _, known := t.texts[key]; !known {
				keys = append(keys, key)
			}
		}
	}
	if len(keys) == 0 {
		return nil
	}
	access, _ := auth.From(t.ctx)
	access.Scopes = auth.ParseScopes("user/*.rs")
	var mine *interaction.Engine
	mine, err := t.engine.For(t.ctx, access)
	if err != nil {
		return err
	}
	return mine.Store.Glance(t.ctx, func(r store.Reader) error {
		found, err := r.Current(keys)
		if err != nil {
			return err
		}
		for _, key := range keys {
			t.texts[key] = ""
			if v, ok := found[key]; ok && !v.Deleted {
				e, err := fhir.ParseElement(v.Body)
				if err != nil {
					return err
				}
				t.texts[key] = aboutWhat(e)
			}
		}
		return nil
	})
}

// aboutWhat is what a resource is about, by its code.
func aboutWhat(e *fhir.Element) string {
	for _, name := range []string{"code", "medicationCodeableConcept", "vaccineCode", "type"} {
		c := e.Get(name)
		if c.Is(fhir.Array) {
			c = c.At(0)
		}
		if text := codeText(c); text != "" {
			return text
		}
	}
	return ""
}

// row is a sighting in words.
func (t *telling) row(s audit.Sighting) (auth.SeenRow, error) {
	row := auth.SeenRow{When: s.When, User: s.User, Failed: s.Failed && s.Kind != audit.DenialKind, Glass: slices.Contains(s.Purposes, auth.BreakGlass), What: t.what(s)}
	var err error
	if row.Who, err = t.who(s); err != nil {
		return row, err
	}
	if row.App, err = t.app(s); err != nil {
		return row, err
	}
	var why []string
	for _, code := range s.Purposes {
		why = append(why, choice.Purpose(code))
	}
	row.Why = strings.Join(why, ", ")
	if row.Glass {
		row.Reason, err = t.reason(s)
	}
	return row, err
}

// who is the name of who did something. Another patient is not named.
func (t *telling) who(s audit.Sighting) (string, error) {
	if s.FHIRUser == "Patient/"+t.patient {
		return "You", nil
	}
	if strings.HasPrefix(s.FHIRUser, "Patient/") {
		return "Another patient", nil
	}
	if s.User == "" {
		if s.FHIRUser != "" {
			return s.FHIRUser, nil
		}
		return "A service", nil
	}
	if name, known := t.people[s.User]; known {
		return name, nil
	}
	u, err := t.privacy.people.AnyUser(t.ctx, s.User)
	name := s.User
	switch {
	case errors.Is(err, auth.ErrNoUser):
		err = nil
	case err == nil && u.Display != "" && u.FHIRUser == s.FHIRUser: // else the name is another's by now
		name = u.Display + " (" + s.User + ")"
	}
	t.people[s.User] = name
	return name, err
}

// app is the name of what was used.
func (t *telling) app(s audit.Sighting) (string, error) {
	if s.Client == "" {
		return s.Interface, nil
	}
	if name, known := t.apps[s.Client]; known {
		return name, nil
	}
	client, err := t.privacy.people.AnyClient(t.ctx, s.Client)
	name := s.Client
	switch {
	case errors.Is(err, auth.ErrNoClient):
		err = nil
	case err == nil && client.Name != "":
		name = client.Name
	}
	t.apps[s.Client] = name
	return name, err
}

// reason is why the glass was broken with the token of a sighting. It is told when nobody
// else was looked at with that token: else it may be about him.
func (t *telling) reason(s audit.Sighting) (string, error) {
	if s.Token == "" {
		return s.Reason, nil
	}
	if reason, known := t.reasons[s.Token]; known {
		return reason, nil
	}
	var reason string
	err := t.engine.Store.Glance(t.ctx, func(r store.Reader) (err error) {
		reason, err = audit.ReasonOf(r, t.engine.Search, s.Token, t.patient)
		return err
	})
	t.reasons[s.Token] = reason
	return reason, err
}

// typeWords are resource types as a patient calls what is kept in them: of one, of many.
var typeWords = map[string][2]string{
	"Observation": {"measurement", "measurements"}, "Condition": {"diagnosis", "diagnoses"}, "MedicationRequest": {"prescription", "prescriptions"},
	"MedicationStatement": {"medication", "medications"}, "MedicationAdministration": {"medication that was given", "medications that were given"},
	"Patient": {"personal details", "personal details"}, "Encounter": {"visit", "visits"}, "DiagnosticReport": {"report", "reports"}, "Procedure": {"procedure", "procedures"},
	"AllergyIntolerance": {"allergy", "allergies"}, "Immunization": {"vaccination", "vaccinations"}, "Consent": {"consent", "consents"}, "Device": {"device", "devices"},
	"DocumentReference": {"document", "documents"}, "CarePlan": {"care plan", "care plans"}, "Appointment": {"appointment", "appointments"}, "ServiceRequest": {"order", "orders"},
	"AuditEvent": {"list of who saw your data", "list of who saw your data"}, "QuestionnaireResponse": {"questionnaire", "questionnaires"}, "Coverage": {"insurance", "insurances"}, "Claim": {"bill", "bills"},
}

// verbs are what was done to one resource.
var verbs = map[string]string{"read": "read", "vread": "read an earlier version of", "create": "recorded", "update": "changed", "patch": "changed", "delete": "deleted"}

// what is what was done. It has no id, which might be another patient's.
func (t *telling) what(s audit.Sighting) string {
	switch {
	case s.Kind == audit.GlassKind:
		return "broke the glass"
	case s.Kind == audit.DenialKind:
		return "asked for something of yours that your consents keep back, and did not see it"
	case s.Operation == "everything":
		return "read all that is kept of you"
	case s.Operation != "":
		return "used the operation $" + s.Operation
	}
	if verb := verbs[s.Kind]; verb != "" {
		return verb + " your " + t.thing(s)
	}
	many := "data"
	if words, known := typeWords[s.Type]; known {
		many = words[1] + " (" + s.Type + ")"
	} else if s.Type != "" {
		many = "records of the type " + s.Type
	}
	switch s.Kind {
	case "search-type", "search-system":
		return "searched your " + many
	case "search":
		return "read the history of your " + many
	}
	if said := map[string]string{"C": "recorded", "R": "read", "U": "changed", "D": "deleted"}[s.Action]; said != "" {
		return said + " something of yours"
	}
	return "used your data"
}

// thing is the resource that something was done to.
func (t *telling) thing(s audit.Sighting) string {
	key := fhir.ParseReference(s.What).Key
	if key.Type == "Patient" {
		return "personal details (Patient)"
	}
	word := "record"
	if words, known := typeWords[key.Type]; known {
		word = words[0]
	}
	if text := t.texts[key]; text != "" {
		return text + " (" + key.Type + ")"
	}
	if key.Type == "" {
		return "data"
	}
	return word + " (" + key.Type + ")"
}
