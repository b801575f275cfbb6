package hl7query

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"vitalwire/adapters/hl7v2"
	"vitalwire/fhir"
)

// kinds are MSH-9 of the answers.
var kinds = map[kind][]string{
	demographics: {"ADR", "A19", "ADR_A19"},
	results:      {"ORF", "R04", "ORF_R04"},
	candidates:   {"RSP", "K22", "RSP_K22"},
}

// write makes the answer: MSH, MSA, ERR, QAK, the query again, and who was found
// (HL7 2.6, 3.3.19 for A19, 3.3.57 for K22; 2.3.1, 7.2.3 for R04).
func (a *Answerer) write(m *hl7v2.Message, q *query, wrong *refusal) []byte {
	version := m.Segments[0].Field(12).Component(1).Text()
	structure := kinds[q.kind]
	if version != "" && version < "2.3.1" {
		structure = structure[:2]
	}
	code, status := "AA", "OK"
	switch {
	case wrong != nil:
		code, status = wrong.code, wrong.code
	case len(q.found) == 0:
		if status = "NF"; version != "" && version < "2.3.1" {
			code = "AE" // no QAK there
		}
	}
	w := writer{hl7v2.AnswerTo(m, code, control(), a.Now().In(a.Zone).Format("20060102150405-0700"), structure...), a}
	if wrong != nil {
		w.refused(wrong, version)
	}
	if version == "" || version >= "2.3.1" {
		counts := []string{w.Text(q.tag), status}
		if q.kind == candidates && wrong == nil {
			shown := len(q.found)
			counts = append(counts, "", strconv.Itoa(q.total), strconv.Itoa(shown), strconv.Itoa(max(q.total-shown, 0)))
		}
		w.Add("QAK", counts...)
	}
	for _, s := range q.echo {
		w.Echo(s)
	}
	if wrong != nil {
		return w.Bytes()
	}
	for i, p := range q.found {
		w.patient(i+1, p.patient, q)
		for n, o := range p.results {
			w.result(n+1, o)
		}
	}
	return w.Bytes()
}

// writer writes segments of an answer.
type writer struct {
	*hl7v2.Answer
	by *Answerer
}

func (w writer) refused(r *refusal, version string) {
	place := ""
	if r.at != nil && r.at.Segment != "" {
		place = w.Join(r.at.Segment, strconv.Itoa(r.at.Sequence))
		if r.at.Field > 0 {
			place = w.Join(r.at.Segment, strconv.Itoa(r.at.Sequence), strconv.Itoa(r.at.Field))
		}
	}
	if version != "" && version < "2.5" {
		w.Add("ERR", place)
		return
	}
	w.Add("ERR", "", place, r.fault, "E", "", "", "", w.Text(r.text))
}

// patient writes PID: what a monitor shows to tell patients apart, and no more. The
// identifier that was asked by comes first.
func (w writer) patient(n int, p *fhir.Element, q *query) {
	asked := func(id *fhir.Element) bool {
		return slices.ContainsFunc(q.who, func(s subject) bool { return s.id == id.Get("value").Text() })
	}
	var first, ids []string
	for _, id := range p.Get("identifier").Items() {
		system := id.Get("system").Text()
		if id.Get("value").Text() == "" || id.Get("use").Text() == "old" || len(q.systems) > 0 && !slices.Contains(q.systems, system) {
			continue
		}
		typ := ""
		for _, c := range id.Path("type", "coding").Items() {
			if c.Get("system").Text() == "http://terminology.hl7.org/CodeSystem/v2-0203" {
				typ = c.Get("code").Text()
			}
		}
		cx := w.Join(w.Text(id.Get("value").Text()), "", "", w.authority(system), w.Text(typ))
		if asked(id) {
			first = append(first, cx)
		} else {
			ids = append(ids, cx)
		}
	}
	w.Add("PID", strconv.Itoa(n), "", w.Repeat(append(first, ids...)...), "", w.name(p.Get("name")), "",
		digits(p.Get("birthDate").Text()), sexes[p.Get("gender").Text()])
}

var sexes = map[string]string{"male": "M", "female": "F", "other": "O", "unknown": "U"}

