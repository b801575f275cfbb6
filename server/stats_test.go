package server_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"testing"
)

// R4 observation-operation-stats over random Observations: count, total-count, sum,
// minimum, maximum and median of each unit as an evaluator has them that looks at
// every Observation. The formulas themselves are tested in operation.
func TestStats_BruteForce(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	w := newWorld(seed)
	w.add("Patient", 0, map[string]any{"active": true})
	w.add("Patient", 1, map[string]any{"active": true})
	units := []string{"mm[Hg]", "kPa", "/min"}
	quantity := func() map[string]any {
		q := map[string]any{"value": w.g.IntN(1000), "unit": "x", "system": "http://unitsofmeasure.org", "code": units[w.g.IntN(3)]}
		switch w.g.IntN(8) {
		case 0:
			q["system"] = "urn:other"
		case 1:
			q["comparator"] = "<"
		}
		return q
	}
	code := func() map[string]any {
		return map[string]any{"coding": []any{map[string]any{"system": "urn:c", "code": string(rune('a' + w.g.IntN(3)))}}}
	}
	for i := range 150 {
		day := fmt.Sprintf("2024-%02d-%02d", 1+w.g.IntN(12), 1+w.g.IntN(28))
		o := map[string]any{"status": []string{"final", "final", "final", "entered-in-error"}[w.g.IntN(4)], "code": code(), "subject": w.ref("Patient", 2)}
		if w.g.IntN(5) > 0 {
			o["effectiveDateTime"] = day
			w.day[fmt.Sprint("Observation/obs", i)] = day
		}
		if w.g.IntN(4) > 0 {
			o["valueQuantity"] = quantity()
		}
		if part := code(); w.g.IntN(3) == 0 && (o["valueQuantity"] == nil || fmt.Sprint(part) != fmt.Sprint(o["code"])) { // obs-7
			o["component"] = []any{map[string]any{"code": part, "valueQuantity": quantity()}}
		}
		w.add("Observation", i, o)
	}
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			base := start(t, open(t)).Base
			w.load(t, base)
			for _, subject := range []string{"Patient/pat0", "Patient/pat1"} {
				for _, code := range []string{"a", "b", "c"} {
					for _, period := range []string{"", "2024-06"} {
						w.checkStats(t, base, subject, code, period)
					}
				}
			}
		})
	}
}

func (w *world) checkStats(t *testing.T, base, subject, code, from string) {
	t.Helper()
	values, total := map[string][]int{}, 0
	count := func(of map[string]any) {
		total++
		q, _ := of["valueQuantity"].(map[string]any)
		if q != nil && q["system"] == "http://unitsofmeasure.org" && q["comparator"] == nil {
			unit := q["code"].(string)
			values[unit] = append(values[unit], q["value"].(int))
		}
	}
	has := func(of map[string]any) bool {
		return of["code"].(map[string]any)["coding"].([]any)[0].(map[string]any)["code"] == code
	}
	for key, o := range w.all {
		day := w.day[key]
		if o["resourceType"] != "Observation" || o["status"] == "entered-in-error" || refs(o, "subject")[0] != subject || from != "" && day < from {
			continue
		}
		components, _ := o["component"].([]any)
		for _, c := range components {
			if has(c.(map[string]any)) {
				count(c.(map[string]any))
			}
		}
		if has(o) && (o["valueQuantity"] != nil || components == nil) {
			count(o)
		}
	}
	body := `{"resourceType":"Parameters","parameter":[{"name":"subject","valueUri":"` + subject + `"},{"name":"coding","valueCoding":{"system":"urn:c","code":"` + code + `"}}`
	if from != "" {
		body += `,{"name":"period","valuePeriod":{"start":"` + from + `"}}`
	}
	for _, statistic := range []string{"count", "total-count", "sum", "minimum", "maximum", "median"} {
		body += `,{"name":"statistic","valueCode":"` + statistic + `"}`
	}
	got, err := send(t, http.MethodPost, base+"/Observation/$stats", []byte(body+"]}"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, p := range got.Get("parameter").Items() {
		o := p.Get("resource")
		if o.Path("code", "coding").At(0).Get("code").Text() != code && o.Path("code", "coding", "code").Text() != code {
			continue // a part of a panel
		}
		unit := o.Get("component").At(2).Path("valueQuantity", "code").Text()
		list := slices.Sorted(slices.Values(values[unit]))
		if len(list) == 0 {
			continue
		}
		found++
		sum := 0
		for _, v := range list {
			sum += v
		}
		middle := big.NewRat(int64(list[(len(list)-1)/2]+list[len(list)/2]), 2)
		want := []string{strconv.Itoa(len(list)), strconv.Itoa(total), strconv.Itoa(sum), strconv.Itoa(list[0]), strconv.Itoa(list[len(list)-1]), middle.RatString()}
		for i, text := range want {
			value, _ := new(big.Rat).SetString(o.Get("component").At(i).Path("valueQuantity", "value").Text())
			wanted, _ := new(big.Rat).SetString(text)
			if value == nil || value.Cmp(wanted) != 0 {
				t.Errorf("%s %s %s %s: statistic %d is %v, want %s", subject, code, from, unit, i, value, text)
			}
		}
	}
	if found != len(values) {
		t.Errorf("%s %s %s: %d units, want %d", subject, code, from, found, len(values))
	}
}
