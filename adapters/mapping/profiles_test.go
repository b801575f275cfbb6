package mapping

import (
	"fmt"
	"strings"
	"testing"

	"vitalwire/adapters/acom"
	"vitalwire/fhir"
)

// variety are measurements of every kind in every condition.
func variety() []acom.Report {
	statuses := []acom.Status{0, acom.Invalid, acom.NotAvailable, acom.Questionable | acom.TestData, acom.EarlyIndication | acom.MsmtOngoing}
	kinds := []acom.Measurement{
		temperature(num("37.60", 268192)), temperature(num("1", 262144)), temperature(special2(acom.NaN, 268192)), temperature(acom.Value{Absent: acom.AbsentError}), temperature(acom.Value{}),
		bloodPressure(num("86", 266016)), bloodPressure(special2(acom.NRes, 266016)), bloodPressure(num("11.3", 265987)), bloodPressure(num("5", 9)),
		{Kind: acom.Compound, Type: 8454267, Components: []acom.Component{{Type: 8417864, Value: acom.Value{Coded: []acom.Code{8417872}}}, {Type: 8454252, Value: acom.Value{Text: "run"}}}},
		{Kind: acom.Compound, Type: 8454267, Components: []acom.Component{{Type: 8410608, Value: bits(1)}}},
		{Kind: acom.CodedEnumeration, Type: 8417864, Value: acom.Value{Coded: []acom.Code{8417872}}},
		{Kind: acom.CodedEnumeration, Type: 8417864, Value: acom.Value{Coded: []acom.Code{8417872, 8417869}}},
		{Kind: acom.BitsEnumeration, Type: 150604, Value: bits(0, 15)}, {Kind: acom.BitsEnumeration, Type: 150604, Value: acom.Value{Bits: &acom.Bits{Width: 16}}},
		{Kind: acom.BitsEnumeration, Type: 8400000, Value: bits(3)},
		{Kind: acom.StringEvent, Type: 8454252, Value: acom.Value{Text: "run"}},
		{Kind: acom.RTSA, Type: 131329, Value: acom.Value{Unit: 266418, Samples: &acom.Samples{Period: "0.004", LowerAbsolute: acom.Number{Text: "-3.3"}, UpperAbsolute: acom.Number{Text: "3.3"}, UpperScaled: 4095, Raw: []int64{1, 2}}}},
		{Kind: acom.Numeric, Type: 160208, Value: num("110", 264274)}, {Kind: acom.Numeric, Type: 150456, Supplemental: []acom.Code{150580, 150588}, Value: num("98", 262688)},
		{Kind: acom.Numeric, Type: 160212, Quality: &acom.Number{Text: "90"}, Value: num("110", 264274), Duration: "60"},
	}
	unreliable := acom.Time{Wall: &acom.Wall{Year: 2026, Month: 1, Day: 1}, Unreliable: true}
	times := []acom.Time{{}, wall("2026-03-01 09:50:00"), offset(wall("2026-03-01 09:50:00"), 60), {Wall: &acom.Wall{Year: 2026}}, {Ticks: &acom.Ticks{Micros: 5000, Resolution: 125}}, unreliable,
		{Wall: wall("2026-03-01 09:50:00").Wall, Earlier: true}}
	clocks := []*acom.Clock{nil, clock("2026-03-01 09:54:00", "2026-03-01T10:00:00-05:00"), {Device: unreliable, Gateway: "2026-03-01T10:00:00-05:00"},
		{Device: acom.Time{Ticks: &acom.Ticks{Micros: 7000, Resolution: 125}}, Gateway: "2026-03-01T10:00:00-05:00"}, {Device: offset(wall("2026-03-01 09:50:00"), 60), Gateway: "2026-03-01T10:00:00-05:00"}}
	var all []acom.Report
	for _, k := range clocks {
		r := acom.Report{Clock: k, Device: acom.Device{TimeSync: 532224}}
		for _, s := range statuses {
			for _, when := range times {
				for _, m := range kinds {
					m.Status, m.Time = s, when
					r.Measurements = append(r.Measurements, m)
				}
			}
		}
		all = append(all, r)
	}
	return all
}