// authority is the HD of an identifier system, by the name that the operator gave it.
func (w writer) authority(system string) string {
	names := []string{}
	for name, of := range w.by.Authorities {
		if of == system {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	local := ""
	if len(names) > 0 {
		local = w.Text(names[0])
	}
	if oid, ok := strings.CutPrefix(system, "urn:oid:"); ok {
		return w.Parts(local, w.Text(oid), "ISO")
	}
	if uuid, ok := strings.CutPrefix(system, "urn:uuid:"); ok {
		return w.Parts(local, w.Text(uuid), "UUID")
	}
	if system == "" || local != "" {
		return local
	}
	return w.Parts("", w.Text(system), "URI")
}

// name is the XPN of the official name, else of the first that is not an old one.
func (w writer) name(names *fhir.Element) string {
	var best *fhir.Element
	for _, n := range names.Items() {
		switch use := n.Get("use").Text(); {
		case use == "old" || use == "maiden" || use == "anonymous":
		case best == nil || use == "official" && best.Get("use").Text() != "official":
			best = n
		}
	}
	if best == nil {
		return ""
	}
	var given []string
	for _, g := range best.Get("given").Items() {
		given = append(given, g.Text())
	}
	first, further := "", ""
	if len(given) > 0 {
		first, further = given[0], strings.Join(given[1:], " ")
	}
	family := best.Get("family").Text()
	if family == "" && first == "" {
		family = best.Get("text").Text()
	}
	return w.Join(w.Text(family), w.Text(first), w.Text(further), w.Text(best.Get("suffix").At(0).Text()), w.Text(best.Get("prefix").At(0).Text()), "", "L")
}

// digits is a FHIR date or dateTime as a DTM.
func digits(text string) string {
	if len(text) <= len("2026-01-02") {
		return strings.ReplaceAll(text, "-", "")
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return ""
	}
	layout := "20060102150405-0700"
	if _, fraction, ok := strings.Cut(text, "."); ok {
		n := min(len(fraction)-len(strings.TrimLeft(fraction, "0123456789")), 4) // HL7 has four digits
		layout = "20060102150405." + strings.Repeat("0", n) + "-0700"
	}
	return t.Format(layout)
}

// result writes an Observation: OBR, and OBX for its value or those of its components.
func (w writer) result(n int, o *fhir.Element) {
	at := o.Get("effectiveDateTime").Text()
	until := ""
	if at == "" {
		at, until = o.Path("effectivePeriod", "start").Text(), digits(o.Path("effectivePeriod", "end").Text())
	}
	status := map[string]string{"final": "F", "preliminary": "P", "amended": "C", "corrected": "C"}[o.Get("status").Text()]
	w.Add("OBR", strconv.Itoa(n), "", w.Text(o.Get("id").Text()), w.code(o.Get("code")), "", "", digits(at), until,
		"", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", status)
	parts := o.Get("component").Items()
	if has(o) || len(parts) == 0 {
		parts = append([]*fhir.Element{o}, parts...)
	}
	for i, p := range parts {
		w.value(i+1, p, digits(at), status)
	}
}

// has reports whether an Observation has a value of its own.
func has(o *fhir.Element) bool {
	return slices.ContainsFunc(o.Members(), func(m fhir.Member) bool { return strings.HasPrefix(m.Name, "value") })
}

// value writes OBX. A value that has no place in a field, such as a waveform, is left
// out like one that is absent: X, no result.
func (w writer) value(n int, o *fhir.Element, at, status string) {
	typ, value, unit := "", "", ""
	switch {
	case o.Get("valueQuantity") != nil:
		q := o.Get("valueQuantity")
		typ, value, unit = "NM", w.Text(q.Get("value").Text()), w.unit(q)
		if sign := q.Get("comparator").Text(); sign != "" {
			typ, value = "SN", w.Join(w.Text(sign), value)
		}
	case o.Get("valueInteger") != nil:
		typ, value = "NM", o.Get("valueInteger").Text()
	case o.Get("valueCodeableConcept") != nil:
		typ, value = "CWE", w.code(o.Get("valueCodeableConcept"))
	case o.Get("valueString") != nil:
		typ, value = "ST", w.Text(o.Get("valueString").Text())
	case o.Get("valueBoolean") != nil:
		typ, value = "ID", map[string]string{"true": "Y", "false": "N"}[o.Get("valueBoolean").Text()]
	case o.Get("valueDateTime") != nil:
		typ, value = "DTM", digits(o.Get("valueDateTime").Text())
	}
	if value == "" {
		typ, status = "", "X"
	}
	var flags []string
	for _, i := range o.Get("interpretation").Items() {
		for _, c := range i.Get("coding").Items() {
			if c.Get("system").Text() == "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation" {
				flags = append(flags, w.Text(c.Get("code").Text()))
			}
		}
	}
	w.Add("OBX", strconv.Itoa(n), typ, w.code(o.Get("code")), "", value, unit, "", w.Repeat(flags...), "", "", status, "", "", at)
}

// systemNames are code systems by their names in table 0396.
var systemNames = map[string]string{
	"urn:iso:std:iso:11073:10101": "MDC", "http://loinc.org": "LN", "http://snomed.info/sct": "SCT", "http://unitsofmeasure.org": "UCUM",
}

// code is a CWE: the device's own code first, and another.
func (w writer) code(concept *fhir.Element) string {
	rank := func(c *fhir.Element) int {
		if at := slices.Index([]string{"MDC", "LN"}, systemNames[c.Get("system").Text()]); at >= 0 {
			return at
		}
		return 2
	}
	codings := slices.Clone(concept.Get("coding").Items())
	slices.SortStableFunc(codings, func(x, y *fhir.Element) int { return rank(x) - rank(y) })
	var words []string
	for _, c := range codings[:min(len(codings), 2)] {
		system := systemNames[c.Get("system").Text()]
		if system == "" && c.Get("system").Text() != "" {
			system = "L"
		}
		words = append(words, w.Text(c.Get("code").Text()), w.Text(c.Get("display").Text()), system)
	}
	if text := concept.Get("text").Text(); len(words) == 0 && text != "" {
		words = []string{"", w.Text(text)}
	}
	return w.Join(words...)
}

func (w writer) unit(q *fhir.Element) string {
	code, text := q.Get("code").Text(), q.Get("unit").Text()
	if code == "" {
		return w.Join("", w.Text(text))
	}
	system := systemNames[q.Get("system").Text()]
	return w.Join(w.Text(code), w.Text(text), system)
}
