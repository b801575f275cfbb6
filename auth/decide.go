package auth

import (
	"strings"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
)

// everyType is the type of a scope for all of them.
const everyType = "*"

// Rules decide what an access means. Its fields are set once, before use.
type Rules struct {
	// Base is the FHIR base without a trailing slash: who lives there is ours.
	Base string
	// Search are the search parameters that compartments and granular scopes are made of.
	Search *search.Registry
	// Zone of dates without an offset in granular scopes; nil is UTC.
	Zone *time.Location
	// HideUnassigned hides devices of no patient from who is confined to one.
	HideUnassigned bool
}

// World answers what a decision must know of the present.
type World interface {
	// RelatedTo is the id of the Patient that a RelatedPerson is related to; "" when
	// there is none, or the relation is no longer active.
	RelatedTo(id string) (patient string, err error)
}

// alternative is one way by which resources of a type are reached: all of the filter
// holds for them, and with a patient, only they are written that are his alone.
type alternative struct {
	filter  []search.Clause
	patient string
}

// Decide makes the Reach of an access: scope, user and compartment together. A token
// that names somebody who cannot be is refused as a whole, with fhir.Forbidden and
// before anything is looked up for it (SMART 2.2: a patient/ scope needs a patient, a
// user/ scope a user).
func (r *Rules) Decide(a Access, w World) (*Reach, error) {
	g := &Reach{rules: r, access: a}
	user, known := r.user(a)
	if a.FHIRUser != "" && !known {
		return nil, fhir.Forbidden("the access token names a user that is not known here")
	}
	if known {
		g.self = user
		if err := g.own(user, w); err != nil {
			return nil, err
		}
	}
	for _, s := range a.Scopes {
		if patient, confined := g.bounds(s); confined && !fhir.ValidID(patient) {
			return nil, fhir.Forbidden("the access token has the scope %.100s, but names nobody whom it can be for", s)
		}
	}
	return g, nil
}

// user is the resource of a user: a Patient, Practitioner, PractitionerRole,
// RelatedPerson or Person of this server (SMART 2.2, fhirUser).
func (r *Rules) user(a Access) (fhir.Key, bool) {
	ref := fhir.ParseReference(a.FHIRUser)
	switch ref.Key.Type {
	case "Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "Person":
	default:
		return fhir.Key{}, false
	}
	plain := a.FHIRUser == ref.Key.String() || a.FHIRUser == r.Base+"/"+ref.Key.String()
	return ref.Key, plain && fhir.ValidID(ref.Key.ID)
}

// own finds out whose compartments the user may reach by himself.
func (g *Reach) own(user fhir.Key, w World) error {
	switch {
	case g.access.Role != Patient && user.Type != "Patient" && user.Type != "RelatedPerson":
		g.staff = (g.access.Role == Practitioner || g.access.Role == Admin) && strings.HasPrefix(user.Type, "Practitioner")
	case user.Type == "Patient":
		g.patient = user.ID
	case user.Type == "RelatedPerson" && w != nil:
		patient, err := w.RelatedTo(user.ID)
		if err != nil {
			return err
		}
		if fhir.ValidID(patient) {
			g.patient = patient
		}
	}
	return nil
}

// alternatives are the ways to resources of a type by one right. whole: every one is
// reached.
func (g *Reach) alternatives(typ string, right Right) (list []alternative, whole bool) {
	if g.all {
		return nil, true
	}
	for _, s := range g.access.Scopes {
		if s.Rights&right == 0 || !g.counts(s, typ, right) {
			continue
		}
		var filter []search.Clause
		if s.Filter != "" {
			var err error
			if filter, err = g.rules.filter(typ, s.Filter); err != nil {
				continue // what cannot be enforced gives nothing
			}
		}
		patient, confined := g.bounds(s)
		switch {
		case !confined && filter == nil:
			return nil, true
		case !confined:
			list = append(list, alternative{filter: filter})
		case patient != "" && typ != everyType:
			list = append(list, g.rules.within(typ, patient, right, filter)...)
		}
	}
	if right == Read && typ == g.self.Type && g.seesSelf() {
		list = append(list, alternative{filter: []search.Clause{g.rules.named(typ, g.self.ID)}})
	}
	return list, false
}

// bounds is confines of a scope: who may look at what everybody did looks at all of it,
// and a privacy officer whose scope names Consent keeps those of all patients.
func (g *Reach) bounds(s Scope) (patient string, confined bool) {
	if s.Type == audited && g.mayAudit(s.Level) || s.Type == "Consent" && s.Level == UserLevel && g.access.Role == PrivacyOfficer {
		return "", false
	}
	return g.confines(s.Level)
}

// confines says to whose compartment a level confines; "" for nobody's.
func (g *Reach) confines(level Level) (patient string, confined bool) {
	switch level {
	case SystemLevel:
		return "", false
	case UserLevel:
		return g.patient, !g.staff
	case PatientLevel:
		// A user who may reach no more than his own reaches no other by a launch.
		if g.access.User+g.access.FHIRUser != "" && !g.staff && g.patient != g.access.Patient {
			return "", true
		}
		return g.access.Patient, true
	}
	return "", true
}

// seesSelf: who may know who the user is may read his resource (SMART 2.2, fhirUser).
func (g *Reach) seesSelf() bool {
	openid, who := false, false
	for _, word := range g.access.Other {
		openid, who = openid || word == "openid", who || word == "fhirUser" || word == "profile"
	}
	return openid && who
}

// within are the ways to what of a type is a patient's: exactly what the
// CompartmentDefinition says, and the Patient himself. What is nobody's is seen, and
// never changed.
func (r *Rules) within(typ, patient string, right Right, filter []search.Clause) []alternative {
	var list []alternative
	add := func(c search.Clause, owner string) {
		list = append(list, alternative{append([]search.Clause{c}, filter...), owner})
	}
	if typ == "Patient" {
		add(r.named(typ, patient), patient)
	}
	if c, ok := r.Search.Compartment("Patient").Clause(typ, patient); ok {
		add(c, patient)
	}
	sees := right&(Read|Search) != 0
	if universal[typ] && sees {
		list = append(list, alternative{filter: filter})
	}
	if p := r.Search.Lookup(typ, "patient"); typ == "Device" && p != nil {
		// A device is in no compartment of R4; Device.patient says whose it is.
		add(search.Clause{Param: p, Operands: []search.Operand{{Target: search.Target{Type: "Patient", ID: patient}}}}, patient)
		if missing := true; sees && !r.HideUnassigned {
			add(search.Clause{Param: p, Missing: &missing}, "")
		}
	}
	return list
}

// named holds for one resource.
func (r *Rules) named(typ, id string) search.Clause {
	return search.Clause{Param: r.Search.Lookup(typ, "_id"), Operands: []search.Operand{{Code: &id}}}
}
