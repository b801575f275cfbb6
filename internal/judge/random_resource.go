package judge

import "fmt"

// patient makes a Patient with Encounters and a Device.
func (m *maker) patient(id string) {
	p := Resource{"resourceType": "Patient", "id": id, "name": list(Resource{"family": "Fam" + id, "given": list("Giv" + id)}), "gender": choose(m, "male", "female"),
		"birthDate": choose(m, "1970-01-01", "1980-02-02", "1990"), "identifier": list(Resource{"system": "urn:mrn", "value": id}),
		"generalPractitioner": list(to(choose(m, practitioners...))), "managingOrganization": to("Organization/house")}
	m.meta(p)
	if id != patients[0] && m.one(4) { // of two patients: R4 puts the linking one into the other's compartment
		p["link"] = list(Resource{"other": to("Patient/" + patients[0]), "type": "seealso"})
	}
	m.put(p)
	for range m.pick(1, 2) {
		e := Resource{"resourceType": "Encounter", "id": m.id(), "status": "finished", "class": Resource{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
			"subject": to("Patient/" + id), "participant": list(Resource{"individual": to(choose(m, practitioners...))}), "location": list(Resource{"location": to("Location/ward")})}
		if !m.one(4) {
			e["period"] = Resource{"start": m.day(), "end": "2023-12-31"}
		}
		if m.one(3) {
			e["reasonCode"] = list(m.code())
		}
		m.meta(e)
		m.encounters[id] = append(m.encounters[id], Key(e))
		m.put(e)
	}
	if m.one(2) {
		d := Resource{"resourceType": "Device", "id": m.id(), "status": "active", "patient": to("Patient/" + id), "type": m.code()}
		m.meta(d)
		m.put(d)
	}
}

func (m *maker) put(r Resource) {
	m.made = append(m.made, Key(r))
	m.add(r)
}

// meta gives labels, a profile, a tag.
func (m *maker) meta(r Resource) {
	meta := Resource{}
	var labels []any
	for range m.pick(0, 0, 1, 1, 2) {
		labels = append(labels, m.label())
	}
	if labels != nil {
		meta["security"] = labels
	}
	if m.one(5) {
		meta["tag"] = list(Resource{"system": "urn:tag", "code": choose(m, "x", "y")})
	}
	if m.one(6) {
		meta["profile"] = list(profileOne)
	}
	if len(meta) > 0 {
		r["meta"] = meta
	}
}

func (m *maker) day() string {
	return choose(m, "2019", "2020-06", "2020-05-31", "2020-07-01", "2021-03-04", "2021-03-05T08:00:00Z", "2021-12-31T23:30:00-05:00", "2022-01-01", "2022-06-13", "2023-01-01")
}

// resource makes one of a random type of a random patient. Codes, references and authors
// stand where R4 has a search parameter for them, and where it has none.
func (m *maker) resource() {
	patient := choose(m, patients...)
	subject := to("Patient/" + patient)
	r := Resource{"id": m.id(), "identifier": list(Resource{"system": "urn:id", "value": choose(m, "1", "2", "3", fmt.Sprint(m.number))})}
	who := func() Resource {
		return to(choose(m, "Practitioner/doc", "Practitioner/doc", "Practitioner/nurse", "Practitioner/away", "PractitionerRole/dochouse", "PractitionerRole/nurselab", "Patient/"+choose(m, patients...)))
	}
	other := func() Resource { return to(choose(m, m.made...)) }
	maybe := func(in int, name string, value func() any) {
		if m.one(in) {
			r[name] = value()
		}
	}
	encounter := func() any { return to(choose(m, m.encounters[patient]...)) }
	day := func() any { return m.day() }
	switch choose(m, "Observation", "Observation", "Observation", "Observation", "Condition", "MedicationRequest", "DiagnosticReport", "Procedure", "DocumentReference", "Provenance", "List", "Communication", "AllergyIntolerance", "Basic", "Composition") {
	case "Observation":
		r["resourceType"], r["status"], r["code"], r["subject"] = "Observation", choose(m, "final", "amended", "final"), m.code(), subject
		r["category"] = list(concept("http://terminology.hl7.org/CodeSystem/observation-category", choose(m, "vital-signs", "laboratory")))
		r["valueQuantity"] = Resource{"value": m.IntN(9), "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}
		if m.one(4) {
			r["effectivePeriod"] = Resource{"start": m.day()}
		} else if !m.one(8) {
			r["effectiveDateTime"] = m.day()
		}
		maybe(3, "performer", func() any { return list(who()) })
		maybe(9, "performer", func() any { return list(to(choose(m, "Organization/lab", "Organization/house"))) })
		maybe(4, "device", func() any { return to(gateway) })
		maybe(2, "encounter", encounter)
		maybe(4, "hasMember", func() any { return list(m.of("Observation")) })
		maybe(5, "derivedFrom", func() any { return list(m.of("Observation")) })
		maybe(5, "focus", func() any { return list(other()) }) // which makes it nobody's
		maybe(6, "note", func() any { return list(Resource{"text": "note of " + patient}) })
		maybe(6, "interpretation", func() any { return list(m.code()) })
		maybe(8, "component", func() any {
			return list(Resource{"code": concept(loinc, "8480-6"), "interpretation": list(m.code())})
		})
		maybe(8, "contained", func() any {
			return list(Resource{"resourceType": "Specimen", "id": "s", "type": m.code()})
		})
		if r["contained"] != nil {
			r["specimen"] = to("#s")
		}
	case "Condition":
		r["resourceType"], r["subject"], r["code"] = "Condition", subject, m.code()
		maybe(2, "onsetDateTime", day)
		maybe(3, "recordedDate", day)
		maybe(2, "encounter", encounter)
		maybe(3, "asserter", func() any { return who() })
		maybe(3, "recorder", func() any { return to(choose(m, practitioners...)) })
		maybe(4, "bodySite", func() any { return list(m.code()) })
		maybe(6, "stage", func() any { return list(Resource{"assessment": list(other())}) })
		maybe(4, "evidence", func() any { return list(Resource{"detail": list(other())}) })
	case "MedicationRequest":
		r["resourceType"], r["status"], r["intent"], r["subject"] = "MedicationRequest", "active", "order", subject
		r["medicationReference"] = to("Medication/med")
		maybe(2, "authoredOn", day)
		maybe(2, "encounter", encounter)
		maybe(3, "requester", func() any { return to(choose(m, practitioners...)) })
		maybe(4, "recorder", func() any { return who() })
		maybe(3, "reasonCode", func() any { return list(m.code()) })
		maybe(3, "reasonReference", func() any { return list(other()) })
	case "DiagnosticReport":
		r["resourceType"], r["status"], r["code"], r["subject"] = "DiagnosticReport", "final", m.code(), subject
		r["result"] = list(m.of("Observation"), m.of("Observation"))
		maybe(2, "effectiveDateTime", day)
		maybe(2, "encounter", encounter)
		maybe(2, "performer", func() any { return list(to(choose(m, practitioners...))) })
		maybe(4, "resultsInterpreter", func() any { return list(to(choose(m, practitioners...))) })
	case "Procedure":
		r["resourceType"], r["status"], r["code"], r["subject"] = "Procedure", "completed", m.code(), subject
		maybe(2, "performedDateTime", day)
		maybe(2, "encounter", encounter)
		maybe(3, "performer", func() any { return list(Resource{"actor": who()}) })
		maybe(4, "recorder", func() any { return who() })
		maybe(4, "asserter", func() any { return to(choose(m, practitioners...)) })
		maybe(4, "bodySite", func() any { return list(m.code()) })
	case "DocumentReference":
		r["resourceType"], r["status"], r["subject"] = "DocumentReference", "current", subject
		r["content"] = list(Resource{"attachment": Resource{"contentType": "text/plain", "data": "YQ=="}})
		maybe(2, "type", func() any { return m.code() })
		maybe(3, "author", func() any { return list(who()) })
		maybe(2, "context", func() any { return Resource{"encounter": list(encounter()), "related": list(other())} })
		if m.one(2) {
			r["date"] = "2021-03-04T00:00:00Z"
		}
	case "Provenance":
		delete(r, "identifier")
		r["resourceType"], r["recorded"] = "Provenance", "2021-03-04T00:00:00Z"
		r["target"] = list(other(), other())
		r["agent"] = list(Resource{"who": to(choose(m, practitioners...))})
		maybe(4, "entity", func() any { return list(Resource{"role": "source", "what": other()}) })
	case "List":
		r["resourceType"], r["status"], r["mode"], r["subject"] = "List", "current", "working", subject
		r["entry"] = list(Resource{"item": other()}, Resource{"item": other()})
		maybe(2, "date", day)
		maybe(3, "source", func() any { return who() })
		maybe(2, "code", func() any { return m.code() })
	case "Communication":
		r["resourceType"], r["status"], r["subject"] = "Communication", "completed", subject
		maybe(2, "sent", day)
		maybe(2, "sender", func() any { return who() })
		maybe(2, "recipient", func() any { return list(who()) })
		maybe(3, "encounter", encounter)
		maybe(3, "category", func() any { return list(m.code()) })
	case "AllergyIntolerance":
		r["resourceType"], r["patient"], r["code"] = "AllergyIntolerance", subject, m.code()
		r["clinicalStatus"] = concept("http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "active")
		maybe(2, "recordedDate", day)
		maybe(3, "recorder", func() any { return to(choose(m, practitioners...)) })
		maybe(3, "asserter", func() any { return who() })
	case "Composition":
		delete(r, "identifier")
		r["resourceType"], r["status"], r["title"], r["type"], r["subject"], r["date"] = "Composition", "final", "C", m.code(), subject, m.day()
		r["author"] = list(who())
		r["section"] = list(Resource{"title": "S", "entry": list(other(), other())})
		maybe(2, "encounter", encounter)
	case "Basic":
		r["resourceType"], r["subject"], r["code"] = "Basic", subject, m.code()
		maybe(3, "author", func() any { return to("Practitioner/doc") })
		if m.one(2) {
			r["created"] = "2021-03-04"
		}
	}
	maybe(8, "extension", func() any {
		return list(Resource{"url": "http://example.org/about", "valueCodeableConcept": m.code()}, Resource{"url": "http://example.org/to", "valueReference": other()})
	})
	maybe(10, "_language", func() any {
		return Resource{"extension": list(Resource{"url": inlineLabel, "valueCoding": m.label()})}
	})
	m.meta(r)
	m.put(r)
}

// of is a resource of a type, which may be nobody's.
func (m *maker) of(typ string) any {
	for range 20 {
		if key := choose(m, m.made...); len(key) > len(typ) && key[:len(typ)+1] == typ+"/" {
			return to(key)
		}
	}
	return to(typ + "/nobodys")
}
