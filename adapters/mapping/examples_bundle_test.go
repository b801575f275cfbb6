package mapping

import (
	"testing"

	"vitalwire/adapters/acom"
	"vitalwire/fhir"
	"vitalwire/internal/shared"
)

// pair is an example of the guide and what the mapping made of its facts.
type pair struct {
	name       string
	guide, own *fhir.Element
	except     map[string]string
}

// bundleExamples are the Observations of the transaction Bundle a gateway uploads.
func bundleExamples(t *testing.T) []pair {
	bundle := parse(t, shared.Read(t, "vectors", "fhir-phd-ig", "bundle-example-1.json"))
	guide := map[string]*fhir.Element{}
	for _, entry := range bundle.Get("entry").Items() {
		guide[entry.Path("resource", "id").Text()] = entry.Get("resource")
	}
	c := someContext
	c.DeviceID = "001C050400007825"
	spot := []acom.Code{150588}
	when := wall("2019-09-20 12:40:18.000")
	list, err := Observations(report(&acom.Clock{Device: wall("2019-09-20 12:40:09.000"), Gateway: "2019-09-20T12:40:07.936-04:00"},
		acom.Measurement{Kind: acom.Numeric, Type: 150456, Supplemental: spot, Time: when, Value: num("98", 262688)},
		acom.Measurement{Kind: acom.Numeric, Type: 149530, Supplemental: spot, Time: when, Value: num("47", 264864)}), c)
	if err != nil {
		t.Fatal(err)
	}
	refs := map[string]string{
		"+ subject.reference=Patient/p1": "references", "+ device.reference=Device/d1": "references",
		"- subject.reference=urn:uuid:5b7842fe-978d-4182-a41f-0d07a8617bc2": "references", "- device.reference=urn:uuid:c87cc91b-8b31-4e6f-b636-75e52891d10a": "references",
		"+ extension[" + gatewayExtension + "].valueReference.reference=Device/g1":                                      "references",
		"- extension[" + gatewayExtension + "].valueReference.reference=urn:uuid:d44b0315-947e-4da5-bb6d-533eceb7a294":  "references",
		"+ extension[" + coincidentPointer + "].valueReference.reference=Observation/cts":                               "references",
		"- extension[" + coincidentPointer + "].valueReference.reference=urn:uuid:323f0631-6bca-47aa-8adf-69fdaf910108": "references",
	}
	with := func(more map[string]string) map[string]string {
		for k, v := range refs {
			more[k] = v
		}
		return more
	}
	for _, o := range list {
		o.Link(func(string) (fhir.Key, bool) { return fhir.Key{Type: "Observation", ID: "cts"}, true })
	}
	return []pair{
		{"bundle-example-1.json: coincident time stamp", guide["cts-001"], list[0].Resource.Root(), map[string]string{
			"+ subject.reference=Device/d1": "references", "- subject.reference=urn:uuid:c87cc91b-8b31-4e6f-b636-75e52891d10a": "references",
			"+ device.reference=Device/g1": "references", "- device.reference=urn:uuid:d44b0315-947e-4da5-bb6d-533eceb7a294": "references",
		}},
		{"bundle-example-1.json: SpO2", guide["pulse-ox-001"], list[1].Resource.Root(), with(map[string]string{
			"+ code.coding[59408-5].system=http://loinc.org": "US Core wants 59408-5 beside 2708-6",
			"+ code.coding[59408-5].code=59408-5":            "US Core wants 59408-5 beside 2708-6",
		})},
		{"bundle-example-1.json: pulse rate", guide["pulse-ox-002"], list[2].Resource.Root(), with(map[string]string{})},
	}
}

// deviceExamples are the guide's devices.
func deviceExamples(t *testing.T) []pair {
	omron, err := SensorDevice(acom.Device{
		SystemID: cuff, Address: "B0495F001071", Manufacturer: "OMRONHEALTHCARE", Model: "HEM-9200T", Serial: "20150200002A",
		Specializations: []acom.Specialization{{Type: 528391, Version: 1}},
		Production:      []acom.Production{{Type: 531976, Text: "C.00.7AJ-02"}, {Type: 531975, Text: "0000000000000101"}, {Type: 531974, Text: "0000000000000100"}},
		TimeSync:        532224,
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	phg, err := GatewayDevice("ecde3d4e58532d31")
	if err != nil {
		t.Fatal(err)
	}
	unknown := "of a gateway only the EUI-64 is known"
	return []pair{
		{"phd-711000FEFF5F49B0.B0495F001071.json", parse(t, shared.Read(t, "vectors", "fhir-phd-ig", "phd-711000FEFF5F49B0.B0495F001071.json")), omron.Root(), nil},
		{"phg-example.json", parse(t, shared.Read(t, "vectors", "fhir-phd-ig", "phg-example.json")), phg.Root(), map[string]string{
			"- identifier[SYSID].value=ec-de-3d-4e-58-53-2d-31": "the guide's text wants capitals",
			"+ identifier[SYSID].value=EC-DE-3D-4E-58-53-2D-31": "the guide's text wants capitals",
			"- manufacturer=*":                   unknown,
			"- property[*":                       unknown,
			"- version[*":                        unknown,
			"+ version[*":                        unknown,
			"- specialization[528457].version=2": unknown,
			"+ specialization[528457]._version.extension[*": unknown,
		}},
	}
}
