package biceps

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"vitalwire/adapters/acom"
	"vitalwire/fhir/term"
)

// privateSystem begins the systems of codes that only their sender knows.
const privateSystem = "urn:vitalwire:biceps:"

const ucumSystem = "http://unitsofmeasure.org"

// systems are the coding systems that FHIR has another name for. A CodedValue without
// CodingSystem is of IEEE 11073-10101 (IEEE 11073-10207, CodedValue).
var systems = map[string]string{
	"": term.MDCSystem, "urn:oid:1.2.840.10004.1.1.1.0.0.1": term.MDCSystem, "urn:oid:1.3.111.2.11073.10101.1": term.MDCSystem,
	"urn:oid:1.2.840.10004.1.1.1.0.0.1.0.0.1": term.MDCSystem, "urn:iso:std:iso:11073:10101": term.MDCSystem,
	"urn:oid:2.16.840.1.113883.6.24": term.MDCSystem,
	"urn:oid:2.16.840.1.113883.6.1":  "http://loinc.org",
	"urn:oid:2.16.840.1.113883.6.96": "http://snomed.info/sct",
	"urn:oid:2.16.840.1.113883.6.8":  ucumSystem,
}

// coded is what a CodedValue says: an MDC code, what else names the same, and its words.
type coded struct {
	code    acom.Code
	codings []acom.Coding
	words   string
	notes   []string
}

// readCode reads a CodedValue and its translations; nil says nothing.
func readCode(e *element) (c coded) {
	if e == nil {
		return c
	}
	c.words = described(e)
	c.take(e, c.words)
	for other := range e.children() {
		if other.space == pm && other.name == "Translation" {
			c.take(other, "")
		}
	}
	if c.code != 0 && c.words != "" {
		if _, known := term.LookupMDC(uint32(c.code)); !known {
			c.codings = append([]acom.Coding{mdcCoding(c.code, c.words)}, c.codings...)
		}
	}
	return c
}

// described is the sender's own words: the ConceptDescription in English, else the first,
// else the symbolic name.
func described(e *element) string {
	text := ""
	for d := range e.children() {
		if d.space == pm && d.name == "ConceptDescription" && d.text != "" {
			if text == "" || strings.HasPrefix(strings.ToLower(d.get("Lang")), "en") {
				text = short(d.text)
			}
		}
	}
	if text == "" {
		text = short(e.get("SymbolicCodeName"))
	}
	return text
}

// take reads one code of a system.
func (c *coded) take(e *element, words string) {
	id, name := e.get("Code"), e.get("SymbolicCodeName")
	if id == "" || len(id) > maxHandle {
		return
	}
	system := e.get("CodingSystem")
	if known, ok := systems[system]; ok {
		system = known
	}
	if system != term.MDCSystem {
		c.codings = append(c.codings, acom.Coding{System: systemURI(system), Code: id, Display: words})
		return
	}
	number, err := strconv.ParseUint(id, 10, 32)
	if err != nil || number == 0 {
		if named, known := term.LookupRefID(id); known {
			number = uint64(named.Code)
		} else {
			c.codings = append(c.codings, acom.Coding{System: privateSystem + "local", Code: id, Display: words})
			return
		}
	}
	if c.code != 0 { // a translation within the nomenclature
		c.codings = append(c.codings, mdcCoding(acom.Code(number), name))
		return
	}
	c.code = acom.Code(number)
	if named, known := term.LookupRefID(name); known && named.Code != uint32(number) {
		c.notes = append(c.notes, fmt.Sprintf("The sender calls MDC %d %s, which is the name of %d; the number counts.", number, name, named.Code))
	}
}

// systemURI is the URI of a system; a name that is none gets one of its own.
func systemURI(name string) string {
	if u, err := url.Parse(name); err == nil && u.Scheme != "" && !strings.ContainsAny(name, " \t\n") {
		return name
	}
	return privateSystem + url.PathEscape(short(name))
}

// mdcCoding is an MDC code with its REFID, or with the sender's words where the table has
// none.
func mdcCoding(code acom.Code, words string) acom.Coding {
	if k, ok := term.LookupMDC(uint32(code)); ok {
		words = k.RefID
	}
	if u, ok := term.LookupUnit(uint32(code)); ok {
		words = u.RefID
	}
	return acom.Coding{System: term.MDCSystem, Code: strconv.FormatUint(uint64(code), 10), Display: words}
}

// naming is a code as one coding; words stand for a type that was not told.
func (c coded) naming(words string) acom.Coding {
	switch {
	case c.code != 0:
		return mdcCoding(c.code, c.words)
	case len(c.codings) > 0:
		return c.codings[0]
	}
	return acom.Coding{Display: words}
}

// typed is the code and codings of a thing whose type may not have been told at all.
func (c coded) typed(words string) (acom.Code, []acom.Coding) {
	if c.code == 0 && len(c.codings) == 0 {
		if c.words != "" {
			words = c.words
		}
		return 0, []acom.Coding{{Display: words}}
	}
	return c.code, c.codings
}

// unit is what a Unit says: an MDC unit that the table knows, else a UCUM code among its
// translations, else the MDC unit as sent, else words. Nothing is converted.
func (c coded) unit() (acom.Code, *acom.Coding) {
	if _, known := term.LookupUnit(uint32(c.code)); known {
		return c.code, nil
	}
	for _, other := range c.codings {
		if other.System == ucumSystem {
			return 0, &acom.Coding{System: ucumSystem, Code: other.Code, Display: other.Display}
		}
	}
	if c.code != 0 {
		return c.code, nil
	}
	if len(c.codings) == 0 {
		return 0, nil
	}
	words := c.codings[0].Display
	if words == "" {
		words = c.codings[0].Code
	}
	return 0, &acom.Coding{Display: words}
}
