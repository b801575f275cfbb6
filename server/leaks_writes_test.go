package server_test

import (
	"fmt"
	"strings"
	"testing"
)

// mineNow is the body of an Observation of the patient whom the doctor treats.
func mineNow(id, rest string) string {
	if id != "" {
		id = `"id":"` + id + `",`
	}
	return `{"resourceType":"Observation",` + id + leakObservation("mine", "8867-4", 61, "2024-06-01", rest) + `}`
}

func bundleOf(kind string, entries ...string) probe {
	return probe{"POST", "", `{"resourceType":"Bundle","type":"` + kind + `","entry":[` + strings.Join(entries, ",") + `]}`, nil}
}

func asked(method, url, more string) string {
	return fmt.Sprintf(`{"request":{"method":%q,"url":%q%s}}`, method, url, more)
}

func askedWith(method, url, body, more string) string {
	return fmt.Sprintf(`{"request":{"method":%q,"url":%q%s},"resource":%s}`, method, url, more, body)
}

var patchJSON = []string{"Content-Type", "application/json-patch+json"}

// writeLeaks are L37 to L46: writes as oracles.
func writeLeaks() []leak {
	with := func(list func(key, id string) []probe) func(string) []probe {
		return func(key string) []probe { _, id, _ := strings.Cut(key, "/"); return list(key, id) }
	}
	return []leak{
		{n: 37, name: "conditional create", writes: with(func(_, id string) []probe {
			return []probe{
				{"POST", "/Observation", mineNow("", ""), []string{"If-None-Exist", "identifier=urn:id|" + id}},
				{"POST", "/Observation", mineNow("", ""), []string{"If-None-Exist", "_id=" + id}},
				{"POST", "/Observation", mineNow("", ""), []string{"If-None-Exist", "value-quantity=199"}},
				{"POST", "/Observation", mineNow("", `,"identifier":[{"system":"urn:id","value":"`+id+`"}]`), []string{"If-None-Exist", "identifier=urn:id|" + id}},
			}
		})},
		{n: 38, name: "conditional update, patch and delete", writes: with(func(_, id string) []probe {
			return []probe{
				{"PUT", "/Observation?identifier=urn:id|" + id, mineNow("", ""), nil},
				{"PUT", "/Observation?date=2025-01-01", mineNow("", ""), nil}, // many of them
				{"PATCH", "/Observation?identifier=urn:id|" + id, `[{"op":"add","path":"/issued","value":"2022-01-01T00:00:00Z"}]`, patchJSON},
				{"PATCH", "/Observation?value-quantity=199", `[{"op":"add","path":"/issued","value":"2022-01-01T00:00:00Z"}]`, patchJSON},
				{"DELETE", "/Observation?identifier=urn:id|" + id, "", nil},
				{"DELETE", "/Observation?date=2025-01-01", "", nil},
			}
		})},
		{n: 39, name: "PUT on its id", also: "TestD6_L39_WhoIsBoundCreatesByPost", writes: with(func(key, id string) []probe {
			return []probe{
				{"PUT", "/" + key, mineNow(id, ""), nil}, {"PUT", "/" + key, mineNow(id, ""), []string{"If-None-Match", "*"}},
				{"PUT", "/" + key, mineNow("other", ""), nil}, {"PUT", "/" + key, `{"resourceType":"Observation"}`, nil},
			}
		}), more: likePutUnknown},
		{n: 40, name: "If-Match", writes: with(func(key, id string) []probe {
			return []probe{
				{"PUT", "/" + key, mineNow(id, ""), []string{"If-Match", `W/"2"`}}, {"PUT", "/" + key, mineNow(id, ""), []string{"If-Match", `W/"1"`}},
				{"PATCH", "/" + key, `[{"op":"test","path":"/id","value":"` + id + `"}]`, append([]string{"If-Match", `W/"9"`}, patchJSON...)},
				{"DELETE", "/" + key, "", []string{"If-Match", `W/"1"`}},
			}
		})},
		{n: 41, name: "tests in a PATCH", also: "TestD6_MaskedIsToldNowhere_L9_L41_L46", writes: with(func(key, id string) []probe {
			return []probe{
				{"PATCH", "/" + key, `[{"op":"test","path":"/valueQuantity/value","value":199}]`, patchJSON},
				{"PATCH", "/" + key, `[{"op":"test","path":"/valueQuantity/value","value":1}]`, patchJSON},
				{"PATCH", "/" + key, `{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"replace"},{"name":"path","valueString":"Observation.status"},{"name":"value","valueCode":"amended"}]}]}`, nil},
				{"PATCH", "/Observation?_id=" + id, `[{"op":"test","path":"/valueQuantity/value","value":199}]`, patchJSON},
			}
		})},
		{n: 42, name: "DELETE of it, and of what it refers to", also: "TestD6_ReferencesTellNothing", writes: with(func(key, id string) []probe {
			return []probe{{"DELETE", "/" + key, "", nil}, {"DELETE", "/" + key, "", nil}, {"DELETE", "/Observation?_id=" + id, "", nil}, get("/" + key)}
		})},
		{n: 43, name: "batches and transactions", writes: with(func(key, id string) []probe {
			return []probe{
				bundleOf("batch", asked("GET", key, ""), asked("GET", "Observation?_id="+id+"&_total=accurate", ""), asked("DELETE", key, ""), askedWith("PUT", key, mineNow(id, ""), "")),
				bundleOf("transaction", asked("GET", key, "")),
				bundleOf("transaction", askedWith("PUT", key, mineNow(id, ""), "")),
				bundleOf("transaction", asked("DELETE", key, ""), asked("GET", "Observation?_id="+id, "")),
				bundleOf("transaction", askedWith("POST", "Observation", mineNow("", `,"focus":[{"reference":"Observation?identifier=urn:id|`+id+`"}]`), "")),
				bundleOf("transaction", askedWith("POST", "Observation", mineNow("", ""), `,"ifNoneExist":"identifier=urn:id|`+id+`"`)),
				bundleOf("transaction", askedWith("POST", "Observation", mineNow("", ""), ""), askedWith("PUT", key, mineNow(id, ""), `,"ifMatch":"W/\"1\""`)),
				bundleOf("batch", askedWith("POST", "Observation", mineNow("", `,"derivedFrom":[{"reference":"Patient?name=Zebra"}]`), "")),
			}
		})},
		{n: 44, name: "identifiers that collide", writes: with(func(_, id string) []probe {
			return []probe{
				get("/Observation?identifier=urn:id|" + id + "&_summary=count"),
				{"POST", "/Observation", mineNow("", `,"identifier":[{"system":"urn:id","value":"`+id+`"}]`), nil},
				{"PUT", "/Observation?identifier=urn:id|" + id, mineNow("", `,"identifier":[{"system":"urn:id","value":"`+id+`"}]`), nil},
			}
		})},
		{n: 45, name: "what validation says of a target", writes: with(func(key, id string) []probe {
			return []probe{
				{"POST", "/Observation/$validate", mineNow("", `,"focus":[{"reference":"`+key+`"}],"device":{"reference":"`+key+`"}`), nil},
				{"POST", "/Observation", mineNow("", `,"focus":[{"reference":"`+key+`"}]`), nil},
				bundleOf("transaction", askedWith("POST", "Observation", mineNow("", `,"focus":[{"reference":"Observation?_id=`+id+`"}]`), "")),
			}
		})},
		{n: 46, name: "return=representation", also: "TestD6_MaskedIsToldNowhere_L9_L41_L46", writes: with(func(key, id string) []probe {
			var list []probe
			for _, prefer := range []string{"return=representation", "return=minimal", "return=OperationOutcome"} {
				list = append(list, probe{"PUT", "/" + key, mineNow(id, ""), []string{"Prefer", prefer}}, probe{"PATCH", "/" + key, `[{"op":"add","path":"/language","value":"en"}]`, append([]string{"Prefer", prefer}, patchJSON...)})
			}
			return list
		}), more: notRepresented},
	}
}

