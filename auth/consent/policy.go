package consent

import (
	"strconv"
	"time"

	"vitalwire/fhir"
)

// Effect is what a provision does (R4 consent-provision-type).
type Effect uint8

// The effects. Unset is a root provision without a type.
const (
	Unset Effect = iota
	Permit
	Deny
)

// Policy is a Consent understood.
type Policy struct {
	Key fhir.Key
	// Patient is the id of whose consent it is.
	Patient string
	Status  string
	// Scope is of http://terminology.hl7.org/CodeSystem/consentscope.
	Scope string
	// DateTime is when it was given, the zero time when that is not said.
	DateTime time.Time
	Verified bool
	// Rules are the codes of policyRule and the URIs of policy.
	Rules []string
	Root  Provision
}

// Provision is a rule of a Consent, with its exceptions. An element that is absent
// is nil and constrains nothing.
type Provision struct {
	// Path is where it stands, a FHIRPath such as Consent.provision.provision[0].
	Path   string
	Effect Effect

	// About the request.
	Period   *Period
	Actors   []Actor
	Actions  []Coding
	Purposes []Coding
	// About the resource.
	Labels     []Coding
	Classes    []Coding
	Codes      []Coding
	DataPeriod *Period
	Data       []Datum

	Provisions []Provision
}

// Coding is a code; System may be "".
type Coding struct{ System, Code string }

// Period is a range of time, without an end where that is zero.
type Period struct{ From, To time.Time }

// Actor is who a provision is about.
type Actor struct {
	Roles []Coding
	// Key of the resource that is named, or its Identifier.
	Key        fhir.Key
	Identifier Identifier
}

// Identifier is a business identifier.
type Identifier struct{ System, Value string }

// Datum is a resource that a provision is about, and how.
type Datum struct {
	// Meaning is of R4 consent-data-meaning: instance, related, dependents, authoredby.
	Meaning string
	Key     fhir.Key
}

// Bounds of a Consent. A larger one is an Unprocessable error.
const (
	MaxDepth      = 8
	MaxProvisions = 500
	MaxConstraint = 2_000 // entries of all constraints together
)

