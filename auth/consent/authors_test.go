package consent_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"vitalwire/auth/consent"
	"vitalwire/fhir"
	"vitalwire/internal/judge"
)

// TestStandIns_D2_9: random roles, beside a reading that asks of each author whether he
// counts (judge.World.Speaks).
func TestStandIns_D2_9(t *testing.T) {
	g := rand.New(rand.NewPCG(rand.Uint64(), 1))
	key := func(text string) fhir.Key {
		k, _ := fhir.ParseKey(text)
		return k
	}
	pick := func(list ...string) string { return list[g.IntN(len(list))] }
	for range 2000 {
		world := judge.World{}
		var roles []consent.Role
		keys := []string{"Organization/a", "Organization/b", "Practitioner/x", "Practitioner/y", "Practitioner/z"}
		for n := range g.IntN(6) {
			id := string(rune('0' + n))
			practitioner, organization := pick("Practitioner/x", "Practitioner/y", ""), pick("Organization/a", "Organization/b", "")
			world["PractitionerRole/"+id] = judge.Resource{"resourceType": "PractitionerRole", "id": id, "practitioner": judge.Resource{"reference": practitioner}, "organization": judge.Resource{"reference": organization}}
			roles = append(roles, consent.Role{Key: key("PractitionerRole/" + id), Practitioner: key(practitioner), Organization: key(organization)})
			keys = append(keys, "PractitionerRole/"+id)
		}
		for _, named := range keys {
			for _, permits := range []bool{true, false} {
				got := consent.StandIns(key(named), permits, roles)
				for _, author := range keys {
					if want := world.Speaks(author, named, permits); slices.Contains(got, key(author)) != want {
						t.Fatalf("%v: of %s, permits %v, %s: %v, want %v", roles, named, permits, author, got, want)
					}
				}
			}
		}
	}
}
