package judge

// consent makes a random Consent of a patient.
func (m *maker) consent(patient string) {
	c := Resource{
		"resourceType": "Consent", "id": m.id(), "patient": to("Patient/" + patient),
		"status":   choose(m, "active", "active", "active", "active", "active", "active", "inactive", "draft", "entered-in-error"),
		"scope":    concept("http://terminology.hl7.org/CodeSystem/consentscope", choose(m, "patient-privacy", "patient-privacy", "patient-privacy", "patient-privacy", "research", "treatment")),
		"category": list(concept(loinc, "59284-0")),
		"dateTime": choose(m, "2020-01-01", "2021", "2022-05-05T10:00:00Z", "2022-05-05"),
	}
	switch m.IntN(4) {
	case 0:
		c["policyRule"] = concept("http://terminology.hl7.org/CodeSystem/v3-ActCode", choose(m, "OPTIN", "OPTOUT"))
	case 1:
		c["policy"] = list(Resource{"uri": policies + choose(m, "deny", "all-normal", "basic-normal", "break-glass-only")})
	default:
		c["policyRule"] = concept("http://example.org/rules", "house")
	}
	if m.one(3) {
		c["verification"] = list(Resource{"verified": m.one(2)})
	}
	if !m.one(12) {
		root := m.provision(patient, 1)
		if m.one(4) {
			delete(root, "type")
		} else if m.one(2) {
			root["type"] = "permit" // else too little is ever seen
		}
		c["provision"] = root
	}
	if m.one(5) {
		c["meta"] = Resource{"security": list(m.label())}
	}
	m.add(c)
}

// provision makes one with its exceptions.
func (m *maker) provision(patient string, depth int) Resource {
	p := Resource{"type": choose(m, "permit", "deny")}
	for range m.pick(0, 0, 1, 1, 2, 3) {
		m.constrain(p, patient)
	}
	if depth < 4 {
		var inner []any
		for range m.pick(0, 0, 1, 1, 2) {
			inner = append(inner, m.provision(patient, depth+1))
		}
		if inner != nil {
			p["provision"] = inner
		}
	}
	return p
}

// some makes one or two.
func some[T any](m *maker, make func() T) []any {
	l := list(make())
	if m.one(3) {
		l = append(l, make())
	}
	return l
}

// constrain gives a provision an element.
func (m *maker) constrain(p Resource, patient string) {
	switch m.IntN(13) {
	case 0:
		p["period"] = m.period("2019", "2022-07-01", "2090")
	case 1:
		p["actor"] = some(m, func() Resource {
			return Resource{"role": concept(participation, choose(m, "IRCP", "IRCP", "PRCP", "AUT")), "reference": to(m.actor(patient))}
		})
	case 2:
		p["action"] = some(m, func() Resource {
			return concept(actions, choose(m, "access", "access", "disclose", "collect", "correct"))
		})
	case 3, 4:
		p["purpose"] = some(m, func() Resource {
			return Resource{"system": actReason, "code": choose(m, "TREAT", "TREAT", "TREAT", "HRESCH", "CLINTRCH", "BTG", "ETREAT", "HPAYMT", "PATRQT")}
		})
	case 5, 6:
		p["securityLabel"] = some(m, m.label)
	case 7:
		p["class"] = some(m, func() Resource {
			if m.one(4) {
				return Resource{"system": "urn:ietf:rfc:3986", "code": choose(m, profileOne, "http://example.org/none")}
			}
			return Resource{"system": "http://hl7.org/fhir/resource-types", "code": choose(m, "Observation", "Observation", "Condition", "Patient", "Device", "DiagnosticReport", "List")}
		})
	case 8:
		p["code"] = some(m, func() Resource { return m.code() })
	case 9, 10:
		p["dataPeriod"] = m.period("2020-06", "2021-03-04", "2022-01-01T12:00:00Z")
	default:
		p["data"] = some(m, func() Resource {
			if m.one(4) {
				return Resource{"meaning": "authoredby", "reference": to(choose(m, "Practitioner/doc", "Practitioner/nurse", "Organization/house", "Organization/lab", "PractitionerRole/dochouse", "PractitionerRole/nurselab", "Device/gateway", "Patient/"+patient))}
			}
			return Resource{"meaning": choose(m, "instance", "related", "dependents"), "reference": to(m.datum(patient))}
		})
	}
}

const profileOne = "http://example.org/StructureDefinition/one"

// actor is somebody whom a provision names.
func (m *maker) actor(patient string) string {
	return choose(m, "Practitioner/doc", "Practitioner/nurse", "PractitionerRole/dochouse", "PractitionerRole/doclab", "Organization/house", "Organization/lab",
		"Group/team", "Group/roles", "CareTeam/ward", gateway, "Patient/"+patient, "Practitioner/nobody")
}

// datum is a resource that a provision names.
func (m *maker) datum(patient string) string {
	switch m.IntN(5) {
	case 0:
		return "Patient/" + patient
	case 1:
		return choose(m, m.encounters[patient]...)
	case 2:
		return "Composition/nowhere"
	}
	return choose(m, m.made...)
}

// period makes one of two of some days, with one end or both.
func (m *maker) period(days ...string) Resource {
	i := m.IntN(len(days))
	switch {
	case m.one(3) || i == len(days)-1:
		return Resource{"start": days[i]}
	case m.one(2):
		return Resource{"end": days[i]}
	}
	return Resource{"start": days[i], "end": days[i+1+m.IntN(len(days)-1-i)]}
}

func (m *maker) label() Resource {
	if m.one(3) {
		return Resource{"system": actCode, "code": choose(m, "ETH", "ETHUD", "OPIOIDUD", "PSY", "HIV", "SUD")}
	}
	return Resource{"system": confidentiality, "code": choose(m, "U", "L", "M", "N", "N", "N", "R", "R", "R", "V")}
}

// code is one that resources have.
func (m *maker) code() Resource {
	return choose(m, concept(loinc, "8867-4"), concept(loinc, "29463-7"), concept(loinc, "2339-0"), concept(snomed, "386661006"), concept(snomed, "271649006"))
}
