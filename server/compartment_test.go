package server_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"vitalwire/auth"
	"vitalwire/server"
)

// ward is the world of the scenarios: patients a and b with what is theirs, and what
// is everybody's. Bodies lack resourceType and id, which the keys say.
var ward = []struct{ key, body string }{
	{"Organization/org", `"name":"House"`},
	{"Practitioner/doc", `"name":[{"family":"Doc"}]`},
	{"Practitioner/other", `"name":[{"family":"Other"}]`},
	{"PractitionerRole/role", `"practitioner":{"reference":"Practitioner/doc"}`},
	{"Location/ward", `"name":"Ward"`},
	{"Medication/med", `"status":"active","code":{"text":"med"}`},
	{"Patient/a", `"name":[{"family":"Ames"}],"gender":"female","birthDate":"1970-01-01","generalPractitioner":[{"reference":"Practitioner/doc"}],"managingOrganization":{"reference":"Organization/org"}`},
	{"Patient/b", `"name":[{"family":"Bell"}],"gender":"male","birthDate":"1980-01-01","generalPractitioner":[{"reference":"Practitioner/doc"}]`},
	{"Observation/a1", observed("a", "vital-signs", "hr", "final", "2020-01-10") + `,"performer":[{"reference":"Practitioner/doc"}]`},
	{"Observation/a2", observed("a", "laboratory", "glu", "amended", "2021-06-01")},
	{"Observation/a3", observed("a", "survey", "q", "final", "2022-06-01") + `,"focus":[{"reference":"Patient/b"}]`},
	{"Observation/b1", observed("b", "vital-signs", "hr", "final", "2020-01-10") + `,"performer":[{"reference":"Practitioner/other"}]`},
	{"Observation/b2", observed("b", "laboratory", "glu", "final", "2020-01-11") + `,"focus":[{"reference":"Patient/a"}]`},
	{"Encounter/ea", `"status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/a"},"location":[{"location":{"reference":"Location/ward"}}],"participant":[{"individual":{"reference":"Practitioner/doc"}}]`},
	{"Encounter/eb", `"status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/b"}`},
	{"Condition/ca", `"subject":{"reference":"Patient/a"},"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-category","code":"problem-list-item"}]}],"encounter":{"reference":"Encounter/ea"}`},
	{"Condition/cb", `"subject":{"reference":"Patient/b"}`},
	{"MedicationRequest/ma", `"status":"active","intent":"order","subject":{"reference":"Patient/a"},"medicationReference":{"reference":"Medication/med"}`},
	{"MedicationRequest/mb", `"status":"active","intent":"order","subject":{"reference":"Patient/b"},"medicationReference":{"reference":"Medication/med"}`},
	{"Device/da", `"patient":{"reference":"Patient/a"}`},
	{"Device/db", `"patient":{"reference":"Patient/b"}`},
	{"Device/du", `"status":"active"`},
	{"DiagnosticReport/ra", `"status":"final","code":{"text":"r"},"subject":{"reference":"Patient/a"},"result":[{"reference":"Observation/a1"},{"reference":"Observation/b1"}]`},
	{"DiagnosticReport/rb", `"status":"final","code":{"text":"r"},"subject":{"reference":"Patient/b"},"result":[{"reference":"Observation/a1"}]`},
	{"Provenance/pa", `"target":[{"reference":"Observation/a1"},{"reference":"Patient/a"}],"recorded":"2020-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/doc"}}]`},
	{"Provenance/pb", `"target":[{"reference":"Observation/a1"},{"reference":"Patient/b"}],"recorded":"2020-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/doc"}}]`},
	{"List/la", `"status":"current","mode":"working","subject":{"reference":"Patient/a"},"entry":[{"item":{"reference":"Observation/a1"}},{"item":{"reference":"Observation/b1"}}]`},
	{"List/lb", `"status":"current","mode":"working","subject":{"reference":"Patient/b"},"entry":[{"item":{"reference":"Observation/a1"}}]`},
	{"RelatedPerson/mum", `"active":true,"patient":{"reference":"Patient/a"}`},
	{"RelatedPerson/ex", `"active":false,"patient":{"reference":"Patient/a"}`},
	{"RelatedPerson/was", `"active":true,"patient":{"reference":"Patient/a"},"period":{"end":"2020"}`},
	{"Binary/ba", `"contentType":"text/plain","securityContext":{"reference":"Patient/a"},"data":"YQ=="`},
	{"Binary/bb", `"contentType":"text/plain","securityContext":{"reference":"Patient/b"},"data":"Yg=="`},
	{"Binary/bn", `"contentType":"text/plain","data":"bg=="`},
	{"Basic/xa", `"code":{"text":"x"},"subject":{"reference":"Patient/a"}`},
	{"Basic/xb", `"code":{"text":"x"},"subject":{"reference":"Patient/b"}`},
}

