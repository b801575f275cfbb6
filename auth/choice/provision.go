package choice

import (
	"slices"
	"time"

	"vitalwire/auth/consent"
	"vitalwire/fhir"
)

// System is of the identifier by which the Consent of the choices is known; its value is
// the id of the patient, so that there is one for each.
const System = "urn:vitalwire:privacy-page"

// Code systems.
const (
	participation = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
	consentAction = "http://terminology.hl7.org/CodeSystem/consentaction"
	consentScope  = "http://terminology.hl7.org/CodeSystem/consentscope"
	resourceTypes = "http://hl7.org/fhir/resource-types"
	loinc         = "http://loinc.org"
)

// Form is how the Consent is written on this server.
type Form struct {
	// Verified: Consents count only when they were verified with the patient, which one is
	// that he gives himself.
	Verified bool
	// Self: Consents bind the patient's own access, so that his own has to permit it.
	Self bool
}

// Consent is the Consent of a patient, by id, of the choices. now is when they were made;
// words, when there are any, become its narrative.
func (c Choices) Consent(patient string, now time.Time, f Form, words []string) *fhir.Resource {
	c = c.sorted()
	who := object(fhir.S("reference", "Patient/"+patient))
	r := fhir.NewResource("Consent")
	root := r.Root()
	if len(words) > 0 {
		root.Set("text", narrative(words))
	}
	root.Set("identifier", list(object(fhir.S("system", System), fhir.S("value", patient))))
	root.Set("status", fhir.NewString("active"))
	root.Set("scope", concept(consent.Coding{System: consentScope, Code: "patient-privacy"}))
	root.Set("category", list(concept(consent.Coding{System: loinc, Code: "59284-0"})))
	root.Set("patient", who)
	root.Set("dateTime", fhir.NewString(now.UTC().Format(time.RFC3339)))
	root.Set("performer", list(who.Clone()))
	root.Set("policy", list(object(fhir.S("uri", string(consent.DenyAll)))))
	if f.Verified {
		root.Set("verification", list(object(fhir.M("verified", fhir.NewBool(true)))))
	}
	root.Set("provision", c.provision(patient, f))
	return r
}

// provision forbids all, then permits what was chosen.
func (c Choices) provision(patient string, f Form) *fhir.Element {
	root := object(fhir.S("type", "deny"))
	if c.End != "" {
		root.Set("period", object(fhir.S("end", c.End)))
	}
	// What is permitted although it is kept back. It stands in each deny, as beside each
	// other a deny wins.
	var despite []*fhir.Element
	if f.Self {
		despite = append(despite, rule("permit", actors([]fhir.Key{{Type: "Patient", ID: patient}})))
	}
	if c.Glass {
		despite = append(despite, rule("permit", purposes("BTG")))
	}
	within := list()
	for _, one := range despite {
		within.Append(one.Clone())
	}
	permit := func(denies *fhir.Element, members ...fhir.Member) {
		p := rule("permit", members...)
		if denies.Len() > 0 {
			p.Set("provision", denies)
		}
		within.Append(p)
	}
	kept := c.denies(despite)
	switch c.Who {
	case Everybody:
		permit(kept, purposes("TREAT"))
	case Named:
		permit(kept, actors(c.Alone), purposes("TREAT"))
	case Nobody:
	}
	if c.Running {
		permit(kept.Clone(), purposes("HPAYMT", "HOPERAT"))
	}
	if c.Acting {
		permit(kept.Clone(), purposes("PATRQT"))
	}
	if c.Research {
		// Nothing above normal: so only a kind that the rules call no more than that is to be kept.
		normal := Choices{Kept: c.Kept, Restricted: true}
		permit(normal.denies(despite), purposes("HRESCH"), labels([]consent.Coding{{System: consent.Confidentiality, Code: "N"}}))
	}
	if len(c.Barred) > 0 {
		within.Append(rule("deny", actors(c.Barred)))
	}
	if c.Silent {
		within.Append(rule("deny", fhir.M("action", list(concept(consent.Coding{System: consentAction, Code: "collect"}))),
			fhir.M("class", list(coding(consent.Coding{System: resourceTypes, Code: "Observation"})))))
	}
	if within.Len() > 0 {
		root.Set("provision", within)
	}
	return root
}

