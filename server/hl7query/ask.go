package hl7query

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"vitalwire/adapters/hl7v2"
)

// subject is a person as a query names him.
type subject struct {
	id, system                   string // system "" is any
	family, given, birth, gender string
}

// query is what is asked, and what was found.
type query struct {
	kind  kind
	tag   string
	who   []subject
	limit int
	// systems are the identifier systems to tell of (QPD-8); none is all.
	systems []string
	// since and until are FHIR dates, each "" for open; results are wanted at all.
	since, until string
	results      bool
	// echo is the definition of the query, which its answer begins with.
	echo  []hl7v2.Segment
	found []person
	total int
}

// read takes the query apart.
func (a *Answerer) read(m *hl7v2.Message) (*query, *refusal) {
	q := &query{kind: kindOf(m), limit: mostPatients}
	if q.kind == candidates {
		return q, a.parameters(m, q)
	}
	return q, a.original(m, q)
}

// original reads QRD and QRF of original mode queries (HL7 2.6, 5.10.5.3 and 5.10.5.4).
func (a *Answerer) original(m *hl7v2.Message, q *query) *refusal {
	qrd, ok := m.First("QRD")
	if !ok {
		return misread(m.Segments[0].Errorf(0, "a query has a QRD"), hl7v2.SegmentSequenceError)
	}
	q.echo, q.tag = append(q.echo, qrd), qrd.Field(4).Text()
	if qrf, ok := m.First("QRF"); ok {
		q.echo = append(q.echo, qrf)
		q.since, q.until = date(qrf.Field(2)), date(qrf.Field(3))
	}
	q.limit = usualResults
	if n, ok := quantity(qrd.Field(7)); ok {
		q.limit = min(n, mostResults)
	}
	q.results = q.kind == results && !slices.ContainsFunc(qrd.Field(9).Repetitions(), func(p hl7v2.Part) bool {
		return p.Component(1).Text() == "DEM" || p.Component(2).Text() == "DEM"
	})
	// QRD-8 names the patient by id, and by name where it has no id.
	for _, xcn := range qrd.Field(8).Repetitions() {
		s := subject{id: component(xcn, 1)}
		if s.id == "" {
			return misread(qrd.Errorf(8, "who is asked for has no id"), hl7v2.RequiredFieldMissing)
		}
		var known bool
		if s.system, known = a.system(part(xcn, 9).Sub(1).Text(), part(xcn, 9).Sub(2).Text(), part(xcn, 9).Sub(3).Text()); !known {
			continue // an authority that nobody here has a patient of
		}
		q.who = append(q.who, s)
	}
	switch n := len(qrd.Field(8).Repetitions()); {
	case n == 0:
		return misread(qrd.Errorf(8, "a query says who is asked for"), hl7v2.RequiredFieldMissing)
	case n > mostSubjects:
		return misread(qrd.Errorf(8, "at most %d patients are asked for at once", mostSubjects), hl7v2.DataTypeError)
	}
	return nil
}

// part is a component of one repetition of a field.
func part(repetition hl7v2.Part, n int) hl7v2.Part {
	list := repetition.Components()
	if n > len(list) {
		return hl7v2.Part{}
	}
	return list[n-1]
}

func component(repetition hl7v2.Part, n int) string { return part(repetition, n).Sub(1).Text() }

