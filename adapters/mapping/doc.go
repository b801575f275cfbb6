// Package mapping turns what a personal health device said (adapters/acom) into
// FHIR R4 resources of the HL7 Personal Health Device guide 2.0
// (http://hl7.org/fhir/uv/phd). It is the only writer of device FHIR.
//
// The guide's clauses, and where they live here:
//
//	PhdBaseObservation: code, category, subject, gateway     observation.go
//	  Measurement Status                                     status.go
//	  Timestamp: effective[x], and its 18-row table          time.go
//	  Conditional-create Identifier                          identity.go
//	PhdNumeric, Compound, CodedEnumeration, String           value.go
//	PhdBitsEnumeration, code system ASN1ToHL7                bits.go
//	PhdRtsa                                                  samples.go
//	PhdCoincidentTimeStampObservation                        coincident.go
//	PhdDevice, PhgDevice                                     device.go
//
// Where the guide contradicts itself the profile's constraint counts; the
// decisions are docs/adr/0004. Numbers stay the text the device sent, an unknown
// code stays a code, and nothing here reads a clock: the same input gives the
// same bytes.
package mapping
