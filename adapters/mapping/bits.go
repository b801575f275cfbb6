package mapping

import (
	"fmt"
	"strconv"

	samply "github.com/samply/golang-fhir-models/fhir-models/fhir"

	"vitalwire/adapters/acom"
	"vitalwire/fhir/term"
)

// bitComponents gives a component for every bit the device supports, set or not:
// the guide lets a cleared event bit be left out, but that the device looked and
// saw nothing is worth keeping. A bit the code system does not define is never
// reported (ASN1ToHL7, Reporting Requirements), unless it is set: then something
// was said that may not be lost.
func bitComponents(code acom.Code, b acom.Bits) []samply.ObservationComponent {
	var components []samply.ObservationComponent
	defined := term.BitsOf(uint32(code))
	for n := 0; n < b.Width; n++ {
		at := uint32(1) << (b.Width - 1 - n)
		set := b.Value&at != 0
		if b.Mask&at == 0 && !set {
			continue
		}
		bit, ok := term.LookupBit(uint32(code), n)
		if !ok && len(defined) > 0 && !set {
			continue
		}
		c := samply.ObservationComponent{
			Code:         concept(bitsSystem, decimal(code)+"."+strconv.Itoa(n), bit.Display),
			ValueBoolean: ptr(set),
		}
		if !ok {
			c.Code.Text = ptr(fmt.Sprintf("%s bit %d", refID(code), n))
		}
		components = append(components, c)
	}
	return components
}

// refID is the REFID of a code, or its number.
func refID(code acom.Code) string {
	if known, ok := term.LookupMDC(uint32(code)); ok {
		return known.RefID
	}
	return "MDC " + decimal(code)
}