// likePutUnknown: a PUT by who is bound is answered for a hidden id as for a free one.
func likePutUnknown(t *testing.T, w *leaking) {
	for _, h := range w.pairs {
		for _, header := range [][]string{nil, {"If-None-Match", "*"}, {"If-Match", `W/"1"`}} {
			a := strings.ReplaceAll(told(t, h.one, "PUT", "/Observation/h"+h.hidden, mineNow("h"+h.hidden, ""), header...), "h"+h.hidden, "never")
			if b := told(t, h.one, "PUT", "/Observation/never", mineNow("never", ""), header...); a != b {
				t.Errorf("hidden by %s, %v: %s\nnever there: %s", h.how, header, a, b)
			}
		}
	}
}

// notRepresented: who writes what he then may not see is not shown it.
func notRepresented(t *testing.T, w *leaking) {
	status, header, _ := w.doctorHere.ask(t, "POST", "/Observation", mineNow("", ""))
	if status != 201 {
		t.Fatal(status)
	}
	location := strings.TrimPrefix(header.Get("Location"), w.operator.base)
	path, _, _ := strings.Cut(location, "/_history")
	secret := strings.Replace(mineNow(strings.TrimPrefix(path, "/Observation/"), `,"note":[{"text":"zebra"}]`), `{"resourceType":"Observation",`, `{"resourceType":"Observation",`+restricted, 1)
	status, _, answer := w.doctorHere.ask(t, "PUT", path, secret, "Prefer", "return=representation")
	if status != 200 || strings.Contains(answer, "zebra") {
		t.Errorf("%d %s", status, answer)
	}
	if exists(t, w.doctorHere, path[1:]) || !exists(t, w.operator, path[1:]) {
		t.Error("it is not hidden then")
	}
}
