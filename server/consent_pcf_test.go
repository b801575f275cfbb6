package server_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"vitalwire/internal/judge"
	"vitalwire/internal/shared"
)

// pcfNames are the five Observations of IHE PCF's examples as the matrix of
// security.md D.4 calls them, and two with the labels that none of those has.
var pcfNames = map[string]string{"ex-alcoholUse": "aU", "ex-bloodSugar": "bS", "ex-bloodPressure": "bP", "ex-weight": "w", "ex-weight-2": "w2",
	"ex-psychiatry": "psy", "ex-abuse": "sdv"}

// pcfExamples are the examples of the package, by key. Those that it lacks are written
// like their siblings.
func pcfExamples(t *testing.T) map[string]judge.Resource {
	t.Helper()
	packed, err := gzip.NewReader(bytes.NewReader(shared.Read(t, "data", "igs", "ihe.iti.pcf-1.1.1-current-rebuilt.tgz")))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]judge.Resource{}
	for files := tar.NewReader(packed); ; {
		file, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if path.Base(path.Dir(file.Name)) != "example" {
			continue
		}
		data, err := io.ReadAll(files)
		if err != nil {
			t.Fatal(err)
		}
		var r judge.Resource
		if err := json.Unmarshal(data, &r); err != nil {
			t.Fatal(err)
		}
		all[judge.Key(r)] = r
	}
	add := func(text string) {
		var r judge.Resource
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatal(err)
		}
		if _, have := all[judge.Key(r)]; !have {
			all[judge.Key(r)] = r
		}
	}
	add(strings.NewReplacer("ex-weight-2", "ex-bloodPressure", "29463-7", "85354-9", "2016-03-28", "2004-12-25").Replace(encoded(all["Observation/ex-weight-2"])))
	add(`{"resourceType":"Encounter","id":"ex-encounter","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/ex-patient"}}`)
	add(`{"resourceType":"Practitioner","id":"ex-practitioner"}`)
	add(`{"resourceType":"Practitioner","id":"ex-researcher"}`)
	for id, label := range map[string]string{"ex-psychiatry": "PSY", "ex-abuse": "SDV"} {
		add(strings.NewReplacer("ex-alcoholUse", id, "ETHUD", label, "74013-4", "8302-2", "2022-06-13", "2018-01-01").Replace(encoded(all["Observation/ex-alcoholUse"])))
	}
	add(`{"resourceType":"PractitionerRole","id":"researching","practitioner":{"reference":"Practitioner/ex-researcher"},"organization":{"reference":"Organization/ex-org-researcher"}}`)
	// What is nobody's and refers to the Observations: paths to them whatever their patient is.
	var items, entries []string
	for id := range pcfNames {
		items, entries = append(items, `{"item":{"reference":"Observation/`+id+`"}}`), append(entries, `{"reference":"Observation/`+id+`"}`)
		add(`{"resourceType":"Provenance","id":"of-` + id + `","target":[{"reference":"Observation/` + id + `"}],"recorded":"2020-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/ex-author"}}]}`)
	}
	add(`{"resourceType":"List","id":"all","status":"current","mode":"working","entry":[` + strings.Join(items, ",") + `]}`)
	add(`{"resourceType":"Composition","id":"all","status":"final","type":{"text":"t"},"title":"T","date":"2024","author":[{"reference":"Practitioner/ex-author"}],"section":[{"title":"s","entry":[` + strings.Join(entries, ",") + `]}]}`)
	add(`{"resourceType":"GraphDefinition","id":"by","url":"http://example.org/by","name":"G","status":"active","start":"Practitioner","link":[{"target":[{"type":"Observation","params":"performer={ref}"}]}]}`)
	return all
}

