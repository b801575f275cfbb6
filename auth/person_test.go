package auth

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"
)

// All that a token stands for comes back, and no token outlives its user, his person
// or his role.
func TestToken_EndsWithItsUser(t *testing.T) {
	p := newPlace(t)
	people := map[string]Person{"anna": {FHIRUser: "Practitioner/1", Role: Practitioner, BreaksGlass: true}}
	given := Access{Scopes: ParseScopes("patient/Observation.rs?category=laboratory user/*.cruds"), Other: []string{"openid", "fhirUser", "launch/patient"},
		User: "anna", FHIRUser: "Practitioner/1", Role: Practitioner, Patient: "p", Encounter: "e", Purposes: []string{"TREAT", "HRESCH", BreakGlass}, Reason: "unconscious"}
	token, made, err := p.Mint(t.Context(), given, time.Hour)
	if err != nil || made.ID == "" {
		t.Fatalf("%+v %v", made, err)
	}
	if _, err := p.Lookup(t.Context(), token); !errors.Is(err, ErrToken) {
		t.Fatalf("nobody knows who anna is: %v", err)
	}
	p.Person = func(_ context.Context, login string) (Person, bool, error) {
		who, ok := people[login]
		return who, ok, nil
	}
	if got, err := p.Lookup(t.Context(), token); err != nil || !reflect.DeepEqual(got, made) {
		t.Fatalf("%+v %v, made was %+v", got, err, made)
	}
	for name, change := range map[string]func(){
		"gone":           func() { delete(people, "anna") },
		"no privilege":   func() { people["anna"] = Person{FHIRUser: "Practitioner/1", Role: Practitioner} },
		"another role":   func() { people["anna"] = Person{FHIRUser: "Practitioner/1", Role: Admin} },
		"another person": func() { people["anna"] = Person{FHIRUser: "Practitioner/2", Role: Practitioner} },
	} {
		change()
		p.forget()
		if _, err := p.Lookup(t.Context(), token); !errors.Is(err, ErrToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	people["anna"] = Person{FHIRUser: "Practitioner/1", Role: Practitioner, BreaksGlass: true}
	if _, err := p.Lookup(t.Context(), token); err != nil {
		t.Errorf("as before: %v", err)
	}
}
