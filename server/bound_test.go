package server_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"vitalwire/auth"
)

// D.6 L3, L4, L6, L68: an old version is seen by who may see it and the current one; of
// what is deleted the last one counts.
func TestD6_PastVersions(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, open(t), required)
			root := fill(t, s, ward)
			put := func(id, patient string) {
				t.Helper()
				if status, _, answer := root.ask(t, "PUT", "/Observation/"+id, resource("Observation/"+id, observed(patient, "survey", "x", "final", "2020"))); status >= 300 {
					t.Fatal(status, answer)
				}
			}
			put("came", "b")
			put("came", "a")
			put("came", "a")
			put("left", "a")
			put("left", "b")
			put("mine", "a")
			put("theirs", "b")
			put("lost", "a")
			put("lost", "b")
			for _, id := range []string{"mine", "theirs", "lost"} {
				root.ask(t, "DELETE", "/Observation/"+id, "")
			}
			own := as(t, s, scoped(every))
			for path, want := range map[string]int{
				"came": 200, "came/_history/1": 404, "came/_history/2": 200, "came/_history/3": 200,
				"left": 404, "left/_history/1": 404, "left/_history/2": 404, "left/_history": 404,
				"mine": 410, "mine/_history/1": 200, "mine/_history/2": 410, "mine/_history": 200,
				"theirs": 404, "theirs/_history/1": 404, "theirs/_history/2": 404, "theirs/_history": 404,
				"lost": 404, "lost/_history/1": 404, "lost/_history/3": 404, "lost/_history": 404,
			} {
				if status, _, answer := own.ask(t, "GET", "/Observation/"+path, ""); status != want {
					t.Errorf("%s: %d, want %d: %.200s", path, status, want, answer)
				}
			}
			for path, want := range map[string]int{"/Observation/came/_history": 2, "/Observation/mine/_history": 2, "/Observation/_history?_count=100": 3 + 2 + 2, "/_history?_type=x": -1} {
				status, _, answer := own.ask(t, "GET", path, "")
				if got := strings.Count(answer, `"fullUrl"`); want >= 0 && (status != 200 || got != want || totalOf(t, answer) != fmt.Sprint("#", want)) {
					t.Errorf("%s: %d, %d versions, want %d: %.300s", path, status, got, want, answer)
				}
				if strings.Contains(answer, "Patient/b") && !strings.Contains(answer, "a3") {
					t.Errorf("%s tells of b: %s", path, answer)
				}
			}
			// Pages of one version each are full, and end.
			n, next := 0, "/Observation/_history?_count=1"
			for next != "" && n < 20 {
				_, _, answer := own.ask(t, "GET", next, "")
				n += strings.Count(answer, `"fullUrl"`)
				next = linkTo(answer, "next", s.Base)
			}
			if n != 7 {
				t.Errorf("page by page there are %d versions, want 7", n)
			}
		})
	}
}

func linkTo(answer, relation, base string) string {
	found := regexp.MustCompile(`"relation":"` + relation + `","url":"([^"]+)"`).FindStringSubmatch(answer)
	if found == nil {
		return ""
	}
	return strings.TrimPrefix(found[1], base)
}

