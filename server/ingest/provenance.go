package ingest

import (
	"time"

	"vitalwire/fhir"
)

// What was done to the targets, codes of v3 DataOperation.
const (
	dataCreate = "CREATE"
	dataUpdate = "UPDATE"
	// dataNullify takes back what was an error.
	dataNullify = "NULLIFY"
)

func activityOf(code string) *fhir.Element {
	return fhir.NewObject(fhir.M("coding", fhir.NewArray(fhir.NewObject(
		fhir.S("system", "http://terminology.hl7.org/CodeSystem/v3-DataOperation"), fhir.S("code", code)))))
}

// readerAgent names the adapter or template, with its version, by which a frame was read again.
func readerAgent(by string) *fhir.Element {
	return fhir.NewObject(
		fhir.M("type", fhir.NewObject(fhir.M("coding", fhir.NewArray(fhir.NewObject(
			fhir.S("system", "http://terminology.hl7.org/CodeSystem/provenance-participant-type"), fhir.S("code", "composer")))))),
		fhir.M("who", fhir.NewObject(
			fhir.M("identifier", fhir.NewObject(fhir.S("system", "urn:vitalwire:adapter"), fhir.S("value", by))),
			fhir.S("display", "adapter "+by))))
}

// provenance says that Observations were made from a raw frame (R4 provenance):
// the agent is the device that submitted it, the entity the frame's Binary. Where a
// template of the operator read the frame, its version is an agent, too.
func provenance(targets []fhir.Key, agent fhir.Key, w waiting, now time.Time) *fhir.Resource {
	list := fhir.NewArray()
	for _, t := range targets {
		list.Append(reference(t.String()))
	}
	r := fhir.NewResource("Provenance")
	root := r.Root()
	root.Set("target", list)
	root.Set("recorded", fhir.NewString(fhir.FormatInstant(now)))
	root.Set("activity", activityOf(dataCreate))
	agents := fhir.NewArray(fhir.NewObject(
		fhir.M("type", fhir.NewObject(fhir.M("coding", fhir.NewArray(fhir.NewObject(
			fhir.S("system", "http://terminology.hl7.org/CodeSystem/provenance-participant-type"), fhir.S("code", "assembler")))))),
		fhir.M("who", reference(agent.String()))))
	if t := w.Report.Template; t != nil {
		agents.Append(fhir.NewObject(
			fhir.M("type", fhir.NewObject(fhir.M("coding", fhir.NewArray(fhir.NewObject(
				fhir.S("system", "http://terminology.hl7.org/CodeSystem/provenance-participant-type"), fhir.S("code", "composer")))))),
			fhir.M("who", fhir.NewObject(
				fhir.M("identifier", fhir.NewObject(fhir.S("system", "urn:vitalwire:template"), fhir.S("value", t.Name+"|"+t.Version+"|"+t.Digest))),
				fhir.S("display", "template "+t.Name+" "+t.Version)))))
	}
	root.Set("agent", agents)
	root.Set("entity", fhir.NewArray(fhir.NewObject(
		fhir.S("role", "source"), fhir.M("what", reference("Binary/"+w.Frame)))))
	return r
}

func reference(to string) *fhir.Element { return fhir.NewObject(fhir.S("reference", to)) }
