package search_test

import (
	"testing"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/profiles"
)

// TestRegistry_ServesR4: what is not served is known by name, and the numbers of
// the parameters of a type fit in one word.
func TestRegistry_ServesR4(t *testing.T) {
	refused := map[string]string{
		"_query":                        "named queries",
		"chromosome-variant-coordinate": "three parts", "chromosome-window-coordinate": "three parts",
		"referenceseqid-variant-coordinate": "three parts", "referenceseqid-window-coordinate": "three parts",
	}
	served := 0
	for _, typ := range fhir.ResourceTypes() {
		for _, d := range profiles.R4().SearchParameters(typ) {
			p := registry.Lookup(typ, d.Code)
			if p == nil {
				if refused[d.Code] == "" {
					_, err := registry.Parse(typ, d.Code+"=x", options)
					t.Errorf("%s.%s is not served: %v", typ, d.Code, err)
				}
				continue
			}
			served++
			if p.Bit > 62 {
				t.Errorf("%s.%s has number %d", typ, d.Code, p.Bit)
			}
		}
	}
	t.Logf("%d parameters served", served)
	if served < 1500 {
		t.Errorf("only %d parameters are served", served)
	}
	combo := registry.Lookup("Observation", "combo-code-value-quantity")
	if len(combo.Union) != 2 {
		t.Errorf("combo-code-value-quantity is a union of %d", len(combo.Union))
	}
}

func BenchmarkExtract_Observation(b *testing.B) {
	r, err := fhir.ParseResource([]byte(`{"resourceType":"Observation","id":"o","meta":{"profile":["http://hl7.org/fhir/StructureDefinition/vitalsigns"]},"status":"final",
	 "category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"vital-signs"}]}],
	 "code":{"coding":[{"system":"http://loinc.org","code":"8867-4","display":"Heart rate"}],"text":"Heart rate"},
	 "subject":{"reference":"Patient/p"},"encounter":{"reference":"Encounter/e"},"device":{"reference":"Device/d"},
	 "effectiveDateTime":"2024-03-10T02:30:00Z","issued":"2024-03-10T02:30:00.123Z",
	 "valueQuantity":{"value":72.5,"unit":"/min","system":"http://unitsofmeasure.org","code":"/min"}}`))
	if err != nil {
		b.Fatal(err)
	}
	var n []search.Value
	b.ReportAllocs()
	for b.Loop() {
		n = registry.Extract(r)
	}
	b.ReportMetric(float64(len(n)), "values")
}