// Read understands a Consent. base is the server's own FHIR base: an absolute
// reference to another names nothing here. The error, *fhir.Error, names the element.
func Read(r *fhir.Resource, base string) (*Policy, error) {
	d := &reading{base: base}
	p := &Policy{Key: fhir.Key{Type: "Consent", ID: r.ID()}, Status: r.Get("status").Text(), Verified: verified(r)}
	for _, c := range codings(r.Get("scope")) {
		p.Scope = c.Code
	}
	if patient := d.local(r.Path("patient", "reference")); patient.Type == "Patient" {
		p.Patient = patient.ID
	}
	if at, ok := fhir.ParseDateTime(r.Get("dateTime").Text()); ok {
		p.DateTime = at.Low()
	}
	for _, c := range codings(r.Get("policyRule")) {
		p.Rules = append(p.Rules, c.Code)
	}
	for _, e := range items(r.Get("policy")) {
		if uri := e.Get("uri").Text(); uri != "" {
			p.Rules = append(p.Rules, uri)
		}
	}
	if root := r.Get("provision"); root != nil {
		var err error
		if p.Root, err = d.provision(root, "Consent.provision", 1); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// verified reports whether somebody verified the consent with the patient.
func verified(r *fhir.Resource) bool {
	for _, e := range items(r.Get("verification")) {
		if e.Get("verified").Text() == "true" {
			return true
		}
	}
	return false
}

// reading counts what a Consent holds.
type reading struct {
	base                string
	provisions, entries int
}

func (d *reading) provision(e *fhir.Element, path string, depth int) (Provision, error) {
	if depth > MaxDepth {
		return Provision{}, fhir.Unprocessable(path, "a Consent may nest provisions %d deep", MaxDepth)
	}
	if d.provisions++; d.provisions > MaxProvisions {
		return Provision{}, fhir.Unprocessable(path, "a Consent may have %d provisions", MaxProvisions)
	}
	p := Provision{Path: path, Period: period(e.Get("period")), DataPeriod: period(e.Get("dataPeriod")),
		Purposes: flat(e.Get("purpose")), Labels: flat(e.Get("securityLabel")), Classes: flat(e.Get("class"))}
	switch e.Get("type").Text() {
	case "permit":
		p.Effect = Permit
	case "deny":
		p.Effect = Deny
	case "":
		if depth > 1 { // R4: required in all nested rules
			return p, fhir.Unprocessable(path+".type", "a nested provision must say permit or deny")
		}
	default:
		return p, fhir.Unprocessable(path+".type", "a provision is permit or deny")
	}
	for _, c := range items(e.Get("action")) {
		p.Actions = append(p.Actions, some(codings(c))...)
	}
	for _, c := range items(e.Get("code")) {
		p.Codes = append(p.Codes, some(codings(c))...)
	}
	for _, a := range items(e.Get("actor")) {
		id := a.Path("reference", "identifier")
		p.Actors = append(p.Actors, Actor{Roles: codings(a.Get("role")), Key: d.local(a.Path("reference", "reference")),
			Identifier: Identifier{id.Get("system").Text(), id.Get("value").Text()}})
	}
	for _, one := range items(e.Get("data")) {
		p.Data = append(p.Data, Datum{one.Get("meaning").Text(), d.local(one.Path("reference", "reference"))})
	}
	if d.entries += len(p.Purposes) + len(p.Labels) + len(p.Classes) + len(p.Actions) + len(p.Codes) + len(p.Actors) + len(p.Data); d.entries > MaxConstraint {
		return p, fhir.Unprocessable(path, "the provisions of a Consent may name %d things", MaxConstraint)
	}
	for i, inner := range items(e.Get("provision")) {
		nested, err := d.provision(inner, path+".provision["+strconv.Itoa(i)+"]", depth+1)
		if err != nil {
			return p, err
		}
		p.Provisions = append(p.Provisions, nested)
	}
	return p, nil
}

// items are those of an element that is there.
func items(e *fhir.Element) []*fhir.Element {
	if e == nil {
		return nil
	}
	return e.Items()
}

// codings are those of a CodeableConcept.
func codings(e *fhir.Element) []Coding {
	if e == nil {
		return nil
	}
	return flat(e.Get("coding"))
}

// flat are the codings of a list of them. What is there without a code is kept: it
// constrains, and nothing is known to meet it.
func flat(e *fhir.Element) []Coding {
	var list []Coding
	for _, c := range items(e) {
		list = append(list, Coding{c.Get("system").Text(), c.Get("code").Text()})
	}
	return list
}

// some is a list that constrains, also when it names nothing.
func some(list []Coding) []Coding {
	if len(list) == 0 {
		return []Coding{{}}
	}
	return list
}

// period reads a Period; a part that is no date makes it hold for nothing that is
// known (see Period.strange).
func period(e *fhir.Element) *Period {
	if e == nil {
		return nil
	}
	p := &Period{}
	if text := e.Get("start").Text(); text != "" {
		at, ok := fhir.ParseDateTime(text)
		if !ok {
			return &Period{From: never, To: never}
		}
		p.From = at.Low()
	}
	if text := e.Get("end").Text(); text != "" {
		at, ok := fhir.ParseDateTime(text)
		if !ok {
			return &Period{From: never, To: never}
		}
		p.To = at.High()
	}
	return p
}

// never is no time of a request.
var never = time.Unix(1<<40, 0)

// strange reports whether a period could not be read.
func (p *Period) strange() bool { return p.From.Equal(never) }

// holds reports whether a moment lies in the period; To is the first after it.
func (p *Period) holds(at time.Time) bool {
	return !at.Before(p.From) && (p.To.IsZero() || at.Before(p.To))
}

// local is the resource that a reference names, by type and id; the zero Key when
// it names none of this server.
func (d *reading) local(e *fhir.Element) fhir.Key {
	if e == nil {
		return fhir.Key{}
	}
	ref := fhir.ParseReference(e.Text())
	if ref.Base != "" && ref.Base != d.base {
		return fhir.Key{}
	}
	return ref.Key
}