// shows are the names of the Observations that an answer gives as resources.
func shows(answer string) []string {
	var names []string
	for _, m := range regexp.MustCompile(`"id":"(ex-[A-Za-z0-9-]+)"`).FindAllStringSubmatch(answer, -1) {
		if name := pcfNames[m[1]]; name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// each joins what a request for each of the Observations shows.
func each(of func(id string) []string) []string {
	var names []string
	for id, name := range pcfNames {
		if slices.Contains(of(id), name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// pcfPaths are the ways to the Observations: each gives the names of those that it
// shows to somebody.
func pcfPaths(t *testing.T, who asker) map[string][]string {
	t.Helper()
	ask := func(method, path, body string, header ...string) string {
		status, _, answer := who.ask(t, method, path, body, header...)
		if status >= 500 {
			t.Errorf("%s %s: %d %.300s", method, path, status, answer)
		}
		if status >= 300 {
			return ""
		}
		return answer
	}
	read := func(path string) []string { return shows(ask("GET", path, "")) }
	exists := func(path string) func(id string) []string {
		return func(id string) []string {
			if answer := ask("GET", fmt.Sprintf(path, id), ""); strings.Contains(answer, `"total":1,`) {
				return []string{pcfNames[id]}
			}
			return nil
		}
	}
	paged := func(path string) []string {
		var all string
		for page := 0; path != "" && page < 30; page++ {
			answer := ask("GET", path, "")
			all += answer
			path = ""
			if next := regexp.MustCompile(`"relation":"next","url":"([^"]+)"`).FindStringSubmatch(answer); next != nil {
				path = strings.TrimPrefix(next[1], who.base)
			}
		}
		return shows(all)
	}
	bundle := func(kind string) []string {
		return each(func(id string) []string {
			return shows(ask("POST", "", `{"resourceType":"Bundle","type":"`+kind+`","entry":[{"request":{"method":"GET","url":"Observation/`+id+`"}}]}`))
		})
	}
	graph := func(query string) []string { return read("/$graphql?query=" + url.QueryEscape(query)) }
	const mine = "/Observation?subject=Patient/ex-patient&_count=50"
	return map[string][]string{
		"read":                each(func(id string) []string { return read("/Observation/" + id) }),
		"read _summary":       each(func(id string) []string { return read("/Observation/" + id + "?_summary=true") }),
		"vread":               each(func(id string) []string { return read("/Observation/" + id + "/_history/1") }),
		"history":             each(func(id string) []string { return read("/Observation/" + id + "/_history") }),
		"history of the type": read("/Observation/_history?_count=50"),
		"history of all":      read("/_history?_count=200"),
		"batch":               bundle("batch"),
		"transaction":         bundle("transaction"),
		"search":              read(mine),
		"search by POST":      shows(ask("POST", "/Observation/_search", "subject=Patient/ex-patient&_count=50", "Content-Type", "application/x-www-form-urlencoded")),
		"search _id":          each(func(id string) []string { return read("/Observation?_id=" + id) }),
		"search paged":        paged("/Observation?_count=1&_sort=-date"),
		"search sorted":       read(mine + "&_sort=code,-date"),
		"_total":              each(exists("/Observation?_id=%s&_total=accurate")),
		"_summary=count":      each(exists("/Observation?_id=%s&_summary=count")),
		"_elements":           read(mine + "&_elements=id"),
		"_filter":             read("/Observation?_filter=status+eq+final&_count=50"),
		"_list":               read("/Observation?_list=all"),
		"system search":       read("/?_type=Observation,Practitioner&_count=200"),
		"compartment":         read("/Encounter/ex-encounter/Observation?_count=50&_sort=_id"),
		"_include":            read("/List?_id=all&_include=List:item"),
		"_include=*":          read("/List?_id=all&_include=*"),
		"_revinclude":         read("/Practitioner?_id=ex-author&_revinclude=Observation:performer"),
		"chain":               each(exists("/Provenance?target:Observation._id=%s&_total=accurate")),
		"_has":                each(exists("/Practitioner?_id=ex-author&_has:Observation:performer:_id=%s&_total=accurate")),
		"$lastn":              read("/Observation/$lastn?subject=Patient/ex-patient&max=10"),
		"$graph":              read("/Practitioner/ex-author/$graph?graph=http://example.org/by"),
		"GraphQL":             each(func(id string) []string { return graph(`{Observation(id:"` + id + `"){id}}`) }),
		"GraphQL list":        graph(`{ObservationList(subject:"Patient/ex-patient"){id}}`),
		"GraphQL back":        graph(`{Practitioner(id:"ex-author"){ObservationList(_reference:performer){id}}}`),
		"GraphQL through":     graph(`{List(id:"all"){entry{item{resource(optional:true){... on Observation{id}}}}}}`),
	}
}

// TestPCF_EveryPath: the example Consents of IHE PCF 1.1, as security.md D.4 reads
// them, show the same on every path there is.
func TestPCF_EveryPath(t *testing.T) {
	examples := pcfExamples(t)
	const all, five, normal, none = "aU bP bS psy sdv w w2", "aU bP bS w w2", "bP bS w w2", ""
	who := func(id string, purposes ...string) judge.Requester {
		by := judge.Requester{Now: time.Now(), User: "Practitioner/" + id, Treating: true}
		for _, p := range purposes {
			by.Purposes = append(by.Purposes, judge.Coding{Code: p})
		}
		return by
	}
	clinician, member := who("someone", "TREAT"), who("ex-practitioner", "BTG")
	fooBar := func(id string) judge.Requester {
		by := who(id)
		by.Purposes = []judge.Coding{{System: "http://example.org/policies/purposeOfUse", Code: "FooBar"}}
		return by
	}
	provision := func(text string) string { return `{"provision":` + text + `}` }
	const (
		treat = `"purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT"},{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"HPAYMT"},{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"HOPERAT"}]`
		btg   = `"purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"BTG"}]`
		conf  = `{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":%q}`
	)
	n, r := fmt.Sprintf(`"securityLabel":[`+conf+`]`, "N"), fmt.Sprintf(`"securityLabel":[`+conf+`]`, "R")
	to := func(reference string) string {
		return `"actor":[{"role":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"IRCP"}]},"reference":{"reference":"` + reference + `"}}]`
	}
	sensitive := func(codes ...string) string {
		for i, c := range codes {
			codes[i] = `{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"` + c + `"}`
		}
		return `"securityLabel":[` + strings.Join(codes, ",") + `]`
	}
	encounter := `"data":[{"meaning":"related","reference":{"reference":"Encounter/ex-encounter"}}]`
	focused := func(labels string) string {
		return provision(`{"type":"permit",` + treat + `,` + n + `,"provision":[{"type":"permit",` + labels + `,` + to("Practitioner/ex-practitioner") + `}]}`)
	}
	dissent := provision(`{"type":"deny",` + treat + `,"provision":[{"type":"permit",` + btg + `,` + to("Group/ex-privilegedUsers") + `}]}`)
	glass := provision(`{"type":"permit",` + treat + `,` + n + `,"provision":[{"type":"permit",` + btg + `,` + r + `,` + to("Group/ex-privilegedUsers") + `}]}`)
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := consentServer(t, open(t), judge.Options{})
			for _, key := range slices.Sorted(maps.Keys(examples)) {
				if strings.HasPrefix(key, "Consent/") || strings.HasPrefix(key, "Provenance/Sls") || strings.HasPrefix(key, "Provenance/ex-") {
					continue
				}
				if status, _, answer := w.root.ask(t, "PUT", "/"+key, encoded(examples[key])); status != 201 {
					t.Fatalf("%s: %d %s", key, status, answer)
				}
			}
			for _, c := range []struct {
				name, consent string // an example, or what is put into one
				by            judge.Requester
				want          string
			}{
				{"basic-ink", "", clinician, all},
				{"basic-treat-infant", "", clinician, all},
				{"basic-treat", provision(`{"type":"permit",` + treat + `}`), clinician, all},
				{"basic-treat-infant", "", who("someone", "HRESCH"), none},
				{"basic-reject", "", clinician, none},
				{"basic-research", "", clinician, none},
				{"basic-research", "", who("someone", "HRESCH"), all},
				{"expired-treat", "", clinician, none},
				{"intermediate-timeframe", "", clinician, "aU"},
				{"intermediate-not-timeframe", "", clinician, "bP bS psy sdv w w2"},
				{"intermediate-authoredby", "", clinician, none},
				{"intermediate-not-authoredby", "", clinician, all},
				{"encounter", provision(`{"type":"permit",` + treat + `,` + encounter + `}`), clinician, all},
				{"not-encounter", provision(`{"type":"permit",` + treat + `,"provision":[{"type":"deny",` + encounter + `}]}`), clinician, none},
				{"intermediate-data", "", clinician, five},
				{"intermediate-not-data", "", clinician, "bP bS psy sdv w w2"},
				{"intermediate-purpose", "", clinician, none},
				{"intermediate-purpose", "", fooBar("ex-researcher"), all},
				{"intermediate-purpose", "", fooBar("someone"), none},
				{"dissent", dissent, clinician, none},
				{"dissent, glass broken by a member", dissent, member, all},
				{"dissent, glass broken by another", dissent, who("someone", "BTG"), none},
				{"advanced-normal", "", clinician, normal},
				{"normal-restricted", provision(fmt.Sprintf(`{"type":"permit",`+treat+`,"securityLabel":[`+conf+`,`+conf+`]}`, "N", "R")), clinician, all},
				{"normal-not-restricted", provision(`{"type":"permit",` + treat + `,` + n + `,"provision":[{"type":"deny",` + r + `}]}`), clinician, normal},
				{"focused-restricted", focused(r), clinician, normal},
				{"focused-restricted, the one named", focused(r), who("ex-practitioner", "TREAT"), all},
				{"advanced-normal-focused-psy", "", clinician, normal},
				{"advanced-normal-focused-psy", "", who("ex-practitioner", "TREAT"), "bP bS psy w w2"},
				{"psy-or-sdv, the one named", focused(sensitive("PSY", "SDV")), who("ex-practitioner", "TREAT"), "bP bS psy sdv w w2"},
				{"eth, the one named", focused(sensitive("ETH")), who("ex-practitioner", "TREAT"), five},
				{"break-glass-restricted", glass, clinician, normal},
				{"break-glass-restricted, glass broken by a member", glass, who("ex-practitioner", "BTG", "TREAT"), all},
			} {
				body := examples["Consent/ex-consent-"+c.name]
				if c.consent != "" {
					body = judge.Resource{}
					for element, value := range examples["Consent/ex-consent-basic-treat-infant"] {
						body[element] = value
					}
					if err := json.Unmarshal([]byte(c.consent), &body); err != nil {
						t.Fatal(err)
					}
				}
				if body == nil {
					t.Fatalf("the package has no %s", c.name)
				}
				body["id"] = "it"
				if status, _, answer := w.root.ask(t, "PUT", "/Consent/it", encoded(body)); status/100 != 2 {
					t.Fatalf("%s: %d %s", c.name, status, answer)
				}
				for path, got := range pcfPaths(t, w.as(t, c.by)) {
					if path == "compartment" && c.want != all && c.want != five {
						continue // its Encounter is judged, too
					}
					if strings.Join(got, " ") != c.want {
						t.Errorf("%s %v, by %s: %q, want %q", c.name, c.by.Purposes, path, got, c.want)
					}
				}
			}
		})
	}
}
