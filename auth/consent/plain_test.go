package consent_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"vitalwire/auth/consent"
	"vitalwire/auth/label"
	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/internal/judge"
	"vitalwire/profiles"
)

// TestDecide_BesidePlainJSON: random worlds, with random Consents and requesters, are
// judged like a reading of D.2 does that shares no code: it takes resources as plain
// JSON. VITALWIRE_SEED repeats a run, VITALWIRE_WORLDS makes it longer.
func TestDecide_BesidePlainJSON(t *testing.T) {
	seed, rounds := number(t, "VITALWIRE_SEED", rand.Uint64()), number(t, "VITALWIRE_WORLDS", 60)
	t.Logf("VITALWIRE_SEED=%d", seed)
	codes := remembered{}
	registry := labelling(t)
	seen, hidden, wrong := 0, 0, map[string]int{}
	for round := range rounds {
		scene := judge.Random(seed+round, 40, day)
		world := scene.World()
		resources := map[string]*fhir.Resource{}
		policies := map[string][]*consent.Policy{}
		for _, plain := range scene.Resources {
			r := parsed(t, plain)
			resources[judge.Key(plain)] = r
			if r.Type() == "Consent" {
				p, err := consent.Read(r, base)
				if err != nil {
					t.Fatal(err)
				}
				policies[p.Patient] = append(policies[p.Patient], p)
			}
		}
		refers := func(key fhir.Key) ([]fhir.Key, bool) {
			var keys []fhir.Key
			for _, named := range judge.References(world[key.String()]) {
				one, _ := fhir.ParseKey(named)
				keys = append(keys, one)
			}
			return keys, true
		}
		speaks := func(named fhir.Key, permits bool) (keys []fhir.Key, ok bool) {
			for _, plain := range scene.Resources {
				if key := judge.Key(plain); world.Speaks(key, named.String(), permits) {
					one, _ := fhir.ParseKey(key)
					keys = append(keys, one)
				}
			}
			return append(keys, named), true
		}
		compile := &consent.Compiler{Search: registry, Codes: codes, Refers: refers, Authors: speaks}
		for _, by := range scene.Requesters {
			asks := requester(world, by)
			residuals := map[string]consent.Residual{}
			for _, plain := range scene.Resources {
				r := resources[judge.Key(plain)]
				s := &search.Subject{Type: r.Type(), ID: r.ID(), Values: registry.Extract(r), Position: day.UnixMicro()}
				want, got := world.Permitted(plain, by, scene.Options), true
				if by.Oversees && r.Type() == "Consent" {
					continue // which its caller settles
				}
				for _, patient := range judge.Owners(plain) {
					if _, known := residuals[patient]; !known {
						asks.Self = by.User == "Patient/"+patient
						residuals[patient] = consent.Decide(policies[patient], asks, codes, options(scene.Options))
					}
					ok, err := compile.View(residuals[patient].Formula, r.Type()).Sees(s)
					if err != nil {
						t.Fatal(err)
					}
					got = got && ok
				}
				if want {
					seen++
				} else {
					hidden++
				}
				if got != want {
					if wrong[r.Type()]++; wrong[r.Type()] < 3 {
						t.Errorf("seed %d: %+v of %v: seen %v, want %v\n%s\n%s", seed+round, by, scene.Options, got, want, text(plain), consentsOf(scene, plain))
					}
				}
			}
		}
	}
	t.Logf("%d are seen, %d hidden, %v wrong", seen, hidden, wrong)
	if seen < 1000 || hidden < 1000 {
		t.Errorf("only %d are seen, %d hidden", seen, hidden)
	}
}

// labelling is a registry by which resources have all the labels that their authors gave.
func labelling(t *testing.T) *search.Registry {
	t.Helper()
	rules, err := label.Read([]byte(`{"sensitivities":[]}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	g := search.NewRegistry(profiles.R4(), base)
	g.SetCustom([]search.Custom{{Definition: g.Labelled(rules)}})
	return g
}

func number(t *testing.T, variable string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func text(r judge.Resource) string {
	data, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	return string(data)
}

func parsed(t *testing.T, plain judge.Resource) *fhir.Resource {
	t.Helper()
	r, err := fhir.ParseResource([]byte(text(plain)))
	if err != nil {
		t.Fatal(err, text(plain))
	}
	return r
}

// consentsOf are those of the patients of a resource.
func consentsOf(s *judge.Scene, of judge.Resource) string {
	var b strings.Builder
	for _, r := range s.Resources {
		for _, patient := range judge.Owners(of) {
			if r["resourceType"] == "Consent" && judge.Owners(r)[0] == patient {
				fmt.Fprintln(&b, text(r))
			}
		}
	}
	return b.String()
}

func requester(w judge.World, by judge.Requester) consent.Requester {
	asks := consent.Requester{Now: by.Now, Actions: by.Actions, Treating: by.Treating}
	for _, p := range by.Purposes {
		asks.Purposes = append(asks.Purposes, consent.Coding(p))
	}
	for _, actor := range w.Actors(by) {
		key, _ := fhir.ParseKey(actor)
		asks.Actors = append(asks.Actors, key)
	}
	return asks
}

// remembered are Codes that are looked up once.
type remembered map[consent.Coding]struct {
	codes []string
	known bool
}

func (r remembered) Below(system, code string) ([]string, bool) {
	of := consent.Coding{System: system, Code: code}
	b, done := r[of]
	if !done {
		b.codes, b.known = codes.Below(system, code)
		r[of] = b
	}
	return b.codes, b.known
}

func options(o judge.Options) consent.Options {
	return consent.Options{Implicit: consent.Implicit(o.Implicit), MostRecent: o.MostRecent, Verified: o.Verified, SelfToo: o.SelfToo}
}
