// Package judge decides slowly and plainly what Consents let somebody see, as a
// second opinion for tests. It reads resources as encoding/json does, one at a time,
// and shares no code with the product: what it says is written down from
// docs/adr/0014, R4 consent.html and IHE PCF alone.
//
// It also makes random worlds of resources, Consents and requesters to try both on.
package judge

import (
	"slices"
	"time"
)

// Resource is one as encoding/json reads it.
type Resource = map[string]any

// Coding is a code of a system.
type Coding struct{ System, Code string }

// Requester is who asks, what for and when.
type Requester struct {
	Now time.Time
	// User is the key of the user's resource, Client that of the client's Device or
	// Organization; "" for none.
	User, Client string
	Purposes     []Coding
	// Actions of R4 consentaction that are done.
	Actions []string
	// Treating: a clinician, or a service that works for them.
	Treating bool
	// Oversees: a privacy officer or an administrator, who sees Consents.
	Oversees bool
}

// Options are an operator's choices.
type Options struct {
	// Implicit is the URI of the policy for who gave no consent; "" denies.
	Implicit string
	// MostRecent: of several consents the newest counts. Verified: only those that
	// somebody verified do. SelfToo: they bind the patient himself.
	MostRecent, Verified, SelfToo bool
}

// World is all resources that there are, by key such as Patient/a.
type World map[string]Resource

// Key is the type and id of a resource.
func Key(r Resource) string { return text(r, "resourceType") + "/" + text(r, "id") }

// Visible reports whether a requester may see a resource, as far as consents go: it is
// permitted, and so is what it tells of.
func (w World) Visible(r Resource, by Requester, o Options) bool {
	if !w.Permitted(r, by, o) {
		return false
	}
	if r["resourceType"] == "Provenance" {
		for _, key := range pointers(r["target"], "") {
			if about, there := w[key]; there && !w.Permitted(about, by, o) {
				return false
			}
		}
	}
	return true
}

// Permitted reports whether each patient whom a resource is of permits a requester to see
// it; what is nobody's is permitted.
func (w World) Permitted(r Resource, by Requester, o Options) bool {
	if r["resourceType"] == "Consent" && by.Oversees {
		return true
	}
	if r["resourceType"] == "Binary" {
		if key := w.binaryOf(r); key != "" {
			about, there := w[key]
			return there && w.Permitted(about, by, o)
		}
	}
	for _, patient := range Owners(r) {
		if !w.permits(patient, r, by, o) {
			return false
		}
	}
	return true
}

func (w World) binaryOf(r Resource) string { return at(r, "securityContext") }

// permits reports whether a patient lets a requester see a resource.
func (w World) permits(patient string, r Resource, by Requester, o Options) bool {
	if by.User == "Patient/"+patient && !o.SelfToo {
		return true
	}
	q := &question{world: w, resource: r, by: by, actors: w.Actors(by)}
	consents := w.applicable(patient, q, o)
	if len(consents) == 0 {
		return q.implicit(o.Implicit)
	}
	permitted := false
	for _, c := range consents {
		switch q.consent(c, o) {
		case deny:
			return false
		case permit:
			permitted = true
		case silent:
		}
	}
	return permitted
}

// applicable are the consents of a patient that are in force.
func (w World) applicable(patient string, q *question, o Options) []Resource {
	var list []Resource
	for _, c := range w {
		if c["resourceType"] != "Consent" || text(c, "status") != "active" || at(c, "patient") != "Patient/"+patient {
			continue
		}
		privacy, research := false, false
		for _, scope := range codings(c["scope"]) {
			privacy = privacy || scope.Code == "patient-privacy"
			research = research || scope.Code == "research"
		}
		isResearch := slices.ContainsFunc(q.by.Purposes, func(p Coding) bool { return subsumes(Coding{actReason, "HRESCH"}, p) })
		if !privacy && (!research || !isResearch) {
			continue
		}
		if o.Verified && !slices.ContainsFunc(objects(c["verification"]), func(v Resource) bool { return v["verified"] == true }) {
			continue
		}
		if root, ok := c["provision"].(Resource); ok && root["period"] != nil && !within(root["period"], q.by.Now) {
			continue
		}
		list = append(list, c)
	}
	if o.MostRecent {
		newest := int64(-1 << 62)
		for _, c := range list {
			newest = max(newest, given(c))
		}
		list = slices.DeleteFunc(list, func(c Resource) bool { return given(c) < newest })
	}
	return list
}

// given is when a Consent was.
func given(c Resource) int64 {
	if low, _, ok := moment(text(c, "dateTime")); ok {
		return low.UnixNano()
	}
	return -1 << 62
}

// Actors are all resources that stand for a requester: who he is, the roles and
// organisations he has, and the groups and teams that he or these are in.
func (w World) Actors(by Requester) []string {
	var list []string
	add := func(key string) {
		if key != "" && !slices.Contains(list, key) {
			list = append(list, key)
		}
	}
	add(by.User)
	add(by.Client)
	for key, r := range w {
		if r["resourceType"] == "PractitionerRole" && at(r, "practitioner") == by.User && by.User != "" && r["active"] != false && (r["period"] == nil || within(r["period"], by.Now)) {
			add(key)
			add(at(r, "organization"))
		}
	}
	for key, r := range w {
		switch r["resourceType"] {
		case "Group":
			for _, m := range objects(r["member"]) {
				if r["active"] != false && m["inactive"] != true && (m["period"] == nil || within(m["period"], by.Now)) && slices.Contains(list, at(m, "entity")) {
					add(key)
				}
			}
		case "CareTeam":
			for _, m := range objects(r["participant"]) {
				if text(r, "status") == "active" && (m["period"] == nil || within(m["period"], by.Now)) && slices.Contains(list, at(m, "member")) {
					add(key)
				}
			}
		}
	}
	return list
}

// Speaks reports whether what an author recorded is of whom a provision names as the author:
// of himself; of a role's Practitioner and Organization; and of a Practitioner's
// role and Organization, for a permit only when he has no other.
func (w World) Speaks(author, named string, permits bool) bool {
	if author == named {
		return true
	}
	if r := w[author]; r["resourceType"] == "PractitionerRole" {
		return at(r, "organization") == named || at(r, "practitioner") == named
	}
	some, all := false, true
	for key, r := range w {
		if r["resourceType"] == "PractitionerRole" && at(r, "practitioner") == author {
			is := key == named || at(r, "organization") == named
			some, all = some || is, all && is
		}
	}
	return some && (all || !permits)
}
