package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"vitalwire/auth"
	"vitalwire/internal/conformance"
	"vitalwire/server"
)

// leak is a leak path of security.md D.6.
type leak struct {
	n    int
	name string
	// reads and writes are requests that could tell of a hidden resource, by its key. Who
	// may not see it is told the same where it never was; who may is told something else.
	reads, writes func(key string) []probe
	// more is what bytes do not show.
	more func(t *testing.T, w *leaking)
	// waits names what is not there yet, also another test that shows the same or a part.
	waits, also string
}

// leaking is the world of the leak paths, on databases of its own.
type leaking struct {
	// pairs are who may not see something, on the database with it and on one without.
	pairs []hiding
	// root may see all, on two databases of his own: with, and without what is hidden.
	root, rootWithout asker
	// operator, doctorHere and appHere are on one more, where tests store what they need.
	here                          *server.Server
	operator, doctorHere, appHere asker
}

// hiding is somebody from whom something is hidden, and how.
type hiding struct {
	how          string
	one, without asker
	hidden       string // the id that what is hidden has, before the number of the leak
}

const (
	byConsent = "c" // ids of what is hidden by a Consent, and in another's compartment
	byLabel   = "l" // by a security label
)

// leakWorld is what there is; hidden tells what the doctor may not see, by the first
// letter of the id: h.
func leakWorld() (list []struct{ key, body string }) {
	add := func(key, body string) { list = append(list, struct{ key, body string }{key, body}) }
	add("Organization/org", `"name":"House"`)
	add("Practitioner/doc", `"name":[{"family":"Doc"}]`)
	add("Practitioner/signer", `"name":[{"family":"Signer"}]`)
	add("Location/ward", `"name":"Ward"`)
	add("Device/du", `"status":"active"`)
	add("GraphDefinition/graph", `"url":"http://example.org/graph","name":"G","status":"active","start":"Practitioner","link":[{"target":[{"type":"Observation","params":"performer={ref}"}]}]`)
	add("Patient/mine", `"name":[{"family":"Ames"}],"gender":"female","birthDate":"1970-01-01","generalPractitioner":[{"reference":"Practitioner/doc"}]`)
	add("Patient/hc", `"name":[{"family":"Zebra"}],"gender":"male","birthDate":"1980-01-01","generalPractitioner":[{"reference":"Practitioner/doc"}]`)
	add("Encounter/em", `"status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/mine"},"location":[{"location":{"reference":"Location/ward"}}]`)
	for i, code := range []string{"8867-4", "8867-4", "2339-0", "29463-7"} {
		add(fmt.Sprint("Observation/m", i+1), leakObservation("mine", code, 60+i, fmt.Sprintf("2024-0%d-01", i+1), ""))
	}
	add("Consent/hc", `"status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"coding":[{"code":"59284-0"}]}],"patient":{"reference":"Patient/hc"},"policyRule":{"coding":[{"code":"OPTOUT"}]}`)
	for _, how := range []string{byConsent, byLabel} {
		patient, label := "hc", ""
		if how == byLabel {
			patient, label = "mine", strings.TrimSuffix(restricted, ",")
		}
		meta := func(body string) string {
			if label != "" {
				body = label + "," + body
			}
			return body
		}
		id := "h" + how
		for _, n := range append([]int{0}, writing()...) {
			number := ""
			if n > 0 {
				number = fmt.Sprint(n)
			}
			add("Observation/"+id+number, meta(leakObservation(patient, "8867-4", 199, "2025-01-01", fmt.Sprintf(`,"identifier":[{"system":"urn:id","value":"h%s%d"}],"note":[{"text":"zebra"}],"focus":[{"reference":"Location/ward"}]`, how, n))))
		}
		add("Observation/"+id+"x", meta(leakObservation(patient, "2339-0", 299, "2025-02-01", `,"hasMember":[{"reference":"Observation/`+id+`"}],"derivedFrom":[{"reference":"Observation/m1"}]`)))
		add("Encounter/"+id, meta(`"status":"planned","class":{"code":"EMER"},"subject":{"reference":"Patient/`+patient+`"},"location":[{"location":{"reference":"Location/ward"}}]`))
		add("Condition/"+id, meta(`"subject":{"reference":"Patient/`+patient+`"},"code":{"coding":[{"system":"http://snomed.info/sct","code":"86406008"}]},"evidence":[{"detail":[{"reference":"Observation/`+id+`"}]}]`))
		add("DiagnosticReport/"+id, meta(`"status":"final","code":{"text":"r"},"subject":{"reference":"Patient/`+patient+`"},"result":[{"reference":"Observation/`+id+`"}],"presentedForm":[{"contentType":"application/pdf","data":"emVicmE="}]`))
		add("List/"+id, meta(`"status":"current","mode":"working","subject":{"reference":"Patient/`+patient+`"},"entry":[{"item":{"reference":"Observation/m1"}}]`))
		add("Provenance/"+id, meta(`"target":[{"reference":"Observation/m1"},{"reference":"Patient/`+patient+`"}],"recorded":"2020-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/doc"}}]`))
		// Hidden for its target alone, which its own row does not tell.
		add("Provenance/"+id+"t", `"target":[{"reference":"Observation/m1"},{"reference":"Encounter/`+id+`"}],"recorded":"2021-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/signer"}}]`)
		add("Binary/"+id, meta(`"contentType":"text/plain","securityContext":{"reference":"Observation/`+id+`"},"data":"emVicmE="`))
		add("DocumentReference/"+id, meta(`"status":"current","subject":{"reference":"Patient/`+patient+`"},"content":[{"attachment":{"contentType":"text/plain","url":"Binary/`+id+`"}}]`))
		add("Observation/"+id+"gone", meta(leakObservation(patient, "8867-4", 399, "2025-03-01", "")))
	}
	// What is seen and names what is hidden: the same bytes in both worlds.
	add("DiagnosticReport/m", `"status":"final","code":{"text":"r"},"subject":{"reference":"Patient/mine"},"result":[{"reference":"Observation/m1"},{"reference":"Observation/hc"},{"reference":"Observation/hl"}]`)
	add("List/m", `"status":"current","mode":"working","subject":{"reference":"Patient/mine"},"entry":[{"item":{"reference":"Observation/m1"}},{"item":{"reference":"Observation/hc"}},{"item":{"reference":"Observation/hl"}}]`)
	add("Composition/m", `"status":"final","type":{"text":"t"},"title":"T","date":"2024","subject":{"reference":"Patient/mine"},"author":[{"reference":"Practitioner/doc"}],"section":[{"title":"s","entry":[{"reference":"Observation/m1"},{"reference":"Observation/hc"},{"reference":"Observation/hl"}]}]`)
	add("Observation/mref", leakObservation("mine", "8867-4", 65, "2024-09-01", `,"focus":[{"reference":"Observation/hc"},{"reference":"Observation/hl"}]`))
	return list
}

