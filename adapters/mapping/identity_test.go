package mapping

import (
	"encoding/json"
	"strings"
	"testing"

	"vitalwire/adapters/acom"
	"vitalwire/internal/shared"
)

func TestIdentity_GuideCases(t *testing.T) {
	var file struct {
		Cases []struct {
			In          string
			Out         string
			OutComputed string `json:"out_computed"`
			OutSuffix   string `json:"out_suffix"`
			Full        string
		}
		Identifier struct {
			Old string `json:"old_form_example"`
		}
	}
	if err := json.Unmarshal(shared.Read(t, "vectors", "fhir-phd-ig", "conditional_create_identifier_cases.json"), &file); err != nil {
		t.Fatal(err)
	}
	c := file.Cases
	if got := timestamp(acom.Time{Ticks: &acom.Ticks{Micros: 12345678_000, Resolution: 1000}}); got != c[0].Out {
		t.Errorf("ticks %s, want %s", got, c[0].Out)
	}
	when := wall("2021-11-22 11:56:30.567")
	if got := timestamp(when); got != c[1].OutComputed {
		t.Errorf("wall clock %s, want %s", got, c[1].OutComputed)
	}
	if got := timestamp(utc(when)); got != c[1].OutComputed {
		t.Errorf("UTC %s, want %s", got, c[1].OutComputed)
	}
	when = offset(when, 60)
	if got := timestamp(when); got != c[1].OutComputed+c[2].OutSuffix {
		t.Errorf("with offset %s", got)
	}
	n := names{given: map[string]string{}}
	if got := n.when(acom.Measurement{Time: when, Duration: "1.000"}); got != c[1].OutComputed+c[2].OutSuffix+c[3].OutSuffix || !strings.HasSuffix(c[4].Full, "567+4..1.000") {
		t.Errorf("with duration %s", got)
	}
	ctx := someContext
	ofOximeter(&ctx)
	o := one(t, acom.Measurement{Kind: acom.Numeric, Type: 149530, Supplemental: []acom.Code{150588}, Time: wall("2018-11-13 17:59:03"), Value: num("48.0", 264864)}, ctx)
	ids := o.Resource.Get("identifier")
	if got := ids.At(1).Get("value").Text(); got != file.Identifier.Old {
		t.Errorf("version 1 form %s, want %s", got, file.Identifier.Old)
	}
	if got, want := ids.At(0).Get("value").Text(), "74E8FFFEFF051C00-sisansarahId-urn:oid:2.999.1.2.3.4.5.6.7.8.10-149530-595447143-150588"; got != want || o.Identifier.Value != want {
		t.Errorf("version 2 form %s, want %s", got, want)
	}
}

func TestIdentity_SameReadingSameValue(t *testing.T) {
	m := acom.Measurement{Kind: acom.Numeric, Type: 188736, Time: wall("2007-02-01 12:10:00.00"), Value: num("62.4", 263875)}
	first := one(t, m, someContext)
	later := someContext
	later.Received, later.FrameHash, later.Index, later.GatewayID = at("2026-04-01T00:00:00+09:00"), "ffffffffffffffffffff", 3, "0000000000000001"
	if again := one(t, m, later); again.Identifier != first.Identifier {
		t.Errorf("sent again through another gateway: %s, first %s", again.Identifier.Value, first.Identifier.Value)
	}
	m.Time = acom.Time{}
	a, b := one(t, m, someContext), one(t, m, someContext)
	if a.Identifier != b.Identifier {
		t.Error("the same frame again gives another identity to a reading without time")
	}
	other := someContext
	other.FrameHash = "ffffffffffffffffffffffffffffffff"
	if one(t, m, other).Identifier == a.Identifier {
		t.Error("a reading without time in another frame has the same identity")
	}
}

