package auth

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"vitalwire/fhir"
)

// consentView is what the consent page shows.
type consentView struct {
	App     *Client
	Request string
	// Place is where the app wants its user sent back to: a name can be anybody's.
	Place              string
	Patient, Encounter *Entity
	Choices            []scopeChoice
	// Identity: the app is told who the user is. Offline, Online: it can come back.
	Identity, Offline, Online bool
}

// scopeChoice is one scope that the user may give or not, and into what he may narrow it.
type scopeChoice struct {
	Scope string
	What  string
	// Asks is what Parts are: "types" of a scope for all, "kinds" of one type.
	Asks  string
	Parts []part
}

// part is a narrower scope.
type part struct{ Scope, Name string }

// kinds are the categories by which a scope for a type can be narrowed (US Core 6 to
// 8, SMART granular scopes).
var kinds = map[string][]struct{ system, code, name string }{
	"Condition": {
		{"http://terminology.hl7.org/CodeSystem/condition-category", "encounter-diagnosis", "diagnoses of encounters"},
		{"http://hl7.org/fhir/us/core/CodeSystem/condition-category", "health-concern", "health concerns"},
		{"http://terminology.hl7.org/CodeSystem/condition-category", "problem-list-item", "the problem list"},
	},
	"Observation": {
		{"http://terminology.hl7.org/CodeSystem/observation-category", "laboratory", "laboratory results"},
		{"http://terminology.hl7.org/CodeSystem/observation-category", "vital-signs", "vital signs"},
		{"http://terminology.hl7.org/CodeSystem/observation-category", "social-history", "social history"},
		{"http://hl7.org/fhir/us/core/CodeSystem/us-core-category", "sdoh", "social determinants of health"},
		{"http://terminology.hl7.org/CodeSystem/observation-category", "survey", "surveys and questionnaires"},
	},
}

// parts are the scopes that the user may narrow a scope to.
func (a *Authority) parts(s Scope) (asks string, list []part) {
	switch {
	case s.Filter != "":
		return "", nil
	case s.Type == "*":
		for _, typ := range fhir.ResourceTypes() {
			inner := s
			inner.Type = typ
			list = append(list, part{inner.String(), typ})
		}
		return "types", list
	}
	for _, kind := range kinds[s.Type] {
		inner := s
		inner.Filter, inner.legacy = "category="+kind.system+"|"+kind.code, false
		if len(a.enforced(Scopes{inner})) == 1 {
			list = append(list, part{inner.String(), kind.name})
		}
	}
	return "kinds", list
}

// describe says to people what a scope allows.
func (s Scope) describe() string {
	var words []string
	for _, w := range []struct {
		right Right
		word  string
	}{{Read, "read"}, {Search, "search"}, {Create, "create"}, {Update, "change"}, {Delete, "delete"}} {
		if s.Rights&w.right != 0 {
			words = append(words, w.word)
		}
	}
	what := s.Type
	if s.Type == "*" {
		what = "everything"
	}
	if s.Filter != "" {
		values, _ := url.ParseQuery(s.Filter)
		var limits []string
		for _, name := range slices.Sorted(maps.Keys(values)) {
			limits = append(limits, name+" "+strings.Join(values[name], " and "))
		}
		what += ", only with " + strings.Join(limits, ", ")
	}
	verbs := words[0]
	if n := len(words); n > 1 {
		verbs = strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.ToUpper(verbs[:1]) + verbs[1:] + ": " + what
}

func (a *Authority) consentPage(w http.ResponseWriter, r *http.Request, d *deciding) {
	v := consentView{App: d.ask.client, Request: d.ask.query, Place: originOf(d.ask.redirect)}
	if v.Place == "" {
		v.Place = d.ask.redirect
	}
	for _, e := range []struct {
		typ, id string
		to      **Entity
	}{{"Patient", d.context.Patient, &v.Patient}, {"Encounter", d.context.Encounter, &v.Encounter}} {
		if e.id == "" {
			continue
		}
		found, ok, err := a.Chart.Entity(seenByServer(r.Context()), e.typ, e.id)
		if err != nil {
			a.pageFault(w, r, err)
			return
		}
		if ok {
			*e.to = &found
		}
	}
	for _, s := range d.resources {
		c := scopeChoice{Scope: s.String(), What: s.describe()}
		switch s.Level {
		case PatientLevel:
			c.What += " (of this patient)"
		case UserLevel:
			c.What += " (of all that you may see)"
		}
		c.Asks, c.Parts = a.parts(s)
		v.Choices = append(v.Choices, c)
	}
	v.Identity = slices.Contains(d.other, openidScope)
	v.Offline, v.Online = slices.Contains(d.other, offlineScope), slices.Contains(d.other, onlineScope)
	a.page(w, r, http.StatusOK, "consent", v)
}

// narrow keeps what the user ticked. A scope with some of its parts ticked becomes
// those parts; what was not offered cannot be ticked.
func (a *Authority) narrow(d *deciding, form url.Values) {
	var resources Scopes
	for _, s := range d.resources {
		if !slices.Contains(form["scope"], s.String()) {
			continue
		}
		narrowed := false
		_, parts := a.parts(s)
		for _, p := range parts {
			if !slices.Contains(form["only"], p.Scope) {
				continue
			}
			if inner, ok := ParseScope(p.Scope); ok {
				resources, narrowed = append(resources, inner), true
			}
		}
		if !narrowed {
			resources = append(resources, s)
		}
	}
	d.resources = resources
	d.other = slices.DeleteFunc(d.other, func(s string) bool {
		switch s {
		case openidScope, fhirUserScope, profileScope:
			return !slices.Contains(form["scope"], openidScope)
		case offlineScope, onlineScope:
			return !slices.Contains(form["scope"], s)
		}
		return false
	})
}
