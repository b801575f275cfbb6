package term

import (
	"cmp"
	"slices"
	"sort"

	"vitalwire/fhir/ucum"
)

// MDCSystem is the code system of IEEE 11073-10101, whose codes FHIR writes as
// 32-bit decimals (R4 terminologies-systems, PHD IG "Nomenclature codes").
const MDCSystem = "urn:iso:std:iso:11073:10101"

// MDC is a term of the IEEE 11073-10101 nomenclature that an adapter may send.
// The table is small and typed by hand; RTMMS is the authority and an operator's
// licensed table may say more (Nomenclature).
type MDC struct {
	// Code is the 32-bit context-free code: partition·65536 + term.
	Code uint32
	// RefID is the reference identifier, such as MDC_TEMP_BODY.
	RefID string
	// Display says it to a person. The words are ours.
	Display string
	// UCUM is the unit the device specialization uses, "" when it has none or
	// several. It tells what to expect and never fills in a unit not sent.
	UCUM string
	// Vital marks an R4 vital sign: category vital-signs is due.
	Vital bool
	// Control marks a measurement of control solution, never of a patient.
	Control bool
	// LOINC codes with the same meaning.
	LOINC []LOINC
}

// LOINC is a LOINC code that means the same as an MDC term.
type LOINC struct {
	Code, Display string
	// Unit restricts it to quantities in this UCUM unit (LOINC tells mass from
	// substance concentration, MDC does not); "" fits every unit.
	Unit string
	// Like restricts it to quantities whose unit can be converted to this UCUM unit, as the
	// property that LOINC names asks ("[Mass/volume]"); "" does not.
	Like string
	// Loose is the R4 concept-map-equivalence of the LOINC code to the MDC term when it does
	// not mean the same: it is told by $translate and never stands beside the term. "" means
	// the same.
	Loose string
}

// Fits reports whether a quantity in that UCUM unit, "" for no or an unknown one, may have
// the LOINC code beside its MDC code.
func (l LOINC) Fits(unit string) bool {
	switch {
	case l.Loose != "":
		return false
	case l.Unit != "":
		return l.Unit == unit
	case l.Like == "":
		return true
	}
	wanted, err := ucum.Parse(l.Like)
	if err != nil || unit == "" {
		return false
	}
	sent, err := ucum.Parse(unit)
	return err == nil && sent.Comparable(wanted)
}

// Unit is a term of partition 4 (dimensions) with the UCUM unit that means it.
type Unit struct {
	Code  uint32
	RefID string
	// UCUM code.
	UCUM string
	// Display is what to print beside a number; UCUM when it has nothing better.
	Display string
}

// Bit is one defined bit of a bit-string measurement (HL7 code system ASN1ToHL7).
type Bit struct {
	// Code of the measurement and the bit's number, 0 being the most significant.
	Code uint32
	Bit  int
	// Display as the code system has it.
	Display string
	// State is set for a bit that is a state; otherwise it is an event.
	State bool
}

// mdcTerms are all embedded terms, ascending by code.
var mdcTerms = slices.SortedFunc(slices.Values(slices.Concat(personalTerms, bedsideTerms)), func(a, b MDC) int { return cmp.Compare(a.Code, b.Code) })

// LookupRefID finds a term by its reference identifier, or by a synonym of one that an
// operator's file has.
func LookupRefID(refID string) (MDC, bool) { return inForce().refID(refID) }

// LookupUnitRefID finds a unit by its reference identifier.
func LookupUnitRefID(refID string) (Unit, bool) { return inForce().unitRefID(refID) }

// LookupMDC finds a term by its 32-bit code.
func LookupMDC(code uint32) (MDC, bool) { return inForce().term(code) }

// LookupUnit finds the UCUM unit of a 32-bit MDC unit code. There is none for a
// unit that UCUM does not say without doubt.
func LookupUnit(code uint32) (Unit, bool) { return inForce().unit(code) }

// LookupBit finds the meaning of one bit of a bit-string measurement.
func LookupBit(code uint32, bit int) (Bit, bool) {
	for _, b := range BitsOf(code) {
		if b.Bit == bit {
			return b, true
		}
	}
	return Bit{}, false
}

// BitsOf are the defined bits of a bit-string measurement in ascending order,
// nil when the code is not one the code system defines.
func BitsOf(code uint32) []Bit {
	from := sort.Search(len(mdcBits), func(i int) bool { return mdcBits[i].Code >= code })
	to := sort.Search(len(mdcBits), func(i int) bool { return mdcBits[i].Code > code })
	return mdcBits[from:to:to]
}

// AllMDC is a copy of the table of terms, ascending by code.
func AllMDC() []MDC { return append([]MDC(nil), inForce().terms...) }

// AllUnits is a copy of the table of units, ascending by code.
func AllUnits() []Unit { return append([]Unit(nil), inForce().units...) }