func TestIdentity_DifferentReadingsDiffer(t *testing.T) {
	base := acom.Measurement{Kind: acom.Numeric, Type: 188736, Time: wall("2007-02-01 12:10:00.00"), Value: num("62.4", 263875)}
	with := func(change func(m *acom.Measurement)) acom.Measurement {
		m := base
		change(&m)
		return m
	}
	unreliable := base.Time
	unreliable.Unreliable = true
	readings := map[string]acom.Measurement{
		"base":       base,
		"value":      with(func(m *acom.Measurement) { m.Value = num("62.5", 263875) }),
		"person":     with(func(m *acom.Measurement) { m.Person = 2 }),
		"record":     with(func(m *acom.Measurement) { m.Key = "weight/7" }),
		"record 8":   with(func(m *acom.Measurement) { m.Key = "weight/8" }),
		"of record":  with(func(m *acom.Measurement) { m.DerivedFrom = []string{"glucose/9"} }),
		"early":      with(func(m *acom.Measurement) { m.Status = acom.EarlyIndication }),
		"type":       with(func(m *acom.Measurement) { m.Type = 188748 }),
		"duration":   with(func(m *acom.Measurement) { m.Duration = "1" }),
		"supplement": with(func(m *acom.Measurement) { m.Supplemental = []acom.Code{150588} }),
		"no time":    with(func(m *acom.Measurement) { m.Time = acom.Time{} }),
		"unreliable": with(func(m *acom.Measurement) { m.Time = unreliable }),
		"ticks":      with(func(m *acom.Measurement) { m.Time = acom.Time{Ticks: &acom.Ticks{Micros: 5, Resolution: 125}} }),
	}
	var all []acom.Measurement
	order := []string{"base", "value", "person", "record", "record 8", "of record", "early", "type", "duration", "supplement", "no time", "unreliable", "ticks"}
	for _, name := range order {
		all = append(all, readings[name])
	}
	list, err := Observations(acom.Report{Measurements: all}, someContext)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for i, o := range list {
		if other, ok := seen[o.Identifier.Value]; ok {
			t.Errorf("%s and %s are both %s", order[i], other, o.Identifier.Value)
		}
		seen[o.Identifier.Value] = order[i]
	}
	twice, err := Observations(acom.Report{Measurements: []acom.Measurement{base, base}}, someContext)
	if err != nil {
		t.Fatal(err)
	}
	if twice[0].Identifier != twice[1].Identifier {
		t.Error("the same record twice in a report is one reading")
	}
	if d := list[1].Distinct(); d.Identifier == list[1].Identifier || d.Resource.Path("identifier", "value").Text() != d.Identifier.Value {
		t.Error("Distinct does not tell apart")
	}
}

// A key that only names a place in a frame ("bp", "rr.1", "12/6...") is no record number.
func TestIdentity_OnlyRecordNumbersCount(t *testing.T) {
	for key, want := range map[string]string{"glucose/7": "glucose/7", "bp": "", "rr.1": "", "12/223646400.00": "", "12/5": "", "": "", "/5": "", "a/": ""} {
		if got := record(acom.Measurement{Key: key}); got != want {
			t.Errorf("%q: %q", key, got)
		}
	}
}

// Ticks start anew with every battery, so the minute they started in counts.
func TestIdentity_TicksOfAnotherSession(t *testing.T) {
	m := acom.Measurement{Kind: acom.Numeric, Type: 150456, Time: acom.Time{Ticks: &acom.Ticks{Micros: 61_000_000, Resolution: 125}}, Value: num("98", 262688)}
	session := func(gateway string) string {
		list, err := Observations(acom.Report{Clock: &acom.Clock{Device: acom.Time{Ticks: &acom.Ticks{Micros: 60_000_000, Resolution: 125}}, Gateway: gateway},
			Measurements: []acom.Measurement{m}}, someContext)
		if err != nil {
			t.Fatal(err)
		}
		return list[1].Identifier.Value
	}
	if session("2026-03-01T10:00:30-05:00") != session("2026-03-01T10:00:30.020-05:00") {
		t.Error("20 ms of radio make another reading")
	}
	if session("2026-03-01T10:00:30-05:00") == session("2026-03-01T11:00:30-05:00") {
		t.Error("another session gives the same identity")
	}
}
