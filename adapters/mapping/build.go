package mapping

import (
	"encoding/json"
	"fmt"
	"strconv"

	samply "github.com/samply/golang-fhir-models/fhir-models/fhir"

	"vitalwire/adapters/acom"
	"vitalwire/fhir"
	"vitalwire/fhir/term"
)

// Code systems and canonicals of the guide.
const (
	phd               = "http://hl7.org/fhir/uv/phd/StructureDefinition/"
	ucumSystem        = "http://unitsofmeasure.org"
	loincSystem       = "http://loinc.org"
	bitsSystem        = "http://terminology.hl7.org/CodeSystem/ASN1ToHL7"
	absentSystem      = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
	absentExtension   = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
	gatewayExtension  = "http://hl7.org/fhir/StructureDefinition/observation-gatewayDevice"
	coincidentPointer = phd + "CoincidentTimeStampReference"
)

// wire turns a typed samply resource into the tree the server stores. It is the
// one place where samply's JSON is read: resourceType goes first (samply would put
// it last, so its Other types without their own marshaller are passed), numbers and
// text come out as they went in (the parser undoes the HTML escapes). What samply
// cannot say, such as an extension on a primitive, is set on the tree (see absent).
func wire(kind string, typed any) (*fhir.Resource, error) {
	data, err := json.Marshal(typed)
	if err != nil {
		return nil, fmt.Errorf("mapping: %w", err)
	}
	body, err := fhir.ParseElement(data)
	if err != nil {
		return nil, fmt.Errorf("mapping: %w", err)
	}
	r, err := fhir.AsResource(fhir.NewObject(append([]fhir.Member{fhir.S("resourceType", kind)}, body.Members()...)...))
	if err != nil {
		return nil, fmt.Errorf("mapping: %w", err)
	}
	return r, nil
}

// absent says of a primitive element that its value is unknown (R4 extension
// data-absent-reason), which satisfies a minimum of one without inventing.
func absent(parent *fhir.Element, name string) {
	parent.Set(name, nil)
	parent.Set("_"+name, fhir.NewObject(fhir.M("extension", fhir.NewArray(fhir.NewObject(
		fhir.S("url", absentExtension), fhir.S("valueCode", "unknown"))))))
}

func ptr[T any](v T) *T { return &v }

// some is a pointer to s, nil when s is empty.
func some(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func reference(k fhir.Key) *samply.Reference { return &samply.Reference{Reference: ptr(k.String())} }

func coding(system, code, display string) samply.Coding {
	return samply.Coding{System: ptr(system), Code: ptr(code), Display: some(display)}
}

// mdcCoding is the MDC code with its REFID where the table knows it.
func mdcCoding(code acom.Code) samply.Coding {
	known, _ := term.LookupMDC(uint32(code))
	return coding(term.MDCSystem, decimal(code), known.RefID)
}

// mdcConcept is the MDC code alone, with words for people.
func mdcConcept(code acom.Code) samply.CodeableConcept {
	return samply.CodeableConcept{Coding: []samply.Coding{mdcCoding(code)}, Text: ptr(words(code))}
}

// measured is what was measured: MDC, and LOINC where one means the same of a
// quantity in that UCUM unit ("" for no or an unknown unit).
func measured(code acom.Code, ucum string) samply.CodeableConcept {
	c := mdcConcept(code)
	known, _ := term.LookupMDC(uint32(code))
	for _, l := range known.LOINC {
		if l.Fits(ucum) {
			c.Coding = append(c.Coding, coding(loincSystem, l.Code, l.Display))
		}
	}
	return c
}

// words say a code to a person; an unknown code is said as its number.
func words(code acom.Code) string {
	if known, ok := term.LookupMDC(uint32(code)); ok {
		return known.Display
	}
	return "MDC code " + decimal(code)
}

func decimal(code acom.Code) string { return strconv.FormatUint(uint64(code), 10) }

func concept(system, code, display string) samply.CodeableConcept {
	return samply.CodeableConcept{Coding: []samply.Coding{coding(system, code, display)}}
}

// absentReason is a code of data-absent-reason with its display.
func absentReason(code string) *samply.CodeableConcept {
	display := map[string]string{
		"unknown": "Unknown", "temp-unknown": "Temporarily Unknown", "unsupported": "Unsupported",
		"error": "Error", "not-a-number": "Not a Number (NaN)", "not-performed": "Not Performed",
		"negative-infinity": "Negative Infinity (NINF)", "positive-infinity": "Positive Infinity (PINF)",
	}[code]
	return ptr(concept(absentSystem, code, display))
}
