package judge

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Scene is a random world: what is everybody's, patients with what is theirs, their
// Consents, and who asks.
type Scene struct {
	Resources  []Resource // in the order in which they can be written
	Requesters []Requester
	Options    Options
}

// World is what a scene has.
func (s *Scene) World() World {
	w := World{}
	for _, r := range s.Resources {
		w[Key(r)] = r
	}
	return w
}

// Patients of a scene, its practitioners, and the client's device.
var (
	patients      = []string{"a", "b", "c"}
	practitioners = []string{"Practitioner/doc", "Practitioner/nurse", "Practitioner/away"}
)

const gateway = "Device/gateway"

// maker makes a scene.
type maker struct {
	*rand.Rand
	scene  *Scene
	number int
	now    time.Time
	// made are the keys of what is patients'; encounters those of each patient.
	made       []string
	encounters map[string][]string
}

// Random makes a scene of about size resources that are patients'. The same seed
// makes the same.
func Random(seed uint64, size int, now time.Time) *Scene {
	m := &maker{Rand: rand.New(rand.NewPCG(seed, 7)), scene: &Scene{}, now: now, encounters: map[string][]string{}}
	m.everybodys()
	for _, p := range patients {
		m.patient(p)
	}
	for len(m.made) < size {
		m.resource()
	}
	for _, p := range patients {
		for range m.pick(0, 1, 1, 2, 3) {
			m.consent(p)
		}
	}
	m.requesters()
	m.scene.Options = Options{
		Implicit:   choose(m, "", "", policies+"deny", policies+"all-normal", policies+"basic-normal", policies+"break-glass-only"),
		MostRecent: m.one(5), Verified: m.one(8), SelfToo: m.one(5),
	}
	return m.scene
}

func (m *maker) one(in int) bool { return m.IntN(in) == 0 }

func (m *maker) pick(list ...int) int { return list[m.IntN(len(list))] }

func choose[T any](m *maker, list ...T) T { return list[m.IntN(len(list))] }

func (m *maker) add(r Resource) { m.scene.Resources = append(m.scene.Resources, r) }

func (m *maker) id() string { m.number++; return fmt.Sprintf("r%d", m.number) }

func to(key string) Resource { return Resource{"reference": key} }

func list(items ...any) []any { return items }

func concept(system, code string) Resource {
	return Resource{"coding": list(Resource{"system": system, "code": code})}
}

// everybodys are no patient's: consents and scopes name them, searches chain by them.
func (m *maker) everybodys() {
	m.add(Resource{"resourceType": "Organization", "id": "house", "name": "House"})
	m.add(Resource{"resourceType": "Organization", "id": "lab", "name": "Lab"})
	for i, key := range practitioners {
		m.add(Resource{"resourceType": "Practitioner", "id": key[len("Practitioner/"):], "name": list(Resource{"family": fmt.Sprint("Doc", i)})})
	}
	m.add(Resource{"resourceType": "PractitionerRole", "id": "dochouse", "active": true, "practitioner": to("Practitioner/doc"), "organization": to("Organization/house"), "period": Resource{"start": "2020"}})
	m.add(Resource{"resourceType": "PractitionerRole", "id": "doclab", "active": false, "practitioner": to("Practitioner/doc"), "organization": to("Organization/lab")})
	m.add(Resource{"resourceType": "PractitionerRole", "id": "nurselab", "practitioner": to("Practitioner/nurse"), "organization": to("Organization/lab"), "period": Resource{"end": "2021"}})
	m.add(Resource{"resourceType": "Group", "id": "team", "active": true, "type": "practitioner", "actual": true, "member": list(Resource{"entity": to("Practitioner/doc")}, Resource{"entity": to("Practitioner/nurse"), "inactive": true})})
	m.add(Resource{"resourceType": "Group", "id": "roles", "active": true, "type": "practitioner", "actual": true, "member": list(Resource{"entity": to("PractitionerRole/dochouse")}, Resource{"entity": to("Practitioner/nurse"), "period": Resource{"start": "2019", "end": "2022-03"}})})
	m.add(Resource{"resourceType": "CareTeam", "id": "ward", "status": "active", "participant": list(Resource{"member": to("Practitioner/nurse")}, Resource{"member": to("Practitioner/doc"), "period": Resource{"end": "2022"}})})
	m.add(Resource{"resourceType": "Device", "id": "gateway", "status": "active"})
	m.add(Resource{"resourceType": "Medication", "id": "med", "status": "active", "code": concept(loinc, "med")})
	m.add(Resource{"resourceType": "GraphDefinition", "id": "graph", "url": "http://example.org/graph", "name": "G", "status": "active", "start": "Patient", "link": list(
		Resource{"target": list(Resource{"type": "Observation", "params": "subject={ref}", "link": list(Resource{"path": "Observation.encounter", "target": list(Resource{"type": "Encounter"})})})},
		Resource{"path": "Patient.generalPractitioner", "target": list(Resource{"type": "Practitioner"})})})
	m.add(Resource{"resourceType": "Location", "id": "ward", "name": "Ward"})
}

// requesters are who asks: staff for this and that, patients, and a backend service.
func (m *maker) requesters() {
	purposes := func() []Coding {
		switch m.IntN(9) {
		case 0:
			return []Coding{{actReason, "HRESCH"}}
		case 1:
			return []Coding{{actReason, "CLINTRCH"}}
		case 2:
			return []Coding{{actReason, "BTG"}}
		case 3:
			return []Coding{{actReason, "HPAYMT"}, {actReason, "TREAT"}}
		case 4:
			return []Coding{{actReason, "ETREAT"}}
		}
		return []Coding{{actReason, "TREAT"}}
	}
	do := []string{"access", "disclose"}
	for _, user := range practitioners {
		m.scene.Requesters = append(m.scene.Requesters, Requester{Now: m.now, User: user, Client: choose(m, "", "", gateway), Purposes: purposes(), Actions: do, Treating: true})
	}
	for _, p := range patients[:2] {
		m.scene.Requesters = append(m.scene.Requesters, Requester{Now: m.now, User: "Patient/" + p, Purposes: []Coding{{actReason, "PATRQT"}}, Actions: do})
	}
	m.scene.Requesters = append(m.scene.Requesters,
		Requester{Now: m.now, Client: gateway, Purposes: purposes(), Actions: do, Treating: true},
		Requester{Now: m.now, User: "Practitioner/doc", Purposes: []Coding{{actReason, "TREAT"}}, Actions: do, Oversees: true})
}