func leakObservation(patient, code string, value int, date, rest string) string {
	return fmt.Sprintf(`"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],"code":{"coding":[{"system":"http://loinc.org","code":%q}]},"subject":{"reference":"Patient/%s"},`+
		`"effectiveDateTime":%q,"valueQuantity":{"value":%d,"unit":"u","system":"http://unitsofmeasure.org","code":"/min"},"performer":[{"reference":"Practitioner/doc"}]`, code, patient, date, value) + rest
}

// writing are the numbers of the leak paths that write, each on a resource of its own.
func writing() (list []int) {
	for _, l := range leaks() {
		if l.writes != nil {
			list = append(list, l.n)
		}
	}
	return list
}

// newLeaking fills the databases. Whoever is asked there has a token of an hour.
func newLeaking(t *testing.T, open func(testing.TB) string) *leaking {
	t.Helper()
	world := leakWorld()
	of := func(key string) string { _, id, _ := strings.Cut(key, "/"); return id }
	hiddenFrom := map[string]func(id string) bool{
		"nobody": func(string) bool { return false },
		"doctor": func(id string) bool { return id[0] == 'h' },
		"app":    func(id string) bool { return strings.HasPrefix(id, "hc") },
	}
	serve := func(without string) (*server.Server, asker) {
		s := start(t, open(t), consenting, func(c *server.Config) { c.Validate = "off" })
		root := as(t, s, auth.Access{Scopes: auth.ParseScopes("system/*.cruds")})
		var entries, again, gone []string
		for _, r := range world {
			id := of(r.key)
			if hiddenFrom[without](id) && !strings.HasPrefix(r.key, "Consent/") {
				continue
			}
			put := func(body string) string {
				return fmt.Sprintf(`{"request":{"method":"PUT","url":%q},"resource":%s}`, r.key, resource(r.key, body))
			}
			entries = append(entries, put(r.body))
			if id[0] == 'h' && strings.HasPrefix(r.key, "Observation/") {
				again = append(again, put(r.body+`,"language":"en"`)) // it has a past
			}
			if strings.HasSuffix(id, "gone") {
				gone = append(gone, fmt.Sprintf(`{"request":{"method":"DELETE","url":%q}}`, r.key))
			}
		}
		for _, list := range [][]string{entries, again, gone} {
			if len(list) == 0 {
				continue
			}
			if status, _, answer := root.ask(t, "POST", "", `{"resourceType":"Bundle","type":"transaction","entry":[`+strings.Join(list, ",")+`]}`); status != 200 {
				t.Fatalf("%d %.600s", status, answer)
			}
		}
		return s, root
	}
	w := &leaking{}
	whole, _ := serve("nobody")
	_, w.root = serve("nobody")
	fewer, _ := serve("doctor")
	other, _ := serve("app")
	_, w.rootWithout = serve("doctor")
	doctor := auth.Access{FHIRUser: "Practitioner/doc", Role: auth.Practitioner, Scopes: auth.ParseScopes("user/*.cruds"), Purposes: []string{"TREAT"}}
	app := scoped("patient/*.cruds @mine")
	again, _ := serve("nobody") // what the doctor writes is no business of the app
	w.pairs = []hiding{
		{"consent", as(t, whole, doctor), as(t, fewer, doctor), byConsent},
		{"label", as(t, whole, doctor), as(t, fewer, doctor), byLabel},
		{"compartment", as(t, again, app), as(t, other, app), byConsent},
	}
	w.here, w.operator = serve("nobody")
	w.doctorHere, w.appHere = as(t, w.here, doctor), as(t, w.here, app)
	return w
}

