package ingest

import (
	"testing"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/mapping"
	"vitalwire/fhir"
)

// What is remembered of a part is what its resource would be: anything new that is told
// of it, or of where it belongs, is seen.
func TestFormedParts(t *testing.T) {
	device := func(id string) fhir.Key { return fhir.Key{Type: "Device", ID: id} }
	one := acom.Object{Path: "1.1.1.1", Type: 147842, Kind: acom.Numeric, Category: "measurement"}
	var memory formedParts
	seen := map[string]bool{}
	for i, given := range []struct {
		object      acom.Object
		mds, parent string
	}{
		{one, "mds", "vmd"}, {one, "mds", "vmd"}, {one, "mds", "channel"}, {one, "other", "channel"},
		{func() acom.Object { o := one; o.Category = "setting"; return o }(), "mds", "vmd"},
		{func() acom.Object { o := one; o.Calibration = &acom.Calibration{State: "Cal"}; return o }(), "mds", "vmd"},
		{func() acom.Object { o := one; o.Activation = "Off"; return o }(), "mds", "vmd"},
		{one, "mds", "vmd"},
	} {
		report := acom.Report{Bedside: &acom.Bedside{Objects: []acom.Object{given.object}}}
		part := mapping.Parts(report, "device")[0]
		for again := range 2 {
			hash, resource, err := memory.hash(part, device(given.mds), device(given.parent))
			if err != nil || (resource == nil) != (i == 1 || again == 1) {
				t.Fatalf("%d: formed %v, %v", i, resource != nil, err)
			}
			fresh, _, err := new(formedParts).hash(part, device(given.mds), device(given.parent))
			if hash != fresh || err != nil {
				t.Errorf("%d: remembered %s, formed anew %s, %v", i, hash, fresh, err)
			}
			seen[hash] = true
		}
	}
	if len(seen) != 6 {
		t.Errorf("%d different resources, want 6", len(seen))
	}
}