func TestOutput_FollowsItsProfiles(t *testing.T) {
	g := loadGuide(t)
	resources := map[string]*fhir.Resource{}
	for i, r := range variety() {
		for name, change := range map[string]func(c *Context){"": func(*Context) {}, " no gateway": func(c *Context) { c.Gateway, c.GatewayID = fhir.Key{}, "" },
			" named gateway": func(c *Context) { c.Gateway = fhir.Key{} }, " receipt not known": func(c *Context) { c.ReceivedKnown = false }} {
			if name != "" && i > 1 {
				continue // the context matters alike for every clock
			}
			c := someContext
			change(&c)
			list, err := Observations(r, c)
			if err != nil {
				t.Fatal(err)
			}
			for j, o := range list {
				o.Link(func(string) (fhir.Key, bool) { return fhir.Key{Type: "Observation", ID: "x"}, true })
				resources[fmt.Sprintf("report %d, %d%s", i, j, name)] = o.Resource
			}
		}
	}
	for name, d := range map[string]acom.Device{"bare": {SystemID: cuff}, "address": {Address: "001C05007825"},
		"full": {SystemID: cuff, Manufacturer: "m", Model: "o", Battery: "80", ContinuaVersion: "6.0", Specializations: []acom.Specialization{{Type: 528391, Version: 1}},
			Production: []acom.Production{{Type: 531974, Text: "1"}, {Type: 531972, Text: "s"}, {Type: 531978, Text: "gmdn"}}, TimeSync: 532234}} {
		r, err := SensorDevice(d, "")
		if err != nil {
			t.Fatal(err)
		}
		resources["sensor "+name] = r
	}
	gateway, err := GatewayDevice("ECDE3D4E58532D31")
	if err != nil {
		t.Fatal(err)
	}
	resources["gateway"] = gateway
	seen := map[string]int{}
	for name, r := range resources {
		broken := invariants(r)
		for _, p := range r.Path("meta", "profile").Items() {
			seen[p.Text()]++
			broken = append(broken, g.check(r, p.Text())...)
		}
		if len(broken) > 0 {
			t.Fatalf("%s: %s\n%s", name, strings.Join(broken, "\n"), r.Root().AppendIndented(nil, ""))
		}
	}
	for canonical, p := range g.profiles {
		typ := p.Get("type").Text()
		if (typ == "Observation" || typ == "Device") && seen[canonical] == 0 {
			t.Errorf("no output claims %s", canonical)
		}
	}
}

// The checker must be able to say no.
func TestChecker_FindsFaults(t *testing.T) {
	g := loadGuide(t)
	for name, spoil := range map[string]func(root *fhir.Element){
		"no category": func(r *fhir.Element) { r.Set("category", nil) },
		"no gateway":  func(r *fhir.Element) { r.Set("extension", nil) },
		"no device":   func(r *fhir.Element) { r.Set("device", nil) },
		"no time":     func(r *fhir.Element) { r.Set("effectiveDateTime", nil) },
		"unit of MDC": func(r *fhir.Element) {
			r.Get("valueQuantity").Set("system", fhir.NewString("urn:iso:std:iso:11073:10101"))
		},
		"a string":        func(r *fhir.Element) { r.Set("valueQuantity", nil); r.Set("valueString", fhir.NewString("x")) },
		"two identifiers": func(r *fhir.Element) { r.Get("identifier").Append(r.Get("identifier").At(0).Clone()) },
		"other interpretation": func(r *fhir.Element) {
			r.Get("interpretation").At(0).Get("coding").At(0).Set("system", fhir.NewString("http://x"))
		},
	} {
		m := temperature(num("37.60", 268192))
		m.Status = acom.Questionable
		o := one(t, m, someContext).Resource
		if broken := g.check(o, o.Path("meta", "profile").At(0).Text()); len(broken) > 0 {
			t.Fatal(broken)
		}
		spoil(o.Root())
		if broken := g.check(o, o.Path("meta", "profile").At(0).Text()); len(broken) == 0 {
			t.Errorf("%s is not found", name)
		}
	}
}
