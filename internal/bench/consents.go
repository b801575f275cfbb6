package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"vitalwire/internal/spawn"
	"vitalwire/server"
)

// What patients agree to in each class of Consents: everything is permitted for treatment,
// all but one kind of reading is, and research is to one organisation.
const (
	reason       = `"purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"%s"}]`
	forTreatment = `{"type":"permit","period":{"start":"2025-%02d-%02d"},` + reason + `}`
	butOne       = `{"type":"permit","period":{"start":"2025-%02d-%02d"},` + reason + `,"provision":[{"type":"deny","code":[{"coding":[{"system":"http://loinc.org","code":"%s"}]}]}]}`
	forResearch  = `{"type":"permit",` + reason + `,"actor":[{"role":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"IRCP"}]},"reference":{"reference":"Organization/o%d"}}]}`
)

// kinds of readings; of a third of the patients each of the first three is not to be seen.
var kinds = []string{"8867-4", "85354-9", "29463-7", "8310-5", "9279-1", "59408-5", "2339-0", "39156-5", "8302-2", "8480-6"}

const (
	readingsEach = 20
	familyNames  = 50
)

// agreeing is a patient with his readings and Consents, as entries of a transaction.
func agreeing(n int, random *rand.Rand) []string {
	var list []string
	add := func(typ, id, rest string) {
		list = append(list, fmt.Sprintf(`{"resource":{"resourceType":"%s","id":"%s",%s},"request":{"method":"PUT","url":"%s/%s"}}`, typ, id, rest, typ, id))
	}
	add("Patient", fmt.Sprintf("p%d", n), fmt.Sprintf(`"name":[{"family":"Fam%d."}],"gender":"female"`, n%familyNames))
	for k := range readingsEach {
		add("Observation", fmt.Sprintf("p%d-%d", n, k), fmt.Sprintf(`"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],`+
			`"code":{"coding":[{"system":"http://loinc.org","code":"%s"}]},"subject":{"reference":"Patient/p%d"},"effectiveDateTime":"2026-%02d-%02dT10:%02d:00Z","valueQuantity":{"value":%d,"system":"http://unitsofmeasure.org","code":"1"}`,
			kinds[random.IntN(len(kinds))], n, 1+random.IntN(10), 1+random.IntN(28), k, 50+random.IntN(100)))
	}
	month, day := 1+n%12, 1+n%28
	for i, provision := range []string{fmt.Sprintf(forTreatment, month, day, "TREAT"), fmt.Sprintf(butOne, month, day, "TREAT", kinds[n%3]), fmt.Sprintf(forResearch, "HRESCH", n%40)} {
		add("Consent", fmt.Sprintf("c%d-%d", i, n), fmt.Sprintf(`"status":"active","scope":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}]},"category":[{"coding":[{"system":"http://loinc.org","code":"59284-0"}]}],`+
			`"patient":{"reference":"Patient/p%d"},"dateTime":"2026-01-01","policyRule":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"OPTIN"}]},"provision":%s`, n, provision))
	}
	return list
}

// asked are the requests measured: {patient}, {reading}, {code} and {family} are drawn.
var asked = []class{
	{"read", "Observation/{patient}-{reading}"},
	{"patient", "Observation?patient={patient}&_count=20"},
	{"patient + code", "Observation?patient={patient}&code={code}"},
	{"code", "Observation?code={code}&_count=10"},
	{"code, newest, total", "Observation?code={code}&_sort=-date&_count=10&_total=accurate"},
	{"family name", "Patient?family={family}"},
}