// TestD6_ConsentLeaks: every leak path of security.md D.6 by its number. To who may not see
// a resource, by a Consent, by its label or by his compartment, each answer is that of a
// database where it never was; to who may see it, it is not, so that the test can fail.
func TestD6_ConsentLeaks(t *testing.T) {
	list := leaks()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newLeaking(t, open)
			for _, l := range list {
				if l.reads == nil && l.writes == nil && l.more == nil {
					continue
				}
				t.Run(fmt.Sprintf("L%d %s", l.n, l.name), func(t *testing.T) {
					w.alike(t, "Observation/h%s", l.reads)
					if l.writes != nil {
						w.alike(t, fmt.Sprintf("Observation/h%%s%d", l.n), l.writes)
					}
					if l.more != nil {
						l.more(t, w)
					}
				})
			}
		})
	}
	var rows [][]string
	for n := 1; n <= 68; n++ {
		i := slices.IndexFunc(list, func(l leak) bool { return l.n == n })
		if i < 0 {
			t.Fatalf("L%d is missing", n)
		}
		by := "TestD6_ConsentLeaks"
		switch l := list[i]; {
		case l.waits != "":
			by = "waits for " + l.waits
		case l.reads == nil && l.writes == nil && l.more == nil:
			by = l.also
		case l.also != "":
			by += ", " + l.also
		}
		rows = append(rows, []string{fmt.Sprint("L", n), list[i].name, by})
	}
	conformance.Table(t, "leaks", "Leak paths of hidden resources", "security.md D.6: each is a test of that number on both stores, with what a Consent, a label or a compartment hides, or waits for what Vitalwire does not have yet.",
		[]string{"path", "what could tell", "shown by"}, rows)
}

// mostTold are the pages of an answer that are looked at: all that the doctor has.
const mostTold = 12

// alike asks the same in the worlds with and without what is hidden.
func (w *leaking) alike(t *testing.T, key string, probes func(string) []probe) {
	t.Helper()
	if probes == nil {
		return
	}
	for _, h := range w.pairs {
		for _, p := range probes(fmt.Sprintf(key, h.hidden)) {
			a, b := toldPages(t, h.one, mostTold, p.method, p.path, p.body, p.header...), toldPages(t, h.without, mostTold, p.method, p.path, p.body, p.header...)
			if a != b {
				t.Errorf("hidden by %s: %s %s %.300s %v:\nwith:    %.1200s\nwithout: %.1200s", h.how, p.method, p.path, p.body, p.header, a, b)
			}
			if strings.HasPrefix(a, "500") {
				t.Errorf("%s %s: %.300s", p.method, p.path, a)
			}
		}
	}
	// Who may see it is told: else nothing is shown by the above.
	for _, how := range []string{byConsent, byLabel} {
		told := false
		for _, p := range probes(fmt.Sprintf(key, how)) {
			if told = toldPages(t, w.root, 1, p.method, p.path, p.body, p.header...) != toldPages(t, w.rootWithout, 1, p.method, p.path, p.body, p.header...); told {
				break
			}
		}
		if !told {
			t.Errorf("nobody is told of %s", fmt.Sprintf(key, how))
		}
	}
}

// exists reports whether somebody is shown a resource.
func exists(t *testing.T, who asker, key string) bool {
	t.Helper()
	status, _, _ := who.ask(t, "GET", "/"+key, "")
	return status == 200
}
