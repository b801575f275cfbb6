package server_test

import (
	"encoding/json"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"

	"vitalwire/auth"
	"vitalwire/internal/judge"
)

// TestExplainAccess_IsWhatAReadDoes: in random worlds, for random requesters, the decision
// of $explain-access is what a read with their token comes to, and follows from the rules
// that it names.
func TestExplainAccess_IsWhatAReadDoes(t *testing.T) {
	seed := variable(t, "VITALWIRE_SEED", rand.Uint64())
	t.Logf("VITALWIRE_SEED=%d", seed)
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scene := judge.Random(seed, 30, time.Now())
			v := &view{scene: scene}
			w := consentServer(t, open(t), scene.Options)
			v.fill(t, w.root, true)
			decided := map[string]int{}
			for _, by := range scene.Requesters[:min(len(scene.Requesters), 6)] {
				who := w.as(t, by)
				for _, r := range scene.Resources {
					key := judge.Key(r)
					status, _, _ := who.ask(t, "GET", "/"+key, "")
					want := "deny"
					switch status {
					case 200:
						want = "permit"
					case 410:
						continue
					}
					got, rules, answer := explained(t, w.root, by, key)
					decided[got]++
					if got != want || rules != want {
						t.Errorf("VITALWIRE_SEED=%d, %+v, %+v: %s is %d, explained as %s, by its rules %s: %s", seed, by, scene.Options, key, status, got, rules, answer)
					}
				}
			}
			t.Logf("%v", decided)
			if decided["permit"] == 0 || decided["deny"] == 0 {
				t.Errorf("decided was %v", decided)
			}
		})
	}
}

// explained asks $explain-access of a requester: the decision, and what all the rules
// come to.
func explained(t *testing.T, root asker, by judge.Requester, key string) (decision, rules, answer string) {
	t.Helper()
	q := url.Values{"resource": {key}, "scope": {"user/*.cruds"}}
	if by.User != "" {
		q.Set("user", by.User)
	} else {
		q.Set("scope", "system/*.rs system/Observation.cud system/Condition.cud")
	}
	if by.Oversees {
		q.Set("role", string(auth.Admin))
	}
	for _, p := range by.Purposes {
		q.Add("purpose", p.Code)
	}
	if by.Client != "" {
		q.Set("client", "Device/gateway")
	}
	status, _, answer := root.ask(t, "GET", "/$explain-access?"+q.Encode(), "")
	if status == 404 || status == 410 {
		return "deny", "deny", answer // it is not there
	}
	var p struct {
		Parameter []struct {
			Name, ValueCode, ValueString string
			Part                         []struct {
				Name         string
				ValueBoolean bool
			}
		}
	}
	if err := json.Unmarshal([]byte(answer), &p); err != nil || status != 200 {
		t.Fatalf("%s: %d %v %s", q, status, err, answer)
	}
	rules = "permit"
	for _, one := range p.Parameter {
		switch one.Name {
		case "decision":
			decision = one.ValueCode
		case "text":
			if !strings.HasPrefix(one.ValueString, decision+": ") {
				t.Errorf("the words do not begin with the decision: %s", one.ValueString)
			}
		case "scope", "compartment", "consent":
			if !one.Part[0].ValueBoolean {
				rules = "deny"
			}
		}
	}
	return decision, rules, answer
}

// $explain-access is for who keeps the Consents, and tells nobody else anything.
func TestExplainAccess_IsForPrivacyOfficers(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, open(t), consenting)
			ask := func(role auth.Role, user, path string) int {
				status, _, answer := as(t, s, auth.Access{FHIRUser: user, Role: role, Scopes: auth.ParseScopes("user/Consent.rs")}).ask(t, "GET", path, "")
				t.Log(answer)
				return status
			}
			const path = "/$explain-access?resource=Patient/none&scope=user/*.rs&user=Practitioner/1"
			equalInt(t, "a practitioner", ask(auth.Practitioner, "Practitioner/1", path), 403)
			equalInt(t, "a patient", ask(auth.Patient, "Patient/1", path), 403)
			equalInt(t, "a privacy officer", ask(auth.PrivacyOfficer, "Practitioner/1", path), 404)
			equalInt(t, "without a scope", ask(auth.PrivacyOfficer, "Practitioner/1", "/$explain-access?resource=Patient/none&scope=openid"), 400)
			equalInt(t, "of nothing", ask(auth.PrivacyOfficer, "Practitioner/1", "/$explain-access?resource=x&scope=user/*.rs"), 400)
		})
	}
}

func equalInt(t *testing.T, what string, got, want int) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %d, want %d", what, got, want)
	}
}