// parameters reads QPD and RCP (HL7 2.6, 5.5.4 and 5.5.6; IHE ITI TF-2, 3.21).
func (a *Answerer) parameters(m *hl7v2.Message, q *query) *refusal {
	qpd, ok := m.First("QPD")
	if !ok {
		return misread(m.Segments[0].Errorf(0, "a query by parameter has a QPD"), hl7v2.SegmentSequenceError)
	}
	q.echo, q.tag = append(q.echo, qpd), qpd.Field(2).Text()
	if rcp, ok := m.First("RCP"); ok {
		if n, ok := quantity(rcp.Field(2)); ok {
			q.limit = min(n, mostPatients)
		}
	}
	var s subject
	var namespace, universal, universalType string
	for i, p := range qpd.Field(3).Repetitions() {
		name, value := strings.ToUpper(component(p, 1)), component(p, 2)
		if value == "" {
			continue
		}
		switch name {
		case "@PID.3", "@PID.3.1":
			s.id = value
		case "@PID.3.4", "@PID.3.4.1":
			namespace = value
		case "@PID.3.4.2":
			universal = value
		case "@PID.3.4.3":
			universalType = value
		case "@PID.5", "@PID.5.1", "@PID.5.1.1":
			s.family = strings.TrimRight(value, "*")
		case "@PID.5.2":
			s.given = strings.TrimRight(value, "*")
		case "@PID.7", "@PID.7.1":
			if s.birth = date(part(p, 2)); s.birth == "" {
				return misread(qpd.Errorf(3, "repetition %d is no date", i+1), hl7v2.DataTypeError)
			}
		case "@PID.8":
			if s.gender = genders[strings.ToUpper(value)]; s.gender == "" {
				return misread(qpd.Errorf(3, "repetition %d is none of M, F, O and U", i+1), "103")
			}
		default: // left out, it would find others than were asked for
			return misread(qpd.Errorf(3, "repetition %d asks by something that patients are not found by here", i+1), "103")
		}
	}
	if s.id+s.family+s.given+s.birth == "" {
		return misread(qpd.Errorf(3, "a query says an id, a name or a date of birth"), hl7v2.RequiredFieldMissing)
	}
	var known bool
	if s.system, known = a.system(namespace, universal, universalType); known {
		q.who = []subject{s}
	}
	for i, p := range qpd.Field(8).Repetitions() {
		d := part(p, 4)
		system, known := a.system(d.Sub(1).Text(), d.Sub(2).Text(), d.Sub(3).Text())
		if !known || system == "" {
			return misread(qpd.Errorf(8, "repetition %d is no domain that is known here", i+1), "204")
		}
		q.systems = append(q.systems, system)
	}
	return nil
}

var genders = map[string]string{"M": "male", "F": "female", "O": "other", "A": "other", "U": "unknown"}

// system is the identifier system of an assigning authority (HD); "" for none named.
// known is false for one that no system stands for here.
func (a *Answerer) system(namespace, universal, universalType string) (system string, known bool) {
	switch {
	case universal != "" && universalType == "ISO":
		return "urn:oid:" + universal, true
	case universal != "" && universalType == "UUID":
		return "urn:uuid:" + strings.ToLower(universal), true
	case universal != "" && universalType == "URI":
		return universal, true
	case namespace == "" && universal == "":
		return "", true
	}
	system, known = a.Authorities[namespace]
	return system, known
}

// quantity is a CQ of records: "10^RD".
func quantity(p hl7v2.Part) (int, bool) {
	n, err := strconv.Atoi(p.Component(1).Text())
	unit := p.Component(2).Text()
	return n, err == nil && n > 0 && (unit == "" || unit == "RD")
}

// date is a DTM as a FHIR date or, where it has an offset, a dateTime; "" for none.
func date(p hl7v2.Part) string {
	t, ok := hl7v2.ParseTime(p.Sub(1).Text())
	switch {
	case !ok:
		return ""
	case t.Parts < 3:
		return fmt.Sprintf("%04d-%02d", t.Year, max(t.Month, 1))[:map[int]int{1: 4, 2: 7}[t.Parts]]
	case t.Parts == 3:
		return fmt.Sprintf("%04d-%02d-%02d", t.Year, t.Month, t.Day)
	}
	text := fmt.Sprintf("%04d-%02d-%02dT%02d:%02d:%02d", t.Year, t.Month, t.Day, t.Hour, t.Minute, min(t.Second, 59))
	if t.Offset == nil {
		return text // of the zone that searches have
	}
	sign, o := '+', *t.Offset
	if o < 0 {
		sign, o = '-', -o
	}
	return text + fmt.Sprintf("%c%02d:%02d", sign, o/60, o%60)
}