// consents measures what Consents cost: two servers on one store, one of which asks them,
// answer the same requests in turns. What counts is the processor time of a request, of the
// server and of the database: it is the same whatever else the machine does.
func (s Scale) consents(b testing.TB, t *Table, kind string, open func(testing.TB) string) {
	name := open(b)
	writing, token := systemToken(b, name, "system/*.cruds"), systemToken(b, name, "system/*.rs")
	flags := []string{"--auth", "required", "--audit", "off", "--consent"}
	loading := spawn.Start(b, name, append(flags, "off")...)
	random := rand.New(rand.NewPCG(1, 5))
	for n := 0; n < s.Agreeing; n += 10 {
		var entries []string
		for k := range min(10, s.Agreeing-n) {
			entries = append(entries, agreeing(n+k, random)...)
		}
		if _, err := authorized(200, writing, "POST", loading.Base, `{"resourceType":"Bundle","type":"transaction","entry":[`+strings.Join(entries, ",")+`]}`); err != nil {
			b.Fatal(err)
		}
	}
	loading.Stop(b)
	both := [2]*spawn.Process{spawn.Start(b, name, append(flags, "off")...), spawn.Start(b, name, append(flags, "all-normal")...)}
	var totals [2]int
	for side, p := range both {
		answer, err := authorized(200, token, "GET", p.Base+"/Observation?code="+kinds[0]+"&_summary=count", "")
		if err != nil {
			b.Fatal(err)
		}
		var found struct{ Total int }
		if err := json.Unmarshal(answer, &found); err != nil {
			b.Fatal(err)
		}
		totals[side] = found.Total
	}
	if totals[1] == 0 || totals[1] >= totals[0] {
		b.Fatalf("of %d readings of a kind that some patients hide %d are shown", totals[0], totals[1])
	}
	database := backends(b, kind, name)
	for _, c := range asked {
		var used [2]time.Duration
		var requests [2]int
		for turn := range 24 {
			side := (turn + turn/2) % 2 // neither is always the first
			before := both[side].CPU() + database()
			times, _ := loop(b, 2, 0, s.For/10, func(random *rand.Rand, _ int) error {
				path := strings.NewReplacer("{patient}", fmt.Sprintf("p%d", random.IntN(s.Agreeing)), "{reading}", strconv.Itoa(random.IntN(readingsEach)),
					"{code}", kinds[random.IntN(len(kinds))], "{family}", fmt.Sprintf("Fam%d.", random.IntN(familyNames))).Replace(c.path)
				status := 200
				if c.name == "read" {
					status = 0 // what Consents hide is 404
				}
				_, err := authorized(status, token, "GET", both[side].Base+"/"+path, "")
				return err
			})
			used[side] += both[side].CPU() + database() - before
			requests[side] += len(times)
		}
		if b.Failed() {
			return
		}
		each := func(side int) float64 { return used[side].Seconds() * 1000 / float64(max(1, requests[side])) }
		t.rows = append(t.rows, row{fmt.Sprintf("%s: 3 Consents for each of %d patients", c.name, s.Agreeing), kind, fmt.Sprintf("%.3f ms CPU a request", each(1)),
			fmt.Sprintf("%.3f ms without Consents", each(0)), fmt.Sprintf("%.0f %%", 100*each(1)/max(each(0), 1e-9)), "<= 125 %"})
	}
}

// systemToken is one of a system, with scopes. (Who may do everything is bound by no Consent.)
func systemToken(b testing.TB, store, scope string) string {
	var out bytes.Buffer
	if status := server.Main(server.Program{Args: []string{"token", "--scope", scope, "--store", store}, Stdout: &out, Stderr: &out}); status != 0 {
		b.Fatalf("token: %s", out.String())
	}
	return strings.TrimSpace(out.String())
}

// authorized is want with a token; of status 0 whatever the server says of one resource.
func authorized(status int, token, method, url, body string) ([]byte, error) {
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/fhir+json")
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if got := response.StatusCode; err == nil && got != status && (status != 0 || got != 200 && got != 404) {
		err = fmt.Errorf("%s %s: %d %.300s", method, url, got, answer)
	}
	return answer, err
}

// backends tells the processor time of what serves a database outside of the server.
func backends(b testing.TB, kind, name string) func() time.Duration {
	if kind == "sqlite" {
		return func() time.Duration { return 0 }
	}
	db := database(b, name)
	return func() (sum time.Duration) {
		_, rows := query(b, db, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")
		for _, r := range rows {
			sum += spawn.CPU(int(r[0].(int64)))
		}
		return sum
	}
}