// D.6 L16, L34 and MS ContinuationToken: cursors and jobs are of use to who asked for
// them, in whichever of his tokens, and to nobody else.
func TestD6_CursorsAndJobsAreBound(t *testing.T) {
	s := start(t, stores["sqlite"](t), required)
	root := fill(t, s, ward)
	own, again := as(t, s, scoped(every)), as(t, s, scoped(every))
	others := map[string]asker{"another patient": as(t, s, scoped("patient/*.cruds @b")), "less": as(t, s, scoped(few)), "an operator": root,
		"another client": as(t, s, func() auth.Access { a := scoped("user/*.cruds #Patient/a:patient"); return a }())}
	for _, path := range []string{"/Observation?_count=1", "/Observation?_count=1&_sort=date", "/Observation/_history?_count=1", "/Patient/a/$everything?_count=1"} {
		_, _, answer := own.ask(t, "GET", path, "")
		next := linkTo(answer, "next", s.Base)
		if next == "" {
			t.Fatalf("%s has no next page: %s", path, answer)
		}
		if status, _, answer := again.ask(t, "GET", next, ""); status != 200 {
			t.Errorf("%s by another token of the same: %d %s", path, status, answer)
		}
		for who, other := range others {
			status, _, answer := other.ask(t, "GET", next, "")
			forged, _, same := other.ask(t, "GET", next[:len(next)-4]+"AAAA", "")
			if status != 400 || forged != 400 || normal(answer) != normal(same) {
				t.Errorf("%s by %s: %d, a forged one %d: %.200s", path, who, status, forged, answer)
			}
		}
	}

	status, header, answer := own.ask(t, "GET", "/Observation", "", "Prefer", "respond-async")
	job := strings.TrimPrefix(header.Get("Content-Location"), s.Base)
	if status != 202 || job == "" {
		t.Fatalf("%d %v %s", status, header, answer)
	}
	for who, other := range others {
		for _, method := range []string{"GET", "DELETE", "HEAD"} {
			for _, path := range []string{job, job + "/result"} {
				if method == "DELETE" && path != job {
					continue
				}
				status, _, answer := other.ask(t, method, path, "")
				unknown, _, same := other.ask(t, method, strings.Replace(path, job, "/_async/none", 1), "")
				if status != 404 || unknown != 404 || normal(answer) != normal(same) {
					t.Errorf("%s %s by %s: %d %s", method, path, who, status, answer)
				}
			}
		}
	}
	result := ""
	for range 100 {
		status, _, answer := again.ask(t, "GET", job, "", "Accept", "application/json")
		if status == 200 {
			var manifest struct{ Output []struct{ URL string } }
			if err := json.Unmarshal([]byte(answer), &manifest); err != nil || len(manifest.Output) != 1 {
				t.Fatalf("%v %s", err, answer)
			}
			_, _, result = own.ask(t, "GET", strings.TrimPrefix(manifest.Output[0].URL, s.Base), "")
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if got := found(t, result); got != "Observation/a1 Observation/a2 Observation/a3" {
		t.Errorf("the job gave %q: it must be performed as its caller", got)
	}
}

// An operation in a transaction writes on the open transaction, as its caller.
func TestA6_OperationsInATransaction(t *testing.T) {
	s := start(t, stores["sqlite"](t), required)
	fill(t, s, ward)
	mutation := func(id string) string {
		return `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"POST","url":"$graphql"},"resource":{"resourceType":"Parameters","parameter":[{"name":"query","valueString":"mutation{ObservationDelete(id:\"` + id + `\"){id}}"}]}},{"request":{"method":"GET","url":"Observation/a2"}}]}`
	}
	root := as(t, s, scoped("system/*.cruds"))
	for who, gone := range map[string]map[string]bool{every: {"a3": true, "b1": false}, few: {"a1": false}} {
		for id, want := range gone {
			status, _, answer := as(t, s, scoped(who)).ask(t, "POST", "/", mutation(id))
			if status >= 500 {
				t.Errorf("%s of %s: %d %s", id, who, status, answer)
			}
			if status, _, _ := root.ask(t, "GET", "/Observation/"+id, ""); (status == 410) != want {
				t.Errorf("%s of %s is %d afterwards: %s", id, who, status, answer)
			}
		}
	}
	meta := `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"POST","url":"Observation/ID/$meta-add"},"resource":{"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":{"tag":[{"code":"x"}]}}]}}]}`
	for id, want := range map[string]int{"a1": 200, "b1": 404, "none": 404} {
		if status, _, answer := as(t, s, scoped(every)).ask(t, "POST", "/", strings.Replace(meta, "ID", id, 1)); status != want {
			t.Errorf("$meta-add of %s: %d %s", id, status, answer)
		}
	}
}

// A.6 as the Inferno US Core granular kits ask it: what a narrowed token finds is the
// filtered part of what a whole one finds, by GET and POST, whatever else is asked; what
// lies outside is not read, with nothing but an outcome.
func TestA6_GranularAsInferno(t *testing.T) {
	const observation, condition = "http://terminology.hl7.org/CodeSystem/observation-category|", "http://terminology.hl7.org/CodeSystem/condition-category|"
	sets := map[string][]string{
		"patient/Condition.rs?category=" + condition + "encounter-diagnosis patient/Condition.rs?category=http://hl7.org/fhir/us/core/CodeSystem/condition-category|health-concern": {"encounter-diagnosis", "health-concern"},
		"patient/Condition.rs?category=" + condition + "problem-list-item":                                                                                                                                                      {"problem-list-item"},
		"patient/Observation.rs?category=" + observation + "laboratory patient/Observation.rs?category=" + observation + "social-history":                                                                                       {"laboratory", "social-history"},
		"patient/Observation.rs?category=" + observation + "vital-signs patient/Observation.rs?category=" + observation + "survey patient/Observation.rs?category=http://hl7.org/fhir/us/core/CodeSystem/us-core-category|sdoh": {"vital-signs", "survey", "sdoh"},
	}
	s := start(t, stores["sqlite"](t), required)
	list := []struct{ key, body string }{{"Patient/a", `"gender":"female"`}, {"Patient/b", `"gender":"female"`}}
	for _, patient := range []string{"a", "b"} {
		for i, category := range []string{"laboratory", "vital-signs", "social-history", "sdoh", "survey"} {
			body := observed(patient, category, fmt.Sprint("c", i), "final", fmt.Sprint(2020+i))
			if category == "sdoh" {
				body = strings.Replace(body, "http://terminology.hl7.org/CodeSystem/observation-category", "http://hl7.org/fhir/us/core/CodeSystem/us-core-category", 1)
			}
			list = append(list, struct{ key, body string }{fmt.Sprintf("Observation/%s-%s", patient, category), body})
		}
		for _, category := range []string{"encounter-diagnosis", "health-concern", "problem-list-item"} {
			system := strings.TrimSuffix(condition, "|")
			if category == "health-concern" {
				system = "http://hl7.org/fhir/us/core/CodeSystem/condition-category"
			}
			list = append(list, struct{ key, body string }{fmt.Sprintf("Condition/%s-%s", patient, category),
				fmt.Sprintf(`"category":[{"coding":[{"system":%q,"code":%q}]}],"code":{"coding":[{"system":"http://c","code":"c1"}]},"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},"onsetDateTime":"2021","subject":{"reference":"Patient/%s"}`, system, category, patient)})
		}
	}
	fill(t, s, list)
	whole := as(t, s, scoped("patient/Observation.rs patient/Condition.rs patient/Patient.rs @a"))
	for scopes, inside := range sets {
		typ := "Observation"
		if strings.Contains(scopes, "Condition") {
			typ = "Condition"
		}
		narrow := as(t, s, scoped(scopes+" patient/Patient.rs @a"))
		in := func(key string) bool {
			for _, category := range inside {
				if strings.HasSuffix(key, "-"+category) {
					return true
				}
			}
			return false
		}
		for _, query := range []string{"patient=a", "patient=Patient/a&category=laboratory", "patient=a&code=c1", "patient=a&category=survey&date=ge2020", "patient=a&_lastUpdated=gt2020", "patient=a&category=vital-signs&status=final", "patient=a&clinical-status=active", "patient=a&category=problem-list-item", "patient=a&onset-date=2021"} {
			status, _, all := whole.ask(t, "GET", "/"+typ+"?"+query, "")
			if status == 400 {
				continue // a parameter of the other type
			}
			var want []string
			for key := range strings.FieldsSeq(found(t, all)) {
				if in(key) {
					want = append(want, key)
				}
			}
			_, _, byGet := narrow.ask(t, "GET", "/"+typ+"?"+query, "")
			_, _, byPost := narrow.ask(t, "POST", "/"+typ+"/_search", query, "Content-Type", "application/x-www-form-urlencoded")
			if got := found(t, byGet); got != strings.Join(want, " ") || found(t, byPost) != got {
				t.Errorf("%s: %s: %q and by POST %q, want %q", scopes, query, got, found(t, byPost), want)
			}
		}
		for _, r := range list {
			if !strings.HasPrefix(r.key, typ+"/a-") {
				continue
			}
			status, _, answer := narrow.ask(t, "GET", "/"+r.key, "")
			if in(r.key) != (status == 200) || status != 200 && !strings.Contains(answer, `"resourceType":"OperationOutcome"`) {
				t.Errorf("%s: read %s: %d %.200s", scopes, r.key, status, answer)
			}
		}
	}
}
