package audit

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
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
	// Interface is what is no app, such as MLLP; "" when there is a Client.
	Interface string
	// What is a reference to the resource, "" for a search. Type is of what was searched,
	// "" for all; Operation the code of an operation without the "$", "" for none.
	What, Type, Operation string
	// Purposes are codes of v3-ActReason.
	Purposes []string
	// Token is the id of the access token; "" for none. Reason is why the glass was broken.
	Token, Reason string
	// Failed: it came to nothing.
	Failed bool
}

// Kinds of sightings that are no interaction: that the glass was broken, and that Consents
// kept something back.
const (
	GlassKind  = "110127"
	DenialKind = "AuthZ-Consent"
)

// About says which sightings are asked for: of a patient, by id, from one day to another
// (such as 2026-12-31; "" for all), by one user (system|login name; "" for all).
type About struct{ Patient, From, To, User string }

// query is the search that finds them.
func (a About) query() string {
	query := "patient=Patient/" + a.Patient + "&_tag=" + url.QueryEscape(tagSystem+"|"+tagCode) + "&_tag:not=" + url.QueryEscape(tagSystem+"|"+tagPermit) + "&_sort=-_lastUpdated"
	for name, value := range map[string]string{"date=ge": a.From, "date=le": a.To, "agent:identifier=": a.User} {
		if value != "" {
			query += "&" + name + url.QueryEscape(value)
		}
	}
	return query
}

// Seen lists what the server wrote of a patient, the newest first, at most count; next
// is where the next page begins, nil after the last. Of what Consents decided only denials
// are in it: what they permitted is there as it was done. It reads AuditEvents whoever asks:
// the caller makes sure that it is the patient himself, or who acts for him. The reader
// is an unguarded one.
func Seen(r store.Reader, known *search.Registry, about About, after *search.Cursor, count int) (list []Sighting, next *search.Cursor, err error) {
	if !fhir.ValidID(about.Patient) {
		return nil, nil, fhir.NotFound(fhir.Key{Type: "Patient", ID: about.Patient})
	}
	parsed, err := known.Parse(store.Audited, about.query(), search.Options{Zone: time.UTC, DefaultCount: count, MaxCount: max(count, 1)})
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
		code := p.Get("coding").At(0)
		s.Purposes = append(s.Purposes, auth.PurposeText(code.Get("system").Text(), code.Get("code").Text()))
	}
	for _, subtype := range root.Get("subtype").Items() {
		if subtype.Get("system").Text() == systemOperation {
			s.Operation = subtype.Get("code").Text()
		}
	}
	if s.Kind == GlassKind {
		s.Reason = root.Get("outcomeDesc").Text()
	}
	for i, agent := range root.Get("agent").Items() {
		name := agent.Path("who", "identifier", "value").Text()
		switch {
		case i == 0:
			if s.Client = name; name == "" {
				s.Interface = agent.Path("who", "display").Text()
			}
		case agent.Get("requestor").Text() == "true" && agent.Get("type").Get("coding").At(0).Get("code").Text() == "IRCP":
			s.User, s.FHIRUser = name, agent.Path("who", "reference").Text()
		}
		if token, ok := strings.CutPrefix(agent.Get("policy").At(0).Text(), tokenPolicy); ok {
			s.Token = token
		}
	}
	for _, entity := range root.Get("entity").Items() {
		if entity.Path("role", "code").Text() == "4" {
			s.What, _, _ = strings.Cut(entity.Path("what", "reference").Text(), "/_history/")
		}
		if query, err := base64.StdEncoding.DecodeString(entity.Get("query").Text()); err == nil && len(query) > 0 {
			s.Type = searched(string(query))
		}
	}
	return s, nil
}

// searched is the type that a query asks for; "" when it is of all.
func searched(query string) string {
	path, _, _ := strings.Cut(query, "?")
	if strings.HasSuffix(path, "/*") {
		return ""
	}
	for _, part := range slices.Backward(strings.Split(path, "/")) {
		if fhir.IsResourceType(part) {
			return part
		}
	}
	return ""
}

// mostBroken bounds what is looked at of one broken glass.
const mostBroken = 200

// ReasonOf is why the glass was broken for a token, when all that was done with it was
// about one patient; "" when it was about others as well, whom the reason may name. The
// reader is an unguarded one.
func ReasonOf(r store.Reader, known *search.Registry, token, patient string) (string, error) {
	page, err := own(r, known, "policy="+url.QueryEscape(tokenPolicy+token), nil, mostBroken)
	if err != nil || page.Next != nil {
		return "", err
	}
	reason := ""
	for _, v := range page.Matches {
		s, err := sighting(v)
		if err != nil {
			return "", err
		}
		var about Patients
		about.Named(v.Body)
		if slices.ContainsFunc(about.IDs, func(id string) bool { return id != patient }) {
			return "", nil
		}
		if s.Reason != "" {
			reason = s.Reason
		}
	}
	return reason, nil
}