func observed(patient, category, code, status, date string) string {
	return fmt.Sprintf(`"status":%q,"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":%q}]}],"code":{"coding":[{"system":"http://c","code":%q}]},"subject":{"reference":"Patient/%s"},"effectiveDateTime":%q,"valueQuantity":{"value":5,"unit":"mmol/L","system":"http://unitsofmeasure.org","code":"mmol/L"}`,
		status, category, code, patient, date)
}

func resource(key, body string) string {
	typ, id, _ := strings.Cut(key, "/")
	return fmt.Sprintf(`{"resourceType":%q,"id":%q,%s}`, typ, id, body)
}

// fill stores resources by an operator's token.
func fill(t *testing.T, s *server.Server, list []struct{ key, body string }) asker {
	t.Helper()
	root := as(t, s, auth.Access{Scopes: auth.ParseScopes("system/*.cruds")})
	for _, r := range list {
		if status, _, answer := root.ask(t, "PUT", "/"+r.key, resource(r.key, r.body)); status != 201 && status != 200 {
			t.Fatalf("%s: %d %s", r.key, status, answer)
		}
	}
	return root
}

// as is who has a token that stands for an access.
func as(t *testing.T, s *server.Server, a auth.Access) asker {
	t.Helper()
	token, err := s.Mint(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return asker{s.Base, token}
}

// found are the resources of a Bundle, sorted; includes have a "+" before them.
func found(t *testing.T, answer string) string {
	t.Helper()
	var b struct {
		Total *int
		Entry []struct {
			Resource struct{ ResourceType, ID string }
			Search   struct{ Mode string }
		}
	}
	if err := json.Unmarshal([]byte(answer), &b); err != nil {
		t.Fatalf("%v: %.300s", err, answer)
	}
	var list []string
	for _, e := range b.Entry {
		if e.Search.Mode == "outcome" {
			continue
		}
		name := e.Resource.ResourceType + "/" + e.Resource.ID
		if e.Search.Mode == "include" {
			name = "+" + name
		}
		list = append(list, name)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// scoped reads a scope text with its context: "text @a" is of patient a, and
// "text #Practitioner/doc:practitioner" of a user with a role.
func scoped(text string) auth.Access {
	var a auth.Access
	for word := range strings.FieldsSeq(text) {
		switch {
		case word[0] == '@':
			a.Patient = word[1:]
		case word[0] == '#':
			who, role, _ := strings.Cut(word[1:], ":")
			a.FHIRUser, a.Role = who, auth.Role(role)
		default:
			if s, ok := auth.ParseScope(word); ok {
				a.Scopes = append(a.Scopes, s)
			} else {
				a.Other = append(a.Other, word)
			}
		}
	}
	return a
}

const (
	every = "patient/*.cruds @a"
	few   = "patient/Patient.rs patient/Observation.rs @a"
	lone  = "patient/Observation.rs @a"
	lab   = "patient/Observation.rs?category=laboratory @a"
)

// The scenarios of security.md E.2 (names after those of MS SmartSearchTests): what a
// search gives to whom.
var scenarios = []struct{ name, scope, path, want string }{
	// Own and others'.
	{"own patient", every, "/Patient", "Patient/a"},
	{"own patient by id", every, "/Patient?_id=a,b", "Patient/a"},
	{"other patient by id", every, "/Patient?_id=b", ""},
	{"other patient by name", every, "/Patient?name=Bell", ""},
	{"own observations", every, "/Observation", "Observation/a1 Observation/a2 Observation/a3"},
	{"other's observations", every, "/Observation?subject=Patient/b", ""},
	{"both patients'", every, "/Observation?subject=Patient/a,Patient/b", "Observation/a1 Observation/a2 Observation/a3"},
	{"no type without scope", lone, "/Patient", "403"},
	{"no type without scope by POST", lone, "/Condition", "403"},
	{"focus confers no membership", every, "/Observation?focus=Patient/a", ""},
	{"focus on other is own", every, "/Observation?focus=Patient/b", "Observation/a3"},
	{"total counts visible", every, "/Observation?_summary=count", "#3"},
	{"total of hidden is 0", every, "/Observation?subject=Patient/b&_summary=count", "#0"},
	{"not finds no hidden", every, "/Observation?status:not=amended", "Observation/a1 Observation/a3"},
	{"missing finds no hidden", every, "/Observation?focus:missing=true", "Observation/a1 Observation/a2"},
	{"security of nobody", every, "/Observation?_lastUpdated=gt2000", "Observation/a1 Observation/a2 Observation/a3"},
	{"system search", every, "/?_type=Observation,Patient", "Observation/a1 Observation/a2 Observation/a3 Patient/a"},
	{"filter", every, "/Observation?_filter=code%20eq%20hr", "Observation/a1"},
	{"composite", every, "/Observation?code-value-quantity=http://c%7Cglu$5", "Observation/a2"},
	{"text of nobody", every, "/Patient?_content=Bell", ""},
	{"sorted", every, "/Observation?_sort=-date", "Observation/a1 Observation/a2 Observation/a3"},
	{"sorted by chain", every, "/Observation?_sort=subject.name", "Observation/a1 Observation/a2 Observation/a3"},
	{"sort by chain without scope", lone, "/Observation?_sort=subject.name", "403"},
	{"sorted search with include", every, "/Observation?_sort=date&_include=Observation:performer", "+Practitioner/doc Observation/a1 Observation/a2 Observation/a3"},
	// Compartment searches.
	{"own compartment", every, "/Patient/a/Observation", "Observation/a1 Observation/a2 Observation/a3"},
	{"other compartment", every, "/Patient/b/Observation", ""},
	{"own compartment whole", few, "/Patient/a/*", "Observation/a1 Observation/a2 Observation/a3 Patient/a"},
	{"other compartment whole", few, "/Patient/b/*", ""},
	{"practitioner's compartment", every, "/Practitioner/doc/Observation", "Observation/a1"},
	{"other practitioner's compartment", every, "/Practitioner/other/Observation", ""},
	{"encounter's compartment", every, "/Encounter/ea/Condition", "Condition/ca"},
	{"device's compartment", every, "/Device/db/Observation", ""},
	{"compartment without scope", lone, "/Patient/a/Condition", "403"},
	// Universal types.
	{"organizations", every, "/Organization", "Organization/org"},
	{"practitioners", every, "/Practitioner", "Practitioner/doc Practitioner/other"},
	{"locations", every, "/Location", "Location/ward"},
	{"medications", every, "/Medication", "Medication/med"},
	{"roles", every, "/PractitionerRole", "PractitionerRole/role"},
	{"universal without scope", lone, "/Practitioner", "403"},
	{"universal scoped alone", "patient/Practitioner.rs @a", "/Practitioner", "Practitioner/doc Practitioner/other"},
	{"narrowed universal", "patient/Practitioner.rs?family=doc @a", "/Practitioner", "Practitioner/doc"},
	{"neither listed nor in the compartment", every, "/Binary", ""},
	// Devices.
	{"devices own and unassigned", every, "/Device", "Device/da Device/du"},
	{"device of other", every, "/Device?patient=Patient/b", ""},
	{"device of own", every, "/Device?patient=Patient/a", "Device/da"},
	{"patient:missing=true", every, "/Device?patient:missing=true", "Device/du"},
	{"patient:missing=false", every, "/Device?patient:missing=false", "Device/da"},
	// Includes.
	{"include all scopes", every, "/Observation?_id=a1&_include=Observation:subject", "+Patient/a Observation/a1"},
	{"include few scopes", few, "/Observation?_id=a1&_include=Observation:subject&_include=Observation:performer", "+Patient/a Observation/a1"},
	{"include one scope", lone, "/Observation?_id=a1&_include=Observation:subject", "Observation/a1"},
	{"include focus other", every, "/Observation?_id=a3&_include=Observation:focus", "Observation/a3"},
	{"include wildcard all", every, "/Observation?_id=a1&_include=*", "+Patient/a +Practitioner/doc Observation/a1"},
	{"include wildcard few", few, "/Observation?_id=a1&_include=*", "+Patient/a Observation/a1"},
	{"include wildcard one", lone, "/Observation?_id=a3&_include=*", "Observation/a3"},
	{"include typed wildcard all", every, "/Observation?_id=a1&_include=Observation:*", "+Patient/a +Practitioner/doc Observation/a1"},
	{"include typed wildcard few", few, "/Observation?_id=a3&_include=Observation:*", "+Patient/a Observation/a3"},
	{"include typed wildcard one", lone, "/Observation?_id=a1&_include=Observation:*", "Observation/a1"},
	{"include iterate all", every, "/Observation?_id=a1&_include=Observation:subject&_include:iterate=Patient:organization", "+Organization/org +Patient/a Observation/a1"},
	{"include iterate few", few, "/Observation?_id=a1&_include=Observation:subject&_include:iterate=Patient:organization", "+Patient/a Observation/a1"},
	{"include iterate over hidden", "patient/Observation.rs patient/Organization.rs @a", "/Observation?_id=a1&_include=Observation:subject&_include:iterate=Patient:organization", "Observation/a1"},
	{"include of other's from own", every, "/DiagnosticReport?_include=DiagnosticReport:result", "+Observation/a1 DiagnosticReport/ra"},
	{"include location", every, "/Encounter?_include=Encounter:location", "+Location/ward Encounter/ea"},
	{"include medication", every, "/MedicationRequest?_include=MedicationRequest:medication", "+Medication/med MedicationRequest/ma"},
	{"include by read alone", "patient/Observation.rs patient/Patient.r @a", "/Observation?_id=a1&_include=Observation:subject", "+Patient/a Observation/a1"},
	{"include by search alone", "patient/Observation.rs patient/Patient.s @a", "/Observation?_id=a1&_include=Observation:subject", "+Patient/a Observation/a1"},
	{"include list items", every, "/List?_include=List:item", "+Observation/a1 List/la"},
	// Reverse includes.
	{"revinclude all scopes", every, "/Patient?_revinclude=Observation:subject", "+Observation/a1 +Observation/a2 +Observation/a3 Patient/a"},
	{"revinclude few scopes", few, "/Patient?_revinclude=Observation:subject&_revinclude=Condition:subject", "+Observation/a1 +Observation/a2 +Observation/a3 Patient/a"},
	{"revinclude one scope", "patient/Patient.rs @a", "/Patient?_revinclude=Observation:subject", "Patient/a"},
	{"revinclude wildcard few", few, "/Patient?_revinclude=*", "400"},
	{"revinclude typed wildcard few", few, "/Patient?_revinclude=Observation:*", "400"},
	{"revinclude focus of other's", every, "/Patient?_revinclude=Observation:focus", "Patient/a"},
	{"revinclude of a universal", every, "/Practitioner?_id=doc&_revinclude=Observation:performer", "+Observation/a1 Practitioner/doc"},
	{"revinclude of a universal from other", every, "/Practitioner?_id=other&_revinclude=Observation:performer", "Practitioner/other"},
	{"revinclude own by other", every, "/Observation?_id=a1&_revinclude=DiagnosticReport:result", "+DiagnosticReport/ra Observation/a1"},
	{"revinclude provenance", every, "/Observation?_id=a1&_revinclude=Provenance:target", "+Provenance/pa Observation/a1"},
	{"revinclude iterate", every, "/Medication?_revinclude=MedicationRequest:medication&_include:iterate=MedicationRequest:patient", "+MedicationRequest/ma +Patient/a Medication/med"},
	{"revinclude narrowed", "patient/Patient.rs patient/Observation.rs?category=laboratory @a", "/Patient?_revinclude=Observation:subject", "+Observation/a2 Patient/a"},
	// Chains and _has.
	{"chain all scopes", every, "/Observation?subject:Patient.name=Ames&code=hr", "Observation/a1"},
	{"chain to hidden", every, "/Observation?focus:Patient.name=Bell", ""},
	{"chain without scope", lone, "/Observation?subject:Patient.name=Ames", "403"},
	{"chain untyped without scope", lone, "/Observation?subject.name=Ames", "403"},
	{"chain over a universal", every, "/Observation?performer:Practitioner.family=Doc", "Observation/a1"},
	{"chain of two", every, "/Observation?subject:Patient.organization.name=House&code=hr", "Observation/a1"},
	{"chain of two without scope", few, "/Observation?subject:Patient.organization.name=House", "403"},
	{"has all scopes", every, "/Patient?_has:Observation:patient:code=glu", "Patient/a"},
	{"has of hidden rows", every, "/Practitioner?_has:Observation:performer:subject=Patient/b", ""},
	{"has by value of hidden", every, "/Location?_has:Encounter:location:subject=Patient/b", ""},
	{"has without scope", "patient/Patient.rs @a", "/Patient?_has:Observation:patient:code=glu", "403"},
	{"has nested", every, "/Organization?_has:Patient:organization:_has:Observation:patient:code=glu", "Organization/org"},
	{"has nested without scope", "patient/Organization.rs patient/Patient.rs @a", "/Organization?_has:Patient:organization:_has:Observation:patient:code=glu", "403"},
	{"has narrowed", "patient/Patient.rs patient/Observation.rs?category=laboratory @a", "/Patient?_has:Observation:patient:code=hr", ""},
	{"list of own", every, "/Observation?_list=la", "Observation/a1"},
	{"list of other's", every, "/Observation?_list=lb", ""},
	{"list without scope", lone, "/Observation?_list=la", "403"},
	// Granular scopes.
	{"category", lab, "/Observation", "Observation/a2"},
	{"category with other filter", lab, "/Observation?code=hr", ""},
	{"category and superset", lab, "/Observation?category=laboratory,vital-signs", "Observation/a2"},
	{"two scopes", "patient/Observation.rs?category=laboratory patient/Observation.rs?category=survey @a", "/Observation", "Observation/a2 Observation/a3"},
	{"two parameters", "patient/Observation.rs?category=laboratory&status=final @a", "/Observation", ""},
	{"code match", "patient/Observation.rs?code=hr @a", "/Observation", "Observation/a1"},
	{"code no match", "patient/Observation.rs?code=none @a", "/Observation", ""},
	{"code with system", "patient/Observation.rs?code=http://c|glu @a", "/Observation", "Observation/a2"},
	{"status match", "patient/Observation.rs?status=amended @a", "/Observation", "Observation/a2"},
	{"name match", "patient/Patient.rs?name=ames @a", "/Patient", "Patient/a"},
	{"name no match", "patient/Patient.rs?name=bell @a", "/Patient", ""},
	{"gender match", "patient/Patient.rs?gender=female @a", "/Patient", "Patient/a"},
	{"gender no match", "patient/Patient.rs?gender=male @a", "/Patient", ""},
	{"date eq", "patient/Observation.rs?date=2020-01-10 @a", "/Observation", "Observation/a1"},
	{"date ne", "patient/Observation.rs?date=ne2020-01-10 @a", "/Observation", "Observation/a2 Observation/a3"},
	{"date gt", "patient/Observation.rs?date=gt2021-06-01 @a", "/Observation", "Observation/a3"},
	{"date lt", "patient/Observation.rs?date=lt2021-06-01 @a", "/Observation", "Observation/a1"},
	{"date ge", "patient/Observation.rs?date=ge2021-06-01 @a", "/Observation", "Observation/a2 Observation/a3"},
	{"date le", "patient/Observation.rs?date=le2021-06-01 @a", "/Observation", "Observation/a1 Observation/a2"},
	{"date sa", "patient/Observation.rs?date=sa2021-06-01 @a", "/Observation", "Observation/a3"},
	{"date eb", "patient/Observation.rs?date=eb2021-06-01 @a", "/Observation", "Observation/a1"},
	{"date ap no match", "patient/Observation.rs?date=ap1900-01-01 @a", "/Observation", ""},
	{"granular with include wildcard", "patient/Observation.rs?code=hr patient/Patient.rs @a", "/Observation?_include=*", "+Patient/a Observation/a1"},
	{"granular target of include", "patient/Observation.rs patient/Patient.rs?gender=male @a", "/Observation?_id=a1&_include=Observation:subject", "Observation/a1"},
	{"granular with revinclude", "patient/Patient.rs patient/Observation.rs?code=hr @a", "/Patient?_revinclude=Observation:patient", "+Observation/a1 Patient/a"},
	{"granular beside whole", "patient/Observation.rs?code=hr patient/Observation.rs @a", "/Observation", "Observation/a1 Observation/a2 Observation/a3"},
	{"granular read does not search", "patient/Observation.r patient/Observation.s?code=hr @a", "/Observation", "Observation/a1"},
	{"granular on every type", "patient/*.rs?status=final @a", "/Observation", "Observation/a1 Observation/a3"},
	{"granular on a type without it", "patient/*.rs?status=final @a", "/Patient", ""},
	// Users.
	{"practitioner sees all", "user/*.rs #Practitioner/doc:practitioner", "/Observation?_count=100", "Observation/a1 Observation/a2 Observation/a3 Observation/b1 Observation/b2"},
	{"practitioner by type", "user/Patient.rs #Practitioner/doc:practitioner", "/Observation", "403"},
	{"practitioner narrowed", "user/Observation.rs?category=laboratory #Practitioner/doc:practitioner", "/Observation", "Observation/a2 Observation/b2"},
	{"practitioner in a launch", "patient/*.rs @b #Practitioner/doc:practitioner", "/Observation", "Observation/b1 Observation/b2"},
	{"patient as user", "user/*.rs #Patient/a:patient", "/Observation", "Observation/a1 Observation/a2 Observation/a3"},
	{"patient with the role of another", "user/*.rs #Patient/a:practitioner", "/Observation", "Observation/a1 Observation/a2 Observation/a3"},
	{"patient launched for another", "patient/*.rs @b #Patient/a:patient", "/Observation", "403"},
	{"related person", "user/*.rs #RelatedPerson/mum:patient", "/Observation", "Observation/a1 Observation/a2 Observation/a3"},
	{"related person launched", "patient/*.rs @a #RelatedPerson/mum:patient", "/Patient", "Patient/a"},
	{"related person launched for another", "patient/*.rs @b #RelatedPerson/mum:patient", "/Patient", "403"},
	{"related person no longer active", "user/*.rs #RelatedPerson/ex:patient", "/Observation", "403"},
	{"related person past the period", "user/*.rs #RelatedPerson/was:patient", "/Observation", "403"},
	{"related person unknown", "user/*.rs #RelatedPerson/none:patient", "/Observation", "403"},
	{"device manager is no clinician", "user/*.rs #Practitioner/doc:device-manager", "/Observation", "403"},
	{"person without a role", "user/*.rs #Practitioner/doc", "/Observation", "403"},
	{"backend", "system/*.rs", "/Device", "Device/da Device/db Device/du"},
	{"backend narrowed", "system/Observation.rs?code=glu", "/Observation", "Observation/a2 Observation/b2"},
}

func TestE2_SmartSearch(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, open(t), required)
			fill(t, s, ward)
			askers := map[string]asker{}
			for _, c := range scenarios {
				if askers[c.scope].token == "" {
					askers[c.scope] = as(t, s, scoped(c.scope))
				}
				path, query, _ := strings.Cut(c.path, "?")
				for way, asked := range map[string][]string{
					"GET":  {"GET", c.path, ""},
					"POST": {"POST", strings.ReplaceAll(strings.TrimSuffix(path, "*")+"/_search", "//", "/"), query, "Content-Type", "application/x-www-form-urlencoded"},
				} {
					status, _, answer := askers[c.scope].ask(t, asked[0], asked[1], asked[2], asked[3:]...)
					got := fmt.Sprint(status)
					if status == 200 {
						if got = found(t, answer); strings.HasPrefix(c.want, "#") {
							got = totalOf(t, answer)
						}
					}
					if got != c.want {
						t.Errorf("%s by %s: %s as %s: %q, want %q: %.200s", c.name, way, c.path, c.scope, got, c.want, answer)
					}
					if strings.Contains(answer, "Bell") && !strings.Contains(c.path, "Bell") {
						t.Errorf("%s by %s: the answer has patient b's name", c.name, way)
					}
				}
			}
		})
	}
	t.Logf("%d scenarios", len(scenarios))
}

func totalOf(t *testing.T, answer string) string {
	t.Helper()
	var b struct{ Total *int }
	if err := json.Unmarshal([]byte(answer), &b); err != nil || b.Total == nil {
		t.Fatalf("no total in %s", answer)
	}
	return fmt.Sprint("#", *b.Total)
}
