package audit

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"vitalwire/auth"
	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// Sighting is one event about a patient, as he may be told of it: who did what, and when.
type Sighting struct {
	// ID is that of the AuditEvent.
	ID   string
	When time.Time
	// Action is C, R, U, D or E (R4 audit-event-action); Kind is the code of the first
	// subtype, such as read or search-type.
	Action, Kind string
	// User is the login name and FHIRUser the reference of who did it, Client the app he
	// did it by; each may be "".
	User, FHIRUser, Client string
	// What is a reference to the resource, "" for a search.
	What string
	// Purposes are codes of v3-ActReason.
	Purposes []string
	// Failed: it came to nothing.
	Failed bool
}

// Seen lists what the server wrote of a patient, the newest first, at most count; next
// is where the next page begins, nil after the last. Of what Consents decided only denials
// are in it: what they permitted is there as it was done. It reads AuditEvents whoever asks:
// the caller makes sure that it is the patient himself, or who acts for him. The reader
// is an unguarded one.
func Seen(r store.Reader, known *search.Registry, patient string, after *search.Cursor, count int) (list []Sighting, next *search.Cursor, err error) {
	if !fhir.ValidID(patient) {
		return nil, nil, fhir.NotFound(fhir.Key{Type: "Patient", ID: patient})
	}
	query := "patient=Patient/" + patient + "&_tag=" + url.QueryEscape(tagSystem+"|"+tagCode) + "&_tag:not=" + url.QueryEscape(tagSystem+"|"+tagPermit) + "&_sort=-_lastUpdated"
	parsed, err := known.Parse(store.Audited, query, search.Options{Zone: time.UTC, DefaultCount: count, MaxCount: max(count, 1)})
	if err != nil {
		return nil, nil, err
	}
	q := parsed.Query
	q.Sight, q.After = auth.All().Sight(auth.Search), after
	page, err := r.Search(q)
	if err != nil {
		return nil, nil, err
	}
	for _, v := range page.Matches {
		s, err := sighting(v)
		if err != nil {
			return nil, nil, err
		}
		list = append(list, s)
	}
	return list, page.Next, nil
}

func sighting(v store.Version) (s Sighting, err error) {
	root, err := fhir.ParseElement(v.Body)
	if err != nil {
		return s, fmt.Errorf("stored body of %s: %w", v.Key, err)
	}
	s = Sighting{ID: v.Key.ID, When: v.LastUpdated(), Action: root.Get("action").Text(), Kind: root.Get("subtype").At(0).Get("code").Text(),
		Failed: root.Get("outcome").Text() != Success}
	if at, ok := fhir.ParseInstant(root.Get("recorded").Text()); ok {
		s.When = at.Low()
	}
	for _, p := range root.Get("purposeOfEvent").Items() {
		s.Purposes = append(s.Purposes, p.Get("coding").At(0).Get("code").Text())
	}
	for i, agent := range root.Get("agent").Items() {
		name := agent.Path("who", "identifier", "value").Text()
		switch {
		case i == 0:
			s.Client = name
		case agent.Get("requestor").Text() == "true" && agent.Get("type").Get("coding").At(0).Get("code").Text() == "IRCP":
			s.User, s.FHIRUser = name, agent.Path("who", "reference").Text()
		}
	}
	for _, entity := range root.Get("entity").Items() {
		if entity.Path("role", "code").Text() == "4" {
			s.What, _, _ = strings.Cut(entity.Path("what", "reference").Text(), "/_history/")
		}
	}
	return s, nil
}