// denies are what is kept back of what a provision permits: the kinds that are, and all
// that is confidential but for the kinds that are open.
func (c Choices) denies(despite []*fhir.Element) *fhir.Element {
	denies := list()
	deny := func(of []consent.Coding, but ...*fhir.Element) {
		d := rule("deny", labels(of))
		inner := list(but...)
		for _, one := range despite {
			one = one.Clone()
			if of[0].System == consent.Confidentiality {
				// To deny R is to deny what is above it, too; to permit R is not.
				one.Set("securityLabel", labels([]consent.Coding{{System: consent.Confidentiality, Code: "V"}}).Value)
			}
			inner.Append(one)
		}
		if inner.Len() > 0 {
			d.Set("provision", inner)
		}
		denies.Append(d)
	}
	if len(c.Kept) > 0 {
		deny(c.Kept)
	}
	if !c.Restricted {
		var but []*fhir.Element
		if len(c.Open) > 0 {
			but = append(but, rule("permit", labels(c.Open)))
		}
		deny([]consent.Coding{{System: consent.Confidentiality, Code: "R"}}, but...)
	}
	return denies
}

// Read gives the choices that a Consent was made of; ok is false when it says something
// else, such as after somebody else changed it. Its status is not looked at.
func Read(r *fhir.Resource, f Form) (c Choices, ok bool) {
	root := r.Get("provision")
	if root == nil || r.Path("policy").At(0).Get("uri").Text() != string(consent.DenyAll) {
		return c, false
	}
	c = choices(root)
	return c, root.Equal(c.provision(patientOf(r), f))
}

// Owns reports whether a Consent is the one that the page made for its patient.
func Owns(r *fhir.Resource) bool {
	patient := patientOf(r)
	return patient != "" && slices.ContainsFunc(r.Get("identifier").Items(), func(id *fhir.Element) bool {
		return id.Get("system").Text() == System && id.Get("value").Text() == patient
	})
}

func patientOf(r *fhir.Resource) string {
	if to := fhir.ParseReference(r.Path("patient", "reference").Text()); to.Key.Type == "Patient" {
		return to.Key.ID
	}
	return ""
}

// choices are those that a provision looks like.
func choices(root *fhir.Element) Choices {
	c := Choices{Who: Nobody, End: root.Path("period", "end").Text()}
	restricted := true
	for _, p := range root.Get("provision").Items() {
		purpose := p.Get("purpose").At(0).Get("code").Text()
		switch {
		case p.Get("type").Text() == "deny" && p.Get("action").Len() > 0:
			c.Silent = true
		case p.Get("type").Text() == "deny":
			c.Barred = named(p)
		case purpose == "TREAT" && p.Get("actor").Len() > 0:
			c.Who, c.Alone = Named, named(p)
		case purpose == "TREAT":
			c.Who = Everybody
		case purpose == "HPAYMT":
			c.Running = true
		case purpose == "PATRQT":
			c.Acting = true
		case purpose == "HRESCH":
			c.Research = true
		case purpose == "BTG":
			c.Glass = true
		}
		if p.Get("type").Text() == "permit" && (purpose == "TREAT" || purpose == "HPAYMT" || purpose == "PATRQT") {
			c.Restricted = true // unless it is denied below
		}
		for _, d := range p.Get("provision").Items() {
			kept := labelled(d)
			if len(kept) == 1 && kept[0].System == consent.Confidentiality {
				restricted = false
				if but := labelled(d.Get("provision").At(0)); len(but) > 0 && but[0].System != consent.Confidentiality {
					c.Open = but
				}
				continue
			}
			c.Kept = kept
		}
	}
	c.Restricted = c.Restricted && restricted
	return c
}

func named(p *fhir.Element) (list []fhir.Key) {
	for _, a := range p.Get("actor").Items() {
		list = append(list, fhir.ParseReference(a.Path("reference", "reference").Text()).Key)
	}
	return list
}

func labelled(p *fhir.Element) (list []consent.Coding) {
	for _, l := range p.Get("securityLabel").Items() {
		list = append(list, consent.Coding{System: l.Get("system").Text(), Code: l.Get("code").Text()})
	}
	return list
}
