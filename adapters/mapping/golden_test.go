package mapping

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vitalwire/adapters/acom"
	"vitalwire/fhir"
)

// TestGolden maps testdata/<case>/report.json and compares with want.json beside
// it. VITALWIRE_UPDATE=1 writes want.json: read the diff before it is committed.
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/*/report.json")
	if err != nil || len(paths) == 0 {
		t.Fatal("no cases", err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var r acom.Report
		if err := json.Unmarshal(data, &r); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		c := someContext
		c.DeviceID = ""
		list, err := Observations(r, c)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all := fhir.NewArray()
		for i, o := range list {
			o.Link(func(key string) (fhir.Key, bool) {
				for j, other := range list {
					if other.Key == key && key != "" && j != i {
						return fhir.Key{Type: "Observation", ID: "o" + string(rune('0'+j))}, true
					}
				}
				return fhir.Key{}, false
			})
			all.Append(o.Resource.Root())
		}
		got := append(all.AppendIndented(nil, ""), '\n')
		want := filepath.Join(filepath.Dir(path), "want.json")
		if os.Getenv("VITALWIRE_UPDATE") == "1" {
			if err := os.WriteFile(want, got, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if expected, err := os.ReadFile(want); err != nil || string(expected) != string(got) {
			t.Errorf("%s: got\n%s", path, got)
		}
	}
}

// TestAdapters_GoldenReportsMap maps every report that an adapter's golden cases
// hold: each keeps its profiles and every number its text.
func TestAdapters_GoldenReportsMap(t *testing.T) {
	g := loadGuide(t)
	paths, err := filepath.Glob("../*/testdata/*/want.json")
	if err != nil {
		t.Fatal(err)
	}
	readings := 0
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var results []struct{ Reports []acom.Report }
		if strings.HasPrefix(path, "../mapping/") || json.Unmarshal(data, &results) != nil {
			continue
		}
		for _, result := range results {
			for _, r := range result.Reports {
				list, err := Observations(r, someContext)
				if err != nil {
					t.Errorf("%s: %v", path, err)
					continue
				}
				seen := map[string]bool{}
				for _, o := range list {
					readings++
					if seen[o.Identifier.Value] {
						t.Errorf("%s: two readings are %s", path, o.Identifier.Value)
					}
					seen[o.Identifier.Value] = true
					o.Link(func(key string) (fhir.Key, bool) { return fhir.Key{Type: "Observation", ID: "other"}, key != "" })
					broken := invariants(o.Resource)
					for _, p := range o.Resource.Path("meta", "profile").Items() {
						if strings.HasPrefix(p.Text(), "http://hl7.org/fhir/StructureDefinition/") {
							continue // R4's own, which adapters/all validates in full
						}
						broken = append(broken, g.check(o.Resource, p.Text())...)
					}
					if len(broken) > 0 {
						t.Errorf("%s: %s\n%s", path, strings.Join(broken, "\n"), o.Resource.JSON())
					}
					if o.Resource.Path("meta", "profile").At(0).Text() == phd+"PhdBaseObservation" || strings.Contains(string(o.Resource.JSON()), "MDC code") {
						t.Logf("%s: no numeric profile or a code without words: %s", path, o.Resource.Get("code").AppendJSON(nil))
					}
				}
				if _, err := SensorDevice(r.Device, ""); err != nil {
					t.Errorf("%s: %v", path, err)
				}
			}
		}
	}
	t.Logf("%d readings", readings)
}
